/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One TCP connection of the REST server: requests one after the other, with deadlines. For lib/rest_*.c only. */
#ifndef LIB_REST_CONN_H
#define LIB_REST_CONN_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include "lib/addr.h"
#include "lib/rest_head.h"
#include "lib/rest_tls.h"
#include "lib/rest_web.h"

struct rest_conn;

enum rest_conn_state {
	REST_CONN_HEAD,	    /* waits for a request, or for the rest of its head */
	REST_CONN_BODY,	    /* its body */
	REST_CONN_HANDLING, /* the answer is awaited */
	REST_CONN_STREAM,   /* an answer in pieces is under way */
	REST_CONN_WRITING,  /* an answer leaves */
	REST_CONN_LINGER, /* it has left; what still comes is thrown away, then closed */
};

/* What a connection needs of its server. */
struct rest_conn_ops {
	struct event_base *base;
	void *arg;
	/* Its TLS handshake is over; the last thing that is done with c, which may be freed in it. */
	void (*connected)(void *arg, struct rest_conn *c);
	/* A head is there: the octets its body may have. */
	size_t (*body_max)(void *arg, struct rest_conn *c);
	void (*request)(void *arg, struct rest_conn *c); /* a whole request */
	void (*gone)(void *arg, struct rest_conn *c);	 /* before it was answered */
	void (*closed)(void *arg, struct rest_conn *c);	 /* about to be freed */
	const struct rest_web_header *headers;
	size_t n_headers;
};

struct rest_conn {
	struct rest_conn *next, *prev; /* rest_web.c's */
	const struct rest_conn_ops *ops;
	struct bufferevent *bev;
	struct addr_ip address;
	bool tls;
	struct rest_tls_peer peer; /* what it showed, once it has */
	bool counted_apart;	   /* rest_web.c's: as an agent's */
	enum rest_conn_state state;
	bool first;    /* no request was served yet */
	bool stepping; /* requests are being read */
	bool
	    body_refused; /* its request was answered unread: the connection ends with the answer */
	struct event *deadline;
	struct event *end; /* of a stream whose owner may not for longer */
	struct rest_head head;
	bool has_head;
	struct evhttp_uri *uri;
	struct evbuffer *body;
	struct evkeyvalq out; /* header fields of the answer */
	struct rest_request *rq;
	int file; /* whose octets up to file_end belong to the answer that leaves; -1: none */
	int64_t file_at, file_end;
	char owner[REST_WEB_OWNER_SIZE], token[REST_WEB_OWNER_SIZE];
	int64_t until;
};

/* Takes bev. */
struct rest_conn *
rest_conn_new(const struct rest_conn_ops *ops, struct bufferevent *bev,
    const struct addr_ip *address, bool tls);
void
rest_conn_free(struct rest_conn *c);
/* Answers; `body` is emptied, and may be NULL. */
void
rest_conn_reply(
    struct rest_conn *c, int status, const char *title, struct evbuffer *body);
/* The same with the octets [from, end) of a file, in pieces. Takes fd. */
void
rest_conn_reply_file(struct rest_conn *c, int status, const char *title, int fd,
    int64_t from, int64_t end);
void
rest_conn_stream_start(struct rest_conn *c);
void
rest_conn_stream_send(struct rest_conn *c, struct evbuffer *piece);
void
rest_conn_stream_end(struct rest_conn *c, bool stuck);

#endif
