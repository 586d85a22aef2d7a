/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of both DHCP servers share: one server, one packet, and what is expected of the answer. Each test
 * gets a fresh server from setup(). Included after the kit of a family, whose packets and server it takes. */
#ifndef TESTS_UNIT_DHCP_SERVER_KIT_H
#define TESTS_UNIT_DHCP_SERVER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

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
assert_octets(struct rbuf v, const void *value, size_t len)
{
	assert_int_equal(rbuf_left(&v), len);
	assert_memory_equal(rbuf_rest(&v), value, len);
}

static inline void
assert_ignored_as(const char *kind, const char *part_of_reason)
{
	assert_false(kit.tx.reply);
	assert_string_equal(kit.tx.seen.kind, kind);
	assert_non_null(strstr(kit.tx.seen.reason, part_of_reason));
}

static inline const char *
detail(const struct event *ev, const char *key)
{
	const char *s = json_string_value(json_object_get(ev->detail, key));

	return s ? s : "";
}

#endif
