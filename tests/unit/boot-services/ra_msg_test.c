/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Router discovery on the wire: RFC 4861 4.1, 4.2, 4.6, 6.1; RFC 8106 5. */
#include "boot-services/ra_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka.h wants those first. */
#include <cmocka.h>

#include "boot-services/ra_proto.h"

static struct ra_msg
full(void)
{
	struct ra_msg m = {.hop_limit = 64,
	    .managed = true,
	    .other = true,
	    .router_s = 1800,
	    .has_mac = true,
	    .mac = {{0x52, 0x54, 0x00, 0x77, 0x00, 0x01}},
	    .mtu = 1400,
	    .n_prefixes = 1,
	    .n_dns = 1,
	    .n_domains = 1,
	    .domains = {"los.example"}};

	assert_int_equal(addr_prefix_parse("fd77::/64", &m.prefixes[0].prefix), 0);
	m.prefixes[0].on_link = true;
	m.prefixes[0].valid_s = 0x11223344;
	m.prefixes[0].preferred_s = 0x01020304;
	assert_int_equal(addr_ip_parse("fd77::1", &m.dns[0]), 0);
	return m;
}

/* Octet by octet, as the RFCs draw them. */
static void
an_advertisement_is_as_drawn(void **state UNUSED)
{
	static const uint8_t expected[] = {134, 0, 0, 0, 64, 0xc0, 0x07, 0x08, 0, 0, 0, 0,
	    0, 0, 0, 0,
	    /* source link-layer address */
	    1, 1, 0x52, 0x54, 0x00, 0x77, 0x00, 0x01,
	    /* MTU */
	    5, 1, 0, 0, 0, 0, 0x05, 0x78,
	    /* prefix: L without A */
	    3, 4, 64, 0x80, 0x11, 0x22, 0x33, 0x44, 0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0,
	    0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    /* RDNSS, 1800 s */
	    25, 3, 0, 0, 0, 0, 0x07, 0x08, 0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 1,
	    /* DNSSL, padded to eight */
	    31, 3, 0, 0, 0, 0, 0x07, 0x08, 3, 'l', 'o', 's', 7, 'e', 'x', 'a', 'm', 'p',
	    'l', 'e', 0, 0, 0, 0};
	struct ra_msg m = full();
	uint8_t out[RA_PACKET_MAX];
	struct wbuf w = wbuf_init(out, sizeof(out));

	assert_true(ra_msg_build(&w, &m));
	assert_int_equal(w.len, sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static void
what_is_built_can_be_read(void **state UNUSED)
{
	struct ra_msg m = full(), got;
	uint8_t out[RA_PACKET_MAX];
	struct wbuf w = wbuf_init(out, sizeof(out));
	const char *why = NULL;
	char text[ADDR_PREFIX_TEXT];

	m.managed = false;
	m.prefixes[0].autonomous = true;
	assert_true(ra_msg_build(&w, &m));
	assert_int_equal(ra_msg_parse(out, w.len, &got, &why), 0);
	assert_false(got.managed);
	assert_true(got.other && got.has_mac && addr_mac_eq(&got.mac, &m.mac));
	assert_int_equal(got.hop_limit, 64);
	assert_int_equal(got.router_s, 1800);
	assert_int_equal(got.mtu, 1400);
	assert_int_equal(got.n_prefixes, 1);
	assert_string_equal(
	    addr_prefix_text(&got.prefixes[0].prefix, text, sizeof(text)), "fd77::/64");
	assert_true(got.prefixes[0].on_link && got.prefixes[0].autonomous);
	assert_int_equal(got.prefixes[0].valid_s, 0x11223344);
	assert_int_equal(got.n_dns, 1);
	assert_true(addr_ip_eq(&got.dns[0], &m.dns[0]));
}

/* The largest there is still fits a packet that every link carries. */
static void
all_that_a_message_holds_fits(void **state UNUSED)
{
	struct ra_msg m = full();
	uint8_t out[RA_PACKET_MAX];
	struct wbuf w = wbuf_init(out, sizeof(out));

	m.n_prefixes = RA_MSG_PREFIXES;
	m.n_dns = RA_MSG_DNS;
	m.n_domains = RA_MSG_DOMAINS;
	for (size_t i = 0; i < RA_MSG_DOMAINS; i++) {
		memset(m.domains[i], 'a', RA_MSG_DOMAIN_SIZE - 1);
		m.domains[i][63] = '.';
	}
	assert_true(ra_msg_build(&w, &m));
	assert_int_equal(w.len % 8, 0);
}

static void
invalid_ones_are_refused(void **state UNUSED)
{
	static const struct {
		size_t len;
		uint8_t octets[32];
	} adverts[] = {
	    {0, {0}}, {15, {134}},		     /* 6.1.2: 16 or more octets */
	    {16, {134, 1}},			     /* code */
	    {16, {133}},			     /* another type */
	    {24, {134, [16] = 1, 0}},		     /* option of length 0 */
	    {24, {134, [16] = 5, 2}},		     /* cut off */
	    {17, {134, [16] = 5}},		     /* half a header */
	    {32, {134, [16] = 200, 1, [24] = 3, 4}}, /* unknown one, then cut off */
	};
	struct ra_msg m = {.mtu = 7};
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(adverts); i++) {
		why = NULL;
		assert_int_equal(
		    ra_msg_parse(adverts[i].octets, adverts[i].len, &m, &why), -EBADMSG);
		assert_non_null(why);
		assert_int_equal(m.mtu, 7);
	}
}

static void
odd_options_are_skipped(void **state UNUSED)
{
	/* Unknown; a prefix, a link-layer address and servers shorter than theirs; a prefix of 129 bits. */
	static const uint8_t octets[] = {134, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 99, 1, 1, 2, 3, 4, 5, 6, 3, 1, 64, 0xc0, 0, 0, 0, 0, 25, 1, 0, 0, 0, 0, 0,
	    9, 3, 4, 129, 0xc0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct ra_msg m;
	const char *why = NULL;

	assert_int_equal(ra_msg_parse(octets, sizeof(octets), &m, &why), 0);
	assert_true(m.other && !m.managed && !m.has_mac);
	assert_int_equal(m.n_prefixes + m.n_dns + m.mtu, 0);
}

static void
solicitations(void **state UNUSED)
{
	static const struct {
		size_t len;
		bool unspecified;
		int result;
		uint8_t octets[16];
	} rows[] = {
	    {8, false, 0, {133}},
	    {8, true, 0, {133}},
	    {16, false, 0, {133, [8] = 1, 1}},
	    {16, true, -EBADMSG, {133, [8] = 1, 1}}, /* 6.1.1 */
	    {16, true, 0, {133, [8] = 14, 1}},	     /* a nonce (RFC 3971) */
	    {7, false, -EBADMSG, {133}},
	    {8, false, -EBADMSG, {133, 1}},
	    {8, false, -EBADMSG, {134}},
	    {16, false, -EBADMSG, {133, [8] = 1, 0}},
	    {16, false, -EBADMSG, {133, [8] = 1, 2}},
	};
	struct addr_mac mac = {{0x52, 0x54, 0, 0, 0, 1}};
	const char *why = NULL;
	uint8_t out[16];
	struct wbuf w = wbuf_init(out, sizeof(out));

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(ra_msg_parse_solicit(rows[i].octets, rows[i].len,
				     rows[i].unspecified, &why),
		    rows[i].result);
	assert_true(ra_msg_build_solicit(&w, &mac));
	assert_int_equal(w.len, 16);
	assert_int_equal(ra_msg_parse_solicit(out, w.len, false, &why), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_advertisement_is_as_drawn),
	    cmocka_unit_test(what_is_built_can_be_read),
	    cmocka_unit_test(all_that_a_message_holds_fits),
	    cmocka_unit_test(invalid_ones_are_refused),
	    cmocka_unit_test(odd_options_are_skipped),
	    cmocka_unit_test(solicitations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
