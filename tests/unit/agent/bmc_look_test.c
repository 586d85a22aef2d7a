/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which requests a thorough look makes, and what the document says of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_look.h"
#include "agent/bmc_manners.h"
#include "lib/json.h"
#include "lib/rng.h"

/* Rows of what a BMC answers: the first that matches; none: C1h. */
struct row {
	uint8_t netfn, cmd;
	const char *data; /* of the request */
	uint8_t len, code;
	const char *answer;
	uint8_t answer_len;
};

static unsigned n_asked;
static uint8_t last_set[6];

static void
answer(const struct row *rows, size_t n, const struct bmc_cmd *cmd, struct bmc_reply *rs)
{
	*rs = (struct bmc_reply){.code = BMC_COMPLETION_INVALID_COMMAND};
	for (size_t i = 0; i < n; i++) {
		if (rows[i].netfn != cmd->netfn || rows[i].cmd != cmd->cmd ||
		    rows[i].len > cmd->len ||
		    memcmp(rows[i].data, cmd->data, rows[i].len) != 0)
			continue;
		rs->code = rows[i].code;
		rs->len = rows[i].answer_len;
		memcpy(rs->data, rows[i].answer, rows[i].answer_len);
		return;
	}
}

static json_t *
look_with(const struct row *rows, size_t n, struct bmc_look l)
{
	struct bmc_cmd cmd;
	struct bmc_reply rs;

	n_asked = 0;
	memset(last_set, 0xEE, sizeof last_set);
	while (bmc_look_next(&l, &cmd)) {
		assert_true(++n_asked < 64);
		if (cmd.netfn == BMC_NETFN_CHASSIS &&
		    cmd.cmd == BMC_CMD_SET_BOOT_OPTIONS) {
			assert_int_equal(cmd.len, sizeof last_set);
			memcpy(last_set, cmd.data, sizeof last_set);
		}
		answer(rows, n, &cmd, &rs);
		bmc_look_take(&l, &rs);
	}
	return bmc_look_json(&l, 3, 1769851800123456);
}

static json_t *
look_at(const struct row *rows, size_t n, bool may_set)
{
	return look_with(rows, n,
	    (struct bmc_look){.level = BMC_PRIVILEGE_OPERATOR, .may_set = may_set});
}

static void
same(const json_t *v, const char *key, const char *want)
{
	char *text = json_text(json_object_get(v, key));

	assert_string_equal(text, want);
	free(text);
}

/* Three ids; the second name fills all its octets, and the third user is refused. */
static void
users_of_an_audit(void **state)
{
	static const struct row rows[] = {
	    {6, 0x44, "\x0E\x01", 2, 0, "\x03\x81\x01\x14", 4},
	    {6, 0x44, "\x0E\x02", 2, 0, "\x03\x41\x01\x14", 4},
	    {6, 0x46, "\x01", 1, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16},
	    {6, 0x46, "\x02", 1, 0, "0123456789abcde\n", 16},
	    {6, 0x46, "\x03", 1, 0, "never asked\0\0\0\0\0", 16},
	};
	json_t *v = look_with(rows, ARRAY_SIZE(rows),
	    (struct bmc_look){.level = BMC_PRIVILEGE_OPERATOR, .want_users = true});

	(void)state;
	same(v, "users",
	    "[{\"id\":1,\"name\":\"\",\"enabled\":false},"
	    "{\"id\":2,\"name\":\"0123456789abcde\\\\x0a\",\"enabled\":true}]");
	json_decref(v);
	v = look_at(rows, ARRAY_SIZE(rows), true); /* a probe asks for none */
	assert_null(json_object_get(v, "users"));
	json_decref(v);
}

static void
a_talkative_bmc(void **state)
{
	static const struct row rows[] = {
	    {6, 0x01, "", 0, 0, "\x20\x01\x03\x15\x02\xBF\x7C\x2A\0\x24\x06\0\0\0\0", 15},
	    {6, 0x38, "\x8E\x03", 2, 0, "\x01\x80\x24\x02\0\0\0\0", 8},
	    {6, 0x54, "\x0E\0\x80", 3, 0,
		"\x01\xC0\x00\x00\x40\x80\xC0\x03\x01\x41\x81\xC1\x07\x7C\x2A\0\x01", 17},
	    {6, 0x54, "\x0E\0\x81", 3, 0, "\x01\xC0\x11\x03\x44\x81", 6},
	    {6, 0x3D, "\0", 1, 0, "\x01\x24\x02", 3},
	    {0, 0x09, "\0", 1, 0, "\x01\0\0", 3},
	    {0, 0x09, "\x05\0\0", 3, 0, "\x01\x05\0\x04\0\0\0", 7},
	    {0, 0x09, "\x04", 1, 0x80, "", 0},
	    {0, 0x08, "\x05", 1, 0, "", 0},
	    {0x0C, 0x22, "\x0E\x01", 2, 0, "\x11\x01", 2},
	    {0x0C, 0x22, "\x0E\x02", 2, 0, "\x11\x83", 2},
	    {0x0C, 0x22, "\x0E\x06", 2, 0, "\x11\x0A", 2},
	    {0x0C, 0x22, "\x0E\x08", 2, 0, "\x11\x6F\x02", 3},
	};
	json_t *v = look_at(rows, ARRAY_SIZE(rows), true), *sol;
	struct bmc_manners m;
	struct error err;

	(void)state;
	same(v, "device",
	    "{\"by\":\"Get Device ID\",\"raw\":\"2001031502bf7c2a00240600000000\","
	    "\"manufacturer\":10876,\"vendor\":\"Supermicro\",\"product\":1572,"
	    "\"firmware_major\":3,\"firmware_minor\":21,\"firmware\":\"3.15\"}");
	same(v, "capabilities",
	    "{\"by\":\"Get Channel Authentication Capabilities\",\"raw\":"
	    "\"0180240200000000\",\"anonymous_login\":false,\"null_user_names\":false,"
	    "\"other_user_names\":true,\"kg_set\":true,\"ipmi_1_5\":false,"
	    "\"ipmi_2_0\":true}");
	same(v, "cipher_suites",
	    "{\"by\":\"Get Channel Cipher Suites\",\"raw\":"
	    "\"c000004080c003014181c1077c2a0001c011034481\",\"value\":[0,3,17]}");
	same(v, "sessions",
	    "{\"by\":\"Get Session Info\",\"raw\":\"012402\",\"limit\":36,\"active\":2}");
	same(json_object_get(v, "boot_options"), "4",
	    "{\"by\":\"Get System Boot Options\",\"refused\":\"80\",\"why\":\"unnamed "
	    "code\"}");
	same(json_object_get(v, "boot_options"), "0",
	    "{\"by\":\"Get System Boot Options\",\"raw\":\"010000\"}");
	same(v, "seen_at", "\"2026-01-31T09:30:00.123Z\"");
	same(v, "cipher", "3");
	sol = json_object_get(v, "sol");
	same(sol, "enabled", "true");
	same(sol, "level", "3");
	same(sol, "baud", "115200");
	same(sol, "port", "623");
	same(json_object_get(sol, "parameters"), "5",
	    "{\"by\":\"Get SOL Configuration Parameters\",\"refused\":\"C1\",\"why\":"
	    "\"invalid command\"}");
	/* It showed 00 04 after A0 00 was set, and 00 04 was put back. */
	same(v, "flags_read_back",
	    "{\"by\":\"Set and Get System Boot Options 5, set to A0 00 00 00 00\","
	    "\"raw\":\"01050004000000\",\"valid\":false,\"efi\":false}");
	assert_memory_equal(last_set, "\x05\0\x04\0\0\0", 6);
	same(v, "manners",
	    "{\"verify\":\"device\",\"session_limit\":36,\"sol_baud\":115200}");
	/* All of it is understood, and the vendor's row found. */
	assert_int_equal(bmc_manners_resolve(&m, NULL, v, NULL, &err), 0);
	assert_int_equal(m.value[BMC_MANNER_SESSION_LIMIT], 36);
	assert_int_equal(m.origin[BMC_MANNER_VERIFY], BMC_ORIGIN_LEARNED);
	assert_int_equal(m.origin[BMC_MANNER_DISK_SELECTOR], BMC_ORIGIN_VENDOR);
	json_decref(v);
}

/* Nothing is set where an override is pending, where the flags cannot be read, or where it may not. */
static void
nothing_is_set_without_need(void **state)
{
	static const struct row pending[] = {
	    {0, 0x09, "\x05", 1, 0, "\x01\x05\xA0\x04\0\0\0", 7}};
	static const struct row brief[] = {
	    {0, 0x09, "\x05", 1, 0, "\x01\x05\x20\x04\0\0", 6}};
	static const struct row other[] = {
	    {0, 0x09, "\x05", 1, 0, "\x01\x04\x20\x04\0\0\0", 7}};
	static const struct row fine[] = {
	    {0, 0x09, "\x05", 1, 0, "\x01\x05\x20\x04\0\0\0", 7}};

	(void)state;
	json_decref(look_at(pending, 1, true));
	assert_int_equal(last_set[0], 0xEE);
	json_decref(look_at(brief, 1, true));
	assert_int_equal(last_set[0], 0xEE);
	json_decref(look_at(other, 1, true));
	assert_int_equal(last_set[0], 0xEE);
	json_decref(look_at(fine, 1, false));
	assert_int_equal(last_set[0], 0xEE);
	/* It may: the set is refused, and what was there is put back all the same. */
	json_decref(look_at(fine, 1, true));
	assert_memory_equal(last_set, "\x05\x20\x04\0\0\0", 6);
	json_decref(look_at(NULL, 0, true));
	assert_int_equal(last_set[0], 0xEE);
	assert_int_equal(n_asked, 1 + 1 + 1 + 1 + BMC_LOOK_OPTIONS + 5);
}

/* Octets of a hostile BMC: it ends, and the document is one that is understood. */
static void
garbage_is_borne(void **state)
{
	struct rng rng = rng_seeded(7);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct bmc_look l = {.level = BMC_PRIVILEGE_OPERATOR, .may_set = true};
		struct bmc_cmd cmd;
		struct bmc_reply rs;
		struct bmc_manners m;
		struct error err;
		unsigned n = 0;
		json_t *v;
		char *text;

		while (bmc_look_next(&l, &cmd)) {
			assert_true(++n < 64);
			rs.code = rng_below(&rng, 3) == 0 ? (uint8_t)rng_u64(&rng) : 0;
			rs.len = (uint8_t)rng_below(&rng, sizeof rs.data + 1);
			rng_bytes(&rng, rs.data, sizeof rs.data);
			bmc_look_take(&l, &rs);
		}
		v = bmc_look_json(&l, 17, 0);
		text = json_text(v);
		assert_true(strlen(text) < BUNDLE_BMC_DOC_MAX);
		free(text);
		assert_int_equal(bmc_manners_resolve(&m, NULL, v, NULL, &err), 0);
		json_decref(v);
	}
}

/* What the caller found on the way. */
static void
pace_and_wrong_states(void **state)
{
	struct bmc_look l = {
	    .pace = {.requests = 30, .busy = 2, .lost = 1, .gap = 400000},
	    .wrong_state = 1U << BMC_CHASSIS_CYCLE};
	json_t *before = json_pack("{s:[s, s, i]}", "controls", "reset", "dance", 7), *v;

	(void)state;
	l.before = before;
	v = bmc_look_json(&l, 17, 0);
	same(v, "pace",
	    "{\"by\":\"the answers to all requests of this look\",\"requests\":30,"
	    "\"busy\":2,\"sessions_lost\":1,\"command_gap_ms\":400}");
	same(v, "wrong_state",
	    "{\"by\":\"Chassis Control of earlier calls\",\"code\":\"D5h\","
	    "\"controls\":[\"cycle\",\"reset\"]}");
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(v, "manners"), "command_gap_ms")),
	    400);
	json_decref(v);
	l = (struct bmc_look){.level = BMC_PRIVILEGE_OPERATOR};
	v = bmc_look_json(&l, 17, 0);
	assert_null(json_object_get(v, "wrong_state"));
	assert_null(json_object_get(json_object_get(v, "manners"), "command_gap_ms"));
	json_decref(v);
	json_decref(before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pace_and_wrong_states),
	    cmocka_unit_test(a_talkative_bmc),
	    cmocka_unit_test(users_of_an_audit),
	    cmocka_unit_test(nothing_is_set_without_need),
	    cmocka_unit_test(garbage_is_borne),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
