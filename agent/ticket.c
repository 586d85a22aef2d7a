/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of one ticket (docs/protocol.md, "Ticket rule"; model in
 * tests/sim/ticket.pml).
 *
 * Entry points: ticket_arm(), ticket_consume(), ticket_end().
 * Ownership: plain data, copied freely; run.c keeps the current ticket of a job and the
 * spool a row for each that ever was.
 * Failure modes: an illegal change is refused and leaves the ticket as it was.
 */
#include "agent/ticket.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/str.h"

static const char *const names[TICKET_STATES] = {
    [TICKET_NONE] = "none",
    [TICKET_ARMED] = "armed",
    [TICKET_CONSUMED] = "consumed",
    [TICKET_CLOSED] = "closed",
    [TICKET_REVOKED] = "revoked",
};

/* legal[from] is the set of states that may follow. */
static const unsigned legal[TICKET_STATES] = {
    [TICKET_NONE] = 1u << TICKET_ARMED,
    [TICKET_ARMED] = 1u << TICKET_CONSUMED | 1u << TICKET_REVOKED,
    [TICKET_CONSUMED] = 1u << TICKET_CLOSED,
    [TICKET_CLOSED] = 0,
    [TICKET_REVOKED] = 1u << TICKET_ARMED,
};

const char *
ticket_state_name(enum ticket_state s)
{
	assert((unsigned)s < TICKET_STATES);
	return names[s];
}

int
ticket_state_parse(const char *s, enum ticket_state *ret)
{
	for (unsigned i = 0; i < TICKET_STATES; i++) {
		if (strcmp(names[i], s) == 0) {
			*ret = (enum ticket_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void
change(struct ticket *t, enum ticket_state to, int64_t now)
{
	assert((legal[t->state] & 1u << to) != 0);
	t->state = to;
	t->changed = now;
}

int
ticket_arm(struct ticket *t, int64_t now, struct rng *rng)
{
	if ((legal[t->state] & 1u << TICKET_ARMED) == 0)
		return -EALREADY;
	id_make(now, rng, t->id);
	id_token(rng, t->token);
	change(t, TICKET_ARMED, now);
	return 0;
}

int
ticket_consume(
    struct ticket *t, const char *id, const struct ticket_use *use, int64_t now)
{
	if (t->state != TICKET_ARMED || !str_eq(t->id, id))
		return -EPERM;
	t->use = *use;
	change(t, TICKET_CONSUMED, now);
	return 0;
}

void
ticket_end(struct ticket *t, int64_t now)
{
	if (t->state == TICKET_ARMED)
		change(t, TICKET_REVOKED, now);
	else if (t->state == TICKET_CONSUMED)
		change(t, TICKET_CLOSED, now);
}

bool
ticket_is_armed(const struct ticket *t)
{
	return t->state == TICKET_ARMED;
}

bool
ticket_is_consumed(const struct ticket *t)
{
	return t->state == TICKET_CONSUMED || t->state == TICKET_CLOSED;
}

bool
ticket_is_open(const struct ticket *t)
{
	return t->state == TICKET_ARMED || t->state == TICKET_CONSUMED;
}
