/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The head of an HTTP/1.1 request (RFC 9112), and what is read out of its fields: pure. */
#ifndef LIB_REST_HEAD_H
#define LIB_REST_HEAD_H

#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { REST_HEAD_MAX = 16 * 1024, REST_HEAD_FIELDS_MAX = 100 };

struct rest_head {
	char method[16];
	char *target; /* owned; origin-form: begins with '/' */
	bool keep;    /* the connection may be used again */
	bool old;     /* HTTP/1.0: knows no chunks */
	bool wants_continue;
	int64_t body_len;
	struct evkeyvalq fields;
};

/* The octets of the head that data begins with, its empty line included; 0: not whole yet. */
size_t
rest_head_length(const char *data, size_t len);
/* Of exactly one head. 0, or the HTTP status to refuse it with; rest_head_done() in both cases. */
int
rest_head_parse(const char *data, size_t len, struct rest_head *ret) MUST_CHECK;
void
rest_head_done(struct rest_head *h);

/* Is a Host field one that this server goes by? An IP address always is, and "localhost": a page of somebody
 * else whose name was made to point here (DNS rebinding) comes with that name. NULL is none. */
bool
rest_head_host_ok(const char *host, const char *const *names, size_t n);
/* The value of a cookie in a Cookie field (RFC 6265 4.2), copied: false when it is not there once, or does not fit. */
bool
rest_head_cookie(const char *field, const char *name, char *buf, size_t size);
/* The credentials of "Bearer …" (RFC 6750 2.1), within field; NULL when it is something else. */
const char *
rest_head_bearer(const char *field);

#endif
