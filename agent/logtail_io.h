/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows a log, file or journal, line by line, and says how far it has come. After a restart it goes on there.
 *
 * Lines are given in portions. After each portion that held something the position is told, and nothing more is read
 * until logtail_io_go_on(): the owner makes lines and position durable together. */
#ifndef AGENT_LOGTAIL_IO_H
#define AGENT_LOGTAIL_IO_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/log.h"

enum { LOGTAIL_IO_MARK_SIZE = 256 };

struct logtail_io;

struct logtail_io_ops {
	/* A whole line without its break; `at` is the wall time that the journal has for it, or 0. */
	void (*line)(void *arg, const char *text, size_t len, int64_t at);
	/* The position behind the lines given. */
	void (*mark)(void *arg, const char *mark);
	/* Within logtail_io_new(), or when a journal can be opened at last: lines behind the mark may be gone.
	 * NULL allowed. */
	void (*lost)(void *arg);
};

struct logtail_io_opts {
	struct event_base *base;
	const struct log *log;
	const char *file;	 /* or NULL: */
	const char *unit;	 /* of the journal */
	const char *journal_dir; /* NULL: this machine's */
	const char *mark;	 /* as told last; NULL: never read, begin at the end */
	const struct logtail_io_ops *ops;
	void *arg;
};

/* Strings in opts but the file's and unit's names are not kept. A file need not be there yet. */
struct logtail_io *
logtail_io_new(const struct logtail_io_opts *opts);
void
logtail_io_free(struct logtail_io *t); /* NULL allowed */
void
logtail_io_go_on(struct logtail_io *t);

#endif
