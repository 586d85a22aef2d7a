/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The REST server's TCP side: HTTP/1.1 on IPv4 and IPv6, with TLS or on loopback without. */
#ifndef LIB_REST_WEB_H
#define LIB_REST_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"
#include "lib/rest_server.h"

enum {
	REST_WEB_CONNS_MAX = 512,
	/* Of one address (IPv6: one /64); of this machine as many as there are, since a proxy may run here. */
	REST_WEB_CONNS_PER_ADDRESS = 64,
	/* Apart from those: of who shows a valid certificate of the own authority. */
	REST_WEB_AGENTS_MAX = 8192,
	/* Of certificates with one URI. More than an agent fetches images with (agent/store_streams.h: 48), polls, reports and consoles. */
	REST_WEB_AGENTS_PER_URI = 72,
	/* Octets of bodies above a megabyte that are held at a time, likewise. */
	REST_WEB_BODIES_PER_URI = 2 * REST_BODY_MAX,
	REST_WEB_OWNER_SIZE = 80,
};

struct rest_web_header {
	const char *name, *value;
};

struct rest_tls_peer;

struct rest_web_options {
	const char *const *listen; /* "127.0.0.1:8017", "[::]:8017" */
	size_t n_listen;
	const char *tls_cert, *tls_key; /* both or neither */
	/* TLS without those files: rest_web_show() gives the certificate, before the first turn of the loop. */
	bool tls_shown;
	const struct rest_web_header *headers; /* of every answer */
	size_t n_headers;
	/* Paths that are there under the own name alone ("/agent/"), or NULL. */
	const char *closed_prefix;
	/* Is that Host field this server's? Else 421 is answered. */
	bool (*host_ok)(void *arg, const char *host);
	/* Is a certificate of the own authority, valid by its signature and time, still good? Whose is not is a stranger. NULL:
	 * all are. */
	bool (*agent_ok)(void *arg, const struct rest_tls_peer *peer);
	/* With the head, before the body is read: the octets that a body of this client may have. */
	size_t (*body_max)(void *arg, struct rest_request *rq);
};

/* "ADDR:PORT" or "[ADDR]:PORT" with a port from 1; -EINVAL. */
int
rest_web_parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len,
    bool *ret_loopback) MUST_CHECK;
/* Begins to listen too; the strings are borrowed for the server's life. Codes: "web-address", "web-port-taken",
 * "web-needs-tls" (an address other than loopback without), "tls-files". */
int
rest_server_listen(struct rest_server *s, const struct rest_web_options *options,
    struct error *err) MUST_CHECK;
/* Certificate and key anew; what is connected goes on with the old ones. On failure the old ones stay. */
int
rest_web_reload(struct rest_server *s, struct error *err) MUST_CHECK;
/* Shows this certificate from now on, where the listener has none of files. */
int
rest_web_show(struct rest_server *s, const char *cert, const char *key,
    struct error *err) MUST_CHECK;
/* When the certificate in use ends (wall); INT64_MAX without TLS. */
int64_t
rest_web_certificate_ends(const struct rest_server *s);

struct rest_tls_own;

/* The own name and its certificate (lib/rest_tls.h), or a new one; nothing where there is no TLS. */
int
rest_web_set_own(
    struct rest_server *s, const struct rest_tls_own *own, struct error *err) MUST_CHECK;
/* What the client of a request showed, if it came to the own name; else NULL. */
const struct rest_tls_peer *
rest_web_peer(const struct rest_request *rq);
/* Ends every connection of who showed the certificate with that serial, or one with that URI (the other is NULL), whatever
 * it is doing; but the request that is being handled. */
void
rest_web_drop_agent(struct rest_server *s, const char *serial, const char *uri);
/* Did a request come on the connection of an agent, whose certificate was good when it came? */
bool
rest_web_is_agent(const struct rest_request *rq);
/* Connections of such. */
size_t
rest_web_agents(const struct rest_server *s);

/* On behalf of whom a request is served: its session or token and the token behind it. A stream ends at `until`
 * (wall), with rest_web_drop(), or as any other. */
void
rest_web_own(
    struct rest_request *rq, const char *owner, const char *token, int64_t until);
/* Ends the streams and the waiting requests of an owner, or those of a token (the other is NULL); not the request that
 * is being handled. */
void
rest_web_drop(struct rest_server *s, const char *owner, const char *token);
/* Of a request's owner, streams that are open. */
size_t
rest_web_streams(const struct rest_request *rq);
void
rest_web_each_stream_owner(
    struct rest_server *s, void (*each)(void *arg, const char *owner), void *arg);

#endif
