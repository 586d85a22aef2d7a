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

#endif
