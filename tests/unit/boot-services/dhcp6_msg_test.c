/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 messages: what is read, what is refused, what is written, relays within relays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/boot-services/dhcp6_kit.h"

static struct dhcp6_msg m;
static struct kit_packet p;

static int
parse(const char **ret_why)
{
	*ret_why = "";
	return dhcp6_msg_parse(p.data, p.w.len, &m, ret_why);
}

static void
assert_refused(const char *part)
{
	const char *why;

	assert_int_not_equal(parse(&why), 0);
	assert_non_null(strstr(why, part));
}

static void
begin_relay(uint8_t hops, size_t *ret_at)
{
	wbuf_u8(&p.w, DHCP6_RELAY_FORW);
	wbuf_u8(&p.w, hops);
	wbuf_zero(&p.w, 31);
	wbuf_u8(&p.w, hops); /* the peer's last octet */
	*ret_at = dhcp6_msg_nest(&p.w, DHCP6_OPT_RELAY_MSG);
}

static void
nest(size_t depth)
{
	size_t at[16];

	memset(&p, 0, sizeof(p));
	p.w = wbuf_init(p.data, sizeof(p.data));
	for (size_t i = 0; i < depth; i++)
		begin_relay((uint8_t)(depth - i), &at[i]);
	dhcp6_msg_begin(&p.w, DHCP6_SOLICIT, 0x123456);
	dhcp6_msg_put(&p.w, DHCP6_OPT_CLIENTID, "\0\3\0\1abcdef", 10);
	for (size_t i = depth; i > 0; i--)
		dhcp6_msg_nest_end(&p.w, at[i - 1]);
}

static void
reads_a_message(void **state)
{
	struct addr_ip ip = kit_ip("fd77::5");
	struct dhcp6_msg_ia ia;
	const char *why;

	(void)state;
	kit_begin_client(&p, DHCP6_REQUEST, kit_mac_edge);
	kit_put_ia(&p, 7, &ip);
	kit_put_pxe(&p);
	assert_int_equal(parse(&why), 0);
	assert_int_equal(m.type, DHCP6_REQUEST);
	assert_int_equal(m.xid, 0x1b760c);
	assert_int_equal(m.n_relays, 0);
	assert_int_equal(m.n_ias, 1);
	dhcp6_msg_ia(&m, 0, &ia);
	assert_int_equal(ia.iaid, 7);
	assert_int_equal(ia.n_addrs, 1);
	assert_memory_equal(ia.addrs[0], ip.b, 16);
	assert_true(dhcp6_msg_wants(&m, DHCP6_OPT_BOOTFILE_URL));
	assert_false(dhcp6_msg_wants(&m, DHCP6_OPT_DOMAIN_LIST));
	assert_false(dhcp6_msg_has(&m, DHCP6_OPT_SERVERID));
}

static void
relays_are_unwrapped_and_wrapped(void **state)
{
	uint8_t out[DHCP6_PACKET_MAX];
	const char *why;
	size_t n;

	(void)state;
	for (size_t depth = 0; depth <= DHCP6_RELAYS_MAX; depth++) {
		nest(depth);
		assert_int_equal(parse(&why), 0);
		assert_int_equal(m.n_relays, depth);
		assert_int_equal(m.type, DHCP6_SOLICIT);
		assert_int_equal(m.xid, 0x123456);
		if (depth > 0)
			assert_int_equal(m.relays[depth - 1].hops, 1);
		n = dhcp6_msg_wrap(&m, "\7abc", 4, out, sizeof(out));
		assert_int_equal(n, 4 + depth * (DHCP6_RELAY_SIZE + 4));
		assert_memory_equal(out + n - 4, "\7abc", 4);
		for (size_t i = 0; i < depth; i++) {
			const uint8_t *r = out + i * (DHCP6_RELAY_SIZE + 4);

			assert_int_equal(r[0], DHCP6_RELAY_REPL);
			assert_int_equal(r[1], depth - i);
			assert_int_equal(r[33], depth - i);
		}
	}
	nest(DHCP6_RELAYS_MAX + 1);
	assert_refused("more than 8 relays");
	nest(3);
	assert_int_equal(parse(&why), 0);
	assert_int_equal(dhcp6_msg_wrap(&m, out, 1400, out, 1452), 0);
}

static void
relays_without_a_message(void **state)
{
	size_t at;

	(void)state;
	memset(&p, 0, sizeof(p));
	p.w = wbuf_init(p.data, sizeof(p.data));
	begin_relay(1, &at);
	p.w.len -= 4;
	assert_refused("carries no message");
	wbuf_u32(&p.w, 0x00090004);
	wbuf_u32(&p.w, 0x01000000);
	wbuf_u32(&p.w, 0x00090004);
	wbuf_u32(&p.w, 0x01000000);
	assert_refused("or several");
}

static void
lies_about_lengths(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *why;
	} rows[] = {
	    {"", 0, "shorter"},
	    {"\1\0\0", 3, "shorter"},
	    {"\1\0\0\1\0", 5, "past the end"},
	    {"\1\0\0\1\0\1\0\5abcd", 12, "past the end"},
	    {"\1\0\0\1\0\3\0\13aaaabbbbccc", 19, "cut off"},
	    {"\1\0\0\1\0\3\0\20aaaabbbbcccc\0\5\0\1", 24, "cut off"},
	    {"\1\0\0\1\0\3\0\24aaaabbbbcccc\0\5\0\4abcd", 28, "cut off"},
	    {"\1\0\0\1\0\4\0\3aaa", 11, "cut off"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(p.data, rows[i].octets, rows[i].len);
		p.w.len = rows[i].len;
		assert_refused(rows[i].why);
	}
	p.w.len = DHCP6_RECEIVE_MAX + 1;
	assert_refused("longer than any");
}

static void
too_much_of_it(void **state)
{
	(void)state;
	kit_begin(&p, DHCP6_SOLICIT);
	for (int i = 0; i <= DHCP6_IAS_MAX; i++)
		kit_put_ia(&p, (uint32_t)i, NULL);
	assert_refused("more than 8 identity");
	kit_begin(&p, DHCP6_SOLICIT);
	for (int i = 0; i <= DHCP6_OPTIONS_MAX; i++)
		dhcp6_msg_put(&p.w, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
	assert_refused("more than 128 options");
}

static void
domains_are_labels(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} rows[] = {{"los.example", 13}, {"los.example.", 13}, {"a", 3}, {"", 0},
	    {"a..b", 0}, {".", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		kit_begin(&p, DHCP6_REPLY);
		dhcp6_msg_put_domain(&p.w, DHCP6_OPT_DOMAIN_LIST, rows[i].name);
		assert_int_equal(p.w.len, 4 + (rows[i].len ? rows[i].len + 4 : 0));
	}
	kit_begin(&p, DHCP6_REPLY);
	dhcp6_msg_put_domain(&p.w, DHCP6_OPT_DOMAIN_LIST, "los.example");
	assert_memory_equal(p.data + 8, "\3los\7example", 13);
}

static void
types_have_names(void **state)
{
	(void)state;
	assert_string_equal(dhcp6_msg_type_name(DHCP6_INFORMATION_REQUEST), "inform");
	assert_string_equal(dhcp6_msg_type_name(0), "unknown");
	assert_string_equal(dhcp6_msg_type_name(200), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_a_message),
	    cmocka_unit_test(relays_are_unwrapped_and_wrapped),
	    cmocka_unit_test(relays_without_a_message),
	    cmocka_unit_test(lies_about_lengths),
	    cmocka_unit_test(too_much_of_it),
	    cmocka_unit_test(domains_are_labels),
	    cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
