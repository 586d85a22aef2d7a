/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_audit.h"

#include <stdio.h>

#include "fixture.h"
#include "lib/json.h"

enum { ROWS = 7 };

static void
add_as(struct store *s, const char *who, const char *what, const char *object)
{
	const struct db_audit r = {.at = FIXTURE_NOW,
	    .who = who,
	    .uid = 1000,
	    .role = "admin",
	    .from = "unix uid 1000 pid 7",
	    .what = what,
	    .object = object,
	    .reason = "INC-1",
	    .result = "ok",
	    .before = "{\"a\":1}",
	    .after = "",
	    .detail = ""};

	assert_int_equal(db_audit_add(s, &r), 0);
}

static void
add(struct store *s, const char *object)
{
	add_as(s, "ada", "host.change", object);
}

static bool
note(void *arg, const struct audit_chain_row *r)
{
	assert_int_equal(r->uid, 1000);
	assert_int_equal(r->version, AUDIT_CHAIN_VERSION);
	assert_string_equal(r->text[AUDIT_CHAIN_ROLE].v, "admin");
	assert_string_equal(r->text[AUDIT_CHAIN_FROM].v, "unix uid 1000 pid 7");
	assert_string_equal(r->text[AUDIT_CHAIN_BEFORE].v, "{\"a\":1}");
	strcat(arg, r->text[AUDIT_CHAIN_OBJECT].v);
	return true;
}

static const char *
listed(struct store *s, struct db_audit_filter f)
{
	static char got[80];

	got[0] = '\0';
	if (f.before == 0)
		f.before = INT64_MAX;
	if (f.limit == 0)
		f.limit = 100;
	assert_int_equal(db_audit_list(s, &f, note, got), 0);
	return got;
}

static void
rows_are_listed_by_what_is_asked(void **state)
{
	struct store *s = *state;
	char got[80] = "";

	add(s, "a");
	add_as(s, "bob", "host.change", "b");
	add_as(s, "ada", "job.live", "c");
	add(s, "d");
	assert_string_equal(listed(s, (struct db_audit_filter){.after = 0}), "dcba");
	assert_string_equal(listed(s, (struct db_audit_filter){.limit = 2}), "dc");
	assert_string_equal(listed(s, (struct db_audit_filter){.after = 2}), "dc");
	assert_string_equal(listed(s, (struct db_audit_filter){.before = 3}), "ba");
	assert_string_equal(listed(s, (struct db_audit_filter){.who = "ada"}), "dca");
	assert_string_equal(
	    listed(s, (struct db_audit_filter){.what = "host.change"}), "dba");
	assert_string_equal(
	    listed(s, (struct db_audit_filter){.who = "ada", .what = "host.change"}),
	    "da");
	assert_string_equal(listed(s, (struct db_audit_filter){.object = "c"}), "c");
	assert_string_equal(
	    listed(s, (struct db_audit_filter){.object = "c", .who = "bob"}), "");
	assert_int_equal(db_audit_walk(s, 2, 3, 100, note, got), 0);
	assert_string_equal(got, "bc");
}

/* What somebody with the file at hand could do: lift the triggers, then write. Statements end with ';'. */
static void
tamper(struct store *s, const char *sql)
{
	char text[1024], *save = NULL;

	assert_int_equal(
	    str_format(text, sizeof(text),
		"DROP TRIGGER IF EXISTS audit_no_update;DROP TRIGGER IF EXISTS "
		"audit_no_delete;DROP TRIGGER IF EXISTS audit_in_order;%s",
		sql),
	    0);
	for (char *p = strtok_r(text, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
		const char *one = p;
		struct db_stmts *set = NULL;
		struct error err = {.text = ""};
		if (db_stmts_new(store_db(s), &one, 1, &set, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(db_run(db_stmt(set, 0)) >= 0);
		db_stmts_free(set);
	}
}

static bool
hash_row(void *arg, const struct audit_chain_row *r)
{
	const char *before = arg;
	char hash[DIGEST_TEXT];

	assert_int_equal(audit_chain_hash(before, r, hash), 0);
	memcpy(arg, hash, sizeof(hash));
	return true;
}

static bool
take_hash(void *arg, const struct audit_chain_row *r)
{
	memcpy(arg, r->hash.v, DIGEST_TEXT);
	return true;
}

/* Gives a row the hash that fits it, as a forger would. */
static void
seal(struct store *s, int64_t seq)
{
	char hash[DIGEST_TEXT] = "", sql[200];

	assert_int_equal(db_audit_walk(s, seq - 1, seq - 1, 1, take_hash, hash), 0);
	assert_int_equal(db_audit_walk(s, seq, seq, 1, hash_row, hash), 0);
	assert_int_equal(
	    str_format(sql, sizeof(sql), "UPDATE audit SET hash = '%s' WHERE seq = %d",
		hash, (int)seq),
	    0);
	tamper(s, sql);
}

#define RENUMBER(by, from)                                                       \
	"UPDATE audit SET seq = -(seq + " #by ") WHERE seq >= " #from ";UPDATE " \
	"audit SET seq = -seq WHERE seq < 0;"
#define PUT_IN(at)                                                                      \
	RENUMBER(1, at)                                                                 \
	"INSERT INTO audit (version, seq, at, who, uid, what, object, reason, result, " \
	"detail, hash) SELECT version, " #at ", at, 'eve', uid, what, object, reason, " \
	"result, detail, 'feed' FROM audit ORDER "                                      \
	"BY seq LIMIT 1;"
#define SWAP(a, b)                                                                \
	"UPDATE audit SET seq = -1 WHERE seq = " #a ";UPDATE audit SET seq = " #a \
	" WHERE seq = " #b ";UPDATE audit SET seq = " #b " WHERE seq = -1;"

static const struct {
	const char *sql;
	int sealed; /* this row gets a fitting hash afterwards */
	enum audit_chain_why why;
	int64_t seq;
} cases[] = {
    {"UPDATE audit SET who = 'bob' WHERE seq = 1", 0, AUDIT_CHAIN_CHANGED, 1},
    {"UPDATE audit SET who = 'bob' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET who = 'bob' WHERE seq = 7", 0, AUDIT_CHAIN_CHANGED, 7},
    /* With a hash of its own it is the next one that does not follow. */
    {"UPDATE audit SET who = 'bob' WHERE seq = 1", 1, AUDIT_CHAIN_CHANGED, 2},
    {"UPDATE audit SET who = 'bob' WHERE seq = 4", 4, AUDIT_CHAIN_CHANGED, 5},
    {"UPDATE audit SET hash = 'x' WHERE seq = 3", 0, AUDIT_CHAIN_CHANGED, 3},
    {"UPDATE audit SET hash = upper(hash) WHERE seq = 3", 0, AUDIT_CHAIN_CHANGED, 3},
    /* Each column, and from one to the next. */
    {"UPDATE audit SET at = at + 1 WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET uid = 0 WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET role = 'viewer' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET origin = '' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET what = 'x' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET object = 'x' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET result = 'x' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET before = '' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET after = before, before = '' WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED,
	4},
    {"UPDATE audit SET reason = '', detail = 'INC-1' WHERE seq = 3", 0,
	AUDIT_CHAIN_CHANGED, 3},
    {"UPDATE audit SET version = 1 WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET version = 3 WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    /* Where C strings and integers would not look. */
    {"UPDATE audit SET object = object || char(0) || 'x' WHERE seq = 4", 0,
	AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET object = CAST(X'ff' AS TEXT) WHERE seq = 4", 0,
	AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET at = at + 0.25 WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    /* The same octets, which no filter finds. */
    {"UPDATE audit SET who = CAST(who AS BLOB) WHERE seq = 4", 0, AUDIT_CHAIN_CHANGED, 4},
    {"UPDATE audit SET object = CAST(object AS BLOB) WHERE seq = 7", 0,
	AUDIT_CHAIN_CHANGED, 7},
    {"UPDATE audit SET hash = CAST(hash AS BLOB) WHERE seq = 1", 0, AUDIT_CHAIN_CHANGED,
	1},

    {"DELETE FROM audit WHERE seq = 1", 0, AUDIT_CHAIN_REMOVED, 1},
    {"DELETE FROM audit WHERE seq = 4", 0, AUDIT_CHAIN_REMOVED, 4},
    {"DELETE FROM audit WHERE seq = 6", 0, AUDIT_CHAIN_REMOVED, 6},
    {"DELETE FROM audit WHERE seq IN (3, 4, 5)", 0, AUDIT_CHAIN_REMOVED, 3},
    {"DELETE FROM audit WHERE seq = 1;" RENUMBER(-1, 2), 0, AUDIT_CHAIN_REMOVED, 1},
    {"DELETE FROM audit WHERE seq = 4;" RENUMBER(-1, 5), 0, AUDIT_CHAIN_REMOVED, 4},
    {"DELETE FROM audit WHERE seq IN (3, 4);" RENUMBER(-2, 5), 0, AUDIT_CHAIN_REMOVED, 3},

    {PUT_IN(1), 0, AUDIT_CHAIN_INSERTED, 1},
    {PUT_IN(4), 0, AUDIT_CHAIN_INSERTED, 4},
    {PUT_IN(7), 0, AUDIT_CHAIN_INSERTED, 7},
    {PUT_IN(1), 1, AUDIT_CHAIN_INSERTED, 1},
    {PUT_IN(4), 4, AUDIT_CHAIN_INSERTED, 4},
    {PUT_IN(7), 7, AUDIT_CHAIN_INSERTED, 7},
    {PUT_IN(4) PUT_IN(4), 0, AUDIT_CHAIN_INSERTED, 4},
    {"INSERT INTO audit (seq, at, who, uid, what, object, reason, result, detail, hash)"
     " VALUES (0, 0, '', 0, '', '', '', '', '', '')",
	0, AUDIT_CHAIN_INSERTED, 0},
    {"INSERT INTO audit (seq, at, who, uid, what, object, reason, result, detail, hash)"
     " VALUES (-9, 0, '', 0, '', '', '', '', '', '')",
	0, AUDIT_CHAIN_INSERTED, -9},
    /* Behind the last one nothing tells whether it was changed or put there. */
    {PUT_IN(8), 0, AUDIT_CHAIN_CHANGED, 8},

    {SWAP(1, 2), 0, AUDIT_CHAIN_REORDERED, 1},
    {SWAP(3, 4), 0, AUDIT_CHAIN_REORDERED, 3},
    {SWAP(6, 7), 0, AUDIT_CHAIN_REORDERED, 6},
    {SWAP(1, 7), 0, AUDIT_CHAIN_REORDERED, 1},
    {SWAP(2, 5), 0, AUDIT_CHAIN_REORDERED, 2},
    {SWAP(2, 3) SWAP(3, 4), 0, AUDIT_CHAIN_REORDERED, 2},
    {SWAP(4, 3) SWAP(3, 2), 0, AUDIT_CHAIN_REORDERED, 2},
    {"UPDATE audit SET seq = 1000 WHERE seq = 3", 0, AUDIT_CHAIN_REORDERED, 3},
    {"UPDATE audit SET seq = -3 WHERE seq = 5", 0, AUDIT_CHAIN_REORDERED, -3},
};

static struct store *
filled(void)
{
	static const char *const objects[] = {"a", "b", "c", "d", "e", "f", "g"};
	struct error err = {.code = ""};
	struct store *s = NULL;

	if (store_open(":memory:", FIXTURE_NOW, &s, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ROWS; i++)
		add(s, objects[i]);
	return s;
}

static void
each_manipulation_is_found_and_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store *s = filled();
		struct audit_chain_result r;
		tamper(s, cases[i].sql);
		if (cases[i].sealed)
			seal(s, cases[i].sealed);
		assert_int_equal(db_audit_verify(s, &r), 0);
		if (r.why != cases[i].why || r.seq != cases[i].seq)
			fail_msg("%s: found %s at %lld: %s", cases[i].sql,
			    audit_chain_why_name(r.why), (long long)r.seq, r.text);
		assert_true(r.text[0] != '\0');
		store_close(s);
	}
}

static bool
feed(void *arg, const struct audit_chain_row *r)
{
	return audit_chain_feed(arg, r);
}

static void
verify_from(
    struct store *s, int64_t seq, const char *hash, enum audit_chain_why why, int64_t at)
{
	struct audit_chain *c = audit_chain_new();
	struct audit_chain_result r;

	audit_chain_expect(c, seq, hash);
	assert_int_equal(db_audit_walk(s, INT64_MIN, INT64_MAX, INT64_MAX, feed, c), 0);
	audit_chain_end(c, &r);
	assert_int_equal(r.why, why);
	assert_int_equal(r.seq, at);
	audit_chain_free(c);
}

static void
a_kept_head_shows_what_the_rows_cannot(void **state)
{
	struct store *s = filled();
	char hash[DIGEST_TEXT], middle[DIGEST_TEXT];
	struct audit_chain_result r;
	int64_t seq, at;

	(void)state;
	assert_int_equal(db_audit_head(s, &seq, &at, hash), 0);
	assert_int_equal(seq, ROWS);
	assert_int_equal(db_audit_walk(s, 4, 4, 1, take_hash, middle), 0);
	verify_from(s, 7, hash, AUDIT_CHAIN_OK, 0);
	verify_from(s, 4, middle, AUDIT_CHAIN_OK, 0);
	verify_from(s, 4, hash, AUDIT_CHAIN_CHANGED, 4);
	/* The end cut off, and so much that the next row takes the old one's number. */
	tamper(s, "DELETE FROM audit WHERE seq > 5");
	assert_int_equal(db_audit_verify(s, &r), 0);
	assert_int_equal(r.why, AUDIT_CHAIN_OK);
	verify_from(s, 7, hash, AUDIT_CHAIN_REMOVED, 6);
	verify_from(s, 4, middle, AUDIT_CHAIN_OK, 0);
	add(s, "x");
	add(s, "y");
	verify_from(s, 7, hash, AUDIT_CHAIN_CHANGED, 7);
	verify_from(s, 4, middle, AUDIT_CHAIN_OK, 0);
	store_close(s);
}

/* As the first version of the program hashed them. */
static void
add_old(struct store *s, int seq, char hash[DIGEST_TEXT], const char *object)
{
	json_t *v = json_pack("[s, I, I, s, I, s, s, s, s, s]", hash, (json_int_t)seq,
	    (json_int_t)FIXTURE_NOW, "ada", (json_int_t)1000, "host.lock", object,
	    "INC-\"1\"", "ok", "{\"x\":[1,null]}");
	char *text = json_text(v), sql[700];

	digest_sha256(text, strlen(text), hash);
	assert_int_equal(
	    str_format(sql, sizeof(sql),
		"INSERT INTO audit (seq, at, who, uid, what, object, reason, result, "
		"detail, hash) VALUES (%d, %lld, 'ada', 1000, 'host.lock', '%s', "
		"'INC-\"1\"', 'ok', '{\"x\":[1,null]}', '%s')",
		seq, (long long)FIXTURE_NOW, object, hash),
	    0);
	tamper(s, sql);
	free(text);
	json_decref(v);
}

static void
rows_from_before_verify(void **state)
{
	struct store *s = *state;
	struct audit_chain_result r;
	char hash[DIGEST_TEXT] = "";

	add_old(s, 1, hash, "a");
	add_old(s, 2, hash, "edgé");
	add(s, "c");
	assert_int_equal(db_audit_verify(s, &r), 0);
	assert_int_equal(r.why, AUDIT_CHAIN_OK);
	assert_int_equal(r.rows, 3);
	/* Their hashes do not cover what came later: there is nothing there. */
	tamper(s, "UPDATE audit SET role = 'viewer' WHERE seq = 1");
	assert_int_equal(db_audit_verify(s, &r), 0);
	assert_int_equal(r.why, AUDIT_CHAIN_CHANGED);
	assert_int_equal(r.seq, 1);
}

/* Such a row had the hash of "[]" once, whatever it said. */
static void
octets_prove_nothing_in_rows_from_before(void **state)
{
	struct store *s = *state;
	struct audit_chain_result r;
	char hash[DIGEST_TEXT] = "", sql[300];

	add_old(s, 1, hash, "a");
	digest_sha256("[]", 2, hash);
	assert_int_equal(
	    str_format(sql, sizeof(sql),
		"UPDATE audit SET object = CAST(X'ff' AS TEXT), hash = '%s'", hash),
	    0);
	tamper(s, sql);
	assert_int_equal(db_audit_verify(s, &r), 0);
	assert_int_equal(r.why, AUDIT_CHAIN_CHANGED);
	assert_int_equal(r.seq, 1);
}

static void
any_octets_are_kept_and_covered(void **state)
{
	struct store *s = *state;
	struct audit_chain_result r;

	add(s, "\xff\xfe");
	add(s, "\xc3");
	add(s, "a\nobject=1:b");
	add(s, "z");
	assert_int_equal(db_audit_verify(s, &r), 0);
	assert_int_equal(r.why, AUDIT_CHAIN_OK);
	tamper(s, "UPDATE audit SET object = CAST(X'fffd' AS TEXT) WHERE seq = 1");
	assert_int_equal(db_audit_verify(s, &r), 0);
	assert_int_equal(r.why, AUDIT_CHAIN_CHANGED);
	assert_int_equal(r.seq, 1);
}

static void
rows_stay_as_they_are(void **state)
{
	static const char *const sql[] = {"UPDATE audit SET who = 'x'",
	    "DELETE FROM audit",
	    "INSERT OR REPLACE INTO audit (seq, at, who, uid, what, object, reason, "
	    "result,"
	    " detail, hash) VALUES (1, 0, '', 0, '', '', '', '', '', '')",
	    "INSERT INTO audit (seq, at, who, uid, what, object, reason, result,"
	    " detail, hash) VALUES (-1, 0, '', 0, '', '', '', '', '', '')"};
	struct store *s = *state;
	struct db_stmts *set = NULL;
	struct error err;

	add(s, "a");
	assert_int_equal(db_stmts_new(store_db(s), sql, ARRAY_SIZE(sql), &set, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sql); i++)
		assert_int_equal(db_run(db_stmt(set, i)), -EPERM);
	db_stmts_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(rows_are_listed_by_what_is_asked),
	    cmocka_unit_test(each_manipulation_is_found_and_named),
	    cmocka_unit_test(a_kept_head_shows_what_the_rows_cannot),
	    FIXTURE_TEST(rows_from_before_verify),
	    FIXTURE_TEST(octets_prove_nothing_in_rows_from_before),
	    FIXTURE_TEST(any_octets_are_kept_and_covered),
	    FIXTURE_TEST(rows_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
