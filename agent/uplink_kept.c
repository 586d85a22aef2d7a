/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was measured of the orchestrator's clock outlives the process: an agent that is started while the line is down opens
 * windows when it is time there, whatever its own clock shows. It is kept against the clock that never jumps, so that it
 * holds until the machine itself is restarted.
 *
 * Entry points: uplink_kept_put() after each exchange, uplink_kept_get() at the start.
 * Ownership: none. Failure modes: a spool that cannot be written keeps what it had, and is tried at the next exchange; what
 * cannot be read is as if there were nothing, and the agent goes by its own clock. */
#include "agent/uplink_kept.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"

/* From here on another one is worth being written. */
#define MOVED_US (200 * USEC_PER_MSEC)

static const char key[] = "time_there";

void
uplink_kept_put(struct spool *s, const struct uplink_clock *c, int64_t *kept)
{
	int64_t mono = clock_mono(), there = uplink_clock_there(c, mono) - mono;
	int64_t stepped, restarts;
	json_t *v;
	char *text;
	int r;

	if (llabs(there - *kept) < MOVED_US || spool_begin(s) < 0)
		return;
	spool_clock_steps(s, &stepped, &restarts);
	v = uplink_clock_to_json(c, mono, restarts);
	text = json_text(v);
	r = spool_put_mark(s, key, text);
	json_decref(v);
	free(text);
	if (r < 0)
		spool_rollback(s);
	else if (spool_commit(s) == 0)
		*kept = there;
}

void
uplink_kept_get(struct spool *s, struct uplink_clock *ret)
{
	int64_t stepped, restarts;
	char *text = NULL;
	json_t *v;

	*ret = (struct uplink_clock){.n = 0};
	/* Whether the machine was restarted is seen by looking. */
	if (spool_look_clock(s) < 0 || spool_get_mark(s, key, &text) != 1)
		return;
	spool_clock_steps(s, &stepped, &restarts);
	v = json_parse(text, strlen(text), NULL);
	uplink_clock_from_json(v, clock_mono(), restarts, ret);
	json_decref(v);
	free(text);
}
