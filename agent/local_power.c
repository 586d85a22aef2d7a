/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /bmc/power-status and POST /power at the agent: the BMCs of hosts are asked, and each is answered as it comes, or all
 * in one document at the end. What was seen is an event, so that the orchestrator has it later.
 *
 * Entry points: the handlers; local_power_done() for the answers of BMCs.
 * Ownership: a question lives until its last host has answered, also when its client has gone.
 * Failure modes: a host that cannot be asked is "unknown" with a code and the reason. The engine bounds what is asked at
 * once.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "agent/local_priv.h"
#include "agent/run_jobs.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { HOSTS_MAX = 1000 };

struct asked {
	char call[ID_SIZE];
	char host[BUNDLE_NAME_SIZE];
	bool answered;
};

struct local_question {
	struct local_question *next, *prev;
	struct local *l;
	struct rest_request *rq; /* NULL: the client went away */
	struct local_who who;
	bool as_document;
	json_t *items; /* of a document */
	struct asked *v;
	size_t n, left, ok;
};

static void
question_free(struct local_question *q)
{
	DL_DELETE(q->l->questions, q);
	json_decref(q->items);
	free(q->v);
	free(q);
}

static void
on_gone(void *arg)
{
	struct local_question *q = arg;

	q->rq = NULL;
}

/* Takes v. */
static void
send_line(struct local_question *q, json_t *v)
{
	if (q->rq != NULL && !q->as_document) {
		char *text = json_text(v);
		size_t len = strlen(text);

		text[len] = '\n'; /* in place of the NUL */
		rest_stream_send(q->rq, text, len + 1);
		free(text);
	}
	json_decref(v);
}

static void
finish(struct local_question *q)
{
	struct rest_request *rq = q->rq;

	q->rq = NULL;
	if (rq != NULL && q->as_document) {
		rest_reply(
		    rq, 200, json_pack("{s:O, s:n}", "items", q->items, "next"), NULL);
	} else if (rq != NULL) {
		q->rq = rq;
		send_line(q,
		    json_pack("{s:{s:I, s:I, s:I}}", "done", "hosts", (json_int_t)q->n,
			"ok", (json_int_t)q->ok, "failed", (json_int_t)(q->n - q->ok)));
		q->rq = NULL;
		rest_stream_end(rq);
	}
	question_free(q);
}

/* What was seen is the host's power from now on, whoever asked. */
static void
tell_power(struct local_question *q, const struct asked *a, const char *power)
{
	struct event ev = event_make("power.state", clock_wall());

	if (!str_eq(power, "on") && !str_eq(power, "off")) {
		event_done(&ev);
		return;
	}
	str_clip(ev.host, sizeof(ev.host), a->host);
	event_put(&ev, "power", power);
	event_put(&ev, "why", "asked");
	event_put(&ev, "user", q->who.name);
	run_jobs_emit(*q->l->o.jobs, &ev, true);
}

/* May end the question. */
static void
answer(struct local_question *q, struct asked *a, const struct agent_msg_call_result *res)
{
	a->answered = true;
	q->left--;
	q->ok += res->code[0] == '\0';
	tell_power(q, a, res->power);
	if (q->as_document)
		json_array_append_new(
		    q->items, json_pack("{s:s, s:s, s:s}", "host", a->host, "power",
				  res->power, "why", res->reason));
	else
		send_line(q, json_pack("{s:s, s:s, s:s, s:s}", "host", a->host, "code",
				 res->code, "why", res->reason, "power", res->power));
	if (q->left == 0)
		finish(q);
}

void
local_power_done(void *arg, struct agent_msg_call_result *res)
{
	struct local *l = arg;
	struct local_question *q;

	DL_FOREACH (l->questions, q) {
		for (size_t i = 0; i < q->n; i++) {
			if (q->v[i].answered || !str_eq(q->v[i].call, res->id))
				continue;
			answer(q, &q->v[i], res);
			goto out;
		}
	}
out:
	agent_msg_call_result_done(res);
}

/* The last one that is refused may end the question. */
static void
ask(struct local_question *q, struct asked *a)
{
	struct local_msg_host *more = str_alloc(sizeof(*more));
	struct agent_msg_order order = {.type = AGENT_ORDER_CALL, .bmc = &more->bmc};
	struct agent_msg_call_result res = {.power = "unknown"};
	struct error err;

	if (local_bmc_get(q->l, a->host, more, &err) == 0) {
		str_clip(order.id, sizeof(order.id), a->call);
		str_clip(order.verb, sizeof(order.verb), "power-status");
		bmc_verbs_start(q->l->verbs, &order);
		local_msg_host_done(more);
	} else {
		str_clip(res.code, sizeof(res.code), err.code);
		error_line(&err, res.reason, sizeof(res.reason));
		answer(q, a, &res);
	}
	free(more);
}

static void
begin(struct local_question *q, const struct local_names *names)
{
	struct local *l = q->l;
	json_t *list = json_array();
	size_t n = names->n;

	q->v = str_alloc((n + 1) * sizeof(q->v[0]));
	q->n = q->left = n;
	for (size_t i = 0; i < n; i++) {
		str_clip(q->v[i].host, sizeof(q->v[i].host), names->v[i]);
		id_make(clock_wall(), l->o.rng, q->v[i].call);
		json_array_append_new(list, json_string(names->v[i]));
	}
	rest_on_gone(q->rq, on_gone, q);
	if (!q->as_document)
		rest_stream_start(q->rq, "application/x-ndjson");
	send_line(q, json_pack("{s:o}", "hosts", list));
	q->left++; /* it does not end before all are asked */
	for (size_t i = 0; i < n; i++)
		ask(q, &q->v[i]);
	if (--q->left == 0)
		finish(q);
}

static void
take(struct local *l, struct rest_request *rq, bool as_document)
{
	struct local_question *q;
	struct local_names names;
	struct local_who who;
	struct error err;
	const char *hosts = "";
	const json_t *body;

	if (!local_allow(l, rq, &who))
		return;
	body = rest_body(rq, &err);
	if (body == NULL || json_get_str(body, "hosts", &hosts, &err) < 0) {
		local_refuse(rq, &err, NULL);
		return;
	}
	if (!local_hosts_of(l, rq, hosts, &names))
		return;
	if (names.n > HOSTS_MAX) {
		error_set(&err, 0, "too-many-hosts", "name fewer",
		    "%zu hosts match, at most %d are asked at once", names.n, HOSTS_MAX);
		local_refuse(rq, &err, NULL);
	} else {
		q = str_alloc(sizeof(*q));
		q->l = l;
		q->rq = rq;
		q->who = who;
		q->as_document = as_document;
		q->items = json_array();
		DL_APPEND(l->questions, q);
		begin(q, &names);
	}
	local_select_done(&names);
}

void
local_power_ask(void *arg, struct rest_request *rq)
{
	take(arg, rq, false);
}

void
local_power_document(void *arg, struct rest_request *rq)
{
	take(arg, rq, true);
}

void
local_power_end(struct local *l)
{
	while (l->questions != NULL) {
		if (l->questions->rq != NULL)
			rest_on_gone(l->questions->rq, NULL, NULL);
		question_free(l->questions);
	}
}
