// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `job`, `attempt` and `job_stage`.
 *
 * What may change a job's state is decided in orchestrator/lifecycle.c; here it is only
 * written down. The unique index job_open_host makes a second open job of a host
 * impossible whoever asks. Failure modes: those of db.h. */
#include "db/db_job.h"

#include <errno.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum {
	JOB_ADD,
	JOB_GET,
	JOB_OPEN_HOST,
	JOB_ANY_HOST,
	JOB_WAITING_HOST,
	JOB_UP_HOST,
	JOB_LAST_HOST,
	JOB_LAST,
	JOB_OPEN_SITE,
	JOB_DUE_SITE,
	JOB_OUT_SITE,
	JOB_SENT,
	JOB_IDS,
	JOB_IDS_HOST,
	JOB_IDS_KIND,
	JOB_IDS_OPEN,
	JOB_OPEN_HOSTS,
	JOB_BUNDLE,
	JOB_UPDATE,
	JOB_CANCEL,
	JOB_HOLD,
	JOB_UNBEGUN,
	JOB_UNBEGUN_HOST,
	JOB_OPEN_COUNT,
	JOB_HELD,
	JOB_OPEN_KIND,
	JOB_OPEN_BOOTS,
	ATTEMPT_ADD,
	STAGE_PUT,
	STAGE_GET,
	STAGE_LIST,
	STAGE_LIST_BOOT,
	STAGE_PAST,
	STAGE_LATE,
};

/* Ids before $2, NULL: all; what sorts behind every id bounds the walk then. $4 and $5 (kind, open) narrow every list;
 * NULL means all. */
#define BEFORE "id < coalesce(CAST($2 AS TEXT), '~')"
#define NARROW                                                            \
	" AND (CAST($4 AS TEXT) IS NULL OR kind = $4)"                    \
	" AND (CAST($5 AS BIGINT) IS NULL OR (ended IS NULL) = ($5 = 1))" \
	" ORDER BY id DESC LIMIT $3"

/* Until its agent begins it, which its first attempt tells of. One that was to begin when it was ordered, but not after a time, waits
 * for nothing. */
#define WAITS                                                                       \
	"(not_before IS NOT NULL AND not_before > created AND state IN ('queued', " \
	"'accepted'))"
/* As far as is known here: its agent may have begun it. */
#define UNBEGUN "(state = 'queued' OR " WAITS ")"

#define STAGE_COLUMNS                                                                \
	"SELECT job, attempt, stage, state, entered, ended, deadline_us, evidence, " \
	"boot, seq FROM job_stage "

static const char *const sql[] = {
    [JOB_ADD] =
	"INSERT INTO job (id, kind, host, site, image, reason, by_whom, created, state,"
	" stage, attempt, retry_of, bundle, not_before, not_after,"
	" image_until, origin, rollout)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
	" $17, $18)",
    [JOB_GET] =
	"SELECT kind, host, site, image, reason, by_whom, created, state, stage, attempt,"
	" agent, boot, ended, verdict_code, verdict_text, verdict_next, cancel_at,"
	" cancel_by, cancel_reason, retry_of, sent, agent_code, agent_text,"
	" not_before, not_after, image_until, origin, rollout,"
	" cancel_code FROM job"
	" WHERE id = $1",
    [JOB_OPEN_HOST] =
	"SELECT id FROM job WHERE host = $1 AND ended IS NULL AND NOT " WAITS,
    [JOB_ANY_HOST] = "SELECT id FROM job WHERE host = $1 AND ended IS NULL"
		     " ORDER BY CASE WHEN " WAITS " THEN 1 ELSE 0 END, id LIMIT 1",
    [JOB_WAITING_HOST] =
	"SELECT id FROM job WHERE host = $1 AND ended IS NULL AND " WAITS " ORDER BY id",
    [JOB_UP_HOST] =
	"SELECT ended FROM job WHERE host = $1 AND state = 'done' AND kind <> 'power'"
	" ORDER BY id DESC LIMIT 1",
    [JOB_LAST_HOST] = "SELECT id FROM job WHERE host = $1 ORDER BY id DESC LIMIT 1",
    [JOB_LAST] = "SELECT id FROM job ORDER BY id DESC LIMIT 1",
    [JOB_OPEN_SITE] = "SELECT id FROM job WHERE site = $1 AND ended IS NULL ORDER BY id",
    [JOB_IDS] = "SELECT id FROM job WHERE " BEFORE NARROW,
    [JOB_DUE_SITE] =
	"SELECT id FROM job WHERE site = $1 AND ended IS NULL AND ((state = "
	"'queued' AND image_until IS NULL)"
	" OR (cancel_at IS NOT NULL AND (cancel_code IS NULL OR " UNBEGUN "))"
	" OR (CAST($3 AS BIGINT) = 1 AND state = 'accepted'"
	" AND not_before IS NOT NULL))"
	" ORDER BY CASE WHEN sent IS NULL THEN 1 ELSE 0 END, id LIMIT $2",
    [JOB_OUT_SITE] = "SELECT COUNT(*) FROM job WHERE site = $1 AND ended IS NULL"
		     " AND sent IS NOT NULL AND NOT " WAITS,
    [JOB_SENT] = "UPDATE job SET sent = $2 WHERE id = $1 AND sent IS NULL",
    [JOB_IDS_HOST] = "SELECT id FROM job WHERE host = $1 AND " BEFORE NARROW,
    [JOB_IDS_KIND] = "SELECT id FROM job WHERE kind = $4 AND " BEFORE NARROW,
    [JOB_IDS_OPEN] = "SELECT id FROM job WHERE ended IS NULL AND " BEFORE NARROW,
    [JOB_OPEN_HOSTS] =
	"SELECT DISTINCT host FROM job WHERE ended IS NULL ORDER BY host LIMIT $1",
    [JOB_BUNDLE] = "SELECT bundle FROM job WHERE id = $1",
    [JOB_UPDATE] =
	"UPDATE job SET state = $2, stage = $3, attempt = $4, agent = $5, boot = $6,"
	" ended = $7, verdict_code = $8, verdict_text = $9, verdict_next = $10,"
	" agent_code = $11, agent_text = $12 WHERE id = $1",
    [JOB_CANCEL] = "UPDATE job SET cancel_at = $2, cancel_by = $3, cancel_reason = $4,"
		   " cancel_code = NULL"
		   " WHERE id = $1 AND (cancel_at IS NULL OR cancel_code IS NOT NULL)",
    [JOB_HOLD] = "UPDATE job SET cancel_at = $2, cancel_by = $3, cancel_reason = $4,"
		 " cancel_code = $5 WHERE id = $1 AND cancel_at IS NULL",
    [JOB_UNBEGUN] = "SELECT id FROM job WHERE ended IS NULL AND cancel_at IS NULL"
		    " AND origin = '' AND " UNBEGUN
		    " AND (CAST($1 AS TEXT) IS NULL OR site = $1) ORDER BY id",
    [JOB_UNBEGUN_HOST] =
	"SELECT id FROM job WHERE host = $1 AND ended IS NULL"
	" AND cancel_at IS NULL AND origin = '' AND " UNBEGUN " ORDER BY id",
    [JOB_OPEN_COUNT] = "SELECT COUNT(*) FROM job WHERE ended IS NULL"
		       " AND (CAST($1 AS TEXT) IS NULL OR site = $1)",
    [JOB_HELD] =
	"SELECT site, COUNT(*) FROM job WHERE ended IS NULL"
	" AND cancel_code IS NOT NULL AND " UNBEGUN " GROUP BY site ORDER BY site",
    [JOB_OPEN_KIND] = "SELECT COUNT(*) FROM job WHERE kind = $1 AND ended IS NULL",
    [JOB_OPEN_BOOTS] = "SELECT COUNT(*) FROM job WHERE kind = 'boot' AND ended IS NULL"
		       " AND EXISTS (SELECT 1 FROM image WHERE image.name = job.image"
		       " AND image.kind = $1)",
    [ATTEMPT_ADD] = "INSERT INTO attempt (job, n, began) VALUES ($1, $2, $3)"
		    " ON CONFLICT (job, n) DO NOTHING",
    [STAGE_PUT] =
	"INSERT INTO job_stage (job, attempt, stage, state, entered, ended,"
	" deadline_us, evidence, boot, seq)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT (job, attempt, stage) DO UPDATE SET state = excluded.state,"
	" entered = coalesce(job_stage.entered, excluded.entered),"
	" ended = excluded.ended,"
	" deadline_us = coalesce(excluded.deadline_us, job_stage.deadline_us),"
	" evidence = coalesce(excluded.evidence, job_stage.evidence),"
	" boot = coalesce(excluded.boot, job_stage.boot)"
	" WHERE excluded.state <> 'entered' OR job_stage.state = 'entered'",
    [STAGE_GET] = STAGE_COLUMNS "WHERE job = $1 AND attempt = $2 AND stage = $3",
    [STAGE_LIST] = STAGE_COLUMNS "WHERE job = $1 ORDER BY attempt, seq",
    [STAGE_LIST_BOOT] = STAGE_COLUMNS
    "WHERE boot = $1 OR (boot IS NULL AND job = $2 AND attempt = $3) ORDER BY seq",
    /* The host's newest jobs by their index, and then the stages of each. */
    [STAGE_PAST] =
	"SELECT j.image, g.stage, g.entered, g.ended FROM job j CROSS JOIN job_stage g"
	" WHERE j.host = $1 AND (CAST($2 AS TEXT) IS NULL OR j.id < $2)"
	" AND j.id >= coalesce((SELECT id FROM job WHERE host = $1"
	" AND (CAST($2 AS TEXT) IS NULL OR id < $2) ORDER BY id DESC"
	" LIMIT 1 OFFSET $3), '')"
	" AND g.job = j.id AND g.state = 'confirmed' AND g.entered IS NOT NULL"
	" AND g.ended IS NOT NULL ORDER BY j.id DESC",
    [STAGE_LATE] =
	"SELECT j.id, j.site, g.entered + g.deadline_us FROM job j CROSS JOIN job_stage g"
	" WHERE j.ended IS NULL AND g.job = j.id AND g.attempt = j.attempt"
	" AND g.stage = j.stage AND g.ended IS NULL AND g.entered IS NOT NULL"
	" AND g.deadline_us > 0 ORDER BY j.id",
};

static const char *const state_names[] = {
    [DB_JOB_QUEUED] = "queued",
    [DB_JOB_ACCEPTED] = "accepted",
    [DB_JOB_RUNNING] = "running",
    [DB_JOB_DONE] = "done",
    [DB_JOB_FAILED] = "failed",
    [DB_JOB_CANCELLED] = "cancelled",
};

struct store_sql
db_job_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

const char *
db_job_state_name(enum db_job_state state)
{
	return state_names[state];
}

static int
parse_state(const char *s, enum db_job_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++) {
		if (str_eq(s, state_names[i])) {
			*ret = (enum db_job_state)i;
			return 0;
		}
	}
	return -EUCLEAN;
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_JOB], i);
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *key)
{
	struct db_stmt *st = stmt(s, i);

	db_bind_text(st, 1, key);
	return st;
}

int
db_job_add(struct store *s, const struct db_job *job, const char *bundle)
{
	struct db_stmt *st = stmt_for(s, JOB_ADD, job->id);

	s->generation++;
	db_bind_text(st, 2, job->kind);
	db_bind_text(st, 3, job->host);
	db_bind_text(st, 4, job->site);
	db_bind_opt(st, 5, job->image);
	db_bind_text(st, 6, job->reason);
	db_bind_text(st, 7, job->by);
	db_bind_i64(st, 8, job->created);
	db_bind_text(st, 9, state_names[job->state]);
	db_bind_text(st, 10, job->stage);
	db_bind_i64(st, 11, job->attempt);
	db_bind_opt(st, 12, job->retry_of);
	db_bind_text(st, 13, bundle);
	if (job->not_before > 0) {
		db_bind_i64(st, 14, job->not_before);
		db_bind_i64(st, 15, job->not_after);
	}
	if (job->image_until > 0)
		db_bind_i64(st, 16, job->image_until);
	db_bind_text(st, 17, job->origin);
	db_bind_opt(st, 18, job->rollout);
	return store_run(st);
}

static void
read_job(struct db_stmt *st, struct db_job *j)
{
	db_col_copy(st, 0, j->kind, sizeof(j->kind));
	db_col_copy(st, 1, j->host, sizeof(j->host));
	db_col_copy(st, 2, j->site, sizeof(j->site));
	db_col_copy(st, 3, j->image, sizeof(j->image));
	db_col_copy(st, 4, j->reason, sizeof(j->reason));
	db_col_copy(st, 5, j->by, sizeof(j->by));
	j->created = db_col_i64(st, 6);
	db_col_copy(st, 8, j->stage, sizeof(j->stage));
	j->attempt = db_col_i64(st, 9);
	db_col_copy(st, 10, j->agent, sizeof(j->agent));
	db_col_copy(st, 11, j->boot, sizeof(j->boot));
	j->ended = db_col_i64(st, 12);
	db_col_copy(st, 13, j->verdict_code, sizeof(j->verdict_code));
	db_col_copy(st, 14, j->verdict_text, sizeof(j->verdict_text));
	db_col_copy(st, 15, j->verdict_next, sizeof(j->verdict_next));
	j->cancel_at = db_col_i64(st, 16);
	db_col_copy(st, 17, j->cancel_by, sizeof(j->cancel_by));
	db_col_copy(st, 18, j->cancel_reason, sizeof(j->cancel_reason));
	db_col_copy(st, 19, j->retry_of, sizeof(j->retry_of));
	j->sent = db_col_i64(st, 20);
	db_col_copy(st, 21, j->agent_code, sizeof(j->agent_code));
	db_col_copy(st, 22, j->agent_text, sizeof(j->agent_text));
	j->not_before = db_col_i64(st, 23);
	j->not_after = db_col_i64(st, 24);
	j->image_until = db_col_i64(st, 25);
	db_col_copy(st, 26, j->origin, sizeof(j->origin));
	db_col_copy(st, 27, j->rollout, sizeof(j->rollout));
	db_col_copy(st, 28, j->cancel_code, sizeof(j->cancel_code));
}

int
db_job_get(struct store *s, const char *id, struct db_job *ret)
{
	struct db_stmt *st = stmt_for(s, JOB_GET, id);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	str_clip(ret->id, sizeof(ret->id), id);
	rc = parse_state(db_col_text(st, 7), &ret->state);
	read_job(st, ret);
	db_reset(st);
	return rc;
}

int
db_job_open_of_host(struct store *s, const char *host, char ret_id[ID_SIZE])
{
	return store_text(stmt_for(s, JOB_OPEN_HOST, host), ret_id, ID_SIZE);
}

int
db_job_any_of_host(struct store *s, const char *host, char ret_id[ID_SIZE])
{
	return store_text(stmt_for(s, JOB_ANY_HOST, host), ret_id, ID_SIZE);
}

int
db_job_waiting_of_host(struct store *s, const char *host, struct store_names *ret)
{
	return store_collect(stmt_for(s, JOB_WAITING_HOST, host), ret);
}

bool
db_job_waits(const struct db_job *job)
{
	return job->not_before > job->created && job->state <= DB_JOB_ACCEPTED;
}

int
db_job_last_of_host(struct store *s, const char *host, char ret_id[ID_SIZE])
{
	return store_text(stmt_for(s, JOB_LAST_HOST, host), ret_id, ID_SIZE);
}

int
db_job_up_of_host(struct store *s, const char *host, int64_t *ret)
{
	struct db_stmt *st = stmt_for(s, JOB_UP_HOST, host);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = db_col_i64(st, 0);
	db_reset(st);
	return 0;
}

int
db_job_last(struct store *s, char ret_id[ID_SIZE])
{
	return store_text(stmt(s, JOB_LAST), ret_id, ID_SIZE);
}

int
db_job_open_of_site(struct store *s, const char *site, struct store_names *ret)
{
	return store_collect(stmt_for(s, JOB_OPEN_SITE, site), ret);
}

int
db_job_due_of_site(
    struct store *s, const char *site, bool again, int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt_for(s, JOB_DUE_SITE, site);

	db_bind_i64(st, 2, limit);
	db_bind_i64(st, 3, again);
	return store_collect(st, ret);
}

int
db_job_out_of_site(struct store *s, const char *site, int64_t *ret)
{
	return store_i64(stmt_for(s, JOB_OUT_SITE, site), ret);
}

int
db_job_sent(struct store *s, const char *id, int64_t at)
{
	struct db_stmt *st = stmt_for(s, JOB_SENT, id);

	db_bind_i64(st, 2, at);
	return store_run(st);
}

int
db_job_ids(struct store *s, const struct db_job_filter *f, struct store_names *ret)
{
	size_t all = f->kind ? JOB_IDS_KIND : JOB_IDS;
	struct db_stmt *st = f->host ? stmt_for(s, JOB_IDS_HOST, f->host)
				     : stmt(s, f->open == 1 ? JOB_IDS_OPEN : all);

	db_bind_text(st, 2, f->before);
	db_bind_i64(st, 3, f->limit);
	db_bind_text(st, 4, f->kind);
	if (f->open >= 0)
		db_bind_i64(st, 5, f->open);
	return store_collect(st, ret);
}

int
db_job_open_hosts(struct store *s, int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt(s, JOB_OPEN_HOSTS);

	db_bind_i64(st, 1, limit);
	return store_collect(st, ret);
}

int
db_job_bundle(struct store *s, const char *id, char **ret)
{
	struct db_stmt *st = stmt_for(s, JOB_BUNDLE, id);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = str_dup(db_col_text(st, 0));
	db_reset(st);
	return 0;
}

int
db_job_update(struct store *s, const struct db_job *job)
{
	struct db_stmt *st = stmt_for(s, JOB_UPDATE, job->id);

	db_bind_text(st, 2, state_names[job->state]);
	db_bind_text(st, 3, job->stage);
	db_bind_i64(st, 4, job->attempt);
	db_bind_opt(st, 5, job->agent);
	db_bind_opt(st, 6, job->boot);
	if (job->ended)
		db_bind_i64(st, 7, job->ended);
	db_bind_opt(st, 8, job->verdict_code);
	db_bind_opt(st, 9, job->verdict_text);
	db_bind_opt(st, 10, job->verdict_next);
	db_bind_opt(st, 11, job->agent_code);
	db_bind_opt(st, 12, job->agent_text);
	return store_change(st);
}

int
db_job_cancel(
    struct store *s, const char *id, const char *by, const char *reason, int64_t at)
{
	struct db_stmt *st = stmt_for(s, JOB_CANCEL, id);

	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, by);
	db_bind_text(st, 4, reason);
	return store_run(st);
}

int
db_job_hold(struct store *s, const char *id, const char *code, const char *by,
    const char *reason, int64_t at)
{
	struct db_stmt *st = stmt_for(s, JOB_HOLD, id);

	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, by);
	db_bind_text(st, 4, reason);
	db_bind_text(st, 5, code);
	return store_run(st);
}

int
db_job_unbegun(
    struct store *s, const char *site, const char *host, struct store_names *ret)
{
	return store_collect(
	    host ? stmt_for(s, JOB_UNBEGUN_HOST, host) : stmt_for(s, JOB_UNBEGUN, site),
	    ret);
}

int
db_job_open_count(struct store *s, const char *site, int64_t *ret)
{
	return store_i64(stmt_for(s, JOB_OPEN_COUNT, site), ret);
}

int
db_job_held(
    struct store *s, void (*each)(void *arg, const char *site, int64_t n), void *arg)
{
	struct db_stmt *st = stmt(s, JOB_HELD);
	char site[64];
	int rc;

	while ((rc = db_step(st)) == 1) {
		db_col_copy(st, 0, site, sizeof(site));
		each(arg, site, db_col_i64(st, 1));
	}
	return rc;
}

int
db_job_open_of_kind(struct store *s, const char *kind, int64_t *ret)
{
	return store_i64(stmt_for(s, JOB_OPEN_KIND, kind), ret);
}

int
db_job_open_boots_of(struct store *s, const char *image, int64_t *ret)
{
	return store_i64(stmt_for(s, JOB_OPEN_BOOTS, image), ret);
}

int
db_job_attempt_add(struct store *s, const char *job, int64_t n, int64_t began)
{
	struct db_stmt *st = stmt_for(s, ATTEMPT_ADD, job);

	db_bind_i64(st, 2, n);
	db_bind_i64(st, 3, began);
	return store_run(st);
}

int
db_job_stage_put(struct store *s, const struct db_job_stage *stage)
{
	struct db_stmt *st = stmt_for(s, STAGE_PUT, stage->job);

	db_bind_i64(st, 2, stage->attempt);
	db_bind_text(st, 3, stage->stage);
	db_bind_text(st, 4, stage->state);
	db_bind_i64(st, str_eq(stage->state, "entered") ? 5 : 6, stage->at);
	if (stage->deadline_us >= 0)
		db_bind_i64(st, 7, stage->deadline_us);
	db_bind_opt(st, 8, stage->evidence);
	db_bind_opt(st, 9, stage->boot);
	db_bind_i64(st, 10, stage->seq);
	return store_run(st);
}

static void
read_stage(struct db_stmt *st, struct db_job_stage *g)
{
	memset(g, 0, sizeof(*g));
	db_col_copy(st, 0, g->job, sizeof(g->job));
	g->attempt = db_col_i64(st, 1);
	db_col_copy(st, 2, g->stage, sizeof(g->stage));
	db_col_copy(st, 3, g->state, sizeof(g->state));
	g->entered = db_col_i64(st, 4);
	g->ended = db_col_i64(st, 5);
	g->at = g->ended ? g->ended : g->entered;
	g->deadline_us = db_col_null(st, 6) ? -1 : db_col_i64(st, 6);
	db_col_copy(st, 7, g->evidence, sizeof(g->evidence));
	db_col_copy(st, 8, g->boot, sizeof(g->boot));
	g->seq = db_col_i64(st, 9);
}

int
db_job_stage_get(struct store *s, const char *job, int64_t attempt, const char *stage,
    struct db_job_stage *ret)
{
	struct db_stmt *st = stmt_for(s, STAGE_GET, job);

	db_bind_i64(st, 2, attempt);
	db_bind_text(st, 3, stage);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_stage(st, ret);
	db_reset(st);
	return 0;
}

static int
each_stage(struct db_stmt *st, void (*each)(void *arg, const struct db_job_stage *stage),
    void *arg)
{
	struct db_job_stage g;
	int rc;

	while ((rc = db_step(st)) == 1) {
		read_stage(st, &g);
		each(arg, &g);
	}
	return rc;
}

int
db_job_stages(struct store *s, const char *job,
    void (*each)(void *arg, const struct db_job_stage *stage), void *arg)
{
	return each_stage(stmt_for(s, STAGE_LIST, job), each, arg);
}

int
db_job_stages_of_boot(struct store *s, const char *boot, const char *job, int64_t attempt,
    void (*each)(void *arg, const struct db_job_stage *stage), void *arg)
{
	struct db_stmt *st = stmt_for(s, STAGE_LIST_BOOT, boot);

	db_bind_opt(st, 2, job);
	db_bind_i64(st, 3, attempt);
	return each_stage(st, each, arg);
}

int
db_job_past(struct store *s, const char *host, const char *before, int64_t jobs,
    void (*each)(void *arg, const struct db_job_past *past), void *arg)
{
	struct db_stmt *st = stmt_for(s, STAGE_PAST, host);
	struct db_job_past past;
	int rc;

	db_bind_text(st, 2, before);
	db_bind_i64(st, 3, jobs - 1);
	while ((rc = db_step(st)) == 1) {
		db_col_copy(st, 0, past.image, sizeof(past.image));
		db_col_copy(st, 1, past.stage, sizeof(past.stage));
		past.took = db_col_i64(st, 3) - db_col_i64(st, 2);
		each(arg, &past);
	}
	return rc;
}

int
db_job_deadlines(struct store *s,
    void (*each)(void *arg, const struct db_job_deadline *deadline), void *arg)
{
	struct db_stmt *st = db_stmt(s->set[STORE_JOB], STAGE_LATE);
	struct db_job_deadline d;
	int rc;

	while ((rc = db_step(st)) == 1) {
		db_col_copy(st, 0, d.job, sizeof(d.job));
		db_col_copy(st, 1, d.site, sizeof(d.site));
		d.at = db_col_i64(st, 2);
		each(arg, &d);
	}
	return rc;
}
