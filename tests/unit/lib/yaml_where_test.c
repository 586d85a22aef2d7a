/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines and keys in YAML texts, and libcyaml's log turned into one sentence. */
#include "lib/yaml_where.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <cyaml/cyaml.h>

#include "lib/str.h"

static const char text[] = "interfaces: [eth0]\n"
			   "hosts:\n"
			   "  - name: a\n"
			   "    nics:\n"
			   "      - mac: x\n"
			   "      - mac: y\n"
			   "        ip: 1\n"
			   "  - name: b\n";

static struct yaml_where
where(const char *t)
{
	return (struct yaml_where){.name = "f.yaml", .text = t, .len = strlen(t)};
}

static void
finds_lines(void **state UNUSED)
{
	const struct yaml_where w = where(text);

	assert_int_equal(yaml_where_line(&w, ""), 1);
	assert_int_equal(yaml_where_line(&w, "interfaces[0]"), 1);
	assert_int_equal(yaml_where_line(&w, "hosts"), 2);
	assert_int_equal(yaml_where_line(&w, "hosts[0].name"), 3);
	assert_int_equal(yaml_where_line(&w, "hosts[0].nics[1].ip"), 7);
	assert_int_equal(yaml_where_line(&w, "hosts[1].name"), 8);
}

static void
falls_back_to_the_nearest_ancestor(void **state UNUSED)
{
	const struct yaml_where w = where(text);

	assert_int_equal(yaml_where_line(&w, "hosts[0].nics[1].speed"), 6);
	assert_int_equal(yaml_where_line(&w, "hosts[7].name"), 2);
	assert_int_equal(yaml_where_line(&w, "interfaces[0].x.y"), 1);
	assert_int_equal(yaml_where_line(&w, "hosts[-3]"), 3);
	assert_int_equal(yaml_where_line(&w, "]["), 1);
}

static void
finds_a_second_document(void **state UNUSED)
{
	static const char *const one[] = {
	    "", "a: 1\n", "---\na: 1\n", "%YAML 1.1\n---\na: 1\n...\n", "a: [\n", "{}"};
	struct yaml_where w = where("a: 1\n# b\n---\nb: 2\n");
	struct error err = {0};

	assert_int_equal(yaml_where_only_one(&w, &err), -EINVAL);
	assert_string_equal(
	    err.text, "f.yaml:3: a second document begins here; only one is read");
	w = where("a: 1\n...\nb: 2\n");
	assert_int_equal(yaml_where_only_one(&w, &err), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(one); i++) {
		w = where(one[i]);
		assert_int_equal(yaml_where_only_one(&w, &err), 0);
	}
}

struct sizes {
	unsigned n;
	int *v;
	unsigned v_count;
};

static void
numbers_are_whole(void **state UNUSED)
{
	static const cyaml_schema_value_t number = {
	    CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int)};
	static const cyaml_schema_field_t fields[] = {
	    CYAML_FIELD_UINT("n", CYAML_FLAG_OPTIONAL, struct sizes, n),
	    CYAML_FIELD_SEQUENCE("v", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
		struct sizes, v, &number, 0, CYAML_UNLIMITED),
	    CYAML_FIELD_END};
	static const cyaml_schema_value_t schema = {
	    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sizes, fields)};
	static const char *const good[] = {"", "n: 0", "n: 70", "n: 0x07", "v: [-3, '4']",
	    "v: 3", "n: [", "other: 5x", "- 5x", "n: {v: 5x}"};
	static const struct {
		const char *text, *says;
	} bad[] = {
	    {"n: 5x\n", "f.yaml:1: n: '5x' is no whole number"},
	    {"n: 1\nv: [1,\n 30m]\n", "f.yaml:3: v[1]: '30m' is no whole number"},
	    {"n: 010\n", "f.yaml:1: n: '010' is no whole number"},
	    {"n: 0x\n", "f.yaml:1: n: '0x' is no whole number"},
	    {"n: 1.5\n", "f.yaml:1: n: '1.5' is no whole number"},
	    {"n:\n", "f.yaml:1: n: '' is no whole number"},
	};
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct yaml_where w = where(good[i]);

		w.schema = &schema;
		assert_int_equal(yaml_where_whole_numbers(&w, &err), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct yaml_where w = where(bad[i].text);

		w.schema = &schema;
		assert_int_equal(yaml_where_whole_numbers(&w, &err), -EINVAL);
		assert_string_equal(err.text, bad[i].says);
	}
}

static void
reads_json(void **state UNUSED)
{
	const struct yaml_where w = where("{\n\"a\": {\"b\": 1,\n\"c\": [2,\n3]}}");

	assert_int_equal(yaml_where_line(&w, "a.c"), 3);
	assert_int_equal(yaml_where_line(&w, "a.c[1]"), 4);
}

static void PRINTF_LIKE(2, 3) log_line(struct yaml_where_trace *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	yaml_where_log(t, fmt, args);
	va_end(args);
}

/* The lines are libcyaml 1.3's for this fault. */
static void
names_an_unknown_key(void **state UNUSED)
{
	const struct yaml_where w = where("hosts:\n - name: a\n   prt: 3\n");
	struct yaml_where_trace t = {0};
	struct error err = {0};

	log_line(&t, "Load: Unexpected key: %s\n", "prt");
	log_line(&t, "Load: Backtrace:\n");
	log_line(&t, "Load:   in mapping (line: %d, column: %d)\n", 2, 10);
	log_line(&t, "Load:   in sequence entry '%d' (line: %d, column: %d)\n", 1, 2, 4);
	log_line(
	    &t, "Load:   in mapping field '%s' (line: %d, column: %d)\n", "hosts", 2, 2);
	assert_int_equal(yaml_where_failed(&w, &t, "?", &err), -EINVAL);
	assert_string_equal(err.code, "config");
	assert_string_equal(err.text, "f.yaml:3: hosts[0].prt: unknown key");
}

static void
names_the_words_of_a_key(void **state UNUSED)
{
	static const cyaml_strval_t words[] = {{"local", 0}, {"menu", 1}, {"silent", 2}};
	static const cyaml_schema_field_t fields[] = {
	    {.key = "idle",
		.value = {.type = CYAML_ENUM,
		    .enumeration = {.strings = words, .count = ARRAY_SIZE(words)}}},
	    CYAML_FIELD_END,
	};
	static const cyaml_schema_value_t host = {
	    .type = CYAML_MAPPING, .mapping = {.fields = fields}};
	static const cyaml_schema_field_t top_fields[] = {
	    {.key = "hosts",
		.value = {.type = CYAML_SEQUENCE, .sequence = {.entry = &host}}},
	    CYAML_FIELD_END,
	};
	static const cyaml_schema_value_t top = {
	    .type = CYAML_MAPPING, .mapping = {.fields = top_fields}};
	struct yaml_where w = where("hosts:\n - idle: nothing\n");
	struct yaml_where_trace t = {0};
	struct error err = {0};

	log_line(&t, "Load: Invalid ENUM value: %s\n", "nothing");
	log_line(&t, "Load:   in mapping field '%s' (line: 2, column: 10)\n", "idle");
	log_line(&t, "Load:   in sequence entry '%d' (line: 2, column: 4)\n", 1);
	log_line(&t, "Load:   in mapping field '%s' (line: 2, column: 2)\n", "hosts");
	yaml_where_failed(&w, &t, "?", &err);
	assert_string_equal(err.text,
	    "f.yaml:2: hosts[0].idle: 'nothing' is none of the words for this key");
	w.schema = &top;
	yaml_where_failed(&w, &t, "?", &err);
	assert_string_equal(err.text, "f.yaml:2: hosts[0].idle: 'nothing' is none of the "
				      "words for this key: local, "
				      "menu, silent");
	/* A path that the schema does not have. */
	str_clip(t.path, sizeof(t.path), "hosts[0].idle.x[2]");
	yaml_where_failed(&w, &t, "?", &err);
	assert_null(strstr(err.text, "menu"));
}

static void
names_a_missing_key(void **state UNUSED)
{
	const struct yaml_where w = where("hosts:\n - macs: [a]\n");
	struct yaml_where_trace t = {0};
	struct error err = {0};

	log_line(&t, "Load: Missing required mapping field: %s\n", "name");
	log_line(&t, "Load:   in mapping field '%s' (line: 2, column: 10)\n", "macs");
	log_line(&t, "Load:   in sequence entry '%d' (line: 2, column: 4)\n", 1);
	log_line(&t, "Load:   in mapping field '%s' (line: 2, column: 2)\n", "hosts");
	yaml_where_failed(&w, &t, "?", &err);
	assert_string_equal(err.text, "f.yaml:2: hosts[0]: key 'name' is missing");
}

static void
names_a_doubled_key(void **state UNUSED)
{
	const struct yaml_where w = where("site:\n  name: a\n  name: b\n");
	struct yaml_where_trace t = {0};
	struct error err = {0};

	log_line(&t, "Load: Mapping field already seen: %s\n", "name");
	log_line(&t, "Load:   in mapping field '%s' (line: 2, column: 10)\n", "name");
	log_line(&t, "Load:   in mapping field '%s' (line: 2, column: 2)\n", "site");
	yaml_where_failed(&w, &t, "?", &err);
	assert_string_equal(err.text, "f.yaml:2: site.name: key is given twice");
}

static void
describes_what_is_not_yaml(void **state UNUSED)
{
	const struct yaml_where w = where("a: 1\nb: 2\n\tc: 3\n");
	struct yaml_where_trace t = {0};
	struct error err = {0};

	yaml_where_failed(&w, &t, "?", &err);
	assert_non_null(strstr(err.text, "f.yaml:3: not YAML: "));
}

static void
escapes_what_the_file_says(void **state UNUSED)
{
	const struct yaml_where w = where("a: 1\n");
	struct yaml_where_trace t = {0};
	struct error err = {0};

	log_line(&t, "Load: Unexpected key: %s\n", "\x1b[31m");
	yaml_where_failed(&w, &t, "?", &err);
	assert_null(strchr(err.text, 0x1b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_lines),
	    cmocka_unit_test(falls_back_to_the_nearest_ancestor),
	    cmocka_unit_test(finds_a_second_document),
	    cmocka_unit_test(numbers_are_whole),
	    cmocka_unit_test(reads_json),
	    cmocka_unit_test(names_an_unknown_key),
	    cmocka_unit_test(names_the_words_of_a_key),
	    cmocka_unit_test(names_a_missing_key),
	    cmocka_unit_test(names_a_doubled_key),
	    cmocka_unit_test(describes_what_is_not_yaml),
	    cmocka_unit_test(escapes_what_the_file_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
