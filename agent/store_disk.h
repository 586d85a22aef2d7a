/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store's files, below the images root:
 *
 *	.store/sha256/XX/SHA256        a whole file, checked; what images name are further links to it
 *	.store/part/SHA256             one under way, as large as it will be
 *	.store/part/SHA256.map         which octets of it are there
 *	.store/part/SHA256.apply       it is being made by a delta
 *
 * Others reach whole files only, and only those whose digest they know (0711); nobody partial ones (0700), so that no half
 * file is ever served. All of this blocks: for lib/workq. */
#ifndef AGENT_STORE_DISK_H
#define AGENT_STORE_DISK_H

#include <stdatomic.h>
#include <stdint.h>

#include "agent/store_ranges.h"
#include "lib/compiler.h"
#include "lib/error.h"

enum { STORE_DISK_PATH_SIZE = 512 };

/* "ROOT/.store/sha256/XX/SHA256" and "ROOT/.store/part/SHA256SUFFIX"; return buf. */
const char *
store_disk_object(const char *root, const char *sha256, char buf[STORE_DISK_PATH_SIZE]);
const char *
store_disk_part(const char *root, const char *sha256, const char *suffix,
    char buf[STORE_DISK_PATH_SIZE]);
/* The store's folders. 0 or -errno with *err. */
int
store_disk_open(const char *root, struct error *err) MUST_CHECK;
/* The partial file of so many octets with its room reserved, and what of it is there. -ENOSPC: no room, nothing is left
 * behind. */
int
store_disk_prepare(const char *root, const char *sha256, int64_t size, int *ret_fd,
    struct store_ranges *ret_have, struct error *err) MUST_CHECK;
/* What is there (the text of its ranges) becomes durable, after the octets themselves. */
int
store_disk_record(const char *root, const char *sha256, int64_t size, int fd,
    const char *ranges) MUST_CHECK;
/* Is the partial file what it should be? Then it becomes durable; with `place` it goes to its place in the store.
 * -EBADMSG ("image-altered"): another digest. */
int
store_disk_check(const char *root, const char *sha256, int fd, bool place,
    const atomic_bool *stop, struct error *err) MUST_CHECK;
/* Makes the file of the object `from` and the delta, which is a checked partial file; then as store_disk_check() with
 * `place`. The delta is gone after. -EBADMSG: it cannot be used. */
int
store_disk_apply(const char *root, const char *from, const char *delta,
    const char *sha256, int64_t size, const atomic_bool *stop,
    struct error *err) MUST_CHECK;
/* Was the agent ended by making this file of a delta? (A disk that fails under mapped memory ends it.) */
bool
store_disk_fell(const char *root, const char *sha256);
/* The partial file with its record. */
void
store_disk_drop(const char *root, const char *sha256);
/* The file system's free octets for an unprivileged user, or -errno. */
int64_t
store_disk_free(const char *root);

#endif
