// SPDX-License-Identifier: GPL-3.0-or-later
/* Request heads of HTTP/1.1, and their fields: octets in, values out.
 *
 * Entry points: rest_head_length() until a head is whole, rest_head_parse(), rest_head_done(); the readers of
 * Host, Cookie and Authorization. Stricter than RFC 9112 asks a server to be, since whatever two readers of a
 * message understand differently smuggles requests: lines end with CRLF, there are no folded fields, one length,
 * no transfer coding. Failure modes: the HTTP status that tells the client what is wrong. */
#include "lib/rest_head.h"

#include <ctype.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "lib/addr.h"
#include "lib/str.h"

size_t
rest_head_length(const char *data, size_t len)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4);

	return end ? (size_t)(end - data) + 4 : 0;
}

/* RFC 9110 5.6.2 */
static bool
is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i]))
			return false;
	return len > 0 && !memchr(s, '\0', len);
}

static char *
copy(const char *s, size_t len)
{
	char *t = str_alloc(len + 1);

	memcpy(t, s, len);
	return t;
}

/* "POST /x HTTP/1.1" */
static int
request_line(const char *s, size_t len, struct rest_head *h)
{
	const char *a = memchr(s, ' ', len);
	const char *b = a ? memchr(a + 1, ' ', len - (size_t)(a + 1 - s)) : NULL;
	size_t version = b ? len - (size_t)(b + 1 - s) : 0;

	if (!b || !is_token(s, (size_t)(a - s)))
		return 400;
	if (version != 8 || memcmp(b + 1, "HTTP/", 5) != 0)
		return 400;
	if (memcmp(b + 1, "HTTP/1.", 7) != 0 || (b[8] != '1' && b[8] != '0'))
		return 505;
	h->old = b[8] == '0';
	if ((size_t)(a - s) >= sizeof(h->method))
		return 501;
	memcpy(h->method, s, (size_t)(a - s));
	if (b == a + 1 || a[1] != '/')
		return 400;
	for (const char *p = a + 1; p < b; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return 400;
	h->target = copy(a + 1, (size_t)(b - a - 1));
	return 0;
}

static int
field_line(const char *s, size_t len, struct rest_head *h)
{
	const char *colon = memchr(s, ':', len);
	const char *end = s + len, *v;
	char *name, *value;

	/* "No whitespace is allowed between the field name and colon" (RFC 9112 5.1); a folded line begins with
	 * some. */
	if (!colon || !is_token(s, (size_t)(colon - s)))
		return 400;
	for (v = colon + 1; v < end && (*v == ' ' || *v == '\t'); v++)
		;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (const char *p = v; p < end; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return 400;
	name = copy(s, (size_t)(colon - s));
	value = copy(v, (size_t)(end - v));
	int rc = evhttp_add_header(&h->fields, name, value);
	free(name);
	free(value);
	return rc < 0 ? 400 : 0;
}

static size_t
count(const struct rest_head *h, const char *name)
{
	const struct evkeyval *kv;
	size_t n = 0;

	TAILQ_FOREACH (kv, &h->fields, next)
		n += strcasecmp(kv->key, name) == 0;
	return n;
}

static const char *
field(const struct rest_head *h, const char *name)
{
	return evhttp_find_header(&h->fields, name);
}

/* What the fields say of the message and of the connection. */
static int
framing(struct rest_head *h)
{
	static const char *const once[] = {"Host", "Content-Length", "Authorization",
	    "Cookie", "Origin", "X-CSRF-Token", "If-Match", "Idempotency-Key"};
	const char *length = field(h, "Content-Length");
	const char *connection = field(h, "Connection"), *expect = field(h, "Expect");

	for (size_t i = 0; i < ARRAY_SIZE(once); i++)
		if (count(h, once[i]) > 1)
			return 400;
	/* "A server MUST respond with a 400 […] to any HTTP/1.1 request message that lacks a Host" (RFC 9112
	 * 3.2). */
	if (!h->old && !field(h, "Host"))
		return 400;
	/* "A server MAY reject a request that contains a message body but not a Content-Length by responding with
	 * 411" (6.3). */
	if (field(h, "Transfer-Encoding"))
		return 411;
	if (length && (!isdigit((unsigned char)length[0]) ||
			  str_to_i64(length, 0, INT64_MAX, &h->body_len) < 0))
		return 400;
	if (expect && strcasecmp(expect, "100-continue") != 0)
		return 417;
	h->wants_continue = expect && !h->old;
	h->keep = !h->old && !(connection && strcasestr(connection, "close"));
	return 0;
}

int
rest_head_parse(const char *data, size_t len, struct rest_head *ret)
{
	const char *at = data, *end = data + len, *eol;
	int status = 0;

	*ret = (struct rest_head){.keep = false};
	TAILQ_INIT(&ret->fields);
	for (int n = 0; status == 0; n++) {
		eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		if (!eol)
			return 400;
		if (eol == at)
			break;
		if (n == 0)
			status = request_line(at, (size_t)(eol - at), ret);
		else if (n > REST_HEAD_FIELDS_MAX)
			status = 431;
		else
			status = field_line(at, (size_t)(eol - at), ret);
		at = eol + 2;
	}
	if (status == 0 && !ret->target)
		status = 400;
	return status ? status : framing(ret);
}

void
rest_head_done(struct rest_head *h)
{
	struct evkeyval *kv;

	/* Tokens and cookies: not to be left in freed memory. */
	TAILQ_FOREACH (kv, &h->fields, next)
		explicit_bzero(kv->value, strlen(kv->value));
	evhttp_clear_headers(&h->fields);
	free(h->target);
	h->target = NULL;
}

bool
rest_head_host_ok(const char *host, const char *const *names, size_t n)
{
	char name[256];
	const char *colon;
	struct addr_ip ip;
	size_t len;

	if (!host)
		return false;
	colon = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
	len = colon ? (size_t)(colon - host) : strlen(host);
	if (host[0] == '[') {
		if (!colon || (colon[1] != '\0' && colon[1] != ':'))
			return false;
		host++;
		len--;
	}
	if (len == 0 || len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (addr_ip_parse(name, &ip) == 0 || strcasecmp(name, "localhost") == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

bool
rest_head_cookie(const char *text, const char *name, char *buf, size_t size)
{
	size_t name_len = strlen(name);
	bool found = false;

	while (text && *text) {
		text += strspn(text, " \t");
		size_t len = strcspn(text, ";");
		if (len > name_len && strncmp(text, name, name_len) == 0 &&
		    text[name_len] == '=') {
			size_t value = len - name_len - 1;
			/* Two of one name: somebody has put one beside ours. */
			if (found || value >= size)
				return false;
			memcpy(buf, text + name_len + 1, value);
			buf[value] = '\0';
			found = true;
		}
		text += len;
		text += *text == ';';
	}
	return found;
}

const char *
rest_head_bearer(const char *text)
{
	if (!text || strncasecmp(text, "Bearer ", 7) != 0)
		return NULL;
	text += 7;
	text += strspn(text, " ");
	return text[0] ? text : NULL;
}
