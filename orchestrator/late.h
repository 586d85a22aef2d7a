/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open jobs past their deadline: what is known to be wrong with each already. */
#ifndef ORCHESTRATOR_LATE_H
#define ORCHESTRATOR_LATE_H

#include <jansson.h>

#include "db/store.h"
#include "lib/id.h"
#include "lib/verdict.h"

enum { LATE_MAX = 50 }; /* of one answer: those whose deadline went by last */

struct late_job {
	char job[ID_SIZE];
	int64_t passed;			 /* the deadline */
	int64_t now;			 /* by the same clock */
	json_t *row;			 /* the caller's, or NULL */
	const struct verdict_row *found; /* NULL: nothing */
};

/* The newest deadline first. */
struct late {
	size_t n;
	struct late_job v[LATE_MAX];
};

void
late_add(struct late *l, const struct late_job *job);
/* Fills in what is found: some hundred events a job are read, so this is for a thread. 0 or an errno of the database. */
int
late_judge(struct store *s, struct late *l) MUST_CHECK;
/* What was found of that job, or NULL. */
const struct verdict_row *
late_find(const struct late *l, const char *job);
#endif
