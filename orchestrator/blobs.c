// SPDX-License-Identifier: GPL-3.0-or-later
/* Files of images on their way to sites. A file's digest was recorded when its image was added; what lies there now may
 * be another one. So a file is read whole before its first octet is given away, and again whenever size, time of change
 * or inode differ from when it was read.
 *
 * Entry points: blobs_open(), and blobs_verify() when that does not know. Ownership: a record per digest, for the life of
 * the process; whoever waits is told once, and keeps its own argument. Failure modes: a file that is away, or another
 * one, is refused with the reason; one that is written while it is read is refused, too. */
#include "orchestrator/blobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/bundle.h"
#include "lib/digest.h"
#include "lib/str.h"
#include "orchestrator/images.h"

struct waiter {
	struct waiter *next;
	void (*done)(void *arg);
	void *arg;
};

struct blob {
	UT_hash_handle hh; /* by digest */
	char sha256[DIGEST_TEXT];
	struct blobs *owner;
	struct stat read_as; /* what was read; st_ino 0: nothing yet */
	char found[DIGEST_TEXT];
	/* of a reading under way */
	bool reading;
	char path[BUNDLE_PATH_SIZE];
	struct stat st;
	char hex[DIGEST_TEXT];
	struct waiter *waiters;
};

struct blobs {
	struct workq *q;
	char *root;
	struct blob *all;
};

struct blobs *
blobs_new(struct workq *q, const char *root)
{
	struct blobs *b = str_alloc(sizeof(*b));

	b->q = q;
	b->root = str_dup(root);
	return b;
}

void
blobs_free(struct blobs *b)
{
	struct blob *it, *next;

	if (!b)
		return;
	HASH_ITER (hh, b->all, it, next) {
		HASH_DEL(b->all, it);
		free(it);
	}
	free(b->root);
	free(b);
}

static struct blob *
blob_of(struct blobs *b, const char *sha256)
{
	struct blob *it;

	HASH_FIND_STR(b->all, sha256, it);
	if (it)
		return it;
	it = str_alloc(sizeof(*it));
	it->owner = b;
	str_clip(it->sha256, sizeof(it->sha256), sha256);
	HASH_ADD_STR(b->all, sha256, it);
	return it;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int
blobs_open(struct blobs *b, const char *path, const char *sha256, int64_t size,
    struct error *err)
{
	static const char next[] =
	    "restore the file, or add the image again if the change is meant";
	const struct blob *it = blob_of(b, sha256);
	struct stat st;
	int fd = images_open(b->root, path, &st, err);

	if (fd < 0)
		return fd;
	if (st.st_size != size) {
		close(fd);
		return error_set(err, -EBADMSG, "image-altered", next,
		    "%s has %lld octets, not the %lld it was added with", path,
		    (long long)st.st_size, (long long)size);
	}
	if (!same_file(&st, &it->read_as)) {
		close(fd);
		return -EINPROGRESS;
	}
	if (!str_eq(it->found, sha256)) {
		close(fd);
		return error_set(err, -EBADMSG, "image-altered", next,
		    "%s is not the file that was added: its digest is %s now", path,
		    it->found);
	}
	return fd;
}

/* In a thread: touches only the members of a reading. */
static void
read_it(void *arg)
{
	struct blob *it = arg;
	struct error err;
	int fd = images_open(it->owner->root, it->path, &it->st, &err);
	long long size;

	if (fd < 0)
		return;
	if (digest_sha256_fd(fd, workq_stop_flag(it->owner->q), it->hex, &size) < 0)
		it->hex[0] = '\0';
	struct stat after;
	/* Written meanwhile: nobody knows what it is. */
	if (fstat(fd, &after) < 0 || !same_file(&it->st, &after))
		it->hex[0] = '\0';
	close(fd);
}

static void
on_read(void *arg)
{
	struct blob *it = arg;
	struct waiter *w = it->waiters;

	it->reading = false;
	it->waiters = NULL;
	if (it->hex[0]) {
		it->read_as = it->st;
		str_clip(it->found, sizeof(it->found), it->hex);
	}
	while (w) {
		struct waiter *next = w->next;

		w->done(w->arg);
		free(w);
		w = next;
	}
}

int
blobs_verify(struct blobs *b, const char *path, const char *sha256,
    void (*done)(void *arg), void *arg)
{
	struct blob *it = blob_of(b, sha256);
	struct waiter *w;

	if (!it->reading) {
		it->hex[0] = '\0';
		str_clip(it->path, sizeof(it->path), path);
		int rc = workq_submit(b->q, read_it, on_read, it);
		if (rc < 0)
			return rc;
		it->reading = true;
	}
	w = str_alloc(sizeof(*w));
	*w = (struct waiter){.next = it->waiters, .done = done, .arg = arg};
	it->waiters = w;
	return 0;
}
