/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed boxes by libsodium's crypto_box_seal.
 *
 * Entry points: secret_box_open() and secret_box_unseal() for who opens them, secret_box_seal() for everybody who has
 * the public key. The key file holds the seed of the pair, made and checked like any other key file (secret.c). A box
 * says nothing of what it is for, and has no place for it; so the context goes in before the secret, and is compared
 * when it is opened: a secret of one host does not open as another's.
 *
 * Ownership: keys by secret_box_free(), plain texts by secret_free(), sealed texts by free(). Failure modes: what does
 * not open is -EBADMSG, whatever is wrong with it. A sealed box does not say who sealed it: where that matters, the
 * text around it is signed (secret_sign.h). */
#include "lib/secret_box.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"
#include "lib/secret_priv.h"
#include "lib/str.h"

enum {
	CONTEXT_MAX = 512,
	INNER_MAX = CONTEXT_MAX + 1 + SECRET_BOX_PLAIN_MAX,
	SEALED_MAX = INNER_MAX + crypto_box_SEALBYTES,
};

#define BOX_PREFIX "x1:"

struct secret_box {
	uint8_t secret[crypto_box_SECRETKEYBYTES];
	uint8_t octets[crypto_box_PUBLICKEYBYTES];
	char public_key[SECRET_BOX_PUBLIC_TEXT];
};

int
secret_box_open(const char *path, int create, struct secret_box **ret, struct error *err)
{
	struct secret_key *seed = NULL;
	int rc = secret_key_open(path, create, &seed, err);

	if (rc < 0)
		return rc;
	struct secret_box *box = str_alloc(sizeof(*box));
	crypto_box_seed_keypair(box->octets, box->secret, seed->b);
	secret_key_free(seed);
	sodium_bin2base64(box->public_key, sizeof(box->public_key), box->octets,
	    sizeof(box->octets), sodium_base64_VARIANT_ORIGINAL);
	*ret = box;
	return 0;
}

void
secret_box_free(struct secret_box *box)
{
	if (box == NULL)
		return;
	secret_wipe(box, sizeof(*box));
	free(box);
}

const char *
secret_box_public(const struct secret_box *box)
{
	return box->public_key;
}

bool
secret_box_public_valid(const char *public_key)
{
	char *sealed = NULL;
	bool valid = secret_box_seal(public_key, "", "", &sealed) == 0;

	free(sealed);
	return valid;
}

static char *
box_text(const uint8_t *raw, size_t len)
{
	size_t at = sizeof(BOX_PREFIX) - 1;
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = str_alloc(at + size);

	memcpy(text, BOX_PREFIX, at);
	sodium_bin2base64(text + at, size, raw, len, sodium_base64_VARIANT_ORIGINAL);
	return text;
}

int
secret_box_seal(
    const char *public_key, const char *context, const char *plain, char **ret_sealed)
{
	uint8_t to[crypto_box_PUBLICKEYBYTES], raw[SEALED_MAX], inner[INNER_MAX];
	size_t n = 0, named = strlen(context) + 1, len = strlen(plain);

	secret_start();
	if (named > CONTEXT_MAX || len > SECRET_BOX_PLAIN_MAX ||
	    sodium_base642bin(to, sizeof(to), public_key, strlen(public_key), NULL, &n,
		NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != sizeof(to))
		return -EINVAL;
	memcpy(inner, context, named);
	memcpy(inner + named, plain, len);
	int rc = crypto_box_seal(raw, inner, named + len, to);
	secret_wipe(inner, sizeof(inner));
	if (rc != 0)
		return -EINVAL;
	*ret_sealed = box_text(raw, crypto_box_SEALBYTES + named + len);
	return 0;
}

/* The secret behind the context; what is opened has no terminator of its own. */
static int
take_plain(const uint8_t *inner, size_t len, const char *context, char **ret)
{
	size_t named = strlen(context) + 1;

	if (len < named || sodium_memcmp(inner, context, named) != 0 ||
	    memchr(inner + named, 0, len - named) != NULL)
		return -EBADMSG;
	*ret = str_alloc(len - named + 1);
	memcpy(*ret, inner + named, len - named);
	return 0;
}

int
secret_box_unseal(const struct secret_box *box, const char *context, const char *sealed,
    char **ret_plain)
{
	uint8_t raw[SEALED_MAX], inner[INNER_MAX];
	size_t n = 0;
	int rc = -EBADMSG;

	if (!str_has_prefix(sealed, BOX_PREFIX))
		return -EBADMSG;
	sealed += sizeof(BOX_PREFIX) - 1;
	if (sodium_base642bin(raw, sizeof(raw), sealed, strlen(sealed), NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n < crypto_box_SEALBYTES)
		return -EBADMSG;
	if (crypto_box_seal_open(inner, raw, n, box->octets, box->secret) == 0)
		rc = take_plain(inner, n - crypto_box_SEALBYTES, context, ret_plain);
	secret_wipe(inner, sizeof(inner));
	return rc;
}
