/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The NDJSON event log: appended to, rotated by size to FILE.1 … FILE.5. */
#ifndef BOOT_SERVICES_EVSINK_FILE_H
#define BOOT_SERVICES_EVSINK_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

enum { EVSINK_FILE_GENERATIONS = 5 };

struct evsink_file;

/* Opens path, creating it 0640 for uid:gid when they are not -1. It may be called as
 * root; writing and rotating go on as that user. NULL with *err naming the file. */
struct evsink_file *
evsink_file_open(
    const char *path, int64_t max_size, uid_t uid, gid_t gid, struct error *err);
void
evsink_file_close(struct evsink_file *f);
/* One whole line with its newline. 0 or -errno; a torn line is ended before the next one.
 * When rotation fails the file grows to twice max_size, and then refuses with the reason.
 */
int
evsink_file_write(struct evsink_file *f, const char *line, size_t len) MUST_CHECK;

#endif
