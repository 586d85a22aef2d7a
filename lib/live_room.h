/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Those who watch one console, of whom one may type, and what they are told (docs/api.md, "Consoles"): at the
 * orchestrator, and at a site's own socket. */
#ifndef LIB_LIVE_ROOM_H
#define LIB_LIVE_ROOM_H

#include <stdbool.h>

#include "lib/error.h"
#include "lib/id.h"
#include "lib/rest_server.h"

enum { LIVE_ROOM_MAX = 32 /* watchers */, LIVE_ROOM_TEXT_SIZE = 256 };

struct live_room;

/* In a callback nothing of the room may be called, but live_room_free() in empty(). */
struct live_room_ops {
	/* That one is not in it any more. May be NULL. */
	void (*left)(void *arg, const char *watcher);
	/* Nobody is. */
	void (*empty)(void *arg);
};

/* Its state is "asking". `ops` is borrowed. */
struct live_room *
live_room_new(const struct live_room_ops *ops, void *arg);
/* Ends every stream; left() is called, empty() is not. NULL allowed. */
void
live_room_free(struct live_room *r);
unsigned
live_room_count(const struct live_room *r);
/* The request, which becomes a stream; `id` is the watcher's from then on. `write`: it wants to type; only one does, who
 * holds it unless `steal`. The caller has looked whether there is room. */
void
live_room_enter(
    struct live_room *r, struct rest_request *rq, const char *id, bool write, bool steal);
/* 0, or -EACCES with *err: another one types. */
int
live_room_may_type(const struct live_room *r, const char *host, const char *watcher,
    struct error *err) MUST_CHECK;

/* All are told; one that does not read is dropped, and holds up nobody. live_room_sweep() is called afterwards. */
void
live_room_data(struct live_room *r, const char *base64);
void
live_room_lost(struct live_room *r);
/* Told when it is another one than before. */
void
live_room_set_state(struct live_room *r, const char *state, const char *text);
const char *
live_room_state(const struct live_room *r);
bool
live_room_is_up(const struct live_room *r); /* only then may be typed */
/* `line` is an error line, but for the host. The next sweep ends every stream. */
void
live_room_end(struct live_room *r, const char *line);
/* Takes out who has gone; calls empty() last, when nobody is left. */
void
live_room_sweep(struct live_room *r);

#endif
