// SPDX-License-Identifier: GPL-3.0-or-later
/* What is read of keys and certificates in one way wherever it is needed: by who joins, by who is joined, and by the
 * listener.
 *
 * Entry points: pki_read_key(), pki_read_cert(), pki_read_serial(), pki_read_uri(), pki_read_time(). Keys with a passphrase are none: there
 * is nobody to ask. Ownership: objects are the caller's, freed as OpenSSL has it.
 * Failure modes: NULL or -EINVAL, with the reason in OpenSSL's queue of errors, which the caller clears. */
#include "lib/pki_read.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/pki.h"
#include "lib/str.h"

static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static BIO *
bio_of(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);

	if (bio == NULL)
		abort();
	return bio;
}

struct evp_pkey_st *
pki_read_key_from(struct bio_st *bio)
{
	return PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
}

struct evp_pkey_st *
pki_read_key(const char *pem)
{
	BIO *bio = bio_of(pem);
	EVP_PKEY *key = pki_read_key_from(bio);

	BIO_free(bio);
	return key;
}

struct x509_st *
pki_read_cert(const char *pem)
{
	BIO *bio;
	X509 *cert;

	if (strlen(pem) > PKI_PEM_MAX)
		return NULL;
	bio = bio_of(pem);
	cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	return cert;
}

int
pki_read_serial(const struct x509_st *cert, char *ret, size_t size)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *text = n != NULL ? BN_bn2hex(n) : NULL;
	int r = -EINVAL;

	ret[0] = '\0';
	if (text != NULL)
		r = str_copy(ret, size, text) < 0 ? -EINVAL : 0;
	for (char *c = ret; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'F')
			*c = (char)(*c - 'A' + 'a');
	OPENSSL_free(text);
	BN_free(n);
	return r;
}

void
pki_read_uri(const struct x509_st *cert, char *ret, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	ret[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type != GEN_URI)
			continue;
		const ASN1_IA5STRING *s = n->d.uniformResourceIdentifier;
		size_t len = (size_t)ASN1_STRING_length(s);
		if (len < size && memchr(ASN1_STRING_get0_data(s), 0, len) == NULL) {
			memcpy(ret, ASN1_STRING_get0_data(s), len);
			ret[len] = '\0';
		}
		break;
	}
	GENERAL_NAMES_free(names);
}

int64_t
pki_read_time(const struct asn1_string_st *t, int64_t other)
{
	struct tm tm = {.tm_year = 0};

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * USEC_PER_SEC : other;
}
