/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated BMC itself: boot flags live and die as the specification says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

static struct bmcsim_bmc
make(void)
{
	struct bmcsim_bmc b;

	bmcsim_init(&b, "admin", "secret17", 3, 1);
	return b;
}

static uint8_t
set(struct bmcsim_bmc *b, int64_t now, const char *data, size_t len)
{
	return bmcsim_chassis_set_option(b, now, (const uint8_t *)data, len);
}

static uint8_t
first_flag(struct bmcsim_bmc *b)
{
	uint8_t out[16];
	size_t n;

	assert_int_equal(bmcsim_chassis_get_option(b, 5, out, &n), 0);
	assert_int_equal(n, 7);
	return out[2];
}

static void
flags_serve_one_start(void **state)
{
	struct bmcsim_bmc b = make();

	(void)state;
	assert_int_equal(set(&b, 0, "\x05\xA0\x04\0\0\0", 6), 0);
	assert_int_equal(first_flag(&b), 0xA0);
	assert_int_equal(bmcsim_chassis_control(&b, 0, BMCSIM_ON), 0);
	assert_int_equal(b.counts.pxe_boots, 1);
	assert_int_equal(first_flag(&b), 0x20);
	assert_int_equal(bmcsim_chassis_control(&b, 0, BMCSIM_RESET), 0);
	assert_int_equal(b.counts.pxe_boots, 1);
	assert_int_equal(set(&b, 0, "\x05\xE0\x04\0\0\0", 6), 0);
	bmcsim_chassis_control(&b, 0, BMCSIM_RESET);
	bmcsim_chassis_control(&b, 0, BMCSIM_RESET);
	assert_int_equal(b.counts.pxe_boots, 3); /* persistent */
}

static void
flags_die_after_60_seconds_unless_told_otherwise(void **state)
{
	struct bmcsim_bmc b = make();

	(void)state;
	set(&b, 0, "\x05\xA0\x04\0\0\0", 6);
	bmcsim_tick(&b, 59 * USEC_PER_SEC);
	assert_int_equal(first_flag(&b), 0xA0);
	bmcsim_tick(&b, 60 * USEC_PER_SEC);
	assert_int_equal(first_flag(&b), 0x20);
	set(&b, 0, "\x03\x08", 2);
	set(&b, 0, "\x05\xA0\x04\0\0\0", 6);
	bmcsim_tick(&b, 3600 * USEC_PER_SEC);
	assert_int_equal(first_flag(&b), 0xA0);
}

static void
a_cycle_is_off_and_then_on(void **state)
{
	struct bmcsim_bmc b = make();

	(void)state;
	b.power = true;
	bmcsim_chassis_control(&b, 10, BMCSIM_CYCLE);
	assert_true(bmcsim_tick(&b, 10) > 0);
	bmcsim_tick(&b, 1000);
	assert_int_equal(bmcsim_chassis_status(&b), 0);
	bmcsim_tick(&b, 10 + BMCSIM_CYCLE_US);
	assert_int_equal(bmcsim_chassis_status(&b), 1);
	assert_int_equal(b.counts.controls[BMCSIM_CYCLE], 1);
}

static void
faults(void **state)
{
	struct bmcsim_bmc b = make();

	(void)state;
	assert_int_equal(bmcsim_set_fault(&b.faults, "d5", 1), 0);
	assert_int_equal(bmcsim_chassis_control(&b, 0, BMCSIM_CYCLE), 0xD5);
	assert_int_equal(b.counts.controls[BMCSIM_CYCLE], 0);
	assert_int_equal(bmcsim_set_fault(&b.faults, "refuse_options", 1 << 5), 0);
	assert_int_equal(set(&b, 0, "\x05\xA0\x04\0\0\0", 6), 0x80);
	assert_int_equal(bmcsim_set_fault(&b.faults, "nonsense", 1), -EINVAL);
	assert_int_equal(bmcsim_set_fault(&b.faults, "lose_on", 1), 0);
	bmcsim_chassis_control(&b, 0, BMCSIM_ON);
	assert_false(b.power);
	bmcsim_chassis_control(&b, 0, BMCSIM_ON);
	assert_true(b.power);
	assert_int_equal(set(&b, 0, "\x05\xA0", 2), 0x80);
}

static void
description_is_json(void **state)
{
	struct bmcsim_bmc b = make();
	char text[1024];
	json_t *v;

	(void)state;
	bmcsim_describe(&b, text, sizeof text);
	v = json_loads(text, 0, NULL);
	assert_non_null(v);
	assert_string_equal(json_string_value(json_object_get(v, "power")), "off");
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flags_serve_one_start),
	    cmocka_unit_test(flags_die_after_60_seconds_unless_told_otherwise),
	    cmocka_unit_test(a_cycle_is_off_and_then_on),
	    cmocka_unit_test(faults),
	    cmocka_unit_test(description_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
