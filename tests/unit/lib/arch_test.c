/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of architectures: names there and back, siblings both ways, and what is not in it.
 *
 * The values are IANA's (dhcpv6-parameters, "Processor Architecture Types"), written here a second time on
 * purpose. */
#include "lib/arch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/compiler.h"

static void
names_architectures(void **state UNUSED)
{
	char buf[ARCH_NAME_SIZE];

	assert_string_equal(arch_name(0, buf, sizeof(buf)), "x86-bios");
	assert_string_equal(arch_name(7, buf, sizeof(buf)), "x64-uefi");
	assert_string_equal(arch_name(9, buf, sizeof(buf)), "x64-uefi");
	assert_string_equal(arch_name(0x10, buf, sizeof(buf)), "x64-uefi-http");
	assert_string_equal(arch_name(999, buf, sizeof(buf)), "arch-999");
	assert_string_equal(arch_name(ARCH_NONE, buf, sizeof(buf)), "x86-bios");
}

static void
names_lead_back(void **state UNUSED)
{
	for (unsigned i = 0; i < ARCH_NONE; i++) {
		char buf[ARCH_NAME_SIZE];
		uint16_t back = 0;

		assert_int_equal(
		    arch_parse(arch_name((uint16_t)i, buf, sizeof(buf)), &back), 0);
		assert_int_equal(back, i == 9 ? 7 : i);
	}
}

static void
refuses_other_names(void **state UNUSED)
{
	static const char *const bad[] = {
	    "", "x64", "arch-", "arch-65535", "arch--1", "arch-7x", "X64-UEFI"};
	uint16_t arch = 1;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(arch_parse(bad[i], &arch), -EINVAL);
	assert_int_equal(arch, 1);
}

static void
knows_http_and_siblings(void **state UNUSED)
{
	assert_true(arch_is_http(0x13));
	assert_true(arch_is_http(0x0f));
	assert_false(arch_is_http(7));
	assert_false(arch_is_http(ARCH_NONE));
	assert_int_equal(arch_sibling(0x0f), 6);
	assert_int_equal(arch_sibling(0x10), 7);
	assert_int_equal(arch_sibling(0x13), 0x0b);
	assert_int_equal(arch_sibling(9), 7);
	assert_int_equal(arch_sibling(0x29), ARCH_NONE);
	assert_int_equal(arch_sibling(999), ARCH_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_architectures),
	    cmocka_unit_test(names_lead_back),
	    cmocka_unit_test(refuses_other_names),
	    cmocka_unit_test(knows_http_and_siblings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
