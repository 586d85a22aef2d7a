/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files of the store go.
 *
 * Entry point: store_evict_choose().
 * Ownership: the caller's array, whose `goes` it sets.
 * Failure modes: when there is too little that may go nothing goes, since it would not help.
 */
#include "agent/store_evict.h"

static bool
may_go(const struct store_object *o)
{
	return !o->wanted && !o->used;
}

/* Does `a` go before `b`? */
static bool
before(const struct store_object *a, const struct store_object *b)
{
	if (a->base != b->base)
		return !a->base;
	if (a->partial != b->partial)
		return a->partial;
	return a->since < b->since;
}

static struct store_object *
next(struct store_object *v, size_t n)
{
	struct store_object *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (may_go(&v[i]) && !v[i].goes && (best == NULL || before(&v[i], best)))
			best = &v[i];
	return best;
}

bool
store_evict_choose(struct store_object *v, size_t n, int64_t octets)
{
	int64_t all = 0, freed = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].goes = false;
		if (may_go(&v[i]))
			all += v[i].size;
	}
	if (all < octets)
		return false;
	while (freed < octets) {
		struct store_object *o = next(v, n);

		o->goes = true;
		freed += o->size;
	}
	return true;
}
