/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that wait until their image is at the site. */
#ifndef ORCHESTRATOR_WHEN_READY_H
#define ORCHESTRATOR_WHEN_READY_H

#include <event2/event.h>
#include <stddef.h>

#include "db/db_job.h"
#include "lib/log.h"
#include "orchestrator/dispatch.h"
#include "orchestrator/place.h"

struct when_ready;

struct when_ready_ops {
	struct event_base *base;
	const struct log *log;
	struct store *store;
	struct place *place;
	struct dispatch *dispatch;
	void (*on_events)(void *arg); /* after events were stored */
	void *arg;
};

enum { WHEN_READY_TEXT = 400 };

struct when_ready *
when_ready_new(const struct when_ready_ops *ops);
void
when_ready_free(struct when_ready *w);
/* A site holds more than before: its jobs that have waited for that go on. */
void
when_ready_site(struct when_ready *w, const char *site);
/* "waits for image debian at los, 43 %"; "" when the job waits for none. Returns buf. */
const char *
when_ready_text(struct store *s, struct place *p, const struct db_job *job,
    char buf[WHEN_READY_TEXT]);

#endif
