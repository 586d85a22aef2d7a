/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/client.h"
#include "ctl/zone.h"
#include "lib/compiler.h"

static void
test_growth(void **state UNUSED)
{
	struct text t = {0};

	assert_string_equal(text_str(&t), "");
	for (int i = 0; i < 1000; i++)
		text_addf(&t, "%d,", i);
	assert_int_equal(t.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(strlen(text_str(&t)), t.len);
	text_clear(&t);
	assert_string_equal(text_str(&t), "");
	text_done(&t);
	char *empty = text_take(&t);
	assert_string_equal(empty, "");
	free(empty);
}

static void
test_urls(void **state UNUSED)
{
	struct text t = {0};

	text_add(&t, "/x");
	text_add_query(&t, "hosts", "edge[01-02],@a=b c/é");
	text_add_query(&t, "none", NULL);
	text_add_query(&t, "n", "1");
	assert_string_equal(
	    text_str(&t), "/x?hosts=edge%5B01-02%5D%2C%40a%3Db%20c%2F%C3%A9&n=1");
	text_done(&t);
	char *path = client_path("hosts", "../x", "lock");
	assert_string_equal(path, "/api/v1/hosts/..%2Fx/lock");
	free(path);
}

static void
test_escaping(void **state UNUSED)
{
	struct text t = {0};

	text_add_escaped(&t, "a\nb\x1b[0m");
	assert_string_equal(text_str(&t), "a\\x0ab\\x1b[0m");
	text_done(&t);
}

/* Polish, Chinese (two columns each), an accent of its own, a turned direction, half a
 * character. */
#define MIXED                  \
	"\xc5\x82\xe4\xb8\xad" \
	"e\xcc\x81"            \
	"\xe2\x80\xae\xc5"

static void
test_utf8_where_it_can_be_shown(void **state UNUSED)
{
	struct text t = {0};

	assert_false(text_utf8());
	text_add_escaped(&t, MIXED);
	assert_string_equal(text_str(&t), "\\xc5\\x82\\xe4\\xb8\\xad"
					  "e\\xcc\\x81"
					  "\\xe2\\x80\\xae\\xc5");
	assert_int_equal(text_width(text_str(&t)), t.len);
	text_clear(&t);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_true(text_utf8());
	text_add_escaped(&t, MIXED "\\");
	assert_string_equal(text_str(&t), "\xc5\x82\xe4\xb8\xad"
					  "e\xcc\x81"
					  "\\xe2\\x80\\xae\\xc5\\");
	assert_int_equal(text_width(text_str(&t)), 1 + 2 + 1 + 4 * 4 + 1);
	setlocale(LC_CTYPE, "C");
	text_done(&t);
}

static void
test_columns(void **state UNUSED)
{
	struct text t = {0};

	setlocale(LC_CTYPE, "C.UTF-8");
	text_add(&t, "> \xe4\xb8\xad\xe4\xb8\xad");
	text_pad(&t, 2, 6, 1);
	text_add(&t, "|");
	assert_string_equal(text_str(&t), "> \xe4\xb8\xad\xe4\xb8\xad  |");
	/* Two columns do not fit into one. */
	text_cut(&t, 2, 3);
	assert_string_equal(text_str(&t), "> \xe4\xb8\xad");
	assert_int_equal(t.len, 5);
	text_add(&t, "e\xcc\x81");
	text_cut(&t, 2, 3);
	assert_string_equal(text_str(&t), "> \xe4\xb8\xad"
					  "e\xcc\x81");
	text_cut(&t, 0, 100);
	text_cut(&t, t.len, 0);
	assert_int_equal(t.len, 8);
	setlocale(LC_CTYPE, "C");
	text_done(&t);
}

static void
test_zones(void **state UNUSED)
{
	const int64_t wall = 1769851800 * USEC_PER_SEC;
	char buf[ZONE_TEXT_SIZE];

	assert_string_equal(zone_text(wall, "America/New_York", buf, sizeof(buf)),
	    "2026-01-31 04:30:00-05:00");
	assert_string_equal(zone_text(wall, "Asia/Kolkata", buf, sizeof(buf)),
	    "2026-01-31 15:00:00+05:30");
	assert_string_equal(
	    zone_text(wall, NULL, buf, sizeof(buf)), "2026-01-31 09:30:00+00:00");
	assert_string_equal(
	    zone_text(wall, "No/Where", buf, sizeof(buf)), "2026-01-31 09:30:00+00:00");
	assert_string_equal(zone_text(wall, "../../etc/passwd", buf, sizeof(buf)),
	    "2026-01-31 09:30:00+00:00");
}

static void
test_exit_codes(void **state UNUSED)
{
	assert_int_equal(client_exit_code(409, "host-locked"), CTL_REFUSED);
	assert_int_equal(client_exit_code(409, "host-unknown"), CTL_USAGE);
	assert_int_equal(client_exit_code(412, "etag-old"), CTL_REFUSED);
	assert_int_equal(client_exit_code(400, "bad-value"), CTL_USAGE);
	assert_int_equal(client_exit_code(404, NULL), CTL_USAGE);
	assert_int_equal(client_exit_code(503, "busy"), CTL_UNREACHABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_growth),
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_escaping),
	    cmocka_unit_test(test_utf8_where_it_can_be_shown),
	    cmocka_unit_test(test_columns),
	    cmocka_unit_test(test_zones),
	    cmocka_unit_test(test_exit_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
