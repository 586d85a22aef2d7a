// SPDX-License-Identifier: GPL-3.0-or-later
/* How long what was observed is kept: a round over events, jobs, boots, rollouts, drills and discovered machines, in small turns.
 *
 * Entry points: retention_turn(), which decides and writes one transaction; retention_new() has the event loop call
 * it. A round goes through its parts in order:
 *
 *	note the time ─► progress events ─► events ─► jobs ─► boots ─► rollouts ─► drills ─► discovered ─► over
 *
 * Events: first the horizon moves on over a bounded number of them, in one transaction with the audit row that says how
 * many they are and up to when; then they are deleted, turn by turn. A crash between two turns leaves events below the
 * horizon, which the next round deletes. Jobs and boots are deleted with an audit row in the same transaction; a
 * host's newest job and boot stay, and so do boots of jobs that stay. Rollouts and drills are kept as long as jobs.
 *
 * What is old is judged by marks that are made once a day, by this program's clock: an agent's may be wrong. Ours may be
 * as well. After a gap of days without a mark, a round only makes one, and the rounds of the day after it end at once, those of
 * a restarted program, too: whoever starts with a clock that is years ahead has a day to notice.
 * Failure modes: a database that fails ends the round; the next one goes on. */
#include "orchestrator/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db_discovered.h"
#include "db/db_retention.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/audit.h"

#define DAY_US (24LL * 3600 * USEC_PER_SEC)
#define GAP_US (3 * DAY_US)
#define TURN_SLOW_US (20LL * USEC_PER_MSEC)
#define TURN_FAST_US (5LL * USEC_PER_MSEC)

enum {
	MOVE_MAX = 5000, /* events that a horizon moves over at once */
	PAUSE_MS = 20,
	ROUND_S = 3600,
	ROWS_BEGIN = 100,
};

enum part { BEGIN, HTTP, TFTP, EVENTS, JOBS, BOOTS, ROLLOUTS, DRILLS, DISCOVERED, OVER };

static const char *const event_kinds[] = {
    [HTTP] = "http.progress", [TFTP] = "tftp.progress", [EVENTS] = DB_RETENTION_EVENTS};

static void
next_part(struct retention_round *rnd)
{
	rnd->part++;
	rnd->cursor = 0;
	rnd->id[0] = '\0';
}

static int
audit(struct store *s, const char *what, const char *object, json_t *detail, int64_t now)
{
	struct audit_who who = {.role = AUTH_ADMIN,
	    .uid = geteuid(),
	    .owner = geteuid(),
	    .name = "retention"};
	int rc = audit_write(s, &who,
	    &(struct audit_row){.what = what,
		.object = object,
		.reason = "orchestrator.yaml: retention",
		.result = "ok",
		.detail = detail},
	    now);

	json_decref(detail);
	return rc;
}

static json_t *
until(int64_t count, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	return json_pack("{s:I, s:s}", "count", (json_int_t)count, "until",
	    clock_text(at, text, sizeof(text)));
}

/* There is no mark of the days before `at`. */
static int
gap_before(struct store *s, int64_t before, int64_t at, bool *ret)
{
	struct db_retention_mark mark;
	int rc = db_retention_mark_before(s, before, &mark);

	*ret = rc == -ENOENT || (rc == 0 && at - mark.at > GAP_US);
	return rc == -ENOENT ? 0 : rc;
}

/* Marks the time, and tells whether marks are whole enough to judge by. One is made a day: within the day after it, the last
 * one is still that of a gap. */
static int
begin_round(struct store *s, struct retention_round *rnd, int64_t now)
{
	struct db_retention_mark last = {.at = 0};
	bool gap = false;
	int rc = gap_before(s, now, now, &gap);

	if (rc == 0 && !gap)
		rc = db_retention_mark_before(s, now, &last);
	if (rc == 0 && !gap && now - last.at < DAY_US)
		rc = gap_before(s, last.at - 1, last.at, &gap);
	if (rc == 0)
		rc = db_retention_mark(s, now, DAY_US);
	if (rc < 0)
		return rc;
	rnd->part = gap ? OVER : HTTP;
	return gap ? 0 : 1;
}

static int
move_horizon(struct store *s, struct retention_round *rnd, int64_t horizon,
    const struct db_retention_mark *mark, int64_t now)
{
	const char *kind = event_kinds[rnd->part];
	int64_t count = 0, last = 0;
	int rc =
	    db_retention_next(s, kind, horizon, mark->event_seq, MOVE_MAX, &count, &last);

	if (rc < 0)
		return rc;
	if (count == 0) {
		next_part(rnd);
		return 1;
	}
	json_t *detail = until(count, mark->at);
	json_put_i64(detail, "seq", last);
	rc = audit(s, "retention.move", kind, detail, now);
	if (rc == 0)
		rc = db_retention_move(s, kind, last);
	return rc < 0 ? rc : 1;
}

static int
events_turn(struct store *s, uint32_t days, struct retention_round *rnd, int64_t now)
{
	const char *kind = event_kinds[rnd->part];
	struct db_retention_mark mark;
	int64_t horizon = 0, count = 0, last = 0;
	int rc = days ? db_retention_mark_before(s, now - days * DAY_US, &mark) : -ENOENT;

	if (rc == -ENOENT) {
		next_part(rnd);
		return 1;
	}
	if (rc == 0)
		rc = db_retention_horizon(s, kind, &horizon);
	if (rc == 0)
		rc = db_retention_next(
		    s, kind, rnd->cursor, horizon, rnd->rows, &count, &last);
	if (rc < 0)
		return rc;
	if (count == 0)
		return move_horizon(s, rnd, horizon, &mark, now);
	rc = db_retention_delete(s, kind, rnd->cursor, last);
	if (rc < 0)
		return rc;
	rnd->gone[rnd->part == EVENTS ? 0 : 1] += rc;
	rnd->cursor = last;
	return 1;
}

/* What was deleted is audited with it; the part is over when nothing was left to look at. */
static int
end_turn(struct store *s, struct retention_round *rnd, const char *what, int gone,
    int64_t looked, int64_t at, int64_t now)
{
	int rc = gone;

	if (gone > 0)
		rc = audit(s, "retention.delete", what, until(gone, at), now);
	if (rc < 0)
		return rc;
	rnd->gone[2 + rnd->part - JOBS] += gone;
	if (looked == 0)
		next_part(rnd);
	return 1;
}

static int
jobs_turn(struct store *s, uint32_t days, struct retention_round *rnd, int64_t now)
{
	int64_t looked = 0, before = now - days * DAY_US;
	int rc =
	    days ? db_retention_jobs(s, before, rnd->rows, &rnd->cursor, rnd->id, &looked)
		 : 0;

	return rc < 0 ? rc : end_turn(s, rnd, "jobs", rc, looked, before, now);
}

static int
boots_turn(struct store *s, uint32_t days, struct retention_round *rnd, int64_t now)
{
	struct db_retention_mark mark = {.at = 0};
	int64_t looked = 0;
	int rc = days ? db_retention_mark_before(s, now - days * DAY_US, &mark) : -ENOENT;

	if (rc == -ENOENT)
		rc = 0;
	else if (rc == 0)
		rc = db_retention_boots(
		    s, mark.boot_seq, rnd->rows, &rnd->cursor, &looked);
	return rc < 0 ? rc : end_turn(s, rnd, "boots", rc, looked, mark.at, now);
}

static int
rollouts_turn(struct store *s, uint32_t days, struct retention_round *rnd, int64_t now)
{
	int64_t looked = 0, before = now - days * DAY_US;
	int rc = days ? db_retention_rollouts(s, before, rnd->rows, rnd->id, &looked) : 0;

	return rc < 0 ? rc : end_turn(s, rnd, "rollouts", rc, looked, before, now);
}

static int
drills_turn(struct store *s, uint32_t days, struct retention_round *rnd, int64_t now)
{
	int64_t looked = 0, before = now - days * DAY_US;
	int rc = days ? db_retention_drills(s, before, rnd->rows, rnd->id, &looked) : 0;

	return rc < 0 ? rc : end_turn(s, rnd, "drills", rc, looked, before, now);
}

static int
discovered_turn(struct store *s, uint32_t days, struct retention_round *rnd, int64_t now)
{
	int rc = days ? db_discovered_prune(s, now - days * DAY_US, rnd->rows) : 0;

	if (rc < 0)
		return rc;
	rnd->gone[6] += rc;
	if (rc == 0)
		next_part(rnd);
	return rnd->part != OVER;
}

static int
turn(struct store *s, const struct retention_days *days, struct retention_round *rnd,
    int64_t now)
{
	switch ((enum part)rnd->part) {
	case BEGIN: return begin_round(s, rnd, now);
	case HTTP:
	case TFTP: return events_turn(s, days->progress_days, rnd, now);
	case EVENTS: return events_turn(s, days->events_days, rnd, now);
	case JOBS: return jobs_turn(s, days->jobs_days, rnd, now);
	case BOOTS: return boots_turn(s, days->boots_days, rnd, now);
	case ROLLOUTS: return rollouts_turn(s, days->jobs_days, rnd, now);
	case DRILLS: return drills_turn(s, days->jobs_days, rnd, now);
	case DISCOVERED: return discovered_turn(s, days->discovered_days, rnd, now);
	case OVER: return 0;
	}
	return 0;
}

int
retention_turn(struct store *s, const struct retention_days *days,
    struct retention_round *rnd, int64_t now)
{
	struct retention_round before = *rnd;

	if (rnd->rows == 0)
		rnd->rows = ROWS_BEGIN;
	int rc = db_begin(store_db(s));
	if (rc < 0)
		return rc;
	int more = turn(s, days, rnd, now);
	rc = more < 0 ? more : db_commit(store_db(s));
	if (rc == 0)
		return more;
	db_rollback(store_db(s));
	*rnd = before;
	return rc;
}

struct retention {
	struct log log;
	struct store *store;
	const struct retention_days *days;
	struct retention_round rnd;
	struct event *timer;
};

static void
again(struct retention *r, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	event_add(r->timer, &tv);
}

/* So many rows that the loop is held a few milliseconds, whatever the disk is like. */
static void
pace(struct retention_round *rnd, int64_t took)
{
	if (took > TURN_SLOW_US && rnd->rows > RETENTION_ROWS_MIN)
		rnd->rows /= 2;
	else if (took < TURN_FAST_US && rnd->rows < RETENTION_ROWS_MAX)
		rnd->rows *= 2;
}

static void
end_round(struct retention *r)
{
	const int64_t *gone = r->rnd.gone;
	int rows = r->rnd.rows;

	if (gone[0] + gone[1] + gone[2] + gone[3] + gone[4] + gone[5] + gone[6] > 0)
		log_info(&r->log,
		    "retention: %lld events, %lld of progress, %lld jobs, %lld boots, "
		    "%lld rollouts, %lld drills and %lld discovered machines have gone",
		    (long long)gone[0], (long long)gone[1], (long long)gone[2],
		    (long long)gone[3], (long long)gone[4], (long long)gone[5],
		    (long long)gone[6]);
	r->rnd = (struct retention_round){.rows = rows};
	again(r, ROUND_S * USEC_PER_SEC);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct retention *r = arg;
	int64_t began = clock_mono();
	struct error err;
	int rc = retention_turn(r->store, r->days, &r->rnd, clock_wall());

	if (rc > 0) {
		pace(&r->rnd, clock_mono() - began);
		again(r, PAUSE_MS * USEC_PER_MSEC);
		return;
	}
	if (rc < 0) {
		db_error(store_db(r->store), rc, &err, "let go of what is old");
		log_warn(&r->log, "retention: %s", err.text);
	}
	end_round(r);
}

struct retention *
retention_new(struct event_base *base, const struct log *log, struct store *s,
    const struct retention_days *days)
{
	struct retention *r = str_alloc(sizeof(*r));

	r->log = *log;
	r->store = s;
	r->days = days;
	r->timer = event_new(base, -1, 0, on_timer, r);
	again(r, 0);
	return r;
}

void
retention_free(struct retention *r)
{
	if (!r)
		return;
	event_free(r->timer);
	free(r);
}
