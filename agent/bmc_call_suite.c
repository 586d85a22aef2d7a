/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The choice of a cipher suite, from what the host says, what the BMC has refused, and what worked before.
 *
 * Entry points: bmc_call_suite_first() when a call begins, the others when a session failed.
 * Ownership: none; of the BMC's record (bmc_peer) only the time of the next try at the better suite is written.
 * Failure modes: none. That a suite is not allowed is bmc_call.c's to say.
 */
#include "agent/bmc_call_suite.h"

static const int order[] = {BMC_CALL_SUITE_BEST, 3};

int
bmc_call_suite_first(struct bmc_call *c, int64_t now)
{
	struct bmc_peer *peer = c->peer;

	if (c->bmc.cipher != 0)
		return c->bmc.cipher;
	if (c->bmc.require_cipher != 0)
		return c->bmc.require_cipher;
	if (peer->suite == 0)
		return order[0];
	if (peer->suite >= peer->best_suite || now < peer->best_again)
		return peer->suite;
	peer->best_again = now + BMC_CALL_BEST_AGAIN;
	return peer->best_suite;
}

int
bmc_call_suite_other(const struct bmc_call *c)
{
	return c->suite == order[0] ? order[1] : order[0];
}

unsigned
bmc_call_suite_bit(int suite)
{
	return suite == order[0] ? 1U : 2U;
}

bool
bmc_call_suite_may_switch(const struct bmc_call *c)
{
	return c->bmc.cipher == 0 && c->bmc.require_cipher == 0 &&
	       !(c->refused & bmc_call_suite_bit(bmc_call_suite_other(c)));
}
