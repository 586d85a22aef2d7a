/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/audit_chain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/rng.h"

static struct audit_chain_row
row(const char *object, size_t n)
{
	struct audit_chain_row r = {
	    .version = AUDIT_CHAIN_VERSION, .seq = 1, .at = 5, .uid = 0};

	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		r.text[i] = (struct audit_chain_text){"x", 1};
	r.text[AUDIT_CHAIN_OBJECT] = (struct audit_chain_text){object, n};
	r.hash = (struct audit_chain_text){"", 0};
	return r;
}

#define ROW(s) row(s, sizeof(s) - 1)

/* Octets that would pass for each other if a text ended at a NUL, at a quote or a line break. */
static void
different_octets_have_different_hashes(void **state)
{
	const struct audit_chain_row rows[] = {ROW(""), ROW("a"), ROW("a\0"), ROW("a\0b"),
	    ROW("\xff"), ROW("\xfe"), ROW("\xc3\x28"), ROW("a\nreason=1:x"), ROW("\"a\""),
	    ROW("\\xff"), ROW("\xed\xa0\x80")};
	char hashes[ARRAY_SIZE(rows)][DIGEST_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(audit_chain_hash("", &rows[i], hashes[i]), 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(hashes[i], hashes[j]);
	}
}

static void
each_member_and_its_place_counts(void **state)
{
	char plain[DIGEST_TEXT], hash[DIGEST_TEXT];
	struct audit_chain_row r = ROW("x");

	(void)state;
	assert_int_equal(audit_chain_hash("", &r, plain), 0);
	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++) {
		r = ROW("x");
		r.text[i].v = "y";
		assert_int_equal(audit_chain_hash("", &r, hash), 0);
		assert_string_not_equal(hash, plain);
		for (size_t j = 0; j < i; j++) {
			char other[DIGEST_TEXT];
			r = ROW("x");
			r.text[j].v = "y";
			assert_int_equal(audit_chain_hash("", &r, other), 0);
			assert_string_not_equal(hash, other);
		}
	}
	r = ROW("x");
	assert_int_equal(audit_chain_hash(plain, &r, hash), 0);
	assert_string_not_equal(hash, plain);
}

static void
only_known_versions_can_be_hashed(void **state)
{
	struct audit_chain_row r = ROW("x");
	char hash[DIGEST_TEXT];

	(void)state;
	r.version = 3;
	assert_int_equal(audit_chain_hash("", &r, hash), -EINVAL);
	r.version = 1; /* members that it does not cover are not empty */
	assert_int_equal(audit_chain_hash("", &r, hash), -EINVAL);
}

/* Of random octets: what was written is read again, exactly. */
static void
lines_keep_any_octets(void **state)
{
	struct rng rng = rng_seeded(7);
	char octets[64];

	(void)state;
	for (int n = 0; n < 2000; n++) {
		struct audit_chain_line line;
		struct error err = {.text = ""};
		size_t len = (size_t)n % sizeof(octets);
		for (size_t i = 0; i < len; i++)
			octets[i] = (char)rng_below(&rng, n % 3 ? 256 : 128);
		struct audit_chain_row r = row(octets, len);
		r.seq = n;
		json_t *v = audit_chain_json(&r);
		char *text = json_text(v);
		if (audit_chain_line_parse(text, strlen(text), &line, &err) < 0)
			fail_msg("%s: %s", err.text, text);
		assert_false(line.head);
		assert_int_equal(line.row.seq, n);
		assert_int_equal(line.row.text[AUDIT_CHAIN_OBJECT].n, len);
		assert_memory_equal(line.row.text[AUDIT_CHAIN_OBJECT].v, octets, len);
		audit_chain_line_done(&line);
		free(text);
		json_decref(v);
	}
}

static void
what_is_no_line_is_refused(void **state)
{
	static const char *const lines[] = {"", "{}", "[]", "1", "{\"head\":1}",
	    "{\"head\":{\"seq\":1,\"at_us\":2}}",
	    "{\"head\":{\"seq\":1,\"at_us\":2,\"hash\":\"\"},\"more\":1}",
	    "{\"version\":2,\"seq\":1,\"at_us\":1,\"uid\":0}"};
	struct audit_chain_line line;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(
		    audit_chain_line_parse(lines[i], strlen(lines[i]), &line, &err),
		    -EINVAL);
}

/* Numbers at the edge of their type, in a file that says anything. */
static void
no_number_is_too_big(void **state)
{
	static const int64_t seqs[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX - 1, 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seqs); i++) {
		struct audit_chain *c = audit_chain_new();
		struct audit_chain_result r;
		struct audit_chain_row a = ROW("x");
		a.seq = seqs[i];
		for (size_t j = 0; j < ARRAY_SIZE(seqs); j++) {
			(void)audit_chain_feed(c, &a);
			a.seq = seqs[j];
		}
		audit_chain_end(c, &r);
		assert_int_not_equal(r.why, AUDIT_CHAIN_OK);
		audit_chain_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(different_octets_have_different_hashes),
	    cmocka_unit_test(each_member_and_its_place_counts),
	    cmocka_unit_test(only_known_versions_can_be_hashed),
	    cmocka_unit_test(lines_keep_any_octets),
	    cmocka_unit_test(what_is_no_line_is_refused),
	    cmocka_unit_test(no_number_is_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
