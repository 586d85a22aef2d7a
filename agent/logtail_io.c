/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows a log file through everything that happens to log files.
 *
 * Entry points: logtail_io_new(), logtail_io_go_on(); the rest are callbacks of inotify and of a timer.
 * Ownership: struct logtail_io owns the descriptor, its events, and the journal's part where the log is one.
 * Failure modes: a file that is not there is waited for. One that was renamed is read to its end before the new one is
 * begun, and for a second more: not all processes of a server take the new one at once. One that became shorter was truncated, and is read from its beginning. After a restart the old file is looked
 * for in its folder by inode and first octets; when it is gone (compressed meanwhile), what it held is lost, and
 * the owner is told. A line without its end waits for it; a line longer than LOGLINE_MAX is passed over.
 *
 * A mark is "INODE OFFSET CHECK": CHECK is a sum of the file's first octets, since inodes are used again.
 */
#include "agent/logtail_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/logline.h"
#include "agent/logtail_journal_io.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	PORTION = 64 * 1024,
	BUFFER = PORTION + LOGLINE_MAX,
	CHECK_OCTETS = 128,
	PATH_SIZE = 512,
	LOOK_S = 1, /* for file systems that inotify does not tell of */
};
/* So long the file that was renamed is read on, once the new one has a line. */
#define LINGER USEC_PER_SEC

struct logtail_io {
	struct logtail_io_opts o;
	struct logtail_journal_io *journal;
	int fd; /* of the file that is read, or -1 */
	uint64_t inode;
	int64_t offset; /* behind the last whole line */
	bool skipping;	/* within a line that is too long */
	bool waiting;	/* for logtail_io_go_on() */
	bool told;	/* that the file is not there */
	int64_t marked;
	int64_t
	    leaving; /* monotonic: since when there is another file; 0: there is none */
	int notify;
	struct event *notified, *timer, *soon;
	char *buf;
};

/* ---- positions ---- */

static uint64_t
sum_octets(const unsigned char *p, size_t n)
{
	uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * UINT64_C(1099511628211);
	return sum;
}

/* 0 with the sum of the first `len` octets; -EIO when there are not so many. */
static int
sum_head(int fd, int64_t len, uint64_t *ret)
{
	unsigned char head[CHECK_OCTETS];

	if (len < 0 || len > CHECK_OCTETS || pread(fd, head, (size_t)len, 0) != len)
		return -EIO;
	*ret = sum_octets(head, (size_t)len);
	return 0;
}

static void
tell_mark(struct logtail_io *t)
{
	char mark[LOGTAIL_IO_MARK_SIZE];
	int64_t len = t->offset < CHECK_OCTETS ? t->offset : CHECK_OCTETS;
	uint64_t sum = 0;

	if (sum_head(t->fd, len, &sum) < 0)
		len = 0;
	snprintf(mark, sizeof(mark), "%" PRIu64 " %" PRId64 " %" PRId64 ":%" PRIx64,
	    t->inode, t->offset, len, sum);
	t->marked = t->offset;
	t->waiting = true;
	t->o.ops->mark(t->o.arg, mark);
}

/* Is it the file that the mark is of? */
static bool
is_marked(int fd, uint64_t inode, int64_t offset, int64_t len, uint64_t sum)
{
	struct stat st;
	uint64_t have;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == inode &&
	       st.st_size >= offset &&
	       (len == 0 || (sum_head(fd, len, &have) == 0 && have == sum));
}

static int
open_log(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static void
use_file(struct logtail_io *t, int fd, int64_t offset)
{
	struct stat st;

	if (t->fd >= 0)
		close(t->fd);
	t->fd = fd;
	t->offset = t->marked = offset;
	t->skipping = false;
	t->leaving = 0;
	t->inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static void
folder_of(const char *path, char *ret, size_t size)
{
	size_t n = (size_t)(base_name(path) - path);

	if (str_format(ret, size, "%.*s", n > 1 ? (int)n - 1 : 1, n > 0 ? path : "/") < 0)
		ret[0] = '\0';
}

/* The file beside the log, by whatever name, that the mark is of; -1 when there is none. */
static int
find_rotated(
    const struct logtail_io *t, uint64_t inode, int64_t offset, int64_t len, uint64_t sum)
{
	char folder[PATH_SIZE];
	struct dirent *e;
	int fd = -1;
	DIR *d;

	folder_of(t->o.file, folder, sizeof(folder));
	d = opendir(folder);
	while (d != NULL && fd < 0 && (e = readdir(d)) != NULL) {
		if (e->d_ino != inode)
			continue;
		fd = openat(dirfd(d), e->d_name,
		    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
		if (fd >= 0 && !is_marked(fd, inode, offset, len, sum)) {
			close(fd);
			fd = -1;
		}
	}
	if (d != NULL)
		closedir(d);
	return fd;
}

static void
tell_lost(struct logtail_io *t, const char *why)
{
	log_warn(t->o.log, "log %s: %s", t->o.file, why);
	if (t->o.ops->lost != NULL)
		t->o.ops->lost(t->o.arg);
}

static void
begin_marked(struct logtail_io *t, const char *mark)
{
	uint64_t inode, sum;
	int64_t offset, len;
	int fd;

	if (sscanf(mark, "%" SCNu64 " %" SCNd64 " %" SCNd64 ":%" SCNx64, &inode, &offset,
		&len, &sum) != 4 ||
	    offset < 0) {
		tell_lost(t, "where it was read to is not known");
		return;
	}
	if (inode == 0) /* it was not there */
		return;
	fd = find_rotated(t, inode, offset, len, sum);
	if (fd >= 0) {
		use_file(t, fd, offset);
		return;
	}
	tell_lost(t, "the file that was read last is gone; what was written to it since "
		     "is not known");
}

/* ---- reading ---- */

/* Gives the whole lines of buf; returns how many octets they take. */
static size_t
give_lines(struct logtail_io *t, const char *buf, size_t n, bool *ret_gave)
{
	size_t at = 0;
	const char *end;

	while ((end = memchr(buf + at, '\n', n - at)) != NULL) {
		size_t len = (size_t)(end - (buf + at));

		if (!t->skipping && len > 0 && len <= LOGLINE_MAX) {
			t->o.ops->line(t->o.arg, buf + at, len, 0);
			*ret_gave = true;
		}
		t->skipping = false;
		at += len + 1;
	}
	/* A line that has no end within what a line may have. */
	if (t->skipping || n - at > LOGLINE_MAX) {
		t->skipping = true;
		at = n;
	}
	return at;
}

/* One portion; true when there may be more. */
static bool
read_portion(struct logtail_io *t)
{
	struct stat st;
	bool gave = false;
	size_t taken;
	ssize_t n;

	if (fstat(t->fd, &st) == 0 && st.st_size < t->offset) {
		log_info(t->o.log, "log %s was truncated", t->o.file);
		t->offset = 0;
		t->skipping = false;
	}
	n = pread(t->fd, t->buf, BUFFER, t->offset);
	if (n <= 0)
		return false;
	taken = give_lines(t, t->buf, (size_t)n, &gave);
	t->offset += (int64_t)taken;
	if (gave || t->offset - t->marked > PORTION)
		tell_mark(t);
	return taken > 0;
}

/* The file of that name, when it is another one than the one that was read to its end. */
static bool
take_next_file(struct logtail_io *t)
{
	struct stat st;
	int fd;

	if (stat(t->o.file, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (t->fd >= 0 && st.st_ino == t->inode))
		return false;
	/* Who writes may go on in the old file until it is told: the new one begins with its first line. */
	if (t->fd >= 0 && st.st_size == 0)
		return false;
	if (t->fd >= 0 && t->leaving == 0)
		t->leaving = clock_mono();
	if (t->fd >= 0 && clock_mono() - t->leaving < LINGER)
		return false;
	fd = open_log(t->o.file);
	if (fd < 0)
		return false;
	use_file(t, fd, 0);
	t->told = false;
	return true;
}

static void
say_missing(struct logtail_io *t)
{
	if (t->fd < 0 && !t->told)
		log_warn(t->o.log, "log %s: %s; it is waited for", t->o.file,
		    access(t->o.file, R_OK) < 0 ? strerror(errno) : "not a file");
	t->told = true;
}

static void
pump(struct logtail_io *t)
{
	if (t->waiting)
		return;
	if (t->fd >= 0 && read_portion(t)) {
		if (!t->waiting)
			event_active(t->soon, 0, 0);
		return;
	}
	if (take_next_file(t))
		event_active(t->soon, 0, 0);
	else
		say_missing(t);
}

static void
on_soon(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	pump(arg);
}

static void
watch_folder(struct logtail_io *t)
{
	char folder[PATH_SIZE];

	folder_of(t->o.file, folder, sizeof(folder));
	/* The same folder again is the same watch. */
	(void)inotify_add_watch(
	    t->notify, folder, IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct logtail_io *t = arg;

	if (t->notify >= 0)
		watch_folder(t);
	pump(t);
}

/* What changed is found by looking. */
static void
on_notified(evutil_socket_t fd, short what UNUSED, void *arg)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
	pump(arg);
}

/* ---- begin and end ---- */

static void
begin_at_end(struct logtail_io *t)
{
	struct stat st;
	int fd = open_log(t->o.file);

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		tell_mark(t); /* what comes is new, also after a restart */
		return;
	}
	use_file(t, fd, st.st_size);
	/* Not at the end, but behind the last line: one may be in the middle of being written. */
	for (char c; t->offset > 0 && pread(fd, &c, 1, t->offset - 1) == 1 && c != '\n' &&
		     st.st_size - t->offset < LOGLINE_MAX;)
		t->offset--;
	tell_mark(t);
}

static void
begin_file(struct logtail_io *t)
{
	const struct timeval look = {.tv_sec = LOOK_S};

	t->buf = str_alloc(BUFFER);
	t->soon = event_new(t->o.base, -1, 0, on_soon, t);
	t->timer = event_new(t->o.base, -1, EV_PERSIST, on_timer, t);
	event_add(t->timer, &look);
	t->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (t->notify >= 0) {
		watch_folder(t);
		t->notified =
		    event_new(t->o.base, t->notify, EV_READ | EV_PERSIST, on_notified, t);
		event_add(t->notified, NULL);
	}
	if (t->o.mark != NULL)
		begin_marked(t, t->o.mark);
	else
		begin_at_end(t);
	t->o.mark = NULL;
	event_active(t->soon, 0, 0);
}

struct logtail_io *
logtail_io_new(const struct logtail_io_opts *opts)
{
	struct logtail_io *t = str_alloc(sizeof(*t));

	t->o = *opts;
	t->fd = t->notify = -1;
	if (opts->file == NULL)
		t->journal = logtail_journal_io_new(opts);
	else
		begin_file(t);
	return t;
}

void
logtail_io_free(struct logtail_io *t)
{
	if (t == NULL)
		return;
	logtail_journal_io_free(t->journal);
	if (t->notified != NULL)
		event_free(t->notified);
	if (t->timer != NULL)
		event_free(t->timer);
	if (t->soon != NULL)
		event_free(t->soon);
	if (t->notify >= 0)
		close(t->notify);
	if (t->fd >= 0)
		close(t->fd);
	free(t->buf);
	free(t);
}

void
logtail_io_go_on(struct logtail_io *t)
{
	if (t->journal != NULL) {
		logtail_journal_io_go_on(t->journal);
	} else if (t->waiting) {
		t->waiting = false;
		event_active(t->soon, 0, 0);
	}
}
