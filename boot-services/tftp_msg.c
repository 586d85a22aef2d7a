/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TFTP packets, bytes <-> struct (RFC 1350 5, RFC 2347).
 *
 * Entry points: tftp_msg_parse() for whatever arrived, tftp_msg_build_*() for what goes
 * out. Nothing is owned; DATA is borrowed from the packet. A packet that is not
 * understood as a whole is refused as a whole: the caller never sees half a request.
 * Options are another matter: RFC 2347 has a server ignore what it does not know, and
 * firmware is known to pad requests, so a bad option is left out and the rest of the
 * request stands. */
#include "boot-services/tftp_msg.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"

enum { OPTION_NAME_SIZE = 16, OPTION_VALUE_SIZE = 24 };

static void
take_option(struct tftp_options *o, const char *name, const char *value)
{
	int64_t v;

	/* A repeated option counts once (RFC 2347: "An option may only be specified
	 * once"). */
	if (strcasecmp(name, "blksize") == 0 && o->blksize == 0 &&
	    str_to_i64(value, TFTP_BLKSIZE_MIN, INT32_MAX, &v) == 0)
		o->blksize = (uint16_t)(v > TFTP_BLKSIZE_MAX ? TFTP_BLKSIZE_MAX : v);
	else if (strcasecmp(name, "windowsize") == 0 && o->windowsize == 0 &&
		 str_to_i64(value, TFTP_WINDOW_MIN, TFTP_WINDOW_MAX, &v) == 0)
		o->windowsize = (uint16_t)v;
	else if (strcasecmp(name, "timeout") == 0 && o->timeout_s == 0 &&
		 str_to_i64(value, TFTP_TIMEOUT_MIN_S, TFTP_TIMEOUT_MAX_S, &v) == 0)
		o->timeout_s = (uint16_t)v;
	else if (strcasecmp(name, "tsize") == 0 && !o->has_tsize &&
		 str_to_i64(value, 0, INT64_MAX, &v) == 0) {
		o->has_tsize = true;
		o->tsize = v;
	}
}

/* Skips one string of any length; false when its end is missing. */
static bool
skip_string(struct rbuf *r)
{
	const uint8_t *end = memchr(rbuf_rest(r), 0, rbuf_left(r));

	if (end == NULL)
		return false;
	rbuf_skip(r, (size_t)(end - rbuf_rest(r)) + 1);
	return true;
}

/* Name and value pairs up to the end. A pair that is cut off, as by firmware that pads
 * its requests, ends the list; a pair too long for any known option is passed over. */
static void
parse_options(struct rbuf *r, struct tftp_options *o)
{
	while (rbuf_left(r) > 0) {
		struct rbuf pair = *r;
		char name[OPTION_NAME_SIZE], value[OPTION_VALUE_SIZE];

		if (!skip_string(r) || !skip_string(r))
			return;
		rbuf_cstr(&pair, name, sizeof name);
		rbuf_cstr(&pair, value, sizeof value);
		if (rbuf_ok(&pair) && name[0] != '\0')
			take_option(o, name, value);
	}
}

static int
parse_rrq(struct rbuf *r, struct tftp_request *req)
{
	char mode[TFTP_MODE_SIZE];

	rbuf_cstr(r, req->name, sizeof req->name);
	if (!rbuf_ok(r) || req->name[0] == '\0')
		return -EBADMSG;
	rbuf_cstr(r, mode, sizeof mode);
	if (!rbuf_ok(r))
		return -EBADMSG;
	/* RFC 1350 5: "any combination of upper and lower case". */
	if (strcasecmp(mode, "octet") == 0)
		req->mode = TFTP_MODE_OCTET;
	else if (strcasecmp(mode, "netascii") == 0)
		req->mode = TFTP_MODE_NETASCII;
	else
		return -EPROTONOSUPPORT;
	parse_options(r, &req->opts);
	return 0;
}

static int
parse_error(struct rbuf *r, struct tftp_msg *m)
{
	const char *text;
	size_t n;

	m->error = rbuf_u16(r);
	if (!rbuf_ok(r))
		return -EBADMSG;
	/* Some clients leave the terminator out; the code is what counts. */
	text = (const char *)rbuf_rest(r);
	n = strnlen(text, rbuf_left(r));
	str_escape(m->text, sizeof m->text, text, n);
	return 0;
}

int
tftp_msg_parse(const void *pkt, size_t len, struct tftp_msg *ret)
{
	struct rbuf r = rbuf_init(pkt, len);
	struct tftp_msg m = {0};
	uint16_t op = rbuf_u16(&r);
	int err = 0;

	if (!rbuf_ok(&r) || op < TFTP_OP_RRQ || op > TFTP_OP_OACK)
		return -EBADMSG;
	m.op = (enum tftp_opcode)op;
	switch (m.op) {
	case TFTP_OP_RRQ:
		err = len > TFTP_RRQ_MAX ? -EBADMSG : parse_rrq(&r, &m.req);
		break;
	case TFTP_OP_WRQ: return -EROFS;
	case TFTP_OP_DATA:
		m.block = rbuf_u16(&r);
		m.data = rbuf_rest(&r);
		m.data_len = rbuf_left(&r);
		break;
	case TFTP_OP_ACK: m.block = rbuf_u16(&r); break;
	case TFTP_OP_ERROR: err = parse_error(&r, &m); break;
	case TFTP_OP_OACK: parse_options(&r, &m.oack); break;
	}
	if (err != 0)
		return err;
	if (!rbuf_ok(&r))
		return -EBADMSG;
	*ret = m;
	return 0;
}

static void
put_option(struct wbuf *w, const char *name, int64_t value)
{
	char text[OPTION_VALUE_SIZE];

	snprintf(text, sizeof text, "%" PRId64, value);
	wbuf_str(w, name);
	wbuf_u8(w, 0);
	wbuf_str(w, text);
	wbuf_u8(w, 0);
}

static void
put_options(struct wbuf *w, const struct tftp_options *o)
{
	if (o->blksize != 0)
		put_option(w, "blksize", o->blksize);
	if (o->has_tsize)
		put_option(w, "tsize", o->tsize);
	if (o->timeout_s != 0)
		put_option(w, "timeout", o->timeout_s);
	if (o->windowsize != 0)
		put_option(w, "windowsize", o->windowsize);
}

static size_t
built(const struct wbuf *w, size_t start)
{
	return wbuf_ok(w) ? w->len - start : 0;
}

size_t
tftp_msg_build_rrq(struct wbuf *w, const struct tftp_request *req)
{
	size_t start = w->len;

	wbuf_u16(w, TFTP_OP_RRQ);
	wbuf_str(w, req->name);
	wbuf_u8(w, 0);
	wbuf_str(w, req->mode == TFTP_MODE_NETASCII ? "netascii" : "octet");
	wbuf_u8(w, 0);
	put_options(w, &req->opts);
	return built(w, start);
}

size_t
tftp_msg_build_oack(struct wbuf *w, const struct tftp_options *opts)
{
	size_t start = w->len;

	wbuf_u16(w, TFTP_OP_OACK);
	put_options(w, opts);
	return built(w, start);
}

size_t
tftp_msg_build_error(struct wbuf *w, enum tftp_error code, const char *text)
{
	size_t start = w->len;

	wbuf_u16(w, TFTP_OP_ERROR);
	wbuf_u16(w, (uint16_t)code);
	wbuf_str(w, text);
	wbuf_u8(w, 0);
	return built(w, start);
}

size_t
tftp_msg_build_ack(struct wbuf *w, uint16_t block)
{
	size_t start = w->len;

	wbuf_u16(w, TFTP_OP_ACK);
	wbuf_u16(w, block);
	return built(w, start);
}

size_t
tftp_msg_build_data_header(struct wbuf *w, uint16_t block)
{
	size_t start = w->len;

	wbuf_u16(w, TFTP_OP_DATA);
	wbuf_u16(w, block);
	return built(w, start);
}

size_t
tftp_msg_netascii(uint8_t *dst, const uint8_t *src, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (src[i] == '\n')
			dst[n++] = '\r';
		dst[n++] = src[i];
		if (src[i] == '\r')
			dst[n++] = '\0';
	}
	return n;
}
