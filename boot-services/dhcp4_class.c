/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Classification of DHCPv4 clients (boot.md 1.2, 1.2.1, 1.4).
 *
 * dhcp4_class_key() decides whose lease this is; dhcp4_class_client() whether firmware,
 * iPXE or an operating system asks, and for which architecture. Options 77 and 175 win
 * over 60, because iPXE keeps saying "PXEClient" there.
 *
 * Nothing fails: what cannot be read counts as not sent. */
#include "boot-services/dhcp4_class.h"

#include <errno.h>
#include <string.h>

#include "boot-services/dhcp_class.h"
#include "lib/arch.h"
#include "lib/hex.h"

int
dhcp4_class_key(
    const struct dhcp4_msg *m, struct dhcp4_class_key *ret, const char **ret_why)
{
	struct dhcp4_class_key key = {.htype = m->htype, .len = m->hlen};
	struct rbuf id = dhcp4_msg_value(m, DHCP4_OPT_CLIENT_ID);
	uint8_t any = 0;

	if (m->hlen > DHCP4_CHADDR_SIZE) {
		*ret_why = "the hardware address is longer than its field";
		return -EINVAL;
	}
	if (m->hlen == 0) {
		/* RFC 4390 2.1: the client MUST send a client identifier instead. */
		if (rbuf_left(&id) == 0 || rbuf_left(&id) > DHCP4_KEY_MAX) {
			*ret_why = "neither a hardware address nor a usable client id";
			return -EINVAL;
		}
		key.len = (uint8_t)rbuf_left(&id);
		rbuf_copy(&id, key.b, key.len);
		*ret = key;
		return 0;
	}
	memcpy(key.b, m->chaddr, m->hlen);
	for (size_t i = 0; i < m->hlen; i++)
		any |= key.b[i];
	if (!any) {
		*ret_why = "the hardware address is all zero";
		return -EINVAL;
	}
	if (m->htype == DHCP4_HTYPE_ETHERNET && m->hlen == 6 && (key.b[0] & 1)) {
		*ret_why = "the hardware address is a group address";
		return -EINVAL;
	}
	*ret = key;
	return 0;
}

bool
dhcp4_class_key_eq(const struct dhcp4_class_key *a, const struct dhcp4_class_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool
dhcp4_class_key_mac(const struct dhcp4_class_key *key, struct addr_mac *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (key->htype != DHCP4_HTYPE_ETHERNET || key->len != sizeof(ret->b))
		return false;
	memcpy(ret->b, key->b, sizeof(ret->b));
	return true;
}

const char *
dhcp4_class_key_text(const struct dhcp4_class_key *key, char *buf, size_t size)
{
	if (size < DHCP4_KEY_TEXT)
		return "";
	hex_put(buf, &key->htype, 1);
	buf[2] = '-';
	hex_put(buf + 3, key->b, key->len < DHCP4_KEY_MAX ? key->len : DHCP4_KEY_MAX);
	return buf;
}

int
dhcp4_class_key_parse(const char *s, size_t len, struct dhcp4_class_key *ret)
{
	struct dhcp4_class_key key = {0};

	if (len < 5 || len % 2 == 0 || (len - 3) / 2 > DHCP4_KEY_MAX || s[2] != '-' ||
	    hex_get(s, &key.htype, 1) < 0)
		return -EINVAL;
	key.len = (uint8_t)((len - 3) / 2);
	if (hex_get(s + 3, key.b, key.len) < 0)
		return -EINVAL;
	*ret = key;
	return 0;
}

struct ipxe_features {
	bool version, listed, http, bzimage;
};

static struct ipxe_features
ipxe_features(const struct dhcp4_msg *m)
{
	struct rbuf r = dhcp4_msg_value(m, DHCP4_OPT_IPXE);
	struct ipxe_features f = {0};

	while (rbuf_left(&r) >= 2) {
		uint8_t code = rbuf_u8(&r);
		struct rbuf v = rbuf_sub(&r, rbuf_u8(&r));

		if (!rbuf_ok(&r))
			break;
		if (code == DHCP4_IPXE_VERSION)
			f.version = true;
		if (code >= DHCP4_IPXE_FEATURE_FIRST && code <= DHCP4_IPXE_FEATURE_LAST)
			f.listed = true;
		if (rbuf_left(&v) == 0)
			continue;
		if (code == DHCP4_IPXE_FEATURE_HTTP)
			f.http = rbuf_u8(&v) != 0;
		else if (code == DHCP4_IPXE_FEATURE_BZIMAGE)
			f.bzimage = rbuf_u8(&v) != 0;
	}
	return f;
}

/* A script fetches over HTTP; under BIOS iPXE loads the kernel by itself, under UEFI the
 * firmware does (boot.md 1.2.1). */
static bool
can_run_scripts(const struct ipxe_features *f, uint16_t arch)
{
	bool bios = arch == 0x00 || arch == ARCH_NONE;

	return !f->listed || (f->http && (f->bzimage || !bios));
}

bool
dhcp4_class_is_boot(const struct dhcp4_msg *m)
{
	return dhcp_class_of_vendor(dhcp4_msg_value(m, DHCP4_OPT_VENDOR_CLASS)) !=
	       POLICY_CLASS_OS;
}

void
dhcp4_class_client(const struct dhcp4_msg *m, struct policy_client *ret)
{
	struct rbuf vendor = dhcp4_msg_value(m, DHCP4_OPT_VENDOR_CLASS);
	struct rbuf arch = dhcp4_msg_value(m, DHCP4_OPT_CLIENT_ARCH);
	struct ipxe_features f = ipxe_features(m);

	ret->class = dhcp_class_of_vendor(vendor);
	if (f.version ||
	    dhcp_class_is_ipxe(dhcp4_msg_value(m, DHCP4_OPT_USER_CLASS), sizeof(uint8_t)))
		ret->class = POLICY_CLASS_IPXE;
	/* A list of architectures is allowed; the first is the one that is booting. */
	ret->arch = rbuf_left(&arch) >= 2 ? rbuf_u16(&arch) : dhcp_class_arch(vendor);
	ret->ipxe_able = can_run_scripts(&f, ret->arch);
}
