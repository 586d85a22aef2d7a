/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an event of bootd proves about a boot. Pure. */
#ifndef AGENT_RUN_WIRE_H
#define AGENT_RUN_WIRE_H

#include <stdbool.h>

#include "agent/run_fsm.h"
#include "lib/bundle.h"
#include "lib/event.h"

struct run_wire {
	enum run_sign_type sign;
	unsigned index;
	bool proxied; /* of DHCP: bootd is a proxy beside another server */
	bool took;    /* … and the machine asked that one for an address */
	char evidence[RUN_EVIDENCE_SIZE];
};

/* False when the event proves nothing. `image` tells kernel, initrds and files apart. */
bool
run_wire_read(
    const struct event *ev, const struct bundle_image *image, struct run_wire *ret);
/* A network boot by firmware or iPXE, whoever asked for it. */
bool
run_wire_is_netboot(const struct event *ev);
/* Does it say which address the machine has: what we gave it, or what it asked another server for? */
bool
run_wire_names_address(const struct event *ev);
/* Is it something that bootd may say: of the wire or of itself? The rest of an event's
 * kinds are the agent's own. */
bool
run_wire_is_heard(const struct event *ev);

#endif
