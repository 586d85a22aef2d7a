/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/json.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static json_t *
parse(const char *text)
{
	struct error err;
	json_t *v = json_parse(text, strlen(text), &err);

	assert_non_null(v);
	return v;
}

static void
parse_names_the_place(void **state)
{
	struct error err = {.code = ""};

	(void)state;
	assert_null(json_parse("{\"a\":\n x}", 9, &err));
	assert_string_equal(err.code, "bad-json");
	assert_non_null(strstr(err.text, "line 2"));
	assert_null(json_parse("{\"a\":1,\"a\":2}", 13, &err));
	assert_non_null(strstr(err.text, "duplicate"));
	assert_null(json_parse("{} x", 4, &err));
	assert_null(json_parse("", 0, &err));
	assert_null(json_parse("{", 1, NULL));
}

static void
parse_reads_no_further_than_told(void **state)
{
	json_t *v;

	(void)state;
	v = json_parse("{}garbage", 2, NULL);
	assert_non_null(v);
	json_decref(v);
}

static void
deep_nesting_is_refused(void **state)
{
	char text[100000];

	(void)state;
	memset(text, '[', sizeof(text));
	assert_null(json_parse(text, sizeof(text), NULL));
}

static void
getters(void **state)
{
	json_t *v = parse(
		   "{\"s\":\"x\",\"i\":-5,\"b\":true,\"o\":{},\"a\":[1],\"n\":null}"),
	       *part = NULL;
	struct error err;
	const char *s = NULL;
	int64_t i = 0;
	bool b = false;

	(void)state;
	assert_int_equal(json_get_str(v, "s", &s, &err), 0);
	assert_string_equal(s, "x");
	assert_int_equal(json_get_i64(v, "i", &i, &err), 0);
	assert_int_equal(i, -5);
	assert_int_equal(json_opt_bool(v, "b", &b, &err), 0);
	assert_true(b);
	assert_int_equal(json_opt_obj(v, "o", &part, &err), 0);
	assert_true(json_is_object(part));
	assert_int_equal(json_opt_arr(v, "a", &part, &err), 0);
	assert_true(json_is_array(part));
	assert_int_equal(json_opt_arr(v, "none", &part, &err), 0);
	assert_null(part);
	json_decref(v);
}

static void
absent_and_null_leave_the_default(void **state)
{
	json_t *v = parse("{\"n\":null}");
	struct error err = {.code = "untouched"};
	const char *s = "default";
	int64_t i = 7;
	bool b = true;

	(void)state;
	assert_int_equal(json_opt_str(v, "n", &s, &err), 0);
	assert_int_equal(json_opt_i64(v, "none", &i, &err), 0);
	assert_int_equal(json_opt_bool(v, "n", &b, &err), 0);
	assert_string_equal(s, "default");
	assert_int_equal(i, 7);
	assert_true(b);
	assert_string_equal(err.code, "untouched");
	assert_int_equal(json_get_str(v, "n", &s, &err), -EINVAL);
	assert_string_equal(err.text, "n: expected a string, found nothing");
	assert_int_equal(json_get_i64(v, "none", &i, &err), -EINVAL);
	json_decref(v);
}

static void
wrong_types_are_named(void **state)
{
	json_t *v = parse("{\"s\":\"x\",\"i\":-5,\"f\":1.5}"), *part;
	struct error err;
	const char *s = NULL;
	int64_t i = 0;
	bool b = false;

	(void)state;
	assert_int_equal(json_get_str(v, "i", &s, &err), -EINVAL);
	assert_string_equal(err.text, "i: expected a string, found an integer");
	assert_int_equal(json_get_i64(v, "f", &i, &err), -EINVAL);
	assert_string_equal(err.text, "f: expected an integer, found a fraction");
	assert_int_equal(json_opt_bool(v, "s", &b, &err), -EINVAL);
	assert_int_equal(json_opt_obj(v, "s", &part, &err), -EINVAL);
	assert_int_equal(json_opt_arr(v, "s", &part, &err), -EINVAL);
	/* jansson refuses a NUL itself, unless it is told otherwise. */
	assert_null(s);
	json_decref(v);
}

static void
copies_refuse_what_does_not_fit(void **state)
{
	json_t *v = parse("{\"s\":\"abcd\"}");
	struct error err;
	char four[5], three[4] = "old", none[4] = "old";

	(void)state;
	assert_int_equal(json_copy_str(v, "s", four, sizeof(four), &err), 0);
	assert_string_equal(four, "abcd");
	assert_int_equal(json_copy_str(v, "s", three, sizeof(three), &err), -EINVAL);
	assert_string_equal(err.text, "s: longer than 3 octets");
	assert_int_equal(json_copy_opt(v, "none", none, sizeof(none), &err), 0);
	assert_string_equal(none, "");
	assert_int_equal(json_copy_str(v, "none", none, sizeof(none), &err), -EINVAL);
	json_decref(v);
}

static void
building(void **state)
{
	json_t *v = json_object();
	char *text;

	(void)state;
	json_put_str(v, "a", "x\"y");
	json_put_str(v, "b", "");
	json_put_str(v, "c", NULL);
	json_put_i64(v, "d", INT64_MIN);
	json_put_bool(v, "e", false);
	json_put(v, "f", json_array());
	json_put_str(v, "g", "\xff!");
	text = json_text(v);
	assert_string_equal(text,
	    "{\"a\":\"x\\\"y\",\"d\":-9223372036854775808,\"e\":false,"
	    "\"f\":[],\"g\":\"\\\\xff!\"}");
	free(text);
	json_decref(v);
}

/* Read through the kernel, which does not mind that it is freed. */
static void
what_is_freed_is_wiped(void **state)
{
	static const char secret[] = "a password that is long enough to be found again";
	char there[sizeof(secret)];
	json_t *v;
	off_t at;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_return_code(fd, errno);
	json_wipe_freed();
	v = json_string(secret);
	at = (off_t)(uintptr_t)json_string_value(v);
	assert_int_equal(pread(fd, there, sizeof(there), at), sizeof(there));
	assert_memory_equal(there, secret, sizeof(secret));
	json_decref(v);
	assert_int_equal(pread(fd, there, sizeof(there), at), sizeof(there));
	assert_null(memmem(there, sizeof(there), secret + 20, 10));
	close(fd);
}

static bool
bounded(const char *text, unsigned depth, size_t most)
{
	json_t *v = parse(text);
	bool is = json_bounded(v, depth, most);

	json_decref(v);
	return is;
}

static void
what_strangers_fill_in_is_bounded(void **state)
{
	(void)state;
	assert_true(bounded("{}", 1, 8));
	assert_false(bounded("{}", 1, 7));
	assert_true(bounded("{\"a\":[1,\"xy\"]}", 3, 8 + 1 + 8 + 8 + 8 + 2));
	assert_false(bounded("{\"a\":[1,\"xy\"]}", 3, 8 + 1 + 8 + 8 + 8 + 1));
	assert_false(bounded("{\"a\":[1,\"xy\"]}", 2, 1000));
	assert_false(bounded("[[[[]]]]", 3, 1000));
	assert_true(bounded("[[[[]]]]", 4, 1000));
	assert_false(bounded("{\"a long name\":null}", 2, 20));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_names_the_place),
	    cmocka_unit_test(parse_reads_no_further_than_told),
	    cmocka_unit_test(deep_nesting_is_refused),
	    cmocka_unit_test(what_strangers_fill_in_is_bounded),
	    cmocka_unit_test(getters),
	    cmocka_unit_test(absent_and_null_leave_the_default),
	    cmocka_unit_test(wrong_types_are_named),
	    cmocka_unit_test(copies_refuse_what_does_not_fit),
	    cmocka_unit_test(building),
	    cmocka_unit_test(what_is_freed_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
