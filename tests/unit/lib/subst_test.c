/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/subst.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

static const char *
lookup(void *arg, const char *name)
{
	(void)arg;
	if (strcmp(name, "host.name") == 0)
		return "edge01.los";
	if (strcmp(name, "empty") == 0)
		return "";
	if (strcmp(name, "space") == 0)
		return "a b";
	if (strcmp(name, "quote") == 0)
		return "a\"b";
	if (strcmp(name, "line") == 0)
		return "a\nb";
	if (strcmp(name, "var") == 0)
		return "${net0/mac}";
	if (strcmp(name, "backslash") == 0)
		return "a\\b";
	if (strcmp(name, "and") == 0)
		return "a&&reboot";
	if (strcmp(name, "or") == 0)
		return "a||reboot";
	if (strcmp(name, "dollar") == 0)
		return "a$";
	if (strcmp(name, "brace") == 0)
		return "{net0/mac}";
	if (strcmp(name, "invalid") == 0)
		return "a\xff"
		       "b";
	if (strcmp(name, "hash") == 0)
		return "$6$salt$x";
	if (strcmp(name, "url") == 0)
		return "http://10.77.0.1/x?a=1&b=2|3";
	return NULL;
}

static void
check(const char *tmpl, enum subst_escape how, const char *wanted)
{
	struct error err;
	char *out = NULL;

	assert_int_equal(subst_expand(tmpl, how, lookup, NULL, &out, &err), 0);
	assert_string_equal(out, wanted);
	free(out);
}

static void
check_refused(const char *tmpl, enum subst_escape how, int wanted)
{
	struct error err = {.code = ""};
	char *out = NULL;

	assert_int_equal(subst_expand(tmpl, how, lookup, NULL, &out, &err), wanted);
	assert_null(out);
	assert_string_not_equal(err.code, "");
}

static void
names_become_values(void **state)
{
	(void)state;
	check("", SUBST_KERNEL_ARGS, "");
	check("quiet", SUBST_KERNEL_ARGS, "quiet");
	check("host=${host.name} x=${empty}", SUBST_IPXE, "host=edge01.los x=");
	check("${host.name}${host.name}", SUBST_KERNEL_ARGS, "edge01.losedge01.los");
	check("u=${url}", SUBST_IPXE, "u=http://10.77.0.1/x?a=1&b=2|3");
}

static void
dollars(void **state)
{
	(void)state;
	check("$$ $a $", SUBST_KERNEL_ARGS, "$ $a $");
	check("$${host.name}", SUBST_IPXE, "${host.name}");
}

static void
unknown_and_open_names(void **state)
{
	(void)state;
	check_refused("${nobody}", SUBST_KERNEL_ARGS, -ENOENT);
	check_refused("${host.name", SUBST_KERNEL_ARGS, -EINVAL);
	check_refused("${}", SUBST_KERNEL_ARGS, -EINVAL);
	check_refused("${a b}", SUBST_KERNEL_ARGS, -EINVAL);
	check_refused("${", SUBST_KERNEL_ARGS, -EINVAL);
}

static void
values_that_would_break_out(void **state)
{
	(void)state;
	check_refused("${space}", SUBST_KERNEL_ARGS, -EINVAL);
	check_refused("${quote}", SUBST_KERNEL_ARGS, -EINVAL);
	check_refused("${line}", SUBST_KERNEL_ARGS, -EINVAL);
	check("${backslash}", SUBST_KERNEL_ARGS, "a\\b");
	check_refused("${backslash}", SUBST_IPXE, -EINVAL);
	check_refused("${var}", SUBST_IPXE, -EINVAL);
	check_refused("${and}", SUBST_IPXE, -EINVAL);
	check_refused("${or}", SUBST_IPXE, -EINVAL);
	/* Two halves of a "${". */
	check_refused("${dollar}{x}", SUBST_IPXE, -EINVAL);
	check_refused("${dollar}${brace}", SUBST_IPXE, -EINVAL);
	check_refused("$$${brace}", SUBST_IPXE, -EINVAL);
	check("${brace}", SUBST_IPXE, "{net0/mac}");
	check("${hash}", SUBST_IPXE, "$6$salt$x");
	check("${dollar}", SUBST_KERNEL_ARGS, "a$");
}

/* Of a text the lines count, and what is in them is its author's. */
static void
texts_of_many_lines(void **state)
{
	char *text = NULL;
	struct error err;

	(void)state;
	check("a ${space}\n\"${quote}\"", SUBST_TEXT, "a a b\n\"a\"b\"");
	check_refused("${line}", SUBST_TEXT, -EINVAL);
	assert_int_equal(
	    subst_expand("\n\nx ${nobody}", SUBST_TEXT, lookup, NULL, &text, &err),
	    -ENOENT);
	assert_non_null(strstr(err.text, "line 3: ${nobody}"));
	assert_int_equal(
	    subst_expand("\n${x#y}\n", SUBST_TEXT, lookup, NULL, &text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "line 2: "));
}

static void
length_is_bounded(void **state)
{
	char *text = str_alloc(SUBST_TEXT_MAX + 2);
	char tmpl[5000];

	(void)state;
	memset(tmpl, 'a', sizeof(tmpl));
	tmpl[4096] = '\0';
	check(tmpl, SUBST_IPXE, tmpl);
	tmpl[4096] = 'a';
	tmpl[4097] = '\0';
	check_refused(tmpl, SUBST_IPXE, -EMSGSIZE);
	memset(text, 'a', SUBST_TEXT_MAX);
	check(text, SUBST_TEXT, text);
	text[SUBST_TEXT_MAX] = 'a';
	check_refused(text, SUBST_TEXT, -EMSGSIZE);
	free(text);
}

static void
values_in_json_are_escaped(void **state)
{
	struct error err = {.code = ""};
	char *out = NULL;

	(void)state;
	check("{\"t\": \"${host.name}: ${quote} ${line} ${backslash} ${empty} $$\"}",
	    SUBST_JSON, "{\"t\": \"edge01.los: a\\\"b a\\nb a\\\\b  $\"}");
	check("\"${invalid}\"", SUBST_JSON, "\"a?b\"");
	assert_int_equal(
	    subst_expand("{\n\"${nobody}\"", SUBST_JSON, lookup, NULL, &out, &err),
	    -ENOENT);
	assert_true(str_has_prefix(err.text, "line 2: "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_become_values),
	    cmocka_unit_test(dollars),
	    cmocka_unit_test(unknown_and_open_names),
	    cmocka_unit_test(values_that_would_break_out),
	    cmocka_unit_test(texts_of_many_lines),
	    cmocka_unit_test(length_is_bounded),
	    cmocka_unit_test(values_in_json_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
