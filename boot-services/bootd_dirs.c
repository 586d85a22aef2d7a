/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The directories that bootd works in.
 *
 * They are opened once, as root, and only ever used through their descriptors: what a path leads to
 * later, or whether the unprivileged user could walk to it, no longer matters. The state directory is
 * the only one that bootd writes to, and becomes that user's.
 *
 * Ownership: the descriptors live in struct bootd_deps until bootd_dirs_close(). Failure modes: a
 * missing directory, or a state directory that is somebody else's, refuses the start by name. */
#include "boot-services/bootd_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot-services/fileroot.h"
#include "lib/str.h"

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int
open_dir(const char *key, const char *path, int *ret_fd, struct error *err)
{
	int r = fileroot_open_dir(path, ret_fd);

	if (r < 0)
		error_set(err, r, "directory-missing",
		    "make the directory or change the key", "dirs.%s: %s: %s", key, path,
		    strerror(-r));
	return r;
}

/* Nothing that bootd keeps in its state directory. */
static int
is_foreign(const struct dirent *e)
{
	const char *name = e->d_name;

	return !str_eq(name, ".") && !str_eq(name, "..") && !str_eq(name, "consumed") &&
	       !str_has_prefix(name, "leases");
}

static bool
is_ours_or_empty(int fd)
{
	struct dirent **found = NULL;
	int n = scandirat(fd, ".", &found, is_foreign, NULL);

	for (int i = 0; i < n; i++)
		free(found[i]);
	free(found);
	return n == 0;
}

/* Makes the state directory the later user's. One that holds other things stays whose it is: a slip in
 * the configuration must not give away / or /etc. */
static int
adopt_state(const struct bootd_config *c, const struct privs_user *user, int fd,
    struct error *err)
{
	struct stat st;

	if (user->uid == (uid_t)-1)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == user->uid)
		return 0;
	if (!is_ours_or_empty(fd))
		return error_set(err, -EPERM, "directory-foreign",
		    "name a directory of its own, or chown this one",
		    "dirs.state: %s belongs to another user and holds other files",
		    c->state_dir);
	return fchown(fd, user->uid, user->gid) < 0 ? -errno : 0;
}

/* The directory of leases and consumed orders; made when absent. */
static int
open_state(const struct bootd_config *c, const struct privs_user *user,
    struct bootd_deps *deps, struct error *err)
{
	const char *path = c->state_dir;
	int r = 0;

	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		deps->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = deps->state_fd < 0 ? -errno
				       : adopt_state(c, user, deps->state_fd, err);
	}
	if (r < 0 && err->code[0] == '\0')
		error_set(err, r, "directory-missing",
		    "make the directory or change the key", "dirs.state: %s: %s", path,
		    strerror(-r));
	return r;
}

int
bootd_dirs_open(const struct bootd_config *c, const struct privs_user *user,
    struct bootd_deps *deps, struct error *err)
{
	int r = 0;

	if (c->http || c->tftp)
		r = open_dir("loaders", c->loaders_root, &deps->loaders_fd, err);
	if (r == 0 && c->http)
		r = open_dir("images", c->images_root, &deps->images_fd, err);
	if (r == 0 && c->http)
		r = open_dir("scripts", c->scripts_root, &deps->scripts_fd, err);
	if (r == 0)
		r = open_state(c, user, deps, err);
	return r;
}

void
bootd_dirs_init(struct bootd_deps *deps)
{
	deps->images_fd = deps->loaders_fd = deps->scripts_fd = deps->state_fd = -1;
}

void
bootd_dirs_close(struct bootd_deps *deps)
{
	close_fd(deps->images_fd);
	close_fd(deps->loaders_fd);
	close_fd(deps->scripts_fd);
	close_fd(deps->state_fd);
	bootd_dirs_init(deps);
}

void
bootd_dirs_drop_missing_loaders(
    struct bootd_config *c, int loaders_fd, const struct log *log)
{
	size_t kept = 0;

	if (loaders_fd < 0)
		return;
	for (size_t i = 0; i < c->n_loaders; i++) {
		struct bootd_config_loader *l = &c->loaders[i];
		struct fileroot_file file;
		int r = l->file[0] ? fileroot_open(loaders_fd, l->file, &file) : 0;

		if (r < 0) {
			/* Nobody asked for the defaults, but one that is there was meant. */
			bool silent = l->is_default && r == -ENOENT;

			log_line(log, silent ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
			    "no loader for architecture %u: %s/%s: %s", l->arch,
			    c->loaders_root, l->file, fileroot_why(r));
			continue;
		}
		if (l->file[0])
			close(file.fd);
		c->loaders[kept++] = *l;
	}
	c->n_loaders = kept;
}
