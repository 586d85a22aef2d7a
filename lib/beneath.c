/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening beneath a folder, and nothing else. The kernel does the confining: openat2(2)
 * with RESOLVE_BENEATH, however the path is spelt.
 *
 * Entry points: beneath_open().
 * Ownership: the descriptor is the caller's.
 * Failure modes: negative errno, nothing left open.
 */
#include "lib/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES = 8 };

int
beneath_open(int dirfd, const char *path)
{
	struct open_how how = {
	    .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	/* EAGAIN: a rename raced with the walk and the kernel could not be sure; it asks
	 * to retry. */
	for (int i = 0; i < TRIES; i++) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}
