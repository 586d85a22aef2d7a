// SPDX-License-Identifier: GPL-3.0-or-later
/* TLS of the REST server through OpenSSL, beneath libevent's bufferevents.
 *
 * Entry points: rest_tls_new() reads certificate and key, rest_tls_show() is given them, rest_tls_accept() makes a connection; rest_tls_set_own() adds
 * the name by which agents know the server, rest_tls_look() tells what one of them has shown. Contexts are
 * counted by OpenSSL: a new one may take its place while connections of the old one go on.
 * Failure modes: files that cannot be used, named with OpenSSL's reason; a handshake that fails is the connection's
 * error. A client's certificate that is no good does not end the handshake: who it is asked of can be told what is wrong
 * with it, and the refusal recorded. What may be negotiated is what OpenSSL's default list has for TLS 1.3. */
#include "lib/rest_tls.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/pki_read.h"
#include "lib/str.h"

enum { CLIENT_CHAIN_MAX = 16 * 1024 };

struct rest_tls {
	SSL_CTX *ctx;
	int64_t ends;
	SSL_CTX *own; /* NULL: no own name */
	char *name;
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
	key = pki_read_key_from(bio);
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
	return cert ? pki_read_time(X509_get0_notAfter(cert), INT64_MAX) : INT64_MAX;
}

/* TLS 1.3's own resumption needs no state here, and a ticket of a key that is gone is only not taken. */
static void
harden(SSL_CTX *ctx)
{
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		abort();
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
}

/* ---- the own name ---- */

/* Whatever is shown is taken: rest_tls_look() judges it. That the client has its key the handshake proves. */
static int
take_any(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;
	return 1;
}

static int
on_name(SSL *ssl, int *alert, void *arg)
{
	const struct rest_tls *tls = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (!tls->own || !name || strcasecmp(name, tls->name) != 0)
		return SSL_TLSEXT_ERR_NOACK;
	if (!SSL_set_SSL_CTX(ssl, tls->own))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	/* These were copied from the first context. */
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	SSL_set_max_cert_list(ssl, CLIENT_CHAIN_MAX);
	/* Each connection shows its certificate anew: what was revoked or has ended does not come back by a ticket. */
	SSL_set_num_tickets(ssl, 0);
	return SSL_TLSEXT_ERR_OK;
}

static void
listen_for_name(struct rest_tls *tls)
{
	SSL_CTX_set_tlsext_servername_callback(tls->ctx, on_name);
	SSL_CTX_set_tlsext_servername_arg(tls->ctx, tls);
}

static bool
use_own(SSL_CTX *ctx, const struct rest_tls_own *own)
{
	EVP_PKEY *key = pki_read_key(own->key);
	X509 *cert = pki_read_cert(own->cert), *authority = pki_read_cert(own->authority);
	bool ok = key && cert && authority && SSL_CTX_use_certificate(ctx, cert) == 1 &&
		  SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
		  SSL_CTX_check_private_key(ctx) == 1 &&
		  SSL_CTX_add_client_CA(ctx, authority) == 1 &&
		  X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) == 1;

	EVP_PKEY_free(key);
	X509_free(cert);
	X509_free(authority);
	return ok;
}

int
rest_tls_set_own(struct rest_tls *tls, const struct rest_tls_own *own, struct error *err)
{
	static const unsigned char context[] = "netboot";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		abort();
	harden(ctx);
	SSL_CTX_set_session_id_context(ctx, context, sizeof(context) - 1);
	SSL_CTX_set_cert_verify_callback(ctx, take_any, NULL);
	ERR_clear_error();
	if (!use_own(ctx, own)) {
		SSL_CTX_free(ctx);
		return fail(err, own->name, "the own authority's certificate");
	}
	SSL_CTX_free(tls->own);
	tls->own = ctx;
	free(tls->name);
	tls->name = str_dup(own->name);
	return 0;
}

bool
rest_tls_is_own(const struct rest_tls *tls, const char *host)
{
	size_t len = tls->own ? strlen(tls->name) : 0;

	return len > 0 && strncasecmp(host, tls->name, len) == 0 &&
	       (host[len] == '\0' || host[len] == ':');
}

/* By a chain of the own authority alone, as a client's, at this time. */
static int
judge(const struct rest_tls *tls, X509 *cert)
{
	X509_STORE_CTX *store = X509_STORE_CTX_new();
	int why;

	if (!store ||
	    X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(tls->own), cert, NULL) != 1)
		abort();
	X509_STORE_CTX_set_purpose(store, X509_PURPOSE_SSL_CLIENT);
	why = X509_verify_cert(store) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(store);
	/* Never "all is well" for what was not found to be. */
	if (why == X509_V_OK && X509_STORE_CTX_get_num_untrusted(store) < 1)
		why = X509_V_ERR_UNSPECIFIED;
	X509_STORE_CTX_free(store);
	ERR_clear_error();
	return why;
}

void
rest_tls_look(
    const struct rest_tls *tls, struct bufferevent *bev, struct rest_tls_peer *ret)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	const char *name =
	    ssl ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : NULL;
	X509 *cert;
	int why;

	*ret = (struct rest_tls_peer){.own = false};
	if (!tls->own || !name || strcasecmp(name, tls->name) != 0)
		return;
	ret->own = true;
	cert = SSL_get0_peer_certificate(ssl);
	if (!cert)
		return;
	ret->shown = true;
	why = judge(tls, cert);
	ret->valid = why == X509_V_OK;
	ret->expired = why == X509_V_ERR_CERT_HAS_EXPIRED;
	str_clip(ret->why, sizeof(ret->why), X509_verify_cert_error_string(why));
	/* None of ours is too long. */
	if (pki_read_serial(cert, ret->serial, sizeof(ret->serial)) < 0)
		ret->valid = false;
	pki_read_uri(cert, ret->uri, sizeof(ret->uri));
	ret->begins = pki_read_time(X509_get0_notBefore(cert), 0);
	ret->ends = ends_at(cert);
}

/* ---- certificate and key, of files or as texts ---- */

static SSL_CTX *
new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		abort();
	harden(ctx);
	return ctx;
}

/* Takes ctx. */
static struct rest_tls *
new_of(SSL_CTX *ctx)
{
	struct rest_tls *tls = str_alloc(sizeof(*tls));

	tls->ctx = ctx;
	tls->ends = ends_at(SSL_CTX_get0_certificate(ctx));
	listen_for_name(tls);
	return tls;
}

struct rest_tls *
rest_tls_new_empty(void)
{
	return new_of(new_context());
}

int
rest_tls_show(struct rest_tls *tls, const char *cert, const char *key, struct error *err)
{
	SSL_CTX *ctx = new_context();
	X509 *x = pki_read_cert(cert);
	EVP_PKEY *k = pki_read_key(key);

	ERR_clear_error();
	bool ok = x && k && SSL_CTX_use_certificate(ctx, x) == 1 &&
		  SSL_CTX_use_PrivateKey(ctx, k) == 1;
	X509_free(x);
	EVP_PKEY_free(k);
	if (!ok) {
		SSL_CTX_free(ctx);
		return fail(err, "web", "the own authority's certificate");
	}
	rest_tls_take(tls, new_of(ctx));
	return 0;
}

struct rest_tls *
rest_tls_new(const char *cert_path, const char *key_path, struct error *err)
{
	SSL_CTX *ctx = new_context();
	int rc = 0;

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1)
		rc = fail(err, cert_path, "no certificate");
	if (rc == 0)
		rc = load_key(ctx, key_path, err);
	if (rc < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return new_of(ctx);
}

void
rest_tls_take(struct rest_tls *tls, struct rest_tls *from)
{
	SSL_CTX_free(tls->ctx);
	tls->ctx = from->ctx;
	tls->ends = from->ends;
	from->ctx = NULL;
	rest_tls_free(from);
	listen_for_name(tls);
}

void
rest_tls_free(struct rest_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	SSL_CTX_free(tls->own);
	free(tls->name);
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
