/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gates of hosts, in rounds.
 *
 *	queued ──a place──► in a round ──all hold──► answered
 *	  ▲                     │
 *	  └──a pause──── resting ◄──not all──┘            at any time: its time is over ──► answered
 *
 * Entry points: gate_set_new(), gate_set_call(). In a round all checks of a host are made at once; so many hosts at a time are in one
 * (ROUNDS_AT_ONCE), the others wait in order, so that a large rollout costs the agent a bounded number of sockets and processes.
 * Ownership: a gate lives until its answer. Its checks, and their last results, are its own.
 * Failure modes: each is the answer's code. "gate-failed": at the end a check was answered, and not as it should be. "gate-timeout": none
 * was, but some not at all. "gate-program", "no-address": no later round would do better, so that it is told at once. "gate-busy": too
 * many wait, or this one, or its program, waited all of its time. A gate is lost with the process: the orchestrator's patience ends it.
 */
#include "agent/gate.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "agent/gate_exec.h"
#include "agent/gate_try.h"
#include "agent/script.h"
#include "agent/spool.h"
#include "lib/clock.h"
#include "lib/gate_check.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	GATES_MAX = 4096, /* as many as the orchestrator has with an agent */
	ROUNDS_AT_ONCE = 64,
	TEXT_SIZE = 200, /* of what is wrong, in the answer's one line */
};
#define PAUSE (3 * USEC_PER_SEC)
/* Checks end a little before the gate does, so that their own words are heard. */
#define SPARE (USEC_PER_SEC / 4)

enum state { QUEUED, IN_ROUND, RESTING };

/* One check of a gate. */
struct one {
	struct gate *gate;
	struct gate_check check;
	struct gate_try *now; /* under way; or NULL */
	int64_t began, took;
	bool tried;
	struct gate_try_end last;
};

struct gate {
	struct gate *next, *prev; /* of those that are queued */
	UT_hash_handle hh;
	struct gate_set *set;
	char id[ID_SIZE];
	char host[BUNDLE_NAME_SIZE];
	struct gate_try_host whom;
	enum state state;
	struct one *v;
	size_t n, n_left;    /* … of this round */
	int64_t came, until; /* mono */
	unsigned rounds;
	struct event *rest, *end;
};

struct gate_set {
	struct gate_set_opts o;
	struct gate_try_deps deps;
	struct gate *all, *queue;
	size_t n_in_round;
};

static void
start_next(struct gate_set *s);

/* ---- answers ---- */

static void
refuse(struct gate_set *s, const char *id, const struct error *err)
{
	struct agent_msg_call_result res = {.power = "unknown"};

	str_clip(res.id, sizeof(res.id), id);
	str_clip(res.code, sizeof(res.code), err->code);
	error_line(err, res.reason, sizeof(res.reason));
	s->o.done(s->o.arg, &res);
}

static void
gate_free(struct gate *g)
{
	struct gate_set *s = g->set;

	HASH_DEL(s->all, g);
	if (g->state == QUEUED)
		DL_DELETE(s->queue, g);
	s->n_in_round -= g->state == IN_ROUND;
	for (size_t i = 0; i < g->n; i++)
		gate_try_stop(g->v[i].now);
	if (g->rest != NULL)
		event_free(g->rest);
	if (g->end != NULL)
		event_free(g->end);
	free(g->v);
	free(g);
}

static json_t *
data_of(const struct gate *g)
{
	json_t *checks = json_array();
	char text[GATE_CHECK_TEXT];

	for (size_t i = 0; i < g->n; i++) {
		const struct one *o = &g->v[i];

		json_array_append_new(checks,
		    json_pack("{s:s, s:b, s:s, s:I}", "check",
			gate_check_text(&o->check, text), "ok", o->tried && o->last.ok,
			"why", o->tried ? o->last.why : "it was not asked", "took_ms",
			(json_int_t)(o->took / USEC_PER_MSEC)));
	}
	return json_pack("{s:o, s:i, s:I}", "checks", checks, "rounds", (int)g->rounds,
	    "waited_ms", (json_int_t)((clock_mono() - g->came) / USEC_PER_MSEC));
}

/* Frees the gate. err's code "": all hold. */
static void
answer(struct gate *g, const struct error *err)
{
	struct gate_set *s = g->set;
	struct agent_msg_call_result res = {.power = "unknown"};

	str_clip(res.id, sizeof(res.id), g->id);
	str_clip(res.code, sizeof(res.code), err->code);
	if (err->code[0] != '\0')
		error_line(err, res.reason, sizeof(res.reason));
	res.data = data_of(g);
	gate_free(g);
	s->o.done(s->o.arg, &res);
	start_next(s);
}

/* "tcp:22: no answer; exec:check: not mounted" */
static void
tell_failures(const struct gate *g, char *buf, size_t size)
{
	char text[GATE_CHECK_TEXT], piece[GATE_CHECK_TEXT + GATE_TRY_WHY_SIZE + 8];
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < g->n; i++) {
		const struct one *o = &g->v[i];

		if (o->tried && o->last.ok)
			continue;
		snprintf(piece, sizeof(piece), "%s%s: %s", len > 0 ? "; " : "",
		    gate_check_text(&o->check, text),
		    o->tried ? o->last.why : "not asked in time");
		str_clip(buf + len, size - len, piece);
		len += strlen(buf + len);
	}
}

/* Its time is over: the last word on each check. */
static void
judge(struct gate *g)
{
	bool answered = false, silent = false;
	char text[TEXT_SIZE];
	struct error err;

	for (size_t i = 0; i < g->n; i++) {
		const struct one *o = &g->v[i];

		answered |= o->tried && !o->last.ok && o->last.answered;
		silent |= o->tried && !o->last.ok && !o->last.answered;
	}
	tell_failures(g, text, sizeof(text));
	if (answered || silent)
		error_set(
		    &err, 0, answered ? "gate-failed" : "gate-timeout", NULL, "%s", text);
	else
		error_set(&err, 0, "gate-busy", "ask for fewer hosts at a time",
		    "the agent had others to ask all the time: %s", text);
	answer(g, &err);
}

static void
on_end(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct gate *g = arg;

	/* Who is being asked now has not answered; a program that waits for others has not been asked. */
	for (size_t i = 0; i < g->n; i++) {
		struct one *o = &g->v[i];

		if (o->now == NULL || (o->tried && !o->last.ok))
			continue;
		o->tried = !gate_try_waits(o->now);
		if (!o->tried)
			continue;
		o->took = clock_mono() - o->began;
		o->last = (struct gate_try_end){.ok = false};
		str_clip(o->last.why, sizeof(o->last.why), "no answer in time");
	}
	judge(g);
}

/* ---- rounds ---- */

static void
queue(struct gate *g)
{
	g->state = QUEUED;
	DL_APPEND(g->set->queue, g);
}

static void
on_rest(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct gate *g = arg;
	struct gate_set *s = g->set;

	queue(g);
	start_next(s);
}

static void
end_round(struct gate *g)
{
	const struct timeval pause = {.tv_sec = PAUSE / USEC_PER_SEC};
	const struct error well = {.code = ""};
	struct gate_set *s = g->set;
	struct error err = {.code = ""};
	char text[GATE_CHECK_TEXT];
	bool all = true;

	for (size_t i = 0; i < g->n; i++) {
		all &= g->v[i].last.ok;
		if (err.code[0] == '\0' && g->v[i].last.hopeless.code[0] != '\0') {
			err = g->v[i].last.hopeless;
			error_prefix(&err, "%s", gate_check_text(&g->v[i].check, text));
		}
	}
	if (all || err.code[0] != '\0') {
		answer(g, all ? &well : &err);
		return;
	}
	g->state = RESTING;
	s->n_in_round--;
	evtimer_add(g->rest, &pause);
	start_next(s);
}

static void
on_tried(void *arg, const struct gate_try_end *end)
{
	struct one *o = arg;

	o->now = NULL;
	o->tried = true;
	o->last = *end;
	o->took = clock_mono() - o->began;
	if (--o->gate->n_left == 0)
		end_round(o->gate);
}

static void
begin_round(struct gate *g)
{
	struct gate_set *s = g->set;

	DL_DELETE(s->queue, g);
	g->state = IN_ROUND;
	s->n_in_round++;
	g->rounds++;
	g->n_left = g->n;
	for (size_t i = 0; i < g->n; i++) {
		struct one *o = &g->v[i];

		o->began = clock_mono();
		o->now = gate_try_start(&s->deps, &o->check, &g->whom,
		    g->until - o->began - SPARE, on_tried, o);
	}
}

static void
start_next(struct gate_set *s)
{
	while (s->queue != NULL && s->n_in_round < ROUNDS_AT_ONCE)
		begin_round(s->queue);
}

/* ---- calls ---- */

/* As orders name it, else as the site's table has it. */
static void
find_address(struct gate *g, const char *ip)
{
	struct bundle_host *h = str_alloc(sizeof(*h));
	const struct bundle_nic *nic = NULL;
	struct error err;

	if (addr_ip_parse(ip, &g->whom.ip) < 0) {
		if (spool_get_host(g->set->o.spool, g->host, h, &err) == 1)
			nic = script_boot_nic(h);
		g->whom.ip = (struct addr_ip){.family = 0};
		if (nic != NULL)
			g->whom.ip = addr_ip_is_set(&nic->ip) ? nic->ip : nic->ip6;
	}
	free(h);
}

static int
read_checks(const json_t *args, struct gate *g, struct error *err)
{
	struct gate_check_list *list = str_alloc(sizeof(*list));
	int r =
	    gate_check_list_parse(json_object_get(args, "checks"), "checks", list, err);

	if (r == 0 && list->n == 0)
		r = error_set(err, -EINVAL, "bad-gate", "give at least one",
		    "checks: none is given");
	if (r == 0) {
		g->v = str_alloc(list->n * sizeof(*g->v));
		g->n = list->n;
		for (size_t i = 0; i < g->n; i++)
			g->v[i] = (struct one){.gate = g, .check = list->v[i]};
	}
	free(list);
	return r;
}

static int
read_args(const json_t *args, struct gate *g, struct error *err)
{
	int64_t timeout_s = GATE_CHECK_TIMEOUT_S;
	const char *ip = "";

	if (json_copy_str(args, "host", g->host, sizeof(g->host), err) < 0 ||
	    json_opt_str(args, "ip", &ip, err) < 0 ||
	    json_opt_i64(args, "timeout_s", &timeout_s, err) < 0)
		return -EINVAL;
	if (!str_name_valid(g->host))
		return error_set(err, -EINVAL, "bad-value", NULL, "host: no name");
	if (timeout_s < 1 || timeout_s > GATE_CHECK_TIMEOUT_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL, "timeout_s: not 1..%d",
		    GATE_CHECK_TIMEOUT_MAX_S);
	g->until = g->came + timeout_s * USEC_PER_SEC;
	g->whom.name = g->host;
	find_address(g, ip);
	return read_checks(args, g, err);
}

static void
add(struct gate_set *s, struct gate *g)
{
	int64_t left = g->until - g->came;
	const struct timeval tv = {left / USEC_PER_SEC, left % USEC_PER_SEC};

	g->rest = evtimer_new(s->o.base, on_rest, g);
	g->end = evtimer_new(s->o.base, on_end, g);
	evtimer_add(g->end, &tv);
	HASH_ADD_STR(s->all, id, g);
	queue(g);
	start_next(s);
}

bool
gate_set_call(struct gate_set *s, const struct agent_msg_order *order)
{
	struct gate *g;
	struct error err;

	if (!str_eq(order->verb, "gate"))
		return false;
	HASH_FIND_STR(s->all, order->id, g);
	if (g != NULL)
		return true;
	if (HASH_COUNT(s->all) >= GATES_MAX) {
		error_set(&err, 0, "gate-busy", "ask for fewer hosts at a time",
		    "the agent has %d hosts to ask already", GATES_MAX);
		refuse(s, order->id, &err);
		return true;
	}
	g = str_alloc(sizeof(*g));
	g->set = s;
	g->came = clock_mono();
	str_clip(g->id, sizeof(g->id), order->id);
	if (read_args(order->args, g, &err) == 0) {
		add(s, g);
		return true;
	}
	refuse(s, order->id, &err);
	free(g->v);
	free(g);
	return true;
}

struct gate_set *
gate_set_new(const struct gate_set_opts *opts)
{
	struct gate_set *s = str_alloc(sizeof(*s));

	s->o = *opts;
	s->deps = (struct gate_try_deps){
	    .base = opts->base,
	    .http = http_client_new_anywhere(opts->base),
	    .programs = gate_exec_set_new(&(struct gate_exec_opts){
		.base = opts->base, .root = opts->root, .user = opts->user}),
	    .site = opts->site,
	};
	return s;
}

void
gate_set_free(struct gate_set *s)
{
	struct gate *g, *tmp;

	if (s == NULL)
		return;
	HASH_ITER (hh, s->all, g, tmp)
		gate_free(g);
	gate_exec_set_free(s->deps.programs);
	http_client_free(s->deps.http);
	free(s);
}
