/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store's files, and the names below the images root that lead to them.
 *
 * A name is the store's when its inode is that of one of the store's files, on the same device; such a one may be changed. Everything else was
 * put there by somebody: it is looked at and never touched.
 *
 * Entry points: store_survey_run(), store_survey_read().
 * Ownership: the struct owns its arrays; store_survey_free().
 * Failure modes: what cannot be read or linked is said for the file it concerns, and the others go on. Folders on the way
 * that are symbolic links are not followed: bootd would not deliver what is behind them. A name whose present file a job
 * uses is changed when that job has ended.
 */
#include "agent/store_survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store_disk.h"
#include "lib/beneath.h"
#include "lib/digest.h"
#include "lib/str.h"

/* ---- what the store has ---- */

static bool
in_list(char (*list)[DIGEST_TEXT], size_t n, const char *sha256)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], sha256) == 0)
			return true;
	return false;
}

static const struct store_survey_item *
item_of(const struct store_survey *s, const char *sha256)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (strcmp(s->items[i].sha256, sha256) == 0)
			return &s->items[i];
	return NULL;
}

static void
add_object(
    struct store_survey *s, const char *sha256, const struct stat *st, bool partial)
{
	const struct store_survey_item *it = item_of(s, sha256);
	struct store_object *o;

	s->objects = str_realloc(s->objects, (s->n_objects + 1) * sizeof(s->objects[0]));
	o = &s->objects[s->n_objects++];
	*o = (struct store_object){.size = (int64_t)st->st_blocks * 512,
	    .since = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
	    .inode = st->st_ino,
	    .device = st->st_dev,
	    .partial = partial,
	    .wanted = it != NULL,
	    .used = in_list(s->used, s->n_used, sha256) ||
		    in_list(s->busy, s->n_busy, sha256),
	    .base = in_list(s->bases, s->n_bases, sha256)};
	str_clip(o->sha256, sizeof(o->sha256), sha256);
	s->held += o->size;
}

static void
read_folder(struct store_survey *s, const char *path, bool partial)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	struct stat st;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (store_msg_digest_valid(e->d_name) &&
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			add_object(s, e->d_name, &st, partial);
	if (dir != NULL)
		closedir(dir);
}

static void
read_store(struct store_survey *s)
{
	char path[STORE_DISK_PATH_SIZE];
	DIR *dir;
	struct dirent *e;

	if (str_format(path, sizeof(path), "%s/.store/part", s->root) < 0)
		return;
	read_folder(s, path, true);
	if (str_format(path, sizeof(path), "%s/.store/sha256", s->root) < 0)
		return;
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strlen(e->d_name) == 2 &&
		    strspn(e->d_name, "0123456789abcdef") == 2 &&
		    str_format(path, sizeof(path), "%s/.store/sha256/%s", s->root,
			e->d_name) == 0)
			read_folder(s, path, false);
	if (dir != NULL)
		closedir(dir);
}

static const struct store_object *
object_at(const struct store_survey *s, const struct stat *st)
{
	for (size_t i = 0; i < s->n_objects; i++)
		if (!s->objects[i].partial && s->objects[i].inode == st->st_ino &&
		    s->objects[i].device == st->st_dev)
			return &s->objects[i];
	return NULL;
}

static const struct store_object *
object_of(const struct store_survey *s, const char *sha256)
{
	for (size_t i = 0; i < s->n_objects; i++)
		if (!s->objects[i].partial && strcmp(s->objects[i].sha256, sha256) == 0)
			return &s->objects[i];
	return NULL;
}

bool
store_survey_has(const struct store_survey *s, const char *sha256)
{
	return object_of(s, sha256) != NULL;
}

/* ---- names ---- */

/* What is found under a name. */
enum found {
	FOUND_NOTHING,
	FOUND_ITS,
	FOUND_OLD,
	FOUND_RIGHT,
	FOUND_UNREAD,
	FOUND_WRONG
};

static int
bad_name(struct store_survey_item *it, const char *path, int e, const char *what)
{
	return error_set(&it->why, -e, "store-disk",
	    "look at that folder below the site's images folder", "%s: cannot %s: %s",
	    path, what, e == ELOOP ? "it is a symbolic link" : strerror(e));
}

/* Boot services run as others, whatever the umask. */
static void
make_folder(int up, const char *name)
{
	if (mkdirat(up, name, 0755) == 0)
		(void)!fchmodat(up, name, 0755, 0);
}

/* The folder that the name is in, made where it is missing; *ret_name is within `path`. */
static int
open_folder(
    const struct store_survey *s, const char *path, bool make, const char **ret_name)
{
	char part[BUNDLE_PATH_SIZE];
	int fd = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	if (fd < 0)
		return -errno;
	/* Nobody's names are in the store itself. */
	if (str_has_prefix(path, ".store/")) {
		close(fd);
		return -EACCES;
	}
	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		int up = fd, e;

		str_clip(part, sizeof(part), path);
		part[slash - path] = '\0';
		if (make)
			make_folder(up, part);
		fd = openat(up, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		e = errno;
		close(up);
		if (fd < 0)
			return -e;
	}
	*ret_name = path;
	return fd;
}

static enum found
judge_theirs(const struct store_survey *s, struct store_survey_item *it, const char *path)
{
	int root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -1 : beneath_open(root, path);
	enum found found = FOUND_WRONG;
	const char *sha256;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == it->size) {
		sha256 = store_known_find(s->known, path, &st);
		if (sha256 == NULL)
			found = FOUND_UNREAD;
		else if (strcmp(sha256, it->sha256) == 0)
			found = FOUND_RIGHT;
	}
	if (fd >= 0)
		close(fd);
	if (root >= 0)
		close(root);
	return found;
}

static enum found
judge(const struct store_survey *s, struct store_survey_item *it, const char *path,
    int folder, const char *name)
{
	const struct store_object *o;
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return FOUND_NOTHING;
	o = S_ISREG(st.st_mode) ? object_at(s, &st) : NULL;
	if (o == NULL)
		return judge_theirs(s, it, path);
	if (strcmp(o->sha256, it->sha256) == 0)
		return FOUND_ITS;
	if (!in_list(s->used, s->n_used, o->sha256))
		return FOUND_OLD;
	error_set(&it->why, 0, "image-in-use",
	    "nothing: it is changed when that job has ended",
	    "%s: a job uses the file of before", path);
	return FOUND_WRONG;
}

/* Has it a name already, and a job that knows it by when it was changed last (preflight.h)? A further name would change that. */
static bool
must_not_change(
    const struct store_survey *s, const struct store_survey_item *it, const char *from)
{
	struct stat st;

	return in_list(s->used, s->n_used, it->sha256) && stat(from, &st) == 0 &&
	       st.st_nlink > (it->object ? 1 : 0);
}

/* The name becomes one of the file at `from`. */
static int
give_name(struct store_survey_item *it, const char *from, const char *path, int folder,
    const char *name)
{
	char tmp[BUNDLE_PATH_SIZE + 16];
	int r = 0;

	if (str_format(tmp, sizeof(tmp), ".%s.store-new", name) < 0)
		return bad_name(it, path, ENAMETOOLONG, "give it this name");
	unlinkat(folder, tmp, 0);
	if (linkat(AT_FDCWD, from, folder, tmp, 0) < 0 ||
	    renameat(folder, tmp, folder, name) < 0)
		r = bad_name(it, path, errno, "give it this name");
	unlinkat(folder, tmp, 0);
	return r;
}

static void
say_altered(struct store_survey_item *it, const char *path)
{
	if (it->why.code[0] == '\0')
		error_set(&it->why, 0, "image-altered",
		    "move it away, and the right one is put there; or add the image "
		    "again: netboot-ctl image add",
		    "%s was put there by somebody and is not the file that was ordered",
		    path);
}

/* 1: a name of it; 0: not yet, or not at all. */
static int
check_name(struct store_survey *s, struct store_survey_item *it, const char *path,
    const char *from, bool *theirs)
{
	const char *name = path;
	int folder = open_folder(s, path, from != NULL, &name);
	enum found found;
	int ok = 0;

	if (folder < 0) {
		if (folder != -ENOENT || from != NULL)
			bad_name(it, path, -folder, "enter its folder");
		return 0;
	}
	found = judge(s, it, path, folder, name);
	if ((found == FOUND_NOTHING || found == FOUND_OLD) && from != NULL &&
	    must_not_change(s, it, from))
		error_set(&it->why, 0, "image-in-use",
		    "nothing: it gets this name when that job has ended",
		    "%s: a job uses the file under another name", path);
	else if ((found == FOUND_NOTHING || found == FOUND_OLD) && from != NULL)
		ok = give_name(it, from, path, folder, name) == 0;
	else if (found == FOUND_UNREAD)
		str_clip(it->unread, sizeof(it->unread), path);
	else if (found == FOUND_WRONG)
		say_altered(it, path);
	else
		ok = found == FOUND_ITS || found == FOUND_RIGHT;
	*theirs = found == FOUND_RIGHT;
	close(folder);
	return ok;
}

static void
look_at(struct store_survey *s, struct store_survey_item *it)
{
	char object[STORE_DISK_PATH_SIZE], own[STORE_DISK_PATH_SIZE] = "";
	size_t ok = 0, n_theirs = 0;
	bool theirs;

	it->object = object_of(s, it->sha256) != NULL;
	if (it->object)
		str_clip(
		    own, sizeof(own), store_disk_object(s->root, it->sha256, object));
	/* Twice: a file of somebody's under one name can get the others, too. */
	for (int round = 0; round < 2 && ok < it->paths.n; round++) {
		ok = n_theirs = 0;
		it->why.code[0] = it->unread[0] = '\0';
		for (size_t i = 0; i < it->paths.n; i++) {
			theirs = false;
			ok += (size_t)check_name(
			    s, it, it->paths.v[i], own[0] != '\0' ? own : NULL, &theirs);
			n_theirs += theirs;
			if (theirs && own[0] == '\0' &&
			    str_format(
				own, sizeof(own), "%s/%s", s->root, it->paths.v[i]) < 0)
				own[0] = '\0';
		}
	}
	it->held = ok == it->paths.n;
	it->here = it->held && !it->object && n_theirs > 0;
}

/* ---- room ---- */

/* Removes the names of an inode below the root, but for the store's own. */
static void
remove_names(const char *root, uint64_t inode)
{
	char *const paths[] = {(char *)(uintptr_t)root, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (fts != NULL && (e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_D && e->fts_level == 1 &&
		    strcmp(e->fts_name, ".store") == 0)
			fts_set(fts, e, FTS_SKIP);
		else if (e->fts_info == FTS_F && e->fts_statp->st_ino == inode)
			unlink(e->fts_path);
	}
	if (fts != NULL)
		fts_close(fts);
}

static void
remove_object(struct store_survey *s, const struct store_object *o)
{
	char path[STORE_DISK_PATH_SIZE];

	if (o->partial) {
		store_disk_drop(s->root, o->sha256);
	} else {
		remove_names(s->root, o->inode);
		unlink(store_disk_object(s->root, o->sha256, path));
	}
	s->n_removed++;
	s->removed += o->size;
	s->held -= o->size;
}

static void
make_room(struct store_survey *s)
{
	int64_t lacking = s->floor + s->room - s->free;

	if (s->max > 0 && s->held + s->room - s->max > lacking)
		lacking = s->held + s->room - s->max;
	s->enough = lacking <= 0;
	if (s->room <= 0 || s->enough || s->free < 0)
		return;
	if (!store_evict_choose(s->objects, s->n_objects, lacking))
		return;
	for (size_t i = 0; i < s->n_objects;) {
		if (!s->objects[i].goes) {
			i++;
			continue;
		}
		remove_object(s, &s->objects[i]);
		s->objects[i] = s->objects[--s->n_objects];
	}
	s->free = store_disk_free(s->root);
	s->enough = true;
}

void
store_survey_run(struct store_survey *s)
{
	int64_t left;

	s->held = 0;
	read_store(s);
	for (size_t i = 0; i < s->n_items; i++)
		look_at(s, &s->items[i]);
	left = store_disk_free(s->root);
	s->free = left < 0 ? -1 : left;
	make_room(s);
	(void)!store_known_save(s->known);
}

int
store_survey_read(const char *root, const char *path, struct store_known *known,
    const atomic_bool *stop)
{
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -errno : beneath_open(dir, path);
	char sha256[DIGEST_TEXT];
	struct stat before, after;
	int r = fd < 0 ? fd : 0;

	if (r == 0 && fstat(fd, &before) < 0)
		r = -errno;
	if (r == 0)
		r = digest_sha256_fd(fd, stop, sha256, NULL);
	if (r == 0 && fstat(fd, &after) < 0)
		r = -errno;
	/* What changed while it was read is read again another time. */
	if (r == 0 && before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
	    before.st_ctim.tv_nsec == after.st_ctim.tv_nsec)
		store_known_add(known, path, &after, sha256);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return r;
}

int
store_survey_doubt(const char *root, const char *sha256, const atomic_bool *stop)
{
	char path[STORE_DISK_PATH_SIZE], found[DIGEST_TEXT];
	struct stat st;
	int fd = open(store_disk_object(root, sha256, path),
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = fd < 0 ? -errno : digest_sha256_fd(fd, stop, found, NULL);

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && strcmp(found, sha256) != 0) {
		remove_names(root, st.st_ino);
		unlink(path);
		r = 1;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

void
store_survey_free(struct store_survey *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_items; i++)
		store_msg_texts_done(&s->items[i].paths);
	free(s->items);
	free(s->used);
	free(s->busy);
	free(s->bases);
	free(s->objects);
	free(s);
}
