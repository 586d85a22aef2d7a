// SPDX-License-Identifier: GPL-3.0-or-later
/* Consoles: pieces of recordings from agents, whole ones to people, and live ones between the two.
 *
 * Entry points: the handlers. A recording is answered at once, from its file; what is live is handed to live.c, which
 * owns the request from then on. Who opens a live console is written to the audit first: it is a keyboard.
 * Ownership: nothing is kept here.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db_event.h"
#include "db/db_host.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/console_keys.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/agent_access.h"
#include "orchestrator/api.h"
#include "orchestrator/orders.h"
#include "orchestrator/presence.h"
#include "orchestrator/web.h"

struct begun {
	bool seen;
	int64_t ahead;
};

static int
on_begin(void *arg, int64_t seq, const struct event *ev)
{
	struct begun *b = arg;

	(void)seq;
	b->seen = true;
	b->ahead = ev->said_at > 0 ? ev->said_at - ev->at : 0;
	return 1;
}

/* By how much the agent's clock was ahead of ours: when the boot began, if that was told, since a recording may come days later; else now. */
static int64_t
ahead_then(struct orch *o, const char *site, const char *agent, const char *boot)
{
	const struct db_event_filter f = {.boot = boot, .kind = "boot.begin", .limit = 1};
	struct begun b = {.seen = false};

	(void)!db_event_list(o->store, &f, on_begin, &b);
	return b.seen ? b.ahead : dispatch_clock_off(o->dispatch, site, agent);
}

/* {"v":1, "site", "agent", "boot", "offset", "data"}: the answer says what is held. */
void
api_console_take(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;
	struct error err = {.code = ""};
	const char *site = "", *agent = "", *boot = "", *text = "";
	uint8_t *data = NULL;
	size_t len = 0;
	int64_t offset = 0, held = 0;

	if (!agent_access_who(o, rq, &who))
		return;
	const json_t *v = rest_body(rq, &err);
	int rc = !v || json_get_str(v, "site", &site, &err) < 0 ||
			 json_opt_str(v, "agent", &agent, &err) < 0 ||
			 json_get_str(v, "boot", &boot, &err) < 0 ||
			 json_get_i64(v, "offset", &offset, &err) < 0 ||
			 json_get_str(v, "data", &text, &err) < 0
		     ? -EINVAL
		     : 0;
	if (rc == 0 && (!id_valid(boot) || !str_name_valid(site)))
		rc = error_set(&err, -EINVAL, "bad-value", NULL, "not a boot at a site");
	if (rc == 0) {
		data = str_alloc(CONSOLE_STORE_PIECE_MAX);
		if (base64_get(text, data, CONSOLE_STORE_PIECE_MAX, &len) < 0)
			rc = error_set(
			    &err, -EINVAL, "bad-value", NULL, "data: not base64");
	}
	if (rc == 0)
		rc = console_store_add(o->consoles, site, boot, offset, data, len,
		    ahead_then(o, site, agent, boot), clock_wall(), &held, &err);
	free(data);
	if (rc < 0 && str_eq(err.code, "console-of-another-site"))
		dispatch_foreign_refused(
		    o->dispatch, site, id_valid(agent) ? agent : "", err.code, err.text);
	if (rc == 0)
		rest_reply(rq, 200,
		    json_pack("{s:i, s:I}", "v", 1, "held", (json_int_t)held), NULL);
	else
		rest_problem(rq, rc == -EINVAL ? 400 : 503, &err, NULL);
}

static json_t *
row_json(const struct db_console *row)
{
	char began[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "began",
	    clock_text(row->began, began, sizeof(began)), "last",
	    clock_text(row->last, last, sizeof(last)), "size", (json_int_t)row->size,
	    "octets", (json_int_t)row->octets, "gaps", (json_int_t)row->gaps, "truncated",
	    row->truncated, "ended", row->ended);
}

static json_t *
named_json(const struct db_console *row)
{
	json_t *v = row_json(row);

	json_put_str(v, "id", row->boot);
	json_put_str(v, "of", row->always ? "between-jobs" : "boot");
	return v;
}

/* A boot without a job has no recording of its own: the one between jobs was running, where there is such. */
json_t *
api_console_json(struct orch *o, const struct db_boot *boot)
{
	int64_t until = boot->ended ? boot->ended : clock_wall();
	struct db_console row;
	int rc = db_console_get(o->store, boot->id, &row);

	if (rc == -ENOENT && !boot->planned)
		rc = db_console_covering(o->store, boot->host, boot->began, until, &row);
	return rc < 0 ? json_null() : named_json(&row);
}

static void
add_row(void *arg, const struct db_console *row)
{
	json_array_append_new(arg, named_json(row));
}

/* All that is held of a host, newest first. */
void
api_console_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *cursor;
	int64_t limit;
	json_t *items;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	items = json_array();
	int rc = db_console_list(o->store, rest_param(rq, "name"), cursor ? cursor : "",
	    limit + 1, add_row, items);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "id");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "list the recordings");
	}
}

/* Of the boot, or of any boot of the host. */
static void
refuse_unknown(struct rest_request *rq, const char *host)
{
	struct error err;
	char next[ERROR_NEXT_SIZE];

	if (host && str_name_valid(host) &&
	    str_format(next, sizeof(next),
		"consoles are recorded during jobs; netboot-ctl events --host %s "
		"--kind 'sol.*' tells what became of it",
		host) == 0)
		error_set(&err, 0, "console-unknown", next,
		    "no console recording of the host is held");
	else
		error_set(&err, 0, "console-unknown",
		    "netboot-ctl trace BOOT shows whether it was recorded",
		    "no console recording of that boot is held");
	rest_problem(rq, 404, &err, NULL);
}

static void
reply(struct orch *o, struct rest_request *rq, const char *boot)
{
	struct db_console row;
	int rc = db_console_get(o->store, boot, &row);
	int fd = rc < 0 ? rc : console_store_open(o->consoles, &row);

	if (fd == -ENOENT)
		refuse_unknown(rq, NULL);
	else if (fd < 0)
		api_failed(o, rq, fd, "read the recording");
	else
		rest_reply_file(rq, fd, row.size, "application/vnd.netboot.console");
}

void
api_console_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (api_allow(o, rq, &who))
		reply(o, rq, rest_param(rq, "id"));
}

/* The newest one of a host. */
void
api_console_newest(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	char boot[ID_SIZE];

	if (!api_allow(o, rq, &who))
		return;
	if (db_console_newest(o->store, rest_param(rq, "name"), boot) < 0)
		refuse_unknown(rq, rest_param(rq, "name"));
	else
		reply(o, rq, boot);
}

/* ---- live ---- */

/* An agent's request about a console that somebody watches: is it one of its site? */
static bool
allow_session(struct orch *o, struct rest_request *rq)
{
	struct agent_access_who who;

	if (!agent_access_who(o, rq, &who))
		return false;
	const char *site = live_site(o->live, rq);
	return !site || agent_access_allow(o, rq, &who, site, NULL);
}

void
api_console_output(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;

	if (allow_session(o, rq))
		live_output(o->live, rq);
}

void
api_console_input(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;

	if (allow_session(o, rq))
		live_input(o->live, rq);
}

/* Who may type at a machine is somebody to be asked about it later. */
static int
note(
    struct orch *o, const struct audit_who *who, const char *host, bool write, bool steal)
{
	json_t *detail = json_pack("{s:b}", "write", write);
	const struct audit_row row = {.what = steal ? "console.steal" : "console.open",
	    .object = host,
	    .reason = "",
	    .result = "ok",
	    .detail = detail};
	struct db *db = store_db(o->store);
	int rc = db_begin(db);

	if (rc == 0)
		rc = audit_write(o->store, who, &row, clock_wall());
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0)
		db_rollback(db);
	json_decref(detail);
	return rc;
}

void
api_console_watch(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	const char *name = rest_param(rq, "name");
	bool steal = str_eq(rest_query(rq, "steal"), "1");
	bool write = str_eq(rest_query(rq, "write"), "1");

	if (!api_allow(o, rq, &who) || !web_may_stream(rq))
		return;
	/* Whoever types holds the others off, and whoever is the first makes the agent log in to the BMC, which has one
	 * such session or few. */
	if (who.role < AUTH_OPERATOR &&
	    (steal || write || !live_watched(o->live, name))) {
		web_refuse_role(rq, &who, AUTH_OPERATOR);
		return;
	}
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_get(o->store, name, h);
	if (rc == -ENOENT) {
		api_host_unknown(o, rq, name);
	} else if (rc < 0) {
		api_failed(o, rq, rc, "read the host");
	} else if (h->bmc.address[0] == '\0') {
		error_set(&err, 0, "no-bmc", "give it one with netboot-ctl host set",
		    "the host has no BMC");
		api_refuse(rq, &err, NULL);
	} else if (h->sealed_next[0]) {
		error_set(&err, 0, "rotation-open", ORDERS_ROTATION_NEXT,
		    "the password of its BMC is being changed");
		api_refuse(rq, &err, NULL);
	} else if (presence_absent(dispatch_silence(o->dispatch, h->site))) {
		error_set(&err, 0, "agent-absent",
		    "netboot-ctl agent list shows when it was",
		    "the site's agent is not heard");
		api_refuse(rq, &err, NULL);
	} else if ((rc = note(o, &who, name, write, steal)) < 0) {
		api_failed(o, rq, rc, "write the audit");
	} else {
		live_watch(o->live, rq, h, write, steal);
	}
	free(h);
}

void
api_console_type(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct console_keys keys;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *v = rest_body(rq, &err);
	if (!v) {
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	int rc = console_keys_parse(v, &keys, &err);
	if (rc == 0)
		rc = live_type(o->live, rest_param(rq, "name"), keys.watcher, keys.data,
		    keys.len, keys.send_break, &err);
	console_keys_done(&keys);
	if (rc == 0)
		rest_reply(rq, 200, json_pack("{s:b}", "ok", 1), NULL);
	else
		rest_problem(rq,
		    rc == -ENOENT   ? 404
		    : rc == -EACCES ? 409
		    : rc == -EAGAIN ? 429
				    : 400,
		    &err, NULL);
}
