/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thorough look at a BMC: which requests it takes and what it says of itself, as the document
 * `learned` with its evidence. Pure: commands go out, answers come in. */
#ifndef AGENT_BMC_LOOK_H
#define AGENT_BMC_LOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/bmc.h"
#include "agent/bmc_packet.h"

enum {
	BMC_LOOK_OPTIONS = 8,	   /* boot option parameters 0 to 7 */
	BMC_LOOK_SOL_MAX = 8,	   /* SOL configuration parameters 1 to 8 */
	BMC_LOOK_SUITES_MAX = 160, /* octets of cipher suite records */
	BMC_LOOK_RAW_MAX = 32,
	BMC_LOOK_USERS_MAX = 16, /* ids 1 to 16; more than BMCs have in practice */
};

struct bmc_look_answer {
	bool asked;
	uint8_t code, len;
	uint8_t data[BMC_LOOK_RAW_MAX];
};

/* How fast the BMC could be asked. The caller counts, and slows down when it must. */
struct bmc_look_pace {
	unsigned requests, busy,
	    lost; /* answered; answered "busy"; sessions that broke off */
	int64_t
	    gap; /* pause before each request that was found to be needed, microseconds; 0: none */
};

struct bmc_look {
	uint8_t level; /* of the session; set by the caller */
	struct bmc_look_pace pace;
	/* Chassis Controls that were answered D5h, one bit each, and what the last document says of that. */
	uint8_t wrong_state;
	const json_t *before;
	/* May it set the boot flags to "no override, valid, EFI", read them, and put back what was
	 * there? Only where no override is pending. */
	bool may_set;
	bool want_users; /* asks who they are */

	unsigned step, index; /* of the table, and within a row */
	bool ours; /* the flags at the BMC are our own, and are to be put back */
	struct bmc_look_answer device, capabilities, session, flags_back, set;
	struct bmc_look_answer options[BMC_LOOK_OPTIONS], sol[BMC_LOOK_SOL_MAX + 1];
	struct bmc_look_answer suites_answer; /* the last one */
	struct bmc_look_answer access[BMC_LOOK_USERS_MAX + 1],
	    names[BMC_LOOK_USERS_MAX + 1];
	uint8_t suites[BMC_LOOK_SUITES_MAX];
	uint8_t suites_len;
};

/* The next command, or false: all has been asked. */
bool
bmc_look_next(struct bmc_look *l, struct bmc_cmd *ret);
/* The answer to it, whatever its completion code. */
void
bmc_look_take(struct bmc_look *l, const struct bmc_reply *rs);
/* Get Device ID (IPMI 2.0 table 20-2), answered in full? */
bool
bmc_look_device(const struct bmc_reply *rs, struct bmc_device *ret);
/* Boot option 5 as read; false, and *ret as it was, when the answer is something else. */
bool
bmc_look_flags(const struct bmc_reply *rs, struct bmc_bootflags *ret);
/* The answer to Get System Restart Cause, the same. */
bool
bmc_look_restart(const struct bmc_reply *rs, struct bmc_restart *ret);
/* The document; the caller owns it. cipher: of the session. seen_at: wall microseconds, 0: not known. */
json_t *
bmc_look_json(const struct bmc_look *l, int cipher, int64_t seen_at);

#endif
