/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One RMCP+ session as a state machine: bytes and the time come in, at most one packet
 * goes out. No sockets, no clock. Diagram in bmc_session.c. */
#ifndef AGENT_BMC_SESSION_H
#define AGENT_BMC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bmc_error.h"
#include "agent/bmc_packet.h"
#include "lib/rng.h"

enum bmc_session_state {
	BMC_SESSION_IDLE,
	BMC_SESSION_OPEN,    /* Open Session sent */
	BMC_SESSION_RAKP1,   /* RAKP 1 sent */
	BMC_SESSION_RAKP3,   /* RAKP 3 sent */
	BMC_SESSION_LEVEL,   /* Set Session Privilege Level sent */
	BMC_SESSION_READY,   /* open, nothing under way */
	BMC_SESSION_COMMAND, /* a command is under way */
	BMC_SESSION_CLOSING, /* Close Session sent */
	BMC_SESSION_CLOSED,
	BMC_SESSION_STATES,
};
const char *
bmc_session_state_name(enum bmc_session_state state);

/* What a call into the session brought about. */
enum bmc_session_event {
	BMC_SESSION_NOTHING,
	BMC_SESSION_OPENED, /* now READY */
	BMC_SESSION_REPLY,  /* session.reply holds the answer; now READY */
	BMC_SESSION_FAILED, /* session.fail and .fail_text say why; now CLOSED */
	BMC_SESSION_ENDED,  /* closed as asked; now CLOSED */
	/* A command that may go out only once was not answered; now READY. */
	BMC_SESSION_UNANSWERED,
};

enum {
	BMC_SESSION_FIRST_RESEND = 500000, /* microseconds; doubles with each resend … */
	BMC_SESSION_LAST_RESEND = 4000000, /* … up to this */
	BMC_SESSION_SENDS = 4, /* of a packet in all: 7.5 s of silence end a session */
	BMC_SESSION_ONCE_WAIT = 4000000, /* for the answer to what is sent only once */
	BMC_SESSION_CLOSE_WAIT = 500000,
	BMC_SESSION_CLOSE_SENDS = 2,
	BMC_SESSION_WINDOW = 16, /* sequence numbers behind the highest (6.12.13) */
};

struct bmc_session_out {
	uint8_t pkt[BMC_PROTO_PACKET_MAX];
	size_t len; /* 0: nothing to send */
};

struct bmc_session {
	/* Set by bmc_session_init(). */
	struct bmc_packet *packet;
	const struct bmc_suite *suite;
	struct bmc_handshake hs;
	uint8_t open_privilege; /* asked for in Open Session */

	enum bmc_session_state state;
	int64_t deadline; /* when to call bmc_session_tick(); -1: never */
	unsigned sends;	  /* of the present packet */
	unsigned n_resends;
	uint8_t tag, rq_seq;
	uint32_t tx_sequence, rx_highest, rx_seen;
	struct bmc_keys keys;
	struct bmc_cmd cmd;
	struct bmc_reply reply;
	bool heard; /* the BMC has answered at least once */
	unsigned
	    n_strange; /* packets in the present state that were none, or not authentic */
	bool only_open, accepted;

	enum bmc_fail fail;
	bool proof_failed; /* AUTH: the BMC's proof did not match our password */
	char fail_text[160];
};

struct bmc_session_params {
	const struct bmc_suite *suite;
	const char *user, *password; /* borrowed for the session's life */
	const uint8_t *kg;	     /* BMC_PROTO_KG_SIZE octets, borrowed too, or NULL */
	uint8_t privilege;
	/* Ask for that level in Open Session too, where the default is "highest" (0):
	 * some BMCs key their HMACs with the level of Open Session (FreeIPMI's workaround
	 * "opensesspriv"). */
	bool level_in_open;
	/* Nothing but Open Session: its answer ends the session, whatever it is, and session.accepted says
	 * what it was. User and password are not used. */
	bool only_open;
};

/* Draws fresh ids and random numbers. `packet` is borrowed. */
void
bmc_session_init(struct bmc_session *s, struct bmc_packet *packet,
    const struct bmc_session_params *params, struct rng *rng);
/* Wipes the keys. */
void
bmc_session_done(struct bmc_session *s);

/* Each sets out->len, to 0 when nothing is to be sent. */
void
bmc_session_start(struct bmc_session *s, int64_t now, struct bmc_session_out *out);
enum bmc_session_event
bmc_session_input(struct bmc_session *s, int64_t now, const uint8_t *pkt, size_t len,
    struct bmc_session_out *out);
enum bmc_session_event
bmc_session_tick(struct bmc_session *s, int64_t now, struct bmc_session_out *out);
/* Only in READY. Resends keep the request's rq_seq, so that a BMC can tell them from new
 * orders. Not all do: cmd->once is never resent. */
void
bmc_session_command(struct bmc_session *s, int64_t now, const struct bmc_cmd *cmd,
    struct bmc_session_out *out);
/* In any state: an open session gets Close Session and is CLOSING; a half-open one is
 * told to go by RAKP 3 with an error status and is CLOSED at once, as is any other. */
enum bmc_session_event
bmc_session_close(struct bmc_session *s, int64_t now, struct bmc_session_out *out);

#endif
