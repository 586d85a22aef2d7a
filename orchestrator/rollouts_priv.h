/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of rollouts.h share. */
#ifndef ORCHESTRATOR_ROLLOUTS_PRIV_H
#define ORCHESTRATOR_ROLLOUTS_PRIV_H

#include "lib/event.h"
#include "orchestrator/rollout_step.h"
#include "orchestrator/rollouts.h"

enum { ROLLOUTS_STEPS_MAX = 2 };

/* One that is carried out. */
struct rollout {
	struct db_rollout row;
	struct rollout_step step;
	char **host;   /* names, in their order; owned */
	char **site;   /* names of sites; owned */
	uint8_t *held; /* of each site, for one look: 0 not looked at, 1 may, 2 may not */
	json_t *doc;
	/* What each host is given, one job after another: of a drill two. */
	json_t *work[ROLLOUTS_STEPS_MAX];
	struct orders_request order[ROLLOUTS_STEPS_MAX]; /* strings in work */
	json_t *gates;
	int64_t younger_us;
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

/* rollouts_load.c: reads a rollout that is open; *ret NULL: it has ended, and `even_ended` is not set. */
int
rollouts_load(
    struct rollouts *r, const char *id, bool even_ended, struct rollout **ret) MUST_CHECK;
void
rollouts_load_free(struct rollout *ro);
/* The members of the document that the rest of the program asks for. */
json_t *
rollouts_load_doc(const struct rollouts_request *rq);
/* The requests of a piece of work, of which there is one for each job; -EINVAL with *err. The strings are in *ret_work, which are the
 * caller's. Returns how many. */
int
rollouts_load_work(const json_t *work, const char *reason,
    json_t *ret_work[ROLLOUTS_STEPS_MAX], struct orders_request ret[ROLLOUTS_STEPS_MAX],
    struct error *err) MUST_CHECK;

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
