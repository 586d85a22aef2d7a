/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_drill.h"

#include "fixture.h"

static void
add(struct store *s, const char *id, const char *site, const char *host,
    const char *schedule, int64_t began)
{
	char stages[64];
	struct db_drill d = {.began = began, .ended = began + 5, .stages = stages};

	snprintf(stages, sizeof(stages), "{\"stages\":[],\"n\":%d}", (int)began);
	str_clip(d.id, sizeof(d.id), id);
	str_clip(d.site, sizeof(d.site), site);
	str_clip(d.host, sizeof(d.host), host);
	str_clip(d.schedule, sizeof(d.schedule), schedule);
	str_clip(d.rollout, sizeof(d.rollout), "01m8186kgjrrrrrr");
	str_clip(d.image, sizeof(d.image), "live-12");
	str_clip(d.outcome, sizeof(d.outcome), "failed");
	str_clip(d.returned, sizeof(d.returned), "no");
	str_clip(d.stuck, sizeof(d.stuck), "kernel");
	error_set(&d.why, 0, "kernel-stalled", "look at it", "it stood still");
	assert_int_equal(db_drill_add(s, &d), 0);
	assert_int_equal(db_drill_add(s, &d), -EEXIST);
}

static void
expect(int rc, struct store_names *ids, const char *joined)
{
	char buf[200] = "";

	assert_int_equal(rc, 0);
	for (size_t i = 0; i < ids->n; i++)
		strcat(strcat(buf, ids->v[i] + 10), " ");
	assert_string_equal(buf, joined);
	store_names_done(ids);
}

static void
keep_last(void *arg, const char *stages)
{
	strcat(arg, strstr(stages, "\"n\":"));
}

static void
reports_are_kept_found_and_listed(void **state)
{
	struct store *s = *state;
	struct store_names ids = {0};
	struct db_drill_host h;
	struct db_drill got;
	char past[100] = "";

	assert_int_equal(db_drill_get(s, "01m8186kgj000001", &got), -ENOENT);
	assert_int_equal(db_drill_host(s, "a", &h), -ENOENT);
	add(s, "01m8186kgj000001", "los", "a", "weekly", 10);
	add(s, "01m8186kgj000002", "nbo", "b", "", 20);
	add(s, "01m8186kgj000003", "los", "a", "", 5); /* the clock was set back */
	assert_int_equal(db_drill_get(s, "01m8186kgj000001", &got), 0);
	assert_string_equal(got.host, "a");
	assert_string_equal(got.schedule, "weekly");
	assert_string_equal(got.back, "");
	assert_string_equal(got.stuck, "kernel");
	assert_string_equal(got.why.next, "look at it");
	assert_int_equal(got.ended, 15);
	assert_non_null(strstr(got.stages, "\"n\":10"));
	db_drill_done(&got);

	expect(db_drill_ids(s, NULL, NULL, NULL, 9, &ids), &ids, "000003 000002 000001 ");
	expect(db_drill_ids(s, NULL, NULL, "01m8186kgj000003", 1, &ids), &ids, "000002 ");
	expect(db_drill_ids(s, "los", NULL, NULL, 9, &ids), &ids, "000003 000001 ");
	expect(db_drill_ids(s, "los", "weekly", NULL, 9, &ids), &ids, "000001 ");
	expect(db_drill_ids(s, NULL, "weekly", NULL, 9, &ids), &ids, "000001 ");
	expect(db_drill_ids(s, NULL, "weekly", "01m8186kgj000001", 9, &ids), &ids, "");
	assert_int_equal(db_drill_past(s, "los", "live-12", 9, keep_last, past), 0);
	assert_string_equal(past, "\"n\":5}\"n\":10}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(reports_are_kept_found_and_listed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
