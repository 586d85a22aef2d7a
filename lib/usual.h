/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long the stages of a machine's past boots took, and what is usual by that. Pure. */
#ifndef LIB_USUAL_H
#define LIB_USUAL_H

#include "lib/stage.h"
#include "lib/verdict.h"

enum {
	USUAL_MAX = 50,	   /* of each stage; the newest, if they are added first */
	USUAL_ENOUGH = 10, /* from so many on the past may set a deadline */
};
/* A deadline of the past is never more than so many times the default. */
enum { USUAL_DEADLINE_TIMES = 4 };

struct usual {
	int64_t us[STAGE_COUNT][USUAL_MAX]; /* in order of size */
	unsigned n[STAGE_COUNT];
};

void
usual_init(struct usual *u);
void
usual_add(struct usual *u, enum stage stage, int64_t us);
struct verdict_usual
usual_of(const struct usual *u, enum stage stage);
/* The value that `percent` of the boots did not exceed; 0: there is none. */
int64_t
usual_percentile(const struct usual *u, enum stage stage, unsigned percent);
/* Twice what nine of ten boots did not exceed, where that is more than the stage's default, and at most
 * USUAL_DEADLINE_TIMES of it; 0: the default is enough, the past is too short to tell, or the stage waits for no machine. */
int64_t
usual_deadline(const struct usual *u, enum stage stage);

#endif
