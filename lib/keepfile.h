/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files of secrets and certificates: of their owner alone, written whole and durably or not at all. */
#ifndef LIB_KEEPFILE_H
#define LIB_KEEPFILE_H

#include <stddef.h>

#include "lib/compiler.h"

enum { KEEPFILE_MAX = 64 * 1024 };

/* Replaces the file at once, mode 0600. 0 or -errno, the old file untouched. */
int
keepfile_write(const char *path, const char *text) MUST_CHECK;
/* A plain file of at most KEEPFILE_MAX octets, without octets 0, that nobody but its owner may read. 0 with *ret the
 * caller's (secret_free()), or -errno; -EPERM: others may read it, -EINVAL: it is none such. */
int
keepfile_read(const char *path, char **ret) MUST_CHECK;
/* "DIR/NAME" for the folder that `path` is in; owned by the caller. */
char *
keepfile_beside(const char *path, const char *name);

#endif
