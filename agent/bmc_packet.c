/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds and parses the packets of an RMCP+ session with libfreeipmi's templates: Open
 * Session, RAKP 1 to 4, and IPMI commands under cipher suites 17 and 3 (IPMI 2.0 chapter
 * 13).
 *
 * Entry points: bmc_packet_new(), one builder or parser per packet, and the checks of the
 * two proofs. struct bmc_packet owns the template objects; FreeIPMI keeps the last
 * plaintext in them, so they are cleared after each use. A command travels as raw octets
 * in a template of our own: boot flags must leave exactly as the specification's table
 * has them, and replies of every length must be readable.
 *
 * Every reply is hostile until its integrity code has been verified. FreeIPMI takes a
 * payload that is shorter than its header claims, and asserts (where it is built so) what
 * the header says of encryption; so read_header() checks all of the header, and that the
 * payload is there, before any template sees the packet. What FreeIPMI finds malformed
 * becomes -EBADMSG; the fuzzer bmc_packet_fuzz holds it to that. */
#include "agent/bmc_packet.h"

#include <errno.h>
#include <freeipmi/freeipmi.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/str.h"

static const fiid_template_t raw_template = {
    {8, "cmd", FIID_FIELD_REQUIRED | FIID_FIELD_LENGTH_FIXED},
    {8 * 512, "data", FIID_FIELD_OPTIONAL | FIID_FIELD_LENGTH_VARIABLE},
    {0, "", 0},
};

static const struct bmc_suite suites[] = {
    {17, IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA256,
	IPMI_INTEGRITY_ALGORITHM_HMAC_SHA256_128,
	IPMI_CONFIDENTIALITY_ALGORITHM_AES_CBC_128, 16, 32},
    {3, IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA1,
	IPMI_INTEGRITY_ALGORITHM_HMAC_SHA1_96, IPMI_CONFIDENTIALITY_ALGORITHM_AES_CBC_128,
	12, 20},
};

enum object {
	OBJ_RMCP,
	OBJ_SESSION,
	OBJ_TRAILER,
	OBJ_PAYLOAD,
	OBJ_MSG_RQ,
	OBJ_MSG_RS,
	OBJ_MSG_TRAILER,
	OBJ_OPEN_RQ,
	OBJ_OPEN_RS,
	OBJ_RAKP1,
	OBJ_RAKP2,
	OBJ_RAKP3,
	OBJ_RAKP4,
	OBJ_RAW,
	OBJ_COUNT,
};

struct bmc_packet {
	fiid_obj_t obj[OBJ_COUNT];
	bool payload_used;
};

struct bmc_packet *
bmc_packet_new(struct error *err)
{
	const fiid_field_t *templates[OBJ_COUNT] = {
	    [OBJ_RMCP] = tmpl_rmcp_hdr,
	    [OBJ_SESSION] = tmpl_rmcpplus_session_hdr,
	    [OBJ_TRAILER] = tmpl_rmcpplus_session_trlr,
	    [OBJ_PAYLOAD] = tmpl_rmcpplus_payload,
	    [OBJ_MSG_RQ] = tmpl_lan_msg_hdr_rq,
	    [OBJ_MSG_RS] = tmpl_lan_msg_hdr_rs,
	    [OBJ_MSG_TRAILER] = tmpl_lan_msg_trlr,
	    [OBJ_OPEN_RQ] = tmpl_rmcpplus_open_session_request,
	    [OBJ_OPEN_RS] = tmpl_rmcpplus_open_session_response,
	    [OBJ_RAKP1] = tmpl_rmcpplus_rakp_message_1,
	    [OBJ_RAKP2] = tmpl_rmcpplus_rakp_message_2,
	    [OBJ_RAKP3] = tmpl_rmcpplus_rakp_message_3,
	    [OBJ_RAKP4] = tmpl_rmcpplus_rakp_message_4,
	    [OBJ_RAW] = raw_template,
	};
	struct bmc_packet *p;

	if (ipmi_rmcpplus_init() < 0) {
		error_set(err, -errno, "bmc-crypto",
		    "install a libgcrypt that libfreeipmi accepts",
		    "libfreeipmi cannot initialise its cryptography");
		return NULL;
	}
	p = str_alloc(sizeof *p);
	for (size_t i = 0; i < OBJ_COUNT; i++) {
		p->obj[i] = fiid_obj_create((fiid_field_t *)templates[i]);
		if (p->obj[i] != NULL)
			continue;
		error_set(err, -ENOMEM, "bmc-crypto", NULL,
		    "libfreeipmi cannot make its templates");
		bmc_packet_free(p);
		return NULL;
	}
	return p;
}

void
bmc_packet_free(struct bmc_packet *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < OBJ_COUNT; i++)
		fiid_obj_destroy(p->obj[i]);
	free(p);
}

const struct bmc_suite *
bmc_packet_suite(int id)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

/* The templates held plaintext and proofs; nothing of it stays. */
static int
cleared(struct bmc_packet *p, int ret)
{
	for (size_t i = 0; i < OBJ_COUNT; i++)
		if (i != OBJ_PAYLOAD ||
		    p->payload_used) /* 64 KiB, only parsing fills it */
			fiid_obj_clear(p->obj[i]);
	p->payload_used = false;
	return ret;
}

/* A setup packet: no integrity, no encryption, session id and sequence 0 (13.6). */
static int
assemble_setup(struct bmc_packet *p, uint8_t type, enum object cmd, uint8_t *out)
{
	int n;

	if (fill_rmcp_hdr_ipmi(p->obj[OBJ_RMCP]) < 0 ||
	    fill_rmcpplus_session_hdr(type, 0, 0, 0, 0, 0, 0, p->obj[OBJ_SESSION]) < 0 ||
	    fill_rmcpplus_session_trlr(p->obj[OBJ_TRAILER]) < 0)
		return cleared(p, -EINVAL);
	n = assemble_ipmi_rmcpplus_pkt(IPMI_AUTHENTICATION_ALGORITHM_RAKP_NONE,
	    IPMI_INTEGRITY_ALGORITHM_NONE, IPMI_CONFIDENTIALITY_ALGORITHM_NONE, NULL, 0,
	    NULL, 0, NULL, 0, p->obj[OBJ_RMCP], p->obj[OBJ_SESSION], NULL, p->obj[cmd],
	    p->obj[OBJ_TRAILER], out, BMC_PROTO_PACKET_MAX, IPMI_INTERFACE_FLAGS_DEFAULT);
	return cleared(p, n > 0 ? n : -EINVAL);
}

int
bmc_packet_open(struct bmc_packet *p, uint8_t tag, uint8_t privilege, uint32_t console_id,
    const struct bmc_suite *suite, uint8_t *out)
{
	if (fill_rmcpplus_open_session(tag, privilege, console_id, suite->auth,
		suite->integrity, suite->confidentiality, p->obj[OBJ_OPEN_RQ]) < 0)
		return cleared(p, -EINVAL);
	return assemble_setup(p, BMC_PAYLOAD_OPEN_RQ, OBJ_OPEN_RQ, out);
}

int
bmc_packet_rakp1(
    struct bmc_packet *p, uint8_t tag, const struct bmc_handshake *h, uint8_t *out)
{
	/* Name-only lookup: the BMC finds the user by name alone, whatever the level
	 * asked for. */
	if (fill_rmcpplus_rakp_message_1(tag, h->bmc_id, h->console_random,
		BMC_PROTO_RANDOM_SIZE, h->privilege, IPMI_NAME_ONLY_LOOKUP, h->user,
		(unsigned)strlen(h->user), p->obj[OBJ_RAKP1]) < 0)
		return cleared(p, -EINVAL);
	return assemble_setup(p, BMC_PAYLOAD_RAKP1, OBJ_RAKP1, out);
}

int
bmc_packet_rakp3(struct bmc_packet *p, uint8_t tag, uint8_t status,
    const struct bmc_suite *suite, const struct bmc_handshake *h, uint8_t *out)
{
	uint8_t proof[BMC_PACKET_KEY_SIZE] = {0};
	int n = 0, ret = -EINVAL;

	if (status == BMC_STATUS_OK) {
		n = ipmi_calculate_rakp_3_key_exchange_authentication_code(suite->auth,
		    h->password, (unsigned)strlen(h->password), h->bmc_random,
		    BMC_PROTO_RANDOM_SIZE, h->console_id, IPMI_NAME_ONLY_LOOKUP,
		    h->privilege, h->user, (unsigned)strlen(h->user), proof,
		    sizeof proof);
		if (n < 0)
			goto out;
	}
	if (fill_rmcpplus_rakp_message_3(tag, status, h->bmc_id, n > 0 ? proof : NULL,
		(unsigned)n, p->obj[OBJ_RAKP3]) < 0)
		goto out;
	ret = assemble_setup(p, BMC_PAYLOAD_RAKP3, OBJ_RAKP3, out);
out:
	explicit_bzero(proof, sizeof proof);
	return cleared(p, ret);
}

int
bmc_packet_command(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, uint32_t bmc_id, uint32_t sequence, uint8_t rq_seq,
    const struct bmc_cmd *cmd, uint8_t *out)
{
	int n;

	if (fill_rmcp_hdr_ipmi(p->obj[OBJ_RMCP]) < 0 ||
	    fill_rmcpplus_session_hdr(BMC_PAYLOAD_IPMI, IPMI_PAYLOAD_FLAG_AUTHENTICATED,
		IPMI_PAYLOAD_FLAG_ENCRYPTED, 0, 0, bmc_id, sequence,
		p->obj[OBJ_SESSION]) < 0 ||
	    fill_rmcpplus_session_trlr(p->obj[OBJ_TRAILER]) < 0 ||
	    fill_lan_msg_hdr(
		BMC_PROTO_BMC_ADDR, cmd->netfn, 0, rq_seq, p->obj[OBJ_MSG_RQ]) < 0 ||
	    fiid_obj_set(p->obj[OBJ_RAW], "cmd", cmd->cmd) < 0)
		return cleared(p, -EINVAL);
	if (cmd->len > 0 &&
	    fiid_obj_set_data(p->obj[OBJ_RAW], "data", cmd->data, cmd->len) < 0)
		return cleared(p, -EINVAL);
	n = assemble_ipmi_rmcpplus_pkt(suite->auth, suite->integrity,
	    suite->confidentiality, keys->k1, keys->k1_len, keys->k2, keys->k2_len, NULL,
	    0, p->obj[OBJ_RMCP], p->obj[OBJ_SESSION], p->obj[OBJ_MSG_RQ], p->obj[OBJ_RAW],
	    p->obj[OBJ_TRAILER], out, BMC_PROTO_PACKET_MAX, IPMI_INTERFACE_FLAGS_DEFAULT);
	return cleared(p, n > 0 ? n : -EINVAL);
}

/* 1 and *ret set, else 0: absent or malformed. */
static int
get(fiid_obj_t obj, const char *field, uint64_t *ret)
{
	return fiid_obj_get(obj, field, ret) == 1;
}

struct header {
	uint8_t type; /* with the bits for encrypted and authenticated */
	uint32_t session, sequence;
	uint16_t payload; /* its length; so much follows at least */
	size_t trailer;	  /* what follows the payload */
};

/* RMCP header and RMCP+ session header (13.1.3, 13.6). */
static int
read_header(const uint8_t *pkt, size_t len, struct header *ret)
{
	struct rbuf r = rbuf_init(pkt, len);
	uint8_t version, class, auth;
	struct header h;

	version = rbuf_u8(&r);
	rbuf_skip(&r, 2); /* reserved; sequence number, FFh: no RMCP ACK wanted */
	class = rbuf_u8(&r);
	auth = rbuf_u8(&r);
	h.type = rbuf_u8(&r);
	h.session = rbuf_u32le(&r);
	h.sequence = rbuf_u32le(&r);
	h.payload = rbuf_u16le(&r);
	if (!rbuf_ok(&r) || len > BMC_PROTO_PACKET_MAX || h.payload > rbuf_left(&r) ||
	    version != BMC_RMCP_VERSION || class != BMC_RMCP_CLASS_IPMI ||
	    auth != BMC_AUTH_RMCPPLUS)
		return -EBADMSG;
	h.trailer = rbuf_left(&r) - h.payload;
	*ret = h;
	return 0;
}

static int
unassemble_setup(
    struct bmc_packet *p, uint8_t type, enum object cmd, const uint8_t *pkt, size_t len)
{
	struct header h;

	if (read_header(pkt, len, &h) < 0 || h.type != type || h.session != 0 ||
	    h.sequence != 0 || h.payload < BMC_SETUP_PAYLOAD_MIN)
		return -EBADMSG;
	p->payload_used = true;
	/* A reply that carries an error is cut short after its status code: "partial" is
	 * no error. */
	if (unassemble_ipmi_rmcpplus_pkt(IPMI_AUTHENTICATION_ALGORITHM_RAKP_NONE,
		IPMI_INTEGRITY_ALGORITHM_NONE, IPMI_CONFIDENTIALITY_ALGORITHM_NONE, NULL,
		0, NULL, 0, pkt, (unsigned)len, p->obj[OBJ_RMCP], p->obj[OBJ_SESSION],
		p->obj[OBJ_PAYLOAD], NULL, p->obj[cmd], NULL, p->obj[OBJ_TRAILER],
		IPMI_INTERFACE_FLAGS_DEFAULT) < 0)
		return -EBADMSG;
	return 0;
}

static int
get_tag_and_status(fiid_obj_t obj, uint8_t *ret_tag, uint8_t *ret_status)
{
	uint64_t tag, status;

	if (!get(obj, "message_tag", &tag) || !get(obj, "rmcpplus_status_code", &status))
		return -EBADMSG;
	*ret_tag = (uint8_t)tag;
	*ret_status = (uint8_t)status;
	return 0;
}

static int
read_open(fiid_obj_t obj, struct bmc_open_rs *rs)
{
	uint64_t privilege, console, bmc, auth, integrity, confidentiality;

	if (get_tag_and_status(obj, &rs->tag, &rs->status) < 0)
		return -EBADMSG;
	if (rs->status != BMC_STATUS_OK)
		return 0;
	if (!get(obj, "maximum_privilege_level", &privilege) ||
	    !get(obj, "remote_console_session_id", &console) ||
	    !get(obj, "managed_system_session_id", &bmc) ||
	    !get(obj, "authentication_payload.authentication_algorithm", &auth) ||
	    !get(obj, "integrity_payload.integrity_algorithm", &integrity) ||
	    !get(obj, "confidentiality_payload.confidentiality_algorithm",
		&confidentiality))
		return -EBADMSG;
	rs->privilege = (uint8_t)privilege;
	rs->console_id = (uint32_t)console;
	rs->bmc_id = (uint32_t)bmc;
	rs->auth = (uint8_t)auth;
	rs->integrity = (uint8_t)integrity;
	rs->confidentiality = (uint8_t)confidentiality;
	return 0;
}

int
bmc_packet_parse_open(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_open_rs *ret)
{
	struct bmc_open_rs rs = {0};
	int r;

	r = unassemble_setup(p, BMC_PAYLOAD_OPEN_RS, OBJ_OPEN_RS, pkt, len);
	if (r == 0)
		r = read_open(p->obj[OBJ_OPEN_RS], &rs);
	if (r == 0)
		*ret = rs;
	return cleared(p, r);
}

static int
read_proof(fiid_obj_t obj, const char *field, struct bmc_rakp_rs *rs)
{
	uint64_t console;
	int n;

	if (!get(obj, "remote_console_session_id", &console))
		return -EBADMSG;
	n = fiid_obj_get_data(obj, field, rs->proof, sizeof rs->proof);
	if (n < 0)
		return -EBADMSG;
	rs->console_id = (uint32_t)console;
	rs->proof_len = (unsigned)n;
	return 0;
}

static int
read_rakp2(fiid_obj_t obj, struct bmc_rakp_rs *rs)
{
	if (get_tag_and_status(obj, &rs->tag, &rs->status) < 0)
		return -EBADMSG;
	if (rs->status != BMC_STATUS_OK)
		return 0;
	if (fiid_obj_get_data(obj, "managed_system_random_number", rs->random,
		sizeof rs->random) != BMC_PROTO_RANDOM_SIZE ||
	    fiid_obj_get_data(obj, "managed_system_guid", rs->guid, sizeof rs->guid) !=
		BMC_PROTO_GUID_SIZE)
		return -EBADMSG;
	return read_proof(obj, "key_exchange_authentication_code", rs);
}

int
bmc_packet_parse_rakp2(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_rakp_rs *ret)
{
	struct bmc_rakp_rs rs = {0};
	int r;

	r = unassemble_setup(p, BMC_PAYLOAD_RAKP2, OBJ_RAKP2, pkt, len);
	if (r == 0)
		r = read_rakp2(p->obj[OBJ_RAKP2], &rs);
	if (r == 0)
		*ret = rs;
	return cleared(p, r);
}

int
bmc_packet_parse_rakp4(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_rakp_rs *ret)
{
	struct bmc_rakp_rs rs = {0};
	int r;

	r = unassemble_setup(p, BMC_PAYLOAD_RAKP4, OBJ_RAKP4, pkt, len);
	if (r == 0)
		r = get_tag_and_status(p->obj[OBJ_RAKP4], &rs.tag, &rs.status);
	if (r == 0 && rs.status == BMC_STATUS_OK)
		r = read_proof(p->obj[OBJ_RAKP4], "integrity_check_value", &rs);
	if (r == 0)
		*ret = rs;
	return cleared(p, r);
}

/* An encrypted, authenticated IPMI message for us: a block of initialisation vector, whole
 * blocks of message, pad, pad length, next header and integrity code (13.29). */
static int
read_session_header(const struct bmc_suite *suite, uint32_t console_id,
    const uint8_t *pkt, size_t len, struct header *ret)
{
	struct header h;

	if (read_header(pkt, len, &h) < 0 ||
	    h.type != (BMC_PAYLOAD_IPMI | BMC_PAYLOAD_SEALED) ||
	    h.session != console_id || h.payload < 2 * BMC_AES_BLOCK ||
	    h.payload % BMC_AES_BLOCK != 0 || h.trailer < 2U + suite->icv_len)
		return -EBADMSG;
	*ret = h;
	return 0;
}

static int
read_reply(struct bmc_packet *p, struct bmc_reply *rs)
{
	uint64_t netfn, rq_seq, cmd;
	uint8_t data[1 + BMC_PROTO_DATA_MAX];
	int n;

	if (!get(p->obj[OBJ_MSG_RS], "net_fn", &netfn) ||
	    !get(p->obj[OBJ_MSG_RS], "rq_seq", &rq_seq) ||
	    !get(p->obj[OBJ_RAW], "cmd", &cmd))
		return -EBADMSG;
	n = fiid_obj_field_len_bytes(p->obj[OBJ_RAW], "data");
	if (n < 1 || n > (int)sizeof data ||
	    fiid_obj_get_data(p->obj[OBJ_RAW], "data", data, sizeof data) != n)
		return -EBADMSG;
	rs->netfn = (uint8_t)netfn;
	rs->rq_seq = (uint8_t)rq_seq;
	rs->cmd = (uint8_t)cmd;
	rs->code = data[0];
	rs->len = (uint8_t)(n - 1);
	memcpy(rs->data, data + 1, rs->len);
	return 0;
}

static int
verify_reply(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, const uint8_t *pkt, size_t len)
{
	p->payload_used = true;
	if (unassemble_ipmi_rmcpplus_pkt(suite->auth, suite->integrity,
		suite->confidentiality, keys->k1, keys->k1_len, keys->k2, keys->k2_len,
		pkt, (unsigned)len, p->obj[OBJ_RMCP], p->obj[OBJ_SESSION],
		p->obj[OBJ_PAYLOAD], p->obj[OBJ_MSG_RS], p->obj[OBJ_RAW],
		p->obj[OBJ_MSG_TRAILER], p->obj[OBJ_TRAILER],
		IPMI_INTERFACE_FLAGS_DEFAULT) != 1)
		return -EBADMSG;
	if (ipmi_rmcpplus_check_packet_session_authentication_code(suite->integrity, pkt,
		(unsigned)len, keys->k1, keys->k1_len, NULL, 0, p->obj[OBJ_TRAILER]) != 1)
		return -EBADMSG;
	/* The message's own checksums (13.8) are left alone: the integrity code vouches for more than
	 * they do, and some BMCs get them wrong ("nochecksumcheck" of ipmipower(8): Supermicro X9). */
	if (ipmi_rmcpplus_check_payload_pad(
		suite->confidentiality, p->obj[OBJ_PAYLOAD]) != 1)
		return -EBADMSG;
	return 0;
}

int
bmc_packet_parse_reply(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, uint32_t console_id, const uint8_t *pkt, size_t len,
    struct bmc_reply *ret)
{
	struct bmc_reply rs = {0};
	struct header h;
	int r;

	if (read_session_header(suite, console_id, pkt, len, &h) < 0)
		return -EBADMSG;
	r = verify_reply(p, suite, keys, pkt, len);
	if (r == 0)
		r = read_reply(p, &rs);
	rs.sequence = h.sequence;
	if (r == 0)
		*ret = rs;
	return cleared(p, r);
}

bool
bmc_packet_rakp2_holds(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_handshake *h, const struct bmc_rakp_rs *rakp2)
{
	unsigned len = rakp2->proof_len;
	int r = 0;

	/* Some send an octet too many ("supermicro20" of ipmipower(8): Supermicro H8QME); all of the code
	 * itself is compared. */
	if (len == suite->proof_len + 1U)
		len--;
	if (len > 0 && fiid_obj_set_data(p->obj[OBJ_RAKP2],
			   "key_exchange_authentication_code", rakp2->proof, len) >= 0)
		r = ipmi_rmcpplus_check_rakp_2_key_exchange_authentication_code(
		    suite->auth, h->password, (unsigned)strlen(h->password),
		    h->console_id, h->bmc_id, h->console_random, BMC_PROTO_RANDOM_SIZE,
		    rakp2->random, BMC_PROTO_RANDOM_SIZE, rakp2->guid,
		    BMC_PROTO_GUID_SIZE, IPMI_NAME_ONLY_LOOKUP, h->privilege, h->user,
		    (unsigned)strlen(h->user), p->obj[OBJ_RAKP2]);
	return cleared(p, r) == 1;
}

int
bmc_packet_session_keys(
    const struct bmc_suite *suite, const struct bmc_handshake *h, struct bmc_keys *ret)
{
	struct bmc_keys k = {
	    .sik_len = sizeof k.sik, .k1_len = sizeof k.k1, .k2_len = sizeof k.k2};
	/* FreeIPMI may set these to NULL for an algorithm "none". */
	void *sik = k.sik, *k1 = k.k1, *k2 = k.k2;
	int r;

	r = ipmi_calculate_rmcpplus_session_keys(suite->auth, suite->integrity,
	    suite->confidentiality, h->password, (unsigned)strlen(h->password), h->kg,
	    h->kg != NULL ? BMC_PROTO_KG_SIZE : 0, h->console_random,
	    BMC_PROTO_RANDOM_SIZE, h->bmc_random, BMC_PROTO_RANDOM_SIZE,
	    IPMI_NAME_ONLY_LOOKUP, h->privilege, h->user, (unsigned)strlen(h->user), &sik,
	    &k.sik_len, &k1, &k.k1_len, &k2, &k.k2_len);
	if (r == 0 && sik != NULL && k1 != NULL && k2 != NULL)
		*ret = k;
	else
		r = -EINVAL;
	explicit_bzero(&k, sizeof k);
	return r;
}

bool
bmc_packet_rakp4_holds(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_handshake *h, const struct bmc_keys *keys,
    const struct bmc_rakp_rs *rakp4)
{
	int r = 0;

	if (rakp4->proof_len > 0 &&
	    fiid_obj_set_data(p->obj[OBJ_RAKP4], "integrity_check_value", rakp4->proof,
		rakp4->proof_len) >= 0)
		r = ipmi_rmcpplus_check_rakp_4_integrity_check_value(suite->auth,
		    keys->sik, keys->sik_len, h->console_random, BMC_PROTO_RANDOM_SIZE,
		    h->bmc_id, h->guid, BMC_PROTO_GUID_SIZE, p->obj[OBJ_RAKP4]);
	return cleared(p, r) == 1;
}
