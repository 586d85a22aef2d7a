/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Remembered digests: a line each, "SHA256 SIZE MTIME CTIME INODE DEVICE PATH".
 *
 * Entry points: store_known_find(), store_known_add(), store_known_save().
 * Ownership: the set owns its entries.
 * Failure modes: the file is only a saving: lines that cannot be read are left out, and the files they spoke of are
 * hashed again.
 */
#include "agent/store_known.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/bundle.h"
#include "lib/store_msg.h"
#include "lib/str.h"

enum { ENTRIES_MAX = 20000, LINE_SIZE = 512, FILE_SIZE = 512 };

struct entry {
	char path[BUNDLE_PATH_SIZE];
	char sha256[DIGEST_TEXT];
	int64_t size, mtime, ctime;
	uint64_t inode, device;
	UT_hash_handle hh;
};

struct store_known {
	char file[FILE_SIZE];
	struct entry *entries;
	bool dirty;
};

static int64_t
ns_of(struct timespec ts)
{
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void
put(struct store_known *k, const struct entry *e)
{
	struct entry *old;

	HASH_FIND_STR(k->entries, e->path, old);
	if (old != NULL) {
		HASH_DEL(k->entries, old);
		free(old);
	} else if (HASH_COUNT(k->entries) >= ENTRIES_MAX) {
		return;
	}
	old = str_alloc(sizeof(*old));
	*old = *e;
	HASH_ADD_STR(k->entries, path, old);
}

static void
take_line(struct store_known *k, char *line)
{
	struct entry e = {.size = 0};
	int end = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line,
		"%64s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64 " %n",
		e.sha256, &e.size, &e.mtime, &e.ctime, &e.inode, &e.device, &end) != 6 ||
	    end == 0 || !store_msg_digest_valid(e.sha256) ||
	    str_copy(e.path, sizeof(e.path), line + end) < 0)
		return;
	put(k, &e);
}

struct store_known *
store_known_new(const char *path)
{
	struct store_known *k = str_alloc(sizeof(*k));
	char line[LINE_SIZE];
	FILE *f = fopen(path, "re");

	str_clip(k->file, sizeof(k->file), path);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		take_line(k, line);
	if (f != NULL)
		fclose(f);
	return k;
}

void
store_known_free(struct store_known *k)
{
	struct entry *e, *tmp;

	if (k == NULL)
		return;
	HASH_ITER (hh, k->entries, e, tmp) {
		HASH_DEL(k->entries, e);
		free(e);
	}
	free(k);
}

const char *
store_known_find(const struct store_known *k, const char *path, const struct stat *st)
{
	const struct entry *e;

	HASH_FIND_STR(k->entries, path, e);
	if (e == NULL || e->size != st->st_size || e->mtime != ns_of(st->st_mtim) ||
	    e->ctime != ns_of(st->st_ctim) || e->inode != st->st_ino ||
	    e->device != st->st_dev)
		return NULL;
	return e->sha256;
}

void
store_known_add(struct store_known *k, const char *path, const struct stat *st,
    const char sha256[DIGEST_TEXT])
{
	struct entry e = {.size = st->st_size,
	    .mtime = ns_of(st->st_mtim),
	    .ctime = ns_of(st->st_ctim),
	    .inode = st->st_ino,
	    .device = st->st_dev};

	str_clip(e.sha256, sizeof(e.sha256), sha256);
	if (str_copy(e.path, sizeof(e.path), path) < 0)
		return;
	put(k, &e);
	k->dirty = true;
}

int
store_known_save(struct store_known *k)
{
	char tmp[FILE_SIZE + 8];
	FILE *f;
	int r = 0;

	if (!k->dirty)
		return 0;
	if (str_format(tmp, sizeof(tmp), "%s.new", k->file) < 0)
		return -ENAMETOOLONG;
	f = fopen(tmp, "we");
	if (f == NULL)
		return -errno;
	for (const struct entry *e = k->entries; e != NULL; e = e->hh.next)
		fprintf(f,
		    "%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %s\n",
		    e->sha256, e->size, e->mtime, e->ctime, e->inode, e->device, e->path);
	if (ferror(f))
		r = -EIO;
	if (fclose(f) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(tmp, k->file) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	else
		k->dirty = false;
	return r;
}
