/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which cipher suite a call's session is opened with: 17, then 3, and no other (IPMI 2.0 22.15.2). */
#ifndef AGENT_BMC_CALL_SUITE_H
#define AGENT_BMC_CALL_SUITE_H

#include "agent/bmc_call.h"

/* The one that the host or its site names, or the one that worked last. After a downgrade the better one is
 * tried now and then: what took it away may be gone. */
int
bmc_call_suite_first(struct bmc_call *c, int64_t now);
/* The one to try after c->suite was refused or not answered. */
int
bmc_call_suite_other(const struct bmc_call *c);
/* Its place in c->refused. */
unsigned
bmc_call_suite_bit(int suite);
/* Neither host nor site forbids the other one, nor has the BMC refused it. */
bool
bmc_call_suite_may_switch(const struct bmc_call *c);

#endif
