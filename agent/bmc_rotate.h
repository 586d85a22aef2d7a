/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changing a BMC's password without ever losing it: which session to try next, and what is proven by what was seen. Pure;
 * bmc_rotate_run.c does it. */
#ifndef AGENT_BMC_ROTATE_H
#define AGENT_BMC_ROTATE_H

#include <stdbool.h>

#include "agent/bmc.h"

enum bmc_rotate_password {
	BMC_ROTATE_NONE,
	BMC_ROTATE_CURRENT,
	BMC_ROTATE_NEXT,
	BMC_ROTATE_CUT, /* the first 16 octets of the next one */
};

enum bmc_rotate_act {
	BMC_ROTATE_SET,	  /* in a session with `with`, give the user the next one */
	BMC_ROTATE_PROVE, /* open a session with `with`; `once`: it may be refused */
	BMC_ROTATE_PAUSE, /* until what may be under way has arrived */
	BMC_ROTATE_END,
};

enum {
	BMC_ROTATE_SETS_MAX = 3,
	BMC_ROTATE_PAUSE_US = 5000000,
};

struct bmc_rotate {
	int runs; /* before this one, with the same next password */
	int state;
	unsigned sets;
	enum bmc_password last; /* what came of the last set */

	/* To be done next. */
	enum bmc_rotate_act act;
	enum bmc_rotate_password with;
	bool once;

	/* At the end: what the BMC's password is (NONE: one of both), and why it is not the next one. */
	enum bmc_rotate_password proven;
	bool sent; /* the BMC was told of the next one */
	struct error err;
};

/* What came of `act`. */
struct bmc_rotate_seen {
	bool opened;  /* a session, with that password */
	bool refused; /* user or password */
	enum bmc_password password;
	uint8_t code;
	const struct error *err; /* the call's; code "" when it went well */
};

const char *
bmc_rotate_word(enum bmc_rotate_password p); /* "current", "next", "cut", "none" */
void
bmc_rotate_init(struct bmc_rotate *r, int runs);
void
bmc_rotate_seen(struct bmc_rotate *r, const struct bmc_rotate_seen *seen);

#endif
