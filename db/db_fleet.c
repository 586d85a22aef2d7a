// SPDX-License-Identifier: GPL-3.0-or-later
/* Every host with its newest job, the stage of that, its newest boot, and what was last seen of it.
 *
 * Entry point: db_fleet_list(). One statement: it walks the hosts by name, and finds the rest of each by keys and
 * indices, so that it costs the same however long their histories are.
 * Failure modes: those of db.h. */
#include "db/db_fleet.h"

#include "db/store_priv.h"

enum { FLEET_LIST };

static const char *const sql[] = {
    [FLEET_LIST] =
	"SELECT h.name, h.site, h.locked_at, h.locked_reason, b.host, st.power,"
	" st.last_seen, j.id, j.kind, j.stage, j.state, j.verdict_code, j.verdict_text,"
	" j.attempt, j.created, j.ended, j.sent, g.entered, g.ended, g.deadline_us,"
	" (SELECT o.id FROM boot o WHERE o.host = h.name ORDER BY o.seq DESC LIMIT 1),"
	" (SELECT o.flags FROM boot o WHERE o.host = h.name ORDER BY o.seq DESC LIMIT 1)"
	" FROM host h LEFT JOIN bmc b ON b.host = h.name"
	" LEFT JOIN host_state st ON st.host = h.name"
	/* What it is busy with, else its newest; one that waits for its time is neither. */
	" LEFT JOIN job j ON j.id = coalesce((SELECT max(n.id) FROM job n WHERE n.host = "
	"h.name"
	" AND n.ended IS NULL AND (n.not_before IS NULL OR n.not_before <= n.created"
	" OR n.state = 'running')),"
	" (SELECT n.id FROM job n WHERE n.host = h.name AND NOT (n.ended IS NULL"
	" AND n.not_before IS NOT NULL AND n.not_before > n.created) ORDER BY n.id DESC "
	"LIMIT 1))"
	" LEFT JOIN job_stage g ON g.job = j.id AND g.attempt = j.attempt"
	" AND g.stage = j.stage AND j.ended IS NULL"
	" ORDER BY h.name",
};

struct store_sql
db_fleet_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_fleet_row
read_row(struct db_stmt *st)
{
	return (struct db_fleet_row){.host = db_col_text(st, 0),
	    .site = db_col_text(st, 1),
	    .locked_at = db_col_i64(st, 2),
	    .locked_reason = db_col_text(st, 3),
	    .has_bmc = !db_col_null(st, 4),
	    .power = db_col_text(st, 5),
	    .last_seen = db_col_i64(st, 6),
	    .job = db_col_text(st, 7),
	    .kind = db_col_text(st, 8),
	    .stage = db_col_text(st, 9),
	    .state = db_col_text(st, 10),
	    .verdict_code = db_col_text(st, 11),
	    .verdict_text = db_col_text(st, 12),
	    .attempt = db_col_i64(st, 13),
	    .created = db_col_i64(st, 14),
	    .ended = db_col_i64(st, 15),
	    .sent = db_col_i64(st, 16),
	    .entered = db_col_i64(st, 17),
	    .stage_ended = db_col_i64(st, 18),
	    .deadline_us = db_col_null(st, 19) ? -1 : db_col_i64(st, 19),
	    .boot = db_col_text(st, 20),
	    .flags = db_col_i64(st, 21)};
}

int
db_fleet_list(
    struct store *s, void (*each)(void *arg, const struct db_fleet_row *row), void *arg)
{
	struct db_stmt *st = db_stmt(s->set[STORE_FLEET], FLEET_LIST);
	int rc;

	while ((rc = db_step(st)) == 1) {
		const struct db_fleet_row row = read_row(st);
		each(arg, &row);
	}
	return rc;
}
