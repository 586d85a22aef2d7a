/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS for the REST server's TCP side: certificate and key of files, and a bufferevent per connection. */
#ifndef LIB_REST_TLS_H
#define LIB_REST_TLS_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

enum { REST_TLS_SERIAL_SIZE = 48, REST_TLS_URI_SIZE = 160 };

struct rest_tls;

/* Another name that the server goes by, with a certificate of an authority of its own, for clients that know no other
 * and are asked for one of that authority too. Texts in PEM. */
struct rest_tls_own {
	const char *name;
	const char *cert, *key, *authority;
};

/* What a client showed when it came. */
struct rest_tls_peer {
	bool own;			   /* it came to the own name */
	bool shown;			   /* a certificate, and has its key */
	bool valid;			   /* … of the own authority, and of now */
	bool expired;			   /* … else only its time is over */
	char why[80];			   /* … else, in OpenSSL's words */
	char serial[REST_TLS_SERIAL_SIZE]; /* hexadecimal */
	char uri[REST_TLS_URI_SIZE];	   /* its first subjectAltName of that kind */
	int64_t begins, ends;		   /* wall */
};

/* TLS 1.3 alone. The certificate file may hold the chain behind it. NULL with *err (code "tls-files"): unreadable,
 * a key that others may read, or that is not this certificate's. */
struct rest_tls *
rest_tls_new(const char *cert_path, const char *key_path, struct error *err);
/* Without a certificate until rest_tls_show(): to be called before the first connection. */
struct rest_tls *
rest_tls_new_empty(void);
/* That certificate and key (PEM) from now on, as rest_tls_take(). */
int
rest_tls_show(struct rest_tls *tls, const char *cert, const char *key,
    struct error *err) MUST_CHECK;
/* After every connection that was accepted with it. */
void
rest_tls_free(struct rest_tls *tls);
/* Certificate and key of `from` (taken) from now on; connections live on with those they began with. */
void
rest_tls_take(struct rest_tls *tls, struct rest_tls *from);
/* The own name, or its new certificate. */
int
rest_tls_set_own(
    struct rest_tls *tls, const struct rest_tls_own *own, struct error *err) MUST_CHECK;
/* Is that Host field the own name? */
bool
rest_tls_is_own(const struct rest_tls *tls, const char *host);
/* Of a connection whose handshake is over: judged by the own authority, now. */
void
rest_tls_look(
    const struct rest_tls *tls, struct bufferevent *bev, struct rest_tls_peer *ret);
/* When the certificate ends, wall microseconds. */
int64_t
rest_tls_ends(const struct rest_tls *tls);
/* Takes fd, also on failure (NULL). */
struct bufferevent *
rest_tls_accept(const struct rest_tls *tls, struct event_base *base, int fd);
/* Says goodbye (close_notify); nothing may be sent afterwards. A connection without TLS is left as it is. */
void
rest_tls_close(struct bufferevent *bev);

#endif
