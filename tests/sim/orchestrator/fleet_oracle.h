/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must hold of the fleet whatever happens, judged by what was seen at the machines and on the lines. Nothing in here reads what
 * the orchestrator believes; fleet_account.c compares the two at the end of a rollout. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_ORACLE_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_ORACLE_H

#include "tests/sim/orchestrator/fleet_world.h"

struct fleet_side;

enum { FLEET_RULES = 8, FLEET_WEEKS = 60 };

/* An agent's clock may be off by that. */
#define FLEET_UNSURE (20 * MIN)

/* A weekly reboot of a wave, as whoever ordered it meant it. 0: no such cap. */
struct fleet_rule {
	char name[24]; /* of the schedule; the reason of its jobs, too */
	int wave;
	int minute; /* on Sundays, as the clock on the wall of each site shows it */
	int64_t window, jitter, soak;
	unsigned in_flight, per_site, per_rack, per_pair, max_fail, canary;
	unsigned batch_percent; /* 0: all at once */
	bool gates, run_once;
	bool wipes; /* the work needs a second person, every week */
	int64_t
	    younger; /* who came up later than so long ago is left alone; 0: nobody is */
};

enum fleet_cap {
	FLEET_CAP_ROLLOUT,
	FLEET_CAP_SITE,
	FLEET_CAP_RACK,
	FLEET_CAP_PAIR,
	FLEET_CAP_ALL,
	FLEET_CAPS
};

enum fleet_phase {
	FLEET_IDLE,
	FLEET_JOB, /* an agent has it */
	FLEET_GATE_AFTER,
	FLEET_SOAK
};

/* What an agent and its lines have shown of a host in the run at hand. */
struct fleet_seen {
	enum fleet_phase phase;
	int64_t until;		     /* of FLEET_SOAK */
	int week, batch;	     /* in which it was ordered last, then: */
	int64_t ordered_at, gate_at; /* and when a gate before its job was asked last */
	int reboot_week;	     /* in which it was rebooted last */
	int reboots;		     /* in it */
	bool again; /* somebody ordered that it has another turn, and it had none yet … */

	int64_t held_at; /* when something that kept it from beginning was over */
	int64_t failed_at,
	    missed_at;	  /* when a job or gate failed, or could not begin; true time */
	int retried_week; /* … in the run of that week */
	int64_t
	    up_at; /* when it came up, true time, as far as the orchestrator heard; 0: it does not know */
};

/* Which faults of an orchestrator are played, to see that they are found. */
enum fleet_mutant {
	FLEET_HONEST,
	FLEET_FORGETS_TOTAL, /* each cap is told to it twice as large as it is meant … */
	FLEET_FORGETS_SITE,
	FLEET_FORGETS_RACK,
	FLEET_FORGETS_GLOBAL,
	FLEET_FORGETS_BUDGET,
	FLEET_OTHER_HOUR,   /* windows open an hour early */
	FLEET_OTHER_ZONE,   /* it takes every site for one in Tokyo */
	FLEET_TWICE,	    /* a job comes to the agent a second time under another id */
	FLEET_DEAF_TO_HOLD, /* holds are not written */
	FLEET_NO_BATCHES,
	FLEET_NO_SOAK,
	FLEET_LOSES_RUN,     /* a schedule is put forward a week */
	FLEET_LOSES_HOST,    /* a host's row is said to be ok though nothing was done */
	FLEET_NEEDS_NOBODY,  /* nobody is asked to approve */
	FLEET_DISTURBS,	     /* it does not ask how old a host is */
	FLEET_DEAF_TO_PAUSE, /* of schedules … */
	FLEET_DEAF_TO_SKIP,
	FLEET_FORGETS_HAND, /* what people order has caps twice as large */
	FLEET_HAND_OFF,	    /* … and windows that begin earlier and end later */
	FLEET_MUTANTS
};

struct fleet_oracle *
fleet_oracle_new(
    struct fleet *f, const struct fleet_rule *rules, size_t n, unsigned in_flight);
void
fleet_oracle_free(struct fleet_oracle *o);

const struct fleet_rule *
fleet_oracle_rule(const struct fleet_oracle *o, size_t i);
/* When the rule's window of that week opens at a zone; by the C library's zones, not by libical. */
int64_t
fleet_oracle_opens(const struct fleet_oracle *o, size_t rule, int zone, int week);
/* The rule whose name that is; FLEET_NONE. */
int
fleet_oracle_find(const struct fleet_oracle *o, const char *name);
struct fleet_seen *
fleet_oracle_seen(struct fleet_oracle *o, int host);

/* How often as many were in flight as may be. */
int64_t
fleet_oracle_reached(const struct fleet_oracle *o, enum fleet_cap what);

/* At the machines. */
void
fleet_oracle_waits(struct fleet *f, const struct fleet_job *job);
void
fleet_oracle_begins(struct fleet *f, const struct fleet_job *job);
void
fleet_oracle_reboots(struct fleet *f, const struct fleet_job *job);
void
fleet_oracle_ends(struct fleet *f, const struct fleet_job *job);
/* An order came for a machine that is under way. */
void
fleet_oracle_two(struct fleet *f, const struct fleet_job *job);
void
fleet_oracle_gate_asked(struct fleet *f, int host, bool after);
void
fleet_oracle_gate_answered(struct fleet *f, int host, bool after, bool passed);
void
fleet_oracle_gate_forgotten(struct fleet *f, int host);

/* What the orchestrator was told, and has written down. */
void
fleet_oracle_failure_heard(struct fleet *f, int host);
/* It has made an order, now. `batch` is what its plan says. */
void
fleet_oracle_ordered(
    struct fleet *f, int host, int rule, int week, int batch, int batches);
/* It knows that the host came up. */
void
fleet_oracle_up_heard(struct fleet *f, int host);
/* Another rollout kept the host from beginning until then. */
void
fleet_oracle_freed(struct fleet *f, int host, int64_t at);
/* How far the orchestrator's clock is ahead. */
int64_t
fleet_oracle_ahead(const struct fleet_oracle *o);
/* No more are in flight than may be in all; for who counts hosts of his own. */
void
fleet_oracle_check_all(struct fleet *f, int host);
/* May the host be ordered at all, whoever does? `side`: whose order it is, NULL: a schedule's. */
void
fleet_oracle_may(
    struct fleet *f, int host, const struct fleet_rule *k, const struct fleet_side *side);
/* What is done to the host now must not be done to one that another rollout has in flight. */
void
fleet_oracle_crossed(struct fleet *f, int host, const struct fleet_side *side);
/* The run of that week begins now; people have paused the schedule, or have that run passed over (FLEET_NONE: none). */
void
fleet_oracle_run_begun(struct fleet *f, int rule, int week);
void
fleet_oracle_pause(struct fleet *f, int rule, bool on);
void
fleet_oracle_skip(struct fleet *f, int rule, int week);
/* Was the schedule paused when that run had its time, or the run to be passed over? */
bool
fleet_oracle_left_out(struct fleet *f, int rule, int week, bool skipped);
/* A second person approved of the run. */
void
fleet_oracle_approved(struct fleet *f, int rule, int week);
/* An operator's doing, which it has written down. */
void
fleet_oracle_hold_world(struct fleet *f, bool on);
void
fleet_oracle_hold_site(struct fleet *f, int site, bool on);
void
fleet_oracle_lock(struct fleet *f, int host, bool on);
/* That run was aborted, and nothing of it is ordered any more. */
void
fleet_oracle_aborted(struct fleet *f, int rule, int week);
void
fleet_oracle_stop_rule(struct fleet *f, int rule, bool on);
/* Failures are forgiven, and batches begin anew. */
void
fleet_oracle_resumed(struct fleet *f, int rule);
/* Somebody has opened a window of his own (times of the clocks of agents); or the orchestrator did, for a run that was missed. */
void
fleet_oracle_opened(struct fleet *f, int rule, int week, int64_t from, int64_t to);
void
fleet_oracle_made_up(
    struct fleet *f, int host, int rule, int week, int64_t opens, int64_t closes);
/* A host that failed, or was lost, is to have another turn. */
void
fleet_oracle_again(struct fleet *f, int host, int week);
/* It has started. */
void
fleet_oracle_started(struct fleet *f);
/* The orchestrator's clock has jumped: what it measures by that is as long as it thinks. */
void
fleet_oracle_clock(struct fleet *f, int64_t ahead);
/* The site is about to be heard again. */
void
fleet_oracle_back(struct fleet *f, int site);

#endif
