// SPDX-License-Identifier: GPL-3.0-or-later
/* The page and the interface by TCP: listeners, the fields of every answer, and who may ask what.
 *
 * Entry points: web_listen() at start, web_allow() for each request that is not the unix socket's. Nothing is owned
 * here: credentials are access.c's, connections lib/rest_web's.
 * Failure modes: refusals with codes of docs/api.md. What is said of wrong credentials is the same for all of
 * them. */
#include "orchestrator/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/rest_head.h"
#include "lib/rest_web.h"
#include "lib/secret.h"
#include "lib/str.h"
#include "orchestrator/agent_access.h"
#include "orchestrator/api.h"
#include "orchestrator/authority.h"

/* Bodies are parsed on the loop: only who sends documents may send large ones. */
enum {
	READERS_BODY_MAX = 4096, /* of viewers, and of who is nobody yet: a login */
	OPERATORS_BODY_MAX = 256 * 1024,
};

/* No script, style or frame of anybody else, whatever gets into the page (CSP level 3). */
static const struct rest_web_header headers[] = {
    {"Content-Security-Policy",
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
	"'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

static size_t
body_max(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct access_ask ask = web_ask(rq);

	if (rest_web_is_agent(rq))
		return REST_BODY_MAX;
	enum auth_role role = access_known(o->access, &ask);
	return role >= AUTH_ADMIN      ? REST_BODY_MAX
	       : role >= AUTH_OPERATOR ? OPERATORS_BODY_MAX
				       : READERS_BODY_MAX;
}

static bool
host_ok(void *arg, const char *host)
{
	const struct orch_config_web *w = &((struct orch *)arg)->config->web;

	return rest_head_host_ok(host, (const char *const *)w->names, w->n_names);
}

/* What is here alone needs no TLS. */
bool
web_is_own(const struct orch *o)
{
	const struct orch_config_web *w = &o->config->web;
	bool far = false;

	for (uint32_t i = 0; i < w->n_listen && !w->tls_cert; i++) {
		struct sockaddr_storage sa;
		socklen_t len;
		bool loopback = true;

		if (rest_web_parse_address(w->listen[i], &sa, &len, &loopback) == 0)
			far = far || !loopback;
	}
	return far;
}

/* The address that it listens on, unless that is all there are: then nobody calls it so. */
static bool
own_address(const char *listen, char *ret, size_t size)
{
	const char *end = strrchr(listen, ':');
	bool v6 = listen[0] == '[';

	if (str_format(ret, size, "%.*s", (int)(end - listen) - 2 * v6, listen + v6) < 0)
		return false;
	return !str_eq(ret, "0.0.0.0") && !str_eq(ret, "::");
}

int
web_show(struct orch *o, int64_t *ret_renew, struct error *err)
{
	const struct orch_config_web *w = &o->config->web;
	const char **names = str_alloc((w->n_names + w->n_listen + 1) * sizeof(names[0]));
	char(*here)[INET6_ADDRSTRLEN] = str_alloc((w->n_listen + 1) * sizeof(here[0]));
	size_t n = 0;
	char *cert, *key;
	int rc;

	for (uint32_t i = 0; i < w->n_names; i++)
		names[n++] = w->names[i];
	for (uint32_t i = 0; i < w->n_listen; i++)
		if (own_address(w->listen[i], here[i], sizeof(here[i])))
			names[n++] = here[i];
	authority_people(o->authority, clock_wall(), names, n, &cert, &key, ret_renew);
	rc = rest_web_show(o->rest, cert, key, err);
	free(cert);
	secret_free(key);
	free(names);
	free(here);
	return rc;
}

int
web_listen(struct orch *o, struct error *err)
{
	const struct orch_config_web *w = &o->config->web;
	const struct rest_web_options options = {
	    .listen = (const char *const *)w->listen,
	    .n_listen = w->n_listen,
	    .tls_cert = w->tls_cert,
	    .tls_key = w->tls_key,
	    .tls_shown = web_is_own(o),
	    .headers = headers,
	    .n_headers = ARRAY_SIZE(headers),
	    .closed_prefix = "/agent/",
	    .agent_ok = agent_access_good,
	    .body_max = body_max,
	    .host_ok = host_ok,
	};

	if (w->n_listen == 0)
		return 0;
	int rc = rest_server_listen(o->rest, &options, err);
	/* Any local user may take a port that is not privileged, and nobody has asked for this one: orders and reports go on
	 * without a page. What is wrong with a certificate was asked for. */
	if (rc < 0 && w->listen_default &&
	    (str_eq(err->code, "web-port-taken") || str_eq(err->code, "web-address"))) {
		o->web_down = *err;
		log_error(&o->log, "%s: there is no page, and nothing by TCP; %s",
		    err->text, err->next);
		err->code[0] = '\0';
		return 0;
	}
	for (uint32_t i = 0; rc == 0 && i < w->n_listen; i++)
		log_info(&o->log, "the page is at %s://%s/",
		    w->tls_cert || web_is_own(o) ? "https" : "http", w->listen[i]);
	return rc;
}

static void
touch(void *arg, const char *owner)
{
	struct orch *o = arg;

	access_session_touch(o->access, owner, clock_wall());
}

void
web_minute(struct orch *o)
{
	if (!o->rest || db_begin(store_db(o->store)) < 0)
		return;
	rest_web_each_stream_owner(o->rest, touch, o);
	access_prune(o->access, clock_wall());
	int rc = db_commit(store_db(o->store));
	if (rc < 0)
		log_warn(&o->log, "cannot note the sessions in use: %s", strerror(-rc));
}

struct access_ask
web_ask(const struct rest_request *rq)
{
	struct rest_peer peer = rest_peer(rq);

	return (struct access_ask){.method = rest_method(rq),
	    .authorization = rest_header(rq, "Authorization"),
	    .cookie = rest_header(rq, "Cookie"),
	    .csrf = rest_header(rq, "X-CSRF-Token"),
	    .origin = rest_header(rq, "Origin"),
	    .fetch_site = rest_header(rq, "Sec-Fetch-Site"),
	    .host = rest_header(rq, "Host"),
	    .tls = peer.tls,
	    .address = peer.address,
	    .now = clock_wall()};
}

void
web_refuse(struct orch *o, struct rest_request *rq, enum access_result result)
{
	static const struct {
		int status;
		const char *code, *text, *next;
	} rows[] = {
	    [ACCESS_NONE] = {401, "login-needed", "this needs a token or a session",
		"netboot-ctl token add makes tokens, on the orchestrator's machine"},
	    [ACCESS_BAD] = {401, "login-failed", "that is no valid token",
		"netboot-ctl token list shows which there are"},
	    [ACCESS_LIMITED] = {429, "too-many-logins",
		"too many invalid tokens came from this address", "wait a minute"},
	    [ACCESS_CROSS] = {403, "csrf",
		"the request does not carry its session's X-CSRF-Token, or comes from "
		"another site's page",
		"GET /api/v1/session tells it; reload the page"},
	};
	struct error err;

	if (result == ACCESS_TROUBLE || result == ACCESS_OK) {
		api_failed(o, rq, -EIO, "look up the token");
		return;
	}
	error_set(
	    &err, -EACCES, rows[result].code, rows[result].next, "%s", rows[result].text);
	if (rows[result].status == 401)
		rest_add_header(rq, "WWW-Authenticate", "Bearer realm=\"netboot\"");
	if (rows[result].status == 429)
		rest_add_header(rq, "Retry-After", "60");
	rest_problem(rq, rows[result].status, &err, NULL);
}

void
web_refuse_role(struct rest_request *rq, const struct audit_who *who, int need)
{
	struct error err;

	error_set(&err, -EACCES, "role-too-low",
	    "use a token of a higher role: netboot-ctl token add NAME --role ROLE",
	    "this needs the role %s; %s is %s", access_role_name(need), who->name,
	    access_role_name((int)who->role));
	rest_problem(rq, 403, &err, NULL);
}

bool
web_allow(struct orch *o, struct rest_request *rq, struct access_grant *ret)
{
	struct access_ask ask = web_ask(rq);
	enum access_result r = access_check(o->access, &ask, ret);
	int need = rest_need(rq);

	if (r != ACCESS_OK) {
		web_refuse(o, rq, r);
		return false;
	}
	/* For the audit of what is refused, now or later. */
	rest_set_user(rq, &ret->who, sizeof(ret->who));
	/* A route that says nothing is nobody's. */
	if (need < AUTH_VIEWER || (int)ret->who.role < need) {
		web_refuse_role(rq, &ret->who, need);
		return false;
	}
	rest_web_own(rq, ret->owner, ret->token.name, ret->until);
	return true;
}

bool
web_may_stream(struct rest_request *rq)
{
	struct error err;

	if (rest_web_streams(rq) < ACCESS_STREAMS_MAX)
		return true;
	error_set(&err, -EMFILE, "too-many-followers",
	    "close other windows of the page, or what else follows with it",
	    "this session or token follows %d streams already", ACCESS_STREAMS_MAX);
	api_refuse(rq, &err, NULL);
	return false;
}
