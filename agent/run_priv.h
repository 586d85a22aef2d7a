/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What run_jobs.c (the set, the turns) and run_exec.c (the actions) share. */
#ifndef AGENT_RUN_PRIV_H
#define AGENT_RUN_PRIV_H

#include <uthash.h>

#include "agent/probe.h"
#include "agent/run.h"
#include "agent/run_fsm.h"
#include "agent/run_jobs.h"

enum { RUN_JOB_ACTIONS = 64 };

struct run_job {
	struct run_jobs *jobs;
	const struct run_jobs_deps *deps; /* of jobs */
	struct bundle *bundle;		  /* owned */
	struct run run;
	struct run saved; /* as in the spool, while touched */
	bool touched;	  /* in this turn */
	bool dirty;
	bool ending; /* RUN_ACT_END has been carried out */
	struct {
		enum run_action action;
		uint64_t step;
	} actions[RUN_JOB_ACTIONS]; /* of this turn, to begin after the commit */
	size_t n_actions;

	/* Under way; 0 or NULL: nothing. */
	uint64_t call; /* BMC */
	struct preflight_check *check;
	struct probe *probe;
	int64_t wait_gen;	/* bootd's acknowledgement of the entry */
	unsigned n_files;	/* verified in preflight */
	struct addr_ip last_ip; /* the address it was last seen with */
	UT_hash_handle hh, hh_host;
};

/* Begins an action, or does it. */
void
run_exec(struct run_job *job, enum run_action action, uint64_t step);
/* Stops whatever is under way without a result. */
void
run_exec_stop(struct run_job *job);
void
run_exec_on_ack(struct run_job *job, int64_t gen);
/* The job's entry at bootd once more, after a new table. */
void
run_exec_publish_again(struct run_job *job);
/* The ticket part of the host's entry; ticket "" when there is none. */
void
run_exec_boot(const struct run_job *job, struct bootd_msg_boot *ret);

/* The end of the step that is under way. err NULL: good. */
void
run_jobs_post_step(
    struct run_job *job, const struct error *err, bool retry, const char *evidence);
void
run_jobs_post_probe(struct run_job *job, bool up);

#endif
