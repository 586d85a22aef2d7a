/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking back a job. */
#ifndef ORCHESTRATOR_JOB_CANCEL_H
#define ORCHESTRATOR_JOB_CANCEL_H

#include "db/db_job.h"

/* Records that it is to end; one that was never handed out has ended then (*job shows it), any other once its agent tells so. Within a
 * transaction, after which the job's site is to be woken. */
int
job_cancel(struct store *s, struct db_job *job, const char *by, const char *reason,
    int64_t now) MUST_CHECK;

#endif
