/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of dhcp4_server.c share: one server, one packet, and what is expected of the answer. Each
 * test gets a fresh server from setup(). */
#ifndef TESTS_UNIT_DHCP4_SERVER_KIT_H
#define TESTS_UNIT_DHCP4_SERVER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/boot-services/dhcp4_kit.h"

static struct kit kit;
static struct kit_packet packet;

static inline int
setup(void **state)
{
	(void)state;
	kit_start(&kit, 40);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	kit_stop(&kit);
	return 0;
}

static inline void
assert_option(enum dhcp4_opt code, const void *value, size_t len)
{
	struct rbuf v = dhcp4_msg_value(&kit.reply, code);

	assert_true(dhcp4_msg_has(&kit.reply, code));
	assert_int_equal(rbuf_left(&v), len);
	assert_memory_equal(rbuf_rest(&v), value, len);
}

static inline void
assert_ignored(const char *part_of_reason)
{
	assert_false(kit.tx.reply);
	assert_string_equal(kit.tx.seen.kind, "dhcp4.ignored");
	assert_non_null(strstr(kit.tx.seen.reason, part_of_reason));
}

static inline const char *
detail(const struct event *ev, const char *key)
{
	const char *s = json_string_value(json_object_get(ev->detail, key));

	return s ? s : "";
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
