/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /jobs and /jobs/{id}/cancel at the agent.
 *
 * A job that is ordered here is a bundle that the agent makes itself from the list that it was handed, durable in the spool
 * before the answer, with the event that tells the orchestrator of it. All hosts of an order are begun, or none. What is
 * refused is told later, too. Whether a host is free decides the agent alone: an order of the orchestrator that comes to a
 * host with a job of the site is refused with host-busy, and the other way round.
 *
 * Entry points: the handlers. Ownership: an order under way is its request's.
 * Failure modes: codes of docs/api.md; an order whose answer was lost is answered again under its Idempotency-Key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/local_order.h"
#include "agent/local_priv.h"
#include "agent/local_view.h"
#include "agent/run_local.h"
#include "agent/spool_local.h"
#include "agent/spool_past.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

struct making {
	struct local *l;
	struct local_who who;
	struct local_order o;
	struct bundle_image *image; /* the order's; deadlines owned */
	size_t n_images;
	struct bundle **jobs;
	size_t n;
	json_t *errors;
	char *key_answer;
	char request[SPOOL_LOCAL_DIGEST_SIZE];
	const char *key; /* or NULL */
};

static struct run_local
how_of(const struct local_who *who)
{
	return (struct run_local){.uid = (int64_t)who->uid, .user = who->name};
}

static void
put_by(const struct local *l, const struct local_who *who, char *buf, size_t size)
{
	char all[UNIX_USER_NAME_SIZE + EVENT_SITE_SIZE + 4];

	/* Clipped at its end, it is still nobody of the orchestrator's. */
	if (str_format(all, sizeof(all), "%s at %s", who->name, local_site(l)) < 0)
		abort();
	str_clip(buf, size, all);
}

/* ---- Idempotency-Key ---- */

static void
request_digest(struct rest_request *rq, char ret[SPOOL_LOCAL_DIGEST_SIZE])
{
	json_t *body = rest_body(rq, NULL);
	char *text = body != NULL ? json_text(body) : str_dup("");
	size_t size = strlen(rest_path(rq)) + strlen(text) + 2;
	char *all = str_alloc(size);

	if (str_format(all, size, "%s\n%s", rest_path(rq), text) < 0)
		abort();
	digest_sha256(all, strlen(all), ret);
	free(all);
	free(text);
}

/* True when the request was answered from the record, or refused for it. */
static bool
repeated(struct making *m, struct rest_request *rq)
{
	struct spool_local_key row;
	struct error err;
	int r;

	m->key = rest_header(rq, "Idempotency-Key");
	if (m->key == NULL)
		return false;
	if (m->key[0] == '\0' || strlen(m->key) > SPOOL_LOCAL_KEY_MAX) {
		error_set(&err, 0, "bad-value", NULL, "Idempotency-Key: not 1..%d octets",
		    SPOOL_LOCAL_KEY_MAX);
		local_refuse(rq, &err, NULL);
		return true;
	}
	request_digest(rq, m->request);
	r = spool_local_key_get(m->l->o.spool, (int64_t)m->who.uid, m->key, &row);
	if (r == 0)
		return false;
	if (r < 0) {
		local_failed(m->l, rq, r, "look up the Idempotency-Key");
	} else if (str_eq(row.request, m->request)) {
		rest_reply_json(rq, row.status, row.answer, NULL);
	} else {
		free(row.answer);
		error_set(&err, 0, "idempotency-mismatch",
		    "use a new key for a new request",
		    "this Idempotency-Key was used for another request");
		local_refuse(rq, &err, NULL);
	}
	return true;
}

static int
remember(void *arg, struct spool *spool)
{
	struct making *m = arg;
	struct spool_local_key row = {.status = 202, .answer = m->key_answer};

	if (m->key == NULL)
		return 0;
	str_clip(row.request, sizeof(row.request), m->request);
	return spool_local_key_put(
	    spool, (int64_t)m->who.uid, m->key, &row, clock_wall());
}

/* ---- making ---- */

static void
take_image(void *arg, const struct bundle_image *image)
{
	struct making *m = arg;

	if (!local_order_means(&m->o, image) || m->n_images++ > 0)
		return;
	*m->image = *image;
	json_incref(m->image->deadlines);
}

static int
find_image(struct making *m, struct error *err)
{
	const char *kind = bundle_kind_name(m->o.kind);
	int r;

	if (!local_order_boots(&m->o))
		return 0;
	r = spool_local_each_image(m->l->o.spool, take_image, m);
	if (r < 0)
		return spool_error(m->l->o.spool, r, err, "read the images");
	if (m->n_images == 0)
		return error_set(err, -EPERM, "image-unknown",
		    "netboot-ctl image list shows those that may be ordered here",
		    "no image %s that may be ordered at this site",
		    m->o.image[0] != '\0' ? m->o.image : kind);
	if (m->n_images > 1)
		return error_set(err, -EPERM, "image-unknown", "name one with --image",
		    "there are %zu images of kind %s, and none was named", m->n_images,
		    kind);
	if (m->o.kind != BUNDLE_BOOT && !str_eq(m->image->kind, kind))
		return error_set(err, -EPERM, "image-kind",
		    "name an image of that kind, or use boot",
		    "image %s is of kind %s, not %s", m->image->name, m->image->kind,
		    kind);
	return 0;
}

static void
fill(struct making *m, struct bundle *b, const struct local_msg_host *more)
{
	int64_t now = clock_wall();

	/* Ids of jobs are in order of time, those of the orchestrator among them. */
	id_make(run_jobs_now(*m->l->o.jobs), m->l->o.rng, b->job);
	b->kind = m->o.kind;
	str_clip(b->power_action, sizeof(b->power_action), m->o.action);
	b->force = m->o.force;
	b->graceful_us = m->o.graceful_s * USEC_PER_SEC;
	str_clip(b->reason, sizeof(b->reason), m->o.reason);
	put_by(m->l, &m->who, b->by, sizeof(b->by));
	b->created = now;
	bundle_bmc_copy(&b->bmc, &more->bmc);
	if (!local_order_boots(&m->o))
		return;
	b->image = *m->image;
	json_incref(b->image.deadlines);
}

/* 0 with *b filled, or -errno with *err. */
static int
make_job(struct making *m, const char *name, struct bundle *b, struct error *err)
{
	struct spool *s = m->l->o.spool;
	struct local_msg_host *more = str_alloc(sizeof(*more));
	int r = spool_get_host(s, name, &b->host, err);

	if (r == 1)
		r = spool_local_host(s, name, more);
	if (r == 1) {
		r = local_order_check(&m->o, &b->host, more, err);
		if (r == 0) {
			fill(m, b, more);
			r = run_local_may(*m->l->o.jobs, b, m->n, err);
		}
		local_msg_host_done(more);
	} else if (r == 0) {
		r = error_set(err, -EPERM, "no-inventory",
		    "order it when the orchestrator can be reached",
		    "the agent was never handed the BMC of this host");
	} else if (r == -EBADMSG) {
		error_set(err, r, "bmc-password-sealed",
		    "put back the key file that belongs to this spool (seal_key)",
		    "the BMC's secrets do not open with the agent's key");
	} else {
		spool_error(s, r, err, "read the host");
	}
	free(more);
	return r;
}

static void
make_all(struct making *m, const struct local_names *names)
{
	m->jobs = str_alloc((names->n + 1) * sizeof(*m->jobs));
	for (size_t i = 0; i < names->n; i++) {
		struct bundle *b = str_alloc(sizeof(*b));
		struct error err = {.code = ""};

		if (make_job(m, names->v[i], b, &err) < 0) {
			local_select_refuse(&m->errors, names->v[i], &err);
			bundle_done(b);
			free(b);
		} else {
			m->jobs[m->n++] = b;
		}
	}
}

static void
making_done(struct making *m)
{
	for (size_t i = 0; i < m->n; i++) {
		bundle_done(m->jobs[i]);
		free(m->jobs[i]);
	}
	free(m->jobs);
	json_decref(m->image->deadlines);
	free(m->image);
	free(m->key_answer);
}

/* ---- answers ---- */

static json_t *
answer_of(const struct making *m)
{
	struct spool_past_job *job = str_alloc(sizeof(*job));
	json_t *jobs = json_array();

	str_clip(job->origin, sizeof(job->origin), "local");
	for (size_t i = 0; i < m->n; i++) {
		json_t *v;

		job->bundle = *m->jobs[i]; /* borrows */
		job->run = (struct run){.stage = STAGE_QUEUED};
		v = local_view_job(local_site(m->l), job);
		if (m->o.dry_run)
			json_put(v, "id", json_null());
		json_array_append_new(jobs, v);
	}
	secret_wipe(job, sizeof(*job));
	free(job);
	return json_pack("{s:o, s:b}", "jobs", jobs, "dry_run", m->o.dry_run);
}

static void
tell_refusal(struct making *m, const struct error *err, const json_t *errors)
{
	const struct run_local how = how_of(&m->who);
	json_t *detail = local_order_detail(&m->o), *e;
	json_t *codes = json_array();
	size_t i;

	json_put_str(detail, "code", err->code);
	json_array_foreach (errors, i, e)
		if (i < 50)
			json_array_append_new(
			    codes, json_pack("[O, O]", json_object_get(e, "host"),
				       json_object_get(e, "code")));
	json_put(detail, "refused", codes);
	run_local_tell(*m->l->o.jobs, "local.refused", "", "", m->o.reason, detail, &how);
}

static void
refuse(struct making *m, struct rest_request *rq, const struct error *err)
{
	if (!m->o.dry_run)
		tell_refusal(m, err, m->errors);
	local_refuse(rq, err, m->errors);
	m->errors = NULL;
}

/* One refusal speaks for itself; of several the common code is kept. */
static void
refuse_hosts(struct making *m, struct rest_request *rq, size_t n)
{
	const json_t *first = json_array_get(m->errors, 0);
	const char *code = json_string_value(json_object_get(first, "code"));
	struct error err;
	json_t *e;
	size_t i;

	json_array_foreach (m->errors, i, e)
		if (!str_eq(code, json_string_value(json_object_get(e, "code"))))
			code = "refused";
	if (i == 1)
		error_set(&err, 0, code,
		    json_string_value(json_object_get(first, "next")), "%s: %s",
		    json_string_value(json_object_get(first, "host")),
		    json_string_value(json_object_get(first, "text")));
	else
		error_set(&err, 0, code,
		    "nothing was started: correct these, or leave them out",
		    "%zu of %zu hosts are refused", i, n);
	refuse(m, rq, &err);
}

static void
begin(struct making *m, struct rest_request *rq)
{
	struct run_local how = how_of(&m->who);
	json_t *answer = answer_of(m);
	size_t n = m->n;
	int r;

	m->key_answer = json_text(answer);
	how.also = remember;
	how.arg = m;
	m->n = 0; /* taken */
	r = run_local_order(*m->l->o.jobs, m->jobs, n, &how);
	if (r == 0) {
		rest_reply(rq, 202, answer, NULL);
		return;
	}
	json_decref(answer);
	local_failed(m->l, rq, r, "store the job");
}

static void
order(struct making *m, struct rest_request *rq)
{
	struct local_names names;
	struct error err;

	if (!local_hosts_of(m->l, rq, m->o.hosts, &names))
		return;
	if (m->l->o.replaced(m->l->o.arg)) {
		error_set(&err, 0, "agent-replaced", "ask the agent that is in charge",
		    "another agent is in charge of the site");
		refuse(m, rq, &err);
	} else if (local_order_amount(&m->o, names.n, &err) < 0 ||
		   find_image(m, &err) < 0) {
		refuse(m, rq, &err);
	} else {
		make_all(m, &names);
		if (m->errors != NULL)
			refuse_hosts(m, rq, names.n);
		else if (m->o.dry_run)
			rest_reply(rq, 200, answer_of(m), NULL);
		else
			begin(m, rq);
	}
	local_select_done(&names);
}

void
local_orders_add(void *arg, struct rest_request *rq)
{
	struct making m = {.l = arg};
	struct error err;
	const json_t *body;

	if (!local_allow(m.l, rq, &m.who))
		return;
	body = rest_body(rq, &err);
	m.image = str_alloc(sizeof(*m.image));
	if (body == NULL || local_order_parse(body, &m.o, &err) < 0) {
		if (body != NULL && str_eq(err.code, "needs-orchestrator") &&
		    !m.o.dry_run)
			tell_refusal(&m, &err, NULL);
		local_refuse(rq, &err, NULL);
	} else if (!repeated(&m, rq))
		order(&m, rq);
	making_done(&m);
}

void
local_orders_cancel(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	struct run_local how;
	struct error err;
	const char *reason = "", *id = rest_param(rq, "id");
	const json_t *body;
	struct spool_past_job *job;
	char by[64];

	if (!local_allow(l, rq, &who))
		return;
	body = rest_body(rq, &err);
	if (body == NULL || json_opt_str(body, "reason", &reason, &err) < 0) {
		local_refuse(rq, &err, NULL);
		return;
	}
	job = str_alloc(sizeof(*job));
	if (spool_past_job(l->o.spool, id, job) == 1) {
		how = how_of(&who);
		put_by(l, &who, by, sizeof(by));
		if (!run_ended(&job->run)) {
			run_local_tell(*l->o.jobs, "local.cancel", job->run.host, id,
			    reason, NULL, &how);
			run_jobs_cancel(*l->o.jobs, id, by);
		}
		spool_past_job_done(job);
	}
	free(job);
	local_jobs_reply(l, rq, 200, id);
}
