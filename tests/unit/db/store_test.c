/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/store.h"

#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "db/db_boot.h"
#include "db/db_schema.h"

static void
migrations_are_numbered_and_named(void **state)
{
	struct store *s = *state;
	int v = 0;

	assert_true(db_schema_count >= 1);
	for (size_t i = 0; i < db_schema_count; i++) {
		assert_int_equal(db_schema_migrations[i].version, i + 1);
		assert_non_null(strchr(db_schema_migrations[i].name, '_'));
	}
	assert_int_equal(db_schema_version(store_db(s), &v), 0);
	assert_int_equal(v, db_schema_count);
}

static void
names_grow(void **state)
{
	struct store_names names = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		store_names_add(&names, "x");
	assert_int_equal(names.n, 100);
	store_names_done(&names);
	assert_null(names.v);
	store_names_done(&names);
	store_close(NULL);
}

/* What a plan depends on raises it; reading, and what agents report, does not. */
static void
the_generation_tells_of_changes(void **state)
{
	struct store *s = *state;
	int64_t before = store_generation(s), v;

	fixture_site(s, "los");
	assert_true(store_generation(s) > before);
	before = store_generation(s);
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	assert_true(store_generation(s) > before);
	before = store_generation(s);
	struct db_job job = fixture_make_job("01k9xyz0a0abcdef", "a");
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	assert_true(store_generation(s) > before);
	before = store_generation(s);
	assert_int_equal(db_host_exists(s, "a"), 1);
	assert_int_equal(db_site_version(s, "los", &v), 0);
	assert_int_equal(db_host_state_seen(s, "a", FIXTURE_NOW, FIXTURE_NOW), 0);
	assert_true(store_generation(s) == before);
	assert_int_equal(db_host_delete(s, "a", FIXTURE_NOW), 0);
	assert_true(store_generation(s) > before);
}

static void
a_reader_sees_what_is_committed_and_writes_nothing(void **state)
{
	char dir[] = "/tmp/store_test-XXXXXX", path[64], name[80];
	struct store *s = NULL, *reader = NULL;
	struct error err;
	int64_t v;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/o.db", dir);
	assert_int_equal(store_open(path, FIXTURE_NOW, &s, &err), 0);
	fixture_site(s, "los");
	assert_int_equal(store_open_reader(path, &reader, &err), 0);
	bool begun = db_read_begin(store_db(reader));
	assert_true(begun);
	assert_int_equal(db_site_version(reader, "los", &v), 0);
	/* One state from the first read on, and the writer is not held up. */
	fixture_site(s, "fra");
	assert_int_equal(db_site_version(reader, "fra", &v), -ENOENT);
	assert_false(db_read_begin(store_db(reader)));
	db_read_end(store_db(reader), begun);
	assert_int_equal(db_site_version(reader, "fra", &v), 0);
	assert_int_equal(db_site_delete(reader, "fra"), -EROFS);
	store_close(reader);
	store_close(s);
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%s", path, i ? ".lock" : "");
		remove(name);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void
a_store_that_does_not_open_leaves_nothing(void **state)
{
	struct store *s = NULL;
	struct error err = {.code = ""};

	(void)state;
	assert_true(store_open("/nonexistent/dir/x.db", 1, &s, &err) < 0);
	assert_null(s);
	assert_string_equal(err.code, "db-open");
}

static void
add_boots_of_schema_1(const char *path)
{
	static const char *const sql[] = {"INSERT INTO boot (id, host, site, planned, "
					  "began) VALUES ($1, 'a', 'los', FALSE, 1)"};
	static const char *const ids[] = {"b3", "b1", "b2"};
	struct db *db = NULL;
	struct db_stmts *set = NULL;
	struct error err;

	assert_int_equal(db_open(path, &db, &err), 0);
	assert_int_equal(db_migrate(db, db_schema_migrations, 1, FIXTURE_NOW, &err), 0);
	assert_int_equal(db_stmts_new(db, sql, 1, &set, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct db_stmt *st = db_stmt(set, 0);
		db_bind_text(st, 1, ids[i]);
		assert_int_equal(db_run(st), 1);
	}
	db_stmts_free(set);
	db_close(db);
}

static void
boots_of_schema_1_keep_their_order(void **state)
{
	char dir[] = "/tmp/store_test-XXXXXX", path[64], name[80];
	struct db_boot late = {.id = "b0", .host = "a", .site = "los", .began = 1};
	struct store_names ids = {0};
	struct store *s = NULL;
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/o.db", dir);
	add_boots_of_schema_1(path);
	assert_int_equal(store_open(path, FIXTURE_NOW, &s, &err), 0);
	assert_int_equal(db_boot_begin(s, &late), 0);
	assert_int_equal(db_boot_ids(s, "a", NULL, 9, &ids), 0);
	assert_int_equal(ids.n, 4);
	assert_string_equal(ids.v[0], "b0");
	assert_string_equal(ids.v[1], "b3");
	assert_string_equal(ids.v[2], "b2");
	assert_string_equal(ids.v[3], "b1");
	store_names_done(&ids);
	store_close(s);
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%s", path, i ? ".lock" : "");
		remove(name);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void
fill_schema_2(const char *path)
{
	static const char *const sql[] = {
	    "INSERT INTO site (name, timezone, url, answer_unknown, idle, version, rev)"
	    " VALUES ('los', 'UTC', 'http://10.0.0.1', TRUE, 'menu', 7, 3)",
	    "INSERT INTO subnet (site, ord, prefix, gateway, dns, lease_s)"
	    " VALUES ('los', 0, '10.0.0.0/24', '10.0.0.1', '10.0.0.2 fd77::53', 600)",
	    "INSERT INTO subnet (site, ord, prefix, lease_s)"
	    " VALUES ('los', 1, 'fd77::/64', 600)",
	    "INSERT INTO image (name, kind, args, reports_up, reports_installed,"
	    " reports_booted, local_boot, rev)"
	    " VALUES ('i', 'reinstall', 'a=b', TRUE, FALSE, FALSE, TRUE, 1)",
	    "INSERT INTO image_file (image, role, ord, name, path, sha256, size)"
	    " VALUES ('i', 'kernel', 0, 'k', 'i/k', 'aa', 5)",
	    "INSERT INTO host (name, site, firmware, local_boot, image, rev)"
	    " VALUES ('a', 'los', 'bios', 'sanboot', 'i', 9)",
	    "INSERT INTO nic (host, ord, site, mac, ip, boot)"
	    " VALUES ('a', 0, 'los', '02:00:00:00:00:01', '10.0.0.7', TRUE)",
	    "INSERT INTO nic (host, ord, site, mac, ip, boot)"
	    " VALUES ('a', 1, 'los', '02:00:00:00:00:02', 'fd77::7', FALSE)",
	};
	struct db *db = NULL;
	struct db_stmts *set = NULL;
	struct error err;

	assert_int_equal(db_open(path, &db, &err), 0);
	assert_int_equal(db_migrate(db, db_schema_migrations, 2, FIXTURE_NOW, &err), 0);
	assert_int_equal(db_stmts_new(db, sql, ARRAY_SIZE(sql), &set, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sql); i++)
		assert_int_equal(db_run(db_stmt(set, i)), 1);
	db_stmts_free(set);
	db_close(db);
}

static void
expect_site_of_schema_2(struct store *s)
{
	struct db_site *site = str_alloc(sizeof(*site));

	assert_int_equal(db_site_get(s, "los", site), 0);
	assert_int_equal(site->rev, 3);
	assert_int_equal(site->site.version, 7);
	assert_int_equal(site->site.n_loaders, 0);
	assert_int_equal(site->site.n_subnets, 2);
	/* Each subnet tells of its own family, and an upgrade does not begin to advertise. */
	assert_int_equal(site->site.subnets[0].n_dns, 1);
	assert_int_equal(site->site.subnets[0].ra, BUNDLE_RA_OFF);
	assert_int_equal(site->site.subnets[1].ra, BUNDLE_RA_OFF);
	assert_int_equal(site->site.subnets[1].router_s, 0);
	/* Its agent takes it. */
	struct bundle_site copy;
	json_t *v = bundle_site_to_json(&site->site);
	assert_int_equal(bundle_site_from_json(v, &copy, NULL), 0);
	bundle_site_done(&copy);
	json_decref(v);
	free(site);
}

static void
rows_of_schema_2_are_kept(void **state)
{
	char dir[] = "/tmp/store_test-XXXXXX", path[64], name[80], text[ADDR_IP_TEXT];
	struct db_host *h = str_alloc(sizeof(*h));
	struct db_image *image = str_alloc(sizeof(*image));
	struct store *s = NULL;
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/o.db", dir);
	fill_schema_2(path);
	assert_int_equal(store_open(path, FIXTURE_NOW, &s, &err), 0);
	expect_site_of_schema_2(s);
	assert_int_equal(db_host_get(s, "a", h), 0);
	assert_int_equal(h->rev, 9);
	assert_int_equal(h->host.n_nics, 2);
	assert_int_equal(h->host.n_loaders, 0);
	assert_int_equal(h->host.nics[0].ip.family, AF_INET);
	assert_false(addr_ip_is_set(&h->host.nics[0].ip6));
	assert_false(addr_ip_is_set(&h->host.nics[1].ip));
	assert_string_equal(
	    addr_ip_text(&h->host.nics[1].ip6, text, sizeof(text)), "fd77::7");
	assert_int_equal(db_image_get(s, "i", image), 0);
	assert_string_equal(image->image.kernel.path, "i/k");
	assert_false(image->image.kernel.template);
	assert_string_equal(image->image.nfs_root, "");
	db_image_done(image);
	store_close(s);
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%s", path, i ? ".lock" : "");
		remove(name);
	}
	assert_int_equal(rmdir(dir), 0);
	free(h);
	free(image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(migrations_are_numbered_and_named),
	    FIXTURE_TEST(names_grow),
	    FIXTURE_TEST(the_generation_tells_of_changes),
	    cmocka_unit_test(a_reader_sees_what_is_committed_and_writes_nothing),
	    FIXTURE_TEST(a_store_that_does_not_open_leaves_nothing),
	    cmocka_unit_test(boots_of_schema_1_keep_their_order),
	    cmocka_unit_test(rows_of_schema_2_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
