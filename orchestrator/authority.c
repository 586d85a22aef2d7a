// SPDX-License-Identifier: GPL-3.0-or-later
/* The orchestrator's own authority, through OpenSSL.
 *
 * Entry points: authority_open(), authority_issue(), authority_server(), authority_people(). Two files, of mode 0600: the key is written first;
 * where only it is there the certificate is made anew under the same name, and what was signed before holds. Without
 * the key nothing holds that a new one could sign, so that a start without it is refused. The server's own certificate
 * is never on disk: each process makes one.
 *
 * Serials are 127 random bits (RFC 5280 4.1.2.2: at most 20 octets, positive). Certificates begin a day before they are
 * made, and the server's with the authority: an agent whose clock is behind can still tell of it.
 * Failure modes: files that cannot be read or written, named; requests that are none. */
#include "orchestrator/authority.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/compiler.h"
#include "lib/keepfile.h"
#include "lib/pki_read.h"
#include "lib/secret.h"
#include "lib/str.h"

#define DAY_US (24LL * 3600 * USEC_PER_SEC)

enum { SERIAL_OCTETS = 16 };

struct authority {
	EVP_PKEY *key;
	X509 *cert;
	char *pem;
	char fingerprint[PKI_FINGERPRINT_SIZE];
	struct pki_cert about;
};

/* What is said of a certificate in the order that it is put in. */
struct extension {
	int nid;
	const char *value;
};

static const struct extension of_authority[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
};
static const struct extension of_site[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "clientAuth"},
    {NID_authority_key_identifier, "keyid:always"},
};
static const struct extension of_server[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_authority_key_identifier, "keyid:always"},
};

/* OpenSSL fails at these for want of memory or random numbers only. */
static void
must(int ok)
{
	if (ok <= 0)
		abort();
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (ext == NULL)
		abort();
	must(X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
}

static void
set_time(ASN1_TIME *t, int64_t at)
{
	if (ASN1_TIME_set(t, (time_t)(at / USEC_PER_SEC)) == NULL)
		abort();
}

static void
set_serial(X509 *cert)
{
	unsigned char raw[SERIAL_OCTETS];
	BIGNUM *n;

	must(RAND_bytes(raw, sizeof(raw)));
	raw[0] =
	    (unsigned char)((raw[0] & 0x7f) | 0x40); /* positive, and of one length */
	n = BN_bin2bn(raw, sizeof(raw), NULL);
	if (n == NULL || BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) == NULL)
		abort();
	BN_free(n);
}

/* Signed by `issuer`, or by itself where that is NULL. */
static X509 *
make(EVP_PKEY *issuer_key, X509 *issuer, EVP_PKEY *key, const char *name, int64_t begins,
    int64_t ends, const struct extension *ext, size_t n_ext, const char *uri)
{
	X509 *cert = X509_new();
	X509 *by = issuer != NULL ? issuer : cert;

	if (cert == NULL)
		abort();
	must(X509_set_version(cert, X509_VERSION_3));
	set_serial(cert);
	set_time(X509_getm_notBefore(cert), begins);
	set_time(X509_getm_notAfter(cert), ends);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0));
	must(X509_set_issuer_name(cert, X509_get_subject_name(by)));
	must(X509_set_pubkey(cert, key));
	for (size_t i = 0; i < n_ext; i++)
		add_extension(cert, by, ext[i].nid, ext[i].value);
	if (uri != NULL)
		add_extension(cert, by, NID_subject_alt_name, uri);
	must(X509_sign(cert, issuer_key, EVP_sha256()));
	return cert;
}

static char *
pem_of(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL, *ret;

	if (bio == NULL)
		abort();
	must(PEM_write_bio_X509(bio, cert));
	long n = BIO_get_mem_data(bio, &data);
	ret = str_alloc((size_t)n + 1);
	memcpy(ret, data, (size_t)n);
	BIO_free(bio);
	return ret;
}

/* ---- its files ---- */

static int
trouble(struct error *err, int rc, const char *path)
{
	return error_set(err, rc, "config",
	    rc == -EPERM ? "chmod 600 it"
			 : "look at the folder of key_file and its permissions",
	    "%s: %s", path,
	    rc == -EPERM ? "others than its owner may read it" : strerror(-rc));
}

/* The text of the file; NULL where there is none. */
static int
read_file(const char *path, char **ret, struct error *err)
{
	int rc = keepfile_read(path, ret);

	if (rc == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	return rc < 0 ? trouble(err, rc, path) : 0;
}

static int
read_key(struct authority *a, const char *path, bool certified, struct error *err)
{
	char *text = NULL;
	int rc = read_file(path, &text, err);

	if (rc == 0 && text == NULL && certified)
		return error_set(err, -ENOENT, "config",
		    "restore it from its backup; or remove authority.pem as well, and "
		    "let "
		    "every site join anew",
		    "%s is not there, but its certificate is", path);
	if (rc == 0 && text == NULL) {
		text = pki_key_new();
		rc = keepfile_write(path, text);
		if (rc < 0)
			rc = trouble(err, rc, path);
	}
	if (rc == 0 && (a->key = pki_read_key(text)) == NULL)
		rc = error_set(err, -EINVAL, "config", "restore it from its backup",
		    "%s is no private key", path);
	ERR_clear_error();
	secret_free(text);
	return rc;
}

static int
make_cert(struct authority *a, const char *path, int64_t now, struct error *err)
{
	X509 *cert = make(a->key, NULL, a->key, "netboot authority", now - DAY_US,
	    now + AUTHORITY_DAYS * DAY_US, of_authority, ARRAY_SIZE(of_authority), NULL);
	int rc;

	a->pem = pem_of(cert);
	X509_free(cert);
	rc = keepfile_write(path, a->pem);
	return rc < 0 ? trouble(err, rc, path) : 0;
}

static int
take_cert(struct authority *a, const char *path, struct error *err)
{
	a->cert = pki_read_cert(a->pem);
	ERR_clear_error();
	if (a->cert == NULL || X509_check_private_key(a->cert, a->key) != 1 ||
	    pki_cert_read(a->pem, &a->about, err) < 0 ||
	    pki_fingerprint(a->pem, a->fingerprint) < 0)
		return error_set(err, -EINVAL, "config", "restore both from a backup",
		    "%s is not the certificate of authority.key", path);
	return 0;
}

struct authority *
authority_open(const char *key_file, int64_t now, struct error *err)
{
	struct authority *a = str_alloc(sizeof(*a));
	char *key = keepfile_beside(key_file, "authority.key");
	char *pem = keepfile_beside(key_file, "authority.pem");
	int rc = read_file(pem, &a->pem, err);

	if (rc == 0)
		rc = read_key(a, key, a->pem != NULL, err);
	if (rc == 0 && a->pem == NULL)
		rc = make_cert(a, pem, now, err);
	if (rc == 0)
		rc = take_cert(a, pem, err);
	free(key);
	free(pem);
	if (rc < 0) {
		authority_free(a);
		return NULL;
	}
	return a;
}

void
authority_free(struct authority *a)
{
	if (a == NULL)
		return;
	EVP_PKEY_free(a->key);
	X509_free(a->cert);
	free(a->pem);
	free(a);
}

const char *
authority_pem(const struct authority *a)
{
	return a->pem;
}

const char *
authority_fingerprint(const struct authority *a)
{
	return a->fingerprint;
}

int64_t
authority_ends(const struct authority *a)
{
	return a->about.ends;
}

/* ---- what it signs ---- */

/* The key of a request: on the curve that agents use, and proven by the request's signature. */
static EVP_PKEY *
requested_key(const char *request)
{
	BIO *bio = BIO_new_mem_buf(request, -1);
	char group[32] = "";
	X509_REQ *req;
	EVP_PKEY *key = NULL;

	if (bio == NULL)
		abort();
	req = strlen(request) <= PKI_PEM_MAX
		  ? PEM_read_bio_X509_REQ(bio, NULL, NULL, (void *)(uintptr_t) "")
		  : NULL;
	if (req != NULL)
		key = X509_REQ_get_pubkey(req);
	if (key != NULL &&
	    (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
		!str_eq(group, "prime256v1") || X509_REQ_verify(req, key) != 1)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	X509_REQ_free(req);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

int
authority_issue(const struct authority *a, const char *request, const char *site,
    int64_t now, char **ret, struct pki_cert *ret_cert, struct error *err)
{
	EVP_PKEY *key = requested_key(request);
	char uri[PKI_SITE_SIZE + 32], name[PKI_SITE_SIZE + 16];
	int64_t ends = now + AUTHORITY_SITE_DAYS * DAY_US;
	X509 *cert;

	if (key == NULL)
		return error_set(err, -EINVAL, "bad-value",
		    "send a request (PKCS #10, PEM) of an ECDSA P-256 key, signed by it",
		    "csr: not a certificate request that can be signed");
	if (ends > a->about.ends)
		ends = a->about.ends;
	if (str_format(uri, sizeof(uri), "URI:" PKI_SITE_URI "%s", site) < 0 ||
	    str_format(name, sizeof(name), "site %s", site) < 0)
		abort();
	/* A common name has at most 64 characters (RFC 5280 A.1). */
	if (strlen(name) > 64)
		str_clip(name, sizeof(name), "site");
	cert = make(a->key, a->cert, key, name, now - AUTHORITY_BACKDATED_US, ends,
	    of_site, ARRAY_SIZE(of_site), uri);
	*ret = pem_of(cert);
	if (pki_cert_read(*ret, ret_cert, NULL) < 0)
		abort();
	X509_free(cert);
	EVP_PKEY_free(key);
	return 0;
}

/* A certificate of a new key. */
static void
serve_as(const struct authority *a, const char *name, const char *alt, int64_t now,
    char **ret_cert, char **ret_key, int64_t *ret_renew)
{
	int64_t life = AUTHORITY_SERVER_DAYS * DAY_US;
	X509 *cert;
	EVP_PKEY *key;

	*ret_key = pki_key_new();
	key = pki_read_key(*ret_key);
	if (key == NULL)
		abort();
	cert = make(a->key, a->cert, key, name,
	    a->about.begins < now ? a->about.begins : now - DAY_US, now + life, of_server,
	    ARRAY_SIZE(of_server), alt);
	*ret_cert = pem_of(cert);
	*ret_renew = now + life * 2 / 3;
	X509_free(cert);
	EVP_PKEY_free(key);
}

void
authority_server(const struct authority *a, int64_t now, char **ret_cert, char **ret_key,
    int64_t *ret_renew)
{
	serve_as(
	    a, AUTHORITY_HOST, "DNS:" AUTHORITY_HOST, now, ret_cert, ret_key, ret_renew);
}

/* Nothing that has a meaning in the list of names. */
static bool
is_host_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < 254 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-.") == n;
}

void
authority_people(const struct authority *a, int64_t now, const char *const *names,
    size_t n, char **ret_cert, char **ret_key, int64_t *ret_renew)
{
	static const char first[] = "DNS:localhost";
	size_t size = sizeof(first), used = sizeof(first) - 1;
	struct addr_ip ip;
	char *alt;

	for (size_t i = 0; i < n; i++)
		size += strlen(names[i]) + sizeof(",DNS:");
	alt = str_alloc(size);
	memcpy(alt, first, sizeof(first));
	for (size_t i = 0; i < n; i++) {
		bool address = addr_ip_parse(names[i], &ip) == 0;

		if (!address && !is_host_name(names[i]))
			continue;
		if (str_format(alt + used, size - used, ",%s:%s", address ? "IP" : "DNS",
			names[i]) < 0)
			abort();
		used += strlen(alt + used);
	}
	serve_as(a, "netboot", alt, now, ret_cert, ret_key, ret_renew);
	free(alt);
}
