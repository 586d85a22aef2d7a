// SPDX-License-Identifier: GPL-3.0-or-later
/* A set of strings on uthash, each with a number (an index into something of the
 * caller's).
 *
 * Entry points: strset_add, strset_find, strset_each, strset_done. The set owns copies of
 * its strings. No failure modes: sizes are capped by the documents the strings come from.
 */
#include "orchestrator/strset.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/str.h"

struct strset_item {
	UT_hash_handle hh;
	size_t number;
	char s[];
};

static struct strset_item *
find(const struct strset *set, const char *s)
{
	struct strset_item *it = NULL;

	HASH_FIND_STR(set->head, s, it);
	return it;
}

bool
strset_add(struct strset *set, const char *s, size_t number, size_t *ret_have)
{
	struct strset_item *it = find(set, s);

	if (it) {
		if (ret_have)
			*ret_have = it->number;
		return false;
	}
	it = str_alloc(sizeof(*it) + strlen(s) + 1);
	it->number = number;
	memcpy(it->s, s, strlen(s) + 1);
	HASH_ADD_STR(set->head, s, it);
	return true;
}

bool
strset_find(const struct strset *set, const char *s, size_t *ret_number)
{
	const struct strset_item *it = find(set, s);

	if (it && ret_number)
		*ret_number = it->number;
	return it != NULL;
}

void
strset_remove(struct strset *set, const char *s)
{
	struct strset_item *it = find(set, s);

	if (!it)
		return;
	HASH_DEL(set->head, it);
	free(it);
}

size_t
strset_count(const struct strset *set)
{
	return HASH_COUNT(set->head);
}

int
strset_each(const struct strset *set, int (*each)(void *arg, const char *s), void *arg)
{
	int rc = 0;

	for (struct strset_item *it = set->head; it && rc == 0; it = it->hh.next)
		rc = each(arg, it->s);
	return rc;
}

void
strset_done(struct strset *set)
{
	struct strset_item *it, *next;

	HASH_ITER (hh, set->head, it, next) {
		HASH_DEL(set->head, it);
		free(it);
	}
}
