/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rollouts and their hosts as REST shows them (docs/api.md). */
#ifndef ORCHESTRATOR_ROLLOUT_JSON_H
#define ORCHESTRATOR_ROLLOUT_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "db/db_rollout.h"

enum { ROLLOUT_JSON_LOCAL_SIZE = 32 };

/* With its counts, which are read. 0 or an errno of the database; *ret is owned by the caller. */
int
rollout_json(struct store *s, const struct db_rollout *r, json_t **ret) MUST_CHECK;
/* Has its first job come to its end, and is the next not made yet? */
bool
rollout_json_is_between(const struct db_rollout_host *h);
/* `held`: what holds up a host that waits for its turn or its next job, NULL or without a code: nothing but its turn. Owned by the caller. */
json_t *
rollout_json_host(const struct db_rollout_host *h, const struct error *held);
/* {code, text, next}, or null without a code. */
json_t *
rollout_json_why(const struct error *why);
/* "Sun 2026-11-29 03:00", what the clock on the wall shows in that zone ("": UTC; one that is not known: UTC, too). Returns buf. */
const char *
rollout_json_local(const char *zone, int64_t wall, char buf[ROLLOUT_JSON_LOCAL_SIZE]);

#endif
