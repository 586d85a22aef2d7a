/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles watched at the site, with requests and a console that are the test's own. */
#include "agent/console_near.h"

#include <errno.h>

#include "tests/unit/agent/console_kit.h"
#include "tests/unit/watcher_kit.h"

struct kit {
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct console_hub *hub;
	struct console_near *cn;
	unsigned typing, left;
	struct console_near_visit last; /* that left */
};

static void
on_types(void *arg, const struct console_near_visit *v UNUSED)
{
	((struct kit *)arg)->typing++;
}

static void
on_left(void *arg, const struct console_near_visit *v)
{
	struct kit *k = arg;

	k->left++;
	k->last = *v;
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct console_near_opts o = {
	    .log = &k->log, .rng = &k->rng, .types = on_types, .left = on_left, .arg = k};

	console_kit_reset();
	k->base = event_base_new();
	k->rng = rng_seeded(1);
	k->hub = console_hub_new(NULL);
	o.base = k->base;
	o.hub = k->hub;
	k->cn = console_near_new(&o);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	console_near_free(k->cn);
	console_hub_free(k->hub);
	event_base_free(k->base);
	assert_int_equal(console_kit_open, 0);
	free(k);
	return 0;
}

static void
watch(struct kit *k, struct rest_request *rq, const char *host, const char *password,
    int how)
{
	struct bundle_bmc bmc = {.port = 623};
	struct console_near_visit v = {
	    .uid = 1000, .user = "ada", .write = how > 0, .steal = how > 1};
	struct error err;

	str_clip(bmc.address, sizeof(bmc.address), host);
	str_clip(bmc.password, sizeof(bmc.password), password);
	str_clip(v.host, sizeof(v.host), host);
	assert_int_equal(console_near_may_watch(k->cn, &err), 0);
	console_near_watch(k->cn, rq, &v, &bmc);
}

enum { LOOK, TYPE, STEAL };

static int
type(struct kit *k, const struct rest_request *rq, const char *host, const char *what,
    bool send_break)
{
	struct console_keys keys = {.len = strlen(what), .send_break = send_break};
	struct error err;

	keys.watcher = text(last(rq, "hello"), "watcher");
	memcpy(keys.data, what, keys.len);
	return console_near_type(k->cn, host, &keys, &err);
}

static void
typed(const char *want)
{
	assert_int_equal(console_kit[0].n_typed, strlen(want));
	assert_memory_equal(console_kit[0].typed, want, strlen(want));
}

static void
several_watch_one_types(void **state)
{
	struct kit *k = *state;
	struct rest_request a = {0}, b = {0}, c = {0};

	watch(k, &a, "edge01", "", TYPE);
	assert_string_equal(text(last(&a, "state"), "state"), "connecting");
	assert_int_equal(type(k, &a, "edge01", "too early", false), 0);
	watch(k, &b, "edge01", "", TYPE);
	assert_int_equal(console_kit_opened, 1);
	assert_true(writes(&a) && !writes(&b));
	console_kit_up(0);
	assert_string_equal(text(last(&b, "state"), "state"), "up");
	console_kit_say(0, "hello");
	assert_string_equal(text(last(&a, "data"), "data"), "aGVsbG8=");
	assert_string_equal(text(last(&b, "data"), "data"), "aGVsbG8=");
	assert_int_equal(type(k, &b, "edge01", "x", false), -EACCES);
	assert_int_equal(type(k, &a, "edge09", "x", false), -ENOENT);
	assert_int_equal(type(k, &a, "edge01", "root\r", true), 0);
	assert_int_equal(type(k, &a, "edge01", "ls", false), 0);
	typed("root\rls");
	assert_true(console_kit[0].breaks == 1 && k->typing == 1);
	watch(k, &c, "edge01", "", STEAL);
	assert_true(writes(&c) && !writes(&a));
	assert_int_equal(console_kit[0].retries, 2); /* of the two before it was up */
	assert_int_equal(type(k, &a, "edge01", "x", false), -EACCES);
	leave(&a);
	assert_true(k->left == 1 && k->last.octets == 7 && k->last.breaks == 1);
	leave(&c);
	assert_int_equal(type(k, &b, "edge01", "x", false), -EACCES);
	leave(&b);
	assert_true(k->left == 3 && k->last.octets == 0);
	assert_int_equal(console_kit_open, 0);
}

static void
a_slow_line_takes_it_later(void **state)
{
	struct kit *k = *state;
	struct rest_request w = {0};
	char much[CONSOLE_KEYS_MAX];

	watch(k, &w, "edge01", "", TYPE);
	console_kit_up(0);
	console_kit[0].room = 4;
	assert_int_equal(type(k, &w, "edge01", "root\rs", true), 0);
	typed("root");
	assert_int_equal(console_kit[0].breaks, 0); /* it comes behind */
	memset(much, 'x', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	assert_int_equal(type(k, &w, "edge01", much, false), -EAGAIN);
	console_kit[0].room = 0;
	while (console_kit[0].breaks == 0)
		event_base_loop(k->base, EVLOOP_ONCE);
	typed("root\rs");
	/* What waits when the console goes away never comes out. */
	console_kit[0].room = 6;
	assert_int_equal(type(k, &w, "edge01", "secret", false), 0);
	console_kit_down(0, CONSOLE_LOST, 1);
	assert_string_equal(text(last(&w, "state"), "state"), "lost");
	console_kit[0].room = 0;
	console_kit_up(0);
	assert_int_equal(event_base_loop(k->base, EVLOOP_NONBLOCK), 1); /* nothing */
	typed("root\rs");
	leave(&w);
}

static void
who_does_not_read_is_dropped(void **state)
{
	struct kit *k = *state;
	struct rest_request slow = {0}, w = {0};

	watch(k, &slow, "edge01", "", TYPE);
	watch(k, &w, "edge01", "", TYPE);
	console_kit_up(0);
	slow.behind = 8 * 1024 * 1024;
	console_kit_say(0, "x");
	assert_true(slow.ended && !w.ended && k->left == 1);
	console_kit_say(0, "y");
	assert_string_equal(text(last(&w, "data"), "data"), "eQ==");
	done(&slow);
	/* The last one: the console is closed from within its own callback. */
	w.behind = 8 * 1024 * 1024;
	console_kit_say(0, "z");
	assert_true(w.ended && k->left == 2);
	assert_int_equal(console_kit_open, 0);
	done(&w);
}

static void
one_more_is_refused(void **state)
{
	struct kit *k = *state;
	struct rest_request *w = calloc(CONSOLE_NEAR_MAX, sizeof(*w));
	struct error err;

	for (int i = 0; i < CONSOLE_NEAR_MAX; i++)
		watch(k, &w[i], i % 2 ? "edge01" : "edge02", "", LOOK);
	assert_int_equal(console_near_may_watch(k->cn, &err), -EAGAIN);
	assert_string_equal(err.code, "too-many-watchers");
	leave(&w[7]);
	assert_int_equal(console_near_may_watch(k->cn, &err), 0);
	watch(k, &w[7], "edge01", "", LOOK);
	/* The agent ends: all are told of. */
	console_near_free(k->cn);
	k->cn = NULL;
	assert_int_equal(k->left, CONSOLE_NEAR_MAX + 1);
	for (int i = 0; i < CONSOLE_NEAR_MAX; i++) {
		assert_true(w[i].ended);
		done(&w[i]);
	}
	free(w);
}

/* With the newest password; stolen from another session only by who says so. */
static void
somebody_more_tries_again(void **state)
{
	struct kit *k = *state;
	struct rest_request a = {0}, b = {0}, c = {0};

	watch(k, &a, "edge01", "old", TYPE);
	console_kit_down(0, CONSOLE_IN_USE, 1);
	assert_string_equal(text(last(&a, "state"), "state"), "in-use");
	watch(k, &b, "edge01", "new", LOOK);
	assert_true(console_kit[0].retries == 2 && !console_kit[0].steal);
	assert_string_equal(console_kit[0].password, "new");
	assert_string_equal(text(last(&b, "state"), "state"), "connecting");
	watch(k, &c, "edge01", "new", STEAL);
	assert_true(console_kit[0].steal && writes(&c));
	console_kit_up(0);
	assert_string_equal(text(last(&a, "state"), "state"), "up");
	leave(&a);
	leave(&b);
	leave(&c);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(several_watch_one_types),
	    TEST(a_slow_line_takes_it_later),
	    TEST(who_does_not_read_is_dropped),
	    TEST(one_more_is_refused),
	    TEST(somebody_more_tries_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
