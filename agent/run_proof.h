/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Has the present stage been reached? Pure questions about a struct run. */
#ifndef AGENT_RUN_PROOF_H
#define AGENT_RUN_PROOF_H

#include <stdbool.h>

#include "agent/run.h"

/* Its own sign has been seen. */
bool
run_proof_seen(const struct run *r);
/* It was not seen itself, but a later one that cannot come without it. */
bool
run_proof_implied(const struct run *r);
/* The evidence of the first later stage that was seen; "" when there is none. */
const char *
run_proof_later(const struct run *r);
/* Stage os-up of a reboot: is it proven that the machine went down and came up again? Seen off and on, or by another boot id, or by
 * another cause of its last restart; it
 * answers, and that after a silence; and where the boot id was read before, it is another one. */
bool
run_proof_rebooted(const struct run *r);
/* Can it not be proven any more, whatever comes? It answers, and nothing tells which boot it is. */
bool
run_proof_hopeless(const struct run *r);
/* Could the BMC still tell, by what last restarted the machine? It is asked only after a silence, in place of a boot id that nobody
 * could read. */
bool
run_proof_may_ask(const struct run *r);
/* What proves it, in words. */
void
run_proof_of_reboot(const struct run *r, char ret[RUN_EVIDENCE_SIZE]);

#endif
