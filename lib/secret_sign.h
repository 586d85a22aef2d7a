/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures (Ed25519, RFC 8032): who has the key file signs texts, who has the public key sees whether they are that
 * one's. Public keys, signatures and key ids are texts, for JSON. */
#ifndef LIB_SECRET_SIGN_H
#define LIB_SECRET_SIGN_H

#include <stddef.h>

#include "lib/error.h"

/* With the terminator: 32 and 64 octets in base64, 8 octets in hexadecimal. */
enum {
	SECRET_SIGN_PUBLIC_TEXT = 45,
	SECRET_SIGN_TEXT = 89,
	SECRET_SIGN_ID_TEXT = 17,
};

struct secret_sign;

/* Loads the key file (32 octets), creating it (0600, fsynced) when absent and `create` is set. Refuses files that group
 * or others can read. 0 with *ret owned by the caller, or a negative errno with *err. */
int
secret_sign_open(
    const char *path, int create, struct secret_sign **ret, struct error *err) MUST_CHECK;
void
secret_sign_free(struct secret_sign *key); /* wipes; NULL allowed */
/* Its public key, and what that is called; borrowed. */
const char *
secret_sign_public(const struct secret_sign *key);
const char *
secret_sign_id(const struct secret_sign *key);
/* What a public key is called: the beginning of its SHA-256. 0, or -EINVAL: it is none. */
int
secret_sign_id_of(const char *public_key, char ret[SECRET_SIGN_ID_TEXT]) MUST_CHECK;
void
secret_sign_text(const struct secret_sign *key, const char *text, size_t len,
    char ret[SECRET_SIGN_TEXT]);
/* 0: the text was signed so by who has that key. -EBADMSG: it was not. -EINVAL: no public key. */
int
secret_sign_verify(const char *public_key, const char *text, size_t len,
    const char *signature) MUST_CHECK;

#endif
