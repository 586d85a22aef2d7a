/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions that are not the engine's own: consoles, which libipmiconsole opens by itself. The rules that hold for calls
 * hold for them: pauses and rates, the circuit breaker, the stop when many BMCs refuse the password, and
 * one session at a time where a BMC holds no more. Pure. */
#ifndef AGENT_BMC_GUEST_H
#define AGENT_BMC_GUEST_H

#include "agent/bmc_call.h"

/* 0: it may begin now, else microseconds to wait, with the reason in words; "" for one that is over soon by itself. */
int64_t
bmc_guest_wait(const struct bmc_peer *peer, const struct bmc_call_env *env,
    const struct bmc_manners *m, int64_t now, char *text, size_t size);
void
bmc_guest_begun(struct bmc_peer *peer, const struct bmc_call_env *env,
    const struct bmc_manners *m, int64_t now);
void
bmc_guest_ended(struct bmc_peer *peer, const struct bmc_call_env *env,
    const struct bmc_manners *m, int64_t now);
/* The password was taken, or refused. Returns whether this is what stops all sessions. */
bool
bmc_guest_proof(
    struct bmc_peer *peer, const struct bmc_call_env *env, int64_t now, bool refused);
/* A call begins at that BMC: has a guest to go first? */
bool
bmc_guest_in_the_way(const struct bmc_peer *peer, const struct bmc_manners *m);
/* The rules for a BMC of these manners: the slower of both. */
struct bmc_polite_rules
bmc_guest_rules(const struct bmc_polite_rules *all, const struct bmc_manners *m);

#endif
