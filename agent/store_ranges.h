/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which octets of a file are there: ranges in order that do not touch each other. Pure; the record of a partial file is
 * their text. */
#ifndef AGENT_STORE_RANGES_H
#define AGENT_STORE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

/* In a record: more are none that this program wrote. */
enum { STORE_RANGES_MAX = 65536 };

struct store_range {
	int64_t from, to; /* `to` is the first octet that is not in it */
};

struct store_ranges {
	struct store_range *r; /* owned */
	size_t n, room;
};

void
store_ranges_done(struct store_ranges *s);
/* Makes them part of the set; an empty range changes nothing. */
void
store_ranges_add(struct store_ranges *s, int64_t from, int64_t to);
/* All of `other` too. */
void
store_ranges_add_all(struct store_ranges *s, const struct store_ranges *other);
int64_t
store_ranges_total(const struct store_ranges *s);
/* The first octets below `size` that are not in the set, `max` at most. False: there are none. */
bool
store_ranges_gap(
    const struct store_ranges *s, int64_t size, int64_t max, struct store_range *ret);
/* The first of the octets from `from` on and below `to` that are not in the set, as far as none is. False: all are. */
bool
store_ranges_missing(
    const struct store_ranges *s, int64_t from, int64_t to, struct store_range *ret);
/* "0-4096\n8192-9000\n" and back; the text is the caller's. -EINVAL for what the first does not write: out of order,
 * beyond `size`, too many. *ret is empty then. */
char *
store_ranges_text(const struct store_ranges *s);
int
store_ranges_parse(const char *text, int64_t size, struct store_ranges *ret) MUST_CHECK;

#endif
