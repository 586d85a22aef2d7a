/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 of memory and of open files, through OpenSSL.
 *
 * Entry points: digest_sha256(), digest_sha256_fd() (in lib/workq: it blocks).
 * Ownership: none kept.
 * Failure modes: read errors of the file as -errno; OpenSSL failing on its own means out
 * of memory or a broken installation and aborts.
 */
#include "lib/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/str.h"

enum { CHUNK = 256 * 1024 };

void
digest_sha256(const void *data, size_t len, char ret_hex[DIGEST_TEXT])
{
	uint8_t digest[DIGEST_SIZE];

	if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	hex_put(ret_hex, digest, DIGEST_SIZE);
}

int
digest_sha256_fd(
    int fd, const atomic_bool *stop, char ret_hex[DIGEST_TEXT], long long *ret_size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *chunk = str_alloc(CHUNK);
	uint8_t digest[DIGEST_SIZE];
	off_t at = 0;
	int r = 0;

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		abort();
	for (;;) {
		ssize_t n = pread(fd, chunk, CHUNK, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		if (n > 0 && stop != NULL && atomic_load(stop))
			r = -ECANCELED;
		if (n <= 0 || r < 0)
			break;
		if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
			abort();
		at += n;
	}
	if (r == 0) {
		if (EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
			abort();
		hex_put(ret_hex, digest, DIGEST_SIZE);
		if (ret_size != NULL)
			*ret_size = at;
	}
	EVP_MD_CTX_free(ctx);
	free(chunk);
	return r;
}
