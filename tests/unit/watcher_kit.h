/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that become streams of those who watch a console, without a server: in the place of lib/rest_server.c, for tests of
 * what uses lib/live_room.c. */
#ifndef TESTS_UNIT_WATCHER_KIT_H
#define TESTS_UNIT_WATCHER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/rest_server.h"
#include "lib/str.h"

struct rest_request {
	json_t *body;
	void (*gone)(void *arg);
	void *gone_arg;
	int status;    /* 0: not answered yet */
	json_t *reply; /* or of a stream the objects that were sent */
	bool stream, ended;
	size_t behind; /* the client does not read: octets that wait */
};

void
rest_on_gone(struct rest_request *rq, void (*gone)(void *arg), void *arg)
{
	rq->gone = gone;
	rq->gone_arg = arg;
}

void
rest_sse_start(struct rest_request *rq)
{
	rq->stream = true;
	rq->reply = json_array();
}

size_t
rest_sse_send(struct rest_request *rq, const char *id UNUSED, const char *data)
{
	assert_true(rq->stream && !rq->ended);
	json_array_append_new(rq->reply, json_loads(data, 0, NULL));
	return rq->behind;
}

void
rest_sse_end(struct rest_request *rq)
{
	assert_false(rq->ended);
	rq->ended = true;
}

static inline void
done(struct rest_request *rq)
{
	json_decref(rq->body);
	json_decref(rq->reply);
	*rq = (struct rest_request){0};
}

static inline void
leave(struct rest_request *rq)
{
	rq->gone(rq->gone_arg);
	done(rq);
}

/* The last object of that type in a stream. */
static inline const json_t *
last(const struct rest_request *rq, const char *type)
{
	for (size_t i = json_array_size(rq->reply); i-- > 0;) {
		const json_t *v = json_array_get(rq->reply, i);

		if (str_eq(json_string_value(json_object_get(v, "t")), type))
			return v;
	}
	return NULL;
}

static inline const char *
text(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

static inline bool
writes(const struct rest_request *rq)
{
	return json_is_true(json_object_get(last(rq, "writer"), "you"));
}

#endif
