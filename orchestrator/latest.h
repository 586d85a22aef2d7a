/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last event of one kind at every site, read in one go: for checks of all sites. */
#ifndef ORCHESTRATOR_LATEST_H
#define ORCHESTRATOR_LATEST_H

#include "db/store.h"
#include "lib/event.h"

struct latest;

/* Kinds are those of db_event_last_at_sites(). 0 or a negative errno; latest_free() is for the caller either way,
 * and what could not be read is not in it. */
int
latest_read(struct store *s, const char *kind, struct latest **ret) MUST_CHECK;
void
latest_free(struct latest *l);
/* Borrowed; NULL: never at that site. */
const struct event *
latest_at(const struct latest *l, const char *site);
/* In order of the sites' names. */
void
latest_each(
    const struct latest *l, void (*each)(void *arg, const struct event *ev), void *arg);

#endif
