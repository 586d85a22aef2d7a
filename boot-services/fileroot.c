/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files beneath a directory, and nothing else.
 *
 * lib/beneath.c does the confining; fileroot_clean() only makes names comparable and
 * refuses what no boot file is called.
 *
 * Ownership: the caller closes ret->fd. Failure modes: negative errno, nothing left open.
 */
#include "boot-services/fileroot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/beneath.h"

enum { NAME_MAX_OCTETS = 255 };

int
fileroot_open_dir(const char *path, int *ret_dirfd)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_dirfd = fd;
	return 0;
}

int
fileroot_open(int dirfd, const char *path, struct fileroot_file *ret)
{
	struct stat st;
	int fd, r = 0;

	fd = beneath_open(dirfd, path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret = (struct fileroot_file){
	    .fd = fd,
	    .size = st.st_size,
	    .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
	    .inode = st.st_ino,
	};
	snprintf(ret->etag, sizeof(ret->etag), "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
	    ret->inode, (uint64_t)ret->size, (uint64_t)ret->mtime_ns);
	return 0;
}

const char *
fileroot_why(int err)
{
	switch (err) {
	case -EXDEV:
		return "a link that leads out of the directory: copy the file itself";
	case -EISDIR: return "a directory";
	case -EINVAL: return "not the name of a regular file";
	default: return strerror(-err);
	}
}

bool
fileroot_is_trouble(int err)
{
	switch (err) {
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EIO:
	case -ESTALE: /* of NFS */
	case -ETIMEDOUT:
	case -EAGAIN: /* renamed again and again while it was looked up */ return true;
	default: return false;
	}
}

/* One path component of n octets may stand in a name. */
static int
component_ok(const char *s, size_t n)
{
	if (n == 2 && s[0] == '.' && s[1] == '.')
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return 0;
	return 1;
}

int
fileroot_clean(const char *name, char *dst, size_t size)
{
	char copy[NAME_MAX_OCTETS + 1];
	size_t len = strlen(name), out = 0;
	char *rest = copy;

	if (len > NAME_MAX_OCTETS)
		return -EINVAL;
	memcpy(copy, name, len + 1);
	/* Windows-minded clients separate with backslashes (boot.md 1.8). */
	for (size_t i = 0; i < len; i++)
		if (copy[i] == '\\')
			copy[i] = '/';
	while (*rest) {
		size_t n = strcspn(rest, "/");

		if (!component_ok(rest, n))
			return -EINVAL;
		if (n > 0 && !(n == 1 && rest[0] == '.')) {
			if (out + n + 2 > size)
				return -EINVAL;
			if (out > 0)
				dst[out++] = '/';
			memcpy(dst + out, rest, n);
			out += n;
		}
		rest += n;
		rest += *rest == '/';
	}
	if (size == 0)
		return -EINVAL;
	dst[out] = '\0';
	return 0;
}
