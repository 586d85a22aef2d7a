/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cryptography of the cipher suites (IPMI 2.0 13.28 to 13.32), by OpenSSL. */
#ifndef TESTS_FAKE_BMCSIM_CRYPT_H
#define TESTS_FAKE_BMCSIM_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BMCSIM_MAC_MAX = 32 };

/* Suites 1 to 3: HMAC-SHA1, 20 octets; 15 to 17: HMAC-SHA256, 32; suite 0: none, 0. Returns
 * that length. */
size_t
bmcsim_crypt_mac(uint8_t suite, const void *key, size_t key_len, const void *data,
    size_t len, uint8_t out[BMCSIM_MAC_MAX]);
size_t
bmcsim_crypt_mac_len(uint8_t suite);
/* Truncated, of RAKP 4: 12 or 16 octets, 0 for suite 0. */
size_t
bmcsim_crypt_rakp4_len(uint8_t suite);
/* AES-128-CBC; len is a multiple of 16; in place is allowed. */
bool
bmcsim_crypt_aes(bool encrypt, const uint8_t key[16], const uint8_t iv[16],
    const uint8_t *in, size_t len, uint8_t *out);

#endif
