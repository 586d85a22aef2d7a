/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of one DHCPv4 packet through the server.
 *
 * dhcp4_server_handle() parses, checks what every packet must satisfy, finds out who and
 * where the client is, and hands over to dhcp4_answer.c. Whatever is not answered becomes
 * a `dhcp4.ignored` event with its reason. No packet can make anything here fail or grow:
 * table sizes are capped, each step is bounded by the packet's length.
 *
 * Ownership: the server owns leases and limits; host table and configuration are
 * borrowed. */
#include "boot-services/dhcp4_server.h"

#include <stdlib.h>
#include <string.h>

#include "boot-services/dhcp4_class.h"
#include "boot-services/dhcp4_priv.h"
#include "lib/arch.h"
#include "lib/str.h"

enum { TICK_MAX = 64 };

struct dhcp4_server *
dhcp4_server_new(
    const struct bootd_config *cfg, struct hosttab *const *table, uint64_t seed)
{
	struct dhcp4_server *s = str_alloc(sizeof(*s));

	s->cfg = cfg;
	s->table = table;
	s->leases = dhcp4_lease_new(seed);
	s->limit = dhcp4_limit_new(seed ^ 0x5bd1e9955bd1e995u);
	s->recent = dhcp4_recent_new(seed ^ 0x9e3779b97f4a7c15u);
	return s;
}

void
dhcp4_server_free(struct dhcp4_server *s)
{
	if (!s)
		return;
	dhcp4_lease_free(s->leases);
	dhcp4_limit_free(s->limit);
	dhcp4_recent_free(s->recent);
	free(s);
}

void
dhcp4_server_set_links(
    struct dhcp4_server *s, const struct dhcp4_server_link *links, size_t n)
{
	s->n_links = n < DHCP4_SERVER_LINKS_MAX ? n : DHCP4_SERVER_LINKS_MAX;
	memcpy(s->links, links, s->n_links * sizeof(*links));
}

void
dhcp4_server_restore(struct dhcp4_server *s, const struct dhcp4_lease_record *r,
    int64_t mono, int64_t wall)
{
	int64_t left = r->until - wall;

	/* A clock that was wrong then, or is now, must not make a lease last longer than it was
	 * granted for. */
	if (left > r->length)
		left = r->length;
	if (dhcp4_lease_restore(s->leases, r, mono + left) < 0)
		return; /* more records than the table may hold: the oldest ones win */
}

struct walk {
	int64_t mono, wall;
	void (*each)(void *arg, const struct dhcp4_lease_record *r, bool current);
	void *arg;
};

static void
each_lease(void *arg, const struct dhcp4_lease *l)
{
	struct walk *w = arg;
	struct dhcp4_lease_record r = {.client = l->client,
	    .ip = l->ip,
	    .state = l->state,
	    .fixed = l->fixed,
	    .known = l->known,
	    .until = w->wall + (l->expires - w->mono),
	    .length = l->length};

	if (r.until > 0)
		w->each(w->arg, &r, l->current);
}

bool
dhcp4_server_walk(struct dhcp4_server *s, bool begin, size_t max, int64_t mono,
    int64_t wall,
    void (*each)(void *arg, const struct dhcp4_lease_record *r, bool current), void *arg)
{
	struct walk w = {mono, wall, each, arg};

	return dhcp4_lease_walk(s->leases, begin, max, each_lease, &w);
}

static bool
is_of_ours(
    const struct dhcp4_server *s, const struct dhcp4_server_rx *rx, uint32_t server)
{
	return dhcp4_subnet_is_ours(s, server) || dhcp4_subnet_is_ours(s, rx->src_ip);
}

/* Everything about the packet that does not depend on its type. False: dropped, with its event. */
static bool
identify(struct dhcp4_query *q)
{
	const struct dhcp4_msg *m = q->msg;
	const char *why = NULL;

	/* Who it is comes first, so that every event can say so. */
	if (dhcp4_class_key(m, &q->client.key, &why) == 0 &&
	    dhcp4_class_key_mac(&q->client.key, &q->policy.mac))
		q->host = hosttab_by_mac(*q->s->table, &q->policy.mac);
	dhcp4_class_client(m, &q->policy);
	q->policy.http_port = q->s->cfg->http_port;
	if (m->op == DHCP4_BOOTREPLY) {
		uint32_t server = dhcp4_msg_u32(m, DHCP4_OPT_SERVER_ID, q->rx->src_ip);

		if (is_of_ours(q->s, q->rx, server))
			dhcp4_note_ignored(q, "our own reply came back to us");
		else
			dhcp4_note_foreign(q, &q->tx->seen, server,
			    "another DHCP server's reply came to our port");
		return false;
	}
	if (m->op != DHCP4_BOOTREQUEST)
		why = "neither a BOOTP request nor a reply";
	else if (m->hops > DHCP4_HOPS_MAX)
		why = "more than 16 relays passed it on";
	if (why)
		dhcp4_note_ignored(q, "%s", why);
	return !why;
}

static bool
within_limits(struct dhcp4_query *q)
{
	enum dhcp4_limit_answer a =
	    dhcp4_limit_packet(q->s->limit, &q->client.key, q->rx->mono);

	if (a == DHCP4_LIMIT_FIRST_DROP)
		dhcp4_note_ignored(q,
		    "more than %d packets a second from this machine; some are dropped",
		    DHCP4_LIMIT_RATE);
	return a == DHCP4_LIMIT_PASS;
}

static void
dispatch(struct dhcp4_query *q)
{
	if (q->s->cfg->dhcp4_proxy) {
		if (q->rx->pxe_port)
			dhcp4_proxy_on_pxe_port(q);
		else
			dhcp4_proxy_on_server_port(q);
		return;
	}
	if (q->rx->pxe_port) {
		dhcp4_answer_pxe(q);
		return;
	}
	switch (q->msg->type) {
	case DHCP4_DISCOVER: dhcp4_answer_discover(q); return;
	case DHCP4_REQUEST: dhcp4_answer_request(q); return;
	case DHCP4_DECLINE: dhcp4_answer_decline(q); return;
	case DHCP4_RELEASE: dhcp4_answer_release(q); return;
	case DHCP4_INFORM: dhcp4_answer_inform(q); return;
	case DHCP4_OFFER:
	case DHCP4_ACK:
	case DHCP4_NAK:
		dhcp4_note_ignored(q, "a server's message type in a client's packet");
		return;
	default:
		dhcp4_note_ignored(q, "no DHCP message type that a client may send");
		return;
	}
}

void
dhcp4_server_handle(
    struct dhcp4_server *s, const struct dhcp4_server_rx *rx, struct dhcp4_server_tx *ret)
{
	struct dhcp4_query q = {.s = s, .rx = rx, .tx = ret, .msg = &s->msg};
	const char *why = "";

	ret->reply = ret->durable_first = ret->has_record = false;
	ret->len = 0;
	ret->seen.kind[0] = ret->sent.kind[0] = ret->extra.kind[0] = '\0';
	ret->seen.detail = ret->sent.detail = ret->extra.detail = NULL;
	q.policy.arch = ARCH_NONE;
	q.link = &s->links[rx->link < s->n_links ? rx->link : 0];
	dhcp4_lease_tick(s->leases, rx->mono, TICK_MAX);
	if (dhcp4_msg_parse(rx->data, rx->len, &s->msg, &why) < 0) {
		q.msg = NULL;
		dhcp4_note_ignored(&q, "%s", why);
		return;
	}
	if (!identify(&q) || !within_limits(&q))
		return;
	if ((s->cfg->dhcp4_proxy ? dhcp4_subnet_choose_proxy(&q, &why)
				 : dhcp4_subnet_choose(&q, &why)) < 0) {
		dhcp4_note_ignored(&q, "%s", why);
		return;
	}
	dispatch(&q);
}

void
dhcp4_server_overhear(
    struct dhcp4_server *s, const struct dhcp4_server_rx *rx, struct event *ret_event)
{
	struct dhcp4_server_tx tx = {.reply = false};
	struct dhcp4_query q = {.s = s, .rx = rx, .tx = &tx, .msg = &s->msg};
	uint32_t server;
	const char *why;

	ret_event->kind[0] = '\0';
	ret_event->detail = NULL;
	q.policy.arch = ARCH_NONE;
	q.link = &s->links[rx->link < s->n_links ? rx->link : 0];
	if (dhcp4_msg_parse(rx->data, rx->len, &s->msg, &why) < 0 ||
	    s->msg.op != DHCP4_BOOTREPLY ||
	    (s->msg.type != DHCP4_OFFER && s->msg.type != DHCP4_ACK &&
		s->msg.type != DHCP4_NAK))
		return;
	server = dhcp4_msg_u32(&s->msg, DHCP4_OPT_SERVER_ID, rx->src_ip);
	if (is_of_ours(s, rx, server))
		return;
	if (dhcp4_class_key(&s->msg, &q.client.key, &why) == 0 &&
	    dhcp4_class_key_mac(&q.client.key, &q.policy.mac))
		q.host = hosttab_by_mac(*s->table, &q.policy.mac);
	if (s->cfg->dhcp4_proxy)
		dhcp4_proxy_overheard(&q);
	dhcp4_note_foreign(&q, ret_event, server,
	    s->cfg->dhcp4_proxy ? "proxy: this server answers here beside us"
				: "another DHCP server answers on this link");
}
