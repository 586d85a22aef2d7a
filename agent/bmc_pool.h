/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All calls: one after the other per BMC, a limited number at once. No sockets and no
 * clock: the I/O layer (or a simulation) brings packets and time in, and is asked for
 * sockets and timers through struct bmc_call_ops. */
#ifndef AGENT_BMC_POOL_H
#define AGENT_BMC_POOL_H

#include "agent/bmc_call.h"

struct bmc_pool;

struct bmc_pool_limits {
	unsigned in_flight;    /* calls talking to a BMC that answers at once */
	unsigned max_sessions; /* calls begun and not ended */
};

/* `env` is borrowed and outlives the pool. */
struct bmc_pool *
bmc_pool_new(const struct bmc_call_env *env, const struct bmc_pool_limits *limits);
/* Says farewell in each open session, then drops all calls without running their
 * callbacks. */
void
bmc_pool_free(struct bmc_pool *p, int64_t now);

/* A call to be filled in (seq.*, done, arg, deadline) and handed to bmc_pool_submit(). */
struct bmc_call *
bmc_pool_call(struct bmc_pool *p, const struct bundle_bmc *bmc);
/* Returns its id. Nothing happens before its timer, which is armed for `now`. */
uint64_t
bmc_pool_submit(struct bmc_pool *p, struct bmc_call *c, int64_t now);
/* Which attempt of an override it is, from 1, or which variant; and that a power-on shall find its
 * flags. */
void
bmc_pool_attempt(
    struct bmc_pool *p, uint64_t id, unsigned attempt, enum bmc_variant variant);
void
bmc_pool_hold(struct bmc_pool *p, uint64_t id, enum bmc_boot boot);
/* After that override the machine came to the network. NONE: nothing is noted. */
void
bmc_pool_worked(
    struct bmc_pool *p, const struct bundle_bmc *bmc, enum bmc_variant variant);
/* The call goes through an open circuit breaker, as a try, and before those to the same BMC that do not
 * insist and have not begun. Unknown ids are ignored. */
void
bmc_pool_insist(struct bmc_pool *p, uint64_t id);
void
bmc_pool_cancel(struct bmc_pool *p, uint64_t id, int64_t now);

/* From the I/O layer. The call may be gone afterwards. */
void
bmc_pool_connected(struct bmc_pool *p, struct bmc_call *c, int64_t now);
void
bmc_pool_no_route(struct bmc_pool *p, struct bmc_call *c, int64_t now, const char *why);
void
bmc_pool_outside(
    struct bmc_pool *p, struct bmc_call *c, int64_t now, const char *address);
void
bmc_pool_input(
    struct bmc_pool *p, struct bmc_call *c, int64_t now, const uint8_t *pkt, size_t len);
void
bmc_pool_timer(struct bmc_pool *p, struct bmc_call *c, int64_t now);

unsigned
bmc_pool_calls(const struct bmc_pool *p);
unsigned
bmc_pool_talking(const struct bmc_pool *p);

#endif
