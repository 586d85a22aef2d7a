/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that were refused, in the audit. */
#ifndef ORCHESTRATOR_AUDIT_REFUSED_H
#define ORCHESTRATOR_AUDIT_REFUSED_H

#include <jansson.h>

#include "lib/rest_server.h"

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
