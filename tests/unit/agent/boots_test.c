/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/boots.h"

#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/agent/job_fixture.h"

struct kit {
	char dir[64], key_path[96];
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct secret_key *key;
	struct spool *spool;
	struct agent_config cfg;
	struct run_jobs *jobs;
	struct boots *boots;
};

static void
committed(void *arg)
{
	struct kit *k = arg;

	event_base_loopbreak(k->base);
}

static const struct run_jobs_ops ops = {.committed = committed};

static void
open_boots(struct kit *k)
{
	struct boots_opts o = {.base = k->base,
	    .log = &k->log,
	    .spool = k->spool,
	    .rng = &k->rng,
	    .jobs = k->jobs};

	k->boots = boots_new(&o);
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct spool_opts spool = {.path = ":memory:", .site = "los"};
	struct run_jobs_deps deps = {.ops = &ops, .arg = k};
	struct error err;

	snprintf(k->dir, sizeof(k->dir), "/tmp/boots_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->key_path, sizeof(k->key_path), "%s/key", k->dir);
	assert_int_equal(secret_key_open(k->key_path, 1, &k->key, &err), 0);
	spool.key = k->key;
	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	k->rng = rng_seeded(3);
	assert_int_equal(spool_open(&spool, 1, &k->rng, &k->spool, &err), 0);
	deps.base = k->base;
	deps.log = &k->log;
	deps.cfg = &k->cfg;
	deps.spool = k->spool;
	deps.rng = &k->rng;
	k->jobs = run_jobs_new(&deps);
	open_boots(k);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	boots_free(k->boots);
	run_jobs_free(k->jobs);
	spool_close(k->spool);
	event_base_free(k->base);
	secret_key_free(k->key);
	unlink(k->key_path);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

static struct event
request(const char *class)
{
	struct event ev = event_make("dhcp4.discover", clock_wall());

	str_clip(ev.host, sizeof(ev.host), "edge01");
	event_put(&ev, "class", class);
	return ev;
}

static int
written(struct kit *k, struct event ret[8])
{
	int64_t first;

	return spool_load_events(k->spool, 8, 1 << 20, ret, &first);
}

/* Lets the queue be written first. */
static int
events(struct kit *k, struct event ret[8])
{
	event_base_loop(k->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return written(k, ret);
}

static void
test_one_boot_for_many_requests(void **state)
{
	struct kit *k = *state;
	struct event ev = request("os"), got[8];
	char id[ID_SIZE];
	int n;

	boots_on_event(k->boots, &ev);
	assert_string_equal(ev.boot, ""); /* an operating system's lease is no boot */
	event_done(&ev);
	ev = request("pxe");
	boots_on_event(k->boots, &ev);
	memcpy(id, ev.boot, sizeof(id));
	assert_true(id_valid(id));
	event_done(&ev);
	ev = request("ipxe");
	boots_on_event(k->boots, &ev);
	assert_string_equal(ev.boot, id);
	event_done(&ev);
	n = events(k, got);
	assert_int_equal(n, 1);
	assert_string_equal(got[0].kind, "boot.begin");
	assert_string_equal(got[0].boot, id);
	assert_true(json_is_false(json_object_get(got[0].detail, "planned")));
	event_done(&got[0]);
	/* It is known after a restart, and ends when a job comes. */
	boots_free(k->boots);
	open_boots(k);
	boots_on_job(k->boots, "edge01");
	boots_on_job(k->boots, "edge01");
	n = events(k, got);
	assert_int_equal(n, 2);
	assert_string_equal(got[1].kind, "boot.end");
	assert_string_equal(got[1].boot, id);
	assert_string_equal(
	    json_string_value(json_object_get(got[1].detail, "outcome")), "superseded");
	event_done(&got[0]);
	event_done(&got[1]);
}

static void
netboots(struct kit *k)
{
	struct event ev = request("pxe");

	boots_on_event(k->boots, &ev);
	event_done(&ev);
}

static void
told(struct kit *k, int wanted, bool queued)
{
	struct event got[8];
	int n = queued ? events(k, got) : written(k, got);

	assert_int_equal(n, wanted);
	for (int i = 0; i < n; i++)
		event_done(&got[i]);
}

/* By a clock that nobody sets; of an earlier life only the other one tells. */
static void
test_silence_ends_a_boot(void **state)
{
	const int64_t quiet = 300 * USEC_PER_SEC;
	struct kit *k = *state;
	struct spool_boot b = {.host = "edge02", .id = "01k9xyz0a0aaaaaa"};
	int64_t before = clock_mono();

	netboots(k);
	int64_t after = clock_mono();
	boots_look(k->boots, before + quiet - 1);
	told(k, 1, true);
	told(k, 1, false);
	boots_look(k->boots, after + quiet);
	told(k, 2, true);
	netboots(k);
	told(k, 3, true);
	boots_free(k->boots);
	open_boots(k);
	boots_look(k->boots, clock_mono() + quiet / 2); /* no time has passed */
	told(k, 3, false);
	boots_on_job(k->boots, "edge01");
	told(k, 4, true);
	assert_int_equal(spool_begin(k->spool), 0);
	b.last = clock_wall() + 1000 * quiet; /* the clock was ahead */
	assert_int_equal(spool_put_boot(k->spool, &b), 0);
	assert_int_equal(spool_commit(k->spool), 0);
	boots_free(k->boots);
	open_boots(k);
	boots_look(k->boots, clock_mono() + quiet);
	told(k, 5, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_one_boot_for_many_requests, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_silence_ends_a_boot, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
