/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 messages: bytes <-> struct. Pure; every length is checked, nothing is borrowed
 * from the packet. */
#ifndef BOOT_SERVICES_DHCP4_MSG_H
#define BOOT_SERVICES_DHCP4_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/dhcp4_proto.h"
#include "lib/buf.h"
#include "lib/compiler.h"

/* Where an option's value lies in `store`; a code that was not sent has `present` false.
 */
struct dhcp4_msg_value {
	uint16_t off, len;
	bool present;
};

/* Addresses are host order, 0 for none. Options that came in several parts are joined in
 * the order of RFC 3396 5 (options field, then `file`, then `sname`). */
struct dhcp4_msg {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[DHCP4_CHADDR_SIZE];
	uint8_t type; /* option 53, or 0 */
	/* The header's, ended by a NUL; "" when it holds options. As sent: not to be shown unescaped. */
	char file[DHCP4_FILE_SIZE + 1];
	struct dhcp4_msg_value opt[256];
	uint8_t store[DHCP4_RECEIVE_MAX];
};

/* 0, or -EBADMSG with *ret_why saying what is wrong with the packet (constant text). */
int
dhcp4_msg_parse(
    const void *data, size_t len, struct dhcp4_msg *ret, const char **ret_why) MUST_CHECK;

bool
dhcp4_msg_has(const struct dhcp4_msg *m, enum dhcp4_opt code);
/* A cursor over the value; empty when the option was not sent. */
struct rbuf
dhcp4_msg_value(const struct dhcp4_msg *m, enum dhcp4_opt code);
/* The value when it has exactly that size, else `missing`. */
uint8_t
dhcp4_msg_u8(const struct dhcp4_msg *m, enum dhcp4_opt code, uint8_t missing);
uint16_t
dhcp4_msg_u16(const struct dhcp4_msg *m, enum dhcp4_opt code, uint16_t missing);
uint32_t
dhcp4_msg_u32(const struct dhcp4_msg *m, enum dhcp4_opt code, uint32_t missing);
/* A sub-option of option 82; false when absent. Empty values count as absent. */
bool
dhcp4_msg_relay(const struct dhcp4_msg *m, enum dhcp4_relay_opt code, struct rbuf *ret);
/* The same, for the sub-options that hold one address; 0 when absent or of another size.
 */
uint32_t
dhcp4_msg_relay_ip(const struct dhcp4_msg *m, enum dhcp4_relay_opt code);
/* "discover", …; "type-N" never: unknown types are "unknown". */
const char *
dhcp4_msg_type_name(uint8_t type);

/* What a reply's fixed part holds; the rest of it follows from the request. */
struct dhcp4_msg_header {
	uint32_t ciaddr, yiaddr, siaddr;
	uint16_t flags;
	const char *file; /* at most 127 characters, or NULL */
};

/* Starts a reply to `req` (RFC 2131 table 3: op, hops, secs set; htype, hlen, xid, giaddr
 * and chaddr copied), then its cookie. */
void
dhcp4_msg_begin(
    struct wbuf *w, const struct dhcp4_msg *req, const struct dhcp4_msg_header *h);
/* One option; values above 255 octets are split (RFC 3396 7). */
void
dhcp4_msg_put(struct wbuf *w, enum dhcp4_opt code, const void *value, size_t len);
void
dhcp4_msg_put_u8(struct wbuf *w, enum dhcp4_opt code, uint8_t v);
void
dhcp4_msg_put_u32(struct wbuf *w, enum dhcp4_opt code, uint32_t v);
/* Text with its NUL inside the option (boot.md rule 16). */
void
dhcp4_msg_put_text0(struct wbuf *w, enum dhcp4_opt code, const char *s);
/* End option and padding up to DHCP4_REPLY_MIN. */
void
dhcp4_msg_end(struct wbuf *w);

#endif
