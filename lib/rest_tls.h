/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS for the REST server's TCP side: certificate and key of files, and a bufferevent per connection. */
#ifndef LIB_REST_TLS_H
#define LIB_REST_TLS_H

#include <event2/bufferevent.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

struct rest_tls;

/* TLS 1.2 and 1.3. The certificate file may hold the chain behind it. NULL with *err (code "tls-files"): unreadable,
 * a key that others may read, or that is not this certificate's. */
struct rest_tls *
rest_tls_new(const char *cert_path, const char *key_path, struct error *err);
void
rest_tls_free(struct rest_tls *tls); /* connections that use it live on */
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
