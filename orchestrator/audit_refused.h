/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that were refused, in the audit. */
#ifndef ORCHESTRATOR_AUDIT_REFUSED_H
#define ORCHESTRATOR_AUDIT_REFUSED_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/rest_server.h"

enum {
	AUDIT_REFUSED_OWNERS = 64,
	AUDIT_REFUSED_MAX =
	    60, /* rows of one token in a minute: they are kept for ever */
};

/* Of the tokens that were refused something lately. */
struct audit_refused {
	struct audit_refused_owner {
		int64_t owner, since, n, omitted;
	} rows[AUDIT_REFUSED_OWNERS];
};

/* May a row of this owner (struct audit_who) be written now (wall)? *ret_omitted: how many could not since the one
 * before. Who is known by the unix socket may write as many as there are. */
bool
audit_refused_may(
    struct audit_refused *r, int64_t owner, int64_t now, int64_t *ret_omitted);

/* For rest_on_problem(), with the struct orch as argument: one row for each request that would have changed or
 * ordered something, unless its handler has written one (rest_set_recorded()). Whoever the server does not
 * know leaves none: those who may not even ask do not get to fill the database. */
rest_problem_fn audit_refused_note;
/* What was asked, without what may be secret: members that the interface does not know too. Owned by the
 * caller; NULL for NULL. */
json_t *
audit_refused_mask(const json_t *asked);
/* "host.lock" for POST /api/v1/hosts/{name}/lock. */
void
audit_refused_word(const char *method, const char *pattern, char *buf, size_t size);

#endif
