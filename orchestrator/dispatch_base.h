/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent was given of a site's table, as digests: by it is told what has changed since. */
#ifndef ORCHESTRATOR_DISPATCH_BASE_H
#define ORCHESTRATOR_DISPATCH_BASE_H

#include <jansson.h>
#include <stdint.h>

struct dispatch_base;

/* Of a whole table as JSON, hosts in order of name. Puts the digests of hosts, head and all into it. */
struct dispatch_base *
dispatch_base_new(json_t *table);
/* One more owner; each ends with dispatch_base_free(). Of one thread alone. NULL: NULL. */
struct dispatch_base *
dispatch_base_ref(struct dispatch_base *b);
void
dispatch_base_free(struct dispatch_base *b); /* NULL allowed */
int64_t
dispatch_base_version(const struct dispatch_base *b); /* -1 for NULL */
uint64_t
dispatch_base_digest(const struct dispatch_base *b);
/* `table` (of which `now` was made) as table_delta for an agent that has `old`. NULL `old`: it has the same under version `from`. */
json_t *
dispatch_base_delta(const struct dispatch_base *old, const struct dispatch_base *now,
    const json_t *table, int64_t from);

#endif
