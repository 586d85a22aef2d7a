// SPDX-License-Identifier: GPL-3.0-or-later
/* Rollouts from their rows into memory.
 *
 * Entry points: rollouts_load() when the program starts, after one was made or changed, and after a failed write: the rows are the
 * truth, and what is in memory is made of them and of nothing else. rollouts_load_work() reads what each host gets; a drill is a
 * live image and then a reboot to the disk, of which rollouts_drill.c takes one of two.
 * Ownership: the caller frees. Failure modes: an errno of the database; -EUCLEAN for a document that cannot be one of ours. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/rollouts_priv.h"
#include "orchestrator/strset.h"

static json_t *
one_job(const json_t *work, const char *kind, const char *reason)
{
	json_t *v = json_object();
	const char *key;
	json_t *member;

	json_object_foreach ((json_t *)work, key, member)
		json_object_set(v, key, member);
	json_put_str(v, "kind", kind);
	json_put_str(v, "reason", reason);
	json_put_str(v, "hosts", "all");
	json_put_bool(v, "yes", true);
	json_put_i64(v, "limit", 1);
	return v;
}

/* The jobs of a piece of work as POST /jobs would be given them. */
static int
make_jobs(const json_t *work, const char *reason, json_t *ret[ROLLOUTS_ORDERS_MAX])
{
	const char *kind = json_string_value(json_object_get(work, "kind"));

	if (!str_eq(kind, "drill")) {
		ret[0] = one_job(work, kind ? kind : "", reason);
		return 1;
	}
	ret[0] = one_job(work, "live", reason);
	ret[1] = one_job(work, "reboot", reason);
	ret[2] = one_job(work, "reboot", reason);
	for (int k = 1; k < ROLLOUTS_ORDERS_MAX; k++) {
		json_object_del(ret[k], "image");
		json_object_del(ret[k], "hook");
	}
	/* Whatever runs there by then, it is no system of anybody's. */
	json_object_del(ret[2], "hard");
	json_put_str(ret[2], "force", "after-timeout");
	return ROLLOUTS_ORDERS_MAX;
}

int
rollouts_load_work(const json_t *work, const char *reason,
    json_t *ret_work[ROLLOUTS_ORDERS_MAX], struct orders_request ret[ROLLOUTS_ORDERS_MAX],
    struct error *err)
{
	int n = make_jobs(work, reason, ret_work);

	for (int k = 0; k < n; k++) {
		int rc = orders_request_parse(ret_work[k], &ret[k], err);
		if (rc < 0)
			return rc;
		/* Nothing is switched off by force unless somebody said so. */
		if (!ret[k].force_set && ret[k].kind != BUNDLE_POWER &&
		    ret[k].graceful_s > 0)
			ret[k].force = BUNDLE_FORCE_NEVER;
	}
	return n;
}

json_t *
rollouts_load_doc(const struct rollouts_request *rq, bool wipes)
{
	json_t *v = json_object();

	json_object_set(v, "work", (json_t *)rq->work);
	json_put(v, "policy", rollout_policy_to_json(rq->policy));
	if (rq->skip_if_younger_s > 0)
		json_put_i64(v, "skip_if_younger_s", rq->skip_if_younger_s);
	if (rq->approval)
		json_put_bool(v, "approval", true);
	if (wipes)
		json_put_bool(v, "wipes", true);
	return v;
}

static int
read_doc(struct rollout *ro)
{
	struct error err = {.code = ""};
	int64_t younger_s = 0;

	ro->doc = json_parse(ro->row.doc, strlen(ro->row.doc), &err);
	if (!ro->doc ||
	    rollout_policy_from_json(
		json_object_get(ro->doc, "policy"), &ro->step.policy, &err) < 0 ||
	    json_opt_i64(ro->doc, "skip_if_younger_s", &younger_s, &err) < 0 ||
	    json_opt_bool(ro->doc, "approval", &ro->approval, &err) < 0 ||
	    json_opt_bool(ro->doc, "wipes", &ro->wipes, &err) < 0 ||
	    json_opt_bool(ro->doc, "at_once", &ro->step.at_once, &err) < 0)
		return -EUCLEAN;
	ro->younger_us = younger_s * USEC_PER_SEC;
	ro->gates = gate_check_list_json(&ro->step.policy.gates);
	int n = rollouts_load_work(
	    json_object_get(ro->doc, "work"), ro->row.reason, ro->work, ro->order, &err);
	if (n < 0)
		return -EUCLEAN;
	ro->step.steps = n > 1 ? 2 : 1;
	return 0;
}

struct reading {
	struct rollout *ro;
	struct strset sites;
	size_t cap, cap_sites;
};

static uint32_t
site_number(struct reading *rd, const char *name)
{
	struct rollout *ro = rd->ro;
	size_t n = ro->step.n_sites, have;

	if (!strset_add(&rd->sites, name, n, &have))
		return (uint32_t)have;
	if (n == rd->cap_sites) {
		rd->cap_sites = rd->cap_sites ? 2 * rd->cap_sites : 16;
		ro->site = str_realloc(ro->site, rd->cap_sites * sizeof(ro->site[0]));
	}
	ro->site[n] = str_dup(name);
	ro->step.n_sites++;
	return (uint32_t)n;
}

static void
take_host(void *arg, const struct db_rollout_host *h)
{
	struct reading *rd = arg;
	struct rollout_step *st = &rd->ro->step;

	if (st->n == rd->cap) {
		rd->cap = rd->cap ? 2 * rd->cap : 64;
		st->v = str_realloc(st->v, rd->cap * sizeof(st->v[0]));
		rd->ro->host =
		    str_realloc(rd->ro->host, rd->cap * sizeof(rd->ro->host[0]));
	}
	rd->ro->host[st->n] = str_dup(h->host);
	st->v[st->n++] = (struct rollout_step_host){.opens = h->opens,
	    .closes = h->closes,
	    .since = h->since,
	    .site = site_number(rd, h->site),
	    .batch = (uint32_t)h->batch,
	    .state = (uint8_t)h->state,
	    .step = (uint8_t)h->step,
	    .has_job = h->job[0] != '\0',
	    .bad = h->step > 0 && h->why.code[0] != '\0'};
}

struct grouping {
	struct rollout_step *st;
	struct rollout_step_label *l;
	struct strset values;
};

static void
take_label(void *arg, int64_t n, const char *value)
{
	struct grouping *g = arg;
	size_t k = g->l->n;

	if (n < 0 || (size_t)n >= g->st->n)
		return;
	if (strset_add(&g->values, value, k, &k))
		g->l->n++;
	g->l->group[n] = (uint32_t)k;
}

static int
read_labels(struct rollouts *r, struct rollout *ro)
{
	struct rollout_step *st = &ro->step;
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < st->policy.n_labels; k++) {
		struct rollout_step_label *l = &st->label[k];
		struct grouping g = {.st = st, .l = l};
		l->group = str_alloc((st->n + 1) * sizeof(l->group[0]));
		for (size_t i = 0; i < st->n; i++)
			l->group[i] = (uint32_t)ROLLOUT_STEP_NO_GROUP;
		rc = db_rollout_labels(r->ops.store, ro->row.id,
		    st->policy.per_label[k].key, take_label, &g);
		l->in_flight = str_alloc((l->n + 1) * sizeof(l->in_flight[0]));
		strset_done(&g.values);
	}
	return rc;
}

static int
read_rollout(struct rollouts *r, const char *id, bool even_ended, struct rollout *ro)
{
	struct reading rd = {.ro = ro};
	int rc = db_rollout_get(r->ops.store, id, &ro->row);

	if (rc < 0 || (ro->row.ended && !even_ended))
		return rc;
	rc = read_doc(ro);
	if (rc == 0)
		rc = db_rollout_hosts(
		    r->ops.store, id, NULL, -1, ROLLOUT_POLICY_HOSTS_MAX, take_host, &rd);
	strset_done(&rd.sites);
	if (rc == 0)
		rc = read_labels(r, ro);
	if (rc < 0)
		return rc;
	ro->step.state = ro->row.state;
	ro->step.ended = ro->row.ended != 0;
	ro->step.opens = ro->row.opens;
	ro->step.forgiven = ro->row.forgiven;
	ro->step.in_site = str_alloc((ro->step.n_sites + 1) * sizeof(uint32_t));
	ro->held = str_alloc(ro->step.n_sites + 1);
	rollout_step_init(&ro->step);
	return 0;
}

int
rollouts_load(struct rollouts *r, const char *id, bool even_ended, struct rollout **ret)
{
	struct rollout *ro = str_alloc(sizeof(*ro));
	bool reading = db_read_begin(store_db(r->ops.store));
	int rc = read_rollout(r, id, even_ended, ro);

	db_read_end(store_db(r->ops.store), reading);
	if (rc < 0 || (ro->row.ended && !even_ended)) {
		rollouts_load_free(ro);
		ro = NULL;
	}
	if (rc == 0)
		*ret = ro;
	return rc;
}

void
rollouts_load_free(struct rollout *ro)
{
	if (!ro)
		return;
	for (size_t i = 0; i < ro->step.n; i++)
		free(ro->host[i]);
	for (size_t i = 0; i < ro->step.n_sites; i++)
		free(ro->site[i]);
	free(ro->host);
	free(ro->site);
	free(ro->held);
	rollout_step_done(&ro->step);
	json_decref(ro->doc);
	json_decref(ro->gates);
	for (size_t k = 0; k < ROLLOUTS_ORDERS_MAX; k++)
		json_decref(ro->work[k]);
	db_rollout_done(&ro->row);
	free(ro);
}
