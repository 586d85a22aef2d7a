/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets within a session of the simulated BMC: which cipher suites there are, and sealing
 * and opening with each (IPMI 2.0 13.6, 13.28, 13.29). Suites 3 and 17 are what a BMC should
 * have; 0, 1, 2, 15 and 16 leave out encryption, integrity or both, for those who look for
 * BMCs that accept them. */
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_crypt.h"
#include "tests/fake/bmcsim_priv.h"

enum { ENCRYPTED = 0x80, AUTHENTICATED = 0x40, AES = 1, BLOCK = 16 };

static const struct suite {
	uint8_t id, auth, integrity, confidentiality;
	uint8_t icv; /* octets of the integrity code */
	int weak;    /* bit of the fault that offers it; 0: offered */
	int missing; /* bit of the fault that takes it away */
} suites[] = {
    {0, 0, 0, 0, 0, 1, 0},
    {1, 1, 0, 0, 0, 2, 0},
    {2, 1, 1, 0, 12, 4, 0},
    {3, 1, 1, AES, 12, 0, 2},
    {15, 3, 0, 0, 0, 8, 0},
    {16, 3, 4, 0, 16, 16, 0},
    {17, 3, 4, AES, 16, 0, 1},
};

static const struct suite *
find(uint8_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	return &suites[0];
}

uint8_t
bmcsim_seal_suite(
    uint8_t auth, uint8_t integrity, uint8_t confidentiality, bool *ret_known)
{
	*ret_known = true;
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].auth == auth && suites[i].integrity == integrity &&
		    suites[i].confidentiality == confidentiality)
			return suites[i].id;
	*ret_known = false;
	return 0;
}

bool
bmcsim_seal_offered(const struct bmcsim_bmc *b, uint8_t suite)
{
	const struct suite *s = find(suite);

	return s->weak != 0 ? b->faults.weak & s->weak : !(b->faults.suites & s->missing);
}

size_t
bmcsim_seal_list(const struct bmcsim_bmc *b, uint8_t *out, size_t size)
{
	struct wbuf w = wbuf_init(out, size);

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		const struct suite *s = &suites[i];

		if (bmcsim_seal_offered(b, s->id))
			wbuf_bytes(&w,
			    (const uint8_t[]){0xC0, s->id, s->auth,
				(uint8_t)(0x40 | s->integrity),
				(uint8_t)(0x80 | s->confidentiality)},
			    5);
	}
	return w.len;
}

static uint8_t
type_of(const struct suite *suite, uint8_t payload_type)
{
	return (uint8_t)((suite->confidentiality ? ENCRYPTED : 0) |
			 (suite->integrity ? AUTHENTICATED : 0) | payload_type);
}

static void
encrypt(struct bmcsim_bmc *b, struct bmcsim_session *s, const uint8_t *msg, size_t len,
    struct wbuf *w)
{
	uint8_t plain[BMCSIM_PAYLOAD_MAX + BLOCK], iv[BLOCK];
	size_t pad = (BLOCK - (len + 1) % BLOCK) % BLOCK;

	memcpy(plain, msg, len);
	for (size_t i = 0; i < pad; i++)
		plain[len + i] = (uint8_t)(i + 1);
	plain[len + pad] = (uint8_t)pad;
	rng_bytes(&b->rng, iv, sizeof iv);
	bmcsim_crypt_aes(true, s->k2, iv, plain, len + pad + 1, plain);
	wbuf_bytes(w, iv, sizeof iv);
	wbuf_bytes(w, plain, len + pad + 1);
}

size_t
bmcsim_seal(struct bmcsim_bmc *b, struct bmcsim_session *s, uint8_t payload_type,
    const uint8_t *msg, size_t len, uint8_t *pkt)
{
	const struct suite *suite = find(s->suite);
	uint8_t mac[BMCSIM_MAC_MAX];
	struct wbuf w =
	    bmcsim_begin(pkt, type_of(suite, payload_type), s->console_id, ++s->tx);
	size_t pad;

	if (len > BMCSIM_PAYLOAD_MAX)
		return 0;
	if (suite->confidentiality)
		encrypt(b, s, msg, len, &w);
	else
		wbuf_bytes(&w, msg, len);
	if (bmcsim_finish(&w) == 0 || !suite->integrity)
		return w.len;
	pad = (4 - (w.len - 4 + 2) % 4) % 4;
	for (size_t i = 0; i < pad; i++)
		wbuf_u8(&w, 0xFF);
	wbuf_u8(&w, (uint8_t)pad);
	wbuf_u8(&w, 7);
	bmcsim_crypt_mac(
	    s->suite, s->k1, bmcsim_crypt_mac_len(s->suite), pkt + 4, w.len - 4, mac);
	if (b->faults.bad_icv)
		mac[0] ^= 1;
	wbuf_bytes(&w, mac, suite->icv);
	return wbuf_ok(&w) ? w.len : 0;
}

size_t
bmcsim_unseal(const struct bmcsim_session *s, uint8_t type, const uint8_t *pkt,
    size_t len, size_t payload, uint8_t *plain)
{
	const struct suite *suite = find(s->suite);
	uint8_t mac[BMCSIM_MAC_MAX];
	size_t icv = suite->icv, n;

	if (type != type_of(suite, type & 0x3F) || payload == 0 ||
	    len < 16 + payload + (suite->integrity ? 2 + icv : 0))
		return 0;
	if (suite->integrity) {
		bmcsim_crypt_mac(s->suite, s->k1, bmcsim_crypt_mac_len(s->suite), pkt + 4,
		    len - 4 - icv, mac);
		if (memcmp(mac, pkt + len - icv, icv) != 0)
			return 0;
	}
	if (!suite->confidentiality) {
		if (payload > BMCSIM_PAYLOAD_MAX)
			return 0;
		memcpy(plain, pkt + 16, payload);
		return payload;
	}
	if (payload < 2 * BLOCK || payload % BLOCK != 0 ||
	    payload - BLOCK > BMCSIM_PAYLOAD_MAX)
		return 0;
	n = payload - BLOCK;
	if (!bmcsim_crypt_aes(false, s->k2, pkt + 16, pkt + 16 + BLOCK, n, plain) ||
	    plain[n - 1] + 1U > n)
		return 0;
	return n - 1 - plain[n - 1];
}
