// SPDX-License-Identifier: GPL-3.0-or-later
/* TLS of the REST server through OpenSSL, beneath libevent's bufferevents.
 *
 * Entry points: rest_tls_new() reads certificate and key, rest_tls_accept() makes a connection. The context is
 * counted by OpenSSL: a new one may take its place while connections of the old one go on.
 * Failure modes: files that cannot be used, named with OpenSSL's reason; a handshake that fails is the connection's
 * error. What may be negotiated is what OpenSSL's default list has for TLS 1.2 and 1.3, without renegotiation
 * and compression. */
#include "lib/rest_tls.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/str.h"

struct rest_tls {
	SSL_CTX *ctx;
	int64_t ends;
};

static int
fail(struct error *err, const char *path, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	error_set(err, -EINVAL, "tls-files",
	    "web.tls_cert and web.tls_key name a certificate and its key, in PEM",
	    "%s: %s%s%s", path, what, reason ? ": " : "", reason ? reason : "");
	ERR_clear_error();
	return -EINVAL;
}

static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

/* By descriptor: what was looked at is what is read. */
static int
open_key(const char *path, int *ret_fd, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return fail(err, path, strerror(e));
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		close(fd);
		return error_set(err, -EPERM, "tls-files", "chmod 600 it",
		    "%s: others than its owner may read this key", path);
	}
	*ret_fd = fd;
	return 0;
}

static int
load_key(SSL_CTX *ctx, const char *path, struct error *err)
{
	EVP_PKEY *key = NULL;
	BIO *bio;
	int fd = -1, rc = open_key(path, &fd, err);

	if (rc < 0)
		return rc;
	bio = BIO_new_fd(fd, BIO_CLOSE);
	if (!bio)
		abort();
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (!key)
		return fail(err, path, "no private key without a passphrase");
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		rc = fail(err, path, "not the certificate's key");
	EVP_PKEY_free(key);
	return rc;
}

static int64_t
ends_at(const X509 *cert)
{
	struct tm tm = {.tm_year = 0};

	if (!cert || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return INT64_MAX;
	return (int64_t)timegm(&tm) * USEC_PER_SEC;
}

/* TLS 1.3's own resumption needs no state here, and a ticket of a key that is gone is only not taken. */
static void
harden(SSL_CTX *ctx)
{
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		abort();
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
}

struct rest_tls *
rest_tls_new(const char *cert_path, const char *key_path, struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct rest_tls *tls;
	int rc = 0;

	if (!ctx)
		abort();
	harden(ctx);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1)
		rc = fail(err, cert_path, "no certificate");
	if (rc == 0)
		rc = load_key(ctx, key_path, err);
	if (rc < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	tls = str_alloc(sizeof(*tls));
	tls->ctx = ctx;
	tls->ends = ends_at(SSL_CTX_get0_certificate(ctx));
	return tls;
}

void
rest_tls_free(struct rest_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

int64_t
rest_tls_ends(const struct rest_tls *tls)
{
	return tls->ends;
}

struct bufferevent *
rest_tls_accept(const struct rest_tls *tls, struct event_base *base, int fd)
{
	SSL *ssl = SSL_new(tls->ctx);
	struct bufferevent *bev = NULL;

	if (ssl)
		bev = bufferevent_openssl_socket_new(
		    base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		close(fd);
		return NULL;
	}
	/* Clients that just go away are common, and every answer says its length. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

void
rest_tls_close(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	if (ssl && SSL_is_init_finished(ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(ssl);
		ERR_clear_error();
	}
}
