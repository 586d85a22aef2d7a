/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Group commit.
 *
 *   lease_commit_io_flush ──► write + fdatasync in a worker ──► replies leave, events are told
 *        ▲      │ snapshot due        ▲                                 │
 *        │      └──► take_slice ──────┘                                 │
 *        └──────────── the next group, if something came meanwhile ◄────┘
 *
 * The loop never waits for the disk, and the more leases there are the larger the groups. Under load groups
 * also keep a small distance, since a flush costs as much for one lease as for a hundred. Nor does it wait for a
 * snapshot: that is collected in slices, between which everything else goes on; only the group waits that it
 * belongs to.
 *
 * When a group fails (full disk), its replies are dropped and every one becomes an event that says so: the
 * client asks again. A journal that cannot be written is told of once, and once when it is written again.
 *
 * Bounds: QUEUE_MAX replies wait at most; then nothing more is read until the disk is done.
 *
 * Ownership: journal, replies, worker and timer; sockets and their events are the server's. */
#include "boot-services/lease_commit_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "lib/workq.h"

enum {
	GAP_US = 2000,	 /* between the starts of two groups … */
	FULL = 128,	 /* … unless so many replies wait */
	SLICE = 2048,	 /* leases looked at in one turn: about a millisecond */
	QUEUE_MAX = 512, /* replies */
	CLOCK_STEP_US = 2 * 1000 * 1000,
};

struct lease_commit_io {
	const struct bootd_deps *deps;
	const struct lease_commit_io_kind *kind;
	void *arg;
	struct line_journal *journal;
	struct dhcp_out now, waiting, writing;
	struct workq *worker;
	struct event *timer; /* for the next group or slice */
	bool collecting;     /* a snapshot, in slices */
	bool busy;	     /* a group is being written */
	int written;	     /* its result */
	bool failing;	     /* the last group failed, and the log says so */
	int64_t began_at;    /* the last one */
	int64_t wall_offset; /* wall clock less monotonic clock */
	struct event **watched;
	size_t n_watched;
	bool paused;
};

static void
start(struct lease_commit_io *c);

static void
pause_reading(struct lease_commit_io *c, bool pause)
{
	if (c->paused == pause)
		return;
	c->paused = pause;
	for (size_t i = 0; i < c->n_watched; i++) {
		if (pause)
			event_del(c->watched[i]);
		else
			event_add(c->watched[i], NULL);
	}
}

/* In the worker thread. */
static void
write_group(void *arg)
{
	struct lease_commit_io *c = arg;

	c->written = line_journal_write(c->journal);
}

static void
log_result(struct lease_commit_io *c)
{
	bool fails = c->written < 0;

	if (fails && !c->failing)
		log_error(c->deps->log,
		    "%s: the lease journal cannot be written: %s: nobody gets a lease "
		    "until it can (see dirs.state)",
		    c->kind->name, strerror(-c->written));
	else if (!fails && c->failing)
		log_info(c->deps->log, "%s: the lease journal is written again",
		    c->kind->name);
	c->failing = fails;
}

static void
group_done(void *arg)
{
	struct lease_commit_io *c = arg;
	char what[EVENT_REASON_SIZE];

	c->busy = false;
	log_result(c);
	snprintf(what, sizeof(what), "%s, because the lease journal cannot be written",
	    c->kind->refusal);
	if (c->written == 0)
		dhcp_out_send(&c->writing, c->deps->events);
	else
		dhcp_out_drop(&c->writing, c->deps->events, what, -c->written);
	if (c->waiting.n < QUEUE_MAX)
		pause_reading(c, false);
	start(c);
}

/* What waits now goes with the group that is complete. */
static void
submit(struct lease_commit_io *c)
{
	struct dhcp_out spare = c->writing;

	c->busy = true;
	c->written = -ECANCELED; /* what a worker that is stopped first leaves behind */
	line_journal_seal(c->journal);
	c->writing = c->waiting;
	c->waiting = spare;
	pause_reading(c, false);
	if (!c->worker)
		c->worker = workq_new(c->deps->base, 1);
	if (workq_submit(c->worker, write_group, group_done, c) == 0)
		return;
	/* The queue holds one item at most, so this does not happen; it must not lose replies. */
	write_group(c);
	group_done(c);
}

/* One slice of a snapshot; after the last one the group can go. */
static void
take_slice(struct lease_commit_io *c, bool begin)
{
	static const struct timeval next_turn = {0};

	while (c->kind->snapshot(c->arg, c->journal, begin, SLICE)) {
		begin = false;
		if (event_add(c->timer, &next_turn) == 0)
			return;
	}
	c->collecting = false;
	submit(c);
}

/* Is it too early for the next group? Then the timer comes back to it. */
static bool
postpone(struct lease_commit_io *c)
{
	int64_t left = c->began_at + GAP_US - clock_mono();
	struct timeval tv = {.tv_usec = (suseconds_t)left};

	if (left <= 0 || c->waiting.n >= FULL)
		return false;
	return event_add(c->timer, &tv) == 0;
}

/* Begins a group if there is something to write, none is on its way, and the last one is long enough ago;
 * otherwise that comes by itself later. */
static void
start(struct lease_commit_io *c)
{
	if (c->busy || c->collecting || !line_journal_is_pending(c->journal) ||
	    postpone(c))
		return;
	c->began_at = clock_mono();
	if (!line_journal_wants_snapshot(c->journal)) {
		submit(c);
		return;
	}
	c->collecting = true;
	line_journal_begin_snapshot(c->journal);
	take_slice(c, true);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct lease_commit_io *c = arg;

	if (c->collecting)
		take_slice(c, false);
	else
		start(c);
}

/* --- what the server calls --- */

static int
open_journal(struct lease_commit_io *c, struct error *err)
{
	const struct bootd_deps *d = c->deps;
	struct line_journal_replay seen;
	int r = line_journal_open(c->kind->journal, d->state_fd, d->uid, d->gid,
	    c->kind->restore, c->arg, &c->journal, &seen, err);

	if (r < 0)
		return r;
	log_info(d->log, "%s: lease journal replayed, %llu records", c->kind->name,
	    (unsigned long long)seen.records);
	if (seen.damaged > 0)
		log_warn(d->log,
		    "%s: %llu damaged lines of the lease journal were skipped",
		    c->kind->name, (unsigned long long)seen.damaged);
	return 0;
}

struct lease_commit_io *
lease_commit_io_open(const struct bootd_deps *deps,
    const struct lease_commit_io_kind *kind, void *arg, struct error *err)
{
	struct lease_commit_io *c = str_alloc(sizeof(*c));

	c->deps = deps;
	c->kind = kind;
	c->arg = arg;
	c->wall_offset = clock_wall() - clock_mono();
	if (open_journal(c, err) < 0)
		goto fail;
	c->timer = event_new(deps->base, -1, 0, on_timer, c);
	if (c->timer)
		return c;
	error_set(err, -ENOMEM, "lease-timer", NULL, "cannot make a timer");
fail:
	lease_commit_io_close(c);
	return NULL;
}

void
lease_commit_io_watch(struct lease_commit_io *c, struct event *readable)
{
	c->watched = str_realloc(c->watched, (c->n_watched + 1) * sizeof(struct event *));
	c->watched[c->n_watched++] = readable;
}

void
lease_commit_io_record(struct lease_commit_io *c, const void *record)
{
	line_journal_append(c->journal, record);
}

void
lease_commit_io_reply(struct lease_commit_io *c, bool durable_first,
    const struct dhcp_out_packet *p, struct event *sent)
{
	dhcp_out_add(durable_first ? &c->waiting : &c->now, p, sent);
}

void
lease_commit_io_flush(struct lease_commit_io *c)
{
	dhcp_out_send(&c->now, c->deps->events);
	start(c);
	if (c->waiting.n >= QUEUE_MAX)
		pause_reading(c, true);
}

/* The journal holds wall times. When that clock was set, a restart would take leases for expired, or for
 * longer than they are: write them anew. */
void
lease_commit_io_check_clock(struct lease_commit_io *c)
{
	int64_t offset = clock_wall() - clock_mono();
	int64_t step = offset - c->wall_offset;

	c->wall_offset = offset;
	if (step > -CLOCK_STEP_US && step < CLOCK_STEP_US)
		return;
	log_info(c->deps->log, "%s: the clock was set; the lease journal is written anew",
	    c->kind->name);
	line_journal_rewrite(c->journal);
	start(c);
}

void
lease_commit_io_close(struct lease_commit_io *c)
{
	if (!c)
		return;
	workq_free(c->worker);
	if (c->timer)
		event_free(c->timer);
	line_journal_close(c->journal);
	dhcp_out_done(&c->now);
	dhcp_out_done(&c->waiting);
	dhcp_out_done(&c->writing);
	free(c->watched);
	free(c);
}
