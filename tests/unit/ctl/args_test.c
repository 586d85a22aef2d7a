/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/args_help.h"
#include "ctl/commands.h"
#include "lib/compiler.h"

#define PARSE(a, e, ...) parse((char *[]){"netboot-ctl", __VA_ARGS__, NULL}, (a), (e))

static int
parse(char **argv, struct args *a, struct error *err)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	return args_parse(&commands_table, argc, argv, a, err);
}

static void
test_command_and_options(void **state UNUSED)
{
	struct error err;
	struct args a;

	assert_int_equal(PARSE(&a, &err, "-o", "json", "reinstall", "edge01",
			     "--reason=INC 1", "edge02", "--wait=10m", "--yes", "-q"),
	    0);
	assert_string_equal(a.command->noun, "reinstall");
	assert_int_equal(a.n_operands, 2);
	assert_string_equal(a.operands[1], "edge02");
	assert_string_equal(args_get(&a, "reason"), "INC 1");
	assert_string_equal(args_get(&a, "wait"), "10m");
	assert_string_equal(args_get(&a, "output"), "json");
	assert_true(args_has(&a, "yes"));
	assert_true(args_has(&a, "quiet"));
	assert_false(args_has(&a, "dry-run"));
}

/* --wait never swallows the next word, which may be a host. */
static void
test_optional_value_only_inline(void **state UNUSED)
{
	struct error err;
	struct args a;

	assert_int_equal(PARSE(&a, &err, "reboot", "--wait", "edge01"), 0);
	assert_true(args_has(&a, "wait"));
	assert_null(args_get(&a, "wait"));
	assert_string_equal(a.operands[0], "edge01");
}

static void
test_lists_and_letters(void **state UNUSED)
{
	struct error err;
	struct args a;
	size_t pos = 0;

	assert_int_equal(PARSE(&a, &err, "host", "add", "e1", "--label", "a=1",
			     "--label=b=2", "-qowide"),
	    0);
	assert_string_equal(args_next(&a, "label", &pos), "a=1");
	assert_string_equal(args_next(&a, "label", &pos), "b=2");
	assert_null(args_next(&a, "label", &pos));
	assert_string_equal(args_get(&a, "output"), "wide");
	assert_int_equal(PARSE(&a, &err, "apply", "-f", "-", "--dry-run"), 0);
	assert_string_equal(args_get(&a, "file"), "-");
}

static void
test_after_two_dashes_all_are_operands(void **state UNUSED)
{
	struct error err;
	struct args a;

	assert_int_equal(PARSE(&a, &err, "host", "show", "--", "-edge"), 0);
	assert_string_equal(a.operands[0], "-edge");
}

struct refusal {
	const char *words[8];
	const char *text, *next;
};

static void
test_refusals(void **state UNUSED)
{
	static const struct refusal cases[] = {
	    {{"reinstal", "e"}, "unknown command 'reinstal'",
		"did you mean 'reinstall'?"},
	    {{"frobnicate"}, "unknown command 'frobnicate'",
		"netboot-ctl --help lists the commands"},
	    {{"host", "lst"}, "host: unknown action 'lst'", "did you mean 'host list'?"},
	    {{"power", "explode", "e"}, "power: unknown action 'explode'",
		"it is one of: status, on, off, soft, cycle, reset"},
	    {{"reinstall", "e", "--rason", "x"}, "reinstall: unknown option '--rason'",
		"did you mean --reason?"},
	    {{"reinstall", "e", "--reas", "x"}, "reinstall: unknown option '--reas'",
		"did you mean --reason?"},
	    {{"reinstall", "e", "-z"}, "reinstall: unknown option '-z'",
		"--help lists the options"},
	    {{"reinstall", "all", "-edge03"}, "reinstall: unknown option '-e'",
		"to leave a host out, write it behind a comma: edge[01-10],-edge03"},
	    {{"reinstall", "e", "--reason"}, "reinstall: --reason needs a value (TEXT)",
		""},
	    {{"reinstall", "e", "--yes=1"}, "reinstall: --yes takes no value", ""},
	    {{"reboot", "e", "--hard", "--hard"}, "reboot: --hard is given twice",
		"give it once"},
	    {{"site", "list", "-o", "xml"},
		"site list: --output takes table|wide|json|ndjson, not 'xml'", ""},
	    {{"site", "list", "-o", ""},
		"site list: --output takes table|wide|json|ndjson, not ''", ""},
	    {{"reinstall"}, "reinstall: HOSTS is missing", "--help shows how"},
	    {{"host"}, "host: which action?", "--help lists them"},
	    {{"job", "show", "a", "b"}, "job show: 'b' is one word too many",
		"--help shows how"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[10] = {(char *)(uintptr_t) "netboot-ctl"};
		struct error err;
		struct args a;

		for (size_t k = 0; k < 8 && cases[i].words[k] != NULL; k++)
			argv[k + 1] = (char *)(uintptr_t)cases[i].words[k];
		assert_true(parse(argv, &a, &err) < 0);
		assert_string_equal(err.code, "usage");
		assert_string_equal(err.text, cases[i].text);
		assert_string_equal(err.next, cases[i].next);
	}
}

static void
test_too_many_words_are_refused(void **state UNUSED)
{
	char *argv[ARGS_OPERANDS_MAX + 4] = {
	    (char *)(uintptr_t) "netboot-ctl", (char *)(uintptr_t) "status"};
	struct error err;
	struct args a;

	for (size_t i = 2; i < ARRAY_SIZE(argv) - 1; i++)
		argv[i] = (char *)(uintptr_t) "edge";
	assert_true(parse(argv, &a, &err) < 0);
	for (size_t i = 2; i < ARRAY_SIZE(argv) - 1; i++)
		argv[i] = (char *)(uintptr_t) "--label=a=b";
	argv[1] = (char *)(uintptr_t) "status";
	assert_true(parse(argv, &a, &err) < 0);
}

static void
test_help_is_not_hindered_by_missing_words(void **state UNUSED)
{
	struct text t = {0};
	struct error err;
	struct args a;

	assert_int_equal(PARSE(&a, &err, "reinstall", "--help"), 0);
	assert_true(a.help);
	args_help_text(&commands_table, a.command, a.help_noun, &t);
	assert_non_null(
	    strstr(text_str(&t), "usage: netboot-ctl reinstall HOSTS [OPTIONS]"));
	assert_non_null(strstr(text_str(&t), "--reason TEXT"));
	text_clear(&t);
	assert_int_equal(PARSE(&a, &err, "host", "--help"), 0);
	args_help_text(&commands_table, a.command, a.help_noun, &t);
	assert_non_null(strstr(text_str(&t), "host lock HOST"));
	assert_null(strstr(text_str(&t), "site add"));
	text_done(&t);
}

/* Each row has its help, its handler, and options without doubles. */
static void
test_the_table_is_whole(void **state UNUSED)
{
	const struct args_command *c;

	for (size_t i = 0; (c = args_row(&commands_table, i)) != NULL; i++) {
		assert_non_null(c->run);
		assert_non_null(c->summary);
		assert_non_null(c->operands);
		for (size_t g = 0; g < ARGS_GROUPS_MAX; g++)
			for (size_t k = 0; k < c->groups[g].n; k++) {
				const struct args_option *o = &c->groups[g].options[k];

				assert_non_null(o->help);
				assert_true(
				    (o->kind == ARGS_FLAG) == (o->metavar == NULL));
				for (size_t j = 0; j < commands_table.globals.n; j++)
					assert_string_not_equal(o->name,
					    commands_table.globals.options[j].name);
			}
	}
}

static void
test_completion_words(void **state UNUSED)
{
	struct text t = {0};

	args_help_words(&commands_table, NULL, 0, &t);
	assert_non_null(strstr(text_str(&t), "reinstall\n"));
	/* A noun with several verbs comes once. */
	assert_null(strstr(strstr(text_str(&t), "host\n") + 1, "host\n"));
	text_clear(&t);
	args_help_words(&commands_table, (const char *[]){"power"}, 1, &t);
	assert_non_null(strstr(text_str(&t), "cycle\n"));
	text_clear(&t);
	args_help_words(&commands_table, (const char *[]){"reinstall"}, 1, &t);
	assert_non_null(strstr(text_str(&t), "--reason=\n"));
	assert_non_null(strstr(text_str(&t), "--dry-run\n"));
	assert_non_null(strstr(text_str(&t), "@HOSTS\n"));
	text_clear(&t);
	args_help_words(
	    &commands_table, (const char *[]){"site", "list", "--output"}, 3, &t);
	assert_string_equal(text_str(&t), "table\nwide\njson\nndjson\n");
	text_clear(&t);
	args_help_words(&commands_table, (const char *[]){"image", "import"}, 2, &t);
	assert_non_null(strstr(text_str(&t), "\nsysrescue\n"));
	assert_non_null(strstr(text_str(&t), "\nefi-file\n"));
	assert_null(strstr(text_str(&t), "@"));
	/* Of several rows each family comes once. */
	assert_null(strstr(strstr(text_str(&t), "debian-live\n") + 1, "debian-live\n"));
	text_clear(&t);
	args_help_words(
	    &commands_table, (const char *[]){"image", "import", "grml"}, 3, &t);
	assert_non_null(strstr(text_str(&t), "@SOURCE\n"));
	assert_null(strstr(text_str(&t), "sysrescue\n"));
	text_clear(&t);
	args_help_words(
	    &commands_table, (const char *[]){"site", "config", "lab", "--for"}, 4, &t);
	assert_non_null(strstr(text_str(&t), "isc-dhcp\nisc-dhcp6\nkea\nkea6\n"));
	text_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_command_and_options),
	    cmocka_unit_test(test_optional_value_only_inline),
	    cmocka_unit_test(test_lists_and_letters),
	    cmocka_unit_test(test_after_two_dashes_all_are_operands),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_too_many_words_are_refused),
	    cmocka_unit_test(test_help_is_not_hindered_by_missing_words),
	    cmocka_unit_test(test_the_table_is_whole),
	    cmocka_unit_test(test_completion_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
