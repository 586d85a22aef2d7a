/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 messages: bytes <-> struct, with the relays that they came through. Pure; every length is
 * checked, nothing is borrowed from the packet. */
#ifndef BOOT_SERVICES_DHCP6_MSG_H
#define BOOT_SERVICES_DHCP6_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/dhcp6_proto.h"
#include "lib/buf.h"
#include "lib/compiler.h"

/* Where a value lies in `store`. */
struct dhcp6_msg_value {
	uint16_t code, off, len;
};

/* One Relay-forward message; what it carried besides the next message. A length of 0: not there. */
struct dhcp6_msg_relay {
	uint8_t hops;
	uint8_t link[16], peer[16];
	struct dhcp6_msg_value interface_id, remote_id, subscriber_id, linklayer;
};

struct dhcp6_msg {
	struct dhcp6_msg_relay relays[DHCP6_RELAYS_MAX]; /* the outermost first */
	size_t n_relays;
	uint8_t type; /* of the client's message */
	uint32_t xid; /* 24 bits */
	struct dhcp6_msg_value opts[DHCP6_OPTIONS_MAX];
	size_t n_opts;
	size_t n_ias; /* of all three kinds */
	uint8_t store[DHCP6_RECEIVE_MAX];
};

/* 0, or -EBADMSG with *ret_why (constant text). */
int
dhcp6_msg_parse(
    const void *data, size_t len, struct dhcp6_msg *ret, const char **ret_why) MUST_CHECK;

bool
dhcp6_msg_has(const struct dhcp6_msg *m, enum dhcp6_opt code);
/* A cursor over the value of the first such option; empty when there is none. */
struct rbuf
dhcp6_msg_option(const struct dhcp6_msg *m, enum dhcp6_opt code);
/* The same of a place in the message. */
struct rbuf
dhcp6_msg_value(const struct dhcp6_msg *m, struct dhcp6_msg_value v);
/* Does option 6 name it? */
bool
dhcp6_msg_wants(const struct dhcp6_msg *m, enum dhcp6_opt code);
/* "solicit", …, "unknown". */
const char *
dhcp6_msg_type_name(uint8_t type);

/* An identity association of the client (RFC 8415 21.4, 21.5, 21.21). */
struct dhcp6_msg_ia {
	enum dhcp6_opt kind; /* IA_NA, IA_TA or IA_PD */
	uint32_t iaid;
	uint8_t addrs[DHCP6_ADDRS_MAX]
		     [16]; /* of IA_NA and IA_TA; what is more is left out */
	size_t n_addrs;
};

/* The nth one, n < m->n_ias. */
void
dhcp6_msg_ia(const struct dhcp6_msg *m, size_t nth, struct dhcp6_msg_ia *ret);

/* A message to a client; options follow. */
void
dhcp6_msg_begin(struct wbuf *w, enum dhcp6_type type, uint32_t xid);
void
dhcp6_msg_put(struct wbuf *w, enum dhcp6_opt code, const void *value, size_t len);
void
dhcp6_msg_put_u32(struct wbuf *w, enum dhcp6_opt code, uint32_t v);
void
dhcp6_msg_put_status(struct wbuf *w, enum dhcp6_status status, const char *text);
/* A domain name as a list of labels (RFC 8415 10); nothing when it is not one. */
void
dhcp6_msg_put_domain(struct wbuf *w, enum dhcp6_opt code, const char *name);
/* An option whose length is known later: begin returns what end wants. */
size_t
dhcp6_msg_nest(struct wbuf *w, enum dhcp6_opt code);
void
dhcp6_msg_nest_end(struct wbuf *w, size_t at);
/* Wraps a finished message into one Relay-reply for each relay of `req`, in the order of RFC 8415 19.3.
 * The result's length, or 0 when it does not fit. */
size_t
dhcp6_msg_wrap(const struct dhcp6_msg *req, const void *message, size_t len, uint8_t *dst,
    size_t size) MUST_CHECK;

#endif
