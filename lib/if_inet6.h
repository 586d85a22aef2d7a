/* SPDX-License-Identifier: GPL-3.0-or-later */
/* This machine's IPv6 addresses, as Linux shows them in /proc/self/net/if_inet6: with their flags, which
 * getifaddrs() leaves out, and without a netlink socket, which bootd's sandbox has not. */
#ifndef LIB_IF_INET6_H
#define LIB_IF_INET6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/compiler.h"

/* linux/if_addr.h */
enum {
	IF_INET6_TEMPORARY = 0x01, /* RFC 8981: given up again */
	IF_INET6_DAD_FAILED = 0x08,
	IF_INET6_DEPRECATED = 0x20,
	IF_INET6_TENTATIVE = 0x40,
	IF_INET6_PERMANENT = 0x80,
};

enum { IF_INET6_LINE = 128 };
extern const char if_inet6_path[];

struct if_inet6 {
	struct addr_ip ip;
	unsigned index; /* of its interface */
	unsigned len;	/* of its prefix, 0 … 128 */
	unsigned flags;
};

/* One line, up to its end or line break. 0 or -EINVAL. */
int
if_inet6_parse(const char *line, struct if_inet6 *ret) MUST_CHECK;
/* May others be told of it: neither deprecated nor somebody else's (or perhaps so) nor temporary? */
bool
if_inet6_is_lasting(const struct if_inet6 *a);

#endif
