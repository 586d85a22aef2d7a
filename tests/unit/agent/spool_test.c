/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "db/db.h"
#include "tests/unit/agent/job_fixture.h"

enum { MAX_EVENTS = 20, MAX_OCTETS = 8000 };

static int64_t the_wall, the_mono;

static void
given_clocks(int64_t *ret_wall, int64_t *ret_mono)
{
	*ret_wall = the_wall;
	*ret_mono = the_mono;
}

#define KG "0102030405060708090a0b0c0d0e0f1011121314"

struct kit {
	char dir[64];
	char path[96];
	char key_path[96];
	struct secret_key *key;
	struct spool *s;
	struct rng rng;
};

static void
open_spool(struct kit *k)
{
	struct spool_opts opts = {.path = k->path,
	    .site = "los",
	    .key = k->key,
	    .max_events = MAX_EVENTS,
	    .max_octets = MAX_OCTETS,
	    .clocks = given_clocks};
	struct error err;

	assert_int_equal(spool_open(&opts, 1, &k->rng, &k->s, &err), 0);
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct error err;

	snprintf(k->dir, sizeof(k->dir), "/tmp/spool_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->path, sizeof(k->path), "%s/agent.db", k->dir);
	snprintf(k->key_path, sizeof(k->key_path), "%s/agent.key", k->dir);
	k->rng = rng_seeded(1);
	assert_int_equal(secret_key_open(k->key_path, 1, &k->key, &err), 0);
	open_spool(k);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;
	const char *const tails[] = {"", "-wal", "-shm", ".lock", ".reserve"};
	char path[128];

	spool_close(k->s);
	secret_key_free(k->key);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(path, sizeof(path), "%s%s", k->path, tails[i]);
		unlink(path);
	}
	unlink(k->key_path);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

/* As after SIGKILL: nothing is written at the end. */
static void
reopen(struct kit *k)
{
	spool_close(k->s);
	open_spool(k);
}

static int
put(struct kit *k, const char *kind, bool droppable)
{
	struct event ev = event_make(kind, 5);
	int r = spool_put_event(k->s, &ev, droppable);

	event_done(&ev);
	return r;
}

static void
put_one(struct kit *k, const char *kind, bool droppable)
{
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(put(k, kind, droppable), 0);
	assert_int_equal(spool_commit(k->s), 0);
}

static void
ack(struct kit *k, int64_t seq)
{
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_ack(k->s, seq), 0);
	assert_int_equal(spool_commit(k->s), 0);
}

static void
test_numbers_without_gaps(void **state)
{
	struct kit *k = *state;
	struct event ev[8];
	int64_t first;

	put_one(k, "a.one", false);
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(put(k, "a.lost", false), 0);
	spool_rollback(k->s);
	put_one(k, "a.two", false);
	assert_int_equal(spool_last_seq(k->s), 2);
	reopen(k);
	assert_int_equal(spool_last_seq(k->s), 2);
	assert_int_equal(spool_load_events(k->s, 8, 1 << 20, ev, &first), 2);
	assert_int_equal(first, 1);
	assert_string_equal(ev[1].kind, "a.two");
	assert_string_equal(ev[1].site, "los");
	event_done(&ev[0]);
	event_done(&ev[1]);
	ack(k, 2);
	assert_int_equal(spool_pending(k->s), 0);
	reopen(k);
	/* Numbers go on, even though no event is left. */
	put_one(k, "a.three", false);
	assert_int_equal(spool_last_seq(k->s), 3);
	assert_int_equal(spool_load_events(k->s, 8, 1 << 20, ev, &first), 1);
	assert_int_equal(first, 3);
	event_done(&ev[0]);
}

static void
test_drops_are_told(void **state)
{
	struct kit *k = *state;
	struct event ev[MAX_EVENTS];
	int64_t first;
	int n;

	for (int i = 0; i < MAX_EVENTS + 7; i++)
		put_one(k, "dhcp4.discover", true);
	put_one(k, "job.stage", false); /* never dropped */
	assert_int_equal(spool_pending(k->s), MAX_EVENTS + 1);
	reopen(k);
	ack(k, MAX_EVENTS);
	put_one(k, "dhcp4.discover", true);
	n = spool_load_events(k->s, MAX_EVENTS, 1 << 20, ev, &first);
	assert_int_equal(n, 3);
	assert_string_equal(ev[0].kind, "job.stage");
	assert_string_equal(ev[1].kind, "spool.dropped");
	assert_int_equal(json_integer_value(json_object_get(ev[1].detail, "count")), 7);
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(ev[1].detail, "kinds"), "dhcp4.discover")),
	    7);
	assert_string_equal(event_str(&ev[1], "from"), "1970-01-01T00:00:00.000Z");
	assert_string_equal(ev[2].kind, "dhcp4.discover");
	for (int i = 0; i < n; i++)
		event_done(&ev[i]);
}

/* Room is octets, too; and only so many of them are read at once. */
static void
test_octets_are_bounded(void **state)
{
	struct kit *k = *state;
	struct event ev[MAX_EVENTS], big = event_make("job.note", 5);
	char text[2001] = "";
	int64_t first;

	memset(text, 'x', sizeof(text) - 1);
	event_put(&big, "text", text);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(spool_begin(k->s), 0);
		assert_int_equal(spool_put_event(k->s, &big, false), 0);
		assert_int_equal(spool_commit(k->s), 0);
	}
	event_done(&big);
	put_one(k, "dhcp4.discover", true);
	assert_int_equal(spool_pending(k->s), 4);
	reopen(k);
	put_one(k, "dhcp4.discover", true);
	assert_int_equal(spool_pending(k->s), 4);
	assert_int_equal(spool_load_events(k->s, MAX_EVENTS, 2500, ev, &first), 2);
	event_done(&ev[0]);
	event_done(&ev[1]);
	ack(k, 2);
	put_one(k, "dhcp4.discover", true);
	assert_int_equal(
	    spool_pending(k->s), 4); /* two, what was dropped, and this one */
}

static void
assert_kinds(struct kit *k, const char *const *kinds, int n, int64_t step)
{
	struct event ev[MAX_EVENTS];
	int64_t first;

	assert_int_equal(spool_load_events(k->s, MAX_EVENTS, 1 << 20, ev, &first), n);
	for (int i = 0; i < n; i++) {
		assert_string_equal(ev[i].kind, kinds[i]);
		if (str_eq(ev[i].kind, "clock.step"))
			assert_int_equal(event_i64(&ev[i], "step_us", 0), step);
		event_done(&ev[i]);
	}
}

/* A step stands in the journal before whatever comes after it, also one that was made while the agent did not run. */
static void
test_steps_of_the_clock_are_journalled(void **state)
{
	struct kit *k = *state;
	int64_t stepped, restarts;

	the_wall = 1000000 * USEC_PER_SEC;
	the_mono = 5 * USEC_PER_SEC;
	put_one(k, "a.one", false);
	the_wall += 60 * USEC_PER_SEC; /* time goes by, and the clock is 0.4 s nearer */
	the_mono += 60 * USEC_PER_SEC - 400 * USEC_PER_MSEC;
	put_one(k, "a.two", false);
	the_wall -= 3600 * USEC_PER_SEC;
	put_one(k, "a.three", false);
	assert_kinds(k, (const char *const[]){"a.one", "a.two", "clock.step", "a.three"},
	    4, -3600 * USEC_PER_SEC);
	ack(k, 4);
	reopen(k);
	the_wall += 7200 * USEC_PER_SEC;
	assert_int_equal(spool_look_clock(k->s), 0);
	assert_int_equal(spool_look_clock(k->s), 0);
	put_one(k, "a.four", false);
	assert_kinds(
	    k, (const char *const[]){"clock.step", "a.four"}, 2, 7200 * USEC_PER_SEC);
	spool_clock_steps(k->s, &stepped, &restarts);
	assert_int_equal(stepped, 3600 * USEC_PER_SEC);
	assert_int_equal(restarts, 0);
}

struct found {
	unsigned jobs, unreadable;
	struct run run;
	char password[21];
	char code[40];
	char kg[BUNDLE_KG_TEXT];
};

static void
on_job(void *arg, const char *job, struct bundle *b, const struct run *r,
    const struct error *err)
{
	struct found *f = arg;

	(void)job;
	f->jobs++;
	if (r != NULL)
		f->run = *r;
	if (b == NULL) {
		f->unreadable++;
		memcpy(f->code, err->code, sizeof(f->code));
		return;
	}
	memcpy(f->password, b->bmc.password, sizeof(f->password));
	memset(f->kg, 0, sizeof(f->kg));
	if (b->bmc.kg_set)
		bundle_bmc_kg_text(&b->bmc, f->kg);
	bundle_done(b);
}

static struct found
find_jobs(struct kit *k)
{
	struct found f = {0};

	assert_true(spool_each_job(k->s, on_job, &f) >= 0);
	return f;
}

static void
put_job(struct kit *k, struct bundle *b, struct run *r)
{
	static const struct run_limits limits;

	run_plan(b, &limits, r);
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_job(k->s, b, r, "", 10), 0);
	assert_int_equal(spool_commit(k->s), 0);
}

static void
test_jobs(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct run r;
	struct found f;

	assert_int_equal(spool_job_known(k->s, b->job), 0);
	assert_int_equal(bundle_bmc_set_kg(&b->bmc, KG), 0);
	put_job(k, b, &r);
	assert_string_equal(b->bmc.password, "secret17");
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_job(k->s, b, &r, "", 10), -EEXIST);
	spool_rollback(k->s);
	r.stage = STAGE_KERNEL;
	assert_int_equal(ticket_arm(&r.ticket, 11, &k->rng), 0);
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_save_run(k->s, &r, 11), 0);
	assert_int_equal(spool_commit(k->s), 0);
	reopen(k);
	f = find_jobs(k);
	assert_int_equal(f.jobs, 1);
	assert_memory_equal(&f.run, &r, sizeof(r));
	assert_string_equal(f.password, "secret17");
	assert_string_equal(f.kg, KG);
	r.stage = STAGE_DONE;
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_save_run(k->s, &r, 20), 0);
	assert_int_equal(spool_commit(k->s), 0);
	assert_int_equal(find_jobs(k).jobs, 0);
	assert_int_equal(spool_job_known(k->s, b->job), 1);
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_purge(k->s, 21), 0);
	assert_int_equal(spool_commit(k->s), 0);
	/* The order may come again after any time: from a restored database, or when the clock
	 * was wrong. */
	assert_int_equal(spool_job_known(k->s, b->job), 1);
	free(b);
}

static void
test_refused_job_stays_known(void **state)
{
	struct kit *k = *state;

	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_end_job(k->s, "01m8186kad100000", 5), 0);
	assert_int_equal(spool_commit(k->s), 0);
	assert_int_equal(spool_job_known(k->s, "01m8186kad100000"), 1);
	assert_int_equal(find_jobs(k).jobs, 0);
}

static void
test_another_key_opens_nothing(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct error err;
	struct found f;
	struct run r;

	put_job(k, b, &r);
	spool_close(k->s);
	secret_key_free(k->key);
	unlink(k->key_path);
	assert_int_equal(secret_key_open(k->key_path, 1, &k->key, &err), 0);
	open_spool(k);
	f = find_jobs(k);
	assert_int_equal(f.unreadable, 1);
	assert_string_equal(f.code, "seal-key");
	free(b);
}

static void
test_no_password_in_the_file(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct run r;
	char path[128], *data = str_alloc(4 << 20);
	const char *const tails[] = {"", "-wal"};

	assert_int_equal(bundle_bmc_set_kg(&b->bmc, KG), 0);
	/* Of a rotation, which has no business in a job. */
	str_clip(b->bmc.password_next, sizeof(b->bmc.password_next), "secret18");
	put_job(k, b, &r);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "%s%s", k->path, tails[i]);
		fd = open(path, O_RDONLY);
		assert_true(fd >= 0);
		n = read(fd, data, 4 << 20);
		close(fd);
		assert_true(n >= 0);
		assert_null(memmem(data, (size_t)n, "secret17", 8));
		assert_null(memmem(data, (size_t)n, "secret18", 8));
		assert_null(memmem(data, (size_t)n, KG, sizeof(KG) - 1));
	}
	free(data);
	free(b);
}

static void
test_table(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct bundle_site *site = str_alloc(sizeof(*site)),
			   *back = str_alloc(sizeof(*back));
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct error err;

	assert_int_equal(spool_load_site(k->s, back, &err), 0);
	str_clip(site->name, sizeof(site->name), "los");
	str_clip(site->timezone, sizeof(site->timezone), "Africa/Lagos");
	site->version = 12;
	site->hosts = str_alloc(2 * sizeof(*site->hosts));
	site->n_hosts = 2;
	site->hosts[0] = site->hosts[1] = b->host;
	str_clip(site->hosts[1].name, sizeof(site->hosts[1].name), "edge02");
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_site(k->s, site), 0);
	assert_int_equal(spool_put_site(k->s, site), 0); /* replaces */
	assert_int_equal(spool_commit(k->s), 0);
	reopen(k);
	assert_int_equal(spool_load_site(k->s, back, &err), 1);
	assert_int_equal(back->version, 12);
	assert_int_equal(back->n_hosts, 0);
	assert_int_equal(spool_next_host(k->s, "", h, &err), 1);
	assert_string_equal(h->name, "edge01");
	assert_int_equal(spool_next_host(k->s, "edge01", h, &err), 1);
	assert_string_equal(h->name, "edge02");
	assert_int_equal(spool_next_host(k->s, "edge02", h, &err), 0);
	assert_int_equal(spool_get_host(k->s, "edge02", h, &err), 1);
	assert_int_equal(spool_get_host(k->s, "edge03", h, &err), 0);
	bundle_site_done(site);
	bundle_site_done(back);
	free(site);
	free(back);
	free(h);
	free(b);
}

static void
on_boot(void *arg, const struct spool_boot *boot)
{
	*(struct spool_boot *)arg = *boot;
}

static void
test_boots(void **state)
{
	struct kit *k = *state;
	struct spool_boot b = {.host = "edge01", .id = "01m8186kad100000", .last = 9},
			  back = {0};

	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_boot(k->s, &b), 0);
	assert_int_equal(spool_commit(k->s), 0);
	assert_int_equal(spool_each_boot(k->s, on_boot, &back), 0);
	assert_memory_equal(&b, &back, sizeof(b));
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_del_boot(k->s, "edge01"), 0);
	assert_int_equal(spool_commit(k->s), 0);
}

/* A file size limit stands in for a full disk. */
static void
test_full_disk(void **state)
{
	struct kit *k = *state;
	struct rlimit old, tight = {0};
	int64_t last;
	int r = 0;

	assert_int_equal(spool_reserve(k->s), 0);
	for (int i = 0; i < 10; i++)
		put_one(k, "job.stage", false);
	last = spool_last_seq(k->s);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight.rlim_max = old.rlim_max;
	tight.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	assert_int_equal(spool_begin(k->s), 0);
	for (int i = 0; r == 0 && i < 10000; i++)
		r = put(k, "job.stage", false);
	if (r == 0)
		r = spool_commit(k->s);
	else
		spool_rollback(k->s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(spool_last_seq(k->s), last);
	assert_true(spool_release(k->s));
	assert_false(spool_release(k->s));
	put_one(k, "job.stage", false);
	assert_int_equal(spool_last_seq(k->s), last + 1);
}

/* What room a full disk has left belongs to the jobs. */
static void
test_observations_leave_the_reserve_alone(void **state)
{
	struct kit *k = *state;
	struct event ev = event_make("http.progress", 1);
	struct event back[4];
	int64_t first;

	assert_int_equal(spool_reserve(k->s), 0);
	assert_true(spool_release(k->s));
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_event(k->s, &ev, true), 0);
	assert_int_equal(spool_put_event(k->s, &ev, false), 0);
	assert_int_equal(spool_put_event(k->s, &ev, true), 0);
	assert_int_equal(spool_commit(k->s), 0);
	assert_int_equal(spool_pending(k->s), 1);
	assert_int_equal(spool_reserve(k->s), 0);
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_event(k->s, &ev, true), 0);
	assert_int_equal(spool_commit(k->s), 0);
	assert_int_equal(spool_load_events(k->s, 4, 1 << 20, back, &first), 3);
	assert_string_equal(back[1].kind, "spool.dropped");
	assert_int_equal(json_integer_value(json_object_get(back[1].detail, "count")), 2);
	for (int i = 0; i < 3; i++)
		event_done(&back[i]);
}

/* As salvaged by hand: the event table and the number beside it do not belong together. */
static void
test_numbers_go_on_behind_the_events(void **state)
{
	static const char *const sql[] = {
	    "UPDATE meta SET value = '0' WHERE key = 'last_seq'"};
	struct kit *k = *state;
	struct event ev = event_make("job.stage", 1);
	struct db_stmts *stmts = NULL;
	struct db *db = NULL;
	struct error err;

	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_event(k->s, &ev, false), 0);
	assert_int_equal(spool_put_event(k->s, &ev, false), 0);
	assert_int_equal(spool_commit(k->s), 0);
	spool_close(k->s);
	assert_int_equal(db_open(k->path, &db, &err), 0);
	assert_int_equal(db_stmts_new(db, sql, 1, &stmts, &err), 0);
	assert_int_equal(db_run(db_stmt(stmts, 0)), 1);
	db_stmts_free(stmts);
	db_close(db);
	open_spool(k);
	assert_int_equal(spool_begin(k->s), 0);
	assert_int_equal(spool_put_event(k->s, &ev, false), 0);
	assert_int_equal(spool_commit(k->s), 0);
	assert_int_equal(spool_last_seq(k->s), 3);
	assert_int_equal(spool_pending(k->s), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_numbers_without_gaps, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_drops_are_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_octets_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_steps_of_the_clock_are_journalled, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_jobs, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_refused_job_stays_known, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_another_key_opens_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_no_password_in_the_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_table, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_boots, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_observations_leave_the_reserve_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_numbers_go_on_behind_the_events, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
