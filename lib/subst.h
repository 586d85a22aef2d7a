/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ${name} substitution for kernel arguments, scripts and templates. */
#ifndef LIB_SUBST_H
#define LIB_SUBST_H

#include "lib/error.h"

/* Returns the value of a name (borrowed) or NULL when it is unknown. */
typedef const char *
subst_lookup(void *arg, const char *name);

enum subst_escape {
	SUBST_KERNEL_ARGS, /* a value with spaces or quotes is refused */
	SUBST_IPXE, /* additionally refuses ${, also in halves, backslash, && and || */
	/* Text of many lines, up to SUBST_TEXT_MAX: control characters in a value are refused, since a line
	 * break would make another line of it. Reasons begin with the line's number. */
	SUBST_TEXT,
	/* Inside the strings of a JSON document, up to SUBST_TEXT_MAX: every value may stand there, and is escaped. */
	SUBST_JSON,
};

enum { SUBST_ARGS_MAX = 4096, SUBST_TEXT_MAX = 128 * 1024 };

/* Replaces ${name}; "$$" is a dollar. 0 with *ret owned by the caller; -ENOENT for an unknown name
 * (named in *err), -EINVAL for a value that may not stand there, -EMSGSIZE above SUBST_ARGS_MAX octets,
 * for SUBST_TEXT and SUBST_JSON above SUBST_TEXT_MAX. */
int
subst_expand(const char *tmpl, enum subst_escape how, subst_lookup *lookup, void *arg,
    char **ret, struct error *err) MUST_CHECK;

#endif
