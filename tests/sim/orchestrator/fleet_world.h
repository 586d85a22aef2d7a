/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fleet in virtual time, as it really is: machines, their BMCs, sites with their agents and the lines between them. What the
 * orchestrator believes is not in here; see fleet_orch.h. Everything happens at a moment of true time, from one queue. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_WORLD_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uthash.h>

#include "lib/clock.h"
#include "lib/event.h"
#include "lib/rng.h"

#define S USEC_PER_SEC
#define MIN (60LL * S)
#define HOUR (60LL * MIN)
#define DAY (24LL * HOUR)

/* The exit status of a process in which something was wrong. */
enum { FLEET_WRONG = 77 };
enum { FLEET_NAME = 40, FLEET_TRACE = 32, FLEET_ZONES = 14, FLEET_NONE = -1 };

/* 2026-11-29T00:00:00Z, a Sunday. */
#define FLEET_BEGIN (1795910400LL * S)

/* The books of a week are made so long before the Sunday of the next, when no window is open anywhere. */
#define FLEET_BOOKS (19 * HOUR)

enum fleet_todo_type {
	/* the world */
	FLEET_LINE_CUT, /* site; a: for how long */
	FLEET_LINE_BACK,
	FLEET_AGENT_STOP, /* the same of the agent's machine */
	FLEET_AGENT_START,
	FLEET_TOLD,    /* an order reaches an agent: host, p: struct fleet_order */
	FLEET_WINDOWS, /* an agent looks at what waits for its window */
	FLEET_POWER,   /* host: it goes down for its reboot */
	FLEET_ENDS,    /* host: its job ends */
	FLEET_REPAIR,  /* host */
	FLEET_TROUBLE, /* something breaks by itself */
	FLEET_REPORT,  /* site: has its agent something to tell? */
	FLEET_ACK,     /* site; a: number */
	/* the orchestrator's side */
	FLEET_ARRIVE, /* site, p: struct agent_msg_report */
	FLEET_POLL,   /* site */
	FLEET_GATE,   /* host; a: the question's number */
	FLEET_TICK,
	FLEET_CRASH,
	FLEET_START,
	FLEET_CLOCK, /* a: by how much the orchestrator's clock is off from now on */
	FLEET_OPERATOR,
	FLEET_CLERK,  /* who orders beside the calendar */
	FLEET_WEEKLY, /* host: the week */
};

struct fleet_todo {
	int64_t at;
	uint64_t order;
	enum fleet_todo_type type;
	int site, host;
	int64_t a;
	void *p; /* owned */
};

/* A job as its agent was told. */
struct fleet_order {
	char job[ID_SIZE];
	char reason[32];
	int host;
	int64_t not_before, not_after;
	bool cancel; /* it is to end unless it has begun */
	char cancel_code[32];
};

enum fleet_job_state { FLEET_WAITS, FLEET_RUNS, FLEET_ENDED };

struct fleet_job {
	UT_hash_handle hh;
	struct fleet_order order;
	enum fleet_job_state state;
	bool rebooted, ok;
	int64_t began, ended;	/* true */
	struct fleet_job *next; /* that waits at the same site */
};

struct fleet_note {
	int64_t at;
	const char *what;
	int64_t a;
};

struct fleet_host {
	char name[FLEET_NAME];
	int site, wave, rack, pair;
	bool down, bmc_dead, sick; /* until it is repaired */
	bool repair_soon;
	struct fleet_job *job; /* under way */
	int64_t life;	       /* of it */
	int64_t boots, booted; /* and when last, true */
	int64_t ended;	       /* when a job of it was last done, true */
	struct fleet_note notes[FLEET_TRACE];
	unsigned n_notes;
};

struct fleet_site {
	char name[FLEET_NAME];
	char agent[ID_SIZE];
	int zone, wave, first, n; /* its hosts */
	bool cut, stopped;
	int64_t heard;	   /* mono, when the line was there last */
	int64_t clock_off; /* of its agent's clock */
	struct fleet_job *waits;
	struct event *spool; /* [i] has number acked + 1 + i */
	size_t n_spool, cap_spool;
	int64_t acked;
	bool reporting;
	int64_t tried; /* when it began to wait for the answer to a report */
};

/* Per mille unless said otherwise; of each reboot. */
struct fleet_odds {
	unsigned dead, slow, gate_after;
	unsigned lost;	      /* reports and orders on the line */
	unsigned sick, bmc;   /* of each host and week */
	unsigned cuts, stops; /* of each site and day */
};

struct fleet_oracle;
struct fleet_sides;
struct fleet_orch;

struct fleet {
	uint64_t seed;
	size_t n_hosts, n_sites, n_waves, weeks;
	struct rng rng;
	struct fleet_odds odds;
	int64_t now;   /* true time; also what never jumps */
	int64_t until; /* no new trouble from then on */
	bool over;
	bool exits; /* who finds something wrong ends the process, in silence */
	uint64_t orders, steps;
	struct fleet_todo *heap;
	size_t n_heap, cap_heap;
	struct fleet_host *hosts;
	struct fleet_site *sites;
	struct fleet_job *jobs;
	struct fleet_oracle *oracle;
	struct fleet_sides *sides;
	struct fleet_orch *orch;
	/* What came to pass, for the summary. */
	int64_t n_jobs, n_reboots, n_done, n_failed, n_missed, n_busy, n_cuts, n_stops,
	    n_repeats;
};

/* Everything that is left is freed with it. */
struct fleet *
fleet_world_new(uint64_t seed, size_t hosts, size_t sites, size_t waves, size_t weeks);
void
fleet_world_free(struct fleet *f);

static inline bool
fleet_chance(struct fleet *f, unsigned per_mille)
{
	return rng_below(&f->rng, 1000) < per_mille;
}

static inline int64_t
fleet_between(struct fleet *f, int64_t low, int64_t high)
{
	return low + (int64_t)rng_below(&f->rng, (uint64_t)(high - low));
}

struct fleet_todo *
fleet_world_later(
    struct fleet *f, int64_t delay, enum fleet_todo_type type, int site, int host);
/* The next thing that happens, which is then the present; false: nothing ever does again. */
bool
fleet_world_next(struct fleet *f, struct fleet_todo *ret);

/* Into the trace of a host, which is shown when something is wrong with it; `what` lives for ever. */
void
fleet_world_note(struct fleet *f, int host, const char *what, int64_t a);
/* Ends the run: seed, step, what is wrong, and the trace of the host (FLEET_NONE: of none). */
_Noreturn void
fleet_world_wrong(struct fleet *f, int host, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The host of that name; FLEET_NONE: there is none. */
int
fleet_world_host(const struct fleet *f, const char *name);
int
fleet_world_site(const struct fleet *f, const char *name);
const char *
fleet_world_zone(int zone);

/* Breaks and repairs. */
void
fleet_world_break(struct fleet *f, int host, int kind);
bool
fleet_world_healthy(const struct fleet_host *h);

#endif
