/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How carefully an order on many hosts is carried out: canary, batches, caps, failure budget, gates and soak. */
#ifndef ORCHESTRATOR_ROLLOUT_POLICY_H
#define ORCHESTRATOR_ROLLOUT_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/gate_check.h"

enum {
	ROLLOUT_POLICY_HOSTS_MAX = 100000,
	ROLLOUT_POLICY_LABELS_MAX = 4,
	ROLLOUT_POLICY_SOAK_S_MAX = 7 * 24 * 3600,
};

struct rollout_policy_label {
	char key[64];
	int64_t n; /* at most so many in flight with the same value of it */
};

struct rollout_policy {
	int64_t canary;	       /* so many hosts come first; 0: none */
	int64_t batch;	       /* hosts; 0: all that are left */
	int64_t batch_percent; /* of all hosts; 0: `batch` counts */
	int64_t max_in_flight;
	int64_t per_site;
	struct rollout_policy_label per_label[ROLLOUT_POLICY_LABELS_MAX];
	size_t n_labels;
	int64_t max_fail; /* the so manieth failure halts it */
	struct gate_check_list gates;
	int64_t gate_timeout_s;
	int64_t soak_s; /* a host has to stay well so long */
};

/* What holds where nothing is said: no canary, one batch, 5 in flight, one a site, the first failure halts. */
void
rollout_policy_init(struct rollout_policy *p);
/* Members that are absent have their defaults; v NULL or null: all of them. -EINVAL with *err, which names the member; *ret is
 * then untouched. */
int
rollout_policy_from_json(
    const json_t *v, struct rollout_policy *ret, struct error *err) MUST_CHECK;
/* All members, as they would be written. Owned by the caller. */
json_t *
rollout_policy_to_json(const struct rollout_policy *p);
/* How many of `hosts` hosts a batch behind the canary has: a percentage is rounded up, and it is one at least. */
int64_t
rollout_policy_batch(const struct rollout_policy *p, int64_t hosts);

#endif
