/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a decision to a DHCPv4 reply: header, options in the order of boot.md 1.2,
 * destination.
 *
 * The boot part follows the reply matrix of boot.md 1.5. Rules of 0.1 kept here: 2
 * (siaddr, file, 66 and 67 for PXE, neither 60 nor 43), 3 (60 "HTTPClient" and a URL), 7
 * (175 no-pxedhcp), 16 (NUL inside 66 and 67, never the last option), 17 (file as well as
 * 67), 18 (at least 300 octets, never more than the client takes), 19 (flags, giaddr,
 * chaddr copied; 82 echoed last), 20 (local boot is an answer).
 *
 * A reply that does not fit is built again without what the client can do without; if
 * that does not fit either, nothing is sent: a truncated option could make firmware load
 * the wrong thing. */
#include <string.h>

#include "boot-services/dhcp4_priv.h"

static const char pxe_class[] = "PXEClient";
static const char http_class[] = "HTTPClient";

/* The most that the client, and any relay before it, can take. Option 57 counts the IP
 * and UDP headers for some and not for others: the smaller reading is safe. OVMF sends
 * 65280. */
static size_t
reply_limit(const struct dhcp4_msg *m)
{
	size_t max = dhcp4_msg_u16(m, DHCP4_OPT_MAX_SIZE, DHCP4_MAX_SIZE_MIN);

	if (max < DHCP4_MAX_SIZE_MIN)
		max = DHCP4_MAX_SIZE_MIN;
	if (max > DHCP4_PACKET_MAX + DHCP4_UDP_IP_SIZE)
		max = DHCP4_PACKET_MAX + DHCP4_UDP_IP_SIZE;
	return max - DHCP4_UDP_IP_SIZE;
}

static void
echo(struct wbuf *w, const struct dhcp4_msg *m, enum dhcp4_opt code)
{
	struct rbuf v = dhcp4_msg_value(m, code);

	if (dhcp4_msg_has(m, code) && rbuf_left(&v) > 0)
		dhcp4_msg_put(w, code, rbuf_rest(&v), rbuf_left(&v));
}

static void
put_type(struct wbuf *w, const struct dhcp4_query *q, enum dhcp4_type type)
{
	dhcp4_msg_put_u8(w, DHCP4_OPT_MESSAGE_TYPE, (uint8_t)type);
	dhcp4_msg_put_u32(w, DHCP4_OPT_SERVER_ID, q->server_id);
}

/* RFC 6842: "the server MUST return the 'client identifier' option". RFC 3046 2.2: option
 * 82 unaltered; last, since relays cut it off. */
static void
put_tail(struct wbuf *w, const struct dhcp4_query *q)
{
	echo(w, q->msg, DHCP4_OPT_CLIENT_ID);
	echo(w, q->msg, DHCP4_OPT_RELAY_INFO);
	dhcp4_msg_end(w);
}

static void
put_times(struct wbuf *w, const struct dhcp4_query *q, bool extras)
{
	uint32_t lease = (uint32_t)dhcp4_subnet_lease_s(q->subnet);

	dhcp4_msg_put_u32(w, DHCP4_OPT_LEASE_TIME, lease);
	if (!extras) /* clients take the same by themselves (RFC 2131 4.4.5) */
		return;
	dhcp4_msg_put_u32(w, DHCP4_OPT_RENEWAL_TIME, lease / 2);
	dhcp4_msg_put_u32(w, DHCP4_OPT_REBINDING_TIME, lease - lease / 8);
}

static void
put_mask(struct wbuf *w, const struct dhcp4_query *q)
{
	dhcp4_msg_put_u32(
	    w, DHCP4_OPT_SUBNET_MASK, addr_prefix_mask_v4(&q->subnet->prefix));
}

static void
put_router(struct wbuf *w, const struct dhcp4_query *q)
{
	if (q->subnet->gateway.family == AF_INET)
		dhcp4_msg_put_u32(w, DHCP4_OPT_ROUTER, addr_ip_v4(&q->subnet->gateway));
}

static void
put_dns(struct wbuf *w, const struct dhcp4_query *q)
{
	const struct bundle_subnet *s = q->subnet;
	uint8_t dns[sizeof(s->dns) / sizeof(s->dns[0]) * 4];
	size_t n = 0;

	for (size_t i = 0; i < s->n_dns && n < sizeof(dns); i++) {
		if (s->dns[i].family == AF_INET) {
			memcpy(dns + n, s->dns[i].b, 4);
			n += 4;
		}
	}
	if (n > 0)
		dhcp4_msg_put(w, DHCP4_OPT_DNS, dns, n);
}

static void
put_broadcast(struct wbuf *w, const struct dhcp4_query *q)
{
	uint32_t mask = addr_prefix_mask_v4(&q->subnet->prefix);

	dhcp4_msg_put_u32(w, DHCP4_OPT_BROADCAST, q->client.subnet | ~mask);
}

static void
put_text(struct wbuf *w, enum dhcp4_opt code, const char *s)
{
	if (s[0] != '\0')
		dhcp4_msg_put(w, code, s, strlen(s));
}

/* The host's name up to the first dot: option 12 is not meant to carry the domain. */
static void
put_hostname(struct wbuf *w, const struct dhcp4_query *q)
{
	size_t n = q->host ? strcspn(q->host->host.name, ".") : 0;

	if (n > 0 && n < 64)
		dhcp4_msg_put(w, DHCP4_OPT_HOSTNAME, q->host->host.name, n);
}

static void
put_domain(struct wbuf *w, const struct dhcp4_query *q)
{
	put_text(w, DHCP4_OPT_DOMAIN, q->subnet->domain);
}

/* In the order of boot.md 1.2; `extra`: what a client can do without. */
static const struct {
	enum dhcp4_opt code;
	bool extra;
	void (*put)(struct wbuf *w, const struct dhcp4_query *q);
} network[] = {
    {DHCP4_OPT_SUBNET_MASK, false, put_mask},
    {DHCP4_OPT_ROUTER, false, put_router},
    {DHCP4_OPT_DNS, false, put_dns},
    {DHCP4_OPT_DOMAIN, true, put_domain},
    {DHCP4_OPT_HOSTNAME, true, put_hostname},
    {DHCP4_OPT_BROADCAST, true, put_broadcast},
};

/* What the client asked for first, in its order (RFC 2132 9.8), then the rest: firmware
 * does not ask for all it needs. The mask comes before everything: "if both the subnet
 * mask and the router option are specified ... the subnet mask option MUST be first"
 * (RFC 2132 3.3). With `http` option 28 is left to put_boot(). */
static void
put_network(struct wbuf *w, const struct dhcp4_query *q, bool extras, bool http)
{
	struct rbuf asked = dhcp4_msg_value(q->msg, DHCP4_OPT_PARAMETERS);
	bool done[ARRAY_SIZE(network)] = {false};

	for (size_t i = 0; i < ARRAY_SIZE(network); i++)
		done[i] = (network[i].extra && !extras) ||
			  (network[i].code == DHCP4_OPT_BROADCAST && http);
	network[0].put(w, q);
	done[0] = true;
	while (rbuf_left(&asked) > 0) {
		uint8_t code = rbuf_u8(&asked);

		for (size_t i = 0; i < ARRAY_SIZE(network); i++) {
			if (network[i].code != code || done[i])
				continue;
			network[i].put(w, q);
			done[i] = true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(network); i++) {
		if (!done[i])
			network[i].put(w, q);
	}
}

/* A menu with the one entry "boot from the local disk", taken at once (boot.md 1.3.2). */
static void
put_local_menu(struct wbuf *w, const struct dhcp4_query *q)
{
	uint8_t data[64];
	struct wbuf v = wbuf_init(data, sizeof(data));
	static const char label[] = "Local";

	wbuf_u8(&v, DHCP4_PXE_DISCOVERY_CONTROL);
	wbuf_u8(&v, 1);
	wbuf_u8(&v, DHCP4_PXE_NO_BROADCAST | DHCP4_PXE_NO_MULTICAST);
	wbuf_u8(&v, DHCP4_PXE_BOOT_SERVERS);
	wbuf_u8(&v, 7);
	wbuf_u16(&v, DHCP4_PXE_TYPE_LOCAL);
	wbuf_u8(&v, 1);
	wbuf_u32(&v, q->server_ip);
	wbuf_u8(&v, DHCP4_PXE_BOOT_MENU);
	wbuf_u8(&v, 3 + sizeof(label) - 1);
	wbuf_u16(&v, DHCP4_PXE_TYPE_LOCAL);
	wbuf_u8(&v, sizeof(label) - 1);
	wbuf_str(&v, label);
	wbuf_u8(&v, DHCP4_PXE_MENU_PROMPT);
	wbuf_u8(&v, 1 + sizeof(label) - 1);
	wbuf_u8(&v, 0); /* seconds */
	wbuf_str(&v, label);
	wbuf_u8(&v, DHCP4_PXE_END);
	dhcp4_msg_put(w, DHCP4_OPT_VENDOR_INFO, data, v.len);
}

static void
put_server_text(struct wbuf *w, const struct dhcp4_query *q)
{
	struct addr_ip ip = addr_ip_make_v4(q->server_ip);
	char text[ADDR_IP_TEXT];

	dhcp4_msg_put_text0(
	    w, DHCP4_OPT_TFTP_SERVER, addr_ip_text(&ip, text, sizeof(text)));
}

/* The boot options; `proxy`: on port 4011 or beside another server, where the class must be named and
 * the file said to be final. Whatever has 67 has another option behind it (rule 16). */
static void
put_boot(struct wbuf *w, const struct dhcp4_query *q, bool proxy)
{
	static const uint8_t use_file[] = {
	    DHCP4_PXE_DISCOVERY_CONTROL, 1, DHCP4_PXE_USE_FILE, DHCP4_PXE_END};
	static const uint8_t no_pxedhcp[] = {DHCP4_IPXE_NO_PXEDHCP, 1, 1};
	enum policy_what what = q->decision.what;
	bool http = what == POLICY_HTTP_LOADER || what == POLICY_LOCAL_404;

	if (http)
		put_text(w, DHCP4_OPT_VENDOR_CLASS, http_class);
	else if (proxy || what == POLICY_LOCAL_MENU)
		put_text(w, DHCP4_OPT_VENDOR_CLASS, pxe_class);
	if (what == POLICY_LOCAL_MENU)
		put_local_menu(w, q);
	else if (proxy && !http)
		dhcp4_msg_put(w, DHCP4_OPT_VENDOR_INFO, use_file, sizeof(use_file));
	if (proxy || q->policy.class == POLICY_CLASS_PXE ||
	    q->policy.class == POLICY_CLASS_HTTP)
		echo(w, q->msg, DHCP4_OPT_CLIENT_UUID);
	if (what == POLICY_TFTP_LOADER) {
		put_server_text(w, q);
		dhcp4_msg_put_text0(w, DHCP4_OPT_BOOTFILE, q->decision.file);
		dhcp4_msg_put_u32(w, DHCP4_OPT_TFTP_ADDRESSES, q->server_ip);
	} else if (http || what == POLICY_SCRIPT) {
		dhcp4_msg_put_text0(w, DHCP4_OPT_BOOTFILE, q->decision.url);
	}
	if (http && !proxy)
		put_broadcast(w, q);
	if (q->policy.class == POLICY_CLASS_IPXE && !proxy)
		dhcp4_msg_put(w, DHCP4_OPT_IPXE, no_pxedhcp, sizeof(no_pxedhcp));
	else if (what == POLICY_SCRIPT || (http && proxy))
		dhcp4_msg_put_u32(w, DHCP4_OPT_TFTP_ADDRESSES, q->server_ip);
}

static const char *
boot_file(const struct dhcp4_query *q)
{
	switch (q->decision.what) {
	case POLICY_TFTP_LOADER: return q->decision.file;
	case POLICY_HTTP_LOADER:
	case POLICY_LOCAL_404:
	case POLICY_SCRIPT: return q->decision.url;
	case POLICY_IGNORE:
	case POLICY_LEASE:
	case POLICY_LOCAL_MENU: break;
	}
	return NULL;
}

static struct dhcp4_msg_header
make_header(const struct dhcp4_query *q, uint32_t ciaddr, uint32_t yiaddr)
{
	struct dhcp4_msg_header h = {.ciaddr = ciaddr,
	    .yiaddr = yiaddr,
	    .flags = q->msg->flags & DHCP4_FLAG_BROADCAST,
	    .file = boot_file(q)};

	if (q->decision.what == POLICY_TFTP_LOADER || q->decision.what == POLICY_SCRIPT)
		h.siaddr = q->server_ip;
	return h;
}

/* RFC 2131 4.1. Without the broadcast bit the reply should go to the hardware address
 * directly; broadcasting it is as good (boot.md 1.1) and needs no raw socket. */
static void
address(struct dhcp4_query *q, uint32_t unicast)
{
	const struct bootd_config *cfg = q->s->cfg;
	struct dhcp4_server_tx *tx = q->tx;

	tx->from_ip = q->server_ip;
	if (q->msg->giaddr != 0) {
		tx->to_ip = q->msg->giaddr;
		tx->to_port = cfg->dhcp4_port;
	} else if (unicast != 0) {
		tx->to_ip = unicast;
		tx->to_port = cfg->dhcp4_client_port;
	} else {
		tx->to_ip = 0xffffffff;
		tx->to_port = cfg->dhcp4_client_port;
	}
}

static bool
finish(struct dhcp4_query *q, const struct wbuf *w)
{
	if (!wbuf_ok(w))
		return false;
	q->tx->len = w->len;
	q->tx->reply = true;
	return true;
}

static bool
build_lease(struct dhcp4_query *q, enum dhcp4_type type, const struct dhcp4_msg_header *h,
    bool extras)
{
	struct wbuf w = wbuf_init(q->tx->data, reply_limit(q->msg));
	bool http = q->decision.what == POLICY_HTTP_LOADER ||
		    q->decision.what == POLICY_LOCAL_404;

	dhcp4_msg_begin(&w, q->msg, h);
	put_type(&w, q, type);
	if (h->yiaddr != 0)
		put_times(&w, q, extras);
	put_network(&w, q, extras, http);
	put_boot(&w, q, false);
	put_tail(&w, q);
	return finish(q, &w);
}

/* ciaddr is echoed and used as destination only when the client really has that address:
 * some set it in a DISCOVER. */
bool
dhcp4_reply_lease(struct dhcp4_query *q, enum dhcp4_type type)
{
	bool renews = type == DHCP4_ACK && q->msg->ciaddr != 0 &&
		      q->msg->ciaddr == q->lease->ip &&
		      !dhcp4_msg_has(q->msg, DHCP4_OPT_SERVER_ID);
	uint32_t ciaddr = renews ? q->msg->ciaddr : 0;
	struct dhcp4_msg_header h = make_header(q, ciaddr, q->lease->ip);

	address(q, ciaddr);
	return build_lease(q, type, &h, true) || build_lease(q, type, &h, false);
}

/* RFC 2131 4.3.5: no lease time, no yiaddr. */
bool
dhcp4_reply_inform(struct dhcp4_query *q)
{
	struct dhcp4_msg_header h = make_header(q, q->msg->ciaddr, 0);

	address(q, q->msg->ciaddr);
	return build_lease(q, DHCP4_ACK, &h, true) ||
	       build_lease(q, DHCP4_ACK, &h, false);
}

/* RFC 2131 4.3.2: broadcast on the link; with a relay "the server MUST set the broadcast
 * bit". */
bool
dhcp4_reply_nak(struct dhcp4_query *q, const char *why)
{
	struct wbuf w = wbuf_init(q->tx->data, reply_limit(q->msg));
	struct dhcp4_msg_header h = {.flags = q->msg->flags & DHCP4_FLAG_BROADCAST};

	if (q->msg->giaddr != 0)
		h.flags = DHCP4_FLAG_BROADCAST;
	dhcp4_msg_begin(&w, q->msg, &h);
	put_type(&w, q, DHCP4_NAK);
	put_text(&w, DHCP4_OPT_MESSAGE, why);
	put_tail(&w, q);
	address(q, 0);
	return finish(q, &w);
}

/* boot.md 1.1: "0 in proxyDHCP", which is how clients know one; siaddr is ours whatever is offered, since
 * it is where they ask for more. */
bool
dhcp4_reply_proxy(struct dhcp4_query *q, enum dhcp4_type type)
{
	struct wbuf w = wbuf_init(q->tx->data, reply_limit(q->msg));
	uint32_t ciaddr = type == DHCP4_ACK ? q->msg->ciaddr : 0;
	struct dhcp4_msg_header h = make_header(q, ciaddr, 0);

	h.siaddr = q->server_ip;
	dhcp4_msg_begin(&w, q->msg, &h);
	put_type(&w, q, type);
	put_boot(&w, q, true);
	put_tail(&w, q);
	address(q, ciaddr);
	return finish(q, &w);
}

/* The answer goes to where the request came from: UEFI uses port 4011 there, iPXE and
 * BIOS 68. */
bool
dhcp4_reply_pxe(struct dhcp4_query *q)
{
	struct wbuf w = wbuf_init(q->tx->data, reply_limit(q->msg));
	struct dhcp4_msg_header h = make_header(q, q->msg->ciaddr, 0);

	dhcp4_msg_begin(&w, q->msg, &h);
	put_type(&w, q, DHCP4_ACK);
	put_boot(&w, q, true);
	put_tail(&w, q);
	q->tx->from_ip = q->server_ip;
	q->tx->to_ip = q->rx->src_ip;
	q->tx->to_port = q->rx->src_port;
	return finish(q, &w);
}
