/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Image files and the host's loaders checked before anything is switched off.
 *
 * Entry points: preflight_start(), preflight_cancel(); preflight_recheck() before the last
 * octets of an image are let go.
 * Ownership: a check belongs to this file until its `done` has run; a cancelled one is
 * freed when its thread has come back. The cache belongs to struct preflight and is only
 * touched on the loop: a thread gets copies of the answers it may need. A check waits while
 * another one reads a file that it would have to read too: a site's hosts are ordered at
 * once, all with the same image.
 * Failure modes: a file that is missing, unreadable (for bootd too), outside the root or of
 * another size or hash ends the check with the first such file named.
 */
#include "agent/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "agent/preflight_loader.h"
#include "lib/beneath.h"
#include "lib/digest.h"
#include "lib/str.h"

enum { FILES_MAX = 1 + 8 + BUNDLE_FILES_MAX, CACHE_MAX = 10000 };

/* What a hash belongs to: the same file cannot change without one of these changing. */
struct identity {
	int64_t size, mtime_ns, ctime_ns;
	uint64_t inode, device;
	uint64_t names; /* a name more or less is a change, too */
};

struct known {
	char path[BUNDLE_PATH_SIZE];
	struct identity id;
	char sha256[DIGEST_TEXT];
	UT_hash_handle hh;
};

struct file {
	char path[BUNDLE_PATH_SIZE];
	char want[DIGEST_TEXT];
	int64_t size;
	struct identity id; /* as found; also as known when have_known */
	char found[DIGEST_TEXT];
	bool have_known;
	/* Must it be read? Said on the loop by what is known; once the check has begun, all members above are
	 * its thread's, and this one tells the others whether to wait for it. */
	bool to_read;
};

struct preflight {
	struct workq *hashing, *looking;
	char root[256], loaders_root[256];
	struct known *cache;
	struct preflight_check *checks; /* the oldest first; without rechecks */
};

struct preflight_check {
	struct preflight_check *next;
	struct preflight *p;
	bool begun;		 /* in the queue or in its thread */
	preflight_done_fn *done; /* NULL: cancelled */
	void *arg;
	struct file files[FILES_MAX];
	unsigned n;
	struct bundle_loader loaders[BUNDLE_LOADERS_MAX];
	size_t n_loaders;
	struct error err;
};

struct preflight *
preflight_new(struct workq *hashing, struct workq *looking, const char *root,
    const char *loaders_root)
{
	struct preflight *p = str_alloc(sizeof(*p));

	p->hashing = hashing;
	p->looking = looking;
	str_clip(p->root, sizeof(p->root), root);
	str_clip(p->loaders_root, sizeof(p->loaders_root), loaders_root);
	return p;
}

static void
forget_all(struct preflight *p)
{
	struct known *k, *tmp;

	HASH_ITER (hh, p->cache, k, tmp) {
		HASH_DEL(p->cache, k);
		free(k);
	}
}

void
preflight_free(struct preflight *p)
{
	struct preflight_check *c, *tmp;

	if (p == NULL)
		return;
	LL_FOREACH_SAFE(p->checks, c, tmp)
	free(c);
	forget_all(p);
	free(p);
}

static void
look_up(const struct preflight *p, struct file *f)
{
	struct known *k;

	HASH_FIND_STR(p->cache, f->path, k);
	/* What is known to be another file than the one ordered has been replaced since, if all is well. */
	f->to_read = k == NULL || !str_eq(k->sha256, f->want);
	if (k == NULL)
		return;
	f->have_known = true;
	f->id = k->id;
	memcpy(f->found, k->sha256, sizeof(f->found));
}

static void
add_file(struct preflight_check *c, const struct bundle_file *f)
{
	struct file *to = &c->files[c->n++];

	str_clip(to->path, sizeof(to->path), f->path);
	str_clip(to->want, sizeof(to->want), f->sha256);
	to->size = f->size;
	look_up(c->p, to);
}

static bool
same(const struct identity *a, const struct identity *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns && a->inode == b->inode &&
	       a->device == b->device;
}

/* Is it the file that was looked at, and not written into since? It may have got a further name, or lost one: from a store, or from
 * an orchestrator beside this agent, which keeps by a link what it has given to sites. */
static bool
still(const struct identity *a, const struct identity *b)
{
	struct identity now = *b;

	if (a->names != b->names)
		now.ctime_ns = a->ctime_ns;
	return same(a, &now);
}

static struct identity
identify(const struct stat *st)
{
	return (struct identity){
	    .size = st->st_size,
	    .mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
	    .ctime_ns = st->st_ctim.tv_sec * 1000000000LL + st->st_ctim.tv_nsec,
	    .inode = st->st_ino,
	    .device = st->st_dev,
	    .names = st->st_nlink,
	};
}

static const char *
reason_of(int e)
{
	return e == EXDEV ? "it leads out of that folder" : strerror(e);
}

static int
missing(const char *path, const char *root, int e, struct error *err)
{
	return error_set(err, -e, "image-missing",
	    "put the image's files below the site's images folder, or add the image "
	    "again",
	    "%s/%s: %s", root, path, reason_of(e));
}

static int
altered(const char *path, struct error *err, const char *what)
{
	return error_set(err, -EBADMSG, "image-altered",
	    "restore the file, or add the image again: netboot-ctl image add",
	    "%s is not the file that was ordered: its %s differs", path, what);
}

/* We may be root; bootd, which is to deliver the file, never is. */
static bool
root_alone(const struct stat *st, mode_t needed)
{
	return geteuid() == 0 && st->st_uid == 0 && (st->st_mode & needed) == 0;
}

/* The root's own folder is path "". */
static int
check_folder(int root_fd, const char *root, const char *path, struct error *err)
{
	struct stat st;

	if (fstatat(root_fd, path, &st, AT_EMPTY_PATH) < 0)
		return missing(path, root, errno, err);
	if (!root_alone(&st, S_IXGRP | S_IXOTH))
		return 0;
	return error_set(err, -EACCES, "image-unreadable", "chmod a+x it",
	    "folder %s%s%s: only root may enter it, and the boot services do not run as "
	    "root",
	    root, path[0] == '\0' ? "" : "/", path);
}

static int
check_folders(int root_fd, const char *root, const char *path, struct error *err)
{
	char folder[BUNDLE_PATH_SIZE];
	int r = check_folder(root_fd, root, "", err);

	str_clip(folder, sizeof(folder), path);
	for (char *p = strchr(folder, '/'); r == 0 && p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		r = check_folder(root_fd, root, folder, err);
		*p = '/';
	}
	return r;
}

static int
hash_file(const struct preflight *p, int fd, struct file *f, struct error *err)
{
	struct stat st;
	int r = digest_sha256_fd(fd, workq_stop_flag(p->hashing), f->found, NULL);

	if (r < 0)
		return missing(f->path, p->root, -r, err);
	/* Only what did not change while it was read may be remembered: to be compared. */
	if (fstat(fd, &st) < 0)
		return missing(f->path, p->root, errno, err);
	f->have_known = false;
	f->id = identify(&st);
	return 0;
}

static int
check_open_file(const struct preflight *p, int fd, struct file *f, struct error *err)
{
	struct identity id;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return missing(f->path, p->root, errno, err);
	if (!S_ISREG(st.st_mode))
		return missing(f->path, p->root, EISDIR, err);
	if (root_alone(&st, S_IRGRP | S_IROTH))
		return error_set(err, -EACCES, "image-unreadable", "chmod a+r it",
		    "%s/%s: only root may read it, and the boot services do not run as "
		    "root",
		    p->root, f->path);
	id = identify(&st);
	if (id.size != f->size)
		return altered(f->path, err, "size");
	if (!f->have_known || !same(&id, &f->id)) {
		r = hash_file(p, fd, f, err);
		if (r < 0)
			return r;
		if (!still(&id, &f->id)) {
			f->found[0] = '\0';
			return altered(f->path, err, "content while it was read");
		}
	}
	return strcmp(f->found, f->want) == 0 ? 0 : altered(f->path, err, "SHA-256");
}

static int
check_file(const struct preflight *p, struct file *f, struct error *err)
{
	int dir, fd, r;

	if (!bundle_path_valid(f->path))
		return missing(f->path, p->root, EINVAL, err);
	dir = open(p->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return missing(f->path, p->root, errno, err);
	/* As bootd opens it: what it would not deliver is missing. */
	fd = beneath_open(dir, f->path);
	if (fd < 0)
		r = missing(f->path, p->root, -fd, err);
	else if ((r = check_folders(dir, p->root, f->path, err)) == 0)
		r = check_open_file(p, fd, f, err);
	if (fd >= 0)
		close(fd);
	close(dir);
	return r;
}

/* In a thread: touches nothing but the check. */
static void
work(void *arg)
{
	struct preflight_check *c = arg;
	int r =
	    preflight_loader_check(c->p->loaders_root, c->loaders, c->n_loaders, &c->err);

	for (unsigned i = 0; r == 0 && i < c->n; i++)
		r = check_file(c->p, &c->files[i], &c->err);
}

static void
remember(struct preflight *p, const struct file *f)
{
	struct known *k;

	if (f->found[0] == '\0')
		return;
	HASH_FIND_STR(p->cache, f->path, k);
	if (k == NULL) {
		if (HASH_COUNT(p->cache) >= CACHE_MAX)
			forget_all(p);
		k = str_alloc(sizeof(*k));
		memcpy(k->path, f->path, sizeof(k->path));
		HASH_ADD_STR(p->cache, path, k);
	}
	k->id = f->id;
	memcpy(k->sha256, f->found, sizeof(k->sha256));
}

/* Out of the list, told, and freed. */
static void
end_check(struct preflight_check *c)
{
	LL_DELETE(c->p->checks, c);
	if (c->done != NULL)
		c->done(c->arg, &c->err, c->n);
	free(c);
}

static bool
both_read(const struct preflight_check *a, const struct preflight_check *b)
{
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned k = 0; a->files[i].to_read && k < b->n; k++)
			if (b->files[k].to_read &&
			    str_eq(a->files[i].path, b->files[k].path))
				return true;
	return false;
}

static bool
must_wait(const struct preflight_check *c)
{
	for (const struct preflight_check *o = c->p->checks; o != NULL; o = o->next)
		if (o->begun && both_read(o, c))
			return true;
	return false;
}

static void
done(void *arg);

/* False: the queue does not take it. */
static bool
begin_or_wait(struct preflight_check *c)
{
	c->begun = !must_wait(c);
	return !c->begun || workq_submit(c->p->hashing, work, done, c) == 0;
}

/* Those that have waited for what is known now, or whose turn it is to find out. */
static void
begin_waiting(struct preflight *p)
{
	struct preflight_check *next;

	for (struct preflight_check *c = p->checks; c != NULL; c = next) {
		next = c->next;
		if (c->begun)
			continue;
		for (unsigned i = 0; i < c->n; i++)
			look_up(p, &c->files[i]);
		if (c->done != NULL && begin_or_wait(c))
			continue;
		error_set(&c->err, -EAGAIN, "preflight-timeout", "retry later",
		    "too many checks are waiting for the site's disk");
		end_check(c);
	}
}

static void
done(void *arg)
{
	struct preflight_check *c = arg;
	struct preflight *p = c->p;

	for (unsigned i = 0; i < c->n; i++)
		remember(p, &c->files[i]);
	end_check(c);
	begin_waiting(p);
}

static int
look_again(const struct preflight *p, const struct file *f, struct error *err)
{
	struct identity id;
	struct stat st;
	char path[512];

	if (!f->have_known)
		return 0;
	if (strcmp(f->found, f->want) != 0)
		return altered(f->path, err, "SHA-256");
	if (str_format(path, sizeof(path), "%s/%s", p->root, f->path) < 0)
		return missing(f->path, p->root, ENAMETOOLONG, err);
	if (stat(path, &st) < 0)
		return missing(f->path, p->root, errno, err);
	id = identify(&st);
	return still(&f->id, &id) ? 0 : altered(f->path, err, "time of change");
}

/* In a thread, as work(). */
static void
look(void *arg)
{
	struct preflight_check *c = arg;

	for (unsigned i = 0; i < c->n; i++) {
		if (look_again(c->p, &c->files[i], &c->err) < 0)
			return;
	}
}

static void
looked(void *arg)
{
	struct preflight_check *c = arg;

	if (c->done != NULL)
		c->done(c->arg, &c->err, c->n);
	free(c);
}

static struct preflight_check *
new_check(struct preflight *p, const struct bundle_image *image, preflight_done_fn *fn,
    void *arg)
{
	struct preflight_check *c = str_alloc(sizeof(*c));

	c->p = p;
	c->done = fn;
	c->arg = arg;
	add_file(c, &image->kernel);
	for (size_t i = 0; i < image->n_initrds; i++)
		add_file(c, &image->initrds[i]);
	for (size_t i = 0; i < image->n_files; i++)
		add_file(c, &image->files[i]);
	return c;
}

struct preflight_check *
preflight_start(struct preflight *p, const struct bundle_image *image,
    const struct bundle_host *host, preflight_done_fn *fn, void *arg)
{
	struct preflight_check *c = new_check(p, image, fn, arg);

	if (host != NULL) {
		memcpy(c->loaders, host->loaders, sizeof(c->loaders));
		c->n_loaders = host->n_loaders;
	}
	if (!begin_or_wait(c)) {
		free(c);
		return NULL;
	}
	LL_APPEND(p->checks, c);
	return c;
}

struct preflight_check *
preflight_recheck(struct preflight *p, const struct bundle_image *image,
    preflight_done_fn *fn, void *arg)
{
	struct preflight_check *c = new_check(p, image, fn, arg);

	if (workq_submit(p->looking, look, looked, c) == 0)
		return c;
	free(c);
	return NULL;
}

void
preflight_cancel(struct preflight_check *c)
{
	c->done = NULL;
}
