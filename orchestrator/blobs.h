/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of images as they are given to sites: only while they are the recorded ones. */
#ifndef ORCHESTRATOR_BLOBS_H
#define ORCHESTRATOR_BLOBS_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/workq.h"

struct blobs;

struct blobs *
blobs_new(struct workq *q, const char *root);
/* After the work queue. */
void
blobs_free(struct blobs *b);
/* Opens PATH below the root, if its content is known to have this digest. A descriptor of the caller's; -EINPROGRESS: its
 * content is not known as it is now, blobs_verify() reads it; another errno with *err of code image-missing,
 * image-unreadable or image-altered. */
int
blobs_open(struct blobs *b, const char *path, const char *sha256, int64_t size,
    struct error *err) MUST_CHECK;
/* Reads it in the work queue, once for all who ask meanwhile, and calls `done` from the event loop: then
 * blobs_open() knows. -EAGAIN: the queue is full, `done` is not called. */
int
blobs_verify(struct blobs *b, const char *path, const char *sha256,
    void (*done)(void *arg), void *arg) MUST_CHECK;

#endif
