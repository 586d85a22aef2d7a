/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an image is imported from: an ISO, an unpacked tree, or one file. The only user of libarchive. */
#ifndef CTL_IMPORT_SOURCE_H
#define CTL_IMPORT_SOURCE_H

#include "ctl/import_recipes.h"

struct import_source;

/* Reads what there is. 0, or -errno with *err: import-source (not readable, neither folder nor ISO), or
 * import-wrong (more than a boot medium holds). */
int
import_source_open(
    const char *path, struct import_source **ret, struct error *err) MUST_CHECK;
void
import_source_free(struct import_source *s); /* NULL allowed */
/* Borrowed, as long as the source lives. */
const struct import_listing *
import_source_listing(const struct import_source *s);

/* One file's way out of the source. */
struct import_source_copy {
	const struct import_entry *from; /* NULL: the ISO itself */
	int fd;				 /* to be written from its start */
};

/* Copies them all. `stop` is asked again and again; true ends it with -ECANCELED. What a damaged ISO, a full
 * disk or a file that changes meanwhile leaves half-written is an error: import-source, or import-write. */
int
import_source_copy(struct import_source *s, const struct import_source_copy *list,
    size_t n, bool (*stop)(void *arg), void *arg, struct error *err) MUST_CHECK;

#endif
