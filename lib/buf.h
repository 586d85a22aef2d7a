/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounded cursors: the only code that touches bytes of the wire. Overflow is sticky: a read
 * past the end yields 0 and marks the cursor; a write past the end writes nothing and marks it.
 * Check once, at the end, with rbuf_ok()/wbuf_ok(). All integers are network byte order unless
 * the name ends in `le`. */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct rbuf {
	const uint8_t *base;
	size_t len;
	size_t pos;
	bool overflow;
};

struct wbuf {
	uint8_t *base;
	size_t cap;
	size_t len;
	bool overflow;
};

struct rbuf
rbuf_init(const void *data, size_t len);
bool
rbuf_ok(const struct rbuf *r);
size_t
rbuf_left(const struct rbuf *r);
uint8_t
rbuf_u8(struct rbuf *r);
uint16_t
rbuf_u16(struct rbuf *r);
uint32_t
rbuf_u32(struct rbuf *r);
uint16_t
rbuf_u16le(struct rbuf *r);
uint32_t
rbuf_u32le(struct rbuf *r);
/* Copies exactly n bytes to dst, or zero-fills dst and marks overflow. */
void
rbuf_copy(struct rbuf *r, void *dst, size_t n);
void
rbuf_skip(struct rbuf *r, size_t n);
/* A cursor over the next n bytes, which are skipped here; empty and marked on overflow. */
struct rbuf
rbuf_sub(struct rbuf *r, size_t n);
/* The bytes not read yet (borrowed). */
const uint8_t *
rbuf_rest(const struct rbuf *r);
/* Reads a NUL-terminated string of at most size-1 bytes into dst; a missing terminator or a
 * longer string marks overflow. Returns its length. */
size_t
rbuf_cstr(struct rbuf *r, char *dst, size_t size);

struct wbuf
wbuf_init(void *data, size_t cap);
bool
wbuf_ok(const struct wbuf *w);
size_t
wbuf_left(const struct wbuf *w);
void
wbuf_u8(struct wbuf *w, uint8_t v);
void
wbuf_u16(struct wbuf *w, uint16_t v);
void
wbuf_u32(struct wbuf *w, uint32_t v);
void
wbuf_u16le(struct wbuf *w, uint16_t v);
void
wbuf_u32le(struct wbuf *w, uint32_t v);
void
wbuf_bytes(struct wbuf *w, const void *src, size_t n);
void
wbuf_zero(struct wbuf *w, size_t n);
/* The string without its terminator. */
void
wbuf_str(struct wbuf *w, const char *s);
/* Overwrites an octet written before (a length patched in afterwards). */
void
wbuf_patch_u8(struct wbuf *w, size_t at, uint8_t v);

#endif
