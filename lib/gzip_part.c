// SPDX-License-Identifier: GPL-3.0-or-later
/* gzip in two parts, through zlib: blocks of the first text, ended on the border of an octet (Z_SYNC_FLUSH) and not the last ones, then the
 * tail in stored blocks (RFC 1951 3.2.4), then both texts' checksum and length.
 *
 * Entry points: gzip_part_make() in any thread, gzip_part_close() when the tail is known. Ownership: a part is its maker's. No failure modes:
 * out of memory aborts, as everywhere. */
#include "lib/gzip_part.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/str.h"

enum {
	HEAD = 10,
	TRAILER = 8,
	STORED_MAX = 65535,
	STORED_HEAD = 5,
	RAW = -15,
	MEMORY = 8,
	FLUSH_ROOM = 64,
};

void
gzip_part_make(const char *text, struct gzip_part *ret)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)text};
	size_t size = strlen(text), room;
	int rc =
	    deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, RAW, MEMORY, Z_DEFAULT_STRATEGY);

	if (rc != Z_OK)
		abort();
	room = deflateBound(&z, size) + FLUSH_ROOM;
	*ret = (struct gzip_part){.octets = str_alloc(room), .size = size};
	z.avail_in = (uInt)size;
	z.next_out = (Bytef *)ret->octets;
	z.avail_out = (uInt)room;
	rc = deflate(&z, Z_SYNC_FLUSH);
	if (rc != Z_OK || z.avail_in > 0 || z.avail_out == 0)
		abort();
	ret->n = room - z.avail_out;
	ret->crc = (uint32_t)crc32(0, (const Bytef *)text, (uInt)size);
	(void)deflateEnd(&z);
}

void
gzip_part_done(struct gzip_part *p)
{
	free(p->octets);
	*p = (struct gzip_part){.n = 0};
}

static char *
put_le(char *to, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8)
		to[i] = (char)(v & 255);
	return to + n;
}

/* Stored blocks, of which the last one is the document's. */
static char *
put_stored(char *to, const char *text, size_t size)
{
	do {
		size_t n = size < STORED_MAX ? size : STORED_MAX;

		*to++ = n == size;
		to = put_le(to, (uint32_t)n, 2);
		to = put_le(to, (uint32_t)~n & 0xffff, 2);
		memcpy(to, text, n);
		to += n;
		text += n;
		size -= n;
	} while (size > 0);
	return to;
}

char *
gzip_part_close(const struct gzip_part *first, const char *tail, size_t *ret_n)
{
	static const char head[HEAD] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, (char)255};
	size_t size = strlen(tail);
	char *doc = str_alloc(
	    HEAD + first->n + size + (size / STORED_MAX + 1) * STORED_HEAD + TRAILER);
	char *to = doc;
	uint32_t crc =
	    (uint32_t)crc32(first->crc, (const Bytef *)(uintptr_t)tail, (uInt)size);

	memcpy(to, head, HEAD);
	to += HEAD;
	memcpy(to, first->octets, first->n);
	to = put_stored(to + first->n, tail, size);
	to = put_le(to, crc, 4);
	to = put_le(to, (uint32_t)(first->size + size), 4);
	*ret_n = (size_t)(to - doc);
	return doc;
}
