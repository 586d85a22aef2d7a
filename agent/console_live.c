/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A watched console: the hub's octets up, the writer's octets down.
 *
 * Two requests per console are under way at most: one with output, one that waits for input. The input is counted, so
 * that an answer that was lost is given again and nothing is typed twice.
 *
 * Entry points: console_live_start(); the hub's and the requests' callbacks.
 * Ownership: a watch owns its ear, its requests and its timer.
 * Failure modes: the orchestrator says 404 when nobody watches any more, and after FAILURES_MAX requests without an answer
 * it is taken for gone: both end the watch. Output that cannot be sent in time is dropped, the oldest first, and said so.
 */
#include "agent/console_live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum { LIVE_MAX = 100, OUT_MAX = 128 * 1024, IN_MAX = 4096, FAILURES_MAX = 20 };
#define OUT_TIMEOUT (10 * USEC_PER_SEC)
#define IN_TIMEOUT (40 * USEC_PER_SEC)
#define RETRY_MS 1000
#define SLOW_MS 50 /* the serial line does not take more */

struct watch;

/* One of the two conversations. */
struct talk {
	struct watch *w;
	struct http_client_call *call;
	struct event *timer;
	unsigned failures;
};

struct watch {
	struct console_live *cl;
	char id[ID_SIZE];
	char host[BUNDLE_NAME_SIZE];
	struct console_ear *ear;
	struct talk out, in;
	uint8_t *buf; /* output to be sent */
	size_t len, sent;
	bool told; /* the present state has been sent, or is being */
	bool lost; /* output was dropped */
	char state[16], text[CONSOLE_TEXT_SIZE];
	int64_t typed, breaks; /* of the input, so far */
	UT_hash_handle hh;
};

struct console_live {
	struct console_live_opts o;
	struct http_client *http;
	struct watch *watches;
};

static void
end_talk(struct talk *t)
{
	if (t->call != NULL)
		http_client_cancel(t->call);
	event_free(t->timer);
}

static void
end(struct watch *w)
{
	console_hub_leave(w->ear);
	end_talk(&w->out);
	end_talk(&w->in);
	HASH_DEL(w->cl->watches, w);
	free(w->buf);
	free(w);
}

static json_t *
new_doc(const struct watch *w)
{
	json_t *doc = json_object();

	json_put_i64(doc, "v", 1);
	json_put_str(doc, "site", w->cl->o.site);
	json_put_str(doc, "agent", w->cl->o.agent);
	json_put_str(doc, "id", w->id);
	return doc;
}

static struct http_client_call *
post(struct watch *w, const char *path, json_t *doc, int64_t timeout,
    void (*done)(void *arg, const struct http_client_reply *reply))
{
	char *body = json_text(doc);
	const struct http_client_request rq = {
	    .method = "POST", .path = path, .body = body, .timeout_us = timeout};
	struct http_client_call *call = http_client_start(w->cl->http, &rq, done, w);

	json_decref(doc);
	free(body);
	return call;
}

static void
later(struct talk *t, int ms)
{
	const struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	evtimer_add(t->timer, &tv);
}

/* 1: a good answer; 0: tried again later; -1: the watch has ended and is gone. */
static int
judge(struct talk *t, const struct http_client_reply *reply)
{
	t->call = NULL;
	if (reply->status == 200) {
		t->failures = 0;
		return 1;
	}
	if ((reply->status >= 400 && reply->status < 500) ||
	    ++t->failures > FAILURES_MAX) {
		log_info(t->w->cl->o.log, "console of %s: nobody watches it any more",
		    t->w->host);
		end(t->w);
		return -1;
	}
	later(t, RETRY_MS);
	return 0;
}

/* ---- up ---- */

static void
send_output(struct watch *w);

static void
on_sent(void *arg, const struct http_client_reply *reply)
{
	struct watch *w = arg;

	switch (judge(&w->out, reply)) {
	case 1:
		w->len -= w->sent;
		memmove(w->buf, w->buf + w->sent, w->len);
		w->sent = 0;
		if (w->len > 0 || !w->told)
			send_output(w);
		break;
	case 0:
		w->sent = 0; /* once more, with what has come since */
		w->told = false;
		break;
	default: break;
	}
}

static void
send_output(struct watch *w)
{
	json_t *doc;
	char *data;

	if (w->out.call != NULL || evtimer_pending(w->out.timer, NULL))
		return;
	data = str_alloc(BASE64_SIZE(w->len));
	base64_put(data, w->buf, w->len);
	doc = new_doc(w);
	json_put(doc, "data", json_string(data));
	json_put_str(doc, "state", w->state);
	json_put(doc, "text", json_string(w->text));
	json_put_bool(doc, "lost", w->lost);
	free(data);
	w->sent = w->len;
	w->told = true;
	w->lost = false;
	w->out.call = post(w, "/agent/v1/console/output", doc, OUT_TIMEOUT, on_sent);
	if (w->out.call == NULL)
		later(&w->out, RETRY_MS);
}

static void
on_out_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	send_output(((struct talk *)arg)->w);
}

static void
set_state(struct watch *w, const char *state, const char *text)
{
	str_clip(w->state, sizeof(w->state), state);
	str_escape(w->text, sizeof(w->text), text, strlen(text));
	w->told = false;
	send_output(w);
}

static void
on_up(void *arg, int suite UNUSED)
{
	set_state(arg, "up", "");
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct watch *w = arg;

	if (len > OUT_MAX - w->len && w->sent == 0) {
		/* Nobody takes it: the newest is of use, the oldest is in the recording. */
		w->len = 0;
		w->lost = true;
	}
	if (len > OUT_MAX - w->len) {
		w->lost = true;
		return;
	}
	memcpy(w->buf + w->len, data, len);
	w->len += len;
	send_output(w);
}

static void
on_down(void *arg, enum console_why why, const char *text, int64_t retry)
{
	(void)retry;
	set_state(arg, console_hub_state(why), text);
}

/* ---- down ---- */

static void
ask_input(struct watch *w);

static void
take_input(struct watch *w, const json_t *v)
{
	struct console *c = console_hub_console(w->ear);
	uint8_t data[IN_MAX];
	const char *text = "";
	int64_t breaks = w->breaks;
	size_t n = 0, taken;

	if (json_opt_str(v, "data", &text, NULL) < 0 ||
	    json_opt_i64(v, "breaks", &breaks, NULL) < 0 ||
	    base64_get(text, data, sizeof(data), &n) < 0) {
		later(&w->in, RETRY_MS);
		return;
	}
	/* While the console is away what is typed goes nowhere: nothing of it must come out later. */
	taken = console_is_up(c) ? console_write(c, data, n) : n;
	w->typed += (int64_t)taken;
	if (breaks > w->breaks)
		console_break(c);
	w->breaks = breaks;
	if (taken < n)
		later(&w->in, SLOW_MS);
	else
		ask_input(w);
}

static void
on_input(void *arg, const struct http_client_reply *reply)
{
	struct watch *w = arg;
	json_t *v;

	if (judge(&w->in, reply) != 1)
		return;
	v = json_parse(reply->body, reply->body_len, NULL);
	if (v != NULL)
		take_input(w, v);
	else
		later(&w->in, RETRY_MS);
	json_decref(v);
}

static void
ask_input(struct watch *w)
{
	json_t *doc = new_doc(w);

	json_put_i64(doc, "typed", w->typed);
	json_put_i64(doc, "breaks", w->breaks);
	w->in.call = post(w, "/agent/v1/console/input", doc, IN_TIMEOUT, on_input);
	if (w->in.call == NULL)
		later(&w->in, RETRY_MS);
}

static void
on_in_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct watch *w = ((struct talk *)arg)->w;

	if (w->in.call == NULL)
		ask_input(w);
}

/* ---- begin ---- */

static int
may_start(const struct console_live *cl, const struct agent_msg_order *order,
    const char **ret_host, struct error *err)
{
	if (json_opt_str(order->args, "host", ret_host, err) < 0)
		return -EINVAL;
	if (order->bmc->address[0] == '\0')
		return error_set(err, -EINVAL, "no-bmc",
		    "give it one with netboot-ctl host set", "the host has no BMC");
	if (HASH_COUNT(cl->watches) >= LIVE_MAX)
		return error_set(err, -EAGAIN, "too-many-watchers", "try again later",
		    "%d consoles of the site are watched already", LIVE_MAX);
	return 0;
}

int
console_live_start(
    struct console_live *cl, const struct agent_msg_order *order, struct error *err)
{
	static const struct console_ops ops = {
	    .up = on_up, .data = on_data, .down = on_down};
	struct watch *w;
	const char *host = order->bmc->address;
	bool steal = str_eq(order->verb, "console-steal");

	HASH_FIND_STR(cl->watches, order->id, w);
	if (w != NULL && steal && !console_is_up(console_hub_console(w->ear)))
		console_retry(console_hub_console(w->ear), true);
	if (w != NULL)
		return 0;
	if (may_start(cl, order, &host, err) < 0)
		return -EAGAIN;
	w = str_alloc(sizeof(*w));
	w->cl = cl;
	str_clip(w->id, sizeof(w->id), order->id);
	str_clip(w->host, sizeof(w->host), host);
	w->buf = str_alloc(OUT_MAX);
	w->out.w = w->in.w = w;
	w->out.timer = evtimer_new(cl->o.base, on_out_timer, &w->out);
	w->in.timer = evtimer_new(cl->o.base, on_in_timer, &w->in);
	HASH_ADD_STR(cl->watches, id, w);
	w->ear = console_hub_join(cl->o.hub, order->bmc, steal, &ops, w);
	log_info(cl->o.log, "console of %s: it is watched", w->host);
	set_state(
	    w, console_is_up(console_hub_console(w->ear)) ? "up" : "connecting", "");
	ask_input(w);
	return 0;
}

struct console_live *
console_live_new(const struct console_live_opts *opts, struct error *err)
{
	struct console_live *cl = str_alloc(sizeof(*cl));

	cl->o = *opts;
	cl->http = http_client_new(opts->base, opts->server, opts->token, err);
	if (cl->http == NULL) {
		free(cl);
		return NULL;
	}
	http_client_be(cl->http, opts->self);
	return cl;
}

void
console_live_free(struct console_live *cl)
{
	struct watch *w, *tmp;

	if (cl == NULL)
		return;
	HASH_ITER (hh, cl->watches, w, tmp)
		end(w);
	http_client_free(cl->http);
	free(cl);
}
