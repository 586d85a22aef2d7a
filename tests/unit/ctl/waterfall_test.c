/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/waterfall.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/trace_chrome.h"
#include "lib/clock.h"
#include "lib/str.h"

#define T "2026-01-31T09:30:"

#define SPAN(row, name, began, ended, state, text, more)                  \
	"{\"row\":\"" row "\",\"name\":\"" name "\",\"began\":\"" T began \
	"Z\",\"ended\":" ended ",\"state\":\"" state "\",\"text\":\"" text "\"" more "}"
#define AT(t) "\"" T t "Z\""
#define MARK(at, kind, text, more) \
	"{\"at\":\"" T at "Z\",\"kind\":\"" kind "\",\"text\":\"" text "\"" more "}"
#define STAGE(name, began, ended, state, text, more) \
	SPAN("stage", name, began, ended, state, text, more)
#define MOVE(name, stage, began, ended, state, text, more) \
	SPAN("transfer", name, began, ended, state, text, ",\"stage\":\"" stage "\"" more)

#define SPANS_BEFORE                                                                     \
	STAGE("preflight", "00.000", AT("00.500"), "confirmed", "2 files", "")           \
	"," STAGE("power", "00.500", AT("04.000"), "confirmed", "off, on", "") "," SPAN( \
	    "bmc", "session", "00.600", AT("00.700"), "ok", "power is off ×3",           \
	    ",\"n\":3") "," SPAN("power", "switching on", "00.700", AT("04.000"), "ok",  \
	    "", "") "," SPAN("console", "console", "01.000", "null", "running", "",      \
	    "") "," STAGE("loader", "04.000", AT("04.000"), "skipped", "",               \
	    "") "," STAGE("kernel", "04.000", AT("08.000"), "confirmed", "HTTP vmlinuz", \
	    ",\"usual_us\":2000000,\"deadline_us\":600000000") "," MOVE("d/vmlinuz",     \
	    "kernel", "05.000", AT("07.900"), "ok", "all",                               \
	    ",\"octets\":8000000,\"total\":8000000,\"rate\":2758620")

#define FAILED                                                                         \
	"{\"began\":" AT("00.000") ",\"ended\":" AT(                                   \
	    "20.000") ",\"spans\":[" SPANS_BEFORE "," STAGE("initrd", "08.000",        \
	    AT("18.000"), "missed", "900 kB of 1.8 MB",                                \
	    ",\"usual_us\":3000000,\"deadline_us\":10000000") "," MOVE("initrd",       \
	    "initrd", "08.100", AT("20.000"), "failed", "reset",                       \
	    ",\"octets\":900000,\"total\":1800000") "],\"marks\":[" MARK("00.500",     \
	    "job.ticket", "armed",                                                     \
	    "") "," MARK("04.200", "dhcp4.discover", "pxe, x64-uefi",                  \
	    "") "," MARK("04.300", "dhcp4.foreign", "10.0.0.9: another server ×2",     \
	    ",\"n\":2") "],\"boot\":{\"id\":\"01k9xyz0a0boot01\",\"host\":\"edge01."   \
			"los\",\"job\":"                                               \
			"\"01k9xyz0a0job001\",\"attempt\":1,\"kind\":\"reinstall\","   \
			"\"image\":"                                                   \
			"\"debian\",\"planned\":true,\"by\":\"ann\",\"reason\":\"INC-" \
			"1\",\"outcome\":"                                             \
			"\"failed\",\"flags\":[\"other-dhcp\"],\"verdict\":{\"code\":" \
			"\"initrd-stalled\""                                           \
			",\"text\":\"the initrd broke off\",\"next\":\"look at the "   \
			"link\"}}}"

static void
expect(const char *json, const struct waterfall_look *look, const char *want)
{
	json_error_t err;
	json_t *doc = json_loads(json, 0, &err);
	struct text t = {0};

	if (!doc)
		fail_msg("%s", err.text);
	waterfall_draw(doc, look, &t);
	assert_string_equal(text_str(&t), want);
	text_done(&t);
	json_decref(doc);
}

static const struct waterfall_look plain = {.width = 80};

static void
test_a_failed_reinstall(void **state UNUSED)
{
	expect(FAILED, &plain,
	    /* clang-format off */
	    "edge01.los  reinstall  debian  failed after 20s\n"
	    "boot 01k9xyz0a0boot01  2026-01-31 09:30:00+00:00  job 01k9xyz0a0job001, attempt\n"
	    "by ann: INC-1\n"
	    "\n"
	    "                                       0s                  10s\n"
	    "ok preflight      0.5s                 ##\n"
	    "ok power          3.5s                  ########\n"
	    "-- loader         skipped\n"
	    "ok kernel         4.0s usual 2.0s              ####|####\n"
	    "    vmlinuz       8.0 MB 2.8 MB/s                -------\n"
	    "!! initrd         10s usual 3.0s                       xxxxxx|xxxxxxxxxxxxx!\n"
	    "!!  initrd        900.0 kB of 1.8 MB                   xxxxxxxxxxxxxxxxxxxxxxxxx\n"
	    "   bmc                                  ~\n"
	    "   power                                ~~~~~~~~\n"
	    "   console                               ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
	    "   events                               .      *\n"
	    "   # stage  - transfer  | usual  ! deadline  x failed  * see below\n"
	    "\n"
	    "+18.000s  stage           initrd: 900 kB of 1.8 MB\n"
	    "+20.000s  transfer        initrd: reset\n"
	    "+0.500s   job.ticket      armed\n"
	    "+4.300s   dhcp4.foreign   10.0.0.9: another server x2\n"
	    "\n"
	    "flags: other-dhcp\n"
	    "initrd-stalled: the initrd broke off\n"
	    "next: look at the link\n"
	    /* clang-format on */
	);
}

static void
test_narrow_and_in_colours(void **state UNUSED)
{
	const struct waterfall_look look = {
	    .width = 10, .utf8 = true, .color = true, .wide = true};

	expect(FAILED, &look,
	    /* clang-format off */
	    "edge01.los  reinstall  debian  failed after 20s\n"
	    "boot 01k9xyz0a0boot01  2026-01-31 09:30:00+00:00  job 01k9xy\n"
	    "by ann: INC-1\n"
	    "\n"
	    "                                       0s             15s\n"
	    "ok preflight      0.5s                 \033[32m█\033[0m\n"
	    "ok power          3.5s                 \033[32m█████\033[0m\n"
	    "-- loader         skipped\n"
	    "ok kernel         4.0s usual 2.0s          \033[32m██\033[0m┃\033[32m██\033[0m\n"
	    "    vmlinuz       8.0 MB 2.8 MB/s           \033[34m━━━━\033[0m\n"
	    "!! initrd         10s usual 3.0s               \033[31m▓▓▓\033[0m┃\033[31m▓▓▓▓▓▓\033[0m\033[31m╳\033[0m\n"
	    "!!  initrd        900.0 kB of 1.8 MB           \033[31m▓▓▓▓▓▓▓▓▓▓▓▓▓\033[0m\n"
	    "   bmc                                 ─\n"
	    "   power                               ─────\n"
	    "   console                              ────────────────────\n"
	    "   events                              ·   \033[33m◆\033[0m\n"
	    "   █ stage  ━ transfer  ┃ usual  ╳ deadline  ▓ failed  ◆ see\n"
	    "\n"
	    "+0.500s   stage           preflight: 2 files\n"
	    "+4.000s   stage           power: off, on\n"
	    "+0.700s   bmc             session: power is off ×3\n"
	    "+8.000s   stage           kernel: HTTP vmlinuz\n"
	    "+7.900s   transfer        d/vmlinuz: all\n"
	    "\033[31m+18.000s  stage           initrd: 900 kB of 1.8 MB\033[0m\n"
	    "\033[31m+20.000s  transfer        initrd: reset\033[0m\n"
	    "+0.500s   job.ticket      armed\n"
	    "+4.200s   dhcp4.discover  pxe, x64-uefi\n"
	    "\033[33m+4.300s   dhcp4.foreign   10.0.0.9: another server ×2\033[0m\n"
	    "\n"
	    "\033[33mflags: other-dhcp\033[0m\n"
	    "\033[31minitrd-stalled: the initrd broke off\033[0m\n"
	    "next: look at the link\n"
	    /* clang-format on */
	);
}

static void
test_one_that_runs(void **state UNUSED)
{
	struct waterfall_look look = plain;

	assert_int_equal(clock_parse(T "12.000Z", &look.now), 0);
	expect(
	    "{\"began\":" AT(
		"00.000") ",\"ended\":null,\"spans\":[" SPANS_BEFORE "," STAGE("initrd",
		"08.000", "null", "running", "",
		",\"deadline_us\":3000000") "," MOVE("initrd", "initrd", "08.100", "null",
		"running", "",
		",\"octets\":900000,\"total\":1800000") "],\"marks\":[],\"boot\":{\"id\":"
							"\"b\",\"host\":\"h\","
							"\"planned\":true}}",
	    &look,
	    /* clang-format off */
	    "h  running for 12s\n"
	    "boot b  2026-01-31 09:30:00+00:00\n"
	    "\n"
	    "                                       0s               5s               10s\n"
	    "ok preflight      0.5s                 ##\n"
	    "ok power          3.5s                  #############\n"
	    "-- loader         skipped\n"
	    "ok kernel         4.0s usual 2.0s                   #######|#######\n"
	    "    vmlinuz       8.0 MB 2.8 MB/s                       ----------\n"
	    ".. initrd         4.0s of 3.0s                                    ==========!===\n"
	    "    initrd        900.0 kB of 1.8 MB                              --------------\n"
	    "   bmc                                   ~\n"
	    "   power                                 ~~~~~~~~~~~~\n"
	    "   console                                ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
	    "   # stage  - transfer  | usual  ! deadline  x failed  * see below\n"
	    "\n"
	    /* clang-format on */
	);
}

static void
test_one_that_nobody_ordered(void **state UNUSED)
{
	expect("{\"began\":" AT("00.000") ",\"ended\":" AT("00.250") ",\"spans\":[" MOVE(
		   "a-long-name-of-a-loader.efi", "loader", "00.010", AT("00.020"), "ok",
		   "", ",\"octets\":1000,\"rate\":100000") "],\"marks\":[" MARK("00.001",
		   "dhcp4.ignored", "no \\u001b[2J",
		   "") "],\"boot\":{\"id\":\"b\",\"host\":\"h\",\"planned\":false,"
		       "\"outcome\":"
		       "\"unknown\",\"text\":\"went silent\"}}",
	    &plain,
	    /* clang-format off */
	    "h  (nobody ordered it)  unknown after 0.2s\n"
	    "boot b  2026-01-31 09:30:00+00:00\n"
	    "\n"
	    "                                       0s              0.1s            0.2s\n"
	    "    a-long-name-o 1.0 kB 100.0 kB/s     ---\n"
	    "   events                              *\n"
	    "   # stage  - transfer  | usual  ! deadline  x failed  * see below\n"
	    "\n"
	    "+0.001s   dhcp4.ignored   no \\x1b[2J\n"
	    "\n"
	    "unknown: went silent\n"
	    /* clang-format on */
	);
	/* What is no trace. */
	expect("{}", &plain,
	    /* clang-format off */
	    "  running for 0.0s\n"
	    "boot   1970-01-01 00:00:00+00:00\n"
	    "\n"
	    "                                       0s\n"
	    "   # stage  - transfer  | usual  ! deadline  x failed  * see below\n"
	    "\n"
	    /* clang-format on */
	);
}

/* The viewers want every X with ts and dur, numbers both, and what overlaps in one thread to be nested. */
static void
test_chrome(void **state UNUSED)
{
	json_t *doc = json_loads(
	    "{\"began\":" AT(
		"00.000") ",\"ended\":null,\"spans\":[" SPANS_BEFORE "," MOVE("a",
		"initrd", "08.000", AT("10.000"), "ok", "",
		"") "," MOVE("b", "initrd", "08.500", "null", "running", "",
		"") "," MOVE("c", "initrd", "10.000", AT("11.000"), "ok", "",
		"") "],\"marks\":[" MARK("04.200", "dhcp4.discover", "pxe",
		",\"seq\":7") "],\"boot\":{\"id\":\"b\",\"host\":\"h\"}}",
	    0, NULL);
	int64_t now;
	size_t i;
	const json_t *e;
	char got[1000] = "";

	assert_non_null(doc);
	assert_int_equal(clock_parse(T "12.000Z", &now), 0);
	json_t *v = trace_chrome(doc, now);
	assert_string_equal(
	    json_string_value(json_object_get(v, "displayTimeUnit")), "ms");
	json_array_foreach (json_object_get(v, "traceEvents"), i, e) {
		const char *ph = json_string_value(json_object_get(e, "ph"));
		char line[120];

		assert_true(json_is_integer(json_object_get(e, "pid")));
		assert_true(json_is_integer(json_object_get(e, "tid")));
		assert_true(json_is_string(json_object_get(e, "name")));
		assert_true(json_is_object(json_object_get(e, "args")));
		if (str_eq(ph, "M"))
			continue;
		assert_true(json_is_integer(json_object_get(e, "ts")));
		assert_true(
		    str_eq(ph, "i") || json_is_integer(json_object_get(e, "dur")));
		snprintf(line, sizeof(line), "%s %s %lld %lld %lld\n", ph,
		    json_string_value(json_object_get(e, "name")),
		    json_integer_value(json_object_get(e, "tid")),
		    json_integer_value(json_object_get(e, "ts")),
		    json_integer_value(json_object_get(e, "dur")));
		strcat(got, line);
	}
	assert_string_equal(got,
	    "X preflight 1 0 500000\nX power 1 500000 3500000\nX session 3 600000 "
	    "100000\n"
	    "X switching on 2 700000 3300000\nX console 4 1000000 11000000\n"
	    "X loader 1 4000000 0\nX kernel 1 4000000 4000000\nX d/vmlinuz 10 5000000 "
	    "2900000\n"
	    "X a 10 8000000 2000000\nX b 11 8500000 3500000\nX c 10 10000000 1000000\n"
	    "i dhcp4.discover 9 4200000 0\n");
	json_decref(v);
	json_decref(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_failed_reinstall),
	    cmocka_unit_test(test_narrow_and_in_colours),
	    cmocka_unit_test(test_one_that_runs),
	    cmocka_unit_test(test_one_that_nobody_ordered),
	    cmocka_unit_test(test_chrome),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
