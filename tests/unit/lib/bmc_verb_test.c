/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/bmc_verb.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"

static void
names(void **state)
{
	enum bmc_verb v;

	(void)state;
	for (int i = BMC_VERB_POWER_STATUS; i <= BMC_VERB_ROTATE; i++) {
		const struct bmc_verb_info *info = bmc_verb_info((enum bmc_verb)i);

		assert_int_equal(bmc_verb_parse(info->name, &v), 0);
		assert_int_equal(v, i);
		assert_true(info->timeout_us > 0);
		if (info->destructive)
			assert_non_null(info->audit);
	}
	assert_int_equal(bmc_verb_parse("power", &v), -EINVAL);
}

static int
args(enum bmc_verb verb, const char *text, struct bmc_verb_args *ret)
{
	struct error err;
	json_t *v = json_parse(text, strlen(text), &err);
	int r;

	assert_non_null(v);
	r = bmc_verb_args_from_json(verb, v, ret, &err);
	json_decref(v);
	return r;
}

static void
arguments(void **state)
{
	struct bmc_verb_args a;

	(void)state;
	assert_int_equal(bmc_verb_args_from_json(BMC_VERB_SEL, NULL, &a, NULL), 0);
	assert_int_equal(a.last, BMC_VERB_SEL_DEFAULT);
	assert_int_equal(args(BMC_VERB_IDENTIFY, "{\"seconds\":-1}", &a), 0);
	assert_int_equal(a.identify_s, BMC_VERB_IDENTIFY_ON);
	assert_int_equal(args(BMC_VERB_IDENTIFY, "{\"seconds\":255}", &a), 0);
	assert_int_equal(args(BMC_VERB_IDENTIFY, "{\"seconds\":256}", &a), -EINVAL);
	assert_int_equal(args(BMC_VERB_IDENTIFY, "{\"seconds\":-2}", &a), -EINVAL);
	assert_int_equal(args(BMC_VERB_IDENTIFY, "{\"seconds\":\"1\"}", &a), -EINVAL);
	assert_int_equal(args(BMC_VERB_SEL, "{\"last\":0}", &a), -EINVAL);
	assert_int_equal(args(BMC_VERB_SEL, "{\"last\":1000}", &a), 0);
	assert_int_equal(args(BMC_VERB_PROBE, "{\"only_read\":true}", &a), 0);
	assert_true(a.only_read);
	/* Meant for another verb: not ignored. */
	assert_int_equal(args(BMC_VERB_RESET, "{\"only_read\":true}", &a), -EINVAL);
	assert_int_equal(args(BMC_VERB_POWER_STATUS, "[]", &a), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names), cmocka_unit_test(arguments)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
