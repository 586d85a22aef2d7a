/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes when there is no room. Pure. */
#ifndef AGENT_STORE_EVICT_H
#define AGENT_STORE_EVICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

/* A file of the store, whole or partial. */
struct store_object {
	char sha256[DIGEST_TEXT];
	int64_t size;  /* octets on disk */
	int64_t since; /* when it was fetched, nanoseconds */
	uint64_t inode, device;
	bool partial;
	bool wanted; /* by an image of the site */
	bool used;   /* by a job, or it is under way */
	bool base;   /* a wanted file can be made of it */
	bool goes;   /* chosen */
};

/* Chooses what goes so that `octets` become free: of what is neither wanted nor used, partial files first, then the oldest;
 * what wanted files can be made of comes last. False, and nothing is chosen: all of it together would not do. */
bool
store_evict_choose(struct store_object *v, size_t n, int64_t octets);

#endif
