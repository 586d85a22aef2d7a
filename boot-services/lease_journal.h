/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lease journal: `leases4` in bootd's state directory, one checked line of text per
 * change, appended and flushed to the disk in groups. What was committed survives any
 * crash.
 *
 * One thread (the event loop) calls everything but lease_journal_write(); that one may
 * run in a worker thread between lease_journal_seal() and the use of its result, once at
 * a time. */
#ifndef BOOT_SERVICES_LEASE_JOURNAL_H
#define BOOT_SERVICES_LEASE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot-services/dhcp4_lease.h"
#include "lib/compiler.h"
#include "lib/error.h"

struct lease_journal;

struct lease_journal_replay {
	uint64_t records; /* good ones */
	uint64_t damaged; /* lines skipped: torn by a crash, or bad checksum */
};

/* Opens or makes the journal in a directory and calls `each` for every good record,
 * oldest first. The directory is locked: two servers with one journal would corrupt each
 * other's. A file of a newer format is refused. uid (uid_t)-1: no change of owner. */
int
lease_journal_open(int dirfd, uid_t uid, gid_t gid,
    void (*each)(void *arg, const struct dhcp4_lease_record *r), void *arg,
    struct lease_journal **ret, struct lease_journal_replay *ret_replay,
    struct error *err) MUST_CHECK;
void
lease_journal_close(struct lease_journal *j); /* what was not written is lost */

/* Keeps a record for the next group. */
void
lease_journal_append(struct lease_journal *j, const struct dhcp4_lease_record *r);
bool
lease_journal_is_pending(const struct lease_journal *j);

/* The next group shall come with a snapshot, even if there is nothing to write: the wall clock was
 * set, and every time in the file is wrong. */
void
lease_journal_rewrite(struct lease_journal *j);

/* The group so far becomes the one to write. When lease_journal_wants_snapshot() then, the caller
 * hands in every live record with lease_journal_snapshot(), and the same write replaces the file
 * by a compact one. Not while a write runs. */
void
lease_journal_seal(struct lease_journal *j);
bool
lease_journal_wants_snapshot(const struct lease_journal *j);
void
lease_journal_snapshot(struct lease_journal *j, const struct dhcp4_lease_record *r);

/* Writes the sealed group and waits for the disk. 0: all of it is durable. Else a
 * negative errno (-ENOSPC…): none of it counts, the file is as before, and the next group
 * may succeed. */
int
lease_journal_write(struct lease_journal *j) MUST_CHECK;

/* One record as a line, for tests and tools. Returns its length, with the newline. */
enum { LEASE_JOURNAL_LINE_MAX = 192 };
size_t
lease_journal_format(
    const struct dhcp4_lease_record *r, char line[LEASE_JOURNAL_LINE_MAX]);
int
lease_journal_parse(
    const char *line, size_t len, struct dhcp4_lease_record *ret) MUST_CHECK;

#endif
