// SPDX-License-Identifier: GPL-3.0-or-later
/* Image files: opening beneath the images root, hashing in the work queue.
 *
 * Entry points: images_open() for one file, images_hash() for digests, images_check() for a quick look before an
 * order. A batch owns its paths and results until its last file is done, then hands
 * itself to the caller. Of its files no more than AT_ONCE wait in the work queue: neither is
 * that filled by a document of many images, nor does one hold up another.
 *
 * Failure modes: a missing or unreadable file is part of the result, not an error of the
 * batch. Paths are opened with RESOLVE_BENEATH: neither ".." nor a symbolic link leads
 * out of the root. */
#include "orchestrator/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/bundle.h"
#include "lib/str.h"
#include "orchestrator/strset.h"

enum { AT_ONCE = 16 };

struct images_item {
	struct images_hashes *batch;
	char *path;
	struct images_file file;
};

struct images_hashes {
	struct workq *q;
	char *root;
	struct images_item *items;
	size_t n, submitted, left;
	struct strset index;
	void (*done)(void *arg, struct images_hashes *hashes);
	void *arg;
};

static int
open_beneath(const char *root, const char *path)
{
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	int res = beneath_open(dir, path);
	close(dir);
	return res;
}

static int
file_error(const char *root, const char *path, int rc, struct error *err)
{
	if (rc == -ENOENT || rc == -ENOTDIR)
		return error_set(err, -ENOENT, "image-missing",
		    "copy the file there, or correct the path", "no file %s below %s",
		    path, root);
	if (rc == -EINVAL || rc == -EXDEV || rc == -ELOOP)
		return error_set(err, rc, "image-unreadable",
		    "write it as seen from there, without ..",
		    "%s does not stay below %s", path, root);
	return error_set(err, rc, "image-unreadable",
	    "check the file's type, owner and mode", "cannot read %s below %s: %s", path,
	    root, strerror(-rc));
}

int
images_open(const char *root, const char *path, struct stat *ret_st, struct error *err)
{
	int fd = bundle_path_valid(path) ? open_beneath(root, path) : -EINVAL;

	if (fd < 0)
		return file_error(root, path, fd, err);
	if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		close(fd);
		return file_error(root, path, -EISDIR, err);
	}
	return fd;
}

/* In a thread of the work queue: touches only its item. */
static void
hash_one(void *arg)
{
	struct images_item *it = arg;
	struct stat st;
	long long size = 0;
	int fd = images_open(it->batch->root, it->path, &st, &it->file.err);

	if (fd < 0)
		return;
	int rc =
	    digest_sha256_fd(fd, workq_stop_flag(it->batch->q), it->file.sha256, &size);
	if (rc < 0) {
		it->file.sha256[0] = '\0';
		file_error(it->batch->root, it->path, rc, &it->file.err);
	}
	it->file.size = size;
	close(fd);
}

static void
finish(struct images_hashes *b)
{
	if (--b->left == 0)
		b->done(b->arg, b);
}

static void
submit_next(struct images_hashes *b);

static void
hash_one_done(void *arg)
{
	struct images_item *it = arg;

	/* A queue that shuts down skips the work: the file was not read, and must not
	 * pass as empty. */
	if (it->file.sha256[0] == '\0' && it->file.err.code[0] == '\0')
		file_error(it->batch->root, it->path, -ECANCELED, &it->file.err);
	submit_next(it->batch);
	finish(it->batch);
}

/* The next file of the batch that the queue takes; one that it does not take has its error. */
static void
submit_next(struct images_hashes *b)
{
	while (b->submitted < b->n) {
		struct images_item *it = &b->items[b->submitted++];
		int rc = workq_submit(b->q, hash_one, hash_one_done, it);
		if (rc == 0)
			return;
		file_error(b->root, it->path, rc, &it->file.err);
		b->left--;
	}
}

/* The batch holds one count of its own, so that it is not done before all are submitted.
 */
static void
nothing(void *arg)
{
	(void)arg;
}

static void
batch_done(void *arg)
{
	finish(arg);
}

int
images_hash(struct workq *q, const char *root, const struct store_names *paths,
    void (*done)(void *arg, struct images_hashes *hashes), void *arg)
{
	struct images_hashes *b = str_alloc(sizeof(*b));

	b->q = q;
	b->root = str_dup(root);
	b->items = str_alloc((paths->n + 1) * sizeof(b->items[0]));
	b->done = done;
	b->arg = arg;
	for (size_t i = 0; i < paths->n; i++) {
		if (!strset_add(&b->index, paths->v[i], b->n, NULL))
			continue;
		b->items[b->n++] =
		    (struct images_item){.batch = b, .path = str_dup(paths->v[i])};
	}
	b->left = b->n + 1;
	int rc = workq_submit(q, nothing, batch_done, b);
	if (rc < 0) {
		images_hashes_free(b);
		return rc;
	}
	for (size_t i = 0; i < AT_ONCE; i++)
		submit_next(b);
	return 0;
}

const struct images_file *
images_find(const struct images_hashes *hashes, const char *path)
{
	size_t i;

	return hashes && strset_find(&hashes->index, path, &i) ? &hashes->items[i].file
							       : NULL;
}

void
images_hashes_free(struct images_hashes *hashes)
{
	if (!hashes)
		return;
	for (size_t i = 0; i < hashes->n; i++)
		free(hashes->items[i].path);
	strset_done(&hashes->index);
	free(hashes->items);
	free(hashes->root);
	free(hashes);
}

static void
add_path(const json_t *file, struct store_names *paths)
{
	const char *path = json_string_value(json_object_get(file, "path"));

	if (path)
		store_names_add(paths, path);
}

void
images_paths(const json_t *image, struct store_names *paths)
{
	static const char *const lists[] = {"initrds", "files"};

	add_path(json_object_get(image, "kernel"), paths);
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		const json_t *list = json_object_get(image, lists[l]);
		for (size_t i = 0; i < json_array_size(list); i++)
			add_path(json_array_get(list, i), paths);
	}
}

int
images_check(const char *root, const char *path, int64_t size, struct error *err)
{
	struct stat st;
	int fd = images_open(root, path, &st, err);

	if (fd < 0)
		return fd;
	close(fd);
	if (st.st_size == size)
		return 0;
	return error_set(err, -EBADMSG, "image-altered",
	    "restore the file, or add the image again if the change is meant",
	    "%s has %lld octets, not the %lld it was added with", path,
	    (long long)st.st_size, (long long)size);
}
