/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens files beneath one directory only: openat2(2) with RESOLVE_BENEATH, no symlinks out, regular
 * files only, never blocking on a FIFO. */
#ifndef BOOT_SERVICES_FILEROOT_H
#define BOOT_SERVICES_FILEROOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct fileroot_file {
	int fd;
	int64_t size;
	int64_t mtime_ns;
	uint64_t inode;
	char etag[64]; /* strong, quoted: from inode, size and mtime */
};

/* dirfd is opened once, before privileges are dropped. */
int
fileroot_open_dir(const char *path, int *ret_dirfd) MUST_CHECK;
/* -ENOENT, -EACCES, -EXDEV (escapes), -EISDIR/-EINVAL (not a regular file)… */
int
fileroot_open(int dirfd, const char *path, struct fileroot_file *ret) MUST_CHECK;
/* What an error of fileroot_open() means, for people. */
const char *
fileroot_why(int err);
/* Did fileroot_open() fail for this machine's trouble (descriptors, memory, disk)? Then it says
 * nothing of the file, and may succeed later. */
bool
fileroot_is_trouble(int err);
/* Cleans a client's name: strips leading '/', turns '\' into '/', collapses "//", refuses "..",
 * control characters and anything above 255 octets. 0 or -EINVAL. */
int
fileroot_clean(const char *name, char *dst, size_t size) MUST_CHECK;

#endif
