/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who sent this DHCPv4 message: its lease key, and what policy_decide() wants to know.
 * Pure. */
#ifndef BOOT_SERVICES_DHCP4_CLASS_H
#define BOOT_SERVICES_DHCP4_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/dhcp4_msg.h"
#include "boot-services/policy.h"

enum { DHCP4_KEY_MAX = 32 };

/* What a lease belongs to: the hardware address, so that firmware (no client id), iPXE
 * and the installed system get the same address (boot.md quirk 48). Only where there is
 * no hardware address (hlen 0, RFC 4390) the client id takes its place. Unused octets are
 * zero. */
struct dhcp4_class_key {
	uint8_t htype, len;
	uint8_t b[DHCP4_KEY_MAX];
};

/* 0, or -EINVAL with *ret_why (constant text): no usable address, or a group address. */
int
dhcp4_class_key(const struct dhcp4_msg *m, struct dhcp4_class_key *ret,
    const char **ret_why) MUST_CHECK;
bool
dhcp4_class_key_eq(const struct dhcp4_class_key *a, const struct dhcp4_class_key *b);
/* The MAC in a key; false (and all zero) when it is not an Ethernet one. */
bool
dhcp4_class_key_mac(const struct dhcp4_class_key *key, struct addr_mac *ret);
/* "01-525400770001": hardware type and octets in hex, for the journal. Needs KEY_TEXT
 * octets. */
enum { DHCP4_KEY_TEXT = 3 + 2 * DHCP4_KEY_MAX + 1 };
const char *
dhcp4_class_key_text(const struct dhcp4_class_key *key, char *buf, size_t size);
int
dhcp4_class_key_parse(const char *s, size_t len, struct dhcp4_class_key *ret) MUST_CHECK;

/* Does option 60 say that this is a PXE or HTTP boot client? */
bool
dhcp4_class_is_boot(const struct dhcp4_msg *m);
/* Sets class, arch and ipxe_able of *ret from options 60, 77, 93 and 175. */
void
dhcp4_class_client(const struct dhcp4_msg *m, struct policy_client *ret);

#endif
