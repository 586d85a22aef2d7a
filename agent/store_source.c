/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources of a file, and their faults.
 *
 * Entry points: store_sources_pick() before each request; the others as answers come.
 * Ownership: a set owns its sources, and their URLs.
 * Failure modes: those of the sources are its business. A line that is cut makes all of them fail, so that pauses stay
 * short; a source that gives wrong octets is a matter of an hour.
 */
#include "agent/store_source.h"

#include <stdlib.h>

#include "lib/str.h"

enum { PATIENCE = 3, SHIFT_MAX = 3, LEFT = 12 };
#define REST_FIRST (600 * USEC_PER_MSEC)
/* So long it may be slow. */
#define SPAN (20 * USEC_PER_SEC)

void
store_sources_add(struct store_sources *s, enum store_msg_source kind, const char *url)
{
	s->v = str_realloc(s->v, (s->n + 1) * sizeof(s->v[0]));
	s->v[s->n++] = (struct store_source){.kind = kind, .url = str_dup(url)};
}

void
store_sources_done(struct store_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].url);
	free(s->v);
	*s = (struct store_sources){.v = NULL};
}

static bool
usable(const struct store_sources *s, size_t i, int64_t now)
{
	return i < s->n && s->v[i].rest_until <= now;
}

/* Is there one that gave what is there of the file, when only one may? One that has failed for long does not come back as a
 * rule: then another one goes on, and the digest says in the end whether the two are one file. */
static bool
taken(const struct store_sources *s, size_t *ret)
{
	for (size_t i = 0; s->alone && i < s->n; i++)
		if (s->v[i].gave && s->v[i].fails < LEFT) {
			*ret = i;
			return true;
		}
	return false;
}

static int
first_usable(const struct store_sources *s, int64_t now)
{
	int found = -1;

	for (size_t i = 0; i < s->n; i++) {
		if (!usable(s, i, now))
			continue;
		if (found < 0 || (s->alone && s->v[i].url == NULL))
			found = (int)i;
	}
	return found;
}

int
store_sources_pick(struct store_sources *s, int64_t now, int64_t *ret_until)
{
	size_t only;
	int i;

	/* One that knows no ranges and broke off would begin anew: another one goes on. */
	bool stay = usable(s, s->now, now) && !s->alone &&
		    !(s->v[s->now].whole && s->v[s->now].fails > 0);

	if (taken(s, &only) && !s->v[only].blamed) {
		s->now = only;
		i = usable(s, only, now) ? (int)only : -1;
	} else {
		i = stay ? (int)s->now : first_usable(s, now);
	}
	if (i >= 0) {
		s->now = (size_t)i;
		return i;
	}
	*ret_until = INT64_MAX;
	for (size_t k = 0; k < s->n; k++)
		if (s->v[k].rest_until < *ret_until)
			*ret_until = s->v[k].rest_until;
	return -1;
}

void
store_source_well(struct store_source *s, int64_t octets)
{
	s->came += octets;
	s->fails = 0;
	s->gave = true;
	s->rest_until = 0;
	s->blamed = false;
}

void
store_source_failed(
    struct store_source *s, const struct error *why, int64_t now, uint64_t jitter)
{
	unsigned shift;
	int64_t rest;

	s->why = *why;
	/* Several connections fail at once. */
	if (s->rest_until > now)
		return;
	if (++s->fails < PATIENCE && !s->whole)
		return;
	shift = s->fails > PATIENCE ? s->fails - PATIENCE : 0;
	rest = REST_FIRST << (shift < SHIFT_MAX ? shift : SHIFT_MAX);
	s->rest_until = now + rest / 2 + (int64_t)(jitter % (uint64_t)(rest / 2));
}

void
store_source_refused(
    struct store_source *s, const struct error *why, int64_t now, int64_t rest)
{
	s->why = *why;
	s->fails++;
	s->rest_until = now + rest;
}

void
store_source_measure(struct store_source *s, int64_t now)
{
	s->from = now;
	s->came = 0;
}

bool
store_source_slow(struct store_source *s, int64_t now)
{
	int64_t came = s->came, span = now - s->from;

	if (s->from == 0 || span >= SPAN)
		store_source_measure(s, now);
	/* One that was not looked at for long says nothing. */
	return span >= SPAN && span < 2 * SPAN &&
	       came < STORE_SOURCE_LEAST * (span / USEC_PER_SEC);
}

void
store_source_leave(
    struct store_source *s, const struct error *why, int64_t now, int64_t rest)
{
	s->why = *why;
	s->fails = LEFT;
	s->rest_until = now + rest;
}

static void
forget(struct store_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->v[i].gave = false;
	s->inherited = false;
}

struct store_source *
store_sources_blame(struct store_sources *s, const struct error *why, int64_t now)
{
	struct store_source *culprit = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].gave) {
			culprit = &s->v[i];
			n++;
		}
	if (n != 1 || s->inherited)
		culprit = NULL;
	s->alone = true;
	forget(s);
	if (culprit == NULL)
		return NULL;
	culprit->blamed = true;
	culprit->why = *why;
	culprit->etag[0] = '\0';
	culprit->rest_until = now + STORE_SOURCE_BLAME;
	return culprit;
}

bool
store_sources_hopeless(const struct store_sources *s, int64_t now)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].blamed || s->v[i].rest_until <= now)
			return false;
	return true;
}
