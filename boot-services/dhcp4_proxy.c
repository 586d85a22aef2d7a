/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proxyDHCP: boot information beside a DHCP server that is somebody else's (PXE 2.1, RFC 4578,
 * boot.md 1.3.1).
 *
 *   DISCOVER on 67 of a boot client ── OFFER, yiaddr 0, complete in itself: a client that merges
 *                                      offers asks nothing more (style P)
 *   REQUEST on 4011                 ── ACK to where it came from, for those that ask there
 *   INFORM on 67, REQUEST for us    ── ACK, yiaddr 0
 *   everything else                 ── silence
 *
 * No address is given, taken back or refused here, and no lease is kept: there is no NAK, since iPXE
 * starts over after anybody's. A boot client is one whose option 60 says so. Others belong to the other
 * server alone; what hosts of the table say to it is still told, since it is how one learns which
 * address they have.
 *
 * Whether there is another server at all is watched: dhcp4_proxy_overheard() notes its offers, and
 * a client that asks three times in vain becomes a dhcp4.alone event.
 *
 * Each function ends in one of: a reply with its events, silence with an event, or, for strangers that
 * want nothing of us, silence. */
#include <stdio.h>
#include <string.h>

#include "boot-services/dhcp4_class.h"
#include "boot-services/dhcp4_priv.h"
#include "boot-services/policy_way.h"
#include "lib/str.h"

enum {
	CHAIN_US = 120 * 1000 * 1000,
	RETRY_US = 70 * 1000 * 1000,
	ALONE_RETRIES = 2, /* the third DISCOVER: EDK2's come at 0, 4 and 12 s */
};

/* A client's REQUEST, or an offer, this long ago says that the other server is there. */
#define OTHERS_US (300LL * USEC_PER_SEC)
#define ALONE_EVERY_US (600LL * USEC_PER_SEC)

static struct dhcp4_recent_client *
recent_of(const struct dhcp4_query *q)
{
	return dhcp4_recent_get(q->s->recent, &q->client.key, q->rx->mono);
}

/* What the events of an answer say: that it is a proxy's, and why this one. */
static void
name_proxy(struct policy_decision *d)
{
	char why[sizeof(d->reason)];

	str_clip(why, sizeof(why), d->reason);
	snprintf(d->reason, sizeof(d->reason), "proxy: %.*s",
	    (int)(sizeof(d->reason) - sizeof("proxy: ")), why);
}

/* Is there something to answer? Else its event says why not. */
static bool
decide(struct dhcp4_query *q, bool chained)
{
	q->policy.chained_already = chained;
	q->policy.now = q->rx->mono;
	policy_decide(*q->s->table, q->s->cfg, &q->policy, &q->decision);
	policy_way_note(*q->s->table, &q->policy, &q->decision);
	switch (q->decision.what) {
	case POLICY_IGNORE: dhcp4_note_ignored(q, "%s", q->decision.reason); return false;
	case POLICY_LEASE:
		dhcp4_note_ignored(
		    q, "proxy, with nothing to offer: %s", q->decision.reason);
		return false;
	case POLICY_TFTP_LOADER:
	case POLICY_HTTP_LOADER:
	case POLICY_SCRIPT:
	case POLICY_LOCAL_MENU:
	case POLICY_LOCAL_404: break;
	}
	name_proxy(&q->decision);
	return true;
}

/* Three DISCOVERs, and nobody heard to offer an address: the one event that a proxy has for it. */
static void
watch_for_others(struct dhcp4_query *q, const struct dhcp4_recent_client *c)
{
	struct dhcp4_server *s = q->s;
	int64_t now = q->rx->mono;

	if (c->retry < ALONE_RETRIES ||
	    (s->others_at != 0 && now - s->others_at < OTHERS_US) ||
	    (s->alone_at != 0 && now - s->alone_at < ALONE_EVERY_US))
		return;
	s->alone_at = now;
	/* The next one that is heard is news. */
	dhcp4_limit_forget_foreign(s->limit);
	dhcp4_note_alone(q, c->retry + 1u);
}

static void
count_discover(struct dhcp4_query *q, struct dhcp4_recent_client *c)
{
	bool again = c->discover_at != 0 && q->rx->mono - c->discover_at < RETRY_US &&
		     c->class == q->policy.class;

	c->retry = again ? (uint16_t)(c->retry + (c->retry < UINT16_MAX)) : 0;
	c->offered = again && c->offered;
	c->chained = c->loader_at != 0 && q->rx->mono - c->loader_at < CHAIN_US;
	c->discover_at = q->rx->mono;
	c->class = q->policy.class;
	q->retry = c->retry;
	watch_for_others(q, c);
}

static void
discover(struct dhcp4_query *q)
{
	struct dhcp4_recent_client *c = recent_of(q);

	count_discover(q, c);
	if (!decide(q, c->chained))
		return;
	if (!dhcp4_reply_proxy(q, DHCP4_OFFER)) {
		dhcp4_note_ignored(q, "the reply is larger than the client accepts");
		return;
	}
	/* Whether it takes the offer is not told to a proxy. */
	if (q->decision.what == POLICY_TFTP_LOADER)
		c->loader_at = q->rx->mono;
	dhcp4_note_seen(q, "dhcp4.discover",
	    c->retry >= ALONE_RETRIES && c->offered
		? "proxy: it was offered an address and our boot information, and asks "
		  "again "
		  "instead of taking them"
		: "proxy: somebody else gives the address");
	dhcp4_note_sent(q, "dhcp4.offer", 0, q->decision.reason);
}

/* An answer to a client that has its address. */
static void
acknowledge(struct dhcp4_query *q, const char *kind)
{
	struct dhcp4_recent_client *c = recent_of(q);
	uint32_t has = q->rx->src_ip == q->msg->ciaddr ? q->msg->ciaddr : 0;

	if (!decide(q, c->chained))
		return;
	if (q->rx->pxe_port ? !dhcp4_reply_pxe(q) : !dhcp4_reply_proxy(q, DHCP4_ACK)) {
		dhcp4_note_ignored(q, "the reply is larger than the client accepts");
		return;
	}
	if (q->decision.what == POLICY_TFTP_LOADER)
		c->loader_at = q->rx->mono;
	dhcp4_note_seen(q, kind, "proxy: a boot server request");
	dhcp4_note_sent(q, "dhcp4.ack", has, q->decision.reason);
}

static void
request(struct dhcp4_query *q, bool boots)
{
	uint32_t server = dhcp4_msg_u32(q->msg, DHCP4_OPT_SERVER_ID, 0);

	if (server != 0 && dhcp4_subnet_is_ours(q->s, server)) {
		if (boots)
			acknowledge(q, "dhcp4.request");
		else
			dhcp4_note_ignored(
			    q, "proxy: it asks us for an address, and we give none");
		return;
	}
	if (server != 0) {
		q->s->others_at = q->rx->mono;
		dhcp4_note_foreign(q, &q->tx->extra, server,
		    "proxy: this server gives the addresses here");
	}
	if (boots || q->host)
		dhcp4_note_seen(q, "dhcp4.request",
		    "proxy: not for us; somebody else gives the address");
}

static void
inform(struct dhcp4_query *q)
{
	if (q->msg->ciaddr != 0 && !dhcp4_subnet_is_peer(q->s, q->msg->ciaddr))
		dhcp4_note_ignored(
		    q, "an INFORM from an address that cannot be answered");
	else
		acknowledge(q, "dhcp4.inform");
}

void
dhcp4_proxy_on_server_port(struct dhcp4_query *q)
{
	bool boots = dhcp4_class_is_boot(q->msg);

	switch (q->msg->type) {
	case DHCP4_DISCOVER:
		if (boots)
			discover(q);
		else if (q->host)
			dhcp4_note_seen(q, "dhcp4.discover",
			    "proxy: not a boot client; somebody else gives the address");
		return;
	case DHCP4_REQUEST: request(q, boots); return;
	case DHCP4_INFORM:
		if (boots)
			inform(q);
		return;
	case DHCP4_RELEASE:
		if (q->host)
			dhcp4_note_seen(q, "dhcp4.release", "proxy: not our lease");
		return;
	case DHCP4_DECLINE:
		if (q->host)
			dhcp4_note_seen(q, "dhcp4.decline", "proxy: not our lease");
		return;
	default:
		if (boots || q->host)
			dhcp4_note_ignored(
			    q, "no DHCP message type that a client may send");
		return;
	}
}

void
dhcp4_proxy_on_pxe_port(struct dhcp4_query *q)
{
	const char *why = dhcp4_answer_pxe_refusal(q);

	if (why)
		dhcp4_note_ignored(q, "%s", why);
	else
		acknowledge(q, "dhcp4.request");
}

void
dhcp4_proxy_overheard(struct dhcp4_query *q)
{
	struct dhcp4_recent_client *c = dhcp4_recent_find(q->s->recent, &q->client.key);

	if (q->msg->yiaddr == 0)
		return; /* another proxy gives no addresses either */
	q->s->others_at = q->rx->mono;
	if (c)
		c->offered = true;
}
