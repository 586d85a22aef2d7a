/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_jobs.c, run_turn.c, run_orders.c and run_exec.c together, with a spool in memory, no
 * bootd and no BMC. Whole jobs are in tests/net/test_agent_*.py. */
#include "agent/run_jobs.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/agent/run_jobs_kit.h"

static void
test_job_without_bmc_fails(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();

	b->bmc.address[0] = '\0';
	accept_one(k, b);
	assert_true(run_jobs_has_host(k->jobs, "edge01"));
	assert_string_equal(detail(await_event(k, "job.failed"), "code"), "no-bmc");
	assert_non_null(find_event(k, "job.accepted"));
	assert_int_equal(run_jobs_count(k->jobs), 0);
	assert_int_equal(k->restored, 1);
	assert_true(k->commits > 0);
}

static void
test_missing_image_fails(void **state)
{
	struct kit *k = *state;

	accept_one(k, job_fixture_bundle());
	assert_string_equal(
	    detail(await_event(k, "job.failed"), "code"), "image-missing");
	assert_int_equal(k->puts, 0); /* bootd never heard of it */
}

static void
test_refusals(void **state)
{
	struct kit *k = *state;
	struct bundle *list[4];
	int refused = 0;

	for (int i = 0; i < 4; i++) {
		list[i] = job_fixture_bundle();
		list[i]->job[15] = (char)('0' + i);
		list[i]->host.nics[0].mac.b[5] = (uint8_t)i;
		list[i]->bmc.port = (uint16_t)(623 + i);
	}
	/* One host twice, then one host more than the two jobs that are allowed. */
	str_clip(list[2]->host.name, sizeof(list[2]->host.name), "edge02");
	str_clip(list[3]->host.name, sizeof(list[3]->host.name), "edge03");
	run_jobs_accept(k->jobs, list, 4);
	assert_int_equal(run_jobs_count(k->jobs), 2);
	await_event(k, "job.refused");
	for (int i = 0; i < k->n_events; i++) {
		const struct event *ev = &k->events[i];

		if (!str_eq(ev->kind, "job.refused"))
			continue;
		assert_string_equal(
		    detail(ev, "code"), refused == 0 ? "host-busy" : "agent-busy");
		refused++;
	}
	assert_int_equal(refused, 2);
	assert_int_equal(k->accepted, 2);
	/* Repeated, a refused order stays refused, and a known one is not begun again. */
	assert_int_equal(spool_job_known(k->spool, "01m8186kad100001"), 1);
}

/* An inventory from a backup may give a machine another name while a job is at it. */
static void
test_one_machine_under_two_names(void **state)
{
	struct kit *k = *state;
	struct bundle *list[3];

	for (int i = 0; i < 3; i++) {
		list[i] = job_fixture_bundle();
		list[i]->job[15] = (char)('0' + i);
		snprintf(
		    list[i]->host.name, sizeof(list[i]->host.name), "edge0%d", i + 1);
	}
	list[1]->bmc.port = 624;	     /* the same network card */
	list[2]->host.nics[0].mac.b[5] = 77; /* the same BMC */
	k->cfg.max_jobs = 3;
	run_jobs_accept(k->jobs, list, 3);
	assert_int_equal(run_jobs_count(k->jobs), 1);
	assert_string_equal(
	    detail(await_event(k, "job.refused"), "code"), "machine-busy");
}

static void
test_cancel_of_a_job_never_seen(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();

	run_jobs_cancel(k->jobs, b->job, "ops");
	assert_string_equal(await_event(k, "job.cancelled")->job, b->job);
	accept_one(k, b); /* the order comes after its cancellation */
	assert_int_equal(run_jobs_count(k->jobs), 0);
}

/* The refusal is on its way to the spool; the order comes again, and now there is room. */
static void
test_refused_is_refused(void **state)
{
	struct kit *k = *state;

	k->cfg.max_jobs = 0;
	accept_one(k, job_fixture_bundle());
	k->cfg.max_jobs = 2;
	accept_one(k, job_fixture_bundle());
	assert_int_equal(run_jobs_count(k->jobs), 0);
	assert_string_equal(detail(await_event(k, "job.refused"), "code"), "agent-busy");
	accept_one(k, job_fixture_bundle());
	assert_int_equal(run_jobs_count(k->jobs), 0);
}

static void
test_old_order_is_refused(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();

	b->created = clock_wall() - RUN_AGE_MAX - USEC_PER_SEC;
	accept_one(k, b);
	assert_int_equal(run_jobs_count(k->jobs), 0);
	assert_string_equal(
	    detail(await_event(k, "job.refused"), "code"), "order-too-old");
}

/* By the orchestrator's clock, which the order has its time from, whatever this one shows. */
static void
test_a_wrong_clock_makes_no_order_old(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();

	k->ahead = 3 * RUN_AGE_MAX;
	b->created = clock_wall() - k->ahead;
	accept_one(k, b);
	assert_int_equal(run_jobs_count(k->jobs), 1);
	k->ahead = -3 * RUN_AGE_MAX;
	b = job_fixture_bundle();
	str_clip(b->job, sizeof(b->job), "01m8186kad100001");
	b->created = clock_wall() - k->ahead - RUN_AGE_MAX - USEC_PER_SEC;
	accept_one(k, b);
	assert_string_equal(
	    detail(await_event(k, "job.refused"), "code"), "order-too-old");
}

static void
test_jobs_of_an_old_spool_end(void **state)
{
	struct kit *k = *state;

	accept_one(k, job_fixture_bundle());
	run_jobs_end_unused(k->jobs, "the agent: its spool is old", NULL);
	assert_non_null(strstr(detail(await_event(k, "job.cancelled"), "by"), "spool"));
	assert_int_equal(run_jobs_count(k->jobs), 0);
}

static void
acknowledge_all(struct kit *k)
{
	assert_int_equal(spool_begin(k->spool), 0);
	assert_int_equal(spool_ack(k->spool, spool_last_seq(k->spool)), 0);
	assert_int_equal(spool_commit(k->spool), 0);
	assert_null(find_event(k, "job.failed"));
}

/* An orchestrator that was restored from a backup orders what is over, or cancels it. */
static void
test_an_end_is_told_again(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	const struct event *ev;

	b->bmc.address[0] = '\0';
	accept_one(k, b);
	await_event(k, "job.failed");
	run_jobs_cancel(
	    k->jobs, "01m8186kad100000", "ops"); /* its end waits to be told */
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	acknowledge_all(k);
	accept_one(k, job_fixture_bundle());
	assert_int_equal(run_jobs_count(k->jobs), 0);
	ev = await_event(k, "job.failed");
	assert_string_equal(detail(ev, "code"), "no-bmc");
	assert_string_equal(ev->host, "edge01");
	acknowledge_all(k);
	run_jobs_cancel(k->jobs, "01m8186kad100000", "ops");
	await_event(k, "job.failed");
	/* Long ago: how it ended is not kept. */
	acknowledge_all(k);
	assert_int_equal(spool_begin(k->spool), 0);
	assert_int_equal(spool_purge(k->spool, INT64_MAX), 0);
	assert_int_equal(spool_commit(k->spool), 0);
	run_jobs_cancel(k->jobs, "01m8186kad100000", "ops");
	assert_string_equal(detail(await_event(k, "job.failed"), "code"), "ended-before");
}

static void
test_requests_without_a_job(void **state)
{
	struct kit *k = *state;
	struct bootd_msg m = {.type = BOOTD_MSG_CONSUME, .req = 42};

	str_clip(m.name, sizeof(m.name), "edge01");
	str_clip(m.ticket, sizeof(m.ticket), "01m8186kad100000");
	run_jobs_on_consume(k->jobs, &m);
	assert_int_equal(k->answers, 0); /* never before the commit */
	await_answers(k, 1);
	assert_int_equal(k->answer, BOOTD_MSG_CONSUME_NO);
	assert_string_not_equal(k->reason, "");
	m.type = BOOTD_MSG_REPORT;
	str_clip(m.token, sizeof(m.token), "0123456789abcdefghjkmnpqrs");
	str_clip(m.stage, sizeof(m.stage), "up");
	run_jobs_on_report(k->jobs, &m);
	await_answers(k, 2);
	assert_int_equal(k->answer, BOOTD_MSG_REPORT_NO);
}

static void
test_goes_on_after_a_restart(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct error err;

	b->bmc.address[0] = '\0';
	accept_one(k, b); /* durable, but nothing has been decided yet */
	run_jobs_free(k->jobs);
	open_jobs(k);
	assert_int_equal(run_jobs_recover(k->jobs, &err), 0);
	assert_int_equal(run_jobs_count(k->jobs), 1);
	assert_string_equal(detail(await_event(k, "job.failed"), "code"), "no-bmc");
}

/* A job that waits for its kernel, in the spool and in the set. */
static void
recover_loading(struct kit *k, struct bundle *b, struct run *r)
{
	static const struct run_limits limits;
	struct error err = {0};

	run_plan(b, &limits, r);
	r->stage = STAGE_KERNEL;
	r->entered = clock_wall();
	r->due = r->entered + 600 * USEC_PER_SEC;
	assert_int_equal(ticket_arm(&r->ticket, r->entered, &k->rng), 0);
	assert_int_equal(spool_begin(k->spool), 0);
	assert_int_equal(spool_put_job(k->spool, b, r, "", 10), 0);
	assert_int_equal(spool_commit(k->spool), 0);
	assert_int_equal(run_jobs_recover(k->jobs, &err), 0);
}

/* The spool must know it too: after a restart the jump would look like hours in which
 * nobody ran. */
static void
test_deadlines_move_with_the_clock(void **state)
{
	const int64_t jump = 5000 * USEC_PER_SEC;
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct run *before = str_alloc(sizeof(*before));
	struct run *r = str_alloc(sizeof(*r));

	recover_loading(k, b, before);
	while (k->jobs->head != NULL)
		event_base_loop(k->base, EVLOOP_ONCE);
	k->jobs->by_id->run.netboot_at = 5;
	k->jobs->wall -= jump; /* as if it had been set forward since */
	run_turn_on_tick(-1, 0, k->jobs);
	while (k->jobs->moved)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(spool_get_run(k->spool, before->job, r), 1);
	assert_true(r->due - before->due >= jump - USEC_PER_SEC);
	assert_true(r->due - before->due <= jump + USEC_PER_SEC);
	assert_true(r->entered - before->entered >= jump - USEC_PER_SEC);
	assert_true(r->netboot_at >= jump - USEC_PER_SEC);
	free(before);
	free(r);
	free(b);
}

static void
hear(struct kit *k, const char *kind)
{
	struct event ev = event_make(kind, clock_wall());

	str_clip(ev.host, sizeof(ev.host), "edge01");
	run_jobs_on_event(k->jobs, &ev);
	event_done(&ev);
}

/* bootd has the wire's word alone: it ends no job. */
static void
test_bootd_speaks_for_itself(void **state)
{
	static const char *const foreign[] = {
	    "job.done", "job.ticket", "boot.end", "power.state", "report.installed", "x"};
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct run *r = str_alloc(sizeof(*r));

	recover_loading(k, b, r);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		hear(k, foreign[i]);
	hear(k, "http.error");
	assert_non_null(await_event(k, "http.error"));
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		assert_null(find_event(k, foreign[i]));
	free(r);
	free(b);
}

static void
on_ready(void *arg)
{
	struct kit *k = arg;

	k->answers = 99;
}

/* Of the entry before, bootd may have said nothing, or no. */
static void
test_armed_by_its_own_acknowledgement(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct run *r = str_alloc(sizeof(*r));
	const struct run_job *job;

	recover_loading(k, b, r);
	while (k->jobs->head != NULL)
		event_base_loop(k->base, EVLOOP_ONCE);
	job = k->jobs->by_id;
	k->jobs->by_id->run.stage = STAGE_ARMED;
	k->gen = 7;
	k->answers = 0;
	run_jobs_on_bootd(k->jobs, false, on_ready, k);
	while (k->answers != 99)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(job->wait_gen, 7);
	run_jobs_on_ack(k->jobs, 8);
	run_jobs_on_ack(k->jobs, 6);
	assert_null(k->jobs->head);
	assert_int_equal(job->wait_gen, 7);
	run_jobs_on_ack(k->jobs, 7);
	assert_non_null(k->jobs->head);
	assert_int_equal(job->wait_gen, 0);
	run_jobs_end_unused(k->jobs, "test", NULL);
	await_event(k, "job.cancelled"); /* takes the script away */
	free(r);
	free(b);
}

static int
listen_tcp(char probe[32])
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	snprintf(probe, 32, "tcp:%u", ntohs(in.sin_port));
	return fd;
}

/* A machine from a pool is probed where it was seen last; before it was, not at all. */
static void
probe_without_fixed_address(struct kit *k, const char *user_ip, const char *acked_ip)
{
	static const struct run_limits limits;
	struct bundle *b = job_fixture_bundle();
	struct run *r = str_alloc(sizeof(*r));
	struct event ev = event_make("dhcp4.ack", clock_wall());
	struct ticket_use use = {.file = "initrd"};
	struct error err = {0};
	char probe[32];
	int fd = listen_tcp(probe);

	b->kind = BUNDLE_LIVE;
	b->image.reports_up = b->image.reports_installed = b->image.local_boot = false;
	memset(&b->host.nics[0].ip, 0, sizeof(b->host.nics[0].ip));
	str_clip(b->host.probe, sizeof(b->host.probe), probe);
	run_plan(b, &limits, r);
	r->stage = STAGE_OS_UP;
	r->entered = clock_wall();
	r->due = r->entered + 600 * USEC_PER_SEC;
	str_clip(use.ip, sizeof(use.ip), user_ip);
	assert_int_equal(ticket_arm(&r->ticket, r->entered, &k->rng), 0);
	assert_int_equal(ticket_consume(&r->ticket, r->ticket.id, &use, r->entered), 0);
	assert_int_equal(spool_begin(k->spool), 0);
	assert_int_equal(spool_put_job(k->spool, b, r, "", 10), 0);
	assert_int_equal(spool_commit(k->spool), 0);
	assert_int_equal(run_jobs_recover(k->jobs, &err), 0);
	while (k->jobs->head != NULL)
		event_base_loop(k->base, EVLOOP_ONCE);
	if (acked_ip != NULL) {
		str_clip(ev.host, sizeof(ev.host), "edge01");
		str_clip(ev.ip, sizeof(ev.ip), acked_ip);
		run_jobs_on_event(k->jobs, &ev);
	}
	assert_non_null(await_event(k, "job.done"));
	event_done(&ev);
	close(fd);
	free(r);
	free(b);
}

static void
test_probe_finds_its_address(void **state)
{
	probe_without_fixed_address(*state, "", "127.0.0.1");
}

static void
test_probe_follows_the_address(void **state)
{
	probe_without_fixed_address(*state, "127.0.0.77", "127.0.0.1");
}

static void
test_probe_after_a_restart(void **state)
{
	probe_without_fixed_address(*state, "127.0.0.1", NULL);
}

static void
put_image_file(struct kit *k, const char *name, char path[128])
{
	char content[1000] = "not what was ordered";
	int fd;

	snprintf(path, 128, "%s/d", k->dir);
	(void)mkdir(path, 0755);
	snprintf(path, 128, "%s/d/%s", k->dir, name);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, content, sizeof(content)), sizeof(content));
	close(fd);
}

static void
on_rechecked(void *arg, const struct error *err, unsigned n UNUSED)
{
	*(int *)arg = err->code[0] != '\0' ? 1 : 0;
}

/* Has the recovered job's image been read? */
static bool
recheck_finds_fault(struct kit *k, const struct bundle *b)
{
	int found = -1;

	assert_non_null(preflight_recheck(k->preflight, &b->image, on_rechecked, &found));
	while (found < 0)
		event_base_loop(k->base, EVLOOP_ONCE);
	return found == 1;
}

/* What preflight has read is forgotten with the process, so it is read once more: the image
 * may have been replaced meanwhile. */
static void
test_image_is_read_again_after_a_restart(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct run *r = str_alloc(sizeof(*r));
	struct bootd_msg m = {.type = BOOTD_MSG_CONSUME, .req = 42};
	char kernel[128], initrd[128];

	put_image_file(k, "vmlinuz", kernel);
	put_image_file(k, "initrd", initrd);
	recover_loading(k, b, r);
	for (int64_t limit = clock_mono() + 60 * USEC_PER_SEC;
	     !recheck_finds_fault(k, b) && clock_mono() < limit;)
		;
	str_clip(m.name, sizeof(m.name), "edge01");
	str_clip(m.ticket, sizeof(m.ticket), r->ticket.id);
	run_jobs_on_consume(k->jobs, &m);
	await_answers(k, 1);
	assert_int_equal(k->answer, BOOTD_MSG_CONSUME_NO);
	assert_string_equal(
	    detail(await_event(k, "job.failed"), "code"), "image-altered");
	unlink(kernel);
	unlink(initrd);
	*strrchr(kernel, '/') = '\0';
	assert_int_equal(rmdir(kernel), 0);
	free(b);
	free(r);
}

static void
hang(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
}

static void
hung(void *arg UNUSED)
{
}

/* Before an image is let go its files are looked at; a disk that hangs holds up that answer
 * alone, and whoever has gone meanwhile gets none. */
static void
test_a_hung_disk_holds_up_one_answer(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct run *r = str_alloc(sizeof(*r));
	struct bootd_msg m = {.type = BOOTD_MSG_CONSUME, .req = 41};
	struct error down = {.code = "bootd-ended"};
	pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

	recover_loading(k, b, r);
	str_clip(m.name, sizeof(m.name), "edge01");
	str_clip(m.ticket, sizeof(m.ticket), r->ticket.id);
	pthread_mutex_lock(&disk);
	assert_int_equal(workq_submit(k->workq, hang, hung, &disk), 0);
	run_jobs_on_consume(k->jobs, &m); /* of a bootd that ends then */
	run_jobs_bootd_down(k->jobs, &down);
	m.req = 42;
	run_jobs_on_consume(k->jobs, &m);
	run_jobs_cancel(k->jobs, "01m8186kad199999", "ops");
	assert_non_null(await_event(k, "job.cancelled")); /* the loop goes on */
	assert_int_equal(k->answers, 0);
	assert_int_equal(run_jobs_count(k->jobs), 1);
	pthread_mutex_unlock(&disk);
	await_answers(k, 1);
	assert_int_equal(k->answer, BOOTD_MSG_CONSUME_OK);
	run_jobs_on_consume(k->jobs, &m);
	await_answers(k, 2);
	assert_int_equal(k->answer, BOOTD_MSG_CONSUME_NO); /* used up */
	assert_int_equal(k->answers, 2);
	/* Another one is under way when the jobs are freed. */
	run_jobs_on_consume(k->jobs, &m);
	free(b);
	free(r);
}

static void
test_table_waits_for_the_jobs(void **state)
{
	struct kit *k = *state;

	accept_one(k, job_fixture_bundle());
	run_jobs_on_bootd(k->jobs, false, on_ready, k);
	assert_int_equal(k->answers, 0);
	while (k->answers != 99)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_non_null(find_event(k, "job.accepted"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_job_without_bmc_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_missing_image_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_one_machine_under_two_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_cancel_of_a_job_never_seen, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_old_order_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_a_wrong_clock_makes_no_order_old, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_deadlines_move_with_the_clock, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_bootd_speaks_for_itself, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_probe_finds_its_address, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_probe_follows_the_address, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_probe_after_a_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_armed_by_its_own_acknowledgement, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_jobs_of_an_old_spool_end, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_an_end_is_told_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_requests_without_a_job, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_goes_on_after_a_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_image_is_read_again_after_a_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_a_hung_disk_holds_up_one_answer, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_table_waits_for_the_jobs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
