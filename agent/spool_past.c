/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading what the spool still has of events and jobs.
 *
 * Entry points: spool_past_events(), spool_past_jobs() and their like. All of them follow an index and are bounded by
 * the caller. Ownership: what a callback is given is borrowed for the call.
 * Failure modes: those of db.h. A row that cannot be read is left out: others can be.
 */
#include "agent/spool_past.h"

#include <stdlib.h>
#include <string.h>

#include "agent/spool_priv.h"
#include "lib/json.h"
#include "lib/str.h"

static bool
tell_event(
    struct db_stmt *st, bool (*fn)(void *, int64_t, const struct event *), void *arg)
{
	const char *text = db_col_text(st, 1);
	json_t *v = json_parse(text, strlen(text), NULL);
	struct event ev;
	bool more = true;

	if (v != NULL && event_from_json(v, &ev, NULL) == 0) {
		more = fn(arg, db_col_i64(st, 0), &ev);
		event_done(&ev);
	}
	json_decref(v);
	return more;
}

int
spool_past_events(struct spool *s, const struct spool_past_filter *f,
    bool (*fn)(void *arg, int64_t seq, const struct event *ev), void *arg)
{
	struct db_stmt *st = db_stmt(s->stmts, f->job != NULL	 ? PAST_OF_JOB
					       : f->host != NULL ? PAST_OF_HOST
								 : PAST_ALL);
	bool more = true;
	int r = 0;

	db_bind_i64(st, 1, f->after);
	db_bind_i64(st, 2, f->limit);
	if (f->job != NULL || f->host != NULL)
		db_bind_text(st, 3, f->job != NULL ? f->job : f->host);
	while (more && (r = db_step(st)) == 1)
		more = tell_event(st, fn, arg);
	db_reset(st);
	return r < 0 ? r : 0;
}

int
spool_past_back(struct spool *s, const char *host, int64_t n, int64_t *ret)
{
	struct db_stmt *st = db_stmt(s->stmts, PAST_BACK);
	int r;

	db_bind_text(st, 1, host);
	db_bind_i64(st, 2, n);
	r = db_step(st);
	*ret = r == 1 ? db_col_i64(st, 0) : 0;
	db_reset(st);
	return r < 0 ? r : 0;
}

static bool
read_job(struct db_stmt *st, struct spool_past_job *ret)
{
	const char *bundle = db_col_text(st, 1), *run = db_col_text(st, 2);
	json_t *b = json_parse(bundle, strlen(bundle), NULL);
	json_t *r = json_parse(run, strlen(run), NULL);
	bool good = b != NULL && r != NULL && run_from_json(r, &ret->run, NULL) == 0 &&
		    bundle_from_json(b, &ret->bundle, NULL) == 0;

	ret->ended = db_col_i64(st, 3);
	db_col_copy(st, 4, ret->origin, sizeof(ret->origin));
	json_decref(b);
	json_decref(r);
	return good;
}

int
spool_past_jobs(struct spool *s, const char *before, int64_t n,
    void (*fn)(void *arg, const struct spool_past_job *job), void *arg)
{
	struct db_stmt *st = db_stmt(s->stmts, JOB_LIST);
	struct spool_past_job *job = str_alloc(sizeof(*job));
	int r;

	db_bind_text(st, 1, before != NULL ? before : "~"); /* after every id */
	db_bind_i64(st, 2, n);
	while ((r = db_step(st)) == 1) {
		if (!read_job(st, job))
			continue;
		fn(arg, job);
		spool_past_job_done(job);
	}
	db_reset(st);
	free(job);
	return r;
}

int
spool_past_job(struct spool *s, const char *id, struct spool_past_job *ret)
{
	struct db_stmt *st = db_stmt(s->stmts, JOB_GET);
	int r;

	db_bind_text(st, 1, id);
	r = db_step(st);
	if (r == 1)
		r = read_job(st, ret);
	db_reset(st);
	return r;
}

static bool
waits(const struct spool_past_job *job)
{
	return job->bundle.not_before > 0 && job->run.stage == STAGE_QUEUED;
}

int
spool_past_job_of_host(struct spool *s, const char *host, struct spool_past_job *ret)
{
	struct db_stmt *st = db_stmt(s->stmts, JOB_LAST);
	int r;

	db_bind_text(st, 1, host);
	while ((r = db_step(st)) == 1) {
		if (!read_job(st, ret))
			continue;
		if (!waits(ret))
			break;
		spool_past_job_done(ret);
	}
	db_reset(st);
	return r;
}

void
spool_past_job_done(struct spool_past_job *job)
{
	bundle_done(&job->bundle);
}
