/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses as values: Ethernet MAC, IP (either family), prefix, SMBIOS UUID. */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct addr_mac {
	uint8_t b[6];
};

/* family AF_INET, AF_INET6, or 0 for none; IPv4 in b[0..3]. */
struct addr_ip {
	int family;
	uint8_t b[16];
};

struct addr_prefix {
	struct addr_ip ip; /* host bits zero */
	uint8_t len;
};

/* Bytes in RFC 4122 order. */
struct addr_uuid {
	uint8_t b[16];
};

enum {
	ADDR_MAC_TEXT = 18,
	ADDR_IP_TEXT = 46,
	ADDR_PREFIX_TEXT = 50,
	ADDR_UUID_TEXT = 37
};

/* Accepts aa:bb:cc:dd:ee:ff, with '-' too, and aabb.ccdd.eeff; any case. 0 or -EINVAL. Refuses
 * group and all-zero addresses: no host has one. */
int
addr_mac_parse(const char *s, struct addr_mac *ret) MUST_CHECK;
const char *
addr_mac_text(const struct addr_mac *mac, char *buf, size_t size); /* aa:bb:… */
bool
addr_mac_eq(const struct addr_mac *a, const struct addr_mac *b);

int
addr_ip_parse(const char *s, struct addr_ip *ret) MUST_CHECK;
const char *
addr_ip_text(const struct addr_ip *ip, char *buf, size_t size); /* "" for none */
bool
addr_ip_eq(const struct addr_ip *a, const struct addr_ip *b);
bool
addr_ip_is_set(const struct addr_ip *ip);
struct addr_ip
addr_ip_from_in(struct in_addr in);
struct addr_ip
addr_ip_from_sockaddr(const struct sockaddr *sa); /* v4-mapped becomes v4 */
/* Why no machine of a routed network can have it ("a link-local address", …), or NULL: RFC 6890, RFC 4291. */
const char *
addr_ip_special(const struct addr_ip *ip);
uint16_t
addr_port_from_sockaddr(const struct sockaddr *sa); /* 0 when not IP */
/* 127.0.0.0/8 or ::1. */
bool
addr_ip_is_loopback(const struct addr_ip *ip);
/* Of a network that others may have too: RFC 1918, RFC 6598, RFC 4193, link-local and loopback. */
bool
addr_ip_private(const struct addr_ip *ip);
/* fe80::/10 (RFC 4291 2.5.6). */
bool
addr_ip_is_link_local(const struct addr_ip *ip);
/* The MAC behind an interface identifier that was made of one (RFC 4291 appendix A). False when it was
 * not. */
bool
addr_ip_eui64_mac(const struct addr_ip *ip, struct addr_mac *ret);
uint32_t
addr_ip_v4(const struct addr_ip *ip); /* host order; 0 if not IPv4 */
struct addr_ip
addr_ip_make_v4(uint32_t host_order);
/* Fills sockaddr_storage; returns its length (0 when ip is unset). */
socklen_t
addr_ip_sockaddr(const struct addr_ip *ip, uint16_t port, struct sockaddr_storage *ret);
/* The same; a link-local address is on interface `scope`. */
socklen_t
addr_ip_sockaddr_scoped(const struct addr_ip *ip, uint16_t port, uint32_t scope,
    struct sockaddr_storage *ret);

int
addr_prefix_parse(const char *s, struct addr_prefix *ret) MUST_CHECK; /* "10.77.0.0/24" */
const char *
addr_prefix_text(const struct addr_prefix *p, char *buf, size_t size);
bool
addr_prefix_contains(const struct addr_prefix *p, const struct addr_ip *ip);
uint32_t
addr_prefix_mask_v4(const struct addr_prefix *p); /* host order */
/* Is it an address of the IPv4 prefix that a machine may have: neither the network's nor
 * the broadcast address? (RFC 3021: a /31 has neither.) */
bool
addr_prefix_has_host_v4(const struct addr_prefix *p, const struct addr_ip *ip);

int
addr_uuid_parse(const char *s, struct addr_uuid *ret) MUST_CHECK;
const char *
addr_uuid_text(const struct addr_uuid *u, char *buf, size_t size);
/* SMBIOS stores the first three fields little-endian; DHCP option 97 carries that form
 * (RFC 4578 2.3, seen from OVMF and iPXE). Converts to and fro. */
struct addr_uuid
addr_uuid_swap(const struct addr_uuid *u);

#endif
