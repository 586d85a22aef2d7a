/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP numbers and limits: RFC 9110, 9112. */
#ifndef BOOT_SERVICES_HTTP_PROTO_H
#define BOOT_SERVICES_HTTP_PROTO_H

enum http_status {
	HTTP_OK = 200,
	HTTP_NO_CONTENT = 204,
	HTTP_PARTIAL = 206,
	HTTP_NOT_MODIFIED = 304,
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_NOT_ALLOWED = 405,
	HTTP_TIMEOUT = 408,
	HTTP_PRECONDITION = 412,
	HTTP_TOO_LARGE = 413,
	HTTP_URI_TOO_LONG = 414,
	HTTP_RANGE = 416,
	HTTP_EXPECTATION = 417,
	HTTP_HEAD_TOO_LARGE = 431, /* RFC 6585 5 */
	HTTP_NOT_IMPLEMENTED = 501,
	HTTP_UNAVAILABLE = 503,
	HTTP_VERSION = 505,
};

enum {
	HTTP_HEAD_MAX = 8192, /* request line and fields */
	HTTP_LINE_MAX = 2048, /* request line */
	HTTP_FIELDS_MAX = 64,
	HTTP_PATH_SIZE = 512,  /* decoded */
	HTTP_VALUE_SIZE = 256, /* of a field we read */
	HTTP_AGENT_SIZE = 96,
	HTTP_BODY_MAX = 65536,	   /* POST /report: DESIGN 9 */
	HTTP_ANSWER_MAX = 4096,	   /* head and a small body */
	HTTP_CHUNK_LINE_MAX = 256, /* chunk size and extensions */
};

#endif
