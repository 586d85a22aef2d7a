/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each DHCPv6 message gets (RFC 8415 18.3, boot.md 1.6).
 *
 * The boot part of an answer is policy_decide()'s; here only addresses are decided. All identity
 * associations of a client get the same address: its fixed one from the host table, else one of the pool.
 * Fixed addresses go before everything but safety: while another machine holds a durable lease on one, its
 * host gets a pool address instead, and the event says so.
 *
 * Each function ends in exactly one of: a reply with its records and events, or silence with an event that
 * names the reason. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot-services/dhcp6_priv.h"
#include "boot-services/policy_way.h"
#include "lib/str.h"

static const char too_large[] = "the reply is larger than a packet";

/* Asks the one decision function. */
static bool
decide(struct dhcp6_query *q)
{
	struct policy_decision *d = &q->decision;

	q->policy.now = q->rx->mono;
	policy_decide(*q->s->table, q->s->cfg, &q->policy, d);
	policy_way_note(*q->s->table, &q->policy, d);
	if (d->what == POLICY_IGNORE) {
		dhcp6_note_ignored(q, "%s", d->reason);
		return false;
	}
	if (d->what != POLICY_LEASE && !addr_ip_is_set(&q->policy.server)) {
		d->what = POLICY_LEASE;
		d->file[0] = d->url[0] = '\0';
		snprintf(d->reason, sizeof(d->reason),
		    "%s has no IPv6 address but its link-local one, which no URL can "
		    "name: address only",
		    q->link->name);
	}
	return true;
}

/* --- which address --- */

/* May the holder of this host's fixed address be put out? Only when that is the host itself on another
 * port, or a machine to which the table gave the address once and that it knows no more. */
static bool
may_evict(const struct dhcp6_query *q)
{
	const struct dhcp6_lease *l = dhcp6_lease_by_ip(q->s->leases, &q->fixed);
	const struct hosttab_entry *holder = NULL;
	struct addr_mac mac;

	if (!l || !l->fixed)
		return false;
	if (dhcp6_class_key_mac(&l->client.key, &mac))
		holder = hosttab_by_mac(*q->s->table, &mac);
	return !holder || holder == q->host;
}

static bool
take_fixed(struct dhcp6_query *q, const char **ret_why)
{
	char text[ADDR_IP_TEXT];

	*ret_why = "in use by another machine";
	if (dhcp6_subnet_is_reserved(q, &q->fixed))
		*ret_why = "one that no host may have";
	else if (dhcp6_lease_check_fixed(q->s->leases, &q->client, &q->fixed,
		     may_evict(q), q->rx->mono) == 0) {
		q->ip = q->fixed;
		return true;
	}
	snprintf(q->decision.reason, sizeof(q->decision.reason),
	    "the fixed address %s is %s; a pool address instead",
	    addr_ip_text(&q->fixed, text, sizeof(text)), *ret_why);
	return false;
}

/* The first address that the client asks for by name and that is of this link; unset: none. */
static struct addr_ip
wanted(const struct dhcp6_query *q)
{
	for (size_t i = 0; i < q->n_ias; i++) {
		const struct dhcp6_msg_ia *ia = &q->ias[i].ia;

		for (size_t k = 0; ia->kind == DHCP6_OPT_IA_NA && k < ia->n_addrs; k++) {
			struct addr_ip ip = {.family = AF_INET6};

			memcpy(ip.b, ia->addrs[k], sizeof(ip.b));
			if (addr_prefix_contains(&q->subnet->prefix, &ip))
				return ip;
		}
	}
	return (struct addr_ip){.family = 0};
}

/* Sets q->ip. False: there is none, and the decision's reason says why. */
static bool
choose_address(struct dhcp6_query *q)
{
	struct dhcp6_lease_range range = dhcp6_subnet_range(q);
	struct addr_ip want = wanted(q);
	const char *fixed_why = NULL;
	char net[ADDR_IP_TEXT];

	if (addr_ip_is_set(&q->fixed) && take_fixed(q, &fixed_why))
		return true;
	addr_ip_text(&q->subnet->prefix.ip, net, sizeof(net));
	if (!addr_ip_is_set(&range.first)) {
		snprintf(q->decision.reason, sizeof(q->decision.reason),
		    "no address: %s%s, and %s has no pool",
		    fixed_why ? "its fixed address is " : "it has no fixed address",
		    fixed_why ? fixed_why : "", net);
		return false;
	}
	if (dhcp6_lease_pick(q->s->leases, &range, &q->client, &want, q->host != NULL,
		q->rx->mono, &q->ip) == 0)
		return true;
	snprintf(q->decision.reason, sizeof(q->decision.reason),
	    "no free address is left in the pool of %s%s", net,
	    q->host ? "" : " for unknown machines");
	return false;
}

/* --- what each identity association gets --- */

static void
read_ias(struct dhcp6_query *q)
{
	q->n_ias = q->msg->n_ias < DHCP6_IAS_MAX ? q->msg->n_ias : DHCP6_IAS_MAX;
	for (size_t i = 0; i < q->n_ias; i++)
		dhcp6_msg_ia(q->msg, i, &q->ias[i].ia);
}

static bool
wants_address(const struct dhcp6_query *q)
{
	for (size_t i = 0; i < q->n_ias; i++) {
		if (q->ias[i].ia.kind == DHCP6_OPT_IA_NA)
			return true;
	}
	return false;
}

static bool
is_off_link(const struct dhcp6_query *q, const struct dhcp6_msg_ia *ia)
{
	for (size_t i = 0; i < ia->n_addrs; i++) {
		if (!dhcp6_subnet_on_link(q, ia->addrs[i]))
			return true;
	}
	return false;
}

static void
answer_ia(struct dhcp6_query *q, struct dhcp6_ia_answer *a, bool have)
{
	a->granted = false;
	a->status = DHCP6_STATUS_NO_ADDRS;
	if (a->ia.kind == DHCP6_OPT_IA_PD) {
		a->status = DHCP6_STATUS_NO_PREFIX;
		a->text = "no prefixes here";
	} else if (a->ia.kind == DHCP6_OPT_IA_TA) {
		a->text = "no temporary addresses here";
	} else if (q->msg->type == DHCP6_REQUEST && is_off_link(q, &a->ia)) {
		/* RFC 8415 18.3.2: "the server MUST return the IA to the client with a Status Code
		 * option with the value NotOnLink". */
		a->status = DHCP6_STATUS_NOT_ON_LINK;
		a->text = "not an address of this link";
	} else if (have) {
		a->status = DHCP6_STATUS_SUCCESS;
		a->granted = true;
	} else if (q->msg->type == DHCP6_RENEW || q->msg->type == DHCP6_REBIND) {
		a->status = DHCP6_STATUS_NO_BINDING;
		a->text = "no lease of this machine";
	} else {
		a->text = "no address for this machine";
	}
}

static void
answer_ias(struct dhcp6_query *q, bool have)
{
	bool any = false;

	for (size_t i = 0; i < q->n_ias; i++) {
		answer_ia(q, &q->ias[i], have);
		any |= q->ias[i].granted;
	}
	if (!any)
		q->ip = (struct addr_ip){.family = 0};
}

/* What the journal is to hold of the change that was just made to a lease. */
static void
record(struct dhcp6_query *q, const struct dhcp6_lease *l)
{
	struct dhcp6_lease_record *r;
	int64_t length = l->state == DHCP6_LEASE_FREE ? 0 : l->length;

	if (q->tx->n_records == DHCP6_SERVER_RECORDS_MAX)
		return; /* never: one for each address of the message */
	r = &q->tx->records[q->tx->n_records++];
	*r = (struct dhcp6_lease_record){.client = q->client,
	    .duid = q->duid,
	    .ip = l->ip,
	    .state = l->state,
	    .fixed = l->fixed,
	    .known = l->known,
	    .more = l->more,
	    .until = q->rx->wall + length,
	    .length = length,
	    .n_ias = l->n_ias};
	if (l->state ==
	    DHCP6_LEASE_BOUND) /* which a RELEASE of one IA leaves as it was */
		r->until = q->rx->wall + (l->expires - q->rx->mono);
	for (size_t i = 0; i < l->n_ias; i++)
		r->iaids[i] = l->ias[i].iaid;
	q->tx->durable_first = true;
}

/* Gives q->ip to the associations that are granted it. False: the table is full. */
static bool
commit(struct dhcp6_query *q)
{
	int64_t length = (int64_t)dhcp6_subnet_lease_s(q->subnet) * USEC_PER_SEC;
	struct dhcp6_lease *l;

	if (!addr_ip_is_set(&q->ip))
		return true;
	if (dhcp6_lease_bind(q->s->leases, &q->client, &q->ip,
		addr_ip_eq(&q->ip, &q->fixed), q->host != NULL, q->rx->mono, length,
		&l) < 0)
		return false;
	l->duid = q->duid;
	for (size_t i = 0; i < q->n_ias; i++) {
		if (q->ias[i].granted)
			dhcp6_lease_add_ia(l, q->ias[i].ia.iaid, q->rx->mono);
	}
	record(q, l);
	return true;
}

/* --- messages --- */

static bool
build(struct dhcp6_query *q, enum dhcp6_type type)
{
	if (dhcp6_reply_build(q, type, DHCP6_STATUS_SUCCESS, NULL))
		return true;
	dhcp6_note_ignored(q, "%s", too_large);
	return false;
}

/* Builds the reply first: what does not fit is not given. */
static void
grant(struct dhcp6_query *q)
{
	if (!build(q, DHCP6_REPLY))
		return;
	if (!commit(q)) {
		q->tx->reply = false;
		dhcp6_note_ignored(q, "the lease table is full");
		return;
	}
	dhcp6_note_seen(q, NULL);
	dhcp6_note_sent(q, "dhcp6.reply", q->decision.reason);
}

void
dhcp6_answer_solicit(struct dhcp6_query *q)
{
	bool have;

	read_ias(q);
	if (!decide(q))
		return;
	have = wants_address(q) && choose_address(q);
	answer_ias(q, have);
	if (have && q->s->cfg->dhcp6_rapid_commit &&
	    dhcp6_msg_has(q->msg, DHCP6_OPT_RAPID_COMMIT)) {
		q->rapid = true;
		grant(q);
		return;
	}
	if (!build(q, DHCP6_ADVERTISE))
		return;
	dhcp6_note_seen(q, NULL);
	dhcp6_note_sent(q, "dhcp6.advertise", q->decision.reason);
}

/* Did we, or may we without a word of others, give this machine its address? A REBIND goes to all
 * servers; RFC 8415 18.3.5: "If the server finds ... no binding ... it SHOULD silently discard". */
static bool
may_rebind(const struct dhcp6_query *q)
{
	const struct dhcp6_lease *l = dhcp6_lease_by_client(q->s->leases, &q->client);

	return q->s->cfg->authoritative || (l && l->state == DHCP6_LEASE_BOUND);
}

void
dhcp6_answer_request(struct dhcp6_query *q)
{
	bool have;

	read_ias(q);
	if (q->msg->type == DHCP6_REBIND && !may_rebind(q)) {
		dhcp6_note_ignored(q, "no record of this machine, and not authoritative");
		return;
	}
	if (!decide(q))
		return;
	have = wants_address(q) && choose_address(q);
	answer_ias(q, have);
	grant(q);
}

/* RFC 8415 18.3.3. Whether the lease exists does not matter, only the link. */
void
dhcp6_answer_confirm(struct dhcp6_query *q)
{
	enum dhcp6_status status = DHCP6_STATUS_SUCCESS;
	size_t n_addrs = 0;
	const char *text;

	read_ias(q);
	for (size_t i = 0; i < q->n_ias; i++) {
		n_addrs += q->ias[i].ia.n_addrs;
		if (is_off_link(q, &q->ias[i].ia))
			status = DHCP6_STATUS_NOT_ON_LINK;
	}
	q->n_ias = 0;
	if (n_addrs == 0) {
		dhcp6_note_ignored(q, "a confirm that names no address");
		return;
	}
	if (!decide(q))
		return;
	text = status == DHCP6_STATUS_SUCCESS ? "all addresses are of this link"
					      : "an address is not of this link";
	if (!dhcp6_reply_build(q, DHCP6_REPLY, status, text)) {
		dhcp6_note_ignored(q, "%s", too_large);
		return;
	}
	dhcp6_note_seen(q, NULL);
	dhcp6_note_sent(q, "dhcp6.reply", text);
}

/* One address of a RELEASE or DECLINE; false when it is not this client's. */
static bool
give_up_one(struct dhcp6_query *q, const struct dhcp6_msg_ia *ia, const uint8_t addr[16])
{
	struct addr_ip ip = {.family = AF_INET6};
	struct dhcp6_lease *l;

	memcpy(ip.b, addr, sizeof(ip.b));
	l = dhcp6_lease_by_ip(q->s->leases, &ip);
	if (!l || l->state != DHCP6_LEASE_BOUND ||
	    !dhcp6_class_key_eq(&l->client.key, &q->client.key))
		return false;
	if (q->msg->type == DHCP6_DECLINE)
		dhcp6_lease_decline(q->s->leases, l, q->rx->mono);
	else if (!dhcp6_lease_release(q->s->leases, l, ia->iaid, q->rx->mono))
		return false;
	record(q, l);
	return true;
}

/* RFC 8415 18.3.7, 18.3.8: Success for the message, NoBinding in each IA that is not known. */
void
dhcp6_answer_give_up(struct dhcp6_query *q)
{
	const char *text =
	    q->msg->type == DHCP6_DECLINE ? "the address rests for a while" : "released";
	size_t done = 0, unknown = 0;

	read_ias(q);
	for (size_t i = 0; i < q->n_ias; i++) {
		const struct dhcp6_msg_ia *ia = &q->ias[i].ia;
		bool any = false;

		for (size_t k = 0; k < ia->n_addrs; k++)
			any |= give_up_one(q, ia, ia->addrs[k]);
		done += any;
		if (any)
			continue;
		q->ias[unknown] = q->ias[i];
		q->ias[unknown].status = DHCP6_STATUS_NO_BINDING;
		q->ias[unknown].granted = false;
		q->ias[unknown++].text = "not this machine's";
	}
	q->n_ias = unknown;
	if (!dhcp6_reply_build(q, DHCP6_REPLY, DHCP6_STATUS_SUCCESS, text)) {
		dhcp6_note_ignored(q, "%s", too_large);
		return;
	}
	dhcp6_note_seen(q, done == 0 ? "no address of this machine"
			   : q->msg->type == DHCP6_DECLINE
			       ? "the client found another machine using the address; it "
				 "rests for a while"
			       : NULL);
	dhcp6_note_sent(q, "dhcp6.reply", done == 0 ? "nothing to give up" : text);
}

void
dhcp6_answer_inform(struct dhcp6_query *q)
{
	/* RFC 8415 16.12: discard when "the message includes an IA option". */
	if (q->msg->n_ias > 0) {
		dhcp6_note_ignored(q, "an inform must not ask for addresses");
		return;
	}
	if (!decide(q) || !build(q, DHCP6_REPLY))
		return;
	dhcp6_note_seen(q, NULL);
	dhcp6_note_sent(q, "dhcp6.reply", q->decision.reason);
}

void
dhcp6_answer_use_multicast(struct dhcp6_query *q)
{
	static const char text[] = "send it to ff02::1:2";

	if (!dhcp6_reply_build(q, DHCP6_REPLY, DHCP6_STATUS_USE_MULTICAST, text)) {
		dhcp6_note_ignored(q, "%s", too_large);
		return;
	}
	dhcp6_note_seen(q, "by unicast, which nobody allowed");
	dhcp6_note_sent(q, "dhcp6.reply", text);
}
