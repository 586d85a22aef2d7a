/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deltas between versions of images' files, made in the background for sites that have the older one. */
#ifndef ORCHESTRATOR_DELTAS_H
#define ORCHESTRATOR_DELTAS_H

#include <stdint.h>

#include "lib/log.h"
#include "lib/store_msg.h"

struct deltas;
struct event_base;

struct deltas_ops {
	struct event_base *base;
	const struct log *log;
	const char *database; /* they lie beside it, in deltas/ */
	const char *images_root;
	void (*on_made)(void *arg); /* one is there, or is not to be had */
	void *arg;
};

enum deltas_state { DELTAS_NONE, DELTAS_SOON, DELTAS_READY };

struct deltas *
deltas_new(const struct deltas_ops *ops);
/* Waits for the one being made to be broken off. */
void
deltas_free(struct deltas *d);
/* Keeps a file as it is now, so that it can be what a delta begins with when another one has its path. */
void
deltas_keep(struct deltas *d, const char *path, const char *sha256, int64_t size);
/* The delta from one file to another, which has `path` and `size`; begins to make it when it is not there. `from_path`:
 * where the older one lies below the images root, "" when it is only kept. SOON for some minutes at most. */
enum deltas_state
deltas_want(struct deltas *d, const char *from, const char *from_path, const char *to,
    const char *path, int64_t size, struct store_msg_delta *ret);
/* Opens one; -ENOENT. *ret_size and ret_sha256 are its own. */
int
deltas_open(struct deltas *d, const char *from, const char *to, int64_t *ret_size,
    char ret_sha256[DIGEST_TEXT]) MUST_CHECK;

#endif
