/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pauses, circuit breaker and lockout stop.
 *
 * The breaker of a BMC opens when a number of its calls in a row ended unreachable or busy. It
 * rests then, and a call that comes meanwhile ends at once. The first call after the rest is the
 * try; calls to one BMC run one after the other, so there is one try at a time. A try that fails
 * doubles the rest, up to a limit; the rest is drawn from 75 to 125 % of that, so that a site whose
 * switch came back is not asked by everybody in the same second. Any other end (also a refusal:
 * it is an answer) closes the breaker.
 *
 * BMCs lock an account after a few wrong passwords (ipmi.md 5), and a wrong password in the
 * inventory is often wrong for a whole site. So BMCs that refused are counted over a window, each
 * once, in ten slots of time: a BMC's newer proof takes back what its older one added while that
 * is in the window. One refusal costs a BMC one failed login; what the stop prevents is the
 * second, and the first of all others. */
#include "agent/bmc_polite.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

enum { MINUTE = 60000000, JITTER_PERCENT = 25 };

/* The worth of sessions spent and not yet forgiven by time. */
static int64_t
spent_now(const struct bmc_polite *p, int64_t now)
{
	int64_t left = p->spent - (now - p->spent_at);

	return left > 0 ? left : 0;
}

int64_t
bmc_polite_session_at(
    const struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now)
{
	int64_t at = p->session_at, worth, over;

	if (r->per_minute == 0)
		return at;
	worth = MINUTE / r->per_minute;
	over = spent_now(p, now) + worth - MINUTE;
	if (over > 0 && now + over > at)
		at = now + over;
	return at;
}

void
bmc_polite_session_begun(
    struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now)
{
	if (r->per_minute == 0)
		return;
	p->spent = spent_now(p, now) + MINUTE / r->per_minute;
	p->spent_at = now;
}

void
bmc_polite_session_ended(
    struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now)
{
	p->session_at = now + r->session_gap;
}

int64_t
bmc_polite_command_at(const struct bmc_polite *p)
{
	return p->command_at;
}

void
bmc_polite_answered(struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now)
{
	p->command_at = now + r->command_gap;
}

bool
bmc_polite_admits(const struct bmc_polite *p, int64_t now, bool insists)
{
	return !p->open || insists || now >= p->try_at;
}

void
bmc_polite_say(const struct bmc_polite *p, int64_t now, char *buf, size_t size)
{
	char since[32], until[32];

	str_duration(now - p->opened_at, since, sizeof(since));
	str_duration(p->try_at > now ? p->try_at - now : 0, until, sizeof(until));
	snprintf(buf, size,
	    "left alone for %s now, after %u calls in a row failed (%s); it is tried "
	    "again "
	    "in %s",
	    since, p->failures, p->text, until);
}

static bool
counts(enum bmc_fail fail)
{
	return fail == BMC_FAIL_TIMEOUT || fail == BMC_FAIL_NETWORK ||
	       fail == BMC_FAIL_RESTART || fail == BMC_FAIL_BUSY;
}

static void
rest(struct bmc_polite *p, const struct bmc_polite_rules *r, struct rng *rng, int64_t now)
{
	int64_t jitter;

	p->rest = p->rest == 0 ? r->breaker_first : p->rest * 2;
	if (p->rest > r->breaker_max)
		p->rest = r->breaker_max;
	jitter = p->rest * JITTER_PERCENT / 100;
	p->try_at =
	    now + p->rest - jitter + (int64_t)rng_below(rng, 2 * (uint64_t)jitter + 1);
}

bool
bmc_polite_close(struct bmc_polite *p)
{
	bool was_open = p->open;

	p->open = false;
	p->failures = 0;
	p->rest = 0;
	return was_open;
}

enum bmc_polite_change
bmc_polite_ended(struct bmc_polite *p, const struct bmc_polite_rules *r, struct rng *rng,
    int64_t now, enum bmc_fail fail, const char *text)
{
	bool was_open = p->open;

	if (!counts(fail)) {
		(void)bmc_polite_close(p);
		return was_open ? BMC_POLITE_CLOSED : BMC_POLITE_SAME;
	}
	p->failures++;
	p->why = fail;
	str_clip(p->text, sizeof(p->text), text);
	if (r->breaker_after == 0 || p->failures < r->breaker_after)
		return BMC_POLITE_SAME;
	p->open = true;
	if (!was_open)
		p->opened_at = now;
	rest(p, r, rng, now);
	return was_open ? BMC_POLITE_SAME : BMC_POLITE_OPENED;
}

/* ---- */

/* Slots that the window has left behind become new, empty ones. */
static void
advance(struct bmc_lockout *l, int64_t slot)
{
	int64_t from = l->slot + 1;

	if (slot - from >= BMC_LOCKOUT_SLOTS)
		from = slot - BMC_LOCKOUT_SLOTS + 1;
	for (int64_t i = from; i <= slot; i++)
		l->n_proven[i % BMC_LOCKOUT_SLOTS] = l->n_refused[i % BMC_LOCKOUT_SLOTS] =
		    0;
	if (slot > l->slot)
		l->slot = slot;
}

static void
take_back(struct bmc_lockout *l, const struct bmc_polite *p)
{
	size_t i = (size_t)(p->proof_slot % BMC_LOCKOUT_SLOTS);

	if (p->proof_round != l->round || p->proof_slot + BMC_LOCKOUT_SLOTS <= l->slot)
		return; /* not in the window any more */
	if (p->proven)
		l->n_proven[i]--;
	if (p->refused)
		l->n_refused[i]--;
}

bool
bmc_lockout_proof(struct bmc_lockout *l, struct bmc_polite *p, int64_t now, bool refused)
{
	unsigned n_refused = 0, n_heard = 0;
	size_t at;

	if (l->window < BMC_LOCKOUT_SLOTS)
		return false;
	advance(l, now / (l->window / BMC_LOCKOUT_SLOTS));
	take_back(l, p);
	p->proven = !refused;
	p->refused = refused;
	p->proof_round = l->round;
	p->proof_slot = l->slot;
	at = (size_t)(l->slot % BMC_LOCKOUT_SLOTS);
	if (refused)
		l->n_refused[at]++;
	else
		l->n_proven[at]++;
	for (size_t i = 0; i < BMC_LOCKOUT_SLOTS; i++) {
		n_refused += l->n_refused[i];
		n_heard += l->n_refused[i] + l->n_proven[i];
	}
	if (l->stopped || !refused || n_refused <= l->more_than ||
	    (uint64_t)n_refused * 100 <= (uint64_t)n_heard * l->percent)
		return false;
	l->stopped = true;
	l->stopped_at = now;
	l->refused_then = n_refused;
	l->heard_then = n_heard;
	return true;
}

bool
bmc_lockout_admits(const struct bmc_lockout *l, bool proven_now)
{
	return !l->stopped || proven_now;
}

void
bmc_lockout_say(const struct bmc_lockout *l, int64_t now, char *buf, size_t size)
{
	char since[32];

	snprintf(buf, size,
	    "no session is opened since %s ago, when %u of %u BMCs here had refused the "
	    "user or password: more would lock the accounts",
	    str_duration(now - l->stopped_at, since, sizeof(since)), l->refused_then,
	    l->heard_then);
}

void
bmc_lockout_release(struct bmc_lockout *l)
{
	memset(l->n_proven, 0, sizeof(l->n_proven));
	memset(l->n_refused, 0, sizeof(l->n_refused));
	l->stopped = false;
	l->round++;
}
