/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders of the site among the agent's jobs: whole or not at all, told in order, and never more than the agent takes. */
#include "agent/run_local.h"

#include <errno.h>

#include "agent/run_handed.h"
#include "agent/spool_past.h"
#include "tests/unit/agent/run_jobs_kit.h"

#define FIRST "01m8186kad100000"
#define SECOND "01m8186kad100001"

/* Of a host of its own, named by its number. */
static struct bundle *
order(const char *id, unsigned n)
{
	struct bundle *b = job_fixture_bundle();
	char mac[ADDR_MAC_TEXT];

	str_clip(b->job, sizeof(b->job), id);
	b->kind = BUNDLE_POWER;
	str_clip(b->power_action, sizeof(b->power_action), "on");
	str_clip(b->reason, sizeof(b->reason), "INC-9");
	snprintf(b->host.name, sizeof(b->host.name), "edge%02u", n);
	snprintf(mac, sizeof(mac), "52:54:00:77:00:%02x", n);
	assert_int_equal(addr_mac_parse(mac, &b->host.nics[0].mac), 0);
	snprintf(b->bmc.address, sizeof(b->bmc.address), "192.0.2.%u", n);
	b->created = clock_wall();
	return b;
}

static const struct run_local who = {.uid = 1000, .user = "ada"};

static void
may(struct kit *k, unsigned n, size_t with, const char *code)
{
	struct bundle *b = order(SECOND, n);
	struct error err = {.code = ""};

	assert_int_equal(run_local_may(k->jobs, b, with, &err) < 0, code[0] != '\0');
	assert_string_equal(err.code, code);
	bundle_done(b);
	free(b);
}

static void
one_order_takes_no_more_than_the_agent_does(void **state)
{
	struct kit *k = *state;
	struct bundle *b = order(FIRST, 1);

	assert_int_equal(k->cfg.max_jobs, 2);
	may(k, 1, 0, "");
	may(k, 1, 1, "");
	may(k, 1, 2, "agent-busy"); /* the third of one order */
	assert_int_equal(run_local_order(k->jobs, &b, 1, &who), 0);
	may(k, 2, 0, "");
	may(k, 2, 1, "agent-busy");
	may(k, 1, 0, "host-busy");
}

static void
its_event_is_durable_with_it_and_comes_first(void **state)
{
	struct kit *k = *state;
	struct bundle *b = order(FIRST, 1);
	struct spool_past_job *job = str_alloc(sizeof(*job));
	const struct event *ev;

	assert_int_equal(run_local_order(k->jobs, &b, 1, &who), 0);
	assert_int_equal(k->commits, 1);
	assert_int_equal(run_jobs_count(k->jobs), 1);
	ev = find_event(k, "job.local");
	assert_ptr_equal(ev, &k->events[0]);
	assert_string_equal(ev->job, FIRST);
	assert_string_equal(ev->host, "edge01");
	assert_string_equal(ev->reason, "INC-9");
	assert_string_equal(detail(ev, "user"), "ada");
	assert_string_equal(detail(ev, "kind"), "power");
	assert_string_equal(detail(ev, "action"), "on");
	assert_int_equal(event_i64(ev, "uid", -1), 1000);
	/* The agent is killed. */
	run_jobs_free(k->jobs);
	open_jobs(k);
	assert_int_equal(run_jobs_recover(k->jobs, NULL), 0);
	assert_true(run_jobs_has_host(k->jobs, "edge01"));
	assert_int_equal(spool_past_job(k->spool, FIRST, job), 1);
	assert_string_equal(job->origin, "local");
	assert_string_equal(job->bundle.bmc.password, "");
	spool_past_job_done(job);
	free(job);
}

static int
no_room(void *arg, struct spool *spool UNUSED)
{
	++*(int *)arg;
	return -ENOSPC;
}

static void
all_of_an_order_or_none(void **state)
{
	struct kit *k = *state;
	int asked = 0;
	struct run_local how = {.uid = 0, .user = "root", .also = no_room, .arg = &asked};
	struct bundle *list[] = {order(FIRST, 1), order(SECOND, 2)};

	assert_int_equal(run_local_order(k->jobs, list, 2, &how), -ENOSPC);
	assert_int_equal(asked, 1);
	assert_int_equal(run_jobs_count(k->jobs), 0);
	assert_int_equal(spool_job_known(k->spool, FIRST), 0);
	assert_null(find_event(k, "job.local"));
	/* An id that there is already: of the two neither is begun. */
	list[0] = order(FIRST, 1);
	list[1] = order(FIRST, 2);
	assert_true(run_local_order(k->jobs, list, 2, &how) < 0);
	assert_int_equal(run_jobs_count(k->jobs), 0);
	assert_int_equal(spool_job_known(k->spool, FIRST), 0);
}

static struct bundle *
for_later(const char *id)
{
	struct bundle *b = order(id, 1);

	b->not_before = b->created + 3600 * USEC_PER_SEC;
	b->not_after = b->not_before + 3600 * USEC_PER_SEC;
	return b;
}

/* What becomes of the newest job that holds, or held, the host; "" when there is none. */
static const char *
newest(struct kit *k)
{
	static char id[ID_SIZE];
	struct spool_past_job *job = str_alloc(sizeof(*job));

	id[0] = '\0';
	if (spool_past_job_of_host(k->spool, "edge01", job) == 1) {
		str_clip(id, sizeof(id), job->run.job);
		spool_past_job_done(job);
	}
	free(job);
	return id;
}

static void
one_for_later_holds_no_host(void **state)
{
	struct kit *k = *state;
	struct bundle *b = order(FIRST, 1);

	accept_one(k, for_later(SECOND));
	assert_non_null(find_event(k, "job.handed"));
	assert_string_equal(newest(k), "");
	may(k, 1, 0, "");
	assert_int_equal(run_local_order(k->jobs, &b, 1, &who), 0);
	assert_string_equal(newest(k), FIRST); /* which is the older one by its id */
	assert_true(run_jobs_has_host(k->jobs, "edge01"));
	assert_int_equal(run_handed_count(k->jobs), 1);
}

static void
one_for_later_ends_as_it_did(void **state)
{
	struct kit *k = *state;
	struct spool_past_job *job = str_alloc(sizeof(*job));
	const struct event *ev;

	accept_one(k, for_later(SECOND));
	run_jobs_cancel(k->jobs, SECOND, "ada at los");
	await_event(k, "job.cancelled");
	assert_int_equal(spool_past_job(k->spool, SECOND, job), 1);
	assert_int_equal(job->run.stage, STAGE_CANCELLED);
	assert_string_equal(job->run.by, "ada at los");
	assert_true(job->ended > 0);
	spool_past_job_done(job);
	free(job);
	assert_string_equal(newest(k), SECOND);
	/* The orchestrator has lost that, and asks once more. */
	assert_int_equal(spool_begin(k->spool), 0);
	assert_int_equal(spool_ack(k->spool, spool_last_seq(k->spool)), 0);
	assert_int_equal(spool_commit(k->spool), 0);
	accept_one(k, for_later(SECOND));
	ev = await_event(k, "job.cancelled");
	assert_string_equal(detail(ev, "by"), "ada at los");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		one_order_takes_no_more_than_the_agent_does, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		its_event_is_durable_with_it_and_comes_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(all_of_an_order_or_none, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_for_later_holds_no_host, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_for_later_ends_as_it_did, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
