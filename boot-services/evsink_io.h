/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines to stdout without ever waiting for its reader. */
#ifndef BOOT_SERVICES_EVSINK_IO_H
#define BOOT_SERVICES_EVSINK_IO_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct evsink_io;

enum { EVSINK_IO_QUEUE_MAX = 4 * 1024 * 1024 };

/* Borrows fd; makes it non-blocking until evsink_io_close(). */
struct evsink_io *
evsink_io_open(struct event_base *base, int fd);
/* Queues or writes a line; false when the reader is so slow that it was dropped, or gone.
 */
bool
evsink_io_write(struct evsink_io *io, const char *line, size_t len);
/* Waits at most half a second for the reader to take the rest. */
void
evsink_io_close(struct evsink_io *io);

#endif
