/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Observations that were not kept: how many of which kind, and of what time. Pure. */
#ifndef AGENT_SPOOL_DROP_H
#define AGENT_SPOOL_DROP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

enum { SPOOL_DROP_KINDS = 24 }; /* told by name; those of further kinds together */

struct spool_drop_kind {
	char kind[EVENT_KIND_SIZE];
	int64_t n;
};

/* Zeroed: none. */
struct spool_drop {
	int64_t count;
	int64_t from, to; /* wall, of the first and the last; 0: not known */
	struct spool_drop_kind kinds[SPOOL_DROP_KINDS];
	size_t n_kinds;
};

/* `n` more of a kind ("": it is not known), the last of them at `at` (0: not known). */
void
spool_drop_add(struct spool_drop *d, const char *kind, int64_t at, int64_t n);
/* As it is kept over a restart. */
json_t *
spool_drop_to_json(const struct spool_drop *d);
/* What cannot be read is none. */
void
spool_drop_from_json(const json_t *v, struct spool_drop *ret);
/* The event that tells of them; event_done(). */
struct event
spool_drop_event(const struct spool_drop *d, int64_t at);

#endif
