/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults by name, and a BMC's state as JSON, for the control socket and for tests.
 * Entry points: bmcsim_set_fault(), bmcsim_describe(). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_core.h"

#define FAULT(name)                                         \
	{                                                   \
#name, offsetof(struct bmcsim_faults, name) \
	}

static const struct {
	const char *name;
	size_t at;
} faults[] = {
    FAULT(dead),
    FAULT(drop),
    FAULT(delay_ms),
    FAULT(busy),
    FAULT(busy_code),
    FAULT(busy_control),
    FAULT(d5),
    FAULT(refuse_options),
    FAULT(drop_efi),
    FAULT(drop_valid),
    FAULT(forget_at_off),
    FAULT(ignore_soft),
    FAULT(refuse_soft),
    FAULT(ignore_off),
    FAULT(lose_on),
    FAULT(off_ms),
    FAULT(soft_ms),
    FAULT(on_ms),
    FAULT(cycle_ms),
    FAULT(lie),
    FAULT(suites),
    FAULT(suite_silent),
    FAULT(echo_level),
    FAULT(open_level_keys),
    FAULT(rakp3_once),
    FAULT(no_slots),
    FAULT(refuse_control),
    FAULT(lose_reply),
    FAULT(control_c3),
    FAULT(no_dedup),
    FAULT(forget_session),
    FAULT(level_limit),
    FAULT(no_caps),
    FAULT(bad_icv),
};

int
bmcsim_set_fault(struct bmcsim_faults *f, const char *name, int value)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(faults[i].name, name) != 0)
			continue;
		memcpy((char *)f + faults[i].at, &value, sizeof value);
		return 0;
	}
	return -EINVAL;
}

void
bmcsim_describe(struct bmcsim_bmc *b, char *buf, size_t size)
{
	const struct bmcsim_counts *n = &b->counts;

	snprintf(buf, size,
	    "{\"power\":\"%s\",\"flags\":\"%02x%02x%02x%02x%02x\",\"keep\":%u,"
	    "\"off\":%u,\"on\":%u,\"cycle\":%u,\"reset\":%u,\"soft\":%u,\"repeats\":%u,"
	    "\"opens\":%u,\"sessions\":%u,\"closed\":%u,\"dropped\":%u,\"expired\":%u,"
	    "\"bad_auth\":%u,\"unheard\":%u,"
	    "\"rakp1\":%u,\"pxe_boots\":%u,\"bad_packets\":%u,\"slots\":%u,\"active\":%"
	    "u}",
	    b->power ? "on" : "off", b->flags[0], b->flags[1], b->flags[2], b->flags[3],
	    b->flags[4], b->keep_flags, n->controls[BMCSIM_OFF], n->controls[BMCSIM_ON],
	    n->controls[BMCSIM_CYCLE], n->controls[BMCSIM_RESET],
	    n->controls[BMCSIM_SOFT], n->repeats, n->opens, n->sessions, n->closed,
	    n->dropped, n->expired, n->bad_auth, n->unheard, n->rakp1, n->pxe_boots,
	    n->bad_packets, bmcsim_slots_used(b, false), bmcsim_slots_used(b, true));
}
