/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The zones of all sites, read again when the inventory has changed. */
#ifndef ORCHESTRATOR_SCHEDULE_ZONES_H
#define ORCHESTRATOR_SCHEDULE_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/store.h"
#include "lib/compiler.h"
#include "lib/zone_time.h"

struct schedule_zones_site {
	char name[64], timezone[64];
	const struct zone_time *zone; /* NULL: this machine does not know it */
	size_t i;		      /* its place in zones[], if it is known */
};

struct schedule_zones {
	struct schedule_zones_site *sites; /* in order of name */
	size_t n_sites;
	const struct zone_time *
	    *zones; /* those that are known, each once; never none: UTC */
	size_t n;
	int64_t generation; /* of the store; -1: nothing was read */
};

void
schedule_zones_init(struct schedule_zones *z);
void
schedule_zones_done(struct schedule_zones *z);
/* *ret_changed (NULL allowed): a zone has come that was not there when it was read before. */
int
schedule_zones_refresh(
    struct schedule_zones *z, struct store *s, bool *ret_changed) MUST_CHECK;
/* NULL: no such site. */
const struct schedule_zones_site *
schedule_zones_find(const struct schedule_zones *z, const char *site);

#endif
