/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_event.h"

#include "db/store_priv.h"
#include "fixture.h"

static struct event
make(const char *kind, const char *host, const char *job)
{
	struct event ev = event_make(kind, FIXTURE_NOW);

	str_clip(ev.host, sizeof(ev.host), host);
	str_clip(ev.job, sizeof(ev.job), job);
	str_clip(ev.site, sizeof(ev.site), "los");
	return ev;
}

static int
add(struct store *s, const char *kind, const char *host, const char *job, int64_t number)
{
	struct event ev = make(kind, host, job);
	int rc = db_event_add(s, &ev, number ? "agent" : NULL, number, NULL);

	event_done(&ev);
	return rc;
}

static int
note(void *arg, int64_t seq, const struct event *ev)
{
	char text[64];

	(void)ev;
	assert_int_equal(str_format(text, sizeof(text), "%lld ", (long long)seq), 0);
	strcat(arg, text);
	return str_eq(ev->kind, "stop");
}

static void
expect(struct store *s, struct db_event_filter f, const char *want)
{
	char got[200] = "";

	f.limit = f.limit ? f.limit : 100;
	assert_int_equal(db_event_list(s, &f, note, got), 0);
	assert_string_equal(got, want);
}

static int
compare(void *arg, int64_t seq, const struct event *ev)
{
	json_t *a = event_to_json(arg), *b = event_to_json(ev);

	assert_int_equal(seq, 1);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	return 0;
}

static void
an_event_comes_back_as_it_was_added(void **state)
{
	struct store *s = *state;
	struct event ev = make("http.end", "edge01", "job1");
	const struct db_event_filter all = {.limit = 10};
	int64_t seq = 0;

	str_clip(ev.mac, sizeof(ev.mac), "52:54:00:77:00:01");
	str_clip(ev.ip, sizeof(ev.ip), "10.77.0.11");
	str_clip(ev.arch, sizeof(ev.arch), "x64-uefi");
	str_clip(ev.boot, sizeof(ev.boot), "boot1");
	str_clip(ev.file, sizeof(ev.file), "vmlinuz");
	str_clip(ev.reason, sizeof(ev.reason), "why");
	ev.bytes = 0;
	ev.total = 5000000000;
	event_put_i64(&ev, "port", 69);
	assert_int_equal(db_event_add(s, &ev, "agent", 7, &seq), 0);
	assert_int_equal(seq, 1);
	assert_int_equal(db_event_list(s, &all, compare, &ev), 0);
	event_done(&ev);
}

static void
a_number_of_an_agent_is_taken_once(void **state)
{
	struct store *s = *state;
	int64_t last = -1;

	assert_int_equal(db_event_last(s, &last), 0);
	assert_int_equal(last, 0);
	assert_int_equal(add(s, "a", "", "", 1), 0);
	assert_int_equal(add(s, "a", "", "", 1), -EEXIST);
	assert_int_equal(
	    add(s, "a", "", "", 0), 0); /* the orchestrator's own have no number */
	assert_int_equal(add(s, "a", "", "", 0), 0);
	assert_int_equal(db_event_last(s, &last), 0);
	assert_int_equal(last, 3);
}

static void
lists_are_filtered(void **state)
{
	struct store *s = *state;

	add(s, "job.stage", "a", "j1", 1);
	add(s, "job.done", "a", "j1", 2);
	add(s, "dhcp4.ack", "a", "", 3);
	add(s, "job.stage", "b", "j2", 4);
	add(s, "jobs", "b", "", 5);
	expect(s, (struct db_event_filter){.after = 0}, "1 2 3 4 5 ");
	expect(s, (struct db_event_filter){.after = 3}, "4 5 ");
	expect(s, (struct db_event_filter){.after = 1, .until = 3}, "2 3 ");
	expect(s, (struct db_event_filter){.kind = "job.*", .until = 3}, "1 2 ");
	expect(s, (struct db_event_filter){.limit = 2}, "1 2 ");
	expect(s, (struct db_event_filter){.host = "a"}, "1 2 3 ");
	expect(s, (struct db_event_filter){.host = "a", .kind = "job.*"}, "1 2 ");
	expect(s, (struct db_event_filter){.kind = "job.stage"}, "1 4 ");
	expect(s, (struct db_event_filter){.kind = "job.*"}, "1 2 4 ");
	expect(s, (struct db_event_filter){.kind = "*"}, "1 2 3 4 5 ");
	expect(s, (struct db_event_filter){.job = "j1", .host = "b"}, "");
	expect(s, (struct db_event_filter){.job = "j2", .after = 3}, "4 ");
	expect(s, (struct db_event_filter){.boot = "none"}, "");
	add(s, "stop", "", "", 6);
	add(s, "x", "", "", 7);
	expect(s, (struct db_event_filter){.after = 4}, "5 6 ");
}

static void
several_kinds_in_order(void **state)
{
	struct store *s = *state;
	static const char *const bad[] = {"", ",", "a,", ",a", "a*b", "*a",
	    "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
	    "a-kind-that-is-longer-than-any-kind-can-ever-be"};

	add(s, "job.stage", "a", "j1", 1);
	add(s, "power.state", "a", "j1", 2);
	add(s, "boot.begin", "a", "", 3);
	add(s, "job.done", "b", "j2", 4);
	add(s, "jobs", "b", "", 5);
	add(s, "boot.end", "a", "", 6);
	add(s, "job.stage", "b", "j2", 7);
	expect(s, (struct db_event_filter){.kind = "job.*,boot.end"}, "1 4 6 7 ");
	expect(s, (struct db_event_filter){.kind = "boot.end,job.stage"}, "1 6 7 ");
	expect(s, (struct db_event_filter){.kind = "job.*,job.stage"}, "1 4 7 ");
	expect(s, (struct db_event_filter){.kind = "job.*,boot.*", .limit = 3}, "1 3 4 ");
	expect(s,
	    (struct db_event_filter){.kind = "job.*,boot.*", .after = 3, .until = 6},
	    "4 6 ");
	expect(s, (struct db_event_filter){.kind = "job.*,*"}, "1 2 3 4 5 6 7 ");
	expect(s, (struct db_event_filter){.kind = "none,nothing.*"}, "");
	expect(s, (struct db_event_filter){.kind = "job.*,boot.*", .host = "b"}, "4 7 ");
	expect(s,
	    (struct db_event_filter){.kind = "job.*,boot.*", .host = "a", .limit = 2},
	    "1 3 ");
	assert_true(db_event_kind_valid("job.*,*"));
	assert_true(db_event_kind_valid(NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct db_event_filter f = {.kind = bad[i], .limit = 1};
		assert_false(db_event_kind_valid(bad[i]));
		assert_int_equal(db_event_list(s, &f, note, NULL), -EINVAL);
	}
	assert_true(db_event_is_exact(&(struct db_event_filter){.kind = "job.*,a"}));
	assert_true(db_event_is_exact(&(struct db_event_filter){.host = "a"}));
	assert_false(db_event_is_exact(&(struct db_event_filter){.kind = "a,*"}));
	assert_false(
	    db_event_is_exact(&(struct db_event_filter){.host = "a", .kind = "b"}));
	assert_false(
	    db_event_is_exact(&(struct db_event_filter){.host = "a", .job = "b"}));
}

static void
the_last_of_a_kind(void **state)
{
	struct store *s = *state;
	struct event ev;

	assert_int_equal(db_event_last_of_kind(s, "bootd.down", NULL, &ev), -ENOENT);
	add(s, "bootd.down", "a", "", 1);
	add(s, "bootd.down", "b", "", 2);
	assert_int_equal(db_event_last_of_kind(s, "bootd.down", "los", &ev), 0);
	assert_string_equal(ev.host, "b");
	event_done(&ev);
	assert_int_equal(db_event_last_of_kind(s, "bootd.down", "fra", &ev), -ENOENT);
}

static void
events_stay_as_they_are(void **state)
{
	static const char *const sql[] = {
	    "UPDATE event SET kind = 'x'", "DELETE FROM event"};
	struct store *s = *state;
	struct db_stmts *set = NULL;
	struct error err;

	add(s, "a", "", "", 1);
	assert_int_equal(db_stmts_new(store_db(s), sql, 2, &set, &err), 0);
	assert_int_equal(db_run(db_stmt(set, 0)), -EPERM);
	assert_int_equal(db_run(db_stmt(set, 1)), -EPERM);
	db_stmts_free(set);
}

static int
note_site(void *arg, int64_t seq, const struct event *ev)
{
	char text[64];

	assert_int_equal(
	    str_format(text, sizeof(text), "%s:%lld ", ev->site, (long long)seq), 0);
	strcat(arg, text);
	return 0;
}

static void
the_last_of_a_kind_at_each_site(void **state)
{
	static const struct {
		const char *kind, *site;
	} rows[] = {{"bootd.up", "los"}, {"bootd.up", "fra"}, {"bootd.up", "los"},
	    {"bootd.down", "los"}, {"bootd.up", "gone"}, {"bootd.up", ""}};
	struct store *s = *state;
	char got[200] = "";

	fixture_site(s, "los");
	fixture_site(s, "fra");
	fixture_site(s, "ams");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event ev = event_make(rows[i].kind, FIXTURE_NOW);

		str_clip(ev.site, sizeof(ev.site), rows[i].site);
		assert_int_equal(db_event_add(s, &ev, NULL, 0, NULL), 0);
		event_done(&ev);
	}
	assert_int_equal(db_event_last_at_sites(s, "bootd.up", note_site, got), 0);
	assert_string_equal(got, "fra:2 los:3 ");
	got[0] = '\0';
	assert_int_equal(db_event_last_at_sites(s, "nfs.seen", note_site, got), 0);
	assert_string_equal(got, "");
	/* A kind that has no index would be a walk over all events. */
	assert_int_equal(db_event_last_at_sites(s, "http.end", note_site, got), -EINVAL);
	assert_int_equal(db_event_last_at_sites(s, "bootd", note_site, got), -EINVAL);
}

/* With thousands of sites and millions of events doctor has milliseconds. */
static void
the_last_at_each_site_is_found_by_index(void **state)
{
	struct store *s = *state;
	const struct store_sql all = db_event_sql();
	char text[2048] = "", plan[1024] = "";
	const char *explain = text;
	struct db_stmts *set = NULL;
	struct error err;

	for (size_t i = 0; i < all.n; i++)
		if (strstr(all.sql[i], "FROM site"))
			assert_int_equal(str_format(text, sizeof(text),
					     "EXPLAIN QUERY PLAN %s", all.sql[i]),
			    0);
	assert_string_not_equal(text, "");
	assert_int_equal(db_stmts_new(store_db(s), &explain, 1, &set, &err), 0);
	struct db_stmt *st = db_stmt(set, 0);
	while (db_step(st) == 1) {
		strcat(plan, db_col_text(st, 3));
		strcat(plan, "\n");
	}
	db_stmts_free(set);
	if (!strstr(
		plan, "SEARCH e USING COVERING INDEX event_last (kind=? AND site=?)") ||
	    !strstr(plan, "SEARCH event USING INTEGER PRIMARY KEY"))
		fail_msg("%s", plan);
}

static void
the_newest_of_a_job_are_counted(void **state)
{
	struct store *s = *state;
	int64_t seq = -1;

	for (int i = 1; i <= 5; i++)
		add(s, "job.stage", "a", i == 3 ? "j2" : "j1", i);
	assert_int_equal(db_event_back(s, "j1", INT64_MAX, 1, &seq), 0);
	assert_int_equal(seq, 5);
	assert_int_equal(db_event_back(s, "j1", INT64_MAX, 4, &seq), 0);
	assert_int_equal(seq, 1);
	assert_int_equal(db_event_back(s, "j1", 4, 2, &seq), 0);
	assert_int_equal(seq, 2);
	assert_int_equal(db_event_back(s, "j1", INT64_MAX, 5, &seq), 0);
	assert_int_equal(seq, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(an_event_comes_back_as_it_was_added),
	    FIXTURE_TEST(a_number_of_an_agent_is_taken_once),
	    FIXTURE_TEST(lists_are_filtered),
	    FIXTURE_TEST(the_newest_of_a_job_are_counted),
	    FIXTURE_TEST(several_kinds_in_order),
	    FIXTURE_TEST(the_last_of_a_kind),
	    FIXTURE_TEST(events_stay_as_they_are),
	    FIXTURE_TEST(the_last_of_a_kind_at_each_site),
	    FIXTURE_TEST(the_last_at_each_site_is_found_by_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
