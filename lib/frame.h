/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Framed JSON messages over a stream socket (agent <-> bootd): 4 octets of length, network
 * order, then that many octets of one JSON object. A frame above FRAME_MAX ends the stream. */
#ifndef LIB_FRAME_H
#define LIB_FRAME_H

#include <event2/event.h>
#include <jansson.h>

#include "lib/error.h"

enum { FRAME_MAX = 256 * 1024 };

struct frame_conn;

struct frame_ops {
	void (*on_message)(void *arg, json_t *msg); /* borrowed */
	/* EOF, a bad frame or an I/O error; the callee closes the connection. */
	void (*on_close)(void *arg, const struct error *why);
};

/* Takes fd (made non-blocking). */
struct frame_conn *
frame_open(struct event_base *base, int fd, const struct frame_ops *ops, void *arg);
/* Queues msg (taken). Returns the octets now queued, -EPIPE after the stream ended, or -EMSGSIZE with
 * nothing sent when msg is above FRAME_MAX. */
int64_t
frame_send(struct frame_conn *c, json_t *msg);
/* Octets queued and not written yet, for back-pressure. */
int64_t
frame_queued(const struct frame_conn *c);
/* Tries to write everything out now, without reading (used before exit). */
void
frame_flush(struct frame_conn *c);
void
frame_close(struct frame_conn *c); /* NULL allowed; safe inside a callback */

/* Pure: is a whole frame in [data, len)? >0 its total size, 0 more needed, -EMSGSIZE. */
int64_t
frame_scan(const void *data, size_t len);

#endif
