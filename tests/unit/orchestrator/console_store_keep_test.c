/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings as they are held: files and rows that agree, whatever a crash left. */
#include "orchestrator/console_store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/console_record.h"
#include "lib/str.h"

#define BOOT "01m8186kgj3sd2xa"
enum { BIG = 64 * 1024 };

struct kit {
	char dir[64], database[100];
	struct store *store;
	struct log log;
	struct console_store *cs;
};

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct error err;

	str_clip(k->dir, sizeof(k->dir), "/tmp/console_store_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->database, sizeof(k->database), "%s/o.db", k->dir);
	assert_int_equal(store_open(":memory:", 1, &k->store, &err), 0);
	k->cs = console_store_new(k->store, k->database, 3 * BIG, &k->log);
	*state = k;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
    struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	console_store_free(k->cs);
	store_close(k->store);
	nftw(k->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(k);
	return 0;
}

static void
path_of(const struct kit *k, const char *id, char ret[200])
{
	snprintf(ret, 200, "%s/console/%s.rec", k->dir, id);
}

static int64_t
size_of(const struct kit *k, const char *id)
{
	char path[200];
	struct stat st;

	path_of(k, id, path);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static size_t
begin(uint8_t *buf, const char *host, const char *id, bool always)
{
	size_t n = console_record_put_begin(buf, BIG, 1000, host, id, always);

	return n + console_record_put_mark(
		       buf + n, BIG - n, 1001, CONSOLE_RECORD_CONNECTED, "x");
}

static int64_t
add(struct kit *k, const char *id, int64_t offset, uint8_t *data, size_t len)
{
	struct error err;
	int64_t held = -1;

	assert_int_equal(console_store_add(
			     k->cs, "local", id, offset, data, len, 0, 3000, &held, &err),
	    0);
	return held;
}

static void
test_pieces_are_put_together(void **state)
{
	struct kit *k = *state;
	static uint8_t buf[BIG];
	struct db_console row;
	size_t a = begin(buf, "edge01", BOOT, false), b;
	int fd;

	b = console_record_put_data(buf + a, BIG - a, 2000, "hello", 5);
	assert_int_equal(add(k, BOOT, 0, NULL, 0), 0); /* it asks */
	assert_int_equal(add(k, BOOT, 0, buf, a), a);
	assert_int_equal(add(k, BOOT, 0, buf, a), a); /* again: held already */
	assert_int_equal(add(k, BOOT, (int64_t)a, buf + a, b), a + b);
	assert_int_equal(db_console_get(k->store, BOOT, &row), 0);
	assert_string_equal(row.host, "edge01");
	assert_true(row.octets == 5 && row.began == 1000 && row.last == 2000 &&
		    !row.always && !row.ended);
	fd = console_store_open(k->cs, &row);
	assert_true(fd >= 0);
	close(fd);
}

static void
test_what_a_crash_left(void **state)
{
	struct kit *k = *state;
	static uint8_t buf[BIG];
	struct db_console row;
	size_t a = begin(buf, "edge01", BOOT, false), b;
	char path[200];
	FILE *f;

	b = console_record_put_data(buf + a, BIG - a, 2000, "hello", 5);
	add(k, BOOT, 0, buf, a);
	/* Between the file and the row: what is behind the row is cut off. */
	path_of(k, BOOT, path);
	f = fopen(path, "a");
	fputs("half of a piece that no row knows", f);
	fclose(f);
	assert_int_equal(db_console_get(k->store, BOOT, &row), 0);
	assert_int_equal(row.size, a);
	assert_int_equal(add(k, BOOT, (int64_t)a, buf + a, b), a + b);
	assert_int_equal(size_of(k, BOOT), a + b);
	/* The file has lost its end: it is asked for from the beginning, and nothing is served meanwhile. */
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(db_console_get(k->store, BOOT, &row), 0);
	assert_int_equal(console_store_open(k->cs, &row), -ENOENT);
	assert_int_equal(add(k, BOOT, (int64_t)(a + b), buf + a, b), 0);
	assert_int_equal(add(k, BOOT, 0, buf, a + b), a + b);
	assert_int_equal(db_console_get(k->store, BOOT, &row), 0);
	assert_int_equal(row.octets, 5);
	/* Gone altogether. */
	unlink(path);
	assert_int_equal(console_store_open(k->cs, &row), -ENOENT);
	assert_int_equal(add(k, BOOT, 0, NULL, 0), 0);
}

static void
test_pieces_that_are_none(void **state)
{
	struct kit *k = *state;
	static uint8_t buf[BIG];
	size_t n = begin(buf, "edge01", BOOT, false);
	struct error err;
	int64_t held;

	const struct {
		const char *id;
		int64_t offset;
		uint8_t *data;
		size_t len;
	} bad[] = {{"01m8186kgj3sd2xb", 0, buf, n}, {BOOT, 0, buf, n - 1},
	    {BOOT, -1, buf, n}, {BOOT, INT64_C(1) << 40, NULL, 0},
	    {BOOT, 0, buf + 1, n - 1}, {BOOT, (int64_t)n, buf, n}};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(
		    console_store_add(k->cs, "local", bad[i].id, bad[i].offset,
			bad[i].data, bad[i].len, 0, 3000, &held, &err),
		    -EINVAL);
	assert_int_equal(size_of(k, BOOT), -1);
}

/* A recording of about `octets`. */
static void
whole(struct kit *k, const char *host, const char *id, bool always, size_t octets)
{
	static uint8_t buf[2 * BIG], said[4096];
	size_t n = begin(buf, host, id, always);

	for (size_t at = 0; at < octets; at += sizeof(said))
		n += console_record_put_data(
		    buf + n, sizeof(buf) - n, 3000, said, sizeof(said));
	assert_int_equal(add(k, id, 0, buf, n), n);
}

static void
test_the_oldest_go_first(void **state)
{
	struct kit *k = *state;
	char id[ID_SIZE] = "01m8186kgj3sd2x0";

	/* Between jobs: so much of each host, whatever others hold. */
	whole(k, "edge02", "01m8186kgj3sd200", true, BIG);
	whole(k, "edge01", "01m8186kgj3sd201", false, BIG);
	for (char c = '0'; c <= '6'; c++) {
		id[15] = c;
		whole(k, "edge01", id, true, BIG);
	}
	id[15] = '6';
	assert_true(size_of(k, id) > 0);
	id[15] = '2';
	assert_int_equal(size_of(k, id), -1);
	assert_true(size_of(k, "01m8186kgj3sd200") > 0);
	assert_true(size_of(k, "01m8186kgj3sd201") > 0);
	/* All together. */
	console_store_prune(k->cs, 0, 2 * (BIG + 4096));
	assert_int_equal(size_of(k, "01m8186kgj3sd200"), -1);
	assert_int_equal(size_of(k, "01m8186kgj3sd201"), -1);
	id[15] = '6';
	assert_true(size_of(k, id) > 0);
	console_store_prune(k->cs, 5000, INT64_MAX); /* by age */
	assert_int_equal(size_of(k, id), -1);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_pieces_are_put_together),
	    TEST(test_what_a_crash_left),
	    TEST(test_pieces_that_are_none),
	    TEST(test_the_oldest_go_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
