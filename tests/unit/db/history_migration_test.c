/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a database of schema 7 knows of its boots when it has become one with full records. */
#include <stdio.h>
#include <unistd.h>

#include "past_kit.h"

#include "db/db_boot.h"
#include "db/db_power.h"
#include "db/db_transfer.h"

enum { BEFORE = 7 };

static const char *const past[] = {
    "INSERT INTO job (id, kind, host, site, reason, by_whom, created, state, stage, "
    "attempt, boot, ended, verdict_code,"
    " verdict_text, verdict_next, bundle) VALUES ('j1', 'reinstall', 'a', 'los', 'INC', "
    "'ann', 1, 'failed', 'kernel', 1,"
    " 'b1', 9, 'kernel-stalled', 't', 'n', '{}')",
    "INSERT INTO boot (id, host, site, job, attempt, planned, cause, began, ended, "
    "outcome, note, seq)"
    " VALUES ('b1', 'a', 'los', 'j1', 1, TRUE, 'reinstall', 1, 9, 'failed', 'x', 1)",
    "INSERT INTO boot (id, host, site, planned, cause, began, seq) VALUES ('b2', 'a', "
    "'los', FALSE, 'netboot', 20, 2)",
    "INSERT INTO event (seq, at, kind, boot, mac) VALUES (1, 2, 'dhcp4.discover', 'b1', "
    "'02:00:00:00:00:01')",
    "INSERT INTO event (seq, at, kind, boot, mac, ip) VALUES (2, 3, 'dhcp4.ack', 'b1', "
    "'02:00:00:00:00:01', '10.0.0.7')",
    "INSERT INTO event (seq, at, kind, boot, ip, file, bytes, total, detail) VALUES (3, "
    "3000, 'tftp.end', 'b1', '10.0.0.7',"
    " 'ipxe.efi', 900, 900, '{\"result\":\"complete\",\"took_us\":500}')",
    "INSERT INTO event (seq, at, kind, boot, ip, file, bytes, reason, detail) VALUES (4, "
    "5000, 'http.error', 'b1',"
    " '10.0.0.7', 't/vmlinuz', 100, 'gone', "
    "'{\"result\":\"aborted\",\"class\":\"kernel\"}')",
    "INSERT INTO event (seq, at, kind, boot, file) VALUES (5, 6, 'http.end', 'unknown', "
    "'x')",
    "INSERT INTO event (seq, at, kind, file) VALUES (6, 6, 'http.end', 'y')",
    "INSERT INTO event (seq, at, kind, boot, file, detail) VALUES (7, 7, 'http.end', "
    "'b2', 'z', '{damaged')",
    "INSERT INTO host_state (host, power, power_at) VALUES ('a', 'on', 5), ('b', "
    "'unknown', 5), ('c', 'on', 5), ('d', 'off', 5)",
    "INSERT INTO job (id, kind, host, site, reason, by_whom, created, state, stage, "
    "attempt, ended, bundle) VALUES"
    " ('j2', 'power', 'c', 'los', 'INC', 'ann', 6, 'done', 'done', 1, 9, '{}'),"
    " ('j3', 'power', 'd', 'los', 'INC', 'ann', 6, 'done', 'done', 1, 9, '{}'),"
    " ('j4', 'power', 'a', 'los', 'INC', 'ann', 4, 'done', 'done', 1, 9, '{}')",
};

struct rows {
	struct db_transfer v[4];
	size_t n;
};

static void
keep(void *arg, const struct db_transfer *t)
{
	struct rows *rows = arg;

	assert_true(rows->n < 4);
	rows->v[rows->n++] = *t;
}

static void
check(struct store *s)
{
	struct rows rows = {.n = 0};
	struct db_power power;
	struct db_boot b;

	assert_int_equal(db_boot_get(s, "b1", &b), 0);
	assert_string_equal(b.mac, "02:00:00:00:00:01");
	assert_string_equal(b.ip, "10.0.0.7");
	assert_string_equal(b.loader, "ipxe.efi");
	assert_string_equal(b.verdict_code, "kernel-stalled");
	assert_string_equal(b.text, "x");
	assert_string_equal(b.by, "ann");
	assert_int_equal(b.octets, 1000);
	assert_int_equal(b.flags, 0);
	assert_int_equal(db_boot_get(s, "b2", &b), 0);
	assert_int_equal(b.flags, DB_BOOT_UNORDERED);
	assert_int_equal(b.octets, 0);
	assert_int_equal(db_transfer_list(s, "b2", keep, &rows), 0);
	assert_int_equal(rows.n, 1); /* its details cannot be read */
	rows.n = 0;
	assert_int_equal(db_transfer_list(s, "b1", keep, &rows), 0);
	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.v[0].protocol, "tftp");
	assert_string_equal(rows.v[0].class, "loader");
	assert_int_equal(rows.v[0].began, 2500);
	assert_int_equal(rows.v[0].ended, 3000);
	assert_int_equal(rows.v[0].total, 900);
	assert_string_equal(rows.v[1].class, "kernel");
	assert_true(rows.v[1].failed);
	assert_int_equal(rows.v[1].began, 0);
	assert_int_equal(rows.v[1].total, -1);
	assert_string_equal(rows.v[1].reason, "gone");
	assert_int_equal(db_power_get(s, "a", &power), 0);
	assert_string_equal(power.known, "on");
	assert_int_equal(power.at, 5);
	assert_int_equal(db_power_get(s, "b", &power), 0);
	assert_string_equal(power.known, "");
	/* An order has been at its power since it was seen on. */
	assert_int_equal(db_power_get(s, "c", &power), 0);
	assert_string_equal(power.known, "");
	assert_int_equal(db_power_get(s, "d", &power), 0);
	assert_string_equal(power.known, "off");
}

static void
boots_of_schema_7_are_filled_in_from_their_events(void **state)
{
	char dir[] = "/tmp/history_test-XXXXXX", path[64], name[80];
	struct store *s = NULL;
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/o.db", dir);
	past_make(path, BEFORE, past, ARRAY_SIZE(past));
	if (store_open(path, FIXTURE_NOW, &s, &err) < 0)
		fail_msg("%s", err.text);
	check(s);
	store_close(s);
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%s", path, i ? ".lock" : "");
		remove(name);
	}
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(boots_of_schema_7_are_filled_in_from_their_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
