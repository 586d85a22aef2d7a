/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files that the agent reads and writes on its loop: scripts, templates.
 *
 * Entry points: textfile_replace(), textfile_read().
 * Ownership: a text that was read is the caller's.
 * Failure modes: negative errno. A file is replaced by rename, so that bootd, which may be
 * sending the old one, never sees half of it; nothing is left behind.
 */
#include "agent/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/str.h"

static int
write_all(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t w = write(fd, text, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		text += w;
		n -= (size_t)w;
	}
	return 0;
}

int
textfile_replace(const char *path, const char *text, mode_t mode, gid_t group)
{
	char tmp[600];
	int fd, r = 0;

	if (str_format(tmp, sizeof(tmp), "%s.new", path) < 0)
		return -ENAMETOOLONG;
	if (unlink(tmp) < 0 && errno != ENOENT)
		return -errno;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) < 0)
		r = -errno;
	/* bootd reads it as another user, whatever the umask. */
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0)
		r = write_all(fd, text);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

/* The whole of it; what grows while it is read is too large. */
static int
read_all(int fd, char *buf, size_t max, size_t *ret_len)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, buf + len, max + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	*ret_len = len;
	return 0;
}

static int
read_text(int fd, size_t max, char **ret)
{
	struct stat st;
	size_t len = 0;
	char *buf;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	buf = str_alloc(max + 2);
	r = read_all(fd, buf, max, &len);
	if (r == 0 && memchr(buf, '\0', len) != NULL)
		r = -EILSEQ;
	if (r < 0) {
		free(buf);
		return r;
	}
	buf[len] = '\0';
	*ret = buf;
	return 0;
}

int
textfile_read(const char *root, const char *path, size_t max, char **ret)
{
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (dir < 0)
		return -errno;
	fd = beneath_open(dir, path);
	r = fd < 0 ? fd : read_text(fd, max, ret);
	if (fd >= 0)
		close(fd);
	close(dir);
	return r;
}
