/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a call does once a session is open: a sequence of commands and pauses, decided
 * from the answers alone (DESIGN 6, "Override"). Pure: the caller runs the commands,
 * keeps the sessions and the time. */
#ifndef AGENT_BMC_SEQ_H
#define AGENT_BMC_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/bmc.h"
#include "agent/bmc_ask.h"
#include "agent/bmc_error.h"
#include "agent/bmc_look.h"
#include "agent/bmc_manners.h"
#include "agent/bmc_packet.h"

enum bmc_seq_kind {
	BMC_SEQ_STATUS,
	BMC_SEQ_CONTROL,
	BMC_SEQ_OFF_SEEN,
	BMC_SEQ_ON_SEEN,
	BMC_SEQ_OVERRIDE,
	BMC_SEQ_PROBE,
	BMC_SEQ_EXAMINE,
	BMC_SEQ_ASK,
};

enum bmc_seq_step {
	BMC_STEP_START,
	BMC_STEP_LOOK,	   /* Get Chassis Status, to decide */
	BMC_STEP_CONTROL,  /* Chassis Control */
	BMC_STEP_CONFIRM,  /* Get Chassis Status after a control, for the record */
	BMC_STEP_WATCH,	   /* the same, for signs that an unanswered cycle came through */
	BMC_STEP_BEGIN,	   /* boot option 0: set in progress */
	BMC_STEP_KEEP,	   /* boot option 3: keep the flags beyond 60 s */
	BMC_STEP_ACK,	   /* boot option 4: flags not yet handled */
	BMC_STEP_FLAGS,	   /* boot option 5 set */
	BMC_STEP_COMPLETE, /* boot option 0: set complete */
	BMC_STEP_READ,	   /* boot option 5 read back */
	BMC_STEP_DEVICE,   /* Get Device ID */
	BMC_STEP_CAUSE,	   /* Get System Restart Cause */
	BMC_STEP_EXAMINE,  /* one of bmc_look.h */
	BMC_STEP_ASK,	   /* one of bmc_ask.h */
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
	BMC_SEQ_DOUBT_TRIES = 3,    /* of an order whose answer leaves it open */
	BMC_SEQ_REPEAT_CONTROL =
	    10000000,		    /* on or off again when 10 s showed no effect */
	BMC_SEQ_TRUST = 5000000,    /* flags read back so long ago are looked at again */
	BMC_SEQ_ASK_AGAIN = 500000, /* between looks whether it is done */
	BMC_SEQ_WATCH = 10000000,   /* for an unanswered cycle to show itself */
};

struct bmc_seq {
	/* Set by the caller before bmc_seq_start(). */
	enum bmc_seq_kind kind;
	enum bmc_action action;
	enum bmc_boot boot;
	bool device_only;      /* the BMC loses the other bits on reading (ipmi.md 1.5) */
	struct bmc_look *look; /* EXAMINE; borrowed */
	struct bmc_ask *ask;   /* ASK; borrowed */
	const struct bmc_manners *manners; /* borrowed; NULL: the usual ones */
	enum bmc_variant variant;
	bool
	    hold; /* ON_SEEN: the flags for `boot` must be there when the power goes on */
	bool soft_only;	 /* OFF_SEEN: never off by force, however long it takes; */
	bool watch_only; /* or nothing is sent at all */
	bool want_cause; /* PROBE: what last restarted the system */
	int64_t graceful, poll;

	enum bmc_seq_step step;
	struct bmc_cmd cmd;
	int64_t wake;

	uint8_t control;     /* the last chassis control sent */
	uint8_t wrong_state; /* those that were answered D5h, one bit each */
	bool soft_sent, control_sent, accepted;
	bool in_doubt;	 /* an on, off or soft that may have come through */
	bool unanswered; /* it may go out only once; whether it came through is open, */
	uint8_t doubt;	 /* since it was answered with this, or 0: with nothing */
	bool went_off;	 /* seen off since then */
	int64_t watch_until;
	int64_t soft_until, control_at;
	unsigned tries;
	enum bmc_seq_step then; /* after a pause; START: LOOK or WATCH */
	int64_t flags_at;	/* when the flags were read back as set; 0: not */
	bool flags_again;
	bool booting,
	    refined; /* a refinement answered FFh; they have been set once more for that */

	/* What has been seen. */
	enum bmc_power power;
	char did[48];	      /* of a control: what came of it */
	enum bmc_fail unseen; /* why the last look saw no power state */
	struct bmc_bootflags flags;
	struct bmc_device device;
	struct bmc_restart restart;

	/* A note for the observer, or note_kind NULL; the caller clears it. */
	const char *note_kind;
	char note[128];

	enum bmc_fail fail;
	char text[160];
};

enum bmc_seq_next
bmc_seq_start(struct bmc_seq *s, int64_t now);
/* The answer to s->cmd. Busy answers never get here, unless they leave the effect of a
 * control, or of what may go out only once, open (bmc_seq_leaves_open). */
enum bmc_seq_next
bmc_seq_reply(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs);
/* s->cmd may go out only once, did, and was not answered; the session is still open. */
enum bmc_seq_next
bmc_seq_unanswered(struct bmc_seq *s, int64_t now);
/* Does this completion code leave open whether s->cmd, a control or what may go out only once, was
 * carried out? */
bool
bmc_seq_leaves_open(const struct bmc_seq *s, uint8_t code);
/* May s->cmd be refused without harm to the order? */
bool
bmc_seq_bears_refusal(const struct bmc_seq *s);
/* The session broke off before s->cmd was answered, and a new one is open. */
enum bmc_seq_next
bmc_seq_lost(struct bmc_seq *s, int64_t now);
enum bmc_seq_next
bmc_seq_wake(struct bmc_seq *s, int64_t now);
/* The call ends without an answer to s->cmd. BMC_SEQ_OK if the order itself had been
 * accepted; else BMC_SEQ_FAIL, with s->fail NONE if the sequence has no verdict of its
 * own. `answering`: the deadline passed, but the BMC was there. */
enum bmc_seq_next
bmc_seq_give_up(struct bmc_seq *s, bool answering);

#endif
