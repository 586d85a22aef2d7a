/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tickets that were armed when the agent began.
 *
 * Entry points: armed_before_new(), armed_before_has().
 * Ownership: a copy of their ids.
 * Failure modes: of a spool that cannot be read nothing is known, and no job of it goes on either: whoever reads
 * the jobs tells of it. */
#include "agent/armed_before.h"

#include <stdlib.h>

#include "lib/str.h"

struct armed_before {
	char (*ids)[ID_SIZE];
	size_t n;
};

static void
note(void *arg, const char *job UNUSED, struct bundle *b, const struct run *r,
    const struct error *err UNUSED)
{
	struct armed_before *a = arg;

	if (b != NULL)
		bundle_done(b);
	if (r == NULL || r->ticket.state != TICKET_ARMED)
		return;
	a->ids = str_realloc(a->ids, (a->n + 1) * sizeof(*a->ids));
	str_clip(a->ids[a->n++], sizeof(*a->ids), r->ticket.id);
}

struct armed_before *
armed_before_new(struct spool *spool)
{
	struct armed_before *a = str_alloc(sizeof(*a));

	(void)!spool_each_job(spool, note, a);
	return a;
}

void
armed_before_free(struct armed_before *a)
{
	if (a == NULL)
		return;
	free(a->ids);
	free(a);
}

bool
armed_before_has(const struct armed_before *a, const char *ticket)
{
	for (size_t i = 0; i < a->n; i++)
		if (str_eq(a->ids[i], ticket))
			return true;
	return false;
}
