/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HMAC and AES for the simulated BMC. OpenSSL on purpose: the engine under test computes
 * the same with libgcrypt, so an error in either shows.
 *
 * One context for each algorithm and only keys that change: to make one costs OpenSSL 3 more
 * than to use it, and the simulator shares its processors with what it is to measure. They are
 * of the process, which has one thread. */
#include "tests/fake/bmcsim_crypt.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>

static EVP_MAC_CTX *
mac_context(bool sha256)
{
	static EVP_MAC_CTX *made[2];
	char name[] = "SHA1", better[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(
				   OSSL_MAC_PARAM_DIGEST, sha256 ? better : name, 0),
	    OSSL_PARAM_construct_end()};
	EVP_MAC *hmac;

	if (made[sha256] != NULL)
		return made[sha256];
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	made[sha256] = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (made[sha256] == NULL || EVP_MAC_CTX_set_params(made[sha256], params) != 1)
		abort();
	return made[sha256];
}

size_t
bmcsim_crypt_mac(uint8_t suite, const void *key, size_t key_len, const void *data,
    size_t len, uint8_t out[BMCSIM_MAC_MAX])
{
	size_t n = 0;
	EVP_MAC_CTX *ctx;

	if (suite == 0)
		return 0;
	ctx = mac_context(suite >= 15);
	if (EVP_MAC_init(ctx, key, key_len, NULL) != 1 ||
	    EVP_MAC_update(ctx, data, len) != 1 ||
	    EVP_MAC_final(ctx, out, &n, BMCSIM_MAC_MAX) != 1)
		abort();
	return n;
}

size_t
bmcsim_crypt_mac_len(uint8_t suite)
{
	if (suite == 0)
		return 0;
	return suite >= 15 ? 32 : 20;
}

size_t
bmcsim_crypt_rakp4_len(uint8_t suite)
{
	if (suite == 0)
		return 0;
	return suite >= 15 ? 16 : 12;
}

static EVP_CIPHER_CTX *
aes_context(void)
{
	static EVP_CIPHER_CTX *made;

	if (made != NULL)
		return made;
	made = EVP_CIPHER_CTX_new();
	if (made == NULL ||
	    EVP_CipherInit_ex(made, EVP_aes_128_cbc(), NULL, NULL, NULL, 1) != 1)
		abort();
	return made;
}

bool
bmcsim_crypt_aes(bool encrypt, const uint8_t key[16], const uint8_t iv[16],
    const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = aes_context();
	int n = 0;

	return EVP_CipherInit_ex(ctx, NULL, NULL, key, iv, encrypt) == 1 &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	       EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len;
}
