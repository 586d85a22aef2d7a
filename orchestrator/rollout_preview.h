/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rollout would do, batch by batch, without anything being done. */
#ifndef ORCHESTRATOR_ROLLOUT_PREVIEW_H
#define ORCHESTRATOR_ROLLOUT_PREVIEW_H

#include <jansson.h>

#include "orchestrator/orders.h"
#include "orchestrator/rollouts.h"

/* So many hosts are looked at as an order would look at them; of more it is said that they were not. */
enum { ROLLOUT_PREVIEW_LOOKED_AT = 1000 };

/* {"plan":{"batches","warnings"}} of docs/api.md: each host with its local time, what it gets, and why not, as an order would be refused
 * now. `most`: destructive work on more hosts needs a second person. 0 or an errno of the database with *err; owned by the caller. */
int
rollout_preview(const struct orders_context *ctx, const struct rollouts_request *rq,
    const struct audit_who *who, int64_t most, json_t **ret,
    struct error *err) MUST_CHECK;
/* Is there a window that is shorter than the last work of that kind took on one of the hosts? 1 with the warning, 0, or an errno of the
 * database. */
int
rollout_preview_short(struct store *s, const char *kind, const struct rollouts_host *v,
    size_t n, struct error *ret) MUST_CHECK;
/* Appends {code, text, next}. */
void
rollout_preview_warn(json_t *list, const struct error *why);

#endif
