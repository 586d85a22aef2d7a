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

#include "lib/digest.h"
#include "lib/pki_read.h"
#include "lib/secret.h"
#include "lib/str.h"

static BIO *
room(void)
{
	BIO *bio = BIO_new(BIO_s_mem());

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

char *
pki_key_new(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = room();

	if (key == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	EVP_PKEY_free(key);
	return text_of(bio);
}

int
pki_request(const char *key, const char *site, char **ret, struct error *err)
{
	EVP_PKEY *pkey = pki_read_key(key);
	X509_REQ *req;
	BIO *bio;

	ERR_clear_error();
	if (pkey == NULL)
		return error_set(err, -EINVAL, "certificate", NULL,
		    "the agent's key is no private key");
	req = X509_REQ_new();
	bio = room();
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
	const char *site = uri + sizeof(PKI_SITE_URI) - 1;

	if (!str_has_prefix(uri, PKI_SITE_URI) || !str_name_valid(site) ||
	    str_copy(ret, PKI_SITE_SIZE, site) < 0)
		return -EINVAL;
	return 0;
}

int
pki_cert_read(const char *pem, struct pki_cert *ret, struct error *err)
{
	X509 *cert = pki_read_cert(pem);
	struct pki_cert c = {.begins = 0};
	char uri[sizeof(PKI_SITE_URI) + PKI_SITE_SIZE];

	ERR_clear_error();
	if (cert == NULL || pki_read_serial(cert, c.serial, sizeof(c.serial)) < 0) {
		X509_free(cert);
		return error_set(
		    err, -EINVAL, "certificate", NULL, "no certificate in PEM");
	}
	pki_read_uri(cert, uri, sizeof(uri));
	if (pki_site_of_uri(uri, c.site) < 0)
		c.site[0] = '\0';
	c.begins = pki_read_time(X509_get0_notBefore(cert), 0);
	c.ends = pki_read_time(X509_get0_notAfter(cert), 0);
	*ret = c;
	X509_free(cert);
	return 0;
}

int
pki_fingerprint(const char *pem, char ret[PKI_FINGERPRINT_SIZE])
{
	X509 *cert = pki_read_cert(pem);
	unsigned char *der = NULL;
	int n = cert != NULL ? i2d_X509(cert, &der) : -1;

	ERR_clear_error();
	if (n > 0)
		digest_sha256(der, (size_t)n, ret);
	OPENSSL_free(der);
	X509_free(cert);
	return n > 0 ? 0 : -EINVAL;
}

int
pki_fits(const char *cert, const char *key)
{
	X509 *c = pki_read_cert(cert);
	EVP_PKEY *k = pki_read_key(key);
	int r = c != NULL && k != NULL && X509_check_private_key(c, k) == 1 ? 0 : -EINVAL;

	ERR_clear_error();
	X509_free(c);
	EVP_PKEY_free(k);
	return r;
}
