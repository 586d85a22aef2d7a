/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of one RMCP+ session (IPMI 2.0 13.15 to 13.25).
 *
 *   IDLE ─start()→ OPEN ─on_open()→ RAKP1 ─on_rakp2()→ RAKP3 ─on_rakp4()→ LEVEL
 *                                                                          │
 *                                               ┌─────────on_level()───────┘
 *                                               ↓
 *   CLOSED ←─ input(),tick() ─ CLOSING ←close()─ READY ─command()→ COMMAND
 *      ↑                                          ↑ └─take_reply(),───┘
 *      │                                          │   tick() if it is sent only once
 *      └── fail() from any state
 *
 * Get Channel Authentication Capabilities is not asked for: it is an IPMI 1.5 packet,
 * unprotected, some BMCs leave it unanswered, and Open Session says all that matters.
 *
 * Failures end the session with a bmc_fail and a sentence; packets that do not belong to
 * the session are dropped without a trace, since anyone can send them. */
#include "agent/bmc_session.h"

#include <assert.h>
#include <freeipmi/freeipmi.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is easily got wrong, and how it is done here:
 *
 *   tags       A resent setup packet has a new message tag and only the newest counts: a
 *              BMC that answers twice may have drawn two random numbers, and RAKP 3 must
 *              match the later one. Our session id and random number stay the same, so
 *              that a resend need not cost a second slot. RAKP 3 is the exception: its
 *              copies say the same, and ipmi_sim answers only the first.
 *   rq_seq     A resent command keeps it and has a new session sequence number: a BMC
 *              may answer the second copy from memory. Many execute it again, ipmi_sim
 *              among them. So a command that is not idempotent (cmd.once) is sent once, and
 *              its silence is reported instead: whoever ordered it looks at the state.
 *   order      RAKP 3 leaves only after RAKP 2's proof has been verified. A wrong password
 *              is found there; a RAKP 3 with an error then drops the half-open session.
 *   window     A reply's integrity code is verified before its sequence number may move it. */

static const char *const state_names[BMC_SESSION_STATES] = {
    "idle", "open", "rakp1", "rakp3", "level", "ready", "command", "closing", "closed"};

#define BIT(state) (1U << (state))

/* From each state, where it may go. */
static const unsigned legal[BMC_SESSION_STATES] = {
    [BMC_SESSION_IDLE] = BIT(BMC_SESSION_OPEN) | BIT(BMC_SESSION_CLOSED),
    [BMC_SESSION_OPEN] = BIT(BMC_SESSION_RAKP1) | BIT(BMC_SESSION_CLOSED),
    [BMC_SESSION_RAKP1] = BIT(BMC_SESSION_RAKP3) | BIT(BMC_SESSION_CLOSED),
    [BMC_SESSION_RAKP3] = BIT(BMC_SESSION_LEVEL) | BIT(BMC_SESSION_CLOSED),
    [BMC_SESSION_LEVEL] =
	BIT(BMC_SESSION_READY) | BIT(BMC_SESSION_CLOSING) | BIT(BMC_SESSION_CLOSED),
    [BMC_SESSION_READY] = BIT(BMC_SESSION_COMMAND) | BIT(BMC_SESSION_CLOSING),
    [BMC_SESSION_COMMAND] =
	BIT(BMC_SESSION_READY) | BIT(BMC_SESSION_CLOSING) | BIT(BMC_SESSION_CLOSED),
    [BMC_SESSION_CLOSING] = BIT(BMC_SESSION_CLOSED),
    [BMC_SESSION_CLOSED] = 0,
};

const char *
bmc_session_state_name(enum bmc_session_state state)
{
	return state_names[state];
}

static void
move(struct bmc_session *s, enum bmc_session_state to)
{
	assert(legal[s->state] & BIT(to));
	s->state = to;
	s->sends = 0;
	s->n_strange = 0;
	s->deadline = -1;
	if (to == BMC_SESSION_CLOSED)
		explicit_bzero(&s->keys, sizeof s->keys);
}

static uint32_t
next_sequence(struct bmc_session *s)
{
	if (++s->tx_sequence == 0) /* 0 is for packets outside a session (13.6) */
		s->tx_sequence = 1;
	return s->tx_sequence;
}

static struct bmc_cmd
close_command(const struct bmc_session *s)
{
	struct bmc_cmd cmd = {
	    .netfn = BMC_NETFN_APP, .cmd = BMC_CMD_CLOSE_SESSION, .len = 4};

	for (unsigned i = 0; i < 4; i++) /* 22.19: least significant octet first */
		cmd.data[i] = (uint8_t)(s->hs.bmc_id >> (8 * i));
	return cmd;
}

/* The one packet that frees the BMC's slot when we leave without waiting for an answer. A
 * half-open session ends when RAKP 3 brings an error (13.23); from RAKP 3 on it may be
 * open. */
static void
farewell(struct bmc_session *s, uint8_t status, struct bmc_session_out *out)
{
	struct bmc_cmd cmd = close_command(s);
	int n = 0;

	if (s->state == BMC_SESSION_RAKP1)
		n = bmc_packet_rakp3(
		    s->packet, ++s->tag, status, s->suite, &s->hs, out->pkt);
	else if (s->state == BMC_SESSION_RAKP3 || s->state == BMC_SESSION_LEVEL ||
		 s->state == BMC_SESSION_COMMAND)
		n = bmc_packet_command(s->packet, s->suite, &s->keys, s->hs.bmc_id,
		    next_sequence(s), (uint8_t)((s->rq_seq + 1) & BMC_PROTO_RQ_SEQ_MAX),
		    &cmd, out->pkt);
	out->len = n > 0 ? (size_t)n : 0;
}

static enum bmc_session_event
fail(struct bmc_session *s, enum bmc_fail why, const char *fmt, ...) PRINTF_LIKE(3, 4);

static enum bmc_session_event
fail(struct bmc_session *s, enum bmc_fail why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->fail_text, sizeof s->fail_text, fmt, ap);
	va_end(ap);
	s->fail = why;
	move(s, BMC_SESSION_CLOSED);
	return BMC_SESSION_FAILED;
}

/* Anyone can send it, so it changes nothing; but silence with it is another trouble than without. */
static enum bmc_session_event
strange(struct bmc_session *s)
{
	s->n_strange++;
	return BMC_SESSION_NOTHING;
}

static const char *
level_name(uint8_t level)
{
	static const char *const names[] = {
	    [BMC_PRIVILEGE_HIGHEST] = "the highest",
	    [BMC_PRIVILEGE_USER] = "user",
	    [BMC_PRIVILEGE_OPERATOR] = "operator",
	    [BMC_PRIVILEGE_ADMIN] = "administrator",
	};

	return level < ARRAY_SIZE(names) && names[level] != NULL ? names[level] : "no";
}

/* The BMC answered a step of the handshake with an error: in words first, since who reads
 * this has a password to correct and no specification at hand. */
static enum bmc_session_event
refused(struct bmc_session *s, const char *step, uint8_t status)
{
	enum bmc_fail why = bmc_error_of_status(status);
	const char *text = bmc_error_status_text(status);

	if (why == BMC_FAIL_PRIVILEGE)
		return fail(s, why, "user \"%s\" has no %s privilege (%s: %s, %02Xh)",
		    s->hs.user, level_name(s->hs.privilege), step, text, status);
	if (why == BMC_FAIL_CIPHER)
		return fail(s, why, "it refuses cipher suite %d (%s: %s, %02Xh)",
		    s->suite->id, step, text, status);
	if (why == BMC_FAIL_AUTH)
		return fail(s, why, "it refuses user \"%s\" (%s: %s, %02Xh)", s->hs.user,
		    step, text, status);
	return fail(s, why, "%s: %s (%02Xh)", step, text, status);
}

void
bmc_session_init(struct bmc_session *s, struct bmc_packet *packet,
    const struct bmc_session_params *params, struct rng *rng)
{
	struct {
		uint32_t console_id;
		uint8_t random[BMC_PROTO_RANDOM_SIZE], tag;
	} fresh; /* drawn at once: a system call each would show in a large fleet */

	memset(s, 0, sizeof *s);
	s->packet = packet;
	s->suite = params->suite;
	s->hs.user = params->user;
	s->hs.password = params->password;
	s->hs.kg = params->kg;
	s->only_open = params->only_open;
	s->hs.privilege = params->privilege;
	s->open_privilege =
	    params->level_in_open ? params->privilege : BMC_PRIVILEGE_HIGHEST;
	s->deadline = -1;
	do
		rng_bytes(rng, &fresh, sizeof fresh);
	while (fresh.console_id == 0);
	s->hs.console_id = fresh.console_id;
	memcpy(s->hs.console_random, fresh.random, sizeof s->hs.console_random);
	s->tag = fresh.tag;
	ipmi_check_session_sequence_number_2_0_init(&s->rx_highest, &s->rx_seen);
}

void
bmc_session_done(struct bmc_session *s)
{
	if (s->packet != NULL)
		bmc_packet_forget(s->packet);
	explicit_bzero(s, sizeof *s);
}

static int
build(struct bmc_session *s, uint8_t *pkt)
{
	switch (s->state) {
	case BMC_SESSION_OPEN:
		return bmc_packet_open(s->packet, ++s->tag, s->open_privilege,
		    s->hs.console_id, s->suite, pkt);
	case BMC_SESSION_RAKP1: return bmc_packet_rakp1(s->packet, ++s->tag, &s->hs, pkt);
	case BMC_SESSION_RAKP3:
		return bmc_packet_rakp3(
		    s->packet, ++s->tag, BMC_STATUS_OK, s->suite, &s->hs, pkt);
	case BMC_SESSION_LEVEL:
	case BMC_SESSION_COMMAND:
	case BMC_SESSION_CLOSING:
		return bmc_packet_command(s->packet, s->suite, &s->keys, s->hs.bmc_id,
		    next_sequence(s), s->rq_seq, &s->cmd, pkt);
	case BMC_SESSION_IDLE:
	case BMC_SESSION_READY:
	case BMC_SESSION_CLOSED:
	case BMC_SESSION_STATES: break;
	}
	return 0;
}

/* Sends the present state's packet, again or for the first time, and arms the timer. */
static void
transmit(struct bmc_session *s, int64_t now, struct bmc_session_out *out)
{
	int64_t wait = BMC_SESSION_FIRST_RESEND;
	int n;

	for (unsigned i = 0; i < s->sends && wait < BMC_SESSION_LAST_RESEND; i++)
		wait *= 2;
	if (s->state == BMC_SESSION_CLOSING)
		wait = BMC_SESSION_CLOSE_WAIT;
	if (s->state == BMC_SESSION_COMMAND && s->cmd.once)
		wait = BMC_SESSION_ONCE_WAIT;
	if (s->sends++ > 0)
		s->n_resends++;
	s->deadline = now + wait;
	n = build(s, out->pkt);
	/* Building fails only for want of memory; the timer treats it as a lost packet.
	 */
	out->len = n > 0 ? (size_t)n : 0;
}

static void
request(struct bmc_session *s, enum bmc_session_state state, int64_t now,
    const struct bmc_cmd *cmd, struct bmc_session_out *out)
{
	move(s, state);
	s->cmd = *cmd;
	s->rq_seq = (uint8_t)((s->rq_seq + 1) & BMC_PROTO_RQ_SEQ_MAX);
	transmit(s, now, out);
}

void
bmc_session_start(struct bmc_session *s, int64_t now, struct bmc_session_out *out)
{
	move(s, BMC_SESSION_OPEN);
	transmit(s, now, out);
}

/* What was offered is taken, or not; that was the question. A half-open session is told to go by RAKP 3 with
 * an error, which says nothing but that (13.23). */
static enum bmc_session_event
end_offer(
    struct bmc_session *s, const struct bmc_open_rs *rs, struct bmc_session_out *out)
{
	s->accepted = rs->status == BMC_STATUS_OK && rs->bmc_id != 0 &&
		      rs->auth == s->suite->auth &&
		      rs->integrity == s->suite->integrity &&
		      rs->confidentiality == s->suite->confidentiality;
	if (rs->status == BMC_STATUS_OK && rs->bmc_id != 0) {
		s->hs.bmc_id = rs->bmc_id;
		move(s, BMC_SESSION_RAKP1);
		farewell(s, BMC_STATUS_ILLEGAL_PARAMETER, out);
	}
	move(s, BMC_SESSION_CLOSED);
	return BMC_SESSION_ENDED;
}

static enum bmc_session_event
on_open(struct bmc_session *s, int64_t now, const uint8_t *pkt, size_t len,
    struct bmc_session_out *out)
{
	struct bmc_open_rs rs;

	if (bmc_packet_parse_open(s->packet, pkt, len, &rs) < 0)
		return strange(s);
	if (rs.tag != s->tag)
		return BMC_SESSION_NOTHING;
	s->heard = true;
	if (s->only_open && rs.status != BMC_STATUS_OK)
		return end_offer(s, &rs, out);
	if (rs.status != BMC_STATUS_OK)
		return refused(s, "open session", rs.status);
	if (rs.console_id != s->hs.console_id)
		return BMC_SESSION_NOTHING;
	if (s->only_open)
		return end_offer(s, &rs, out);
	if (rs.bmc_id == 0)
		return fail(
		    s, BMC_FAIL_REFUSED, "open session: the BMC chose session id 0");
	/* The unprotected answer may not talk us into weaker algorithms. */
	if (rs.auth != s->suite->auth || rs.integrity != s->suite->integrity ||
	    rs.confidentiality != s->suite->confidentiality)
		return fail(s, BMC_FAIL_CIPHER,
		    "open session: other algorithms than suite %d's", s->suite->id);
	s->hs.bmc_id = rs.bmc_id;
	/* "Highest" (0) echoed is what some BMCs and ipmi_sim answer: RAKP 1 names the
	 * level. */
	move(s, BMC_SESSION_RAKP1);
	if (rs.privilege != BMC_PRIVILEGE_HIGHEST && rs.privilege < s->hs.privilege) {
		farewell(s, BMC_STATUS_UNAUTHORIZED_ROLE, out);
		return fail(s, BMC_FAIL_PRIVILEGE,
		    "user \"%s\" has %s privilege, and %s is wanted (open session)",
		    s->hs.user, level_name(rs.privilege), level_name(s->hs.privilege));
	}
	transmit(s, now, out);
	return BMC_SESSION_NOTHING;
}

static enum bmc_session_event
on_rakp2(struct bmc_session *s, int64_t now, const uint8_t *pkt, size_t len,
    struct bmc_session_out *out)
{
	struct bmc_rakp_rs rs;

	if (bmc_packet_parse_rakp2(s->packet, pkt, len, &rs) < 0)
		return strange(s);
	if (rs.tag != s->tag)
		return BMC_SESSION_NOTHING;
	if (rs.status != BMC_STATUS_OK)
		return refused(s, "RAKP 2", rs.status);
	if (rs.console_id != s->hs.console_id)
		return BMC_SESSION_NOTHING;
	if (!bmc_packet_rakp2_holds(s->packet, s->suite, &s->hs, &rs)) {
		farewell(s, BMC_STATUS_INVALID_ICV, out);
		s->proof_failed = true;
		return s->hs.password[0] != '\0'
			   ? fail(s, BMC_FAIL_AUTH, "wrong password for user \"%s\"",
				 s->hs.user)
			   : fail(s, BMC_FAIL_AUTH,
				 "it wants a password for user \"%s\", and none is set",
				 s->hs.user);
	}
	memcpy(s->hs.bmc_random, rs.random, sizeof s->hs.bmc_random);
	memcpy(s->hs.guid, rs.guid, sizeof s->hs.guid);
	if (bmc_packet_session_keys(s->suite, &s->hs, &s->keys) < 0)
		return fail(s, BMC_FAIL_RESTART, "session keys cannot be computed");
	move(s, BMC_SESSION_RAKP3);
	transmit(s, now, out);
	return BMC_SESSION_NOTHING;
}

/* The tag of any copy of the present packet? */
static bool
ours(const struct bmc_session *s, uint8_t tag)
{
	return (uint8_t)(s->tag - tag) < s->sends;
}

static enum bmc_session_event
on_rakp4(struct bmc_session *s, int64_t now, const uint8_t *pkt, size_t len,
    struct bmc_session_out *out)
{
	struct bmc_rakp_rs rs;
	struct bmc_cmd cmd = {.netfn = BMC_NETFN_APP,
	    .cmd = BMC_CMD_SET_SESSION_PRIVILEGE,
	    .data = {s->hs.privilege},
	    .len = 1};

	if (bmc_packet_parse_rakp4(s->packet, pkt, len, &rs) < 0)
		return strange(s);
	if (!ours(s, rs.tag))
		return BMC_SESSION_NOTHING;
	if (rs.status == BMC_STATUS_OK && rs.console_id != s->hs.console_id)
		return BMC_SESSION_NOTHING;
	if (rs.status != BMC_STATUS_OK) {
		farewell(
		    s, rs.status, out); /* an earlier RAKP 3 of ours may have opened it */
		return refused(s, "RAKP 4", rs.status);
	}
	if (!bmc_packet_rakp4_holds(s->packet, s->suite, &s->hs, &s->keys, &rs)) {
		farewell(s, BMC_STATUS_INVALID_ICV, out);
		s->proof_failed = true;
		/* RAKP 2 has proven the password; only this proof is made with K_g. */
		return fail(s, BMC_FAIL_KEY,
		    s->hs.kg != NULL
			? "the password is right, but the K_g set here is not "
			  "the BMC's, or it has none"
			: "the password is right, but the BMC has a key K_g, and "
			  "none is set here");
	}
	/* A session starts at USER level (13.21). */
	request(s, BMC_SESSION_LEVEL, now, &cmd, out);
	return BMC_SESSION_NOTHING;
}

/* An authentic answer to the request under way? Then s->reply holds it. */
static bool
take_reply(struct bmc_session *s, const uint8_t *pkt, size_t len)
{
	struct bmc_reply rs;

	if (bmc_packet_parse_reply(
		s->packet, s->suite, &s->keys, s->hs.console_id, pkt, len, &rs) < 0) {
		s->n_strange++;
		return false;
	}
	if (ipmi_check_session_sequence_number_2_0(
		rs.sequence, &s->rx_highest, &s->rx_seen, BMC_SESSION_WINDOW) != 1)
		return false;
	if (rs.netfn != (s->cmd.netfn | 1) || rs.cmd != s->cmd.cmd ||
	    rs.rq_seq != s->rq_seq)
		return false;
	s->reply = rs;
	return true;
}

static enum bmc_session_event
on_level(struct bmc_session *s, int64_t now, struct bmc_session_out *out)
{
	uint8_t code = s->reply.code;

	if (code == BMC_COMPLETION_OK) {
		move(s, BMC_SESSION_READY);
		return BMC_SESSION_OPENED;
	}
	/* The session is open all the same, so it is closed before the failure is told.
	 */
	s->fail = bmc_error_of_completion(code);
	if (code == BMC_COMPLETION_LEVEL_NOT_AVAILABLE ||
	    code == BMC_COMPLETION_LEVEL_EXCEEDS_LIMIT)
		s->fail = BMC_FAIL_PRIVILEGE;
	snprintf(s->fail_text, sizeof s->fail_text, "set %s privilege: %s (%02Xh)",
	    level_name(s->hs.privilege),
	    s->fail == BMC_FAIL_PRIVILEGE ? "not available to this user"
					  : bmc_error_completion_text(code),
	    code);
	return bmc_session_close(s, now, out);
}

enum bmc_session_event
bmc_session_input(struct bmc_session *s, int64_t now, const uint8_t *pkt, size_t len,
    struct bmc_session_out *out)
{
	out->len = 0;
	switch (s->state) {
	case BMC_SESSION_OPEN: return on_open(s, now, pkt, len, out);
	case BMC_SESSION_RAKP1: return on_rakp2(s, now, pkt, len, out);
	case BMC_SESSION_RAKP3: return on_rakp4(s, now, pkt, len, out);
	case BMC_SESSION_LEVEL:
		return take_reply(s, pkt, len) ? on_level(s, now, out)
					       : BMC_SESSION_NOTHING;
	case BMC_SESSION_COMMAND:
		if (!take_reply(s, pkt, len))
			return BMC_SESSION_NOTHING;
		move(s, BMC_SESSION_READY);
		return BMC_SESSION_REPLY;
	case BMC_SESSION_CLOSING:
		if (!take_reply(s, pkt, len))
			return BMC_SESSION_NOTHING;
		move(s, BMC_SESSION_CLOSED);
		return s->fail != BMC_FAIL_NONE ? BMC_SESSION_FAILED : BMC_SESSION_ENDED;
	case BMC_SESSION_IDLE:
	case BMC_SESSION_READY:
	case BMC_SESSION_CLOSED:
	case BMC_SESSION_STATES: break;
	}
	return BMC_SESSION_NOTHING;
}

enum bmc_session_event
bmc_session_tick(struct bmc_session *s, int64_t now, struct bmc_session_out *out)
{
	static const char *const waiting[BMC_SESSION_STATES] = {
	    [BMC_SESSION_OPEN] = "open session",
	    [BMC_SESSION_RAKP1] = "RAKP 1",
	    [BMC_SESSION_RAKP3] = "RAKP 3",
	    [BMC_SESSION_LEVEL] = "set privilege level",
	    [BMC_SESSION_COMMAND] = "a command"};

	out->len = 0;
	if (s->deadline < 0 || now < s->deadline)
		return BMC_SESSION_NOTHING;
	if (s->state == BMC_SESSION_CLOSING && s->sends >= BMC_SESSION_CLOSE_SENDS) {
		move(s, BMC_SESSION_CLOSED);
		return s->fail != BMC_FAIL_NONE ? BMC_SESSION_FAILED : BMC_SESSION_ENDED;
	}
	if (s->state == BMC_SESSION_COMMAND && s->cmd.once) {
		move(s, BMC_SESSION_READY);
		return BMC_SESSION_UNANSWERED;
	}
	if (s->sends >= BMC_SESSION_SENDS) {
		farewell(s, BMC_STATUS_ILLEGAL_PARAMETER, out);
		if (s->n_strange > 0)
			return fail(s, BMC_FAIL_TIMEOUT,
			    "no answer to %s, but %u packets that were none or not "
			    "authentic",
			    waiting[s->state], s->n_strange);
		return fail(s, BMC_FAIL_TIMEOUT, "no answer to %s", waiting[s->state]);
	}
	transmit(s, now, out);
	return BMC_SESSION_NOTHING;
}

void
bmc_session_command(struct bmc_session *s, int64_t now, const struct bmc_cmd *cmd,
    struct bmc_session_out *out)
{
	assert(s->state == BMC_SESSION_READY);
	request(s, BMC_SESSION_COMMAND, now, cmd, out);
}

enum bmc_session_event
bmc_session_close(struct bmc_session *s, int64_t now, struct bmc_session_out *out)
{
	struct bmc_cmd cmd = close_command(s);

	out->len = 0;
	switch (s->state) {
	case BMC_SESSION_LEVEL:
	case BMC_SESSION_READY:
	case BMC_SESSION_COMMAND:
		request(s, BMC_SESSION_CLOSING, now, &cmd, out);
		return BMC_SESSION_NOTHING;
	case BMC_SESSION_RAKP1:
	case BMC_SESSION_RAKP3: farewell(s, BMC_STATUS_ILLEGAL_PARAMETER, out); break;
	case BMC_SESSION_CLOSING:
	case BMC_SESSION_CLOSED: return BMC_SESSION_NOTHING;
	case BMC_SESSION_IDLE:
	case BMC_SESSION_OPEN:
	case BMC_SESSION_STATES: break;
	}
	move(s, BMC_SESSION_CLOSED);
	return BMC_SESSION_ENDED;
}
