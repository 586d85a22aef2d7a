/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The schedules of a document that is applied, and of one that is exported. */
#ifndef ORCHESTRATOR_SCHEDULE_APPLY_H
#define ORCHESTRATOR_SCHEDULE_APPLY_H

#include <jansson.h>

#include "orchestrator/audit.h"
#include "orchestrator/scheduler.h"

struct schedule_apply;

/* Reads the list and compares it with what is there. On the loop: zones are read. 0; -EINVAL with *ret_errors (for rest_problem(), owned by
 * the caller) and *err; or the database, with *err. */
int
schedule_apply_new(struct store *s, const json_t *list, int64_t now,
    struct schedule_apply **ret, json_t **ret_errors, struct error *err) MUST_CHECK;
/* Of the "changes" of POST /apply; borrowed. */
const json_t *
schedule_apply_changes(const struct schedule_apply *a);
/* Writes what differs, with its audit rows, in the caller's transaction and after sites and hosts. `allowed` says whether the hosts that a
 * schedule means are such as `who` may order it for. -EPERM or -EINVAL with *err: nothing is to be kept; or the database. */
int
schedule_apply_write(struct store *s, const struct schedule_apply *a,
    struct scheduler *scheduler, const struct audit_who *who, const char *reason,
    int64_t now,
    int (*allowed)(void *arg, const struct audit_who *who, const struct schedule_doc *doc,
	struct error *err),
    void *arg, struct error *err) MUST_CHECK;
void
schedule_apply_free(struct schedule_apply *a); /* NULL allowed */

/* All of them as a document has them. 0 or an errno of the database. From any thread: nothing is read but text. */
int
schedule_apply_export(struct store *s, json_t *list) MUST_CHECK;

#endif
