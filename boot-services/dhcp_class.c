/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User and vendor classes of DHCP clients (boot.md 1.2, 1.4, 1.6).
 *
 * DHCPv4 and DHCPv6 carry the same texts in options of different form; dhcp4_class.c and dhcp6_class.c find the
 * text and decide what wins over what.
 *
 * Nothing fails: what cannot be read counts as not sent. Pure. */
#include "boot-services/dhcp_class.h"

#include <string.h>

#include "lib/arch.h"

static bool
begins(struct rbuf v, const char *text)
{
	size_t n = strlen(text);

	return rbuf_left(&v) >= n && memcmp(rbuf_rest(&v), text, n) == 0;
}

static bool
equals(struct rbuf v, const char *text)
{
	return rbuf_left(&v) == strlen(text) && begins(v, text);
}

/* iPXE sends it raw over DHCPv4, where RFC 3004 wants a list, and as the list of RFC 8415 21.15 over DHCPv6.
 * Both count in both. */
bool
dhcp_class_is_ipxe(struct rbuf r, size_t width)
{
	if (equals(r, "iPXE"))
		return true;
	while (rbuf_left(&r) >= width) {
		struct rbuf v = rbuf_sub(&r, width == 1 ? rbuf_u8(&r) : rbuf_u16(&r));

		if (rbuf_ok(&r) && equals(v, "iPXE"))
			return true;
	}
	return false;
}

enum policy_class
dhcp_class_of_vendor(struct rbuf v)
{
	if (begins(v, "HTTPClient"))
		return POLICY_CLASS_HTTP;
	return begins(v, "PXEClient") ? POLICY_CLASS_PXE : POLICY_CLASS_OS;
}

uint16_t
dhcp_class_arch(struct rbuf v)
{
	static const char mark[] = "Client:Arch:";
	uint32_t arch = 0;
	size_t skip = 0;

	if (begins(v, "PXE"))
		skip = 3;
	else if (begins(v, "HTTP"))
		skip = 4;
	rbuf_skip(&v, skip);
	if (skip == 0 || !begins(v, mark))
		return ARCH_NONE;
	rbuf_skip(&v, sizeof(mark) - 1);
	for (int i = 0; i < 5; i++) {
		uint8_t c = rbuf_u8(&v);

		if (c < '0' || c > '9')
			return ARCH_NONE;
		arch = arch * 10 + (uint32_t)(c - '0');
	}
	return arch < ARCH_NONE ? (uint16_t)arch : ARCH_NONE;
}

const char *dhcp_class_name(enum policy_class class)
{
	switch (class) {
	case POLICY_CLASS_OS: return "os";
	case POLICY_CLASS_PXE: return "pxe";
	case POLICY_CLASS_HTTP: return "http";
	case POLICY_CLASS_IPXE: return "ipxe";
	}
	return "os";
}
