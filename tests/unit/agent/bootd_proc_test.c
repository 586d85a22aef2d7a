/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd_proc.c over a stand-in for netboot-bootd: a script that speaks frames. The real
 * program is under it in tests/net/test_agent_*.py. */
#include "agent/bootd_proc.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "tests/unit/agent/job_fixture.h"

/* Answers config by ready, table_end and host by ack; dies when told of host "die". */
static const char stand_in[] =
    "#!/usr/bin/python3\n"
    "import json,os,signal,socket,struct,sys\n"
    "assert sys.argv[1:] == ['--agent-fd', '3'], sys.argv\n"
    "s = socket.socket(fileno=3).makefile('rwb')\n"
    "def send(**m):\n"
    "    d = json.dumps(m).encode()\n"
    "    s.write(struct.pack('>I', len(d)) + d); s.flush()\n"
    "while True:\n"
    "    h = s.read(4)\n"
    "    if len(h) < 4: sys.exit(0)\n"
    "    m = json.loads(s.read(struct.unpack('>I', h)[0]))\n"
    "    if m['t'] == 'config' and m['text'] == 'fatal':\n"
    "        send(t='fatal', code='port-in-use', text='port 67 is taken', next='stop the "
    "other server')\n"
    "        sys.exit(1)\n"
    "    if m['t'] == 'config': send(t='ready', v=1, pid=os.getpid(), http_port=8080, "
    "tftp_port=69)\n"
    "    if m['t'] == 'table_end': send(t='ack', gen=m['gen'])\n"
    "    if m['t'] == 'host' and m['host']['name'] == 'die': os._exit(9)\n"
    "    if m['t'] == 'host' and m['host']['name'] == 'hang': signal.pause()\n"
    "    if m['t'] == 'host_del': send(t='ack', gen=m['gen'])\n"
    "    if m['t'] == 'host' and m['gen'] > 1 and m['host']['name'] != 'refused':\n"
    "        send(t='ack', gen=m['gen'])\n";

struct kit {
	struct event_base *base;
	struct log log;
	struct bootd_proc *p;
	struct bundle *b;
	struct bundle_site *site;
	char program[64];
	unsigned ups, downs, tables, asked;
	int64_t acked, down_at, up_at;
	struct error why;
	bool wait; /* the jobs are not ready for a table */
	bool held; /* from the start */
	int64_t answer_us;
};

static void
on_up(void *arg, uint16_t port)
{
	struct kit *k = arg;

	assert_int_equal(port, 8080);
	k->ups++;
	k->up_at = clock_mono();
	if (!k->wait)
		bootd_proc_send_table(k->p, k->site);
}

static int
next_host(void *arg, const char *after, struct bundle_host *h, struct bootd_msg_boot *b)
{
	struct kit *k = arg;

	if (after[0] != '\0')
		return 0;
	k->asked++;
	*h = k->b->host;
	memset(b, 0, sizeof(*b));
	return 1;
}

static void
on_table_sent(void *arg, int64_t gen)
{
	struct kit *k = arg;

	assert_true(gen > 0);
	k->tables++;
}

static void
on_message(void *arg, const struct bootd_msg *m)
{
	struct kit *k = arg;

	if (m->type == BOOTD_MSG_ACK)
		k->acked = m->gen;
}

static void
on_down(void *arg, const struct error *why)
{
	struct kit *k = arg;

	k->downs++;
	k->down_at = clock_mono();
	k->why = *why;
}

static const struct bootd_proc_ops ops = {
    on_up, next_host, on_table_sent, on_message, on_down};

static struct kit
setup(void)
{
	struct kit k = {.base = event_base_new(), .b = job_fixture_bundle()};
	int fd;

	k.log = log_init("test", LOG_LEVEL_ERROR);
	k.site = str_alloc(sizeof(*k.site));
	str_clip(k.site->name, sizeof(k.site->name), "los");
	str_clip(k.site->timezone, sizeof(k.site->timezone), "UTC");
	snprintf(k.program, sizeof(k.program), "/tmp/bootd_proc_testXXXXXX");
	fd = mkstemp(k.program);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, stand_in, strlen(stand_in)), strlen(stand_in));
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	return k;
}

static void
start(struct kit *k, const char *config, const char *program)
{
	struct bootd_proc_opts o = {.base = k->base,
	    .log = &k->log,
	    .program = program,
	    .config = config,
	    .answer_us = k->answer_us,
	    .ops = &ops,
	    .arg = k};

	k->p = bootd_proc_new(&o, k->held);
}

static void
teardown(struct kit *k)
{
	bootd_proc_free(k->p);
	event_base_free(k->base);
	unlink(k->program);
	free(k->site);
	free(k->b);
}

/* Until *counter reaches n; 20 s at the most. */
static void
await(struct kit *k, const unsigned *counter, unsigned n)
{
	int64_t limit = clock_mono() + 60 * USEC_PER_SEC;

	while (*counter < n && clock_mono() < limit)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_true(*counter >= n);
}

static void
await_ack(struct kit *k, int64_t gen)
{
	int64_t limit = clock_mono() + 60 * USEC_PER_SEC;

	while (k->acked < gen && clock_mono() < limit)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_true(k->acked >= gen);
}

static void
test_table_and_hosts(void **state)
{
	struct kit k = setup();
	int64_t gen;

	(void)state;
	start(&k, "interfaces: []", k.program);
	assert_int_equal(
	    bootd_proc_put_host(k.p, &k.b->host, NULL), 0); /* no table yet */
	await(&k, &k.tables, 1);
	assert_int_equal(k.asked, 1);
	gen = bootd_proc_put_host(k.p, &k.b->host, NULL);
	assert_true(gen > 1);
	await_ack(&k, gen);
	teardown(&k);
}

static void
test_started_again_with_its_table(void **state)
{
	struct kit k = setup();

	(void)state;
	start(&k, "interfaces: []", k.program);
	await(&k, &k.tables, 1);
	str_clip(k.b->host.name, sizeof(k.b->host.name), "die");
	assert_true(bootd_proc_put_host(k.p, &k.b->host, NULL) > 0);
	str_clip(k.b->host.name, sizeof(k.b->host.name), "edge01");
	await(&k, &k.downs, 1);
	assert_non_null(strstr(k.why.text, "9"));
	assert_int_equal(bootd_proc_put_host(k.p, &k.b->host, NULL), 0);
	await(&k, &k.tables, 2);
	assert_true(k.up_at - k.down_at < 5 * USEC_PER_SEC);
	teardown(&k);
}

/* A table that comes from the orchestrator between "ready" and the replacement of the
 * tickets must not bring the old ones to the new process. */
static void
test_no_table_before_its_owner_is_ready(void **state)
{
	struct kit k = setup();

	(void)state;
	k.wait = true;
	start(&k, "interfaces: []", k.program);
	await(&k, &k.ups, 1);
	bootd_proc_update_table(k.p, k.site);
	event_base_loop(k.base, EVLOOP_NONBLOCK);
	event_base_loop(k.base, EVLOOP_NONBLOCK);
	assert_int_equal(k.asked, 0);
	bootd_proc_send_table(k.p, k.site);
	await(&k, &k.tables, 1);
	bootd_proc_update_table(k.p, k.site);
	await(&k, &k.tables, 2);
	teardown(&k);
}

/* A process that lives and does nothing is as good as dead. */
static void
test_one_that_hangs_is_replaced(void **state)
{
	struct kit k = setup();

	(void)state;
	k.answer_us = USEC_PER_SEC;
	start(&k, "interfaces: []", k.program);
	await(&k, &k.tables, 1);
	await_ack(&k, 1);
	str_clip(k.b->host.name, sizeof(k.b->host.name), "hang");
	assert_true(bootd_proc_put_host(k.p, &k.b->host, NULL) > 0);
	str_clip(k.b->host.name, sizeof(k.b->host.name), "edge01");
	await(&k, &k.downs, 1);
	await(&k, &k.tables, 2);
	await_ack(&k, 3);
	assert_int_equal(k.downs, 1);
	teardown(&k);
}

/* What it refuses it does not acknowledge, and is no worse for that. */
static void
test_one_that_refuses_lives(void **state)
{
	struct kit k = setup();
	int64_t gen;

	(void)state;
	k.answer_us = USEC_PER_SEC / 2;
	start(&k, "interfaces: []", k.program);
	await(&k, &k.tables, 1);
	str_clip(k.b->host.name, sizeof(k.b->host.name), "refused");
	gen = bootd_proc_put_host(k.p, &k.b->host, NULL);
	await_ack(&k, gen + 1); /* asked whether it lives */
	assert_int_equal(k.downs, 0);
	assert_int_equal(k.tables, 1);
	teardown(&k);
}

static void
test_held(void **state)
{
	struct kit k = setup();
	struct error why = {.code = "agent-replaced"};

	(void)state;
	start(&k, "interfaces: []", k.program);
	await(&k, &k.tables, 1);
	bootd_proc_hold(k.p, &why);
	bootd_proc_hold(k.p, &why);
	assert_int_equal(k.downs, 1);
	assert_string_equal(k.why.code, "agent-replaced");
	assert_int_equal(bootd_proc_put_host(k.p, &k.b->host, NULL), 0);
	event_base_dispatch(k.base); /* until the process has been reaped */
	assert_int_equal(event_base_get_num_events(k.base, EVENT_BASE_COUNT_ADDED), 0);
	bootd_proc_release(k.p);
	await(&k, &k.tables, 2);
	/* Wanted again before it has been reaped. */
	bootd_proc_hold(k.p, &why);
	bootd_proc_release(k.p);
	await(&k, &k.tables, 3);
	assert_int_equal(k.downs, 2);
	teardown(&k);

	k = setup();
	k.held = true;
	start(&k, "interfaces: []", k.program);
	assert_int_equal(event_base_get_num_events(k.base, EVENT_BASE_COUNT_ADDED), 0);
	bootd_proc_release(k.p);
	await(&k, &k.tables, 1);
	teardown(&k);
}

/* Our only child. */
static pid_t
child(void)
{
	char path[64];
	long pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld", &pid), 1);
	fclose(f);
	return (pid_t)pid;
}

/* Keeps a process from being reaped, as a hung disk keeps one from ending, until its own
 * input is closed. */
static pid_t
keep_from_ending(pid_t pid, int *ret_release)
{
	int go[2], ready[2];
	pid_t keeper;
	char c = 0;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(ready), 0);
	keeper = fork();
	assert_true(keeper >= 0);
	if (keeper == 0) {
		close(go[1]);
		c = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
		_exit(write(ready[1], &c, 1) == 1 && read(go[0], &c, 1) == 0 ? 0 : 1);
	}
	close(go[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	*ret_release = go[1];
	if (c != 0)
		return keeper;
	close(go[1]);
	waitpid(keeper, NULL, 0);
	return -1;
}

static void
count(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	++*(unsigned *)arg;
}

static void
test_the_loop_goes_on_until_it_has_ended(void **state)
{
	const struct timeval often = {.tv_usec = 1000};
	struct kit k = setup();
	struct event *ticker;
	unsigned ticks = 0;
	pid_t keeper;
	int release = -1;

	(void)state;
	start(&k, "interfaces: []", k.program);
	await(&k, &k.tables, 1);
	keeper = keep_from_ending(child(), &release);
	if (keeper > 0) {
		ticker = event_new(k.base, -1, EV_PERSIST, count, &ticks);
		event_add(ticker, &often);
		str_clip(k.b->host.name, sizeof(k.b->host.name), "die");
		assert_true(bootd_proc_put_host(k.p, &k.b->host, NULL) > 0);
		str_clip(k.b->host.name, sizeof(k.b->host.name), "edge01");
		while (bootd_proc_put_host(k.p, &k.b->host, NULL) > 0)
			event_base_loop(k.base, EVLOOP_ONCE);
		await(&k, &ticks, ticks + 100);
		assert_int_equal(k.downs, 0); /* nor is another one started */
		close(release);
		waitpid(keeper, NULL, 0);
		await(&k, &k.downs, 1);
		assert_non_null(strstr(k.why.text, "9"));
		await(&k, &k.tables, 2);
		event_free(ticker);
	}
	teardown(&k);
	if (keeper < 0)
		skip(); /* not allowed here */
}

static void
test_its_reason_is_told(void **state)
{
	struct kit k = setup();

	(void)state;
	start(&k, "fatal", k.program);
	await(&k, &k.downs, 2); /* tried again, and told again */
	assert_string_equal(k.why.code, "port-in-use");
	assert_string_equal(k.why.next, "stop the other server");
	assert_int_equal(k.ups, 0);
	teardown(&k);
}

static void
test_no_program(void **state)
{
	struct kit k = setup();

	(void)state;
	start(&k, "", "/nonexistent/netboot-bootd");
	await(&k, &k.downs, 1);
	assert_string_equal(k.why.code, "bootd-missing");
	assert_non_null(strstr(k.why.text, "/nonexistent/netboot-bootd"));
	assert_string_not_equal(k.why.next, "");
	teardown(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table_and_hosts),
	    cmocka_unit_test(test_started_again_with_its_table),
	    cmocka_unit_test(test_no_table_before_its_owner_is_ready),
	    cmocka_unit_test(test_one_that_hangs_is_replaced),
	    cmocka_unit_test(test_one_that_refuses_lives),
	    cmocka_unit_test(test_held),
	    cmocka_unit_test(test_the_loop_goes_on_until_it_has_ended),
	    cmocka_unit_test(test_its_reason_is_told),
	    cmocka_unit_test(test_no_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
