/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to the orchestrator's REST interface (docs/api.md), answers as JSON, failures
 * as exit codes with their error lines already printed. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "ctl/text.h"
#include "lib/compiler.h"

/* Where in the user's own document a server's JSON pointer points: "fleet.yaml:12";
 * writes "" when it is not known. */
typedef void
client_locate(void *arg, const char *pointer, char *buf, size_t size);

struct client_request {
	const char *method;	     /* "GET" */
	const char *path;	     /* "/api/v1/…", encoded */
	json_t *body;		     /* borrowed; NULL: none */
	const char *if_match;	     /* or NULL */
	const char *idempotency_key; /* or NULL */
	const char
	    *subject; /* what errors without a host of their own are about, or NULL */
	client_locate *locate; /* or NULL */
	void *locate_arg;
	char *ret_etag;	    /* 80 octets, or NULL */
	bool text;	    /* a good answer is a text: *ret is a JSON string */
	bool octets;	    /* the same of any octets */
	bool slow;	    /* the server hashes image files first */
	bool may_be_absent; /* a 404 is no failure: it leaves *ret alone */
	bool
	    may_be_elsewhere; /* nor is it one that a site's agent, which is asked, has no such thing */
};

/* For streams and many requests at once: http_client_new() of this server. */
struct http_client;
struct event_base;
struct http_client *
client_open(const struct ctl *ctl, struct event_base *base, struct error *err);

/* Prints the refusal in a reply whose status is not 2xx; the exit code to end with. */
int
client_refused(const struct ctl *ctl, const struct client_request *rq, int status,
    const char *body, size_t len);
/* 0 with *ret (owned by the caller; NULL allowed for "not wanted"), or the exit code to
 * end with: the error lines are on stderr then. */
int
client_call(
    const struct ctl *ctl, const struct client_request *rq, json_t **ret) MUST_CHECK;
int
client_get(const struct ctl *ctl, const char *path, json_t **ret) MUST_CHECK;
/* Once: whose knowledge the answers are, from what an agent says with each of them ("" from the orchestrator). */
void
client_tell_agent(const struct ctl *ctl, const char *said);
/* Where the list goes on behind that page, as its cursor (owned by the caller): an id, or a place in an order; NULL: nowhere. */
char *
client_next(const json_t *page);
/* All pages of a list, as one array. `max` 0: no cap; else it stops after the page that
 * reaches it. */
int
client_list(
    const struct ctl *ctl, const char *path, size_t max, json_t **ret_items) MUST_CHECK;
/* "/api/v1/COLLECTION/NAME[/ACTION]"; action may be NULL. Owned by the caller. */
char *
client_path(const char *collection, const char *name, const char *action);
/* A key under which this one request may be repeated. */
void
client_make_key(char *buf, size_t size);
/* The exit code that a refusal's code stands for (DESIGN section 8). */
int
client_exit_code(int status, const char *code);

#endif
