/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HMAC and AES for the simulated BMC. OpenSSL on purpose: the engine under test computes
 * the same with libgcrypt through FreeIPMI, so an error in either shows. */
#include "tests/fake/bmcsim_crypt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

size_t
bmcsim_crypt_mac(uint8_t suite, const void *key, size_t key_len, const void *data,
    size_t len, uint8_t out[BMCSIM_MAC_MAX])
{
	unsigned n = 0;

	if (suite == 0)
		return 0;
	HMAC(suite >= 15 ? EVP_sha256() : EVP_sha1(), key, (int)key_len, data, len, out,
	    &n);
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

bool
bmcsim_crypt_aes(bool encrypt, const uint8_t key[16], const uint8_t iv[16],
    const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok;

	ok = ctx != NULL &&
	     EVP_CipherInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, iv, encrypt) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	     EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}
