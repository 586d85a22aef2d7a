/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far this machine's clock is from the orchestrator's, found from exchanges with it. Pure. */
#ifndef AGENT_UPLINK_CLOCK_H
#define AGENT_UPLINK_CLOCK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/agent_msg.h"

enum { UPLINK_CLOCK_KEPT = 8 };

struct uplink_clock_sample {
	int64_t base;	/* ahead of the orchestrator's, without the steps of this one */
	int64_t within; /* give or take */
	int64_t
	    there;    /* the orchestrator's clock against the one here that never jumps */
	int64_t mono; /* when */
};

/* Zeroed: nothing was measured. */
struct uplink_clock {
	struct uplink_clock_sample kept[UPLINK_CLOCK_KEPT];
	size_t n, next;
	bool
	    restored; /* of a process before this one: good for the time there alone, until something is measured */
};

/* Both clocks of this machine at one moment. */
struct uplink_clock_moment {
	int64_t wall, mono;
};

/* An exchange: asked and answered here, and when it was received there and for how long it was held. `stepped`: all
 * steps of this clock so far. False: it tells nothing. */
bool
uplink_clock_take(struct uplink_clock *c, const struct uplink_clock_moment *asked,
    const struct uplink_clock_moment *answered, int64_t received, int64_t held,
    int64_t stepped);
/* What is known best now, of ahead and within; known false: nothing. */
void
uplink_clock_tell(const struct uplink_clock *c, int64_t mono, int64_t stepped,
    struct agent_msg_clock *ret);

/* What the orchestrator's clock shows now, however often this one was set since; 0: nothing was measured. */
int64_t
uplink_clock_there(const struct uplink_clock *c, int64_t mono);
/* What is known of the time there, to be kept; NULL: nothing. It holds until the machine is restarted. */
json_t *
uplink_clock_to_json(const struct uplink_clock *c, int64_t mono, int64_t restarts);
/* What was kept, where the machine was not restarted since; what cannot be read, or cannot be, was never kept. */
void
uplink_clock_from_json(
    const json_t *v, int64_t mono, int64_t restarts, struct uplink_clock *ret);

#endif
