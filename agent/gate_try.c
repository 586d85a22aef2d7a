/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A check of a host, made once: a connection, an echo, a request or a program.
 *
 * Entry points: gate_try_start(), gate_try_stop(). Ownership: a try is freed before its `done` is called.
 * Failure modes: all of them are the check's result, in words. "answered" tells a host that says something else than it should from one
 * that says nothing: the former has come up and is not well. Of HTTP nothing is read but the status; redirects are not followed; whose
 * certificate a server shows is not looked at, since a host is asked by its address, and nothing secret goes with the request.
 */
#include "agent/gate_try.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gate_exec.h"
#include "agent/probe.h"
#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/str.h"

/* Of a request, and of a program. */
#define HTTP_TIME (10 * USEC_PER_SEC)
#define HTTP_CONNECT_TIME (4 * USEC_PER_SEC)
#define EXEC_TIME (60 * USEC_PER_SEC)
#define TIME_MIN (USEC_PER_SEC / 10)

enum { ENV_SIZE = 300 };

struct gate_try {
	const struct gate_check *check;
	struct probe *probe;
	struct http_client_call *call;
	struct gate_exec *program;
	struct event *later; /* tells `end` */
	struct gate_try_end end;
	gate_try_done *done;
	void *arg;
};

static void
finish(struct gate_try *t)
{
	struct gate_try_end end = t->end;
	gate_try_done *done = t->done;
	void *arg = t->arg;

	/* Whatever is not under way any more has been forgotten already. */
	gate_try_stop(t);
	done(arg, &end);
}

static void
on_later(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	finish(arg);
}

/* What is wrong with the check itself, or with its program, is so the next time, too. */
static void
fail_later(struct gate_try *t, struct event_base *base, const struct error *why)
{
	const struct timeval at_once = {0};

	t->end.hopeless = *why;
	str_clip(t->end.why, sizeof(t->end.why), why->text);
	t->later = evtimer_new(base, on_later, t);
	evtimer_add(t->later, &at_once);
}

/* ---- connections and echoes ---- */

static void
on_probe(void *arg, bool up)
{
	struct gate_try *t = arg;
	int e = probe_error(t->probe);

	t->end.ok = up;
	t->end.answered = e == ECONNREFUSED || e == ECONNRESET;
	if (e == ETIMEDOUT)
		str_clip(t->end.why, sizeof(t->end.why), "no answer");
	else if (e == EPERM || e == EACCES)
		str_clip(t->end.why, sizeof(t->end.why),
		    "the agent may not ask that: it needs CAP_NET_RAW, or its group in "
		    "net.ipv4.ping_group_range");
	else if (!up)
		str_clip(t->end.why, sizeof(t->end.why), strerror(e));
	finish(t);
}

static void
start_probe(struct gate_try *t, const struct gate_try_deps *deps,
    const struct gate_try_host *host)
{
	char spec[GATE_CHECK_TEXT];
	struct error err;

	t->probe = probe_start(
	    deps->base, gate_check_text(t->check, spec), &host->ip, on_probe, t);
	if (t->probe != NULL)
		return;
	error_set(&err, 0, "no-address",
	    "give the host's boot interface an address with netboot-ctl host set",
	    "the host's address is not known");
	fail_later(t, deps->base, &err);
}

/* ---- HTTP ---- */

static void
on_reply(void *arg, const struct http_client_reply *reply)
{
	struct gate_try *t = arg;
	const struct gate_check *c = t->check;

	t->call = NULL;
	t->end.answered = reply->status != 0;
	t->end.ok = reply->status >= c->min && reply->status <= c->max;
	if (reply->status == 0) {
		t->end.answered = !str_eq(reply->err.code, "timeout") &&
				  strstr(reply->err.text, "refused") != NULL;
		str_clip(t->end.why, sizeof(t->end.why), reply->err.text);
	} else if (!t->end.ok) {
		snprintf(t->end.why, sizeof(t->end.why),
		    c->min == c->max ? "status %d, not %d" : "status %d, not %dxx",
		    reply->status, c->min == c->max ? c->min : c->min / 100);
	}
	finish(t);
}

static void
start_http(struct gate_try *t, const struct gate_try_deps *deps,
    const struct gate_check_names *names, int64_t left_us)
{
	/* A connection that is kept would say nothing of whether it takes new ones. */
	static const char *const headers[] = {"Connection: close", NULL};
	struct http_client_request rq = {.method = "GET",
	    .headers = headers,
	    .url_name = "the server",
	    .timeout_us = left_us < HTTP_TIME ? left_us : HTTP_TIME,
	    .connect_timeout_us =
		left_us < HTTP_CONNECT_TIME ? left_us : HTTP_CONNECT_TIME,
	    .status_only = true,
	    .any_certificate = true};
	struct error err;
	char *url = NULL;

	if (gate_check_url(t->check, names, &url, &err) < 0) {
		fail_later(t, deps->base, &err);
		return;
	}
	rq.url = url;
	t->call = http_client_start(deps->http, &rq, on_reply, t);
	free(url);
}

/* ---- programs ---- */

static void
on_ended(void *arg, const struct gate_exec_end *end)
{
	struct gate_try *t = arg;

	t->program = NULL;
	t->end.ok = end->ok;
	t->end.answered = !end->over;
	str_clip(t->end.why, sizeof(t->end.why), end->why);
	finish(t);
}

static void
start_program(struct gate_try *t, const struct gate_try_deps *deps,
    const struct gate_check_names *names, int64_t left_us)
{
	char host[ENV_SIZE], ip[ENV_SIZE], site[ENV_SIZE];
	const char *env[] = {
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	    "LANG=C.UTF-8", "HOME=/", host, ip, site, NULL};
	char *argv[GATE_CHECK_ARGS + 2] = {NULL};
	struct error err;

	snprintf(host, sizeof(host), "NETBOOT_HOST=%s", names->host);
	snprintf(ip, sizeof(ip), "NETBOOT_IP=%s", names->ip);
	snprintf(site, sizeof(site), "NETBOOT_SITE=%s", deps->site);
	if (gate_check_argv(t->check, names, argv, &err) == 0)
		t->program = gate_exec_start(deps->programs, argv, env,
		    left_us < EXEC_TIME ? left_us : EXEC_TIME, on_ended, t, &err);
	if (t->program == NULL)
		fail_later(t, deps->base, &err);
	gate_check_argv_done(argv);
}

/* ---- */

struct gate_try *
gate_try_start(const struct gate_try_deps *deps, const struct gate_check *check,
    const struct gate_try_host *host, int64_t left_us, gate_try_done *done, void *arg)
{
	struct gate_try *t = str_alloc(sizeof(*t));
	char ip[ADDR_IP_TEXT];
	const struct gate_check_names names = {
	    .host = host->name, .ip = addr_ip_text(&host->ip, ip, sizeof(ip))};

	t->check = check;
	t->done = done;
	t->arg = arg;
	if (left_us < TIME_MIN)
		left_us = TIME_MIN;
	switch (check->kind) {
	case GATE_CHECK_TCP:
	case GATE_CHECK_ICMP: start_probe(t, deps, host); break;
	case GATE_CHECK_HTTP: start_http(t, deps, &names, left_us); break;
	case GATE_CHECK_EXEC: start_program(t, deps, &names, left_us); break;
	}
	return t;
}

bool
gate_try_waits(const struct gate_try *t)
{
	return t->program != NULL && gate_exec_waits(t->program);
}

void
gate_try_stop(struct gate_try *t)
{
	if (t == NULL)
		return;
	probe_stop(t->probe);
	if (t->call != NULL)
		http_client_cancel(t->call);
	gate_exec_stop(t->program);
	if (t->later != NULL)
		event_free(t->later);
	free(t);
}
