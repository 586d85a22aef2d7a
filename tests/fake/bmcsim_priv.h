/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of the simulated BMC. */
#ifndef TESTS_FAKE_BMCSIM_PRIV_H
#define TESTS_FAKE_BMCSIM_PRIV_H

#include "lib/buf.h"
#include "tests/fake/bmcsim_core.h"

enum {
	BMCSIM_FREE,
	BMCSIM_OPENED,
	BMCSIM_RAKP1_DONE,
	BMCSIM_ACTIVE,
	BMCSIM_CLOSE_AFTER_REPLY = 9
};
enum { BMCSIM_ANSWER_MAX = 80, BMCSIM_MESSAGE_MAX = 96 };
enum { BMCSIM_TYPE_IPMI = 0, BMCSIM_TYPE_SOL = 1 };
/* Levels a command asks for (IPMI 2.0 appendix G). */
enum { BMCSIM_ANYBODY = 0, BMCSIM_USER = 2, BMCSIM_OPERATOR = 3, BMCSIM_ADMIN = 4 };

/* A command being executed: `data` came with it; `code` and `out` are its answer. */
struct bmcsim_call {
	struct bmcsim_bmc *b;
	struct bmcsim_session *s; /* NULL outside a session */
	int64_t now;
	const uint8_t *data;
	size_t len;
	uint8_t code, out[BMCSIM_ANSWER_MAX];
	size_t n;
};

/* A row per command; `run` is not called with less than `min_len` octets (C7h), nor below
 * `level` (D4h). BMCSIM_ANYBODY: outside a session as well. */
struct bmcsim_command {
	uint8_t netfn, cmd, level, min_len;
	void (*run)(struct bmcsim_call *c);
};

/* Each ends with a row without `run`. */
extern const struct bmcsim_command bmcsim_app_table[], bmcsim_users_table[],
    bmcsim_chassis_table[], bmcsim_payload_table[], bmcsim_sel_table[],
    bmcsim_sdr_table[];

void
bmcsim_call_put(struct bmcsim_call *c, const void *data, size_t n);
void
bmcsim_call_put_u16le(struct bmcsim_call *c, unsigned v);
void
bmcsim_call_put_u32le(struct bmcsim_call *c, uint32_t v);

/* Executes one IPMI message (header, command, checksums); s is NULL outside a session.
 * Returns the answer's length in `answer` (BMCSIM_MESSAGE_MAX octets), 0 for none. */
size_t
bmcsim_cmd_message(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const uint8_t *msg, size_t len, uint8_t *answer);

/* Chassis commands; each returns the completion code. */
uint8_t
bmcsim_chassis_control(struct bmcsim_bmc *b, int64_t now, uint8_t what);
uint8_t
bmcsim_chassis_set_option(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *data, size_t len);
/* Writes version, parameter and value to `out` (16 octets). */
uint8_t
bmcsim_chassis_get_option(
    struct bmcsim_bmc *b, uint8_t parameter, uint8_t *out, size_t *ret_len);
uint8_t
bmcsim_chassis_status(const struct bmcsim_bmc *b);
/* Power changes that have become due; when to come again, or -1. */
int64_t
bmcsim_chassis_tick(struct bmcsim_bmc *b, int64_t now);

/* Sessions (bmcsim_core.c). */
struct bmcsim_session *
bmcsim_find_session(struct bmcsim_bmc *b, uint32_t bmc_id);
/* RMCP and RMCP+ session header (13.6); the payload's length is patched in by the end. */
struct wbuf
bmcsim_begin(uint8_t *reply, uint8_t type, uint32_t session, uint32_t sequence);
size_t
bmcsim_finish(struct wbuf *w);

/* Users (bmcsim_users.c). The enabled user of that name, or NULL. */
struct bmcsim_user *
bmcsim_users_find(struct bmcsim_bmc *b, const char *name);
/* Level up to which he may go; 0: no access. */
uint8_t
bmcsim_users_limit(const struct bmcsim_bmc *b, const struct bmcsim_user *u);
/* The keys as the BMC has them now; BMCSIM_KEY octets. */
void
bmcsim_users_key(const struct bmcsim_bmc *b, const struct bmcsim_user *u, uint8_t *out);
void
bmcsim_users_kg(const struct bmcsim_bmc *b, const struct bmcsim_user *u, uint8_t *out);
bool
bmcsim_users_has_kg(const struct bmcsim_bmc *b);
/* Status octet of Get Channel Authentication Capabilities. */
uint8_t
bmcsim_users_authcap(const struct bmcsim_bmc *b);
/* Lockout. Consoles find a wrong password in RAKP 2 by themselves and often say nothing, so
 * what counts is a handshake that has come that far and does not end with a proof. */
void
bmcsim_users_try(const struct bmcsim_bmc *b, struct bmcsim_user *u);
void
bmcsim_users_proved(struct bmcsim_user *u);
bool
bmcsim_users_locked(struct bmcsim_bmc *b, struct bmcsim_user *u, int64_t now);

/* Packets of a session (bmcsim_seal.c). */
uint8_t
bmcsim_seal_suite(
    uint8_t auth, uint8_t integrity, uint8_t confidentiality, bool *ret_known);
bool
bmcsim_seal_offered(const struct bmcsim_bmc *b, uint8_t suite);
/* Suite records (22.15.2) of what is offered, at most `size` octets; their length. */
size_t
bmcsim_seal_list(const struct bmcsim_bmc *b, uint8_t *out, size_t size);
/* Encrypts and authenticates `msg`; the packet's length, 0 if it does not fit. */
size_t
bmcsim_seal(struct bmcsim_bmc *b, struct bmcsim_session *s, uint8_t payload_type,
    const uint8_t *msg, size_t len, uint8_t *pkt);
/* Verifies and decrypts; the message's length in `plain` (BMCSIM_PAYLOAD_MAX), 0: drop it. */
size_t
bmcsim_unseal(const struct bmcsim_session *s, uint8_t type, const uint8_t *pkt,
    size_t len, size_t payload, uint8_t *plain);

/* Life of the BMC (bmcsim_life.c). */
void
bmcsim_life_reboot(struct bmcsim_bmc *b, int64_t now);
/* Faults that happen once; false while it hears nothing. */
bool
bmcsim_life_awake(struct bmcsim_bmc *b, int64_t now);
/* A command or an Open Session arrives: false if that was too fast, or one too many. */
bool
bmcsim_life_command(struct bmcsim_bmc *b, int64_t now, uint8_t netfn, uint8_t cmd);
bool
bmcsim_life_open(struct bmcsim_bmc *b, int64_t now);
/* Is this, a command or a message of the handshake, where the BMC is to fall silent? It is silent from now on. */
bool
bmcsim_life_holds(struct bmcsim_bmc *b, int what);

/* True that often in a hundred. */
bool
bmcsim_wire_chance(struct bmcsim_bmc *b, int percent);
/* Makes garbage of a reply now and then; its new length. */
size_t
bmcsim_wire_mangle(struct bmcsim_bmc *b, uint8_t *pkt, size_t len);

/* Makes something else of the contents of an answer now and then: its octets, and with `ret_code`
 * the completion code; the new length, at most `size`. */
size_t
bmcsim_wire_malform(
    struct bmcsim_bmc *b, uint8_t *data, size_t len, size_t size, uint8_t *ret_code);

/* Serial over LAN (bmcsim_sol.c). */
void
bmcsim_sol_init(struct bmcsim_bmc *b);
void
bmcsim_sol_start(struct bmcsim_bmc *b, struct bmcsim_session *s);
/* Ends it; its session is told with the next bmcsim_output() if `tell`. */
void
bmcsim_sol_stop(struct bmcsim_bmc *b, bool tell);
/* A session goes; so does its console. */
void
bmcsim_sol_session_gone(struct bmcsim_bmc *b, const struct bmcsim_session *s);
void
bmcsim_sol_input(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const uint8_t *payload, size_t len);
/* When to come again, or -1. */
int64_t
bmcsim_sol_tick(struct bmcsim_bmc *b, int64_t now);
size_t
bmcsim_sol_output(
    struct bmcsim_bmc *b, int64_t now, uint8_t *pkt, struct bmcsim_peer *ret_to);

/* Power changes as records of the log. */
void
bmcsim_sel_power(struct bmcsim_bmc *b, int64_t now, bool on);
void
bmcsim_sel_init(struct bmcsim_bmc *b);

#endif
