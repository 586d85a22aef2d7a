/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of /proc/self/net/if_inet6:
 *
 *	fd770000000000000000000000000001 02 40 00 80     br0
 *
 * address, interface, prefix length, scope and flags, each in hexadecimal, and a name.
 *
 * Entry points: if_inet6_parse(); the caller reads the file. Ownership: values.
 * Failure modes: a line that is not wholly of this form is refused. */
#include "lib/if_inet6.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char if_inet6_path[] = "/proc/self/net/if_inet6";

int
if_inet6_parse(const char *line, struct if_inet6 *ret)
{
	struct if_inet6 a = {.ip.family = AF_INET6};
	size_t digits = strspn(line, "0123456789abcdef");
	unsigned scope;

	if (digits != 2 * sizeof(a.ip.b))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(a.ip.b); i++) {
		if (sscanf(line + 2 * i, "%2hhx", &a.ip.b[i]) != 1)
			return -EINVAL;
	}
	if (sscanf(line + digits, " %8x %8x %8x %8x", &a.index, &a.len, &scope,
		&a.flags) != 4 ||
	    a.len > 128)
		return -EINVAL;
	*ret = a;
	return 0;
}

bool
if_inet6_is_lasting(const struct if_inet6 *a)
{
	return (a->flags & (IF_INET6_TEMPORARY | IF_INET6_DAD_FAILED |
			       IF_INET6_DEPRECATED | IF_INET6_TENTATIVE)) == 0;
}
