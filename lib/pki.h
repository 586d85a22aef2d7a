/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys, requests and certificates (X.509, RFC 5280) as texts in PEM: what both sides of a join need. */
#ifndef LIB_PKI_H
#define LIB_PKI_H

#include <stdint.h>

#include "lib/error.h"

enum {
	PKI_SERIAL_SIZE = 48,
	PKI_SITE_SIZE = 64,
	PKI_FINGERPRINT_SIZE = 65,
	PKI_PEM_MAX = 16 * 1024, /* of what others send */
};

/* The URI of a site's agent, with the site's name behind it. */
#define PKI_SITE_URI "netboot://site/"

/* What a certificate says. Times in microseconds. */
struct pki_cert {
	char serial[PKI_SERIAL_SIZE]; /* hexadecimal, lower case */
	char site[PKI_SITE_SIZE];     /* of its URI PKI_SITE_URI NAME; "" : it has none */
	int64_t begins, ends;
};

/* A new ECDSA P-256 key, in PEM (PKCS #8). Owned: secret_free(). */
char *
pki_key_new(void);
/* A request (PKCS #10, RFC 2986) by who has the key, for the site. Owned: free(). -EINVAL with *err: no key. */
int
pki_request(const char *key, const char *site, char **ret, struct error *err) MUST_CHECK;
/* 0, or -EINVAL with *err (code "certificate"). */
int
pki_cert_read(const char *pem, struct pki_cert *ret, struct error *err) MUST_CHECK;
/* SHA-256 of the certificate (its DER form), in hexadecimal. 0 or -EINVAL. */
int
pki_fingerprint(const char *pem, char ret[PKI_FINGERPRINT_SIZE]) MUST_CHECK;
/* Is the key in `key` the one that the certificate is of? */
int
pki_fits(const char *cert, const char *key) MUST_CHECK;
/* The site of "netboot://site/NAME": 0, or -EINVAL. */
int
pki_site_of_uri(const char *uri, char ret[PKI_SITE_SIZE]) MUST_CHECK;

#endif
