/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /hosts and GET /status at the agent: from the site's table, the list for working alone, and the jobs and events that
 * the spool still has.
 *
 * Entry points: the handlers; each answers its request and owns nothing after that.
 * Failure modes: codes of docs/api.md. A host that is in the table and not in the list is shown with what is known.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/local_priv.h"
#include "agent/local_view.h"
#include "agent/spool_local.h"
#include "agent/spool_past.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

/* Hosts on a page, and events of a host in which its power is looked for. */
enum { PAGE = 100, EVENTS = 40 };

/* One at a time: they are large. */
struct look {
	struct bundle_host host;
	struct local_msg_host more;
	struct spool_past_job job;
	bool have_more, have_job;
	char power[16];
	int64_t power_at, last_seen;
};

static void
look_done(struct look *k)
{
	if (k->have_more)
		local_msg_host_done(&k->more);
	if (k->have_job)
		spool_past_job_done(&k->job);
	memset(k, 0, sizeof(*k));
}

/* 1, 0: no such host, -errno. */
static int
look_at(struct local *l, const char *name, struct look *k)
{
	int r = spool_get_host(l->o.spool, name, &k->host, NULL), rc;

	if (r != 1)
		return r;
	rc = spool_local_host(l->o.spool, name, &k->more);
	k->have_more = rc == 1;
	/* Secrets that do not open are missed when they are needed. */
	return rc < 0 && rc != -EBADMSG ? rc : 1;
}

void
local_hosts_unknown(struct rest_request *rq, const char *name)
{
	struct error err;
	char shown[80];

	error_set(&err, 0, "host-unknown",
	    "netboot-ctl host list shows them; others are the orchestrator's to know",
	    "no host %s at this site",
	    str_escape(shown, sizeof(shown), name, strlen(name)));
	local_refuse(rq, &err, NULL);
}

void
local_hosts_get(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	const char *name = rest_param(rq, "name");
	struct look *k;
	int r;

	if (!local_allow(l, rq, &who))
		return;
	k = str_alloc(sizeof(*k));
	r = look_at(l, name, k);
	if (r == 1)
		rest_reply(rq, 200,
		    local_view_host(
			local_site(l), &k->host, k->have_more ? &k->more : NULL),
		    NULL);
	else if (r == 0)
		local_hosts_unknown(rq, name);
	else
		local_failed(l, rq, r, "read the host");
	look_done(k);
	free(k);
}

static bool
take_event(void *arg, int64_t seq UNUSED, const struct event *ev)
{
	struct look *k = arg;
	const char *power = event_str(ev, "power");

	if (str_eq(ev->kind, "power.state") && power[0] != '\0') {
		str_clip(k->power, sizeof(k->power), power);
		k->power_at = ev->at;
	}
	if (str_has_prefix(ev->kind, "dhcp") || str_has_prefix(ev->kind, "tftp.") ||
	    str_has_prefix(ev->kind, "http.") || str_has_prefix(ev->kind, "report."))
		k->last_seen = ev->at;
	return true;
}

static int
look_further(struct local *l, const char *name, struct look *k)
{
	struct spool_past_filter f = {.host = name, .limit = EVENTS};
	int r = spool_past_back(l->o.spool, name, EVENTS, &f.after);

	if (r == 0)
		r = spool_past_events(l->o.spool, &f, take_event, k);
	if (r == 0)
		r = spool_past_job_of_host(l->o.spool, name, &k->job);
	k->have_job = r == 1;
	return r < 0 ? r : 0;
}

static json_t *
status_of(const struct local *l, const struct look *k)
{
	const struct local_view_status s = {
	    .site = local_site(l),
	    .more = k->have_more ? &k->more : NULL,
	    .job = k->have_job ? &k->job : NULL,
	    .power = k->power,
	    .power_at = k->power_at,
	    .last_seen = k->last_seen,
	    .now = clock_wall(),
	};

	return local_view_status(k->host.name, &s);
}

static bool
is_stuck(const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));

	return str_eq(state, "failed") ||
	       (str_eq(state, "busy") && json_object_get(row, "reason") != NULL);
}

/* Appends a host's row; 0, or -errno. */
static int
add_row(struct local *l, const char *name, bool status, bool only_stuck, json_t *items)
{
	struct look *k = str_alloc(sizeof(*k));
	int r = look_at(l, name, k);
	json_t *row = NULL;

	if (r == 1 && status)
		r = look_further(l, name, k);
	if (r >= 0 && k->host.name[0] != '\0')
		row = status ? status_of(l, k)
			     : local_view_host(local_site(l), &k->host,
				   k->have_more ? &k->more : NULL);
	if (row != NULL && (!only_stuck || is_stuck(row)))
		json_array_append(items, row);
	json_decref(row);
	look_done(k);
	free(k);
	return r < 0 ? r : 0;
}

static void
list(struct local *l, struct rest_request *rq, bool status)
{
	struct local_who who;
	struct local_names names;
	const char *cursor, *next = "", *site = rest_query(rq, "site");
	bool stuck = status && str_eq(rest_query(rq, "stuck"), "1");
	int64_t limit, n = 0;
	json_t *items;
	int r = 0;

	if (!local_allow(l, rq, &who) || !local_page(rq, PAGE, &limit, &cursor) ||
	    !local_hosts_of(l, rq, rest_query(rq, "hosts"), &names))
		return;
	items = json_array();
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if ((cursor != NULL && strcmp(names.v[i], cursor) <= 0) ||
		    (site != NULL && site[0] != '\0' && !str_eq(site, local_site(l))))
			continue;
		if (n++ == limit) {
			next = names.v[i - 1];
			break;
		}
		r = add_row(l, names.v[i], status, stuck, items);
	}
	if (r == 0) {
		local_reply_items(rq, items, next);
	} else {
		json_decref(items);
		local_failed(l, rq, r, "read the hosts");
	}
	local_select_done(&names);
}

void
local_hosts_list(void *arg, struct rest_request *rq)
{
	list(arg, rq, false);
}

void
local_hosts_status(void *arg, struct rest_request *rq)
{
	list(arg, rq, true);
}
