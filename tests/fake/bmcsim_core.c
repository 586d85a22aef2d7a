/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions of the simulated BMC (IPMI 2.0 chapter 13): their set-up, and which packet is
 * whose. Packets within a session are in bmcsim_seal.c, commands in bmcsim_cmd.c, Serial
 * over LAN in bmcsim_sol.c. Entry points: bmcsim_init(), bmcsim_input(), bmcsim_output(),
 * bmcsim_tick().
 *
 * A repeated request (same rq_seq, command and session) is answered from memory, not
 * executed again; the session's sequence window drops the network's own duplicates.
 * Whatever fails verification is dropped and counted. Nothing is allocated. */
#include "tests/fake/bmcsim_core.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/compiler.h"
#include "tests/fake/bmcsim_crypt.h"
#include "tests/fake/bmcsim_priv.h"

enum { FREE = BMCSIM_FREE, OPENED, RAKP1_DONE, ACTIVE };
enum { NAME_MAX_LEN = 16 };
enum { ASF = 6, IPMI = 7, ASF_IANA = 4542, ASF_PONG = 0x40, ASF_PING = 0x80 };
/* RAKP status codes (13.24). */
enum {
	NO_RESOURCES = 0x01,
	BAD_SESSION = 0x02,
	BAD_NAME_LENGTH = 0x0C,
	BAD_LEVEL = 0x0A,
	BAD_NAME = 0x0D,
	BAD_PROOF = 0x0F,
	NO_SUITE = 0x11,
};

void
bmcsim_init(struct bmcsim_bmc *b, const char *user, const char *password, uint8_t limit,
    uint64_t seed)
{
	memset(b, 0, sizeof *b);
	b->limit = 4;
	b->rng = rng_seeded(seed);
	rng_bytes(&b->rng, b->id.guid, sizeof b->id.guid);
	b->luck = rng_seeded(~seed);
	b->id.device = 0x20;
	b->id.firmware_major = 2;
	b->id.firmware_minor = 0x17;
	b->id.manufacturer = 0x1291;
	b->id.product = 0x1234;
	b->id.port = 623;
	memcpy(b->id.mac,
	    (const uint8_t[]){
		2, 0, b->id.guid[0], b->id.guid[1], b->id.guid[2], b->id.guid[3]},
	    sizeof b->id.mac);
	b->users[0].level = 15;
	for (unsigned i = 2; i < BMCSIM_USERS; i++)
		b->users[i].level = 15;
	(void)bmcsim_set_user(b, 2, user, password, limit);
	bmcsim_sol_init(b);
	bmcsim_sel_init(b);
}

static unsigned
slots(const struct bmcsim_bmc *b)
{
	int n = b->faults.slots;

	return n > 0 && n <= BMCSIM_SLOTS_MAX ? (unsigned)n : 4;
}

unsigned
bmcsim_slots_used(const struct bmcsim_bmc *b, bool active_only)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BMCSIM_SLOTS_MAX; i++)
		if (b->sessions[i].state == ACTIVE ||
		    (!active_only && b->sessions[i].state != FREE))
			n++;
	return n;
}

static void
end_session(struct bmcsim_bmc *b, struct bmcsim_session *s)
{
	bmcsim_sol_session_gone(b, s);
	memset(s, 0, sizeof *s);
}

/* 13.22, and the numbers that real ones have. */
static int64_t
life_of(const struct bmcsim_bmc *b, const struct bmcsim_session *s)
{
	if (s->state != ACTIVE)
		return BMCSIM_HALF_OPEN_US;
	return b->faults.session_ms > 0 ? b->faults.session_ms * USEC_PER_MSEC
					: BMCSIM_SESSION_US;
}

static void
expire_sessions(struct bmcsim_bmc *b, int64_t now)
{
	for (unsigned i = 0; i < BMCSIM_SLOTS_MAX; i++) {
		struct bmcsim_session *s = &b->sessions[i];

		if (s->state == FREE ||
		    (now - s->touched < life_of(b, s) && !b->faults.forget_session))
			continue;
		b->counts.expired++;
		end_session(b, s);
	}
	b->faults.forget_session = 0;
}

struct bmcsim_session *
bmcsim_find_session(struct bmcsim_bmc *b, uint32_t bmc_id)
{
	for (unsigned i = 0; i < BMCSIM_SLOTS_MAX; i++)
		if (b->sessions[i].state != FREE && b->sessions[i].bmc_id == bmc_id)
			return &b->sessions[i];
	return NULL;
}

/* A resent Open Session finds the slot that its first copy took. */
static struct bmcsim_session *
take_slot(struct bmcsim_bmc *b, uint32_t console_id)
{
	struct bmcsim_session *found = NULL;

	for (unsigned i = 0; i < slots(b); i++) {
		struct bmcsim_session *s = &b->sessions[i];

		if (s->state != FREE && s->state != ACTIVE && s->console_id == console_id)
			return s;
		if (s->state == FREE && found == NULL)
			found = s;
	}
	return b->faults.no_slots ? NULL : found;
}

struct wbuf
bmcsim_begin(uint8_t *reply, uint8_t type, uint32_t session, uint32_t sequence)
{
	struct wbuf w = wbuf_init(reply, BMCSIM_PACKET_MAX);

	wbuf_bytes(&w, (const uint8_t[]){6, 0, 0xFF, 7, 6, type}, 6);
	wbuf_u32le(&w, session);
	wbuf_u32le(&w, sequence);
	wbuf_u16le(&w, 0);
	return w;
}

size_t
bmcsim_finish(struct wbuf *w)
{
	if (!wbuf_ok(w))
		return 0;
	wbuf_patch_u8(w, 14, (uint8_t)(w->len - 16));
	wbuf_patch_u8(w, 15, (uint8_t)((w->len - 16) >> 8));
	return w->len;
}

static size_t
setup_error(
    uint8_t *reply, uint8_t type, uint8_t tag, uint8_t status, uint32_t console_id)
{
	struct wbuf w = bmcsim_begin(reply, type, 0, 0);

	wbuf_u8(&w, tag);
	wbuf_u8(&w, status);
	wbuf_u16(&w, 0);
	wbuf_u32le(&w, console_id);
	return bmcsim_finish(&w);
}

static size_t
on_open(struct bmcsim_bmc *b, int64_t now, struct rbuf *r, uint8_t *reply)
{
	uint8_t tag = rbuf_u8(r), level = rbuf_u8(r) & 0x0F, alg[3], suite;
	bool known;
	uint32_t console_id;
	struct bmcsim_session *s;
	struct wbuf w;

	rbuf_skip(r, 2);
	console_id = rbuf_u32le(r);
	for (unsigned i = 0; i < 3; i++) {
		rbuf_skip(r, 4);
		alg[i] = rbuf_u8(r) & 0x3F;
		rbuf_skip(r, 3);
	}
	if (!rbuf_ok(r) || console_id == 0)
		return 0;
	if (!bmcsim_life_open(b, now))
		return 0;
	suite = bmcsim_seal_suite(alg[0], alg[1], alg[2], &known);
	if (!known || !bmcsim_seal_offered(b, suite))
		return b->faults.suite_silent
			   ? 0
			   : setup_error(reply, 0x11, tag, NO_SUITE, console_id);
	s = take_slot(b, console_id);
	if (s == NULL)
		return setup_error(reply, 0x11, tag, NO_RESOURCES, console_id);
	if (s->state == FREE) {
		b->counts.opens++;
		do
			s->bmc_id = (uint32_t)rng_u64(&b->rng);
		while (s->bmc_id == 0);
	}
	s->state = OPENED;
	s->suite = suite;
	s->console_id = console_id;
	s->open_level = level;
	s->limit = level == 0 ? b->limit : level;
	s->touched = now;
	w = bmcsim_begin(reply, 0x11, 0, 0);
	wbuf_u8(&w, tag);
	wbuf_u8(&w, 0);
	wbuf_u8(&w, b->faults.echo_level	 ? level
		    : b->faults.level_limit != 0 ? (uint8_t)b->faults.level_limit
						 : s->limit);
	wbuf_u8(&w, 0);
	wbuf_u32le(&w, console_id);
	wbuf_u32le(&w, s->bmc_id);
	for (unsigned i = 0; i < 3; i++)
		wbuf_bytes(
		    &w, (const uint8_t[]){(uint8_t)i, 0, 0, 8, alg[i], 0, 0, 0}, 8);
	return bmcsim_finish(&w);
}

/* The role octet that the HMACs cover. */
static uint8_t
keyed_role(const struct bmcsim_bmc *b, const struct bmcsim_session *s)
{
	return b->faults.open_level_keys ? (uint8_t)((s->role & 0x10) | s->open_level)
					 : s->role;
}

static void
put_user(struct wbuf *w, const struct bmcsim_bmc *b, const struct bmcsim_session *s)
{
	size_t len = b->faults.intel20 ? NAME_MAX_LEN : strlen(s->user);

	wbuf_u8(w, keyed_role(b, s));
	wbuf_u8(w, (uint8_t)len);
	wbuf_bytes(w, s->user, len);
}

static size_t
user_mac(const struct bmcsim_bmc *b, const struct bmcsim_session *s,
    const struct wbuf *data, uint8_t *out)
{
	uint8_t key[BMCSIM_KEY];

	bmcsim_users_key(b, &b->users[s->uid], key);
	return bmcsim_crypt_mac(s->suite, key, sizeof key, data->base, data->len, out);
}

/* The half-open session ends; its console is told why. */
static size_t
refuse_user(struct bmcsim_bmc *b, struct bmcsim_session *s, uint8_t tag, uint8_t status,
    uint8_t *reply)
{
	uint32_t console_id = s->console_id;

	end_session(b, s);
	return setup_error(reply, 0x13, tag, status, console_id);
}

/* 13.20; the level asked for is the session's highest. 0, or a status. */
static uint8_t
admit(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now)
{
	struct bmcsim_user *u = bmcsim_users_find(b, s->user);
	uint8_t level = s->role & 0x0F, highest;

	if (u == NULL || bmcsim_users_locked(b, u, now))
		return BAD_NAME;
	s->uid = (uint8_t)(u - b->users);
	if (s->state == OPENED)
		bmcsim_users_try(b, u);
	highest = bmcsim_users_limit(b, u);
	if (level > highest || highest == 0)
		return BAD_LEVEL;
	if (level != 0 && level < s->limit)
		s->limit = level;
	if (s->limit > highest)
		s->limit = highest;
	return 0;
}

static size_t
rakp2(struct bmcsim_bmc *b, struct bmcsim_session *s, uint8_t tag, uint8_t *reply)
{
	uint8_t mac[BMCSIM_MAC_MAX], data[160];
	struct wbuf d = wbuf_init(data, sizeof data), w;
	size_t mac_len;

	wbuf_u32le(&d, s->console_id);
	wbuf_u32le(&d, s->bmc_id);
	wbuf_bytes(&d, s->console_random, 16);
	wbuf_bytes(&d, s->bmc_random, 16);
	wbuf_bytes(&d, b->id.guid, 16);
	put_user(&d, b, s);
	mac_len = user_mac(b, s, &d, mac);
	w = bmcsim_begin(reply, 0x13, 0, 0);
	wbuf_u8(&w, tag);
	wbuf_u8(&w, 0);
	wbuf_u16(&w, 0);
	wbuf_u32le(&w, s->console_id);
	wbuf_bytes(&w, s->bmc_random, 16);
	wbuf_bytes(&w, b->id.guid, 16);
	wbuf_bytes(&w, mac, mac_len);
	if (b->faults.long_rakp2)
		wbuf_u8(&w, 0);
	return bmcsim_finish(&w);
}

static size_t
on_rakp1(struct bmcsim_bmc *b, int64_t now, struct rbuf *r, uint8_t *reply)
{
	uint8_t tag = rbuf_u8(r), n, status;
	struct bmcsim_session *s;

	rbuf_skip(r, 3);
	s = bmcsim_find_session(b, rbuf_u32le(r));
	if (!rbuf_ok(r))
		return 0;
	if (s == NULL || s->state == ACTIVE)
		return setup_error(reply, 0x13, tag, BAD_SESSION, 0);
	b->counts.rakp1++;
	rbuf_copy(r, s->console_random, sizeof s->console_random);
	s->role = rbuf_u8(r);
	rbuf_skip(r, 2);
	n = rbuf_u8(r);
	memset(s->user, 0, sizeof s->user);
	if (n > NAME_MAX_LEN || (b->faults.intel20 && n != NAME_MAX_LEN))
		return setup_error(reply, 0x13, tag, BAD_NAME_LENGTH, s->console_id);
	rbuf_copy(r, s->user, n);
	if (!rbuf_ok(r))
		return 0;
	s->touched = now;
	status = admit(b, s, now);
	if (status != 0)
		return refuse_user(b, s, tag, status, reply);
	rng_bytes(&b->rng, s->bmc_random, sizeof s->bmc_random);
	s->state = RAKP1_DONE;
	return rakp2(b, s, tag, reply);
}

static void
make_keys(struct bmcsim_bmc *b, struct bmcsim_session *s)
{
	uint8_t data[80], constant[20], key[BMCSIM_KEY];
	struct wbuf d = wbuf_init(data, sizeof data);
	size_t n = bmcsim_crypt_mac_len(s->suite);

	wbuf_bytes(&d, s->console_random, 16);
	wbuf_bytes(&d, s->bmc_random, 16);
	put_user(&d, b, s);
	bmcsim_users_kg(b, &b->users[s->uid], key);
	bmcsim_crypt_mac(s->suite, key, sizeof key, d.base, d.len, s->sik);
	memset(constant, 1, sizeof constant);
	bmcsim_crypt_mac(s->suite, s->sik, n, constant, sizeof constant, s->k1);
	memset(constant, 2, sizeof constant);
	bmcsim_crypt_mac(s->suite, s->sik, n, constant, sizeof constant, s->k2);
}

static size_t
rakp4(struct bmcsim_bmc *b, struct bmcsim_session *s, uint8_t tag, uint8_t *reply)
{
	uint8_t data[40], icv[BMCSIM_MAC_MAX] = {0};
	struct wbuf d = wbuf_init(data, sizeof data), w = bmcsim_begin(reply, 0x15, 0, 0);

	wbuf_bytes(&d, s->console_random, 16);
	wbuf_u32le(&d, s->bmc_id);
	wbuf_bytes(&d, b->id.guid, 16);
	bmcsim_crypt_mac(
	    s->suite, s->sik, bmcsim_crypt_mac_len(s->suite), d.base, d.len, icv);
	wbuf_u8(&w, tag);
	wbuf_u8(&w, 0);
	wbuf_u16(&w, 0);
	wbuf_u32le(&w, s->console_id);
	wbuf_bytes(&w, icv, bmcsim_crypt_rakp4_len(s->suite));
	if (s->suite == 0 && b->faults.icv0)
		wbuf_zero(&w, 12);
	return bmcsim_finish(&w);
}

static size_t
on_rakp3(struct bmcsim_bmc *b, int64_t now, struct rbuf *r, uint8_t *reply)
{
	uint8_t tag = rbuf_u8(r), status = rbuf_u8(r), mac[BMCSIM_MAC_MAX],
		got[BMCSIM_MAC_MAX] = {0};
	uint8_t data[64];
	struct wbuf d = wbuf_init(data, sizeof data);
	struct bmcsim_session *s;
	size_t n;

	rbuf_skip(r, 2);
	s = bmcsim_find_session(b, rbuf_u32le(r));
	if (!rbuf_ok(r))
		return 0;
	if (s != NULL && s->state != ACTIVE && status != 0) {
		b->counts.dropped++; /* it did not believe RAKP 2 */
		end_session(b, s);
	}
	if (status != 0)
		return 0;
	if (s == NULL || s->state == OPENED)
		return setup_error(reply, 0x15, tag, BAD_SESSION, 0);
	if (s->state == ACTIVE && b->faults.rakp3_once)
		return 0;
	wbuf_bytes(&d, s->bmc_random, 16);
	wbuf_u32le(&d, s->console_id);
	put_user(&d, b, s);
	n = user_mac(b, s, &d, mac);
	rbuf_copy(r, got, n);
	if (!rbuf_ok(r) || memcmp(mac, got, n) != 0) {
		uint32_t console_id = s->console_id;

		b->counts.bad_auth++;
		if (s->state != ACTIVE)
			end_session(b, s);
		return setup_error(reply, 0x15, tag, BAD_PROOF, console_id);
	}
	s->touched = now;
	if (s->state != ACTIVE) { /* else: RAKP 4 was lost, say it again */
		make_keys(b, s);
		s->state = ACTIVE;
		s->level = 2;
		bmcsim_users_proved(&b->users[s->uid]);
		b->counts.sessions++;
	}
	return rakp4(b, s, tag, reply);
}

/* 6.12.13: 16 ahead or back, no duplicates. Called after the integrity code was verified. */
static bool
sequence_is_new(struct bmcsim_session *s, uint32_t seq)
{
	uint32_t behind;

	if (seq == 0)
		return false;
	if (seq > s->rx_highest) {
		uint32_t ahead = seq - s->rx_highest;

		if (ahead > 16)
			return false;
		s->rx_seen = ahead < 32 ? (s->rx_seen << ahead) | 1 : 1;
		s->rx_highest = seq;
		return true;
	}
	behind = s->rx_highest - seq;
	if (behind > 16 || (s->rx_seen >> behind) & 1)
		return false;
	s->rx_seen |= 1U << behind;
	return true;
}

/* Parts of a session's packet that its type and header give. */
struct session_packet {
	uint8_t type;
	uint32_t id, seq;
	size_t payload;
};

static size_t
on_message(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const uint8_t *msg, size_t len, uint8_t *reply)
{
	uint8_t answer[BMCSIM_MESSAGE_MAX];
	size_t n = bmcsim_cmd_message(b, s, now, msg, len, answer);

	n = n > 0 ? bmcsim_seal(b, s, BMCSIM_TYPE_IPMI, answer, n, reply) : 0;
	if (s->state == BMCSIM_CLOSE_AFTER_REPLY)
		end_session(b, s);
	if (b->reboot_due)
		bmcsim_life_reboot(b, now);
	return n;
}

static size_t
on_session_packet(struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len,
    const struct session_packet *head, uint8_t *reply)
{
	struct bmcsim_session *s = bmcsim_find_session(b, head->id);
	uint8_t plain[BMCSIM_PAYLOAD_MAX];
	size_t n;

	if (s == NULL || s->state != ACTIVE)
		return 0;
	n = bmcsim_unseal(s, head->type, pkt, len, head->payload, plain);
	if (n == 0 || !sequence_is_new(s, head->seq)) {
		b->counts.bad_packets++;
		return 0;
	}
	s->touched = now;
	s->peer = b->from;
	if ((head->type & 0x3F) == BMCSIM_TYPE_IPMI)
		return on_message(b, s, now, plain, n, reply);
	bmcsim_sol_input(b, s, now, plain, n);
	return 0;
}

/* ipmitool asks for the cipher suites in this envelope, outside a session. */
static size_t
on_sessionless(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *msg, size_t len, uint8_t *reply)
{
	uint8_t answer[BMCSIM_MESSAGE_MAX];
	size_t n = bmcsim_cmd_message(b, NULL, now, msg, len, answer);
	struct wbuf w = bmcsim_begin(reply, 0x00, 0, 0);

	if (n == 0)
		return 0;
	wbuf_bytes(&w, answer, n);
	return bmcsim_finish(&w);
}

static size_t
on_rmcpplus(struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len,
    struct rbuf *r, uint8_t *reply)
{
	struct session_packet head = {.type = rbuf_u8(r)};
	struct rbuf body;

	head.id = rbuf_u32le(r);
	head.seq = rbuf_u32le(r);
	head.payload = rbuf_u16le(r);
	body = rbuf_sub(r, head.payload);
	if (!rbuf_ok(r))
		return 0;
	switch (head.type) {
	case 0x10: return on_open(b, now, &body, reply);
	case 0x12: return on_rakp1(b, now, &body, reply);
	case 0x14: return on_rakp3(b, now, &body, reply);
	}
	if (head.type == 0x00 && head.id == 0)
		return on_sessionless(b, now, pkt + 16, head.payload, reply);
	if ((head.type & 0x3F) <= BMCSIM_TYPE_SOL && head.id != 0)
		return on_session_packet(b, now, pkt, len, &head, reply);
	return 0;
}

/* The IPMI 1.5 envelope, outside a session only. */
static size_t
on_ipmi15(struct bmcsim_bmc *b, int64_t now, struct rbuf *r, uint8_t *reply)
{
	struct wbuf w = wbuf_init(reply, BMCSIM_PACKET_MAX);
	uint8_t answer[BMCSIM_MESSAGE_MAX];
	uint32_t id;
	size_t len, n;

	rbuf_skip(r, 4);
	id = rbuf_u32le(r);
	len = rbuf_u8(r);
	if (!rbuf_ok(r) || id != 0 || rbuf_left(r) < len || b->faults.no_caps)
		return 0;
	n = bmcsim_cmd_message(b, NULL, now, rbuf_rest(r), len, answer);
	if (n == 0)
		return 0;
	wbuf_bytes(&w, (const uint8_t[]){6, 0, 0xFF, 7, 0}, 5);
	wbuf_zero(&w, 8);
	wbuf_u8(&w, (uint8_t)n);
	wbuf_bytes(&w, answer, n);
	return wbuf_ok(&w) ? w.len : 0;
}

/* RMCP presence ping (13.2.3) and its pong. */
static size_t
on_ping(struct bmcsim_bmc *b, struct rbuf *r, uint8_t *reply)
{
	struct wbuf w = wbuf_init(reply, BMCSIM_PACKET_MAX);
	uint32_t iana = rbuf_u32(r);
	uint8_t type = rbuf_u8(r), tag = rbuf_u8(r);

	if (!rbuf_ok(r) || iana != ASF_IANA || type != ASF_PING || b->faults.no_ping)
		return 0;
	wbuf_bytes(&w, (const uint8_t[]){6, 0, 0xFF, ASF}, 4);
	wbuf_u32(&w, ASF_IANA);
	wbuf_bytes(&w, (const uint8_t[]){ASF_PONG, tag, 0, 16}, 4);
	wbuf_u32(&w, ASF_IANA);
	wbuf_u32(&w, 0);
	wbuf_u8(&w, 0x81); /* IPMI, ASF 1.0 */
	wbuf_zero(&w, 7);
	return wbuf_ok(&w) ? w.len : 0;
}

static size_t
answer_to(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len, uint8_t *reply)
{
	struct rbuf r = rbuf_init(pkt, len);
	uint8_t auth, class;

	if (rbuf_u8(&r) != 6)
		return 0;
	rbuf_skip(&r, 2);
	class = rbuf_u8(&r);
	if (class == ASF)
		return on_ping(b, &r, reply);
	auth = rbuf_u8(&r);
	if (!rbuf_ok(&r) || class != IPMI)
		return 0;
	if (auth == 6)
		return on_rmcpplus(b, now, pkt, len, &r, reply);
	return auth == 0 ? on_ipmi15(b, now, &r, reply) : 0;
}

int64_t
bmcsim_tick(struct bmcsim_bmc *b, int64_t now)
{
	int64_t chassis, sol;

	(void)bmcsim_life_awake(b, now);
	expire_sessions(b, now);
	chassis = bmcsim_chassis_tick(b, now);
	sol = bmcsim_sol_tick(b, now);
	return chassis < 0 || (sol >= 0 && sol < chassis) ? sol : chassis;
}

/* A message of the handshake at which the BMC is to be held? */
static bool
holds_handshake(struct bmcsim_bmc *b, const uint8_t *pkt, size_t len)
{
	enum { RMCPPLUS = 6, AUTH_AT = 4, PAYLOAD_AT = 5, HANDSHAKE = 65536 };

	return len > PAYLOAD_AT && pkt[AUTH_AT] == RMCPPLUS &&
	       bmcsim_life_holds(b, HANDSHAKE + (pkt[PAYLOAD_AT] & 0x3F));
}

size_t
bmcsim_input(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len, uint8_t *reply)
{
	size_t n;
	bool held;

	bmcsim_tick(b, now);
	b->reply_delay = b->faults.delay_ms * USEC_PER_MSEC;
	if (b->faults.dead || !bmcsim_life_awake(b, now)) {
		b->counts.unheard++;
		return 0;
	}
	if (bmcsim_wire_chance(b, b->faults.drop))
		return 0;
	held = holds_handshake(b, pkt, len);
	if (held && !b->faults.hold_done)
		return 0;
	n = answer_to(b, now, pkt, len, reply);
	if (n == 0 || held || bmcsim_wire_chance(b, b->faults.drop))
		return 0;
	return bmcsim_wire_mangle(b, reply, n);
}

size_t
bmcsim_output(struct bmcsim_bmc *b, int64_t now, uint8_t *pkt, struct bmcsim_peer *ret_to)
{
	size_t n;

	if (b->faults.dead || !bmcsim_life_awake(b, now))
		return 0;
	do
		n = bmcsim_sol_output(b, now, pkt, ret_to);
	while (n > 0 && bmcsim_wire_chance(b, b->faults.drop));
	return n > 0 ? bmcsim_wire_mangle(b, pkt, n) : 0;
}
