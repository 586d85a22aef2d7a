// SPDX-License-Identifier: GPL-3.0-or-later
/* From "reinstall edge[01-03]" to jobs.
 *
 * Entry points: orders_request_parse(), orders_new() which checks every host and refuses
 * all if it refuses one, orders_write() which makes the jobs in the caller's transaction.
 * Orders own their jobs and bundles. A bundle is complete when it is ordered: what runs
 * is what was checked here.
 *
 * Failure modes: refusals carry the codes of docs/api.md, one per host; a host that gets
 * a job between check and write is caught by the database's unique index (-EEXIST). */
#include "orchestrator/orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "orchestrator/credentials.h"
#include "orchestrator/deadlines.h"
#include "orchestrator/holds.h"
#include "orchestrator/images.h"
#include "orchestrator/job_json.h"
#include "orchestrator/orders_cap.h"
#include "orchestrator/orders_force.h"
#include "orchestrator/presence.h"
#include "orchestrator/refusals.h"
#include "orchestrator/selector.h"

enum { LIMIT_MAX = 10000, GRACEFUL_MAX_S = 3600, SHOWN_MAX = 200 };

struct order {
	struct db_job job;
	char deadlines
	    [DEADLINES_TEXT_SIZE]; /* those that come from the host's past, for the event */
	char *bundle;		   /* JSON text without the password */
};

struct orders {
	struct orders_context ctx;
	bool with_past; /* the hosts' past is read, for their deadlines */
	struct orders_request rq;
	struct audit_who who;
	int64_t id_at; /* the time in the jobs' ids */
	struct order *v;
	size_t n;
	char looked_at
	    [BUNDLE_NAME_SIZE]; /* image whose files were found good for the host before */
};

static bool
boots_image(enum bundle_kind kind)
{
	return kind == BUNDLE_REINSTALL || kind == BUNDLE_RESCUE || kind == BUNDLE_LIVE ||
	       kind == BUNDLE_BOOT;
}

static bool
power_action_valid(const char *s)
{
	static const char *const actions[] = {"on", "off", "soft", "cycle", "reset"};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_eq(s, actions[i]))
			return true;
	return false;
}

int
orders_reason_check(const char *reason, bool required, struct error *err)
{
	if (required && strspn(reason, " \t\r\n") == strlen(reason))
		return error_set(err, -EINVAL, "reason-missing",
		    "say why, for instance --reason INC-123", "no reason was given");
	if (strlen(reason) >= BUNDLE_REASON_SIZE)
		return error_set(err, -EINVAL, "bad-value", "shorten it",
		    "reason: longer than %d octets", BUNDLE_REASON_SIZE - 1);
	return 0;
}

static int
check_request(struct orders_request *r, struct error *err)
{
	if (strlen(r->hosts) == 0)
		return error_set(
		    err, -EINVAL, "bad-value", "name at least one host", "hosts: empty");
	if (orders_reason_check(r->reason, true, err) < 0)
		return -EINVAL;
	if (r->graceful_s < 0 || r->graceful_s > GRACEFUL_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL, "graceful_s: not 0..%d",
		    GRACEFUL_MAX_S);
	if (orders_force_check(r, err) < 0)
		return -EINVAL;
	if (r->limit < 1 || r->limit > LIMIT_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "limit: not 1..%d", LIMIT_MAX);
	if (r->kind == BUNDLE_POWER && !power_action_valid(r->action))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "action: not on, off, soft, cycle or reset");
	if (r->image[0] && !boots_image(r->kind))
		return error_set(err, -EINVAL, "bad-value", "leave the image out",
		    "image: a %s boots none", bundle_kind_name(r->kind));
	if (r->when_ready_s != 0 && !boots_image(r->kind))
		return error_set(err, -EINVAL, "bad-value", "leave when_ready_s out",
		    "when_ready_s: a %s boots no image", bundle_kind_name(r->kind));
	if (r->when_ready_s < 0 || r->when_ready_s > ORDERS_READY_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "when_ready_s: not 0..%d", ORDERS_READY_MAX_S);
	if (r->when_ready_s != 0 && r->at != 0)
		return error_set(err, -EINVAL, "bad-value",
		    "leave when_ready_s out: until then the site fetches the image",
		    "when_ready_s: the order has a time of its own");
	if (r->kind == BUNDLE_BOOT && !r->image[0])
		return error_set(err, -EINVAL, "image-unknown", "name one with --image",
		    "image: boot needs one");
	return 0;
}

/* Members "at" (RFC 3339) and "window_s": whether they lie in the future is for orders_new() to say. */
static int
parse_window(const json_t *v, struct orders_request *r, struct error *err)
{
	const char *at = "";

	r->window_s = 0;
	if (json_opt_str(v, "at", &at, err) < 0 ||
	    json_opt_i64(v, "window_s", &r->window_s, err) < 0)
		return -EINVAL;
	if (at[0] && clock_parse(at, &r->at) < 0)
		return error_set(err, -EINVAL, "bad-value",
		    "write it as 2026-01-31T03:00:00+01:00",
		    "at: no date and time with a zone");
	if (!at[0] && r->window_s != 0)
		return error_set(err, -EINVAL, "bad-value", "say when it opens: at",
		    "window_s: a window needs a time");
	if (at[0] && r->window_s == 0)
		r->window_s = ORDERS_WINDOW_DEFAULT_S;
	if (at[0] && (r->window_s < 1 || r->window_s > ORDERS_WINDOW_MAX_S))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "window_s: not within a second and a week");
	return 0;
}

static int
check_time(const struct orders_request *r, int64_t now, struct error *err)
{
	if (r->until != 0 && r->until <= now)
		return error_set(err, -EPERM, "window-over",
		    "give it a window that is to come",
		    "the window in which it may begin is over");
	if (r->at == 0)
		return 0;
	if (r->at <= now)
		return error_set(err, -EINVAL, "bad-value", "to begin now, name no time",
		    "at: that time has passed");
	if (r->at - now > ORDERS_AHEAD_MAX_S * USEC_PER_SEC)
		return error_set(err, -EINVAL, "bad-value", "order it nearer to its time",
		    "at: more than %d days ahead", ORDERS_AHEAD_MAX_S / 86400);
	return 0;
}

int
orders_request_parse(const json_t *v, struct orders_request *ret, struct error *err)
{
	struct orders_request r = {.hosts = "",
	    .image = "",
	    .reason = "",
	    .action = "",
	    .hook = "",
	    .retry_of = "",
	    .graceful_s = ORDERS_GRACEFUL_DEFAULT_S,
	    .limit = ORDERS_LIMIT_DEFAULT};
	const char *kind = NULL;

	if (json_get_str(v, "kind", &kind, err) < 0 ||
	    json_get_str(v, "hosts", &r.hosts, err) < 0 ||
	    json_opt_str(v, "image", &r.image, err) < 0 ||
	    json_opt_str(v, "reason", &r.reason, err) < 0 ||
	    json_opt_str(v, "action", &r.action, err) < 0 ||
	    bundle_force_from_json(v, &r.force, &r.force_set, err) < 0 ||
	    json_opt_str(v, "hook", &r.hook, err) < 0 ||
	    json_opt_i64(v, "graceful_s", &r.graceful_s, err) < 0 ||
	    json_opt_bool(v, "dry_run", &r.dry_run, err) < 0 ||
	    json_opt_bool(v, "yes", &r.yes, err) < 0 ||
	    json_opt_i64(v, "limit", &r.limit, err) < 0 ||
	    json_opt_i64(v, "when_ready_s", &r.when_ready_s, err) < 0 ||
	    parse_window(v, &r, err) < 0)
		return -EINVAL;
	if (bundle_kind_parse(kind, &r.kind) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "kind: not reinstall, rescue, live, boot, reboot or power");
	int rc = check_request(&r, err);
	if (rc == 0)
		*ret = r;
	return rc;
}

int
orders_request_from_bundle(
    const json_t *bundle, struct orders_request *ret, struct error *err)
{
	struct orders_request r = {
	    .image = "", .action = "", .hook = "", .retry_of = "", .limit = 1};
	const json_t *image = json_object_get(bundle, "image");
	const char *kind = NULL;
	int64_t graceful_us = ORDERS_GRACEFUL_DEFAULT_S * USEC_PER_SEC;

	if (json_get_str(bundle, "kind", &kind, err) < 0 ||
	    json_get_str(json_object_get(bundle, "host"), "name", &r.hosts, err) < 0 ||
	    json_get_str(bundle, "reason", &r.reason, err) < 0 ||
	    json_opt_str(bundle, "power_action", &r.action, err) < 0 ||
	    bundle_force_from_json(bundle, &r.force, &r.force_set, err) < 0 ||
	    json_opt_str(bundle, "hook", &r.hook, err) < 0 ||
	    json_opt_i64(bundle, "graceful_us", &graceful_us, err) < 0 ||
	    (json_is_object(image) && json_get_str(image, "name", &r.image, err) < 0))
		return -EINVAL;
	if (bundle_kind_parse(kind, &r.kind) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "kind: unknown");
	r.graceful_s = graceful_us / USEC_PER_SEC;
	int rc = check_request(&r, err);
	if (rc == 0)
		*ret = r;
	return rc;
}

/* Without a name: a reinstall takes the host's own image, rescue and live the only one of
 * the kind. */
static int
image_name(const struct orders *o, const struct db_host *h, char *buf, size_t size,
    struct error *err)
{
	const char *kind = bundle_kind_name(o->rq.kind);
	struct store_names names = {0};

	if (o->rq.image[0] || o->rq.kind == BUNDLE_REINSTALL) {
		str_clip(buf, size, o->rq.image[0] ? o->rq.image : h->image);
		if (buf[0])
			return 0;
		return error_set(err, -EPERM, "image-unknown",
		    "set the host's image, or name one with --image",
		    "host %s has no image of its own and none was named", h->host.name);
	}
	int rc = db_image_names_of_kind(o->ctx.store, kind, &names);
	if (rc < 0)
		return db_error(store_db(o->ctx.store), rc, err, "read the images");
	if (names.n == 1)
		str_clip(buf, size, names.v[0]);
	else
		rc = error_set(err, -EPERM, "image-unknown",
		    names.n ? "name one with --image"
			    : "add one with netboot-ctl image add",
		    "there are %zu images of kind %s, and none was named", names.n, kind);
	store_names_done(&names);
	return rc;
}

static int
check_files(const char *root, const struct bundle_image *b, struct error *err)
{
	int rc = images_check(root, b->kernel.path, b->kernel.size, err);

	for (size_t i = 0; rc == 0 && i < b->n_initrds; i++)
		rc = images_check(root, b->initrds[i].path, b->initrds[i].size, err);
	for (size_t i = 0; rc == 0 && i < b->n_files; i++)
		rc = images_check(root, b->files[i].path, b->files[i].size, err);
	if (rc == 0)
		return 0;
	error_prefix(err, "image %s", b->name);
	return -EPERM;
}

static int
find_image(struct orders *o, const struct db_host *h, struct bundle_image *ret,
    struct error *err)
{
	const char *kind = bundle_kind_name(o->rq.kind);
	struct db_image *image = NULL;
	char name[BUNDLE_NAME_SIZE];

	if (!boots_image(o->rq.kind))
		return 0;
	int rc = image_name(o, h, name, sizeof(name), err);
	if (rc < 0)
		return rc;
	image = str_alloc(sizeof(*image));
	rc = db_image_get(o->ctx.store, name, image);
	if (rc == -ENOENT)
		rc = error_set(err, -EPERM, "image-unknown",
		    "netboot-ctl image list shows them", "no image %s", name);
	else if (rc < 0)
		rc = db_error(store_db(o->ctx.store), rc, err, "read the image");
	else if (o->rq.kind != BUNDLE_BOOT && !str_eq(image->image.kind, kind))
		rc = error_set(err, -EPERM, "image-kind",
		    "name an image of that kind, or use boot",
		    "image %s is of kind %s, not %s", name, image->image.kind, kind);
	else if (!str_eq(o->looked_at, name))
		rc = check_files(o->ctx.images_root, &image->image, err);
	if (rc == 0) {
		str_clip(o->looked_at, sizeof(o->looked_at), name);
		*ret = image->image;
		image->image.deadlines = NULL;
	}
	db_image_done(image);
	free(image);
	return rc;
}

/* Is the image at the site, as far as its store has told? A site that shares the orchestrator's files, or has no store that
 * tells, is its agent's to judge; and what is to begin later may still come. */
static int
check_place(struct orders *o, const char *site, const struct bundle_image *image,
    struct order *ret, struct error *err)
{
	struct place_image at;

	if (!o->ctx.place || !boots_image(o->rq.kind) || o->rq.at)
		return 0;
	place_image(o->ctx.place, site, image, &at);
	if (at.whole)
		return 0;
	if (o->rq.when_ready_s > 0) {
		ret->job.image_until = o->ctx.now + o->rq.when_ready_s * USEC_PER_SEC;
		return 0;
	}
	if (!at.told || !at.apart)
		return 0;
	return error_set(err, -EPERM, "image-not-here",
	    "order it with --when-ready, or bring it there first: netboot-ctl image "
	    "place",
	    "image %.100s is not at site %s yet: %d %% of it are there%s%.200s",
	    image->name, site, place_percent(&at), at.why.code[0] ? "; " : "",
	    at.why.code[0] ? at.why.text : "");
}

static int
check_agent(const struct orders *o, const char *site, struct error *err)
{
	int64_t silence = o->ctx.silence(o->ctx.arg, site);
	const struct error *trouble =
	    o->ctx.trouble ? o->ctx.trouble(o->ctx.arg, site) : NULL;

	if (trouble)
		return error_set(err, -EPERM, trouble->code, trouble->next,
		    "the agent of site %s takes no orders: %s", site, trouble->text);
	if (!presence_absent(silence))
		return 0;
	/* Not queued: a reinstall that begins hours after it was ordered is not what was
	 * ordered. */
	return error_set(err, -EPERM, "agent-absent",
	    "see netboot-ctl doctor and the agent's log", "the agent of site %s %s", site,
	    silence == INT64_MAX ? "was never heard"
				 : "was not heard for more than a minute");
}

static int
check_host(const struct orders *o, const struct db_host *h, struct error *err)
{
	char job[ID_SIZE];

	int held = holds_check(o->ctx.store, h->site, err);

	if (held < 0)
		return held;
	if (h->locked_at)
		return error_set(err, -EPERM, "host-locked",
		    "netboot-ctl host unlock, once that is over", "locked by %s: %s",
		    h->locked_by, h->locked_reason);
	/* Whether it is busy then its agent will see. */
	int rc =
	    o->rq.at ? -ENOENT : db_job_open_of_host(o->ctx.store, h->host.name, job);
	if (rc == 0)
		return error_set(err, -EPERM, "host-busy", ORDERS_BUSY_NEXT,
		    "job %s is under way", job);
	if (rc != -ENOENT)
		return db_error(store_db(o->ctx.store), rc, err, "read the jobs");
	if (h->sealed_next[0])
		return error_set(err, -EPERM, "rotation-open", ORDERS_ROTATION_NEXT,
		    "the password of its BMC is being changed: which one it has is not "
		    "settled");
	if (o->ctx.key && credentials_check(o->ctx.key, h, err) < 0)
		return -EPERM;
	if (h->bmc.address[0] == '\0')
		return error_set(err, -EPERM, "no-bmc", "add the BMC to the host",
		    "the host has no BMC, so nothing can switch its power");
	if (boots_image(o->rq.kind) && h->host.n_nics == 0)
		return error_set(err, -EPERM, "no-boot-mac",
		    "add its network card to the host",
		    "the host has no MAC address to boot from");
	return check_agent(o, h->site, err);
}

static void
fill_job(const struct orders *o, const struct db_host *h, const struct bundle *b,
    struct db_job *job)
{
	str_clip(job->id, sizeof(job->id), b->job);
	str_clip(job->kind, sizeof(job->kind), bundle_kind_name(b->kind));
	str_clip(job->host, sizeof(job->host), h->host.name);
	str_clip(job->site, sizeof(job->site), h->site);
	str_clip(job->image, sizeof(job->image), b->image.name);
	str_clip(job->reason, sizeof(job->reason), b->reason);
	str_clip(job->by, sizeof(job->by), b->by);
	str_clip(job->stage, sizeof(job->stage), stage_name(STAGE_QUEUED));
	str_clip(job->retry_of, sizeof(job->retry_of), o->rq.retry_of);
	job->created = b->created;
	str_clip(job->rollout, sizeof(job->rollout), o->rq.rollout ? o->rq.rollout : "");
	job->not_before = b->not_before;
	job->not_after = b->not_after;
	job->state = DB_JOB_QUEUED;
}

/* Fills one order, or says why not: -EPERM. */
static int
make_order(struct orders *o, const char *name, struct order *ret, struct error *err)
{
	struct db_host *h = str_alloc(sizeof(*h));
	struct bundle *b = str_alloc(sizeof(*b));
	struct db_site *site = str_alloc(sizeof(*site));
	int rc = db_host_get(o->ctx.store, name, h);

	if (rc == 0)
		rc = db_site_get(o->ctx.store, h->site, site);
	if (rc < 0) {
		db_error(store_db(o->ctx.store), rc, err, "read the host");
		goto out;
	}
	rc = check_host(o, h, err);
	if (rc == 0)
		rc = find_image(o, h, &b->image, err);
	if (rc == 0)
		rc = check_place(o, h->site, &b->image, ret, err);
	if (rc == 0 && o->with_past)
		rc = deadlines_from_past(o->ctx.store, name, &b->image, ret->deadlines,
		    sizeof(ret->deadlines), err);
	if (rc < 0)
		goto out;
	id_make(o->id_at, o->ctx.rng, b->job);
	b->kind = o->rq.kind;
	str_clip(b->power_action, sizeof(b->power_action), o->rq.action);
	b->force = o->rq.kind == BUNDLE_POWER ? BUNDLE_FORCE_AFTER_TIMEOUT : o->rq.force;
	b->graceful_us = o->rq.graceful_s * USEC_PER_SEC;
	str_clip(b->hook, sizeof(b->hook), o->rq.hook ? o->rq.hook : "");
	str_clip(b->reason, sizeof(b->reason), o->rq.reason);
	str_clip(b->by, sizeof(b->by), o->who.name);
	b->created = o->ctx.now;
	b->not_before = o->rq.at;
	b->not_after = o->rq.at ? o->rq.at + o->rq.window_s * USEC_PER_SEC : 0;
	if (o->rq.until != 0) {
		b->not_before = o->ctx.now;
		b->not_after = o->rq.until;
	}
	if (!h->idle_set)
		h->host.idle = site->site.idle;
	b->host = h->host;
	b->bmc = h->bmc;
	fill_job(o, h, b, &ret->job);
	json_t *v = bundle_to_json(b);
	ret->bundle = json_text(v);
	json_decref(v);
out:
	bundle_done(b);
	free(site);
	free(b);
	free(h);
	return rc;
}

static void
add_error(json_t **errors, const char *host, const struct error *e)
{
	if (!*errors)
		*errors = json_array();
	refusals_add(*errors, host, e);
}

/* One refusal speaks for itself; of several the common code is kept. */
static int
sum_up(const json_t *errors, size_t n_hosts, struct error *err)
{
	const json_t *first = json_array_get(errors, 0);
	const char *code = json_string_value(json_object_get(first, "code"));
	size_t i;
	json_t *e;

	if (json_array_size(errors) == 1)
		return error_set(err, -EPERM, code,
		    json_string_value(json_object_get(first, "next")), "%s: %s",
		    json_string_value(json_object_get(first, "host")),
		    json_string_value(json_object_get(first, "text")));
	json_array_foreach (errors, i, e)
		if (!str_eq(code, json_string_value(json_object_get(e, "code"))))
			code = "refused";
	return error_set(err, -EPERM, code,
	    "nothing was started: correct these, or leave them out",
	    "%zu of %zu hosts are refused", json_array_size(errors), n_hosts);
}

static int
check_amount(const struct orders *o, size_t n, struct error *err)
{
	bool harmless = o->rq.kind == BUNDLE_POWER && str_eq(o->rq.action, "on");

	if (n == 0)
		return error_set(err, -EPERM, "host-unknown",
		    "netboot-ctl host list shows them", "no host matches %.200s",
		    o->rq.hosts);
	if (n > (size_t)o->rq.limit)
		return error_set(err, -EPERM, "too-many-hosts",
		    "name fewer, or raise the limit with --limit",
		    "%zu hosts match, the limit is %lld", n, (long long)o->rq.limit);
	if (n > 1 && !o->rq.yes && !o->rq.dry_run && !harmless)
		return error_set(err, -EPERM, "confirmation-needed",
		    "look at them with --dry-run, then repeat with --yes",
		    "%s of %zu hosts was not confirmed", bundle_kind_name(o->rq.kind), n);
	return 0;
}

/* What whoever orders cannot lift, as --limit. */
static int
check_caps(const struct orders *o, size_t n, struct error *err)
{
	const char *kind =
	    orders_cap_kind(o->ctx.store, o->rq.kind, o->rq.action, o->rq.image);
	int rc = orders_cap_check(&o->ctx, &o->who, kind, n, err);

	return rc < 0 ? rc : orders_cap_fits(&o->ctx, kind, n, err);
}

static int
make_all(
    struct orders *o, const struct store_names *names, json_t **errors, struct error *err)
{
	o->v = str_alloc((names->n + 1) * sizeof(o->v[0]));
	o->with_past = names->n <= DEADLINES_HOSTS_MAX;
	for (size_t i = 0; i < names->n; i++) {
		struct error why = {.code = ""};
		int rc = make_order(o, names->v[i], &o->v[o->n], &why);
		if (rc == 0) {
			o->n++;
		} else if (rc == -EPERM) {
			add_error(errors, names->v[i], &why);
		} else {
			*err = why;
			return rc;
		}
	}
	return 0;
}

/* Jobs are listed in order of their ids. So these are later than every other, also when the clock was
 * set back. */
static int
choose_id_time(struct orders *o, struct error *err)
{
	char last[ID_SIZE] = "";
	int rc = db_job_last(o->ctx.store, last);

	if (rc < 0 && rc != -ENOENT)
		return db_error(store_db(o->ctx.store), rc, err, "read the jobs");
	int64_t after = id_time(last) + USEC_PER_MSEC;
	o->id_at = o->ctx.now > after ? o->ctx.now : after;
	return 0;
}

int
orders_new(const struct orders_context *ctx, const struct orders_request *rq,
    const struct audit_who *who, struct orders **ret, json_t **ret_errors,
    struct error *err)
{
	struct orders *o = str_alloc(sizeof(*o));
	struct store_names names = {0};

	o->ctx = *ctx;
	o->rq = *rq;
	o->who = *who;
	*ret_errors = NULL;
	bool reading = db_read_begin(store_db(ctx->store));
	int rc = check_time(rq, ctx->now, err);
	/* One answer for all hosts; of a frozen site's each has its own. */
	if (rc == 0)
		rc = holds_check(ctx->store, NULL, err);
	if (rc == 0)
		rc = selector_resolve(ctx->store, rq->hosts, &names, ret_errors, err);
	size_t n = names.n + json_array_size(*ret_errors);
	if (rc == 0)
		rc = check_amount(o, n, err);
	if (rc == 0)
		rc = check_caps(o, n, err);
	if (rc == 0)
		rc = choose_id_time(o, err);
	if (rc == 0)
		rc = make_all(o, &names, ret_errors, err);
	if (rc == 0 && json_array_size(*ret_errors) > 0)
		rc = sum_up(*ret_errors, n, err);
	db_read_end(store_db(ctx->store), reading);
	store_names_done(&names);
	if (rc < 0)
		orders_free(o);
	else
		*ret = o;
	return rc;
}

static int
write_event(const struct orders *o, const struct order *order)
{
	const struct db_job *job = &order->job;
	struct event ev = event_make("job.queued", o->ctx.now);

	str_clip(ev.site, sizeof(ev.site), job->site);
	str_clip(ev.host, sizeof(ev.host), job->host);
	str_clip(ev.job, sizeof(ev.job), job->id);
	str_clip(ev.reason, sizeof(ev.reason), job->reason);
	event_put(&ev, "kind", job->kind);
	event_put(&ev, "by", job->by);
	if (job->image[0])
		event_put(&ev, "image", job->image);
	if (job->rollout[0])
		event_put(&ev, "rollout", job->rollout);
	if (order->deadlines[0])
		event_put(&ev, "deadlines", order->deadlines);
	if (job->not_before) {
		event_put_i64(&ev, "not_before", job->not_before);
		event_put_i64(&ev, "not_after", job->not_after);
	}
	if (job->image_until)
		event_put_i64(&ev, "image_until", job->image_until);
	int rc = db_event_add(o->ctx.store, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

json_t *
orders_work(const struct orders_request *rq)
{
	json_t *v = json_object();

	json_put_str(v, "kind", bundle_kind_name(rq->kind));
	json_put_str(v, "image", rq->image);
	json_put_str(v, "action", rq->action);
	if (rq->kind != BUNDLE_POWER)
		json_put_str(v, "force", bundle_force_name(rq->force));
	json_put_str(v, "hook", rq->hook);
	if (rq->kind != BUNDLE_POWER)
		json_put_i64(v, "graceful_s", rq->graceful_s);
	return v;
}

json_t *
orders_detail(const struct orders_request *rq)
{
	char asked[SHOWN_MAX];
	json_t *v = json_object();

	str_clip(asked, sizeof(asked), rq->hosts);
	json_put_str(v, "asked", asked);
	json_put_str(v, "image", rq->image);
	json_put_str(v, "action", rq->action);
	json_put_str(v, "retry_of", rq->retry_of);
	json_put_str(v, "rollout", rq->rollout);
	if (rq->force == BUNDLE_FORCE_AT_ONCE)
		json_put_bool(v, "hard", true);
	if (rq->force_set)
		json_put_str(v, "force", bundle_force_name(rq->force));
	json_put_str(v, "hook", rq->hook);
	if (rq->kind == BUNDLE_REBOOT)
		json_put_i64(v, "graceful_s", rq->graceful_s);
	if (rq->when_ready_s)
		json_put_i64(v, "when_ready_s", rq->when_ready_s);
	json_put_i64(v, "limit", rq->limit);
	if (rq->at) {
		job_json_time(v, "at", rq->at);
		json_put_i64(v, "window_s", rq->window_s);
	}
	return v;
}

int
orders_write(const struct orders *o)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->n; i++) {
		const struct db_job *job = &o->v[i].job;
		char what[32];
		json_t *detail = orders_detail(&o->rq);
		json_put_str(detail, "job", job->id);
		json_put_str(detail, "image", job->image);
		json_put_i64(detail, "of_hosts", (int64_t)o->n);
		rc = str_format(what, sizeof(what), "job.%s", job->kind);
		if (rc == 0)
			rc = db_job_add(o->ctx.store, job, o->v[i].bundle);
		if (rc == 0)
			rc = write_event(o, &o->v[i]);
		if (rc == 0)
			rc = audit_write(o->ctx.store, &o->who,
			    &(struct audit_row){.what = what,
				.object = job->host,
				.reason = job->reason,
				.result = "ok",
				.detail = detail},
			    o->ctx.now);
		json_decref(detail);
	}
	return rc;
}

size_t
orders_count(const struct orders *o)
{
	return o->n;
}

const char *
orders_job_id(const struct orders *o, size_t i)
{
	return o->v[i].job.id;
}

const char *
orders_job_site(const struct orders *o, size_t i)
{
	return o->v[i].job.site;
}

int64_t
orders_job_until(const struct orders *o, size_t i)
{
	const struct db_job *job = &o->v[i].job;

	return job->not_after ? job->not_after : job->image_until;
}

void
orders_set_rollout(struct orders *o, const char *id)
{
	for (size_t i = 0; i < o->n; i++)
		str_clip(o->v[i].job.rollout, sizeof(o->v[i].job.rollout), id);
}

const char *
orders_job_host(const struct orders *o, size_t i)
{
	return o->v[i].job.host;
}

json_t *
orders_json(const struct orders *o)
{
	json_t *jobs = json_array();

	for (size_t i = 0; i < o->n; i++) {
		json_t *job = job_json(&o->v[i].job);
		/* There will be no job of that name. */
		if (o->rq.dry_run)
			json_put(job, "id", json_null());
		json_array_append_new(jobs, job);
	}
	return json_pack("{s:o, s:b}", "jobs", jobs, "dry_run", o->rq.dry_run);
}

void
orders_free(struct orders *o)
{
	if (!o)
		return;
	for (size_t i = 0; o->v && i < o->n; i++)
		free(o->v[i].bundle);
	free(o->v);
	free(o);
}
