// SPDX-License-Identifier: GPL-3.0-or-later
/* What a site's agent needs for orders that are made at the site while the orchestrator cannot be reached: BMCs and locks
 * of the site's hosts, in pages, and the images that may be ordered there.
 *
 * Entry point: dispatch_local(), for the agent in charge alone. A page names the site's version, by which the agent knows
 * that all its pages are of one state of the inventory; it asks again whenever its table changes, and now and then.
 * Ownership: nothing is kept here; passwords are sealed to the agent's key, or in clear in the answer, over the unix socket, to an agent without one.
 * Failure modes: a host whose secrets do not open, or are being changed, is told without them and why (`withheld`): it can
 * be looked at there, and not be switched. */
#include <errno.h>
#include <stdlib.h>

#include "db/db_image.h"
#include "db/db_site.h"
#include "lib/json.h"
#include "lib/local_msg.h"
#include "lib/str.h"
#include "orchestrator/credentials.h"
#include "orchestrator/dispatch_priv.h"

enum { PAGE = 50 };

struct question {
	const char *site, *agent, *after;
	const char *seal_key;
	char to
	    [SECRET_BOX_PUBLIC_TEXT]; /* whom secrets are sealed to; "": nobody, over the unix socket */
};

static void
withhold(const struct local_msg_host *is, const char *code, json_t *v)
{
	if (is->bmc.address[0])
		json_put_str(v, "withheld", code);
}

/* Puts the secrets into the host's document, or why they are not there. Who has no key gets none by TCP. */
static void
put_secrets(struct dispatch *d, const struct question *q, const struct db_host *h,
    const struct local_msg_host *is, json_t *v)
{
	struct credentials_sealed sealed;
	struct error err;
	json_t *bmc = json_object_get(v, "bmc");

	if (!json_is_object(bmc))
		return;
	credentials_take(h, &sealed);
	if (h->sealed_next[0]) {
		withhold(is, "rotation-open", v);
	} else if (str_eq(q->to, DISPATCH_NO_KEY)) {
		withhold(is, "bmc-password-not-sent", v);
	} else if (credentials_put(d->ops.key, &sealed, false, q->to, bmc, &err) < 0) {
		log_error(d->ops.log, "%s cannot be switched from its site: %s: %s",
		    h->host.name, err.text, err.next);
		withhold(is, err.code, v);
	}
}

static int
add_host(struct dispatch *d, const struct question *q, const char *name,
    struct db_host *h, json_t *hosts)
{
	struct local_msg_host *is;
	json_t *v;
	int rc = db_host_get(d->ops.store, name, h);

	if (rc < 0)
		return rc;
	is = str_alloc(sizeof(*is));
	str_clip(is->name, sizeof(is->name), name);
	str_clip(is->image, sizeof(is->image), h->image);
	str_clip(is->locked_by, sizeof(is->locked_by), h->locked_by);
	str_clip(is->locked_reason, sizeof(is->locked_reason), h->locked_reason);
	is->locked_at = h->locked_at;
	is->bmc = h->bmc;
	rc = dispatch_call_bmc(d, h, &is->bmc);
	if (rc == 0) {
		v = local_msg_host_to_json(is);
		put_secrets(d, q, h, is, v);
		json_array_append_new(hosts, v);
	}
	local_msg_host_done(is);
	free(is);
	return rc;
}

/* Those that erase nothing. */
static int
read_images(struct dispatch *d, json_t *images)
{
	struct db_image *image = str_alloc(sizeof(*image));
	struct store_names names = {0};
	int rc = db_image_names(d->ops.store, NULL, INT64_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_image_get(d->ops.store, names.v[i], image);
		if (rc < 0)
			break;
		if (local_msg_image_fits(image->image.kind) &&
		    json_array_size(images) < LOCAL_MSG_IMAGES_MAX)
			json_array_append_new(
			    images, bundle_image_to_json(&image->image));
		db_image_done(image);
	}
	store_names_done(&names);
	free(image);
	return rc;
}

static int
read_page(struct dispatch *d, const struct question *q, json_t *ret)
{
	struct store_names names = {0};
	struct db_host *h = str_alloc(sizeof(*h));
	json_t *hosts = json_array(), *images = json_array();
	int64_t version = 0;
	int rc = db_site_version(d->ops.store, q->site, &version);

	if (rc == 0)
		rc = db_host_names(
		    d->ops.store, q->site, q->after[0] ? q->after : NULL, PAGE, &names);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = add_host(d, q, names.v[i], h, hosts);
	if (rc == 0 && !q->after[0])
		rc = read_images(d, images);
	json_put_i64(ret, "v", 1);
	json_put_i64(ret, "version", version);
	if (rc == 0 && names.n == PAGE)
		json_put_str(ret, "after", names.v[names.n - 1]);
	json_put(ret, "hosts", hosts);
	json_put(ret, "images", images);
	store_names_done(&names);
	free(h);
	return rc;
}

static int
read_question(
    struct rest_request *rq, const char *enrolled, struct question *q, struct error *err)
{
	const json_t *v = rest_body(rq, err);

	*q = (struct question){.site = "", .agent = "", .after = "", .seal_key = ""};
	if (!v || json_get_str(v, "site", &q->site, err) < 0 ||
	    json_get_str(v, "agent", &q->agent, err) < 0 ||
	    json_opt_str(v, "after", &q->after, err) < 0 ||
	    json_opt_str(v, "seal_key", &q->seal_key, err) < 0)
		return -EINVAL;
	if (!str_name_valid(q->site) || !id_valid(q->agent))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "not an agent of a site");
	return dispatch_sign_key(rq, q->seal_key, enrolled, q->to, err);
}

void
dispatch_local(struct dispatch *d, struct rest_request *rq, const char *enrolled)
{
	struct question q;
	struct error err = {.code = ""};
	json_t *page;
	int rc = read_question(rq, enrolled, &q, &err);

	/* Passwords are for the agent in charge. */
	if (rc == 0 && !str_eq(dispatch_site(d, q.site)->agent, q.agent))
		rc = error_set(&err, -EEXIST, "agent-duplicate",
		    "the agent asks again when it is in charge",
		    "site %s: agent %s is not in charge", q.site, q.agent);
	if (rc < 0) {
		dispatch_refuse(rq, &err);
		return;
	}
	page = json_object();
	rc = read_page(d, &q, page);
	if (rc == 0) {
		rest_reply(rq, 200, page, NULL);
		return;
	}
	json_decref(page);
	db_error(store_db(d->ops.store), rc, &err, "read what the site needs alone");
	dispatch_refuse(rq, &err);
}
