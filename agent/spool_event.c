/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool's events: numbered, kept until the orchestrator has said that it holds them, bounded in number and octets.
 *
 * Entry points: spool_put_event(), spool_load_events(), spool_ack() and what tells of those that wait (spool.h).
 * Ownership: the spool's counters, which spool_begin() saves and a rollback brings back.
 * Failure modes: -ENOSPC and the other errnos of db.h. Observations over the limits are counted by kind and time
 * (spool_drop.h) and told once there is room; events of jobs, of the clock and of the program itself are always kept. A
 * step of the clock is journalled before whatever comes after it (spool_clock.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/spool_priv.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { PAST_MAX = 2000 };

/* ---- what is counted ---- */

static json_t *
read_meta(struct spool *s, const char *key)
{
	char *text = NULL;
	json_t *v = NULL;

	if (spool_meta_get(s, key, &text) == 1)
		v = json_parse(text, strlen(text), NULL);
	free(text);
	return v;
}

static int
write_meta(struct spool *s, const char *key, json_t *v)
{
	char *text = json_text(v);
	int r = spool_meta_put(s, key, text);

	json_decref(v);
	free(text);
	return r;
}

int
spool_event_load_counters(struct spool *s)
{
	struct db_stmt *st = db_stmt(s->stmts, EVENT_COUNT);
	int64_t highest = 0, dropped = 0;
	json_t *v;
	int r = db_step(st);

	if (r == 1) {
		s->now.pending = db_col_i64(st, 0);
		highest = db_col_i64(st, 1);
		s->now.octets = db_col_i64(st, 2);
	}
	db_reset(st);
	if (r < 0 || (r = spool_meta_get_i64(s, "last_seq", &s->now.last_seq)) < 0)
		return r;
	/* In a spool that was salvaged by hand the two may differ; a number that is taken
	 * would hold up every event from then on. */
	if (s->now.last_seq < highest)
		s->now.last_seq = highest;
	v = read_meta(s, "clock");
	spool_clock_from_json(v, &s->now.clock);
	json_decref(v);
	v = read_meta(s, "dropped_what");
	spool_drop_from_json(v, &s->now.dropped);
	json_decref(v);
	r = spool_meta_get_i64(s, "dropped", &dropped);
	/* One of an earlier release has the number alone. */
	if (r >= 0 && dropped > s->now.dropped.count)
		spool_drop_add(&s->now.dropped, "", 0, dropped - s->now.dropped.count);
	return r;
}

static bool
clock_moved(const struct spool_clock *a, const struct spool_clock *b)
{
	return a->stepped != b->stepped || a->restarts != b->restarts ||
	       llabs(a->base - b->base) >= SPOOL_CLOCK_STEP_US / 4 ||
	       !str_eq(a->boot, b->boot);
}

int
spool_event_save_counters(struct spool *s)
{
	int r = 0;

	if (s->now.last_seq != s->saved.last_seq)
		r = spool_meta_put_i64(s, "last_seq", s->now.last_seq);
	if (r == 0 && s->now.dropped.count != s->saved.dropped.count) {
		r = spool_meta_put_i64(s, "dropped", s->now.dropped.count);
		if (r == 0)
			r = write_meta(
			    s, "dropped_what", spool_drop_to_json(&s->now.dropped));
	}
	if (r == 0 && clock_moved(&s->now.clock, &s->saved.clock))
		r = write_meta(s, "clock", spool_clock_to_json(&s->now.clock));
	return r;
}

/* ---- in ---- */

static int
insert_event(struct spool *s, const struct event *ev)
{
	struct db_stmt *st = db_stmt(s->stmts, EVENT_PUT);
	json_t *v = event_to_json(ev);
	char *text;
	int r;

	if (ev->site[0] == '\0')
		json_put_str(v, "site", s->site);
	text = json_text(v);
	json_decref(v);
	db_bind_i64(st, 1, s->now.last_seq + 1);
	db_bind_text(st, 2, text);
	db_bind_text(st, 3, ev->host);
	db_bind_text(st, 4, ev->job);
	r = db_run(st);
	if (r >= 0) {
		s->now.last_seq++;
		s->now.pending++;
		s->now.octets += (int64_t)strlen(text);
	}
	free(text);
	return r < 0 ? r : 0;
}

/* What is noted of the clock is as of the moment, even where nothing is journalled: one that is brought nearer slowly
 * makes no step in the end. */
static int
tell_clock(struct spool *s)
{
	int64_t wall, mono, step;
	enum spool_clock_seen seen;
	struct event ev;
	int r;

	if (s->boot[0] == '\0')
		return 0;
	s->clocks(&wall, &mono);
	seen = spool_clock_look(&s->now.clock, s->boot, wall, mono, &step);
	if (seen == SPOOL_CLOCK_WENT_ON)
		return 0;
	ev = spool_clock_event(seen, step, wall);
	r = insert_event(s, &ev);
	event_done(&ev);
	return r;
}

int
spool_look_clock(struct spool *s)
{
	int r = spool_begin(s);

	if (r < 0)
		return r;
	r = tell_clock(s);
	if (r < 0) {
		spool_rollback(s);
		return r;
	}
	return spool_commit(s);
}

void
spool_clock_steps(const struct spool *s, int64_t *ret_stepped, int64_t *ret_restarts)
{
	*ret_stepped = s->now.clock.stepped;
	*ret_restarts = s->now.clock.restarts;
}

/* So many per cent of either limit. */
static bool
filled(const struct spool *s, int64_t percent)
{
	return s->now.pending >= s->max_events * percent / 100 ||
	       s->now.octets >= s->max_octets * percent / 100;
}

static int
tell_dropped(struct spool *s, int64_t at)
{
	struct event ev = spool_drop_event(&s->now.dropped, at);
	int r = insert_event(s, &ev);

	event_done(&ev);
	if (r == 0)
		s->now.dropped = (struct spool_drop){.count = 0};
	return r;
}

int
spool_put_event(struct spool *s, const struct event *ev, bool droppable)
{
	int r = tell_clock(s);

	if (r < 0)
		return r;
	if (droppable && (s->tight || filled(s, 100))) {
		spool_drop_add(&s->now.dropped, ev->kind, ev->at, 1);
		return 0;
	}
	/* Room again, at some distance: the marks must not fill it. */
	if (s->now.dropped.count > 0 && !s->tight && !filled(s, 90)) {
		r = tell_dropped(s, ev->at);
		if (r < 0)
			return r;
	}
	return insert_event(s, ev);
}

void
spool_count_dropped(struct spool *s, int64_t n, int64_t at)
{
	spool_drop_add(&s->now.dropped, "", at, n);
}

/* ---- out ---- */

int
spool_load_events(
    struct spool *s, size_t max, size_t octets, struct event *ret, int64_t *ret_first)
{
	struct db_stmt *st = db_stmt(s->stmts, EVENT_LOAD);
	size_t sum = 0;
	int n = 0;
	int r = 0;

	db_bind_i64(st, 1, (int64_t)max);
	while (sum < octets && (r = db_step(st)) == 1) {
		const char *text = db_col_text(st, 1);
		size_t len = strlen(text);
		json_t *v = json_parse(text, len, NULL);

		sum += len;
		if (n == 0)
			*ret_first = db_col_i64(st, 0);
		/* Its number must be taken by something, or all behind it would wait. */
		if (v == NULL || event_from_json(v, &ret[n], NULL) < 0)
			ret[n] = event_make("spool.unreadable", 0);
		json_decref(v);
		n++;
	}
	db_reset(st);
	if (r >= 0)
		return n;
	while (n > 0)
		event_done(&ret[--n]);
	return r;
}

int
spool_oldest(struct spool *s, int64_t *ret_at)
{
	struct event ev;
	int64_t first;
	int n = spool_load_events(s, 1, 1, &ev, &first);

	if (n < 0)
		return n;
	*ret_at = n > 0 ? ev.at : 0;
	if (n > 0)
		event_done(&ev);
	return 0;
}

/* The newest of those that are told stay, for who asks at the site (agent/local.h); on a full disk there is no room for
 * them. */
static int
keep_past(struct spool *s, int64_t seq)
{
	int64_t from = s->tight ? seq : seq - PAST_MAX;
	struct db_stmt *st = db_stmt(s->stmts, PAST_CLEAR);
	int r;

	db_bind_i64(st, 1, from);
	r = db_run(st);
	if (r < 0)
		return r;
	st = db_stmt(s->stmts, PAST_KEEP);
	db_bind_i64(st, 1, seq);
	db_bind_i64(st, 2, from);
	return db_run(st);
}

int
spool_ack(struct spool *s, int64_t seq)
{
	struct db_stmt *st = db_stmt(s->stmts, EVENT_SIZE);
	int64_t octets;
	int r;

	db_bind_i64(st, 1, seq);
	r = db_step(st);
	octets = r == 1 ? db_col_i64(st, 0) : 0;
	db_reset(st);
	if (r < 0)
		return r;
	r = keep_past(s, seq);
	if (r < 0)
		return r;
	st = db_stmt(s->stmts, EVENT_ACK);
	db_bind_i64(st, 1, seq);
	r = db_run(st);
	if (r < 0)
		return r;
	s->now.pending -= r;
	s->now.octets -= octets;
	if (seq > s->now.last_seq) /* numbers that are taken are not used again */
		s->now.last_seq = seq;
	return 0;
}

int64_t
spool_last_seq(const struct spool *s)
{
	return s->now.last_seq;
}

int64_t
spool_pending(const struct spool *s)
{
	return s->now.pending;
}
