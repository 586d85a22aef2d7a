/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Classification of DHCPv6 clients (boot.md 1.6, 1.4).
 *
 * dhcp6_class_macs() reads which machine it is, dhcp6_class_client() whether firmware, iPXE or an operating
 * system asks, and for which architecture. The user class wins over the vendor class, because iPXE keeps
 * saying "PXEClient" there.
 *
 * Nothing fails: what cannot be read counts as not sent. */
#include "boot-services/dhcp6_class.h"

#include <errno.h>
#include <string.h>

#include "boot-services/dhcp_class.h"
#include "lib/arch.h"

struct dhcp6_class_key
dhcp6_class_key_of_mac(const struct addr_mac *mac)
{
	struct dhcp6_class_key key = {.kind = DHCP6_KEY_MAC, .len = sizeof(mac->b)};

	memcpy(key.b, mac->b, sizeof(mac->b));
	return key;
}

struct dhcp6_class_key
dhcp6_class_key_of_duid(const struct dhcp6_duid *d)
{
	struct dhcp6_class_key key = {.kind = DHCP6_KEY_DUID, .len = d->len};

	memcpy(key.b, d->b, d->len);
	return key;
}

bool
dhcp6_class_key_eq(const struct dhcp6_class_key *a, const struct dhcp6_class_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool
dhcp6_class_key_mac(const struct dhcp6_class_key *key, struct addr_mac *ret)
{
	if (key->kind != DHCP6_KEY_MAC)
		return false;
	memcpy(ret->b, key->b, sizeof(ret->b));
	return true;
}

const char *
dhcp6_class_key_text(const struct dhcp6_class_key *key, char *buf, size_t size)
{
	struct dhcp6_duid octets = {.len = key->len};

	if (size < DHCP6_KEY_TEXT)
		return "";
	memcpy(octets.b, key->b, sizeof(octets.b));
	buf[0] = key->kind == DHCP6_KEY_MAC ? 'm' : 'd';
	buf[1] = '-';
	dhcp6_duid_text(&octets, buf + 2, size - 2);
	return buf;
}

int
dhcp6_class_key_parse(const char *s, struct dhcp6_class_key *ret)
{
	struct dhcp6_class_key key = {.kind = DHCP6_KEY_DUID};
	struct dhcp6_duid octets;

	if ((s[0] != 'm' && s[0] != 'd') || s[1] != '-' ||
	    dhcp6_duid_from_text(s + 2, &octets) < 0)
		return -EINVAL;
	if (s[0] == 'm')
		key.kind = DHCP6_KEY_MAC;
	if (key.kind == DHCP6_KEY_MAC && octets.len != sizeof(struct addr_mac))
		return -EINVAL;
	key.len = octets.len;
	memcpy(key.b, octets.b, sizeof(key.b));
	*ret = key;
	return 0;
}

static bool
is_machine(const struct addr_mac *mac)
{
	uint8_t any = 0;

	for (size_t i = 0; i < sizeof(mac->b); i++)
		any |= mac->b[i];
	return any != 0 && !(mac->b[0] & 1);
}

static bool
mac_of_option_79(const struct dhcp6_msg *m, struct addr_mac *ret)
{
	struct rbuf r;

	if (m->n_relays == 0)
		return false;
	r = dhcp6_msg_value(m, m->relays[m->n_relays - 1].linklayer);
	if (rbuf_left(&r) != 2 + sizeof(ret->b) || rbuf_u16(&r) != DHCP6_HW_ETHERNET)
		return false;
	rbuf_copy(&r, ret->b, sizeof(ret->b));
	return is_machine(ret);
}

/* fe80::MAC with ff:fe in its middle and the universal bit turned over. */
static bool
mac_of_link_local(const uint8_t ip[16], struct addr_mac *ret)
{
	static const uint8_t prefix[8] = {0xfe, 0x80};

	if (memcmp(ip, prefix, sizeof(prefix)) != 0 || ip[11] != 0xff || ip[12] != 0xfe)
		return false;
	*ret = (struct addr_mac){
	    {(uint8_t)(ip[8] ^ 2), ip[9], ip[10], ip[13], ip[14], ip[15]}};
	return is_machine(ret);
}

void
dhcp6_class_macs(const struct dhcp6_msg *m, const struct dhcp6_duid *duid,
    const uint8_t source[16], struct dhcp6_class_macs *ret)
{
	*ret = (struct dhcp6_class_macs){.has = {false}};
	ret->has[DHCP6_MAC_RELAY] = mac_of_option_79(m, &ret->mac[DHCP6_MAC_RELAY]);
	ret->has[DHCP6_MAC_DUID] = dhcp6_duid_mac(duid, &ret->mac[DHCP6_MAC_DUID]);
	ret->has[DHCP6_MAC_LINK] = mac_of_link_local(source, &ret->mac[DHCP6_MAC_LINK]);
}

/* The first class of option 16, whatever the enterprise; empty when there is none. */
static struct rbuf
vendor_class(const struct dhcp6_msg *m)
{
	struct rbuf r = dhcp6_msg_option(m, DHCP6_OPT_VENDOR_CLASS);

	if (rbuf_left(&r) < 6)
		return rbuf_init(m->store, 0);
	rbuf_skip(&r, 4);
	return rbuf_sub(&r, rbuf_u16(&r));
}

void
dhcp6_class_client(const struct dhcp6_msg *m, struct policy_client *ret)
{
	struct rbuf vendor = vendor_class(m);
	struct rbuf arch = dhcp6_msg_option(m, DHCP6_OPT_CLIENT_ARCH);
	bool listed = rbuf_left(&arch) >= 2;

	/* A list of architectures is allowed; the first is the one that is booting. */
	ret->arch = listed ? rbuf_u16(&arch) : dhcp_class_arch(vendor);
	ret->class = dhcp_class_of_vendor(vendor);
	if (ret->class == POLICY_CLASS_OS && listed)
		ret->class =
		    arch_is_http(ret->arch) ? POLICY_CLASS_HTTP : POLICY_CLASS_PXE;
	if (dhcp_class_is_ipxe(
		dhcp6_msg_option(m, DHCP6_OPT_USER_CLASS), sizeof(uint16_t)))
		ret->class = POLICY_CLASS_IPXE;
	/* DHCPv6 has no list of iPXE's features (option 175 is DHCPv4's): every iPXE with
	 * IPv6 has HTTP. */
	ret->ipxe_able = true;
	/* Who was handed a loader is not remembered, and an iPXE must not be handed one again and again. */
	ret->chained_already = true;
}
