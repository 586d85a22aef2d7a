/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by secret.c, secret_sign.c and secret_box.c: what is in a key file. */
#ifndef LIB_SECRET_PRIV_H
#define LIB_SECRET_PRIV_H

#include <stdint.h>

enum { SECRET_KEY_SIZE = 32 };

/* Random octets: a key of its own, or the seed that a pair of keys is made from. */
struct secret_key {
	uint8_t b[SECRET_KEY_SIZE];
};

/* To be called before anything else of libsodium; often is the same as once. Aborts where it cannot start. */
void
secret_start(void);

#endif
