/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boot flags of a sequence (bmc_seq.h): what is set, by its order, its variant and the BMC's manners. Pure. */
#ifndef AGENT_BMC_SEQ_FLAGS_H
#define AGENT_BMC_SEQ_FLAGS_H

#include "agent/bmc_seq.h"

/* The two octets of the boot flags that say something. */
void
bmc_seq_flags_wanted(const struct bmc_seq *s, uint8_t ret[2]);
/* Do the boot flags that were read back say what was set? The DHCP request that follows judges the rest. */
bool
bmc_seq_flags_kept(const struct bmc_seq *s, const struct bmc_bootflags *f);

#endif
