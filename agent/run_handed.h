/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that were handed down in advance: in the spool, and begun in their window by this agent, whether or not the
 * orchestrator can be heard then. */
#ifndef AGENT_RUN_HANDED_H
#define AGENT_RUN_HANDED_H

#include "agent/run_priv.h"

enum {
	RUN_HANDED_MAX = 20000, /* that wait at once */
};

enum run_handed_what { RUN_HANDED_WAIT, RUN_HANDED_BEGIN, RUN_HANDED_MISSED };

/* What is to become of a job that may begin from `not_before` until `not_after` (wall)? `busy`: something else is
 * under way on its machine, or the agent has as many jobs as it takes. */
enum run_handed_what
run_handed_decide(int64_t not_before, int64_t not_after, int64_t now, bool busy);
/* Is it one that has to wait for its window, now that it is ordered? One whose window is open is begun at once. */
bool
run_handed_waits(const struct bundle *b, int64_t now);
/* Of a job that was read from the spool: was it never begun? */
bool
run_handed_is(const struct bundle *b, const struct run *r);

/* Within the spool's transaction: keeps the job, with its event job.handed. The bundle is taken unless it failed;
 * run_handed_undo() takes back what was put since the last run_handed_settle(). */
int
run_handed_put(struct run_jobs *js, struct bundle *b, const struct run *r) MUST_CHECK;
/* True when there were such. */
bool
run_handed_settle(struct run_jobs *js);
void
run_handed_undo(struct run_jobs *js, const struct error *why);
/* One that the spool has. The bundle is taken. */
void
run_handed_add(struct run_jobs *js, struct bundle *b, const struct run *r);
bool
run_handed_has(const struct run_jobs *js, const char *job);
size_t
run_handed_count(const struct run_jobs *js);
/* Begins those whose window has opened, ends those whose window is over. To be called with every tick. */
void
run_handed_tick(struct run_jobs *js);
/* Ends it, cancelled; false: there is no such job here. */
bool
run_handed_cancel(struct run_jobs *js, const char *job, const char *by);
/* The same of all; `why` may be NULL. */
void
run_handed_end_all(struct run_jobs *js, const char *by, const struct error *why);
/* `fn` with the digest of each file that they will need; images that several have may come again. */
void
run_handed_files(
    struct run_jobs *js, void (*fn)(void *arg, const char *sha256), void *arg);
void
run_handed_free(struct run_jobs *js);

#endif
