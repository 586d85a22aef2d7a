/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of one DHCPv6 packet through the server.
 *
 * dhcp6_server_handle() parses, finds out who and where the client is, checks what RFC 8415 16 wants of
 * every message, and hands over to dhcp6_answer.c. Whatever is not answered becomes a `dhcp6.ignored`
 * event with its reason; only where there is no IPv6 subnet at all nothing is said, since nobody wanted
 * an answer. No packet can make anything here fail or grow: table sizes are capped, each step is bounded
 * by the packet's length.
 *
 * Ownership: the server owns leases, limits and what it learned; host table and configuration are
 * borrowed. */
#include "boot-services/dhcp6_server.h"

#include <stdlib.h>
#include <string.h>

#include "boot-services/dhcp6_priv.h"
#include "lib/arch.h"
#include "lib/str.h"

enum { TICK_MAX = 64 };

struct dhcp6_server *
dhcp6_server_new(const struct bootd_config *cfg, struct hosttab *const *table,
    const struct dhcp6_duid *duid, uint64_t seed)
{
	struct dhcp6_server *s = str_alloc(sizeof(*s));

	s->cfg = cfg;
	s->table = table;
	s->duid = *duid;
	s->leases = dhcp6_lease_new(seed);
	s->learned = dhcp6_learn_new(seed ^ 0xc2b2ae3d27d4eb4fu);
	s->limit = dhcp4_limit_new(seed ^ 0x5bd1e9955bd1e995u);
	return s;
}

void
dhcp6_server_free(struct dhcp6_server *s)
{
	if (!s)
		return;
	dhcp6_lease_free(s->leases);
	dhcp6_learn_free(s->learned);
	dhcp4_limit_free(s->limit);
	free(s);
}

void
dhcp6_server_set_links(
    struct dhcp6_server *s, const struct dhcp6_server_link *links, size_t n)
{
	s->n_links = n < DHCP6_SERVER_LINKS_MAX ? n : DHCP6_SERVER_LINKS_MAX;
	memcpy(s->links, links, s->n_links * sizeof(*links));
}

void
dhcp6_server_restore(struct dhcp6_server *s, const struct dhcp6_lease_record *r,
    int64_t mono, int64_t wall)
{
	int64_t left = r->until - wall;
	struct addr_mac mac;

	/* A clock that was wrong then, or is now, must not make a lease last longer than it was
	 * granted for. */
	if (left > r->length)
		left = r->length;
	if (r->duid.len > 0 && dhcp6_class_key_mac(&r->client.key, &mac))
		dhcp6_learn_put(s->learned, &r->duid, &mac);
	if (dhcp6_lease_restore(s->leases, r, mono + left) < 0)
		return; /* more records than the table may hold: the oldest ones win */
}

struct walk {
	int64_t mono, wall;
	void (*each)(void *arg, const struct dhcp6_lease_record *r, bool current);
	void *arg;
};

static void
each_lease(void *arg, const struct dhcp6_lease *l)
{
	struct walk *w = arg;
	struct dhcp6_lease_record r = {.client = l->client,
	    .duid = l->duid,
	    .ip = l->ip,
	    .state = l->state,
	    .fixed = l->fixed,
	    .known = l->known,
	    .more = l->more,
	    .until = w->wall + (l->expires - w->mono),
	    .length = l->length,
	    .n_ias = l->n_ias};

	for (size_t i = 0; i < l->n_ias; i++)
		r.iaids[i] = l->ias[i].iaid;
	if (r.until > 0)
		w->each(w->arg, &r, l->current);
}

bool
dhcp6_server_walk(struct dhcp6_server *s, bool begin, size_t max, int64_t mono,
    int64_t wall,
    void (*each)(void *arg, const struct dhcp6_lease_record *r, bool current), void *arg)
{
	struct walk w = {mono, wall, each, arg};

	return dhcp6_lease_walk(s->leases, begin, max, each_lease, &w);
}

/* --- who asks --- */

static void
take_mac(struct dhcp6_query *q, const struct addr_mac *mac)
{
	q->policy.mac = *mac;
	q->has_mac = true;
	q->host = hosttab_by_mac(*q->s->table, mac);
}

/* The port that stands for a host which is known by its UUID alone. */
static const struct addr_mac *
boot_nic(const struct hosttab_host *h)
{
	for (size_t i = 0; i < h->n_nics; i++) {
		if (h->nics[i].boot)
			return &h->nics[i].mac;
	}
	return h->n_nics > 0 ? &h->nics[0].mac : NULL;
}

/* DUID-UUIDs come in both byte orders (boot.md 1.6). Where each order is that of a host, nobody knows which of them
 * asks. */
static void
find_by_uuid(struct dhcp6_query *q)
{
	const struct hosttab_entry *host, *other;
	struct addr_uuid uuid, swapped;
	const struct addr_mac *mac;

	if (!dhcp6_duid_uuid(&q->duid, &uuid))
		return;
	swapped = addr_uuid_swap(&uuid);
	host = hosttab_by_uuid(*q->s->table, &uuid);
	other = hosttab_by_uuid(*q->s->table, &swapped);
	if (host && other && host != other)
		return;
	if (!host)
		host = other;
	mac = host ? boot_nic(&host->host) : NULL;
	if (mac)
		take_mac(q, mac);
}

/* What the message says of the machine, best first (boot.md 1.6). A link-local address that names a port
 * of the table goes before the DUID, which may name another port of the same machine. */
static bool
find_by_message(struct dhcp6_query *q)
{
	struct dhcp6_class_macs macs;
	const uint8_t *source = q->rx->src.b;
	size_t best = DHCP6_MAC_SOURCES;

	if (q->msg->n_relays > 0)
		source = q->msg->relays[q->msg->n_relays - 1].peer;
	dhcp6_class_macs(q->msg, &q->duid, source, &macs);
	for (size_t i = DHCP6_MAC_SOURCES; i > 0; i--) {
		if (macs.has[i - 1])
			best = i - 1;
	}
	if (best == DHCP6_MAC_DUID && macs.has[DHCP6_MAC_LINK] &&
	    hosttab_by_mac(*q->s->table, &macs.mac[DHCP6_MAC_LINK]))
		best = DHCP6_MAC_LINK;
	if (best == DHCP6_MAC_SOURCES)
		return false;
	take_mac(q, &macs.mac[best]);
	return true;
}

/* The neighbour cache knows the port, where a DUID may be the whole machine's. It forgets, and what belongs to
 * a machine must not change with it: so it only finds hosts of the table, and what it found is learned. */
static bool
find_by_neighbour(struct dhcp6_query *q)
{
	if (!q->rx->has_neighbour || q->msg->n_relays > 0 ||
	    !hosttab_by_mac(*q->s->table, &q->rx->neighbour))
		return false;
	take_mac(q, &q->rx->neighbour);
	return true;
}

static void
find_client(struct dhcp6_query *q)
{
	bool said = find_by_message(q) || find_by_neighbour(q);
	struct addr_mac mac;

	if (said && q->duid.len > 0)
		dhcp6_learn_put(q->s->learned, &q->duid, &q->policy.mac);
	if (!said && dhcp6_learn_find(q->s->learned, &q->duid, &mac))
		take_mac(q, &mac);
	/* There are boards that share a UUID: a port that is nobody's must not get the ticket of the host that has
	 * the UUID. With IPv4 it is a stranger, too. */
	if (!q->has_mac)
		find_by_uuid(q);
	if (q->has_mac)
		q->client.key = dhcp6_class_key_of_mac(&q->policy.mac);
	else
		q->client.key = dhcp6_class_key_of_duid(&q->duid);
}

/* Everything about the packet that does not depend on its type. */
static const char *
identify(struct dhcp6_query *q)
{
	struct rbuf id = dhcp6_msg_option(q->msg, DHCP6_OPT_CLIENTID);
	const char *why = NULL;

	if (dhcp6_msg_has(q->msg, DHCP6_OPT_CLIENTID) &&
	    dhcp6_duid_parse(id, &q->duid) < 0)
		why = "the client's identifier is not a DUID";
	/* Who it is comes first, so that every event can say so. */
	find_client(q);
	dhcp6_class_client(q->msg, &q->policy);
	q->policy.http_port = q->s->cfg->http_port;
	return why;
}

/* --- what every message must satisfy --- */

enum server_id { SERVER_ID_NONE, SERVER_ID_OURS, SERVER_ID_OURS_IF_ANY };

/* RFC 8415 16.2 to 16.12, and 18.4 for unicast. */
static const struct rule {
	enum dhcp6_type type;
	bool client_id; /* must be there */
	enum server_id server_id;
	bool told_to_multicast; /* by unicast it is answered so; others are discarded */
	void (*answer)(struct dhcp6_query *q);
} rules[] = {
    {DHCP6_SOLICIT, true, SERVER_ID_NONE, false, dhcp6_answer_solicit},
    {DHCP6_REQUEST, true, SERVER_ID_OURS, true, dhcp6_answer_request},
    {DHCP6_CONFIRM, true, SERVER_ID_NONE, false, dhcp6_answer_confirm},
    {DHCP6_RENEW, true, SERVER_ID_OURS, true, dhcp6_answer_request},
    {DHCP6_REBIND, true, SERVER_ID_NONE, false, dhcp6_answer_request},
    {DHCP6_RELEASE, true, SERVER_ID_OURS, true, dhcp6_answer_give_up},
    {DHCP6_DECLINE, true, SERVER_ID_OURS, true, dhcp6_answer_give_up},
    {DHCP6_INFORMATION_REQUEST, false, SERVER_ID_OURS_IF_ANY, false, dhcp6_answer_inform},
};

static bool
server_id_fits(struct dhcp6_query *q, enum server_id want)
{
	bool has = dhcp6_msg_has(q->msg, DHCP6_OPT_SERVERID);
	struct rbuf v = dhcp6_msg_option(q->msg, DHCP6_OPT_SERVERID);
	struct dhcp6_duid id;

	if (has && want == SERVER_ID_NONE) {
		dhcp6_note_ignored(
		    q, "a %s must not name a server", dhcp6_msg_type_name(q->msg->type));
		return false;
	}
	if (!has && want == SERVER_ID_OURS) {
		dhcp6_note_ignored(
		    q, "a %s must name its server", dhcp6_msg_type_name(q->msg->type));
		return false;
	}
	if (!has)
		return true;
	if (dhcp6_duid_parse(v, &id) < 0) {
		dhcp6_note_ignored(q, "the server's identifier is not a DUID");
		return false;
	}
	if (dhcp6_duid_eq(&id, &q->s->duid))
		return true;
	dhcp6_note_foreign(q, &id, "the message is for another DHCPv6 server");
	return false;
}

static void
dispatch(struct dhcp6_query *q)
{
	bool unicast = q->msg->n_relays == 0 && !dhcp6_subnet_is_multicast(&q->rx->dst);
	const struct rule *r = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if ((uint8_t)rules[i].type == q->msg->type)
			r = &rules[i];
	}
	if (!r) {
		dhcp6_note_ignored(q, "no DHCPv6 message type that a client may send");
	} else if (r->client_id && q->duid.len == 0) {
		dhcp6_note_ignored(
		    q, "a %s must name its client", dhcp6_msg_type_name(q->msg->type));
	} else if (!server_id_fits(q, r->server_id)) {
		return;
	} else if (unicast && r->told_to_multicast) {
		dhcp6_answer_use_multicast(q);
	} else if (unicast) {
		dhcp6_note_ignored(
		    q, "a %s by unicast", dhcp6_msg_type_name(q->msg->type));
	} else {
		r->answer(q);
	}
}

/* --- the way through --- */

/* The key of a machine's bucket: what identifies it, its end where that is long. */
static struct dhcp4_class_key
limit_key(const struct dhcp6_query *q)
{
	struct dhcp4_class_key key = {.htype = q->client.key.kind};
	const struct dhcp6_class_key *c = &q->client.key;
	const uint8_t *from = c->b;
	size_t n = c->len;

	if (n == 0) {
		from = q->rx->src.b;
		n = sizeof(q->rx->src.b);
	}
	if (n > DHCP4_KEY_MAX) {
		from += n - DHCP4_KEY_MAX;
		n = DHCP4_KEY_MAX;
	}
	key.len = (uint8_t)n;
	memcpy(key.b, from, n);
	return key;
}

static bool
within_limits(struct dhcp6_query *q)
{
	struct dhcp4_class_key key = limit_key(q);
	enum dhcp4_limit_answer a = dhcp4_limit_packet(q->s->limit, &key, q->rx->mono);

	if (a == DHCP4_LIMIT_FIRST_DROP)
		dhcp6_note_ignored(q,
		    "more than %d packets a second from this machine; some are dropped",
		    DHCP4_LIMIT_RATE);
	return a == DHCP4_LIMIT_PASS;
}

static bool
serves_ipv6(const struct dhcp6_server *s)
{
	const struct bundle_site *site = hosttab_site(*s->table);

	for (size_t i = 0; i < site->n_subnets; i++) {
		if (site->subnets[i].prefix.ip.family == AF_INET6)
			return true;
	}
	return false;
}

bool
dhcp6_server_wants_neighbour(struct dhcp6_server *s, const struct dhcp6_server_rx *rx)
{
	struct dhcp6_class_macs macs;
	struct dhcp6_duid duid;
	const char *why;

	if (!addr_ip_is_link_local(&rx->src) || !serves_ipv6(s) ||
	    dhcp6_msg_parse(rx->data, rx->len, &s->msg, &why) < 0 || s->msg.n_relays > 0)
		return false;
	if (dhcp6_duid_parse(dhcp6_msg_option(&s->msg, DHCP6_OPT_CLIENTID), &duid) < 0)
		duid = (struct dhcp6_duid){.len = 0};
	dhcp6_class_macs(&s->msg, &duid, rx->src.b, &macs);
	for (size_t i = 0; i < DHCP6_MAC_SOURCES; i++) {
		if (macs.has[i])
			return false;
	}
	return true;
}

static void
clear(struct dhcp6_server_tx *tx)
{
	tx->reply = tx->durable_first = false;
	tx->len = tx->n_records = 0;
	tx->seen.kind[0] = tx->sent.kind[0] = '\0';
	tx->seen.detail = tx->sent.detail = NULL;
}

void
dhcp6_server_handle(
    struct dhcp6_server *s, const struct dhcp6_server_rx *rx, struct dhcp6_server_tx *ret)
{
	struct dhcp6_query q = {.s = s, .rx = rx, .tx = ret, .msg = &s->msg};
	const char *why = "";

	clear(ret);
	q.policy.arch = ARCH_NONE;
	q.link = &s->links[rx->link < s->n_links ? rx->link : 0];
	dhcp6_lease_tick(s->leases, rx->mono, TICK_MAX);
	if (!serves_ipv6(s))
		return;
	if (dhcp6_msg_parse(rx->data, rx->len, &s->msg, &why) < 0) {
		q.msg = NULL;
		dhcp6_note_ignored(&q, "%s", why);
		return;
	}
	why = identify(&q);
	if (!within_limits(&q))
		return;
	if (why || dhcp6_subnet_choose(&q, &why) < 0) {
		dhcp6_note_ignored(&q, "%s", why);
		return;
	}
	dispatch(&q);
}

void
dhcp6_server_overhear(
    struct dhcp6_server *s, const struct dhcp6_server_rx *rx, struct event *ret_event)
{
	struct dhcp6_server_tx *tx = str_alloc(sizeof(*tx));
	struct dhcp6_query q = {.s = s, .rx = rx, .tx = tx, .msg = &s->msg};
	struct dhcp6_duid server;
	const char *why;

	ret_event->kind[0] = '\0';
	ret_event->detail = NULL;
	clear(tx);
	q.policy.arch = ARCH_NONE;
	q.link = &s->links[rx->link < s->n_links ? rx->link : 0];
	if (dhcp6_msg_parse(rx->data, rx->len, &s->msg, &why) == 0 &&
	    (s->msg.type == DHCP6_ADVERTISE || s->msg.type == DHCP6_REPLY) &&
	    s->msg.n_relays == 0 &&
	    dhcp6_duid_parse(dhcp6_msg_option(&s->msg, DHCP6_OPT_SERVERID), &server) ==
		0 &&
	    !dhcp6_duid_eq(&server, &s->duid) && !dhcp6_subnet_is_ours(s, &rx->src)) {
		if (dhcp6_duid_parse(
			dhcp6_msg_option(&s->msg, DHCP6_OPT_CLIENTID), &q.duid) == 0 &&
		    (dhcp6_duid_mac(&q.duid, &q.policy.mac) ||
			dhcp6_learn_find(s->learned, &q.duid, &q.policy.mac)))
			take_mac(&q, &q.policy.mac);
		dhcp6_note_foreign(
		    &q, &server, "another DHCPv6 server answers on this link");
		*ret_event = tx->seen;
	}
	free(tx);
}
