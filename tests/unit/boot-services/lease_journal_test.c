/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lease journal: what was committed comes back; what a crash tore does no harm; a
 * disk that refuses is reported and leaves nothing behind. */
#include "boot-services/lease_journal.h"

#include <errno.h>
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

#include "boot-services/dhcp6_journal.h"

enum { SEEN_MAX = 64 };

struct fixture {
	char dir[32];
	int dirfd;
	struct line_journal *j;
	struct dhcp4_lease_record seen[SEEN_MAX];
	size_t n_seen;
	struct line_journal_replay replay;
};

static struct fixture f;

static void
see(void *arg, const void *r)
{
	(void)arg;
	f.seen[f.n_seen++ % SEEN_MAX] = *(const struct dhcp4_lease_record *)r;
}

static int
reopen(void)
{
	line_journal_close(f.j);
	f.j = NULL;
	f.n_seen = 0;
	return line_journal_open(&lease_journal_kind, f.dirfd, (uid_t)-1, (gid_t)-1, see,
	    NULL, &f.j, &f.replay, NULL);
}

static int
setup(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	strcpy(f.dir, "/tmp/lease_journal.XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	f.dirfd = open(f.dir, O_RDONLY | O_DIRECTORY);
	assert_true(f.dirfd >= 0);
	return reopen();
}

static int
teardown(void **state)
{
	(void)state;
	line_journal_close(f.j);
	unlinkat(f.dirfd, "leases4", 0);
	unlinkat(f.dirfd, "leases4.new", 0);
	close(f.dirfd);
	return rmdir(f.dir);
}

static struct dhcp4_lease_record
make(uint32_t n)
{
	struct dhcp4_lease_record r = {.client.subnet = 0x0a4d0000,
	    .client.key = {.htype = 1,
		.len = 6,
		.b = {2, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}},
	    .ip = 0x0a4d0000 + n,
	    .state = DHCP4_LEASE_BOUND,
	    .known = n % 2,
	    .until = 1764000000000000 + n,
	    .length = 3600000000};

	return r;
}

static int
commit(uint32_t n)
{
	struct dhcp4_lease_record r = make(n);

	line_journal_append(f.j, &r);
	line_journal_seal(f.j);
	return line_journal_write(f.j);
}

static void
write_raw(const char *text, size_t len)
{
	int fd = openat(f.dirfd, "leases4", O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static off_t
file_size(void)
{
	struct stat st;

	assert_int_equal(fstatat(f.dirfd, "leases4", &st, 0), 0);
	return st.st_size;
}

static void
lines_come_back_as_they_were(void **state)
{
	struct dhcp4_lease_record a = make(50), b;
	char line[LINE_JOURNAL_LINE_MAX];
	size_t n;

	(void)state;
	a.fixed = true;
	for (int s = DHCP4_LEASE_FREE; s <= DHCP4_LEASE_DECLINED; s++) {
		if (s == DHCP4_LEASE_OFFERED)
			continue;
		a.state = (enum dhcp4_lease_state)s;
		if (s == DHCP4_LEASE_DECLINED)
			memset(&a.client.key, 0, sizeof(a.client.key));
		n = line_journal_format(&lease_journal_kind, &a, line);
		assert_int_equal(line[n - 1], '\n');
		memset(&b, 0, sizeof(b));
		assert_int_equal(
		    line_journal_parse(&lease_journal_kind, line, n - 1, &b), 0);
		assert_int_equal(b.ip, a.ip);
		assert_int_equal(b.state, a.state);
		assert_true(b.fixed);
		assert_int_equal(b.until, a.until);
		assert_int_equal(b.length, a.length);
		assert_memory_equal(&b.client, &a.client, sizeof(a.client));
	}
	memset(a.client.key.b, 0xff, sizeof(a.client.key.b));
	a.client.key.len = DHCP4_KEY_MAX;
	a.client.key.htype = 255;
	a.ip = a.client.subnet = 0xffffffff;
	a.until = a.length = INT64_MAX;
	a.state = DHCP4_LEASE_BOUND;
	n = line_journal_format(&lease_journal_kind, &a, line); /* the longest there is */
	assert_int_equal(line_journal_parse(&lease_journal_kind, line, n - 1, &b), 0);
	assert_int_equal(b.until, INT64_MAX);
}

/* Any single altered octet is found. */
static void
damage_is_found(void **state)
{
	struct dhcp4_lease_record a = make(7), b;
	char line[LINE_JOURNAL_LINE_MAX];
	size_t n = line_journal_format(&lease_journal_kind, &a, line);

	(void)state;
	for (size_t i = 0; i < n - 1; i++) {
		for (int bit = 0; bit < 8; bit++) {
			line[i] = (char)(line[i] ^ 1 << bit);
			assert_int_equal(
			    line_journal_parse(&lease_journal_kind, line, n - 1, &b),
			    -EINVAL);
			line[i] = (char)(line[i] ^ 1 << bit);
		}
	}
	for (size_t len = 0; len < n - 1; len++)
		assert_int_equal(
		    line_journal_parse(&lease_journal_kind, line, len, &b), -EINVAL);
}

static void
committed_records_are_replayed(void **state)
{
	(void)state;
	assert_int_equal(commit(1), 0);
	assert_int_equal(commit(2), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 2);
	assert_int_equal(f.seen[1].ip, make(2).ip);
	assert_int_equal(f.replay.damaged, 0);
}

/* Whatever length a crash leaves: all whole lines before it count, and appending goes on.
 */
static void
torn_tail_at_every_length(void **state)
{
	struct dhcp4_lease_record r = make(9);
	char line[LINE_JOURNAL_LINE_MAX];
	size_t n = line_journal_format(&lease_journal_kind, &r, line);

	(void)state;
	assert_int_equal(commit(1), 0);
	for (size_t len = 1; len < n; len++) {
		write_raw(line, len);
		assert_int_equal(reopen(), 0);
		assert_int_equal(f.replay.damaged, 1);
		assert_int_equal(f.n_seen, len);
		assert_int_equal(commit(2), 0);
		assert_int_equal(reopen(), 0);
		assert_int_equal(f.replay.damaged, 0);
		assert_int_equal(f.n_seen, len + 1);
	}
}

static void
damage_in_the_middle_costs_one_line(void **state)
{
	(void)state;
	assert_int_equal(commit(1), 0);
	write_raw("0badc0de 10.0.0.1 what\n\0\0\n", 26);
	assert_int_equal(reopen(), 0);
	assert_int_equal(commit(2), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 2);
	assert_int_equal(f.replay.damaged, 2);
}

static void
torn_header(void **state)
{
	(void)state;
	line_journal_close(f.j);
	f.j = NULL;
	assert_int_equal(unlinkat(f.dirfd, "leases4", 0), 0);
	close(openat(f.dirfd, "leases4", O_CREAT | O_WRONLY, 0600));
	write_raw("netboot-le", 10);
	assert_int_equal(reopen(), 0);
	assert_int_equal(commit(3), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 1);
}

static void
other_formats_are_refused(void **state)
{
	struct error err = {0};

	(void)state;
	line_journal_close(f.j);
	f.j = NULL;
	unlinkat(f.dirfd, "leases4", 0);
	close(openat(f.dirfd, "leases4", O_CREAT | O_WRONLY, 0600));
	write_raw("netboot-leases 2\n", 17);
	assert_int_equal(line_journal_open(&lease_journal_kind, f.dirfd, (uid_t)-1,
			     (gid_t)-1, see, NULL, &f.j, &f.replay, &err),
	    -EINVAL);
	assert_string_equal(err.code, "lease-journal-newer");
	assert_int_equal(file_size(), 17); /* untouched */
}

static void
two_servers_cannot_share_it(void **state)
{
	struct line_journal *second = NULL;
	struct error err = {0};
	int dirfd = open(f.dir, O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(line_journal_open(&lease_journal_kind, dirfd, (uid_t)-1,
			     (gid_t)-1, see, NULL, &second, &f.replay, &err),
	    -EBUSY);
	assert_string_equal(err.code, "lease-journal-busy");
	close(dirfd);
}

static void
see_nothing(void *arg, const void *r)
{
	(void)arg;
	(void)r;
}

/* bootd closes the journals of its services one after the other, and the worker of the last one may be writing
 * until then. */
static void
closing_one_journal_leaves_the_other_locked(void **state)
{
	struct line_journal *leases6 = NULL, *second = NULL;
	int dirfd = open(f.dir, O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(line_journal_open(&dhcp6_journal_kind, f.dirfd, (uid_t)-1,
			     (gid_t)-1, see_nothing, NULL, &leases6, &f.replay, NULL),
	    0);
	line_journal_close(leases6);
	assert_int_equal(line_journal_open(&lease_journal_kind, dirfd, (uid_t)-1,
			     (gid_t)-1, see_nothing, NULL, &second, &f.replay, NULL),
	    -EBUSY);
	assert_int_equal(unlinkat(f.dirfd, "leases6", 0), 0);
	close(dirfd);
}

/* With the directory's descriptor it ends, for whoever comes next. */
static void
the_lock_ends_with_the_directory(void **state)
{
	struct line_journal *second = NULL;
	int dirfd = open(f.dir, O_RDONLY | O_DIRECTORY);

	(void)state;
	line_journal_close(f.j);
	f.j = NULL;
	close(f.dirfd);
	assert_int_equal(line_journal_open(&lease_journal_kind, dirfd, (uid_t)-1,
			     (gid_t)-1, see_nothing, NULL, &second, &f.replay, NULL),
	    0);
	line_journal_close(second);
	f.dirfd = dirfd;
}

/* The disk takes no more in the middle of a line: the write fails, the file ends where it
 * did, and works again when there is room. RLIMIT_FSIZE makes write(2) short and then
 * fail. */
static void
full_disk_gives_an_error_and_no_torn_line(void **state)
{
	struct rlimit old, tight;
	off_t before;

	(void)state;
	assert_int_equal(commit(1), 0);
	before = file_size();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = (struct rlimit){(rlim_t)before + 20, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	assert_int_equal(commit(2), -EFBIG);
	assert_int_equal(commit(3), -EFBIG);
	assert_int_equal(file_size(), before);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(commit(4), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 2);
	assert_int_equal(f.seen[1].ip, make(4).ip);
	assert_int_equal(f.replay.damaged, 0);
}

/* Until the next group comes with a snapshot. */
static void
grow(void)
{
	while (file_size() < 1 << 20) {
		for (uint32_t n = 0; n < 1000; n++) {
			struct dhcp4_lease_record r = make(n);

			line_journal_append(f.j, &r);
		}
		assert_false(line_journal_wants_snapshot(f.j));
		line_journal_seal(f.j);
		assert_int_equal(line_journal_write(f.j), 0);
	}
}

static void
compaction_keeps_live_records_and_the_group(void **state)
{
	struct dhcp4_lease_record live = make(4), current = make(5), late = make(6);

	(void)state;
	grow();
	assert_true(line_journal_wants_snapshot(f.j));
	line_journal_begin_snapshot(f.j);
	line_journal_snapshot(f.j, &current, true);
	line_journal_append(f.j, &late); /* meanwhile */
	line_journal_snapshot(f.j, &live, false);
	line_journal_seal(f.j);
	assert_int_equal(line_journal_write(f.j), 0);
	assert_true(file_size() < 1000);
	assert_false(line_journal_wants_snapshot(f.j));
	assert_int_equal(commit(7), 0); /* goes to the new file */
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 4);
	assert_int_equal(f.seen[0].ip, live.ip);
	assert_int_equal(f.seen[1].ip, current.ip);
	assert_int_equal(f.seen[2].ip, late.ip);
	assert_int_equal(f.seen[3].ip, make(7).ip);
}

static void
compaction_without_room_goes_on_with_the_old_file(void **state)
{
	struct dhcp4_lease_record late = make(6);
	off_t before;

	(void)state;
	grow();
	before = file_size();
	/* A directory in the way stands for a disk without room for a second file. */
	assert_int_equal(mkdirat(f.dirfd, "leases4.new", 0700), 0);
	line_journal_begin_snapshot(f.j);
	line_journal_append(f.j, &late);
	line_journal_seal(f.j);
	assert_int_equal(line_journal_write(f.j), 0);
	assert_true(file_size() > before);
	assert_false(line_journal_wants_snapshot(f.j)); /* not again at once */
	assert_int_equal(unlinkat(f.dirfd, "leases4.new", AT_REMOVEDIR), 0);
}

/* Asked for, because every time in the file has become wrong. */
static void
rewriting_on_request(void **state)
{
	struct dhcp4_lease_record live = make(5);

	(void)state;
	assert_int_equal(commit(1), 0);
	assert_false(line_journal_is_pending(f.j));
	line_journal_rewrite(f.j);
	assert_true(line_journal_is_pending(f.j));
	assert_true(line_journal_wants_snapshot(f.j));
	line_journal_begin_snapshot(f.j);
	line_journal_snapshot(f.j, &live, true);
	line_journal_rewrite(f.j); /* again: what was handed in so far is wrong, too */
	line_journal_seal(f.j);
	assert_int_equal(line_journal_write(f.j), 0);
	assert_true(line_journal_is_pending(f.j));
	assert_true(line_journal_wants_snapshot(f.j));
	line_journal_begin_snapshot(f.j);
	line_journal_snapshot(f.j, &live, true);
	line_journal_seal(f.j);
	assert_int_equal(line_journal_write(f.j), 0);
	assert_false(line_journal_is_pending(f.j));
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 1);
	assert_int_equal(f.seen[0].ip, live.ip);
}

/* A crash between writing the new file and renaming it leaves a stray file that is
 * overwritten. */
static void
stray_new_file_is_harmless(void **state)
{
	int fd = openat(f.dirfd, "leases4.new", O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_equal(write(fd, "half a snapsh", 13), 13);
	close(fd);
	assert_int_equal(commit(1), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 1);
	grow();
	line_journal_begin_snapshot(f.j);
	line_journal_seal(f.j);
	assert_int_equal(line_journal_write(f.j), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(f.n_seen, 0);
}

int
main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(lines_come_back_as_they_were),
	    T(damage_is_found),
	    T(committed_records_are_replayed),
	    T(torn_tail_at_every_length),
	    T(damage_in_the_middle_costs_one_line),
	    T(torn_header),
	    T(other_formats_are_refused),
	    T(two_servers_cannot_share_it),
	    T(closing_one_journal_leaves_the_other_locked),
	    T(the_lock_ends_with_the_directory),
	    T(full_disk_gives_an_error_and_no_torn_line),
	    T(compaction_keeps_live_records_and_the_group),
	    T(compaction_without_room_goes_on_with_the_old_file),
	    T(rewriting_on_request),
	    T(stray_new_file_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
