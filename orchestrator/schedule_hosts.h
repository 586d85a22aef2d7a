/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hosts of a run, and when each opens and closes. */
#ifndef ORCHESTRATOR_SCHEDULE_HOSTS_H
#define ORCHESTRATOR_SCHEDULE_HOSTS_H

#include "db/store.h"
#include "lib/error.h"
#include "orchestrator/rollouts.h"
#include "orchestrator/schedule_doc.h"
#include "orchestrator/schedule_zones.h"

struct schedule_hosts {
	struct store_names names;
	struct rollouts_host *
	    v; /* opens == closes: not in this run, by a blackout or for its site's zone */
	const struct schedule_zones_site **at; /* the sites of each; NULL: unknown */
	size_t n;
	size_t no_probe; /* of those, how many do not say how one sees that they are up */
	size_t shut;	 /* of those, how many have no window */
	/* The first opening of a site of theirs, and the last end; opens INT64_MAX: none has a window. */
	int64_t opens, closes;
};

/* Who the selector means now; windows are not set. Sites are borrowed from `zones`, until they are read again. 0; -EPERM with *err for
 * hosts that there are not, -EINVAL for a selector that cannot be read; else the database, with *err. schedule_hosts_done() in any case. */
int
schedule_hosts_find(struct store *s, const struct schedule_zones *zones,
    const char *selector, struct schedule_hosts *ret, struct error *err) MUST_CHECK;
/* The windows of the run; `at`: of one that opens at that moment, 0: as the schedule says. */
void
schedule_hosts_open(struct schedule_hosts *h, const struct schedule_zones *zones,
    const struct schedule_doc *doc, int64_t nominal, int64_t at);
/* How many of them are worked on: of a drill one of each site, of other work all. */
size_t
schedule_hosts_worked(const struct schedule_hosts *h, const struct schedule_doc *doc);
void
schedule_hosts_done(struct schedule_hosts *h);

#endif
