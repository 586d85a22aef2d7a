/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/audit_refused.h"

#include "fixture.h"

static void
expect_mask(const char *asked, const char *want)
{
	json_t *v = fixture_json(asked);
	json_t *masked = audit_refused_mask(v);
	json_t *wanted = fixture_json(want);

	if (!json_equal(masked, wanted)) {
		char *got = json_text(masked);
		fail_msg("%s: %s", asked, got);
	}
	json_decref(v);
	json_decref(masked);
	json_decref(wanted);
}

static void
what_may_be_secret_is_not_kept(void **state)
{
	(void)state;
	expect_mask("{'name':'a','bmc':{'user':'u','password':'p'}}",
	    "{'name':'a','bmc':{'user':'u','password':'set'}}");
	expect_mask("{'bmc':{'password':null,'kg':'00'}}",
	    "{'bmc':{'password':'removed','kg':'set'}}");
	/* A slip of the pen does not make a password harmless. */
	expect_mask("{'bmc':{'pasword':'p'}}", "{'bmc':{'other_members':1}}");
	expect_mask(
	    "{'password':{'a':'b'},'token':['x']}", "{'password':'set','token':'set'}");
	expect_mask("['a',[{'secret':'s'}],1,true]", "['a',[{'secret':'set'}],1,true]");
	assert_null(audit_refused_mask(NULL));
}

/* Rows are kept for ever, and a refusal costs its client nothing. */
static void
a_token_has_so_many_rows_a_minute(void **state)
{
	struct audit_refused *r = str_alloc(sizeof(*r));
	const int64_t minute = 60 * USEC_PER_SEC;
	int64_t omitted = 0;
	int written = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		written += audit_refused_may(r, -1, 1000, &omitted);
	assert_int_equal(written, AUDIT_REFUSED_MAX);
	/* Nobody else is meant. */
	assert_true(audit_refused_may(r, -2, 1000, &omitted));
	assert_int_equal(omitted, 0);
	for (int i = 0; i < 1000; i++)
		assert_true(audit_refused_may(r, 0, 1000, &omitted));
	assert_false(audit_refused_may(r, -1, 999 + minute, &omitted));
	assert_true(audit_refused_may(r, -1, 1000 + minute, &omitted));
	assert_int_equal(omitted, 1001 - AUDIT_REFUSED_MAX);
	assert_true(audit_refused_may(r, -1, 1000 + minute, &omitted));
	assert_int_equal(omitted, 0);
	/* The clock was set back. */
	assert_true(audit_refused_may(r, -1, 1, &omitted));
	for (int i = 0; i < 1000; i++)
		assert_true(audit_refused_may(r, -100 - i, 5000, &omitted));
	free(r);
}

static void
what_is_kept_is_bounded(void **state)
{
	json_t *v = json_array(), *deep = json_string("x");

	(void)state;
	for (int i = 0; i < 10000; i++)
		json_array_append_new(v, json_string("h"));
	json_t *masked = audit_refused_mask(v);
	assert_int_equal(json_array_size(masked), 21);
	assert_string_equal(
	    json_string_value(json_array_get(masked, 20)), "and 9980 more");
	json_decref(masked);
	json_decref(v);
	for (int i = 0; i < 100; i++)
		deep = json_pack("{s:o}", "bmc", deep);
	masked = audit_refused_mask(deep);
	char *text = json_text(masked);
	assert_true(strlen(text) < 100);
	free(text);
	json_decref(masked);
	json_decref(deep);
	v = json_array();
	for (int i = 0; i < 20; i++)
		json_array_append_new(v, json_sprintf("%0299d", i));
	masked = audit_refused_mask(v);
	assert_int_equal(
	    json_integer_value(json_object_get(masked, "too_long_octets")), 20 * 302 + 1);
	json_decref(masked);
	json_decref(v);
}

static void
routes_have_words(void **state)
{
	static const struct {
		const char *method, *pattern, *word;
	} rows[] = {
	    {"POST", "/api/v1/hosts", "host.add"},
	    {"PATCH", "/api/v1/hosts/{name}", "host.change"},
	    {"DELETE", "/api/v1/images/{name}", "image.remove"},
	    {"POST", "/api/v1/hosts/{name}/lock", "host.lock"},
	    {"POST", "/api/v1/jobs/{id}/cancel", "job.cancel"},
	    {"POST", "/api/v1/discovered/{mac}/adopt", "discovered.adopt"},
	    {"DELETE", "/api/v1/discovered/{mac}", "discovered.remove"},
	};
	char word[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		audit_refused_word(rows[i].method, rows[i].pattern, word, sizeof(word));
		assert_string_equal(word, rows[i].word);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_may_be_secret_is_not_kept),
	    cmocka_unit_test(a_token_has_so_many_rows_a_minute),
	    cmocka_unit_test(what_is_kept_is_bounded),
	    cmocka_unit_test(routes_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
