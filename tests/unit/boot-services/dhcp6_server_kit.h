/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of dhcp6_server.c share: dhcp_server_kit.h for DHCPv6. */
#ifndef TESTS_UNIT_DHCP6_SERVER_KIT_H
#define TESTS_UNIT_DHCP6_SERVER_KIT_H

#include <stdlib.h>

#include "tests/unit/boot-services/dhcp6_kit.h"

#include "tests/unit/boot-services/dhcp_server_kit.h"

static inline void
assert_option(enum dhcp6_opt code, const void *value, size_t len)
{
	struct rbuf v = dhcp6_msg_option(&kit.reply, code);

	assert_true(dhcp6_msg_has(&kit.reply, code));
	assert_octets(v, value, len);
}

static inline void
assert_url(const char *url)
{
	assert_option(DHCP6_OPT_BOOTFILE_URL, url, strlen(url));
	/* EDK2 reads on to the next option's first octet. */
	assert_int_not_equal(
	    kit.reply.opts[kit.reply.n_opts - 1].code, DHCP6_OPT_BOOTFILE_URL);
}

static inline void
assert_ignored(const char *part_of_reason)
{
	assert_ignored_as("dhcp6.ignored", part_of_reason);
}

/* The reply's first IA gives that address, or none when `text` is NULL. */
static inline void
assert_given(const char *text, enum dhcp6_status status)
{
	struct addr_ip ip, want = text ? kit_ip(text) : (struct addr_ip){.family = 0};
	uint16_t got;

	ip = kit_given(&kit, &got);
	assert_true(addr_ip_eq(&ip, &want));
	assert_int_equal(got, status);
}

static inline int
reply_status(void)
{
	struct rbuf v = dhcp6_msg_option(&kit.reply, DHCP6_OPT_STATUS_CODE);

	return rbuf_left(&v) >= 2 ? rbuf_u16(&v) : -1;
}

#endif
