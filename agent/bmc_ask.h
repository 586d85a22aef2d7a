/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked of a BMC beside power and boot flags, as sequences of commands: identify, event log,
 * sensors, cold reset. Pure: commands go out, answers come in, a document is made. */
#ifndef AGENT_BMC_ASK_H
#define AGENT_BMC_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/bmc.h"
#include "agent/bmc_error.h"
#include "agent/bmc_packet.h"

enum {
	BMC_ASK_RECORD_MAX =
	    64 + 5, /* octets of an SDR record; the text of its name ends it */
	BMC_ASK_SENSORS_MAX = 1024,
	BMC_ASK_SEL_MAX = 65536, /* entries; what has more goes round in circles */
};

struct bmc_ask {
	struct bmc_question what;

	unsigned step;
	uint16_t reservation, next, at; /* at: the record being read */
	unsigned count, lost;		/* records read; reservations lost */
	uint8_t record[BMC_ASK_RECORD_MAX];
	uint8_t have, len, chunk; /* octets of the record: read, in all, at once */
	bool unanswered;	  /* what goes out once was sent, and not answered */
	int64_t entries;	  /* of the log, as it says */
	uint32_t erased;	  /* when it was last, as it says */
	unsigned skipped;	  /* sensors of other controllers */
	json_t *rows;

	/* password: */
	char user[17], old[21], new_one[21]; /* wiped by bmc_ask_done() */
	uint8_t n_ids, id, found;	     /* user ids: in all, asked for, the user's */
	enum bmc_password password;
	uint8_t password_code;

	enum bmc_fail fail;
	char text[120];
};

enum bmc_ask_next {
	BMC_ASK_RUN,  /* the command */
	BMC_ASK_WAIT, /* a moment, then ask for the next again */
	BMC_ASK_DONE,
	BMC_ASK_FAIL, /* fail and text are set */
};

void
bmc_ask_init(struct bmc_ask *a, const struct bmc_question *what);
void
bmc_ask_done(struct bmc_ask *a); /* NULL allowed */
enum bmc_ask_next
bmc_ask_next(struct bmc_ask *a, struct bmc_cmd *ret);
/* The answer to it, whatever its completion code. */
void
bmc_ask_take(struct bmc_ask *a, const struct bmc_reply *rs);
/* A command that goes out only once was not answered, or not so that its effect is known. */
void
bmc_ask_unanswered(struct bmc_ask *a);
/* What came of it; owned by the caller. */
json_t *
bmc_ask_json(const struct bmc_ask *a);

/* For bmc_ask_sensors.c, bmc_ask_password.c and bmc_ask.c. */
enum bmc_ask_next
bmc_ask_failed(struct bmc_ask *a, const char *what, uint8_t code);
enum bmc_ask_next
bmc_ask_sensors_next(struct bmc_ask *a, struct bmc_cmd *ret);
void
bmc_ask_sensors_take(struct bmc_ask *a, const struct bmc_reply *rs);
enum bmc_ask_next
bmc_ask_password_next(struct bmc_ask *a, struct bmc_cmd *ret);
void
bmc_ask_password_take(struct bmc_ask *a, const struct bmc_reply *rs);

#endif
