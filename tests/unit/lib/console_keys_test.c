/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/console_keys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base64.h"
#include "lib/json.h"
#include "lib/str.h"

static int
parse(const char *text, struct console_keys *k, json_t **ret_doc)
{
	struct error err = {.code = ""};
	int rc;

	*ret_doc = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(*ret_doc);
	rc = console_keys_parse(*ret_doc, k, &err);
	assert_int_equal(rc < 0, err.code[0] != '\0');
	return rc;
}

static void
what_is_typed(void **state UNUSED)
{
	struct console_keys k;
	json_t *doc;

	assert_int_equal(
	    parse("{\"watcher\":\"w\",\"data\":\"cm9vdA0=\",\"break\":true}", &k, &doc),
	    0);
	assert_string_equal(k.watcher, "w");
	assert_int_equal(k.len, 5);
	assert_memory_equal(k.data, "root\r", 5);
	assert_true(k.send_break);
	console_keys_done(&k);
	assert_int_equal(k.data[0], 0);
	json_decref(doc);
	/* A break alone; nothing at all does no harm either. */
	assert_int_equal(parse("{\"watcher\":\"w\",\"break\":true}", &k, &doc), 0);
	assert_true(k.len == 0 && k.send_break);
	json_decref(doc);
	assert_int_equal(parse("{\"watcher\":\"w\"}", &k, &doc), 0);
	assert_true(k.len == 0 && !k.send_break);
	json_decref(doc);
}

static void
what_is_none(void **state UNUSED)
{
	static const char *const bad[] = {"{}", "[]", "7", "{\"watcher\":7}",
	    "{\"watcher\":\"w\",\"data\":7}", "{\"watcher\":\"w\",\"data\":\"?\"}",
	    "{\"watcher\":\"w\",\"break\":\"yes\"}"};
	struct console_keys k;
	json_t *doc;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse(bad[i], &k, &doc), -EINVAL);
		json_decref(doc);
	}
}

static void
no_more_than_is_typed_at_once(void **state UNUSED)
{
	static uint8_t much[CONSOLE_KEYS_MAX + 1];
	char text[BASE64_SIZE(sizeof(much))];
	struct console_keys k;
	struct error err;

	for (size_t n = CONSOLE_KEYS_MAX; n <= sizeof(much); n++) {
		json_t *doc;

		base64_put(text, much, n);
		doc = json_pack("{s:s, s:s}", "watcher", "w", "data", text);
		assert_int_equal(console_keys_parse(doc, &k, &err),
		    n > CONSOLE_KEYS_MAX ? -EINVAL : 0);
		json_decref(doc);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_typed),
	    cmocka_unit_test(what_is_none),
	    cmocka_unit_test(no_more_than_is_typed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
