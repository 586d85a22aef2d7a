/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts that bootd serves: written whole or not at all, readable for it. */
#ifndef AGENT_TEXTFILE_H
#define AGENT_TEXTFILE_H

#include <sys/types.h>

#include "lib/compiler.h"

/* Replaces the file at once. `group` (gid_t)-1: the writer's. 0 or -errno, the old file untouched. */
int
textfile_replace(const char *path, const char *text, mode_t mode, gid_t group) MUST_CHECK;
/* A regular file below `root` of at most `max` octets and without NUL, as an owned string. -EFBIG, -EILSEQ,
 * -EISDIR, or what opening and reading gave. */
int
textfile_read(const char *root, const char *path, size_t max, char **ret) MUST_CHECK;

#endif
