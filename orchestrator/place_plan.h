/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files of images a site is to hold, read from the database. */
#ifndef ORCHESTRATOR_PLACE_PLAN_H
#define ORCHESTRATOR_PLACE_PLAN_H

#include <stdint.h>

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/store_msg.h"

/* An image that was ordered at a site stays there for so long. */
#define PLACE_PLAN_RECENT_US (30LL * 24 * 3600 * 1000 * 1000)

/* Images that the site should hold: placed there by somebody, the own one of a host, in a menu that its
 * machines may come to, or ordered there lately. By name. */
int
place_plan_images(
    struct store *s, const char *site, int64_t now, struct store_names *ret) MUST_CHECK;
/* Their files, and those of jobs that are open, with where else they are to be had. No deltas, no version. The
 * caller runs store_msg_plan_done() after success. */
int
place_plan_read(struct store *s, const char *site, int64_t now,
    struct store_msg_plan *ret) MUST_CHECK;
/* All files of an image in order: kernel, initrds, the others. NULL at the end. */
const struct bundle_file *
place_plan_file(const struct bundle_image *image, size_t i);
/* The version that such a plan has: of its content, so that it is the same after a restart, and never 0. */
int64_t
place_plan_version(const struct store_msg_plan *plan);

#endif
