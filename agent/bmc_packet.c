/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds and parses the packets of an RMCP+ session: Open Session, RAKP 1 to 4, and IPMI
 * commands under cipher suites 17 and 3 (IPMI 2.0 chapter 13).
 *
 * Entry points: bmc_packet_new(), one builder or parser per packet, and the checks of the
 * two proofs. The proofs of the handshake and the session's keys are libfreeipmi's; the
 * octets are written and read here, and a session's packets are sealed in bmc_seal.c.
 * FreeIPMI's templates can do all of it, and did: they clear 64 KiB for each packet and find
 * fields by comparing names, which was two fifths of what a session costs.
 * bmc_freeipmi_test.c holds every packet against theirs.
 *
 * Every reply is hostile until its integrity code has been verified: nothing is decrypted
 * before. What is malformed, or not for us, is -EBADMSG; nothing lives on from one call to
 * the next but what bmc_packet_forget() wipes. */
#include "agent/bmc_packet.h"

#include <errno.h>
#include <freeipmi/freeipmi.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_seal.h"
#include "lib/buf.h"
#include "lib/str.h"

enum {
	SESSION_HEADER = 16, /* RMCP header and RMCP+ session header (13.1.3, 13.6) */
	PAYLOAD_LENGTH_AT = 14,
	AUTHENTICATED_FROM = 4, /* all but the RMCP header (13.28.4) */
	NEXT_HEADER = 7,	/* table 13-8: reserved, always this */
	CONSOLE_ADDR = 0x81,	/* software id of a remote console (5.5) */
	MESSAGE_MIN = 8, /* addresses, checksums, rq_seq, command, completion code */
};

static const struct bmc_suite suites[] = {
    {17, IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA256,
	IPMI_INTEGRITY_ALGORITHM_HMAC_SHA256_128,
	IPMI_CONFIDENTIALITY_ALGORITHM_AES_CBC_128, 16, 32},
    {3, IPMI_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA1,
	IPMI_INTEGRITY_ALGORITHM_HMAC_SHA1_96, IPMI_CONFIDENTIALITY_ALGORITHM_AES_CBC_128,
	12, 20},
};

struct bmc_packet {
	struct bmc_seal *seal;
	fiid_obj_t rakp2, rakp4; /* what FreeIPMI's checks of the proofs read them from */
};

struct bmc_packet *
bmc_packet_new(struct rng rng, struct error *err)
{
	struct bmc_packet *p;

	if (ipmi_rmcpplus_init() < 0) {
		error_set(err, -errno, "bmc-crypto",
		    "install a libgcrypt that libfreeipmi accepts",
		    "libfreeipmi cannot initialise its cryptography");
		return NULL;
	}
	p = str_alloc(sizeof *p);
	p->seal = bmc_seal_new(rng);
	p->rakp2 = fiid_obj_create(tmpl_rmcpplus_rakp_message_2);
	p->rakp4 = fiid_obj_create(tmpl_rmcpplus_rakp_message_4);
	if (p->seal != NULL && p->rakp2 != NULL && p->rakp4 != NULL)
		return p;
	error_set(err, -ENOMEM, "bmc-crypto", NULL,
	    p->seal == NULL ? "libgcrypt has no AES, SHA-256 or SHA-1"
			    : "libfreeipmi cannot make its templates");
	bmc_packet_free(p);
	return NULL;
}

void
bmc_packet_free(struct bmc_packet *p)
{
	if (p == NULL)
		return;
	bmc_seal_free(p->seal);
	fiid_obj_destroy(p->rakp2);
	fiid_obj_destroy(p->rakp4);
	free(p);
}

void
bmc_packet_forget(struct bmc_packet *p)
{
	bmc_seal_forget(p->seal);
}

const struct bmc_suite *
bmc_packet_suite(int id)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

const struct bmc_suite *
bmc_packet_suite_none(void)
{
	static const struct bmc_suite none = {0, IPMI_AUTHENTICATION_ALGORITHM_RAKP_NONE,
	    IPMI_INTEGRITY_ALGORITHM_NONE, IPMI_CONFIDENTIALITY_ALGORITHM_NONE, 0, 0};

	return &none;
}

/* ---- building ---- */

/* The payload's length is not known yet. */
static struct wbuf
begin(uint8_t *out, uint8_t type, uint32_t session, uint32_t sequence)
{
	struct wbuf w = wbuf_init(out, BMC_PROTO_PACKET_MAX);

	/* FFh: no RMCP ACK wanted */
	wbuf_bytes(&w,
	    (const uint8_t[]){
		BMC_RMCP_VERSION, 0, 0xFF, BMC_RMCP_CLASS_IPMI, BMC_AUTH_RMCPPLUS, type},
	    6);
	wbuf_u32le(&w, session);
	wbuf_u32le(&w, sequence);
	wbuf_u16le(&w, 0);
	return w;
}

/* The payload is complete. A setup packet ends here: no integrity, no encryption, session
 * id and sequence 0 (13.6). The packet's length, or -EINVAL. */
static int
finish(struct wbuf *w)
{
	size_t len = w->len - SESSION_HEADER;

	if (!wbuf_ok(w))
		return -EINVAL;
	wbuf_patch_u8(w, PAYLOAD_LENGTH_AT, (uint8_t)len);
	wbuf_patch_u8(w, PAYLOAD_LENGTH_AT + 1, (uint8_t)(len >> 8));
	return (int)w->len;
}

int
bmc_packet_open(struct bmc_packet *p, uint8_t tag, uint8_t privilege, uint32_t console_id,
    const struct bmc_suite *suite, uint8_t *out)
{
	struct wbuf w = begin(out, BMC_PAYLOAD_OPEN_RQ, 0, 0);
	const uint8_t algorithm[] = {
	    suite->auth, suite->integrity, suite->confidentiality};

	(void)p;
	wbuf_bytes(&w, (const uint8_t[]){tag, privilege, 0, 0}, 4);
	wbuf_u32le(&w, console_id);
	for (uint8_t type = 0; type < ARRAY_SIZE(algorithm); type++) /* table 13-9 */
		wbuf_bytes(
		    &w, (const uint8_t[]){type, 0, 0, 8, algorithm[type], 0, 0, 0}, 8);
	return finish(&w);
}

int
bmc_packet_rakp1(
    struct bmc_packet *p, uint8_t tag, const struct bmc_handshake *h, uint8_t *out)
{
	struct wbuf w = begin(out, BMC_PAYLOAD_RAKP1, 0, 0);
	size_t user = strlen(h->user);

	(void)p;
	if (user > BMC_PROTO_USER_MAX)
		return -EINVAL;
	wbuf_bytes(&w, (const uint8_t[]){tag, 0, 0, 0}, 4);
	wbuf_u32le(&w, h->bmc_id);
	wbuf_bytes(&w, h->console_random, sizeof h->console_random);
	/* Name-only lookup: the BMC finds the user by name alone, whatever the level
	 * asked for. */
	wbuf_u8(&w, (uint8_t)(IPMI_NAME_ONLY_LOOKUP << 4 | h->privilege));
	wbuf_u16(&w, 0);
	wbuf_u8(&w, (uint8_t)user);
	wbuf_str(&w, h->user);
	return finish(&w);
}

int
bmc_packet_rakp3(struct bmc_packet *p, uint8_t tag, uint8_t status,
    const struct bmc_suite *suite, const struct bmc_handshake *h, uint8_t *out)
{
	struct wbuf w = begin(out, BMC_PAYLOAD_RAKP3, 0, 0);
	uint8_t proof[BMC_PACKET_KEY_SIZE];
	int n;

	(void)p;
	wbuf_bytes(&w, (const uint8_t[]){tag, status, 0, 0}, 4);
	wbuf_u32le(&w, h->bmc_id);
	if (status != BMC_STATUS_OK)
		return finish(&w);
	n = ipmi_calculate_rakp_3_key_exchange_authentication_code(suite->auth,
	    h->password, (unsigned)strlen(h->password), h->bmc_random,
	    BMC_PROTO_RANDOM_SIZE, h->console_id, IPMI_NAME_ONLY_LOOKUP, h->privilege,
	    h->user, (unsigned)strlen(h->user), proof, sizeof proof);
	if (n > 0)
		wbuf_bytes(&w, proof, (size_t)n);
	explicit_bzero(proof, sizeof proof);
	return n > 0 ? finish(&w) : -EINVAL;
}

/* 13.8: two's complement, so that the sum over all of it is zero. */
static uint8_t
checksum(const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + data[i]);
	return (uint8_t)-sum;
}

/* An IPMI message for the LAN (13.8) and its confidentiality pad, 1, 2, 3 … and how many
 * they are (13.29). */
static void
put_message(struct wbuf *w, uint8_t rq_seq, const struct bmc_cmd *cmd)
{
	const uint8_t to[] = {BMC_PROTO_BMC_ADDR, (uint8_t)(cmd->netfn << 2)};
	size_t begin_at = w->len, pad;

	wbuf_bytes(w, to, sizeof to);
	wbuf_u8(w, checksum(to, sizeof to));
	wbuf_u8(w, CONSOLE_ADDR);
	wbuf_u8(w, (uint8_t)(rq_seq << 2));
	wbuf_u8(w, cmd->cmd);
	wbuf_bytes(w, cmd->data, cmd->len);
	if (!wbuf_ok(w))
		return;
	wbuf_u8(w, checksum(w->base + begin_at + 3, w->len - begin_at - 3));
	pad = (BMC_AES_BLOCK - (w->len - begin_at + 1) % BMC_AES_BLOCK) % BMC_AES_BLOCK;
	for (size_t i = 1; i <= pad; i++)
		wbuf_u8(w, (uint8_t)i);
	wbuf_u8(w, (uint8_t)pad);
}

int
bmc_packet_command(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, uint32_t bmc_id, uint32_t sequence, uint8_t rq_seq,
    const struct bmc_cmd *cmd, uint8_t *out)
{
	struct wbuf w =
	    begin(out, BMC_PAYLOAD_IPMI | BMC_PAYLOAD_SEALED, bmc_id, sequence);
	uint8_t iv[BMC_AES_BLOCK], mac[BMC_SEAL_MAC_MAX];
	size_t plain_at, pad;

	if (cmd->len > sizeof cmd->data)
		return -EINVAL;
	bmc_seal_iv(p->seal, iv);
	wbuf_bytes(&w, iv, sizeof iv);
	plain_at = w.len;
	put_message(&w, rq_seq, cmd);
	if (finish(&w) < 0 ||
	    !bmc_seal_encrypt(p->seal, keys, iv, out + plain_at, w.len - plain_at))
		goto fail;
	/* Integrity pad up to a multiple of four, its length, next header (13.28.4). */
	pad = (4 - (w.len - AUTHENTICATED_FROM + 2) % 4) % 4;
	wbuf_bytes(&w, "\xFF\xFF\xFF", pad);
	wbuf_u8(&w, (uint8_t)pad);
	wbuf_u8(&w, NEXT_HEADER);
	if (!bmc_seal_mac(p->seal, suite, keys, out + AUTHENTICATED_FROM,
		w.len - AUTHENTICATED_FROM, mac))
		goto fail;
	wbuf_bytes(&w, mac, suite->icv_len);
	if (wbuf_ok(&w))
		return (int)w.len;
fail:
	explicit_bzero(out, BMC_PROTO_PACKET_MAX);
	return -EINVAL;
}

/* ---- reading ---- */

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

/* The payload of a setup packet, behind its tag and status. A reply that carries an error
 * is cut short after them. */
static int
read_setup(uint8_t type, const uint8_t *pkt, size_t len, struct rbuf *ret,
    uint8_t *ret_tag, uint8_t *ret_status)
{
	struct header h;

	if (read_header(pkt, len, &h) < 0 || h.type != type || h.session != 0 ||
	    h.sequence != 0 || h.payload < BMC_SETUP_PAYLOAD_MIN)
		return -EBADMSG;
	*ret = rbuf_init(pkt + SESSION_HEADER, h.payload);
	*ret_tag = rbuf_u8(ret);
	*ret_status = rbuf_u8(ret);
	return 0;
}

/* Authentication, integrity and confidentiality payloads, 8 octets each, the algorithm in
 * the lower six bits of the fifth (13.18). */
static uint8_t
read_algorithm(struct rbuf *r)
{
	rbuf_skip(r, 4);
	return rbuf_u8(r) & 0x3F;
}

int
bmc_packet_parse_open(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_open_rs *ret)
{
	struct bmc_open_rs rs = {0};
	struct rbuf r;

	(void)p;
	if (read_setup(BMC_PAYLOAD_OPEN_RS, pkt, len, &r, &rs.tag, &rs.status) < 0)
		return -EBADMSG;
	if (rs.status == BMC_STATUS_OK) {
		rs.privilege = rbuf_u8(&r) & 0x0F;
		rbuf_skip(&r, 1);
		rs.console_id = rbuf_u32le(&r);
		rs.bmc_id = rbuf_u32le(&r);
		rs.auth = read_algorithm(&r);
		rbuf_skip(&r, 3);
		rs.integrity = read_algorithm(&r);
		rbuf_skip(&r, 3);
		rs.confidentiality = read_algorithm(&r);
		if (!rbuf_ok(&r))
			return -EBADMSG;
	}
	*ret = rs;
	return 0;
}

/* All that is left; how long it must be is for the check to say. */
static void
read_proof(struct rbuf *r, struct bmc_rakp_rs *rs)
{
	size_t n = rbuf_left(r);

	if (n > sizeof rs->proof) {
		rbuf_skip(r, n + 1);
		return;
	}
	rbuf_copy(r, rs->proof, n);
	rs->proof_len = (unsigned)n;
}

int
bmc_packet_parse_rakp2(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_rakp_rs *ret)
{
	struct bmc_rakp_rs rs = {0};
	struct rbuf r;

	(void)p;
	if (read_setup(BMC_PAYLOAD_RAKP2, pkt, len, &r, &rs.tag, &rs.status) < 0)
		return -EBADMSG;
	if (rs.status == BMC_STATUS_OK) {
		rbuf_skip(&r, 2);
		rs.console_id = rbuf_u32le(&r);
		rbuf_copy(&r, rs.random, sizeof rs.random);
		rbuf_copy(&r, rs.guid, sizeof rs.guid);
		read_proof(&r, &rs);
		if (!rbuf_ok(&r))
			return -EBADMSG;
	}
	*ret = rs;
	return 0;
}

int
bmc_packet_parse_rakp4(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_rakp_rs *ret)
{
	struct bmc_rakp_rs rs = {0};
	struct rbuf r;

	(void)p;
	if (read_setup(BMC_PAYLOAD_RAKP4, pkt, len, &r, &rs.tag, &rs.status) < 0)
		return -EBADMSG;
	if (rs.status == BMC_STATUS_OK) {
		rbuf_skip(&r, 2);
		rs.console_id = rbuf_u32le(&r);
		read_proof(&r, &rs);
		if (!rbuf_ok(&r))
			return -EBADMSG;
	}
	*ret = rs;
	return 0;
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

/* Does the integrity code at the end hold, and does the pad before it leave the payload alone? */
static bool
is_authentic(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, const uint8_t *pkt, size_t len, const struct header *h)
{
	size_t covered = len - suite->icv_len;
	uint8_t mac[BMC_SEAL_MAC_MAX];

	return bmc_seal_mac(p->seal, suite, keys, pkt + AUTHENTICATED_FROM,
		   covered - AUTHENTICATED_FROM, mac) &&
	       bmc_seal_equal(mac, pkt + covered, suite->icv_len) &&
	       pkt[covered - 2] <= h->trailer - suite->icv_len - 2;
}

/* `n` octets as they were decrypted; without their pad, or 0 if that is not as it must be. */
static size_t
message_length(const uint8_t *plain, size_t n)
{
	size_t pad = plain[n - 1];

	if (pad >= BMC_AES_BLOCK || n < pad + 1 + MESSAGE_MIN)
		return 0;
	for (size_t i = 0; i < pad; i++)
		if (plain[n - 1 - pad + i] != i + 1)
			return 0;
	return n - 1 - pad;
}

/* A message for a console (13.8). Its own checksums are left alone: the integrity code vouches for more
 * than they do, and some BMCs get them wrong ("nochecksumcheck" of ipmipower(8): Supermicro X9). */
static int
read_message(const uint8_t *msg, size_t n, struct bmc_reply *rs)
{
	struct rbuf r = rbuf_init(msg, n);

	if (n - MESSAGE_MIN > sizeof rs->data)
		return -EBADMSG;
	rbuf_skip(&r, 1);
	rs->netfn = rbuf_u8(&r) >> 2;
	rbuf_skip(&r, 2);
	rs->rq_seq = rbuf_u8(&r) >> 2;
	rs->cmd = rbuf_u8(&r);
	rs->code = rbuf_u8(&r);
	rs->len = (uint8_t)(n - MESSAGE_MIN);
	rbuf_copy(&r, rs->data, rs->len);
	return rbuf_ok(&r) ? 0 : -EBADMSG;
}

int
bmc_packet_parse_reply(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, uint32_t console_id, const uint8_t *pkt, size_t len,
    struct bmc_reply *ret)
{
	struct bmc_reply rs = {0};
	uint8_t plain[BMC_PROTO_PACKET_MAX];
	struct header h;
	size_t n;
	int r = -EBADMSG;

	if (read_session_header(suite, console_id, pkt, len, &h) < 0 ||
	    !is_authentic(p, suite, keys, pkt, len, &h))
		return -EBADMSG;
	n = (size_t)h.payload - BMC_AES_BLOCK;
	memcpy(plain, pkt + SESSION_HEADER + BMC_AES_BLOCK, n);
	if (bmc_seal_decrypt(p->seal, keys, pkt + SESSION_HEADER, plain, n)) {
		size_t message = message_length(plain, n);

		if (message > 0)
			r = read_message(plain, message, &rs);
	}
	explicit_bzero(plain, n);
	rs.sequence = h.sequence;
	if (r == 0)
		*ret = rs;
	return r;
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
	if (len > 0 && fiid_obj_set_data(p->rakp2, "key_exchange_authentication_code",
			   rakp2->proof, len) >= 0)
		r = ipmi_rmcpplus_check_rakp_2_key_exchange_authentication_code(
		    suite->auth, h->password, (unsigned)strlen(h->password),
		    h->console_id, h->bmc_id, h->console_random, BMC_PROTO_RANDOM_SIZE,
		    rakp2->random, BMC_PROTO_RANDOM_SIZE, rakp2->guid,
		    BMC_PROTO_GUID_SIZE, IPMI_NAME_ONLY_LOOKUP, h->privilege, h->user,
		    (unsigned)strlen(h->user), p->rakp2);
	fiid_obj_clear(p->rakp2);
	return r == 1;
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

	if (rakp4->proof_len > 0 && fiid_obj_set_data(p->rakp4, "integrity_check_value",
					rakp4->proof, rakp4->proof_len) >= 0)
		r = ipmi_rmcpplus_check_rakp_4_integrity_check_value(suite->auth,
		    keys->sik, keys->sik_len, h->console_random, BMC_PROTO_RANDOM_SIZE,
		    h->bmc_id, h->guid, BMC_PROTO_GUID_SIZE, p->rakp4);
	fiid_obj_clear(p->rakp4);
	return r == 1;
}
