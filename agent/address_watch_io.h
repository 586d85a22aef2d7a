/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which addresses this machine loses: told by the kernel, since nobody else tells a connection that stands on one. */
#ifndef AGENT_ADDRESS_WATCH_IO_H
#define AGENT_ADDRESS_WATCH_IO_H

#include <event2/event.h>
#include <stddef.h>

#include "lib/error.h"

struct address_watch_io;

/* `gone`: that address is this machine's no more, in the text of inet_ntop(); "" when the kernel had more to tell than
 * was read: any may be gone. */
struct address_watch_io *
address_watch_io_new(struct event_base *base,
    void (*gone)(void *arg, const char *address), void *arg, struct error *err);
void
address_watch_io_free(struct address_watch_io *w); /* NULL allowed */
/* What the kernel has written: calls `gone` for each address in it. What cannot be read is passed over. */
void
address_watch_io_read(const void *data, size_t len,
    void (*gone)(void *arg, const char *address), void *arg);

#endif
