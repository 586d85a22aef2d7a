/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Group commit of a lease journal: while one group is on its way to the disk, in a worker thread, the next
 * one collects. The owner keeps the replies that wait; here is when they may go. */
#ifndef BOOT_SERVICES_LEASE_COMMIT_IO_H
#define BOOT_SERVICES_LEASE_COMMIT_IO_H

#include <event2/event.h>
#include <stddef.h>

#include "boot-services/line_journal.h"
#include "lib/log.h"

struct lease_commit_io;

struct lease_commit_io_ops {
	/* How many replies wait for the next group? Many make it start at once. */
	size_t (*n_waiting)(void *arg);
	/* A group begins: what waits now goes with it. */
	void (*on_begin)(void *arg);
	/* Hand in every live record with line_journal_snapshot(). */
	void (*on_snapshot)(void *arg);
	/* The group is on the disk (0), or none of it is (negative errno). */
	void (*on_end)(void *arg, int result);
};

/* Borrows journal, ops and arg. `name` ("dhcp6") begins its log lines. NULL: no timer could be had. The worker
 * starts with the first group, because services are opened before privileges are dropped. */
struct lease_commit_io *
lease_commit_io_new(struct event_base *base, const struct log *log, const char *name,
    struct line_journal *journal, const struct lease_commit_io_ops *ops, void *arg);
/* Begins a group if there is something to write, none is on its way, and the last one is long enough ago;
 * otherwise that comes by itself later. */
void
lease_commit_io_start(struct lease_commit_io *c);
/* Waits for a group that is being written; calls nothing back. NULL allowed. */
void
lease_commit_io_free(struct lease_commit_io *c);

#endif
