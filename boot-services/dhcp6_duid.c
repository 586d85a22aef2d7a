/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCP unique identifiers: LLT, LL, EN and UUID (RFC 8415 11, RFC 6355).
 *
 * A DUID is opaque to a server, "MUST treat DUIDs as opaque values and MUST only compare DUIDs for
 * equality" (RFC 8415 11); what is read from it here finds a host of the table and never decides
 * whose lease something is against that comparison.
 *
 * Nothing fails but parsing: lengths outside the specification. */
#include "boot-services/dhcp6_duid.h"

#include <errno.h>
#include <string.h>

#include "lib/hex.h"

int
dhcp6_duid_parse(struct rbuf v, struct dhcp6_duid *ret)
{
	size_t n = rbuf_left(&v);

	if (n < DHCP6_DUID_MIN || n > DHCP6_DUID_MAX)
		return -EINVAL;
	*ret = (struct dhcp6_duid){.len = (uint8_t)n};
	rbuf_copy(&v, ret->b, n);
	return 0;
}

bool
dhcp6_duid_eq(const struct dhcp6_duid *a, const struct dhcp6_duid *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

bool
dhcp6_duid_mac(const struct dhcp6_duid *d, struct addr_mac *ret)
{
	struct rbuf r = rbuf_init(d->b, d->len);
	uint16_t type = rbuf_u16(&r), hardware = rbuf_u16(&r);
	struct addr_mac mac = {{0}};
	uint8_t any = 0;

	if (type == DHCP6_DUID_LLT)
		rbuf_skip(&r, 4);
	else if (type != DHCP6_DUID_LL)
		return false;
	if (hardware != DHCP6_HW_ETHERNET || rbuf_left(&r) != sizeof(mac.b))
		return false;
	rbuf_copy(&r, mac.b, sizeof(mac.b));
	for (size_t i = 0; i < sizeof(mac.b); i++)
		any |= mac.b[i];
	if (any == 0 || (mac.b[0] & 1))
		return false;
	*ret = mac;
	return true;
}

bool
dhcp6_duid_uuid(const struct dhcp6_duid *d, struct addr_uuid *ret)
{
	struct rbuf r = rbuf_init(d->b, d->len);
	uint8_t all = 0xff, any = 0;

	if (rbuf_u16(&r) != DHCP6_DUID_UUID || rbuf_left(&r) != sizeof(ret->b))
		return false;
	for (size_t i = 0; i < sizeof(ret->b); i++) {
		all &= d->b[2 + i];
		any |= d->b[2 + i];
	}
	if (any == 0 || all == 0xff)
		return false;
	rbuf_copy(&r, ret->b, sizeof(ret->b));
	return true;
}

struct dhcp6_duid
dhcp6_duid_make_uuid(const uint8_t uuid[16])
{
	struct dhcp6_duid d = {.len = 18, .b = {0, DHCP6_DUID_UUID}};

	memcpy(d.b + 2, uuid, 16);
	return d;
}

const char *
dhcp6_duid_text(const struct dhcp6_duid *d, char *buf, size_t size)
{
	if (size < DHCP6_DUID_TEXT)
		return "";
	hex_put(buf, d->b, d->len);
	return buf;
}

int
dhcp6_duid_from_text(const char *s, struct dhcp6_duid *ret)
{
	size_t n = strlen(s);
	struct dhcp6_duid d = {.len = (uint8_t)(n / 2)};

	if (n % 2 != 0 || n / 2 < DHCP6_DUID_MIN || n / 2 > DHCP6_DUID_MAX)
		return -EINVAL;
	if (hex_get(s, d.b, d.len) < 0)
		return -EINVAL;
	*ret = d;
	return 0;
}
