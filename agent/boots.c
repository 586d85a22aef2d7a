/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boots without a job.
 *
 *	(none) ──netboot request──► open ──quiet for 5 min──► ended "unknown"
 *	                             │
 *	                             └──a job on the host──► ended "superseded"
 *
 * Entry points: boots_on_event(), boots_on_job().
 * Ownership: a record per open boot, in memory and, with its beginning and end, in the
 * spool.
 * Failure modes: when the spool cannot take the change, the boot is tried again with the
 * next request; what became of it is "unknown", since nobody asked the machine.
 */
#include "agent/boots.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "agent/run_wire.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

/* PXE and HTTP, IPv4 and IPv6, each 60 s, and a slow power-on self-test between. */
#define QUIET (300 * USEC_PER_SEC)
enum { TICK_S = 10 };

struct open_boot {
	struct spool_boot b;
	int64_t heard; /* mono: the wall may be set meanwhile */
	UT_hash_handle hh;
};

struct boots {
	struct boots_opts o;
	struct open_boot *open;
	struct event *tick;
};

static int
change(struct boots *bs, const struct spool_boot *b, bool put)
{
	int r = spool_begin(bs->o.spool);

	if (r < 0)
		return r;
	r = put ? spool_put_boot(bs->o.spool, b) : spool_del_boot(bs->o.spool, b->host);
	if (r < 0) {
		spool_rollback(bs->o.spool);
		return r;
	}
	return spool_commit(bs->o.spool);
}

static struct event
make_event(const struct spool_boot *b, const char *kind)
{
	struct event ev = event_make(kind, clock_wall());

	str_clip(ev.host, sizeof(ev.host), b->host);
	str_clip(ev.boot, sizeof(ev.boot), b->id);
	return ev;
}

static struct open_boot *
begin(struct boots *bs, const struct event *cause)
{
	struct open_boot *o = str_alloc(sizeof(*o));
	struct event ev;

	str_clip(o->b.host, sizeof(o->b.host), cause->host);
	id_make(clock_wall(), bs->o.rng, o->b.id);
	o->b.last = clock_wall();
	o->heard = clock_mono();
	if (change(bs, &o->b, true) < 0) {
		free(o);
		return NULL;
	}
	HASH_ADD_STR(bs->open, b.host, o);
	ev = make_event(&o->b, "boot.begin");
	ev.detail = json_pack("{s:b, s:s}", "planned", 0, "trigger", "netboot");
	memcpy(ev.mac, cause->mac, sizeof(ev.mac));
	memcpy(ev.arch, cause->arch, sizeof(ev.arch));
	str_clip(ev.reason, sizeof(ev.reason),
	    "the machine asked the network without an order");
	/* Never dropped: without its beginning all that is told of the boot is of none. */
	run_jobs_emit(bs->o.jobs, &ev, false);
	return o;
}

static void
end(struct boots *bs, struct open_boot *o, const char *outcome, const char *text)
{
	struct event ev = make_event(&o->b, "boot.end");

	event_put(&ev, "outcome", outcome);
	event_put(&ev, "text", text);
	if (change(bs, &o->b, false) < 0)
		log_warn(bs->o.log, "boot %s: its end could not be recorded", o->b.id);
	run_jobs_emit(bs->o.jobs, &ev, false);
	HASH_DEL(bs->open, o);
	free(o);
}

void
boots_on_event(struct boots *bs, struct event *ev)
{
	bool netboot = run_wire_is_netboot(ev);
	struct open_boot *o;

	ev->boot[0] = '\0';
	if (ev->host[0] == '\0')
		return;
	HASH_FIND_STR(bs->open, ev->host, o);
	if (o == NULL && netboot)
		o = begin(bs, ev);
	if (o == NULL)
		return;
	if (netboot) {
		o->b.last = clock_wall();
		o->heard = clock_mono();
	}
	str_clip(ev->boot, sizeof(ev->boot), o->b.id);
}

void
boots_on_job(struct boots *bs, const char *host)
{
	struct open_boot *o;

	HASH_FIND_STR(bs->open, host, o);
	if (o != NULL)
		end(bs, o, "superseded", "a job took the host over");
}

void
boots_look(struct boots *bs, int64_t mono)
{
	struct open_boot *o, *tmp;

	HASH_ITER (hh, bs->open, o, tmp) {
		if (mono - o->heard >= QUIET)
			end(bs, o, "unknown",
			    "the idle policy answered; nothing was heard since");
	}
}

static void
on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	boots_look(arg, clock_mono());
}

static void
load_one(void *arg, const struct spool_boot *b)
{
	struct boots *bs = arg;
	struct open_boot *o = str_alloc(sizeof(*o));

	int64_t quiet = clock_wall() - b->last;

	o->b = *b;
	/* Of an earlier life: only the wall's clock tells, and where that was ahead, nothing does. */
	o->heard = clock_mono() - (quiet < 0 ? 0 : quiet);
	HASH_ADD_STR(bs->open, b.host, o);
}

struct boots *
boots_new(const struct boots_opts *opts)
{
	const struct timeval tick = {.tv_sec = TICK_S};
	struct boots *bs = str_alloc(sizeof(*bs));

	bs->o = *opts;
	if (spool_each_boot(opts->spool, load_one, bs) < 0)
		log_warn(opts->log, "the open boots could not be read from the spool");
	bs->tick = event_new(opts->base, -1, EV_PERSIST, on_tick, bs);
	event_add(bs->tick, &tick);
	return bs;
}

void
boots_free(struct boots *bs)
{
	struct open_boot *o, *tmp;

	if (bs == NULL)
		return;
	HASH_ITER (hh, bs->open, o, tmp) {
		HASH_DEL(bs->open, o);
		free(o);
	}
	event_free(bs->tick);
	free(bs);
}
