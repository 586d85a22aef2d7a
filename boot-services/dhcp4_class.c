/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Classification of DHCPv4 clients (boot.md 1.2, 1.2.1, 1.4).
 *
 * dhcp4_class_key() decides whose lease this is; dhcp4_class_client() whether firmware,
 * iPXE or an operating system asks, and for which architecture. Options 77 and 175 win
 * over 60, because iPXE keeps saying "PXEClient" there.
 *
 * Nothing fails: what cannot be read counts as not sent. */
#include "boot-services/dhcp4_class.h"
#include "lib/arch.h"

#include <errno.h>
#include <string.h>

static const char ipxe_text[] = "iPXE";

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

static char *
put_hex(char *p, uint8_t v)
{
	static const char digits[] = "0123456789abcdef";

	*p++ = digits[v >> 4];
	*p++ = digits[v & 15];
	return p;
}

const char *
dhcp4_class_key_text(const struct dhcp4_class_key *key, char *buf, size_t size)
{
	char *p = buf;

	if (size < DHCP4_KEY_TEXT)
		return "";
	p = put_hex(p, key->htype);
	*p++ = '-';
	for (size_t i = 0; i < key->len && i < DHCP4_KEY_MAX; i++)
		p = put_hex(p, key->b[i]);
	*p = '\0';
	return buf;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
hex_octet(const char *s, uint8_t *ret)
{
	int hi = hex_digit(s[0]), lo = hex_digit(s[1]);

	if (hi < 0 || lo < 0)
		return -EINVAL;
	*ret = (uint8_t)(hi << 4 | lo);
	return 0;
}

int
dhcp4_class_key_parse(const char *s, size_t len, struct dhcp4_class_key *ret)
{
	struct dhcp4_class_key key = {0};

	if (len < 5 || len % 2 == 0 || (len - 3) / 2 > DHCP4_KEY_MAX || s[2] != '-' ||
	    hex_octet(s, &key.htype) < 0)
		return -EINVAL;
	key.len = (uint8_t)((len - 3) / 2);
	for (size_t i = 0; i < key.len; i++) {
		if (hex_octet(s + 3 + 2 * i, &key.b[i]) < 0)
			return -EINVAL;
	}
	*ret = key;
	return 0;
}

/* iPXE sends its user class raw; RFC 3004 wants a list of length-prefixed ones. Both
 * count. */
static bool
user_class_is_ipxe(const struct dhcp4_msg *m)
{
	struct rbuf r = dhcp4_msg_value(m, DHCP4_OPT_USER_CLASS);

	if (equals(r, ipxe_text))
		return true;
	while (rbuf_left(&r) > 0) {
		struct rbuf v = rbuf_sub(&r, rbuf_u8(&r));

		if (rbuf_ok(&r) && equals(v, ipxe_text))
			return true;
	}
	return false;
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

/* "PXEClient:Arch:00007:UNDI:003000" says it too, for ROMs that leave out option 93. */
static uint16_t
arch_of_vendor_class(struct rbuf v)
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

bool
dhcp4_class_is_boot(const struct dhcp4_msg *m)
{
	struct rbuf vendor = dhcp4_msg_value(m, DHCP4_OPT_VENDOR_CLASS);

	return begins(vendor, "PXEClient") || begins(vendor, "HTTPClient");
}

void
dhcp4_class_client(const struct dhcp4_msg *m, struct policy_client *ret)
{
	struct rbuf vendor = dhcp4_msg_value(m, DHCP4_OPT_VENDOR_CLASS);
	struct rbuf arch = dhcp4_msg_value(m, DHCP4_OPT_CLIENT_ARCH);
	struct ipxe_features f = ipxe_features(m);

	if (user_class_is_ipxe(m) || f.version)
		ret->class = POLICY_CLASS_IPXE;
	else if (begins(vendor, "HTTPClient"))
		ret->class = POLICY_CLASS_HTTP;
	else if (begins(vendor, "PXEClient"))
		ret->class = POLICY_CLASS_PXE;
	else
		ret->class = POLICY_CLASS_OS;
	/* A list of architectures is allowed; the first is the one that is booting. */
	ret->arch =
	    rbuf_left(&arch) >= 2 ? rbuf_u16(&arch) : arch_of_vendor_class(vendor);
	ret->ipxe_able = can_run_scripts(&f, ret->arch);
}

const char *dhcp4_class_name(enum policy_class class)
{
	switch (class) {
	case POLICY_CLASS_OS: return "os";
	case POLICY_CLASS_PXE: return "pxe";
	case POLICY_CLASS_HTTP: return "http";
	case POLICY_CLASS_IPXE: return "ipxe";
	}
	return "os";
}
