/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drills: which machine of a site is next, when it is to be brought back to its disk, and whether it was slower than usual.
 * Pure.
 *
 * A drill is two jobs on one machine: it boots a live image, which leaves its disks alone, and then its disk again.
 *
 * The rule of a regression: a stage took more than one and a half times as long as the slowest but one in ten of the past boots, and
 * DRILL_SLOWER_US more. The past is the machine's own, where it has DRILL_ENOUGH boots of that stage, else that of its site's
 * drills with this image, where they are so many; else there is nothing to compare it with. That an image came at its
 * second attempt or later is one, too. */
#ifndef ORCHESTRATOR_DRILL_H
#define ORCHESTRATOR_DRILL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/stage.h"
#include "lib/usual.h"

enum { DRILL_ENOUGH = 3, DRILL_SLOWER_US = 5 * USEC_PER_SEC };

/* ---- which machine ---- */

struct drill_candidate {
	const char *host; /* borrowed */
	char site[64];
	int64_t last; /* when its last drill began; 0: it had none */
	bool barred; /* locked, busy or without a BMC: only where the site has no other */
	bool chosen; /* out */
};

/* One of each site: of those that are not barred the one whose last drill is longest ago, and of several the first by
 * name. Returns how many; they are in another order afterwards. */
size_t
drill_choose(struct drill_candidate *c, size_t n);

/* ---- its two jobs ---- */

enum drill_end { DRILL_NOT_RUN, DRILL_DONE, DRILL_FAILED, DRILL_CANCELLED };

struct drill_took {
	bool entered, confirmed;
	int64_t us; /* of its last attempt; 0: unknown */
};

struct drill_run {
	enum drill_end end;
	int64_t attempts; /* the last one */
	/* The job had begun to switch the machine, which has perhaps left its disk; and: it was seen off. */
	bool touched, switched;
	struct drill_took took[STAGE_COUNT];
	struct error verdict;	/* of a failed or cancelled one */
	struct usual own, site; /* the past */
};

/* An event of the job's record, in the order in which they came. */
void
drill_take(struct drill_run *run, const char *stage, const char *state, int64_t attempt,
    int64_t entered, int64_t ended);
enum drill_way {
	/* It never left its disk; or somebody ended the job, and has the machine in hand. */
	DRILL_STAYS,
	/* Its own system may still run: with no more force than the drill was allowed. */
	DRILL_BACK_ASKED,
	/* Whatever runs there, it is no system of anybody's. */
	DRILL_BACK,
};
/* How is it to come back to its disk, now that the live job is over? */
enum drill_way
drill_returns(const struct drill_run *live);

/* ---- the report ---- */

struct drill_verdict {
	const char *outcome;  /* ok | regression | failed */
	const char *returned; /* yes | no | untouched */
	char stuck[32];	      /* stage, or "back " and a stage; "" */
	struct error why;     /* code "": all is well */
	json_t *stages;	      /* as in docs/api.md; owned by the caller */
	json_t *slow;	      /* sentences, one a regression; owned by the caller */
};

void
drill_judge(const struct drill_run *live, const struct drill_run *back,
    struct drill_verdict *ret);
/* Adds what the stages of an earlier report say to the site's past: those of the live image to *live, the others to
 * *back. */
void
drill_past(const json_t *stages, struct usual *live, struct usual *back);

#endif
