/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP/1.0 and 1.1 request heads: bytes -> struct (RFC 9112). Pure. */
#ifndef BOOT_SERVICES_HTTP_MSG_H
#define BOOT_SERVICES_HTTP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot-services/http_proto.h"
#include "lib/compiler.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_METHOD_OTHER };

/* Fields that were not sent, or are of no use, are "". */
struct http_request {
	enum http_method method;
	char method_name[16]; /* escaped, for events */
	int minor;	      /* HTTP/1.minor; 0 or 1 */
	bool keep_alive;      /* the client lets the connection stay */
	bool chunked;
	int64_t content_length; /* -1: not sent */
	bool expect_continue, expect_other;
	/* Decoded, "//" and "/./" collapsed, no query; begins with '/', has no "..",
	 * control character or backslash. */
	char path[HTTP_PATH_SIZE];
	char range[HTTP_VALUE_SIZE];
	char if_range[HTTP_VALUE_SIZE];
	char if_match[HTTP_VALUE_SIZE];
	char if_none_match[HTTP_VALUE_SIZE];
	char if_modified_since[HTTP_VALUE_SIZE];
	char if_unmodified_since[HTTP_VALUE_SIZE];
	char user_agent[HTTP_AGENT_SIZE]; /* escaped */
};

/* Reads one request head from the start of `data`. 0 with *ret_used octets taken; -EAGAIN
 * when more is needed; -EBADMSG with *ret_status to answer before closing, and *ret_why.
 * On failure *ret holds what was understood so far (for events). */
int
http_msg_parse(const char *data, size_t len, struct http_request *ret, size_t *ret_used,
    enum http_status *ret_status, const char **ret_why) MUST_CHECK;
/* Decodes and normalises a request target. 0, -EINVAL, or -ENAMETOOLONG. */
int
http_msg_path(const char *target, size_t len, char *dst, size_t size) MUST_CHECK;
const char *
http_msg_reason(enum http_status status); /* "Not Found", … */

#endif
