/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings of consoles as they are held: a file each in a folder beside the database, and a row. */
#ifndef ORCHESTRATOR_CONSOLE_STORE_H
#define ORCHESTRATOR_CONSOLE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "db/db_console.h"
#include "lib/error.h"
#include "lib/log.h"

enum {
	CONSOLE_STORE_PIECE_MAX = 128 * 1024,
	CONSOLE_STORE_BOOT_MAX =
	    64 * 1024 * 1024, /* the most an agent can be told to keep of one */
};

struct console_store;

/* The folder is made when something comes. Both are borrowed. Of one host's recordings between jobs the newest `host_max`
 * octets are kept, so that a talkative machine does not drive out what others said. */
struct console_store *
console_store_new(
    struct store *store, const char *database, int64_t host_max, const struct log *log);
void
console_store_free(struct console_store *cs); /* NULL allowed */

/* A piece that begins at `offset`, by a clock that was so much `ahead` of ours: its times are put right in `data`. What is held afterwards is in *ret_held, also when the piece does not fit to what
 * was held before and nothing of it was taken. -EINVAL with *err: it is none of this boot, or the boot is none
 * of that site (console-of-another-site). */
int
console_store_add(struct console_store *cs, const char *site, const char *boot,
    int64_t offset, uint8_t *data, size_t len, int64_t ahead, int64_t now,
    int64_t *ret_held, struct error *err) MUST_CHECK;
/* An open descriptor of the file, whose first row->size octets are the recording; -ENOENT. */
int
console_store_open(struct console_store *cs, const struct db_console *row) MUST_CHECK;
/* Drops what first came before `before`, and the oldest until all are no more than `max` octets. */
void
console_store_prune(struct console_store *cs, int64_t before, int64_t max);

#endif
