/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ${name} substitution for kernel arguments and scripts. */
#ifndef LIB_SUBST_H
#define LIB_SUBST_H

#include "lib/error.h"

/* Returns the value of a name (borrowed) or NULL when it is unknown. */
typedef const char *
subst_lookup(void *arg, const char *name);

enum subst_escape {
	SUBST_KERNEL_ARGS, /* a value with spaces or quotes is refused */
	SUBST_IPXE, /* additionally refuses ${, also in halves, backslash, && and || */
};

/* Replaces ${name}; "$$" is a dollar. 0 with *ret owned by the caller; -ENOENT for an unknown name
 * (named in *err), -EINVAL for a value that may not stand there, -EMSGSIZE above 4096 octets. */
int
subst_expand(const char *tmpl, enum subst_escape how, subst_lookup *lookup, void *arg,
    char **ret, struct error *err) MUST_CHECK;

#endif
