/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 parser: any octets. What is accepted can be read through every getter and answered. */
#include <stdint.h>
#include <stdlib.h>

#include "boot-services/dhcp4_class.h"
#include "boot-services/dhcp4_msg.h"
#include "boot-services/dhcp4_socket.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_everything(const struct dhcp4_msg *m)
{
	struct policy_client client = {.arch = 0};
	struct dhcp4_class_key key;
	const char *why;
	char text[DHCP4_KEY_TEXT];
	struct rbuf v;
	size_t total = 0;

	for (int code = 0; code < 256; code++) {
		v = dhcp4_msg_value(m, (enum dhcp4_opt)code);
		total += rbuf_left(&v);
		(void)dhcp4_msg_u8(m, (enum dhcp4_opt)code, 0);
		(void)dhcp4_msg_u16(m, (enum dhcp4_opt)code, 0);
		(void)dhcp4_msg_u32(m, (enum dhcp4_opt)code, 0);
		(void)dhcp4_msg_relay(m, (enum dhcp4_relay_opt)code, &v);
	}
	if (total > DHCP4_RECEIVE_MAX)
		abort();
	(void)dhcp4_msg_type_name(m->type);
	dhcp4_class_client(m, &client);
	if (dhcp4_class_key(m, &key, &why) == 0) {
		struct dhcp4_class_key again;

		dhcp4_class_key_text(&key, text, sizeof(text));
		if (dhcp4_class_key_parse(text, __builtin_strlen(text), &again) < 0 ||
		    !dhcp4_class_key_eq(&key, &again))
			abort();
	}
}

/* What was read is written again, and reads the same. */
static void
round_trip(const struct dhcp4_msg *m)
{
	static struct dhcp4_msg again;
	uint8_t out[2 * DHCP4_RECEIVE_MAX];
	struct wbuf w = wbuf_init(out, sizeof(out));
	struct dhcp4_msg_header h = {.ciaddr = m->ciaddr, .flags = m->flags};
	const char *why;

	dhcp4_msg_begin(&w, m, &h);
	for (int code = 1; code < 255; code++) {
		struct rbuf v = dhcp4_msg_value(m, (enum dhcp4_opt)code);

		if (dhcp4_msg_has(m, (enum dhcp4_opt)code) && code != DHCP4_OPT_OVERLOAD)
			dhcp4_msg_put(
			    &w, (enum dhcp4_opt)code, rbuf_rest(&v), rbuf_left(&v));
	}
	dhcp4_msg_end(&w);
	if (!wbuf_ok(&w) || w.len > DHCP4_RECEIVE_MAX)
		return;
	if (dhcp4_msg_parse(out, w.len, &again, &why) < 0 || again.xid != m->xid)
		abort();
	for (int code = 1; code < 255; code++) {
		if (code != DHCP4_OPT_OVERLOAD && again.opt[code].len != m->opt[code].len)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dhcp4_msg m;
	const char *why = NULL;
	size_t len;
	uint32_t src;

	(void)dhcp4_socket_tap_payload(data, size, 68, &len, &src);
	if (dhcp4_msg_parse(data, size, &m, &why) < 0) {
		if (!why)
			abort();
		return 0;
	}
	read_everything(&m);
	round_trip(&m);
	return 0;
}
