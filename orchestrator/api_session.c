// SPDX-License-Identifier: GPL-3.0-or-later
/* POST, GET and DELETE /session: the page's login.
 *
 * Entry points: the handlers. A login gives a token for a cookie that scripts cannot read and that no other site's page
 * makes the browser send; what changes something needs the session's CSRF token besides, which only a page
 * from here can ask for. Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/rest_web.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/web.h"

static void
refuse_unix(struct rest_request *rq)
{
	struct error err;

	error_set(&err, -EINVAL, "bad-value", NULL,
	    "sessions are for the page; on the unix socket everybody is known");
	api_refuse(rq, &err, NULL);
}

static json_t *
session_json(const struct access_grant *g)
{
	char text[CLOCK_TEXT_SIZE];
	json_t *v = json_object();

	json_put_str(v, "name", g->who.name);
	json_put_str(v, "role", access_role_name((int)g->who.role));
	json_put(v, "csrf", g->by_session ? json_string(g->session.csrf) : json_null());
	json_put(v, "expires",
	    g->until < INT64_MAX ? json_string(clock_text(g->until, text, sizeof(text)))
				 : json_null());
	return v;
}

/* Of an empty value: the browser forgets it. */
static void
set_cookie(struct rest_request *rq, const char *value, int64_t seconds)
{
	bool tls = rest_peer(rq).tls;
	char text[256];

	if (str_format(text, sizeof(text),
		"%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
		access_cookie_name(tls), value, (long long)seconds,
		tls ? "; Secure" : "") < 0)
		return;
	rest_add_header(rq, "Set-Cookie", text);
	secret_wipe(text, sizeof(text));
}

/* Session and audit row, both or neither. */
static int
begin(struct orch *o, const struct access_ask *ask, struct access_grant *g, char **ret)
{
	char address[ADDR_IP_TEXT];
	int rc = db_begin(store_db(o->store));

	if (rc < 0)
		return rc;
	rc = access_session_begin(o->access, &g->token, ask->now, &g->session, ret);
	g->by_session = rc == 0;
	g->until = g->session.expires;
	g->who = (struct audit_who){
	    .uid = (uid_t)-1, .owner = -g->token.id, .role = access_role(g->token.role)};
	addr_ip_text(&ask->address, address, sizeof(address));
	snprintf(g->who.name, sizeof(g->who.name), "token:%s", g->token.name);
	snprintf(g->who.from, sizeof(g->who.from), "%s (web)", address);
	if (rc == 0)
		rc = audit_write(o->store, &g->who,
		    &(struct audit_row){
			.what = "session.login", .object = g->token.name, .result = "ok"},
		    ask->now);
	return rc;
}

static void
answer(struct orch *o, struct rest_request *rq, const struct access_ask *ask,
    struct access_grant *g)
{
	struct error err;
	char *cookie = NULL;
	int rc = begin(o, ask, g, &cookie);

	if (rc == -EMFILE) {
		db_rollback(store_db(o->store));
		error_set(&err, rc, "too-many-sessions", "log out somewhere else",
		    "this token has %d sessions", ACCESS_SESSIONS_MAX);
		rest_problem(rq, 429, &err, NULL);
	} else if (api_commit(o, rq, rc, "begin a session")) {
		set_cookie(rq, cookie, (g->session.expires - ask->now) / USEC_PER_SEC);
		rest_reply(rq, 201, session_json(g), NULL);
	}
	secret_free(cookie);
}

void
api_session_begin(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct access_ask ask = web_ask(rq);
	struct access_grant g = {.by_session = false};
	const char *token = "";
	struct error err;

	if (rest_peer(rq).kind != REST_PEER_TCP) {
		refuse_unix(rq);
		return;
	}
	/* Nobody is to be logged in as somebody else behind their back. */
	if (!access_same_site(&ask)) {
		web_refuse(o, rq, ACCESS_CROSS);
		return;
	}
	const json_t *body = rest_body(rq, &err);
	if (!body || json_get_str(body, "token", &token, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	enum access_result r =
	    access_token_check(o->access, token, &ask.address, ask.now, &g.token);
	if (r == ACCESS_OK)
		answer(o, rq, &ask, &g);
	else
		web_refuse(o, rq, r);
}

void
api_session_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct access_grant g = {.by_session = false, .until = INT64_MAX};

	if (rest_peer(rq).kind == REST_PEER_TCP ? !web_allow(o, rq, &g)
						: !api_allow(o, rq, &g.who))
		return;
	rest_reply(rq, 200, session_json(&g), NULL);
}

void
api_session_end(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct access_grant g;

	if (rest_peer(rq).kind != REST_PEER_TCP) {
		refuse_unix(rq);
		return;
	}
	if (!web_allow(o, rq, &g))
		return;
	/* A token's own requests are no session's, which could end. */
	if (!g.by_session) {
		rest_reply(rq, 204, NULL, NULL);
		return;
	}
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = db_token_session_delete(o->store, g.session.digest);
	if (rc == 0)
		rc = audit_write(o->store, &g.who,
		    &(struct audit_row){
			.what = "session.end", .object = g.token.name, .result = "ok"},
		    clock_wall());
	if (!api_commit(o, rq, rc, "end the session"))
		return;
	rest_web_drop(o->rest, g.owner, NULL);
	set_cookie(rq, "", 0);
	rest_reply(rq, 204, NULL, NULL);
}
