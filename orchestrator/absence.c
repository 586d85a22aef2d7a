// SPDX-License-Identifier: GPL-3.0-or-later
/* Tells when a site's agent is not heard any more, and when it is heard again.
 *
 * Entry point: absence_new(), which looks every ten seconds. The last event about a site is what is known of it, so
 * that a restart tells nothing twice; and after a start agents are given a minute to be heard before their silence
 * counts, since it was the orchestrator that was away. A site whose agent was never heard is not absent: it has not
 * been set up yet. Ownership: a record per site, kept for the life of the process. Failure modes: an event that cannot
 * be stored is tried again at the next look. */
#include "orchestrator/absence.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "db/db_event.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/presence.h"

enum { EVERY_S = 10 };

struct absence_site {
	UT_hash_handle hh;
	char name[64];
	bool absent; /* as was told last */
	int64_t seq; /* before the start */
};

struct absence {
	struct absence_ops ops;
	struct absence_site *sites;
	struct event *timer;
	int64_t began; /* mono */
	bool known;    /* what was told before the start */
};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	absence_look(arg, clock_wall(), clock_mono());
}

struct absence *
absence_new(const struct absence_ops *ops, int64_t mono)
{
	const struct timeval every = {.tv_sec = EVERY_S};
	struct absence *a = str_alloc(sizeof(*a));

	a->ops = *ops;
	a->began = mono;
	if (!ops->base)
		return a;
	a->timer = event_new(ops->base, -1, EV_PERSIST, on_timer, a);
	if (!a->timer || event_add(a->timer, &every) < 0)
		abort();
	return a;
}

void
absence_free(struct absence *a)
{
	struct absence_site *s, *next;

	if (!a)
		return;
	HASH_ITER (hh, a->sites, s, next) {
		HASH_DEL(a->sites, s);
		free(s);
	}
	if (a->timer)
		event_free(a->timer);
	free(a);
}

static struct absence_site *
find_site(struct absence *a, const char *name)
{
	struct absence_site *s;

	HASH_FIND_STR(a->sites, name, s);
	if (!s) {
		s = str_alloc(sizeof(*s));
		str_clip(s->name, sizeof(s->name), name);
		HASH_ADD_STR(a->sites, name, s);
	}
	return s;
}

/* By number: the clock may have been set back between two of them. */
static int
add_told(void *arg, int64_t seq, const struct event *ev)
{
	struct absence_site *s = find_site(arg, ev->site);

	if (seq > s->seq) {
		s->seq = seq;
		s->absent = str_eq(ev->kind, "agent.absent");
	}
	return 0;
}

/* What was told before the start. */
static int
read_told(struct absence *a)
{
	int rc = 0;

	if (!a->known)
		rc = db_event_last_at_sites(a->ops.store, "agent.absent", add_told, a);
	if (rc == 0 && !a->known)
		rc = db_event_last_at_sites(a->ops.store, "agent.back", add_told, a);
	a->known = rc == 0;
	return rc;
}

static int
tell(struct absence *a, const char *site, bool absent, int64_t silence, int64_t wall)
{
	struct event ev = event_make(absent ? "agent.absent" : "agent.back", wall);
	char text[32];

	str_clip(ev.site, sizeof(ev.site), site);
	event_put_i64(&ev, "silence_us", silence);
	if (absent) {
		if (str_format(ev.reason, sizeof(ev.reason), "not heard for %s",
			str_duration(silence, text, sizeof(text))) < 0)
			ev.reason[0] = '\0';
		event_put(&ev, "text",
		    "The site's agent is not heard: jobs there are not seen, and none "
		    "begins.");
		event_put(&ev, "next", "netboot-ctl agent list shows when it was heard");
	}
	int rc = db_event_add(a->ops.store, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

static int
look_at(struct absence *a, const char *name, int64_t wall)
{
	int64_t silence = a->ops.silence(a->ops.arg, name);
	bool absent = presence_absent(silence);
	struct absence_site *s;

	if (silence == INT64_MAX)
		return 0;
	s = find_site(a, name);
	if (s->absent == absent)
		return 0;
	int rc = tell(a, name, absent, silence, wall);
	if (rc < 0)
		return rc;
	s->absent = absent;
	log_warn(a->ops.log, "site %s: its agent is %s", name,
	    absent ? "not heard any more" : "heard again");
	a->ops.on_events(a->ops.arg);
	return 0;
}

void
absence_look(struct absence *a, int64_t wall, int64_t mono)
{
	struct store_names names = {0};

	if (mono - a->began < ABSENCE_GRACE_US)
		return;
	int rc = read_told(a);
	if (rc == 0)
		rc = db_site_names(a->ops.store, NULL, INT64_MAX, &names);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = look_at(a, names.v[i], wall);
	store_names_done(&names);
	if (rc < 0)
		log_error(a->ops.log, "cannot note which agents are not heard: %d", rc);
}
