/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_boot.h"

#include "fixture.h"

static struct db_boot
make(const char *id, const char *host)
{
	struct db_boot b = {.site = "los",
	    .job = "job1",
	    .attempt = 2,
	    .planned = true,
	    .trigger = "reinstall",
	    .began = FIXTURE_NOW,
	    .image = "debian"};

	str_clip(b.id, sizeof(b.id), id);
	str_clip(b.host, sizeof(b.host), host);
	return b;
}

static void
a_boot_begins_and_ends_once(void **state)
{
	struct store *s = *state;
	struct db_boot b = make("b1", "edge01"), got;

	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_memory_equal(&got, &b, sizeof(b));
	str_clip(b.host, sizeof(b.host), "other");
	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_arch(s, "b1", "x64-uefi"), 0);
	assert_int_equal(db_boot_arch(s, "b1", "x86-bios"), 0);
	assert_int_equal(db_boot_end(s, "b1", "failed", "no kernel", 50), 0);
	assert_int_equal(db_boot_end(s, "b1", "ok", "", 60), 0);
	assert_int_equal(db_boot_end(s, "b9", "ok", "", 60), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(got.host, "edge01");
	assert_string_equal(got.arch, "x64-uefi");
	assert_string_equal(got.outcome, "failed");
	assert_string_equal(got.text, "no kernel");
	assert_int_equal(got.ended, 50);
	assert_int_equal(db_boot_end(s, "b1", "splendid", "", 60), 0);
	assert_int_equal(db_boot_get(s, "b9", &got), -ENOENT);
}

static void
lists_are_newest_first(void **state)
{
	struct store *s = *state;
	struct store_names ids = {0};
	struct db_boot a = make("b1", "x"), b = make("b2", "y"), c = make("b3", "x");

	assert_int_equal(db_boot_begin(s, &a), 0);
	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_begin(s, &c), 0);
	assert_int_equal(db_boot_ids(s, "x", NULL, 9, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_string_equal(ids.v[0], "b3");
	store_names_done(&ids);
	assert_int_equal(db_boot_ids(s, NULL, "b3", 1, &ids), 0);
	assert_int_equal(ids.n, 1);
	assert_string_equal(ids.v[0], "b2");
	store_names_done(&ids);
}

/* Agents make the ids, each by its own clock. */
static void
lists_are_in_order_of_the_record_whatever_the_ids(void **state)
{
	struct store *s = *state;
	struct store_names ids = {0};
	struct db_boot a = make("b7", "x"), b = make("b9", "x"), c = make("b2", "x");

	assert_int_equal(db_boot_begin(s, &a), 0);
	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_begin(s, &c), 0);
	assert_int_equal(db_boot_begin(s, &a), 0); /* repeated */
	assert_int_equal(db_boot_ids(s, "x", NULL, 2, &ids), 0);
	assert_int_equal(db_boot_ids(s, "x", "b9", 2, &ids), 0);
	assert_int_equal(db_boot_ids(s, NULL, NULL, 2, &ids), 0);
	assert_int_equal(db_boot_ids(s, NULL, "b9", 2, &ids), 0);
	assert_int_equal(db_boot_ids(s, NULL, "b8", 2, &ids), 0); /* no such boot */
	assert_int_equal(ids.n, 6);
	for (size_t i = 0; i < 6; i += 3) {
		assert_string_equal(ids.v[i], "b2");
		assert_string_equal(ids.v[i + 1], "b9");
		assert_string_equal(ids.v[i + 2], "b7");
	}
	store_names_done(&ids);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_boot_begins_and_ends_once),
	    FIXTURE_TEST(lists_are_newest_first),
	    FIXTURE_TEST(lists_are_in_order_of_the_record_whatever_the_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
