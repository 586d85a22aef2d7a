// SPDX-License-Identifier: GPL-3.0-or-later
/* What is told of a job that is late: beside "deadline passed" the verdict that it would have by now, where one is to be
 * found, so that nobody waits for its end to see a panic of ten minutes ago.
 *
 * Entry points: late_add() while rows are gathered, late_judge(), then late_find() or the entries themselves. It may go on
 * all the same: none is told as certain.
 * Ownership: the caller's struct; rows of JSON are borrowed. Failure modes: those of db.h; of more than LATE_MAX jobs the
 * others stay as they are. */
#include "orchestrator/late.h"

#include <string.h>

#include "lib/str.h"
#include "orchestrator/explain.h"

void
late_add(struct late *l, const struct late_job *job)
{
	size_t at = l->n;

	while (at > 0 && l->v[at - 1].passed < job->passed)
		at--;
	if (at == LATE_MAX)
		return;
	size_t behind = (l->n < LATE_MAX ? l->n : LATE_MAX - 1) - at;
	memmove(&l->v[at + 1], &l->v[at], behind * sizeof(l->v[0]));
	l->v[at] = *job;
	l->n = l->n < LATE_MAX ? l->n + 1 : LATE_MAX;
}

int
late_judge(struct store *s, struct late *l)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->n; i++)
		rc = explain_open(s, l->v[i].job, l->v[i].now, &l->v[i].found);
	return rc;
}

const struct verdict_row *
late_find(const struct late *l, const char *job)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].job, job))
			return l->v[i].found;
	return NULL;
}
