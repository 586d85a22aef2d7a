/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the DHCPv4 server tells of a packet: events of kind dhcp4.*
 * (docs/boot-services.md).
 *
 * Facts come from the packet and are hostile: text goes through str_escape() into small
 * buffers, binary values become hex of bounded length. Machines of the host table get
 * every event (their own packet limit bounds them); all unknown machines together share
 * one rate, and the next event that goes out says how many were held back. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot-services/dhcp4_class.h"
#include "boot-services/dhcp4_priv.h"
#include "boot-services/dhcp_class.h"
#include "lib/arch.h"
#include "lib/str.h"

enum { TEXT_MAX = 96, HEX_MAX = 32 };

static void
put_escaped(struct event *ev, const char *key, struct rbuf v)
{
	char text[TEXT_MAX];

	if (rbuf_left(&v) > 0)
		event_put(ev, key,
		    str_escape(text, sizeof(text), rbuf_rest(&v), rbuf_left(&v)));
}

static void
put_option(
    struct event *ev, const char *key, const struct dhcp4_msg *m, enum dhcp4_opt code)
{
	put_escaped(ev, key, dhcp4_msg_value(m, code));
}

static void
put_ip(struct event *ev, const char *key, uint32_t ip)
{
	struct addr_ip a = addr_ip_make_v4(ip);
	char text[ADDR_IP_TEXT];

	if (ip != 0)
		event_put(ev, key, addr_ip_text(&a, text, sizeof(text)));
}

/* Option 97 carries the SMBIOS order; all 00 or all ff are what bad boards send. */
static void
put_uuid(struct event *ev, const struct dhcp4_msg *m)
{
	struct rbuf v = dhcp4_msg_value(m, DHCP4_OPT_CLIENT_UUID);
	char text[ADDR_UUID_TEXT];
	struct addr_uuid raw = {{0}}, uuid;
	uint8_t all = 0xff, any = 0;

	if (rbuf_left(&v) != 17 || rbuf_u8(&v) != 0)
		return;
	rbuf_copy(&v, raw.b, sizeof(raw.b));
	for (size_t i = 0; i < sizeof(raw.b); i++) {
		all &= raw.b[i];
		any |= raw.b[i];
	}
	if (any == 0 || all == 0xff)
		return;
	uuid = addr_uuid_swap(&raw);
	event_put(ev, "uuid", addr_uuid_text(&uuid, text, sizeof(text)));
}

static void
put_relay(struct event *ev, const struct dhcp4_msg *m)
{
	struct rbuf v;

	put_ip(ev, "relay", m->giaddr);
	if (dhcp4_msg_relay(m, DHCP4_RELAY_CIRCUIT_ID, &v))
		put_escaped(ev, "circuit_id", v);
	if (dhcp4_msg_relay(m, DHCP4_RELAY_REMOTE_ID, &v))
		put_escaped(ev, "remote_id", v);
}

static void
put_key(struct event *ev, const struct dhcp4_query *q)
{
	char text[DHCP4_KEY_TEXT];
	struct addr_mac mac;

	if (q->client.key.len == 0)
		return;
	if (dhcp4_class_key_mac(&q->client.key, &mac))
		addr_mac_text(&mac, ev->mac, sizeof(ev->mac));
	else
		event_put(ev, "hardware",
		    dhcp4_class_key_text(&q->client.key, text, sizeof(text)));
}

/* The facts that both the request's and the reply's event carry. */
static struct event
make(const struct dhcp4_query *q, const char *kind, const char *reason)
{
	struct event ev = event_make(kind, q->rx->wall);
	const struct dhcp4_msg *m = q->msg;
	char xid[16];

	put_key(&ev, q);
	if (q->host)
		str_clip(ev.host, sizeof(ev.host), q->host->host.name);
	if (reason)
		str_clip(ev.reason, sizeof(ev.reason), reason);
	event_put(&ev, "interface", q->link->name);
	if (!m)
		return ev;
	if (q->policy.class != POLICY_CLASS_OS || q->policy.arch != ARCH_NONE)
		arch_name(q->policy.arch, ev.arch, sizeof(ev.arch));
	event_put(&ev, "class", dhcp_class_name(q->policy.class));
	/* This iPXE is the firmware still: another one comes after it. */
	if (q->policy.class == POLICY_CLASS_IPXE &&
	    q->decision.what == POLICY_TFTP_LOADER)
		event_put(&ev, "chain", "loader");
	snprintf(xid, sizeof(xid), "%08x", m->xid);
	event_put(&ev, "xid", xid);
	if (q->rx->pxe_port)
		event_put_i64(&ev, "port", q->s->cfg->pxe_port);
	if (q->s->cfg->dhcp4_proxy)
		event_put(&ev, "mode", "proxy");
	put_relay(&ev, m);
	return ev;
}

static void
put_request_facts(struct event *ev, const struct dhcp4_query *q)
{
	const struct dhcp4_msg *m = q->msg;

	put_option(ev, "vendor_class", m, DHCP4_OPT_VENDOR_CLASS);
	put_option(ev, "user_class", m, DHCP4_OPT_USER_CLASS);
	put_option(ev, "hostname", m, DHCP4_OPT_HOSTNAME);
	put_uuid(ev, m);
	if (q->lease && q->lease->retry > 0)
		event_put_i64(ev, "retry", q->lease->retry);
	else if (q->retry > 0)
		event_put_i64(ev, "retry", q->retry);
}

/* Asked once per packet, so that a request and its reply are told of together. */
static bool
allowed(struct dhcp4_query *q)
{
	if (q->host)
		return true;
	q->quiet = !dhcp4_limit_event(q->s->limit, q->rx->mono, &q->suppressed);
	return !q->quiet;
}

void
dhcp4_note_seen(struct dhcp4_query *q, const char *kind, const char *reason)
{
	struct event *ev = &q->tx->seen;
	uint32_t ip;

	if (!allowed(q))
		return;
	*ev = make(q, kind, reason);
	put_request_facts(ev, q);
	put_ip(ev, "server_id", dhcp4_msg_u32(q->msg, DHCP4_OPT_SERVER_ID, 0));
	ip = dhcp4_msg_u32(q->msg, DHCP4_OPT_REQUESTED_IP, q->msg->ciaddr);
	if (ip != 0) {
		struct addr_ip a = addr_ip_make_v4(ip);

		addr_ip_text(&a, ev->ip, sizeof(ev->ip));
	}
	if (q->suppressed > 0)
		event_put_i64(ev, "suppressed", (int64_t)q->suppressed);
}

void
dhcp4_note_sent(struct dhcp4_query *q, const char *kind, uint32_t ip, const char *reason)
{
	struct event *ev = &q->tx->sent;
	struct addr_ip a = addr_ip_make_v4(ip);

	if (q->quiet)
		return;
	*ev = make(q, kind, reason);
	if (ip != 0)
		addr_ip_text(&a, ev->ip, sizeof(ev->ip));
	put_ip(ev, "server_id", q->server_id);
	if (q->decision.lacks != NULL)
		event_put(ev, "lacks", q->decision.lacks);
	if (q->decision.file[0] != '\0' || q->decision.url[0] != '\0')
		str_clip(ev->file, sizeof(ev->file),
		    q->decision.file[0] != '\0' ? q->decision.file : q->decision.url);
}

void
dhcp4_note_ignored(struct dhcp4_query *q, const char *fmt, ...)
{
	struct event *ev = &q->tx->seen;
	char reason[EVENT_REASON_SIZE];
	va_list ap;

	if (!allowed(q))
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	*ev = make(q, "dhcp4.ignored", reason);
	if (q->msg) {
		put_request_facts(ev, q);
		event_put(ev, "type", dhcp4_msg_type_name(q->msg->type));
	} else {
		put_ip(ev, "source", q->rx->src_ip);
		event_put_i64(ev, "length", (int64_t)q->rx->len);
	}
	if (q->suppressed > 0)
		event_put_i64(ev, "suppressed", (int64_t)q->suppressed);
}

/* What of another server's answer firmware could take for boot information: a file, or a class that makes
 * the answer a boot server's. siaddr alone is in every answer of some servers and harmless. */
static bool
offers_boot(const struct dhcp4_msg *m)
{
	struct rbuf file = dhcp4_msg_value(m, DHCP4_OPT_BOOTFILE);

	return m->op == DHCP4_BOOTREPLY &&
	       (rbuf_left(&file) > 0 || m->file[0] != '\0' || dhcp4_class_is_boot(m));
}

static void
put_offer(struct event *ev, const struct dhcp4_msg *m)
{
	put_ip(ev, "offered", m->yiaddr);
	put_ip(ev, "next_server", m->siaddr);
	if (dhcp4_msg_has(m, DHCP4_OPT_BOOTFILE))
		put_option(ev, "bootfile", m, DHCP4_OPT_BOOTFILE);
	else
		put_escaped(ev, "bootfile", rbuf_init(m->file, strlen(m->file)));
	put_option(ev, "vendor_class", m, DHCP4_OPT_VENDOR_CLASS);
}

/* Of a machine of the table it is told each time: it may be why its job waits in vain, or how it came to boot something that
 * nobody ordered. Not so of its operating system, which may have its address from whom it likes. A proxy lives with
 * other servers, unless they offer what it offers. */
static bool
matters_to_host(const struct dhcp4_query *q, bool competes)
{
	if (!q->host || q->s->cfg->dhcp4_proxy)
		return q->host && competes;
	return q->host->boot.job[0] != '\0' || q->msg->op == DHCP4_BOOTREPLY ||
	       dhcp4_class_is_boot(q->msg);
}

void
dhcp4_note_foreign(
    struct dhcp4_query *q, struct event *ev, uint32_t server, const char *reason)
{
	static const struct addr_mac no_mac;
	bool competes = offers_boot(q->msg);
	char mac[ADDR_MAC_TEXT];

	if (!dhcp4_limit_foreign(q->s->limit, server, q->rx->mono) &&
	    !matters_to_host(q, competes))
		return;
	*ev = make(q, "dhcp4.foreign", reason);
	put_ip(ev, "server", server);
	put_ip(ev, "source", q->rx->src_ip);
	if (!addr_mac_eq(&q->rx->src_mac, &no_mac))
		event_put(
		    ev, "server_mac", addr_mac_text(&q->rx->src_mac, mac, sizeof(mac)));
	event_put(ev, "type", dhcp4_msg_type_name(q->msg->type));
	if (q->msg->op == DHCP4_BOOTREPLY)
		put_offer(ev, q->msg);
	if (competes)
		event_put(ev, "competes", "boot");
}

void
dhcp4_note_alone(struct dhcp4_query *q, unsigned times)
{
	struct event *ev = &q->tx->extra;

	*ev = make(q, "dhcp4.alone",
	    "proxy: a machine keeps asking, and no other DHCP server gives it an "
	    "address");
	event_put_i64(ev, "asked", times);
}
