// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /discovered, GET and DELETE /discovered/{mac}, POST /discovered/{mac}/adopt: machines that are no host's.
 *
 * Entry points: the handlers. Adopting makes a document of what was seen and of what was asked for, and hands it to
 * api_change.c: checks, audit and answer are those of any other change of a host. A host that is there already is only
 * given the MAC address as a further NIC, and only if that was asked for by `to`; which of its NICs
 * netboots stays as it is, and while a job runs on it the change is refused there as any change of NICs is.
 * Ownership: documents are handed on. Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_discovered.h"
#include "db/db_host.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/discover.h"
#include "orchestrator/orders.h"

struct rows {
	struct db_discovered *v;
	size_t n;
};

static void
add_row(void *arg, const struct db_discovered *d)
{
	struct rows *rows = arg;

	rows->v[rows->n++] = *d;
}

static int
row_json(struct orch *o, const struct db_discovered *d, json_t **ret)
{
	struct discover_suggestion suggest;
	int rc = discover_suggest(o->store, d, &suggest);

	if (rc == 0)
		*ret = discover_json(d, &suggest, o->vendors);
	return rc;
}

/* "MAC SITE" of the last row that was given. */
static void
read_cursor(const char *cursor, char *mac, size_t mac_size, const char **ret_site)
{
	size_t n = strcspn(cursor, " ");

	if (n < mac_size) {
		memcpy(mac, cursor, n);
		mac[n] = '\0';
	}
	*ret_site = cursor[n] ? cursor + n + 1 : "";
}

static json_t *
write_cursor(const struct db_discovered *d)
{
	char text[ADDR_MAC_TEXT + EVENT_SITE_SIZE];

	if (str_format(text, sizeof(text), "%s %s", d->mac, d->site) < 0)
		abort();
	return json_string(text);
}

void
api_discovered_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *cursor, *after_site = "", *site = rest_query(rq, "site");
	char after_mac[ADDR_MAC_TEXT] = "";
	struct rows rows = {0};
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	if (cursor)
		read_cursor(cursor, after_mac, sizeof(after_mac), &after_site);
	rows.v = str_alloc(((size_t)limit + 1) * sizeof(rows.v[0]));
	int rc = db_discovered_list(o->store, site && site[0] ? site : NULL, after_mac,
	    after_site, limit + 1, add_row, &rows);
	json_t *items = json_array(), *next = json_null();
	if ((int64_t)rows.n > limit) {
		rows.n = (size_t)limit;
		next = write_cursor(&rows.v[rows.n - 1]);
	}
	for (size_t i = 0; rc == 0 && i < rows.n; i++) {
		json_t *v = NULL;
		rc = row_json(o, &rows.v[i], &v);
		if (rc == 0)
			json_array_append_new(items, v);
	}
	free(rows.v);
	json_t *answer = json_pack("{s:o, s:o}", "items", items, "next", next);
	if (rc == 0) {
		rest_reply(rq, 200, answer, NULL);
	} else {
		json_decref(answer);
		api_failed(o, rq, rc, "read the discovered machines");
	}
}

/* The machine of the path, and of ?site= where it is named; false, answered, when there is none. */
static bool
find(struct orch *o, struct rest_request *rq, struct db_discovered *ret)
{
	struct addr_mac mac;
	struct error err;
	char text[ADDR_MAC_TEXT] = "", host[BUNDLE_NAME_SIZE];
	int rc = -ENOENT;

	if (addr_mac_parse(rest_param(rq, "mac"), &mac) == 0)
		rc = db_discovered_get(o->store, addr_mac_text(&mac, text, sizeof(text)),
		    rest_query(rq, "site"), ret);
	if (rc == 0)
		return true;
	if (rc != -ENOENT) {
		api_failed(o, rq, rc, "read the discovered machine");
		return false;
	}
	if (text[0] && db_host_mac_owner(o->store, text, host, sizeof(host)) == 0)
		error_set(&err, 0, "discovered-unknown", "netboot-ctl host show HOST",
		    "that MAC address is host %s's", host);
	else
		error_set(&err, 0, "discovered-unknown",
		    "netboot-ctl discovered list shows them",
		    "no machine with that MAC address was seen");
	rest_problem(rq, 404, &err, NULL);
	return false;
}

void
api_discovered_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_discovered d;
	json_t *v = NULL;

	if (!api_allow(o, rq, &who) || !find(o, rq, &d))
		return;
	int rc = row_json(o, &d, &v);
	if (rc == 0)
		rest_reply(rq, 200, v, NULL);
	else
		api_failed(o, rq, rc, "read the hosts");
}

void
api_discovered_forget(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_discovered d;
	json_t *before = NULL;
	const char *reason;

	if (!api_allow(o, rq, &who) || !api_query_reason(rq, &reason) || !find(o, rq, &d))
		return;
	int rc = row_json(o, &d, &before);
	if (rc == 0)
		rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = db_discovered_forget(o->store, d.mac, rest_query(rq, "site"));
	if (rc == 0)
		rc = audit_write(o->store, &who,
		    &(struct audit_row){.what = "discovered.forget",
			.object = d.mac,
			.reason = reason,
			.result = "ok",
			.before = before},
		    clock_wall());
	json_decref(before);
	if (api_commit(o, rq, rc, "forget the machine"))
		rest_reply(rq, 204, NULL, NULL);
}

/* A board's UUID that another host has: which of both a DHCPv6 client with it is, nobody could tell. */
static int
check_new(
    struct orch *o, const struct db_discovered *d, const json_t *host, struct error *err)
{
	struct discover_suggestion suggest;
	char next[ERROR_NEXT_SIZE];
	const char *site = json_string_value(json_object_get(host, "site"));

	if (site && !str_eq(site, d->site))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "site: the machine was seen at %s", d->site);
	if (json_object_get(host, "uuid"))
		return 0;
	int rc = discover_suggest(o->store, d, &suggest);
	if (rc < 0)
		return db_error(store_db(o->store), rc, err, "read the hosts");
	if (!suggest.why[0])
		return 0;
	if (!suggest.host[0] ||
	    str_format(next, sizeof(next),
		"adopt it --to %s, or give another host's --uuid yourself",
		suggest.host) < 0)
		str_clip(next, sizeof(next), "give its --uuid yourself");
	return error_set(err, -EEXIST, "uuid-known", next, "%s", suggest.why);
}

static void
adopt_new(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct db_discovered *d, const json_t *host, const char *reason)
{
	struct api_change_request ch = {
	    .must_add = true, .kind = &api_host_kind, .reason = reason};
	struct error err = {.code = ""};

	if (json_copy_str(host, "name", ch.name, sizeof(ch.name), &err) < 0 ||
	    check_new(o, d, host, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	json_t *document = json_deep_copy(host);
	discover_complete(d, document);
	ch.document = json_pack("{s:[o]}", api_host_kind.list, document);
	api_change(o, rq, who, &ch);
}

static void
adopt_to(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct db_discovered *d, const json_t *host, const char *reason)
{
	struct api_change_request ch = {.kind = &api_host_kind, .reason = reason};
	struct error err = {.code = ""};
	char etag[API_ETAG_SIZE];

	if (json_copy_str(host, "name", ch.name, sizeof(ch.name), &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	json_t *now = api_object_find(o, rq, &api_host_kind, ch.name, etag);
	if (!now)
		return;
	const char *site = json_string_value(json_object_get(now, "site"));
	if (json_object_size(host) != 1)
		error_set(&err, -EINVAL, "bad-value", "netboot-ctl host set changes it",
		    "host: an existing host is given the NIC and nothing else");
	else if (!str_eq(site, d->site))
		error_set(&err, -EINVAL, "bad-value", NULL,
		    "site: the machine was seen at %s, host %s is at %s", d->site,
		    ch.name, site);
	if (err.code[0]) {
		json_decref(now);
		api_refuse(rq, &err, NULL);
		return;
	}
	json_array_append_new(
	    json_object_get(now, "nics"), json_pack("{s:s}", "mac", d->mac));
	ch.document = json_pack("{s:[o]}", api_host_kind.list, now);
	api_change(o, rq, who, &ch);
}

void
api_discovered_adopt(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct db_discovered d;
	const char *reason = "";
	json_t *host = NULL;
	bool to = false;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_obj(body, "host", &host, &err) < 0 ||
	    json_opt_bool(body, "to", &to, &err) < 0 ||
	    json_opt_str(body, "reason", &reason, &err) < 0 ||
	    orders_reason_check(reason, false, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!host) {
		error_set(&err, -EINVAL, "bad-value", NULL, "host: missing");
		api_refuse(rq, &err, NULL);
		return;
	}
	/* Asked for again, it is a discovered machine no more. */
	if (api_repeated(o, rq, &who) || !find(o, rq, &d))
		return;
	if (to)
		adopt_to(o, rq, &who, &d, host, reason);
	else
		adopt_new(o, rq, &who, &d, host, reason);
}
