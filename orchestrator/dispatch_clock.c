// SPDX-License-Identifier: GPL-3.0-or-later
/* Agents' clocks against ours. Each poll is answered with when it came and for how long it was held; from that the agent
 * finds how far apart the clocks are, whatever the line takes, and says so with its next message. Times of its events are
 * corrected by it (clock_fix.c).
 *
 * Entry points: dispatch_clock_load() for a site, dispatch_clock_seems() and dispatch_clock_note() at its messages, dispatch_clock_ahead() and
 * dispatch_clock_known() for who judges or tells; dispatch_as_of() of when what is known is.
 * Failure modes: what an agent says of its clock is taken only where its messages bear it out; a database that fails is
 * tried again with the next message. Of an agent that does not measure (an earlier release) nothing is corrected, and
 * what is judged by time heeds how far ahead it seems. */
#include <errno.h>
#include <stdlib.h>

#include "db/db_agent.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/clock_fix.h"
#include "orchestrator/dispatch_priv.h"

enum {
	SEEMS_SLACK_US = 5 * 1000 * 1000,
	LATE_US = 60 * 1000 * 1000, /* that a message may be on its way */
	MOVED_US = 200 * 1000,	    /* worth being written again */
};

void
dispatch_clock_load(struct dispatch *d, struct dispatch_site *s, const struct db_agent *a)
{
	struct db_agent_clock c;

	s->clock = (struct dispatch_clock){.known = false};
	if (db_agent_clock_get(d->ops.store, a->id, a->restarts, &c) < 0)
		return;
	s->clock.known = true;
	s->clock.restarts = a->restarts;
	s->clock.base = c.base;
	s->clock.within = c.within;
	s->clock.stepped = a->stepped;
}

/* What a poll's way takes makes no clock wrong, and what is said of its jobs does not change with each of them. */
void
dispatch_clock_seems(struct dispatch_site *s, int64_t now)
{
	int64_t ahead = now > 0 ? now - clock_wall() : 0;

	if (llabs(ahead - s->ahead) > SEEMS_SLACK_US)
		s->ahead = ahead;
}

/* Its clock shows `now` when it sends, which is before we read it. */
static bool
borne_out(const struct agent_msg_clock *said, int64_t now, int64_t wall)
{
	int64_t least = now - wall;

	return now == 0 || (least < said->ahead + said->within + SEEMS_SLACK_US &&
			       least + LATE_US > said->ahead - said->within);
}

static int
keep(struct dispatch *d, const char *agent, const struct dispatch_clock *c)
{
	const struct db_agent_clock row = {.restarts = c->restarts,
	    .base = c->base,
	    .within = c->within,
	    .measured = clock_wall()};

	return db_agent_clock_put(d->ops.store, agent, &row);
}

void
dispatch_clock_note(struct dispatch *d, struct dispatch_site *s, const char *agent,
    const struct agent_msg_clock *said, int64_t now)
{
	struct dispatch_clock *was = &s->clock;
	int64_t wall = clock_wall();
	struct dispatch_clock c = {.known = true,
	    .restarts = said->restarts,
	    .base = said->ahead - said->stepped,
	    .within = said->within,
	    .stepped = said->stepped};

	if (!str_eq(s->agent, agent) || !said->known || !borne_out(said, now, wall))
		return;
	if (was->known && was->restarts == c.restarts &&
	    llabs(was->base - c.base) < MOVED_US && was->within <= c.within + MOVED_US) {
		was->stepped = c.stepped;
		return;
	}
	if (keep(d, agent, &c) == 0)
		s->clock = c;
}

int64_t
dispatch_as_of(struct dispatch *d, const char *site)
{
	int64_t silence = dispatch_silence(d, site);

	return silence < INT64_MAX && presence_absent(silence)
		   ? dispatch_last_seen(d, site)
		   : 0;
}

int64_t
dispatch_clock_ahead(struct dispatch *d, const char *site)
{
	const struct dispatch_site *s = dispatch_site(d, site);

	return s->clock.known ? 0 : s->ahead;
}

static int64_t
off(const struct dispatch_clock *c)
{
	const struct clock_fix_base base = {
	    .known = c->known, .base = c->base, .within = c->within};

	return clock_fix_offset(&base, c->stepped);
}

int64_t
dispatch_clock_off(struct dispatch *d, const char *site, const char *agent)
{
	const struct dispatch_site *s = dispatch_site(d, site);

	return str_eq(s->agent, agent) ? off(&s->clock) : 0;
}

void
dispatch_clock_stop(const struct dispatch_site *s, struct agent_msg_stop *stop)
{
	int64_t since = stop->since - off(&s->clock);

	if (stop->since > 0 && since > 0)
		stop->since = since;
}

bool
dispatch_clock_known(
    struct dispatch *d, const char *site, int64_t *ret_ahead, int64_t *ret_within)
{
	const struct dispatch_clock *c = &dispatch_site(d, site)->clock;

	*ret_ahead = c->base + c->stepped;
	*ret_within = c->within;
	return c->known;
}
