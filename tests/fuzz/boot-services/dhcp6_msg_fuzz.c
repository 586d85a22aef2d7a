/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 parser: any octets. What is accepted can be read through every getter, and wrapped for its relays. */
#include <stdint.h>
#include <stdlib.h>

#include "boot-services/dhcp6_class.h"
#include "boot-services/dhcp6_msg.h"
#include "boot-services/dhcp6_socket.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_identity(const struct dhcp6_msg *m)
{
	static const uint8_t source[16] = {
	    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54, 0, 0xff, 0xfe, 0x77, 0, 1};
	struct policy_client client = {.arch = 0};
	struct dhcp6_duid duid = {.len = 0}, again;
	struct dhcp6_class_macs macs;
	char text[DHCP6_DUID_TEXT];
	struct addr_uuid uuid;

	dhcp6_class_client(m, &client);
	if (dhcp6_duid_parse(dhcp6_msg_option(m, DHCP6_OPT_CLIENTID), &duid) == 0) {
		dhcp6_duid_text(&duid, text, sizeof(text));
		if (dhcp6_duid_from_text(text, &again) < 0 ||
		    !dhcp6_duid_eq(&duid, &again))
			abort();
	}
	(void)dhcp6_duid_uuid(&duid, &uuid);
	dhcp6_class_macs(m, &duid, source, &macs);
}

static void
read_everything(const struct dhcp6_msg *m)
{
	struct dhcp6_msg_ia ia;
	size_t total = 0;

	for (size_t i = 0; i < m->n_opts; i++) {
		struct rbuf v = dhcp6_msg_value(m, m->opts[i]);

		total += rbuf_left(&v) + 4;
		(void)dhcp6_msg_wants(m, (enum dhcp6_opt)m->opts[i].code);
	}
	for (size_t i = 0; i < m->n_ias; i++) {
		dhcp6_msg_ia(m, i, &ia);
		if (ia.n_addrs > DHCP6_ADDRS_MAX)
			abort();
	}
	if (total > DHCP6_RECEIVE_MAX || m->n_relays > DHCP6_RELAYS_MAX)
		abort();
	(void)dhcp6_msg_type_name(m->type);
	read_identity(m);
}

static void
wrap(const struct dhcp6_msg *m)
{
	static const uint8_t message[] = {7, 1, 2, 3};
	uint8_t out[DHCP6_PACKET_MAX];
	size_t n = dhcp6_msg_wrap(m, message, sizeof(message), out, sizeof(out));

	if (n != 0 && (n < sizeof(message) + m->n_relays * (DHCP6_RELAY_SIZE + 4) ||
			  out[n - 1] != 3))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dhcp6_msg m;
	struct addr_ip src;
	const char *why = NULL;
	size_t len;

	(void)dhcp6_socket_tap_payload(data, size, 546, &len, &src);
	if (dhcp6_msg_parse(data, size, &m, &why) < 0) {
		if (!why)
			abort();
		return 0;
	}
	read_everything(&m);
	wrap(&m);
	return 0;
}
