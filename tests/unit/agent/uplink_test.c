/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uplink.c against an orchestrator that fails, forgets and loses answers. */
#include "agent/uplink.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "tests/unit/agent/job_fixture.h"

struct kit {
	char dir[64], socket[96], server[128], key_path[96];
	struct event_base *base;
	struct evhttp *http;
	struct log log;
	struct rng rng;
	struct secret_key *key;
	struct spool *spool;
	struct uplink *u;
	/* The orchestrator. */
	unsigned polls, reports, fail_next, lose_next, orders;
	int64_t held, table_asked;
	bool order_next;
	unsigned old_spool, served;
	bool refuse;	      /* every poll: another agent is in charge */
	struct error refused; /* as told */
	char power[16];
	size_t calls;
};

static json_t *
body_of(struct evhttp_request *rq)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(rq);
	size_t n = evbuffer_get_length(in);
	json_t *v = json_parse((const char *)evbuffer_pullup(in, -1), n, NULL);

	assert_non_null(v);
	return v;
}

static void
reply(struct evhttp_request *rq, int status, const char *text)
{
	struct evbuffer *out = evbuffer_new();

	evbuffer_add_printf(out, "%s", text);
	evhttp_send_reply(rq, status, "x", out);
	evbuffer_free(out);
}

static void
on_poll(struct evhttp_request *rq, void *arg)
{
	struct kit *k = arg;
	json_t *v = body_of(rq);
	int64_t wait = -1;

	k->polls++;
	assert_int_equal(json_get_i64(v, "wait_s", &wait, NULL), 0);
	assert_int_equal(json_get_i64(v, "table", &k->table_asked, NULL), 0);
	json_decref(v);
	if (k->fail_next > 0) {
		k->fail_next--;
		reply(rq, 503, "{}");
		return;
	}
	if (k->refuse) {
		reply(rq, 409,
		    "{\"code\":\"agent-duplicate\",\"detail\":\"another one\\u001b\","
		    "\"next\":\"stop it\"}");
		return;
	}
	if (!k->order_next && wait == 0)
		reply(rq, 200, "{\"v\":1,\"table\":null,\"orders\":[]}");
	if (!k->order_next)
		return; /* a long poll: no answer as long as there is nothing to say */
	k->order_next = false;
	reply(rq, 200,
	    "{\"v\":1,\"table\":null,\"orders\":[{\"t\":\"cancel\",\"job\":"
	    "\"01m8186kad100000\"},"
	    "{\"t\":\"later-invention\"}]}");
}

static void
on_report(struct evhttp_request *rq, void *arg)
{
	struct kit *k = arg;
	json_t *v = body_of(rq), *events, *calls;
	int64_t first, n;
	char text[64];

	k->reports++;
	assert_int_equal(json_get_i64(v, "first", &first, NULL), 0);
	events = json_object_get(v, "events");
	n = (int64_t)json_array_size(events);
	calls = json_object_get(v, "calls");
	k->calls += json_array_size(calls);
	if (json_array_size(calls) > 0)
		str_clip(k->power, sizeof(k->power),
		    json_string_value(
			json_object_get(json_array_get(calls, 0), "power")));
	if (k->fail_next > 0) {
		k->fail_next--;
		reply(rq, 503, "{}");
	} else {
		assert_true(first <= k->held + 1);
		if (n > 0 && first + n - 1 > k->held)
			k->held = first + n - 1;
		snprintf(
		    text, sizeof(text), "{\"v\":1,\"acked\":%lld}", (long long)k->held);
		if (k->lose_next > 0) {
			k->lose_next--;
			reply(rq, 200, "{\"v\":1"); /* cut off on its way */
		} else {
			reply(rq, 200, text);
		}
	}
	json_decref(v);
}

static int
on_orders(void *arg, struct agent_msg_orders *orders)
{
	struct kit *k = arg;

	k->orders += (unsigned)orders->n_orders;
	return 0;
}

static void
on_old_spool(void *arg)
{
	struct kit *k = arg;

	k->old_spool++;
}

static void
on_charge(void *arg, const struct error *why)
{
	struct kit *k = arg;

	if (why == NULL)
		k->served++;
	else
		k->refused = *why;
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	str_clip(un.sun_path, sizeof(un.sun_path), path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct spool_opts spool = {.path = ":memory:", .site = "los"};
	struct uplink_opts o = {.site = "los",
	    .on_orders = on_orders,
	    .on_old_spool = on_old_spool,
	    .on_charge = on_charge};
	struct error err;

	snprintf(k->dir, sizeof(k->dir), "/tmp/uplink_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->socket, sizeof(k->socket), "%s/sock", k->dir);
	snprintf(k->server, sizeof(k->server), "unix:%s", k->socket);
	snprintf(k->key_path, sizeof(k->key_path), "%s/key", k->dir);
	k->base = event_base_new();
	k->rng = rng_seeded(4);
	k->log = log_init("test", LOG_LEVEL_ERROR);
	assert_int_equal(secret_key_open(k->key_path, 1, &k->key, &err), 0);
	spool.key = k->key;
	assert_int_equal(spool_open(&spool, 1, &k->rng, &k->spool, &err), 0);
	k->http = evhttp_new(k->base);
	evhttp_set_cb(k->http, "/agent/v1/poll", on_poll, k);
	evhttp_set_cb(k->http, "/agent/v1/report", on_report, k);
	assert_int_equal(evhttp_accept_socket(k->http, listen_unix(k->socket)), 0);
	o.base = k->base;
	o.log = &k->log;
	o.rng = &k->rng;
	o.spool = k->spool;
	o.server = k->server;
	o.arg = k;
	k->u = uplink_new(&o, &err);
	uplink_set_table(k->u, 7, 0);
	assert_non_null(k->u);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	uplink_free(k->u);
	evhttp_free(k->http);
	event_base_free(k->base);
	spool_close(k->spool);
	secret_key_free(k->key);
	unlink(k->key_path);
	unlink(k->socket);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

static void
put_events(struct kit *k, int n)
{
	assert_int_equal(spool_begin(k->spool), 0);
	for (int i = 0; i < n; i++) {
		struct event ev = event_make("job.stage", 1);

		assert_int_equal(spool_put_event(k->spool, &ev, false), 0);
		event_done(&ev);
	}
	assert_int_equal(spool_commit(k->spool), 0);
	uplink_kick(k->u);
}

static void
until(struct kit *k, bool (*met)(const struct kit *k))
{
	int64_t limit = clock_mono() + 60 * USEC_PER_SEC;

	while (!met(k) && clock_mono() < limit)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_true(met(k));
}

static bool
all_taken(const struct kit *k)
{
	return spool_pending(k->spool) == 0;
}

static void
test_everything_once_in_order(void **state)
{
	struct kit *k = *state;

	put_events(k, 450); /* several reports */
	until(k, all_taken);
	assert_int_equal(k->held, 450);
	assert_true(k->reports >= 3);
	put_events(k, 1);
	until(k, all_taken);
	assert_int_equal(k->held, 451);
}

static void
test_failures_and_lost_answers(void **state)
{
	struct kit *k = *state;

	k->fail_next = 3;
	k->lose_next = 2;
	put_events(k, 5);
	until(k, all_taken);
	assert_int_equal(k->held, 5);
	assert_true(k->reports >= 3);
}

/* The spool is a copy from before events that the orchestrator holds. */
static void
test_an_old_spool_is_noticed(void **state)
{
	struct kit *k = *state;

	k->held = 1000;
	put_events(k, 5);
	until(k, all_taken);
	assert_int_equal(k->old_spool, 1);
	put_events(k, 2); /* with numbers that were never used */
	until(k, all_taken);
	assert_int_equal(k->held, 1002);
	assert_int_equal(k->old_spool, 1);
}

static bool
ordered(const struct kit *k)
{
	return k->orders > 0 && k->polls > 1;
}

static void
test_orders(void **state)
{
	struct kit *k = *state;

	k->order_next = true;
	uplink_set_table(k->u, 12, 0);
	assert_false(uplink_settled(k->u));
	until(k, ordered);
	assert_true(uplink_settled(k->u)); /* there is nothing to report */
	assert_int_equal(k->orders, 1);	   /* what a later program invents is left out */
	assert_int_equal(k->table_asked, 12);
}

static bool
told_refused(const struct kit *k)
{
	return k->refused.code[0] != '\0';
}

static bool
told_served(const struct kit *k)
{
	return k->served > 0;
}

/* Only the orchestrator's word ends the service of an agent, never its silence. */
static void
test_another_agent_in_charge(void **state)
{
	struct kit *k = *state;

	k->fail_next = 2;
	k->refuse = true;
	until(k, told_refused);
	assert_int_equal(k->fail_next, 0);
	assert_int_equal(k->served, 0);
	assert_string_equal(k->refused.code, "agent-duplicate");
	assert_string_equal(k->refused.text, "another one\\x1b");
	assert_string_equal(k->refused.next, "stop it");
	k->refuse = false;
	k->order_next = true;
	until(k, told_served);
}

static bool
call_answered(const struct kit *k)
{
	return k->power[0] != '\0';
}

static void
test_call_results(void **state)
{
	struct kit *k = *state;
	struct agent_msg_call_result res = {.id = "01m8186kad100000", .power = "on"};

	uplink_call_result(k->u, &res);
	until(k, call_answered);
	assert_string_equal(k->power, "on");
}

static bool
all_calls_answered(const struct kit *k)
{
	return k->calls >= 1000;
}

/* One question to a thousand BMCs: the answers come while a report is under way. */
static void
test_many_call_results(void **state)
{
	struct kit *k = *state;
	struct agent_msg_call_result res = {.id = "01m8186kad100000", .power = "on"};

	for (int i = 0; i < 1000; i++)
		uplink_call_result(k->u, &res);
	until(k, all_calls_answered);
	assert_int_equal(k->calls, 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_everything_once_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_failures_and_lost_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_an_old_spool_is_noticed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_orders, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_another_agent_in_charge, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_call_results, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_call_results, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
