/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages between netboot-agent and netboot-orchestrator: JSON <-> struct
 * (docs/protocol.md).
 *
 * Entry points: a to_json/from_json pair for the poll, its orders, and the report.
 * Ownership: decoded orders and reports own what they point to until their *_done().
 * Failure modes: -EINVAL with the member's path in *err, the result untouched. An order
 * of an unknown `t` is left out, so that a newer orchestrator is not fatal; a known one
 * that is broken refuses the whole answer.
 */
#include "lib/agent_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/msg_head.h"
#include "lib/str.h"
#include "lib/table_sum.h"

enum { AGENT_MSG_WAIT_MAX_S = 300, RETRY_MAX_MS = 60000 };
/* Years after which sums of times would overflow are no clock's; and counters end there, which are counted on. */
#define TIME_MAX (INT64_MAX / 4)

/* What an agent says that it understands (`takes`). */
#define TAKES_DELTA "table-delta"
#define TAKES_WINDOW "window"
#define TAKES_UNBEGUN "unbegun"

/* ---- poll ---- */

static void
put_clock(json_t *v, const struct agent_msg_clock *c)
{
	json_t *clock;

	if (!c->known)
		return;
	clock = json_object();
	json_put_i64(clock, "ahead", c->ahead);
	json_put_i64(clock, "within", c->within);
	json_put_i64(clock, "stepped", c->stepped);
	json_put_i64(clock, "restarts", c->restarts);
	json_put_i64(clock, "seq", c->seq);
	json_put(v, "clock", clock);
}

static void
put_takes(json_t *v, const struct agent_msg_poll *m)
{
	json_t *words = json_array();

	if (m->takes_delta)
		json_array_append_new(words, json_string(TAKES_DELTA));
	if (m->takes_window)
		json_array_append_new(words, json_string(TAKES_WINDOW));
	if (m->takes_unbegun)
		json_array_append_new(words, json_string(TAKES_UNBEGUN));
	if (json_array_size(words) > 0)
		json_object_set(v, "takes", words);
	json_decref(words);
}

static bool
is_span(int64_t us)
{
	return us > -TIME_MAX && us < TIME_MAX;
}

static int
read_clock(const json_t *v, struct agent_msg_clock *ret, struct error *err)
{
	json_t *clock = NULL;

	if (json_opt_obj(v, "clock", &clock, err) < 0)
		return -EINVAL;
	if (clock == NULL)
		return 0;
	if (json_get_i64(clock, "ahead", &ret->ahead, err) < 0 ||
	    json_get_i64(clock, "within", &ret->within, err) < 0 ||
	    json_opt_i64(clock, "stepped", &ret->stepped, err) < 0 ||
	    json_opt_i64(clock, "restarts", &ret->restarts, err) < 0 ||
	    json_opt_i64(clock, "seq", &ret->seq, err) < 0)
		return -EINVAL;
	if (!is_span(ret->ahead) || !is_span(ret->stepped) || ret->within < 0 ||
	    !is_span(ret->within) || ret->restarts < 0 || !is_span(ret->restarts) ||
	    ret->seq < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "clock: out of range");
	ret->known = true;
	return 0;
}

json_t *
agent_msg_poll_to_json(const struct agent_msg_poll *m)
{
	json_t *v = json_object();

	msg_head_put(v, m->site, m->agent);
	json_put_i64(v, "table", m->table);
	json_put_i64(v, "wait_s", m->wait_s);
	if (m->trouble.code[0] != '\0') {
		json_t *trouble = json_object();

		json_put_str(trouble, "code", m->trouble.code);
		json_put_str(trouble, "text", m->trouble.text);
		json_put_str(trouble, "next", m->trouble.next);
		json_put(v, "trouble", trouble);
	}
	if (m->own_servers)
		json_put(v, "own_servers", json_true());
	if (m->stop.since > 0)
		json_put(v, "bmc_stop",
		    json_pack("{s:I, s:I, s:I}", "since", (json_int_t)m->stop.since,
			"refused", (json_int_t)m->stop.refused, "heard",
			(json_int_t)m->stop.heard));
	if (m->max_jobs > 0)
		json_put_i64(v, "max_jobs", m->max_jobs);
	if (m->now > 0)
		json_put_i64(v, "now", m->now);
	put_clock(v, &m->clock);
	if (m->pending >= 0)
		json_put_i64(v, "pending", m->pending);
	if (m->lag >= 0)
		json_put_i64(v, "lag", m->lag);
	if (m->store > 0)
		json_put_i64(v, "store", m->store);
	put_takes(v, m);
	table_sum_put(v, "table_digest", m->table_digest);
	json_put_str(v, "seal_key", m->seal_key);
	json_put_str(v, "nonce", m->nonce);
	return v;
}

static int
read_trouble(const json_t *v, struct error *ret, struct error *err)
{
	const char *code = "", *text = "", *next = "";
	json_t *trouble = NULL;

	if (json_opt_obj(v, "trouble", &trouble, err) < 0)
		return -EINVAL;
	if (trouble == NULL)
		return 0;
	if (json_get_str(trouble, "code", &code, err) < 0 ||
	    json_opt_str(trouble, "text", &text, err) < 0 ||
	    json_opt_str(trouble, "next", &next, err) < 0)
		return -EINVAL;
	error_set(ret, 0, code, next, "%s", text);
	return 0;
}

static int
read_stop(const json_t *v, struct agent_msg_stop *ret, struct error *err)
{
	json_t *stop = NULL;

	if (json_opt_obj(v, "bmc_stop", &stop, err) < 0)
		return -EINVAL;
	if (stop == NULL)
		return 0;
	if (json_get_i64(stop, "since", &ret->since, err) < 0 ||
	    json_opt_i64(stop, "refused", &ret->refused, err) < 0 ||
	    json_opt_i64(stop, "heard", &ret->heard, err) < 0)
		return -EINVAL;
	if (ret->since <= 0 || ret->refused < 0 || ret->heard < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "bmc_stop: out of range");
	return 0;
}

static int
read_lag(const json_t *v, struct agent_msg_poll *m, struct error *err)
{
	m->pending = m->lag = -1;
	if (json_opt_i64(v, "pending", &m->pending, err) < 0 ||
	    json_opt_i64(v, "lag", &m->lag, err) < 0)
		return -EINVAL;
	if (m->pending < -1 || m->lag < -1 || m->lag > TIME_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "pending, lag: out of range");
	return 0;
}

/* Of newer agents, words that are not known here. */
static bool
takes(const json_t *v, const char *what)
{
	const json_t *list = json_object_get(v, "takes"), *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (str_eq(json_string_value(item), what))
			return true;
	return false;
}

int
agent_msg_poll_from_json(const json_t *v, struct agent_msg_poll *ret, struct error *err)
{
	struct agent_msg_poll m = {.table = 0};

	if (msg_head_sender(v, m.site, sizeof(m.site), m.agent, err) < 0 ||
	    json_opt_i64(v, "table", &m.table, err) < 0 ||
	    json_opt_i64(v, "wait_s", &m.wait_s, err) < 0 ||
	    json_opt_i64(v, "max_jobs", &m.max_jobs, err) < 0 ||
	    json_opt_i64(v, "now", &m.now, err) < 0 ||
	    json_opt_i64(v, "store", &m.store, err) < 0 ||
	    table_sum_get(v, "table_digest", &m.table_digest, err) < 0 ||
	    json_copy_opt(v, "seal_key", m.seal_key, sizeof(m.seal_key), err) < 0 ||
	    json_copy_opt(v, "nonce", m.nonce, sizeof(m.nonce), err) < 0 ||
	    read_trouble(v, &m.trouble, err) < 0 || read_stop(v, &m.stop, err) < 0 ||
	    read_clock(v, &m.clock, err) < 0 || read_lag(v, &m, err) < 0)
		return -EINVAL;
	if (m.max_jobs < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "max_jobs: below 0");
	if (m.now < 0 || m.now > TIME_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "now: no time");
	if (m.store < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "store: below 0");
	if (m.wait_s < 0 || m.wait_s > AGENT_MSG_WAIT_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL, "wait_s: not 0..%d",
		    AGENT_MSG_WAIT_MAX_S);
	/* Agents that do not say it have bootd. */
	m.own_servers = json_is_true(json_object_get(v, "own_servers"));
	m.takes_delta = takes(v, TAKES_DELTA);
	m.takes_window = takes(v, TAKES_WINDOW);
	m.takes_unbegun = takes(v, TAKES_UNBEGUN);
	*ret = m;
	return 0;
}

/* ---- orders ---- */

static json_t *
order_to_json(const struct agent_msg_order *o)
{
	json_t *v = json_object();

	switch (o->type) {
	case AGENT_ORDER_JOB:
		json_put_str(v, "t", "job");
		json_put(v, "bundle", bundle_to_json(o->bundle));
		break;
	case AGENT_ORDER_CANCEL:
		json_put_str(v, "t", "cancel");
		json_put_str(v, "job", o->id);
		if (o->by[0] != '\0')
			json_put_str(v, "by", o->by);
		if (o->unbegun)
			json_put_bool(v, "unbegun", true);
		break;
	case AGENT_ORDER_CALL:
		json_put_str(v, "t", "call");
		json_put_str(v, "id", o->id);
		json_put_str(v, "verb", o->verb);
		json_put(v, "bmc", bundle_bmc_to_json(o->bmc));
		if (o->args != NULL)
			json_object_set(v, "args", o->args);
		break;
	case AGENT_ORDER_BAD_JOB:
	case AGENT_ORDER_BAD_CALL: abort(); /* exist only on the receiving side */
	}
	return v;
}

json_t *
agent_msg_orders_to_json(const struct agent_msg_orders *m)
{
	json_t *v = json_object(), *orders = json_array();

	for (size_t i = 0; i < m->n_orders; i++)
		json_array_append_new(orders, order_to_json(&m->orders[i]));
	msg_head_put(v, NULL, NULL);
	json_put(
	    v, "table", m->table != NULL ? bundle_site_to_json(m->table) : json_null());
	if (m->retry_ms > 0)
		json_put_i64(v, "retry_ms", m->retry_ms);
	if (m->delta != NULL)
		json_put(v, "table_delta", agent_msg_delta_to_json(m->delta));
	json_put(v, "orders", orders);
	if (m->store > 0)
		json_put_i64(v, "store", m->store);
	if (m->received > 0) {
		json_put_i64(v, "received", m->received);
		json_put_i64(v, "held_us", m->held);
	}
	if (m->takes_events > 0) {
		json_t *takes = json_object();

		json_put_i64(takes, "events", m->takes_events);
		json_put_str(takes, "encoding", m->takes_encoding);
		json_put(v, "takes", takes);
	}
	return v;
}

static int
read_call(const json_t *v, struct agent_msg_order *o, struct error *err)
{
	json_t *args = NULL;

	o->bmc = str_alloc(sizeof(*o->bmc));
	if (msg_head_id(v, "id", o->id, err) < 0 ||
	    json_copy_str(v, "verb", o->verb, sizeof(o->verb), err) < 0 ||
	    json_opt_obj(v, "args", &args, err) < 0)
		return -EINVAL;
	o->args = json_incref(args);
	return bundle_bmc_from_json(json_object_get(v, "bmc"), o->bmc, err);
}

static int
read_job(const json_t *v, struct agent_msg_order *o, struct error *err)
{
	const json_t *bundle = json_object_get(v, "bundle");

	o->type = AGENT_ORDER_JOB;
	o->bundle = str_alloc(sizeof(*o->bundle));
	if (bundle_from_json(bundle, o->bundle, &o->refused) == 0)
		return 0;
	free(o->bundle);
	o->bundle = NULL;
	o->type = AGENT_ORDER_BAD_JOB;
	/* Without an id nobody could be told of the refusal. */
	if (!json_is_object(bundle))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "bundle: not an object");
	return msg_head_id(bundle, "job", o->id, err);
}

/* 1 when an order was read, 0 when it is of an unknown type. What it allocated is in *o
 * either way. */
static int
read_plain(const json_t *v, struct agent_msg_order *o, struct error *err)
{
	const char *t = NULL;
	int r;

	if (json_get_str(v, "t", &t, err) < 0)
		return -EINVAL;
	if (str_eq(t, "job")) {
		r = read_job(v, o, err);
	} else if (str_eq(t, "cancel")) {
		o->type = AGENT_ORDER_CANCEL;
		r = msg_head_id(v, "job", o->id, err);
		if (r == 0)
			r = json_copy_opt(v, "by", o->by, sizeof(o->by), err);
		if (r == 0)
			r = json_opt_bool(v, "unbegun", &o->unbegun, err);
	} else if (str_eq(t, "call")) {
		o->type = AGENT_ORDER_CALL;
		r = read_call(v, o, err);
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

/* 1 when who ordered it can be told that it was not taken; nothing of it is believed but its name. */
static int
read_refused(const json_t *plain, struct agent_msg_order *o, struct agent_msg_orders *m)
{
	const char *t = json_string_value(json_object_get(plain, "t"));
	const json_t *bundle = json_object_get(plain, "bundle");

	if (t != NULL && str_eq(t, "job") && msg_head_id(bundle, "job", o->id, NULL) == 0)
		o->type = AGENT_ORDER_BAD_JOB;
	else if (t != NULL && str_eq(t, "call") &&
		 msg_head_id(plain, "id", o->id, NULL) == 0)
		o->type = AGENT_ORDER_BAD_CALL;
	else if (m->n_refused++ == 0)
		m->refused = o->refused;
	return o->type == AGENT_ORDER_BAD_JOB || o->type == AGENT_ORDER_BAD_CALL;
}

static int
read_order(const json_t *v, const struct agent_order_trust *trust,
    struct agent_msg_orders *m, struct error *err)
{
	struct agent_msg_order *o = &m->orders[m->n_orders];
	json_t *plain = NULL;
	int r;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (trust == NULL)
		return read_plain(v, o, err);
	r = agent_order_open(v, trust, &plain, &o->refused);
	r = r < 0 ? read_refused(plain, o, m) : read_plain(plain, o, err);
	json_decref(plain);
	return r;
}

static int
read_orders(const json_t *v, const struct agent_order_trust *trust,
    struct agent_msg_orders *m, struct error *err)
{
	json_t *list = NULL;
	size_t n;

	if (json_opt_arr(v, "orders", &list, err) < 0)
		return -EINVAL;
	n = json_array_size(list);
	if (n > AGENT_MSG_ORDERS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "orders: more than %d",
		    AGENT_MSG_ORDERS_MAX);
	if (n > 0)
		m->orders = str_alloc(n * sizeof(*m->orders));
	for (size_t i = 0; i < n; i++) {
		int r = read_order(json_array_get(list, i), trust, m, err);

		if (r != 0)
			m->n_orders++; /* a half-read one too: agent_msg_orders_done()
					  frees it */
		else
			memset(&m->orders[m->n_orders], 0, sizeof(m->orders[0]));
		if (r < 0) {
			error_prefix(err, "orders[%zu]", i);
			return r;
		}
	}
	return 0;
}

static int
read_takes(const json_t *v, struct agent_msg_orders *m, struct error *err)
{
	json_t *takes = NULL;

	if (json_opt_obj(v, "takes", &takes, err) < 0)
		return -EINVAL;
	if (takes == NULL)
		return 0;
	if (json_opt_i64(takes, "events", &m->takes_events, err) < 0)
		return -EINVAL;
	if (m->takes_events < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "takes: events: below 0");
	/* One of a later time is none. */
	if (json_copy_opt(takes, "encoding", m->takes_encoding, sizeof(m->takes_encoding),
		NULL) < 0)
		m->takes_encoding[0] = '\0';
	return 0;
}

int
agent_msg_orders_from_json(
    const json_t *v, struct agent_msg_orders *ret, struct error *err)
{
	return agent_msg_orders_open(v, NULL, ret, err);
}

int
agent_msg_orders_open(const json_t *v, const struct agent_order_trust *trust,
    struct agent_msg_orders *ret, struct error *err)
{
	struct agent_msg_orders m = {.table = NULL};
	json_t *table = NULL, *delta = NULL;
	int r;

	if (msg_head_version(v, err) < 0 || json_opt_obj(v, "table", &table, err) < 0 ||
	    json_opt_i64(v, "store", &m.store, err) < 0 ||
	    json_opt_obj(v, "table_delta", &delta, err) < 0 ||
	    json_opt_i64(v, "retry_ms", &m.retry_ms, err) < 0 ||
	    json_opt_i64(v, "received", &m.received, err) < 0 ||
	    json_opt_i64(v, "held_us", &m.held, err) < 0)
		return -EINVAL;
	if (m.retry_ms < 0 || m.retry_ms > RETRY_MAX_MS)
		m.retry_ms = 0;
	if (m.store < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "store: below 0");
	if (read_takes(v, &m, err) < 0)
		return -EINVAL;
	if (m.received < 0 || m.received > TIME_MAX || m.held < 0 || m.held > TIME_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "received: no time");
	r = read_orders(v, trust, &m, err);
	if (r == 0 && delta != NULL) {
		m.delta = str_alloc(sizeof(*m.delta));
		r = agent_msg_delta_from_json(delta, m.delta, err);
		if (r < 0)
			error_prefix(err, "table_delta");
	}
	if (r == 0 && table != NULL) {
		m.table = str_alloc(sizeof(*m.table));
		r = bundle_site_from_json(table, m.table, err);
		if (r < 0)
			error_prefix(err, "table");
	}
	if (r < 0) {
		agent_msg_orders_done(&m);
		return r;
	}
	*ret = m;
	return 0;
}

void
agent_msg_orders_done(struct agent_msg_orders *m)
{
	if (m == NULL)
		return;
	bundle_site_done(m->table);
	free(m->table);
	agent_msg_delta_done(m->delta);
	free(m->delta);
	for (size_t i = 0; i < m->n_orders; i++) {
		bundle_done(m->orders[i].bundle);
		free(m->orders[i].bundle);
		json_decref(m->orders[i].args);
		bundle_bmc_wipe(m->orders[i].bmc);
		free(m->orders[i].bmc);
	}
	free(m->orders);
	memset(m, 0, sizeof(*m));
}

/* ---- report ---- */

static json_t *
call_result_to_json(const struct agent_msg_call_result *c)
{
	json_t *v = json_object();

	json_put_str(v, "id", c->id);
	json_put_str(v, "power", c->power);
	json_put(v, "reason", json_string(""));
	json_put_str(v, "reason", c->reason);
	json_put_str(v, "code", c->code);
	if (c->data != NULL)
		json_object_set(v, "data", c->data);
	return v;
}

void
agent_msg_call_result_done(struct agent_msg_call_result *c)
{
	json_decref(c->data);
	c->data = NULL;
}

json_t *
agent_msg_report_to_json(const struct agent_msg_report *m)
{
	json_t *v = json_object(), *events = json_array(), *calls = json_array();

	for (size_t i = 0; i < m->n_events; i++)
		json_array_append_new(events, event_to_json(&m->events[i]));
	for (size_t i = 0; i < m->n_calls; i++)
		json_array_append_new(calls, call_result_to_json(&m->calls[i]));
	msg_head_put(v, m->site, m->agent);
	json_put_i64(v, "first", m->first);
	json_put(v, "events", events);
	json_put(v, "calls", calls);
	put_clock(v, &m->clock);
	return v;
}

int
agent_msg_event_from_json(const json_t *v, struct event *ret, struct error *err)
{
	const json_t *detail = json_object_get(v, "detail");
	struct event ev;

	if (detail != NULL &&
	    !json_bounded(detail, AGENT_MSG_DETAIL_DEPTH, AGENT_MSG_DETAIL_MAX))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "detail: too long, or nested too deep");
	if (event_from_json(v, &ev, err) < 0)
		return -EINVAL;
	if (ev.at < 0 || ev.at > AGENT_MSG_AT_MAX) {
		event_done(&ev);
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "at: not within 1970 to 2099");
	}
	*ret = ev;
	return 0;
}

static int
read_events(const json_t *v, struct agent_msg_report *m, struct error *err)
{
	json_t *list = NULL;
	size_t n;

	if (json_opt_arr(v, "events", &list, err) < 0)
		return -EINVAL;
	n = json_array_size(list);
	if (n > AGENT_MSG_EVENTS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "events: more than %d",
		    AGENT_MSG_EVENTS_MAX);
	if (n > 0)
		m->events = str_alloc(n * sizeof(*m->events));
	for (; m->n_events < n; m->n_events++) {
		const json_t *item = json_array_get(list, m->n_events);

		if (agent_msg_event_from_json(item, &m->events[m->n_events], err) < 0) {
			error_prefix(err, "events[%zu]", m->n_events);
			return -EINVAL;
		}
	}
	return 0;
}

static int
read_call_result(const json_t *v, struct agent_msg_call_result *c, struct error *err)
{
	json_t *data = NULL;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (msg_head_id(v, "id", c->id, err) < 0 ||
	    json_copy_str(v, "power", c->power, sizeof(c->power), err) < 0 ||
	    json_copy_opt(v, "reason", c->reason, sizeof(c->reason), err) < 0 ||
	    json_copy_opt(v, "code", c->code, sizeof(c->code), err) < 0 ||
	    json_opt_obj(v, "data", &data, err) < 0)
		return -EINVAL;
	if (!str_eq(c->power, "on") && !str_eq(c->power, "off") &&
	    !str_eq(c->power, "unknown"))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "power: not on, off or unknown");
	c->data = json_incref(data);
	return 0;
}

static int
read_calls(const json_t *v, struct agent_msg_report *m, struct error *err)
{
	json_t *list = NULL;
	size_t n;

	if (json_opt_arr(v, "calls", &list, err) < 0)
		return -EINVAL;
	n = json_array_size(list);
	if (n > AGENT_MSG_ORDERS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "calls: more than %d",
		    AGENT_MSG_ORDERS_MAX);
	if (n > 0)
		m->calls = str_alloc(n * sizeof(*m->calls));
	for (; m->n_calls < n; m->n_calls++) {
		const json_t *item = json_array_get(list, m->n_calls);

		if (read_call_result(item, &m->calls[m->n_calls], err) < 0) {
			error_prefix(err, "calls[%zu]", m->n_calls);
			return -EINVAL;
		}
	}
	return 0;
}

int
agent_msg_report_from_json(
    const json_t *v, struct agent_msg_report *ret, struct error *err)
{
	struct agent_msg_report m = {.first = 0};

	if (msg_head_sender(v, m.site, sizeof(m.site), m.agent, err) < 0 ||
	    json_opt_i64(v, "first", &m.first, err) < 0)
		return -EINVAL;
	/* The highest number must be a number too. */
	if (m.first < 0 || m.first > INT64_MAX - AGENT_MSG_EVENTS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "first: out of range");
	if (read_clock(v, &m.clock, err) < 0 || read_events(v, &m, err) < 0 ||
	    read_calls(v, &m, err) < 0) {
		agent_msg_report_done(&m);
		return -EINVAL;
	}
	*ret = m;
	return 0;
}

void
agent_msg_report_done(struct agent_msg_report *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_events; i++)
		event_done(&m->events[i]);
	for (size_t i = 0; i < m->n_calls; i++)
		agent_msg_call_result_done(&m->calls[i]);
	free(m->events);
	free(m->calls);
	memset(m, 0, sizeof(*m));
}
