/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The append-only record of observed facts. */
#ifndef DB_DB_EVENT_H
#define DB_DB_EVENT_H

#include <stdbool.h>

#include "db/store.h"
#include "lib/event.h"

struct db_event_filter {
	const char *host, *job, *boot; /* NULL: all */
	/* NULL: all; "job.stage", "job.*" for a whole source, or several: "job.*,boot.end" */
	const char *kind;
	int64_t after; /* only seq above it */
	int64_t
	    until; /* and not above this one; 0: to the newest. Bounds what a filter that matches
			     little reads. */
	int64_t limit;
};

enum { DB_EVENT_KINDS_MAX = 16 };

/* A list of at most so many kinds and sources; NULL is one. */
bool
db_event_kind_valid(const char *kind);
/* Does reading so many events of this filter read no others? If not, `until` is what bounds it. */
bool
db_event_is_exact(const struct db_event_filter *f);
/* `agent` NULL: the orchestrator's own event. *ret_seq may be NULL. -EEXIST: that number
 * of that agent is stored already. */
int
db_event_add(struct store *s, const struct event *ev, const char *agent,
    int64_t agent_seq, int64_t *ret_seq) MUST_CHECK;
/* Ascending; -EINVAL: kinds that make no sense. The event is borrowed for the call; `each` returns non-zero to stop. */
int
db_event_list(struct store *s, const struct db_event_filter *f,
    int (*each)(void *arg, int64_t seq, const struct event *ev), void *arg) MUST_CHECK;
/* The number of a job's n-th newest event (from 1) that is not above `until`; 0: there are not so many. */
int
db_event_back(
    struct store *s, const char *job, int64_t until, int64_t n, int64_t *ret) MUST_CHECK;
/* The newest number; 0: none yet. */
int
db_event_last(struct store *s, int64_t *ret) MUST_CHECK;
/* The newest event of a kind at a site (NULL: anywhere); -ENOENT: none. The caller runs event_done(). */
int
db_event_last_of_kind(
    struct store *s, const char *kind, const char *site, struct event *ret) MUST_CHECK;
/* The newest event of a kind at each site that there is, in order of their names. Only kinds for which there is an
 * index (db/schema/0004): one seek a site, however many events there are. -EINVAL: another kind. As db_event_list(). */
int
db_event_last_at_sites(struct store *s, const char *kind,
    int (*each)(void *arg, int64_t seq, const struct event *ev), void *arg) MUST_CHECK;
/* Descending, at most `limit`. As db_event_list(). */
int
db_event_newest_of_kind(struct store *s, const char *kind, int64_t limit,
    int (*each)(void *arg, int64_t seq, const struct event *ev), void *arg) MUST_CHECK;

#endif
