/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rollouts that no calendar ordered, beside those of schedules and on the same hosts: by hand, and a schedule's run at once. What must hold
 * of each of them, judged by what was seen at the machines. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_SIDE_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_SIDE_H

#include "tests/sim/orchestrator/fleet_oracle.h"

/* What gates of the first by hand ask; the next one's ask the next port. */
enum { FLEET_PORT = 2000 };

/* Of a host in such a rollout. */
struct fleet_side_host {
	bool named;
	enum fleet_phase phase;
	int64_t until; /* of FLEET_SOAK */
	int64_t failed_at, missed_at;
	int turns; /* that it may have, and reboots that it had */
	int reboots;
};

struct fleet_side {
	char name[24]; /* the reason of its jobs */
	char id[ID_SIZE];
	struct fleet_rule k; /* caps and the like, as they were meant */
	int rule;	     /* of which it is a run; FLEET_NONE: by hand */
	int64_t from, to;    /* its window, by the clocks of agents */
	bool approved, stopped, over;
	unsigned fails;
	struct fleet_side_host *v; /* of each host of the fleet */
};

struct fleet_sides *
fleet_side_new(void);
void
fleet_side_free(struct fleet_sides *s);
/* Another one, which waits for its fields; NULL: there were enough. */
struct fleet_side *
fleet_side_add(struct fleet *f, const struct fleet_rule *k, int rule);
size_t
fleet_side_count(const struct fleet *f);
struct fleet_side *
fleet_side_at(struct fleet *f, size_t i);
/* By the reason of a job, by what its gates ask, or by the rollout; NULL: it is a schedule's. */
struct fleet_side *
fleet_side_of(struct fleet *f, const char *reason);
struct fleet_side *
fleet_side_of_rollout(struct fleet *f, const char *id);

/* Hosts in flight, of all of them. */
unsigned
fleet_side_flight(struct fleet *f);
/* Has one of them (but not `except`) the host in flight? */
bool
fleet_side_has(struct fleet *f, int host, const struct fleet_side *except);

/* As their namesakes of fleet_oracle.h. */
void
fleet_side_waits(struct fleet *f, struct fleet_side *d, int host);
void
fleet_side_begins(struct fleet *f, struct fleet_side *d, const struct fleet_job *job);
void
fleet_side_reboots(struct fleet *f, struct fleet_side *d, int host);
void
fleet_side_ends(struct fleet *f, struct fleet_side *d, const struct fleet_job *job);
void
fleet_side_gate_asked(struct fleet *f, struct fleet_side *d, int host, bool after);
void
fleet_side_gate_answered(
    struct fleet *f, struct fleet_side *d, int host, bool after, bool passed);
void
fleet_side_gate_forgotten(struct fleet *f, struct fleet_side *d, int host);
void
fleet_side_failure_heard(struct fleet *f, struct fleet_side *d, int host);
void
fleet_side_ordered(struct fleet *f, struct fleet_side *d, int host);
/* Whoever is lost is so for good. */
void
fleet_side_drop(struct fleet *f);
void
fleet_side_clock(struct fleet *f);
void
fleet_side_resumed(struct fleet_side *d);
void
fleet_side_opened(struct fleet_side *d, int64_t from, int64_t to);
void
fleet_side_again(struct fleet_side *d, int host);

#endif
