/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The global stop and frozen sites: while something is held nothing new begins there. What had begun goes on to its end. */
#ifndef ORCHESTRATOR_HOLDS_H
#define ORCHESTRATOR_HOLDS_H

#include "db/db_hold.h"
#include "db/store.h"
#include "lib/error.h"
#include "orchestrator/audit.h"
#include "orchestrator/strset.h"

/* May something be begun at the site (NULL: anywhere at all)? 0, or -EPERM with *err: `world-stopped` or `site-frozen`, with since
 * when, who and why; or an errno of the database with *err. Two look-ups by key: cheap enough for each host of a
 * fleet. A job that ended with a code for which hold_words_is() (hold_words.h) was kept from beginning, and did not fail. */
int
holds_check(struct store *s, const char *site, struct error *err) MUST_CHECK;

/* What became of the jobs that had not begun. */
struct holds_effect {
	size_t ended;	       /* no agent had them: they are cancelled */
	size_t told;	       /* an agent may have them, and is told */
	int64_t running;       /* had begun, and go on */
	struct strset sites;   /* of those two */
	struct strset told_at; /* sites with jobs that an agent is told of */
	struct store_names jobs;
};
void
holds_effect_done(struct holds_effect *e);

/* Holds a site (NULL: everything) and cancels what has not begun there, in one transaction, the caller's. One that is held already stays
 * as it was, and what has not begun is cancelled again. After the commit the caller wakes e->sites. */
int
holds_begin(struct store *s, const char *site, const struct audit_who *who,
    const char *reason, int64_t now, struct holds_effect *e) MUST_CHECK;
/* -ENOENT: it is not held. In the caller's transaction. What was cancelled stays so. */
int
holds_end(struct store *s, const char *site, const struct audit_who *who,
    const char *reason, int64_t now) MUST_CHECK;
/* The same for what has not begun on a host that is being locked, in the caller's transaction. */
int
holds_lock_host(struct store *s, const char *host, const struct audit_who *who,
    const char *reason, int64_t now, struct holds_effect *e) MUST_CHECK;

#endif
