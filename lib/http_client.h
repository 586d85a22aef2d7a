/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP requests through libcurl: asynchronous on an event loop, or blocking for netboot-ctl.
 * Server forms: "unix:/path/to.sock" and "https://host[:port]" (or http:// for tests). */
#ifndef LIB_HTTP_CLIENT_H
#define LIB_HTTP_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

enum { HTTP_CLIENT_BODY_MAX = 64 * 1024 * 1024 };

/* An HTTP proxy, and who is known to it (Basic, RFC 7617). Borrowed. */
struct http_client_proxy {
	const char *url;	     /* "http://HOST:PORT"; NULL: none */
	const char *user, *password; /* NULL: it is told none */
};

/* Who a client is, and whom alone it speaks to, beyond what the system trusts. Read at each request: what changes is true
 * of the next one, on a connection of its own. */
struct http_client_self {
	const char
	    *name; /* what the server's certificate calls it, wherever it is reached */
	const char *authority;		/* certificates in PEM, the only ones trusted */
	const char *cert, *key;		/* its own, in PEM; NULL: none */
	struct http_client_proxy proxy; /* by CONNECT */
	bool
	    unknown; /* the authority is not known yet: whatever answers is listened to, and told no secret */
};

struct http_client_request {
	const char *method;	     /* "GET", … */
	const char *path;	     /* "/api/v1/hosts?site=x", already encoded */
	const char *body;	     /* JSON text or NULL */
	size_t body_len;	     /* of one that is not text; 0: up to its NUL */
	const char *idempotency_key; /* or NULL */
	const char *if_match;	     /* or NULL */
	const char *ca_file;	     /* for this one: as http_client_trust(); or NULL */
	int64_t timeout_us;	     /* whole request; 0: none (streams) */
	/* Of a client without a server: where to, whole ("https://hook.example/x?y"), and how messages call it, since
	 * what is behind the host's name is often a secret. */
	const char *url, *url_name;
	bool
	    gzip; /* the answer may be compressed on its way; not asked for on a unix socket */
	const char *content_type; /* of the body; NULL: application/json */
	const char *const
	    *headers;	 /* further lines "Name: value", up to a NULL; or NULL */
	size_t body_max; /* of the answer; 0: HTTP_CLIENT_BODY_MAX */
	/* The status is the whole answer: nothing of a body is kept, and none that is long, cut off or slow takes the
	 * status back. */
	bool status_only;
	/* A file's octets, of which several parts are asked for at once: HTTP/1.1, so that each has its own connection, and
	 * redirects are followed (never away from https), since whoever asks checks what came by its digest. */
	bool part;
	/* Of one with a URL: whose certificate it is is not looked at. Nothing secret may go with it. */
	bool any_certificate;
	struct http_client_proxy proxy; /* of a request with a URL */
	int64_t connect_timeout_us;	/* 0: ten seconds */
	const struct http_client_self
	    *self; /* for this one: as http_client_be(); or NULL */
};

/* What an answer that is streamed says about itself, from its first octet on. */
struct http_client_head {
	int status;
	char etag[80];
	int64_t from,
	    to; /* Content-Range: `to` is the first octet that is not in it; -1: not said */
	int64_t
	    total; /* of the whole file, by Content-Range or Content-Length; -1: not said */
	int64_t rtt_us; /* from the request to the first octet of the answer */
};

struct http_client_reply {
	int status; /* HTTP status, 0 when no answer came */
	char *body; /* NUL-terminated; borrowed until the callback returns */
	size_t body_len;
	char etag[80];
	char agent
	    [200]; /* "Netboot-Agent": it is a site's agent that answers (docs/api.md) */
	int64_t
	    retry_after_s; /* "Retry-After", an hour at most; 0: not said in seconds */
	struct error
	    err; /* set when status is 0: code "server-unreachable", "tls-failed", "proxy-login" or "timeout" */
};

struct http_client;
struct http_client_call;

struct http_client *
http_client_new(struct event_base *base, const char *server, const char *token,
    struct error *err); /* token may be NULL */
/* Its certificate must be of one of those in the file (copied), PEM; NULL: of one that the system trusts. */
void
http_client_trust(struct http_client *c, const char *ca_file);
/* `self` is borrowed, and may be NULL: nobody in particular. Of a unix socket it changes nothing. */
void
http_client_be(struct http_client *c, const struct http_client_self *self);
/* Without a server: every request names its URL. Redirects are answers like any other, never followed. */
struct http_client *
http_client_new_anywhere(struct event_base *base);
/* `done` is called exactly once unless the call is cancelled. Strings are copied. */
struct http_client_call *
http_client_start(struct http_client *c, const struct http_client_request *rq,
    void (*done)(void *arg, const struct http_client_reply *reply), void *arg);
/* A stream: `chunk` is called with each piece; returning non-zero ends it. */
struct http_client_call *
http_client_stream(struct http_client *c, const struct http_client_request *rq,
    int (*chunk)(void *arg, const char *data, size_t len),
    void (*done)(void *arg, const struct http_client_reply *reply), void *arg);
/* Within `chunk`. */
void
http_client_head(const struct http_client_call *call, struct http_client_head *ret);
/* Nothing more of a stream is read until it is let go on: then the peer waits, too. Letting it go on may call `chunk`
 * from inside. */
void
http_client_pause(struct http_client_call *call, bool pause);
/* Told of the header "Netboot-Agent" of every answer that has it, before the answer is. */
void
http_client_on_agent(
    struct http_client *c, void (*fn)(void *arg, const char *value), const void *arg);
/* This machine's address of the connection that a call has, or had; "" before it has one. Borrowed until it ends. */
const char *
http_client_from(const struct http_client_call *call);
void
http_client_cancel(struct http_client_call *call);
void
http_client_free(struct http_client *c);

/* Blocking. Returns 0 when an HTTP answer came (any status), else -errno; free the body with
 * http_client_reply_done(). */
int
http_client_once(const char *server, const char *token,
    const struct http_client_request *rq, struct http_client_reply *ret) MUST_CHECK;
void
http_client_reply_done(struct http_client_reply *reply);

#endif
