// SPDX-License-Identifier: GPL-3.0-or-later
/* Health gates, tried on hosts by hand: what a schedule will ask, without a schedule.
 *
 * Entry point: gate_ask_start(). A trial holds its hosts' names and where it is in them; a slice of them is looked up in each turn of the
 * loop and handed to their sites' agents (dispatch_call_gate()), and each line is written when its answer comes.
 * Ownership: a trial lives until its last host is answered, whether or not its client is still there; hosts not asked by the time it
 * goes are not asked. Failure modes: a host that cannot be asked has its line with the reason, like any other. What waits for a
 * client that does not read is bounded: so many hosts, and an agent's answer each. */
#include "orchestrator/gate_ask.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "db/db_host.h"
#include "lib/agent_msg.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/presence.h"

enum { TRIALS_MAX = 8, SLICE = 64 };

struct trial {
	struct trial *next, *prev;
	struct gate_ask *g;
	struct rest_request *rq; /* NULL: the client went away */
	json_t *checks;
	int64_t timeout_s;
	struct store_names names;
	size_t n, n_asked, ok,
	    failed; /* hosts; fewer than named once the client is gone */
	struct event *pump;
};

struct gate_ask {
	struct gate_ask_ops ops;
	struct trial *trials;
	size_t n;
};

/* One host of a trial. */
struct asked {
	struct trial *t;
	char host[BUNDLE_NAME_SIZE];
};

struct gate_ask *
gate_ask_new(const struct gate_ask_ops *ops)
{
	struct gate_ask *g = str_alloc(sizeof(*g));

	g->ops = *ops;
	return g;
}

static void
trial_free(struct trial *t)
{
	DL_DELETE(t->g->trials, t);
	t->g->n--;
	event_free(t->pump);
	json_decref(t->checks);
	store_names_done(&t->names);
	free(t);
}

void
gate_ask_free(struct gate_ask *g)
{
	if (!g)
		return;
	while (g->trials)
		trial_free(g->trials);
	free(g);
}

static void
pump(struct trial *t)
{
	const struct timeval at_once = {0};

	evtimer_add(t->pump, &at_once);
}

/* Takes v. */
static void
send_line(struct trial *t, json_t *v)
{
	if (t->rq) {
		char *text = json_text(v);
		size_t len = strlen(text);

		text[len] =
		    '\n'; /* in place of the NUL: rest_stream_send() is told the length */
		rest_stream_send(t->rq, text, len + 1);
		free(text);
	}
	json_decref(v);
}

static void
answer(struct trial *t, const char *host, const char *code, const char *why, json_t *data)
{
	json_t *line =
	    json_pack("{s:s, s:s, s:s}", "host", host, "code", code, "why", why);

	if (data)
		json_object_set(line, "data", data);
	if (code[0])
		t->failed++;
	else
		t->ok++;
	send_line(t, line);
	pump(t);
}

static void
on_answer(void *arg, const struct agent_msg_call_result *res)
{
	struct asked *a = arg;

	answer(a->t, a->host, res->code, res->reason, res->data);
	free(a);
}

static void
refuse(struct trial *t, const char *host, const char *code, const char *text,
    const char *next)
{
	char line[512];
	struct error err;

	error_set(&err, 0, code, next, "%s", text);
	answer(t, host, code, error_line(&err, line, sizeof(line)), NULL);
}

static void
ask(struct trial *t, const char *name, struct db_host *h)
{
	struct dispatch *d = t->g->ops.dispatch;
	struct asked *a;

	if (db_host_get(t->g->ops.store, name, h) < 0) {
		refuse(t, name, "host-unknown", "the host's record cannot be read", NULL);
		return;
	}
	if (presence_absent(dispatch_silence(d, h->site))) {
		refuse(t, name, "agent-absent", "the site's agent is not heard",
		    "netboot-ctl agent list shows when it was");
		return;
	}
	a = str_alloc(sizeof(*a));
	a->t = t;
	str_clip(a->host, sizeof(a->host), name);
	dispatch_call_gate(d, h, t->checks, t->timeout_s, on_answer, a);
	dispatch_wake(d, h->site);
}

static void
end(struct trial *t)
{
	struct rest_request *rq = t->rq;

	send_line(t, json_pack("{s:{s:I, s:I, s:I}}", "done", "hosts", (json_int_t)t->n,
			 "ok", (json_int_t)t->ok, "failed", (json_int_t)t->failed));
	trial_free(t);
	if (rq)
		rest_stream_end(rq);
}

static void
on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct trial *t = arg;
	size_t to = t->n_asked + SLICE;
	struct db_host *h;

	(void)fd;
	(void)what;
	if (!t->rq)
		t->n = t->n_asked;
	to = to < t->n ? to : t->n;
	if (t->n_asked < to) {
		h = str_alloc(sizeof(*h));
		while (t->n_asked < to)
			ask(t, t->names.v[t->n_asked++], h);
		free(h);
		pump(t);
	} else if (t->ok + t->failed == t->n) {
		end(t);
	}
}

static void
on_gone(void *arg)
{
	struct trial *t = arg;

	t->rq = NULL;
	pump(t);
}

int
gate_ask_start(struct gate_ask *g, struct rest_request *rq, json_t *checks,
    int64_t timeout_s, struct store_names *names, struct error *err)
{
	json_t *list = json_array();
	struct trial *t;

	if (g->n >= TRIALS_MAX) {
		json_decref(list);
		return error_set(err, -EAGAIN, "busy", "ask again in a minute",
		    "%d trials of gates are open already", TRIALS_MAX);
	}
	t = str_alloc(sizeof(*t));
	t->g = g;
	t->rq = rq;
	t->checks = json_incref(checks);
	t->timeout_s = timeout_s;
	t->names = *names;
	t->n = names->n;
	*names = (struct store_names){.n = 0};
	t->pump = evtimer_new(g->ops.base, on_pump, t);
	DL_APPEND(g->trials, t);
	g->n++;
	rest_on_gone(rq, on_gone, t);
	rest_stream_start(rq, "application/x-ndjson");
	for (size_t i = 0; i < t->names.n; i++)
		json_array_append_new(list, json_string(t->names.v[i]));
	send_line(t, json_pack("{s:o}", "hosts", list));
	pump(t);
	return 0;
}
