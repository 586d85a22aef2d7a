/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets and a small site for the DHCPv6 tests: builders only, every test checks itself. */
#ifndef TESTS_UNIT_DHCP6_KIT_H
#define TESTS_UNIT_DHCP6_KIT_H

#include <string.h>

#include "boot-services/dhcp6_msg.h"
#include "boot-services/dhcp6_server.h"
#include "boot-services/hosttab.h"
#include "lib/str.h"

enum { KIT_IAID = 0x01020304, KIT_POOL_AT = 0x100 };

static const uint8_t kit_mac_edge[6] = {
    0x52, 0x54, 0, 0x77, 0, 1}; /* in the table, fixed */
static const uint8_t kit_mac_pool[6] = {
    0x52, 0x54, 0, 0x77, 0, 2}; /* in the table, pool */
static const uint8_t kit_mac_other[6] = {
    0x52, 0x54, 0, 0x99, 0, 9}; /* not in the table */
/* SMBIOS UUID of edge02 as OVMF has it in its DUID, and in RFC 4122 order as iPXE has it. */
static const uint8_t kit_uuid_raw[16] = {0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77,
    0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0};
static const char kit_uuid_text[] = "11223344-5566-7788-99aa-bbccddeeff00";

struct kit_packet {
	uint8_t data[DHCP6_RECEIVE_MAX];
	struct wbuf w;
};

static inline struct addr_ip
kit_ip(const char *text)
{
	struct addr_ip ip = {.family = 0};

	return addr_ip_parse(text, &ip) == 0 ? ip : (struct addr_ip){.family = 0};
}

static inline struct dhcp6_duid
kit_duid_ll(const uint8_t mac[6])
{
	struct dhcp6_duid d = {.len = 10, .b = {0, DHCP6_DUID_LL, 0, 1}};

	memcpy(d.b + 4, mac, 6);
	return d;
}

/* fe80:: of a MAC, as firmware makes it. */
static inline struct addr_ip
kit_link_local(const uint8_t mac[6])
{
	struct addr_ip ip = {.family = AF_INET6,
	    .b = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, (uint8_t)(mac[0] ^ 2), mac[1], mac[2],
		0xff, 0xfe, mac[3], mac[4], mac[5]}};

	return ip;
}

static inline void
kit_begin(struct kit_packet *p, enum dhcp6_type type)
{
	memset(p->data, 0, sizeof(p->data));
	p->w = wbuf_init(p->data, sizeof(p->data));
	dhcp6_msg_begin(&p->w, type, 0x1b760c);
}

/* A message with its client's DUID, which is a DUID-LL. */
static inline void
kit_begin_client(struct kit_packet *p, enum dhcp6_type type, const uint8_t mac[6])
{
	struct dhcp6_duid d = kit_duid_ll(mac);

	kit_begin(p, type);
	dhcp6_msg_put(&p->w, DHCP6_OPT_CLIENTID, d.b, d.len);
}

/* An IA_NA, with an address if `ip` is not NULL. */
static inline void
kit_put_ia(struct kit_packet *p, uint32_t iaid, const struct addr_ip *ip)
{
	size_t at = dhcp6_msg_nest(&p->w, DHCP6_OPT_IA_NA), in;

	wbuf_u32(&p->w, iaid);
	wbuf_u32(&p->w, 0);
	wbuf_u32(&p->w, 0);
	if (ip) {
		in = dhcp6_msg_nest(&p->w, DHCP6_OPT_IAADDR);
		wbuf_bytes(&p->w, ip->b, 16);
		wbuf_u32(&p->w, 0);
		wbuf_u32(&p->w, 0);
		dhcp6_msg_nest_end(&p->w, in);
	}
	dhcp6_msg_nest_end(&p->w, at);
}

static inline void
kit_put_vendor(struct kit_packet *p, const char *text)
{
	size_t at = dhcp6_msg_nest(&p->w, DHCP6_OPT_VENDOR_CLASS);

	wbuf_u32(&p->w, DHCP6_ENTERPRISE_INTEL);
	wbuf_u16(&p->w, (uint16_t)strlen(text));
	wbuf_str(&p->w, text);
	dhcp6_msg_nest_end(&p->w, at);
}

static inline void
kit_put_arch(struct kit_packet *p, uint16_t arch)
{
	const uint8_t be[2] = {(uint8_t)(arch >> 8), (uint8_t)arch};

	dhcp6_msg_put(&p->w, DHCP6_OPT_CLIENT_ARCH, be, sizeof(be));
}

/* What OVMF and iPXE put into their packets (boot.md 1.6, seen on the wire). */
static inline void
kit_put_pxe(struct kit_packet *p)
{
	static const uint8_t oro[] = {0, 59, 0, 60, 0, 23, 0, 16};

	dhcp6_msg_put(&p->w, DHCP6_OPT_ORO, oro, sizeof(oro));
	kit_put_arch(p, 7);
	kit_put_vendor(p, "PXEClient:Arch:00007:UNDI:003000");
}

static inline void
kit_put_http(struct kit_packet *p)
{
	kit_put_arch(p, 16);
	kit_put_vendor(p, "HTTPClient:Arch:00016:UNDI:003000");
}

static inline void
kit_put_ipxe(struct kit_packet *p)
{
	static const uint8_t oro[] = {0, 23, 0, 24, 0, 59, 0, 60};
	static const uint8_t user[] = {0, 4, 'i', 'P', 'X', 'E'};

	dhcp6_msg_put(&p->w, DHCP6_OPT_ORO, oro, sizeof(oro));
	kit_put_arch(p, 7);
	dhcp6_msg_put(&p->w, DHCP6_OPT_USER_CLASS, user, sizeof(user));
	kit_put_vendor(p, "PXEClient:Arch:00007:UNDI:003010");
}

struct kit {
	struct bootd_config cfg;
	struct hosttab *table;
	struct bundle_site site;
	struct dhcp6_server *server;
	struct dhcp6_server_link link;
	struct dhcp6_duid duid; /* the server's */
	int64_t now;
	const uint8_t *neighbour; /* of who sends; NULL: the cache does not know */
	struct dhcp6_server_tx tx;
	struct dhcp6_msg reply;
	uint8_t
	    types[DHCP6_RELAYS_MAX + 1]; /* of the reply's levels, the outermost first */
};

static inline void
kit_put_server(struct kit *k, struct kit_packet *p)
{
	dhcp6_msg_put(&p->w, DHCP6_OPT_SERVERID, k->duid.b, k->duid.len);
}

static inline bool
kit_add_host(struct kit *k, const char *name, const uint8_t mac[6], const char *fixed,
    const char *uuid, bool armed)
{
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct bootd_msg_boot *boot = str_alloc(sizeof(*boot));
	bool done;

	h->n_nics = 1;
	h->idle = BUNDLE_IDLE_LOCAL;
	str_clip(h->name, sizeof(h->name), name);
	str_clip(h->uuid, sizeof(h->uuid), uuid);
	memcpy(h->nics[0].mac.b, mac, 6);
	if (fixed)
		h->nics[0].ip6 = kit_ip(fixed);
	str_clip(boot->script, sizeof(boot->script), "script");
	str_clip(boot->ticket, sizeof(boot->ticket), "0123456789abcdef");
	str_clip(boot->token, sizeof(boot->token), name);
	done = hosttab_put(k->table, h, armed ? boot : NULL, NULL) == 0;
	free(h);
	free(boot);
	return done;
}

static inline void
kit_site(struct kit *k, unsigned pool)
{
	struct bundle_subnet *s = &k->site.subnets[0];

	k->site.answer_unknown = true;
	k->site.n_subnets = 2;
	str_clip(k->site.name, sizeof(k->site.name), "los");
	s->prefix = (struct addr_prefix){kit_ip("fd77::"), 64};
	s->dns[0] = kit_ip("fd77::53");
	s->n_dns = 1;
	s->lease_s = 3600;
	str_clip(s->domain, sizeof(s->domain), "los.example");
	if (pool > 0) {
		s->pool_first = s->pool_last = kit_ip("fd77::100");
		s->pool_last.b[15] = (uint8_t)(pool - 1);
	}
	s[1].prefix = (struct addr_prefix){kit_ip("fd88::"), 64};
	s[1].lease_s = 7200;
	s[1].pool_first = kit_ip("fd88::10");
	s[1].pool_last = kit_ip("fd88::1f");
	str_clip(s[1].relay, sizeof(s[1].relay), "fd88::1");
	hosttab_set_site(k->table, &k->site);
}

static inline void
kit_new_server(struct kit *k)
{
	dhcp6_server_free(k->server);
	k->server = dhcp6_server_new(&k->cfg, &k->table, &k->duid, 0x12345678);
	dhcp6_server_set_links(k->server, &k->link, 1);
}

/* fd77::/64 on the link with a pool of `pool` (at most 256) addresses from ::100, fd88::/64 behind a relay;
 * unknown machines welcome. edge01.los: fixed fd77::11, ticket armed; edge02.los: neither, but a UUID. */
static inline void
kit_start(struct kit *k, unsigned pool)
{
	static const uint8_t uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8};

	memset(k, 0, sizeof(*k));
	k->now = 1000 * USEC_PER_SEC;
	k->cfg.authoritative = k->cfg.dhcp6 = k->cfg.tftp = k->cfg.http = true;
	k->cfg.dhcp6_port = 547;
	k->cfg.dhcp6_client_port = 546;
	k->cfg.http_port = 80;
	k->cfg.tftp_port = 69;
	k->cfg.loaders[0] =
	    (struct bootd_config_loader){.arch = 7, .file = "snponly.efi"};
	k->cfg.loaders[1] =
	    (struct bootd_config_loader){.arch = 16, .file = "snponly.efi"};
	k->cfg.n_loaders = 2;
	k->table = hosttab_new();
	kit_site(k, pool);
	kit_add_host(k, "edge01.los", kit_mac_edge, "fd77::11", "", true);
	kit_add_host(k, "edge02.los", kit_mac_pool, NULL, kit_uuid_text, false);
	k->duid = dhcp6_duid_make_uuid(uuid);
	str_clip(k->link.name, sizeof(k->link.name), "br0");
	k->link.ifindex = 2;
	k->link.addrs[0] = kit_ip("fe80::1");
	k->link.addrs[1] = kit_ip("fd77::1");
	k->link.n_addrs = 2;
	kit_new_server(k);
}

static inline void
kit_forget_events(struct kit *k)
{
	event_done(&k->tx.seen);
	event_done(&k->tx.sent);
}

static inline void
kit_stop(struct kit *k)
{
	kit_forget_events(k);
	dhcp6_server_free(k->server);
	hosttab_free(k->table);
}

/* Parses a reply with all its Relay-replies; false when it is not one. */
static inline bool
kit_parse_reply(struct kit *k)
{
	static uint8_t copy[DHCP6_PACKET_MAX];
	size_t at = 0, level = 0;
	const char *why;

	memcpy(copy, k->tx.data, k->tx.len);
	while (
	    at < k->tx.len && copy[at] == DHCP6_RELAY_REPL && level < DHCP6_RELAYS_MAX) {
		struct rbuf r = rbuf_init(copy, k->tx.len);

		k->types[level++] = copy[at];
		copy[at] = DHCP6_RELAY_FORW; /* which the parser understands */
		rbuf_skip(&r, at + DHCP6_RELAY_SIZE);
		while (rbuf_ok(&r) && rbuf_u16(&r) != DHCP6_OPT_RELAY_MSG)
			rbuf_skip(&r, rbuf_u16(&r));
		rbuf_skip(&r, 2);
		if (!rbuf_ok(&r))
			return false;
		at = k->tx.len - rbuf_left(&r);
	}
	k->types[level] = copy[at];
	return dhcp6_msg_parse(copy, k->tx.len, &k->reply, &why) == 0;
}

/* Sends the packet in; true when there is a reply, which is then parsed into k->reply. The events are in k->tx
 * until the next call. */
static inline bool
kit_handle_from(
    struct kit *k, struct kit_packet *p, struct addr_ip src, struct addr_ip dst)
{
	struct dhcp6_server_rx rx = {.data = p->data,
	    .len = p->w.len,
	    .src = src,
	    .dst = dst,
	    .src_port = 546,
	    .mono = k->now,
	    .wall = k->now + 1764000000 * USEC_PER_SEC};

	if (k->neighbour) {
		rx.has_neighbour = true;
		memcpy(rx.neighbour.b, k->neighbour, sizeof(rx.neighbour.b));
	}
	kit_forget_events(k);
	dhcp6_server_handle(k->server, &rx, &k->tx);
	return k->tx.reply && kit_parse_reply(k);
}

static inline bool
kit_handle(struct kit *k, struct kit_packet *p)
{
	return kit_handle_from(k, p, kit_ip("fe80::99"), kit_ip("ff02::1:2"));
}

/* The address of the reply's first IA with a lifetime, unset if there is none; *ret_status: the status in it. */
static inline struct addr_ip
kit_given(const struct kit *k, uint16_t *ret_status)
{
	struct rbuf ia = dhcp6_msg_option(&k->reply, DHCP6_OPT_IA_NA);
	struct addr_ip ip = {.family = 0};

	*ret_status = DHCP6_STATUS_SUCCESS;
	rbuf_skip(&ia, 12);
	while (rbuf_left(&ia) >= 4) {
		uint16_t code = rbuf_u16(&ia);
		struct rbuf v = rbuf_sub(&ia, rbuf_u16(&ia));
		struct addr_ip one = {.family = AF_INET6};

		if (code == DHCP6_OPT_STATUS_CODE)
			*ret_status = rbuf_u16(&v);
		if (code != DHCP6_OPT_IAADDR)
			continue;
		rbuf_copy(&v, one.b, 16);
		if (rbuf_u32(&v) > 0 && ip.family == 0)
			ip = one;
	}
	return ip;
}

/* REQUEST of a client without boot options; its address, or unset. */
static inline struct addr_ip
kit_get_lease(struct kit *k, const uint8_t mac[6], uint32_t iaid)
{
	static struct kit_packet p;
	uint16_t status;

	kit_begin_client(&p, DHCP6_REQUEST, mac);
	kit_put_server(k, &p);
	kit_put_ia(&p, iaid, NULL);
	if (!kit_handle(k, &p) || k->reply.type != DHCP6_REPLY)
		return (struct addr_ip){.family = 0};
	return kit_given(k, &status);
}

#endif
