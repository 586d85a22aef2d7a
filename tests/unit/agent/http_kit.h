/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An orchestrator in the place of lib/http_client.c: requests wait until the test answers them. */
#ifndef TESTS_UNIT_AGENT_HTTP_KIT_H
#define TESTS_UNIT_AGENT_HTTP_KIT_H

#include <event2/event.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/http_client.h"
#include "lib/str.h"

struct http_client_call {
	char path[64];
	json_t *body;
	void (*done)(void *arg, const struct http_client_reply *reply);
	void *arg;
	struct http_client_call *next;
};

static struct http_client_call *http_kit_calls; /* oldest first */

struct http_client *
http_client_new(struct event_base *base UNUSED, const char *server UNUSED,
    const char *token UNUSED, struct error *err UNUSED)
{
	return (struct http_client *)str_alloc(1);
}

void
http_client_be(struct http_client *c UNUSED, const struct http_client_self *self UNUSED)
{
}

void
http_client_free(struct http_client *c)
{
	free(c);
}

struct http_client_call *
http_client_start(struct http_client *c UNUSED, const struct http_client_request *rq,
    void (*done)(void *arg, const struct http_client_reply *reply), void *arg)
{
	struct http_client_call *call = str_alloc(sizeof(*call)), **end = &http_kit_calls;

	str_clip(call->path, sizeof(call->path), rq->path);
	call->body = json_loads(rq->body, 0, NULL);
	assert_non_null(call->body);
	call->done = done;
	call->arg = arg;
	while (*end != NULL)
		end = &(*end)->next;
	*end = call;
	return call;
}

static inline void
http_kit_unlink(struct http_client_call *call)
{
	struct http_client_call **p = &http_kit_calls;

	while (*p != call)
		p = &(*p)->next;
	*p = call->next;
}

void
http_client_cancel(struct http_client_call *call)
{
	http_kit_unlink(call);
	json_decref(call->body);
	free(call);
}

/* The oldest one to that path, or NULL. */
static inline struct http_client_call *
http_kit_find(const char *path)
{
	for (struct http_client_call *c = http_kit_calls; c != NULL; c = c->next)
		if (str_eq(c->path, path))
			return c;
	return NULL;
}

static inline void
http_kit_answer(struct http_client_call *call, int status, const char *body)
{
	struct http_client_reply reply = {
	    .status = status, .body = str_dup(body), .body_len = strlen(body)};

	assert_non_null(call);
	str_clip(reply.err.text, sizeof(reply.err.text), "no answer");
	http_kit_unlink(call);
	call->done(call->arg, &reply);
	free(reply.body);
	json_decref(call->body);
	free(call);
}

/* Runs the loop until such a request has come. */
static inline struct http_client_call *
http_kit_wait(struct event_base *base, const char *path)
{
	int64_t end = clock_mono() + 60 * USEC_PER_SEC;

	while (http_kit_find(path) == NULL && clock_mono() < end)
		event_base_loop(base, EVLOOP_ONCE);
	assert_non_null(http_kit_find(path));
	return http_kit_find(path);
}

#endif
