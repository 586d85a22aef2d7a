// SPDX-License-Identifier: GPL-3.0-or-later
/* The correction of times. An agent's clock is off by what was measured without its steps, and by the steps that stand in
 * its journal before the event: so events that waited for days are corrected by what the clock was like then, whatever it
 * was set to since.
 *
 * Entry points: clock_fix_note() and clock_fix_event(), for each event of an agent in its order. A time is only changed where
 * the clock is off beyond doubt. What an agent saw in order stays in order: where two measurements differ, the later event
 * waits for the earlier one's time. A leap over CATCH_UP_US is no difference of measurements but a time that makes no sense,
 * and holds nothing up.
 * Pure; there are no failure modes: what an agent claims beyond a century is not believed. */
#include "orchestrator/clock_fix.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/str.h"

#define CENTURY_US (100LL * 366 * 24 * 3600 * USEC_PER_SEC)
#define CATCH_UP_US (60LL * USEC_PER_SEC)

int64_t
clock_fix_offset(const struct clock_fix_base *base, int64_t stepped)
{
	if (!base->known || llabs(base->base) > CENTURY_US || llabs(stepped) > CENTURY_US)
		return 0;
	int64_t ahead = base->base + stepped;
	return llabs(ahead) > base->within + CLOCK_FIX_SLACK_US ? ahead : 0;
}

void
clock_fix_note(struct clock_fix *c, const struct event *ev)
{
	int64_t step;

	if (str_eq(ev->kind, "clock.restart"))
		c->restarts++;
	if (!str_eq(ev->kind, "clock.step"))
		return;
	step = event_i64(ev, "step_us", 0);
	/* INT64_MIN has no absolute value. */
	if (step > -CENTURY_US && step < CENTURY_US &&
	    llabs(c->stepped + step) < CENTURY_US)
		c->stepped += step;
	c->said_last = 0; /* what it showed before and after are not compared */
}

void
clock_fix_event(struct clock_fix *c, const struct clock_fix_base *base, struct event *ev)
{
	/* One that is taken a second time, since the first was undone, has been corrected already. */
	int64_t said = ev->said_at != 0 ? ev->said_at : ev->at;
	int64_t at = said - clock_fix_offset(base, c->stepped);
	bool corrected = at != said || c->at_last != c->said_last;

	if (at <= 0)
		at = said;
	if (corrected && said >= c->said_last && at < c->at_last &&
	    c->at_last - at < CATCH_UP_US)
		at = c->at_last;
	ev->at = at;
	ev->said_at = at != said ? said : 0;
	c->said_last = said;
	c->at_last = at;
}
