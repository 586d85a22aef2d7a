/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's own socket: who may, what is answered here, and what needs the orchestrator.
 *
 * The paths and documents are the orchestrator's, so that netboot-ctl works with either. Every answer has a header
 * Netboot-Agent, which says that it is a site's agent that speaks, how old its inventory is, and whether it hears the
 * orchestrator; a path that is not in the table is answered with needs-orchestrator.
 *
 * Entry points: local_new(), local_committed(); the handlers are in local_*.c.
 * Ownership: struct local owns the server, and what is under way for its clients.
 * Failure modes: a socket that cannot be had leaves the agent without it, and nothing else fails by that.
 */
#include "agent/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/local_priv.h"
#include "agent/spool_local.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

#define V1 "/api/v1"
#define VERSION "0.1.0" /* of the program */

static void
get_version(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	char started[CLOCK_TEXT_SIZE], as_of[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];
	int64_t at = 0, heard;
	bool now = false;
	int rc;

	if (!local_allow(l, rq, &who))
		return;
	rc = spool_local_as_of(l->o.spool, &at);
	if (rc < 0) {
		local_failed(l, rq, rc, "read how old the inventory is");
		return;
	}
	heard = l->o.heard(l->o.arg, &now);
	rest_reply(rq, 200,
	    json_pack("{s:s, s:s, s:{s:s, s:s, s:s?, s:b, s:s?}}", "version", VERSION,
		"started", clock_text(l->started, started, sizeof(started)), "agent",
		"site", local_site(l), "agent", spool_id(l->o.spool), "as_of",
		at > 0 ? clock_text(at, as_of, sizeof(as_of)) : NULL, "heard", now,
		"last_heard", heard > 0 ? clock_text(heard, last, sizeof(last)) : NULL),
	    NULL);
}

static void
list_sites(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	const struct bundle_site *site;
	json_t *v;

	if (!local_allow(l, rq, &who))
		return;
	site = l->o.site(l->o.arg);
	v = json_object();
	json_put_str(v, "name", local_site(l));
	json_put_str(v, "timezone", site->timezone);
	local_reply_items(rq, json_pack("[o]", v), "");
}

/* Of boots that nobody ordered the agent keeps no list; ctl looks ids up in it. */
static void
list_boots(void *arg, struct rest_request *rq)
{
	struct local_who who;

	if (local_allow(arg, rq, &who))
		local_reply_items(rq, json_array(), "");
}

static void
needs_orchestrator(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	struct error err;

	if (!local_allow(l, rq, &who))
		return;
	error_set(&err, 0, "needs-orchestrator",
	    "ask it without --server, or when it can be reached again; docs/sites.md "
	    "says "
	    "what the site can do alone",
	    "this is the agent of site %s, and that needs the orchestrator",
	    local_site(l));
	rest_problem(rq, 501, &err, NULL);
}

static const struct rest_route routes[] = {
    {"GET", V1 "/version", get_version, 0},
    {"GET", V1 "/sites", list_sites, 0},
    {"GET", V1 "/boots", list_boots, 0},
    {"GET", V1 "/hosts", local_hosts_list, 0},
    {"GET", V1 "/hosts/{name}", local_hosts_get, 0},
    {"GET", V1 "/images", local_images_list, 0},
    {"GET", V1 "/images/{name}", local_images_get, 0},
    {"GET", V1 "/status", local_hosts_status, 0},
    {"GET", V1 "/jobs", local_jobs_list, 0},
    {"POST", V1 "/jobs", local_orders_add, 0},
    {"POST", V1 "/jobs/{id}/cancel", local_orders_cancel, 0},
    {"POST", V1 "/bmc/power-status", local_power_ask, 0},
    {"POST", V1 "/power", local_power_document, 0},
    {"GET", V1 "/jobs/{id}", local_jobs_get, 0},
    {"GET", V1 "/why", local_why_get, 0},
    {"GET", V1 "/events", local_events_list, 0},
    {"GET", V1 "/hosts/{name}/console", local_console_watch, 0},
    {"POST", V1 "/hosts/{name}/console", local_console_type, 0},
    {"GET", V1 "/hosts/{name}/consoles", local_recordings_list, 0},
    {"GET", V1 "/hosts/{name}/console/newest", local_recordings_newest, 0},
    {"GET", V1 "/boots/{id}/console", local_recordings_get, 0},
};

const char *
local_site(const struct local *l)
{
	return l->o.cfg->site;
}

/* site=los; as_of=2026-…; orchestrator=heard|silent; last=2026-… */
static void
say_whose(struct local *l, struct rest_request *rq)
{
	char as_of[CLOCK_TEXT_SIZE] = "never", last[CLOCK_TEXT_SIZE] = "never", text[256];
	int64_t at = 0, heard;
	bool now = false;

	if (spool_local_as_of(l->o.spool, &at) == 0 && at > 0)
		clock_text(at, as_of, sizeof(as_of));
	heard = l->o.heard(l->o.arg, &now);
	if (heard > 0)
		clock_text(heard, last, sizeof(last));
	if (str_format(text, sizeof(text), "site=%s; as_of=%s; orchestrator=%s; last=%s",
		local_site(l), as_of, now ? "heard" : "silent", last) == 0)
		rest_add_header(rq, "Netboot-Agent", text);
}

bool
local_allow(struct local *l, struct rest_request *rq, struct local_who *ret)
{
	const struct rest_peer peer = rest_peer(rq);
	char next[ERROR_NEXT_SIZE];
	struct error err;

	if (unix_user_may(peer.uid, peer.gid, l->o.cfg->local_group)) {
		ret->uid = peer.uid;
		unix_user_name(peer.uid, ret->name);
		say_whose(l, rq);
		return true;
	}
	if (str_format(next, sizeof(next), "become a member of the group %s",
		l->o.cfg->local_group) < 0)
		next[0] = '\0';
	error_set(
	    &err, -EACCES, "forbidden", next, "your user may not use this interface");
	rest_problem(rq, 403, &err, NULL);
	return false;
}

static int
status_of(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} table[] = {
	    {"bad-value", 400},
	    {"bad-json", 400},
	    {"bad-hostlist", 400},
	    {"reason-missing", 400},
	    {"host-unknown", 404},
	    {"image-unknown", 404},
	    {"job-unknown", 404},
	    {"id-unknown", 404},
	    {"console-unknown", 404},
	    {"needs-orchestrator", 501},
	    {"spool-full", 507},
	    {"db-error", 500},
	    {"db-damaged", 500},
	    {"too-many-followers", 503},
	    {"too-many-watchers", 429},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(code, table[i].code))
			return table[i].status;
	return 409;
}

void
local_refuse(struct rest_request *rq, const struct error *err, json_t *errors)
{
	rest_problem(rq, status_of(err->code), err, errors);
}

void
local_failed(struct local *l, struct rest_request *rq, int rc, const char *doing)
{
	struct error err;

	spool_error(l->o.spool, rc, &err, doing);
	log_error(l->o.log, "%s", err.text);
	local_refuse(rq, &err, NULL);
}

void
local_reply_items(struct rest_request *rq, json_t *items, const char *next)
{
	rest_reply(rq, 200,
	    json_pack(
		"{s:o, s:s?}", "items", items, "next", next[0] != '\0' ? next : NULL),
	    NULL);
}

bool
local_page(
    struct rest_request *rq, int64_t most, int64_t *ret_limit, const char **ret_cursor)
{
	const char *limit = rest_query(rq, "limit"), *cursor = rest_query(rq, "cursor");
	struct error err;

	*ret_limit = most;
	*ret_cursor = cursor != NULL && cursor[0] != '\0' ? cursor : NULL;
	if (limit != NULL && str_to_i64(limit, 1, 1000, ret_limit) < 0) {
		error_set(&err, 0, "bad-value", NULL, "limit: not 1..1000");
		local_refuse(rq, &err, NULL);
		return false;
	}
	/* A page is read while nothing else goes on: the rest is on the next one. */
	if (*ret_limit > most)
		*ret_limit = most;
	return true;
}

bool
local_hosts_of(struct local *l, struct rest_request *rq, const char *selector,
    struct local_names *ret)
{
	struct error err;
	json_t *errors = NULL;
	int rc = local_select(l->o.spool, local_site(l),
	    selector != NULL && selector[0] != '\0' ? selector : "all", ret, &errors,
	    &err);

	if (rc == 0 && errors == NULL)
		return true;
	local_select_done(ret);
	if (rc < 0 && rc != -EINVAL && rc != -E2BIG) {
		local_failed(l, rq, rc, "read the site's hosts");
		return false;
	}
	if (rc == 0) {
		const json_t *first = json_array_get(errors, 0);

		error_set(&err, 0, json_string_value(json_object_get(first, "code")),
		    json_string_value(json_object_get(first, "next")), "%s",
		    json_string_value(json_object_get(first, "text")));
	}
	rest_problem(rq, rc == 0 ? 404 : 400, &err, errors);
	return false;
}

void
local_committed(struct local *l)
{
	if (l != NULL)
		local_events_wake(l);
}

struct local *
local_new(const struct local_opts *opts, struct error *err)
{
	struct local *l = str_alloc(sizeof(*l));

	l->o = *opts;
	l->started = clock_wall();
	l->verbs = bmc_verbs_new(opts->base, opts->bmc, local_power_done, l);
	l->server = rest_server_new(opts->base, opts->log, opts->cfg->local_socket,
	    opts->cfg->local_group, routes, ARRAY_SIZE(routes), l, err);
	if (l->server == NULL) {
		bmc_verbs_free(l->verbs);
		free(l);
		return NULL;
	}
	rest_on_unknown(l->server, needs_orchestrator);
	local_console_begin(l);
	return l;
}

void
local_free(struct local *l)
{
	if (l == NULL)
		return;
	bmc_verbs_free(l->verbs);
	local_power_end(l);
	local_console_end(l); /* it tells of events still */
	local_events_end(l);
	rest_server_free(l->server);
	free(l);
}
