/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions and packets of the simulated BMC (IPMI 2.0 chapter 13); commands are in
 * bmcsim_cmd.c. Entry points: bmcsim_init(), bmcsim_input(), bmcsim_tick().
 *
 * A repeated request (same rq_seq, command and session) is answered from memory, not
 * executed again; the session's sequence window drops the network's own duplicates.
 * Whatever fails verification is dropped and counted. Nothing is allocated. */
#include "tests/fake/bmcsim_core.h"

#include <string.h>

#include "lib/buf.h"
#include "tests/fake/bmcsim_crypt.h"
#include "tests/fake/bmcsim_priv.h"

enum { FREE, OPENED, RAKP1_DONE, ACTIVE };

void
bmcsim_init(struct bmcsim_bmc *b, const char *user, const char *password, uint8_t limit,
    uint64_t seed)
{
	memset(b, 0, sizeof *b);
	strncpy(b->user, user, sizeof b->user - 1);
	strncpy(b->password, password, sizeof b->password - 1);
	b->limit = limit;
	b->slots = 4;
	b->rng = rng_seeded(seed);
	rng_bytes(&b->rng, b->guid, sizeof b->guid);
}

unsigned
bmcsim_slots_used(const struct bmcsim_bmc *b, bool active_only)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->slots; i++)
		if (b->sessions[i].state == ACTIVE ||
		    (!active_only && b->sessions[i].state != FREE))
			n++;
	return n;
}

static void
expire_sessions(struct bmcsim_bmc *b, int64_t now)
{
	for (unsigned i = 0; i < b->slots; i++) {
		struct bmcsim_session *s = &b->sessions[i];
		int64_t life =
		    s->state == ACTIVE ? BMCSIM_SESSION_US : BMCSIM_HALF_OPEN_US;

		if (s->state == FREE ||
		    (now - s->touched < life && !b->faults.forget_session))
			continue;
		b->counts.expired++;
		memset(s, 0, sizeof *s);
	}
	b->faults.forget_session = 0;
}

static struct bmcsim_session *
find_session(struct bmcsim_bmc *b, uint32_t bmc_id)
{
	for (unsigned i = 0; i < b->slots; i++)
		if (b->sessions[i].state != FREE && b->sessions[i].bmc_id == bmc_id)
			return &b->sessions[i];
	return NULL;
}

/* A resent Open Session finds the slot that its first copy took. */
static struct bmcsim_session *
take_slot(struct bmcsim_bmc *b, uint32_t console_id)
{
	struct bmcsim_session *found = NULL;

	for (unsigned i = 0; i < b->slots; i++) {
		struct bmcsim_session *s = &b->sessions[i];

		if (s->state != FREE && s->state != ACTIVE && s->console_id == console_id)
			return s;
		if (s->state == FREE && found == NULL)
			found = s;
	}
	return b->faults.no_slots ? NULL : found;
}

/* RMCP and RMCP+ session header (13.6); the payload's length is patched in by finish().
 */
static struct wbuf
begin(uint8_t *reply, uint8_t type, uint32_t session, uint32_t sequence)
{
	struct wbuf w = wbuf_init(reply, BMCSIM_PACKET_MAX);

	wbuf_bytes(&w, (const uint8_t[]){6, 0, 0xFF, 7, 6, type}, 6);
	wbuf_u32le(&w, session);
	wbuf_u32le(&w, sequence);
	wbuf_u16le(&w, 0);
	return w;
}

static size_t
finish(struct wbuf *w)
{
	if (!wbuf_ok(w))
		return 0;
	wbuf_patch_u8(w, 14, (uint8_t)(w->len - 16));
	return w->len;
}

static size_t
setup_error(
    uint8_t *reply, uint8_t type, uint8_t tag, uint8_t status, uint32_t console_id)
{
	struct wbuf w = begin(reply, type, 0, 0);

	wbuf_u8(&w, tag);
	wbuf_u8(&w, status);
	wbuf_u16(&w, 0);
	wbuf_u32le(&w, console_id);
	return finish(&w);
}

static uint8_t
suite_of(uint8_t auth, uint8_t integrity, uint8_t confidentiality)
{
	if (auth == 3 && integrity == 4 && confidentiality == 1)
		return 17;
	if (auth == 1 && integrity == 1 && confidentiality == 1)
		return 3;
	return 0;
}

static size_t
on_open(struct bmcsim_bmc *b, int64_t now, struct rbuf *r, uint8_t *reply)
{
	uint8_t tag = rbuf_u8(r), level = rbuf_u8(r) & 0x0F, alg[3], suite;
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
	suite = suite_of(alg[0], alg[1], alg[2]);
	if (suite == 0 || (suite == 17 && b->faults.suites & 1) ||
	    (suite == 3 && b->faults.suites & 2))
		return b->faults.suite_silent
			   ? 0
			   : setup_error(reply, 0x11, tag, 0x11, console_id);
	s = take_slot(b, console_id);
	if (s == NULL)
		return setup_error(reply, 0x11, tag, 0x01, console_id);
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
	w = begin(reply, 0x11, 0, 0);
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
	return finish(&w);
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
	wbuf_u8(w, keyed_role(b, s));
	wbuf_u8(w, (uint8_t)strlen(s->user));
	wbuf_str(w, s->user);
}

static size_t
user_mac(const struct bmcsim_bmc *b, const struct bmcsim_session *s,
    const struct wbuf *data, uint8_t *out)
{
	uint8_t key[20] = {0};

	memcpy(key, b->password, strlen(b->password));
	return bmcsim_crypt_mac(s->suite, key, sizeof key, data->base, data->len, out);
}

static size_t
on_rakp1(struct bmcsim_bmc *b, int64_t now, struct rbuf *r, uint8_t *reply)
{
	uint8_t tag = rbuf_u8(r), n, mac[BMCSIM_MAC_MAX], data[160];
	struct wbuf d = wbuf_init(data, sizeof data), w;
	struct bmcsim_session *s;
	size_t mac_len;

	rbuf_skip(r, 3);
	s = find_session(b, rbuf_u32le(r));
	if (!rbuf_ok(r))
		return 0;
	if (s == NULL || s->state == ACTIVE)
		return setup_error(reply, 0x13, tag, 0x02, 0);
	b->counts.rakp1++;
	rbuf_copy(r, s->console_random, sizeof s->console_random);
	s->role = rbuf_u8(r);
	rbuf_skip(r, 2);
	n = rbuf_u8(r);
	memset(s->user, 0, sizeof s->user);
	if (n > 16)
		return setup_error(reply, 0x13, tag, 0x0C, s->console_id);
	rbuf_copy(r, s->user, n);
	if (!rbuf_ok(r))
		return 0;
	s->touched = now;
	if (strcmp(s->user, b->user) != 0) {
		uint32_t console_id = s->console_id;

		memset(s, 0, sizeof *s);
		return setup_error(reply, 0x13, tag, 0x0D, console_id);
	}
	if ((s->role & 0x0F) != 0 && (s->role & 0x0F) < s->limit)
		s->limit = s->role & 0x0F; /* 13.20: the session's highest level */
	if ((s->role & 0x0F) > b->limit) {
		uint32_t console_id = s->console_id;

		memset(s, 0, sizeof *s);
		return setup_error(reply, 0x13, tag, 0x0A, console_id);
	}
	rng_bytes(&b->rng, s->bmc_random, sizeof s->bmc_random);
	s->state = RAKP1_DONE;
	wbuf_u32le(&d, s->console_id);
	wbuf_u32le(&d, s->bmc_id);
	wbuf_bytes(&d, s->console_random, 16);
	wbuf_bytes(&d, s->bmc_random, 16);
	wbuf_bytes(&d, b->guid, 16);
	put_user(&d, b, s);
	mac_len = user_mac(b, s, &d, mac);
	w = begin(reply, 0x13, 0, 0);
	wbuf_u8(&w, tag);
	wbuf_u8(&w, 0);
	wbuf_u16(&w, 0);
	wbuf_u32le(&w, s->console_id);
	wbuf_bytes(&w, s->bmc_random, 16);
	wbuf_bytes(&w, b->guid, 16);
	wbuf_bytes(&w, mac, mac_len);
	return finish(&w);
}

static void
make_keys(struct bmcsim_bmc *b, struct bmcsim_session *s)
{
	uint8_t data[80], constant[20];
	struct wbuf d = wbuf_init(data, sizeof data);
	size_t n = bmcsim_crypt_mac_len(s->suite);

	wbuf_bytes(&d, s->console_random, 16);
	wbuf_bytes(&d, s->bmc_random, 16);
	put_user(&d, b, s);
	user_mac(b, s, &d, s->sik); /* no K_g: the user's key stands in for it */
	memset(constant, 1, sizeof constant);
	bmcsim_crypt_mac(s->suite, s->sik, n, constant, sizeof constant, s->k1);
	memset(constant, 2, sizeof constant);
	bmcsim_crypt_mac(s->suite, s->sik, n, constant, sizeof constant, s->k2);
}

static size_t
rakp4(struct bmcsim_bmc *b, struct bmcsim_session *s, uint8_t tag, uint8_t *reply)
{
	uint8_t data[40], icv[BMCSIM_MAC_MAX];
	struct wbuf d = wbuf_init(data, sizeof data), w = begin(reply, 0x15, 0, 0);

	wbuf_bytes(&d, s->console_random, 16);
	wbuf_u32le(&d, s->bmc_id);
	wbuf_bytes(&d, b->guid, 16);
	bmcsim_crypt_mac(
	    s->suite, s->sik, bmcsim_crypt_mac_len(s->suite), d.base, d.len, icv);
	wbuf_u8(&w, tag);
	wbuf_u8(&w, 0);
	wbuf_u16(&w, 0);
	wbuf_u32le(&w, s->console_id);
	wbuf_bytes(&w, icv, bmcsim_crypt_icv_len(s->suite));
	return finish(&w);
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
	s = find_session(b, rbuf_u32le(r));
	if (!rbuf_ok(r))
		return 0;
	if (s != NULL && s->state != ACTIVE && status != 0) {
		b->counts.dropped++;
		memset(s, 0, sizeof *s);
	}
	if (status != 0)
		return 0;
	if (s == NULL || s->state == OPENED)
		return setup_error(reply, 0x15, tag, 0x02, 0);
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
			memset(s, 0, sizeof *s);
		return setup_error(reply, 0x15, tag, 0x0F, console_id);
	}
	s->touched = now;
	if (s->state != ACTIVE) { /* else: RAKP 4 was lost, say it again */
		make_keys(b, s);
		s->state = ACTIVE;
		s->level = 2;
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

static size_t
seal(struct bmcsim_bmc *b, struct bmcsim_session *s, const uint8_t *msg, size_t len,
    uint8_t *reply)
{
	uint8_t plain[160], iv[16], mac[BMCSIM_MAC_MAX];
	size_t pad = (16 - (len + 1) % 16) % 16;
	struct wbuf w = begin(reply, 0xC0, s->console_id, ++s->tx);

	memcpy(plain, msg, len);
	for (size_t i = 0; i < pad; i++)
		plain[len + i] = (uint8_t)(i + 1);
	plain[len + pad] = (uint8_t)pad;
	rng_bytes(&b->rng, iv, sizeof iv);
	bmcsim_crypt_aes(true, s->k2, iv, plain, len + pad + 1, plain);
	wbuf_bytes(&w, iv, sizeof iv);
	wbuf_bytes(&w, plain, len + pad + 1);
	if (finish(&w) == 0)
		return 0;
	pad = (4 - (w.len - 4 + 2) % 4) % 4;
	for (size_t i = 0; i < pad; i++)
		wbuf_u8(&w, 0xFF);
	wbuf_u8(&w, (uint8_t)pad);
	wbuf_u8(&w, 7);
	bmcsim_crypt_mac(
	    s->suite, s->k1, bmcsim_crypt_mac_len(s->suite), reply + 4, w.len - 4, mac);
	if (b->faults.bad_icv)
		mac[0] ^= 1;
	wbuf_bytes(&w, mac, bmcsim_crypt_icv_len(s->suite));
	return wbuf_ok(&w) ? w.len : 0;
}

/* Verifies and decrypts; returns the message's length in `plain`, 0 if it is to be
 * dropped. */
static size_t
unseal(const struct bmcsim_session *s, const uint8_t *pkt, size_t len, size_t payload,
    uint8_t *plain)
{
	uint8_t mac[BMCSIM_MAC_MAX];
	size_t icv = bmcsim_crypt_icv_len(s->suite), n;

	if (len < 16 + payload + 2 + icv || payload < 32 || payload % 16 != 0 ||
	    payload > 144)
		return 0;
	bmcsim_crypt_mac(
	    s->suite, s->k1, bmcsim_crypt_mac_len(s->suite), pkt + 4, len - 4 - icv, mac);
	if (memcmp(mac, pkt + len - icv, icv) != 0)
		return 0;
	n = payload - 16;
	if (!bmcsim_crypt_aes(false, s->k2, pkt + 16, pkt + 32, n, plain) ||
	    plain[n - 1] + 1U > n)
		return 0;
	return n - 1 - plain[n - 1];
}

static size_t
on_session_packet(struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len,
    uint32_t id, uint32_t seq, size_t payload, uint8_t *reply)
{
	struct bmcsim_session *s = find_session(b, id);
	uint8_t plain[160], answer[96];
	size_t n;

	if (s == NULL || s->state != ACTIVE)
		return 0;
	n = unseal(s, pkt, len, payload, plain);
	if (n == 0 || !sequence_is_new(s, seq)) {
		b->counts.bad_packets++;
		return 0;
	}
	s->touched = now;
	n = bmcsim_cmd_message(b, s, now, plain, n, answer);
	n = n > 0 ? seal(b, s, answer, n, reply) : 0;
	if (s->state == BMCSIM_CLOSE_AFTER_REPLY)
		memset(s, 0, sizeof *s);
	return n;
}

static size_t
on_rmcpplus(struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len,
    struct rbuf *r, uint8_t *reply)
{
	uint8_t type = rbuf_u8(r), answer[96];
	uint32_t id = rbuf_u32le(r), seq = rbuf_u32le(r);
	size_t payload = rbuf_u16le(r), n;
	struct rbuf body = rbuf_sub(r, payload);
	struct wbuf w;

	if (!rbuf_ok(r))
		return 0;
	switch (type) {
	case 0x10: return on_open(b, now, &body, reply);
	case 0x12: return on_rakp1(b, now, &body, reply);
	case 0x14: return on_rakp3(b, now, &body, reply);
	case 0xC0: return on_session_packet(b, now, pkt, len, id, seq, payload, reply);
	case 0x00: /* ipmitool asks for the cipher suites in this envelope, outside a
		      session */
		n = id == 0 ? bmcsim_cmd_message(b, NULL, now, pkt + 16, payload, answer)
			    : 0;
		if (n == 0)
			return 0;
		w = begin(reply, 0x00, 0, 0);
		wbuf_bytes(&w, answer, n);
		return finish(&w);
	}
	return 0;
}

/* The IPMI 1.5 envelope, outside a session only. */
static size_t
on_ipmi15(struct bmcsim_bmc *b, int64_t now, struct rbuf *r, uint8_t *reply)
{
	struct wbuf w = wbuf_init(reply, BMCSIM_PACKET_MAX);
	uint8_t answer[96];
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

static bool
lost(struct bmcsim_bmc *b)
{
	return b->faults.drop > 0 && rng_below(&b->rng, 100) < (uint64_t)b->faults.drop;
}

size_t
bmcsim_input(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len, uint8_t *reply)
{
	struct rbuf r = rbuf_init(pkt, len);
	size_t n;
	uint8_t auth;

	bmcsim_tick(b, now);
	b->counts.unheard += b->faults.dead != 0;
	if (b->faults.dead || lost(b))
		return 0;
	expire_sessions(b, now);
	if (rbuf_u8(&r) != 6 || (rbuf_skip(&r, 2), rbuf_u8(&r)) != 7)
		return 0; /* not RMCP, or ASF (presence ping) */
	auth = rbuf_u8(&r);
	if (!rbuf_ok(&r))
		return 0;
	n = auth == 6	? on_rmcpplus(b, now, pkt, len, &r, reply)
	    : auth == 0 ? on_ipmi15(b, now, &r, reply)
			: 0;
	return n > 0 && lost(b) ? 0 : n;
}
