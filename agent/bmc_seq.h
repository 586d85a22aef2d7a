/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a call does once a session is open: a sequence of commands and pauses, decided
 * from the answers alone (DESIGN 6, "Override"). Pure: the caller runs the commands,
 * keeps the sessions and the time. */
#ifndef AGENT_BMC_SEQ_H
#define AGENT_BMC_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/bmc.h"
#include "agent/bmc_error.h"
#include "agent/bmc_packet.h"

enum bmc_seq_kind {
	BMC_SEQ_STATUS,
	BMC_SEQ_CONTROL,
	BMC_SEQ_OFF_SEEN,
	BMC_SEQ_ON_SEEN,
	BMC_SEQ_OVERRIDE,
	BMC_SEQ_PROBE,
};

enum bmc_seq_step {
	BMC_STEP_START,
	BMC_STEP_LOOK,	  /* Get Chassis Status, to decide */
	BMC_STEP_CONTROL, /* Chassis Control */
	BMC_STEP_CONFIRM, /* Get Chassis Status after a control, for the record */
	BMC_STEP_KEEP,	  /* boot option 3: keep the flags beyond 60 s */
	BMC_STEP_ACK,	  /* boot option 4: flags not yet handled */
	BMC_STEP_FLAGS,	  /* boot option 5 set */
	BMC_STEP_READ,	  /* boot option 5 read back */
	BMC_STEP_DEVICE,  /* Get Device ID */
	BMC_STEP_PAUSE,
	BMC_STEP_END,
};

/* What the caller shall do next. */
enum bmc_seq_next {
	BMC_SEQ_RUN,  /* seq->cmd, in an open session */
	BMC_SEQ_WAIT, /* until seq->wake, then bmc_seq_wake() */
	BMC_SEQ_OK,   /* ended well */
	BMC_SEQ_FAIL, /* ended with seq->fail and seq->text */
};

enum {
	BMC_SEQ_OVERRIDE_TRIES = 2, /* of setting the flags and reading them back */
	BMC_SEQ_REPEAT_CONTROL =
	    10000000, /* on or off again when 10 s showed no effect */
};

struct bmc_seq {
	/* Set by the caller before bmc_seq_start(). */
	enum bmc_seq_kind kind;
	enum bmc_action action;
	enum bmc_boot boot;
	bool device_only; /* the BMC loses the other bits on reading (ipmi.md 1.5) */
	int64_t graceful, poll;

	enum bmc_seq_step step;
	struct bmc_cmd cmd;
	bool once; /* cmd must never be executed twice: cycle, reset */
	int64_t wake;

	uint8_t control; /* the last chassis control sent */
	bool soft_sent, control_sent, accepted;
	int64_t soft_until, control_at;
	unsigned tries;

	/* What has been seen. */
	enum bmc_power power;
	struct bmc_bootflags flags;
	struct bmc_device device;

	/* A note for the observer, or note_kind NULL; the caller clears it. */
	const char *note_kind;
	char note[128];

	enum bmc_fail fail;
	char text[160];
};

enum bmc_seq_next
bmc_seq_start(struct bmc_seq *s, int64_t now);
/* The answer to s->cmd. Busy answers never get here, unless s->once and the code is C3h,
 * which leaves the effect open. */
enum bmc_seq_next
bmc_seq_reply(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs);
/* The session broke off before s->cmd was answered, and a new one is open. */
enum bmc_seq_next
bmc_seq_lost(struct bmc_seq *s, int64_t now);
enum bmc_seq_next
bmc_seq_wake(struct bmc_seq *s, int64_t now);
/* Is a control that must not be repeated under way, its answer not seen? Then a lost
 * session is the end: bmc_seq_give_up(). */
bool
bmc_seq_in_the_dark(const struct bmc_seq *s);
/* The call ends without an answer to s->cmd. BMC_SEQ_OK if the order itself had been
 * accepted; else BMC_SEQ_FAIL, with s->fail NONE if the sequence has no verdict of its
 * own. `answering`: the deadline passed, but the BMC was there. */
enum bmc_seq_next
bmc_seq_give_up(struct bmc_seq *s, bool answering);

#endif
