/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each DHCPv4 message gets (RFC 2131 4.3, boot.md 1.1 and 1.3).
 *
 * The boot part of an answer is policy_decide()'s; here only addresses are decided. Fixed
 * addresses come from the host table and go before everything but safety: while another
 * machine holds a durable lease on one, its host gets a pool address instead, and the
 * event says so.
 *
 * Each function ends in exactly one of: a reply with its record and events, or silence
 * with an event that names the reason. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot-services/dhcp4_priv.h"
#include "boot-services/policy_way.h"
#include "lib/str.h"

enum { CHAIN_US = 120 * 1000 * 1000, RETRY_US = 70 * 1000 * 1000 };

static const char *
ip_text(uint32_t ip, char buf[ADDR_IP_TEXT])
{
	struct addr_ip a = addr_ip_make_v4(ip);

	return addr_ip_text(&a, buf, ADDR_IP_TEXT);
}

/* Asks the one decision function. `chained` is fixed by the DISCOVER that began the
 * exchange, so that a repeated REQUEST gets what the first one got. */
static bool
decide(struct dhcp4_query *q, bool chained)
{
	q->policy.chained_already = chained;
	q->policy.now = q->rx->mono;
	policy_decide(*q->s->table, q->s->cfg, &q->policy, &q->decision);
	policy_way_note(*q->s->table, &q->policy, &q->decision);
	if (q->decision.what != POLICY_IGNORE)
		return true;
	dhcp4_note_ignored(q, "%s", q->decision.reason);
	return false;
}

static bool
is_chained(const struct dhcp4_query *q, const struct dhcp4_lease *l)
{
	return l && l->loader_at != 0 && q->rx->mono - l->loader_at < CHAIN_US;
}

/* May the holder of this host's fixed address be put out? Only when that is the host
 * itself on another port, or a machine to which the table gave the address once and that
 * it knows no more. */
static bool
may_evict(const struct dhcp4_query *q)
{
	const struct dhcp4_lease *l = dhcp4_lease_by_ip(q->s->leases, q->fixed);
	const struct hosttab_entry *holder = NULL;
	struct addr_mac mac;

	if (!l || !l->fixed)
		return false;
	if (dhcp4_class_key_mac(&l->client.key, &mac))
		holder = hosttab_by_mac(*q->s->table, &mac);
	return !holder || holder == q->host;
}

/* Reserves the host's fixed address. When it cannot be had (-EADDRINUSE), the event will
 * say why. */
static int
reserve_fixed(struct dhcp4_query *q)
{
	char text[ADDR_IP_TEXT];
	int r = -EADDRINUSE;

	q->fixed_why = "in use by another machine";
	if (dhcp4_subnet_is_reserved(q, q->fixed))
		q->fixed_why = "one that no host may have (gateway, network, broadcast "
			       "or this server)";
	else
		r = dhcp4_lease_fixed(q->s->leases, &q->client, q->fixed, may_evict(q),
		    q->rx->mono, &q->lease);
	if (r == -EADDRINUSE)
		snprintf(q->decision.reason, sizeof(q->decision.reason),
		    "the fixed address %s is %s; a pool address instead",
		    ip_text(q->fixed, text), q->fixed_why);
	return r;
}

/* Finds or reserves the client's address. On failure *ret_why is a sentence. */
static int
reserve(struct dhcp4_query *q, uint32_t wanted, char why[EVENT_REASON_SIZE])
{
	struct dhcp4_lease_range range = dhcp4_subnet_range(q);
	struct addr_ip net = q->subnet->prefix.ip;
	char text[ADDR_IP_TEXT];
	int r;

	if (q->fixed != 0) {
		r = reserve_fixed(q);
		if (r != -EADDRINUSE)
			return r;
	}
	addr_ip_text(&net, text, sizeof(text));
	if (range.first == 0) {
		if (q->fixed != 0)
			snprintf(why, EVENT_REASON_SIZE,
			    "its fixed address is %s, and %s has no pool", q->fixed_why,
			    text);
		else
			snprintf(why, EVENT_REASON_SIZE,
			    "no fixed address in %s and that subnet has no pool", text);
		return -EADDRNOTAVAIL;
	}
	r = dhcp4_lease_any(q->s->leases, &range, &q->client, wanted, q->host != NULL,
	    q->rx->mono, &q->lease);
	if (r == -ENOSPC)
		snprintf(why, EVENT_REASON_SIZE,
		    "no free address is left in the pool of %s%s", text,
		    q->host ? "" : " for unknown machines");
	else if (r < 0)
		snprintf(why, EVENT_REASON_SIZE, "the lease table is full");
	return r;
}

static void
count_discover(struct dhcp4_query *q, bool chained)
{
	struct dhcp4_lease *l = q->lease;
	bool again = l->discover_at != 0 && q->rx->mono - l->discover_at < RETRY_US &&
		     l->class == q->policy.class;

	l->retry = again ? (uint16_t)(l->retry + (l->retry < UINT16_MAX)) : 0;
	l->discover_at = q->rx->mono;
	l->class = q->policy.class;
	l->chained = chained;
}

void
dhcp4_answer_discover(struct dhcp4_query *q)
{
	bool chained = is_chained(q, dhcp4_lease_by_client(q->s->leases, &q->client));
	char why[EVENT_REASON_SIZE] = "the lease table is full";

	if (!decide(q, chained))
		return;
	if (reserve(q, dhcp4_msg_u32(q->msg, DHCP4_OPT_REQUESTED_IP, 0), why) < 0) {
		dhcp4_note_ignored(q, "%s", why);
		return;
	}
	count_discover(q, chained);
	if (!dhcp4_reply_lease(q, DHCP4_OFFER)) {
		dhcp4_note_ignored(q, "the reply is larger than the client accepts");
		return;
	}
	dhcp4_note_seen(q, "dhcp4.discover", NULL);
	dhcp4_note_sent(q, "dhcp4.offer", q->lease->ip, q->decision.reason);
}

static void
refuse(struct dhcp4_query *q, bool selecting, uint32_t wanted, const char *why)
{
	char text[ADDR_IP_TEXT];

	if (!selecting && !q->s->cfg->authoritative) {
		dhcp4_note_ignored(q, "%s; not authoritative, so no NAK", why);
		return;
	}
	if (!dhcp4_reply_nak(q, why)) {
		dhcp4_note_ignored(q, "the NAK is larger than the client accepts");
		return;
	}
	dhcp4_note_seen(q, "dhcp4.request", NULL);
	dhcp4_note_sent(q, "dhcp4.nak", wanted, why);
	if (!q->quiet)
		event_put(&q->tx->sent, "refused", ip_text(wanted, text));
}

/* Makes q->lease the client's for the address it asks for. NULL: it is; else why it
 * cannot be. */
static const char *
claim(struct dhcp4_query *q, uint32_t wanted, bool selecting, bool *ret_silent)
{
	struct dhcp4_lease *have = dhcp4_lease_by_client(q->s->leases, &q->client);
	struct dhcp4_lease_range range = dhcp4_subnet_range(q);
	struct addr_ip addr = addr_ip_make_v4(wanted);
	int r;

	if (!addr_prefix_contains(&q->subnet->prefix, &addr))
		return "the address does not belong to this network";
	if (q->fixed != 0) {
		r = reserve_fixed(q);
		if (r == 0)
			return wanted == q->fixed ? NULL
						  : "the host has another, fixed address";
		if (wanted == q->fixed)
			return "the host's fixed address cannot be had";
	}
	if (!have && !selecting && q->fixed == 0 && range.first == 0) {
		*ret_silent = true; /* nothing to give: another server may have */
		return "no fixed address in this network, which has no pool";
	}
	if (have && have->state != DHCP4_LEASE_FREE && have->ip != wanted)
		return "another address was offered or leased to this machine";
	if (!have && !selecting && !q->s->cfg->authoritative) {
		*ret_silent = true; /* RFC 2131 4.3.2: "it MUST remain silent" */
		return "no record of this machine, and not authoritative";
	}
	r = dhcp4_lease_wanted(q->s->leases, &range, &q->client, wanted, q->host != NULL,
	    q->rx->mono, &q->lease);
	if (r == -EADDRINUSE)
		return "another machine has the address";
	if (r == -EADDRNOTAVAIL)
		return "the address is not in the pool";
	return r < 0 ? "no more addresses for machines like this one" : NULL;
}

/* What the journal is to hold of the change that was just made to a lease. */
static void
record(struct dhcp4_query *q, const struct dhcp4_lease *l, enum dhcp4_lease_state state)
{
	int64_t length = state == DHCP4_LEASE_FREE ? 0 : l->length;

	q->tx->has_record = true;
	q->tx->record = (struct dhcp4_lease_record){.client = q->client,
	    .ip = l->ip,
	    .state = state,
	    .fixed = l->fixed,
	    .known = l->known,
	    .until = q->rx->wall + length,
	    .length = length};
}

static void
grant(struct dhcp4_query *q)
{
	struct dhcp4_lease *l = q->lease;
	int64_t length = dhcp4_subnet_lease_s(q->subnet) * USEC_PER_SEC;

	if (!dhcp4_reply_lease(q, DHCP4_ACK)) {
		dhcp4_note_ignored(q, "the reply is larger than the client accepts");
		return;
	}
	dhcp4_lease_bind(q->s->leases, l, q->rx->mono, length);
	if (q->decision.what == POLICY_TFTP_LOADER ||
	    q->decision.what == POLICY_HTTP_LOADER)
		l->loader_at = q->rx->mono;
	record(q, l, DHCP4_LEASE_BOUND);
	q->tx->durable_first = true;
	dhcp4_note_seen(q, "dhcp4.request", NULL);
	dhcp4_note_sent(q, "dhcp4.ack", l->ip, q->decision.reason);
}

/* RFC 5107: with an override the client believes that the relay is its server. */
static bool
names_us(const struct dhcp4_query *q, uint32_t server)
{
	return server == q->server_id || dhcp4_subnet_is_ours(q->s, server);
}

/* The client took another server's offer: ours is void. */
static void
not_chosen(struct dhcp4_query *q, uint32_t server)
{
	struct dhcp4_lease *l = dhcp4_lease_by_client(q->s->leases, &q->client);

	if (l && l->state == DHCP4_LEASE_OFFERED)
		dhcp4_lease_release(q->s->leases, l);
	dhcp4_note_foreign(
	    q, &q->tx->seen, server, "the client chose another DHCP server");
}

void
dhcp4_answer_request(struct dhcp4_query *q)
{
	uint32_t server = dhcp4_msg_u32(q->msg, DHCP4_OPT_SERVER_ID, 0);
	uint32_t wanted = dhcp4_msg_u32(q->msg, DHCP4_OPT_REQUESTED_IP, q->msg->ciaddr);
	struct dhcp4_lease *have = dhcp4_lease_by_client(q->s->leases, &q->client);
	bool selecting = server != 0, silent = false;
	const char *why;

	if (selecting && !names_us(q, server)) {
		not_chosen(q, server);
		return;
	}
	/* RENEWING and REBINDING: the address in use counts, whatever option 50 says. */
	if (!selecting && q->msg->ciaddr != 0)
		wanted = q->msg->ciaddr;
	if (wanted == 0) {
		dhcp4_note_ignored(q, "a REQUEST that names no address");
		return;
	}
	if (!decide(
		q, have && have->discover_at != 0 ? have->chained : is_chained(q, have)))
		return;
	why = claim(q, wanted, selecting, &silent);
	if (!why)
		grant(q);
	else if (silent)
		dhcp4_note_ignored(q, "%s", why);
	else
		refuse(q, selecting, wanted, why);
}

/* The address that the client says it has, if we know that it has it, else 0: what the
 * event of an ACK calls its address, transfers are attributed by (evsink.c). */
static uint32_t
proven_address(const struct dhcp4_query *q)
{
	const struct dhcp4_lease *l = dhcp4_lease_by_client(q->s->leases, &q->client);
	uint32_t ip = q->msg->ciaddr;

	if (ip == q->fixed || (l && l->ip == ip && l->state == DHCP4_LEASE_BOUND &&
				  l->expires > q->rx->mono))
		return ip;
	return 0;
}

static bool
may_inform(const struct dhcp4_query *q)
{
	struct addr_ip addr = addr_ip_make_v4(q->msg->ciaddr);

	return q->msg->ciaddr == 0 || (hosttab_subnet(*q->s->table, &addr) &&
					  dhcp4_subnet_is_peer(q->s, q->msg->ciaddr));
}

/* RFC 2131 4.3.5: "The server SHOULD check the network address in a DHCPINFORM message
 * for consistency, but MUST NOT check for an existing lease." */
void
dhcp4_answer_inform(struct dhcp4_query *q)
{
	if (!may_inform(q)) {
		dhcp4_note_ignored(
		    q, "an INFORM from an address that no machine of our subnets has");
		return;
	}
	if (!decide(q, is_chained(q, dhcp4_lease_by_client(q->s->leases, &q->client))))
		return;
	if (!dhcp4_reply_inform(q)) {
		dhcp4_note_ignored(q, "the reply is larger than the client accepts");
		return;
	}
	dhcp4_note_seen(q, "dhcp4.inform", NULL);
	dhcp4_note_sent(q, "dhcp4.ack", proven_address(q), q->decision.reason);
}

/* The lease that a RELEASE or DECLINE names, or NULL after its event. */
static struct dhcp4_lease *
named_lease(struct dhcp4_query *q, uint32_t ip)
{
	uint32_t server = dhcp4_msg_u32(q->msg, DHCP4_OPT_SERVER_ID, 0);
	struct dhcp4_lease *l = dhcp4_lease_by_client(q->s->leases, &q->client);

	if (server != 0 && !names_us(q, server)) {
		dhcp4_note_foreign(
		    q, &q->tx->seen, server, "the message is for another DHCP server");
		return NULL;
	}
	if (!l || l->ip != ip ||
	    (l->state != DHCP4_LEASE_BOUND && l->state != DHCP4_LEASE_OFFERED)) {
		dhcp4_note_ignored(q, "a %s of an address that is not this machine's",
		    dhcp4_msg_type_name(q->msg->type));
		return NULL;
	}
	return l;
}

void
dhcp4_answer_release(struct dhcp4_query *q)
{
	struct dhcp4_lease *l = named_lease(q, q->msg->ciaddr);

	if (!l)
		return;
	q->lease = l;
	dhcp4_lease_release(q->s->leases, l);
	record(q, l, DHCP4_LEASE_FREE);
	dhcp4_note_seen(q, "dhcp4.release", NULL);
}

void
dhcp4_answer_decline(struct dhcp4_query *q)
{
	struct dhcp4_lease *l =
	    named_lease(q, dhcp4_msg_u32(q->msg, DHCP4_OPT_REQUESTED_IP, 0));

	if (!l)
		return;
	q->lease = l;
	dhcp4_lease_decline(q->s->leases, l, q->rx->mono);
	record(q, l, DHCP4_LEASE_DECLINED);
	dhcp4_note_seen(q, "dhcp4.decline",
	    "the client found another machine using the address; it rests for a while");
}

const char *
dhcp4_answer_pxe_refusal(const struct dhcp4_query *q)
{
	uint32_t server = dhcp4_msg_u32(q->msg, DHCP4_OPT_SERVER_ID, 0);
	bool boots =
	    q->policy.class == POLICY_CLASS_PXE || q->policy.class == POLICY_CLASS_IPXE;

	if (!boots || (q->msg->type != DHCP4_REQUEST && q->msg->type != DHCP4_INFORM))
		return "not a PXE client's request on the boot server port";
	if (server != 0 && !names_us(q, server))
		return "a boot server request for another server";
	if (!dhcp4_subnet_is_peer(q->s, q->rx->src_ip))
		return "a boot server request from an address that cannot be answered";
	return NULL;
}

/* Boot server requests (PXE 2.1, boot.md rule 1): the client has an address already. */
void
dhcp4_answer_pxe(struct dhcp4_query *q)
{
	struct dhcp4_lease *l = dhcp4_lease_by_client(q->s->leases, &q->client);
	const char *why = dhcp4_answer_pxe_refusal(q);

	if (why) {
		dhcp4_note_ignored(q, "%s", why);
		return;
	}
	if (!decide(q, l ? l->chained : false))
		return;
	if (!dhcp4_reply_pxe(q)) {
		dhcp4_note_ignored(q, "the reply is larger than the client accepts");
		return;
	}
	if (l && q->decision.what == POLICY_TFTP_LOADER)
		l->loader_at = q->rx->mono;
	dhcp4_note_seen(q, "dhcp4.request", NULL);
	dhcp4_note_sent(q, "dhcp4.ack", proven_address(q), q->decision.reason);
}
