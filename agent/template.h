/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of an image that are filled in for each job: preseeds and the like. They lie beside the scripts
 * under the ticket's name, and bootd serves them as /b/TOKEN/NAME as long as the ticket is open. */
#ifndef AGENT_TEMPLATE_H
#define AGENT_TEMPLATE_H

#include <stdbool.h>

#include "agent/script.h"
#include "lib/compiler.h"
#include "lib/error.h"

enum { TEMPLATE_NAME_SIZE = 48, TEMPLATE_SOURCE_MAX = BUNDLE_TEMPLATE_MAX };

struct template_dirs {
	const char *images, *scripts;
	const char *reader; /* the user that bootd runs as: nobody else is to read them */
};

/* "ticket-ID-3" for the image's file 3: its name below the scripts root. */
int
template_name(const char *ticket, size_t file, char ret[TEMPLATE_NAME_SIZE]) MUST_CHECK;
/* Could they be written? Fills them in and forgets them. -errno with *err: image-template naming file, line
 * and name, image-missing, image-altered. */
int
template_check(const struct script_params *p, const struct template_dirs *dirs,
    struct error *err) MUST_CHECK;
/* Writes all of them for p's ticket; also script-not-written. */
int
template_write(const struct script_params *p, const struct template_dirs *dirs,
    struct error *err) MUST_CHECK;
/* Removes those of a ticket; none is no fault. */
void
template_remove(
    const char *scripts, const char *ticket, const struct bundle_image *image);
/* Removes those of all tickets that `keep` does not want: after a crash nobody else would. */
void
template_sweep(
    const char *scripts, bool (*keep)(void *arg, const char *ticket), void *arg);

#endif
