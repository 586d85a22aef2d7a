/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked of a BMC for each question, and what is made of its answers; tests/net has it against
 * whole simulated BMCs. */
#include "agent/bmc_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/json.h"

struct step {
	uint8_t netfn, cmd, request_len;
	const char *request;
	uint8_t code, len;
	const char *answer;
	bool waits; /* before the next one */
};

/* Plays the steps; how it ends. */
static enum bmc_ask_next
play(struct bmc_ask *a, const struct step *steps, size_t n)
{
	struct bmc_cmd cmd;
	enum bmc_ask_next next = bmc_ask_next(a, &cmd);

	for (size_t i = 0; i < n; i++) {
		struct bmc_reply rs = {.code = steps[i].code, .len = steps[i].len};

		assert_int_equal(next, BMC_ASK_RUN);
		assert_int_equal(cmd.netfn, steps[i].netfn);
		assert_int_equal(cmd.cmd, steps[i].cmd);
		assert_int_equal(cmd.len, steps[i].request_len);
		if (cmd.len > 0)
			assert_memory_equal(cmd.data, steps[i].request, cmd.len);
		if (rs.len > 0)
			memcpy(rs.data, steps[i].answer, rs.len);
		bmc_ask_take(a, &rs);
		next = bmc_ask_next(a, &cmd);
		if (steps[i].waits) {
			assert_int_equal(next, BMC_ASK_WAIT);
			next = bmc_ask_next(a, &cmd);
		}
	}
	return next;
}

static void
is_json(const struct bmc_ask *a, const char *want)
{
	json_t *v = bmc_ask_json(a);
	char *text = json_text(v);

	assert_string_equal(text, want);
	free(text);
	json_decref(v);
}

static void
identify(void **state)
{
	static const struct {
		int64_t seconds;
		struct step step;
	} rows[] = {
	    {30, {0, 4, 1, "\x1E", 0, 0, NULL, false}},
	    {0, {0, 4, 1, "\0", 0, 0, NULL, false}},
	    {-1, {0, 4, 2, "\0\x01", 0, 0, NULL, false}},
	};
	struct bmc_ask a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_IDENTIFY,
				     .seconds = rows[i].seconds});
		assert_int_equal(play(&a, &rows[i].step, 1), BMC_ASK_DONE);
		bmc_ask_done(&a);
	}
	bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_IDENTIFY});
	assert_int_equal(play(&a, &(struct step){0, 4, 1, "\0", 0xC1, 0, NULL, false}, 1),
	    BMC_ASK_FAIL);
	assert_int_equal(a.fail, BMC_FAIL_REFUSED);
	bmc_ask_done(&a);
	bmc_ask_done(NULL);
}

static void
reset_goes_out_once(void **state)
{
	struct bmc_ask a;
	struct bmc_cmd cmd;

	(void)state;
	bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_RESET});
	assert_int_equal(bmc_ask_next(&a, &cmd), BMC_ASK_RUN);
	assert_true(cmd.once);
	bmc_ask_unanswered(&a);
	assert_int_equal(bmc_ask_next(&a, &cmd), BMC_ASK_DONE);
	is_json(&a, "{\"answered\":false}");
	bmc_ask_done(&a);
}

#define INFO_2 "\x51\x02\0\0\0\0\0\0\0\0\0\0\0\x02"

static void
event_log(void **state)
{
	/* Fan 5, lower critical going low; then a vendor's record. */
	static const struct step steps[] = {
	    {10, 0x40, 0, "", 0, 14, INFO_2, false},
	    {10, 0x43, 6, "\0\0\0\0\0\xFF", 0, 18,
		"\x07\0\x01\0\x02\x00\x80\xA2\x65\x20\0\x04\x04\x05\x01\x52\0\0", false},
	    {10, 0x43, 6, "\0\0\x07\0\0\xFF", 0, 18,
		"\xFF\xFF\x07\0\xE0\1\2\3\4\5\6\7\x08\x09\x0A\x0B\x0C\x0D", false},
	};
	struct bmc_ask a;

	(void)state;
	bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_SEL, .last = 10});
	assert_int_equal(play(&a, steps, ARRAY_SIZE(steps)), BMC_ASK_DONE);
	is_json(&a,
	    "{\"entries\":2,\"sel\":[{\"id\":1,\"at\":\"2024-01-13T12:20:16.000Z\","
	    "\"sensor\":5,\"sensor_type\":\"Fan\",\"asserted\":true,\"text\":\"Lower "
	    "Critical - going low\",\"raw\":\"0100020080a26520000404050152000"
	    "0\"},{\"id\":7,\"oem\":224,\"raw\":\"0700e00102030405060708090a0b0c0d\"}]}");
	bmc_ask_done(&a);
	/* Only the newest are kept. */
	bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_SEL, .last = 1});
	assert_int_equal(play(&a, steps, ARRAY_SIZE(steps)), BMC_ASK_DONE);
	assert_int_equal(json_array_size(a.rows), 1);
	bmc_ask_done(&a);
}

static void
logs_that_are_none(void **state)
{
	static const struct step empty = {
	    10, 0x40, 0, "", 0, 14, "\x51\0\0\0\0\0\0\0\0\0\0\0\0\x02", false};
	static const struct step circle[] = {
	    {10, 0x40, 0, "", 0, 14, INFO_2, false},
	    {10, 0x43, 6, "\0\0\0\0\0\xFF", 0, 18, "\0\0\1\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0",
		false},
	};
	static const struct step emptied[] = {
	    {10, 0x40, 0, "", 0, 14, INFO_2, false},
	    {10, 0x43, 6, "\0\0\0\0\0\xFF", 0xCB, 0, NULL, false},
	};
	static const struct step short_one[] = {
	    {10, 0x40, 0, "", 0, 14, INFO_2, false},
	    {10, 0x43, 6, "\0\0\0\0\0\xFF", 0, 5, "\2\0\1\0\2", false},
	};
	static const struct {
		const struct step *steps;
		size_t n;
		enum bmc_ask_next end;
	} rows[] = {{&empty, 1, BMC_ASK_DONE}, {circle, 2, BMC_ASK_FAIL},
	    {emptied, 2, BMC_ASK_DONE}, {short_one, 2, BMC_ASK_FAIL}};
	struct bmc_ask a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bmc_ask_init(
		    &a, &(struct bmc_question){.kind = BMC_QUESTION_SEL, .last = 10});
		assert_int_equal(play(&a, rows[i].steps, rows[i].n), rows[i].end);
		bmc_ask_done(&a);
	}
}

/* Another client took the reservation away; then it takes a while. */
static void
clearing(void **state)
{
	static const struct step steps[] = {
	    {10, 0x40, 0, "", 0, 14, INFO_2, false},
	    {10, 0x42, 0, "", 0, 2, "\x34\x12", false},
	    {10, 0x47, 6,
		"\x34\x12"
		"CLR\xAA",
		0xC5, 0, NULL, false},
	    {10, 0x42, 0, "", 0, 2, "\x35\x12", false},
	    {10, 0x47, 6,
		"\x35\x12"
		"CLR\xAA",
		0, 1, "\0", true},
	    {10, 0x47, 6,
		"\x35\x12"
		"CLR\0",
		0, 1, "\0", true},
	    {10, 0x47, 6,
		"\x35\x12"
		"CLR\0",
		0, 1, "\1", false},
	};
	struct bmc_ask a;

	(void)state;
	bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_SEL_CLEAR});
	assert_int_equal(play(&a, steps, ARRAY_SIZE(steps)), BMC_ASK_DONE);
	is_json(&a, "{\"cleared\":2}");
	bmc_ask_done(&a);
}

/* The erase was not answered: whether it was carried out is seen in the log, which was erased at
 * another time, or has fewer entries, or none; only one that is as it was is erased again. */
static void
an_erase_in_doubt(void **state)
{
	static const struct {
		const char *info;
		bool done;
	} rows[] = {
	    {"\x51\x02\0\0\0\0\0\0\0\x01\0\0\0\x02", true},
	    {"\x51\x01\0\0\0\0\0\0\0\0\0\0\0\x02", true},
	    {"\x51\0\0\0\0\0\0\0\0\0\0\0\0\x02", true},
	    {INFO_2, false},
	};
	struct bmc_ask a;
	struct bmc_cmd cmd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct step begin[] = {
		    {10, 0x40, 0, "", 0, 14, INFO_2, false},
		    {10, 0x42, 0, "", 0, 2, "\x34\x12", false},
		};
		struct bmc_reply info = {.len = 14};

		bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_SEL_CLEAR});
		assert_int_equal(play(&a, begin, ARRAY_SIZE(begin)), BMC_ASK_RUN);
		for (int tries = 0;; tries++) {
			assert_int_equal(bmc_ask_next(&a, &cmd), BMC_ASK_RUN);
			assert_true(cmd.once && cmd.cmd == 0x47 && cmd.data[5] == 0xAA);
			bmc_ask_unanswered(&a);
			assert_int_equal(bmc_ask_next(&a, &cmd), BMC_ASK_WAIT);
			assert_int_equal(bmc_ask_next(&a, &cmd), BMC_ASK_RUN);
			assert_true(!cmd.once && cmd.cmd == 0x40);
			memcpy(info.data, rows[i].info, info.len);
			bmc_ask_take(&a, &info);
			if (rows[i].done) {
				assert_int_equal(bmc_ask_next(&a, &cmd), BMC_ASK_DONE);
				is_json(&a, "{\"cleared\":2}");
				break;
			}
			if (bmc_ask_next(&a, &cmd) == BMC_ASK_FAIL) {
				assert_int_equal(a.fail, BMC_FAIL_TIMEOUT);
				assert_in_range(tries, 2, 8);
				break;
			}
			assert_int_equal(cmd.cmd, 0x42);
			bmc_ask_take(
			    &a, &(struct bmc_reply){.len = 2, .data = {0x35, 0x12}});
		}
		bmc_ask_done(&a);
	}
}

/* A BMC that returns eight octets at most, a sensor of another controller, and one of its own. */
static void
sensors(void **state)
{
	static const char full[] = "\x01\0\x51\x01\x33\x20\0\x05\x03\x01\x7F\x68\x01\x01"
				   "\0\0\0\0\0\0\0\x01\0\0\x01\0\0\0\0\0\0\0\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\xC8"
				   "CPU Temp";
	struct bmc_ask a;
	struct bmc_cmd cmd;
	unsigned readings = 0;
	bool refused = false;

	(void)state;
	bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_SENSORS});
	while (bmc_ask_next(&a, &cmd) == BMC_ASK_RUN) {
		struct bmc_reply rs = {.code = 0};
		unsigned id = cmd.data[2], at = cmd.data[4], count = cmd.data[5];

		if (cmd.cmd == 0x22) {
			rs.len = 2;
		} else if (cmd.cmd == 0x2D) {
			assert_int_equal(cmd.data[0], 5);
			readings++;
			memcpy(rs.data, "\x2D\xC0\0", 3);
			rs.len = 3;
		} else if (count > 8) {
			rs.code = 0xCA;
			refused = true;
		} else {
			rs.data[0] = id == 0 ? 2 : 0xFF;
			rs.data[1] = id == 0 ? 0 : 0xFF;
			assert_true(at + count <= sizeof(full) - 1);
			memcpy(rs.data + 2, full + at, count);
			if (id == 2 && at <= 5 && at + count > 5)
				rs.data[2 + 5 - at] = 0x2C; /* its owner */
			rs.len = (uint8_t)(2 + count);
		}
		bmc_ask_take(&a, &rs);
	}
	assert_int_equal(a.fail, BMC_FAIL_NONE);
	assert_true(refused);
	assert_int_equal(readings, 1);
	is_json(&a, "{\"sensors\":[{\"name\":\"CPU Temp\",\"number\":5,\"type\":"
		    "\"Temperature\",\"value\":45.0,\"unit\":\"degrees C\",\"status\":"
		    "\"ok\"}],\"skipped\":1}");
	bmc_ask_done(&a);
}

/* ---- password ---- */

#define NEXT "Abcdefghij0123456789"
#define SET_NEXT "\x83\x02" NEXT
#define TEST_NEXT "\x83\x03" NEXT
#define SET_OLD "\x03\x02old\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define NAME_NETBOOT "netboot\0\0\0\0\0\0\0\0"

/* Ids 1 to 3, of which the last is the user's. */
#define FIND_USER                                                                  \
	{6, 0x44, 2, "\x0E\x01", 0, 4, "\x03\x41\x01\x14", false},                 \
	    {6, 0x46, 1, "\x01", 0, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", false},  \
	    {6, 0x46, 1, "\x02", 0xCC, 0, NULL, false}, /* one of them has none */ \
	{                                                                          \
		6, 0x46, 1, "\x03", 0, 16, NAME_NETBOOT, false                     \
	}

static void
init_password(struct bmc_ask *a, const char *user)
{
	bmc_ask_init(a,
	    &(struct bmc_question){
		.kind = BMC_QUESTION_PASSWORD, .user = user, .old = "old", .next = NEXT});
}

static void
password(void **state)
{
	static const struct {
		struct step steps[7];
		size_t n;
		enum bmc_password want;
		uint8_t code;
	} rows[] = {
	    {{FIND_USER, {6, 0x47, 22, SET_NEXT, 0, 0, NULL, false},
		 {6, 0x47, 22, TEST_NEXT, 0, 0, NULL, false}},
		6, BMC_PASSWORD_TAKEN, 0},
	    /* no test */
	    {{FIND_USER, {6, 0x47, 22, SET_NEXT, 0, 0, NULL, false},
		 {6, 0x47, 22, TEST_NEXT, 0xCC, 0, NULL, false}},
		6, BMC_PASSWORD_TAKEN, 0},
	    {{FIND_USER, {6, 0x47, 22, SET_NEXT, 0xC7, 0, NULL, false}}, 5,
		BMC_PASSWORD_REFUSED, 0xC7},
	    {{FIND_USER, {6, 0x47, 22, SET_NEXT, 0xFF, 0, NULL, false}}, 5,
		BMC_PASSWORD_UNSURE, 0},
	    {{FIND_USER, {6, 0x47, 22, SET_NEXT, 0, 0, NULL, false},
		 {6, 0x47, 22, TEST_NEXT, 0x80, 0, NULL, false},
		 {6, 0x47, 18, SET_OLD, 0, 0, NULL, false}},
		7, BMC_PASSWORD_NOT_KEPT, 0},
	    {{FIND_USER, {6, 0x47, 22, SET_NEXT, 0, 0, NULL, false},
		 {6, 0x47, 22, TEST_NEXT, 0x81, 0, NULL, false},
		 {6, 0x47, 18, SET_OLD, 0xD5, 0, NULL, false}},
		7, BMC_PASSWORD_NOT_KEPT, 0},
	};
	struct bmc_ask a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		init_password(&a, "netboot");
		assert_int_equal(play(&a, rows[i].steps, rows[i].n), BMC_ASK_DONE);
		assert_int_equal(a.password, rows[i].want);
		assert_int_equal(a.password_code, rows[i].code);
		is_json(&a, "{}"); /* nothing of it is told */
		bmc_ask_done(&a);
		assert_int_equal(a.new_one[0] | a.old[0], 0);
	}
}

static void
password_of_nobody(void **state)
{
	static const struct step none[] = {FIND_USER},
				 twice[] = {{6, 0x44, 2, "\x0E\x01", 0xC1, 0, NULL,
						false},
				     {6, 0x46, 1, "\x01", 0, 16, NAME_NETBOOT, false},
				     {6, 0x46, 1, "\x02", 0, 16, NAME_NETBOOT, false}},
				 barred[] = {{6, 0x44, 2, "\x0E\x01", 0xD4, 0, NULL,
				     false}},
				 null_user[] = {
				     {6, 0x44, 2, "\x0E\x01", 0, 1, "\x0A", false}};
	struct bmc_ask a;
	struct bmc_cmd cmd;

	(void)state;
	init_password(&a, "other");
	assert_int_equal(play(&a, none, 4), BMC_ASK_FAIL);
	assert_non_null(strstr(a.text, "no user"));
	assert_int_equal(a.password, BMC_PASSWORD_NOT_SENT);
	bmc_ask_done(&a);
	init_password(&a, "netboot");
	assert_int_equal(play(&a, twice, 3), BMC_ASK_FAIL);
	assert_non_null(strstr(a.text, "more than one"));
	bmc_ask_done(&a);
	init_password(&a, "netboot");
	assert_int_equal(play(&a, barred, 1), BMC_ASK_FAIL);
	assert_int_equal(a.fail, BMC_FAIL_PRIVILEGE);
	bmc_ask_done(&a);
	init_password(&a, "");
	assert_int_equal(play(&a, null_user, 1), BMC_ASK_RUN);
	bmc_ask_next(&a, &cmd);
	assert_int_equal(cmd.data[0], 0x81);
	bmc_ask_done(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(password),
	    cmocka_unit_test(password_of_nobody),
	    cmocka_unit_test(identify),
	    cmocka_unit_test(reset_goes_out_once),
	    cmocka_unit_test(event_log),
	    cmocka_unit_test(logs_that_are_none),
	    cmocka_unit_test(clearing),
	    cmocka_unit_test(an_erase_in_doubt),
	    cmocka_unit_test(sensors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
