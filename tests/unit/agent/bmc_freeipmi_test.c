/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bmc_packet against FreeIPMI's templates, which wrote and read these packets before: the same
 * setup packets octet for octet, and each side reads what the other one sealed, for handshakes and
 * commands of all lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <freeipmi/freeipmi.h>
#include <string.h>

#include "agent/bmc_packet.h"

enum { ROUNDS = 500, MESSAGE_MAX = 512 };

static const fiid_template_t raw_template = {
    {8, "cmd", FIID_FIELD_REQUIRED | FIID_FIELD_LENGTH_FIXED},
    {8 * MESSAGE_MAX, "data", FIID_FIELD_OPTIONAL | FIID_FIELD_LENGTH_VARIABLE},
    {0, "", 0},
};

struct theirs {
	fiid_obj_t rmcp, session, trailer, payload, request, reply, message_trailer, raw;
};

struct fixture {
	struct bmc_packet *packet;
	struct theirs t;
	struct rng rng;
};

static fiid_obj_t
object(const fiid_field_t *template)
{
	fiid_obj_t o = fiid_obj_create((fiid_field_t *)template);

	assert_non_null(o);
	return o;
}

static int
setup(void **state)
{
	static struct fixture f;
	struct error err;

	f.rng = rng_seeded(7);
	f.packet = bmc_packet_new(rng_seeded(8), &err);
	f.t = (struct theirs){.rmcp = object(tmpl_rmcp_hdr),
	    .session = object(tmpl_rmcpplus_session_hdr),
	    .trailer = object(tmpl_rmcpplus_session_trlr),
	    .payload = object(tmpl_rmcpplus_payload),
	    .request = object(tmpl_lan_msg_hdr_rq),
	    .reply = object(tmpl_lan_msg_hdr_rs),
	    .message_trailer = object(tmpl_lan_msg_trlr),
	    .raw = object(raw_template)};
	*state = &f;
	return f.packet == NULL;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	fiid_obj_t all[] = {f->t.rmcp, f->t.session, f->t.trailer, f->t.payload,
	    f->t.request, f->t.reply, f->t.message_trailer, f->t.raw};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		fiid_obj_destroy(all[i]);
	bmc_packet_free(f->packet);
	return 0;
}

/* `cmd` as a setup packet of theirs. */
static int
their_setup(struct theirs *t, uint8_t type, fiid_obj_t cmd, uint8_t *out)
{
	int n;

	assert_int_equal(fill_rmcp_hdr_ipmi(t->rmcp), 0);
	assert_int_equal(
	    fill_rmcpplus_session_hdr(type, 0, 0, 0, 0, 0, 0, t->session), 0);
	assert_int_equal(fill_rmcpplus_session_trlr(t->trailer), 0);
	n = assemble_ipmi_rmcpplus_pkt(IPMI_AUTHENTICATION_ALGORITHM_RAKP_NONE,
	    IPMI_INTEGRITY_ALGORITHM_NONE, IPMI_CONFIDENTIALITY_ALGORITHM_NONE, NULL, 0,
	    NULL, 0, NULL, 0, t->rmcp, t->session, NULL, cmd, t->trailer, out,
	    BMC_PROTO_PACKET_MAX, IPMI_INTERFACE_FLAGS_DEFAULT);
	fiid_obj_destroy(cmd);
	return n;
}

static void
same(const uint8_t *a, int a_len, const uint8_t *b, int b_len)
{
	assert_true(a_len > 0);
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, (size_t)a_len);
}

static void
word(struct rng *rng, char *out, size_t max)
{
	size_t n = (size_t)(1 + rng_below(rng, max));

	for (size_t i = 0; i < n; i++)
		out[i] = (char)('!' + rng_below(rng, 90));
	out[n] = '\0';
}

static void
one_handshake(struct fixture *f, const struct bmc_suite *suite)
{
	uint8_t ours[BMC_PROTO_PACKET_MAX], theirs[BMC_PROTO_PACKET_MAX], proof[64];
	char user[17], password[21];
	struct bmc_handshake h = {.user = user, .password = password};
	uint8_t tag = (uint8_t)rng_u64(&f->rng);
	fiid_obj_t o = object(tmpl_rmcpplus_open_session_request);
	int n;

	word(&f->rng, user, 16);
	word(&f->rng, password, 20);
	h.console_id = (uint32_t)rng_u64(&f->rng);
	h.bmc_id = (uint32_t)rng_u64(&f->rng);
	h.privilege = (uint8_t)(1 + rng_below(&f->rng, 4));
	rng_bytes(&f->rng, h.console_random, sizeof h.console_random);
	rng_bytes(&f->rng, h.bmc_random, sizeof h.bmc_random);
	assert_int_equal(fill_rmcpplus_open_session(tag, h.privilege, h.console_id,
			     suite->auth, suite->integrity, suite->confidentiality, o),
	    0);
	n = their_setup(&f->t, BMC_PAYLOAD_OPEN_RQ, o, theirs);
	same(theirs, n, ours,
	    bmc_packet_open(f->packet, tag, h.privilege, h.console_id, suite, ours));

	o = object(tmpl_rmcpplus_rakp_message_1);
	assert_int_equal(
	    fill_rmcpplus_rakp_message_1(tag, h.bmc_id, h.console_random, 16, h.privilege,
		IPMI_NAME_ONLY_LOOKUP, user, (unsigned)strlen(user), o),
	    0);
	n = their_setup(&f->t, BMC_PAYLOAD_RAKP1, o, theirs);
	same(theirs, n, ours, bmc_packet_rakp1(f->packet, tag, &h, ours));

	o = object(tmpl_rmcpplus_rakp_message_3);
	n = ipmi_calculate_rakp_3_key_exchange_authentication_code(suite->auth, password,
	    (unsigned)strlen(password), h.bmc_random, 16, h.console_id,
	    IPMI_NAME_ONLY_LOOKUP, h.privilege, user, (unsigned)strlen(user), proof,
	    sizeof proof);
	assert_true(n > 0);
	assert_int_equal(
	    fill_rmcpplus_rakp_message_3(tag, 0, h.bmc_id, proof, (unsigned)n, o), 0);
	n = their_setup(&f->t, BMC_PAYLOAD_RAKP3, o, theirs);
	same(theirs, n, ours, bmc_packet_rakp3(f->packet, tag, 0, suite, &h, ours));
}

static void
setup_packets_are_the_same(void **state)
{
	for (int i = 0; i < ROUNDS; i++)
		one_handshake(*state, bmc_packet_suite(i % 2 ? 17 : 3));
}

static struct bmc_keys
some_keys(struct rng *rng, const struct bmc_suite *suite)
{
	unsigned len = suite->id == 3 ? 20 : 32;
	struct bmc_keys k = {.k1_len = len, .k2_len = len};

	rng_bytes(rng, k.k1, len);
	rng_bytes(rng, k.k2, len);
	return k;
}

static uint64_t
field(fiid_obj_t o, const char *name)
{
	uint64_t v = 0;

	assert_int_equal(fiid_obj_get(o, name, &v), 1);
	return v;
}

static void
they_read_ours(struct fixture *f, const struct bmc_suite *suite, const struct bmc_keys *k,
    const struct bmc_cmd *cmd)
{
	uint8_t pkt[BMC_PROTO_PACKET_MAX], data[MESSAGE_MAX];
	int n = bmc_packet_command(f->packet, suite, k, 0x01020304, 77, 33, cmd, pkt);

	assert_true(n > 0);
	assert_int_equal(
	    unassemble_ipmi_rmcpplus_pkt(suite->auth, suite->integrity,
		suite->confidentiality, k->k1, k->k1_len, k->k2, k->k2_len, pkt,
		(unsigned)n, f->t.rmcp, f->t.session, f->t.payload, f->t.reply, f->t.raw,
		f->t.message_trailer, f->t.trailer, IPMI_INTERFACE_FLAGS_DEFAULT),
	    1);
	assert_int_equal(
	    ipmi_rmcpplus_check_packet_session_authentication_code(suite->integrity, pkt,
		(unsigned)n, k->k1, k->k1_len, NULL, 0, f->t.trailer),
	    1);
	assert_int_equal(
	    ipmi_rmcpplus_check_payload_pad(suite->confidentiality, f->t.payload), 1);
	assert_int_equal(
	    ipmi_lan_check_checksum(f->t.reply, f->t.raw, f->t.message_trailer), 1);
	assert_int_equal(field(f->t.session, "session_id"), 0x01020304);
	assert_int_equal(field(f->t.session, "session_sequence_number"), 77);
	assert_int_equal(field(f->t.reply, "rq_addr"), BMC_PROTO_BMC_ADDR);
	assert_int_equal(field(f->t.reply, "net_fn"), cmd->netfn);
	assert_int_equal(field(f->t.reply, "rq_seq"), 33);
	assert_int_equal(field(f->t.raw, "cmd"), cmd->cmd);
	assert_int_equal(
	    fiid_obj_get_data(f->t.raw, "data", data, sizeof data), cmd->len);
	assert_memory_equal(data, cmd->data, cmd->len);
}

/* A request's layout is a reply's, with other addresses and a completion code where it has data. */
static void
we_read_theirs(struct fixture *f, const struct bmc_suite *suite, const struct bmc_keys *k,
    const struct bmc_cmd *cmd)
{
	uint8_t pkt[BMC_PROTO_PACKET_MAX];
	struct bmc_reply rs;
	int n;

	fiid_obj_clear(f->t.raw);
	assert_int_equal(fill_rmcp_hdr_ipmi(f->t.rmcp), 0);
	assert_int_equal(
	    fill_rmcpplus_session_hdr(BMC_PAYLOAD_IPMI, IPMI_PAYLOAD_FLAG_AUTHENTICATED,
		IPMI_PAYLOAD_FLAG_ENCRYPTED, 0, 0, 0x0A0B0C0D, 5, f->t.session),
	    0);
	assert_int_equal(fill_rmcpplus_session_trlr(f->t.trailer), 0);
	assert_int_equal(
	    fill_lan_msg_hdr(BMC_PROTO_BMC_ADDR, cmd->netfn, 0, 9, f->t.request), 0);
	assert_int_equal(fiid_obj_set(f->t.raw, "cmd", cmd->cmd), 0);
	assert_int_equal(
	    fiid_obj_set_data(f->t.raw, "data", cmd->data, cmd->len), cmd->len);
	n = assemble_ipmi_rmcpplus_pkt(suite->auth, suite->integrity,
	    suite->confidentiality, k->k1, k->k1_len, k->k2, k->k2_len, NULL, 0,
	    f->t.rmcp, f->t.session, f->t.request, f->t.raw, f->t.trailer, pkt,
	    sizeof pkt, IPMI_INTERFACE_FLAGS_DEFAULT);
	assert_true(n > 0);
	assert_int_equal(
	    bmc_packet_parse_reply(f->packet, suite, k, 0x0A0B0C0D, pkt, (size_t)n, &rs),
	    0);
	assert_int_equal(rs.sequence, 5);
	assert_int_equal(rs.netfn, cmd->netfn);
	assert_int_equal(rs.rq_seq, 9);
	assert_int_equal(rs.cmd, cmd->cmd);
	assert_int_equal(rs.code, cmd->data[0]);
	assert_int_equal(rs.len, cmd->len - 1);
	assert_memory_equal(rs.data, cmd->data + 1, rs.len);
}

static void
sealed_packets_are_read_by_both(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < ROUNDS; i++) {
		const struct bmc_suite *suite = bmc_packet_suite(i % 2 ? 17 : 3);
		struct bmc_keys keys = some_keys(&f->rng, suite);
		struct bmc_cmd cmd = {.netfn = BMC_NETFN_STORAGE,
		    .cmd = (uint8_t)rng_u64(&f->rng),
		    .len = (uint8_t)(1 + i % BMC_PROTO_DATA_MAX)};

		rng_bytes(&f->rng, cmd.data, cmd.len);
		they_read_ours(f, suite, &keys, &cmd);
		we_read_theirs(f, suite, &keys, &cmd);
	}
}

static void
keys_that_are_forgotten_do_no_harm(void **state)
{
	struct fixture *f = *state;
	const struct bmc_suite *suite = bmc_packet_suite(17);
	struct bmc_keys keys = some_keys(&f->rng, suite);
	struct bmc_cmd cmd = {.netfn = BMC_NETFN_APP, .data = {0}, .len = 1};

	bmc_packet_forget(f->packet);
	they_read_ours(f, suite, &keys, &cmd);
	bmc_packet_forget(f->packet);
	we_read_theirs(f, suite, &keys, &cmd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(setup_packets_are_the_same),
	    cmocka_unit_test(sealed_packets_are_read_by_both),
	    cmocka_unit_test(keys_that_are_forgotten_do_no_harm),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
