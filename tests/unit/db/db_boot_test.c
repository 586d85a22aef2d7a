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
	assert_int_equal(
	    db_boot_note(s, "b1", &(struct db_boot_note){.arch = "x64-uefi"}), 0);
	assert_int_equal(
	    db_boot_note(s, "b1", &(struct db_boot_note){.arch = "x86-bios"}), 0);
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

static void
of_addresses_the_last_counts_of_all_else_the_first(void **state)
{
	struct store *s = *state;
	struct db_boot b = make("b1", "edge01"), got;
	const struct db_boot_note first = {.mac = "52:54:00:77:00:01",
	    .ip = "10.0.0.1",
	    .vendor_class = "PXEClient",
	    .loader = "a.efi"};
	const struct db_boot_note then = {.mac = "52:54:00:77:00:02",
	    .ip = "10.0.0.2",
	    .ip6 = "fd00::2",
	    .vendor_class = "iPXE",
	    .loader = "b.efi"};

	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_note(s, "b1", &first), 0);
	assert_int_equal(db_boot_note(s, "b1", &then), 0);
	assert_int_equal(db_boot_note(s, "b9", &then), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(got.mac, "52:54:00:77:00:01");
	assert_string_equal(got.ip, "10.0.0.2");
	assert_string_equal(got.ip6, "fd00::2");
	assert_string_equal(got.vendor_class, "PXEClient");
	assert_string_equal(got.loader, "a.efi");
}

static void
a_boot_is_blamed_once_and_not_when_it_was_well(void **state)
{
	struct store *s = *state;
	struct db_boot b = make("b1", "edge01"), c = make("b2", "edge01"), got;

	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_begin(s, &c), 0);
	assert_int_equal(db_boot_end(s, "b1", "failed", "x", 50), 0);
	assert_int_equal(db_boot_end(s, "b2", "ok", "", 50), 0);
	assert_int_equal(db_boot_blame(s, "b1", "loader-stalled", "t", "n"), 0);
	assert_int_equal(db_boot_blame(s, "b1", "ipxe-silent", "u", "m"), 0);
	assert_int_equal(db_boot_blame(s, "b2", "ipxe-silent", "u", "m"), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(got.verdict_code, "loader-stalled");
	assert_string_equal(got.verdict_next, "n");
	/* A verdict found later takes the place of the one that it refines, and of no other. */
	assert_int_equal(
	    db_boot_verdict(s, "b1", "ipxe-silent", "cable-out", "t", "n"), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(got.verdict_code, "loader-stalled");
	assert_int_equal(
	    db_boot_verdict(s, "b2", "loader-stalled", "cable-out", "t", "n"), 0);
	assert_int_equal(
	    db_boot_verdict(s, "b1", "loader-stalled", "cable-out", "t", "n"), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(got.verdict_code, "cable-out");
	assert_int_equal(db_boot_get(s, "b2", &got), 0);
	assert_string_equal(got.verdict_code, "");
}

static void
flags_are_raised_and_stay(void **state)
{
	struct store *s = *state;
	struct db_boot b = make("b1", "edge01"), got;
	unsigned i = 0;

	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_flag(s, "b1", DB_BOOT_OTHER_DHCP), 0);
	assert_int_equal(db_boot_flag(s, "b1", DB_BOOT_UNORDERED), 0);
	assert_int_equal(db_boot_flag(s, "b1", DB_BOOT_OTHER_DHCP), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(db_boot_flag_next(got.flags, &i), "unordered");
	assert_string_equal(db_boot_flag_next(got.flags, &i), "other-dhcp");
	assert_null(db_boot_flag_next(got.flags, &i));
}

static void
a_host_is_recorded_as_off_once(void **state)
{
	struct store *s = *state;
	struct db_boot b = {.host = "x", .trigger = "power-off", .began = 100}, got;
	char id[ID_SIZE];

	assert_int_equal(db_boot_power_off_open(s, "x", id), -ENOENT);
	str_clip(b.id, sizeof(b.id), "b1");
	assert_int_equal(db_boot_begin(s, &b), 0);
	str_clip(b.id, sizeof(b.id), "b2");
	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_get(s, "b2", &got), -ENOENT);
	assert_int_equal(db_boot_power_off_open(s, "x", id), 0);
	assert_string_equal(id, "b1");
	assert_int_equal(db_boot_power_off_end(s, "y", "on", 200, id), -ENOENT);
	assert_int_equal(db_boot_power_off_end(s, "x", "on", 200, id), 0);
	assert_int_equal(db_boot_power_off_end(s, "x", "on", 300, id), -ENOENT);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(got.outcome, "unknown");
	assert_int_equal(got.ended, 200);
	assert_int_equal(db_boot_begin(s, &b), 0); /* off again */
	assert_int_equal(db_boot_power_off_open(s, "x", id), 0);
	assert_string_equal(id, "b2");
}

static void
files_stay_those_of_the_order(void **state)
{
	struct store *s = *state;
	struct db_boot b = make("b1", "edge01"), c = make("b2", "edge01");
	char *files = NULL;

	c.job[0] = '\0';
	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_begin(s, &c), 0);
	assert_int_equal(db_boot_files(s, "b1", &files), 0);
	assert_string_equal(files, "");
	free(files);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(db_boot_files_put(s, "b1", i ? "[2]" : "[1]"), 0);
		assert_int_equal(db_boot_files_put(s, "b2", i ? "[2]" : "[1]"), 0);
	}
	assert_int_equal(db_boot_files(s, "b1", &files), 0);
	assert_string_equal(files, "[1]");
	free(files);
	assert_int_equal(db_boot_files(s, "b2", &files), 0);
	assert_string_equal(files, "[2]");
	free(files);
	assert_int_equal(db_boot_files(s, "b9", &files), -ENOENT);
}

/* What its job knows is read with it. */
static void
a_boot_knows_its_order(void **state)
{
	struct store *s = *state;
	struct db_boot b = make("b1", "edge01"), got;
	struct db_job job = fixture_make_job("job1", "edge01");

	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_get(s, "b1", &got), 0);
	assert_string_equal(got.kind, "reinstall");
	assert_string_equal(got.by, "root");
	assert_string_equal(got.reason, "INC-1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_boot_begins_and_ends_once),
	    FIXTURE_TEST(of_addresses_the_last_counts_of_all_else_the_first),
	    FIXTURE_TEST(a_boot_is_blamed_once_and_not_when_it_was_well),
	    FIXTURE_TEST(flags_are_raised_and_stay),
	    FIXTURE_TEST(a_host_is_recorded_as_off_once),
	    FIXTURE_TEST(files_stay_those_of_the_order),
	    FIXTURE_TEST(a_boot_knows_its_order),
	    FIXTURE_TEST(lists_are_newest_first),
	    FIXTURE_TEST(lists_are_in_order_of_the_record_whatever_the_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
