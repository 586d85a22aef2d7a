/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder of an image below the images root: there whole, or not at all. */
#ifndef CTL_IMPORT_STORE_H
#define CTL_IMPORT_STORE_H

#include "ctl/import_source.h"

struct import_store;

/* Begins ROOT/NAME beside it, under a name of its own. 0, or -errno with *err: import-exists, import-write (the
 * root is not there or not writable, or lacks the room for `octets`). */
int
import_store_begin(const char *root, const char *name, int64_t octets,
    struct import_store **ret, struct error *err) MUST_CHECK;
/* A new file below it, for writing: *ret_fd belongs to the store. -errno with *err. */
int
import_store_add(
    struct import_store *s, const char *path, int *ret_fd, struct error *err) MUST_CHECK;
/* Everything to the disk, then it gets its name. -errno with *err. */
int
import_store_commit(struct import_store *s, struct error *err) MUST_CHECK;
/* Removes what was begun, or what was committed. */
void
import_store_undo(struct import_store *s);
void
import_store_free(
    struct import_store *s); /* NULL allowed; undoes what was not committed */

#endif
