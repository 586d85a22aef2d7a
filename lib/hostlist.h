/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host sets as typed: "edge[01-10].los,-edge03.los", "@site=los,role=cdn", "all". */
#ifndef LIB_HOSTLIST_H
#define LIB_HOSTLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

enum { HOSTLIST_MAX = 100000, HOSTLIST_TEXT_MAX = 64 * 1024 };

struct hostlist_term {
	bool exclude;
	bool all;
	char *name; /* a literal name, or NULL */
	char *
	    label; /* with `value`: an @label=value term; all pairs of one @ term share `group` */
	char *value;
	unsigned group;
};

struct hostlist {
	struct hostlist_term *terms;
	size_t count;
};

/* Expands ranges into literal names, in order, duplicates kept. -EINVAL with *err pointing at the
 * offending part; -E2BIG above HOSTLIST_MAX names. */
int
hostlist_parse(const char *text, struct hostlist *ret, struct error *err) MUST_CHECK;
void
hostlist_done(struct hostlist *list);
/* Names as such a text, each once, sorted: "edge[01-10,12].los,gw.los"; hostlist_parse() makes the same
 * names of it. Owned by the caller. */
char *
hostlist_fold(const char *const *names, size_t n);

#endif
