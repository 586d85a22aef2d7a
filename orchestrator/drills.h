/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drills and the database: which hosts are next, what is to follow on a live job, and the report of one that is over. */
#ifndef ORCHESTRATOR_DRILLS_H
#define ORCHESTRATOR_DRILLS_H

#include <jansson.h>
#include <stdbool.h>

#include "db/store.h"
#include "lib/error.h"
#include "lib/id.h"
#include "orchestrator/drill.h"

/* Leaves of the hosts one of each site: drill_choose(). 0 or an errno of the database with *err. */
int
drills_choose(struct store *s, struct store_names *hosts, struct error *err) MUST_CHECK;
/* Is that image one that a drill may boot: of kind live? "": the only one of that kind. -EINVAL with code `drill-image`; *ret_name
 * is which. */
int
drills_image(struct store *s, const char *image, char *ret_name, size_t size,
    struct error *err) MUST_CHECK;
/* The live job is over: how is the machine to come back to its disk? -ENOENT: no such job. */
int
drills_returns(struct store *s, const char *live, enum drill_way *ret) MUST_CHECK;
/* The live job that the host was given last by the rollout, before the job `before` (NULL: of all); -ENOENT: none. */
int
drills_live(struct store *s, const char *rollout, const char *host, const char *before,
    char ret_id[ID_SIZE]) MUST_CHECK;

struct drills_of {
	const char *rollout, *schedule; /* schedule "": by hand */
	const char *live, *back;	/* jobs; back "": there was none */
};

/* Both jobs are over: writes the report and its event, in the transaction in which the host ends; once, however often
 * it is called. *ret_why says why the drill failed; code "": it did not. */
int
drills_report(struct store *s, const struct drills_of *of, int64_t now,
    struct error *ret_why) MUST_CHECK;

/* A report in the form of docs/api.md, owned by the caller; -ENOENT. */
int
drills_json(struct store *s, const char *id, json_t **ret) MUST_CHECK;

#endif
