/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files this process has open: how a test sees that a thread has begun to read one. */
#ifndef TESTS_UNIT_OPEN_FILES_H
#define TESTS_UNIT_OPEN_FILES_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/str.h"

static inline bool
open_files_have(const char *path)
{
	char link[64], target[256];

	for (int fd = 3; fd < 1024; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (str_eq(target, path))
			return true;
	}
	return false;
}

#endif
