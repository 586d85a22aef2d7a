/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites that are to hear of something: that a nearby one holds a file now, that an image has changed. Soon, and not all at once. */
#ifndef ORCHESTRATOR_PLACE_NEWS_H
#define ORCHESTRATOR_PLACE_NEWS_H

#include <event2/event.h>

struct place_news;

/* `wake` is called with each site, from the event loop. */
struct place_news *
place_news_new(
    struct event_base *base, void (*wake)(void *arg, const char *site), void *arg);
void
place_news_free(struct place_news *n); /* NULL allowed */
/* One that is in the queue already stays where it is. */
void
place_news_add(struct place_news *n, const char *site);

#endif
