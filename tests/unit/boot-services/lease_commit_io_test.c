/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies and the leases that they promise: none leaves before its lease is on the disk, and a journal that is
 * written anew holds up its own replies only, not the event loop. */
#include "boot-services/lease_commit_io.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot-services/lease_journal.h"
#include "lib/clock.h"
#include "tests/unit/boot-services/fixture.h"

enum { LEASES = 50000, PATIENCE_S = 60 };

struct world {
	char dir[40];
	struct hosttab *table;
	struct bootd_deps deps;
	struct lease_commit_io *commit;
	int server, client; /* sockets */
	uint16_t port;
	size_t restored, handed_in, turns, ticks_before; /* of a snapshot */
	size_t ticks;
	struct event told; /* the last one */
	bool was_told;
	size_t handed_in_then;
};

static struct world w;

static struct dhcp4_lease_record
record(uint32_t n)
{
	struct dhcp4_lease_record r = {.client.subnet = 0x0a000000,
	    .client.key = {.htype = 1,
		.len = 6,
		.b = {2, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}},
	    .ip = 0x0a000000 + n,
	    .state = DHCP4_LEASE_BOUND,
	    .until = 1764000000000000,
	    .length = 3600000000};

	return r;
}

static void
restore(void *arg, const void *r)
{
	(void)arg;
	(void)r;
	w.restored++;
}

static bool
snapshot(void *arg, struct line_journal *journal, bool begin, size_t max)
{
	(void)arg;
	if (begin)
		w.handed_in = w.turns = w.ticks = 0;
	w.turns++;
	assert_true(max > 0 && max <= 10000);
	for (; max > 0 && w.handed_in < LEASES; max--) {
		struct dhcp4_lease_record r = record((uint32_t)w.handed_in++);

		line_journal_snapshot(journal, &r, true);
	}
	return w.handed_in < LEASES;
}

static const struct lease_commit_io_kind kind = {
    .name = "dhcp4",
    .journal = &lease_journal_kind,
    .refusal = "no ACK",
    .restore = restore,
    .snapshot = snapshot,
};

static bool
collect(void *arg, const struct event *ev)
{
	(void)arg;
	w.told = *ev;
	w.told.detail = NULL;
	w.was_told = true;
	w.handed_in_then = w.handed_in;
	return true;
}

static void
start(void)
{
	struct error err = {0};

	w.restored = 0;
	w.commit = lease_commit_io_open(&w.deps, &kind, NULL, &err);
	assert_non_null(w.commit);
}

static int
setup(void **state)
{
	static const struct log log = {.max = LOG_LEVEL_ERROR, .program = "test"};
	struct evsink_outputs out = {.to_agent = collect};
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	(void)state;
	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/lease_commit_io.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	w.table = hosttab_new();
	w.deps = (struct bootd_deps){.base = event_base_new(),
	    .log = &log,
	    .table = &w.table,
	    .events = evsink_new(&log, &w.table, &out),
	    .state_fd = open(w.dir, O_RDONLY | O_DIRECTORY),
	    .uid = (uid_t)-1,
	    .gid = (gid_t)-1};
	w.server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	w.client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w.client, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(w.client, (struct sockaddr *)&at, &len), 0);
	w.port = ntohs(at.sin_port);
	start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lease_commit_io_close(w.commit);
	close(w.server);
	close(w.client);
	evsink_free(w.deps.events);
	hosttab_free(w.table);
	unlinkat(w.deps.state_fd, "leases4", 0);
	close(w.deps.state_fd);
	event_base_free(w.deps.base);
	return rmdir(w.dir);
}

/* A lease, and the reply that grants it. */
static void
grant(uint32_t n)
{
	static const uint8_t data[] = "granted";
	struct dhcp_out_packet p = {.fd = w.server,
	    .to = addr_ip_make_v4(INADDR_LOOPBACK),
	    .from = addr_ip_make_v4(INADDR_LOOPBACK),
	    .to_port = w.port,
	    .data = data,
	    .len = sizeof(data)};
	struct dhcp4_lease_record r = record(n);
	struct event sent = {.kind = "dhcp4.ack"};

	w.was_told = false;
	lease_commit_io_record(w.commit, &r);
	lease_commit_io_reply(w.commit, true, &p, &sent);
	lease_commit_io_flush(w.commit);
}

static bool
arrived(void)
{
	char buf[16];

	return recv(w.client, buf, sizeof(buf), MSG_DONTWAIT) > 0;
}

static const struct timeval next_turn = {0};

/* The loop's clock goes on in steps of milliseconds: a timer that waits for the least of times would miss turns. */
static void
on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct event **tick = arg;

	w.ticks++;
	assert_int_equal(event_add(*tick, &next_turn), 0);
}

/* Runs the loop until the reply was told of, with another timer that wants every turn. */
static void
run(void)
{
	struct event *tick = event_new(w.deps.base, -1, 0, on_tick, &tick);
	int64_t end = clock_mono() + PATIENCE_S * USEC_PER_SEC;

	assert_int_equal(event_add(tick, &next_turn), 0);
	while (!w.was_told && clock_mono() < end)
		assert_int_equal(event_base_loop(w.deps.base, EVLOOP_ONCE), 0);
	event_free(tick);
	assert_true(w.was_told);
}

static void
no_reply_before_its_lease_is_on_the_disk(void **state)
{
	(void)state;
	grant(1);
	assert_false(w.was_told);
	assert_false(arrived());
	run();
	assert_string_equal(w.told.kind, "dhcp4.ack");
	assert_true(arrived());
	lease_commit_io_close(w.commit);
	start();
	assert_int_equal(w.restored, 1);
}

static void
no_reply_when_it_cannot_be_written(void **state)
{
	struct rlimit old, none;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = (struct rlimit){20, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	grant(1);
	run();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_string_equal(w.told.kind, "dhcp4.ignored");
	assert_string_equal(w.told.reason,
	    "no ACK, because the lease journal cannot be written: File too large");
	assert_false(arrived());
	grant(2);
	run();
	assert_string_equal(w.told.kind, "dhcp4.ack");
	assert_true(arrived());
}

/* Fills the file until the next group must come with a snapshot. */
static void
grow(void)
{
	for (uint32_t n = 0; n < 20000; n++) {
		struct dhcp4_lease_record r = record(n);

		lease_commit_io_record(w.commit, &r);
	}
	grant(LEASES);
	run();
	assert_int_equal(w.turns, 0);
	assert_true(arrived());
}

static void
a_snapshot_lets_the_loop_go_on(void **state)
{
	(void)state;
	grow();
	grant(LEASES + 1);
	run();
	assert_string_equal(w.told.kind, "dhcp4.ack");
	assert_int_equal(w.handed_in_then, LEASES);
	assert_true(w.turns >= LEASES / 10000);
	assert_true(w.ticks >= w.turns - 1);
	/* What came while it was collected is there, too. */
	lease_commit_io_close(w.commit);
	start();
	assert_int_equal(w.restored, LEASES + 1);
}

/* A lease that is granted in the middle of it belongs to the same group. */
static void
leases_during_a_snapshot(void **state)
{
	(void)state;
	grow();
	grant(LEASES + 1);
	for (uint32_t n = 2; w.handed_in < LEASES; n++) {
		assert_int_equal(event_base_loop(w.deps.base, EVLOOP_ONCE), 0);
		if (w.handed_in < LEASES && n < 10)
			grant(LEASES + n);
		assert_false(arrived());
	}
	run();
	lease_commit_io_close(w.commit);
	start();
	assert_in_range(w.restored, LEASES + 2, LEASES + 9);
}

int
main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(no_reply_before_its_lease_is_on_the_disk),
	    T(no_reply_when_it_cannot_be_written),
	    T(a_snapshot_lets_the_loop_go_on),
	    T(leases_during_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
