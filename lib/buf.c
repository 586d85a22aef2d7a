/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounded read and write cursors with sticky overflow.
 *
 * Entry points: rbuf_init() over received octets, wbuf_init() over a buffer to fill; then
 * the typed getters and putters; at the end one rbuf_ok()/wbuf_ok(). Ownership: cursors
 * borrow their memory. Failure modes: once a cursor overflowed, reads yield zeros and
 * writes change nothing, so that a parser may run to its end and ask once.
 */
#include "lib/buf.h"

#include <assert.h>
#include <string.h>

struct rbuf
rbuf_init(const void *data, size_t len)
{
	return (struct rbuf){.base = data, .len = len};
}

bool
rbuf_ok(const struct rbuf *r)
{
	return !r->overflow;
}

size_t
rbuf_left(const struct rbuf *r)
{
	return r->overflow ? 0 : r->len - r->pos;
}

/* The next n octets, or NULL with the overflow marked. */
static const uint8_t *
rbuf_take(struct rbuf *r, size_t n)
{
	const uint8_t *p;

	if (r->overflow || n > r->len - r->pos) {
		r->overflow = true;
		return NULL;
	}
	p = r->base + r->pos;
	r->pos += n;
	return p;
}

uint8_t
rbuf_u8(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 1);

	return p != NULL ? p[0] : 0;
}

uint16_t
rbuf_u16(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 2);

	return p != NULL ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t
rbuf_u32(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint16_t
rbuf_u16le(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 2);

	return p != NULL ? (uint16_t)(p[1] << 8 | p[0]) : 0;
}

uint32_t
rbuf_u32le(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

void
rbuf_copy(struct rbuf *r, void *dst, size_t n)
{
	const uint8_t *p = rbuf_take(r, n);

	if (n == 0)
		return;
	if (p == NULL)
		memset(dst, 0, n);
	else
		memcpy(dst, p, n);
}

void
rbuf_skip(struct rbuf *r, size_t n)
{
	(void)rbuf_take(r, n);
}

struct rbuf
rbuf_sub(struct rbuf *r, size_t n)
{
	const uint8_t *p = rbuf_take(r, n);

	if (p == NULL)
		return (struct rbuf){.base = r->base, .overflow = true};
	return rbuf_init(p, n);
}

const uint8_t *
rbuf_rest(const struct rbuf *r)
{
	return r->base + (r->overflow ? r->len : r->pos);
}

size_t
rbuf_cstr(struct rbuf *r, char *dst, size_t size)
{
	size_t left = rbuf_left(r);
	const uint8_t *end, *p;
	size_t len;

	assert(size > 0);
	dst[0] = '\0';
	end = left > 0 ? memchr(r->base + r->pos, 0, left) : NULL;
	if (end == NULL) {
		r->overflow = true;
		return 0;
	}
	len = (size_t)(end - (r->base + r->pos));
	if (len >= size) {
		r->overflow = true;
		return 0;
	}
	p = rbuf_take(r, len + 1);
	memcpy(dst, p, len + 1);
	return len;
}

struct wbuf
wbuf_init(void *data, size_t cap)
{
	return (struct wbuf){.base = data, .cap = cap};
}

bool
wbuf_ok(const struct wbuf *w)
{
	return !w->overflow;
}

size_t
wbuf_left(const struct wbuf *w)
{
	return w->overflow ? 0 : w->cap - w->len;
}

/* Room for n octets, or NULL with the overflow marked. */
static uint8_t *
wbuf_room(struct wbuf *w, size_t n)
{
	uint8_t *p;

	if (w->overflow || n > w->cap - w->len) {
		w->overflow = true;
		return NULL;
	}
	p = w->base + w->len;
	w->len += n;
	return p;
}

void
wbuf_u8(struct wbuf *w, uint8_t v)
{
	wbuf_bytes(w, &v, 1);
}

void
wbuf_u16(struct wbuf *w, uint16_t v)
{
	const uint8_t b[] = {(uint8_t)(v >> 8), (uint8_t)v};

	wbuf_bytes(w, b, sizeof(b));
}

void
wbuf_u32(struct wbuf *w, uint32_t v)
{
	const uint8_t b[] = {
	    (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	wbuf_bytes(w, b, sizeof(b));
}

void
wbuf_u16le(struct wbuf *w, uint16_t v)
{
	const uint8_t b[] = {(uint8_t)v, (uint8_t)(v >> 8)};

	wbuf_bytes(w, b, sizeof(b));
}

void
wbuf_u32le(struct wbuf *w, uint32_t v)
{
	const uint8_t b[] = {
	    (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

	wbuf_bytes(w, b, sizeof(b));
}

void
wbuf_bytes(struct wbuf *w, const void *src, size_t n)
{
	uint8_t *p = wbuf_room(w, n);

	if (p != NULL && n > 0)
		memcpy(p, src, n);
}

void
wbuf_zero(struct wbuf *w, size_t n)
{
	uint8_t *p = wbuf_room(w, n);

	if (p != NULL && n > 0)
		memset(p, 0, n);
}

void
wbuf_str(struct wbuf *w, const char *s)
{
	wbuf_bytes(w, s, strlen(s));
}

void
wbuf_patch_u8(struct wbuf *w, size_t at, uint8_t v)
{
	if (at >= w->len) {
		w->overflow = true;
		return;
	}
	w->base[at] = v;
}
