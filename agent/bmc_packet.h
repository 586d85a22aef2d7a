/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RMCP+ packets as bytes and structs (IPMI 2.0 chapter 13). No sockets, no time, no state that
 * lives from one call to the next but keys that were used. */
#ifndef AGENT_BMC_PACKET_H
#define AGENT_BMC_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bmc_proto.h"
#include "lib/compiler.h"
#include "lib/error.h"
#include "lib/rng.h"

/* Handles of the cryptographic libraries: one set serves all sessions of a thread. Initialisation vectors
 * come from `rng`. */
struct bmc_packet;

struct bmc_packet *
bmc_packet_new(struct rng rng, struct error *err) MUST_CHECK;
void
bmc_packet_free(struct bmc_packet *p);
/* Wipes the keys that the last packet was sealed with: when a session ends. */
void
bmc_packet_forget(struct bmc_packet *p);

/* Cipher suite 17 or 3 (table 22-20). There is no row for any other, so none can be used.
 */
struct bmc_suite {
	int id;
	uint8_t auth, integrity, confidentiality;
	uint8_t icv_len;   /* of the integrity code that ends each packet */
	uint8_t proof_len; /* of RAKP 2's key exchange authentication code */
};
const struct bmc_suite *
bmc_packet_suite(int id); /* NULL: not allowed */
/* Suite 0, for an Open Session that is not gone on with: an audit asks whether it is accepted. */
const struct bmc_suite *
bmc_packet_suite_none(void);

/* All that the handshake's HMACs cover (13.31). user and password are borrowed. */
struct bmc_handshake {
	uint32_t console_id; /* ours */
	uint32_t bmc_id;     /* the managed system's */
	uint8_t console_random[BMC_PROTO_RANDOM_SIZE];
	uint8_t bmc_random[BMC_PROTO_RANDOM_SIZE];
	uint8_t guid[BMC_PROTO_GUID_SIZE];
	uint8_t privilege; /* asked for in RAKP 1 */
	const char *user;
	const char *password;
	const uint8_t *kg; /* 20 octets, or NULL: the password stands in for it (13.31) */
};

enum { BMC_PACKET_KEY_SIZE = 64 };

struct bmc_keys {
	uint8_t sik[BMC_PACKET_KEY_SIZE], k1[BMC_PACKET_KEY_SIZE],
	    k2[BMC_PACKET_KEY_SIZE];
	unsigned sik_len, k1_len, k2_len;
};

struct bmc_open_rs {
	uint8_t tag, status, privilege, auth, integrity, confidentiality;
	uint32_t console_id, bmc_id;
};

/* RAKP 2 and 4: on status != 0 only tag and status are set. */
struct bmc_rakp_rs {
	uint8_t tag, status;
	uint32_t console_id;
	uint8_t random[BMC_PROTO_RANDOM_SIZE], guid[BMC_PROTO_GUID_SIZE];
	uint8_t proof[BMC_PACKET_KEY_SIZE];
	unsigned proof_len;
};

struct bmc_cmd {
	uint8_t netfn, cmd;
	uint8_t data[BMC_PROTO_DATA_MAX];
	uint8_t len;
	bool
	    once; /* must never reach the BMC twice: cycle, reset, cold reset, erasing its log */
};

struct bmc_reply {
	uint32_t sequence;
	uint8_t netfn, cmd, rq_seq, code;
	uint8_t data[BMC_PROTO_DATA_MAX]; /* after the completion code */
	uint8_t len;
};

/* Each build function returns the packet's length, or -EINVAL. `out` holds
 * BMC_PROTO_PACKET_MAX octets. */
int
bmc_packet_open(struct bmc_packet *p, uint8_t tag, uint8_t privilege, uint32_t console_id,
    const struct bmc_suite *suite, uint8_t *out);
int
bmc_packet_rakp1(
    struct bmc_packet *p, uint8_t tag, const struct bmc_handshake *h, uint8_t *out);
/* Proves our side, or with status != 0 tells the BMC to drop the half-open session. */
int
bmc_packet_rakp3(struct bmc_packet *p, uint8_t tag, uint8_t status,
    const struct bmc_suite *suite, const struct bmc_handshake *h, uint8_t *out);
int
bmc_packet_command(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, uint32_t bmc_id, uint32_t sequence, uint8_t rq_seq,
    const struct bmc_cmd *cmd, uint8_t *out);

/* 0, or -EBADMSG for what is malformed or of another type; *ret untouched then. */
int
bmc_packet_parse_open(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_open_rs *ret);
int
bmc_packet_parse_rakp2(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_rakp_rs *ret);
int
bmc_packet_parse_rakp4(
    struct bmc_packet *p, const uint8_t *pkt, size_t len, struct bmc_rakp_rs *ret);
/* Accepts only an encrypted, authenticated packet for `console_id` whose integrity code
 * holds and whose data fits. -EBADMSG otherwise. The caller checks the
 * sequence number afterwards. */
int
bmc_packet_parse_reply(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_keys *keys, uint32_t console_id, const uint8_t *pkt, size_t len,
    struct bmc_reply *ret);

/* Is the BMC's proof in RAKP 2 made with our password? (h->bmc_random and guid from it.)
 */
bool
bmc_packet_rakp2_holds(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_handshake *h, const struct bmc_rakp_rs *rakp2);
int
bmc_packet_session_keys(
    const struct bmc_suite *suite, const struct bmc_handshake *h, struct bmc_keys *ret);
bool
bmc_packet_rakp4_holds(struct bmc_packet *p, const struct bmc_suite *suite,
    const struct bmc_handshake *h, const struct bmc_keys *keys,
    const struct bmc_rakp_rs *rakp4);

#endif
