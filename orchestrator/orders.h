/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders to jobs: which hosts, may it be done, and with what. Everything is checked
 * before anything is made, and nothing is made if one host is refused. */
#ifndef ORCHESTRATOR_ORDERS_H
#define ORCHESTRATOR_ORDERS_H

#include <jansson.h>
#include <stdint.h>

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/rng.h"
#include "lib/secret.h"
#include "orchestrator/audit.h"
#include "orchestrator/place.h"

struct orders;
struct orders_caps;

struct orders_context {
	struct store *store;
	struct rng *rng;
	const struct secret_key
	    *key; /* or NULL: whether BMCs' passwords open is not looked at */
	const char *images_root;
	/* What sites' stores hold; or NULL: that is not looked at. */
	struct place *place;
	const struct orders_caps *caps; /* or NULL: none */
	/* Microseconds since the agent of a site was heard; INT64_MAX: never. */
	int64_t (*silence)(void *arg, const char *site);
	/* Why a site's agent can take no orders, or NULL. The function may be NULL. */
	const struct error *(*trouble)(void *arg, const char *site);
	void *arg;
	int64_t now;
};

struct orders_request {
	enum bundle_kind kind;
	const char *hosts; /* selector */
	const char *image; /* or "" */
	const char *reason;
	const char *action;   /* power: on|off|soft|cycle|reset */
	const char *retry_of; /* job id or "" */
	const char *rollout;  /* id or NULL: it is ordered alone */
	/* May it be switched off by force? What nobody said is after-timeout by hand; who orders unattended puts NEVER then. */
	enum bundle_force force;
	bool force_set;	  /* somebody said it */
	const char *hook; /* reboot: run on the host before, or "" */
	bool dry_run, yes;
	int64_t graceful_s, limit;
	int64_t at, window_s; /* wall: begin then, or so much later; 0: now */
	int64_t
	    until; /* wall: begin now, and not after that; 0: without end. Not from outside */
	int64_t
	    when_ready_s; /* wait so long for the image to be at the site; 0: refuse */
};

/* What to do about a host that has a job. */
#define ORDERS_BUSY_NEXT                                                              \
	"netboot-ctl watch follows it; wait for its end, or end it with netboot-ctl " \
	"job "                                                                        \
	"cancel"

/* What to do about a host whose BMC's password is being changed. */
#define ORDERS_ROTATION_NEXT \
	"if nobody is at it, netboot-ctl bmc rotate finds out and finishes it"

enum {
	ORDERS_LIMIT_DEFAULT = 20,
	ORDERS_GRACEFUL_DEFAULT_S = 60,
	ORDERS_WINDOW_DEFAULT_S = 3600,
	ORDERS_WINDOW_MAX_S = 7 * 24 * 3600,
	ORDERS_READY_MAX_S = 31 * 24 * 3600,
	ORDERS_AHEAD_MAX_S = 31 * 24 * 3600,
};

/* A reason as people give it, of an order or of anything else: not longer than there is room for, and
 * when it is `required` not blank. -EINVAL with *err. */
int
orders_reason_check(const char *reason, bool required, struct error *err) MUST_CHECK;
/* Strings are borrowed from v. -EINVAL with *err. */
int
orders_request_parse(
    const json_t *v, struct orders_request *ret, struct error *err) MUST_CHECK;
/* Reads a stored bundle into the request that would order the same again. */
int
orders_request_from_bundle(
    const json_t *bundle, struct orders_request *ret, struct error *err) MUST_CHECK;

/* 0 with the orders; -EPERM when they were refused (*err sums up, *ret_errors names each
 * host; owned by the caller, may be NULL); -EINVAL for a request that cannot be read;
 * else the database. */
int
orders_new(const struct orders_context *ctx, const struct orders_request *rq,
    const struct audit_who *who, struct orders **ret, json_t **ret_errors,
    struct error *err) MUST_CHECK;
/* What each host gets, as members of POST /jobs. Owned by the caller. */
json_t *
orders_work(const struct orders_request *rq);
/* What the audit keeps of what was asked for. Owned by the caller. */
json_t *
orders_detail(const struct orders_request *rq);
/* Writes jobs, their first event and their audit rows. Within a transaction. */
int
orders_write(const struct orders *o) MUST_CHECK;
/* The jobs as they are (dry run) or will be; borrowed until orders_free(). */
size_t
orders_count(const struct orders *o);
const char *
orders_job_id(const struct orders *o, size_t i);
const char *
orders_job_site(const struct orders *o, size_t i);
const char *
orders_job_host(const struct orders *o, size_t i);
/* When the job's time is over, by which it has to begin; 0: it has none. */
int64_t
orders_job_until(const struct orders *o, size_t i);
/* Before they are written: they belong to that rollout. */
void
orders_set_rollout(struct orders *o, const char *id);
/* As in POST /jobs, before they are written; `id` is null in a dry run. */
json_t *
orders_json(const struct orders *o);
void
orders_free(struct orders *o);

#endif
