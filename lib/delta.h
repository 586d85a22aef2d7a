/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file made of another one and what differs: zstd's patch-from (a frame whose dictionary is the old file). */
#ifndef LIB_DELTA_H
#define LIB_DELTA_H

#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

/* Of the old file: zstd looks back no further than 2^31 octets. */
#define DELTA_OLD_MAX (1LL << 31)

/* Blocking, for lib/workq. Writes the new file of `size` octets to `out`, which is open for reading and writing and has
 * that size, its room reserved. Memory: under a megabyte beside the three files, which are mapped (the page cache of old
 * and delta; what is written goes to disk as it may). The caller checks the digest of what came out.
 * 0; -EBADMSG ("delta-unusable"): it is no delta, of another file, or gives another size, or a file
 * was made shorter meanwhile; else -errno. */
int
delta_apply(int old, int delta, int out, int64_t size, struct error *err) MUST_CHECK;
/* Blocking, for lib/workq. Writes a delta that makes `new` of `old` to `out`, which is empty and open for reading and writing.
 * Both are mapped; beside them it takes some 100 MB at most. *ret_size is the delta's. 0; -E2BIG: it would be larger than
 * `max`, and `out` is of no use; -EFBIG: a file is empty or too large; else -errno. */
int
delta_make(int old, int new, int out, int64_t max, int64_t *ret_size,
    struct error *err) MUST_CHECK;

#endif
