/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Renews the agent's certificate when two thirds of its time are over, with a new key.
 *
 * Entry point: agent_renew_new(); everything else its timer does. Once a minute it looks whether it is time, and whether
 * `netboot-agent enroll` has put another certificate there. While the line is down it comes again, later and later, to an
 * hour, with jitter; the old certificate holds meanwhile, and the new one only when it is on disk.
 * Ownership: it owns its timer, its client and the key that is being certified.
 * Failure modes: told once at each beginning of trouble, and when a certificate is about to end or has ended: the agent
 * then works on alone until somebody enrolls it again. */
#include "agent/agent_renew.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

#define LOOK_EVERY (60 * USEC_PER_SEC)
#define RETRY_MAX (3600 * USEC_PER_SEC)
#define TIMEOUT (60 * USEC_PER_SEC)
#define ENDS_SOON (7 * 24 * 3600 * USEC_PER_SEC)

struct agent_renew {
	struct agent_renew_opts o;
	struct http_client *http;
	struct http_client_call *call;
	struct event *timer;
	char *key;	    /* whose certificate is asked for */
	int64_t delay;	    /* 0: the last try went well */
	int64_t not_before; /* mono */
	bool told_end;
};

static void
set_timer(struct agent_renew *r, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(r->timer, &tv);
}

static void
failed(struct agent_renew *r, const struct error *why)
{
	if (r->delay == 0)
		log_warn(r->o.log,
		    "the certificate could not be renewed: %s: %s; trying again",
		    why->text, why->next);
	r->delay = r->delay == 0 ? LOOK_EVERY : r->delay * 2;
	if (r->delay > RETRY_MAX)
		r->delay = RETRY_MAX;
	r->not_before = clock_mono() + r->delay / 2 +
			(int64_t)rng_below(r->o.rng, (uint64_t)r->delay);
}

static void
on_answer(void *arg, const struct http_client_reply *reply)
{
	struct agent_renew *r = arg;
	const struct http_client_self *self = agent_tls_self(r->o.tls);
	struct error err = {.code = ""};
	json_t *v =
	    reply->status == 200 ? json_parse(reply->body, reply->body_len, &err) : NULL;
	char ends[CLOCK_TEXT_SIZE];
	int rc = v != NULL ? 0 : -EPROTO;

	r->call = NULL;
	if (reply->status == 0)
		err = reply->err;
	else if (reply->status != 200)
		error_set(&err, rc, "http", "see the orchestrator's log and its audit",
		    "HTTP status %d", reply->status);
	if (rc == 0) {
		char *pinned = str_dup(self->authority);
		rc = agent_tls_take(r->o.tls, v, r->key, r->o.site, pinned, &err);
		free(pinned);
	}
	secret_free(r->key);
	r->key = NULL;
	json_decref(v);
	if (rc < 0) {
		failed(r, &err);
		return;
	}
	r->delay = r->not_before = 0;
	log_info(r->o.log, "the certificate was renewed; it ends at %s",
	    clock_text(agent_tls_cert(r->o.tls)->ends, ends, sizeof(ends)));
	r->o.renewed(r->o.arg);
}

static void
renew(struct agent_renew *r)
{
	struct error err = {.code = ""};
	json_t *body = NULL;
	char *text;

	if (agent_tls_ask(r->o.tls, r->o.site, &r->key, &body, &err) < 0) {
		failed(r, &err);
		return;
	}
	text = json_text(body);
	json_decref(body);
	const struct http_client_request rq = {.method = "POST",
	    .path = "/agent/v1/renew",
	    .body = text,
	    .body_max = 256 * 1024,
	    .timeout_us = TIMEOUT};
	r->call = http_client_start(r->http, &rq, on_answer, r);
	free(text);
}

static void
tell_end(struct agent_renew *r, int64_t left)
{
	char text[32];

	if (left > ENDS_SOON) {
		r->told_end = false;
		return;
	}
	if (r->told_end)
		return;
	r->told_end = true;
	if (left > 0)
		log_warn(r->o.log,
		    "the certificate ends in %s and could not be renewed yet",
		    str_duration(left, text, sizeof(text)));
	else
		log_error(r->o.log,
		    "the certificate has ended: the orchestrator takes no word of this "
		    "site "
		    "until netboot-agent enroll has had another one; jobs go on here");
}

static void
look(struct agent_renew *r)
{
	const struct pki_cert *c = agent_tls_cert(r->o.tls);
	int64_t now = clock_wall();

	if (agent_tls_reload(r->o.tls)) {
		log_info(
		    r->o.log, "another certificate is there, and is used from now on");
		r->delay = r->not_before = 0;
		r->o.renewed(r->o.arg);
		return;
	}
	tell_end(r, c->ends - now);
	if (now < c->begins + (c->ends - c->begins) / 3 * 2 || now >= c->ends ||
	    clock_mono() < r->not_before)
		return;
	renew(r);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct agent_renew *r = arg;

	if (r->call == NULL)
		look(r);
	set_timer(r, LOOK_EVERY / 2 + (int64_t)rng_below(r->o.rng, LOOK_EVERY));
}

struct agent_renew *
agent_renew_new(const struct agent_renew_opts *opts, struct error *err)
{
	struct agent_renew *r = str_alloc(sizeof(*r));

	r->o = *opts;
	r->http = http_client_new(opts->base, opts->server, NULL, err);
	if (r->http == NULL) {
		free(r);
		return NULL;
	}
	http_client_be(r->http, agent_tls_self(opts->tls));
	r->timer = evtimer_new(opts->base, on_timer, r);
	if (r->timer == NULL)
		abort();
	set_timer(r, 0);
	return r;
}

void
agent_renew_free(struct agent_renew *r)
{
	if (r == NULL)
		return;
	if (r->call != NULL)
		http_client_cancel(r->call);
	http_client_free(r->http);
	event_free(r->timer);
	secret_free(r->key);
	free(r);
}
