/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orchestrator in a simulated fleet: its own code for schedules, rollouts, orders and records over its own database, with a clock
 * that is set, and processes that end at any moment. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_ORCH_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_ORCH_H

#include "orchestrator/rollouts.h"
#include "orchestrator/scheduler.h"
#include "tests/sim/orchestrator/fleet_side.h"
#include "tests/sim/orchestrator/fleet_world.h"

struct record_gap;

/* A gate that is being asked. */
struct fleet_gate {
	uint64_t ticket, life;
	int host;
	bool after;
	struct fleet_side *side; /* whose it is; NULL: a schedule's */
};

enum { FLEET_GATES = 2048 };

struct fleet_orch {
	enum fleet_mutant mutant;
	char path[64];
	struct store *store; /* NULL: it is down */
	struct rollouts *rollouts;
	struct scheduler *scheduler;
	struct record_gap *gaps;
	bool *connected, *polling; /* of each site */
	int64_t off;		   /* its clock, ahead of true time */
	int64_t began;		   /* true */
	uint64_t life;
	bool failing; /* its disk is, in this call */
	int64_t tick_at;
	char last_job[ID_SIZE], last_rollout[ID_SIZE];
	struct fleet_gate gates[FLEET_GATES];
	size_t n_gates;
	bool *after; /* of each host: its job is done, the gates behind it are next */
	int64_t *done_at;
	struct fleet_side *
	    *party; /* of each host: who ordered it last; NULL: its schedule */
	unsigned in_flight;
	/* For the summary. */
	int64_t n_crashes, n_inside, n_jumps, n_ordered, n_gates_asked;
};

void
fleet_orch_new(struct fleet *f, enum fleet_mutant mutant, unsigned in_flight);
void
fleet_orch_free(struct fleet *f);
int64_t
fleet_orch_wall(const struct fleet *f);
bool
fleet_orch_take(struct fleet *f, const struct fleet_todo *t);
/* After something was changed from outside: it looks at once. */
void
fleet_orch_soon(struct fleet *f);
/* Which week does a run belong to? */
int
fleet_orch_week(int64_t nominal);
struct audit_who
fleet_orch_who(const char *name);
/* What became of a run; "": nothing is said of it. */
void
fleet_orch_outcome(
    struct fleet *f, const char *schedule, int64_t nominal, char *ret, size_t size);
/* After the commit of a hold. */
struct holds_effect;
void
fleet_orch_effect(struct fleet *f, const struct holds_effect *e);
/* Lets go of what is old. */
void
fleet_orch_weekly(struct fleet *f);
/* The files that a process left. */
void
fleet_orch_remove(int pid);

#endif
