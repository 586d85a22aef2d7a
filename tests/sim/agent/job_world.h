/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What job_sim.c and job_machine.c share: the world in virtual time and the list of what is still to
 * happen in it. */
#ifndef TESTS_SIM_AGENT_JOB_WORLD_H
#define TESTS_SIM_AGENT_JOB_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/run.h"
#include "agent/run_fsm.h"
#include "agent/spool.h"
#include "lib/str.h"

enum { TODOS = 512 };
#define S USEC_PER_SEC

enum todo_type {
	T_AGENT_START,
	T_BOOTD_START,
	T_TICK,
	T_STEP,	  /* a BMC or other step ends: step */
	T_EFFECT, /* the BMC does it: action */
	T_ENTRY,  /* a host entry reaches bootd: ticket, ok = consumed */
	T_ACK,
	T_ASK,	  /* reaches the agent: ticket, part, who */
	T_ANSWER, /* reaches bootd: ok */
	T_SIGN,
	T_MACHINE, /* the machine's next step */
	T_GHOST,
	T_REPORT,
	T_PROBE,
	T_UPLINK,
	T_KILL_AGENT,
	T_KILL_BOOTD,
	T_LOOP,
	T_POWER_LOST,
	T_CANCEL,
};

struct todo {
	int64_t at;
	uint64_t order;
	enum todo_type type;
	unsigned
	    life; /* of agent (steps), link (messages) or machine: stale ones vanish */
	uint64_t step;
	enum run_action action;
	enum run_sign_type sign;
	enum run_report report;
	unsigned part;
	bool ok, ghost;
	char ticket[ID_SIZE];
};

enum machine_state {
	M_OFF,
	M_POST,
	M_FIRMWARE,
	M_LOADER,
	M_IPXE,
	M_SCRIPT,
	M_LOAD,
	M_IMAGE,
	M_DISK
};

struct client {
	char ticket[ID_SIZE]; /* of the script it runs; its URLs carry the token */
	uint32_t have;
};

struct world {
	int64_t now;
	uint64_t orders;
	struct rng rng;
	unsigned trouble; /* per mille, for whatever may go wrong at a step */
	struct todo todos[TODOS];
	size_t n_todos;
	struct secret_key *key;
	struct spool *spool;
	struct bundle *bundle;

	/* The agent's memory. */
	bool agent_up, have_job, probing;
	unsigned agent_life, kills_left;
	int64_t killed, loop_apart;
	struct run run;

	/* bootd's memory. */
	bool bootd_up, armed, used, asking;
	unsigned link_life;
	char ticket[ID_SIZE];
	uint32_t released;

	struct client machine, ghost;
	enum machine_state state;
	unsigned boot_life, rounds, part, reports;
	bool flag, net_first, installed;

	/* What is promised. */
	unsigned delivered, consumed, ends, events_held, n_parts;
	bool off_after_use;
	char end_kind[EVENT_KIND_SIZE], end_code[40];
	int64_t held;
};

static inline bool
chance(struct world *w, unsigned per_mille)
{
	return rng_below(&w->rng, 1000) < per_mille;
}

static inline int64_t
between(struct world *w, int64_t low, int64_t high)
{
	return low + (int64_t)rng_below(&w->rng, (uint64_t)(high - low));
}

static inline struct todo *
later(struct world *w, int64_t delay, enum todo_type type)
{
	struct todo *t;

	assert_true(w->n_todos < TODOS);
	t = &w->todos[w->n_todos++];
	memset(t, 0, sizeof(*t));
	t->at = w->now + delay;
	t->order = w->orders++;
	t->type = type;
	return t;
}

/* job_sim.c: as run_jobs.c does it, one input a turn. False: the disk did not take it. */
bool
job_sim_agent_input(struct world *w, struct run_input *in, bool *ret_granted);

/* job_machine.c: bootd's gate, the machine, and another client that fetches the same. */
void
job_machine_power(struct world *w, bool on);
void
job_machine_step(struct world *w);
void
job_machine_ghost_step(struct world *w);
void
job_machine_on_ask(struct world *w, const struct todo *ask);
void
job_machine_on_answer(struct world *w, const struct todo *t);

#endif
