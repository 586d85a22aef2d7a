/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a file that must not lie outside of its folder. */
#ifndef LIB_BENEATH_H
#define LIB_BENEATH_H

#include "lib/compiler.h"

/* For reading, never waiting for the writer of a FIFO. A descriptor of the caller's, or -errno:
 * -EXDEV for whatever would leave the folder `dirfd`, by "..", by a symbolic link or
 * otherwise. */
int
beneath_open(int dirfd, const char *path) MUST_CHECK;

#endif
