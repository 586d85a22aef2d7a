/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Poll and report (docs/protocol.md, "Orchestrator and agent").
 *
 * Entry points: uplink_new(), uplink_kick(), uplink_call_result().
 * Ownership: an uplink owns its HTTP calls, timers and queued call results.
 * Failure modes: an unreachable or failing orchestrator is asked again later and later
 * (to 15 s, with jitter, so that a thousand agents do not return at one moment). Events
 * leave the spool only after the orchestrator has said that it holds them.
 */
#include "agent/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/address_watch_io.h"
#include "agent/uplink_clock.h"
#include "agent/uplink_kept.h"
#include "lib/back_off.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/pack.h"
#include "lib/str.h"

enum {
	WAIT_S = 25,
	BATCH_OLD = 200, /* of an orchestrator that does not say how many it takes */
	/* Of text in one report: on a line that is thin it must arrive before the report's time is over, on one that is
	 * long much must be under way. What fits is found by trying. */
	OCTETS_LEAST = 16 * 1024,
	OCTETS_FIRST = 128 * 1024,
	OCTETS_MOST = 1024 * 1024,
	CALLS_MAX = 20000, /* answers that wait */
	CALLS_BATCH =
	    512, /* … at once: what each leaves in the database is one transaction */
	CALLS_BYTES = 2 * 1024 * 1024 /* of answers in one report */
};
#define REPORT_TIMEOUT (30 * USEC_PER_SEC)
/* Orders are repeated until their effect is reported: do not ask faster than we report.
 */
#define AFTER_ORDERS (300 * USEC_PER_MSEC)
/* The orchestrator knows this agent no more. */
#define SHUT_OUT (300 * USEC_PER_SEC)
#define AFTER_REFUSAL (5 * USEC_PER_SEC)

static const struct error not_started = {.text = "the request could not be started"};

/* One of the two conversations. */
struct line {
	struct uplink *u;
	const char *what;
	struct http_client_call *call;
	struct event *timer;
	int64_t delay; /* 0: all is well */
	bool shut_out; /* the last answer said so */
};

struct uplink {
	struct uplink_opts o;
	struct uplink_clock clock;
	int64_t kept;			  /* of it in the spool: uplink_kept.h */
	struct uplink_clock_moment asked; /* the poll under way */
	bool answered; /* a poll, in whatever way: what is reported has its clock */
	bool reported; /* the same of a report, which is what an old copy is known by */
	struct http_client *http;
	struct address_watch_io *addresses; /* NULL: by a unix socket, or not to be had */
	struct line poll, report;
	int64_t table;
	int64_t heard; /* wall; 0: never */
	uint64_t table_digest;
	int64_t
	    store; /* version of what the site's store is to hold, as it was told last */
	int64_t window; /* in which all agents come back when the line was lost */
	struct error trouble;
	struct agent_msg_stop stop;
	/* Of the poll under way; "": orders need no signature. */
	char nonce[AGENT_ORDER_NONCE_SIZE];
	bool packs;	      /* the orchestrator takes reports made smaller */
	size_t batch, octets; /* of one report */
	int64_t first;	      /* of the events in the report under way */
	size_t n_events;
	struct agent_msg_call_result *calls; /* in order; owned, with their data */
	size_t n_calls, calls_room;
	size_t n_calls_sent; /* in the report under way */
};

static void
set_timer(struct line *l, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(l->timer, &tv);
}

/* Refused for what it is: nothing that another minute would mend. */
static bool
is_shut_out(const struct error *why)
{
	return str_has_prefix(why->code, "agent-certificate-") ||
	       str_eq(why->code, "agent-revoked") ||
	       str_eq(why->code, "agent-other-site");
}

static void
back_off(struct line *l, const struct error *why, const struct http_client_reply *reply)
{
	const struct back_off_why hints = {.lost = reply != NULL && reply->status == 0,
	    .window_us = l->u->window,
	    .at_least_us = reply != NULL ? reply->retry_after_s * USEC_PER_SEC : 0};
	bool shut_out = is_shut_out(why);

	if (shut_out && !l->shut_out)
		log_error(l->u->o.log,
		    "orchestrator: %s: this agent is shut out: %s: %s; jobs go on here, "
		    "and it "
		    "asks again every few minutes",
		    l->what, why->text, why->next);
	else if (l->delay == 0)
		log_warn(l->u->o.log, "orchestrator: %s: %s%s%s; trying again", l->what,
		    why->text, why->next[0] != '\0' ? ": " : "", why->next);
	l->shut_out = shut_out;
	if (shut_out)
		l->delay = SHUT_OUT;
	set_timer(l,
	    shut_out ? SHUT_OUT / 2 + (int64_t)rng_below(l->u->o.rng, (uint64_t)SHUT_OUT)
		     : back_off_next(&l->delay, &hints, l->u->o.rng));
}

static void
all_well(struct line *l)
{
	if (l->delay != 0)
		log_info(l->u->o.log, "orchestrator: %s: works again", l->what);
	l->delay = 0;
	l->u->heard = clock_wall();
	l->shut_out = false;
}

/* RFC 9457, as the orchestrator writes it; anything else keeps its status alone. */
static void
read_problem(const struct http_client_reply *reply, struct error *err)
{
	json_t *v = json_parse(reply->body, reply->body_len, NULL);
	const char *code = "http", *detail = "", *next = "";
	char text[ERROR_TEXT_SIZE], todo[ERROR_NEXT_SIZE];

	if (json_is_object(v) && json_opt_str(v, "code", &code, NULL) == 0 &&
	    json_opt_str(v, "detail", &detail, NULL) == 0 &&
	    json_opt_str(v, "next", &next, NULL) == 0 && detail[0] != '\0')
		error_set(err, -EPROTO, code,
		    str_escape(todo, sizeof(todo), next, strlen(next)), "%s",
		    str_escape(text, sizeof(text), detail, strlen(detail)));
	else
		error_set(err, -EPROTO, "http", NULL, "HTTP status %d: %s", reply->status,
		    str_escape(text, 160, reply->body == NULL ? "" : reply->body,
			reply->body_len));
	json_decref(v);
}

/* The answer's document, or NULL with the reason in *err. */
static json_t *
read_reply(const struct http_client_reply *reply, struct error *err)
{
	if (reply->status == 0) {
		*err = reply->err;
		return NULL;
	}
	if (reply->status != 200) {
		read_problem(reply, err);
		return NULL;
	}
	return json_parse(reply->body, reply->body_len, err);
}

static struct http_client_call *
post(struct uplink *u, const char *path, json_t *doc, int64_t timeout,
    void (*done)(void *arg, const struct http_client_reply *reply))
{
	char *body = json_text(doc);
	struct http_client_request rq = {.method = "POST",
	    .path = path,
	    .body = body,
	    .timeout_us = timeout,
	    .gzip = true};
	struct http_client_call *call = http_client_start(u->http, &rq, done, u);

	json_decref(doc);
	free(body);
	return call;
}

/* The same, made smaller where the orchestrator takes that. */
static struct http_client_call *
post_packed(struct uplink *u, const char *path, json_t *doc, int64_t timeout,
    void (*done)(void *arg, const struct http_client_reply *reply))
{
	static const char *const headers[] = {"Content-Encoding: " PACK_ENCODING, NULL};
	char *body = json_text(doc), *packed = NULL;
	size_t len = 0;

	if (u->packs)
		packed = pack_make(body, strlen(body), &len);
	const struct http_client_request rq = {.method = "POST",
	    .path = path,
	    .body = packed != NULL ? packed : body,
	    .body_len = len,
	    .headers = packed != NULL ? headers : NULL,
	    .timeout_us = timeout};
	struct http_client_call *call = http_client_start(u->http, &rq, done, u);

	json_decref(doc);
	free(packed);
	free(body);
	return call;
}

/* ---- the clock ---- */

static struct uplink_clock_moment
moment(void)
{
	return (struct uplink_clock_moment){clock_wall(), clock_mono()};
}

static void
take_clock(struct uplink *u, const struct agent_msg_orders *orders)
{
	const struct uplink_clock_moment now = moment();
	int64_t stepped, restarts;

	/* A step before now is in the journal before what is measured by the clock as it is. */
	if (spool_look_clock(u->o.spool) < 0)
		return;
	spool_clock_steps(u->o.spool, &stepped, &restarts);
	if (uplink_clock_take(
		&u->clock, &u->asked, &now, orders->received, orders->held, stepped))
		uplink_kept_put(u->o.spool, &u->clock, &u->kept);
}

static void
tell_clock(struct uplink *u, struct agent_msg_clock *ret)
{
	spool_clock_steps(u->o.spool, &ret->stepped, &ret->restarts);
	uplink_clock_tell(&u->clock, clock_mono(), ret->stepped, ret);
	ret->seq = spool_last_seq(u->o.spool);
}

/* ---- poll ---- */

static void
note_takes(struct uplink *u, const struct agent_msg_orders *orders)
{
	u->batch = BATCH_OLD;
	if (orders->takes_events > 0)
		u->batch = orders->takes_events < AGENT_MSG_EVENTS_MAX
			       ? (size_t)orders->takes_events
			       : AGENT_MSG_EVENTS_MAX;
	u->packs = str_eq(orders->takes_encoding, PACK_ENCODING);
}

/* Does it hold what is told again until its effect was reported? Calls are told once. */
static bool
repeats(const struct agent_msg_orders *orders)
{
	for (size_t i = 0; i < orders->n_orders; i++)
		if (orders->orders[i].type != AGENT_ORDER_CALL)
			return true;
	return orders->table != NULL || orders->delta != NULL;
}

static int
read_orders(
    struct uplink *u, const json_t *v, struct agent_msg_orders *ret, struct error *err)
{
	struct agent_order_trust trust = {.n_keys = 0};
	int r;

	if (u->o.keys != NULL)
		trust = u->o.keys->trust;
	str_clip(trust.nonce, sizeof(trust.nonce), u->nonce);
	r = agent_msg_orders_open(v, &trust, ret, err);
	if (r == 0 && ret->n_refused > 0)
		log_error(u->o.log, "orchestrator: %zu orders were not taken: %s: %s: %s",
		    ret->n_refused, ret->refused.code, ret->refused.text,
		    ret->refused.next);
	return r;
}

static void
on_polled(void *arg, const struct http_client_reply *reply)
{
	struct uplink *u = arg;
	struct agent_msg_orders orders = {0};
	struct error err = {0};
	json_t *v = read_reply(reply, &err);
	int r = v == NULL ? -EPROTO : read_orders(u, v, &orders, &err);
	bool any;

	u->poll.call = NULL;
	json_decref(v);
	if (r == 0)
		take_clock(u, &orders);
	if (r == 0)
		note_takes(u, &orders);
	u->answered = true;
	uplink_kick(u);
	if (r < 0) {
		back_off(&u->poll, &err, reply);
		if (u->o.on_charge != NULL && str_eq(err.code, "agent-duplicate"))
			u->o.on_charge(u->o.arg, &err);
		return;
	}
	all_well(&u->poll);
	if (u->o.on_charge != NULL)
		u->o.on_charge(u->o.arg, NULL);
	u->window = orders.retry_ms * USEC_PER_MSEC;
	if (orders.store > 0)
		u->store = orders.store;
	any = repeats(&orders);
	r = u->o.on_orders(u->o.arg, &orders);
	agent_msg_orders_done(&orders);
	set_timer(&u->poll, r < 0 ? AFTER_REFUSAL : any ? AFTER_ORDERS : 0);
}

/* What is still to be reported, and how old it is. */
static void
tell_lag(struct uplink *u, struct agent_msg_poll *m)
{
	int64_t oldest = 0, now = clock_wall();

	m->pending = spool_pending(u->o.spool);
	if (spool_oldest(u->o.spool, &oldest) == 0)
		m->lag = oldest > 0 && oldest < now ? now - oldest : 0;
}

static void
start_poll(struct uplink *u)
{
	struct agent_msg_poll m = {.table = u->table,
	    .takes_delta = true,
	    .takes_window = true,
	    .takes_unbegun = true,
	    .table_digest = u->table_digest,
	    .store = u->store,
	    /* The first one is answered at once: the clock is known before anything is reported. */
	    .wait_s = u->answered ? WAIT_S : 0,
	    .trouble = u->trouble,
	    .stop = u->stop,
	    .own_servers = u->o.own_servers,
	    .max_jobs = u->o.max_jobs,
	    .lag = -1};

	/* What cannot be journalled now is found the next time. */
	if (spool_look_clock(u->o.spool) == 0)
		tell_clock(u, &m.clock);
	tell_lag(u, &m);
	u->asked = moment();
	m.now = u->asked.wall;
	str_clip(m.site, sizeof(m.site), u->o.site);
	str_clip(m.agent, sizeof(m.agent), spool_id(u->o.spool));
	if (u->o.keys != NULL)
		str_clip(
		    m.seal_key, sizeof(m.seal_key), secret_box_public(u->o.keys->box));
	if (u->o.keys != NULL && u->o.keys->trust.n_keys > 0)
		id_token(u->o.rng, u->nonce);
	str_clip(m.nonce, sizeof(m.nonce), u->nonce);
	u->poll.call = post(u, "/agent/v1/poll", agent_msg_poll_to_json(&m),
	    (m.wait_s + 15) * USEC_PER_SEC, on_polled);
	if (u->poll.call == NULL)
		back_off(&u->poll, &not_started, NULL);
}

/* ---- report ---- */

static int
take_ack(struct uplink *u, int64_t acked)
{
	int64_t last = u->first + (int64_t)u->n_events - 1;
	int r;

	if (u->n_events == 0)
		return 0;
	if (acked > spool_last_seq(u->o.spool)) {
		log_error(u->o.log,
		    "orchestrator: holds events up to %lld of this spool, which has only "
		    "%lld: an old copy of it was put back; the numbers go on behind them",
		    (long long)acked, (long long)spool_last_seq(u->o.spool));
		u->o.on_old_spool(u->o.arg);
	} else if (acked > last) {
		acked = last; /* what was not sent cannot be held */
	}
	r = spool_begin(u->o.spool);
	if (r < 0)
		return r;
	r = spool_ack(u->o.spool, acked);
	if (r < 0) {
		spool_rollback(u->o.spool);
		return r;
	}
	return spool_commit(u->o.spool);
}

static void
forget_calls(struct uplink *u)
{
	if (u->n_calls_sent == 0)
		return;
	for (size_t i = 0; i < u->n_calls_sent; i++)
		agent_msg_call_result_done(&u->calls[i]);
	u->n_calls -= u->n_calls_sent;
	memmove(u->calls, u->calls + u->n_calls_sent, u->n_calls * sizeof(u->calls[0]));
	u->n_calls_sent = 0;
}

static void
on_reported(void *arg, const struct http_client_reply *reply)
{
	struct uplink *u = arg;
	struct error err = {0};
	json_t *v = read_reply(reply, &err);
	int64_t acked = 0;
	int r = v == NULL ? -EPROTO : json_get_i64(v, "acked", &acked, &err);

	u->report.call = NULL;
	u->reported = true;
	json_decref(v);
	if (r == 0 && (r = take_ack(u, acked)) < 0)
		spool_error(u->o.spool, r, &err, "forget events that were taken");
	else if (r == 0 && u->n_events > 0 && acked < u->first)
		r = error_set(&err, -EPROTO, "protocol", NULL,
		    "it holds events up to %lld and does not take number %lld",
		    (long long)acked, (long long)u->first);
	if (r < 0) {
		if (reply->status == 0)
			u->octets =
			    u->octets > OCTETS_LEAST * 4 ? u->octets / 4 : OCTETS_LEAST;
		back_off(&u->report, &err, reply);
		return;
	}
	all_well(&u->report);
	u->octets = u->octets < OCTETS_MOST / 2 ? u->octets * 2 : OCTETS_MOST;
	forget_calls(u);
	uplink_kick(u);
}

/* How many of the answers that wait go into one report. */
static size_t
calls_now(const struct uplink *u)
{
	size_t n = 0, bytes = 0;

	while (n < u->n_calls && n < CALLS_BATCH && bytes < CALLS_BYTES) {
		const json_t *data = u->calls[n++].data;

		bytes += sizeof(u->calls[0]);
		if (data != NULL)
			bytes += json_dumpb(data, NULL, 0, JSON_COMPACT);
	}
	return n;
}

static void
send_report(struct uplink *u, struct event *events, int n)
{
	struct agent_msg_report m = {
	    .first = u->first, .events = events, .n_events = (size_t)n};

	str_clip(m.site, sizeof(m.site), u->o.site);
	str_clip(m.agent, sizeof(m.agent), spool_id(u->o.spool));
	m.calls = u->calls;
	m.n_calls = calls_now(u);
	tell_clock(u, &m.clock);
	u->n_events = (size_t)n;
	u->n_calls_sent = m.n_calls;
	u->report.call = post_packed(u, "/agent/v1/report", agent_msg_report_to_json(&m),
	    REPORT_TIMEOUT, on_reported);
	if (u->report.call == NULL)
		back_off(&u->report, &not_started, NULL);
}

static void
start_report(struct uplink *u)
{
	struct event *events;
	size_t max = u->batch;
	int n;

	if (spool_pending(u->o.spool) == 0 && u->n_calls == 0) {
		u->report.delay = 0;
		u->reported = true;
		return;
	}
	if ((int64_t)max > spool_pending(u->o.spool))
		max = (size_t)spool_pending(u->o.spool);
	events = str_alloc((max + 1) * sizeof(*events));
	u->first = spool_last_seq(u->o.spool) + 1;
	n = spool_load_events(u->o.spool, max, u->octets, events, &u->first);
	if (n < 0) {
		struct error err;

		spool_error(u->o.spool, n, &err, "read the events to report");
		back_off(&u->report, &err, NULL);
	} else {
		send_report(u, events, n);
	}
	for (int i = 0; i < n; i++)
		event_done(&events[i]);
	free(events);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct line *l = arg;

	if (l->call != NULL)
		return;
	if (l == &l->u->poll)
		start_poll(l->u);
	else
		start_report(l->u);
}

void
uplink_kick(struct uplink *u)
{
	/* While it is failing the timer decides. */
	if (u->answered && u->report.call == NULL && u->report.delay == 0 &&
	    !evtimer_pending(u->report.timer, NULL))
		set_timer(&u->report, 0);
}

void
uplink_again(struct uplink *u)
{
	struct line *const lines[] = {&u->poll, &u->report};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (lines[i]->shut_out && lines[i]->call == NULL)
			set_timer(lines[i], 0);
}

static void
poll_anew(struct uplink *u)
{
	/* Orders in an answer that is lost by this are told again. */
	if (u->poll.call == NULL)
		return;
	http_client_cancel(u->poll.call);
	u->poll.call = NULL;
	set_timer(&u->poll, 0);
}

void
uplink_set_trouble(struct uplink *u, const struct error *trouble)
{
	u->trouble = *trouble;
	poll_anew(u);
}

void
uplink_set_stop(struct uplink *u, const struct agent_msg_stop *stop)
{
	u->stop = *stop;
	poll_anew(u);
}

int64_t
uplink_heard(const struct uplink *u, bool *ret_now)
{
	*ret_now = u->heard > 0 && u->poll.delay == 0;
	return u->heard;
}

int64_t
uplink_time_there(const struct uplink *u)
{
	int64_t there = uplink_clock_there(&u->clock, clock_mono());

	return there > 0 ? there : clock_wall();
}

bool
uplink_settled(const struct uplink *u)
{
	return u->answered && u->reported;
}

void
uplink_set_table(struct uplink *u, int64_t version, uint64_t digest)
{
	u->table = version;
	u->table_digest = digest;
}

void
uplink_call_result(struct uplink *u, struct agent_msg_call_result *res)
{
	if (u->n_calls >= CALLS_MAX) {
		log_warn(u->o.log, "too many answers wait; the one of call %s is lost",
		    res->id);
		agent_msg_call_result_done(res);
		return;
	}
	if (u->n_calls == u->calls_room) {
		u->calls_room = u->calls_room > 0 ? 2 * u->calls_room : 64;
		u->calls = str_realloc(u->calls, u->calls_room * sizeof(u->calls[0]));
	}
	u->calls[u->n_calls++] = *res;
	res->data = NULL;
	uplink_kick(u);
}

/* ---- addresses that are gone ---- */

static bool
stands_on(const struct line *l, const char *address)
{
	return l->call != NULL &&
	       (address[0] == '\0' || str_eq(http_client_from(l->call), address));
}

/* What was sent by the old connections and has no answer is sent again: orders are told until their effect is reported,
 * and events until they are held. */
static void
connect_anew(struct uplink *u)
{
	struct line *const lines[] = {&u->poll, &u->report};
	struct error err;
	struct http_client *http =
	    http_client_new(u->o.base, u->o.server, u->o.token, &err);

	if (http == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (lines[i]->call == NULL)
			continue;
		http_client_cancel(lines[i]->call);
		lines[i]->call = NULL;
		set_timer(lines[i], 0);
	}
	/* With it go the connections that nobody uses just now. */
	http_client_free(u->http);
	u->http = http;
	http_client_be(u->http, u->o.self);
}

static void
on_address_gone(void *arg, const char *address)
{
	struct uplink *u = arg;

	if (!stands_on(&u->poll, address) && !stands_on(&u->report, address))
		return;
	log_info(u->o.log,
	    "orchestrator: this machine's address %s is gone; connecting anew", address);
	connect_anew(u);
}

static void
watch_addresses(struct uplink *u)
{
	char line[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + ERROR_NEXT_SIZE + 8];
	struct error err = {.code = ""};

	if (str_has_prefix(u->o.server, "unix:"))
		return;
	u->addresses = address_watch_io_new(u->o.base, on_address_gone, u, &err);
	if (u->addresses == NULL)
		log_warn(u->o.log,
		    "a change of address is noticed within a minute only: %s",
		    error_line(&err, line, sizeof(line)));
}

static void
line_init(struct uplink *u, struct line *l, const char *what)
{
	l->u = u;
	l->what = what;
	l->timer = evtimer_new(u->o.base, on_timer, l);
}

struct uplink *
uplink_new(const struct uplink_opts *opts, struct error *err)
{
	struct uplink *u = str_alloc(sizeof(*u));

	u->o = *opts;
	u->batch = BATCH_OLD;
	u->octets = OCTETS_FIRST;
	u->http = http_client_new(opts->base, opts->server, opts->token, err);
	if (u->http == NULL) {
		free(u);
		return NULL;
	}
	http_client_be(u->http, opts->self);
	line_init(u, &u->poll, "poll");
	line_init(u, &u->report, "report");
	uplink_kept_get(u->o.spool, &u->clock);
	watch_addresses(u);
	set_timer(&u->poll, 0);
	uplink_kick(u);
	return u;
}

static void
line_done(struct line *l)
{
	if (l->call != NULL)
		http_client_cancel(l->call);
	event_free(l->timer);
}

void
uplink_free(struct uplink *u)
{
	if (u == NULL)
		return;
	line_done(&u->poll);
	line_done(&u->report);
	address_watch_io_free(u->addresses);
	http_client_free(u->http);
	for (size_t i = 0; i < u->n_calls; i++)
		agent_msg_call_result_done(&u->calls[i]);
	free(u->calls);
	free(u);
}
