/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generated texts for services that send files.
 *
 * Entry points: textfile_make(), textfile_again(). Ownership: the descriptors are the caller's; the octets live as
 * long as any of them. Failure modes: -errno, of memory and descriptors only.
 *
 * The tag is made from the octets, so that a client which comes back for a range gets one of the same text.
 */
#include "boot-services/textfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/str.h"

static int
write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		text += done;
		n -= (size_t)done;
	}
	return 0;
}

int
textfile_make(const char *text, struct fileroot_file *ret)
{
	struct fileroot_file f = {.fd = memfd_create("netboot-text", MFD_CLOEXEC),
	    .size = (int64_t)strlen(text)};
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
	int r;

	if (f.fd < 0)
		return -errno;
	r = write_all(f.fd, text, (size_t)f.size);
	if (r < 0) {
		close(f.fd);
		return r;
	}
	for (const char *p = text; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	f.mtime_ns = clock_wall() * 1000;
	snprintf(f.etag, sizeof(f.etag), "\"t%016" PRIx64 "\"", h);
	*ret = f;
	return 0;
}

int
textfile_again(const struct fileroot_file *file, struct fileroot_file *ret)
{
	int fd = dup(file->fd);

	if (fd < 0)
		return -errno;
	*ret = *file;
	ret->fd = fd;
	return 0;
}
