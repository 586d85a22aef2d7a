/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rollout does next. Pure: its state, the time and what is known come in, actions go out; whoever carries one out says so with
 * rollout_step_set() and its neighbours. */
#ifndef ORCHESTRATOR_ROLLOUT_STEP_H
#define ORCHESTRATOR_ROLLOUT_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db_rollout.h"
#include "orchestrator/rollout_policy.h"

/* A host that could not begin, or be asked, is tried again after that. */
#define ROLLOUT_STEP_AGAIN_US (60LL * 1000000)
/* What is held up by something that tells of no change is looked at again after that. */
#define ROLLOUT_STEP_LOOK_US (10LL * 1000000)
/* A host in flight whose site is not heard is lost so long after its window's end, or after it began where there is none. */
#define ROLLOUT_STEP_LOST_US (3600LL * 1000000)
#define ROLLOUT_STEP_LOST_OPEN_US (24LL * 3600 * 1000000)

enum { ROLLOUT_STEP_NO_GROUP = UINT32_MAX };

/* 100,000 of them are walked in a tick. */
struct rollout_step_host {
	int64_t opens, closes; /* closes 0: without end */
	int64_t since;	       /* when it took its state */
	int64_t again;	       /* not tried before */
	uint32_t site;	       /* a number, below n_sites */
	uint32_t batch;
	uint8_t state; /* enum db_rollout_host_state */
	uint8_t step;
	bool has_job; /* the job of this step is made */
	bool asked;   /* its gates are being asked */
	bool passed;  /* those before it begins were passed */
	bool bad;     /* a job before this step's failed */
	bool last;    /* no job follows on this step's */
};

/* Hosts with the same value of a label. */
struct rollout_step_label {
	uint32_t *group;     /* of each host, or ROLLOUT_STEP_NO_GROUP; owned */
	uint32_t *in_flight; /* of each group; owned */
	size_t n;	     /* groups */
};

struct rollout_step {
	struct rollout_policy policy;
	bool at_once; /* its jobs were all made when it was ordered */
	enum db_rollout_state state;
	bool ended;
	uint8_t steps; /* jobs that each host gets in turn */
	int64_t opens; /* of the whole */
	int64_t forgiven;
	struct rollout_step_host *v; /* in their order; owned */
	size_t n;
	uint32_t *in_site; /* in flight; owned */
	size_t n_sites;
	struct rollout_step_label label[ROLLOUT_POLICY_LABELS_MAX];
	/* Kept by the functions of this file: */
	size_t count[DB_ROLLOUT_HOST_STATES];
	size_t in_flight;
	size_t low;	    /* all hosts before it are final */
	size_t high;	    /* none from here on is in flight */
	int64_t next_close; /* the first end of a window of those that have not begun */
	uint32_t told;	    /* the last batch of which something has begun */
};

/* Takes over v, n, in_site, label and what else was read; counts. */
void
rollout_step_init(struct rollout_step *r);
void
rollout_step_done(struct rollout_step *r);

enum rollout_step_what {
	ROLLOUT_STEP_STATE, /* the rollout takes `state` because of `why` */
	ROLLOUT_STEP_BATCH, /* host i is the first of its batch that begins */
	ROLLOUT_STEP_ASK,   /* the gates of host i are to be asked */
	ROLLOUT_STEP_JOB,   /* the job of host i's step is to be made */
	ROLLOUT_STEP_HOST, /* host i takes `host`, with `step` and `bad`, because of `why` */
	ROLLOUT_STEP_ENDED, /* nothing of it runs any more, and nothing will begin */
};

struct rollout_step_action {
	enum rollout_step_what what;
	size_t i;
	enum db_rollout_state state;
	enum db_rollout_host_state host;
	uint8_t step;
	bool bad;
	struct error
	    why; /* code "": none. Of a host that is deferred: what held it up is for others to say first */
};

/* A look at one rollout at a time. */
struct rollout_step_scan {
	int64_t wall;
	int64_t room; /* hosts that may be in flight yet, of all rollouts */
	/* May something be begun at the site now? */
	bool (*may)(void *arg, uint32_t site);
	/* The program has just begun, and agents come to it one by one: one that is not heard yet holds up the batches behind it. */
	bool unsettled;
	/* Is the site's agent heard? */
	bool (*heard)(void *arg, uint32_t site);
	void *arg;
	int64_t
	    when; /* after the last action: when to look again; INT64_MAX: when something happens */
	/* Its own: */
	size_t i, front;
	int phase;
	bool all;
	int64_t close;
};

/* wall, room, may, heard and arg are set. */
void
rollout_step_begin(struct rollout_step *r, struct rollout_step_scan *s);
/* The next action; false: there is none. Before it is called again the action was carried out, and that was said by one of the
 * following functions, or by setting `again` of the host. */
bool
rollout_step_next(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret);

/* Host i has that state from now on (`wall`). */
void
rollout_step_set(
    struct rollout_step *r, size_t i, enum db_rollout_host_state state, int64_t wall);
/* It is tried again, but not yet. */
void
rollout_step_later(struct rollout_step *r, size_t i, int64_t wall);

/* How a job came to its end. */
enum rollout_step_outcome {
	ROLLOUT_STEP_DONE,
	ROLLOUT_STEP_FAILED,
	ROLLOUT_STEP_NOT_NOW, /* it never began, since the host or its agent had other work */
	ROLLOUT_STEP_TOO_LATE /* it never began, since its window was over */
};
/* Of a failed job, by what its agent or the orchestrator said. */
enum rollout_step_outcome
rollout_step_outcome(const char *code);
/* What host i does then; false: nothing, it has had its end. */
bool
rollout_step_job_end(const struct rollout_step *r, size_t i,
    enum rollout_step_outcome outcome, const struct error *why,
    struct rollout_step_action *ret);
/* And once all its gates were passed, or one was not. */
bool
rollout_step_gate_end(struct rollout_step *r, size_t i, bool passed,
    const struct error *why, struct rollout_step_action *ret);

/* What to make of a refused order. */
enum rollout_step_refusal {
	ROLLOUT_STEP_WAIT, /* it may pass */
	ROLLOUT_STEP_SKIP, /* this host cannot be worked on, and nothing is wrong with it */
	ROLLOUT_STEP_FAIL /* it will be refused again, and others may be, too */
};
enum rollout_step_refusal
rollout_step_refusal(const char *code);

/* Is a host in that state in flight, or has it come to its end? */
bool
rollout_step_flying(enum db_rollout_host_state state);
bool
rollout_step_final(enum db_rollout_host_state state);

#endif
