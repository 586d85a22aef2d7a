/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AES and HMAC of a session's packets, by libgcrypt, which FreeIPMI uses as well. FreeIPMI opens and
 * closes a handle for each packet, and /dev/urandom for each initialisation
 * vector; a fleet's worth of sessions costs a third less when the handles stay and only their keys
 * change. The handshake's proofs and the session's keys are FreeIPMI's still (bmc_packet.c).
 *
 * Entry points: bmc_seal_new(), then _mac(), _encrypt(), _decrypt(). Handles keep the key they last
 * worked with: bmc_seal_forget() puts another in its place when a session ends. A failure of
 * libgcrypt is "false", and the packet is not sent or not believed. */
#include "agent/bmc_seal.h"

#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { SHA256, SHA1, MACS, MAC_MAX = 32, AES_KEY = 16, IVS = 16 };

struct bmc_seal {
	gcry_md_hd_t mac[MACS];
	gcry_cipher_hd_t aes;
	struct rng rng;
	uint8_t ivs[IVS][BMC_AES_BLOCK]; /* they are no secret once they are used */
	unsigned ivs_left;
};

struct bmc_seal *
bmc_seal_new(struct rng rng)
{
	struct bmc_seal *s = str_alloc(sizeof *s);

	s->rng = rng;
	if (gcry_md_open(&s->mac[SHA256], GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC) == 0 &&
	    gcry_md_open(&s->mac[SHA1], GCRY_MD_SHA1, GCRY_MD_FLAG_HMAC) == 0 &&
	    gcry_cipher_open(&s->aes, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_CBC, 0) == 0)
		return s;
	bmc_seal_free(s);
	return NULL;
}

void
bmc_seal_free(struct bmc_seal *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < MACS; i++)
		gcry_md_close(s->mac[i]);
	gcry_cipher_close(s->aes);
	free(s);
}

void
bmc_seal_forget(struct bmc_seal *s)
{
	static const uint8_t nothing[MAC_MAX];

	for (size_t i = 0; i < MACS; i++)
		(void)gcry_md_setkey(s->mac[i], nothing, sizeof nothing);
	(void)gcry_cipher_setkey(s->aes, nothing, AES_KEY);
}

bool
bmc_seal_mac(struct bmc_seal *s, const struct bmc_suite *suite,
    const struct bmc_keys *keys, const uint8_t *data, size_t len, uint8_t *out)
{
	gcry_md_hd_t md = s->mac[suite->id == 3 ? SHA1 : SHA256];
	const uint8_t *all;

	if (gcry_md_setkey(md, keys->k1, keys->k1_len) != 0)
		return false;
	gcry_md_write(md, data, len);
	all = gcry_md_read(md, 0);
	if (all == NULL)
		return false;
	memcpy(out, all, suite->icv_len);
	return true;
}

static bool
begin(struct bmc_seal *s, const struct bmc_keys *keys, const uint8_t *iv)
{
	return keys->k2_len >= AES_KEY &&
	       gcry_cipher_setkey(s->aes, keys->k2, AES_KEY) == 0 &&
	       gcry_cipher_setiv(s->aes, iv, BMC_AES_BLOCK) == 0;
}

bool
bmc_seal_encrypt(struct bmc_seal *s, const struct bmc_keys *keys,
    const uint8_t iv[BMC_AES_BLOCK], uint8_t *data, size_t len)
{
	return begin(s, keys, iv) && gcry_cipher_encrypt(s->aes, data, len, NULL, 0) == 0;
}

bool
bmc_seal_decrypt(struct bmc_seal *s, const struct bmc_keys *keys,
    const uint8_t iv[BMC_AES_BLOCK], uint8_t *data, size_t len)
{
	return begin(s, keys, iv) && gcry_cipher_decrypt(s->aes, data, len, NULL, 0) == 0;
}

void
bmc_seal_iv(struct bmc_seal *s, uint8_t iv[BMC_AES_BLOCK])
{
	if (s->ivs_left == 0) {
		rng_bytes(&s->rng, s->ivs, sizeof s->ivs);
		s->ivs_left = IVS;
	}
	memcpy(iv, s->ivs[--s->ivs_left], BMC_AES_BLOCK);
}

bool
bmc_seal_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}
