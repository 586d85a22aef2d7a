/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Request bodies: of a known length or chunked (RFC 9112 6, 7.1). Pure. */
#ifndef BOOT_SERVICES_HTTP_BODY_H
#define BOOT_SERVICES_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot-services/http_proto.h"
#include "lib/compiler.h"

enum http_body_state {
	HTTP_BODY_DATA,
	HTTP_BODY_SIZE_LINE,
	HTTP_BODY_DATA_END, /* the line end behind a chunk */
	HTTP_BODY_TRAILER,
	HTTP_BODY_DONE,
};

struct http_body {
	enum http_body_state state;
	bool chunked;
	int64_t left; /* of the body, or of the chunk under way */
	char line[HTTP_CHUNK_LINE_MAX];
	size_t line_len;
	unsigned trailers;
};

void
http_body_init(struct http_body *b, bool chunked, int64_t content_length);
/* Takes octets from `data` and appends the body's to dst (cap octets, *len used). 0 with
 * *ret_used; the body is whole when b->state is HTTP_BODY_DONE. -EFBIG when it does not
 * fit, -EBADMSG when it is malformed. */
int
http_body_feed(struct http_body *b, const char *data, size_t n, char *dst, size_t cap,
    size_t *len, size_t *ret_used) MUST_CHECK;

#endif
