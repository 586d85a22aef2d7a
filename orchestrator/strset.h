/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of strings, each with a number. */
#ifndef ORCHESTRATOR_STRSET_H
#define ORCHESTRATOR_STRSET_H

#include <stdbool.h>
#include <stddef.h>

struct strset_item;

/* Zero it to begin with. Items are kept in the order in which they were added. */
struct strset {
	struct strset_item *head;
};

/* True when it was added; false when it was there, its number then in *ret_have (NULL
 * allowed). */
bool
strset_add(struct strset *set, const char *s, size_t number, size_t *ret_have);
bool
strset_find(
    const struct strset *set, const char *s, size_t *ret_number); /* ret: or NULL */
void
strset_remove(struct strset *set, const char *s);
size_t
strset_count(const struct strset *set);
/* Calls `each` in order; a non-zero return ends it and is returned. */
int
strset_each(const struct strset *set, int (*each)(void *arg, const char *s), void *arg);
void
strset_done(struct strset *set);

#endif
