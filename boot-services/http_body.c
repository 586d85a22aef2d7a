/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads request bodies as they come in (RFC 9112 6.3 and 7.1).
 *
 *	Content-Length:	DATA ──all octets──► DONE
 *	chunked:	SIZE_LINE ──size──► DATA ──► DATA_END ──► SIZE_LINE …
 *			SIZE_LINE ──0──► TRAILER ──empty line──► DONE
 *
 * Entry points: http_body_init(), http_body_feed(). Owns nothing; a body that does not
 * fit its buffer or is malformed is refused, and the connection must then be closed. */
#include "boot-services/http_body.h"

#include <errno.h>
#include <string.h>

enum { TRAILERS_MAX = 16 };

void
http_body_init(struct http_body *b, bool chunked, int64_t content_length)
{
	memset(b, 0, sizeof *b);
	b->chunked = chunked;
	if (chunked)
		b->state = HTTP_BODY_SIZE_LINE;
	else if (content_length <= 0)
		b->state = HTTP_BODY_DONE;
	else
		b->left = content_length;
}

/* Chunk size in hexadecimal, and extensions (RFC 9112 7.1.1), which are ignored. What lies
 * between the two and is neither could mean another size to another reader. */
static int
parse_size(const char *line, int64_t *ret)
{
	int64_t v = 0;
	int digits = 0;

	for (; *line != '\0' && *line != ';' && *line != ' ' && *line != '\t'; line++) {
		int d;

		if (*line >= '0' && *line <= '9')
			d = *line - '0';
		else if (*line >= 'a' && *line <= 'f')
			d = *line - 'a' + 10;
		else if (*line >= 'A' && *line <= 'F')
			d = *line - 'A' + 10;
		else
			return -EBADMSG;
		if (++digits > 8)
			return -EFBIG;
		v = v << 4 | d;
	}
	line += strspn(line, " \t");
	if (digits == 0 || (*line != '\0' && *line != ';'))
		return -EBADMSG;
	*ret = v;
	return 0;
}

static int
end_line(struct http_body *b)
{
	int err;

	if (b->line_len > 0 && b->line[b->line_len - 1] == '\r')
		b->line_len--;
	b->line[b->line_len] = '\0';
	if (strcspn(b->line, "\r") != b->line_len)
		return -EBADMSG; /* a NUL or a bare CR within */
	switch (b->state) {
	case HTTP_BODY_SIZE_LINE:
		err = parse_size(b->line, &b->left);
		if (err != 0)
			return err;
		b->state = b->left > 0 ? HTTP_BODY_DATA : HTTP_BODY_TRAILER;
		break;
	case HTTP_BODY_DATA_END:
		if (b->line_len != 0)
			return -EBADMSG;
		b->state = HTTP_BODY_SIZE_LINE;
		break;
	case HTTP_BODY_TRAILER:
		if (b->line_len == 0)
			b->state = HTTP_BODY_DONE;
		else if (++b->trailers > TRAILERS_MAX)
			return -EFBIG;
		break;
	case HTTP_BODY_DATA:
	case HTTP_BODY_DONE: break;
	}
	b->line_len = 0;
	return 0;
}

/* Takes octets up to a line's end. */
static int
feed_line(struct http_body *b, const char *data, size_t n, size_t *used)
{
	while (*used < n) {
		char c = data[(*used)++];

		if (c == '\n')
			return end_line(b);
		if (b->line_len + 1 >= sizeof b->line)
			return -EBADMSG;
		b->line[b->line_len++] = c;
	}
	return 0;
}

int
http_body_feed(struct http_body *b, const char *data, size_t n, char *dst, size_t cap,
    size_t *len, size_t *ret_used)
{
	size_t used = 0;

	while (used < n && b->state != HTTP_BODY_DONE) {
		size_t take = n - used;
		int err;

		if (b->state != HTTP_BODY_DATA) {
			err = feed_line(b, data, n, &used);
			if (err != 0)
				return err;
			continue;
		}
		if ((int64_t)take > b->left)
			take = (size_t)b->left;
		if (take > cap - *len)
			return -EFBIG;
		memcpy(dst + *len, data + used, take);
		*len += take;
		used += take;
		b->left -= (int64_t)take;
		if (b->left == 0)
			b->state = b->chunked ? HTTP_BODY_DATA_END : HTTP_BODY_DONE;
	}
	*ret_used = used;
	return 0;
}
