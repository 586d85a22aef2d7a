// SPDX-License-Identifier: GPL-3.0-or-later
/* Small files of secrets and certificates.
 *
 * Entry points: keepfile_write(), keepfile_read(). A file is written beside its place, synced, and renamed, and the folder
 * is synced: whoever reads finds the old text or the new one, after a crash too.
 * Ownership: a text that was read is the caller's, who wipes it.
 * Failure modes: negative errno; nothing is left behind. */
#include "lib/keepfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"
#include "lib/str.h"

static int
write_all(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		n -= (size_t)done;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int
sync_folder(const char *path)
{
	char *dir = keepfile_beside(path, ".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	free(dir);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

int
keepfile_write(const char *path, const char *text)
{
	char *temp = str_alloc(strlen(path) + 8);
	int fd, r;

	memcpy(temp, path, strlen(path));
	memcpy(temp + strlen(path), ".XXXXXX", 8);
	fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
	r = fd < 0 ? -errno : write_all(fd, text);
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (fd >= 0 && r < 0)
		unlink(temp);
	free(temp);
	return r < 0 ? r : sync_folder(path);
}

int
keepfile_read(const char *path, char **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r = 0;
	struct stat st;
	char *text;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > KEEPFILE_MAX)
		r = -EINVAL;
	else if ((st.st_mode & 077) != 0)
		r = -EPERM;
	text = str_alloc(KEEPFILE_MAX + 1);
	while (r == 0 && len < KEEPFILE_MAX &&
	       (n = read(fd, text + len, KEEPFILE_MAX - len)) != 0) {
		if (n < 0 && errno != EINTR)
			r = -errno;
		else if (n > 0)
			len += (size_t)n;
	}
	close(fd);
	if (r == 0 && memchr(text, 0, len) != NULL)
		r = -EINVAL;
	if (r < 0) {
		secret_wipe(text, KEEPFILE_MAX);
		free(text);
		return r;
	}
	*ret = text;
	return 0;
}

char *
keepfile_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
	char *ret = str_alloc(dir + strlen(name) + 1);

	memcpy(ret, path, dir);
	memcpy(ret + dir, name, strlen(name));
	return ret;
}
