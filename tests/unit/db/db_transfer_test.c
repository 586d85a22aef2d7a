/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_transfer.h"

#include "fixture.h"

#include "db/db_boot.h"
#include "lib/clock.h"

#define T0 FIXTURE_NOW

static struct db_transfer
make(const char *file, int64_t began, int64_t octets)
{
	struct db_transfer t = {.boot = "b1",
	    .protocol = "http",
	    .class = "kernel",
	    .ip = "10.0.0.1",
	    .began = began,
	    .octets = octets,
	    .total = 1000};

	str_clip(t.file, sizeof(t.file), file);
	return t;
}

static void
add_boot(struct store *s)
{
	const struct db_boot b = {.id = "b1", .host = "x", .site = "los", .began = T0};

	assert_int_equal(db_boot_begin(s, &b), 0);
}

struct rows {
	struct db_transfer v[8];
	size_t n;
};

static void
keep(void *arg, const struct db_transfer *t)
{
	struct rows *rows = arg;

	assert_true(rows->n < 8);
	rows->v[rows->n++] = *t;
}

static struct rows
list(struct store *s)
{
	struct rows rows = {.n = 0};

	assert_int_equal(db_transfer_list(s, "b1", keep, &rows), 0);
	return rows;
}

static int64_t
octets(struct store *s)
{
	struct db_boot b;

	assert_int_equal(db_boot_get(s, "b1", &b), 0);
	return b.octets;
}

static void
put(struct store *s, enum db_transfer_step step, struct db_transfer t)
{
	assert_int_equal(db_transfer_put(s, step, &t), 0);
}

static struct db_transfer
ended(struct db_transfer t, int64_t at, const char *result)
{
	t.ended = at;
	str_clip(t.result, sizeof(t.result), result);
	return t;
}

static void
a_transfer_is_one_row(void **state)
{
	struct store *s = *state;
	struct rows rows;

	add_boot(s);
	put(s, DB_TRANSFER_BEGIN, make("k", T0, 0));
	put(s, DB_TRANSFER_PROGRESS, make("k", 0, 400));
	assert_int_equal(octets(s), 400);
	put(s, DB_TRANSFER_PROGRESS, make("k", 0, 300)); /* was overtaken */
	put(s, DB_TRANSFER_END, ended(make("k", T0 + 20, 1000), T0 + 2000, "complete"));
	assert_int_equal(octets(s), 1000);
	rows = list(s);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.v[0].n, 1);
	assert_int_equal(rows.v[0].began, T0);
	assert_int_equal(rows.v[0].ended, T0 + 2000);
	assert_int_equal(rows.v[0].octets, 1000);
	assert_string_equal(rows.v[0].result, "complete");
	assert_string_equal(rows.v[0].class, "kernel");
	assert_false(rows.v[0].failed);
}

/* Of two fetches of one file each end is that of the one that began when it says. */
static void
parallel_ones_are_told_apart_by_their_beginning(void **state)
{
	struct store *s = *state;
	struct rows rows;

	add_boot(s);
	put(s, DB_TRANSFER_BEGIN, make("k", T0, 0));
	put(s, DB_TRANSFER_BEGIN, make("k", T0 + USEC_PER_SEC, 0));
	put(s, DB_TRANSFER_BEGIN, make("other", T0 + USEC_PER_SEC, 0));
	put(s, DB_TRANSFER_END,
	    ended(make("k", T0 + 1, 700), T0 + 3 * USEC_PER_SEC, "complete"));
	put(s, DB_TRANSFER_END,
	    ended(
		make("k", T0 + USEC_PER_SEC + 1, 300), T0 + 4 * USEC_PER_SEC, "aborted"));
	rows = list(s);
	assert_int_equal(rows.n, 3);
	assert_int_equal(rows.v[0].octets, 700);
	assert_int_equal(rows.v[1].octets, 300);
	assert_string_equal(rows.v[1].result, "aborted");
	assert_int_equal(rows.v[2].ended, 0);
	assert_int_equal(octets(s), 1000);
}

/* Logs of a site's own servers tell of ends alone; and where a beginning was lost, an older one is not taken for it. */
static void
an_end_without_a_beginning_is_a_row(void **state)
{
	struct store *s = *state;
	struct rows rows;

	add_boot(s);
	put(s, DB_TRANSFER_PROGRESS, make("k", 0, 5)); /* of which nobody knows */
	put(s, DB_TRANSFER_END, ended(make("k", 0, 1000), T0 + 5, ""));
	put(s, DB_TRANSFER_BEGIN, make("k", T0, 0));
	put(s, DB_TRANSFER_END,
	    ended(make("k", T0 + 60 * USEC_PER_SEC, 1000), T0 + 61 * USEC_PER_SEC,
		"complete"));
	rows = list(s);
	assert_int_equal(rows.n, 3);
	assert_int_equal(rows.v[0].began, 0);
	assert_int_equal(rows.v[1].ended, 0);
	assert_int_equal(rows.v[2].began, T0 + 60 * USEC_PER_SEC);
	assert_int_equal(octets(s), 2000);
}

static void
count(void *arg, const struct db_transfer *t)
{
	int64_t *n = arg;

	assert_int_equal(t->n, ++*n);
}

static void
rows_are_bounded_and_octets_are_not(void **state)
{
	struct store *s = *state;
	int64_t n = 0;

	add_boot(s);
	for (int64_t i = 0; i < DB_TRANSFER_MAX + 5; i++) {
		put(s, DB_TRANSFER_BEGIN, make("k", T0 + i, 0));
		put(s, DB_TRANSFER_END,
		    ended(make("k", T0 + i, 2), T0 + i + 1, "complete"));
	}
	assert_int_equal(octets(s), 2 * (DB_TRANSFER_MAX + 5));
	assert_int_equal(db_transfer_list(s, "b1", count, &n), 0);
	assert_int_equal(n, DB_TRANSFER_MAX);
}

static void
a_boot_that_is_not_there_has_none(void **state)
{
	struct store *s = *state;

	put(s, DB_TRANSFER_BEGIN, make("k", T0, 0));
	put(s, DB_TRANSFER_END, ended(make("k", T0, 5), T0 + 5, "complete"));
	assert_int_equal(list(s).n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_transfer_is_one_row),
	    FIXTURE_TEST(parallel_ones_are_told_apart_by_their_beginning),
	    FIXTURE_TEST(an_end_without_a_beginning_is_a_row),
	    FIXTURE_TEST(rows_are_bounded_and_octets_are_not),
	    FIXTURE_TEST(a_boot_that_is_not_there_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
