// SPDX-License-Identifier: GPL-3.0-or-later
/* The order of a rollout's hosts.
 *
 * Entry point: rollout_plan_make(). Neighbours in the order are of different sites where that can be, so that a batch takes little
 * from each of them, and a fault that is a site's own shows early. The order depends on nothing but the hosts, so that a dry run
 * shows what will be. Pure: n log n, no memory of its own. There are no failure modes. */
#include "orchestrator/rollout_plan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

static int
compare_times(const struct rollout_plan_host *a, const struct rollout_plan_host *b)
{
	return a->opens < b->opens ? -1 : a->opens > b->opens;
}

static int
by_site(const void *va, const void *vb)
{
	const struct rollout_plan_host *a = va, *b = vb;
	int c = compare_times(a, b);

	if (c == 0)
		c = strcmp(a->site, b->site);
	return c != 0 ? c : strcmp(a->host, b->host);
}

static int
by_rank(const void *va, const void *vb)
{
	const struct rollout_plan_host *a = va, *b = vb;
	int c = compare_times(a, b);

	if (c == 0)
		c = a->rank < b->rank ? -1 : a->rank > b->rank;
	return c != 0 ? c : strcmp(a->host, b->host);
}

void
rollout_plan_make(struct rollout_plan_host *v, size_t n, const struct rollout_policy *p)
{
	int64_t size = rollout_policy_batch(p, (int64_t)n), canary = p->canary;

	if (n == 0)
		return;
	qsort(v, n, sizeof(v[0]), by_site);
	for (size_t i = 0; i < n; i++) {
		bool same = i > 0 && v[i].opens == v[i - 1].opens &&
			    str_eq(v[i].site, v[i - 1].site);
		v[i].rank = same ? v[i - 1].rank + 1 : 0;
	}
	qsort(v, n, sizeof(v[0]), by_rank);
	for (size_t i = 0; i < n; i++) {
		int64_t k = (int64_t)i - canary;
		v[i].batch = k < 0 ? 1 : 1 + (canary > 0) + k / size;
	}
}
