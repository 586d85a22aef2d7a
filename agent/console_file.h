/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One recording in the agent's folder: opened or gone on with, appended to, never longer than it may be. */
#ifndef AGENT_CONSOLE_FILE_H
#define AGENT_CONSOLE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/console_record.h"
#include "lib/error.h"

enum { CONSOLE_FILE_PATH_SIZE = 320 };

struct console_file;

/* FOLDER/ID.rec; -ENAMETOOLONG. */
int
console_file_path(
    const char *dir, const char *id, char ret[CONSOLE_FILE_PATH_SIZE]) MUST_CHECK;

struct console_file_what {
	const char *host;
	const char *id; /* the boot's */
	bool always;	/* of no boot: the id is its own */
};

/* Makes it, or cuts off what a killed writer left at its end. `limit` octets for the whole file. */
int
console_file_open(const char *dir, const struct console_file_what *what, int64_t limit,
    int64_t now, struct console_file **ret, struct error *err) MUST_CHECK;
/* Is the recording at that path one of no boot? By its first frame. */
bool
console_file_is_always(const char *path);
/* Its first frame, in which there are no octets. 0, or -errno; -EBADMSG: it is none. */
int
console_file_first(const char *path, struct console_record_frame *ret) MUST_CHECK;
/* To be read, also while it grows, as far as *ret_sum says that it is good; that is all of it read through. A descriptor of
 * the caller's, or -errno. */
int
console_file_read(const char *path, struct console_record_sum *ret_sum) MUST_CHECK;
/* NULL allowed. What is written stays. */
void
console_file_close(struct console_file *f);
/* 0, also when nothing is kept any more because of the limit; -errno once when the disk refuses: nothing is kept
 * from then on. */
int
console_file_data(
    struct console_file *f, int64_t now, const uint8_t *data, size_t len) MUST_CHECK;
int
console_file_mark(struct console_file *f, int64_t now, enum console_record_mark mark,
    const char *text) MUST_CHECK;
/* As it stands: what an earlier life of the agent wrote too. */
const struct console_record_sum *
console_file_sum(const struct console_file *f);

#endif
