/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PEM and certificates into OpenSSL's objects: for those who have that library's door (lib/pki.c, lib/rest_tls.c,
 * orchestrator/authority.c). */
#ifndef LIB_PKI_READ_H
#define LIB_PKI_READ_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct asn1_string_st;
struct bio_st;
struct evp_pkey_st;
struct x509_st;

/* A key without a passphrase. NULL: it is none; OpenSSL's errors say why. Owned by the caller, as the next. */
struct evp_pkey_st *
pki_read_key(const char *pem);
/* The same of a file that is open already; borrows the BIO. */
struct evp_pkey_st *
pki_read_key_from(struct bio_st *bio);
/* NULL: no certificate of at most PKI_PEM_MAX octets. */
struct x509_st *
pki_read_cert(const char *pem);
/* Its serial in hexadecimal, lower case. 0 or -EINVAL, *ret then "". */
int
pki_read_serial(const struct x509_st *cert, char *ret, size_t size) MUST_CHECK;
/* Its first URI among the alternative names; "": it has none that fits. */
void
pki_read_uri(const struct x509_st *cert, char *ret, size_t size);
/* Microseconds; `other` for what is no time. */
int64_t
pki_read_time(const struct asn1_string_st *t, int64_t other);

#endif
