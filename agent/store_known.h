/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Digests of files that others put below the images root, kept over restarts: as long as inode, size and times stay, so
 * does the digest. One thread at a time. */
#ifndef AGENT_STORE_KNOWN_H
#define AGENT_STORE_KNOWN_H

#include <sys/stat.h>

#include "lib/digest.h"

struct store_known;

/* `path` is copied: the file it is kept in. What cannot be read there is not known. */
struct store_known *
store_known_new(const char *path);
void
store_known_free(struct store_known *k); /* NULL allowed */
/* Its digest, borrowed, or NULL. */
const char *
store_known_find(const struct store_known *k, const char *path, const struct stat *st);
void
store_known_add(struct store_known *k, const char *path, const struct stat *st,
    const char sha256[DIGEST_TEXT]);
/* Writes what was added since; 0 or -errno. */
int
store_known_save(struct store_known *k);

#endif
