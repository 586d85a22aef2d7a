/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 bytes <-> struct (RFC 2131 2, RFC 2132, RFC 3396).
 *
 * dhcp4_msg_parse() walks the options twice: first it adds up how long each option is
 * over all its parts, then it copies the parts to their places in `store`. Both passes
 * are bounded by the packet's length, which is capped before. The fields `file` and
 * `sname` are walked too when option 52 says that they hold options.
 *
 * Tolerant where real clients err (missing end option, options that nobody knows), strict
 * where a length is a lie: such a packet is dropped as a whole.
 *
 * The dhcp4_msg_put* functions rely on the sticky overflow of struct wbuf: the caller
 * checks once, at the end, and sends nothing that did not fit. */
#include "boot-services/dhcp4_msg.h"

#include <errno.h>
#include <string.h>

/* The option areas in the order in which parts are joined (RFC 3396 5). */
struct area {
	const uint8_t *data;
	size_t len;
};

enum { AREA_OPTIONS, AREA_FILE, AREA_SNAME, AREA_COUNT };

static void
parse_header(struct rbuf *r, struct dhcp4_msg *m, const uint8_t **ret_sname,
    const uint8_t **ret_file)
{
	m->op = rbuf_u8(r);
	m->htype = rbuf_u8(r);
	m->hlen = rbuf_u8(r);
	m->hops = rbuf_u8(r);
	m->xid = rbuf_u32(r);
	m->secs = rbuf_u16(r);
	m->flags = rbuf_u16(r);
	m->ciaddr = rbuf_u32(r);
	m->yiaddr = rbuf_u32(r);
	m->siaddr = rbuf_u32(r);
	m->giaddr = rbuf_u32(r);
	rbuf_copy(r, m->chaddr, sizeof(m->chaddr));
	*ret_sname = rbuf_rest(r);
	rbuf_skip(r, DHCP4_SNAME_SIZE);
	*ret_file = rbuf_rest(r);
	rbuf_skip(r, DHCP4_FILE_SIZE);
}

/* The next option of an area; false at its end. A length past the end marks `r`. */
static bool
next_option(struct rbuf *r, uint8_t *ret_code, struct rbuf *ret_value)
{
	while (rbuf_left(r) > 0) {
		uint8_t code = rbuf_u8(r);

		if (code == DHCP4_OPT_PAD)
			continue;
		if (code == DHCP4_OPT_END)
			return false;
		*ret_code = code;
		*ret_value = rbuf_sub(r, rbuf_u8(r));
		return rbuf_ok(r);
	}
	return false;
}

/* First pass: presence and total length. Returns the overload bits seen. */
static int
measure(const struct area *a, struct dhcp4_msg *m, uint8_t *ret_overload)
{
	struct rbuf r = rbuf_init(a->data, a->len), v;
	uint8_t code;

	while (next_option(&r, &code, &v)) {
		m->opt[code].present = true;
		m->opt[code].len = (uint16_t)(m->opt[code].len + rbuf_left(&v));
		if (code == DHCP4_OPT_OVERLOAD && rbuf_left(&v) == 1)
			*ret_overload = *rbuf_rest(&v);
	}
	return rbuf_ok(&r) ? 0 : -EBADMSG;
}

/* Second pass: `fill[code]` is where the option's next part goes. */
static void
collect(const struct area *a, struct dhcp4_msg *m, uint16_t fill[256])
{
	struct rbuf r = rbuf_init(a->data, a->len), v;
	uint8_t code;

	while (next_option(&r, &code, &v)) {
		size_t n = rbuf_left(&v);

		rbuf_copy(&v, &m->store[fill[code]], n);
		fill[code] = (uint16_t)(fill[code] + n);
	}
}

static int
parse_options(struct area areas[AREA_COUNT], struct dhcp4_msg *m)
{
	uint16_t fill[256], at = 0;
	uint8_t overload = 0, ignored = 0;

	if (measure(&areas[AREA_OPTIONS], m, &overload) < 0)
		return -EBADMSG;
	if (!(overload & DHCP4_OVERLOAD_FILE))
		areas[AREA_FILE].len = 0;
	if (!(overload & DHCP4_OVERLOAD_SNAME))
		areas[AREA_SNAME].len = 0;
	for (int i = AREA_FILE; i < AREA_COUNT; i++) {
		if (measure(&areas[i], m, &ignored) < 0)
			return -EBADMSG;
	}
	for (int code = 0; code < 256; code++) {
		m->opt[code].off = fill[code] = at;
		at = (uint16_t)(at + m->opt[code].len);
	}
	for (int i = 0; i < AREA_COUNT; i++)
		collect(&areas[i], m, fill);
	memset(m->file, 0, sizeof(m->file));
	if (!(overload & DHCP4_OVERLOAD_FILE))
		memcpy(m->file, areas[AREA_FILE].data, DHCP4_FILE_SIZE);
	return 0;
}

int
dhcp4_msg_parse(const void *data, size_t len, struct dhcp4_msg *ret, const char **ret_why)
{
	struct area areas[AREA_COUNT] = {0};
	struct rbuf r = rbuf_init(data, len);

	if (len > DHCP4_RECEIVE_MAX) {
		*ret_why = "the packet is longer than any DHCP message";
		return -EBADMSG;
	}
	if (len < DHCP4_HEADER_SIZE + 4) {
		*ret_why = "the packet is shorter than a DHCP header";
		return -EBADMSG;
	}
	memset(ret->opt, 0, sizeof(ret->opt));
	parse_header(&r, ret, &areas[AREA_SNAME].data, &areas[AREA_FILE].data);
	areas[AREA_SNAME].len = DHCP4_SNAME_SIZE;
	areas[AREA_FILE].len = DHCP4_FILE_SIZE;
	if (rbuf_u32(&r) != DHCP4_COOKIE) {
		*ret_why = "no DHCP magic cookie (plain BOOTP)";
		return -EBADMSG;
	}
	areas[AREA_OPTIONS] = (struct area){rbuf_rest(&r), rbuf_left(&r)};
	if (parse_options(areas, ret) < 0) {
		*ret_why = "an option runs past the end of its field";
		return -EBADMSG;
	}
	ret->type = dhcp4_msg_u8(ret, DHCP4_OPT_MESSAGE_TYPE, 0);
	return 0;
}

bool
dhcp4_msg_has(const struct dhcp4_msg *m, enum dhcp4_opt code)
{
	return m->opt[code].present;
}

struct rbuf
dhcp4_msg_value(const struct dhcp4_msg *m, enum dhcp4_opt code)
{
	return rbuf_init(&m->store[m->opt[code].off], m->opt[code].len);
}

uint8_t
dhcp4_msg_u8(const struct dhcp4_msg *m, enum dhcp4_opt code, uint8_t missing)
{
	struct rbuf r = dhcp4_msg_value(m, code);

	return rbuf_left(&r) == 1 ? rbuf_u8(&r) : missing;
}

uint16_t
dhcp4_msg_u16(const struct dhcp4_msg *m, enum dhcp4_opt code, uint16_t missing)
{
	struct rbuf r = dhcp4_msg_value(m, code);

	return rbuf_left(&r) == 2 ? rbuf_u16(&r) : missing;
}

uint32_t
dhcp4_msg_u32(const struct dhcp4_msg *m, enum dhcp4_opt code, uint32_t missing)
{
	struct rbuf r = dhcp4_msg_value(m, code);

	return rbuf_left(&r) == 4 ? rbuf_u32(&r) : missing;
}

bool
dhcp4_msg_relay(const struct dhcp4_msg *m, enum dhcp4_relay_opt code, struct rbuf *ret)
{
	struct rbuf r = dhcp4_msg_value(m, DHCP4_OPT_RELAY_INFO);

	while (rbuf_left(&r) >= 2) {
		uint8_t sub = rbuf_u8(&r);
		struct rbuf v = rbuf_sub(&r, rbuf_u8(&r));

		if (!rbuf_ok(&r))
			return false;
		if (sub == (uint8_t)code && rbuf_left(&v) > 0) {
			*ret = v;
			return true;
		}
	}
	return false;
}

uint32_t
dhcp4_msg_relay_ip(const struct dhcp4_msg *m, enum dhcp4_relay_opt code)
{
	struct rbuf v;

	if (!dhcp4_msg_relay(m, code, &v) || rbuf_left(&v) != 4)
		return 0;
	return rbuf_u32(&v);
}

const char *
dhcp4_msg_type_name(uint8_t type)
{
	static const char *const names[] = {[DHCP4_DISCOVER] = "discover",
	    [DHCP4_OFFER] = "offer",
	    [DHCP4_REQUEST] = "request",
	    [DHCP4_DECLINE] = "decline",
	    [DHCP4_ACK] = "ack",
	    [DHCP4_NAK] = "nak",
	    [DHCP4_RELEASE] = "release",
	    [DHCP4_INFORM] = "inform"};

	if (type >= ARRAY_SIZE(names) || !names[type])
		return "unknown";
	return names[type];
}

void
dhcp4_msg_begin(
    struct wbuf *w, const struct dhcp4_msg *req, const struct dhcp4_msg_header *h)
{
	char file[DHCP4_FILE_SIZE] = "";

	if (h->file && strlen(h->file) < sizeof(file))
		memcpy(file, h->file, strlen(h->file));
	wbuf_u8(w, DHCP4_BOOTREPLY);
	wbuf_u8(w, req->htype);
	wbuf_u8(w, req->hlen);
	wbuf_u8(w, 0); /* hops */
	wbuf_u32(w, req->xid);
	wbuf_u16(w, 0); /* secs */
	wbuf_u16(w, h->flags);
	wbuf_u32(w, h->ciaddr);
	wbuf_u32(w, h->yiaddr);
	wbuf_u32(w, h->siaddr);
	wbuf_u32(w, req->giaddr);
	wbuf_bytes(w, req->chaddr, sizeof(req->chaddr));
	wbuf_zero(w, DHCP4_SNAME_SIZE);
	wbuf_bytes(w, file, sizeof(file));
	wbuf_u32(w, DHCP4_COOKIE);
}

void
dhcp4_msg_put(struct wbuf *w, enum dhcp4_opt code, const void *value, size_t len)
{
	const uint8_t *p = value;

	do {
		size_t part = len > 255 ? 255 : len;

		wbuf_u8(w, (uint8_t)code);
		wbuf_u8(w, (uint8_t)part);
		wbuf_bytes(w, p, part);
		p += part;
		len -= part;
	} while (len > 0);
}

void
dhcp4_msg_put_u8(struct wbuf *w, enum dhcp4_opt code, uint8_t v)
{
	dhcp4_msg_put(w, code, &v, 1);
}

void
dhcp4_msg_put_u32(struct wbuf *w, enum dhcp4_opt code, uint32_t v)
{
	wbuf_u8(w, (uint8_t)code);
	wbuf_u8(w, 4);
	wbuf_u32(w, v);
}

void
dhcp4_msg_put_text0(struct wbuf *w, enum dhcp4_opt code, const char *s)
{
	dhcp4_msg_put(w, code, s, strlen(s) + 1);
}

void
dhcp4_msg_end(struct wbuf *w)
{
	wbuf_u8(w, DHCP4_OPT_END);
	if (w->len < DHCP4_REPLY_MIN)
		wbuf_zero(w, DHCP4_REPLY_MIN - w->len);
}
