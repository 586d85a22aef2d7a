/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a console has to ask and to tell before and after each of its sessions.
 *
 * A breaker that is open, a lockout stop, a pause that the BMC needs, or a call at a BMC of one session hold it up. What
 * becomes of its password counts for the lockout stop; where that is not known yet, consoles begin one shortly after the other, so that
 * hundreds with a wrong password are stopped after the first ones. Its other failures do not count for the breaker: a
 * BMC whose Serial over LAN is broken may do all else well, and jobs must not suffer for a console.
 *
 * Entry points: bmc_guest_*(), for bmc.c and bmc_call.c. Ownership: the pool's peers.
 * Failure modes: none. */
#include "agent/bmc_guest.h"

#include "lib/clock.h"

#define LOOK_AGAIN (20 * USEC_PER_SEC) /* nobody tells when it is over */
#define CALL_LONG (5 * USEC_PER_SEC)
#define TURN (USEC_PER_SEC / 20)

static int64_t
slower(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct bmc_polite_rules
bmc_guest_rules(const struct bmc_polite_rules *all, const struct bmc_manners *m)
{
	struct bmc_polite_rules r = *all;
	unsigned rate = (unsigned)m->value[BMC_MANNER_SESSIONS_PER_MINUTE];

	r.command_gap = slower(r.command_gap, m->value[BMC_MANNER_COMMAND_GAP]);
	r.session_gap = slower(r.session_gap, m->value[BMC_MANNER_SESSION_GAP]);
	if (rate != 0 && (r.per_minute == 0 || rate < r.per_minute))
		r.per_minute = rate;
	return r;
}

/* Microseconds until its turn. Who waited for one finds the place free. */
static int64_t
wait_for_turn(struct bmc_lockout *l, int64_t now)
{
	if (l->guest_at == 0 || now - l->guest_at >= TURN * 9 / 10)
		return 0;
	l->guest_line = (l->guest_line > now ? l->guest_line : now) + TURN;
	return l->guest_line - now;
}

int64_t
bmc_guest_wait(const struct bmc_peer *peer, const struct bmc_call_env *env,
    const struct bmc_manners *m, int64_t now, char *text, size_t size)
{
	const struct bmc_polite_rules r = bmc_guest_rules(&env->polite, m);
	int64_t at = bmc_polite_session_at(&peer->polite, &r, now);

	text[0] = '\0';
	if (env->lockout != NULL &&
	    !bmc_lockout_admits(env->lockout, peer->polite.proven)) {
		bmc_lockout_say(env->lockout, now, text, size);
		return LOOK_AGAIN;
	}
	if (!bmc_polite_admits(&peer->polite, now, false)) {
		bmc_polite_say(&peer->polite, now, text, size);
		return LOOK_AGAIN;
	}
	if (m->value[BMC_MANNER_SESSION_LIMIT] == 1 && peer->queue != NULL)
		return CALL_LONG;
	if (at > now)
		return at - now;
	return env->lockout != NULL && !peer->polite.proven
		   ? wait_for_turn(env->lockout, now)
		   : 0;
}

void
bmc_guest_begun(struct bmc_peer *peer, const struct bmc_call_env *env,
    const struct bmc_manners *m, int64_t now)
{
	const struct bmc_polite_rules r = bmc_guest_rules(&env->polite, m);

	peer->guest = true;
	if (env->lockout != NULL && !peer->polite.proven)
		env->lockout->guest_at = now;
	bmc_polite_session_begun(&peer->polite, &r, now);
}

void
bmc_guest_ended(struct bmc_peer *peer, const struct bmc_call_env *env,
    const struct bmc_manners *m, int64_t now)
{
	const struct bmc_polite_rules r = bmc_guest_rules(&env->polite, m);

	peer->guest = false;
	bmc_polite_session_ended(&peer->polite, &r, now);
}

bool
bmc_guest_proof(
    struct bmc_peer *peer, const struct bmc_call_env *env, int64_t now, bool refused)
{
	return env->lockout != NULL &&
	       bmc_lockout_proof(env->lockout, &peer->polite, now, refused);
}

bool
bmc_guest_in_the_way(const struct bmc_peer *peer, const struct bmc_manners *m)
{
	return peer->guest && m->value[BMC_MANNER_SESSION_LIMIT] == 1;
}
