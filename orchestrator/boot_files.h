/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files, with which digests, were let go to a boot. */
#ifndef ORCHESTRATOR_BOOT_FILES_H
#define ORCHESTRATOR_BOOT_FILES_H

#include "lib/event.h"
#include "orchestrator/lifecycle.h"

/* Writes them into the record of boot ch->boot_of: those of the event's job as it was ordered, or of the menu's image
 * ch->image as it is now. Nothing where neither is known. Within a transaction; 0 or an errno of the database. */
int
boot_files_keep(struct store *s, const struct event *ev,
    const struct lifecycle_change *ch) MUST_CHECK;
/* A JSON array [{"role","name","sha256","size"}] of an image as bundles have it. */
json_t *
boot_files_list(const json_t *image);

#endif
