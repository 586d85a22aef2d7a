/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which hosts are always recorded: whole lists only, kept sealed. */
#include "agent/console_always.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/json.h"
#include "tests/unit/agent/http_kit.h"

#define PATH "/agent/v1/consoles"
#define PAGE(version, host, after)                                                      \
	"{\"v\":1,\"version\":" version ",\"hosts\":[{\"host\":\"" host "\",\"bmc\":{"  \
	"\"address\":\"192.0.2.1\",\"user\":\"u\",\"password\":\"top secret\"}}]" after \
	"}"

struct kit {
	char dir[64], key_path[96];
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct secret_key *key;
	struct spool *spool;
	struct console_always *ca;
	unsigned sets;
	char hosts[200]; /* of the last one, each with its password */
};

static void
set(void *arg, const struct console_recorder_host *hosts, size_t n)
{
	struct kit *k = arg;

	k->sets++;
	k->hosts[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(k->hosts);

		snprintf(k->hosts + len, sizeof(k->hosts) - len, "%s:%s ", hosts[i].name,
		    hosts[i].bmc.password);
	}
}

static void
start(struct kit *k)
{
	const struct console_always_opts o = {.base = k->base,
	    .log = &k->log,
	    .rng = &k->rng,
	    .site = "local",
	    .agent = "01m8186kgj3sd2xz",
	    .spool = k->spool,
	    .key = k->key,
	    .set = set,
	    .arg = k};
	struct error err;

	k->ca = console_always_new(&o, &err);
	k->sets = 0;
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct spool_opts spool = {.path = ":memory:", .site = "local"};
	struct error err;

	str_clip(k->dir, sizeof(k->dir), "/tmp/console_always_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->key_path, sizeof(k->key_path), "%s/key", k->dir);
	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	k->rng = rng_seeded(1);
	assert_int_equal(secret_key_open(k->key_path, 1, &k->key, &err), 0);
	spool.key = k->key;
	assert_int_equal(spool_open(&spool, 1, &k->rng, &k->spool, &err), 0);
	start(k);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	console_always_free(k->ca);
	spool_close(k->spool);
	secret_key_free(k->key);
	event_base_free(k->base);
	assert_null(http_kit_calls);
	unlink(k->key_path);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

static void
asks_after(const struct http_client_call *call, const char *after)
{
	const char *asked = json_string_value(json_object_get(call->body, "after"));

	assert_string_equal(asked != NULL ? asked : "", after);
}

static void
test_a_list_is_whole_or_not_at_all(void **state)
{
	struct kit *k = *state;

	asks_after(http_kit_wait(k->base, PATH), "");
	http_kit_answer(http_kit_find(PATH), 200, PAGE("7", "a", ",\"after\":\"a\""));
	assert_int_equal(k->sets, 0);
	asks_after(http_kit_find(PATH), "a");
	/* The inventory has changed between the two. */
	http_kit_answer(http_kit_find(PATH), 200, PAGE("8", "b", ""));
	assert_int_equal(k->sets, 0);
	asks_after(http_kit_find(PATH), "");
	http_kit_answer(http_kit_find(PATH), 200, PAGE("8", "a", ",\"after\":\"a\""));
	http_kit_answer(http_kit_find(PATH), 200, PAGE("8", "b", ""));
	assert_int_equal(k->sets, 1);
	assert_string_equal(k->hosts, "a:top secret b:top secret ");
	/* The same once more is no news; nobody any more is. */
	console_always_ask(k->ca);
	http_kit_answer(
	    http_kit_wait(k->base, PATH), 200, PAGE("9", "a", ",\"after\":\"a\""));
	http_kit_answer(http_kit_find(PATH), 200, PAGE("9", "b", ""));
	assert_int_equal(k->sets, 1);
	console_always_ask(k->ca);
	http_kit_answer(
	    http_kit_wait(k->base, PATH), 200, "{\"version\":10,\"hosts\":[]}");
	assert_int_equal(k->sets, 2);
	assert_string_equal(k->hosts, "");
}

static void
test_kept_for_the_time_without_an_orchestrator(void **state)
{
	struct kit *k = *state;
	char *kept = NULL;

	http_kit_answer(http_kit_wait(k->base, PATH), 200, PAGE("7", "a", ""));
	assert_string_equal(k->hosts, "a:top secret ");
	assert_int_equal(spool_get_mark(k->spool, "consoles", &kept), 1);
	assert_null(strstr(kept, "secret"));
	free(kept);
	console_always_free(k->ca);
	k->hosts[0] = '\0';
	start(k);
	http_kit_wait(k->base, PATH);
	assert_string_equal(k->hosts, "a:top secret ");
	http_kit_answer(http_kit_find(PATH), 0, "");
	assert_int_equal(k->sets, 1);
}

static void
test_answers_that_are_none(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "{\"version\":1,\"hosts\":7}",
	    "{\"version\":1,\"after\":\"a\",\"hosts\":[]}", /* for ever */
	    "{\"version\":\"1\",\"hosts\":[]}"};
	struct kit *k = *state;

	http_kit_answer(http_kit_wait(k->base, PATH), 200, PAGE("7", "a", ""));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		console_always_ask(k->ca);
		http_kit_answer(http_kit_wait(k->base, PATH), 200, bad[i]);
		assert_null(http_kit_find(PATH));
	}
	assert_int_equal(k->sets, 1); /* what was in force is */
	console_always_ask(k->ca);
	http_kit_answer(http_kit_wait(k->base, PATH), 409, "{}");
	assert_int_equal(k->sets, 2); /* another agent is in charge */
	assert_string_equal(k->hosts, "");
	/* A host that cannot be read is left out alone. */
	console_always_ask(k->ca);
	http_kit_answer(http_kit_wait(k->base, PATH), 200,
	    "{\"version\":8,\"hosts\":[{\"host\":7},{\"host\":\"b\",\"bmc\":{\"port\":-1}"
	    "},"
	    "\"x\",{\"host\":\"c\",\"bmc\":null},{\"host\":\"d\",\"bmc\":{\"address\":"
	    "\"192.0.2.4\",\"password\":\"p\"}}]}");
	assert_string_equal(k->hosts, "d:p ");
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_list_is_whole_or_not_at_all),
	    TEST(test_kept_for_the_time_without_an_orchestrator),
	    TEST(test_answers_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
