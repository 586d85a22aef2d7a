/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deadlines of a job's stages from its machine's own past (DESIGN section 6). */
#ifndef ORCHESTRATOR_DEADLINES_H
#define ORCHESTRATOR_DEADLINES_H

#include <stddef.h>

#include "db/store.h"
#include "lib/bundle.h"

/* The past of more hosts than these is not read for one order, which is made on the loop: they have the defaults. */
enum { DEADLINES_TEXT_SIZE = 512, DEADLINES_HOSTS_MAX = 20 };

/* Adds to the image of a bundle, which is the caller's own copy, the deadlines that the host's past gives: of stages that
 * the image itself says nothing of. `text` names them with where they come from; "" where there are none. 0, or an errno
 * of the database with *err. */
int
deadlines_from_past(struct store *s, const char *host, struct bundle_image *image,
    char *text, size_t size, struct error *err) MUST_CHECK;

#endif
