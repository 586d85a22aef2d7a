// SPDX-License-Identifier: GPL-3.0-or-later
/* How a machine may be brought down: by its own system, by a command on it, by force. An order that forbids force, and yet names what
 * is nothing else or asks the system for nothing, contradicts itself; so does one that asks for a command and forbids waiting for it.
 *
 * Entry point: orders_force_check(). Ownership: none. Failure modes: -EINVAL with what is wrong and what to do. */
#include "orchestrator/orders_force.h"

#include <errno.h>

#include "orchestrator/orders.h"

int
orders_force_check(const struct orders_request *r, struct error *err)
{
	if (!bundle_hook_valid(r->hook))
		return error_set(err, -EINVAL, "bad-value",
		    "put a program on the host, and name it",
		    "hook: not one line of at most %d octets", BUNDLE_HOOK_SIZE - 1);
	if (r->hook[0] && r->kind != BUNDLE_REBOOT)
		return error_set(err, -EINVAL, "bad-value", "leave it out",
		    "hook: a %s has none", bundle_kind_name(r->kind));
	if (r->hook[0] && r->force == BUNDLE_FORCE_AT_ONCE)
		return error_set(err, -EINVAL, "bad-value", "leave one of them out",
		    "hook: with force at-once the system is asked for nothing");
	if (r->force != BUNDLE_FORCE_NEVER)
		return 0;
	if (r->kind == BUNDLE_POWER)
		return error_set(err, -EINVAL, "bad-value",
		    "leave it out; power soft asks the system, the others do not",
		    "force: a power order does what it says");
	if (r->graceful_s == 0)
		return error_set(err, -EINVAL, "bad-value",
		    "give the system time to stop: graceful_s",
		    "force: never, and graceful_s 0 asks the system for nothing");
	return 0;
}
