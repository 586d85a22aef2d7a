/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the machine's clock was set: seen by comparing it with the one that never jumps. Pure. */
#ifndef AGENT_SPOOL_CLOCK_H
#define AGENT_SPOOL_CLOCK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/event.h"

enum { SPOOL_CLOCK_BOOT_SIZE = 40 };
/* From here on it was set; less is a clock that is brought nearer slowly, or rounding. */
#define SPOOL_CLOCK_STEP_US (500 * USEC_PER_MSEC)

/* Zeroed: never looked at. */
struct spool_clock {
	char boot[SPOOL_CLOCK_BOOT_SIZE]; /* of the machine, as Linux names its boots */
	int64_t base;			  /* wall - mono at the last look */
	int64_t stepped;  /* all steps since the spool was made, added up */
	int64_t restarts; /* of the machine: by how much it was set then is not known */
};

enum spool_clock_seen {
	SPOOL_CLOCK_WENT_ON,
	SPOOL_CLOCK_STEPPED,   /* "clock.step" is to be journalled */
	SPOOL_CLOCK_RESTARTED, /* "clock.restart" */
};

/* Notes what both clocks show. *ret_step: by how much it was set. */
enum spool_clock_seen
spool_clock_look(struct spool_clock *c, const char *boot, int64_t wall, int64_t mono,
    int64_t *ret_step);
/* The event that says so; event_done(). */
struct event
spool_clock_event(enum spool_clock_seen seen, int64_t step, int64_t wall);
json_t *
spool_clock_to_json(const struct spool_clock *c);
/* What cannot be read was never looked at. */
void
spool_clock_from_json(const json_t *v, struct spool_clock *ret);

#endif
