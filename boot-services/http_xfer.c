/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logical transfers over HTTP and their events.
 *
 * A transfer is one client (by address) fetching one version of one file. Firmware
 * resumes with a range after an interruption and disk boots read in pieces, so requests
 * join a transfer: http_xfer_join(), http_xfer_arrived() as octets are acknowledged, and
 * http_xfer_leave(). It is complete when all octets of the file have arrived, which is
 * told once. A request that fails ends the transfer for the record at once; one that joins
 * later takes up what had arrived.
 *
 *	join ──► begin ──arrived──► progress (once a second) ──all──► end, complete
 *	leave with a failure, nobody else in it ──► error
 *	unacked, for the last few octets ──► end, complete-unacked
 *	leave in good order with octets missing ──silence (sweep)──► error, aborted
 *
 * Owned by struct http_xfers, with a bounded number; those longest unused make room. */
#include "boot-services/http_xfer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/clock.h"
#include "lib/http_range.h"
#include "lib/str.h"

enum { XFERS_MAX = 4096, KEY_SIZE = 448 };
#define PROGRESS_EVERY USEC_PER_SEC
/* Between two pieces of one transfer; EDK2 resumes within 2 s. */
#define LINGER (15 * USEC_PER_SEC)
/* A transfer that ended is known for this long, so that a range can take it up. */
#define KEEP (120 * USEC_PER_SEC)

struct http_xfer {
	struct http_xfers *xs;
	char key[KEY_SIZE];
	struct http_xfer_facts facts; /* of the request that joined last */
	struct http_range_set got;
	int64_t total;
	unsigned active; /* requests in it */
	bool told_begin, told_end, complete;
	int64_t began, moved, used, reported; /* moved: last acknowledgement */
	UT_hash_handle hh;
};

struct http_xfers {
	struct evsink *events;
	struct http_xfer *all; /* by key, in order of making */
};

static struct event
make_event(const struct http_xfer_facts *f, const char *kind, const char *result,
    const char *reason)
{
	struct event ev = event_make(kind, clock_wall());

	str_clip(ev.ip, sizeof ev.ip, f->ip);
	str_clip(ev.host, sizeof ev.host, f->host);
	str_clip(ev.file, sizeof ev.file, f->file);
	str_clip(ev.reason, sizeof ev.reason, reason);
	if (result != NULL)
		event_put(&ev, "result", result);
	event_put(&ev, "method", f->method);
	if (f->class[0] != '\0')
		event_put(&ev, "class", f->class);
	if (f->range[0] != '\0')
		event_put(&ev, "range", f->range);
	if (f->ua[0] != '\0')
		event_put(&ev, "ua", f->ua);
	if (f->status != 0)
		event_put_i64(&ev, "status", f->status);
	return ev;
}

void
http_xfer_tell(struct evsink *events, const struct http_xfer_facts *f, const char *kind,
    const char *result, const char *reason)
{
	struct event ev = make_event(f, kind, result, reason);

	evsink_emit(events, &ev);
}

static void
tell(struct http_xfer *x, const char *kind, const char *result, bool by_us,
    const char *reason, int64_t now)
{
	struct event ev = make_event(&x->facts, kind, result, reason);
	/* An end that is known by silence was when the silence began. */
	bool silent = result != NULL && str_eq(result, "complete-unacked");
	int64_t waited = silent ? now - x->moved : 0;

	ev.bytes = http_range_sum(&x->got);
	ev.total = x->total;
	if (result != NULL)
		event_put_i64(&ev, "took_us", now - x->began - waited);
	if (silent)
		event_put_i64(&ev, "waited_us", waited);
	if (by_us)
		event_put(&ev, EVENT_ENDED_BY, EVENT_BY_SERVER);
	evsink_emit(x->xs->events, &ev);
}

static void
finish(struct http_xfer *x, const char *kind, const char *result, const char *reason,
    int64_t now)
{
	assert(!x->told_end);
	x->told_end = true;
	tell(x, kind, result, false, reason, now);
}

/* Ended by us: it says nothing of whether the client was there. */
static void
give_up(struct http_xfer *x, const char *reason, int64_t now)
{
	assert(!x->told_end);
	x->told_end = true;
	tell(x, "http.error", "aborted", true, reason, now);
}

static void
check_complete(struct http_xfer *x, int64_t now)
{
	if (x->told_end || http_range_sum(&x->got) < x->total)
		return;
	x->complete = true;
	finish(x, "http.end", "complete", "every octet was acknowledged", now);
}

static void
forget(struct http_xfer *x)
{
	HASH_DEL(x->xs->all, x);
	free(x);
}

static void
end_silent(struct http_xfer *x, int64_t now)
{
	char reason[EVENT_REASON_SIZE];

	snprintf(reason, sizeof reason,
	    "fetched in pieces, and %" PRId64 " of %" PRId64
	    " octets were not seen to arrive",
	    x->total - http_range_sum(&x->got), x->total);
	give_up(x, reason, now);
}

struct http_xfers *
http_xfers_new(struct evsink *events)
{
	struct http_xfers *xs = str_alloc(sizeof *xs);

	xs->events = events;
	return xs;
}

void
http_xfers_free(struct http_xfers *xs)
{
	struct http_xfer *x, *tmp;

	if (xs == NULL)
		return;
	HASH_ITER (hh, xs->all, x, tmp) {
		assert(x->active == 0);
		forget(x);
	}
	free(xs);
}

void
http_xfers_sweep(struct http_xfers *xs, int64_t now)
{
	struct http_xfer *x, *tmp;

	HASH_ITER (hh, xs->all, x, tmp) {
		if (x->active > 0)
			continue;
		if (!x->told_end && now - x->used >= LINGER)
			end_silent(x, now);
		if (now - x->used >= KEEP)
			forget(x);
	}
}

/* Makes room for one more: the first made that nobody uses. */
static void
shed(struct http_xfers *xs, int64_t now)
{
	struct http_xfer *x, *tmp;

	if (HASH_COUNT(xs->all) < XFERS_MAX)
		return;
	HASH_ITER (hh, xs->all, x, tmp) {
		if (x->active > 0)
			continue;
		if (!x->told_end)
			end_silent(x, now);
		forget(x);
		return;
	}
}

static struct http_xfer *
find_or_make(struct http_xfers *xs, const char *key, int64_t now)
{
	struct http_xfer *x;

	HASH_FIND_STR(xs->all, key, x);
	if (x != NULL)
		return x;
	shed(xs, now);
	x = str_alloc(sizeof *x);
	x->xs = xs;
	str_clip(x->key, sizeof x->key, key);
	HASH_ADD_STR(xs->all, key, x);
	return x;
}

struct http_xfer *
http_xfer_join(struct http_xfers *xs, const struct http_xfer_facts *f, const char *etag,
    int64_t total, bool partial, int64_t now)
{
	struct http_xfer *x;
	char key[KEY_SIZE];

	snprintf(key, sizeof key, "%s %s %s %s", f->ip, f->class, etag, f->file);
	x = find_or_make(xs, key, now);
	/* A whole file asked for anew, with nobody still fetching it, is another
	 * transfer. */
	if (x->active == 0 && (!partial || x->complete)) {
		x->got = (struct http_range_set){0};
		x->told_begin = x->complete = false;
	}
	if (x->active == 0 && x->told_end) {
		x->told_begin = false;
		x->told_end = false;
	}
	x->facts = *f;
	x->total = total;
	x->active++;
	x->used = now;
	if (!x->told_begin) {
		x->told_begin = true;
		x->told_end = false;
		x->began = x->moved = x->reported = now;
		tell(x, "http.begin", NULL, false, "", now);
	}
	return x;
}

void
http_xfer_arrived(struct http_xfer *x, int64_t from, int64_t end, int64_t now)
{
	if (x == NULL)
		return;
	http_range_add(&x->got, from, end);
	x->used = x->moved = now;
	if (x->total > 0)
		check_complete(x, now);
	if (!x->told_end && now - x->reported >= PROGRESS_EVERY) {
		x->reported = now;
		tell(x, "http.progress", NULL, false, "", now);
	}
}

void
http_xfer_unacked(struct http_xfer *x, int64_t missing, int64_t now)
{
	char reason[EVENT_REASON_SIZE];

	if (x == NULL || x->told_end || http_range_sum(&x->got) + missing < x->total)
		return;
	x->complete = true;
	snprintf(reason, sizeof reason,
	    "every octet was sent, but the last %" PRId64 " were never acknowledged",
	    missing);
	finish(x, "http.end", "complete-unacked", reason, now);
}

void
http_xfer_leave(struct http_xfer *x, const char *result, const char *reason, int64_t now)
{
	if (x == NULL)
		return;
	assert(x->active > 0);
	x->active--;
	x->used = now;
	if (result == NULL)
		check_complete(x, now);
	else if (x->active == 0 && !x->told_end)
		finish(x, "http.error", result, reason, now);
}

void
http_xfer_break(struct http_xfer *x, const char *reason, int64_t now)
{
	if (x == NULL)
		return;
	assert(x->active > 0);
	x->active--;
	x->used = now;
	if (x->active == 0 && !x->told_end)
		give_up(x, reason, now);
}
