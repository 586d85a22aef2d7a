/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decisions of the HTTP server: status, range, fields (RFC 9110 8.8, 13, 14).
 *
 * Entry points: http_server_plan() for a file that exists, http_server_head() to write
 * what it decided, http_server_short() for all other answers. Nothing is owned and
 * nothing fails; the caller's buffer is HTTP_ANSWER_MAX octets, more than any answer here
 * has.
 *
 * Every answer carries exactly one Content-Length (shim and EDK2 break on none or two),
 * HEAD the same one as GET, and nothing is ever redirected (boot.md 0.1, 11 and 12). */
#include "boot-services/http_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "boot-services/http_date.h"
#include "lib/compiler.h"
#include "lib/http_range.h"

static const struct {
	const char *ending, *type;
} types[] = {
    /* boot.md 0.1, 14: EDK2 compares these exactly. */
    {".efi", "application/efi"},
    {".iso", "application/vnd.efi-iso"},
    {".img", "application/vnd.efi-img"},
    {".ipxe", "text/plain"},
    {".cfg", "text/plain"},
    {".txt", "text/plain"},
    {".sha256", "text/plain"},
    {".sha512", "text/plain"},
};

const char *
http_server_type(const char *name)
{
	size_t n = strlen(name);
	const char *base = strrchr(name, '/');

	base = base != NULL ? base + 1 : name;
	if (strncmp(base, "script.ipxe", 11) == 0)
		return "text/plain";
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t k = strlen(types[i].ending);

		if (n > k && strcasecmp(name + n - k, types[i].ending) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

/* Is the tag in the list, or the list "*"? Weak tags equal ours only where `weak` allows.
 */
static bool
list_has(const char *list, const char *etag, bool weak)
{
	size_t n = strlen(etag);

	for (const char *p = list; *p != '\0';) {
		bool is_weak = false;

		while (*p == ' ' || *p == '\t' || *p == ',')
			p++;
		if (*p == '*')
			return true;
		if (strncmp(p, "W/", 2) == 0) {
			is_weak = true;
			p += 2;
		}
		if (n > 0 && strncmp(p, etag, n) == 0 && (weak || !is_weak))
			return true;
		if (*p == '"') {
			const char *end = strchr(p + 1, '"');

			p = end != NULL ? end + 1 : p + strlen(p);
		}
		while (*p != '\0' && *p != ',')
			p++;
	}
	return false;
}

/* RFC 9110 13.2.2, in its order. 0: go on; else the status that ends it. */
static int
preconditions(const struct http_request *req, const struct http_server_facts *f)
{
	int64_t t;

	if (req->if_match[0] != '\0') {
		if (!list_has(req->if_match, f->etag, false))
			return HTTP_PRECONDITION;
	} else if (f->modified >= 0 &&
		   http_date_parse(req->if_unmodified_since, &t) == 0 &&
		   f->modified > t) {
		return HTTP_PRECONDITION;
	}
	if (req->if_none_match[0] != '\0') {
		if (list_has(req->if_none_match, f->etag, true))
			return HTTP_NOT_MODIFIED;
	} else if (f->modified >= 0 && http_date_parse(req->if_modified_since, &t) == 0 &&
		   f->modified <= t) {
		return HTTP_NOT_MODIFIED;
	}
	return 0;
}

/* RFC 9110 13.1.5: a range is of use only while the file is the one it was cut from. */
static bool
range_applies(const struct http_request *req, const struct http_server_facts *f)
{
	int64_t t;

	/* RFC 9110 14.2: ignore Range on other methods than GET. */
	if (req->method != HTTP_GET || req->range[0] == '\0')
		return false;
	if (req->if_range[0] == '\0')
		return true;
	if (req->if_range[0] == '"')
		return f->etag[0] != '\0' && strcmp(req->if_range, f->etag) == 0;
	return f->modified >= 0 && http_date_parse(req->if_range, &t) == 0 &&
	       t == f->modified;
}

void
http_server_plan(const struct http_request *req, const struct http_server_facts *f,
    struct http_server_plan *ret)
{
	struct http_server_plan p = {.status = HTTP_OK,
	    .close = !req->keep_alive,
	    .head_only = req->method == HTTP_HEAD,
	    .length = f->size,
	    .total = f->size};
	int status = preconditions(req, f);
	int64_t end;

	if (status != 0) {
		p.status = (enum http_status)status;
		p.head_only = true;
		p.length = 0;
	} else if (range_applies(req, f)) {
		switch (http_range_parse(req->range, f->size, &p.from, &end)) {
		case HTTP_RANGE_NONE: break;
		case HTTP_RANGE_ONE:
			p.status = HTTP_PARTIAL;
			p.length = end - p.from;
			break;
		case HTTP_RANGE_BAD:
			p.status = HTTP_RANGE;
			p.head_only = true;
			p.length = 0;
			break;
		}
	}
	*ret = p;
}

static void
put(struct wbuf *w, const char *name, const char *value)
{
	wbuf_str(w, name);
	wbuf_str(w, ": ");
	wbuf_str(w, value);
	wbuf_str(w, "\r\n");
}

static void
put_number(struct wbuf *w, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, value);
	put(w, name, text);
}

/* Status line and the fields that every answer has. */
static void
begin(struct wbuf *w, const struct http_request *req, enum http_status status, bool close,
    int64_t wall)
{
	char text[HTTP_DATE_SIZE], line[64];

	/* RFC 9110 6.2: our own version, not the client's. */
	snprintf(
	    line, sizeof line, "HTTP/1.1 %d %s\r\n", status, http_msg_reason(status));
	wbuf_str(w, line);
	put(w, "Date", http_date_text(wall, text, sizeof text));
	if (close)
		put(w, "Connection", "close");
	else if (req->minor == 0)
		put(w, "Connection", "keep-alive");
}

void
http_server_head(struct wbuf *w, const struct http_request *req,
    const struct http_server_facts *f, const struct http_server_plan *plan, int64_t wall)
{
	char text[80];

	begin(w, req, plan->status, plan->close, wall);
	put(w, "Accept-Ranges", "bytes");
	if (f->etag[0] != '\0')
		put(w, "ETag", f->etag);
	if (f->modified >= 0)
		put(w, "Last-Modified", http_date_text(f->modified, text, sizeof text));
	if (plan->status == HTTP_PARTIAL) {
		snprintf(text, sizeof text, "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
		    plan->from, plan->from + plan->length - 1, plan->total);
		put(w, "Content-Range", text);
	} else if (plan->status == HTTP_RANGE) {
		snprintf(text, sizeof text, "bytes */%" PRId64, plan->total);
		put(w, "Content-Range", text);
	}
	if (plan->status == HTTP_OK || plan->status == HTTP_PARTIAL)
		put(w, "Content-Type", http_server_type(f->name));
	/* RFC 9110 8.6: in a 304 it would have to be the file's. */
	if (plan->status != HTTP_NOT_MODIFIED)
		put_number(w, "Content-Length", plan->length);
	wbuf_str(w, "\r\n");
}

void
http_server_short(struct wbuf *w, const struct http_request *req, enum http_status status,
    const char *text, bool close, int64_t wall)
{
	size_t n = strlen(text);

	begin(w, req, status, close, wall);
	if (status == HTTP_NOT_ALLOWED)
		put(w, "Allow", text);
	/* RFC 9110 10.2.3, in seconds. */
	if (status == HTTP_UNAVAILABLE)
		put(w, "Retry-After", "2");
	/* RFC 9110 8.6: "A server MUST NOT send a Content-Length header field in any
	 * response with a status code of … 204". */
	if (status != HTTP_NO_CONTENT) {
		put(w, "Content-Type", "text/plain");
		put_number(w, "Content-Length", n > 0 ? (int64_t)n + 1 : 0);
	}
	wbuf_str(w, "\r\n");
	if (status == HTTP_NO_CONTENT || n == 0 || req->method == HTTP_HEAD)
		return;
	wbuf_str(w, text);
	wbuf_str(w, "\n");
}
