/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a call knows of its BMC before it begins, and what the next one shall know. */
#ifndef AGENT_BMC_CALL_KNOW_H
#define AGENT_BMC_CALL_KNOW_H

#include "agent/bmc_call.h"

/* Sets the call's manners, its pace and what its sequence needs of them. 0, or -EINVAL with what of the
 * owner's manners is not understood; the rest is done all the same. */
int
bmc_call_know_take(struct bmc_call *c, struct error *err) MUST_CHECK;
/* At the end, when the verdict is known: for the next call, and for the result. */
void
bmc_call_know_keep(struct bmc_call *c, enum bmc_fail fail);
/* The BMC was too busy for a request of a thorough look, or went away in the midst of it: the rest is asked more
 * slowly, and that is what is learned. Nothing for other calls. */
void
bmc_call_know_slow_down(struct bmc_call *c, bool lost);
/* The level that the session shall have. */
uint8_t
bmc_call_know_privilege(const struct bmc_call *c);
/* Do its manners say that the level belongs into Open Session? */
bool
bmc_call_know_level_in_open(const struct bmc_call *c);

#endif
