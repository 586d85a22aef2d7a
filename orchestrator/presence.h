/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether somebody is still heard. Judged by the clock that never jumps: setting the wall clock
 * makes nobody absent, and nobody present. */
#ifndef ORCHESTRATOR_PRESENCE_H
#define ORCHESTRATOR_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { PRESENCE_ABSENT_S = 60 };

/* Zeroed: never heard. */
struct presence {
	int64_t wall; /* of the last time, for people; 0: never */
	int64_t mono;
};

/* Heard now. */
void
presence_note(struct presence *p, int64_t wall, int64_t mono);
/* Heard at `seen` (wall) by an earlier process: all that is left of that time is the wall clock. A time that has
 * not come yet counts as now. */
void
presence_restore(struct presence *p, int64_t seen, int64_t wall, int64_t mono);
/* Microseconds since; INT64_MAX: never heard. */
int64_t
presence_silence(const struct presence *p, int64_t mono);
/* Not heard for PRESENCE_ABSENT_S. */
bool
presence_absent(int64_t silence);

#endif
