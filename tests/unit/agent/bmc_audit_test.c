/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/bmc_audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

/* The codes in order, joined by ' '. */
static void
codes(const char *learned, const char *user_name, const char *privilege, char *ret,
    size_t size)
{
	struct bundle_bmc bmc = {.address = "10.9.0.1", .n_only_in = 1};
	struct error err;
	json_t *v = learned != NULL ? json_parse(learned, strlen(learned), &err) : NULL,
	       *list, *item;
	size_t i, len = 0;

	str_clip(bmc.user, sizeof(bmc.user), user_name);
	str_clip(bmc.privilege, sizeof(bmc.privilege), privilege);
	list = bmc_audit_findings(v, &bmc, false);
	ret[0] = '\0';
	json_array_foreach (list, i, item) {
		const char *code = json_string_value(json_object_get(item, "code"));

		/* Whoever reads it is told what to do. */
		assert_true(strlen(json_string_value(json_object_get(item, "next"))) > 0);
		assert_true(strlen(json_string_value(json_object_get(item, "text"))) > 0);
		assert_true(len + strlen(code) + 2 < size);
		len += (size_t)sprintf(ret + len, "%s%s", len > 0 ? " " : "", code);
	}
	json_decref(list);
	json_decref(v);
}

static void
findings(void **state)
{
	static const struct {
		const char *learned, *user, *privilege, *codes;
	} rows[] = {
	    {"{\"cipher_suites\":{\"value\":[3,17]},\"capabilities\":{\"kg_set\":true}}",
		"netboot", "operator", ""},
	    {NULL, "netboot", "operator", "suites-unknown"},
	    {"{\"cipher_suites\":{\"refused\":\"C1\"}}", "netboot", "operator",
		"suites-unknown"},
	    {"{\"cipher_suites\":{\"value\":[17,3,0]}}", "netboot", "operator",
		"cipher-0"},
	    {"{\"cipher_suites\":{\"value\":[0,1,2,3,6,7,8,11,12,15,16]}}", "netboot",
		"operator", "cipher-0 weak-suites no-suite-17"},
	    {"{\"cipher_suites\":{\"value\":[17]},\"capabilities\":{\"kg_set\":false,"
	     "\"anonymous_login\":true,\"null_user_names\":true,\"ipmi_1_5\":true}}",
		"ADMIN", "administrator",
		"anonymous-login null-user kg-missing ipmi-1.5 factory-user "
		"administrator"},
	    {"{\"cipher_suites\":{\"value\":[17]}}", "", "operator", "factory-user"},
	    /* What it did when suite 0 was offered counts for more than its list. */
	    {"{\"cipher_suites\":{\"value\":[17,3]},\"suite_0\":{\"value\":\"accepted\"}"
	     "}",
		"netboot", "operator", "cipher-0"},
	    {"{\"suite_0\":{\"value\":\"accepted\"}}", "netboot", "operator",
		"cipher-0 suites-unknown"},
	    {"{\"cipher_suites\":{\"value\":[17,0]},\"suite_0\":{\"value\":\"refused\"}}",
		"netboot", "operator", "cipher-0-listed"},
	    {"{\"cipher_suites\":{\"value\":[17,0]},\"suite_0\":{\"value\":\"silent\"}}",
		"netboot", "operator", "cipher-0"},
	    /* Users of its own: those of the factory that are enabled, or may be. */
	    {"{\"cipher_suites\":{\"value\":[17]},\"users\":[{\"id\":1,\"name\":\"\"},"
	     "{\"id\":2,\"name\":\"ADMIN\",\"enabled\":true},"
	     "{\"id\":3,\"name\":\"root\",\"enabled\":false},"
	     "{\"id\":4,\"name\":\"USERID\"},{\"id\":5,\"name\":\"netboot\",\"enabled\":"
	     "true}]}",
		"netboot", "operator", "factory-user factory-user"},
	    /* A BMC's own nonsense is no finding. */
	    {"{\"cipher_suites\":{\"value\":[\"0\",17]},\"capabilities\":7}", "netboot",
		"operator", ""},
	    {"{\"cipher_suites\":{\"value\":[17,200,-1]}}", "netboot", "operator", ""},
	};
	char got[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		codes(rows[i].learned, rows[i].user, rows[i].privilege, got, sizeof(got));
		assert_string_equal(got, rows[i].codes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(findings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
