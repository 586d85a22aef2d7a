/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that others read is there whole or not at all.
 *
 * Entry point: put_file().
 * Ownership: nothing is kept; a temporary file beside the real one is removed on failure.
 * Failure modes: -errno, and the old file, if there was one, stands as it was.
 */
#include "agent/put_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
put_file(const char *path, const char *text)
{
	char tmp[600];
	int fd, r;

	if (str_format(tmp, sizeof(tmp), "%s.new", path) < 0)
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text);
	/* A server reads it as another user, whatever the umask. */
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}
