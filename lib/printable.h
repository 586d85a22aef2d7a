/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which characters a person may be shown: the one notion of it for log lines, events and
 * tables. */
#ifndef LIB_PRINTABLE_H
#define LIB_PRINTABLE_H

#include <stddef.h>

/* Octets (1 to 4) of the character at p when it is one whole UTF-8 character (RFC 3629 3) that
 * can be seen and leaves terminal and line alone; else 0, also when len is 0. */
size_t
printable_char(const void *p, size_t len);
/* In place: each octet of what is not printable becomes '?'. Line breaks and tabs stay. */
void
printable_clean(char *s);

#endif
