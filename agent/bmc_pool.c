/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Queues and limits. Each BMC (address and port) has a queue whose head alone runs, so
 * that a BMC never sees two sessions of ours. Heads that may not start yet wait in line,
 * first come first served.
 *
 * Two limits: `in_flight` counts the calls whose BMC answers promptly; a call that had to
 * resend, or whose name takes its time to be resolved, no longer counts, so a hundred dead
 * BMCs or a dead name server delay nobody. `max_sessions` bounds the
 * sockets.
 *
 * The pool owns calls and peers. A call that has ended is unlinked first, its successor
 * put in line, then its callback runs, then it is freed: whatever the callback does to
 * other calls is safe. Ids, not pointers, are what callers hold. Peers (the suite that
 * worked, the breaker) are kept for the next call, up to PEERS_MAX. */
#include "agent/bmc_pool.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/str.h"

enum { PEERS_MAX = 65536 };

/* A waiting head, by id: the call may be cancelled while it waits. */
struct turn {
	uint64_t id;
	struct turn *next, *prev;
};

struct bmc_pool {
	const struct bmc_call_env *env;
	struct bmc_pool_limits limits;
	struct bmc_peer *peers; /* uthash by key */
	struct bmc_call *calls; /* uthash by id */
	struct turn *line;
	unsigned talking, begun;
	uint64_t last_id;
	bool starting;
};

struct bmc_pool *
bmc_pool_new(const struct bmc_call_env *env, const struct bmc_pool_limits *limits)
{
	struct bmc_pool *p = str_alloc(sizeof *p);

	p->env = env;
	p->limits = *limits;
	return p;
}

static void
free_call(struct bmc_call *c)
{
	bmc_call_done(c);
	free(c);
}

static void
forget_idle_peers(struct bmc_pool *p)
{
	struct bmc_peer *peer, *next;

	HASH_ITER (hh, p->peers, peer, next) {
		if (peer->queue != NULL)
			continue;
		HASH_DEL(p->peers, peer);
		free(peer);
	}
}

static struct bmc_peer *
peer_of(struct bmc_pool *p, const struct bundle_bmc *bmc)
{
	char key[BMC_CALL_KEY_SIZE];
	struct bmc_peer *peer;

	bmc_call_key(bmc, key);
	HASH_FIND_STR(p->peers, key, peer);
	if (peer != NULL)
		return peer;
	if (HASH_COUNT(p->peers) >= PEERS_MAX)
		forget_idle_peers(p);
	peer = str_alloc(sizeof *peer);
	memcpy(peer->key, key, sizeof key);
	HASH_ADD_STR(p->peers, key, peer);
	return peer;
}

struct bmc_call *
bmc_pool_call(struct bmc_pool *p, const struct bundle_bmc *bmc)
{
	struct bmc_call *c = str_alloc(sizeof *c);

	bmc_call_init(c, ++p->last_id, p->env, bmc);
	return c;
}

static void
stand_in_line(struct bmc_pool *p, const struct bmc_call *c)
{
	struct turn *t = str_alloc(sizeof *t);

	t->id = c->id;
	DL_APPEND(p->line, t);
}

uint64_t
bmc_pool_submit(struct bmc_pool *p, struct bmc_call *c, int64_t now)
{
	c->peer = peer_of(p, &c->bmc);
	DL_APPEND(c->peer->queue, c);
	HASH_ADD(hh, p->calls, id, sizeof c->id, c);
	if (c->peer->queue == c)
		stand_in_line(p, c);
	p->env->ops->timer(p->env->io, c, now);
	return c->id;
}

static void
count(struct bmc_pool *p, struct bmc_call *c)
{
	bool talking = bmc_call_talking(c);

	if (talking && !c->counted)
		p->talking++;
	if (!talking && c->counted)
		p->talking--;
	c->counted = talking;
}

/* Out of all lists; the next call to that BMC gets in line. Returns whether it was the
 * head. */
static void
unlink_call(struct bmc_pool *p, struct bmc_call *c)
{
	struct bmc_peer *peer = c->peer;
	bool head = peer->queue == c;

	if (c->counted)
		p->talking--;
	if (c->begun)
		p->begun--;
	DL_DELETE(peer->queue, c);
	HASH_DEL(p->calls, c);
	if (head && peer->queue != NULL)
		stand_in_line(p, peer->queue);
	p->env->ops->release(p->env->io, c);
}

static struct bmc_call *
find(struct bmc_pool *p, uint64_t id)
{
	struct bmc_call *c;

	HASH_FIND(hh, p->calls, &id, sizeof id, c);
	return c;
}

static void
settle(struct bmc_pool *p, struct bmc_call *c, int64_t now);

/* Begins those in line, as far as the limits allow. */
static void
start_waiting(struct bmc_pool *p, int64_t now)
{
	struct turn *t;
	struct bmc_call *c;

	if (p->starting)
		return; /* settle() below came back here: the loop goes on by itself */
	p->starting = true;
	while ((t = p->line) != NULL && p->talking < p->limits.in_flight &&
	       p->begun < p->limits.max_sessions) {
		c = find(p, t->id);
		DL_DELETE(p->line, t);
		free(t);
		/* A cancelled call that waits for its timer has ended already. */
		if (c == NULL || c->state != BMC_CALL_QUEUED)
			continue;
		c->begun = true;
		p->begun++;
		bmc_call_start(c, now);
		settle(p, c, now);
	}
	p->starting = false;
}

/* After each step of a call: counts it, arms its timer, or sees it off. */
static void
settle(struct bmc_pool *p, struct bmc_call *c, int64_t now)
{
	if (c->state != BMC_CALL_ENDED) {
		count(p, c);
		p->env->ops->timer(p->env->io, c, bmc_call_deadline(c));
		start_waiting(p, now);
		return;
	}
	unlink_call(p, c);
	if (c->done != NULL)
		c->done(c->arg, c->id, &c->res);
	free_call(c);
	start_waiting(p, now);
}

void
bmc_pool_connected(struct bmc_pool *p, struct bmc_call *c, int64_t now)
{
	bmc_call_connected(c, now);
	settle(p, c, now);
}

void
bmc_pool_no_route(struct bmc_pool *p, struct bmc_call *c, int64_t now, const char *why)
{
	bmc_call_no_route(c, now, why);
	settle(p, c, now);
}

void
bmc_pool_outside(struct bmc_pool *p, struct bmc_call *c, int64_t now, const char *address)
{
	bmc_call_outside(c, now, address);
	settle(p, c, now);
}

void
bmc_pool_input(
    struct bmc_pool *p, struct bmc_call *c, int64_t now, const uint8_t *pkt, size_t len)
{
	bmc_call_input(c, now, pkt, len);
	settle(p, c, now);
}

void
bmc_pool_timer(struct bmc_pool *p, struct bmc_call *c, int64_t now)
{
	bmc_call_timer(c, now);
	settle(p, c, now);
}

void
bmc_pool_insist(struct bmc_pool *p, uint64_t id)
{
	struct bmc_call *c = find(p, id), *before;

	if (c == NULL)
		return;
	c->insists = true;
	before = c->peer->queue; /* has its turn, or stands in line for it */
	if (before == c)
		return;
	DL_DELETE(c->peer->queue, c);
	while (before->next != NULL && before->next->insists)
		before = before->next;
	DL_APPEND_ELEM(c->peer->queue, before, c);
}

void
bmc_pool_attempt(
    struct bmc_pool *p, uint64_t id, unsigned attempt, enum bmc_variant variant)
{
	struct bmc_call *c = find(p, id);

	if (c == NULL)
		return;
	c->attempt = attempt;
	c->variant = variant;
}

void
bmc_pool_hold(struct bmc_pool *p, uint64_t id, enum bmc_boot boot)
{
	struct bmc_call *c = find(p, id);

	if (c == NULL)
		return;
	c->seq.hold = true;
	c->seq.boot = boot;
}

void
bmc_pool_worked(
    struct bmc_pool *p, const struct bundle_bmc *bmc, enum bmc_variant variant)
{
	if (variant != BMC_VARIANT_NONE)
		peer_of(p, bmc)->worked = variant;
}

void
bmc_pool_cancel(struct bmc_pool *p, uint64_t id, int64_t now)
{
	struct bmc_call *c = find(p, id);

	if (c == NULL)
		return;
	bmc_call_cancel(c, now);
	/* Not settled from here: the caller may be in the middle of a callback of ours.
	 */
	p->env->ops->timer(p->env->io, c, now);
}

void
bmc_pool_free(struct bmc_pool *p, int64_t now)
{
	struct bmc_call *c, *next;
	struct turn *t, *next_turn;

	if (p == NULL)
		return;
	HASH_ITER (hh, p->calls, c, next) {
		bmc_call_cancel(c, now);
		unlink_call(p, c);
		free_call(c);
	}
	DL_FOREACH_SAFE(p->line, t, next_turn)
	{
		DL_DELETE(p->line, t);
		free(t);
	}
	forget_idle_peers(p);
	free(p);
}

unsigned
bmc_pool_calls(const struct bmc_pool *p)
{
	return HASH_COUNT(p->calls);
}

unsigned
bmc_pool_talking(const struct bmc_pool *p)
{
	return p->talking;
}
