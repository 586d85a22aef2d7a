/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loaders of a host, looked for before it is switched off: a firmware that is told of a file which is not there
 * fails a minute later, in front of nobody.
 *
 * Entry point: preflight_loader_check(). A file counts when bootd could open it: below the loaders root, a
 * regular file, and readable by others than root when root owns it. Ownership: nothing is kept.
 * Failure modes: the first loader that does not count ends the check, named with its root. */
#include "agent/preflight_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arch.h"
#include "lib/beneath.h"

static int
missing(const char *root, const struct bundle_loader *l, const char *why, int e,
    struct error *err)
{
	char arch[ARCH_NAME_SIZE];

	return error_set(err, e, "loader-missing",
	    "put the file there, or change the host's loaders: netboot-ctl host set "
	    "--loader",
	    "loader for %s: %s/%s: %s", arch_name(l->arch, arch, sizeof(arch)), root,
	    l->file, why);
}

static int
check_open(const char *root, const struct bundle_loader *l, int fd, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return missing(root, l, strerror(errno), -errno, err);
	if (!S_ISREG(st.st_mode))
		return missing(root, l, "not a file", -EISDIR, err);
	/* We may be root; bootd, which is to deliver the file, never is. */
	if (geteuid() == 0 && st.st_uid == 0 && (st.st_mode & (S_IRGRP | S_IROTH)) == 0)
		return missing(root, l,
		    "only root may read it, and the boot services do not run as root",
		    -EACCES, err);
	return 0;
}

static int
check_one(int dir, const char *root, const struct bundle_loader *l, struct error *err)
{
	int fd = beneath_open(dir, l->file), r;

	if (fd < 0)
		return missing(root, l,
		    fd == -EXDEV ? "it leads out of that folder" : strerror(-fd), fd,
		    err);
	r = check_open(root, l, fd, err);
	close(fd);
	return r;
}

int
preflight_loader_check(
    const char *root, const struct bundle_loader *loaders, size_t n, struct error *err)
{
	int dir, r = 0;

	if (n == 0)
		return 0;
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return missing(root, &loaders[0], strerror(errno), -errno, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_one(dir, root, &loaders[i], err);
	close(dir);
	return r;
}
