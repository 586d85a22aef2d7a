/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed boxes (libsodium's crypto_box_seal: X25519, XSalsa20-Poly1305): anybody who has the public key can seal a
 * secret, only who has the key file can open it. Keys and boxes are texts, for JSON. */
#ifndef LIB_SECRET_BOX_H
#define LIB_SECRET_BOX_H

#include <stdbool.h>

#include "lib/error.h"

enum {
	SECRET_BOX_PUBLIC_TEXT = 45, /* 32 octets in base64, and the terminator */
	SECRET_BOX_PLAIN_MAX = 4096, /* a longer secret is none that we know of */
};

struct secret_box;

/* Loads the key file (32 octets), creating it (0600, fsynced) when absent and `create` is set. Refuses files that group
 * or others can read. 0 with *ret owned by the caller, or a negative errno with *err. */
int
secret_box_open(
    const char *path, int create, struct secret_box **ret, struct error *err) MUST_CHECK;
void
secret_box_free(struct secret_box *box); /* wipes; NULL allowed */
/* What others need to seal; borrowed. */
const char *
secret_box_public(const struct secret_box *box);
/* Can secrets be sealed to it? Not to what is no key, or one to which nobody has a secret half. */
bool
secret_box_public_valid(const char *public_key);
/* Text form "x1:BASE64", never the same twice; owned by the caller. `context` (for instance "bmc/edge01") is bound in.
 * -EINVAL: no such public key, or a secret of more than SECRET_BOX_PLAIN_MAX octets. */
int
secret_box_seal(const char *public_key, const char *context, const char *plain,
    char **ret_sealed) MUST_CHECK;
/* 0 with *ret_plain owned by the caller (secret_free), or -EBADMSG: changed, sealed to another key, or for another
 * context. */
int
secret_box_unseal(const struct secret_box *box, const char *context, const char *sealed,
    char **ret_plain) MUST_CHECK;

#endif
