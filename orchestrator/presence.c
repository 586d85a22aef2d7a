// SPDX-License-Identifier: GPL-3.0-or-later
/* When somebody was last heard, on two clocks: one for people, one to judge by.
 *
 * Entry points: presence_note() whenever they are heard, presence_silence() to judge. Pure.
 * There are no failure modes. */
#include "orchestrator/presence.h"

void
presence_note(struct presence *p, int64_t wall, int64_t mono)
{
	p->wall = wall;
	p->mono = mono;
}

void
presence_restore(struct presence *p, int64_t seen, int64_t wall, int64_t mono)
{
	p->wall = seen;
	p->mono = seen < wall ? mono - (wall - seen) : mono;
}

int64_t
presence_silence(const struct presence *p, int64_t mono)
{
	return p->wall ? mono - p->mono : INT64_MAX;
}

bool
presence_absent(int64_t silence)
{
	return silence > PRESENCE_ABSENT_S * USEC_PER_SEC;
}
