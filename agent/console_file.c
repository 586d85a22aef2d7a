/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recording on disk.
 *
 * Entry points: console_file_open(), console_file_data(), console_file_mark(); console_file_first() and
 * console_file_read() for those who read.
 * Ownership: a file owns its descriptor; nobody else writes it, others may read it while it grows.
 * Failure modes: a frame is written whole or cut off again; when that does not work, or the disk is nearly full, the
 * recording ends there and the job goes on: jobs need the disk more. Frames are not forced to the disk one by one: a killed
 * agent loses nothing, a power failure the last seconds.
 */
#include "agent/console_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/str.h"

enum { READ_STEP = 64 * 1024, LOOK_EVERY = 256 * 1024 };
/* Left to the spool of the jobs, which keeps a reserve besides. */
#define DISK_MIN (128LL * 1024 * 1024)
/* For the marks at the end. */
#define MARK_ROOM                                                     \
	(2 * (CONSOLE_RECORD_FRAME_HEAD + CONSOLE_RECORD_FRAME_TAIL + \
		 CONSOLE_RECORD_TEXT_MAX))

struct console_file {
	int fd;
	int64_t limit;
	int64_t look_at; /* length at which the disk is looked at next */
	bool broken;
	struct console_record_sum sum;
};

int
console_file_path(const char *dir, const char *id, char ret[CONSOLE_FILE_PATH_SIZE])
{
	return str_format(ret, CONSOLE_FILE_PATH_SIZE, "%s/%s.rec", dir, id);
}

/* ---- reading what is there ---- */

static int
read_through(int fd, struct console_record_sum *sum)
{
	uint8_t *buf = str_alloc(READ_STEP + CONSOLE_RECORD_FRAME_MAX);
	size_t have = 0, used;
	ssize_t n;

	while ((n = read(fd, buf + have, READ_STEP)) > 0 && !sum->damaged) {
		have += (size_t)n;
		used = console_record_sum_add(sum, buf, have);
		have -= used;
		memmove(buf, buf + used, have);
	}
	free(buf);
	return n < 0 ? -errno : 0;
}

/* ---- writing ---- */

/* Whole, or not at all. */
static int
append(struct console_file *f, const uint8_t *frame, size_t len)
{
	ssize_t n = write(f->fd, frame, len);
	int r = n < 0 ? -errno : -ENOSPC;

	if (n == (ssize_t)len) {
		(void)!console_record_sum_add(&f->sum, frame, len);
		return 0;
	}
	if (ftruncate(f->fd, f->sum.good) < 0)
		r = -errno; /* the reader cuts it off */
	f->broken = true;
	return r;
}

static bool
disk_is_full(struct console_file *f)
{
	struct statvfs st;

	if (f->sum.good < f->look_at)
		return false;
	f->look_at = f->sum.good + LOOK_EVERY;
	return fstatvfs(f->fd, &st) == 0 &&
	       (int64_t)st.f_bavail * (int64_t)st.f_frsize < DISK_MIN;
}

int
console_file_mark(
    struct console_file *f, int64_t now, enum console_record_mark mark, const char *text)
{
	uint8_t frame[CONSOLE_RECORD_FRAME_MAX];
	size_t n = console_record_put_mark(frame, sizeof(frame), now, mark, text);

	/* The end is told behind the limit too. */
	if (f->broken || n == 0 || (f->sum.truncated && mark != CONSOLE_RECORD_END) ||
	    f->sum.good + (int64_t)n > f->limit)
		return 0;
	return append(f, frame, n);
}

int
console_file_data(struct console_file *f, int64_t now, const uint8_t *data, size_t len)
{
	uint8_t frame[CONSOLE_RECORD_FRAME_MAX];
	int r = 0;

	while (r == 0 && len > 0 && !f->broken && !f->sum.truncated) {
		size_t part =
		    len < CONSOLE_RECORD_DATA_MAX ? len : CONSOLE_RECORD_DATA_MAX;
		size_t n = console_record_put_data(frame, sizeof(frame), now, data, part);

		if (f->sum.good + (int64_t)n > f->limit - MARK_ROOM)
			return console_file_mark(f, now, CONSOLE_RECORD_TRUNCATED,
			    "the recording has reached its limit");
		if (disk_is_full(f))
			return console_file_mark(f, now, CONSOLE_RECORD_TRUNCATED,
			    "the agent's disk is nearly full");
		r = append(f, frame, n);
		data += part;
		len -= part;
	}
	return r;
}

/* ---- open and close ---- */

static int
begin(struct console_file *f, const struct console_file_what *what, int64_t now)
{
	uint8_t frame[CONSOLE_RECORD_FRAME_MAX];
	size_t n = console_record_put_begin(
	    frame, sizeof(frame), now, what->host, what->id, what->always);

	if (f->sum.begun)
		return strcmp(f->sum.id, what->id) == 0 ? 0 : -EEXIST;
	return n == 0 ? -EINVAL : append(f, frame, n);
}

static int
open_or_go_on(struct console_file *f, const char *dir,
    const struct console_file_what *what, int64_t now)
{
	char path[CONSOLE_FILE_PATH_SIZE];
	int r = console_file_path(dir, what->id, path);

	if (r < 0)
		return r;
	f->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		return -errno;
	r = read_through(f->fd, &f->sum);
	f->sum.damaged = f->sum.ended = false; /* it is cut off, and goes on */
	if (r == 0 && ftruncate(f->fd, f->sum.good) < 0)
		r = -errno;
	return r < 0 ? r : begin(f, what, now);
}

int
console_file_open(const char *dir, const struct console_file_what *what, int64_t limit,
    int64_t now, struct console_file **ret, struct error *err)
{
	struct console_file *f = str_alloc(sizeof(*f));
	int r;

	f->fd = -1;
	f->limit = limit;
	r = open_or_go_on(f, dir, what, now);
	if (r < 0) {
		console_file_close(f);
		return error_set(err, r, "console-file", "look at the agent's state_dir",
		    "the console's recording cannot be written: %s", strerror(-r));
	}
	*ret = f;
	return 0;
}

void
console_file_close(struct console_file *f)
{
	if (f == NULL)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

const struct console_record_sum *
console_file_sum(const struct console_file *f)
{
	return &f->sum;
}

/* ---- for those who read ---- */

int
console_file_first(const char *path, struct console_record_frame *ret)
{
	uint8_t buf[CONSOLE_RECORD_FRAME_MAX];
	struct console_record_frame f;
	size_t used;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf), 0);
	int rc = n < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (rc < 0)
		return rc;
	if (console_record_next(buf, (size_t)n, &f, &used) != 1 ||
	    f.type != CONSOLE_RECORD_BEGIN)
		return -EBADMSG;
	f.data = NULL;
	f.len = 0;
	*ret = f;
	return 0;
}

bool
console_file_is_always(const char *path)
{
	struct console_record_frame f;

	return console_file_first(path, &f) == 0 && f.always;
}

int
console_file_read(const char *path, struct console_record_sum *ret_sum)
{
	struct console_record_sum sum = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = fd < 0 ? -errno : read_through(fd, &sum);

	if (rc == 0 && !sum.begun)
		rc = -EBADMSG;
	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	*ret_sum = sum;
	return fd;
}
