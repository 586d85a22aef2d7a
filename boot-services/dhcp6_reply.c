/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a decision to a DHCPv6 reply: options, relays, destination.
 *
 * Rules of boot.md kept here: 4 (PXE by TFTP: option 59 alone, no 16, never 60), 5 (HTTP boot: 16 with
 * "HTTPClient", and a URL in 59). Option 59 always has another option behind it: EDK2 reads the URL as a
 * string that the next option's first octet, a zero, ends (boot.md 1.6).
 *
 * A reply that does not fit into a packet with all its relays is not sent: a truncated option could make
 * firmware load the wrong thing. */
#include <string.h>

#include "boot-services/dhcp6_priv.h"

enum { PREFERENCE = 255, REFRESH_MIN_S = 600 };

static bool
is_http_boot(const struct dhcp6_query *q)
{
	return q->policy.class == POLICY_CLASS_HTTP &&
	       (q->decision.what == POLICY_HTTP_LOADER ||
		   q->decision.what == POLICY_LOCAL_404);
}

static bool
has_url(const struct dhcp6_query *q)
{
	return q->decision.what != POLICY_LEASE && q->decision.url[0] != '\0';
}

/* EDK2 wants octets 6 to 15 to be "HTTPClient"; the enterprise it does not look at. */
static void
put_boot(struct wbuf *w, const struct dhcp6_query *q)
{
	static const char http_class[] = "HTTPClient";
	size_t at;

	if (is_http_boot(q)) {
		at = dhcp6_msg_nest(w, DHCP6_OPT_VENDOR_CLASS);
		wbuf_u32(w, DHCP6_ENTERPRISE_INTEL);
		wbuf_u16(w, sizeof(http_class) - 1);
		wbuf_str(w, http_class);
		dhcp6_msg_nest_end(w, at);
	}
	if (has_url(q))
		dhcp6_msg_put(
		    w, DHCP6_OPT_BOOTFILE_URL, q->decision.url, strlen(q->decision.url));
}

static void
put_address(struct wbuf *w, const uint8_t ip[16], uint32_t lifetime)
{
	size_t at = dhcp6_msg_nest(w, DHCP6_OPT_IAADDR);

	wbuf_bytes(w, ip, 16);
	wbuf_u32(w, lifetime); /* preferred */
	wbuf_u32(w, lifetime); /* valid */
	dhcp6_msg_nest_end(w, at);
}

/* RFC 8415 18.3.4: addresses that are not the client's any more come back "with lifetimes of 0". */
static void
put_addresses(
    struct wbuf *w, const struct dhcp6_query *q, const struct dhcp6_ia_answer *a)
{
	uint32_t lease = dhcp6_subnet_lease_s(q->subnet);
	bool renews = q->msg->type == DHCP6_RENEW || q->msg->type == DHCP6_REBIND;

	if (a->granted)
		put_address(w, q->ip.b, lease);
	for (size_t i = 0; renews && i < a->ia.n_addrs; i++) {
		if (!a->granted || memcmp(a->ia.addrs[i], q->ip.b, 16) != 0)
			put_address(w, a->ia.addrs[i], 0);
	}
}

/* T1 and T2 as RFC 8415 21.4 recommends: 0.5 and 0.8 of the preferred lifetime. */
static void
put_ia(struct wbuf *w, const struct dhcp6_query *q, const struct dhcp6_ia_answer *a)
{
	uint32_t lease = dhcp6_subnet_lease_s(q->subnet);
	size_t at = dhcp6_msg_nest(w, a->ia.kind);

	wbuf_u32(w, a->ia.iaid);
	if (a->ia.kind != DHCP6_OPT_IA_TA) {
		wbuf_u32(w, a->granted ? lease / 2 : 0);
		wbuf_u32(w, a->granted ? (uint32_t)((uint64_t)lease * 4 / 5) : 0);
	}
	if (a->ia.kind == DHCP6_OPT_IA_NA)
		put_addresses(w, q, a);
	if (a->status != DHCP6_STATUS_SUCCESS)
		dhcp6_msg_put_status(w, a->status, a->text ? a->text : "");
	dhcp6_msg_nest_end(w, at);
}

static void
put_dns(struct wbuf *w, const struct dhcp6_query *q)
{
	const struct bundle_subnet *s = q->subnet;
	size_t at;

	if (s->n_dns == 0 || !dhcp6_msg_wants(q->msg, DHCP6_OPT_DNS_SERVERS))
		return;
	at = dhcp6_msg_nest(w, DHCP6_OPT_DNS_SERVERS);
	for (size_t i = 0; i < s->n_dns; i++) {
		if (s->dns[i].family == AF_INET6)
			wbuf_bytes(w, s->dns[i].b, sizeof(s->dns[i].b));
	}
	dhcp6_msg_nest_end(w, at);
}

static void
put_network(struct wbuf *w, const struct dhcp6_query *q)
{
	uint32_t refresh = dhcp6_subnet_lease_s(q->subnet);

	put_dns(w, q);
	if (dhcp6_msg_wants(q->msg, DHCP6_OPT_DOMAIN_LIST))
		dhcp6_msg_put_domain(w, DHCP6_OPT_DOMAIN_LIST, q->subnet->domain);
	/* RFC 8415 21.23: not below IRT_MINIMUM, 600 s. */
	if (q->msg->type == DHCP6_INFORMATION_REQUEST)
		dhcp6_msg_put_u32(w, DHCP6_OPT_REFRESH_TIME,
		    refresh < REFRESH_MIN_S ? REFRESH_MIN_S : refresh);
}

static void
put_head(struct wbuf *w, const struct dhcp6_query *q, enum dhcp6_type type)
{
	static const uint8_t preference = PREFERENCE;
	bool offers = false;

	for (size_t i = 0; i < q->n_ias; i++)
		offers |= q->ias[i].granted;
	if (q->duid.len > 0)
		dhcp6_msg_put(w, DHCP6_OPT_CLIENTID, q->duid.b, q->duid.len);
	put_boot(w, q);
	dhcp6_msg_put(w, DHCP6_OPT_SERVERID, q->s->duid.b, q->s->duid.len);
	/* Another server's offer goes before ours when we have nothing to give. */
	if (type == DHCP6_ADVERTISE && offers)
		dhcp6_msg_put(w, DHCP6_OPT_PREFERENCE, &preference, sizeof(preference));
	if (q->rapid)
		dhcp6_msg_put(w, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
}

/* RFC 8415 18.3.10: to where it came from; relays hear on the servers' port. */
static void
address(struct dhcp6_query *q)
{
	struct dhcp6_server_tx *tx = q->tx;

	tx->to = q->rx->src;
	tx->to_port = q->msg->n_relays > 0 ? q->s->cfg->dhcp6_port : q->rx->src_port;
	tx->from = (struct addr_ip){.family = 0};
	if (dhcp6_subnet_is_ours(q->s, &q->rx->dst))
		tx->from = q->rx->dst;
}

bool
dhcp6_reply_build(struct dhcp6_query *q, enum dhcp6_type type, enum dhcp6_status status,
    const char *text)
{
	uint8_t message[DHCP6_PACKET_MAX];
	struct wbuf w = wbuf_init(message, sizeof(message));

	dhcp6_msg_begin(&w, type, q->msg->xid);
	put_head(&w, q, type);
	if (text)
		dhcp6_msg_put_status(&w, status, text);
	for (size_t i = 0; i < q->n_ias; i++)
		put_ia(&w, q, &q->ias[i]);
	if (!text)
		put_network(&w, q);
	if (!wbuf_ok(&w))
		return false;
	q->tx->len =
	    dhcp6_msg_wrap(q->msg, message, w.len, q->tx->data, sizeof(q->tx->data));
	if (q->tx->len == 0)
		return false;
	address(q);
	q->tx->reply = true;
	return true;
}
