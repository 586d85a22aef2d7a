/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the simulated BMC keeps and how it lives: users, K_g, event log, sensors, reboots. */
#include "bmcsim_kit.h"

#include <errno.h>

enum { APP = 6, STORAGE = 0x0A, SENSOR = 0x04 };
enum { SET_ACCESS = 0x43, GET_ACCESS, SET_NAME, GET_NAME, SET_PASSWORD };

static void
users_are_kept(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k);
	assert_int_equal(
	    kit_run(&k, APP, SET_NAME, "\3maint\0\0\0\0\0\0\0\0\0\0\0", 17), 0);
	assert_int_equal(kit_run(&k, APP, GET_NAME, "\3", 1), 0);
	assert_string_equal((const char *)k.out, "maint");
	assert_int_equal(
	    kit_run(&k, APP, SET_NAME, "\4maint\0\0\0\0\0\0\0\0\0\0\0", 17), 0xCC);
	assert_int_equal(
	    kit_run(&k, APP, SET_NAME, "\1maint\0\0\0\0\0\0\0\0\0\0\0", 17), 0xCC);
	assert_int_equal(kit_run(&k, APP, SET_ACCESS, "\x91\3\3", 3), 0);
	assert_int_equal(kit_run(&k, APP, GET_ACCESS, "\1\3", 2), 0);
	assert_int_equal(k.out[0], BMCSIM_USERS);
	assert_int_equal(k.out[1], 0x80 | 1);
	assert_int_equal(k.out[3], 0x13);
	assert_int_equal(kit_run(&k, APP, SET_PASSWORD, "\3\1", 2), 0);
	assert_non_null(bmcsim_users_find(&k.b, "maint"));
	assert_int_equal(kit_run(&k, APP, SET_PASSWORD, "\3\0", 2), 0);
	assert_null(bmcsim_users_find(&k.b, "maint"));
	assert_int_equal(kit_run(&k, APP, GET_NAME, "\x3F", 1), 0xCC);
	k.s->level = 3;
	assert_int_equal(kit_run(&k, APP, SET_PASSWORD, "\3\1", 2), 0xD4);
}

static void
passwords_of_16_and_20_octets(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k);
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\2\3secret17\0\0\0\0\0\0\0\0", 18), 0);
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\2\3secret18\0\0\0\0\0\0\0\0", 18), 0x80);
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\x82\2abcdefghijklmnopqrst", 22), 0);
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\x82\3abcdefghijklmnopqrst", 22), 0);
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\x82\3abcdefghijklmnopqrsX", 22), 0x80);
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\2\3abcdefghijklmnop", 18), 0x81);
	assert_int_equal(kit_run(&k, APP, SET_PASSWORD, "\x82\2short", 7), 0xC7);
	k.b.faults.no_password20 = 1;
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\x82\2ABCDEFGHIJKLMNOPQRST", 22), 0x81);
	k.b.faults.no_password20 = 0;
	k.b.faults.keep_password = 1;
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\x82\2ABCDEFGHIJKLMNOPQRST", 22), 0);
	assert_memory_equal(k.b.users[1].password, "abcdefghijklmnopqrst", 20);
	k.b.faults.keep_password = 0;
	k.b.faults.cut_password = 1;
	assert_int_equal(
	    kit_run(&k, APP, SET_PASSWORD, "\x82\2ABCDEFGHIJKLMNOPQRST", 22), 0);
	assert_memory_equal(k.b.users[1].password, "ABCDEFGHIJKLMNOP\0\0\0\0", 20);
}

static void
capabilities_tell_of_users_and_kg(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k);
	assert_int_equal(bmcsim_users_authcap(&k.b), 0x04);
	assert_int_equal(bmcsim_set_user(&k.b, 1, "", "", 2), 0);
	assert_int_equal(bmcsim_users_authcap(&k.b), 0x05);
	assert_int_equal(bmcsim_set_user(&k.b, 1, "", "pw", 2), 0);
	assert_int_equal(bmcsim_users_authcap(&k.b), 0x06);
	assert_int_equal(bmcsim_set_value(&k.b, "kg", "0x0102"), 0);
	assert_int_equal(bmcsim_users_authcap(&k.b), 0x26);
	k.b.faults.authcap = 0x01;
	assert_int_equal(bmcsim_users_authcap(&k.b), 0x01);
	assert_int_equal(bmcsim_set_user(&k.b, 9, "x", "", 2), -EINVAL);
	assert_int_equal(bmcsim_set_user(&k.b, 3, "a-name-of-17-chars", "", 2), -EINVAL);
	assert_int_equal(kit_run(&k, APP, 0x56, "\1\1\1ABCDEFGHIJKLMNOPQRST", 23), 0);
	assert_int_equal(kit_run(&k, APP, 0x56, "\1\0\1", 3), 0);
	assert_memory_equal(k.out, "\2ABCDEFGHIJKLMNOPQRST", 21);
	assert_int_equal(kit_run(&k, APP, 0x56, "\1\0\0", 3), 0xCC); /* K_R */
}

static void
a_user_is_locked_after_wrong_passwords_and_not_for_ever(void **state)
{
	struct kit k;
	struct bmcsim_user *u;

	(void)state;
	kit_init(&k);
	k.b.faults.lockout = 3;
	k.b.faults.lockout_ms = 10000;
	u = &k.b.users[1];
	for (unsigned i = 0; i < 3; i++) {
		assert_false(bmcsim_users_locked(&k.b, u, k.now));
		bmcsim_users_try(&k.b, u);
	}
	assert_true(bmcsim_users_locked(&k.b, u, k.now));
	assert_true(bmcsim_users_locked(&k.b, u, k.now + 9999999));
	assert_int_equal(k.b.counts.locks, 1);
	assert_false(bmcsim_users_locked(&k.b, u, k.now + 10000000));
	for (unsigned i = 0; i < 6; i++) {
		bmcsim_users_try(&k.b, u);
		if (i % 2 != 0) /* the right one ends the count */
			bmcsim_users_proved(u);
		assert_false(bmcsim_users_locked(&k.b, u, k.now));
	}
	assert_int_equal(k.b.counts.locks, 1);
}

static void
log_is_walked_and_cleared(void **state)
{
	struct kit k;
	unsigned n = 0;
	uint16_t id = 0;

	(void)state;
	kit_init(&k);
	assert_int_equal(kit_run(&k, STORAGE, 0x43, "\0\0\0\0\0\xFF", 6), 0xCB);
	for (unsigned i = 0; i < 10; i++) {
		bmcsim_chassis_control(&k.b, k.now, BMCSIM_ON);
		bmcsim_chassis_control(&k.b, k.now, BMCSIM_OFF);
	}
	assert_int_equal(kit_run(&k, STORAGE, 0x40, "", 0), 0);
	assert_int_equal(k.out[1], BMCSIM_SEL_MAX);
	assert_int_equal(k.out[13], 0x82); /* overflow */
	while (id != 0xFFFF) {
		const char rq[6] = {0, 0, (char)id, (char)(id >> 8), 0, (char)0xFF};

		assert_int_equal(kit_run(&k, STORAGE, 0x43, rq, 6), 0);
		assert_int_equal(k.n, 18);
		id = (uint16_t)(k.out[0] | k.out[1] << 8);
		n++;
	}
	assert_int_equal(n, BMCSIM_SEL_MAX);
	assert_int_equal(kit_run(&k, STORAGE, 0x47, "\0\0CLR\xAA", 6), 0xC5);
	assert_int_equal(kit_run(&k, STORAGE, 0x42, "", 0), 0);
	assert_memory_equal(k.out, "\1\0", 2);
	assert_int_equal(kit_run(&k, STORAGE, 0x47, "\1\0CLX\xAA", 6), 0xCC);
	assert_int_equal(kit_run(&k, STORAGE, 0x47, "\1\0CLR\xAA", 6), 0);
	assert_int_equal(k.out[0], 1);
	assert_int_equal(k.b.sel.n, 0);
	assert_int_equal(
	    kit_run(&k, STORAGE, 0x44, "\0\0\2\0\0\0\0\x20\0\4\1\1\1\x59\x5A\x5A", 16),
	    0);
	assert_int_equal(k.b.sel.n, 1);
	assert_int_equal(kit_run(&k, STORAGE, 0x49, "\0\0\0\x70", 4), 0);
	assert_int_equal(kit_run(&k, STORAGE, 0x48, "", 0), 0);
	assert_memory_equal(k.out, "\0\0\0\x70", 4);
}

static void
repository_is_read_in_parts(void **state)
{
	struct kit k;
	uint16_t id = 0;
	unsigned records = 0;

	(void)state;
	kit_init(&k);
	assert_int_equal(kit_run(&k, STORAGE, 0x22, "", 0), 0);
	while (id != 0xFFFF) {
		char rq[6] = {1, 0, (char)id, (char)(id >> 8), 0, 5};
		uint8_t whole[64];
		size_t len, at;

		assert_int_equal(kit_run(&k, STORAGE, 0x23, rq, 6), 0);
		len = 5 + (size_t)k.out[6];
		memcpy(whole, k.out + 2, 5);
		for (at = 5; at < len; at += 16) {
			rq[4] = (char)at;
			rq[5] = 16;
			assert_int_equal(kit_run(&k, STORAGE, 0x23, rq, 6), 0);
			memcpy(whole + at, k.out + 2, k.n - 2);
		}
		assert_int_equal(at - 16 + k.n - 2, len);
		assert_int_equal(whole[47] & 0x1F, len - 48); /* the name's length */
		rq[4] = (char)len;
		assert_int_equal(kit_run(&k, STORAGE, 0x23, rq, 6), 0xC9);
		id = (uint16_t)(k.out[0] | k.out[1] << 8);
		rq[4] = 0;
		rq[5] = (char)0xFF;
		assert_int_equal(kit_run(&k, STORAGE, 0x23, rq, 6), 0);
		assert_memory_equal(k.out + 2, whole, len);
		id = (uint16_t)(k.out[0] | k.out[1] << 8);
		records++;
	}
	assert_int_equal(records, BMCSIM_SENSORS);
	assert_int_equal(kit_run(&k, STORAGE, 0x23, "\7\0\1\0\4\4", 6), 0xC5);
	assert_int_equal(kit_run(&k, STORAGE, 0x23, "\1\0\x63\0\0\4", 6), 0xCB);
}

static void
readings(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k);
	assert_int_equal(kit_run(&k, SENSOR, 0x2D, "\1", 1), 0);
	assert_memory_equal(k.out, "\x2D\xC0\xC0", 3);
	assert_int_equal(bmcsim_set_value(&k.b, "sensor1", "92"), 0);
	assert_int_equal(kit_run(&k, SENSOR, 0x2D, "\1", 1), 0);
	assert_memory_equal(k.out, "\x5C\xC0\xD8", 3); /* above two thresholds */
	assert_int_equal(kit_run(&k, SENSOR, 0x2D, "\3", 1), 0);
	assert_memory_equal(k.out, "\0\xE0\xC0", 3); /* a fan of a machine that is off */
	assert_int_equal(kit_run(&k, SENSOR, 0x2D, "\x77", 1), 0xCB);
	assert_int_equal(bmcsim_set_value(&k.b, "sensor7", "1"), -EINVAL);
	assert_int_equal(bmcsim_set_value(&k.b, "sensor1", "300"), -EINVAL);
}

static void
reset_loses_sessions_and_flags_and_is_silent(void **state)
{
	struct kit k;
	uint8_t reply[BMCSIM_PACKET_MAX];
	static const uint8_t ping[] = {6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 7, 0, 0};

	(void)state;
	kit_init(&k);
	k.b.faults.reboot_ms = 4000;
	k.b.faults.ff_ms = 2000;
	k.b.flags[0] = 0xE0;
	assert_int_equal(bmcsim_input(&k.b, k.now, ping, sizeof ping, reply), 28);
	assert_int_equal(reply[9], 7); /* the pong's tag */
	assert_int_equal(kit_run(&k, APP, 0x02, "", 0), 0);
	assert_true(k.b.reboot_due);
	bmcsim_life_reboot(&k.b, k.now);
	assert_int_equal(bmcsim_slots_used(&k.b, false), 0);
	assert_int_equal(k.b.flags[0], 0);
	assert_int_equal(
	    bmcsim_input(&k.b, k.now + 3999999, ping, sizeof ping, reply), 0);
	k.now += 4000000;
	assert_int_equal(bmcsim_input(&k.b, k.now, ping, sizeof ping, reply), 28);
	k.s = kit_session(&k, 0);
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), 0xFF);
	assert_int_equal(kit_run(&k, APP, 0x3B, "\3", 1), 0);
	k.now += 2000000;
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), 0);
	k.b.faults.no_ping = 1;
	assert_int_equal(bmcsim_input(&k.b, k.now, ping, sizeof ping, reply), 0);
}

static void
too_many_commands_crash_it(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k);
	k.b.faults.min_interval_ms = 100;
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), 0);
	k.now += 100000;
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), 0);
	assert_int_equal(kit_run(&k, APP, 0x3B, "\3", 1), 0); /* not counted */
	k.now += 99999;
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), -1);
	assert_int_equal(k.b.counts.crashes, 1);
	assert_false(bmcsim_life_awake(&k.b, k.now + 1000 * USEC_PER_SEC));
	k.b.faults.revive = 1;
	assert_true(bmcsim_life_awake(&k.b, k.now));
	k.s = kit_session(&k, 0);
	k.b.faults.reboot_after = 2;
	k.now += 100000;
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), 0);
	k.now += 100000;
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), -1);
	assert_int_equal(k.b.counts.reboots, 1);
}

static void
garbage_comes_from_the_seed(void **state)
{
	static const uint8_t ping[] = {6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 7, 0, 0};
	uint8_t a[BMCSIM_PACKET_MAX], b[BMCSIM_PACKET_MAX];
	struct kit one, two;

	(void)state;
	kit_init(&one);
	kit_init(&two);
	one.b.faults.garbage = two.b.faults.garbage = 50;
	for (unsigned i = 0; i < 200; i++) {
		size_t n = bmcsim_input(&one.b, one.now, ping, sizeof ping, a);

		assert_true(n > 0);
		assert_int_equal(bmcsim_input(&two.b, two.now, ping, sizeof ping, b), n);
		assert_memory_equal(a, b, n);
	}
	assert_in_range(one.b.counts.mangled, 60, 140);
}

static void
values(void **state)
{
	struct kit k;
	const char *name;
	int v;
	size_t n = 0;

	(void)state;
	kit_init(&k);
	assert_int_equal(bmcsim_set_value(&k.b, "manufacturer", "0x2A7C"), 0);
	assert_int_equal(bmcsim_set_value(&k.b, "product", "1579"), 0);
	assert_int_equal(bmcsim_set_value(&k.b, "firmware", "3.88"), 0);
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), 0);
	assert_memory_equal(k.out, "\x20\1\3\x88\2\x97\x7C\x2A\0\x2B\6", 11);
	assert_int_equal(bmcsim_set_value(&k.b, "firmware", "3"), -EINVAL);
	assert_int_equal(bmcsim_set_value(&k.b, "manufacturer", ""), -EINVAL);
	assert_int_equal(bmcsim_set_value(&k.b, "product", "-1"), -EINVAL);
	assert_int_equal(bmcsim_set_value(&k.b, "kg", "0xZZ"), -EINVAL);
	assert_int_equal(bmcsim_set_value(&k.b, "nonsense", "1"), -EINVAL);
	while ((name = bmcsim_fault_name(&k.b.faults, n, &v)) != NULL) {
		assert_int_equal(bmcsim_set_fault(&k.b.faults, name, (int)n + 1), 0);
		(void)bmcsim_fault_name(&k.b.faults, n, &v);
		assert_int_equal(v, n + 1);
		n++;
	}
	assert_int_equal(n, sizeof k.b.faults / sizeof(int)); /* none is forgotten */
}

static void
slow_commands_and_leaked_sessions(void **state)
{
	struct kit k;
	const char id[4] = {0, 0x10, 0, 0};

	(void)state;
	kit_init(&k);
	k.b.faults.slow_ms = 700;
	k.b.faults.slow_cmd = 1;
	assert_int_equal(kit_run(&k, 0, 0x01, "", 0), 0);
	assert_int_equal(k.b.reply_delay, 700000);
	k.b.reply_delay = 0;
	assert_int_equal(kit_run(&k, APP, 0x01, "", 0), 0);
	assert_int_equal(k.b.reply_delay, 0);
	k.b.faults.leak_close = 1;
	assert_int_equal(kit_run(&k, APP, 0x3C, id, 4), 0);
	assert_int_equal(k.s->state, BMCSIM_ACTIVE);
	k.b.faults.session_ms = 30000;
	bmcsim_tick(&k.b, k.now + 30000000);
	assert_int_equal(bmcsim_slots_used(&k.b, false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(users_are_kept),
	    cmocka_unit_test(passwords_of_16_and_20_octets),
	    cmocka_unit_test(capabilities_tell_of_users_and_kg),
	    cmocka_unit_test(a_user_is_locked_after_wrong_passwords_and_not_for_ever),
	    cmocka_unit_test(log_is_walked_and_cleared),
	    cmocka_unit_test(repository_is_read_in_parts),
	    cmocka_unit_test(readings),
	    cmocka_unit_test(reset_loses_sessions_and_flags_and_is_silent),
	    cmocka_unit_test(too_many_commands_crash_it),
	    cmocka_unit_test(garbage_comes_from_the_seed),
	    cmocka_unit_test(values),
	    cmocka_unit_test(slow_commands_and_leaked_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
