/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Router discovery: bytes to struct and back.
 *
 * Entry points: ra_msg_build() for our advertisements, ra_msg_parse() for those of other routers,
 * ra_msg_parse_solicit() for what machines ask with. Ownership: values and cursors.
 *
 * Failure modes: what RFC 4861 6.1.1 and 6.1.2 call invalid is refused with the sentence that it
 * offends; hop limit and source address are the receiver's to check. Options that are not known are
 * skipped (RFC 4861 4.6: "Receivers MUST silently ignore any options they do not recognize"). */
#include "boot-services/ra_msg.h"

#include <errno.h>
#include <string.h>

#include "boot-services/ra_proto.h"

enum { UNIT = 8, PREFIX_UNITS = 4 };

/* ---- building ---- */

static void
put_lladdr(struct wbuf *w, const struct addr_mac *mac)
{
	wbuf_u8(w, RA_OPT_SOURCE_LLADDR);
	wbuf_u8(w, 1);
	wbuf_bytes(w, mac->b, sizeof(mac->b));
}

static void
put_mtu(struct wbuf *w, uint32_t mtu)
{
	wbuf_u8(w, RA_OPT_MTU);
	wbuf_u8(w, 1);
	wbuf_u16(w, 0);
	wbuf_u32(w, mtu);
}

static void
put_prefix(struct wbuf *w, const struct ra_msg_prefix *p)
{
	wbuf_u8(w, RA_OPT_PREFIX);
	wbuf_u8(w, PREFIX_UNITS);
	wbuf_u8(w, p->prefix.len);
	wbuf_u8(w, (uint8_t)((p->on_link ? RA_PREFIX_ON_LINK : 0) |
			     (p->autonomous ? RA_PREFIX_AUTONOMOUS : 0)));
	wbuf_u32(w, p->valid_s);
	wbuf_u32(w, p->preferred_s);
	wbuf_u32(w, 0);
	wbuf_bytes(w, p->prefix.ip.b, sizeof(p->prefix.ip.b));
}

static void
put_dns(struct wbuf *w, const struct ra_msg *m)
{
	if (m->n_dns == 0)
		return;
	wbuf_u8(w, RA_OPT_RDNSS);
	wbuf_u8(w, (uint8_t)(1 + 2 * m->n_dns));
	wbuf_u16(w, 0);
	wbuf_u32(w, RA_DNS_LIFETIME_S);
	for (size_t i = 0; i < m->n_dns; i++)
		wbuf_bytes(w, m->dns[i].b, sizeof(m->dns[i].b));
}

/* RFC 1035 3.1: labels, each after its length, and an empty one. */
static void
put_name(struct wbuf *w, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		if (n > 0) {
			wbuf_u8(w, (uint8_t)n);
			wbuf_bytes(w, name, n);
		}
		name += n + (name[n] == '.');
	}
	wbuf_u8(w, 0);
}

static void
put_domains(struct wbuf *w, const struct ra_msg *m)
{
	size_t start = w->len;

	if (m->n_domains == 0)
		return;
	wbuf_u8(w, RA_OPT_DNSSL);
	wbuf_u8(w, 0);
	wbuf_u16(w, 0);
	wbuf_u32(w, RA_DNS_LIFETIME_S);
	for (size_t i = 0; i < m->n_domains; i++)
		put_name(w, m->domains[i]);
	/* RFC 8106 5.2: "MUST be padded with zeros" to a multiple of eight. */
	wbuf_zero(w, (UNIT - (w->len - start) % UNIT) % UNIT);
	if (wbuf_ok(w))
		wbuf_patch_u8(w, start + 1, (uint8_t)((w->len - start) / UNIT));
}

bool
ra_msg_build(struct wbuf *w, const struct ra_msg *m)
{
	wbuf_u8(w, RA_TYPE_ADVERT);
	wbuf_u8(w, 0);
	wbuf_u16(w, 0); /* checksum */
	wbuf_u8(w, m->hop_limit);
	wbuf_u8(w, (uint8_t)((m->managed ? RA_FLAG_MANAGED : 0) |
			     (m->other ? RA_FLAG_OTHER : 0)));
	wbuf_u16(w, m->router_s);
	wbuf_u32(w, 0); /* reachable time and retransmission timer: unspecified */
	wbuf_u32(w, 0);
	if (m->has_mac)
		put_lladdr(w, &m->mac);
	if (m->mtu != 0)
		put_mtu(w, m->mtu);
	for (size_t i = 0; i < m->n_prefixes; i++)
		put_prefix(w, &m->prefixes[i]);
	put_dns(w, m);
	put_domains(w, m);
	return wbuf_ok(w);
}

bool
ra_msg_build_solicit(struct wbuf *w, const struct addr_mac *mac)
{
	wbuf_u8(w, RA_TYPE_SOLICIT);
	wbuf_u8(w, 0);
	wbuf_u16(w, 0);
	wbuf_u32(w, 0);
	if (mac != NULL)
		put_lladdr(w, mac);
	return wbuf_ok(w);
}

/* ---- parsing ---- */

static int
bad(const char **why, const char *text)
{
	*why = text;
	return -EBADMSG;
}

static void
take_prefix(struct ra_msg *m, struct rbuf *r)
{
	struct ra_msg_prefix p = {.prefix.ip.family = AF_INET6};
	uint8_t flags;

	p.prefix.len = rbuf_u8(r);
	flags = rbuf_u8(r);
	p.on_link = (flags & RA_PREFIX_ON_LINK) != 0;
	p.autonomous = (flags & RA_PREFIX_AUTONOMOUS) != 0;
	p.valid_s = rbuf_u32(r);
	p.preferred_s = rbuf_u32(r);
	rbuf_skip(r, 4);
	rbuf_copy(r, p.prefix.ip.b, sizeof(p.prefix.ip.b));
	if (rbuf_ok(r) && p.prefix.len <= 128 && m->n_prefixes < RA_MSG_PREFIXES)
		m->prefixes[m->n_prefixes++] = p;
}

static void
take_dns(struct ra_msg *m, struct rbuf *r)
{
	rbuf_skip(r, 6);
	while (rbuf_left(r) >= 16 && m->n_dns < RA_MSG_DNS) {
		struct addr_ip *ip = &m->dns[m->n_dns++];

		ip->family = AF_INET6;
		rbuf_copy(r, ip->b, sizeof(ip->b));
	}
}

/* `r` is the option without type and length. What is too short for its type is left out. */
static void
take_option(struct ra_msg *m, uint8_t type, struct rbuf r)
{
	switch (type) {
	case RA_OPT_SOURCE_LLADDR:
		rbuf_copy(&r, m->mac.b, sizeof(m->mac.b));
		m->has_mac = rbuf_ok(&r);
		break;
	case RA_OPT_MTU:
		rbuf_skip(&r, 2);
		m->mtu = rbuf_u32(&r);
		break;
	case RA_OPT_PREFIX: take_prefix(m, &r); break;
	case RA_OPT_RDNSS: take_dns(m, &r); break;
	}
}

/* The next option. False at the end, and when it is not whole: r is then marked. */
static bool
next_option(struct rbuf *r, uint8_t *ret_type, struct rbuf *ret)
{
	size_t len;

	if (rbuf_left(r) == 0)
		return false;
	*ret_type = rbuf_u8(r);
	len = (size_t)rbuf_u8(r) * UNIT;
	/* RFC 4861 6.1: "All included options have a length that is greater than zero." */
	if (len == 0) {
		rbuf_skip(r, rbuf_left(r) + 1);
		return false;
	}
	*ret = rbuf_sub(r, len - 2);
	return rbuf_ok(r);
}

int
ra_msg_parse(const uint8_t *data, size_t len, struct ra_msg *ret, const char **why)
{
	struct rbuf r = rbuf_init(data, len), value;
	struct ra_msg m = {.hop_limit = 0};
	uint8_t type, flags;

	if (len < RA_ADVERT_MIN)
		return bad(why, "an advertisement of less than 16 octets");
	if (rbuf_u8(&r) != RA_TYPE_ADVERT || rbuf_u8(&r) != 0)
		return bad(why, "not a router advertisement");
	rbuf_skip(&r, 2);
	m.hop_limit = rbuf_u8(&r);
	flags = rbuf_u8(&r);
	m.managed = (flags & RA_FLAG_MANAGED) != 0;
	m.other = (flags & RA_FLAG_OTHER) != 0;
	m.router_s = rbuf_u16(&r);
	rbuf_skip(&r, 8);
	while (next_option(&r, &type, &value))
		take_option(&m, type, value);
	if (!rbuf_ok(&r))
		return bad(why, "an option of length 0, or one that is cut off");
	*ret = m;
	return 0;
}

int
ra_msg_parse_solicit(const uint8_t *data, size_t len, bool unspecified, const char **why)
{
	struct rbuf r = rbuf_init(data, len), value;
	bool named = false;
	uint8_t type;

	if (len < RA_SOLICIT_MIN)
		return bad(why, "a solicitation of less than 8 octets");
	if (rbuf_u8(&r) != RA_TYPE_SOLICIT || rbuf_u8(&r) != 0)
		return bad(why, "not a router solicitation");
	rbuf_skip(&r, 6);
	while (next_option(&r, &type, &value))
		named = named || type == RA_OPT_SOURCE_LLADDR;
	if (!rbuf_ok(&r))
		return bad(why, "an option of length 0, or one that is cut off");
	/* RFC 4861 6.1.1: "If the IP source address is the unspecified address, there is no source
	 * link-layer address option in the message." */
	if (unspecified && named)
		return bad(why, "a link-layer address from the unspecified address");
	return 0;
}
