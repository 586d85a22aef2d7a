// SPDX-License-Identifier: GPL-3.0-or-later
/* Deleting what is older than it is kept, piece by piece.
 *
 * Entry points: db_retention_*(), driven by orchestrator/retention.c. Each call touches a bounded number of rows, found
 * by key or index. Triggers (db/schema/0010) guard the events: a delete above the horizon is refused, and a horizon does
 * not move but behind its audit row. What is deleted is decided by numbers given here, not by times that agents tell.
 * Failure modes: those of db.h; -EPERM is a trigger's refusal. */
#include "db/db_retention.h"

#include <errno.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum {
	MARK_LAST,
	MARK_ADD,
	MARK_BEFORE,
	HORIZON_GET,
	HORIZON_MOVE,
	NEXT_ALL,
	NEXT_KIND,
	DELETE_ALL,
	DELETE_KIND,
	JOB_NEXT,
	JOB_ATTEMPTS,
	JOB_STAGES,
	JOB_DELETE,
	BOOT_NEXT,
	BOOT_DELETE,
	ROLLOUT_NEXT,
	ROLLOUT_HOSTS,
	ROLLOUT_DELETE,
	DRILL_NEXT,
	DRILL_DELETE,
};

/* What doctor asks of sites, as the index event_last has it (db/schema/0015). */
#define KINDS_OF_SITES                                                             \
	"('agent.absent', 'agent.back', 'bootd.check', 'bootd.down', 'bootd.up', " \
	"'dhcp4.foreign', 'nfs.missing', 'nfs.seen', 'nfs.unchecked')"
#define NEXT(where)                                                             \
	"SELECT count(*), coalesce(max(seq), 0) FROM (SELECT seq FROM event "   \
	"WHERE " where                                                          \
	"seq > $1 AND seq <= $2 AND seq < (SELECT max(e.seq) FROM event AS e) " \
	"ORDER BY seq LIMIT $3) AS n"

static const char *const sql[] = {
    [MARK_LAST] = "SELECT coalesce(max(at), 0) FROM retention_mark WHERE at <= $1",
    [MARK_ADD] = "INSERT INTO retention_mark (at, event_seq, boot_seq)"
		 " VALUES ($1, (SELECT coalesce(max(seq), 0) FROM event),"
		 " (SELECT coalesce(max(seq), 0) FROM boot))",
    [MARK_BEFORE] = "SELECT at, event_seq, boot_seq FROM retention_mark WHERE at <= $1"
		    " ORDER BY at DESC LIMIT 1",
    [HORIZON_GET] = "SELECT horizon FROM retention WHERE kind = $1",
    [HORIZON_MOVE] = "UPDATE retention SET horizon = $2 WHERE kind = $1",
    [NEXT_ALL] = NEXT(""),
    [NEXT_KIND] = NEXT("kind = $4 AND "),
    [DELETE_ALL] =
	"DELETE FROM event WHERE seq > $1 AND seq <= $2 AND NOT (kind IN " KINDS_OF_SITES
	" AND site IS NOT NULL AND seq = (SELECT max(e.seq) FROM event AS e WHERE e.kind "
	"IN " KINDS_OF_SITES " AND e.kind = event.kind AND e.site = event.site))",
    [DELETE_KIND] = "DELETE FROM event WHERE kind = $3 AND seq > $1 AND seq <= $2",
    [JOB_NEXT] =
	"SELECT id, ended, created >= $1"
	" OR id = (SELECT max(n.id) FROM job AS n WHERE n.host = job.host)"
	" FROM job WHERE ended < $1 AND (ended, id) > ($2, $3) ORDER BY ended, id"
	" LIMIT $4",
    [JOB_ATTEMPTS] = "DELETE FROM attempt WHERE job = $1",
    [JOB_STAGES] = "DELETE FROM job_stage WHERE job = $1",
    [JOB_DELETE] = "DELETE FROM job WHERE id = $1",
    [BOOT_NEXT] = "SELECT id, seq, ended IS NULL"
		  " OR seq = (SELECT max(n.seq) FROM boot AS n WHERE n.host = boot.host)"
		  " OR EXISTS (SELECT 1 FROM job WHERE job.id = boot.job)"
		  " FROM boot WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
    [BOOT_DELETE] = "DELETE FROM boot WHERE id = $1",
    [ROLLOUT_NEXT] = "SELECT id FROM rollout AS r WHERE id > $2 AND ended < $1"
		     " AND created < $1 AND (schedule IS NULL OR id < (SELECT max(n.id)"
		     " FROM rollout AS n WHERE n.schedule = r.schedule))"
		     " ORDER BY id LIMIT 1",
    /* The last ones first: what is left is the beginning of its order. */
    [ROLLOUT_HOSTS] = "DELETE FROM rollout_host WHERE rollout = $1 AND n > (SELECT"
		      " max(h.n) FROM rollout_host AS h WHERE h.rollout = $1) - $2",
    [ROLLOUT_DELETE] = "DELETE FROM rollout WHERE id = $1",
    [DRILL_NEXT] =
	"SELECT id, ended >= $1 OR id = (SELECT max(n.id) FROM drill AS n"
	" WHERE n.host = drill.host) FROM drill WHERE id > $2 ORDER BY id LIMIT $3",
    [DRILL_DELETE] = "DELETE FROM drill WHERE id = $1",
};

const char *const db_retention_progress[2] = {"http.progress", "tftp.progress"};

struct store_sql
db_retention_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_RETENTION], i);
}

int
db_retention_mark(struct store *s, int64_t now, int64_t every)
{
	struct db_stmt *st = stmt(s, MARK_LAST);
	int64_t last;

	db_bind_i64(st, 1, now);
	int rc = store_i64(st, &last);
	if (rc < 0 || last > now - every)
		return rc;
	st = stmt(s, MARK_ADD);
	db_bind_i64(st, 1, now);
	return store_run(st);
}

int
db_retention_mark_before(struct store *s, int64_t before, struct db_retention_mark *ret)
{
	struct db_stmt *st = stmt(s, MARK_BEFORE);

	db_bind_i64(st, 1, before);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = (struct db_retention_mark){
	    db_col_i64(st, 0), db_col_i64(st, 1), db_col_i64(st, 2)};
	db_reset(st);
	return 0;
}

int
db_retention_horizon(struct store *s, const char *kind, int64_t *ret)
{
	struct db_stmt *st = stmt(s, HORIZON_GET);

	db_bind_text(st, 1, kind);
	return store_i64(st, ret);
}

int
db_retention_next(struct store *s, const char *kind, int64_t from, int64_t to,
    int64_t limit, int64_t *ret_count, int64_t *ret_last)
{
	bool all = str_eq(kind, DB_RETENTION_EVENTS);
	struct db_stmt *st = stmt(s, all ? NEXT_ALL : NEXT_KIND);

	db_bind_i64(st, 1, from);
	db_bind_i64(st, 2, to);
	db_bind_i64(st, 3, limit);
	if (!all)
		db_bind_text(st, 4, kind);
	int rc = db_step(st);
	if (rc < 0)
		return rc;
	*ret_count = db_col_i64(st, 0);
	*ret_last = db_col_i64(st, 1);
	db_reset(st);
	return 0;
}

int
db_retention_move(struct store *s, const char *kind, int64_t horizon)
{
	struct db_stmt *st = stmt(s, HORIZON_MOVE);

	db_bind_text(st, 1, kind);
	db_bind_i64(st, 2, horizon);
	return store_change(st);
}

int
db_retention_delete(struct store *s, const char *kind, int64_t from, int64_t to)
{
	bool all = str_eq(kind, DB_RETENTION_EVENTS);
	struct db_stmt *st = stmt(s, all ? DELETE_ALL : DELETE_KIND);

	db_bind_i64(st, 1, from);
	db_bind_i64(st, 2, to);
	if (!all)
		db_bind_text(st, 3, kind);
	return db_run(st);
}

/* Ids of what goes; the cursor is moved on over what stays, too. */
struct batch {
	struct store_names ids;
	int64_t looked;
};

static int
delete_each(struct store *s, const struct batch *b, const size_t *statements, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->ids.n; i++) {
		for (size_t j = 0; rc == 0 && j < n; j++) {
			struct db_stmt *st = stmt(s, statements[j]);
			db_bind_text(st, 1, b->ids.v[i]);
			rc = store_run(st);
		}
	}
	return rc;
}

static int
finish(struct batch *b, int rc, int64_t *ret_looked)
{
	int n = (int)b->ids.n;

	store_names_done(&b->ids);
	*ret_looked = b->looked;
	return rc < 0 ? rc : n;
}

int
db_retention_jobs(struct store *s, int64_t before, int64_t limit, int64_t *after_ended,
    char after_id[ID_SIZE], int64_t *ret_looked)
{
	static const size_t statements[] = {JOB_STAGES, JOB_ATTEMPTS, JOB_DELETE};
	struct db_stmt *st = stmt(s, JOB_NEXT);
	struct batch b = {.looked = 0};
	int rc;

	db_bind_i64(st, 1, before);
	db_bind_i64(st, 2, *after_ended);
	db_bind_text(st, 3, after_id);
	db_bind_i64(st, 4, limit);
	while ((rc = db_step(st)) == 1) {
		b.looked++;
		db_col_copy(st, 0, after_id, ID_SIZE);
		*after_ended = db_col_i64(st, 1);
		if (!db_col_bool(st, 2))
			store_names_add(&b.ids, after_id);
	}
	if (rc == 0 && b.ids.n > 0)
		s->generation++;
	if (rc == 0)
		rc = delete_each(s, &b, statements, ARRAY_SIZE(statements));
	return finish(&b, rc, ret_looked);
}

int
db_retention_boots(
    struct store *s, int64_t to, int64_t limit, int64_t *after_seq, int64_t *ret_looked)
{
	static const size_t statements[] = {BOOT_DELETE};
	struct db_stmt *st = stmt(s, BOOT_NEXT);
	struct batch b = {.looked = 0};
	int rc;

	db_bind_i64(st, 1, *after_seq);
	db_bind_i64(st, 2, to);
	db_bind_i64(st, 3, limit);
	while ((rc = db_step(st)) == 1) {
		b.looked++;
		*after_seq = db_col_i64(st, 1);
		if (!db_col_bool(st, 2))
			store_names_add(&b.ids, db_col_text(st, 0));
	}
	if (rc == 0)
		rc = delete_each(s, &b, statements, ARRAY_SIZE(statements));
	return finish(&b, rc, ret_looked);
}

int
db_retention_rollouts(struct store *s, int64_t before, int64_t limit,
    char after_id[ID_SIZE], int64_t *ret_looked)
{
	struct db_stmt *st = stmt(s, ROLLOUT_NEXT);
	char id[ID_SIZE];

	*ret_looked = 0;
	db_bind_i64(st, 1, before);
	db_bind_text(st, 2, after_id);
	int rc = db_step(st);
	if (rc <= 0)
		return rc;
	db_col_copy(st, 0, id, ID_SIZE);
	db_reset(st);
	*ret_looked = 1;
	st = stmt(s, ROLLOUT_HOSTS);
	db_bind_text(st, 1, id);
	db_bind_i64(st, 2, limit);
	rc = db_run(st);
	if (rc < 0 || rc == limit)
		return rc < 0 ? rc : 0; /* the rest has its turn */
	memcpy(after_id, id, ID_SIZE);
	st = stmt(s, ROLLOUT_DELETE);
	db_bind_text(st, 1, id);
	rc = store_run(st);
	return rc < 0 ? rc : 1;
}

int
db_retention_drills(struct store *s, int64_t before, int64_t limit,
    char after_id[ID_SIZE], int64_t *ret_looked)
{
	static const size_t statements[] = {DRILL_DELETE};
	struct db_stmt *st = stmt(s, DRILL_NEXT);
	struct batch b = {.looked = 0};
	int rc;

	db_bind_i64(st, 1, before);
	db_bind_text(st, 2, after_id);
	db_bind_i64(st, 3, limit);
	while ((rc = db_step(st)) == 1) {
		b.looked++;
		db_col_copy(st, 0, after_id, ID_SIZE);
		if (!db_col_bool(st, 1))
			store_names_add(&b.ids, after_id);
	}
	if (rc == 0)
		rc = delete_each(s, &b, statements, ARRAY_SIZE(statements));
	return finish(&b, rc, ret_looked);
}
