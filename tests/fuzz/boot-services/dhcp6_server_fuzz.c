/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv6 server against a conversation (conversation.h). Whatever comes, no address is
 * given to two clients at once, every lease that is given has its record, every reply can be parsed and fits. */
#include <stdint.h>
#include <stdlib.h>

#include "boot-services/dhcp6_journal.h"
#include "tests/fuzz/boot-services/conversation.h"
#include "tests/unit/boot-services/dhcp6_kit.h"

enum { HOW_UNICAST = 1, HOW_LINK_LOCAL = 2, HOW_OVERHEARD = 4, POOL = 24 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct holder {
	struct addr_ip ip;
	struct dhcp6_class_key key;
	int64_t until;
};

enum { HOLDERS = 64 };
static struct holder holders[HOLDERS];

static struct holder *
holder_of(const struct addr_ip *ip)
{
	for (size_t i = 0; i < HOLDERS; i++) {
		if (holders[i].ip.family == 0 || addr_ip_eq(&holders[i].ip, ip)) {
			holders[i].ip = *ip;
			return &holders[i];
		}
	}
	return NULL; /* both pools and all fixed addresses are fewer */
}

static void
check_record(const struct kit *k, const struct dhcp6_lease_record *r)
{
	char line[LINE_JOURNAL_LINE_MAX];
	struct dhcp6_lease_record again;
	struct holder *h = holder_of(&r->ip);
	size_t n = line_journal_format(&dhcp6_journal_kind, r, line);

	if (!h || line_journal_parse(&dhcp6_journal_kind, line, n - 1, &again) < 0)
		abort();
	if (r->state != DHCP6_LEASE_BOUND) {
		h->until = 0;
		return;
	}
	if (h->until > k->now && !dhcp6_class_key_eq(&h->key, &r->client.key))
		abort();
	h->key = r->client.key;
	h->until = k->now + r->until - (k->now + 1764000000 * USEC_PER_SEC);
}

static void
check_reply(const struct kit *k)
{
	uint16_t status;
	struct addr_ip ip;

	for (size_t i = 0; i < k->tx.n_records; i++)
		check_record(k, &k->tx.records[i]);
	if (k->tx.n_records > 0 && !(k->tx.reply && k->tx.durable_first))
		abort();
	if (!k->tx.reply)
		return;
	ip = kit_given(k, &status);
	if (k->reply.type == DHCP6_REPLY && ip.family != 0 && k->tx.n_records != 1)
		abort();
}

static void
overhear(struct kit *k, const uint8_t *data, size_t len)
{
	struct dhcp6_server_rx rx = {.data = data, .len = len, .src = kit_ip("fe80::66")};
	struct event ev;

	rx.mono = k->now;
	dhcp6_server_overhear(k->server, &rx, &ev);
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
	if (!kit_handle_from(k, &p,
		how & HOW_LINK_LOCAL ? kit_link_local(kit_mac_pool) : kit_ip("fd88::1"),
		how & HOW_UNICAST ? kit_ip("fd77::1") : kit_ip("ff02::1:2")) &&
	    k->tx.reply)
		abort();
	check_reply(k);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kit k;
	struct rbuf r = rbuf_init(data, size);
	struct conversation_turn turn;

	memset(holders, 0, sizeof(holders));
	kit_start(&k, POOL);
	k.cfg.dhcp6_rapid_commit = true;
	while (conversation_next(&r, DHCP6_RECEIVE_MAX, &turn)) {
		k.now += turn.pause;
		handle(&k, turn.how, turn.data, turn.len);
	}
	kit_stop(&k);
	return 0;
}
