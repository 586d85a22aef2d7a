/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a job or a boot went as it did: its events and the machine's past from the database, judged by lib/verdict.h.
 * Neither logs nor reads a clock. */
#ifndef ORCHESTRATOR_EXPLAIN_H
#define ORCHESTRATOR_EXPLAIN_H

#include <jansson.h>

#include "db/db_boot.h"
#include "db/db_job.h"
#include "lib/usual.h"
#include "lib/verdict.h"

/* What is asked about. */
struct explain_of {
	char host[BUNDLE_NAME_SIZE]; /* always */
	char job[ID_SIZE];	     /* "": of no job */
	char boot[ID_SIZE]; /* of this boot alone; "": of the job, or of nothing */
	bool absent;	    /* the site's agent is not heard */
};

/* In the transaction in which `ev`, not stored yet, ends the job: replaces its verdict where the events say more, keeps
 * what the agent said, and writes `job.verdict`. 0 or an errno of the database. */
int
explain_end(struct store *s, const struct event *ev, struct db_job *job) MUST_CHECK;
/* What is known to be wrong with an open job already, by its agent's clock; NULL: nothing, or it has ended. Likely at
 * best. */
int
explain_open(struct store *s, const char *job, int64_t now,
    const struct verdict_row **ret) MUST_CHECK;
/* What `name` is: a host (of what is under way there, or was last), a job or a boot, in this order. -ENOENT: nothing. */
int
explain_find(struct store *s, const char *name, struct explain_of *ret) MUST_CHECK;
/* The answer of GET /why (docs/api.md). */
int
explain_why(
    struct store *s, const struct explain_of *of, int64_t now, json_t **ret) MUST_CHECK;
/* The past of a host before one of its jobs (NULL: all of it). Stages from the kernel on depend on the image: only those
 * with the same one count. */
int
explain_past(struct store *s, const char *host, const char *before, const char *image,
    struct usual *ret) MUST_CHECK;

#endif
