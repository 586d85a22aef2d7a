/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCP unique identifiers (RFC 8415 11, RFC 6355). Pure. */
#ifndef BOOT_SERVICES_DHCP6_DUID_H
#define BOOT_SERVICES_DHCP6_DUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot-services/dhcp6_proto.h"
#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/compiler.h"

/* len 0: none. Unused octets are zero. */
struct dhcp6_duid {
	uint8_t len;
	uint8_t b[DHCP6_DUID_MAX];
};

enum { DHCP6_DUID_TEXT = 2 * DHCP6_DUID_MAX + 1 };

/* 0, or -EINVAL when it is shorter or longer than any DUID. */
int
dhcp6_duid_parse(struct rbuf v, struct dhcp6_duid *ret) MUST_CHECK;
bool
dhcp6_duid_eq(const struct dhcp6_duid *a, const struct dhcp6_duid *b);
/* The Ethernet address of a DUID-LLT or DUID-LL; false for all others, group and all-zero addresses. */
bool
dhcp6_duid_mac(const struct dhcp6_duid *d, struct addr_mac *ret);
/* The octets of a DUID-UUID as they are: OVMF sends SMBIOS order, iPXE RFC 4122's (boot.md 1.6), so look
 * for both, with addr_uuid_swap(). False for others, and for what bad boards send: all 00 or all ff. */
bool
dhcp6_duid_uuid(const struct dhcp6_duid *d, struct addr_uuid *ret);
struct dhcp6_duid
dhcp6_duid_make_uuid(const uint8_t uuid[16]);
/* Lower-case hex; "" for none. `size`: DHCP6_DUID_TEXT at least. */
const char *
dhcp6_duid_text(const struct dhcp6_duid *d, char *buf, size_t size);
int
dhcp6_duid_from_text(const char *s, struct dhcp6_duid *ret) MUST_CHECK;

#endif
