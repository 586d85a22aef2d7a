/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Group commit.
 *
 *   lease_commit_io_start ── on_begin, on_snapshot ──► write + fdatasync in a worker ──► on_end
 *        ▲                                                                              │
 *        └──────────── the next group, if something came meanwhile ◄────────────────────┘
 *
 * The loop never waits for the disk, and the more leases there are the larger the groups. Under load groups
 * also keep a small distance, since a flush costs as much for one lease as for a hundred. A journal that
 * cannot be written is told of once, and once when it is written again.
 *
 * Ownership: this object owns the worker and its timer, nothing else. */
#include "boot-services/lease_commit_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "lib/workq.h"

enum {
	GAP_US = 2000, /* between the starts of two groups … */
	FULL = 128,    /* … unless so many replies wait */
};

struct lease_commit_io {
	struct event_base *base;
	const struct log *log;
	const char *name;
	struct line_journal *journal;
	const struct lease_commit_io_ops *ops;
	void *arg;
	struct workq *worker;
	struct event *next;
	bool busy;	  /* a group is being written */
	int written;	  /* its result */
	bool failing;	  /* the last group failed, and the log says so */
	int64_t began_at; /* the last one */
};

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
		log_error(c->log,
		    "%s: the lease journal cannot be written: %s: nobody gets a lease "
		    "until it can (see dirs.state)",
		    c->name, strerror(-c->written));
	else if (!fails && c->failing)
		log_info(c->log, "%s: the lease journal is written again", c->name);
	c->failing = fails;
}

static void
group_done(void *arg)
{
	struct lease_commit_io *c = arg;

	c->busy = false;
	log_result(c);
	c->ops->on_end(c->arg, c->written);
	lease_commit_io_start(c);
}

/* Is it too early for the next group? Then the timer comes back to it. */
static bool
postpone(struct lease_commit_io *c)
{
	int64_t left = c->began_at + GAP_US - clock_mono();
	struct timeval tv = {.tv_usec = (suseconds_t)left};

	if (left <= 0 || c->ops->n_waiting(c->arg) >= FULL)
		return false;
	return event_add(c->next, &tv) == 0;
}

static void
on_next(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	lease_commit_io_start(arg);
}

struct lease_commit_io *
lease_commit_io_new(struct event_base *base, const struct log *log, const char *name,
    struct line_journal *journal, const struct lease_commit_io_ops *ops, void *arg)
{
	struct lease_commit_io *c = str_alloc(sizeof(*c));

	c->base = base;
	c->log = log;
	c->name = name;
	c->journal = journal;
	c->ops = ops;
	c->arg = arg;
	c->next = event_new(base, -1, 0, on_next, c);
	if (!c->next) {
		free(c);
		return NULL;
	}
	return c;
}

void
lease_commit_io_start(struct lease_commit_io *c)
{
	if (c->busy || !line_journal_is_pending(c->journal) || postpone(c))
		return;
	c->began_at = clock_mono();
	c->busy = true;
	c->written = -ECANCELED; /* what a worker that is stopped first leaves behind */
	line_journal_seal(c->journal);
	c->ops->on_begin(c->arg);
	if (line_journal_wants_snapshot(c->journal))
		c->ops->on_snapshot(c->arg);
	if (!c->worker)
		c->worker = workq_new(c->base, 1);
	if (workq_submit(c->worker, write_group, group_done, c) == 0)
		return;
	/* The queue holds one item at most, so this does not happen; it must not lose replies. */
	write_group(c);
	group_done(c);
}

void
lease_commit_io_free(struct lease_commit_io *c)
{
	if (!c)
		return;
	workq_free(c->worker);
	event_free(c->next);
	free(c);
}
