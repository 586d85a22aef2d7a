/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server-sent events (WHATWG HTML, 9.2): octets in, events out. Pure. */
#ifndef CTL_SSE_H
#define CTL_SSE_H

#include <stddef.h>

#include "ctl/text.h"

enum { SSE_EVENT_MAX = 1024 * 1024 };

struct sse {
	struct text line, data;
	char id[32]; /* of the last event dispatched: where to go on after a break */
	char pending_id[32];
};

typedef void
sse_on_event(void *arg, const char *data);

/* 0, or -EMSGSIZE for an event beyond SSE_EVENT_MAX: the stream must be given up. */
int
sse_feed(struct sse *s, const char *bytes, size_t len, sse_on_event *on_event,
    void *arg) MUST_CHECK;
/* A new stream begins: half an event is forgotten, the id is kept. */
void
sse_restart(struct sse *s);
void
sse_done(struct sse *s);

#endif
