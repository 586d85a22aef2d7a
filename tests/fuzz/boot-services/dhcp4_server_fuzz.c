/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv4 server against a conversation (conversation.h). Whatever comes, no
 * address is acknowledged to two clients at once, every ACK of a lease has its record, every reply can
 * be parsed and fits. The same conversation with a proxy: never an address, a NAK or a record. */
#include <stdint.h>
#include <stdlib.h>

#include "tests/fuzz/boot-services/conversation.h"
#include "tests/unit/boot-services/dhcp4_kit.h"

enum { HOW_PXE_PORT = 1, HOW_UNICAST = 2, HOW_OVERHEARD = 4, POOL = 24 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct holder {
	struct dhcp4_class_key key;
	int64_t until;
};

static struct holder holders[256];

static void
check_ack(const struct kit *k)
{
	const struct dhcp4_lease_record *r = &k->tx.record;
	struct holder *h;

	if (k->reply.type != DHCP4_ACK || k->reply.yiaddr == 0)
		return;
	if (!k->tx.durable_first || !k->tx.has_record || r->ip != k->reply.yiaddr)
		abort();
	h = &holders[r->ip & 255];
	if (h->until > k->now && !dhcp4_class_key_eq(&h->key, &r->client.key))
		abort();
	*h = (struct holder){r->client.key, k->now + 3600 * USEC_PER_SEC};
}

static void
check_proxy(const struct kit *k)
{
	if (k->tx.has_record || k->tx.durable_first)
		abort();
	if (k->tx.reply &&
	    (k->reply.yiaddr != 0 || dhcp4_msg_has(&k->reply, DHCP4_OPT_LEASE_TIME) ||
		(k->reply.type != DHCP4_OFFER && k->reply.type != DHCP4_ACK)))
		abort();
}

static void
check_reply(const struct kit *k)
{
	static struct dhcp4_msg reply;
	const char *why;

	if (k->cfg.dhcp4_proxy)
		check_proxy(k);
	if (!k->tx.reply)
		return;
	if (k->tx.len > DHCP4_PACKET_MAX || k->tx.len < DHCP4_REPLY_MIN ||
	    dhcp4_msg_parse(k->tx.data, k->tx.len, &reply, &why) < 0 ||
	    reply.op != DHCP4_BOOTREPLY)
		abort();
	check_ack(k);
}

static void
overhear(struct kit *k, const uint8_t *data, size_t len)
{
	struct dhcp4_server_rx rx = {
	    .data = data, .len = len, .src_ip = KIT_IP(10, 77, 0, 66)};
	struct event ev;

	rx.mono = k->now;
	dhcp4_server_overhear(k->server, &rx, &ev);
	event_done(&ev);
}

static void
handle(struct kit *k, uint8_t how, const uint8_t *data, size_t len)
{
	static struct kit_packet p;

	if (how & HOW_OVERHEARD) {
		overhear(k, data, len);
		return;
	}
	memcpy(p.data, data, len);
	p.w = wbuf_init(p.data, sizeof(p.data));
	p.w.len = len;
	(void)kit_handle_from(k, &p, KIT_FIXED,
	    how & HOW_UNICAST ? KIT_SERVER : 0xffffffff, 68, how & HOW_PXE_PORT);
	check_reply(k);
	if (k->tx.has_record && k->tx.record.state != DHCP4_LEASE_BOUND)
		holders[k->tx.record.ip & 255].until = 0;
}

static void
converse(const uint8_t *data, size_t size, bool proxy)
{
	static struct kit k;
	struct rbuf r = rbuf_init(data, size);
	struct conversation_turn turn;

	memset(holders, 0, sizeof(holders));
	kit_start(&k, POOL);
	k.cfg.dhcp4_proxy = proxy;
	while (conversation_next(&r, DHCP4_RECEIVE_MAX, &turn)) {
		k.now += turn.pause;
		handle(&k, turn.how, turn.data, turn.len);
	}
	kit_stop(&k);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	converse(data, size, false);
	converse(data, size, true);
	return 0;
}
