/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/access.h"

#include "fixture.h"

#include "db/db_audit.h"
#include "lib/addr.h"

#define HOUR_US (3600 * USEC_PER_SEC)

struct site {
	struct fixture *f;
	struct access *a;
	struct log log;
	struct db_token token;
	char *text; /* of the token */
	char bearer[128];
	char *cookie_text;
	struct db_session session;
	char cookie[160];
	struct access_ask ask;
	struct access_grant grant;
};

static int
setup(void **state)
{
	struct site *s = str_alloc(sizeof(*s));
	void *inner = NULL;

	assert_int_equal(fixture_open(&inner), 0);
	s->f = inner;
	s->log = log_init("test", LOG_LEVEL_ERROR);
	s->log.max = (enum log_level) - 1;
	s->a = access_new(&(struct access_options){.store = s->f->store,
	    .key = s->f->key,
	    .log = &s->log,
	    .session_us = 12 * HOUR_US});
	str_clip(s->token.name, sizeof(s->token.name), "alice");
	str_clip(s->token.role, sizeof(s->token.role), "operator");
	str_clip(s->token.created_by, sizeof(s->token.created_by), "root");
	s->token.created = FIXTURE_NOW;
	s->token.expires = FIXTURE_NOW + 100 * HOUR_US;
	assert_int_equal(access_token_make(s->a, &s->token, &s->text), 0);
	snprintf(s->bearer, sizeof(s->bearer), "Bearer %s", s->text);
	assert_int_equal(access_session_begin(
			     s->a, &s->token, FIXTURE_NOW, &s->session, &s->cookie_text),
	    0);
	snprintf(s->cookie, sizeof(s->cookie), "a=b; netboot=%s", s->cookie_text);
	s->ask = (struct access_ask){
	    .method = "GET", .host = "127.0.0.1:8017", .now = FIXTURE_NOW};
	assert_int_equal(addr_ip_parse("192.0.2.1", &s->ask.address), 0);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct site *s = *state;
	void *inner = s->f;

	secret_free(s->text);
	secret_free(s->cookie_text);
	access_free(s->a);
	fixture_close(&inner);
	free(s);
	return 0;
}

static enum access_result
check(struct site *s)
{
	return access_check(s->a, &s->ask, &s->grant);
}

static void
a_token_has_its_form(void **state)
{
	struct site *s = *state;

	assert_int_equal(strlen(s->text), 3 + 43);
	assert_memory_equal(s->text, "nb_", 3);
	assert_int_equal(
	    strspn(s->text + 3, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_"),
	    43);
	/* The database has digests only. */
	assert_null(strstr(s->token.digest, s->text));
	assert_null(strstr(s->session.digest, s->cookie_text));
}

static void
a_bearer_is_who_the_token_is(void **state)
{
	struct site *s = *state;

	assert_int_equal(check(s), ACCESS_NONE);
	s->ask.authorization = s->bearer;
	s->ask.method = "POST"; /* needs no CSRF token */
	assert_int_equal(check(s), ACCESS_OK);
	assert_string_equal(s->grant.who.name, "token:alice");
	assert_string_equal(s->grant.who.from, "192.0.2.1 (web)");
	assert_int_equal(s->grant.who.role, AUTH_OPERATOR);
	assert_int_equal(s->grant.who.uid, (uid_t)-1);
	assert_int_equal(s->grant.who.owner, -s->token.id);
	assert_true(s->grant.who.owner < 0);
}

static void
what_is_no_token_is_refused(void **state)
{
	struct site *s = *state;
	char almost[128], longer[256];

	str_clip(almost, sizeof(almost), s->bearer);
	almost[strlen(almost) - 1] ^= 1;
	snprintf(longer, sizeof(longer), "%s%0100d", s->bearer, 1);
	const char *const wrong[] = {almost, longer, "Bearer nb_", "Bearer ", "", s->text,
	    "Bearer alice", s->token.digest};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		s->ask.authorization = wrong[i];
		assert_int_equal(check(s), ACCESS_BAD);
		assert_false(access_known(s->a, &s->ask));
	}
}

static void
what_a_proxy_has_asked_for_is_not_for_us(void **state)
{
	struct site *s = *state;

	s->ask.authorization = "Basic YTpi";
	assert_int_equal(check(s), ACCESS_NONE);
	s->ask.cookie = s->cookie;
	assert_int_equal(check(s), ACCESS_OK);
	/* What is meant for us counts alone. */
	s->ask.authorization = "Bearer nb_x";
	assert_int_equal(check(s), ACCESS_BAD);
}

static void
expired_and_revoked_are_like_unknown(void **state)
{
	struct site *s = *state;

	s->ask.authorization = s->bearer;
	s->ask.now = s->token.expires - 1;
	assert_int_equal(check(s), ACCESS_OK);
	s->ask.now = s->token.expires;
	assert_int_equal(check(s), ACCESS_BAD);
	s->ask.now = FIXTURE_NOW;
	assert_int_equal(db_token_revoke(s->f->store, s->token.id, FIXTURE_NOW), 0);
	assert_int_equal(db_token_revoke(s->f->store, s->token.id, FIXTURE_NOW), -ENOENT);
	assert_int_equal(check(s), ACCESS_BAD);
	s->ask.authorization = NULL;
	s->ask.cookie = s->cookie;
	assert_int_equal(check(s), ACCESS_NONE);
}

static void
a_name_is_given_once(void **state)
{
	struct site *s = *state;
	struct db_token t = s->token;
	char *text = NULL;

	assert_int_equal(access_token_make(s->a, &t, &text), -EEXIST);
	assert_int_equal(db_token_revoke(s->f->store, s->token.id, FIXTURE_NOW), 0);
	assert_int_equal(access_token_make(s->a, &t, &text), -EEXIST);
	assert_null(text);
}

static void
a_session_reads(void **state)
{
	struct site *s = *state;

	s->ask.cookie = s->cookie;
	assert_int_equal(check(s), ACCESS_OK);
	assert_true(s->grant.by_session);
	assert_string_equal(s->grant.who.name, "token:alice");
	assert_int_equal(s->grant.until, FIXTURE_NOW + 12 * HOUR_US);
	/* Over TLS the cookie has another name. */
	s->ask.tls = true;
	assert_int_equal(check(s), ACCESS_NONE);
}

static void
a_session_changes_only_with_its_csrf_token(void **state)
{
	struct site *s = *state;
	static const struct {
		const char *origin, *fetch_site;
		enum access_result r;
	} rows[] = {
	    {NULL, NULL, ACCESS_OK},
	    {"http://127.0.0.1:8017", "same-origin", ACCESS_OK},
	    {"https://127.0.0.1:8017", NULL, ACCESS_OK},
	    {"http://127.0.0.1:8018", NULL, ACCESS_CROSS},
	    {"http://evil.example", NULL, ACCESS_CROSS},
	    {"null", NULL, ACCESS_CROSS},
	    {"", NULL, ACCESS_CROSS},
	    {"http://127.0.0.1:8017", "cross-site", ACCESS_CROSS},
	    {NULL, "same-site", ACCESS_CROSS},
	};

	s->ask.cookie = s->cookie;
	for (size_t i = 0; i < 4; i++) {
		static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
		s->ask.method = methods[i];
		s->ask.csrf = NULL;
		assert_int_equal(check(s), ACCESS_CROSS);
		s->ask.csrf = "";
		assert_int_equal(check(s), ACCESS_CROSS);
		s->ask.csrf = s->cookie_text;
		assert_int_equal(check(s), ACCESS_CROSS);
		s->ask.csrf = s->session.csrf;
		assert_int_equal(check(s), ACCESS_OK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s->ask.origin = rows[i].origin;
		s->ask.fetch_site = rows[i].fetch_site;
		s->ask.method = "POST";
		if (check(s) != rows[i].r)
			fail_msg("%zu", i);
		/* A GET may take a console: another port's page has the cookie too. */
		s->ask.method = "GET";
		if (check(s) != rows[i].r)
			fail_msg("GET %zu", i);
	}
	/* The address bar. */
	s->ask.origin = NULL;
	s->ask.fetch_site = "none";
	s->ask.csrf = NULL;
	assert_int_equal(check(s), ACCESS_OK);
}

static void
it_is_known_whose_a_request_is(void **state)
{
	struct site *s = *state;

	assert_int_equal(access_known(s->a, &s->ask), AUTH_NONE);
	s->ask.authorization = s->bearer;
	assert_int_equal(access_known(s->a, &s->ask), access_role(s->token.role));
	s->ask.authorization = NULL;
	s->ask.cookie = s->cookie;
	assert_int_equal(access_known(s->a, &s->ask), access_role(s->token.role));
	s->ask.now = FIXTURE_NOW + 12 * HOUR_US;
	assert_int_equal(access_known(s->a, &s->ask), AUTH_NONE);
}

static void
a_session_ends(void **state)
{
	struct site *s = *state;
	const int64_t idle = ACCESS_IDLE_S * USEC_PER_SEC;

	s->ask.cookie = s->cookie;
	s->ask.now = FIXTURE_NOW + idle + 1;
	assert_int_equal(check(s), ACCESS_NONE);
	/* In use it goes on, but not for ever. */
	for (s->ask.now = FIXTURE_NOW; s->ask.now < FIXTURE_NOW + 12 * HOUR_US;
	     s->ask.now += idle)
		assert_int_equal(check(s), ACCESS_OK);
	assert_int_equal(check(s), ACCESS_NONE);
	access_prune(s->a, s->ask.now);
	assert_int_equal(
	    db_token_session_get(s->f->store, s->session.digest, &s->session), -ENOENT);
}

static void
sessions_of_a_token_are_bounded(void **state)
{
	struct site *s = *state;
	struct db_session more;
	char *text = NULL;

	for (int i = 1; i < ACCESS_SESSIONS_MAX; i++) {
		assert_int_equal(
		    access_session_begin(s->a, &s->token, FIXTURE_NOW, &more, &text), 0);
		secret_free(text);
	}
	assert_int_equal(
	    access_session_begin(s->a, &s->token, FIXTURE_NOW, &more, &text), -EMFILE);
}

static bool
is(const struct audit_chain_row *row, enum audit_chain_member m, const char *text)
{
	return row->text[m].n == strlen(text) &&
	       memcmp(row->text[m].v, text, row->text[m].n) == 0;
}

static bool
count_failures(void *arg, const struct audit_chain_row *row)
{
	int *n = arg;

	*n += is(row, AUDIT_CHAIN_WHAT, "session.login") &&
	      is(row, AUDIT_CHAIN_RESULT, "login-failed") &&
	      row->uid == (int64_t)(uid_t)-1;
	return true;
}

static void
failures_are_limited_and_recorded_once_a_minute(void **state)
{
	const struct db_audit_filter all = {.before = INT64_MAX, .limit = 1000};
	struct site *s = *state;
	int n = 0;

	s->ask.authorization = "Bearer nb_x";
	for (int i = 0; i < ACCESS_FAILURES_MAX; i++)
		assert_int_equal(check(s), ACCESS_BAD);
	assert_int_equal(check(s), ACCESS_LIMITED);
	/* Who has a token gets in from there, and others elsewhere are not held off. */
	s->ask.authorization = s->bearer;
	assert_int_equal(check(s), ACCESS_OK);
	s->ask.authorization = "Bearer nb_x";
	assert_int_equal(addr_ip_parse("192.0.2.2", &s->ask.address), 0);
	assert_int_equal(check(s), ACCESS_BAD);
	assert_int_equal(addr_ip_parse("192.0.2.1", &s->ask.address), 0);
	assert_int_equal(check(s), ACCESS_LIMITED);
	s->ask.now += 60 * USEC_PER_SEC;
	assert_int_equal(check(s), ACCESS_BAD);
	assert_int_equal(db_audit_list(s->f->store, &all, count_failures, &n), 0);
	assert_int_equal(n, 3);
}

static bool
find_omitted(void *arg, const struct audit_chain_row *row)
{
	const struct audit_chain_text *t = &row->text[AUDIT_CHAIN_DETAIL];
	json_t *v = json_loadb(t->v, t->n, 0, NULL);

	*(int *)arg = (int)json_integer_value(json_object_get(v, "omitted"));
	json_decref(v);
	return true;
}

/* Whoever has a /64 has as many addresses as he likes. */
static void
many_addresses_do_not_fill_the_audit(void **state)
{
	const struct db_audit_filter all = {.before = INT64_MAX, .limit = 1000};
	const struct db_audit_filter newest = {.before = INT64_MAX, .limit = 1};
	struct site *s = *state;
	char text[64];
	int n = 0;

	s->ask.authorization = "Bearer nb_x";
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "2001:db8:0:%x::%x", i / 4, i);
		assert_int_equal(addr_ip_parse(text, &s->ask.address), 0);
		assert_int_equal(check(s), ACCESS_BAD);
	}
	assert_int_equal(db_audit_list(s->f->store, &all, count_failures, &n), 0);
	assert_int_equal(n, ACCESS_AUDITS_MAX);
	/* The next row says how many had none. */
	s->ask.now += 60 * USEC_PER_SEC;
	assert_int_equal(addr_ip_parse("192.0.2.77", &s->ask.address), 0);
	assert_int_equal(check(s), ACCESS_BAD);
	n = 0;
	assert_int_equal(db_audit_list(s->f->store, &newest, find_omitted, &n), 0);
	assert_int_equal(n, 250 - ACCESS_AUDITS_MAX);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(a_token_has_its_form),
	    T(a_bearer_is_who_the_token_is),
	    T(what_is_no_token_is_refused),
	    T(what_a_proxy_has_asked_for_is_not_for_us),
	    T(expired_and_revoked_are_like_unknown),
	    T(a_name_is_given_once),
	    T(a_session_reads),
	    T(a_session_changes_only_with_its_csrf_token),
	    T(it_is_known_whose_a_request_is),
	    T(a_session_ends),
	    T(sessions_of_a_token_are_bounded),
	    T(failures_are_limited_and_recorded_once_a_minute),
	    T(many_addresses_do_not_fill_the_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
