// SPDX-License-Identifier: GPL-3.0-or-later
/* Files and rows of recordings.
 *
 * A piece goes to the file first, is forced to the disk, and into the row after that, so that what the row says is there
 * even when the power fails: the agent removes its own copy then. What a crash in between leaves at the end of the file is cut off when the next piece comes; a file that is shorter than its row is lost,
 * and the agent is asked for the whole again.
 *
 * Entry points: console_store_add(), console_store_open(), console_store_prune().
 * Ownership: nothing is kept open. Failure modes: a full disk or a failing database takes nothing of the piece; the agent
 * comes again. */
#include "orchestrator/console_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "db/db_boot.h"
#include "db/db_scope.h"
#include "lib/compiler.h"
#include "lib/console_record.h"
#include "lib/str.h"

enum { PATH_SIZE = 4200, PRUNE_MAX = 1000 };
/* Left to the database beside it: jobs and events need it more. */
#define DISK_MIN (128LL * 1024 * 1024)

struct console_store {
	struct store *store;
	const struct log *log;
	int64_t host_max;
	char dir[PATH_SIZE];
};

struct console_store *
console_store_new(
    struct store *store, const char *database, int64_t host_max, const struct log *log)
{
	struct console_store *cs = str_alloc(sizeof(*cs));
	const char *slash = strrchr(database, '/');

	cs->store = store;
	cs->log = log;
	cs->host_max = host_max;
	if (str_format(cs->dir, sizeof(cs->dir), "%.*s/console",
		slash ? (int)(slash - database) : 1, slash ? database : ".") < 0)
		cs->dir[0] = '\0';
	return cs;
}

void
console_store_free(struct console_store *cs)
{
	free(cs);
}

static int
open_file(const struct console_store *cs, const char *boot, int flags)
{
	char path[PATH_SIZE];
	int fd;

	if (str_format(path, sizeof(path), "%s/%s.rec", cs->dir, boot) < 0)
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	return fd;
}

/* ---- a piece ---- */

/* What the piece says of itself; it consists of whole frames, the first one of this boot. */
static int
read_piece(const char *boot, int64_t offset, const uint8_t *data, size_t len,
    struct console_record_sum *sum, struct error *err)
{
	sum->begun = offset > 0;
	if (console_record_sum_add(sum, data, len) != len || sum->damaged || offset < 0 ||
	    offset + (int64_t)len > CONSOLE_STORE_BOOT_MAX ||
	    (offset == 0 && len > 0 && !str_eq(sum->id, boot)))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "data: not a piece of the recording of boot %s", boot);
	return 0;
}

static void
count(struct db_console *row, const struct console_record_sum *sum, size_t len)
{
	if (row->size == 0) {
		row->began = sum->first;
		str_clip(row->host, sizeof(row->host), sum->host);
		row->always = sum->always;
	}
	row->size += (int64_t)len;
	row->octets += sum->octets;
	row->gaps += sum->gaps;
	row->truncated |= sum->truncated;
	row->ended = sum->ended;
	if (sum->last > row->last)
		row->last = sum->last;
}

static int
sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* 0 when it is there, and its name with it. */
static int
make_dir(const struct console_store *cs)
{
	char parent[PATH_SIZE];

	if (mkdir(cs->dir, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	str_clip(parent, sizeof(parent), cs->dir);
	*(strrchr(parent, '/') + 1) = '\0';
	return sync_dir(parent);
}

/* The row as the file bears it out: a file that lost its end is begun anew. */
static int
match_file(int fd, struct db_console *row)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < row->size) {
		row->size = row->octets = row->gaps = row->last = 0;
		row->truncated = row->ended = false;
	}
	if (st.st_size != row->size && ftruncate(fd, row->size) < 0)
		return -errno;
	return 0;
}

static bool
disk_is_full(int fd)
{
	struct statvfs st;

	return fstatvfs(fd, &st) == 0 &&
	       (int64_t)st.f_bavail * (int64_t)st.f_frsize < DISK_MIN;
}

static int
write_piece(int fd, int64_t at, const uint8_t *data, size_t len)
{
	ssize_t n = pwrite(fd, data, len, at);

	if (n != (ssize_t)len)
		return n < 0 ? -errno : -ENOSPC;
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int
keep(struct console_store *cs, const struct db_console *row)
{
	struct db *db = store_db(cs->store);
	int rc = db_begin(db);

	if (rc == 0)
		rc = db_console_put(cs->store, row);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0)
		db_rollback(db);
	return rc;
}

static int
add(struct console_store *cs, struct db_console *row, int64_t offset,
    const struct console_record_sum *sum, const uint8_t *data, size_t len)
{
	int fd, rc;

	rc = make_dir(cs);
	if (rc < 0)
		return rc;
	fd = open_file(cs, row->boot, O_RDWR | O_CREAT);
	if (fd < 0)
		return fd;
	rc = match_file(fd, row);
	if (rc == 0 && offset == row->size && len > 0) {
		rc = disk_is_full(fd) ? -ENOSPC : write_piece(fd, offset, data, len);
		if (rc == 0 && offset == 0)
			rc = sync_dir(cs->dir);
		if (rc == 0) {
			count(row, sum, len);
			rc = keep(cs, row);
		}
	}
	close(fd);
	return rc;
}

/* ---- retention ---- */

static int
drop(struct console_store *cs, const struct db_console *row)
{
	char path[PATH_SIZE];
	int rc = str_format(path, sizeof(path), "%s/%s.rec", cs->dir, row->boot);

	if (rc == 0 && unlink(path) < 0 && errno != ENOENT)
		rc = -errno;
	return rc < 0 ? rc : db_console_del(cs->store, row->boot);
}

/* When one is begun: the oldest of the host go for it. */
static void
prune_host(struct console_store *cs, const char *host)
{
	struct db_console row;
	int64_t total = 0;
	unsigned n = 0;
	int rc = db_console_total_always(cs->store, host, &total);

	while (rc == 0 && n++ < PRUNE_MAX && total > cs->host_max &&
	       (rc = db_console_oldest_always(cs->store, host, &row)) == 0) {
		rc = drop(cs, &row);
		total -= row.size;
	}
	if (rc < 0 && rc != -ENOENT)
		log_warn(cs->log, "recordings of %s cannot be dropped: %d", host, rc);
}

/* ---- in and out ---- */

/* What was recorded before its host was moved away is still the old site's to bring. */
static int
host_site(struct store *s, const char *host, const char *site, char ret[64])
{
	struct db_scope_host of = {.site = ""};
	int rc = db_scope_host(s, host, site, &of);

	str_clip(ret, 64, of.was_at > 0 ? site : of.site);
	return rc;
}

/* The site that the recording belongs to, "" when nobody knows: of the boot, where that was told already, else of its
 * host, which may have been removed since. -EINVAL: it is another host's boot. */
static int
find_site(struct console_store *cs, const char *site, const char *boot, const char *host,
    char ret[64])
{
	struct db_boot b;
	int rc = db_boot_get(cs->store, boot, &b);

	ret[0] = '\0';
	if (rc == 0 && !str_eq(b.host, host))
		return -EINVAL;
	if (rc == 0)
		str_clip(ret, 64, b.site);
	else if (rc == -ENOENT)
		rc = host_site(cs->store, host, site, ret);
	return rc == -ENOENT ? 0 : rc;
}

/* An agent speaks for the machines of its own site. Fills in a row that is new. */
static int
claim(struct console_store *cs, const char *site, const char *boot,
    const struct console_record_sum *sum, struct db_console *row, struct error *err)
{
	char owner[64];
	int rc = db_console_get(cs->store, boot, row);

	if (rc == 0) {
		str_clip(owner, sizeof(owner), row->site);
	} else if (rc == -ENOENT) {
		*row = (struct db_console){.size = 0};
		str_clip(row->boot, sizeof(row->boot), boot);
		str_clip(row->site, sizeof(row->site), site);
		owner[0] = '\0';
		/* A piece without its begin is not kept; it asks only. */
		rc = sum->host[0] != '\0' ? find_site(cs, site, boot, sum->host, owner)
					  : 0;
	}
	if (rc == -EINVAL || (rc == 0 && owner[0] != '\0' && !str_eq(owner, site)))
		return error_set(err, -EINVAL, "console-of-another-site",
		    "see whether the agent of that site has the right name of it",
		    "the agent of site %s brought a recording of boot %s, which is none "
		    "of a host of that site",
		    site, boot);
	return rc;
}

int
console_store_add(struct console_store *cs, const char *site, const char *boot,
    int64_t offset, uint8_t *data, size_t len, int64_t ahead, int64_t now,
    int64_t *ret_held, struct error *err)
{
	struct console_record_sum sum = {0};
	struct db_console row = {.size = 0};
	int rc = read_piece(boot, offset, data, len, &sum, err);

	if (rc < 0)
		return rc;
	rc = claim(cs, site, boot, &sum, &row, err);
	if (rc == -EINVAL)
		return rc;
	if (rc == 0 && ahead != 0) {
		console_record_shift(data, len, ahead, row.last);
		sum = (struct console_record_sum){0};
		rc = read_piece(boot, offset, data, len, &sum, err);
	}
	if (row.size == 0)
		row.added = now;
	if (rc == 0)
		rc = add(cs, &row, offset, &sum, data, len);
	if (rc < 0)
		return error_set(err, rc, "console-not-kept",
		    "look at the space beside the orchestrator's database",
		    "the recording cannot be kept: %s", strerror(-rc));
	*ret_held = row.size;
	if (row.always && offset == 0 && len > 0)
		prune_host(cs, row.host);
	return 0;
}

int
console_store_open(struct console_store *cs, const struct db_console *row)
{
	struct stat st;
	int fd = open_file(cs, row->boot, O_RDONLY);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_size < row->size) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* One transaction for all: a commit each would hold up the loop for seconds. Rows that outlive their files in a crash
 * are found again by the next round. */
void
console_store_prune(struct console_store *cs, int64_t before, int64_t max)
{
	struct db *db = store_db(cs->store);
	struct db_console row;
	int64_t total = 0;
	unsigned n = 0;
	int rc = db_begin(db);

	if (rc == 0)
		rc = db_console_total(cs->store, &total);
	while (rc == 0 && n < PRUNE_MAX &&
	       (rc = db_console_oldest(cs->store, &row)) == 0 &&
	       (row.added < before || total > max)) {
		rc = drop(cs, &row);
		total -= row.size;
		n++;
	}
	if (n > 0 && db_commit(db) < 0)
		rc = -EIO;
	db_rollback(db);
	if (rc < 0 && rc != -ENOENT)
		log_warn(cs->log, "old recordings of consoles cannot be dropped: %d", rc);
	if (n > 0)
		log_info(cs->log, "%u old recordings of consoles were dropped", n);
}
