/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Image files below the images root: their digests, computed off the event loop. */
#ifndef ORCHESTRATOR_IMAGES_H
#define ORCHESTRATOR_IMAGES_H

#include <jansson.h>
#include <stdint.h>
#include <sys/stat.h>

#include "db/store.h"
#include "lib/digest.h"
#include "lib/error.h"
#include "lib/workq.h"

struct images_hashes;

struct images_file {
	char sha256[DIGEST_TEXT]; /* "" when err is set */
	int64_t size;
	struct error err; /* code "" : none; else image-missing, image-unreadable */
};

/* Collects the paths of all files of an image as written in a document. Malformed parts
 * are left out: validation names them. */
void
images_paths(const json_t *image, struct store_names *paths);

/* Hashes each path once; `done` gets the result (owned by it) from the event loop, never
 * before this returns. -EAGAIN: the queue is full, `done` will not be called. */
int
images_hash(struct workq *q, const char *root, const struct store_names *paths,
    void (*done)(void *arg, struct images_hashes *hashes), void *arg) MUST_CHECK;
/* NULL: that path was not asked for. Borrowed. */
const struct images_file *
images_find(const struct images_hashes *hashes, const char *path);
void
images_hashes_free(struct images_hashes *hashes);

/* Opens a regular file below the root; a descriptor of the caller's, or -errno with *err of code image-missing or
 * image-unreadable. */
int
images_open(const char *root, const char *path, struct stat *ret_st,
    struct error *err) MUST_CHECK;

/* Without reading it: is the file there with that size? 0, or -ENOENT/-EBADMSG with *err
 * of code image-missing or image-altered. */
int
images_check(
    const char *root, const char *path, int64_t size, struct error *err) MUST_CHECK;

#endif
