/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are the files of an image at this site, and are they the ones that were ordered? Are the host's own loaders there? Hashes
 * in lib/workq and remembers a result as long as the file's inode, size and times stay. The
 * loop never waits for a disk. */
#ifndef AGENT_PREFLIGHT_H
#define AGENT_PREFLIGHT_H

#include "lib/bundle.h"
#include "lib/compiler.h"
#include "lib/error.h"
#include "lib/workq.h"

struct preflight;
struct preflight_check;

/* Both roots are copied, the queues borrowed: `hashing` for checks, `looking` for rechecks, which must
 * not wait for gigabytes that are read. */
struct preflight *
preflight_new(struct workq *hashing, struct workq *looking, const char *root,
    const char *loaders_root);
/* No check may be under way: free the queues first. NULL allowed. */
void
preflight_free(struct preflight *p);

/* Calls `done` once from the loop, never from inside: err->code is "" (all as ordered),
 * image-missing, image-unreadable, image-altered or loader-missing. The image and the host's loaders are copied;
 * without a host only the image is looked at. NULL when too much is under way. */
typedef void
preflight_done_fn(void *arg, const struct error *err, unsigned n_files);
struct preflight_check *
preflight_start(struct preflight *p, const struct bundle_image *image,
    const struct bundle_host *host, preflight_done_fn *done, void *arg);
/* The same for files that a check has read before: are they still the same ones, with the hashes that
 * this image asks for? Looks at the files' times only; what no check of this process has read passes. */
struct preflight_check *
preflight_recheck(struct preflight *p, const struct bundle_image *image,
    preflight_done_fn *done, void *arg);
/* `done` is not called any more. */
void
preflight_cancel(struct preflight_check *c);

#endif
