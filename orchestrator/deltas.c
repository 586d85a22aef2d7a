// SPDX-License-Identifier: GPL-3.0-or-later
/* Deltas between versions of images' files.
 *
 * Entry points: deltas_keep() when a file is given to a site, deltas_want() when a site that has an older file is to hold
 * another one, deltas_open() when it asks for it. One thread of its own makes one after the other (lib/delta.h), so that
 * neither hashing nor the database waits for it. What a delta begins with is the older file: kept as a hard
 * link beside the database, or as a copy where the images are on another file system, and read whole before it is used,
 * since it may have been written to. In deltas/, FROM-TO is a delta and FILE an older file; what is older than a month or over
 * the sizes below goes, the oldest first.
 *
 * Ownership: a record per pair for the life of the process. Failure modes: what cannot be made is not offered, and sites
 * fetch the whole file; it is not tried again before a restart. */
#include "orchestrator/deltas.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/bundle.h"
#include "lib/clock.h"
#include "lib/delta.h"
#include "lib/str.h"
#include "lib/workq.h"
#include "orchestrator/images.h"

enum { PAIR_SIZE = 2 * DIGEST_TEXT, PATH_SIZE = 512, KEEP_DAYS = 30, NAMES_MAX = 10000 };

/* Smaller ones are not worth a delta. */
#define WORTH_MIN (64LL * 1024)
/* A delta is offered when it is at most so much of the file. */
#define SHARE_MAX_PERCENT 60
#define DELTAS_MAX (8LL << 30)
#define FILES_MAX (16LL << 30)
/* How long a site is told to wait for one. */
#define SOON_US (4 * 60 * USEC_PER_SEC)

struct pair {
	UT_hash_handle hh;
	char key[PAIR_SIZE]; /* "FROM-TO" */
	struct deltas *owner;
	char from[DIGEST_TEXT], to[DIGEST_TEXT];
	char from_path[BUNDLE_PATH_SIZE], path[BUNDLE_PATH_SIZE];
	int64_t size;  /* of the file */
	int64_t asked; /* mono */
	bool done;     /* made, or not to be had */
	int64_t made;  /* its size; 0: there is none */
	char sha256[DIGEST_TEXT];
	struct error err;
};

struct keeping {
	struct deltas *owner;
	char path[BUNDLE_PATH_SIZE], sha256[DIGEST_TEXT];
};

struct deltas {
	struct deltas_ops ops;
	char *dir;
	struct workq *q;
	struct pair *pairs;
};

static void
path_of(const struct deltas *d, const char *name, const char *end, char buf[PATH_SIZE])
{
	if (str_format(buf, PATH_SIZE, "%s/%s%s", d->dir, name, end) < 0)
		buf[0] = '\0';
}

/* ---- in the thread ---- */

struct entry {
	char name[PAIR_SIZE];
	int64_t size, at;
};

static int
compare_age(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->at < y->at ? 1 : x->at > y->at ? -1 : 0;
}

/* The newest first. */
static size_t
list(const struct deltas *d, bool deltas, struct entry *ret)
{
	DIR *dir = opendir(d->dir);
	const struct dirent *e;
	struct stat st;
	size_t n = 0;

	while (dir && n < NAMES_MAX && (e = readdir(dir)) != NULL) {
		size_t want = deltas ? PAIR_SIZE - 1 : DIGEST_TEXT - 1;
		if (strlen(e->d_name) != want ||
		    fstatat(dirfd(dir), e->d_name, &st, 0) < 0)
			continue;
		ret[n] =
		    (struct entry){.size = st.st_size, .at = (int64_t)st.st_ctim.tv_sec};
		str_clip(ret[n++].name, sizeof(ret[0].name), e->d_name);
	}
	if (dir)
		closedir(dir);
	if (n > 0)
		qsort(ret, n, sizeof(ret[0]), compare_age);
	return n;
}

static void
clean(const struct deltas *d, bool deltas, int64_t max)
{
	struct entry *all = str_alloc(NAMES_MAX * sizeof(all[0]));
	size_t n = list(d, deltas, all);
	int64_t sum = 0, oldest = clock_wall() / USEC_PER_SEC - KEEP_DAYS * 24 * 3600;
	char path[PATH_SIZE];

	for (size_t i = 0; i < n; i++) {
		sum += all[i].size;
		path_of(d, all[i].name, "", path);
		if (sum > max || all[i].at < oldest)
			unlink(path);
	}
	free(all);
}

/* An open file with that digest, read whole; -errno. */
static int
open_checked(const struct deltas *d, int fd, const char *sha256)
{
	char hex[DIGEST_TEXT];

	if (fd < 0)
		return fd;
	int rc = digest_sha256_fd(fd, workq_stop_flag(d->q), hex, NULL);
	if (rc == 0 && !str_eq(hex, sha256))
		rc = -EBADMSG;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

static int
open_older(const struct pair *p)
{
	const struct deltas *d = p->owner;
	char path[PATH_SIZE];
	struct stat st;

	path_of(d, p->from, "", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	fd = open_checked(d, fd < 0 ? -errno : fd, p->from);
	if (fd == -EBADMSG) /* it was written to */
		unlink(path);
	if (fd < 0 && p->from_path[0])
		fd = open_checked(
		    d, images_open(d->ops.images_root, p->from_path, &st, NULL), p->from);
	return fd;
}

/* Takes its place, durably. */
static int
finish(struct pair *p, int out, const char *tmp, const char *path, int64_t size)
{
	char hex[DIGEST_TEXT];

	if (fsync(out) < 0)
		return -errno;
	int rc = digest_sha256_fd(out, workq_stop_flag(p->owner->q), hex, NULL);
	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc < 0)
		return rc;
	str_clip(p->sha256, sizeof(p->sha256), hex);
	p->made = size;
	return 0;
}

static int
make(struct pair *p, const char *path)
{
	const struct deltas *d = p->owner;
	char tmp[PATH_SIZE];
	struct stat st;
	int64_t size = 0;
	int old = -1, new = -1, out = -1, rc = 0;

	path_of(d, p->key, ".part", tmp);
	old = open_older(p);
	if (old < 0)
		return error_set(&p->err, old, "delta-unusable", NULL,
		    "the older file is not kept: %s", strerror(-old));
	new = open_checked(d, images_open(d->ops.images_root, p->path, &st, NULL), p->to);
	if (new >= 0)
		out = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (new < 0 || out < 0)
		rc = error_set(&p->err, new < 0 ? new : -errno, "delta-unusable", NULL,
		    "%s cannot be read, or a delta not be written: %s", p->path,
		    strerror(new < 0 ? -new : errno));
	if (rc == 0)
		rc = delta_make(
		    old, new, out, p->size * SHARE_MAX_PERCENT / 100, &size, &p->err);
	if (rc == 0)
		rc = finish(p, out, tmp, path, size);
	if (rc < 0)
		unlink(tmp);
	close(old);
	if (new >= 0)
		close(new);
	if (out >= 0)
		close(out);
	return rc;
}

/* One that was made before is read again: it may have been damaged since. */
static bool
made_before(struct pair *p, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long long size = 0;

	if (fd < 0)
		return false;
	int rc = digest_sha256_fd(fd, workq_stop_flag(p->owner->q), p->sha256, &size);
	close(fd);
	if (rc == 0)
		p->made = size;
	return p->made > 0;
}

static void
run(void *arg)
{
	struct pair *p = arg;
	char path[PATH_SIZE];

	path_of(p->owner, p->key, "", path);
	if (made_before(p, path))
		return;
	clean(p->owner, true, DELTAS_MAX);
	if (make(p, path) < 0)
		p->made = 0;
}

static void
copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = 1;

	while (in >= 0 && out >= 0 && n > 0)
		n = copy_file_range(in, NULL, out, NULL, 16 << 20, 0);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (n < 0)
		unlink(to);
}

static void
keep(void *arg)
{
	struct keeping *k = arg;
	const struct deltas *d = k->owner;
	char from[PATH_SIZE], to[PATH_SIZE];

	path_of(d, k->sha256, "", to);
	if (access(to, F_OK) == 0 ||
	    str_format(from, sizeof(from), "%s/%s", d->ops.images_root, k->path) < 0)
		return;
	/* A link follows a file that is replaced, as it should; one that is written to is found out when it is read. */
	if (link(from, to) < 0 && (errno == EXDEV || errno == EPERM || errno == EMLINK))
		copy(from, to);
	clean(d, false, FILES_MAX);
}

/* ---- on the loop ---- */

static void
on_run(void *arg)
{
	struct pair *p = arg;
	struct deltas *d = p->owner;

	p->done = true;
	if (p->made > 0)
		log_info(d->ops.log, "a delta of %s: %lld octets for %lld", p->path,
		    (long long)p->made, (long long)p->size);
	else
		log_info(d->ops.log, "no delta of %s: %s", p->path,
		    p->err.text[0] ? p->err.text : "it was broken off");
	d->ops.on_made(d->ops.arg);
}

struct deltas *
deltas_new(const struct deltas_ops *ops)
{
	struct deltas *d = str_alloc(sizeof(*d));
	const char *slash = strrchr(ops->database, '/');
	char dir[PATH_SIZE];

	d->ops = *ops;
	if (str_format(dir, sizeof(dir), "%.*sdeltas",
		slash ? (int)(slash + 1 - ops->database) : 0, ops->database) < 0)
		str_clip(dir, sizeof(dir), "deltas");
	d->dir = str_dup(dir);
	if (mkdir(d->dir, 0700) < 0 && errno != EEXIST)
		log_warn(ops->log, "no deltas are made: %s: %s", d->dir, strerror(errno));
	d->q = workq_new(ops->base, 1);
	return d;
}

static void
nothing(void *arg)
{
	(void)arg;
}

void
deltas_free(struct deltas *d)
{
	struct pair *p, *next;

	if (!d)
		return;
	d->ops.on_made = nothing;
	workq_free(d->q);
	HASH_ITER (hh, d->pairs, p, next) {
		HASH_DEL(d->pairs, p);
		free(p);
	}
	free(d->dir);
	free(d);
}

void
deltas_keep(struct deltas *d, const char *path, const char *sha256, int64_t size)
{
	struct keeping *k;

	if (size < WORTH_MIN || size > DELTA_OLD_MAX)
		return;
	k = str_alloc(sizeof(*k));
	k->owner = d;
	str_clip(k->path, sizeof(k->path), path);
	str_clip(k->sha256, sizeof(k->sha256), sha256);
	if (workq_submit(d->q, keep, free, k) < 0)
		free(k);
}

static struct pair *
find(const struct deltas *d, const char *from, const char *to)
{
	char key[PAIR_SIZE];
	struct pair *p = NULL;

	if (str_format(key, sizeof(key), "%s-%s", from, to) == 0)
		HASH_FIND_STR(d->pairs, key, p);
	return p;
}

static struct pair *
begin(struct deltas *d, const char *from, const char *from_path, const char *to,
    const char *path, int64_t size)
{
	struct pair *p = str_alloc(sizeof(*p));

	p->owner = d;
	p->size = size;
	p->asked = clock_mono();
	str_clip(p->from, sizeof(p->from), from);
	str_clip(p->to, sizeof(p->to), to);
	str_clip(p->from_path, sizeof(p->from_path), from_path);
	str_clip(p->path, sizeof(p->path), path);
	if (str_format(p->key, sizeof(p->key), "%s-%s", from, to) < 0 ||
	    workq_submit(d->q, run, on_run, p) < 0) {
		free(p);
		return NULL;
	}
	HASH_ADD_STR(d->pairs, key, p);
	return p;
}

enum deltas_state
deltas_want(struct deltas *d, const char *from, const char *from_path, const char *to,
    const char *path, int64_t size, struct store_msg_delta *ret)
{
	struct pair *p = find(d, from, to);

	if (size < WORTH_MIN || size > DELTA_OLD_MAX)
		return DELTAS_NONE;
	if (!p)
		p = begin(d, from, from_path, to, path, size);
	if (!p)
		return DELTAS_NONE;
	if (!p->done)
		return clock_mono() - p->asked < SOON_US ? DELTAS_SOON : DELTAS_NONE;
	if (p->made <= 0)
		return DELTAS_NONE;
	*ret = (struct store_msg_delta){.size = p->made};
	str_clip(ret->from, sizeof(ret->from), from);
	str_clip(ret->sha256, sizeof(ret->sha256), p->sha256);
	return DELTAS_READY;
}

int
deltas_open(struct deltas *d, const char *from, const char *to, int64_t *ret_size,
    char ret_sha256[DIGEST_TEXT])
{
	const struct pair *p = find(d, from, to);
	char path[PATH_SIZE];
	struct stat st;

	if (!p || !p->done || p->made <= 0)
		return -ENOENT;
	path_of(d, p->key, "", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != p->made) {
		if (fd >= 0)
			close(fd);
		return -ENOENT;
	}
	*ret_size = p->made;
	str_clip(ret_sha256, DIGEST_TEXT, p->sha256);
	return fd;
}
