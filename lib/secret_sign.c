/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures by libsodium's Ed25519 (RFC 8032).
 *
 * Entry points: secret_sign_open() and secret_sign_text() for who signs, secret_sign_verify() and secret_sign_id_of()
 * for who has the public key. The key file holds the seed (RFC 8032 5.1.5), made and checked like any other key file
 * (secret.c). Ownership: keys by secret_sign_free(). Failure modes: a signature or public key that is no base64 of the
 * right length is refused like a wrong one; public keys of small order, under which anything would be signed, are
 * refused by libsodium. */
#include "lib/secret_sign.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"
#include "lib/secret_priv.h"
#include "lib/str.h"

struct secret_sign {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	char public_key[SECRET_SIGN_PUBLIC_TEXT];
	char id[SECRET_SIGN_ID_TEXT];
};

static int
octets_of(const char *text, uint8_t *ret, size_t size)
{
	size_t n = 0;

	if (sodium_base642bin(ret, size, text, strlen(text), NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != size)
		return -EINVAL;
	return 0;
}

int
secret_sign_id_of(const char *public_key, char ret[SECRET_SIGN_ID_TEXT])
{
	uint8_t octets[crypto_sign_PUBLICKEYBYTES], digest[crypto_hash_sha256_BYTES];

	if (octets_of(public_key, octets, sizeof(octets)) < 0)
		return -EINVAL;
	crypto_hash_sha256(digest, octets, sizeof(octets));
	sodium_bin2hex(ret, SECRET_SIGN_ID_TEXT, digest, (SECRET_SIGN_ID_TEXT - 1) / 2);
	return 0;
}

int
secret_sign_open(
    const char *path, int create, struct secret_sign **ret, struct error *err)
{
	struct secret_key *seed = NULL;
	uint8_t octets[crypto_sign_PUBLICKEYBYTES];
	int rc = secret_key_open(path, create, &seed, err);

	if (rc < 0)
		return rc;
	struct secret_sign *key = str_alloc(sizeof(*key));
	crypto_sign_seed_keypair(octets, key->secret, seed->b);
	secret_key_free(seed);
	sodium_bin2base64(key->public_key, sizeof(key->public_key), octets,
	    sizeof(octets), sodium_base64_VARIANT_ORIGINAL);
	if (secret_sign_id_of(key->public_key, key->id) < 0)
		abort(); /* it was written a line before */
	*ret = key;
	return 0;
}

void
secret_sign_free(struct secret_sign *key)
{
	if (key == NULL)
		return;
	secret_wipe(key, sizeof(*key));
	free(key);
}

const char *
secret_sign_public(const struct secret_sign *key)
{
	return key->public_key;
}

const char *
secret_sign_id(const struct secret_sign *key)
{
	return key->id;
}

void
secret_sign_text(const struct secret_sign *key, const char *text, size_t len,
    char ret[SECRET_SIGN_TEXT])
{
	uint8_t signature[crypto_sign_BYTES];

	crypto_sign_detached(signature, NULL, (const uint8_t *)text, len, key->secret);
	sodium_bin2base64(ret, SECRET_SIGN_TEXT, signature, sizeof(signature),
	    sodium_base64_VARIANT_ORIGINAL);
}

int
secret_sign_verify(
    const char *public_key, const char *text, size_t len, const char *signature)
{
	uint8_t octets[crypto_sign_PUBLICKEYBYTES], of[crypto_sign_BYTES];

	secret_start();
	if (octets_of(public_key, octets, sizeof(octets)) < 0)
		return -EINVAL;
	if (octets_of(signature, of, sizeof(of)) < 0 ||
	    crypto_sign_verify_detached(of, (const uint8_t *)text, len, octets) != 0)
		return -EBADMSG;
	return 0;
}
