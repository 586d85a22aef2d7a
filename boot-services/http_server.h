/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What to answer to a request for a file: facts in, plan out (RFC 9110 13, 14). Pure. */
#ifndef BOOT_SERVICES_HTTP_SERVER_H
#define BOOT_SERVICES_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/http_msg.h"
#include "lib/buf.h"

struct http_server_facts {
	const char *name; /* decides the type */
	int64_t size;
	int64_t modified; /* seconds; < 0: not known */
	const char *etag; /* strong, quoted; "": none */
};

struct http_server_plan {
	enum http_status status;
	bool close;	      /* the connection ends after this answer */
	bool head_only;	      /* HEAD, 304: no body, whatever `length` says */
	int64_t from, length; /* octets of the file to send; 0 for 304, 412, 416 */
	int64_t total;	      /* the file's size */
};

/* Plans the answer to GET or HEAD of a file that exists. */
void
http_server_plan(const struct http_request *req, const struct http_server_facts *f,
    struct http_server_plan *ret);
/* Writes the answer's head. `wall` is the time in seconds for the Date field. 412 and 416
 * have no body. */
void
http_server_head(struct wbuf *w, const struct http_request *req,
    const struct http_server_facts *f, const struct http_server_plan *plan, int64_t wall);
/* Writes a whole answer without a file: an error with its reason as text, or 204. HEAD
 * gets no body. */
void
http_server_short(struct wbuf *w, const struct http_request *req, enum http_status status,
    const char *text, bool close, int64_t wall);
/* "application/efi", … by the name's ending; boot.md 0.1, 14. */
const char *
http_server_type(const char *name);

#endif
