/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps of the wall clock. The orchestrator learns by how much the agent's clock is off, but of events that wait in
 * the spool only the agent can say what its clock was like then: so every step stands in the journal, in its place.
 * Times before and after it are then corrected each by their own offset (orchestrator/clock_fix.c).
 *
 * Entry point: spool_clock_look(), before each event is numbered and before each poll. A clock that NTP brings nearer
 * slowly is followed without a word. While the machine was off nothing tells how its clock went on: a restart of it is
 * journalled as such.
 * Ownership: a struct of the caller's, without pointers. Failure modes: none.
 */
#include "agent/spool_clock.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum spool_clock_seen
spool_clock_look(struct spool_clock *c, const char *boot, int64_t wall, int64_t mono,
    int64_t *ret_step)
{
	int64_t base = wall - mono, step = base - c->base;
	bool first = c->boot[0] == '\0', other = !str_eq(c->boot, boot);

	*ret_step = 0;
	c->base = base;
	str_clip(c->boot, sizeof(c->boot), boot);
	if (first)
		return SPOOL_CLOCK_WENT_ON;
	if (other) {
		c->restarts++;
		return SPOOL_CLOCK_RESTARTED;
	}
	if (llabs(step) < SPOOL_CLOCK_STEP_US)
		return SPOOL_CLOCK_WENT_ON;
	c->stepped += step;
	*ret_step = step;
	return SPOOL_CLOCK_STEPPED;
}

struct event
spool_clock_event(enum spool_clock_seen seen, int64_t step, int64_t wall)
{
	struct event ev = event_make(
	    seen == SPOOL_CLOCK_STEPPED ? "clock.step" : "clock.restart", wall);
	char by[32], was[CLOCK_TEXT_SIZE];

	if (seen != SPOOL_CLOCK_STEPPED) {
		str_clip(ev.reason, sizeof(ev.reason),
		    "the agent's machine was restarted: how its clock went on meanwhile "
		    "is not known");
		return ev;
	}
	event_put_i64(&ev, "step_us", step);
	event_put(&ev, "was", clock_text(wall - step, was, sizeof(was)));
	if (str_format(ev.reason, sizeof(ev.reason),
		"the clock of the agent's machine was set %s by %s",
		step > 0 ? "forward" : "back",
		str_duration(llabs(step), by, sizeof(by))) < 0)
		ev.reason[0] = '\0';
	return ev;
}

json_t *
spool_clock_to_json(const struct spool_clock *c)
{
	json_t *v = json_object();

	json_put_str(v, "boot", c->boot);
	json_put_i64(v, "base", c->base);
	json_put_i64(v, "stepped", c->stepped);
	json_put_i64(v, "restarts", c->restarts);
	return v;
}

void
spool_clock_from_json(const json_t *v, struct spool_clock *ret)
{
	struct spool_clock c = {.boot = ""};

	memset(ret, 0, sizeof(*ret));
	if (json_is_object(v) &&
	    json_copy_str(v, "boot", c.boot, sizeof(c.boot), NULL) == 0 &&
	    json_get_i64(v, "base", &c.base, NULL) == 0 &&
	    json_get_i64(v, "stepped", &c.stepped, NULL) == 0 &&
	    json_get_i64(v, "restarts", &c.restarts, NULL) == 0)
		*ret = c;
}
