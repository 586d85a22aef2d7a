/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clock against the orchestrator's, as NTP finds it (RFC 5905 8): of an exchange the time on the way is known, not how
 * it is shared between there and back, so that the offset is known to half of it. Of the last exchanges the one that
 * was on its way for the shortest time counts, the older the less.
 *
 * Entry points: uplink_clock_take() with each answer, uplink_clock_tell() for each message, uplink_clock_there() for what
 * is judged by the orchestrator's time: the age of an order, a window.
 * Ownership: a struct of the caller's, without pointers. Failure modes: an exchange during which the clock was set tells
 * nothing; neither does one of which less time went by than the other side says it had.
 */
#include "agent/uplink_clock.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/json.h"

enum {
	READING_US = 1000, /* between two readings of clocks */
	SET_US = 50000,	   /* more than that in an exchange: it was set */
	DRIFT_PPM = 100,   /* of a clock that nobody corrects */
};

bool
uplink_clock_take(struct uplink_clock *c, const struct uplink_clock_moment *asked,
    const struct uplink_clock_moment *answered, int64_t received, int64_t held,
    int64_t stepped)
{
	int64_t took = answered->mono - asked->mono, way = took - held;
	struct uplink_clock_sample *s;

	if (received <= 0 || way < -READING_US ||
	    llabs((answered->wall - asked->wall) - took) > SET_US)
		return false;
	if (way < 0)
		way = 0;
	if (c->restored)
		*c = (struct uplink_clock){.n = 0};
	s = &c->kept[c->next];
	s->base = asked->wall + way / 2 - received - stepped;
	s->within = way / 2 + READING_US;
	s->there = received - way / 2 - asked->mono;
	s->mono = answered->mono;
	c->next = (c->next + 1) % UPLINK_CLOCK_KEPT;
	if (c->n < UPLINK_CLOCK_KEPT)
		c->n++;
	return true;
}

static int64_t
within_now(const struct uplink_clock_sample *s, int64_t mono)
{
	return s->within + (mono - s->mono) / (1000000 / DRIFT_PPM);
}

/* NULL: nothing was measured. */
static const struct uplink_clock_sample *
best_now(const struct uplink_clock *c, int64_t mono)
{
	const struct uplink_clock_sample *best = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (best == NULL ||
		    within_now(&c->kept[i], mono) < within_now(best, mono))
			best = &c->kept[i];
	return best;
}

void
uplink_clock_tell(const struct uplink_clock *c, int64_t mono, int64_t stepped,
    struct agent_msg_clock *ret)
{
	const struct uplink_clock_sample *best = best_now(c, mono);

	ret->known = best != NULL && !c->restored;
	if (!ret->known)
		return;
	ret->ahead = best->base + stepped;
	ret->within = within_now(best, mono);
}

int64_t
uplink_clock_there(const struct uplink_clock *c, int64_t mono)
{
	const struct uplink_clock_sample *best = best_now(c, mono);

	return best != NULL ? best->there + mono : 0;
}

json_t *
uplink_clock_to_json(const struct uplink_clock *c, int64_t mono, int64_t restarts)
{
	const struct uplink_clock_sample *best = best_now(c, mono);
	json_t *v;

	if (best == NULL)
		return NULL;
	v = json_object();
	json_put_i64(v, "restarts", restarts);
	json_put_i64(v, "there", best->there);
	json_put_i64(v, "within", best->within);
	json_put_i64(v, "mono", best->mono);
	return v;
}

void
uplink_clock_from_json(
    const json_t *v, int64_t mono, int64_t restarts, struct uplink_clock *ret)
{
	struct uplink_clock_sample s = {.base = 0};
	int64_t boots;

	*ret = (struct uplink_clock){.n = 0};
	if (!json_is_object(v) || json_get_i64(v, "restarts", &boots, NULL) < 0 ||
	    json_get_i64(v, "there", &s.there, NULL) < 0 ||
	    json_get_i64(v, "within", &s.within, NULL) < 0 ||
	    json_get_i64(v, "mono", &s.mono, NULL) < 0 || boots != restarts ||
	    s.within < 0 || s.mono < 0 || s.mono > mono || s.there <= 0 ||
	    s.there > INT64_MAX - mono)
		return;
	ret->kept[0] = s;
	ret->n = ret->next = 1;
	ret->restored = true;
}
