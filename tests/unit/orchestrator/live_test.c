/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watched consoles, with requests and agents that are the test's own. */
#include "orchestrator/live.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base64.h"
#include "tests/unit/watcher_kit.h"

static unsigned calls, steals, wakes, call_ends;
static char call_id[ID_SIZE];
static int n_foreign;

/* ---- in the place of lib/rest_server.c and orchestrator/dispatch*.c ---- */

json_t *
rest_body(struct rest_request *rq, struct error *err UNUSED)
{
	return rq->body;
}

void
rest_reply(struct rest_request *rq, int status, json_t *body, const char *etag UNUSED)
{
	assert_int_equal(rq->status, 0);
	rq->status = status;
	rq->reply = body;
}

void
rest_problem(
    struct rest_request *rq, int status, const struct error *err, json_t *errors UNUSED)
{
	assert_int_equal(rq->status, 0);
	rq->status = status;
	rq->reply = json_pack("{s:s}", "code", err->code);
}

void
dispatch_call_console(struct dispatch *d UNUSED, const struct db_host *h UNUSED,
    const char *id, bool steal, dispatch_call_done *over UNUSED, void *arg UNUSED)
{
	calls++;
	steals += steal;
	str_clip(call_id, sizeof(call_id), id);
}

void
dispatch_wake(struct dispatch *d UNUSED, const char *site UNUSED)
{
	wakes++;
}

int64_t
dispatch_silence(struct dispatch *d UNUSED, const char *site UNUSED)
{
	return 0;
}

void
dispatch_foreign_refused(struct dispatch *d UNUSED, const char *site UNUSED,
    const char *agent UNUSED, const char *code UNUSED, const char *why UNUSED)
{
	n_foreign++;
}

void
dispatch_call_end(struct dispatch *d UNUSED, const char *id UNUSED)
{
	call_ends++;
}

/* ---- the test's side ---- */

struct kit {
	struct event_base *base;
	struct rng rng;
	struct live *live;
	struct db_host host;
};

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct live_ops ops = {0};

	calls = steals = wakes = call_ends = 0;
	k->base = event_base_new();
	k->rng = rng_seeded(1);
	ops.base = k->base;
	ops.rng = &k->rng;
	k->live = live_new(&ops);
	str_clip(k->host.host.name, sizeof(k->host.host.name), "edge01");
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	live_free(k->live);
	event_base_free(k->base);
	free(k);
	return 0;
}

static void
agent_says(struct kit *k, struct rest_request *rq, const char *id, const char *data,
    const char *state)
{
	rq->body = json_pack(
	    "{s:s, s:s, s:s, s:s}", "id", id, "data", data, "state", state, "text", "");
	live_output(k->live, rq);
}

static void
agent_asks(struct kit *k, struct rest_request *rq, int typed, int breaks)
{
	rq->body =
	    json_pack("{s:s, s:i, s:i}", "id", call_id, "typed", typed, "breaks", breaks);
	live_input(k->live, rq);
}

static int
type(struct kit *k, const struct rest_request *rq, const char *what, bool send_break)
{
	struct error err;

	return live_type(k->live, "edge01", text(last(rq, "hello"), "watcher"),
	    (const uint8_t *)what, strlen(what), send_break, &err);
}

/* What an input request was answered with. */
static void
given(struct rest_request *rq, const char *expected, int breaks)
{
	uint8_t got[LIVE_INPUT_MAX];
	size_t n = 0;

	assert_int_equal(rq->status, 200);
	assert_int_equal(base64_get(text(rq->reply, "data"), got, sizeof(got), &n), 0);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(got, expected, n);
	assert_int_equal(
	    json_integer_value(json_object_get(rq->reply, "breaks")), breaks);
	done(rq);
}

static void
test_several_watch_one_types(void **state)
{
	struct kit *k = *state;
	struct rest_request a = {0}, b = {0}, c = {0}, out = {0};

	live_watch(k->live, &a, &k->host, true, false);
	live_watch(k->live, &b, &k->host, true, false);
	assert_true(calls == 1 && wakes == 1);
	assert_true(writes(&a) && !writes(&b));
	agent_says(k, &out, call_id, "aGVsbG8=", "up");
	assert_int_equal(out.status, 200);
	done(&out);
	assert_string_equal(text(last(&a, "data"), "data"), "aGVsbG8=");
	assert_string_equal(text(last(&b, "data"), "data"), "aGVsbG8=");
	assert_string_equal(text(last(&b, "state"), "state"), "up");
	assert_int_equal(type(k, &a, "x", false), 0);
	assert_int_equal(type(k, &b, "x", false), -EACCES);
	/* The third one takes the keyboard; the console is up, and no session of another is disturbed. */
	live_watch(k->live, &c, &k->host, true, true);
	assert_true(writes(&c) && !writes(&a) && calls == 1);
	assert_int_equal(type(k, &a, "x", false), -EACCES);
	leave(&c);
	assert_int_equal(type(k, &a, "x", false), -EACCES);
	leave(&a);
	leave(&b);
	/* Nobody is left: the agent hears it at its next request. */
	agent_says(k, &out, call_id, "", "up");
	assert_int_equal(out.status, 404);
	done(&out);
}

static void
test_input_is_given_until_it_was_typed(void **state)
{
	struct kit *k = *state;
	struct rest_request w = {0}, out = {0}, in = {0};

	live_watch(k->live, &w, &k->host, true, false);
	assert_int_equal(type(k, &w, "too early", false), 0); /* and is not typed later */
	agent_says(k, &out, call_id, "", "up");
	done(&out);
	agent_asks(k, &in, 0, 0);
	assert_int_equal(in.status, 0); /* it waits */
	assert_int_equal(type(k, &w, "root\r", false), 0);
	given(&in, "root\r", 0);
	/* That answer was lost: it is given again, with what has come since. */
	assert_int_equal(type(k, &w, "s", true), 0);
	agent_asks(k, &in, 0, 0);
	given(&in, "root\rs", 1);
	/* The line took four of them. */
	agent_asks(k, &in, 4, 1);
	given(&in, "\rs", 1);
	agent_asks(k, &in, 6, 1);
	assert_int_equal(in.status, 0);
	/* Its connection broke; the next one takes its place. */
	in.gone(in.gone_arg);
	done(&in);
	agent_asks(k, &in, 6, 1);
	assert_int_equal(type(k, &w, "!", false), 0);
	given(&in, "!", 1);
	/* A count that cannot be is refused, and takes nothing away. */
	agent_asks(k, &in, 999, 1);
	assert_int_equal(in.status, 400);
	done(&in);
	agent_asks(k, &in, -5, 1);
	assert_int_equal(in.status, 400);
	done(&in);
	agent_asks(k, &in, 6, 1);
	given(&in, "!", 1);
	leave(&w);
}

static void
test_typing_is_bounded(void **state)
{
	struct kit *k = *state;
	struct rest_request w = {0}, out = {0};
	char much[LIVE_INPUT_MAX];
	struct error err;

	live_watch(k->live, &w, &k->host, true, false);
	agent_says(k, &out, call_id, "", "up");
	done(&out);
	memset(much, 'x', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	assert_int_equal(type(k, &w, much, false), 0);
	assert_int_equal(type(k, &w, "xx", false), -EAGAIN);
	assert_int_equal(type(k, &w, "x", false), 0);
	assert_int_equal(
	    live_type(k->live, "edge09", "x", NULL, 0, false, &err), -ENOENT);
	leave(&w);
	assert_int_equal(
	    live_type(k->live, "edge01", "x", NULL, 0, false, &err), -ENOENT);
}

static void
test_who_does_not_read_is_dropped(void **state)
{
	struct kit *k = *state;
	struct rest_request slow = {0}, w = {0}, out = {0};

	live_watch(k->live, &slow, &k->host, true, false);
	live_watch(k->live, &w, &k->host, true, false);
	slow.behind = 8 * 1024 * 1024;
	agent_says(k, &out, call_id, "eA==", "up");
	done(&out);
	assert_true(slow.ended && !w.ended);
	agent_says(k, &out, call_id, "eQ==", "up");
	done(&out);
	assert_string_equal(text(last(&w, "data"), "data"), "eQ==");
	/* The keyboard is free again. */
	done(&slow);
	live_watch(k->live, &slow, &k->host, true, false);
	assert_true(writes(&slow));
	leave(&slow);
	leave(&w);
}

static void
test_requests_that_are_none(void **state)
{
	struct kit *k = *state;
	struct rest_request w = {0}, rq = {0};
	static const char *const bad[] = {"{}", "[]", "{\"id\":7}",
	    "{\"id\":\"no-such\"}", "{\"id\":\"%s\",\"data\":7}",
	    "{\"id\":\"%s\",\"state\":[]}", "{\"id\":\"%s\",\"lost\":\"x\"}"};

	live_watch(k->live, &w, &k->host, false, false);
	assert_false(writes(&w));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char body[200];
		const char *at = strstr(bad[i], "%s");

		if (at != NULL)
			snprintf(body, sizeof(body), "%.*s%s%s", (int)(at - bad[i]),
			    bad[i], call_id, at + 2);
		else
			str_clip(body, sizeof(body), bad[i]);
		rq.body = json_loads(body, 0, NULL);
		live_output(k->live, &rq);
		assert_true(rq.status == 400 || rq.status == 404);
		done(&rq);
		rq.body = json_loads(body, 0, NULL);
		live_input(k->live, &rq);
		assert_true(rq.status == 400 || rq.status == 404);
		done(&rq);
	}
	leave(&w);
}

static void
test_many_watchers_are_refused(void **state)
{
	struct kit *k = *state;
	struct rest_request *w = calloc(33, sizeof(*w));

	for (int i = 0; i < 32; i++)
		live_watch(k->live, &w[i], &k->host, false, false);
	live_watch(k->live, &w[32], &k->host, false, false);
	assert_int_equal(w[32].status, 429);
	done(&w[32]);
	for (int i = 0; i < 32; i++)
		leave(&w[i]);
	free(w);
}

/* A steal from another session goes to the agent while the console is not up. */
static void
test_a_steal_is_told_to_the_agent(void **state)
{
	struct kit *k = *state;
	struct rest_request a = {0}, b = {0}, out = {0};

	live_watch(k->live, &a, &k->host, true, false);
	agent_says(k, &out, call_id, "", "in-use");
	done(&out);
	assert_true(calls == 1 && steals == 0);
	live_watch(k->live, &b, &k->host, true, true);
	assert_true(calls == 2 && steals == 1 && writes(&b));
	leave(&a);
	leave(&b);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_several_watch_one_types),
	    TEST(test_input_is_given_until_it_was_typed),
	    TEST(test_typing_is_bounded),
	    TEST(test_who_does_not_read_is_dropped),
	    TEST(test_requests_that_are_none),
	    TEST(test_many_watchers_are_refused),
	    TEST(test_a_steal_is_told_to_the_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
