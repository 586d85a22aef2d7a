/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the DHCPv6 server tells of a packet: events of kind dhcp6.* (docs/boot-services.md).
 *
 * Facts come from the packet and are hostile: text goes through str_escape() into small buffers, binary
 * values become hex of bounded length. Machines of the host table get every event (their own packet limit
 * bounds them); all unknown machines together share one rate, and the next event that goes out says how
 * many were held back. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot-services/dhcp6_priv.h"
#include "boot-services/dhcp_class.h"
#include "lib/arch.h"
#include "lib/str.h"

enum { TEXT_MAX = 96 };

static void
put_escaped(struct event *ev, const char *key, struct rbuf v)
{
	char text[TEXT_MAX];

	if (rbuf_left(&v) > 0)
		event_put(ev, key,
		    str_escape(text, sizeof(text), rbuf_rest(&v), rbuf_left(&v)));
}

static void
put_ip(struct event *ev, const char *key, const uint8_t ip[16])
{
	struct addr_ip a = {.family = AF_INET6};
	char text[ADDR_IP_TEXT];

	memcpy(a.b, ip, sizeof(a.b));
	event_put(ev, key, addr_ip_text(&a, text, sizeof(text)));
}

static void
put_duid(struct event *ev, const char *key, const struct dhcp6_duid *d)
{
	char text[DHCP6_DUID_TEXT];

	if (d->len > 0)
		event_put(ev, key, dhcp6_duid_text(d, text, sizeof(text)));
}

/* As the message has it: which of the two byte orders it is in, it does not say. */
static void
put_uuid(struct event *ev, const struct dhcp6_duid *d)
{
	char text[ADDR_UUID_TEXT];
	struct addr_uuid uuid;

	if (dhcp6_duid_uuid(d, &uuid))
		event_put(ev, "uuid", addr_uuid_text(&uuid, text, sizeof(text)));
}

/* The relay next to the client knows the port; the outermost is the one that asks us. */
static void
put_relay(struct event *ev, const struct dhcp6_query *q)
{
	const struct dhcp6_msg *m = q->msg;
	const struct dhcp6_msg_relay *r;

	if (m->n_relays == 0)
		return;
	r = &m->relays[m->n_relays - 1];
	put_ip(ev, "relay", q->rx->src.b);
	put_ip(ev, "link_address", r->link);
	put_escaped(ev, "interface_id", dhcp6_msg_value(m, r->interface_id));
	put_escaped(ev, "remote_id", dhcp6_msg_value(m, r->remote_id));
	put_escaped(ev, "subscriber_id", dhcp6_msg_value(m, r->subscriber_id));
}

/* The facts that both the request's and the reply's event carry. */
static struct event
make(const struct dhcp6_query *q, const char *kind, const char *reason)
{
	struct event ev = event_make(kind, q->rx->wall);
	char xid[16];

	if (q->has_mac)
		addr_mac_text(&q->policy.mac, ev.mac, sizeof(ev.mac));
	if (q->host)
		str_clip(ev.host, sizeof(ev.host), q->host->host.name);
	if (reason)
		str_clip(ev.reason, sizeof(ev.reason), reason);
	event_put(&ev, "interface", q->link->name);
	if (!q->msg)
		return ev;
	if (q->policy.class != POLICY_CLASS_OS || q->policy.arch != ARCH_NONE)
		arch_name(q->policy.arch, ev.arch, sizeof(ev.arch));
	event_put(&ev, "class", dhcp_class_name(q->policy.class));
	snprintf(xid, sizeof(xid), "%06x", q->msg->xid);
	event_put(&ev, "xid", xid);
	put_duid(&ev, "duid", &q->duid);
	put_relay(&ev, q);
	return ev;
}

static void
put_request_facts(struct event *ev, const struct dhcp6_query *q)
{
	struct rbuf vendor = dhcp6_msg_option(q->msg, DHCP6_OPT_VENDOR_CLASS);
	struct rbuf user = dhcp6_msg_option(q->msg, DHCP6_OPT_USER_CLASS);
	struct dhcp6_msg_ia ia;
	char text[16];

	rbuf_skip(&vendor, rbuf_left(&vendor) < 6 ? rbuf_left(&vendor) : 6);
	put_escaped(ev, "vendor_class", vendor);
	put_escaped(ev, "user_class", user);
	put_uuid(ev, &q->duid);
	if (q->msg->n_ias == 0)
		return;
	dhcp6_msg_ia(q->msg, 0, &ia);
	snprintf(text, sizeof(text), "%08x", ia.iaid);
	event_put(ev, "iaid", text);
	if (ia.n_addrs > 0) {
		struct addr_ip ip = {.family = AF_INET6};

		memcpy(ip.b, ia.addrs[0], sizeof(ip.b));
		addr_ip_text(&ip, ev->ip, sizeof(ev->ip));
	}
}

/* Asked once per packet, so that a request and its reply are told of together. */
static bool
allowed(struct dhcp6_query *q)
{
	if (q->host)
		return true;
	q->quiet = !dhcp4_limit_event(q->s->limit, q->rx->mono, &q->suppressed);
	return !q->quiet;
}

void
dhcp6_note_seen(struct dhcp6_query *q, const char *reason)
{
	struct event *ev = &q->tx->seen;
	char kind[EVENT_KIND_SIZE];

	if (!allowed(q))
		return;
	snprintf(kind, sizeof(kind), "dhcp6.%s", dhcp6_msg_type_name(q->msg->type));
	*ev = make(q, kind, reason);
	put_request_facts(ev, q);
	if (q->suppressed > 0)
		event_put_i64(ev, "suppressed", (int64_t)q->suppressed);
}

void
dhcp6_note_sent(struct dhcp6_query *q, const char *kind, const char *reason)
{
	struct event *ev = &q->tx->sent;

	if (q->quiet)
		return;
	*ev = make(q, kind, reason);
	addr_ip_text(&q->ip, ev->ip, sizeof(ev->ip));
	event_put(ev, "type", dhcp6_msg_type_name(q->msg->type));
	if (q->decision.lacks != NULL)
		event_put(ev, "lacks", q->decision.lacks);
	str_clip(ev->file, sizeof(ev->file),
	    q->decision.file[0] != '\0' ? q->decision.file : q->decision.url);
}

void
dhcp6_note_ignored(struct dhcp6_query *q, const char *fmt, ...)
{
	struct event *ev = &q->tx->seen;
	char reason[EVENT_REASON_SIZE], text[ADDR_IP_TEXT];
	va_list ap;

	if (!allowed(q))
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	*ev = make(q, "dhcp6.ignored", reason);
	if (q->msg) {
		put_request_facts(ev, q);
		event_put(ev, "type", dhcp6_msg_type_name(q->msg->type));
	} else {
		event_put_i64(ev, "length", (int64_t)q->rx->len);
	}
	event_put(ev, "source", addr_ip_text(&q->rx->src, text, sizeof(text)));
	if (q->suppressed > 0)
		event_put_i64(ev, "suppressed", (int64_t)q->suppressed);
}

/* Foreign servers share the table of DHCPv4's by a number made of their DUID. */
static uint32_t
number_of(const struct dhcp6_duid *d)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < d->len; i++)
		h = (h ^ d->b[i]) * 16777619u;
	return h;
}

void
dhcp6_note_foreign(
    struct dhcp6_query *q, const struct dhcp6_duid *server, const char *reason)
{
	struct event *ev = &q->tx->seen;

	if (!dhcp4_limit_foreign(q->s->limit, number_of(server), q->rx->mono) && !q->host)
		return;
	*ev = make(q, "dhcp6.foreign", reason);
	put_duid(ev, "server", server);
	put_ip(ev, "source", q->rx->src.b);
	event_put(ev, "type", dhcp6_msg_type_name(q->msg->type));
}
