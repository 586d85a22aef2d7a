/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET and POST /hosts/{name}/console at the agent: the live console, with the orchestrator's rules and shapes.
 *
 * Who looks is recorded before anything is shown, who types with the first key, and how much it was at the end; the
 * orchestrator has these events in its audit when the line is back. What is typed is nowhere.
 *
 * Entry points: the handlers, local_console_begin(), local_console_end(). Ownership: a watcher's request is
 * console_near.c's from its beginning on.
 * Failure modes: codes of docs/api.md. What cannot be recorded is not begun.
 */
#include <errno.h>
#include <stdlib.h>

#include "agent/console_near.h"
#include "agent/local_priv.h"
#include "agent/run_local.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

static int
record(
    struct local *l, const char *kind, const struct console_near_visit *v, json_t *detail)
{
	const struct run_local how = {.uid = v->uid, .user = v->user};

	return run_local_record(*l->o.jobs, kind, v->host, detail, &how);
}

/* The orchestrator is not told of it, then; the log is. */
static void
record_late(
    struct local *l, const char *kind, const struct console_near_visit *v, json_t *detail)
{
	struct error err;
	int rc = record(l, kind, v, detail);

	if (rc == 0)
		return;
	spool_error(l->o.spool, rc, &err, "record what was done at a console");
	log_error(l->o.log, "console of %s, user %s: %s: %s", v->host, v->user, err.text,
	    err.next);
}

static void
on_types(void *arg, const struct console_near_visit *v)
{
	record_late(arg, "local.typing", v, json_object());
}

static void
on_left(void *arg, const struct console_near_visit *v)
{
	json_t *detail = json_object();

	json_put_i64(detail, "octets", v->octets);
	json_put_i64(detail, "breaks", v->breaks);
	json_put_i64(detail, "seconds", (clock_mono() - v->began) / USEC_PER_SEC);
	record_late(arg, "local.console-end", v, detail);
}

static json_t *
opening(const struct console_near_visit *v)
{
	json_t *detail = json_object();

	json_put_i64(detail, "write", v->write);
	json_put_i64(detail, "steal", v->steal);
	return detail;
}

/* May it be shown? 0, or -errno with *err; *more is the caller's then. */
static int
look_up(struct local *l, const char *host, struct local_msg_host *more, struct error *err)
{
	int rc;

	if (l->o.replaced(l->o.arg))
		return error_set(err, -EPERM, "agent-replaced",
		    "ask the agent that is in charge",
		    "another agent is in charge of the site");
	rc = console_near_may_watch(l->consoles, err);
	if (rc == 0)
		rc = local_bmc_get(l, host, more, err);
	if (rc < 0 || more->bmc.address[0] != '\0')
		return rc;
	local_msg_host_done(more);
	return error_set(err, -EPERM, "no-bmc",
	    "add the BMC to the host at the orchestrator", "the host has no BMC");
}

static void
watch(struct local *l, struct rest_request *rq, const struct console_near_visit *v)
{
	struct local_msg_host *more = str_alloc(sizeof(*more));
	struct error err;
	int rc = look_up(l, v->host, more, &err);

	if (rc < 0) {
		local_refuse(rq, &err, NULL);
		free(more);
		return;
	}
	/* What room is left on a full disk is for the jobs under way. */
	rc = spool_reserve(l->o.spool);
	if (rc == 0)
		rc = record(l, "local.console", v, opening(v));
	if (rc == 0)
		console_near_watch(l->consoles, rq, v, &more->bmc);
	else
		local_failed(l, rq, rc, "record who opens the console");
	local_msg_host_done(more);
	free(more);
}

void
local_console_watch(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	struct bundle_host *host;
	struct console_near_visit v = {.write = str_eq(rest_query(rq, "write"), "1"),
	    .steal = str_eq(rest_query(rq, "steal"), "1")};
	int rc;

	if (!local_allow(l, rq, &who))
		return;
	str_clip(v.host, sizeof(v.host), rest_param(rq, "name"));
	v.uid = (int64_t)who.uid;
	str_clip(v.user, sizeof(v.user), who.name);
	host = str_alloc(sizeof(*host));
	rc = spool_get_host(l->o.spool, v.host, host, NULL);
	free(host);
	if (rc == 1)
		watch(l, rq, &v);
	else if (rc == 0)
		local_hosts_unknown(rq, rest_param(rq, "name"));
	else
		local_failed(l, rq, rc, "read the host");
}

static int
status_of(int rc)
{
	return rc == -ENOENT ? 404 : rc == -EACCES ? 409 : rc == -EAGAIN ? 429 : 400;
}

void
local_console_type(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	struct error err = {.code = ""};
	struct console_keys keys;
	const json_t *body;
	int rc;

	if (!local_allow(l, rq, &who))
		return;
	body = rest_body(rq, &err);
	if (body == NULL) {
		local_refuse(rq, &err, NULL);
		return;
	}
	rc = console_keys_parse(body, &keys, &err);
	if (rc == 0)
		rc = console_near_type(l->consoles, rest_param(rq, "name"), &keys, &err);
	console_keys_done(&keys);
	if (rc == 0)
		rest_reply(rq, 200, json_pack("{s:b}", "ok", 1), NULL);
	else
		rest_problem(rq, status_of(rc), &err, NULL);
}

void
local_console_begin(struct local *l)
{
	const struct console_near_opts o = {
	    .base = l->o.base,
	    .log = l->o.log,
	    .rng = l->o.rng,
	    .hub = l->o.hub,
	    .types = on_types,
	    .left = on_left,
	    .arg = l,
	};

	l->consoles = console_near_new(&o);
}

void
local_console_end(struct local *l)
{
	console_near_free(l->consoles);
}
