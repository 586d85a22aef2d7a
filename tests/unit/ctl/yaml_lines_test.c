/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/yaml_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct yaml_node *
parse(const char *text)
{
	struct yaml_node *root = NULL;
	struct error err;
	size_t line;

	assert_int_equal(yaml_lines_parse(text, strlen(text), &root, &line, &err), 0);
	return root;
}

static void
test_pointers_find_lines(void **state UNUSED)
{
	struct yaml_node *root = parse("a:\n"
				       "  - x: 1\n"
				       "  -\n"
				       "    x: |\n"
				       "      long\n"
				       "      text\n"
				       "    y: [p,\n"
				       "      q]\n"
				       "\"b/c~d\": 3\n");
	static const struct {
		const char *pointer;
		size_t line;
	} cases[] = {{"", 1}, {"/a", 1}, {"/a/0", 2}, {"/a/0/x", 2}, {"/a/1/x", 4},
	    {"/a/1/y", 7}, {"/a/1/y/0", 7}, {"/a/1/y/1", 8}, {"/b~1c~0d", 9},
	    {"/a/1/none/deeper", 4}, {"/a/99", 1}, {"/a/x", 1}, {"/a/-1", 1}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
		    yaml_lines_find(root, cases[i].pointer)->line, cases[i].line);
	assert_string_equal(yaml_lines_find(root, "/a/1/x")->value, "long\ntext\n");
	yaml_lines_free(root);
	assert_null(yaml_lines_find(NULL, "/a"));
}

static void
test_empty(void **state UNUSED)
{
	assert_null(parse(""));
	assert_null(parse("# only a comment\n"));
}

static void
test_refused(void **state UNUSED)
{
	static const struct {
		const char *text;
		size_t line;
	} cases[] = {{"a: 1\nb: [\n", 3}, {"a: 1\na: 2\n", 2}, {"a: &x 1\nb: *x\n", 2},
	    {"a\n--- b\n", 2}, {"? [a]\n: b\n", 1}, {"a: \"\\0\"\n", 1}, {"\tx", 1}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct yaml_node *root = NULL;
		struct error err;
		size_t line = 0;

		assert_true(yaml_lines_parse(cases[i].text, strlen(cases[i].text), &root,
				&line, &err) < 0);
		assert_null(root);
		assert_string_equal(err.code, "bad-yaml");
		assert_int_equal(line, cases[i].line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pointers_find_lines),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
