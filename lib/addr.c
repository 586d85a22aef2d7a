/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses as values: MAC, IP, prefix, SMBIOS UUID.
 *
 * Entry points: addr_*_parse() for text from configuration, requests and messages;
 * addr_*_text() for the one canonical form in which they are stored, compared and shown.
 * Ownership: none; all are values.
 * Failure modes: parsing refuses what is not wholly an address; text buffers that are too
 * small get a clipped text, so use the ADDR_*_TEXT sizes.
 */
#include "lib/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/str.h"

int
addr_mac_parse(const char *s, struct addr_mac *ret)
{
	static const struct addr_mac zero;
	struct addr_mac mac;
	/* aa:bb:cc:dd:ee:ff groups by one octet, aabb.ccdd.eeff by two. */
	bool dotted = strlen(s) == 14;
	size_t group = dotted ? 2 : 1;
	char sep = dotted ? '.' : s[0] != '\0' && s[1] != '\0' ? s[2] : '\0';

	if (!dotted && (strlen(s) != 17 || (sep != ':' && sep != '-')))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(mac.b); i++) {
		if (i > 0 && i % group == 0 && *s++ != sep)
			return -EINVAL;
		if (hex_get(s, &mac.b[i], 1) < 0)
			return -EINVAL;
		s += 2;
	}
	if ((mac.b[0] & 1) != 0 || addr_mac_eq(&mac, &zero))
		return -EINVAL;
	*ret = mac;
	return 0;
}

const char *
addr_mac_text(const struct addr_mac *mac, char *buf, size_t size)
{
	const uint8_t *b = mac->b;

	snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
	    b[5]);
	return buf;
}

bool
addr_mac_eq(const struct addr_mac *a, const struct addr_mac *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int
addr_ip_parse(const char *s, struct addr_ip *ret)
{
	struct addr_ip ip = {.family = AF_INET};

	if (inet_pton(AF_INET, s, ip.b) != 1) {
		ip.family = AF_INET6;
		if (inet_pton(AF_INET6, s, ip.b) != 1)
			return -EINVAL;
	}
	*ret = ip;
	return 0;
}

const char *
addr_ip_text(const struct addr_ip *ip, char *buf, size_t size)
{
	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (addr_ip_is_set(ip) &&
	    inet_ntop(ip->family, ip->b, buf, (socklen_t)size) == NULL)
		buf[0] = '\0';
	return buf;
}

/* Octets that count in this family. */
static size_t
ip_size(const struct addr_ip *ip)
{
	return ip->family == AF_INET ? 4 : ip->family == AF_INET6 ? 16 : 0;
}

bool
addr_ip_eq(const struct addr_ip *a, const struct addr_ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, ip_size(a)) == 0;
}

bool
addr_ip_is_set(const struct addr_ip *ip)
{
	return ip->family == AF_INET || ip->family == AF_INET6;
}

struct addr_ip
addr_ip_from_in(struct in_addr in)
{
	return addr_ip_make_v4(ntohl(in.s_addr));
}

struct addr_ip
addr_ip_from_sockaddr(const struct sockaddr *sa)
{
	struct addr_ip ip = {.family = 0};
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;

	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		return addr_ip_from_in(sin.sin_addr);
	}
	if (sa->sa_family != AF_INET6)
		return ip;
	memcpy(&sin6, sa, sizeof(sin6));
	if (IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr)) {
		ip.family = AF_INET;
		memcpy(ip.b, sin6.sin6_addr.s6_addr + 12, 4);
	} else {
		ip.family = AF_INET6;
		memcpy(ip.b, sin6.sin6_addr.s6_addr, 16);
	}
	return ip;
}

const char *
addr_ip_special(const struct addr_ip *ip)
{
	static const struct {
		const char *prefix, *what;
	} table[] = {
	    {"0.0.0.0/8", "an address of no network"},
	    {"127.0.0.0/8", "a loopback address"},
	    {"169.254.0.0/16", "a link-local address"},
	    {"224.0.0.0/4", "a multicast address"},
	    {"240.0.0.0/4", "a reserved address"},
	    {"::/128", "the unspecified address"},
	    {"::1/128", "a loopback address"},
	    {"::ffff:0:0/96", "an IPv4-mapped address"},
	    {"fe80::/10", "a link-local address"},
	    {"ff00::/8", "a multicast address"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct addr_prefix p;

		if (addr_prefix_parse(table[i].prefix, &p) == 0 &&
		    addr_prefix_contains(&p, ip))
			return table[i].what;
	}
	return NULL;
}

bool
addr_ip_private(const struct addr_ip *ip)
{
	static const char *const table[] = {"10.0.0.0/8", "172.16.0.0/12",
	    "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	    "fc00::/7", "fe80::/10", "::1/128"};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct addr_prefix p;

		if (addr_prefix_parse(table[i], &p) == 0 && addr_prefix_contains(&p, ip))
			return true;
	}
	return false;
}

uint16_t
addr_port_from_sockaddr(const struct sockaddr *sa)
{
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;

	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		return ntohs(sin.sin_port);
	}
	if (sa->sa_family != AF_INET6)
		return 0;
	memcpy(&sin6, sa, sizeof(sin6));
	return ntohs(sin6.sin6_port);
}

bool
addr_ip_is_loopback(const struct addr_ip *ip)
{
	static const struct addr_ip loopback6 = {.family = AF_INET6, .b = {[15] = 1}};

	return ip->family == AF_INET ? ip->b[0] == 127 : addr_ip_eq(ip, &loopback6);
}

bool
addr_ip_is_link_local(const struct addr_ip *ip)
{
	return ip->family == AF_INET6 && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

bool
addr_ip_eui64_mac(const struct addr_ip *ip, struct addr_mac *ret)
{
	const uint8_t *b = ip->b;

	if (ip->family != AF_INET6 || b[11] != 0xff || b[12] != 0xfe ||
	    (b[8] & 0x01) != 0)
		return false;
	*ret = (struct addr_mac){{b[8] ^ 0x02, b[9], b[10], b[13], b[14], b[15]}};
	return true;
}

uint32_t
addr_ip_v4(const struct addr_ip *ip)
{
	if (ip->family != AF_INET)
		return 0;
	return (uint32_t)ip->b[0] << 24 | (uint32_t)ip->b[1] << 16 |
	       (uint32_t)ip->b[2] << 8 | ip->b[3];
}

struct addr_ip
addr_ip_make_v4(uint32_t host_order)
{
	return (struct addr_ip){
	    .family = AF_INET,
	    .b = {(uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
		(uint8_t)(host_order >> 8), (uint8_t)host_order},
	};
}

socklen_t
addr_ip_sockaddr(const struct addr_ip *ip, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(ret, 0, sizeof(*ret));
	if (ip->family == AF_INET) {
		memcpy(&sin.sin_addr, ip->b, 4);
		memcpy(ret, &sin, sizeof(sin));
		return sizeof(sin);
	}
	if (ip->family == AF_INET6) {
		memcpy(&sin6.sin6_addr, ip->b, 16);
		memcpy(ret, &sin6, sizeof(sin6));
		return sizeof(sin6);
	}
	return 0;
}

socklen_t
addr_ip_sockaddr_scoped(
    const struct addr_ip *ip, uint16_t port, uint32_t scope, struct sockaddr_storage *ret)
{
	socklen_t len = addr_ip_sockaddr(ip, port, ret);
	struct sockaddr_in6 sin6;

	if (addr_ip_is_link_local(ip)) {
		memcpy(&sin6, ret, sizeof(sin6));
		sin6.sin6_scope_id = scope;
		memcpy(ret, &sin6, sizeof(sin6));
	}
	return len;
}

/* The mask of octet i of a prefix of len bits. */
static uint8_t
mask_octet(unsigned len, size_t i)
{
	unsigned bits = len > i * 8 ? len - (unsigned)i * 8 : 0;

	return bits >= 8 ? 0xff : (uint8_t)((0xff00U >> bits) & 0xff);
}

int
addr_prefix_parse(const char *s, struct addr_prefix *ret)
{
	const char *slash = strchr(s, '/');
	struct addr_prefix p;
	char text[ADDR_IP_TEXT];
	int64_t len;

	if (slash == NULL || (size_t)(slash - s) >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	if (addr_ip_parse(text, &p.ip) < 0)
		return -EINVAL;
	if (str_to_i64(slash + 1, 0, p.ip.family == AF_INET ? 32 : 128, &len) < 0)
		return -EINVAL;
	p.len = (uint8_t)len;
	for (size_t i = 0; i < ip_size(&p.ip); i++)
		p.ip.b[i] &= mask_octet(p.len, i);
	*ret = p;
	return 0;
}

const char *
addr_prefix_text(const struct addr_prefix *p, char *buf, size_t size)
{
	char ip[ADDR_IP_TEXT];

	if (size == 0)
		return buf;
	if (!addr_ip_is_set(&p->ip))
		buf[0] = '\0';
	else
		snprintf(
		    buf, size, "%s/%u", addr_ip_text(&p->ip, ip, sizeof(ip)), p->len);
	return buf;
}

bool
addr_prefix_contains(const struct addr_prefix *p, const struct addr_ip *ip)
{
	if (!addr_ip_is_set(ip) || ip->family != p->ip.family)
		return false;
	for (size_t i = 0; i < ip_size(ip); i++)
		if ((ip->b[i] & mask_octet(p->len, i)) != p->ip.b[i])
			return false;
	return true;
}

uint32_t
addr_prefix_mask_v4(const struct addr_prefix *p)
{
	return p->len == 0 ? 0 : UINT32_MAX << (32 - p->len);
}

bool
addr_prefix_has_host_v4(const struct addr_prefix *p, const struct addr_ip *ip)
{
	uint32_t host = addr_ip_v4(ip) & ~addr_prefix_mask_v4(p);

	if (p->ip.family != AF_INET || !addr_prefix_contains(p, ip))
		return false;
	return p->len >= 31 || (host != 0 && host != ~addr_prefix_mask_v4(p));
}

int
addr_uuid_parse(const char *s, struct addr_uuid *ret)
{
	struct addr_uuid u;

	if (strlen(s) != ADDR_UUID_TEXT - 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(u.b); i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return -EINVAL;
		if (hex_get(s, &u.b[i], 1) < 0)
			return -EINVAL;
		s += 2;
	}
	*ret = u;
	return 0;
}

const char *
addr_uuid_text(const struct addr_uuid *u, char *buf, size_t size)
{
	const uint8_t *b = u->b;

	snprintf(buf, size,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
	    b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
	    b[13], b[14], b[15]);
	return buf;
}

struct addr_uuid
addr_uuid_swap(const struct addr_uuid *u)
{
	static const uint8_t order[16] = {
	    3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	struct addr_uuid out;

	for (size_t i = 0; i < sizeof(out.b); i++)
		out.b[i] = u->b[order[i]];
	return out;
}
