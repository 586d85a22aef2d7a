/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pieces of recordings: on the disk before anybody is told that they are held, and of whom they say. */
#include "orchestrator/console_store.h"

#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "db/db_boot.h"
#include "fixture.h"
#include "lib/console_record.h"

#define BOOT "01m8186kgj3sd2xm"
#define OTHER "01m8186kgj3sd2xn"

/* What was held when a file of so many octets was forced to the disk. */
static struct {
	struct store *store;
	unsigned files, folders;
	int64_t held, size;
} disk;

int
fdatasync(int fd)
{
	struct db_console row = {.size = 0};
	struct stat st;

	disk.files++;
	disk.held = db_console_get(disk.store, BOOT, &row) == 0 ? row.size : 0;
	assert_int_equal(fstat(fd, &st), 0);
	disk.size = st.st_size;
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	disk.folders += S_ISDIR(st.st_mode);
	return (int)syscall(SYS_fsync, fd);
}

static fsblkcnt_t spare = 1024 * 1024;

int
fstatvfs(int fd, struct statvfs *st)
{
	(void)fd;
	*st = (struct statvfs){.f_frsize = 4096, .f_bavail = spare};
	return 0;
}

struct piece {
	uint8_t data[1024];
	size_t len;
};

static struct piece
first_piece(const char *host, const char *boot, int64_t at)
{
	struct piece p = {.len = 0};

	p.len = console_record_put_begin(p.data, sizeof(p.data), at, host, boot, false);
	assert_true(p.len > 0);
	p.len += console_record_put_data(
	    p.data + p.len, sizeof(p.data) - p.len, at, "hello", 5);
	return p;
}

static struct piece
next_piece(int64_t at)
{
	struct piece p = {.len = 0};

	p.len = console_record_put_data(p.data, sizeof(p.data), at, "more", 4);
	return p;
}

static struct console_store *
open_store(struct fixture *f, char path[96])
{
	static const struct log log = {.max = LOG_LEVEL_ERROR, .program = "test"};

	disk.store = f->store;
	disk.files = disk.folders = 0;
	snprintf(path, 96, "%s/o.db", f->dir);
	assert_string_equal(fixture_apply(f, FIXTURE_DOCUMENT, NULL), "");
	return console_store_new(f->store, path, INT64_MAX, &log);
}

static int64_t now = FIXTURE_NOW;

static int
add(struct console_store *cs, const char *site, const char *boot, int64_t offset,
    struct piece *p, int64_t *held)
{
	struct error err;

	*held = -1;
	return console_store_add(
	    cs, site, boot, offset, p->data, p->len, 0, now, held, &err);
}

static void
what_is_held_is_on_the_disk(void **state)
{
	char path[96];
	struct console_store *cs = open_store(*state, path);
	struct piece one = first_piece("a.los", BOOT, 10), two = next_piece(20);
	int64_t held;

	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), 0);
	assert_int_equal(held, one.len);
	assert_int_equal(disk.files, 1);
	assert_int_equal(disk.size, one.len);
	assert_int_equal(disk.held, 0);
	assert_int_equal(disk.folders, 2); /* the file's name, and the folder's */
	assert_int_equal(add(cs, "los", BOOT, held, &two, &held), 0);
	assert_int_equal(held, one.len + two.len);
	assert_int_equal(disk.files, 2);
	assert_int_equal(disk.size, one.len + two.len);
	assert_int_equal(disk.held, one.len);
	assert_int_equal(disk.folders, 2);
	one.len = 0; /* asks */
	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), 0);
	assert_int_equal(held, first_piece("a.los", BOOT, 10).len + two.len);
	assert_int_equal(add(cs, "los", OTHER, 0, &one, &held), 0);
	assert_int_equal(held, 0);
	assert_int_equal(add(cs, "los", OTHER, 100, &two, &held), 0);
	assert_int_equal(held, 0);
	one = first_piece("a.los", BOOT, 10);
	/* Nothing new: nothing to wait for. */
	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), 0);
	assert_int_equal(held, one.len + two.len);
	assert_int_equal(disk.files, 2);
	console_store_free(cs);
}

/* An agent speaks for the machines of its own site. */
static void
another_sites_recordings_are_left_alone(void **state)
{
	char path[96];
	struct fixture *f = *state;
	struct console_store *cs = open_store(f, path);
	struct piece one = first_piece("a.los", BOOT, 10), two = next_piece(20),
		     gone = first_piece("gone.fra", OTHER, 10);
	const struct db_boot boot = {
	    .id = OTHER, .host = "gone.fra", .site = "fra", .trigger = "", .began = 1};
	struct db_console row;
	int64_t held;

	assert_int_equal(add(cs, "fra", BOOT, 0, &one, &held), -EINVAL);
	assert_int_equal(db_console_get(f->store, BOOT, &row), -ENOENT);
	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), 0);
	assert_int_equal(add(cs, "fra", BOOT, held, &two, &held), -EINVAL);
	assert_int_equal(db_console_get(f->store, BOOT, &row), 0);
	assert_int_equal(row.size, one.len);
	/* Of a machine that is not in the inventory any more the boot tells. */
	assert_int_equal(db_boot_begin(f->store, &boot), 0);
	assert_int_equal(add(cs, "los", OTHER, 0, &gone, &held), -EINVAL);
	assert_int_equal(add(cs, "fra", OTHER, 0, &gone, &held), 0);
	one = first_piece("b.los", OTHER, 10);
	assert_int_equal(db_console_del(f->store, OTHER), 0);
	assert_int_equal(add(cs, "fra", OTHER, 0, &one, &held), -EINVAL);
	console_store_free(cs);
}

static void
a_file_that_lost_its_end_is_begun_anew(void **state)
{
	char path[96], file[160];
	struct fixture *f = *state;
	struct console_store *cs = open_store(f, path);
	struct piece one = first_piece("a.los", BOOT, 10), two = {.len = 0};
	struct db_console row;
	int64_t held;

	two.len = console_record_put_mark(
	    two.data, sizeof(two.data), 20, CONSOLE_RECORD_TRUNCATED, "");
	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), 0);
	assert_int_equal(add(cs, "los", BOOT, held, &two, &held), 0);
	snprintf(file, sizeof(file), "%s/console/" BOOT ".rec", f->dir);
	assert_int_equal(truncate(file, 7), 0);
	assert_int_equal(add(cs, "los", BOOT, held, &two, &held), 0);
	assert_int_equal(held, 0);
	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), 0);
	assert_int_equal(held, one.len);
	assert_int_equal(db_console_get(f->store, BOOT, &row), 0);
	assert_int_equal(row.octets, 5);
	assert_false(row.truncated);
	console_store_free(cs);
}

/* Agents' clocks may be wrong by decades; what they name is no reason to drop a recording, nor to keep one. */
static void
age_counts_by_our_own_clock(void **state)
{
	char path[96];
	struct fixture *f = *state;
	struct console_store *cs = open_store(f, path);
	struct piece early = first_piece("a.los", "00000000000000aa", FIXTURE_NOW * 2),
		     late = first_piece("b.los", BOOT, 10);
	struct db_console row;
	int64_t held;

	now = FIXTURE_NOW;
	assert_int_equal(add(cs, "los", "00000000000000aa", 0, &early, &held), 0);
	now = FIXTURE_NOW + 10;
	assert_int_equal(add(cs, "los", BOOT, 0, &late, &held), 0);
	console_store_prune(cs, FIXTURE_NOW, INT64_MAX);
	assert_int_equal(db_console_get(f->store, BOOT, &row), 0);
	assert_int_equal(db_console_get(f->store, "00000000000000aa", &row), 0);
	console_store_prune(cs, FIXTURE_NOW + 1, INT64_MAX);
	assert_int_equal(db_console_get(f->store, "00000000000000aa", &row), -ENOENT);
	assert_int_equal(db_console_get(f->store, BOOT, &row), 0);
	console_store_prune(cs, FIXTURE_NOW + 1, 10);
	assert_int_equal(db_console_get(f->store, BOOT, &row), -ENOENT);
	now = FIXTURE_NOW;
	console_store_free(cs);
}

/* Jobs and events need the disk more. */
static void
the_database_has_the_last_of_the_disk(void **state)
{
	char path[96];
	struct fixture *f = *state;
	struct console_store *cs = open_store(f, path);
	struct piece one = first_piece("a.los", BOOT, 10);
	struct db_console row;
	int64_t held;

	spare = 1000;
	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), -ENOSPC);
	assert_int_equal(db_console_get(f->store, BOOT, &row), -ENOENT);
	spare = 1024 * 1024;
	assert_int_equal(add(cs, "los", BOOT, 0, &one, &held), 0);
	console_store_free(cs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(what_is_held_is_on_the_disk),
	    FIXTURE_TEST(another_sites_recordings_are_left_alone),
	    FIXTURE_TEST(a_file_that_lost_its_end_is_begun_anew),
	    FIXTURE_TEST(age_counts_by_our_own_clock),
	    FIXTURE_TEST(the_database_has_the_last_of_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
