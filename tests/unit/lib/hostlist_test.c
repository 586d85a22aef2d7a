/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/hostlist.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The terms in one line: names as they are, exclusions with '-', labels as
 * @group:key=value. */
static const char *
shown(const struct hostlist *list, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		const struct hostlist_term *t = &list->terms[i];
		const char *sign = t->exclude ? "-" : "";

		if (t->all)
			len += (size_t)snprintf(buf + len, size - len, "%sALL ", sign);
		else if (t->name != NULL)
			len += (size_t)snprintf(
			    buf + len, size - len, "%s%s ", sign, t->name);
		else
			len += (size_t)snprintf(buf + len, size - len, "%s@%u:%s=%s ",
			    sign, t->group, t->label, t->value);
		assert_true(len < size);
	}
	return buf;
}

static void
check(const char *text, const char *wanted)
{
	struct hostlist list;
	struct error err;
	char buf[2000];

	assert_int_equal(hostlist_parse(text, &list, &err), 0);
	assert_string_equal(shown(&list, buf, sizeof(buf)), wanted);
	hostlist_done(&list);
}

static void
names_and_ranges(void **state)
{
	(void)state;
	check("a", "a ");
	check("a,b.c", "a b.c ");
	check("edge[08-11].los", "edge08.los edge09.los edge10.los edge11.los ");
	check("e[8-11]", "e8 e9 e10 e11 ");
	check("e[1,3,5-6]x", "e1x e3x e5x e6x ");
	check("r[1-2]n[01-02]", "r1n01 r1n02 r2n01 r2n02 ");
	check("[1-2]", "1 2 ");
	check("e[007]", "e007 ");
	check("allx,xall", "allx xall ");
}

static void
exclusions(void **state)
{
	(void)state;
	check("edge[1-2],-edge2", "edge1 edge2 -edge2 ");
	check("all,-e[1-2]", "ALL -e1 -e2 ");
	check("all,-@role=db", "ALL -@1:role=db ");
}

static void
labels(void **state)
{
	(void)state;
	check("@site=los,role=cdn", "@1:site=los @1:role=cdn ");
	check("@site=los,@role=cdn", "@1:site=los @2:role=cdn ");
	check("@site=los,edge1", "@1:site=los edge1 ");
	check("@a=b,-@c=d,e=f", "@1:a=b -@2:c=d -@2:e=f ");
	check("@a=b,-edge1", "@1:a=b -edge1 ");
	check("@k=v=w", "@1:k=v=w ");
}

static void
doubtful_lists_are_refused(void **state)
{
	static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "-a", "-all",
	    "all,-all", "-", "a b", "a[1-2", "a[]", "a[2-1]", "a[1-]", "a[-1]", "a[x]",
	    "a[1-2]]", "a[01-2]", "a[01-100]", "a[1-2,]", "a]", "@", "@a", "@a=", "@=b",
	    "a,@", "@a=b,", "a[1][2][3][4][5]", "a[1234567890]", "../x", "a/b", "@a=b c",
	    "a\n", "-a,b-", "a[1-2]-", "@a=[1]"};
	struct hostlist list;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.code[0] = '\0';
		if (hostlist_parse(bad[i], &list, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_string_equal(err.code, "bad-hostlist");
	}
}

static void
errors_point_at_the_place(void **state)
{
	struct hostlist list;
	struct error err;

	(void)state;
	assert_int_equal(hostlist_parse("edge1,edge[5-3]", &list, &err), -EINVAL);
	assert_string_equal(
	    err.text, "host list, character 12 (\"5-3]\"): a range runs backwards");
}

static void
huge_ranges_cost_nothing(void **state)
{
	struct hostlist list;
	struct error err;
	char *text;

	(void)state;
	assert_int_equal(hostlist_parse("a[0-999999999]", &list, &err), -E2BIG);
	assert_int_equal(
	    hostlist_parse("a[0-999999999][0-999999999][0-999999999]", &list, &err),
	    -E2BIG);
	assert_int_equal(hostlist_parse("a[1-100000]", &list, &err), 0);
	assert_int_equal(list.count, 100000);
	assert_string_equal(list.terms[99999].name, "a100000");
	hostlist_done(&list);
	assert_int_equal(hostlist_parse("a[1-100001]", &list, &err), -E2BIG);
	assert_int_equal(hostlist_parse("a[1-100000],b", &list, &err), -E2BIG);
	text = calloc(1, HOSTLIST_TEXT_MAX + 2);
	assert_non_null(text);
	memset(text, 'a', HOSTLIST_TEXT_MAX + 1);
	assert_int_equal(hostlist_parse(text, &list, &err), -E2BIG);
	free(text);
}

static void
names_are_not_cut(void **state)
{
	struct hostlist list;
	struct error err;
	char text[400];

	(void)state;
	for (size_t len = 240; len < 270; len++) {
		for (size_t i = 0; i < len; i++)
			text[i] = i % 2 == 0 ? 'a' : '.';
		memcpy(text + len, "a[1-3]", 7);
		if (hostlist_parse(text, &list, &err) < 0)
			continue;
		assert_int_equal(strlen(list.terms[0].name) >= len + 2, 1);
		hostlist_done(&list);
	}
	hostlist_done(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_and_ranges),
	    cmocka_unit_test(exclusions),
	    cmocka_unit_test(labels),
	    cmocka_unit_test(doubtful_lists_are_refused),
	    cmocka_unit_test(errors_point_at_the_place),
	    cmocka_unit_test(huge_ranges_cost_nothing),
	    cmocka_unit_test(names_are_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
