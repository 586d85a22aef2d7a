/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One gzip document (RFC 1952) of two texts: the first compressed, the second as it is. So what is large and no secret may be made small by
 * a thread beforehand, and what is secret is never compressed together with anything: its length tells nothing of what it says. */
#ifndef LIB_GZIP_PART_H
#define LIB_GZIP_PART_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: there is none. */
struct gzip_part {
	char *octets; /* owned */
	size_t n;
	uint32_t crc; /* of the text, … */
	size_t size;  /* … and its octets */
};

/* Compresses the text, at little cost. */
void
gzip_part_make(const char *text, struct gzip_part *ret);
void
gzip_part_done(struct gzip_part *p);
/* The whole document, of `first` and the tail; the caller's. */
char *
gzip_part_close(const struct gzip_part *first, const char *tail, size_t *ret_n);

#endif
