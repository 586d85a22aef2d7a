/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the database holds of a BMC's passwords before an agent is sent and after each answer, and how secrets are
 * handed out. */
#include "orchestrator/rotation.h"

#include "db/db_bmc.h"
#include "orchestrator/credentials.h"
#include "tests/unit/orchestrator/fixture.h"

#define KG "'kg':'0102030405060708090a0b0c0d0e0f1011121314'"
#define HOST_WITH(bmc)                                                               \
	"{'hosts':[{'name':'a.los','site':'los','bmc':{'address':'10.9.0.1','user':" \
	"'u'" bmc "}}]}"

struct kit {
	struct fixture *f;
	struct rotation_deps deps;
	struct log log;
	struct rng rng;
	struct db_host h;
	struct rotation r;
};

static void
kit_init(struct kit *k, struct fixture *f)
{
	memset(k, 0, sizeof(*k));
	k->f = f;
	k->log = log_init("test", LOG_LEVEL_ERROR);
	k->rng = rng_seeded(3);
	k->deps = (struct rotation_deps){f->store, f->key, &k->rng, &k->log};
	assert_string_equal(fixture_apply(f, FIXTURE_DOCUMENT, NULL), "");
}

static void
look(struct kit *k)
{
	assert_int_equal(db_host_get(k->f->store, "a.los", &k->h), 0);
}

/* The password that is stored, in clear; "" where there is none. */
static bool
opens_as(struct kit *k, const char *sealed, const char *want)
{
	char *plain = NULL;

	assert_int_equal(
	    credentials_unseal(k->f->key, CREDENTIALS_PASSWORD, "a.los", sealed, &plain),
	    0);
	bool same = strcmp(plain, want) == 0;
	secret_free(plain);
	return same;
}

static void
begin(struct kit *k)
{
	struct error err = {.code = ""};

	look(k);
	assert_int_equal(rotation_begin(&k->deps, &k->h, FIXTURE_NOW, &k->r, &err), 0);
}

static void
end(struct kit *k, const char *data, const char *code, const char *want_code,
    const char *settled)
{
	struct agent_msg_call_result res = {.power = "unknown"};

	if (data)
		res.data = fixture_json(data);
	str_clip(res.code, sizeof(res.code), code);
	str_clip(res.reason, sizeof(res.reason), code);
	rotation_end(&k->deps, &k->r, &fixture_who, "INC-2", FIXTURE_NOW, &res);
	assert_string_equal(res.code, want_code);
	assert_string_equal(
	    json_string_value(json_object_get(res.data, "settled")), settled);
	json_decref(res.data);
	look(k);
}

static void
stored_before_and_settled_after(void **state)
{
	struct kit k;
	char next[DB_HOST_SEALED_SIZE];

	kit_init(&k, *state);
	begin(&k);
	assert_true(k.r.fresh);
	look(&k);
	assert_true(opens_as(&k, k.h.sealed, "p1"));
	assert_string_equal(k.h.sealed_next, k.r.next);
	assert_int_equal(k.h.next_runs, 1);
	str_clip(next, sizeof(next), k.r.next);
	/* Lost answers of all kinds leave both. */
	end(&k, NULL, "agent-silent", "rotation-open", "none");
	end(&k, "{'proven':'none','sent':true}", "bmc-unreachable", "rotation-open",
	    "none");
	end(&k, NULL, "orchestrator-ending", "rotation-open", "none");
	end(&k, "{}", "", "rotation-open", "none");
	assert_true(opens_as(&k, k.h.sealed, "p1"));
	assert_string_equal(k.h.sealed_next, next);
	/* The next run goes on with the same one. */
	begin(&k);
	assert_false(k.r.fresh);
	assert_string_equal(k.r.next, next);
	end(&k, NULL, "agent-absent", "rotation-open", "none");
	end(&k, "{'proven':'none','sent':false}", "bmc-auth", "rotation-open", "none");
	assert_string_equal(k.h.sealed_next, next);
	end(&k, "{'proven':'next','sent':true}", "", "", "new");
	assert_string_equal(k.h.sealed, next);
	assert_string_equal(k.h.sealed_next, "");
	/* An answer that comes late. */
	end(&k, "{'proven':'next','sent':true}", "", "rotation-superseded", "none");
	assert_string_equal(k.h.sealed, next);
}

static void
what_was_not_sent_is_dropped(void **state)
{
	static const char *const codes[] = {"agent-absent", "call-unknown", "agent-busy",
	    "bmc-password-sealed", "rotation-running"};
	struct kit k;

	kit_init(&k, *state);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		begin(&k);
		assert_true(k.r.fresh);
		end(&k, NULL, codes[i], codes[i], "old");
		assert_string_equal(k.h.sealed_next, "");
	}
	begin(&k);
	end(&k, "{'proven':'none','sent':false}", "bmc-unreachable", "bmc-unreachable",
	    "old");
	begin(&k);
	end(&k, "{'proven':'current','sent':true}", "bmc-password-refused",
	    "bmc-password-refused", "old");
	assert_true(opens_as(&k, k.h.sealed, "p1"));
	assert_string_equal(k.h.sealed_next, "");
}

static void
a_cut_one(void **state)
{
	struct kit k;
	char *plain = NULL;

	kit_init(&k, *state);
	begin(&k);
	assert_int_equal(
	    credentials_unseal(k.f->key, CREDENTIALS_PASSWORD, "a.los", k.r.next, &plain),
	    0);
	end(&k, "{'proven':'cut','sent':true}", "bmc-password-short",
	    "bmc-password-short", "new");
	plain[16] = '\0';
	assert_true(opens_as(&k, k.h.sealed, plain));
	assert_string_equal(k.h.sealed_next, "");
	secret_free(plain);
}

/* A person's password is a candidate beside the next one; K_g stays; another BMC ends the rotation. */
static void
the_inventory_meanwhile(void **state)
{
	struct kit k;
	char next[DB_HOST_SEALED_SIZE];

	kit_init(&k, *state);
	begin(&k);
	str_clip(next, sizeof(next), k.r.next);
	assert_string_equal(
	    fixture_apply(k.f, HOST_WITH(",'password':'hand'," KG), NULL), "");
	look(&k);
	assert_true(opens_as(&k, k.h.sealed, "hand"));
	assert_string_equal(k.h.sealed_next, next);
	assert_true(k.h.sealed_kg[0] != '\0');
	/* What the agent proves of the password that it was sent with says nothing of this one. */
	end(&k, "{'proven':'current','sent':true}", "bmc-password-refused",
	    "rotation-superseded", "none");
	assert_true(opens_as(&k, k.h.sealed, "hand"));
	assert_string_equal(k.h.sealed_next, next);
	assert_string_equal(fixture_apply(k.f,
				"{'hosts':[{'name':'a.los','site':'los','bmc':{"
				"'address':'10.9.0.7','user':'u'}}]}",
				NULL),
	    "rotation-open");
	assert_string_equal(
	    fixture_apply(k.f, HOST_WITH(",'privilege':'administrator'"), NULL), "");
	look(&k);
	assert_string_equal(k.h.sealed_next, next);
	assert_true(k.h.sealed_kg[0] != '\0');
	assert_string_equal(fixture_apply(k.f,
				"{'hosts':[{'name':'a.los','site':'los','bmc':{"
				"'address':'10.9.0.7','user':'u','password':'x'}}]}",
				NULL),
	    "");
	look(&k);
	assert_string_equal(k.h.sealed_next, "");
	end(&k, "{'proven':'next','sent':true}", "", "rotation-superseded", "none");
	assert_true(opens_as(&k, k.h.sealed, "x"));
}

static void
secrets_come_and_go(void **state)
{
	struct kit k;
	json_t *changes = NULL;

	kit_init(&k, *state);
	assert_string_equal(
	    fixture_apply(k.f, HOST_WITH(",'require_cipher':17," KG), &changes), "");
	char *text = json_text(changes);
	assert_null(strstr(text, "0102030405"));
	assert_non_null(strstr(text, "\"bmc.kg\":[\"unset\",\"set anew\"]"));
	free(text);
	json_decref(changes);
	look(&k);
	assert_int_equal(k.h.require_cipher, 17);
	/* The same again changes nothing. */
	assert_string_equal(
	    fixture_apply(
		k.f, HOST_WITH(",'require_cipher':17,'password':'p1'," KG), &changes),
	    "");
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(changes, 0), "action")),
	    "same");
	json_decref(changes);
	assert_string_equal(
	    fixture_apply(k.f, HOST_WITH(",'password':'','kg':''"), NULL), "");
	look(&k);
	assert_string_equal(k.h.sealed, "");
	assert_string_equal(k.h.sealed_kg, "");
	assert_int_equal(k.h.require_cipher, DB_HOST_SITES);
	assert_string_equal(
	    fixture_apply(k.f, HOST_WITH(",'require_cipher':17,'cipher':3"), NULL),
	    "bad-value");
}

static void
another_key(void **state)
{
	struct kit k;
	struct secret_key *other = NULL;
	struct error err = {.code = ""};
	char path[96];
	struct credentials_sealed sealed;
	json_t *bmc = json_object();

	kit_init(&k, *state);
	assert_string_equal(fixture_apply(k.f, HOST_WITH("," KG), NULL), "");
	look(&k);
	credentials_take(&k.h, &sealed);
	assert_int_equal(credentials_put(k.f->key, &sealed, false, "", bmc, &err), 0);
	assert_string_equal(json_string_value(json_object_get(bmc, "password")), "p1");
	assert_int_equal(strlen(json_string_value(json_object_get(bmc, "kg"))), 40);
	assert_null(json_object_get(bmc, "password_next"));
	json_object_clear(bmc);
	snprintf(path, sizeof(path), "%s/other", k.f->dir);
	assert_int_equal(secret_key_open(path, 1, &other, &err), 0);
	assert_int_equal(credentials_put(other, &sealed, false, "", bmc, &err), -EBADMSG);
	assert_string_equal(err.code, "bmc-password-sealed");
	assert_int_equal(json_object_size(bmc), 0);
	k.deps.key = other;
	assert_int_equal(
	    rotation_begin(&k.deps, &k.h, FIXTURE_NOW, &k.r, &err), -EBADMSG);
	look(&k);
	assert_string_equal(k.h.sealed_next, "");
	/* K_g in the place of the password does not open. */
	str_clip(k.h.sealed, sizeof(k.h.sealed), k.h.sealed_kg);
	assert_int_equal(credentials_check(k.f->key, &k.h, &err), -EBADMSG);
	secret_key_free(other);
	json_decref(bmc);
}

static void
one_bmc_at_two_sites(void **state)
{
	struct kit k;
	struct error err = {.code = ""};

	kit_init(&k, *state);
	assert_string_equal(
	    fixture_apply(k.f,
		"{'sites':[{'name':'nbo','timezone':'UTC'}],'hosts':["
		"{'name':'x.los','site':'los','bmc':{'address':'203.0.113.1','user':'u'}}"
		","
		"{'name':'x.nbo','site':'nbo','bmc':{'address':'203.0.113.1','user':'u'}}"
		","
		"{'name':'y.nbo','site':'nbo','bmc':{'address':'10.9.0.1','user':'u'}}]}",
		NULL),
	    "");
	look(&k);
	assert_int_equal(rotation_check_shared(k.f->store, &k.h, &err), 0);
	assert_int_equal(db_host_get(k.f->store, "x.los", &k.h), 0);
	assert_int_equal(rotation_check_shared(k.f->store, &k.h, &err), -EPERM);
	assert_string_equal(err.code, "bmc-shared");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(stored_before_and_settled_after),
	    FIXTURE_TEST(what_was_not_sent_is_dropped),
	    FIXTURE_TEST(a_cut_one),
	    FIXTURE_TEST(the_inventory_meanwhile),
	    FIXTURE_TEST(secrets_come_and_go),
	    FIXTURE_TEST(another_key),
	    FIXTURE_TEST(one_bmc_at_two_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
