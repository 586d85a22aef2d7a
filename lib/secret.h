/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing of secrets at rest (libsodium secretbox, XChaCha20-Poly1305) and wiping. The key is
 * 32 random octets in a file of its own, mode 0600, outside the database. */
#ifndef LIB_SECRET_H
#define LIB_SECRET_H

#include <stddef.h>

#include "lib/error.h"

struct secret_key;

/* Loads the key file, creating it (0600, fsynced) when absent and `create` is set. Refuses files
 * that group or others can read. */
int
secret_key_open(
    const char *path, int create, struct secret_key **ret, struct error *err) MUST_CHECK;
void
secret_key_free(struct secret_key *key); /* wipes */
/* Text form "s1:BASE64"; owned by the caller. `context` (for instance "bmc/edge01") is bound in:
 * a sealed value moved to another row does not open. */
char *
secret_seal(const struct secret_key *key, const char *context, const char *plain);
/* 0 with *ret_plain owned by the caller (wipe it with secret_free), or -EBADMSG. */
int
secret_unseal(const struct secret_key *key, const char *context, const char *sealed,
    char **ret_plain) MUST_CHECK;
/* Keyed digest of a text that may hold secrets, in hexadecimal: kept beside the database it tells two texts
 * apart, and to those without the key it says nothing, however short the secret. */
enum { SECRET_MAC_TEXT = 65 };
void
secret_mac(const struct secret_key *key, const char *context, const char *text,
    char ret_hex[SECRET_MAC_TEXT]);
/* 256 random bits as 43 letters, digits, '-' and '_' (base64url) behind the prefix. Owned: secret_free(). */
char *
secret_make(const char *prefix);
/* HMAC-SHA256 (RFC 2104) of a text, in hexadecimal: for those who know the same key. */
void
secret_hmac_sha256(
    const char *key, const char *text, size_t len, char ret_hex[SECRET_MAC_TEXT]);
/* A secret that a person put into a file: its first line. -EINVAL with *err for a file that others than its owner can
 * read, one that is no plain file, and a line that is shorter than `min` octets or longer than 1,024. *ret is the caller's (secret_free). */
int
secret_file_read(const char *path, size_t min, char **ret, struct error *err) MUST_CHECK;
void
secret_free(char *plain); /* wipes, then frees; NULL allowed */
void
secret_wipe(void *p, size_t n);
/* Of this process no core is dumped and no other process without privileges reads its memory, unless
 * the environment has NETBOOT_CORE=1. To be called first in main(). */
void
secret_hide_memory(void);
/* No page of this process, present or to come, goes to swap. 0, or -EPERM where the limit of locked
 * memory is finite: beyond it allocations would fail, so nothing is locked then. */
int
secret_lock_memory(void);
/* Constant-time comparison of two strings. */
int
secret_equal(const char *a, const char *b);

#endif
