/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The append-only journal of leases, whatever their family.
 *
 *     netboot-leases 1
 *     5f3a0c11 body of the line, as struct line_journal_kind writes it
 *     checksum
 *
 * Each line stands alone: a torn or damaged one is skipped on replay and costs nothing but itself. A
 * write that failed is cut off again, and in case even that fails the next group begins on a new line.
 *
 * The file is replaced by a snapshot of the live records when it has grown to four times
 * its last compact size: written beside it, flushed, renamed, and the directory flushed.
 * After an fdatasync that failed nobody knows what is on the disk, so the next write
 * begins with a snapshot, too.
 *
 * A snapshot may be taken over a while in which leases change. Whatever changes is a line of the group, and the
 * group follows the snapshot in the file: replay ends with the last line of each lease, whether the snapshot has
 * it as it was before that or after. Only the order within the snapshot matters: see line_journal_snapshot().
 *
 * Entry points: line_journal_open() replays; append, seal, write are one group commit. A snapshot belongs to the
 * next group.
 */
#include "boot-services/line_journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32.h"
#include "lib/str.h"

enum { COMPACT_MIN = 1 << 20, READ_STEP = 1 << 16 };

struct text {
	char *p;
	size_t len, cap;
};

/* Of kind->record_size octets each. */
struct records {
	uint8_t *p;
	size_t n, cap;
};

struct line_journal {
	const struct line_journal_kind *kind;
	int dirfd; /* borrowed */
	int fd;
	uid_t uid;
	gid_t gid;
	off_t len;		/* octets of the file that are known good */
	off_t compact_at;	/* length at which the next snapshot is due */
	bool torn;		/* what follows `len` could not be cut off */
	bool must_rewrite;	/* an fdatasync failed */
	struct text group;	/* being collected */
	struct text sealed;	/* the writer's */
	struct records live[2]; /* of the snapshot: first these, then those */
	bool with_snapshot;
	bool wanted; /* the caller asked for a snapshot */
};

static void
text_add(struct text *t, const char *p, size_t len)
{
	if (t->cap - t->len < len) {
		t->cap = 2 * t->cap + len + 4096;
		t->p = str_realloc(t->p, t->cap);
	}
	memcpy(t->p + t->len, p, len);
	t->len += len;
}

size_t
line_journal_format(const struct line_journal_kind *k, const void *record,
    char line[LINE_JOURNAL_LINE_MAX])
{
	char body[LINE_JOURNAL_LINE_MAX - 16];
	size_t n = k->format(record, body, sizeof(body));

	return (size_t)snprintf(
	    line, LINE_JOURNAL_LINE_MAX, "%08x %s\n", crc32_of(body, n), body);
}

int
line_journal_parse(
    const struct line_journal_kind *k, const char *line, size_t len, void *ret_record)
{
	char body[LINE_JOURNAL_LINE_MAX], sum[9];

	if (len < 10 || len - 9 >= sizeof(body) || line[8] != ' ')
		return -EINVAL;
	memcpy(body, line + 9, len - 9);
	body[len - 9] = '\0';
	snprintf(sum, sizeof(sum), "%08x", crc32_of(body, len - 9));
	if (memcmp(sum, line, 8) != 0 || strlen(body) != len - 9)
		return -EINVAL;
	return k->parse(body, ret_record);
}

/* --- opening and replay --- */

static int
read_all(int fd, struct text *ret)
{
	char buf[READ_STEP];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n > 0)
			text_add(ret, buf, (size_t)n);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Returns the length of the part that ends in a newline: what a next record may follow.
 */
static size_t
replay(const struct line_journal_kind *k, const struct text *t,
    void (*each)(void *, const void *), void *arg, struct line_journal_replay *ret)
{
	void *record = str_alloc(k->record_size);
	size_t at = 0, end;

	for (; at < t->len; at = end + 1) {
		const char *nl = memchr(t->p + at, '\n', t->len - at);

		if (!nl) {
			ret->damaged++;
			break;
		}
		end = (size_t)(nl - t->p);
		if (end == at || (at == 0 && end + 1 == strlen(k->header)))
			continue;
		if (line_journal_parse(k, t->p + at, end - at, record) < 0) {
			ret->damaged++;
			continue;
		}
		ret->records++;
		each(arg, record);
	}
	free(record);
	return at;
}

static int
check_format(const struct line_journal_kind *k, const struct text *t, struct error *err)
{
	size_t n = strlen(k->header), mark = strlen(k->header_any);

	if (t->len < n || memcmp(t->p, k->header, n) == 0)
		return 0;
	if (memcmp(t->p, k->header_any, mark) != 0)
		return error_set(err, -EINVAL, "lease-journal",
		    "move the file away if it is not the lease journal",
		    "%s in the state directory is not a lease journal", k->file);
	return error_set(err, -EINVAL, "lease-journal-newer",
	    "run the version that wrote it, or move it away while no lease is in use",
	    "the lease journal %s was written by another version of netboot-bootd",
	    k->file);
}

static int
give_to(int fd, uid_t uid, gid_t gid)
{
	if (uid == (uid_t)-1)
		return 0;
	return fchown(fd, uid, gid) < 0 ? -errno : 0;
}

static int
write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Cuts a torn tail off, or begins a new file with its header. */
static int
settle(struct line_journal *j, size_t good)
{
	if (ftruncate(j->fd, (off_t)good) < 0 || lseek(j->fd, 0, SEEK_END) < 0)
		return -errno;
	if (good == 0) {
		int r = write_all(j->fd, j->kind->header, strlen(j->kind->header));

		if (r < 0)
			return r;
		good = strlen(j->kind->header);
	}
	if (fdatasync(j->fd) < 0 || fsync(j->dirfd) < 0)
		return -errno;
	j->len = (off_t)good;
	/* How much of a large file is still alive nobody knows yet: the first group makes it compact. */
	j->compact_at = COMPACT_MIN;
	return 0;
}

static int
open_file(struct line_journal *j, struct text *ret_content)
{
	int r;

	j->fd = openat(j->dirfd, j->kind->file,
	    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (j->fd < 0)
		return -errno;
	r = give_to(j->fd, j->uid, j->gid);
	return r < 0 ? r : read_all(j->fd, ret_content);
}

int
line_journal_open(const struct line_journal_kind *kind, int dirfd, uid_t uid, gid_t gid,
    void (*each)(void *arg, const void *record), void *arg, struct line_journal **ret,
    struct line_journal_replay *ret_replay, struct error *err)
{
	struct line_journal *j = str_alloc(sizeof(*j));
	struct line_journal_replay seen = {0};
	struct text t = {0};
	int r;

	j->kind = kind;
	j->dirfd = dirfd;
	j->fd = -1;
	j->uid = uid;
	j->gid = gid;
	if (flock(dirfd, LOCK_EX | LOCK_NB) < 0) {
		r = error_set(err, -EBUSY, "lease-journal-busy",
		    "stop the other netboot-bootd, or give this one its own dirs.state",
		    "another process holds the lease journal's directory");
		goto out;
	}
	r = open_file(j, &t);
	if (r < 0) {
		error_set(err, r, "lease-journal",
		    "check that the state directory belongs to the user of netboot-bootd",
		    "cannot open the lease journal %s: %s", j->kind->file, strerror(-r));
		goto out;
	}
	r = check_format(kind, &t, err);
	if (r < 0)
		goto out;
	r = settle(j, replay(kind, &t, each, arg, &seen));
	if (r < 0) {
		error_set(err, r, "lease-journal",
		    "free some space on the state directory's disk",
		    "cannot write the lease journal %s: %s", j->kind->file, strerror(-r));
		goto out;
	}
	*ret_replay = seen;
	*ret = j;
	j = NULL;
out:
	free(t.p);
	line_journal_close(j);
	return r;
}

static void
forget_snapshot(struct line_journal *j)
{
	for (size_t i = 0; i < ARRAY_SIZE(j->live); i++) {
		free(j->live[i].p);
		j->live[i] = (struct records){.n = 0};
	}
	j->with_snapshot = false;
}

void
line_journal_close(struct line_journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	/* The lock is the directory's, which other journals of this process share: unlocked here, another server
	 * could come in while the writer of one of those still runs. */
	free(j->group.p);
	free(j->sealed.p);
	forget_snapshot(j);
	free(j);
}

/* --- group commit --- */

void
line_journal_append(struct line_journal *j, const void *record)
{
	char line[LINE_JOURNAL_LINE_MAX];
	size_t n = line_journal_format(j->kind, record, line);

	text_add(&j->group, line, n);
}

bool
line_journal_is_pending(const struct line_journal *j)
{
	return j->group.len > 0 || j->wanted;
}

void
line_journal_rewrite(struct line_journal *j)
{
	j->wanted = true;
}

bool
line_journal_wants_snapshot(const struct line_journal *j)
{
	return j->wanted || j->must_rewrite || j->len >= j->compact_at;
}

void
line_journal_begin_snapshot(struct line_journal *j)
{
	forget_snapshot(j);
	j->with_snapshot = true;
	j->wanted = false;
}

void
line_journal_snapshot(struct line_journal *j, const void *record, bool late)
{
	size_t size = j->kind->record_size;
	struct records *live = &j->live[late];

	if (live->n == live->cap) {
		live->cap = live->cap ? 2 * live->cap : 1024;
		live->p = str_realloc(live->p, live->cap * size);
	}
	memcpy(live->p + size * live->n++, record, size);
}

void
line_journal_seal(struct line_journal *j)
{
	struct text spare = j->sealed;

	assert(j->with_snapshot || !j->must_rewrite);
	j->sealed = j->group;
	spare.len = 0;
	j->group = spare;
}

static void
add_records(struct line_journal *j, const struct records *live, struct text *t)
{
	char line[LINE_JOURNAL_LINE_MAX];

	for (size_t i = 0; i < live->n; i++) {
		size_t n = line_journal_format(
		    j->kind, live->p + i * j->kind->record_size, line);

		text_add(t, line, n);
	}
}

/* The header, the live records and the sealed group; *ret_len is their length. */
static int
write_compact(struct line_journal *j, int fd, off_t *ret_len)
{
	struct text t = {0};
	int r;

	text_add(&t, j->kind->header, strlen(j->kind->header));
	for (size_t i = 0; i < ARRAY_SIZE(j->live); i++)
		add_records(j, &j->live[i], &t);
	if (j->sealed.len > 0)
		text_add(&t, j->sealed.p, j->sealed.len);
	r = write_all(fd, t.p, t.len);
	*ret_len = (off_t)t.len;
	free(t.p);
	return r;
}

/* Replaces the file by the snapshot and the sealed group. */
static int
rewrite(struct line_journal *j)
{
	int fd = openat(j->dirfd, j->kind->temporary,
	    O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	off_t len = 0;
	int r;

	if (fd < 0)
		return -errno;
	r = write_compact(j, fd, &len);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(j->dirfd, j->kind->temporary, j->dirfd, j->kind->file) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(j->dirfd, j->kind->temporary, 0);
		close(fd);
		return r;
	}
	/* From here on the new file is the journal, whatever the directory's flush says:
	 * the old one has no name any more. */
	close(j->fd);
	j->fd = fd;
	j->torn = false;
	j->len = len;
	j->compact_at = 4 * j->len > COMPACT_MIN ? 4 * j->len : COMPACT_MIN;
	j->must_rewrite = fsync(j->dirfd) < 0;
	return j->must_rewrite ? -errno : 0;
}

/* After a failed append: the file ends where it ended before. */
static void
cut_off(struct line_journal *j)
{
	j->torn = ftruncate(j->fd, j->len) < 0;
}

static int
append_sealed(struct line_journal *j)
{
	off_t start = j->len;
	int r = 0;

	if (j->torn) {
		r = write_all(j->fd, "\n", 1);
		start = lseek(j->fd, 0, SEEK_END);
	}
	if (r == 0)
		r = write_all(j->fd, j->sealed.p, j->sealed.len);
	if (r < 0) {
		cut_off(j);
		return r;
	}
	if (fdatasync(j->fd) < 0) {
		r = -errno;
		j->must_rewrite = true;
		return r;
	}
	j->torn = false;
	j->len = start + (off_t)j->sealed.len;
	return 0;
}

int
line_journal_write(struct line_journal *j)
{
	int r;

	if (!j->with_snapshot)
		return append_sealed(j);
	r = rewrite(j);
	forget_snapshot(j);
	if (r == 0 || j->must_rewrite)
		return r;
	/* No room for a second file: go on with the first, try again somewhat later. */
	j->compact_at = j->len + COMPACT_MIN;
	return append_sealed(j);
}
