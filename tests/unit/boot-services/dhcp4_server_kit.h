/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of dhcp4_server.c share: dhcp_server_kit.h for DHCPv4. */
#ifndef TESTS_UNIT_DHCP4_SERVER_KIT_H
#define TESTS_UNIT_DHCP4_SERVER_KIT_H

#include "tests/unit/boot-services/dhcp4_kit.h"

#include "tests/unit/boot-services/dhcp_server_kit.h"

static inline void
assert_option(enum dhcp4_opt code, const void *value, size_t len)
{
	struct rbuf v = dhcp4_msg_value(&kit.reply, code);

	assert_true(dhcp4_msg_has(&kit.reply, code));
	assert_octets(v, value, len);
}

static inline void
assert_ignored(const char *part_of_reason)
{
	assert_ignored_as("dhcp4.ignored", part_of_reason);
}

static inline void
discover(const uint8_t mac[6])
{
	kit_begin(&packet, mac, DHCP4_DISCOVER);
}

static inline void
request(const uint8_t mac[6], uint32_t server, uint32_t wanted)
{
	kit_begin(&packet, mac, DHCP4_REQUEST);
	if (server != 0)
		dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_SERVER_ID, server);
	if (wanted != 0)
		dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, wanted);
}

static inline bool
answered(void)
{
	kit_end(&packet);
	return kit_handle(&kit, &packet);
}

#endif
