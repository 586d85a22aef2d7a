// SPDX-License-Identifier: GPL-3.0-or-later
/* Reads the event table as it grows, and shows each event to the counters and to the webhooks.
 *
 * Entry point: tail_wake() after a commit. The table is the queue: whatever writes an event in its transaction has
 * told of it, no part of the program can forget to, and a crash between the two loses nothing, since webhooks resume
 * behind the last number that they durably looked at. Counters begin with this process. Batches are small, and the
 * loop has its turn between them. Also looks now and then without being asked.
 *
 * Failure modes: what webhooks cannot write down (a full disk) is shown to them again after RETRY_MS; it is counted
 * once all the same. */
#include "orchestrator/tail.h"

#include <errno.h>
#include <stdlib.h>

#include "db/db_event.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/metrics_event.h"

enum { BATCH = 200, RETRY_MS = 1000, IDLE_MS = 5000 };

struct tail {
	struct tail_ops ops;
	struct event *wake;
	int64_t after;	 /* shown to the webhooks up to here */
	int64_t counted; /* in the metrics up to here */
	int64_t last;	 /* of the present batch */
	int64_t n;
	bool failing;
};

static void
activate(struct tail *t, int ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	evtimer_add(t->wake, &tv);
}

static int
show(void *arg, int64_t seq, const struct event *ev)
{
	struct tail *t = arg;

	if (seq > t->counted) {
		metrics_event(t->ops.metrics, t->ops.store, ev, clock_wall());
		t->ops.each(t->ops.arg, ev);
		t->counted = seq;
	}
	webhook_note(t->ops.webhook, seq, ev);
	t->last = seq;
	t->n++;
	return 0;
}

/* One batch; *ret_more: there is another. */
static int
look(struct tail *t, bool *ret_more)
{
	int64_t newest = 0;
	int rc = db_event_last(t->ops.store, &newest);

	*ret_more = false;
	if (rc < 0 || newest <= t->after)
		return rc;
	const struct db_event_filter filter = {
	    .after = t->after, .until = newest, .limit = BATCH};
	t->n = 0;
	t->last = t->after;
	rc = db_event_list(t->ops.store, &filter, show, t);
	if (rc == 0 && t->n < BATCH)
		t->last = newest;
	/* Also after a failure: what was noted is then dropped there, and noted again. */
	int rc2 = webhook_flush(t->ops.webhook, t->last, rc == 0);
	rc = rc < 0 ? rc : rc2;
	if (rc < 0)
		return rc;
	t->after = t->last;
	*ret_more = t->after < newest;
	return 0;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct tail *t = arg;
	bool more = false;

	(void)fd;
	(void)what;
	int rc = look(t, &more);
	if (rc < 0 && !t->failing)
		log_error(t->ops.log,
		    "cannot note what webhooks are to be told; it is tried again: %d",
		    rc);
	t->failing = rc < 0;
	activate(t, rc < 0 ? RETRY_MS : more ? 0 : IDLE_MS);
}

int
tail_new(const struct tail_ops *ops, struct tail **ret, struct error *err)
{
	struct tail *t;
	int64_t newest = 0;
	int rc = db_event_last(ops->store, &newest);

	if (rc < 0)
		return db_error(store_db(ops->store), rc, err, "read the events");
	t = str_alloc(sizeof(*t));
	t->ops = *ops;
	t->counted = newest;
	metrics_event_begin(t->ops.metrics);
	t->after = webhook_cursor(ops->webhook);
	/* A database that was put back may end before it. */
	if (t->after < 0 || t->after > newest)
		t->after = newest;
	t->wake = evtimer_new(ops->base, on_wake, t);
	if (!t->wake)
		abort();
	activate(t, 0);
	*ret = t;
	return 0;
}

void
tail_free(struct tail *t)
{
	if (!t)
		return;
	event_free(t->wake);
	free(t);
}

void
tail_wake(struct tail *t)
{
	if (t && !t->failing)
		activate(t, 0);
}
