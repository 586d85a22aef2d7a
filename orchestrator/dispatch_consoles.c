// SPDX-License-Identifier: GPL-3.0-or-later
/* Which consoles a site's agent records always, in pages, with the credentials that it needs for it.
 *
 * Entry point: dispatch_consoles(), for the agent in charge alone. A page names the site's version, by which the agent
 * knows that all its pages are of one state of the inventory; it asks again whenever its table changes.
 * Ownership: nothing is kept here; passwords are in clear only in the answer.
 * Failure modes: a host whose password does not open is left out, and told in the log: the others are recorded. */
#include <errno.h>
#include <stdlib.h>

#include "db/db_site.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/credentials.h"
#include "orchestrator/dispatch_priv.h"

enum { PAGE = 50 };

/* Of what was learned only what decides how its sessions are held: the rest is evidence. */
static void
keep_manners_alone(json_t *bmc)
{
	static const char *const members[] = {"device", "manners"};
	const json_t *learned = json_object_get(bmc, "learned");
	json_t *less;

	if (!learned)
		return;
	less = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_object_get(learned, members[i]))
			json_object_set(
			    less, members[i], json_object_get(learned, members[i]));
	json_put(bmc, "learned", less);
}

static int
add_host(struct dispatch *d, const char *name, const char *seal_key, struct db_host *h,
    json_t *hosts)
{
	struct bundle_bmc bmc;
	struct credentials_sealed sealed;
	struct error err;
	json_t *v;
	int rc = db_host_get(d->ops.store, name, h);

	/* Which password the BMC has is not settled: it is listed again when it is. */
	if (rc < 0 || h->sealed_next[0])
		return rc;
	bmc = h->bmc;
	rc = dispatch_call_bmc(d, h, &bmc);
	if (rc == 0) {
		v = bundle_bmc_to_json(&bmc);
		credentials_take(h, &sealed);
		if (credentials_put(d->ops.key, &sealed, false, seal_key, v, &err) < 0) {
			log_error(d->ops.log, "the console of %s is not recorded: %s: %s",
			    name, err.text, err.next);
			json_decref(v);
		} else {
			keep_manners_alone(v);
			json_array_append_new(
			    hosts, json_pack("{s:s, s:o}", "host", name, "bmc", v));
		}
	}
	bundle_bmc_wipe(&bmc);
	return rc;
}

static int
read_page(struct dispatch *d, const char *site, const char *after, const char *seal_key,
    json_t *ret)
{
	struct store_names names = {0};
	struct db_host *h = str_alloc(sizeof(*h));
	json_t *hosts = json_array();
	int64_t version = 0;
	int rc = db_site_version(d->ops.store, site, &version);

	if (rc == 0)
		rc = db_host_always(d->ops.store, site, after, PAGE, &names);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = add_host(d, names.v[i], seal_key, h, hosts);
	json_put_i64(ret, "v", 1);
	json_put_i64(ret, "version", version);
	if (rc == 0 && names.n == PAGE)
		json_put_str(ret, "after", names.v[names.n - 1]);
	json_put(ret, "hosts", hosts);
	store_names_done(&names);
	free(h);
	return rc;
}

struct question {
	const char *site, *agent, *after, *seal_key;
};

static int
read_question(const json_t *v, struct question *q, struct error *err)
{
	if (!v || json_get_str(v, "site", &q->site, err) < 0 ||
	    json_get_str(v, "agent", &q->agent, err) < 0 ||
	    json_opt_str(v, "after", &q->after, err) < 0 ||
	    json_opt_str(v, "seal_key", &q->seal_key, err) < 0)
		return -EINVAL;
	if (!str_name_valid(q->site) || !id_valid(q->agent))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "not an agent of a site");
	return 0;
}

void
dispatch_consoles(struct dispatch *d, struct rest_request *rq, const char *enrolled)
{
	struct question q = {"", "", "", ""};
	char seal_key[SECRET_BOX_PUBLIC_TEXT];
	struct error err = {.code = ""};
	json_t *page;
	int rc = read_question(rest_body(rq, &err), &q, &err);

	/* Passwords are for the agent in charge. */
	if (rc == 0 && !str_eq(dispatch_site(d, q.site)->agent, q.agent))
		rc = error_set(&err, -EEXIST, "agent-duplicate",
		    "the agent asks again when it is in charge",
		    "site %s: agent %s is not in charge", q.site, q.agent);
	if (rc == 0)
		rc = dispatch_sign_key(rq, q.seal_key, enrolled, seal_key, &err);
	if (rc < 0) {
		dispatch_refuse(rq, &err);
		return;
	}
	page = json_object();
	rc = read_page(d, q.site, q.after, seal_key, page);
	if (rc == 0) {
		rest_reply(rq, 200, page, NULL);
		return;
	}
	json_decref(page);
	db_error(store_db(d->ops.store), rc, &err, "read which consoles are recorded");
	dispatch_refuse(rq, &err);
}
