/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A journal of leases: a file in bootd's state directory, one checked line of text per
 * change, appended and flushed to the disk in groups. What was committed survives any
 * crash.
 *
 * One thread (the event loop) calls everything but line_journal_write(); that one may
 * run in a worker thread between line_journal_seal() and the use of its result, once at
 * a time. */
#ifndef BOOT_SERVICES_LINE_JOURNAL_H
#define BOOT_SERVICES_LINE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "lib/error.h"

/* What a journal holds. Both functions are pure and may run in the writer's thread. */
struct line_journal_kind {
	const char *file, *temporary; /* names in the directory */
	const char *header;	      /* first line, with its newline */
	const char *header_any;	      /* what the header of every version begins with */
	size_t record_size;
	/* The record as text without newline, in size octets; returns its length, which is less. */
	size_t (*format)(const void *record, char *body, size_t size);
	/* 0 with *ret_record, or -EINVAL; may change `body`. */
	int (*parse)(char *body, void *ret_record);
};

enum { LINE_JOURNAL_LINE_MAX = 1024 };

struct line_journal;

struct line_journal_replay {
	uint64_t records; /* good ones */
	uint64_t damaged; /* lines skipped: torn by a crash, or bad checksum */
};

/* Opens or makes the journal in a directory and calls `each` for every good record,
 * oldest first. The directory is locked: two servers with one journal would corrupt each
 * other's; one process may have several kinds there. The lock ends when the caller closes
 * dirfd, after the last journal. A file of a newer format is refused. uid (uid_t)-1: no change of owner. */
int
line_journal_open(const struct line_journal_kind *kind, int dirfd, uid_t uid, gid_t gid,
    void (*each)(void *arg, const void *record), void *arg, struct line_journal **ret,
    struct line_journal_replay *ret_replay, struct error *err) MUST_CHECK;
void
line_journal_close(struct line_journal *j); /* what was not written is lost */

/* Keeps a record for the next group. */
void
line_journal_append(struct line_journal *j, const void *record);
bool
line_journal_is_pending(const struct line_journal *j);

/* The next group shall come with a snapshot, even if there is nothing to write: the wall clock was
 * set, and every time in the file is wrong. */
void
line_journal_rewrite(struct line_journal *j);

/* Must, or should, the next group come with a snapshot, so that the same write replaces the file by a compact
 * one? Then, before that group is sealed, line_journal_begin_snapshot() and every live record, each once. That
 * may take as long as it likes while records are appended: each is handed in as it is at that moment. A record
 * that must be replayed after others of the snapshot, since what comes last counts, is handed in as `late`. All
 * three: not while a write runs. */
bool
line_journal_wants_snapshot(const struct line_journal *j);
void
line_journal_begin_snapshot(struct line_journal *j);
void
line_journal_snapshot(struct line_journal *j, const void *record, bool late);

/* The group so far becomes the one to write. Not while a write runs. */
void
line_journal_seal(struct line_journal *j);

/* Writes the sealed group and waits for the disk. 0: all of it is durable. Else a
 * negative errno (-ENOSPC…): none of it counts, the file is as before, and the next group
 * may succeed. */
int
line_journal_write(struct line_journal *j) MUST_CHECK;

/* One record as a line, for tests and tools. Returns its length, with the newline. */
size_t
line_journal_format(const struct line_journal_kind *k, const void *record,
    char line[LINE_JOURNAL_LINE_MAX]);
int
line_journal_parse(const struct line_journal_kind *k, const char *line, size_t len,
    void *ret_record) MUST_CHECK;

#endif
