/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of rollouts.h share. */
#ifndef ORCHESTRATOR_ROLLOUTS_PRIV_H
#define ORCHESTRATOR_ROLLOUTS_PRIV_H

#include "lib/event.h"
#include "orchestrator/rollout_plan.h"
#include "orchestrator/rollout_step.h"
#include "orchestrator/rollouts.h"

/* What hosts get: of most work one job. Of a drill the live image, and then the way back, of which there are two: with the force that the
 * work allows, or with all that it takes. */
enum { ROLLOUTS_ORDERS_MAX = 3 };

/* One that is carried out. */
struct rollout {
	struct db_rollout row;
	struct rollout_step step;
	char **host;   /* names, in their order; owned */
	char **site;   /* names of sites; owned */
	uint8_t *held; /* of each site, for one look: 0 not looked at, 1 may, 2 may not */
	json_t *doc;
	/* What each host is given, one job after another. */
	json_t *work[ROLLOUTS_ORDERS_MAX];
	struct orders_request order[ROLLOUTS_ORDERS_MAX]; /* strings in work */
	json_t *gates;
	int64_t younger_us;
	bool wipes; /* it was known to install systems anew when it was made */
	bool approval;
	bool unread;	 /* it could not be read: tried again */
	bool look_again; /* an end of a job could not be noted: all are looked at again */
	int64_t not_before; /* after a failure of the database */
};

/* Gates that are being asked. */
struct rollouts_ask {
	uint64_t ticket;
	char id[ID_SIZE];
	size_t i;
};

struct rollouts {
	struct rollouts_ops ops;
	int64_t born; /* wall, when it was loaded */
	struct rollout **v;
	size_t n;
	struct rollouts_ask *asks;
	size_t n_asks;
	uint64_t ticket;
	size_t first; /* whose turn it is to come first */
	/* Of the transaction under way, for when it is written: */
	size_t *ask_i;
	size_t n_ask_i;
	struct store_names wake, changed;
	bool told;
};

/* rollouts.c: another one that has the host in flight, whose gates are asked or which soaks: it would see this one's work as its own
 * failure. NULL: none has. */
const struct rollout *
rollouts_flying_elsewhere(
    const struct rollouts *r, const struct rollout *ro, const char *host);
/* rollouts_load.c: reads a rollout that is open; *ret NULL: it has ended, and `even_ended` is not set. */
int
rollouts_load(
    struct rollouts *r, const char *id, bool even_ended, struct rollout **ret) MUST_CHECK;
void
rollouts_load_free(struct rollout *ro);
/* The members of the document that the rest of the program asks for. */
json_t *
rollouts_load_doc(const struct rollouts_request *rq, bool wipes);
/* The requests of a piece of work, of which there is one for each job; -EINVAL with *err. The strings are in *ret_work, which are the
 * caller's. Returns how many. */
int
rollouts_load_work(const json_t *work, const char *reason,
    json_t *ret_work[ROLLOUTS_ORDERS_MAX], struct orders_request ret[ROLLOUTS_ORDERS_MAX],
    struct error *err) MUST_CHECK;

/* rollouts_begin.c: the hosts in their order, of a drill those whose turn it is; owned by the caller, their names are borrowed. */
int
rollouts_plan(struct store *s, const struct rollouts_request *rq,
    struct rollout_plan_host **ret, size_t *ret_n, struct error *err) MUST_CHECK;
/* Under which kind that work counts for the caps (orders_cap_kind()). */
const char *
rollouts_cap_kind(struct store *s, const json_t *work);

/* rollouts_act.c: carries one action out. Within a transaction; when it is not committed, the rollout has to be loaded anew. */
int
rollouts_act(struct rollouts *r, struct rollout *ro, const struct rollout_step_action *a,
    int64_t wall) MUST_CHECK;
/* An event about it, written. `why`: NULL or without a code: nothing is to be said. */
int
rollouts_act_tell(struct rollouts *r, const struct db_rollout *row, const char *kind,
    const struct error *why, int64_t wall) MUST_CHECK;

/* rollouts_gate.c: asks the gates of those hosts that the transaction has put there. */
void
rollouts_gate_ask(struct rollouts *r, struct rollout *ro, size_t i);
/* … of that rollout, once it is written. */
void
rollouts_gate_send(struct rollouts *r, struct rollout *ro);
/* Nothing of it is waited for any more. */
void
rollouts_gate_forget(struct rollouts *r, const char *id);

/* rollouts_drill.c: what its hosts are given is a live image and the way back. */
bool
rollouts_drill_is(const struct rollout *ro);
/* May it be drilled with that image? Work of other kinds may always. -EINVAL with *err. */
int
rollouts_drill_check(struct store *s, const json_t *work, struct error *err) MUST_CHECK;
/* The job of host i has ended so: is there a way back, and should it be told otherwise? */
int
rollouts_drill_ended(struct rollouts *r, struct rollout *ro, size_t i, const char *job,
    enum rollout_step_outcome *outcome, struct error *why) MUST_CHECK;
/* Which of ro->order[] its next job is. */
int
rollouts_drill_order(
    struct rollouts *r, const struct rollout *ro, size_t i, int *ret) MUST_CHECK;
/* The host goes from a job into the state `to`: if its drill is over by that, it is reported, and *h says what of it. In the transaction
 * of that state. */
int
rollouts_drill_report(struct rollouts *r, const struct rollout *ro,
    enum db_rollout_host_state to, struct db_rollout_host *h, int64_t wall) MUST_CHECK;

/* rollouts.c */
struct rollout *
rollouts_find(const struct rollouts *r, const char *id);
/* Carries one action out in a transaction of its own, with what follows it. When that fails the rollout is read again at its next turn. */
int
rollouts_one(struct rollouts *r, struct rollout *ro, const struct rollout_step_action *a,
    int64_t wall) MUST_CHECK;
/* Whether the host came up, or was given a job of ours that went well, within `us` before `wall`; *ret_at: when. */
int
rollouts_act_younger(struct store *s, const char *host, int64_t us, int64_t wall,
    int64_t *ret_at) MUST_CHECK;

#endif
