/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No statement walks a table that grows with time: each is asked for its plan. A new one that does fails here; the way
 * out is an index, and not a row of the list below, unless there is a reason to write beside it. */
#include "db/store.h"

#include "fixture.h"

#include <stdio.h>

/* `step` as the engine words it, of statements that begin with `sql`. */
static const struct {
	const char *sql, *step;
} allowed[] = {
    /* Every host, by name. Tables of the inventory are as large as the fleet, and are asked for whole. */
    {"SELECT h.name, h.site, h.locked_at", "SCAN h USING "},
    {"SELECT name, menu FROM site", "SCAN site USING "},
    {"SELECT name, timezone FROM site", "SCAN site USING "},
    {"SELECT seq, at, kind, site, host, mac, ip, arch", "SCAN site USING COVERING "},
    /* The first row of an index, and no other. */
    {"SELECT id FROM job ORDER BY id DESC LIMIT 1", "SCAN job USING COVERING "},
    {"SELECT seq, at, hash FROM audit ORDER BY seq DESC LIMIT 1", "SCAN audit"},
    {"SELECT boot, host, site, began", "SCAN console USING INDEX console_added"},
    /* Open jobs are one a host and those that wait for their time, and this index has no others. */
    {"SELECT DISTINCT host FROM job WHERE ended IS NULL",
	"SCAN job USING INDEX job_open_any"},
    {"SELECT id FROM job WHERE ended IS NULL AND cancel_at IS NULL",
	"SCAN job USING INDEX job_open"},
    {"SELECT COUNT(*) FROM job WHERE ended IS NULL AND (CAST",
	"SCAN job USING INDEX job_open_"},
    {"SELECT site, COUNT(*) FROM job WHERE ended IS NULL",
	"SCAN job USING INDEX job_open_"},
    /* What is stopped: a row or two. */
    {"SELECT scope, at, by_whom, reason FROM hold ORDER BY", "SCAN hold"},
    {"SELECT j.id, j.site, g.entered + g.deadline_us", "SCAN j USING INDEX job_open"},
    /* Those that have not ended, and this index has no others. */
    {"SELECT state, count(*) FROM rollout WHERE ended IS NULL",
	"SCAN rollout USING INDEX rollout_open"},
    {"SELECT h.state, count(*) FROM rollout AS r", "SCAN r USING INDEX rollout_open"},
    {"SELECT CASE WHEN paused_at IS NOT NULL", "SCAN schedule"},
    {"SELECT id FROM rollout WHERE ended IS NULL",
	"SCAN rollout USING INDEX rollout_open"},
    /* Lists of what people made by hand, one by one. */
    {"SELECT id, name, role, digest", "SCAN token USING INDEX"},
    {"SELECT name FROM webhook ORDER BY name", "SCAN webhook USING COVERING "},
    /* Once an hour; as many as console_days and console_mb leave. */
    {"SELECT coalesce(sum(size), 0) FROM console", "SCAN console"},
    /* What a limit within has picked out. */
    {"SELECT count(*), coalesce(max(seq), 0) FROM (SELECT seq FROM event", "SCAN n"},
    /* No table at all. */
    {"INSERT INTO discovered", "SCAN CONSTANT ROW"},
    {"SELECT (SELECT site FROM host", "SCAN CONSTANT ROW"},
};

struct seen {
	size_t n, scans;
};

static bool
is_allowed(const char *sql, const char *step)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (str_has_prefix(sql, allowed[i].sql) &&
		    str_has_prefix(step, allowed[i].step))
			return true;
	return false;
}

static void
look(void *arg, const char *sql, const char *step)
{
	struct seen *seen = arg;

	seen->n++;
	if (str_has_prefix(step, "SCAN ") && !is_allowed(sql, step)) {
		print_message("%s\n    %s\n", step, sql);
		seen->scans++;
	}
}

static void
nothing_is_walked(void **state)
{
	struct seen seen = {0};

	assert_int_equal(store_plans(*state, look, &seen), 0);
	assert_true(seen.n > 100);
	assert_int_equal(seen.scans, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {FIXTURE_TEST(nothing_is_walked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
