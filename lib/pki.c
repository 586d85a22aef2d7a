// SPDX-License-Identifier: GPL-3.0-or-later
/* Keys, requests and certificates through OpenSSL.
 *
 * Entry points: pki_key_new() and pki_request() for who joins, pki_cert_read(), pki_fingerprint() and pki_fits() for who
 * was given a certificate. Nothing is kept here, and nothing decided: who trusts whom is lib/rest_tls.c's, libcurl's and
 * orchestrator/authority.c's.
 * Failure modes: -EINVAL for a text that is not what it should be. Where OpenSSL cannot make a key the process ends: it
 * is out of memory or of random numbers. */
#include "lib/pki.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/digest.h"
#include "lib/secret.h"
#include "lib/str.h"

#define SITE_PREFIX "netboot://site/"

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
	BIO *bio = text != NULL ? BIO_new_mem_buf(text, -1) : BIO_new(BIO_s_mem());

	if (bio == NULL)
		abort();
	return bio;
}

/* What was written into it; frees the BIO. */
static char *
text_of(BIO *bio)
{
	char *data = NULL;
	long n = BIO_get_mem_data(bio, &data);
	char *ret = str_alloc((size_t)n + 1);

	memcpy(ret, data, (size_t)n);
	secret_wipe(data, (size_t)n);
	BIO_free(bio);
	return ret;
}

static EVP_PKEY *
read_key(const char *pem)
{
	BIO *bio = bio_of(pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static X509 *
read_cert(const char *pem)
{
	BIO *bio = bio_of(pem);
	X509 *cert = strlen(pem) <= PKI_PEM_MAX
			 ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)
			 : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return cert;
}

char *
pki_key_new(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = bio_of(NULL);

	if (key == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	EVP_PKEY_free(key);
	return text_of(bio);
}

int
pki_request(const char *key, const char *site, char **ret, struct error *err)
{
	EVP_PKEY *pkey = read_key(key);
	X509_REQ *req;
	BIO *bio;

	if (pkey == NULL)
		return error_set(err, -EINVAL, "certificate", NULL,
		    "the agent's key is no private key");
	req = X509_REQ_new();
	bio = bio_of(NULL);
	if (req == NULL ||
	    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN",
		MBSTRING_UTF8, (const unsigned char *)site, -1, -1, 0) != 1 ||
	    X509_REQ_set_pubkey(req, pkey) != 1 ||
	    X509_REQ_sign(req, pkey, EVP_sha256()) <= 0 ||
	    PEM_write_bio_X509_REQ(bio, req) != 1)
		abort();
	X509_REQ_free(req);
	EVP_PKEY_free(pkey);
	*ret = text_of(bio);
	return 0;
}

int
pki_site_of_uri(const char *uri, char ret[PKI_SITE_SIZE])
{
	const char *site = uri + sizeof(SITE_PREFIX) - 1;

	if (!str_has_prefix(uri, SITE_PREFIX) || !str_name_valid(site) ||
	    str_copy(ret, PKI_SITE_SIZE, site) < 0)
		return -EINVAL;
	return 0;
}

static void
read_site(const X509 *cert, char ret[PKI_SITE_SIZE])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	char uri[sizeof(SITE_PREFIX) + PKI_SITE_SIZE];

	ret[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type != GEN_URI)
			continue;
		const ASN1_IA5STRING *s = n->d.uniformResourceIdentifier;
		size_t len = (size_t)ASN1_STRING_length(s);
		if (len >= sizeof(uri))
			continue;
		memcpy(uri, ASN1_STRING_get0_data(s), len);
		uri[len] = '\0';
		if (strlen(uri) == len && pki_site_of_uri(uri, ret) == 0)
			break;
	}
	GENERAL_NAMES_free(names);
}

static int64_t
time_of(const ASN1_TIME *t)
{
	struct tm tm = {.tm_year = 0};

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * USEC_PER_SEC : 0;
}

int
pki_cert_read(const char *pem, struct pki_cert *ret, struct error *err)
{
	X509 *cert = read_cert(pem);
	BIGNUM *n = cert ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL) : NULL;
	char *serial = n ? BN_bn2hex(n) : NULL;
	struct pki_cert c = {.begins = 0};
	int r = serial != NULL ? str_copy(c.serial, sizeof(c.serial), serial) : -EINVAL;

	if (r == 0) {
		for (char *p = c.serial; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'F')
				*p = (char)(*p - 'A' + 'a');
		read_site(cert, c.site);
		c.begins = time_of(X509_get0_notBefore(cert));
		c.ends = time_of(X509_get0_notAfter(cert));
		*ret = c;
	} else {
		r = error_set(err, -EINVAL, "certificate", NULL, "no certificate in PEM");
	}
	OPENSSL_free(serial);
	BN_free(n);
	X509_free(cert);
	return r;
}

int
pki_fingerprint(const char *pem, char ret[PKI_FINGERPRINT_SIZE])
{
	X509 *cert = read_cert(pem);
	unsigned char *der = NULL;
	int n = cert != NULL ? i2d_X509(cert, &der) : -1;

	if (n > 0)
		digest_sha256(der, (size_t)n, ret);
	OPENSSL_free(der);
	X509_free(cert);
	return n > 0 ? 0 : -EINVAL;
}

int
pki_fits(const char *cert, const char *key)
{
	X509 *c = read_cert(cert);
	EVP_PKEY *k = read_key(key);
	int r = c != NULL && k != NULL && X509_check_private_key(c, k) == 1 ? 0 : -EINVAL;

	ERR_clear_error();
	X509_free(c);
	EVP_PKEY_free(k);
	return r;
}
