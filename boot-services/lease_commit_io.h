/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a DHCP server, of either family, grants and what it answers: its lease journal with group commit, and its
 * replies, which leave when what they promise is on the disk. While one group is on its way there, in a worker
 * thread, the next one collects. */
#ifndef BOOT_SERVICES_LEASE_COMMIT_IO_H
#define BOOT_SERVICES_LEASE_COMMIT_IO_H

#include <event2/event.h>
#include <stddef.h>

#include "boot-services/bootd_deps.h"
#include "boot-services/dhcp_out.h"
#include "boot-services/line_journal.h"

struct lease_commit_io;

struct lease_commit_io_kind {
	const char *name; /* "dhcp6": begins log lines */
	const struct line_journal_kind *journal;
	const char
	    *refusal; /* "no REPLY": what comes of a lease that cannot be written */
	/* A record of the journal, at start. */
	void (*restore)(void *arg, const void *record);
	/* Hands every live record to line_journal_snapshot(), in turns that look at `max` of them at most; `begin`
	 * in the first one. False in the last one. */
	bool (*snapshot)(void *arg, struct line_journal *journal, bool begin, size_t max);
};

/* Replays the journal. NULL with *err set. Borrows deps, kind and arg. The worker starts with the first group,
 * because services are opened before privileges are dropped. */
struct lease_commit_io *
lease_commit_io_open(const struct bootd_deps *deps,
    const struct lease_commit_io_kind *kind, void *arg, struct error *err);
/* A socket's event, borrowed: not read while too many replies wait, so that the kernel's buffer drops what is
 * too much (rxdrop_io.h). */
void
lease_commit_io_watch(struct lease_commit_io *c, struct event *readable);

/* A record for the next group. */
void
lease_commit_io_record(struct lease_commit_io *c, const void *record);
/* A reply with the event that tells of it, which is taken; `durable_first`: it waits for that group. */
void
lease_commit_io_reply(struct lease_commit_io *c, bool durable_first,
    const struct dhcp_out_packet *p, struct event *sent);
/* The end of a batch of requests: what need not wait leaves, and a group begins, at once or soon. */
void
lease_commit_io_flush(struct lease_commit_io *c);
/* To be called every few seconds: notices when the wall clock was set. */
void
lease_commit_io_check_clock(struct lease_commit_io *c);

/* Waits for a group that is being written; calls nothing back. Replies that still wait are dropped: their
 * clients ask again. NULL allowed. */
void
lease_commit_io_close(struct lease_commit_io *c);

#endif
