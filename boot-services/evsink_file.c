/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rotating event log.
 *
 * Written with one write(2) per line: the page cache takes it, so the loop does not wait
 * for a disk. No fsync: the durable record of events is the agent's spool; this file is
 * for people and for machines without an agent. The directory is held open, so that
 * rotation works after privileges were dropped wherever the path leads by then.
 *
 * Failure modes: a full disk or a directory that may not be written to comes back as
 * -errno from evsink_file_write(); the caller counts what was lost. */
#include "boot-services/evsink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/str.h"

enum { NAME_SIZE = 256 };

struct evsink_file {
	int dirfd, fd;
	char name[NAME_SIZE - 8]; /* within the directory, with room for ".new" */
	int64_t size, max_size;
	bool torn;
};

static int
open_log(struct evsink_file *f, const char *name)
{
	struct stat st;

	f->fd = openat(f->dirfd, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY |
		O_NONBLOCK,
	    0640);
	if (f->fd < 0)
		return -errno;
	if (fstat(f->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	f->size = st.st_size;
	return 0;
}

static int
open_in_dir(struct evsink_file *f, const char *path, uid_t uid, gid_t gid)
{
	char *dir_copy = str_dup(path), *base_copy = str_dup(path);
	int r;

	f->dirfd = open(dirname(dir_copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = f->dirfd < 0 ? -errno
			 : str_copy(f->name, sizeof(f->name), basename(base_copy));
	if (r == 0)
		r = open_log(f, f->name);
	if (r == 0 && uid != (uid_t)-1 && geteuid() == 0 && fchown(f->fd, uid, gid) < 0)
		r = -errno;
	free(dir_copy);
	free(base_copy);
	return r;
}

struct evsink_file *
evsink_file_open(
    const char *path, int64_t max_size, uid_t uid, gid_t gid, struct error *err)
{
	struct evsink_file *f = str_alloc(sizeof(*f));
	int r;

	f->dirfd = f->fd = -1;
	f->max_size = max_size;
	r = open_in_dir(f, path, uid, gid);
	if (r == 0)
		return f;
	error_set(err, r, "event-log", "make the directory, or change events.file",
	    "event log %s: %s", path, strerror(-r));
	evsink_file_close(f);
	return NULL;
}

void
evsink_file_close(struct evsink_file *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	if (f->dirfd >= 0)
		close(f->dirfd);
	free(f);
}

static void
generation(const struct evsink_file *f, int n, char name[NAME_SIZE])
{
	if (n == 0)
		str_clip(name, NAME_SIZE, f->name);
	else
		snprintf(name, NAME_SIZE, "%s.%d", f->name, n);
}

/* FILE.4 → FILE.5, …, FILE → FILE.1, FILE.new → FILE. */
static int
rename_all(const struct evsink_file *f, const char *new)
{
	char from[NAME_SIZE], to[NAME_SIZE];

	for (int n = EVSINK_FILE_GENERATIONS - 1; n >= 0; n--) {
		generation(f, n, from);
		generation(f, n + 1, to);
		if (renameat(f->dirfd, from, f->dirfd, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return renameat(f->dirfd, new, f->dirfd, f->name) < 0 ? -errno : 0;
}

/* The new file is made before anything is renamed: an attempt that fails must not push
 * the oldest generation out, for the next line tries again. On failure the old file stays
 * open. */
static int
rotate(struct evsink_file *f)
{
	struct evsink_file next = *f;
	char new[NAME_SIZE];
	int r;

	snprintf(new, sizeof(new), "%s.new", f->name);
	r = open_log(&next, new);
	if (r == 0)
		r = rename_all(f, new);
	if (r < 0) {
		if (next.fd >= 0)
			close(next.fd);
		return r;
	}
	close(f->fd);
	f->fd = next.fd;
	f->size = next.size;
	f->torn = false;
	return 0;
}

static int
write_all(struct evsink_file *f, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(f->fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			f->torn |= done > 0;
			return n < 0 ? -errno : -EIO;
		}
		done += (size_t)n;
		f->size += n;
	}
	return 0;
}

int
evsink_file_write(struct evsink_file *f, const char *line, size_t len)
{
	int r = 0;

	if (f->size > 0 && f->size + (int64_t)len > f->max_size)
		r = rotate(f);
	if (r < 0 && f->size + (int64_t)len > 2 * f->max_size)
		return r;
	if (f->torn) {
		r = write_all(f, "\n", 1);
		if (r < 0)
			return r;
		f->torn = false;
	}
	return write_all(f, line, len);
}
