/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated BMC as a computer of its own: it reboots, on order or not, crashes when too
 * much is asked of it, and comes back with its sessions and boot flags lost. */
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

static void
lose_all(struct bmcsim_bmc *b)
{
	bmcsim_sol_stop(b, false);
	b->sol.farewell = 0;
	memset(b->sessions, 0, sizeof b->sessions);
	memset(b->flags, 0, sizeof b->flags);
	b->flags_until = 0;
	b->keep_flags = 0;
	b->ack = 0;
	b->identify_until = 0;
	b->last_command = b->last_open = 0;
	b->reboot_due = false;
}

void
bmcsim_life_reboot(struct bmcsim_bmc *b, int64_t now)
{
	int64_t silent = b->faults.reboot_ms > 0 ? b->faults.reboot_ms * USEC_PER_MSEC
						 : BMCSIM_REBOOT_US;

	lose_all(b);
	b->counts.reboots++;
	b->silent_until = now + silent;
	b->ff_until = b->silent_until + b->faults.ff_ms * USEC_PER_MSEC;
}

static void
crash(struct bmcsim_bmc *b, int64_t now)
{
	lose_all(b);
	b->counts.crashes++;
	b->silent_until =
	    b->faults.crash_ms > 0 ? now + b->faults.crash_ms * USEC_PER_MSEC : INT64_MAX;
}

bool
bmcsim_life_awake(struct bmcsim_bmc *b, int64_t now)
{
	if (b->faults.reboot) {
		b->faults.reboot = 0;
		bmcsim_life_reboot(b, now);
	}
	if (b->faults.revive) {
		b->faults.revive = 0;
		b->silent_until = b->ff_until = 0;
	}
	if (b->faults.forget_flags) {
		b->faults.forget_flags = 0;
		memset(b->flags, 0, sizeof b->flags);
		b->flags_until = 0;
	}
	if (b->faults.sol_drop) {
		bmcsim_sol_stop(b, b->faults.sol_drop == 1);
		b->faults.sol_drop = 0;
	}
	return now >= b->silent_until;
}

static bool
too_soon(int64_t now, int64_t *last, int interval_ms)
{
	bool soon =
	    interval_ms > 0 && *last != 0 && now - *last < interval_ms * USEC_PER_MSEC;

	*last = now;
	return soon;
}

bool
bmcsim_life_command(struct bmcsim_bmc *b, int64_t now, uint8_t netfn, uint8_t cmd)
{
	if (netfn == 6 && (cmd == 0x3B || cmd == 0x3C)) /* a session cannot do without */
		return true;
	if (too_soon(now, &b->last_command, b->faults.min_interval_ms)) {
		crash(b, now);
		return false;
	}
	if (b->faults.reboot_after > 0 && --b->faults.reboot_after == 0) {
		bmcsim_life_reboot(b, now);
		return false;
	}
	return true;
}

bool
bmcsim_life_open(struct bmcsim_bmc *b, int64_t now)
{
	if (!too_soon(now, &b->last_open, b->faults.min_session_ms))
		return true;
	crash(b, now);
	return false;
}

bool
bmcsim_life_holds(struct bmcsim_bmc *b, int what)
{
	if (b->faults.hold == 0 || b->faults.hold != what)
		return false;
	if (b->faults.hold_skip > 0) {
		b->faults.hold_skip--;
		return false;
	}
	b->faults.hold = 0;
	b->faults.dead = 1;
	b->counts.held++;
	return true;
}
