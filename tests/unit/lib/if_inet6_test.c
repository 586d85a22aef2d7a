/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linux's list of IPv6 addresses, line by line. */
#include "lib/if_inet6.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

static void
lines(void **state)
{
	static const struct {
		const char *line, *ip;
		unsigned index, len;
		bool lasting;
	} rows[] = {
	    {"fd770000000000000000000000000001 02 40 00 80     br0\n", "fd77::1", 2, 64,
		true},
	    {"fe80000000000000505400fffe770001 0a 40 20 c0    eth0\n",
		"fe80::5054:ff:fe77:1", 10, 64, false}, /* tentative */
	    {"fd770000000000000000000000000002 102 80 00 00 b\n", "fd77::2", 258, 128,
		true},
	    {"fd770000000000000000000000000002 02 40 00 01 b\n", "fd77::2", 2, 64, false},
	    {"fd770000000000000000000000000002 02 40 00 20 b\n", "fd77::2", 2, 64, false},
	    {"fd770000000000000000000000000002 02 40 00 88 b\n", "fd77::2", 2, 64, false},
	};
	char text[ADDR_IP_TEXT];
	struct if_inet6 a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(if_inet6_parse(rows[i].line, &a), 0);
		assert_string_equal(addr_ip_text(&a.ip, text, sizeof(text)), rows[i].ip);
		assert_int_equal(a.index, rows[i].index);
		assert_int_equal(a.len, rows[i].len);
		assert_int_equal(if_inet6_is_lasting(&a), rows[i].lasting);
	}
}

static void
nonsense(void **state)
{
	static const char *const rows[] = {"", "\n", "fd77", "fd77::1 02 40 00 80 br0",
	    "fd770000000000000000000000000001",
	    "fd770000000000000000000000000001 02 40 00",
	    "fd770000000000000000000000000001 02 81 00 80 br0",
	    "fd7700000000000000000000000000010 02 40 00 80 br0"};
	struct if_inet6 a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(if_inet6_parse(rows[i], &a), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines),
	    cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
