/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 bytes <-> struct (RFC 8415 8, 9, 21).
 *
 * dhcp6_msg_parse() copies the packet and walks it level by level: as long as the message is a
 * Relay-forward it notes the relay's fields and goes on with the message inside, at most
 * DHCP6_RELAYS_MAX times, in a loop. Then it lists the options of the client's message; those inside
 * identity associations are walked too, so that later readers meet no lie about a length.
 *
 * Strict where a length is a lie: such a packet is dropped as a whole. Options that nobody knows pass.
 * The writers rely on the sticky overflow of struct wbuf: the caller checks once, at the end. */
#include "boot-services/dhcp6_msg.h"

#include <errno.h>
#include <string.h>

enum { IA_TA_HEADER = 4, IA_HEADER = 12, IAADDR_SIZE = 24 };

static struct dhcp6_msg_value
place(const struct dhcp6_msg *m, uint16_t code, const struct rbuf *v)
{
	return (struct dhcp6_msg_value){
	    code, (uint16_t)(rbuf_rest(v) - m->store), (uint16_t)rbuf_left(v)};
}

/* The next option; false at the end, or when its length is a lie (which marks `r`). */
static bool
next_option(struct rbuf *r, uint16_t *ret_code, struct rbuf *ret_value)
{
	if (rbuf_left(r) == 0)
		return false;
	*ret_code = rbuf_u16(r);
	*ret_value = rbuf_sub(r, rbuf_u16(r));
	return rbuf_ok(r);
}

/* One Relay-forward: its fields to *relay, the message that it carries to *r. */
static const char *
parse_relay(struct dhcp6_msg *m, struct rbuf *r, struct dhcp6_msg_relay *relay)
{
	struct rbuf v, inner = rbuf_init(NULL, 0);
	size_t carried = 0;
	uint16_t code;

	memset(relay, 0, sizeof(*relay));
	rbuf_skip(r, 1);
	relay->hops = rbuf_u8(r);
	rbuf_copy(r, relay->link, sizeof(relay->link));
	rbuf_copy(r, relay->peer, sizeof(relay->peer));
	while (next_option(r, &code, &v)) {
		switch (code) {
		case DHCP6_OPT_RELAY_MSG:
			inner = v;
			carried++;
			break;
		case DHCP6_OPT_INTERFACE_ID:
			relay->interface_id = place(m, code, &v);
			break;
		case DHCP6_OPT_REMOTE_ID: relay->remote_id = place(m, code, &v); break;
		case DHCP6_OPT_SUBSCRIBER_ID:
			relay->subscriber_id = place(m, code, &v);
			break;
		case DHCP6_OPT_CLIENT_LINKLAYER:
			relay->linklayer = place(m, code, &v);
			break;
		default: break;
		}
	}
	if (!rbuf_ok(r))
		return "a relay's option runs past the end of the packet";
	if (carried != 1)
		return "a relay's message carries no message, or several";
	*r = inner;
	return NULL;
}

static size_t
ia_header(uint16_t code)
{
	switch (code) {
	case DHCP6_OPT_IA_NA:
	case DHCP6_OPT_IA_PD: return IA_HEADER;
	case DHCP6_OPT_IA_TA: return IA_TA_HEADER;
	default: return 0;
	}
}

static bool
check_ia(uint16_t code, struct rbuf ia)
{
	struct rbuf v;
	uint16_t sub;

	rbuf_skip(&ia, ia_header(code));
	while (next_option(&ia, &sub, &v)) {
		if (sub == DHCP6_OPT_IAADDR && rbuf_left(&v) < IAADDR_SIZE)
			return false;
	}
	return rbuf_ok(&ia);
}

static const char *
parse_options(struct dhcp6_msg *m, struct rbuf *r)
{
	struct rbuf v;
	uint16_t code;

	while (next_option(r, &code, &v)) {
		if (m->n_opts == DHCP6_OPTIONS_MAX)
			return "more than 128 options";
		if (ia_header(code) > 0) {
			if (!check_ia(code, v))
				return "an identity association is cut off";
			if (++m->n_ias > DHCP6_IAS_MAX)
				return "more than 8 identity associations";
		}
		m->opts[m->n_opts++] = place(m, code, &v);
	}
	return rbuf_ok(r) ? NULL : "an option runs past the end of the packet";
}

int
dhcp6_msg_parse(const void *data, size_t len, struct dhcp6_msg *ret, const char **ret_why)
{
	struct dhcp6_msg *m = ret;
	const char *why = NULL;
	struct rbuf r;

	if (len > DHCP6_RECEIVE_MAX) {
		*ret_why = "the packet is longer than any DHCPv6 message";
		return -EBADMSG;
	}
	if (len > 0)
		memcpy(m->store, data, len);
	m->n_relays = m->n_opts = m->n_ias = 0;
	m->type = 0;
	m->xid = 0;
	r = rbuf_init(m->store, len);
	while (!why && rbuf_left(&r) >= DHCP6_RELAY_SIZE &&
	       *rbuf_rest(&r) == DHCP6_RELAY_FORW) {
		if (m->n_relays == DHCP6_RELAYS_MAX)
			why = "more than 8 relays passed it on";
		else
			why = parse_relay(m, &r, &m->relays[m->n_relays++]);
	}
	if (!why && rbuf_left(&r) < DHCP6_HEADER_SIZE)
		why = "the message is shorter than a DHCPv6 header";
	if (!why) {
		uint32_t head = rbuf_u32(&r);

		m->type = (uint8_t)(head >> 24);
		m->xid = head & 0xffffff;
		/* A relay's header is another; its type is told of, nothing more. */
		if (m->type != DHCP6_RELAY_FORW && m->type != DHCP6_RELAY_REPL)
			why = parse_options(m, &r);
	}
	if (!why)
		return 0;
	*ret_why = why;
	return -EBADMSG;
}

struct rbuf
dhcp6_msg_value(const struct dhcp6_msg *m, struct dhcp6_msg_value v)
{
	return rbuf_init(&m->store[v.off], v.len);
}

static const struct dhcp6_msg_value *
find(const struct dhcp6_msg *m, enum dhcp6_opt code)
{
	for (size_t i = 0; i < m->n_opts; i++) {
		if (m->opts[i].code == (uint16_t)code)
			return &m->opts[i];
	}
	return NULL;
}

bool
dhcp6_msg_has(const struct dhcp6_msg *m, enum dhcp6_opt code)
{
	return find(m, code) != NULL;
}

struct rbuf
dhcp6_msg_option(const struct dhcp6_msg *m, enum dhcp6_opt code)
{
	const struct dhcp6_msg_value *v = find(m, code);

	return v ? dhcp6_msg_value(m, *v) : rbuf_init(m->store, 0);
}

bool
dhcp6_msg_wants(const struct dhcp6_msg *m, enum dhcp6_opt code)
{
	struct rbuf r = dhcp6_msg_option(m, DHCP6_OPT_ORO);

	while (rbuf_left(&r) >= 2) {
		if (rbuf_u16(&r) == (uint16_t)code)
			return true;
	}
	return false;
}

const char *
dhcp6_msg_type_name(uint8_t type)
{
	static const char *const names[] = {[DHCP6_SOLICIT] = "solicit",
	    [DHCP6_ADVERTISE] = "advertise",
	    [DHCP6_REQUEST] = "request",
	    [DHCP6_CONFIRM] = "confirm",
	    [DHCP6_RENEW] = "renew",
	    [DHCP6_REBIND] = "rebind",
	    [DHCP6_REPLY] = "reply",
	    [DHCP6_RELEASE] = "release",
	    [DHCP6_DECLINE] = "decline",
	    [DHCP6_RECONFIGURE] = "reconfigure",
	    [DHCP6_INFORMATION_REQUEST] = "inform",
	    [DHCP6_RELAY_FORW] = "relay-forward",
	    [DHCP6_RELAY_REPL] = "relay-reply"};

	if (type >= ARRAY_SIZE(names) || !names[type])
		return "unknown";
	return names[type];
}

void
dhcp6_msg_ia(const struct dhcp6_msg *m, size_t nth, struct dhcp6_msg_ia *ret)
{
	struct rbuf r = rbuf_init(m->store, 0), v;
	uint16_t code;

	*ret = (struct dhcp6_msg_ia){.kind = DHCP6_OPT_IA_NA};
	for (size_t i = 0; i < m->n_opts; i++) {
		if (ia_header(m->opts[i].code) == 0 || nth-- > 0)
			continue;
		ret->kind = (enum dhcp6_opt)m->opts[i].code;
		r = dhcp6_msg_value(m, m->opts[i]);
		break;
	}
	if (rbuf_left(&r) == 0)
		return;
	ret->iaid = rbuf_u32(&r);
	rbuf_skip(&r, ia_header((uint16_t)ret->kind) - 4);
	while (next_option(&r, &code, &v)) {
		if (code == DHCP6_OPT_IAADDR && ret->n_addrs < DHCP6_ADDRS_MAX &&
		    ret->kind != DHCP6_OPT_IA_PD)
			rbuf_copy(&v, ret->addrs[ret->n_addrs++], 16);
	}
}

/* --- writing --- */

void
dhcp6_msg_begin(struct wbuf *w, enum dhcp6_type type, uint32_t xid)
{
	wbuf_u32(w, (uint32_t)type << 24 | (xid & 0xffffff));
}

void
dhcp6_msg_put(struct wbuf *w, enum dhcp6_opt code, const void *value, size_t len)
{
	wbuf_u16(w, (uint16_t)code);
	wbuf_u16(w, (uint16_t)len);
	if (len > 0)
		wbuf_bytes(w, value, len);
}

void
dhcp6_msg_put_u32(struct wbuf *w, enum dhcp6_opt code, uint32_t v)
{
	wbuf_u16(w, (uint16_t)code);
	wbuf_u16(w, 4);
	wbuf_u32(w, v);
}

void
dhcp6_msg_put_status(struct wbuf *w, enum dhcp6_status status, const char *text)
{
	wbuf_u16(w, DHCP6_OPT_STATUS_CODE);
	wbuf_u16(w, (uint16_t)(2 + strlen(text)));
	wbuf_u16(w, (uint16_t)status);
	wbuf_str(w, text);
}

void
dhcp6_msg_put_domain(struct wbuf *w, enum dhcp6_opt code, const char *name)
{
	uint8_t wire[256];
	struct wbuf v = wbuf_init(wire, sizeof(wire));

	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		if (n == 0 || n > 63)
			return;
		wbuf_u8(&v, (uint8_t)n);
		wbuf_bytes(&v, name, n);
		name += n + (name[n] == '.');
	}
	wbuf_u8(&v, 0);
	if (wbuf_ok(&v) && v.len > 1 && v.len <= 255)
		dhcp6_msg_put(w, code, wire, v.len);
}

size_t
dhcp6_msg_nest(struct wbuf *w, enum dhcp6_opt code)
{
	wbuf_u16(w, (uint16_t)code);
	wbuf_u16(w, 0);
	return w->len;
}

void
dhcp6_msg_nest_end(struct wbuf *w, size_t at)
{
	size_t len = w->len - at;

	if (!wbuf_ok(w))
		return;
	wbuf_patch_u8(w, at - 2, (uint8_t)(len >> 8));
	wbuf_patch_u8(w, at - 1, (uint8_t)len);
}

/* RFC 8415 19.3: hop-count, link-address, peer-address and the Interface-Id option are copied from the
 * Relay-forward message. */
static void
put_relay(struct wbuf *w, const struct dhcp6_msg *req, const struct dhcp6_msg_relay *r)
{
	struct rbuf id = dhcp6_msg_value(req, r->interface_id);

	wbuf_u8(w, DHCP6_RELAY_REPL);
	wbuf_u8(w, r->hops);
	wbuf_bytes(w, r->link, sizeof(r->link));
	wbuf_bytes(w, r->peer, sizeof(r->peer));
	if (r->interface_id.code != 0)
		dhcp6_msg_put(w, DHCP6_OPT_INTERFACE_ID, rbuf_rest(&id), rbuf_left(&id));
}

size_t
dhcp6_msg_wrap(const struct dhcp6_msg *req, const void *message, size_t len, uint8_t *dst,
    size_t size)
{
	struct wbuf w = wbuf_init(dst, size);
	size_t open[DHCP6_RELAYS_MAX];

	for (size_t i = 0; i < req->n_relays; i++) {
		put_relay(&w, req, &req->relays[i]);
		open[i] = dhcp6_msg_nest(&w, DHCP6_OPT_RELAY_MSG);
	}
	wbuf_bytes(&w, message, len);
	for (size_t i = req->n_relays; i > 0; i--)
		dhcp6_msg_nest_end(&w, open[i - 1]);
	return wbuf_ok(&w) ? w.len : 0;
}
