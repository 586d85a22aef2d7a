/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cryptography of packets within a session: AES-128-CBC and the truncated HMACs of cipher suites
 * 17 and 3 (IPMI 2.0 13.28, 13.29). */
#ifndef AGENT_BMC_SEAL_H
#define AGENT_BMC_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bmc_packet.h"

enum { BMC_SEAL_MAC_MAX = 16 };

/* One serves all sessions of a thread. */
struct bmc_seal;

/* NULL where libgcrypt lacks an algorithm. After ipmi_rmcpplus_init(), which initialises it. */
struct bmc_seal *
bmc_seal_new(struct rng rng);
void
bmc_seal_free(struct bmc_seal *s);
/* The keys of the last packet stay in libgcrypt's handles until the next one, or this. */
void
bmc_seal_forget(struct bmc_seal *s);

/* Writes suite->icv_len octets. */
bool
bmc_seal_mac(struct bmc_seal *s, const struct bmc_suite *suite,
    const struct bmc_keys *keys, const uint8_t *data, size_t len, uint8_t *out);
/* In place, whole blocks. */
bool
bmc_seal_encrypt(struct bmc_seal *s, const struct bmc_keys *keys,
    const uint8_t iv[BMC_AES_BLOCK], uint8_t *data, size_t len);
bool
bmc_seal_decrypt(struct bmc_seal *s, const struct bmc_keys *keys,
    const uint8_t iv[BMC_AES_BLOCK], uint8_t *data, size_t len);
/* Fresh, and not to be guessed. */
void
bmc_seal_iv(struct bmc_seal *s, uint8_t iv[BMC_AES_BLOCK]);
bool
bmc_seal_equal(const uint8_t *a, const uint8_t *b, size_t len);

#endif
