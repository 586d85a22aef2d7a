/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Request heads of HTTP/1.0 and 1.1 (RFC 9112 2, 3, 5).
 *
 * Entry point: http_msg_parse(). Nothing is owned: values are copied into fixed members
 * of struct http_request, and what does not fit there is left out, except where half a
 * value could be taken for another one (a range, a date), where the whole is left out.
 *
 * Where the specification offers leniency that two readers could understand differently
 * (repeated Content-Length, both framings at once, folded lines, space before the colon)
 * the request is refused: that is how requests are smuggled. */
#include "boot-services/http_msg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/hex.h"
#include "lib/str.h"

struct span {
	const char *at;
	size_t len;
};

struct parser {
	struct http_request *req;
	enum http_status status;
	const char *why;
	bool host, te, connection;
};

const char *
http_msg_reason(enum http_status status)
{
	switch (status) {
	case HTTP_OK: return "OK";
	case HTTP_NO_CONTENT: return "No Content";
	case HTTP_PARTIAL: return "Partial Content";
	case HTTP_NOT_MODIFIED: return "Not Modified";
	case HTTP_BAD_REQUEST: return "Bad Request";
	case HTTP_NOT_FOUND: return "Not Found";
	case HTTP_NOT_ALLOWED: return "Method Not Allowed";
	case HTTP_TIMEOUT: return "Request Timeout";
	case HTTP_PRECONDITION: return "Precondition Failed";
	case HTTP_TOO_LARGE: return "Content Too Large";
	case HTTP_URI_TOO_LONG: return "URI Too Long";
	case HTTP_RANGE: return "Range Not Satisfiable";
	case HTTP_EXPECTATION: return "Expectation Failed";
	case HTTP_HEAD_TOO_LARGE: return "Request Header Fields Too Large";
	case HTTP_NOT_IMPLEMENTED: return "Not Implemented";
	case HTTP_UNAVAILABLE: return "Service Unavailable";
	case HTTP_VERSION: return "HTTP Version Not Supported";
	}
	return "Unknown";
}

static int
refuse(struct parser *p, enum http_status status, const char *why)
{
	p->status = status;
	p->why = why;
	return -EBADMSG;
}

static bool
span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Takes the part before `sep` off the front of *rest. */
static struct span
split(struct span *rest, char sep)
{
	const char *at = rest->len > 0 ? memchr(rest->at, sep, rest->len) : NULL;
	struct span part = {rest->at, at != NULL ? (size_t)(at - rest->at) : rest->len};
	size_t used = part.len + (at != NULL ? 1 : 0);

	rest->at += used;
	rest->len -= used;
	return part;
}

/* The end of the head: just behind the first empty line, or 0. Bare LF ends a line too
 * (RFC 9112 2.2). */
static size_t
find_end(const char *data, size_t len)
{
	const char *p = data, *end = data + len;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		if (p < end && *p == '\n')
			return (size_t)(p + 1 - data);
		if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
			return (size_t)(p + 2 - data);
	}
	return 0;
}

/* ---- request line ---- */

/* The next octet of an encoded path, or -1. */
static int
decode_octet(struct span *s)
{
	int c = (unsigned char)s->at[0], hi, lo;

	if (c == '%') {
		if (s->len < 3)
			return -1;
		hi = hex_digit(s->at[1]);
		lo = hex_digit(s->at[2]);
		if (hi < 0 || lo < 0)
			return -1;
		c = hi << 4 | lo;
		s->at += 2;
		s->len -= 2;
	}
	s->at++;
	s->len--;
	return c < 0x20 || c == 0x7f || c == '\\' ? -1 : c;
}

/* Ends a segment of dst that began behind the '/' at `slash`: "." goes, ".." is refused.
 */
static int
end_segment(const char *dst, size_t slash, size_t *len)
{
	size_t n = *len - slash - 1;

	if (n == 2 && memcmp(dst + slash + 1, "..", 2) == 0)
		return -EINVAL;
	if (n == 1 && dst[slash + 1] == '.')
		*len = slash + 1;
	return 0;
}

int
http_msg_path(const char *target, size_t len, char *dst, size_t size)
{
	struct span s = {target, len};
	size_t n = 0, slash = 0;

	s = split(&s, '?');
	s = split(&s, '#');
	if (s.len == 0 || s.at[0] != '/')
		return -EINVAL;
	while (s.len > 0) {
		int c = decode_octet(&s);

		if (c < 0)
			return -EINVAL;
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		if (c == '/' && n > 0) {
			if (end_segment(dst, slash, &n) != 0)
				return -EINVAL;
			/* boot.md 0.1, 12: "//" is taken as '/', never redirected. */
			if (dst[n - 1] == '/') {
				slash = n - 1;
				continue;
			}
		}
		if (c == '/')
			slash = n;
		dst[n++] = (char)c;
	}
	if (end_segment(dst, slash, &n) != 0)
		return -EINVAL;
	dst[n] = '\0';
	return 0;
}

/* RFC 9112 3.2.2: "a server MUST accept the absolute-form in requests". */
static struct span
strip_authority(struct span t)
{
	const char *slash;

	if (t.len < 7 || strncasecmp(t.at, "http://", 7) != 0)
		return t;
	slash = memchr(t.at + 7, '/', t.len - 7);
	if (slash == NULL)
		return (struct span){"/", 1};
	return (struct span){slash, t.len - (size_t)(slash - t.at)};
}

static int
parse_version(struct parser *p, struct span v)
{
	if (v.len != 8 || strncmp(v.at, "HTTP/", 5) != 0 || v.at[6] != '.' ||
	    v.at[5] < '0' || v.at[5] > '9' || v.at[7] < '0' || v.at[7] > '9')
		return refuse(p, HTTP_BAD_REQUEST, "the request line is not HTTP");
	if (v.at[5] != '1')
		return refuse(p, HTTP_VERSION, "only HTTP/1.0 and 1.1 are spoken here");
	p->req->minor = v.at[7] == '0' ? 0 : 1;
	return 0;
}

static int
parse_request_line(struct parser *p, struct span line)
{
	struct span rest = line;
	struct span method = split(&rest, ' ');
	struct span target = split(&rest, ' ');
	int err;

	str_escape(
	    p->req->method_name, sizeof p->req->method_name, method.at, method.len);
	err = parse_version(p, rest);
	if (err != 0)
		return err;
	if (method.len == 0 || target.len == 0)
		return refuse(p, HTTP_BAD_REQUEST, "the request line is not HTTP");
	/* Methods are case-sensitive (RFC 9110 9.1). */
	if (strcmp(p->req->method_name, "GET") == 0)
		p->req->method = HTTP_GET;
	else if (strcmp(p->req->method_name, "HEAD") == 0)
		p->req->method = HTTP_HEAD;
	else if (strcmp(p->req->method_name, "POST") == 0)
		p->req->method = HTTP_POST;
	else
		p->req->method = HTTP_METHOD_OTHER;
	target = strip_authority(target);
	err = http_msg_path(target.at, target.len, p->req->path, sizeof p->req->path);
	if (err != 0)
		p->req->path[0] = '\0';
	if (err == -ENAMETOOLONG)
		return refuse(p, HTTP_URI_TOO_LONG, "the path is too long");
	if (err != 0)
		return refuse(p, HTTP_BAD_REQUEST, "the path is malformed or climbs out");
	return 0;
}

/* ---- fields ---- */

/* A value that means something else when cut: all or nothing. Repeats: the first counts.
 */
static void
keep_whole(char dst[HTTP_VALUE_SIZE], struct span v)
{
	if (dst[0] != '\0' || v.len >= HTTP_VALUE_SIZE)
		return;
	memcpy(dst, v.at, v.len);
	dst[v.len] = '\0';
}

/* A list of entity tags: a cut one has no closing quote and so equals none. */
static void
keep_list(char dst[HTTP_VALUE_SIZE], struct span v)
{
	size_t have = strlen(dst), room = HTTP_VALUE_SIZE - have;

	if (room < 4)
		return;
	snprintf(dst + have, room, "%s%.*s", have > 0 ? "," : "", (int)v.len, v.at);
}

static int
take_content_length(struct parser *p, struct span v)
{
	char text[24];
	int64_t n;

	if (v.len == 0 || v.len >= sizeof text || v.at[0] < '0' || v.at[0] > '9')
		return refuse(p, HTTP_BAD_REQUEST, "Content-Length is no number");
	memcpy(text, v.at, v.len);
	text[v.len] = '\0';
	if (str_to_i64(text, 0, INT64_MAX, &n) != 0)
		return refuse(p, HTTP_BAD_REQUEST, "Content-Length is no number");
	if (p->req->content_length >= 0)
		return refuse(p, HTTP_BAD_REQUEST, "Content-Length was sent twice");
	p->req->content_length = n;
	return 0;
}

static int
take_transfer_encoding(struct parser *p, struct span v)
{
	if (p->te || !span_is(v, "chunked"))
		return refuse(
		    p, HTTP_NOT_IMPLEMENTED, "a transfer coding other than chunked");
	p->te = true;
	p->req->chunked = true;
	return 0;
}

static void
take_connection(struct parser *p, struct span v)
{
	while (v.len > 0) {
		struct span word = trim(split(&v, ','));

		if (span_is(word, "close")) {
			p->req->keep_alive = false;
			p->connection = true;
		} else if (span_is(word, "keep-alive") && !p->connection) {
			p->req->keep_alive = true;
		}
	}
}

static int
take_field(struct parser *p, struct span name, struct span v)
{
	struct http_request *q = p->req;

	if (span_is(name, "Host")) {
		if (p->host)
			return refuse(p, HTTP_BAD_REQUEST, "Host was sent twice");
		p->host = true;
	} else if (span_is(name, "Content-Length"))
		return take_content_length(p, v);
	else if (span_is(name, "Transfer-Encoding"))
		return take_transfer_encoding(p, v);
	else if (span_is(name, "Connection"))
		take_connection(p, v);
	else if (span_is(name, "Expect")) {
		if (span_is(v, "100-continue"))
			q->expect_continue = true;
		else
			q->expect_other = true;
	} else if (span_is(name, "Range"))
		keep_whole(q->range, v);
	else if (span_is(name, "If-Range"))
		keep_whole(q->if_range, v);
	else if (span_is(name, "If-Match"))
		keep_list(q->if_match, v);
	else if (span_is(name, "If-None-Match"))
		keep_list(q->if_none_match, v);
	else if (span_is(name, "If-Modified-Since"))
		keep_whole(q->if_modified_since, v);
	else if (span_is(name, "If-Unmodified-Since"))
		keep_whole(q->if_unmodified_since, v);
	else if (span_is(name, "User-Agent"))
		str_escape(q->user_agent, sizeof q->user_agent, v.at, v.len);
	return 0;
}

static bool
is_token(struct span s)
{
	/* RFC 9110 5.6.2. */
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') ||
			(c != '\0' && strchr(others, c) != NULL)))
			return false;
	}
	return s.len > 0;
}

static bool
is_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static int
parse_fields(struct parser *p, struct span rest)
{
	for (int n = 0; rest.len > 0; n++) {
		struct span v = split(&rest, '\n'), name;
		int err;

		if (v.len > 0 && v.at[v.len - 1] == '\r')
			v.len--;
		if (v.len == 0)
			return 0;
		if (n >= HTTP_FIELDS_MAX)
			return refuse(p, HTTP_HEAD_TOO_LARGE, "too many header fields");
		if (memchr(v.at, ':', v.len) == NULL)
			return refuse(
			    p, HTTP_BAD_REQUEST, "a header field without a colon");
		name = split(&v, ':');
		/* Also refuses folded lines and "name :", as RFC 9112 5.1 and 5.2 demand.
		 */
		if (!is_token(name))
			return refuse(
			    p, HTTP_BAD_REQUEST, "a malformed header field name");
		v = trim(v);
		if (!is_value(v))
			return refuse(
			    p, HTTP_BAD_REQUEST, "a control character in a header field");
		err = take_field(p, name, v);
		if (err != 0)
			return err;
	}
	return 0;
}

static int
check_framing(struct parser *p)
{
	struct http_request *q = p->req;

	/* RFC 9112 3.2: "A server MUST respond with a 400 … that lacks a Host header
	 * field". */
	if (q->minor >= 1 && !p->host)
		return refuse(p, HTTP_BAD_REQUEST, "HTTP/1.1 without a Host field");
	if (q->chunked && (q->content_length >= 0 || q->minor == 0))
		return refuse(p, HTTP_BAD_REQUEST, "the body's length is ambiguous");
	return 0;
}

static int
parse_head(struct parser *p, struct span head)
{
	struct span line = split(&head, '\n');
	int err;

	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	if (line.len > HTTP_LINE_MAX)
		return refuse(p, HTTP_URI_TOO_LONG, "the request line is too long");
	err = parse_request_line(p, line);
	if (err != 0)
		return err;
	p->req->keep_alive = p->req->minor >= 1;
	err = parse_fields(p, head);
	if (err == 0)
		err = check_framing(p);
	return err;
}

int
http_msg_parse(const char *data, size_t len, struct http_request *ret, size_t *ret_used,
    enum http_status *ret_status, const char **ret_why)
{
	struct parser p = {.req = ret};
	size_t skip = 0, end;
	int err;

	memset(ret, 0, sizeof *ret);
	ret->content_length = -1;
	/* RFC 9112 2.2: ignore empty lines before a request line. */
	while (skip < len && (data[skip] == '\r' || data[skip] == '\n'))
		skip++;
	end = find_end(data + skip, len - skip);
	if (end == 0 && len < HTTP_HEAD_MAX) {
		if (memchr(data + skip, '\n', len - skip) != NULL ||
		    len - skip <= HTTP_LINE_MAX)
			return -EAGAIN;
		err = refuse(&p, HTTP_URI_TOO_LONG, "the request line is too long");
	} else if (end == 0 || skip + end > HTTP_HEAD_MAX) {
		err = refuse(&p, HTTP_HEAD_TOO_LARGE, "the request head is too large");
	} else {
		err = parse_head(&p, (struct span){data + skip, end});
	}
	if (err != 0) {
		ret->keep_alive = false;
		*ret_status = p.status;
		*ret_why = p.why;
		return err;
	}
	*ret_used = skip + end;
	return 0;
}
