/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the simulations of DHCPv4 and DHCPv6 leases share: virtual time, a network that loses, doubles and
 * reorders, and a server that is killed at any instant, with a torn journal tail, whose disk refuses writes now
 * and then, and whose journal is written anew while leases change. Machines and packets are the family's.
 *
 * The server is the real one with the real journal; only sockets and clocks are played. A failing seed is
 * printed and can be run alone: SIM_SEED=N; SIM_SEEDS=N runs more of them. */
#ifndef TESTS_SIM_LEASE_SIM_H
#define TESTS_SIM_LEASE_SIM_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot-services/line_journal.h"
#include "lib/compiler.h"
#include "lib/rng.h"

enum { SIM_NET_MAX = 256, SIM_PACKET_MAX = 1472, SIM_STEPS = 3000 };

struct sim_datagram {
	bool to_server;
	size_t len;
	uint8_t data[SIM_PACKET_MAX];
};

struct sim_family {
	const struct line_journal_kind *journal;
	const char *torn; /* a line that a crash leaves a part of */
	void (*begin)(void);
	void (*end)(void);
	void (*start_server)(void); /* without its journal */
	void (*stop_server)(void);
	void (*restore)(void *arg, const void *record);
	/* As struct lease_commit_io_kind has it. */
	bool (*snapshot)(bool begin, size_t max);
	void (*server_hears)(const struct sim_datagram *d);
	void (*client_hears)(const struct sim_datagram *d);
	void (*client_acts)(void); /* any of them */
	void (*change_inventory)(void);
};

static struct {
	const struct sim_family *family;
	struct rng rng;
	uint64_t seed;
	struct line_journal *journal;
	bool collecting; /* a snapshot */
	char dir[40];
	int dirfd;
	int64_t now;	   /* virtual; the server's clocks derive from it */
	int64_t mono_base; /* a restart begins a new monotonic clock */
	struct sim_datagram net[SIM_NET_MAX], waiting[SIM_NET_MAX];
	size_t n_net, n_waiting;
} sim;

/* Of all seeds. */
static struct {
	unsigned crashes, failures, snapshots;
} sim_seen;

static inline int64_t
sim_mono(void)
{
	return sim.now - sim.mono_base + 5 * USEC_PER_SEC;
}

static inline bool
sim_chance(uint64_t percent)
{
	return rng_below(&sim.rng, 100) < percent;
}

/* --- the network --- */

static inline void
sim_transmit(const struct sim_datagram *d)
{
	if (sim_chance(10) || sim.n_net == SIM_NET_MAX)
		return;
	sim.net[sim.n_net++] = *d;
	if (sim_chance(5) && sim.n_net < SIM_NET_MAX)
		sim.net[sim.n_net++] = *d;
}

static inline void
sim_deliver(void)
{
	struct sim_datagram d;
	size_t i;

	if (sim.n_net == 0)
		return;
	i = rng_below(&sim.rng, sim.n_net); /* any order */
	d = sim.net[i];
	sim.net[i] = sim.net[--sim.n_net];
	if (d.to_server)
		sim.family->server_hears(&d);
	else
		sim.family->client_hears(&d);
}

/* --- the server --- */

/* Its answer leaves now, or when its record is on the disk. */
static inline void
sim_reply(const uint8_t *data, size_t len, bool durable_first)
{
	struct sim_datagram d = {.to_server = false, .len = len};

	memcpy(d.data, data, len);
	if (!durable_first)
		sim_transmit(&d);
	else if (sim.n_waiting < SIM_NET_MAX)
		sim.waiting[sim.n_waiting++] = d;
}

static inline void
sim_limit_file_size(rlim_t size)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static inline off_t
sim_journal_size(void)
{
	struct stat st;

	assert_int_equal(fstatat(sim.dirfd, sim.family->journal->file, &st, 0), 0);
	return st.st_size;
}

/* A part of a snapshot, if one is due. False: more is to come, and leases change meanwhile. */
static inline bool
sim_collect(void)
{
	bool begin = !sim.collecting;

	if (begin && !line_journal_wants_snapshot(sim.journal))
		return true;
	if (begin)
		line_journal_begin_snapshot(sim.journal);
	sim.collecting = sim.family->snapshot(begin, 1 + rng_below(&sim.rng, 8));
	sim_seen.snapshots += !sim.collecting;
	return !sim.collecting;
}

/* One group commit; with `full`, on a disk that takes a few octets more and then none. */
static inline void
sim_commit(bool full)
{
	int r;

	if (!line_journal_is_pending(sim.journal) && !sim.collecting)
		return;
	if (!sim_collect())
		return;
	line_journal_seal(sim.journal);
	if (full)
		sim_limit_file_size(
		    (rlim_t)sim_journal_size() + rng_below(&sim.rng, 100));
	r = line_journal_write(sim.journal);
	sim_limit_file_size(RLIM_INFINITY);
	for (size_t i = 0; r == 0 && i < sim.n_waiting; i++)
		sim_transmit(&sim.waiting[i]);
	sim_seen.failures += r < 0;
	sim.n_waiting = 0;
}

static inline void
sim_start_server(void)
{
	struct line_journal_replay seen;

	sim.mono_base = sim.now;
	sim.family->start_server();
	assert_int_equal(
	    line_journal_open(sim.family->journal, sim.dirfd, (uid_t)-1, (gid_t)-1,
		sim.family->restore, NULL, &sim.journal, &seen, NULL),
	    0);
}

/* SIGKILL or power loss: what was not committed is gone, or partly on the disk. */
static inline void
sim_crash(void)
{
	int fd = openat(sim.dirfd, sim.family->journal->file, O_WRONLY | O_APPEND);

	sim_seen.crashes++;
	if (sim_chance(50)) {
		size_t n = rng_below(&sim.rng, strlen(sim.family->torn) + 1);

		assert_int_equal(write(fd, sim.family->torn, n), n);
	}
	close(fd);
	line_journal_close(sim.journal);
	sim.family->stop_server();
	sim.n_waiting = 0;
	sim.collecting = false;
	sim_start_server();
}

/* --- schedules --- */

static inline void
sim_step(void)
{
	uint64_t n = rng_below(&sim.rng, 1000);

	if (n < 690)
		sim_deliver();
	else if (n < 790)
		sim.family->client_acts();
	else if (n < 890)
		sim_commit(false);
	else if (n < 900)
		sim_commit(true);
	else if (n < 910)
		line_journal_rewrite(sim.journal);
	else if (n < 980)
		sim.now += (int64_t)rng_below(&sim.rng, 3 * USEC_PER_SEC);
	else if (n < 985)
		sim.now += (int64_t)rng_below(&sim.rng, 4000 * USEC_PER_SEC);
	else if (n < 990)
		sim.family->change_inventory();
	else
		sim_crash();
}

static inline void
sim_begin(const struct sim_family *family, uint64_t seed)
{
	memset(&sim, 0, sizeof(sim));
	sim.family = family;
	sim.seed = seed;
	sim.rng = rng_seeded(seed);
	sim.now = 1764000000 * USEC_PER_SEC;
	/* In memory where that is possible: a thousand flushes must not wait for a disk. */
	strcpy(sim.dir, "/dev/shm/leases_sim.XXXXXX");
	if (!mkdtemp(sim.dir)) {
		strcpy(sim.dir, "/tmp/leases_sim.XXXXXX");
		assert_non_null(mkdtemp(sim.dir));
	}
	sim.dirfd = open(sim.dir, O_RDONLY | O_DIRECTORY);
	assert_true(sim.dirfd >= 0);
	family->begin();
	sim_start_server();
}

static inline void
sim_end(void)
{
	line_journal_close(sim.journal);
	sim.family->stop_server();
	sim.family->end();
	unlinkat(sim.dirfd, sim.family->journal->file, 0);
	close(sim.dirfd);
	rmdir(sim.dir);
}

/* Seeds from 1 on, `seeds` of them or SIM_SEEDS, or the one of SIM_SEED. True: all were run, and every kind of trouble came up. */
static inline bool
sim_run(const struct sim_family *family, uint64_t seeds)
{
	const char *one = getenv("SIM_SEED"), *more = getenv("SIM_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1, last;

	if (more)
		seeds = strtoull(more, NULL, 10);
	last = one ? first : seeds;
	signal(SIGXFSZ, SIG_IGN);
	for (uint64_t seed = first; seed <= last; seed++) {
		sim_begin(family, seed);
		for (int i = 0; i < SIM_STEPS; i++)
			sim_step();
		sim_end();
	}
	print_message("%u crashes, %u refused writes, %u snapshots\n", sim_seen.crashes,
	    sim_seen.failures, sim_seen.snapshots);
	if (one)
		return false;
	assert_true(sim_seen.crashes > seeds && sim_seen.failures > 0 &&
		    sim_seen.snapshots > seeds);
	return true;
}

#endif
