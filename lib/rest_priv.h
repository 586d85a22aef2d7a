/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rest_server.c (socket, routes) and rest_request.c (request, answer) share. */
#ifndef LIB_REST_PRIV_H
#define LIB_REST_PRIV_H

#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "lib/rest_conn.h"
#include "lib/rest_server.h"

enum { REST_PARAMS_MAX = 4 };

struct rest_server {
	struct event_base *base;
	const struct log *log;
	struct evhttp *http;
	struct evconnlistener *listener; /* http's */
	struct event *resume;		 /* armed while it is paused */
	long long slow;			 /* handlers */
	int64_t told_at;		 /* mono; of the log about a pause; 0: never */
	char *socket_path;		 /* set once it is ours to unlink */
	const struct rest_route *routes;
	size_t n_routes;
	rest_problem_fn *on_problem; /* or NULL */
	rest_handler *on_unknown;    /* or NULL */
	void *arg;
	struct rest_web *web; /* its TCP side; NULL: none */
	struct rest_request
	    *handling; /* the one whose handler is running; NULL once answered */
};

struct rest_param {
	char name[32];
	char *value;
};

struct rest_request {
	struct rest_server *server;
	struct evhttp_request *ev;	/* of the unix socket; NULL: it came by TCP */
	struct rest_conn *conn;		/* of TCP; NULL: by the unix socket */
	const struct rest_route *route; /* NULL until it is found */
	struct rest_param params[REST_PARAMS_MAX];
	size_t n_params;
	struct evkeyvalq query;
	json_t *body;
	void *user; /* or NULL */
	bool recorded;
	struct event *on_closed; /* armed while the answer is deferred */
	void (*gone)(void *arg);
	void *gone_arg;
};

struct rest_request *
rest_request_new(struct rest_server *s, struct evhttp_request *ev);
struct rest_request *
rest_request_new_web(struct rest_server *s, struct rest_conn *conn);
/* Of one that was only looked at, and is not to be answered. */
void
rest_request_cancel(struct rest_request *rq);
/* Its client went away; it is freed. */
void
rest_request_gone(struct rest_request *rq);
/* Finds the route and runs its handler; `closed`: as if there were none. */
void
rest_server_serve(struct rest_server *s, struct rest_request *rq, bool closed);
void
rest_web_free(struct rest_web *w);
/* After its handler returned without an answer: watches for the client going away. */
void
rest_request_defer(struct rest_request *rq);
/* Decodes the query; -EINVAL when it is malformed. */
int
rest_request_read_query(struct rest_request *rq) MUST_CHECK;
/* Adds a path parameter from its encoded text; -EINVAL when it holds a NUL or there are
 * too many. */
int
rest_request_add_param(struct rest_request *rq, const char *name, size_t name_len,
    const char *encoded, size_t encoded_len) MUST_CHECK;

#endif
