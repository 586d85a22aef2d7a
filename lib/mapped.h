/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file in memory that somebody else may make shorter meanwhile. */
#ifndef LIB_MAPPED_H
#define LIB_MAPPED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

/* Zeroed: none. It is in its thread's list while it is open, and stays where it is. */
struct mapped {
	void *at;
	size_t len;
	int prot;
	/* The file became shorter, and what was read since is zeros, what was written is lost. */
	volatile sig_atomic_t cut;
	struct mapped *next;
};

/* Maps a file of 1 to `max` octets, shared, for this thread alone. 0, -EFBIG or another errno. */
int
mapped_open(int fd, int prot, int64_t max, struct mapped *ret) MUST_CHECK;
/* In the same thread; one that was not opened is left as it is. */
void
mapped_close(struct mapped *m);

#endif
