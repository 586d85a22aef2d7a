/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 (FIPS 180-4) through OpenSSL; the only user of openssl/evp.h for digests. */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include <stdatomic.h>
#include <stddef.h>

#include "lib/compiler.h"

enum { DIGEST_SIZE = 32, DIGEST_TEXT = 65 };

void
digest_sha256(const void *data, size_t len, char ret_hex[DIGEST_TEXT]);
/* Blocking: call from lib/workq. Hashes an open file from its start; returns 0 or -errno, -ECANCELED
 * soon after *stop was set; *ret_size may be NULL, and stop: then nothing ends it early. */
int
digest_sha256_fd(int fd, const atomic_bool *stop, char ret_hex[DIGEST_TEXT],
    long long *ret_size) MUST_CHECK;

#endif
