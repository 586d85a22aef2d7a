/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets and a small site for the DHCPv4 tests: builders only, every test checks itself.
 */
#ifndef TESTS_UNIT_DHCP4_KIT_H
#define TESTS_UNIT_DHCP4_KIT_H

#include <string.h>

#include "boot-services/dhcp4_msg.h"
#include "boot-services/dhcp4_server.h"
#include "boot-services/hosttab.h"
#include "lib/str.h"

#define KIT_IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define KIT_SERVER KIT_IP(10, 77, 0, 1)
#define KIT_FIXED KIT_IP(10, 77, 0, 11)
#define KIT_POOL KIT_IP(10, 77, 0, 100)

static const uint8_t kit_mac_edge[6] = {
    0x52, 0x54, 0, 0x77, 0, 1}; /* in the table, fixed */
static const uint8_t kit_mac_pool[6] = {
    0x52, 0x54, 0, 0x77, 0, 2}; /* in the table, pool */
static const uint8_t kit_mac_other[6] = {
    0x52, 0x54, 0, 0x99, 0, 9}; /* not in the table */

struct kit_packet {
	uint8_t data[DHCP4_RECEIVE_MAX];
	struct wbuf w;
};

/* A client's packet up to its message type; add options with dhcp4_msg_put*(&p->w, …). */
static inline void
kit_begin(struct kit_packet *p, const uint8_t mac[6], enum dhcp4_type type)
{
	memset(p->data, 0, sizeof(p->data));
	p->w = wbuf_init(p->data, sizeof(p->data));
	wbuf_u8(&p->w, DHCP4_BOOTREQUEST);
	wbuf_u8(&p->w, DHCP4_HTYPE_ETHERNET);
	wbuf_u8(&p->w, 6);
	wbuf_u8(&p->w, 0);
	wbuf_u32(&p->w, 0x1b760c0f);
	wbuf_u32(&p->w, 0);   /* secs, flags */
	wbuf_zero(&p->w, 16); /* ciaddr … giaddr */
	wbuf_bytes(&p->w, mac, 6);
	wbuf_zero(&p->w, 10 + DHCP4_SNAME_SIZE + DHCP4_FILE_SIZE);
	wbuf_u32(&p->w, DHCP4_COOKIE);
	if (type != 0)
		dhcp4_msg_put_u8(&p->w, DHCP4_OPT_MESSAGE_TYPE, (uint8_t)type);
}

static inline void
kit_set_u32(struct kit_packet *p, size_t at, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		p->data[at + i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void
kit_set_ciaddr(struct kit_packet *p, uint32_t ip)
{
	kit_set_u32(p, 12, ip);
}

static inline void
kit_set_giaddr(struct kit_packet *p, uint32_t ip)
{
	kit_set_u32(p, 24, ip);
}

static inline void
kit_put_text(struct kit_packet *p, enum dhcp4_opt code, const char *s)
{
	dhcp4_msg_put(&p->w, code, s, strlen(s));
}

/* What OVMF and iPXE put into their packets (boot.md 1.2, seen on the wire). */
static inline void
kit_put_pxe(struct kit_packet *p, uint16_t arch)
{
	static const uint8_t uuid[17] = {0, 0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88,
	    0x77, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0};
	const uint8_t be[2] = {(uint8_t)(arch >> 8), (uint8_t)arch};
	const uint8_t size[2] = {1472 >> 8, 1472 & 255};

	kit_put_text(p, DHCP4_OPT_VENDOR_CLASS, "PXEClient:Arch:00007:UNDI:003000");
	dhcp4_msg_put(&p->w, DHCP4_OPT_CLIENT_ARCH, be, 2);
	dhcp4_msg_put(&p->w, DHCP4_OPT_CLIENT_UUID, uuid, sizeof(uuid));
	dhcp4_msg_put(&p->w, DHCP4_OPT_MAX_SIZE, size, 2);
}

static inline void
kit_put_ipxe(struct kit_packet *p)
{
	static const uint8_t features[] = {0xeb, 3, 1, 0, 0, 0x13, 1, 1, 0x18, 1, 1};

	kit_put_pxe(p, 7);
	kit_put_text(p, DHCP4_OPT_USER_CLASS, "iPXE");
	dhcp4_msg_put(&p->w, DHCP4_OPT_IPXE, features, sizeof(features));
}

static inline void
kit_end(struct kit_packet *p)
{
	wbuf_u8(&p->w, DHCP4_OPT_END);
}

struct kit {
	struct bootd_config cfg;
	struct hosttab *table;
	struct dhcp4_server *server;
	struct dhcp4_server_link link;
	int64_t now;
	struct dhcp4_server_tx tx;
	struct dhcp4_msg reply;
};

static inline struct addr_ip
kit_addr(uint32_t ip)
{
	return addr_ip_make_v4(ip);
}

static inline bool
kit_add_host(
    struct kit *k, const char *name, const uint8_t mac[6], uint32_t fixed, bool armed)
{
	struct bundle_host h = {.n_nics = 1, .idle = BUNDLE_IDLE_LOCAL};
	struct bootd_msg_boot boot = {.script = "script"};

	str_clip(h.name, sizeof(h.name), name);
	memcpy(h.nics[0].mac.b, mac, 6);
	if (fixed != 0)
		h.nics[0].ip = kit_addr(fixed);
	str_clip(boot.ticket, sizeof(boot.ticket), "0123456789abcdef");
	str_clip(boot.token, sizeof(boot.token), name);
	return hosttab_put(k->table, &h, armed ? &boot : NULL, NULL) == 0;
}

/* 10.77.0.0/24 with a pool of `pool` addresses from .100, unknown machines welcome;
 * edge01.los (fixed .11, ticket armed) and edge02.los (no fixed address, no ticket). */
static inline void
kit_start(struct kit *k, uint32_t pool)
{
	struct bundle_site site = {.answer_unknown = true, .n_subnets = 1};
	struct bundle_subnet *s = &site.subnets[0];

	memset(k, 0, sizeof(*k));
	k->now = 1000 * USEC_PER_SEC;
	k->cfg.authoritative = k->cfg.dhcp4 = k->cfg.tftp = k->cfg.http = true;
	k->cfg.dhcp4_port = 67;
	k->cfg.dhcp4_client_port = 68;
	k->cfg.pxe_port = 4011;
	k->cfg.http_port = 80;
	k->cfg.loaders[0] =
	    (struct bootd_config_loader){.arch = 0, .file = "undionly.kpxe"};
	k->cfg.loaders[1] =
	    (struct bootd_config_loader){.arch = 7, .file = "snponly.efi"};
	k->cfg.n_loaders = 2;
	str_clip(site.name, sizeof(site.name), "los");
	s->prefix = (struct addr_prefix){kit_addr(KIT_IP(10, 77, 0, 0)), 24};
	s->gateway = kit_addr(KIT_IP(10, 77, 0, 254));
	s->dns[0] = kit_addr(KIT_IP(10, 77, 0, 53));
	s->n_dns = 1;
	s->lease_s = 3600;
	str_clip(s->domain, sizeof(s->domain), "los.example");
	if (pool > 0) {
		s->pool_first = kit_addr(KIT_POOL);
		s->pool_last = kit_addr(KIT_POOL + pool - 1);
	}
	k->table = hosttab_new();
	hosttab_set_site(k->table, &site);
	kit_add_host(k, "edge01.los", kit_mac_edge, KIT_FIXED, true);
	kit_add_host(k, "edge02.los", kit_mac_pool, 0, false);
	k->server = dhcp4_server_new(&k->cfg, &k->table, 0x12345678);
	str_clip(k->link.name, sizeof(k->link.name), "br0");
	k->link.addrs[0] = KIT_SERVER;
	k->link.n_addrs = 1;
	dhcp4_server_set_links(k->server, &k->link, 1);
}

static inline void
kit_forget_events(struct kit *k)
{
	event_done(&k->tx.seen);
	event_done(&k->tx.sent);
	event_done(&k->tx.extra);
}

static inline void
kit_stop(struct kit *k)
{
	kit_forget_events(k);
	dhcp4_server_free(k->server);
	hosttab_free(k->table);
}

/* Sends the packet in; true when there is a reply, which is then parsed into k->reply.
 * The events are in k->tx until the next call. */
static inline bool
kit_handle_from(struct kit *k, struct kit_packet *p, uint32_t src, uint32_t dst,
    uint16_t port, bool pxe_port)
{
	struct dhcp4_server_rx rx = {.data = p->data,
	    .len = p->w.len,
	    .src_ip = src,
	    .dst_ip = dst,
	    .src_port = port,
	    .pxe_port = pxe_port,
	    .mono = k->now,
	    .wall = k->now + 1764000000 * USEC_PER_SEC};
	const char *why;

	kit_forget_events(k);
	dhcp4_server_handle(k->server, &rx, &k->tx);
	return k->tx.reply &&
	       dhcp4_msg_parse(k->tx.data, k->tx.len, &k->reply, &why) == 0;
}

static inline bool
kit_handle(struct kit *k, struct kit_packet *p)
{
	return kit_handle_from(k, p, 0, 0xffffffff, 68, false);
}

/* DISCOVER and REQUEST of a client without options; its address, or 0. */
static inline uint32_t
kit_get_lease(struct kit *k, const uint8_t mac[6])
{
	struct kit_packet p;
	uint32_t ip;

	kit_begin(&p, mac, DHCP4_DISCOVER);
	kit_end(&p);
	if (!kit_handle(k, &p))
		return 0;
	ip = k->reply.yiaddr;
	kit_begin(&p, mac, DHCP4_REQUEST);
	dhcp4_msg_put_u32(&p.w, DHCP4_OPT_SERVER_ID, KIT_SERVER);
	dhcp4_msg_put_u32(&p.w, DHCP4_OPT_REQUESTED_IP, ip);
	kit_end(&p);
	if (!kit_handle(k, &p) || k->reply.type != DHCP4_ACK || k->reply.yiaddr != ip)
		return 0;
	return ip;
}

/* The codes of a message's options in the order sent. */
static inline size_t
kit_option_order(const uint8_t *data, size_t len, uint8_t codes[64])
{
	size_t n = 0;

	for (size_t at = DHCP4_HEADER_SIZE + 4; at + 1 < len && data[at] != DHCP4_OPT_END;
	     at += 2u + data[at + 1]) {
		if (n < 64)
			codes[n++] = data[at];
	}
	return n;
}

#endif
