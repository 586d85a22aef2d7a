/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who sent this DHCPv6 message: what its addresses and identifiers say of the machine, whose lease it is,
 * and what policy_decide() wants to know. Pure. */
#ifndef BOOT_SERVICES_DHCP6_CLASS_H
#define BOOT_SERVICES_DHCP6_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/dhcp6_duid.h"
#include "boot-services/dhcp6_msg.h"
#include "boot-services/policy.h"

/* What a lease belongs to: the hardware address wherever it is known, so that firmware (DUID-UUID in SMBIOS
 * order), iPXE (the same in RFC 4122 order) and the installed system (any DUID) get the same address; the
 * IAID does not count, since firmware makes up another for each try (boot.md 1.6). Else the DUID. Unused
 * octets are zero. */
enum dhcp6_class_kind { DHCP6_KEY_NONE, DHCP6_KEY_MAC, DHCP6_KEY_DUID };
struct dhcp6_class_key {
	uint8_t kind, len;
	uint8_t b[DHCP6_DUID_MAX];
};

struct dhcp6_class_key
dhcp6_class_key_of_mac(const struct addr_mac *mac);
struct dhcp6_class_key
dhcp6_class_key_of_duid(const struct dhcp6_duid *d);
bool
dhcp6_class_key_eq(const struct dhcp6_class_key *a, const struct dhcp6_class_key *b);
bool
dhcp6_class_key_mac(const struct dhcp6_class_key *key, struct addr_mac *ret);
/* "m-525400770001", "d-0004…", for the journal. */
enum { DHCP6_KEY_TEXT = 2 + DHCP6_DUID_TEXT };
const char *
dhcp6_class_key_text(const struct dhcp6_class_key *key, char *buf, size_t size);
int
dhcp6_class_key_parse(const char *s, struct dhcp6_class_key *ret) MUST_CHECK;

/* The MAC addresses that a message speaks of, by how much they are worth (boot.md 1.6). */
enum dhcp6_class_source {
	DHCP6_MAC_RELAY, /* option 79 of the relay that is next to the client (RFC 6939) */
	DHCP6_MAC_DUID, /* DUID-LLT or DUID-LL: of the machine, not always of this port */
	DHCP6_MAC_LINK, /* a link-local source made of it (RFC 4291 2.5.1) */
	DHCP6_MAC_SOURCES,
};
struct dhcp6_class_macs {
	bool has[DHCP6_MAC_SOURCES];
	struct addr_mac mac[DHCP6_MAC_SOURCES];
};
/* `source`: the client's own address, of the packet or as its relay names it. */
void
dhcp6_class_macs(const struct dhcp6_msg *m, const struct dhcp6_duid *duid,
    const uint8_t source[16], struct dhcp6_class_macs *ret);

/* Sets class, arch and ipxe_able of *ret from options 15, 16 and 61. */
void
dhcp6_class_client(const struct dhcp6_msg *m, struct policy_client *ret);

#endif
