// SPDX-License-Identifier: GPL-3.0-or-later
/* Server-sent events straight from the event table: a follower is a filter and the last number it
 * was sent, so that catching up after a reconnect and following live are the same thing, and nothing
 * can fall between them.
 *
 * Entry points: feed_follow(), feed_wake(). A follower is owned by the feed until its client goes
 * away or is dropped. Those that are due are served in turn, each a batch or a stretch of SCAN_MAX events that
 * its filter does not let through, and after TURN_US the loop has its turn first: neither many
 * followers nor one that begins with the oldest of millions of events hold up anybody else.
 *
 * Failure modes: a reader that does not read is given no more than QUEUE_MAX
 * octets and is dropped after STALL_US; a database that cannot be read ends the stream (the client
 * comes back with Last-Event-ID). */
#include "orchestrator/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	BATCH = 200,
	SCAN_MAX = 10000,
	TURN_US = 20 * 1000,
	QUEUE_MAX = 1024 * 1024,
	STALL_US = 60 * 1000 * 1000,
	RETRY_MS = 200,
	BEAT_S = 15 /* proxies end connections that are silent for a minute */
};

struct follower {
	struct follower *next, *prev;
	struct feed *f;
	struct rest_request *rq;
	char *host, *job, *boot, *kind; /* NULL: all */
	int64_t after;	       /* what it has been sent, or its filter has passed over */
	bool due;	       /* there may be more for it */
	int n_sent;	       /* of the present batch */
	size_t queued;	       /* octets in the socket after the last send */
	int64_t stalled_since; /* mono; 0: it reads */
};

struct feed {
	struct event_base *base;
	const struct log *log;
	struct store *store;
	struct follower *followers;
	size_t n;
	struct event *wake;  /* pending: run() in the next turn of the loop */
	struct event *retry; /* some follower did not read */
	struct event *beat;
};

json_t *
feed_event_json(int64_t seq, const struct event *ev)
{
	json_t *v = event_to_json(ev);

	json_put_i64(v, "seq", seq);
	return v;
}

static void
follower_free(struct follower *w)
{
	DL_DELETE(w->f->followers, w);
	w->f->n--;
	free(w->host);
	free(w->job);
	free(w->boot);
	free(w->kind);
	free(w);
}

static void
end(struct follower *w)
{
	struct rest_request *rq = w->rq;

	follower_free(w);
	rest_sse_end(rq);
}

static int
send_one(void *arg, int64_t seq, const struct event *ev)
{
	struct follower *w = arg;
	json_t *v = feed_event_json(seq, ev);
	char *text = json_text(v);
	char id[24];

	if (str_format(id, sizeof(id), "%lld", (long long)seq) < 0)
		abort();
	w->queued = rest_sse_send(w->rq, id, text);
	w->after = seq;
	w->n_sent++;
	free(text);
	json_decref(v);
	return w->queued > QUEUE_MAX;
}

/* Does it read? Asked when too much waits for it; false after it was dropped, too. */
static bool
reads(struct follower *w, int64_t mono)
{
	if (w->queued > QUEUE_MAX)
		w->queued = rest_stream_waiting(w->rq);
	if (w->queued <= QUEUE_MAX) {
		w->stalled_since = 0;
		return true;
	}
	if (w->stalled_since == 0)
		w->stalled_since = mono;
	if (mono - w->stalled_since >= STALL_US) {
		log_info(w->f->log, "a follower of events does not read; it is dropped");
		end(w);
	}
	return false;
}

/* Sends one batch at most. What the filter does not let through is passed over for good: the next
 * look begins behind it. */
static void
serve(struct follower *w, int64_t newest)
{
	struct db_event_filter filter = {.host = w->host,
	    .job = w->job,
	    .boot = w->boot,
	    .kind = w->kind,
	    .after = w->after,
	    .limit = BATCH};
	bool bounded = newest - w->after > SCAN_MAX && !db_event_is_exact(&filter);
	int64_t until = bounded ? w->after + SCAN_MAX : newest;

	filter.until = until;
	w->n_sent = 0;
	if (until > w->after && db_event_list(w->f->store, &filter, send_one, w) < 0) {
		log_error(
		    w->f->log, "cannot read the events for a follower; its stream ends");
		end(w);
		return;
	}
	if (w->n_sent < BATCH && w->queued <= QUEUE_MAX && w->after < until)
		w->after = until;
	w->due = w->after < newest;
}

static void
activate(struct feed *f)
{
	const struct timeval now = {.tv_usec = 0};

	/* By the clock and not event_active(): sockets come first in the next turn. */
	evtimer_add(f->wake, &now);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct feed *f = arg;
	const struct timeval tv = {.tv_usec = RETRY_MS * 1000};
	int64_t began = clock_mono(), newest = 0;
	bool more = false;

	(void)fd;
	(void)what;
	if (db_event_last(f->store, &newest) < 0) {
		log_error(f->log, "cannot read the events for the followers");
		evtimer_add(f->retry, &tv);
		return;
	}
	for (size_t n = f->n; n > 0 && f->followers; n--) {
		struct follower *w = f->followers;
		/* Whoever was looked at goes to the end of the line. */
		DL_DELETE(f->followers, w);
		DL_APPEND(f->followers, w);
		if (!w->due)
			continue;
		if (reads(w, began))
			serve(w, newest);
		else
			evtimer_add(f->retry, &tv);
		if (clock_mono() - began > TURN_US) {
			more = true;
			break;
		}
	}
	struct follower *w;
	DL_FOREACH (f->followers, w)
		more = more || (w->due && w->stalled_since == 0);
	if (more)
		activate(f);
}

/* Looks again at those that did not read. */
static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	activate(arg);
}

/* Where it is: a client that is cut off goes on there, and one whose own number is higher learns that the server counts
 * from lower on. */
static void
beat(struct follower *w)
{
	char id[24];

	if (str_format(id, sizeof(id), "%lld", (long long)w->after) < 0)
		abort();
	w->queued = rest_sse_beat(w->rq, id);
}

/* To everybody: who is gone without a word is noticed by what cannot be delivered, and a dead server by what does not
 * come. */
static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct feed *f = arg;
	struct follower *w;

	(void)fd;
	(void)what;
	DL_FOREACH (f->followers, w)
		if (w->queued <= QUEUE_MAX)
			beat(w);
}

struct feed *
feed_new(struct event_base *base, const struct log *log, struct store *store)
{
	struct feed *f = str_alloc(sizeof(*f));

	f->base = base;
	f->log = log;
	f->store = store;
	f->wake = evtimer_new(base, on_wake, f);
	f->retry = evtimer_new(base, on_retry, f);
	f->beat = event_new(base, -1, EV_PERSIST, on_beat, f);
	if (!f->wake || !f->retry || !f->beat)
		abort();
	const struct timeval every = {.tv_sec = BEAT_S};
	event_add(f->beat, &every);
	return f;
}

void
feed_free(struct feed *f)
{
	if (!f)
		return;
	while (f->followers)
		end(f->followers);
	event_free(f->wake);
	event_free(f->retry);
	event_free(f->beat);
	free(f);
}

static void
on_gone(void *arg)
{
	follower_free(arg);
}

int
feed_follow(struct feed *f, struct rest_request *rq, const struct db_event_filter *filter,
    struct error *err)
{
	if (f->n >= FEED_FOLLOWERS_MAX)
		return error_set(err, -EMFILE, "too-many-followers", "end one of them",
		    "%d clients follow the events already", FEED_FOLLOWERS_MAX);
	struct follower *w = str_alloc(sizeof(*w));
	int64_t newest;
	w->f = f;
	w->rq = rq;
	w->host = str_dup(filter->host);
	w->job = str_dup(filter->job);
	w->boot = str_dup(filter->boot);
	w->kind = str_dup(filter->kind);
	w->after = filter->after;
	/* A database that was put back from a copy has not come so far again: waiting for it would be silence for weeks. */
	if (db_event_last(f->store, &newest) == 0 && w->after > newest)
		w->after = newest;
	DL_APPEND(f->followers, w);
	f->n++;
	rest_on_gone(rq, on_gone, w);
	rest_sse_start(rq);
	beat(w);
	feed_wake(f);
	return 0;
}

void
feed_wake(struct feed *f)
{
	struct follower *w;

	DL_FOREACH (f->followers, w)
		w->due = true;
	if (f->followers)
		activate(f);
}

size_t
feed_count(const struct feed *f)
{
	return f->n;
}
