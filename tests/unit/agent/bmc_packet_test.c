/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets against what ipmitool and ipmi_sim exchanged (bmc_capture.h): ours must be the same octets,
 * theirs must parse, and every change of one bit in a protected reply must be noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/bmc_packet.h"
#include "tests/unit/agent/bmc_capture.h"

struct bytes {
	uint8_t b[256];
	size_t n;
};

static struct bytes
unhex(const char *text)
{
	struct bytes r = {.n = strlen(text) / 2};
	unsigned v;

	assert_true(r.n <= sizeof r.b);
	for (size_t i = 0; i < r.n; i++) {
		assert_int_equal(sscanf(text + 2 * i, "%2x", &v), 1);
		r.b[i] = (uint8_t)v;
	}
	return r;
}

static int
setup(void **state)
{
	struct error err;

	*state = bmc_packet_new(rng_seeded(1), &err);
	return *state == NULL;
}

static int
teardown(void **state)
{
	bmc_packet_free(*state);
	return 0;
}

/* The handshake of a capture, up to what `h` holds after RAKP 2. */
static void
replay(struct bmc_packet *p, const struct bmc_capture *c, struct bmc_handshake *h,
    struct bmc_rakp_rs *rakp2)
{
	struct bytes b = unhex(c->open_rs);
	struct bmc_open_rs open;

	memset(h, 0, sizeof *h);
	h->user = "admin";
	h->password = "secret17";
	h->privilege = BMC_PRIVILEGE_ADMIN;
	assert_int_equal(bmc_packet_parse_open(p, b.b, b.n, &open), 0);
	assert_int_equal(open.status, 0);
	assert_int_equal(open.auth, bmc_packet_suite(c->suite)->auth);
	h->console_id = open.console_id;
	h->bmc_id = open.bmc_id;
	b = unhex(c->rakp1);
	memcpy(h->console_random, b.b + 24, sizeof h->console_random);
	b = unhex(c->rakp2);
	assert_int_equal(bmc_packet_parse_rakp2(p, b.b, b.n, rakp2), 0);
	assert_int_equal(rakp2->console_id, h->console_id);
	memcpy(h->bmc_random, rakp2->random, sizeof h->bmc_random);
	memcpy(h->guid, rakp2->guid, sizeof h->guid);
}

static void
same_octets(const char *hex, const uint8_t *pkt, int n)
{
	struct bytes want = unhex(hex);

	assert_int_equal(n, want.n);
	assert_memory_equal(pkt, want.b, want.n);
}

static void
our_setup_packets_are_ipmitools(void **state)
{
	uint8_t pkt[BMC_PROTO_PACKET_MAX];
	struct bmc_handshake h;
	struct bmc_rakp_rs rakp2;

	for (size_t i = 0; i < ARRAY_SIZE(bmc_captures); i++) {
		const struct bmc_capture *c = &bmc_captures[i];
		const struct bmc_suite *suite = bmc_packet_suite(c->suite);

		replay(*state, c, &h, &rakp2);
		same_octets(c->open_rq, pkt,
		    bmc_packet_open(
			*state, 0, BMC_PRIVILEGE_HIGHEST, h.console_id, suite, pkt));
		same_octets(c->rakp1, pkt, bmc_packet_rakp1(*state, 0, &h, pkt));
		same_octets(c->rakp3, pkt,
		    bmc_packet_rakp3(*state, 0, BMC_STATUS_OK, suite, &h, pkt));
	}
}

static void
their_proofs_hold_for_the_right_password_only(void **state)
{
	struct bmc_handshake h;
	struct bmc_rakp_rs rakp2, rakp4;
	struct bmc_keys keys;

	for (size_t i = 0; i < ARRAY_SIZE(bmc_captures); i++) {
		const struct bmc_capture *c = &bmc_captures[i];
		const struct bmc_suite *suite = bmc_packet_suite(c->suite);
		struct bytes b = unhex(c->rakp4);

		replay(*state, c, &h, &rakp2);
		assert_true(bmc_packet_rakp2_holds(*state, suite, &h, &rakp2));
		assert_int_equal(bmc_packet_session_keys(suite, &h, &keys), 0);
		assert_int_equal(bmc_packet_parse_rakp4(*state, b.b, b.n, &rakp4), 0);
		assert_true(bmc_packet_rakp4_holds(*state, suite, &h, &keys, &rakp4));
		rakp4.proof[0] ^= 1;
		assert_false(bmc_packet_rakp4_holds(*state, suite, &h, &keys, &rakp4));
		h.password = "secret18";
		assert_false(bmc_packet_rakp2_holds(*state, suite, &h, &rakp2));
		h.password = "secret17";
		h.privilege = BMC_PRIVILEGE_OPERATOR;
		assert_false(bmc_packet_rakp2_holds(*state, suite, &h, &rakp2));
		rakp2.proof_len = 0;
		assert_false(bmc_packet_rakp2_holds(*state, suite, &h, &rakp2));
	}
}

static void
their_replies_are_read_and_no_bit_may_change(void **state)
{
	struct bmc_handshake h;
	struct bmc_rakp_rs rakp2;
	struct bmc_keys keys;
	struct bmc_reply rs;

	for (size_t i = 0; i < ARRAY_SIZE(bmc_captures); i++) {
		const struct bmc_capture *c = &bmc_captures[i];
		const struct bmc_suite *suite = bmc_packet_suite(c->suite);
		struct bytes b = unhex(c->device_rs);

		replay(*state, c, &h, &rakp2);
		assert_int_equal(bmc_packet_session_keys(suite, &h, &keys), 0);
		assert_int_equal(bmc_packet_parse_reply(
				     *state, suite, &keys, h.console_id, b.b, b.n, &rs),
		    0);
		assert_int_equal(rs.netfn, BMC_NETFN_APP | 1);
		assert_int_equal(rs.cmd, BMC_CMD_GET_DEVICE_ID);
		assert_int_equal(rs.code, 0);
		assert_int_equal(rs.sequence, 3);
		assert_true(rs.len >= 11);
		assert_int_equal(rs.data[6] | rs.data[7] << 8, 0x1291);
		assert_int_equal(bmc_packet_parse_reply(*state, suite, &keys,
				     h.console_id + 1, b.b, b.n, &rs),
		    -EBADMSG);
		for (size_t bit = 8 * 4; bit < 8 * b.n; bit++) {
			struct bytes x = b;

			x.b[bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_int_equal(bmc_packet_parse_reply(*state, suite, &keys,
					     h.console_id, x.b, x.n, &rs),
			    -EBADMSG);
		}
		for (size_t n = 0; n < b.n; n++)
			assert_int_equal(bmc_packet_parse_reply(*state, suite, &keys,
					     h.console_id, b.b, n, &rs),
			    -EBADMSG);
	}
}

static void
short_error_answers_carry_their_status(void **state)
{
	/* What ipmi_sim answers to suite 17, and bmcsim to an unknown user. */
	struct bytes open = unhex("0600ff0706110000000000000000080007040000a4a3a2a0");
	struct bytes rakp2 = unhex("0600ff07061300000000000000000800090d0000a4a3a2a0");
	struct bmc_open_rs o;
	struct bmc_rakp_rs r;

	assert_int_equal(bmc_packet_parse_open(*state, open.b, open.n, &o), 0);
	assert_int_equal(o.tag, 7);
	assert_int_equal(o.status, BMC_STATUS_INVALID_AUTH);
	assert_int_equal(bmc_packet_parse_rakp2(*state, rakp2.b, rakp2.n, &r), 0);
	assert_int_equal(r.tag, 9);
	assert_int_equal(r.status, BMC_STATUS_UNAUTHORIZED_NAME);
	assert_int_equal(bmc_packet_parse_rakp4(*state, rakp2.b, rakp2.n, &r), -EBADMSG);
	assert_int_equal(bmc_packet_parse_rakp2(*state, open.b, open.n, &r), -EBADMSG);
}

static void
truncated_setup_answers_are_refused(void **state)
{
	struct bmc_open_rs o;
	struct bmc_rakp_rs r;

	for (size_t i = 0; i < ARRAY_SIZE(bmc_captures); i++) {
		struct bytes open = unhex(bmc_captures[i].open_rs),
			     rakp2 = unhex(bmc_captures[i].rakp2);

		for (size_t n = 0; n < 40; n++)
			assert_int_equal(
			    bmc_packet_parse_open(*state, open.b, n, &o), -EBADMSG);
		for (size_t n = 0; n < 56; n++)
			assert_int_equal(
			    bmc_packet_parse_rakp2(*state, rakp2.b, n, &r), -EBADMSG);
	}
}

static void
only_two_suites_exist(void **state)
{
	(void)state;
	for (int id = -1; id < 256; id++)
		assert_int_equal(bmc_packet_suite(id) != NULL, id == 3 || id == 17);
}

static void
a_refusing_rakp3_has_no_proof(void **state)
{
	struct bmc_handshake h = {
	    .bmc_id = 0x01020304, .user = "admin", .password = "secret17"};
	uint8_t pkt[BMC_PROTO_PACKET_MAX];

	same_octets("0600ff0706140000000000000000080005120000"
		    "04030201",
	    pkt,
	    bmc_packet_rakp3(
		*state, 5, BMC_STATUS_ILLEGAL_PARAMETER, bmc_packet_suite(17), &h, pkt));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(our_setup_packets_are_ipmitools),
	    cmocka_unit_test(their_proofs_hold_for_the_right_password_only),
	    cmocka_unit_test(their_replies_are_read_and_no_bit_may_change),
	    cmocka_unit_test(short_error_answers_carry_their_status),
	    cmocka_unit_test(truncated_setup_answers_are_refused),
	    cmocka_unit_test(only_two_suites_exist),
	    cmocka_unit_test(a_refusing_rakp3_has_no_proof),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
