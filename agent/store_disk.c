/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the store: partial ones with their records, and whole ones.
 *
 * Entry points: store_disk_prepare() before the first octet, store_disk_record() while they come, store_disk_check() or
 * store_disk_apply() at the end.
 * Ownership: descriptors are the caller's.
 * Failure modes: a record says only what fdatasync has brought to the disk before it, and appears by rename, so that a
 * kill or a power cut at any moment costs some seconds of octets at most; one that cannot be read means to begin anew.
 * What has another digest than its name never leaves the folder of partial files.
 */
#include "agent/store_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/delta.h"
#include "lib/digest.h"
#include "lib/str.h"

enum {
	RECORD_MAX = 4 * 1024 * 1024,
	MODE = 0444,
	MODE_OBJECTS =
	    0711, /* netboot-bootd gives them to other sites, by their digests */
	MODE_PARTS = 0700
};

const char *
store_disk_object(const char *root, const char *sha256, char buf[STORE_DISK_PATH_SIZE])
{
	if (str_format(buf, STORE_DISK_PATH_SIZE, "%s/.store/sha256/%.2s/%s", root,
		sha256, sha256) < 0)
		abort(); /* the root is shorter than that */
	return buf;
}

const char *
store_disk_part(const char *root, const char *sha256, const char *suffix,
    char buf[STORE_DISK_PATH_SIZE])
{
	if (str_format(buf, STORE_DISK_PATH_SIZE, "%s/.store/part/%s%s", root, sha256,
		suffix) < 0)
		abort();
	return buf;
}

static int
failed(struct error *err, int e, const char *what, const char *path)
{
	bool full = e == ENOSPC || e == EDQUOT || e == EFBIG;

	return error_set(err, -e, full ? "store-full" : "store-disk",
	    full ? "make room on that file system, or allow the store less: image_store "
		   "in agent.yaml"
		 : "look at the file system and at the rights of that folder",
	    "cannot %s %s: %s", what, path, strerror(e));
}

/* Whatever the umask. */
static int
make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
}

int
store_disk_open(const char *root, struct error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {{"", MODE_OBJECTS}, {"/sha256", MODE_OBJECTS}, {"/part", MODE_PARTS}};
	char path[STORE_DISK_PATH_SIZE];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (str_format(path, sizeof(path), "%s/.store%s", root, dirs[i].name) < 0)
			return failed(err, ENAMETOOLONG, "create", root);
		r = make_dir(path, dirs[i].mode);
		if (r < 0)
			return failed(err, -r, "create", path);
	}
	return 0;
}

/* ---- records ---- */

/* The record's text, or NULL. */
static char *
read_record(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= RECORD_MAX) {
		text = str_alloc((size_t)st.st_size + 1);
		n = read(fd, text, (size_t)st.st_size);
		text[n > 0 ? n : 0] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static void
load_record(const char *root, const char *sha256, int64_t size, struct store_ranges *ret)
{
	char path[STORE_DISK_PATH_SIZE], head[40];
	char *text = read_record(store_disk_part(root, sha256, ".map", path));

	*ret = (struct store_ranges){.r = NULL};
	if (str_format(head, sizeof(head), "size %lld\n", (long long)size) < 0)
		abort();
	if (text != NULL && str_has_prefix(text, head) &&
	    store_ranges_parse(text + strlen(head), size, ret) < 0)
		unlink(path);
	free(text);
}

static int
write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_record(const char *path, int64_t size, const char *ranges)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	char head[40];
	int r;

	if (fd < 0)
		return -errno;
	if (str_format(head, sizeof(head), "size %lld\n", (long long)size) < 0)
		abort();
	r = write_all(fd, head);
	if (r == 0)
		r = write_all(fd, ranges);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int
store_disk_record(
    const char *root, const char *sha256, int64_t size, int fd, const char *ranges)
{
	char path[STORE_DISK_PATH_SIZE], tmp[STORE_DISK_PATH_SIZE];
	int r;

	store_disk_part(root, sha256, ".map", path);
	store_disk_part(root, sha256, ".map-new", tmp);
	if (fdatasync(fd) < 0)
		return -errno;
	r = write_record(tmp, size, ranges);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

/* ---- partial files ---- */

void
store_disk_drop(const char *root, const char *sha256)
{
	static const char *const suffixes[] = {".map", ".map-new", ".apply", ""};
	char path[STORE_DISK_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		unlink(store_disk_part(root, sha256, suffixes[i], path));
}

/* Not every file system can reserve: there the file is made as long, and the room was looked at before. */
static int
reserve(int fd, int64_t size)
{
	if (size == 0 || fallocate(fd, 0, 0, size) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	return ftruncate(fd, size) == 0 ? 0 : -errno;
}

int
store_disk_prepare(const char *root, const char *sha256, int64_t size, int *ret_fd,
    struct store_ranges *ret_have, struct error *err)
{
	char path[STORE_DISK_PATH_SIZE];
	struct store_ranges have;
	struct stat st;
	int fd, r;

	store_disk_part(root, sha256, "", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return failed(err, errno, "create", path);
	if (fstat(fd, &st) < 0 || st.st_size != size)
		unlink(store_disk_part(root, sha256, ".map", path));
	store_disk_part(root, sha256, "", path);
	load_record(root, sha256, size, &have);
	r = st.st_size > size && ftruncate(fd, size) < 0 ? -errno : reserve(fd, size);
	if (r < 0) {
		failed(err, -r, "make room for", path);
		store_ranges_done(&have);
		close(fd);
		store_disk_drop(root, sha256);
		return r;
	}
	*ret_fd = fd;
	*ret_have = have;
	return 0;
}

static int
sync_folder(const char *path)
{
	char dir[STORE_DISK_PATH_SIZE];
	char *slash;
	int fd, r;

	str_clip(dir, sizeof(dir), path);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* To its place, whole and checked. */
static int
move_in(const char *root, const char *sha256, int fd, struct error *err)
{
	char from[STORE_DISK_PATH_SIZE], to[STORE_DISK_PATH_SIZE];
	char dir[STORE_DISK_PATH_SIZE];
	int r;

	store_disk_part(root, sha256, "", from);
	store_disk_object(root, sha256, to);
	str_clip(dir, sizeof(dir), to);
	*strrchr(dir, '/') = '\0';
	r = make_dir(dir, MODE_OBJECTS);
	if (r < 0)
		return failed(err, -r, "create", dir);
	if (fchmod(fd, MODE) < 0 || rename(from, to) < 0)
		return failed(err, errno, "put into its place", to);
	r = sync_folder(to);
	if (r < 0)
		return failed(err, -r, "write", dir);
	store_disk_drop(root, sha256);
	return 0;
}

int
store_disk_check(const char *root, const char *sha256, int fd, bool place,
    const atomic_bool *stop, struct error *err)
{
	char path[STORE_DISK_PATH_SIZE], found[DIGEST_TEXT];
	int r = digest_sha256_fd(fd, stop, found, NULL);

	store_disk_part(root, sha256, "", path);
	if (r < 0)
		return failed(err, -r, "read", path);
	if (strcmp(found, sha256) != 0)
		return error_set(err, -EBADMSG, "image-altered",
		    "look at the source: it has another file under that name",
		    "what came has the SHA-256 %.12s…, and not %.12s…", found, sha256);
	if (fsync(fd) < 0)
		return failed(err, errno, "write", path);
	return place ? move_in(root, sha256, fd, err) : 0;
}

/* ---- deltas ---- */

bool
store_disk_fell(const char *root, const char *sha256)
{
	char path[STORE_DISK_PATH_SIZE];

	return access(store_disk_part(root, sha256, ".apply", path), F_OK) == 0;
}

static int
apply(const char *root, const char *from, const char *delta, const char *sha256,
    int64_t size, const atomic_bool *stop, struct error *err)
{
	char path[STORE_DISK_PATH_SIZE];
	int old = -1, diff = -1, out = -1, r;
	struct store_ranges have = {.r = NULL};

	old = open(store_disk_object(root, from, path), O_RDONLY | O_CLOEXEC);
	if (old < 0) {
		r = failed(err, errno, "open", path);
		goto out;
	}
	diff = open(store_disk_part(root, delta, "", path), O_RDONLY | O_CLOEXEC);
	if (diff < 0) {
		r = failed(err, errno, "open", path);
		goto out;
	}
	/* What is there of it is about to be written over. */
	unlink(store_disk_part(root, sha256, ".map", path));
	r = store_disk_prepare(root, sha256, size, &out, &have, err);
	if (r < 0)
		goto out;
	r = delta_apply(old, diff, out, size, err);
	if (r == 0)
		r = store_disk_check(root, sha256, out, true, stop, err);
out:
	store_ranges_done(&have);
	if (old >= 0)
		close(old);
	if (diff >= 0)
		close(diff);
	if (out >= 0)
		close(out);
	return r;
}

int
store_disk_apply(const char *root, const char *from, const char *delta,
    const char *sha256, int64_t size, const atomic_bool *stop, struct error *err)
{
	char mark[STORE_DISK_PATH_SIZE];
	int fd, r;

	store_disk_part(root, sha256, ".apply", mark);
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return failed(err, errno, "create", mark);
	close(fd);
	r = apply(root, from, delta, sha256, size, stop, err);
	unlink(mark);
	if (r == -EBADMSG)
		store_disk_drop(root, sha256);
	/* Ended in between: the delta is used at the next start. */
	if (r != -ECANCELED)
		store_disk_drop(root, delta);
	return r;
}

int64_t
store_disk_free(const char *root)
{
	struct statvfs st;

	if (statvfs(root, &st) < 0)
		return -errno;
	return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}
