/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/output.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/yaml_emit.h"
#include "lib/compiler.h"

static const struct output_column columns[] = {
    {.title = "NAME", .key = "name"},
    {.title = "AT", .key = "at", .kind = OUTPUT_TIME},
    {.title = "FOR", .key = "us", .kind = OUTPUT_DURATION, .wide = true},
    {.title = "SIZE", .key = "deep.size", .kind = OUTPUT_BYTES, .wide = true},
    {.title = "N", .key = "list", .kind = OUTPUT_COUNT, .wide = true},
    {.title = "LABELS", .key = "labels", .kind = OUTPUT_PAIRS, .wide = true},
    {.title = "LIST", .key = "list"},
};

static char *
table(const char *json, bool wide, bool headers)
{
	json_t *rows = json_loads(json, 0, NULL);
	struct text t = {0};

	assert_non_null(rows);
	output_table(rows, columns, ARRAY_SIZE(columns), wide, headers, &t);
	json_decref(rows);
	return text_take(&t);
}

static void
assert_table(const char *json, bool wide, bool headers, const char *expected)
{
	char *got = table(json, wide, headers);

	assert_string_equal(got, expected);
	free(got);
}

static void
test_columns_line_up(void **state UNUSED)
{
	assert_table("[{\"name\":\"a\",\"at\":1769851800000000,\"list\":[1,\"x\",true]},"
		     "{\"name\":\"longer.name\",\"_zone\":\"Africa/Lagos\","
		     "\"at\":\"2026-01-31T09:30:00Z\"}]",
	    false, true,
	    "NAME         AT                         LIST\n"
	    "a            2026-01-31 09:30:00+00:00  1,x,yes\n"
	    "longer.name  2026-01-31 10:30:00+01:00  -\n");
}

static void
test_wide_and_no_headers(void **state UNUSED)
{
	assert_table("[{\"name\":\"a\",\"us\":151000000,\"deep\":{\"size\":14200000},"
		     "\"labels\":{\"role\":\"cdn\",\"u\":3},\"list\":[]}]",
	    true, false, "a  -  2m31s  14.2 MB  0  role=cdn,u=3  -\n");
}

static void
test_empty_list_has_its_titles(void **state UNUSED)
{
	assert_table("[]", false, true, "NAME  AT  LIST\n");
	assert_table("[]", false, false, "");
}

/* Whatever a host's answer holds, and whatever the terminal can show. */
static void
test_hostile_text_is_escaped(void **state UNUSED)
{
	assert_table("[{\"name\":\"a\\u001b[2J\\nb\"},{\"name\":\"\\u00e9\"}]", false,
	    false,
	    "a\\x1b[2J\\x0ab  -  -\n"
	    "\\xc3\\xa9       -  -\n");
	setlocale(LC_CTYPE, "C.UTF-8");
	assert_table("[{\"name\":\"a\\u009b2J\\u202eb\"},{\"name\":\"\\u00e9\\u4e2d\"}]",
	    false, false,
	    "a\\xc2\\x9b2J\\xe2\\x80\\xaeb  -  -\n"
	    "\xc3\xa9\xe4\xb8\xad                       -  -\n");
	setlocale(LC_CTYPE, "C");
}

static void
test_wrong_types_are_no_values(void **state UNUSED)
{
	assert_table("[{\"name\":null,\"at\":\"yesterday\",\"us\":\"x\",\"deep\":3,"
		     "\"labels\":[]}]",
	    true, false, "-  -  -  -  0  -  -\n");
}

static char *
printed(enum ctl_format format, const char *json)
{
	char *buf = NULL;
	size_t len = 0;
	json_t *rows = json_loads(json, 0, NULL);
	struct ctl ctl = {
	    .format = format, .out = open_memstream(&buf, &len), .headers = true};

	output_list(&ctl, rows, columns, ARRAY_SIZE(columns));
	fclose(ctl.out);
	json_decref(rows);
	return buf;
}

static void
test_json_forms(void **state UNUSED)
{
	static const char rows[] =
	    "[{\"z\":1,\"a\":\"x\",\"_zone\":\"UTC\"},{\"b\":null}]";
	char *json = printed(CTL_JSON, rows), *lines = printed(CTL_NDJSON, rows);
	json_t *doc = json_loads(json, 0, NULL),
	       *expected = json_loads(
		   "{\"items\":[{\"z\":1,\"a\":\"x\"},{\"b\":null}]}", 0, NULL);

	assert_true(json_equal(doc, expected));
	assert_string_equal(lines, "{\"z\":1,\"a\":\"x\"}\n{\"b\":null}\n");
	json_decref(doc);
	json_decref(expected);
	free(json);
	free(lines);
}

static void
test_object_in_yaml(void **state UNUSED)
{
	char *buf = NULL;
	size_t len = 0;
	json_t *obj =
	    json_loads("{\"name\":\"edge01\",\"nics\":[{\"mac\":\"52:54:00:77:00:01\","
		       "\"boot\":true}],\"empty\":\"\",\"none\":null,\"l\":{}}",
		0, NULL);
	struct ctl ctl = {.out = open_memstream(&buf, &len)};

	output_object(&ctl, obj);
	fclose(ctl.out);
	assert_string_equal(buf, "name: edge01\n"
				 "nics:\n"
				 "- mac: \"52:54:00:77:00:01\"\n"
				 "  boot: true\n"
				 "empty: \"\"\n");
	free(buf);
	json_decref(obj);
}

/* What cannot be shown, or not be seen, is written in YAML's own escapes. */
static void
test_yaml_says_what_is_unseen(void **state UNUSED)
{
	static const struct {
		const char *locale, *json, *yaml;
	} rows[] = {
	    {"C.UTF-8", "{\"a\":\"\\u0141\\u00f3d\\u017a\"}",
		"a: \xc5\x81\xc3\xb3"
		"d\xc5\xba\n"},
	    {"C", "{\"a\":\"\\u0141\\u00f3d\\u017a\"}", "a: \"\\u0141\\xF3d\\u017A\"\n"},
	    {"C.UTF-8", "{\"a\":[\"x\\u202ey\\u200d\"]}", "a:\n- \"x\\u202Ey\\u200D\"\n"},
	    {"C.UTF-8", "{\"a\":\"x\\u001b[2J\\u009b\"}", "a: \"x\\e[2J\\x9B\"\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *doc = json_loads(rows[i].json, 0, NULL);
		char *yaml;

		setlocale(LC_CTYPE, rows[i].locale);
		yaml = yaml_emit_text(doc);
		assert_string_equal(yaml, rows[i].yaml);
		free(yaml);
		json_decref(doc);
	}
	setlocale(LC_CTYPE, "C");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_columns_line_up),
	    cmocka_unit_test(test_wide_and_no_headers),
	    cmocka_unit_test(test_empty_list_has_its_titles),
	    cmocka_unit_test(test_hostile_text_is_escaped),
	    cmocka_unit_test(test_wrong_types_are_no_values),
	    cmocka_unit_test(test_json_forms),
	    cmocka_unit_test(test_object_in_yaml),
	    cmocka_unit_test(test_yaml_says_what_is_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
