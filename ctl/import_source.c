/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading ISOs and trees.
 *
 * Entry points: import_source_open(), import_source_listing(), import_source_copy().
 * Ownership: the source owns its listing, whose entries' paths live as long as it.
 * Failure modes: what libarchive says becomes the reason. Nothing is ever opened outside
 * of a tree: its files are opened beneath it (lib/beneath.c), and links of an ISO are
 * followed by name alone, within it.
 *
 * An ISO is read twice: for its listing, and for the files that the plan took from it, in
 * the order in which they lie.
 */
#include "ctl/import_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { ENTRIES_MAX = 200 * 1000, PATH_SIZE = 1024, BLOCK = 64 * 1024, LINKS_MAX = 8 };

enum kind { ISO, TREE, SINGLE };

struct import_source {
	enum kind kind;
	char *path;
	int fd; /* of the folder, or of the file */
	struct import_listing listing;
	size_t room;
};

static int
failed(const struct import_source *s, int rc, struct error *err, const char *why)
{
	return error_set(err, rc, "import-source",
	    "give an ISO or a folder that is whole and readable", "%s: %s", s->path, why);
}

static int
archive_failed(const struct import_source *s, struct archive *a, struct error *err)
{
	const char *why = archive_error_string(a);

	return failed(s, -EIO, err, why != NULL ? why : "cannot be read");
}

/* ---- the listing ---- */

static int
add_entry(struct import_source *s, const char *path, const char *data, int64_t size,
    struct error *err)
{
	struct import_listing *l = &s->listing;

	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	if (*path == '\0' || strlen(path) >= PATH_SIZE)
		return 0;
	if (l->n == ENTRIES_MAX)
		return error_set(err, -E2BIG, "import-wrong",
		    "give the ISO, or the folder of its contents",
		    "%s holds more than %d files", s->path, ENTRIES_MAX);
	if (l->n == s->room) {
		s->room = s->room == 0 ? 64 : 2 * s->room;
		l->entries = str_realloc(l->entries, s->room * sizeof(*l->entries));
	}
	l->entries[l->n++] = (struct import_entry){.path = str_dup(path),
	    .data = data != NULL ? str_dup(data) : NULL,
	    .size = size};
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct import_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static struct import_entry *
find(const struct import_listing *l, const char *path)
{
	const struct import_entry key = {.path = (char *)(uintptr_t)path};

	if (l->n == 0)
		return NULL;
	return bsearch(&key, l->entries, l->n, sizeof(*l->entries), compare);
}

/* Where the link `target` in the folder of `from` leads, without leaving the ISO. */
static int
join(const char *from, const char *target, char ret[PATH_SIZE])
{
	const char *slash = strrchr(from, '/');
	size_t len = target[0] == '/' || slash == NULL ? 0 : (size_t)(slash - from);

	memcpy(ret, from, len);
	while (*target != '\0') {
		size_t n = strcspn(target, "/");

		if (n == 2 && target[0] == '.' && target[1] == '.') {
			if (len == 0)
				return -EXDEV;
			while (len > 0 && ret[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && target[0] == '.')) {
			if (len + n + 2 > PATH_SIZE)
				return -ENAMETOOLONG;
			if (len > 0)
				ret[len++] = '/';
			memcpy(ret + len, target, n);
			len += n;
		}
		target += n;
		target += *target == '/';
	}
	ret[len] = '\0';
	return 0;
}

/* An entry of size -1 is a symbolic link to `data`, of size -2 a hard link: both become what they lead to. */
static bool
resolve(const struct import_listing *l, struct import_entry *e)
{
	const struct import_entry *at = e;
	char path[PATH_SIZE];

	for (int i = 0; i < LINKS_MAX && at != NULL && at->size < 0; i++) {
		if (at->size == -2)
			str_clip(path, sizeof(path), at->data);
		else if (join(at->path, at->data, path) < 0)
			return false;
		at = find(l, path);
	}
	if (at == NULL || at->size < 0)
		return false;
	if (at != e) {
		free(e->data);
		e->data = str_dup(at->data != NULL ? at->data : at->path);
		e->size = at->size;
	}
	return true;
}

/* Sorts, follows the links of an ISO, and leaves out what leads nowhere. */
static void
complete(struct import_source *s)
{
	struct import_listing *l = &s->listing;
	size_t kept = 0;

	if (l->n > 0)
		qsort(l->entries, l->n, sizeof(*l->entries), compare);
	/* What is resolved stays findable: nothing moves before all are. */
	for (size_t i = 0; i < l->n; i++)
		if (!resolve(l, &l->entries[i]))
			l->entries[i].size = -3;
	for (size_t i = 0; i < l->n; i++) {
		struct import_entry *e = &l->entries[i];

		if (e->size < 0) {
			free(e->path);
			free(e->data);
			continue;
		}
		if (e->data == NULL)
			e->data = str_dup(e->path);
		l->entries[kept++] = *e;
	}
	l->n = kept;
}

/* A link in a tree counts when it can be opened beneath it. */
static int
add_tree_link(struct import_source *s, const char *path, struct error *err)
{
	struct stat st;
	int fd = beneath_open(s->fd, path);
	bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	if (fd >= 0)
		close(fd);
	return good ? add_entry(s, path, NULL, st.st_size, err) : 0;
}

static int
take_header(struct import_source *s, struct archive *a, struct archive_entry *e,
    struct error *err)
{
	const char *path = archive_entry_pathname(e);
	const char *link = archive_entry_symlink(e), *hard = archive_entry_hardlink(e);
	size_t root = strlen(s->path);

	if (path == NULL)
		return 0;
	if (s->kind == TREE) {
		if (archive_read_disk_can_descend(a))
			archive_read_disk_descend(a);
		if (strlen(path) <= root)
			return 0;
		path += root;
		while (*path == '/')
			path++;
		if (archive_entry_filetype(e) == AE_IFLNK)
			return add_tree_link(s, path, err);
	} else if (hard != NULL) {
		return add_entry(s, path, hard, -2, err);
	} else if (archive_entry_filetype(e) == AE_IFLNK) {
		return link != NULL ? add_entry(s, path, link, -1, err) : 0;
	}
	if (archive_entry_filetype(e) != AE_IFREG)
		return 0;
	return add_entry(s, path, NULL, archive_entry_size(e), err);
}

/* Opens the ISO, or the tree, for one pass; NULL with *err. */
static struct archive *
begin(const struct import_source *s, struct error *err)
{
	struct archive *a;
	int r;

	if (s->kind == TREE) {
		a = archive_read_disk_new();
		archive_read_disk_set_symlink_physical(a);
		archive_read_disk_set_behavior(a, ARCHIVE_READDISK_NO_ACL |
						      ARCHIVE_READDISK_NO_XATTR |
						      ARCHIVE_READDISK_NO_FFLAGS);
		r = archive_read_disk_open(a, s->path);
	} else {
		a = archive_read_new();
		archive_read_support_format_iso9660(a);
		r = archive_read_open_filename(a, s->path, BLOCK);
	}
	if (r == ARCHIVE_OK)
		return a;
	archive_failed(s, a, err);
	archive_read_free(a);
	return NULL;
}

static int
list(struct import_source *s, struct error *err)
{
	struct archive *a = begin(s, err);
	struct archive_entry *e = archive_entry_new();
	int r = a == NULL ? -EIO : 0;

	while (r == 0) {
		int got = archive_read_next_header2(a, e);

		if (got == ARCHIVE_EOF)
			break;
		if (got < ARCHIVE_WARN)
			r = archive_failed(s, a, err);
		else
			r = take_header(s, a, e, err);
	}
	archive_entry_free(e);
	if (a != NULL)
		archive_read_free(a);
	if (r == 0)
		complete(s);
	return r;
}

static int
open_file(struct import_source *s, const struct stat *st, struct error *err)
{
	const char *slash = strrchr(s->path, '/');
	size_t n = strlen(s->path);

	if (!S_ISREG(st->st_mode))
		return failed(s, -EINVAL, err, "neither a folder nor a file");
	if (n > 4 && strcasecmp(s->path + n - 4, ".efi") == 0) {
		s->kind = SINGLE;
		return add_entry(
		    s, slash != NULL ? slash + 1 : s->path, NULL, st->st_size, err);
	}
	s->listing.archive = s->path;
	return list(s, err);
}

int
import_source_open(const char *path, struct import_source **ret, struct error *err)
{
	struct import_source *s = str_alloc(sizeof(*s));
	struct stat st;
	int r;

	s->path = str_dup(path);
	for (size_t n = strlen(path); n > 1 && s->path[n - 1] == '/'; n--)
		s->path[n - 1] = '\0';
	s->listing.source = s->path;
	s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (s->fd < 0 || fstat(s->fd, &st) < 0) {
		r = failed(s, -errno, err, strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		s->kind = TREE;
		r = list(s, err);
	} else {
		r = open_file(s, &st, err);
	}
	if (r < 0) {
		import_source_free(s);
		return r;
	}
	if (s->kind == SINGLE)
		complete(s);
	*ret = s;
	return 0;
}

void
import_source_free(struct import_source *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->listing.n; i++) {
		free(s->listing.entries[i].path);
		free(s->listing.entries[i].data);
	}
	free(s->listing.entries);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

const struct import_listing *
import_source_listing(const struct import_source *s)
{
	return &s->listing;
}

/* ---- copying ---- */

struct copying {
	struct import_source *s;
	bool (*stop)(void *arg);
	void *arg;
	struct error *err;
};

static int
write_failed(int e, struct error *err)
{
	return error_set(err, -e, "import-write",
	    "make room on the disk of the images root, or give another --images-root",
	    "cannot write: %s", strerror(e));
}

static int
write_at(const struct copying *c, int fd, const void *data, size_t n, int64_t at)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return write_failed(errno, c->err);
		p += w;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
check_stop(const struct copying *c)
{
	if (!c->stop(c->arg))
		return 0;
	return error_set(c->err, -ECANCELED, "interrupted", "import it again",
	    "stopped on request; nothing was imported");
}

static int
check_size(const struct copying *c, const char *path, int64_t wanted, int64_t got)
{
	if (got == wanted)
		return 0;
	return error_set(c->err, -EIO, "import-source", "take a copy that is whole",
	    "%s: %.200s has %lld octets, of which %lld could be read", c->s->path, path,
	    (long long)wanted, (long long)got);
}

static int
copy_fd(const struct copying *c, int from, int to, const char *path, int64_t size)
{
	char *buf = str_alloc(BLOCK);
	int64_t at = 0;
	int r = 0;

	while (r == 0) {
		ssize_t n = pread(from, buf, BLOCK, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = failed(c->s, -errno, c->err, strerror(errno));
		if (n <= 0)
			break;
		r = write_at(c, to, buf, (size_t)n, at);
		at += n;
		if (r == 0)
			r = check_stop(c);
	}
	free(buf);
	return r < 0 ? r : check_size(c, path, size, at);
}

static int
copy_from_tree(const struct copying *c, const struct import_source_copy *job)
{
	int fd = beneath_open(c->s->fd, job->from->data);
	int r;

	if (fd < 0)
		return failed(c->s, fd, c->err, strerror(-fd));
	r = copy_fd(c, fd, job->fd, job->from->path, job->from->size);
	close(fd);
	return r;
}

static int
copy_data(
    const struct copying *c, struct archive *a, const struct import_source_copy *job)
{
	int64_t end = 0;
	const void *data;
	la_int64_t at;
	size_t n;
	int r = 0, got;

	while (
	    r == 0 && (got = archive_read_data_block(a, &data, &n, &at)) != ARCHIVE_EOF) {
		if (got < ARCHIVE_OK)
			return archive_failed(c->s, a, c->err);
		r = write_at(c, job->fd, data, n, at);
		end = at + (int64_t)n;
		if (r == 0)
			r = check_stop(c);
	}
	return r < 0 ? r : check_size(c, job->from->path, job->from->size, end);
}

/* The job whose octets lie at that path, or NULL. */
static const struct import_source_copy *
find_job(const struct import_source_copy *list, size_t n, const char *path)
{
	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	for (size_t i = 0; i < n; i++)
		if (list[i].from != NULL && str_eq(list[i].from->data, path))
			return &list[i];
	return NULL;
}

static int
copy_from_iso(const struct copying *c, const struct import_source_copy *list, size_t n)
{
	struct archive *a = begin(c->s, c->err);
	struct archive_entry *e = archive_entry_new();
	const struct import_source_copy *job;
	int r = a == NULL ? -EIO : 0, got;

	while (r == 0 && (got = archive_read_next_header2(a, e)) != ARCHIVE_EOF) {
		const char *path = archive_entry_pathname(e);

		if (got < ARCHIVE_WARN)
			r = archive_failed(c->s, a, c->err);
		else if (path != NULL && archive_entry_hardlink(e) == NULL &&
			 (job = find_job(list, n, path)) != NULL)
			r = copy_data(c, a, job);
		if (r == 0)
			r = check_stop(c);
	}
	archive_entry_free(e);
	if (a != NULL)
		archive_read_free(a);
	return r;
}

/* Whatever was not met a second time, or is the same file twice, is not whole. */
static int
check_all(const struct copying *c, const struct import_source_copy *list, size_t n)
{
	struct stat st;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (list[i].from != NULL && fstat(list[i].fd, &st) == 0)
			r = check_size(
			    c, list[i].from->path, list[i].from->size, st.st_size);
	return r;
}

int
import_source_copy(struct import_source *s, const struct import_source_copy *list,
    size_t n, bool (*stop)(void *arg), void *arg, struct error *err)
{
	const struct copying c = {.s = s, .stop = stop, .arg = arg, .err = err};
	struct stat st;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (list[i].from == NULL)
			r = fstat(s->fd, &st) < 0
				? failed(s, -errno, err, strerror(errno))
				: copy_fd(&c, s->fd, list[i].fd, s->path, st.st_size);
		else if (s->kind == TREE)
			r = copy_from_tree(&c, &list[i]);
		else if (s->kind == SINGLE)
			r = copy_fd(&c, s->fd, list[i].fd, list[i].from->path,
			    list[i].from->size);
	}
	if (r == 0 && s->kind == ISO)
		r = copy_from_iso(&c, list, n);
	return r < 0 ? r : check_all(&c, list, n);
}
