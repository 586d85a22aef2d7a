/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an event changes in the records of jobs and boots. Pure: everything the
 * orchestrator knows of a job's progress goes through lifecycle_apply(), and nothing else
 * decides on a job's state. */
#ifndef ORCHESTRATOR_LIFECYCLE_H
#define ORCHESTRATOR_LIFECYCLE_H

#include <stdbool.h>

#include "db/db_boot.h"
#include "db/db_job.h"
#include "db/db_transfer.h"
#include "lib/event.h"

/* Whose files were let go to a boot. */
enum lifecycle_files { LIFECYCLE_NO_FILES, LIFECYCLE_FILES_JOB, LIFECYCLE_FILES_MENU };

/* The parts that are set are to be written, all of them or none. */
struct lifecycle_change {
	bool set_job;
	struct db_job job; /* the row as it is to be */
	bool set_attempt;  /* attempt job.attempt begins at event.at */
	bool set_stage;
	struct db_job_stage stage;
	bool begin_boot;
	struct db_boot boot; /* also for end_boot: id, outcome, text, ended */
	bool end_boot;
	/* These of the boot boot_of, whether it begins, ends or goes on. */
	char boot_of[ID_SIZE];
	bool set_note;
	struct db_boot_note note;
	int64_t flags;
	bool set_transfer;
	enum db_transfer_step step;
	struct db_transfer transfer;
	enum lifecycle_files files;
	char image[BUNDLE_NAME_SIZE]; /* from the menu */
	bool set_verdict;
	char verdict_code[ERROR_CODE_SIZE];
	char verdict_text[ERROR_TEXT_SIZE];
	char verdict_next[ERROR_NEXT_SIZE];
	bool set_power;
	char power[16];
	/* Why an event that should have changed something did not; NULL otherwise. */
	const char *ignored;
};

/* `job` is the row of ev->job, or NULL when there is none; `agent` the id of the
 * reporting spool. */
void
lifecycle_apply(const struct event *ev, const char *agent, const struct db_job *job,
    struct lifecycle_change *ret);

bool
lifecycle_ended(enum db_job_state state);

#endif
