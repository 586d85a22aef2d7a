/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a hold, and of a job that one kept from beginning. */
#ifndef ORCHESTRATOR_HOLD_WORDS_H
#define ORCHESTRATOR_HOLD_WORDS_H

#include <stdbool.h>

#include "db/db_hold.h"
#include "db/db_job.h"
#include "lib/error.h"

#define HOLD_WORDS_WORLD "world-stopped"
#define HOLD_WORDS_SITE "site-frozen"
#define HOLD_WORDS_LOCK "host-locked"

/* Why nothing is begun there. */
void
hold_words_refusal(const struct db_hold *hold, struct error *ret);
/* Why a job, of which cancel_code, cancel_by and cancel_reason are set, was not begun. */
void
hold_words_job(const struct db_job *job, struct error *ret);
/* Is it the code of a job that a hold or a lock kept from beginning? Such a job has done nothing to its host and is no failure
 * of it: once the hold is over the host may be given another. */
bool
hold_words_is(const char *code);

#endif
