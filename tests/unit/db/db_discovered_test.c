/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_discovered.h"

#include "fixture.h"

#include <stdio.h>

static struct db_discovered
seen(const char *mac, const char *site, int64_t at)
{
	struct db_discovered d = {.first_seen = at, .last_seen = at, .seen = 1};

	str_clip(d.mac, sizeof(d.mac), mac);
	str_clip(d.site, sizeof(d.site), site);
	return d;
}

static int
note(struct store *s, const struct db_discovered *d)
{
	fixture_begin(s);
	int rc = db_discovered_note(s, d);
	assert_true(rc >= 0);
	fixture_commit(s);
	return rc;
}

static void
a_machine_is_new_once(void **state)
{
	struct store *s = *state;
	struct db_discovered d = seen("52:54:00:00:00:01", "los", 100);

	d.seen = 0; /* an answer to it: its request was one of too many */
	assert_int_equal(note(s, &d), 1);
	assert_int_equal(note(s, &d), 0);
	d.seen = 1;
	assert_int_equal(note(s, &d), 0);
	d = seen("52:54:00:00:00:01", "nbo", 100);
	assert_int_equal(note(s, &d), 1);
}

static void
what_is_told_once_stays(void **state)
{
	struct store *s = *state;
	struct db_discovered d = seen("52:54:00:00:00:01", "los", 100), got;

	str_clip(d.arch, sizeof(d.arch), "x64-uefi");
	str_clip(d.circuit_id, sizeof(d.circuit_id), "eth7");
	note(s, &d);
	d = seen("52:54:00:00:00:01", "los", 300);
	str_clip(d.hostname, sizeof(d.hostname), "debian");
	note(s, &d);
	d = seen("52:54:00:00:00:01", "los", 200);
	note(s, &d);
	assert_int_equal(db_discovered_get(s, d.mac, "los", &got), 0);
	assert_string_equal(got.arch, "x64-uefi");
	assert_string_equal(got.circuit_id, "eth7");
	assert_string_equal(got.hostname, "debian");
	assert_int_equal(got.first_seen, 100);
	assert_int_equal(got.last_seen, 300);
	assert_int_equal(got.seen, 3);
	assert_int_equal(db_discovered_get(s, d.mac, "nbo", &got), -ENOENT);
}

static void
count(void *arg, const struct db_discovered *d UNUSED)
{
	(*(size_t *)arg)++;
}

static size_t
how_many(struct store *s, const char *site)
{
	size_t n = 0;

	assert_int_equal(
	    db_discovered_list(s, site, NULL, NULL, INT64_MAX, count, &n), 0);
	return n;
}

static void
a_site_holds_so_many_and_the_oldest_goes(void **state)
{
	struct store *s = *state;
	struct db_discovered d = seen("52:54:01:00:00:00", "nbo", 1), got;
	char mac[ADDR_MAC_TEXT];

	note(s, &d);
	fixture_begin(s);
	for (int i = 0; i < DB_DISCOVERED_MAX + 50; i++) {
		snprintf(mac, sizeof(mac), "52:54:00:00:%02x:%02x", i >> 8, i & 255);
		d = seen(mac, "los", 1000 + i);
		/* Of those that somebody else has to go for nothing is told. */
		assert_int_equal(
		    db_discovered_note(s, &d), i < DB_DISCOVERED_MAX ? 1 : 0);
	}
	fixture_commit(s);
	assert_int_equal(how_many(s, "los"), DB_DISCOVERED_MAX);
	assert_int_equal(how_many(s, NULL), DB_DISCOVERED_MAX + 1);
	assert_int_equal(db_discovered_get(s, "52:54:00:00:00:31", "los", &got), -ENOENT);
	assert_int_equal(db_discovered_get(s, "52:54:00:00:00:32", "los", &got), 0);
	assert_int_equal(db_discovered_prune(s, 1100, 30), 30);
	assert_int_equal(db_discovered_prune(s, 1100, 1000), 21);
	assert_int_equal(how_many(s, NULL), DB_DISCOVERED_MAX + 1 - 51);
}

static void
a_hosts_mac_is_not_discovered(void **state)
{
	struct store *s = *state;
	struct db_discovered d = seen("52:54:00:77:00:05", "los", 7), got;

	fixture_site(s, "los");
	note(s, &d);
	assert_int_equal(db_discovered_get(s, d.mac, NULL, &got), 0);
	assert_int_equal(fixture_put_host(s, fixture_make_host("edge05", "los", 5)), 0);
	assert_int_equal(db_discovered_get(s, d.mac, NULL, &got), -ENOENT);
	note(s, &d);
	assert_int_equal(db_discovered_get(s, d.mac, NULL, &got), -ENOENT);
	fixture_begin(s);
	assert_int_equal(db_host_delete(s, "edge05", FIXTURE_NOW), 0);
	fixture_commit(s);
	note(s, &d);
	assert_int_equal(db_discovered_get(s, d.mac, NULL, &got), 0);
}

static void
of_several_sites_the_last_one(void **state)
{
	struct store *s = *state;
	struct db_discovered d = seen("52:54:00:00:00:01", "los", 100), got;

	note(s, &d);
	d = seen("52:54:00:00:00:01", "nbo", 200);
	note(s, &d);
	assert_int_equal(db_discovered_get(s, d.mac, NULL, &got), 0);
	assert_string_equal(got.site, "nbo");
	assert_int_equal(db_discovered_forget(s, d.mac, "los"), 0);
	assert_int_equal(db_discovered_forget(s, d.mac, "los"), -ENOENT);
	assert_int_equal(db_discovered_forget(s, d.mac, NULL), 0);
	assert_int_equal(how_many(s, NULL), 0);
}

static void
found_by_uuid_at_its_site(void **state)
{
	static const char uuid[] = "00010203-0405-0607-0809-0a0b0c0d0e0f";
	struct store *s = *state;
	struct db_discovered d = seen("52:54:00:00:00:01", "los", 100), got;

	str_clip(d.uuid, sizeof(d.uuid), "03020100-0504-0706-0809-0a0b0c0d0e0f");
	note(s, &d);
	d = seen("52:54:00:00:00:02", "los", 300);
	note(s, &d);
	assert_int_equal(db_discovered_with_uuid(s, "los", uuid, 100, &got), 0);
	assert_string_equal(got.mac, "52:54:00:00:00:01");
	assert_int_equal(db_discovered_with_uuid(s, "los", uuid, 101, &got), -ENOENT);
	assert_int_equal(db_discovered_with_uuid(s, "nbo", uuid, 100, &got), -ENOENT);
	assert_int_equal(db_discovered_with_uuid(s, "los", "x", 100, &got), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(what_is_told_once_stays),
	    FIXTURE_TEST(a_machine_is_new_once),
	    FIXTURE_TEST(a_site_holds_so_many_and_the_oldest_goes),
	    FIXTURE_TEST(a_hosts_mac_is_not_discovered),
	    FIXTURE_TEST(of_several_sites_the_last_one),
	    FIXTURE_TEST(found_by_uuid_at_its_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
