// SPDX-License-Identifier: GPL-3.0-or-later
/* The queue of sites that are to hear of something. What comes within a second is one piece of news: an image has several files. Then so many are
 * woken at a time that 1,000 sites, whose plans are all read anew and which all ask what they are, are told within five seconds, and everybody else
 * has their turns between.
 *
 * Entry points: place_news_add(); place_news_new() names who wakes them.
 * Ownership: the queue and its timer. There are no failure modes: a site that is not woken hears of it at its next poll. */
#include "orchestrator/place_news.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"
#include "orchestrator/strset.h"

enum { AT_ONCE = 20 };
#define GATHER_US USEC_PER_SEC
#define NEXT_US (100 * USEC_PER_MSEC)

struct told {
	struct told *next, *prev;
	char site[64];
};

struct place_news {
	struct event *timer;
	void (*wake)(void *arg, const char *site);
	void *arg;
	struct told *queue;
	struct strset queued;
};

static void
arm(struct place_news *n, int64_t us)
{
	const struct timeval tv = {
	    .tv_sec = us / USEC_PER_SEC, .tv_usec = us % USEC_PER_SEC};

	evtimer_add(n->timer, &tv);
}

/* Those that come meanwhile wait for the next turn. */
static struct told *
take_some(struct place_news *n)
{
	struct told *some = NULL, *t;

	for (int i = 0; i < AT_ONCE && (t = n->queue) != NULL; i++) {
		DL_DELETE(n->queue, t);
		strset_remove(&n->queued, t->site);
		DL_APPEND(some, t);
	}
	return some;
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct place_news *n = arg;
	struct told *some = take_some(n), *t, *next;

	if (n->queue)
		arm(n, NEXT_US);
	DL_FOREACH_SAFE(some, t, next)
	{
		n->wake(n->arg, t->site);
		free(t);
	}
}

struct place_news *
place_news_new(
    struct event_base *base, void (*wake)(void *arg, const char *site), void *arg)
{
	struct place_news *n = str_alloc(sizeof(*n));

	n->wake = wake;
	n->arg = arg;
	n->timer = evtimer_new(base, on_timer, n);
	return n;
}

void
place_news_free(struct place_news *n)
{
	struct told *t, *next;

	if (!n)
		return;
	DL_FOREACH_SAFE(n->queue, t, next)
	free(t);
	strset_done(&n->queued);
	event_free(n->timer);
	free(n);
}

void
place_news_add(struct place_news *n, const char *site)
{
	struct told *t;

	if (strset_find(&n->queued, site, NULL))
		return;
	t = str_alloc(sizeof(*t));
	str_clip(t->site, sizeof(t->site), site);
	strset_add(&n->queued, site, 0, NULL);
	if (!n->queue)
		arm(n, GATHER_US);
	DL_APPEND(n->queue, t);
}
