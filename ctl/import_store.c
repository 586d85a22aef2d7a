/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing an image's files.
 *
 * Entry points: import_store_begin(), _add(), _commit(), or _undo(); _free().
 * Ownership: the store owns its descriptors and the folder it writes, until it is
 * committed.
 * Failure modes: -errno with *err. The files are written into ROOT/.import-NAME-PID, which
 * becomes ROOT/NAME by one rename that never replaces anything: another image's files are
 * not touched, and half an image never has its name. What a killed import left is removed
 * by the next one of that name.
 */
#include "ctl/import_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/str.h"

enum { FILES_MAX = 64, PATH_SIZE = 1024, NFTW_FDS = 16 };

struct import_store {
	char final[PATH_SIZE], path[PATH_SIZE]; /* path is where it is now */
	char root[PATH_SIZE];
	int fds[FILES_MAX];
	size_t n;
	bool committed;
};

static int
failed(const char *path, int e, struct error *err)
{
	return error_set(err, -e, "import-write",
	    e == ENOSPC || e == EDQUOT
		? "make room there, or give another --images-root"
		: "run it where the images root is, as one who may write there, or give "
		  "--images-root",
	    "cannot write %s: %s", path, strerror(e));
}

static int
check_room(const char *root, int64_t octets, struct error *err)
{
	char want[32], have[32];
	struct statvfs fs;
	int64_t free_octets;

	if (statvfs(root, &fs) < 0)
		return failed(root, errno, err);
	free_octets = (int64_t)(fs.f_bavail * fs.f_frsize);
	if (free_octets >= octets)
		return 0;
	return error_set(err, -ENOSPC, "import-write",
	    "make room there, or give another --images-root",
	    "the files take %s, and %s has %s left",
	    str_bytes(octets, want, sizeof(want)), root,
	    str_bytes(free_octets, have, sizeof(have)));
}

static int
exists(const struct import_store *s, struct error *err)
{
	return error_set(err, -EEXIST, "import-exists",
	    "take another --name, or remove the image (netboot-ctl image rm) and that "
	    "folder",
	    "%s is there already", s->final);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int
is_begun(const struct dirent *e)
{
	return str_has_prefix(e->d_name, ".import-");
}

/* What an import of that name left that was killed, or was under way when the machine went down. */
static void
sweep(const char *root, const char *name)
{
	char prefix[PATH_SIZE], path[PATH_SIZE];
	struct dirent **list = NULL;
	int n = scandir(root, &list, is_begun, alphasort);
	int64_t pid;

	if (str_format(prefix, sizeof(prefix), ".import-%s-", name) < 0)
		prefix[0] = '\0';
	for (int i = 0; i < n; i++) {
		const char *d = list[i]->d_name;

		if (prefix[0] != '\0' && str_has_prefix(d, prefix) &&
		    str_to_i64(d + strlen(prefix), 1, INT32_MAX, &pid) == 0 &&
		    kill((pid_t)pid, 0) < 0 && errno == ESRCH &&
		    str_format(path, sizeof(path), "%s/%s", root, d) == 0)
			nftw(path, remove_one, NFTW_FDS, FTW_DEPTH | FTW_PHYS);
		free(list[i]);
	}
	free(list);
}

int
import_store_begin(const char *root, const char *name, int64_t octets,
    struct import_store **ret, struct error *err)
{
	struct import_store *s = str_alloc(sizeof(*s));
	struct stat st;
	int r = 0;

	sweep(root, name);
	if (str_copy(s->root, sizeof(s->root), root) < 0 ||
	    str_format(s->final, sizeof(s->final), "%s/%s", root, name) < 0 ||
	    str_format(s->path, sizeof(s->path), "%s/.import-%s-%ld", root, name,
		(long)getpid()) < 0)
		r = failed(root, ENAMETOOLONG, err);
	else if (lstat(s->final, &st) == 0)
		r = exists(s, err);
	else if ((r = check_room(root, octets, err)) == 0 && mkdir(s->path, 0755) < 0)
		r = failed(s->path, errno, err);
	else if (r == 0 && chmod(s->path, 0755) < 0)
		r = failed(s->path, errno, err);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* The folders that lead to it, for everybody to enter whatever the umask. */
static int
make_folders(const char *base, char *path, struct error *err)
{
	for (char *p = strchr(path + strlen(base) + 1, '/'); p != NULL;
	     p = strchr(p + 1, '/')) {
		int r = 0;

		*p = '\0';
		if ((mkdir(path, 0755) < 0 && errno != EEXIST) || chmod(path, 0755) < 0)
			r = failed(path, errno, err);
		*p = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

int
import_store_add(struct import_store *s, const char *path, int *ret_fd, struct error *err)
{
	char full[PATH_SIZE + 128];
	int fd, r;

	if (s->n == FILES_MAX ||
	    str_format(full, sizeof(full), "%s/%s", s->path, path) < 0)
		return failed(path, ENAMETOOLONG, err);
	r = make_folders(s->path, full, err);
	if (r < 0)
		return r;
	fd = open(full, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return failed(full, errno, err);
	s->fds[s->n++] = fd;
	if (fchmod(fd, 0644) < 0)
		return failed(full, errno, err);
	*ret_fd = fd;
	return 0;
}

static int
sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int
sync_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)where;
	return type == FTW_D || type == FTW_DP ? sync_folder(path) : 0;
}

int
import_store_commit(struct import_store *s, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (fsync(s->fds[i]) < 0 && r == 0)
			r = failed(s->path, errno, err);
		if (close(s->fds[i]) < 0 && r == 0)
			r = failed(s->path, errno, err);
	}
	s->n = 0;
	if (r < 0)
		return r;
	r = nftw(s->path, sync_one, NFTW_FDS, FTW_PHYS);
	if (r != 0)
		return failed(s->path, r < 0 ? -r : errno, err);
	if (renameat2(AT_FDCWD, s->path, AT_FDCWD, s->final, RENAME_NOREPLACE) < 0)
		return errno == EEXIST ? exists(s, err) : failed(s->final, errno, err);
	memcpy(s->path, s->final, sizeof(s->path));
	s->committed = true;
	if (sync_folder(s->root) < 0)
		return failed(s->root, errno, err);
	return 0;
}

void
import_store_undo(struct import_store *s)
{
	for (size_t i = 0; i < s->n; i++)
		close(s->fds[i]);
	s->n = 0;
	if (s->path[0] != '\0')
		nftw(s->path, remove_one, NFTW_FDS, FTW_DEPTH | FTW_PHYS);
	s->path[0] = '\0';
}

void
import_store_free(struct import_store *s)
{
	if (s == NULL)
		return;
	if (!s->committed)
		import_store_undo(s);
	free(s);
}
