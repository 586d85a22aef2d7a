/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a host is said to be doing: one decision for everything that shows it. Pure. */
#ifndef ORCHESTRATOR_STATUS_RULES_H
#define ORCHESTRATOR_STATUS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum { STATUS_RULES_REASON_SIZE = ERROR_CODE_SIZE + ERROR_TEXT_SIZE + 2 };

/* What the site's agent is known to do. */
struct status_rules_site {
	bool absent;	  /* not heard for a minute */
	int64_t as_of;	  /* … but then, by our clock; 0: it is heard, or never was */
	bool full;	  /* it has as many jobs as it takes */
	bool own_servers; /* jobs are confirmed by logs */
	int64_t clock_ahead;  /* of its clock, by which stages are entered */
	struct error trouble; /* why it takes no orders; code "": it does */
	/* No BMC of the site is asked, since so many of those heard of had refused the password; 0: they are. */
	int64_t stop_since, stop_refused, stop_heard;
};

struct status_rules_host {
	int64_t locked_at; /* 0: not locked */
	const char *locked_reason;
	bool has_bmc;
	/* Its newest job; `job` NULL: none. */
	const char *job;
	bool ended, failed;
	int64_t created, sent, ended_at;
	const char *verdict_code, *verdict_text;
	const char *
	    waits; /* what an open job that no agent has waits for; NULL or "": nothing */
	const char *stage; /* that it is in; NULL or "": not known */
	/* The stage that the job is in, by its agent's clock; entered 0: not known. */
	int64_t stage_entered, stage_ended;
	int64_t stage_deadline_us; /* <= 0: none */
};

struct status_rules_row {
	const char *state;   /* "idle", "busy", "locked", "failed" */
	bool stuck;	     /* worth a look: failed, late, or nobody tells */
	bool shows_job;	     /* the newest job is what the row is about */
	bool logs;	     /* it is confirmed by logs */
	bool late;	     /* the reason is that a deadline has passed, and no other */
	int64_t since;	     /* of the state or the stage, 0: not known */
	int64_t in_stage_us; /* until now; where it is not heard until as_of */
	int64_t
	    as_of; /* what is said holds of then; 0: of now, or it is not known of when */
	char code[ERROR_CODE_SIZE]; /* "" : none */
	char reason[STATUS_RULES_REASON_SIZE];
};

void
status_rules_decide(const struct status_rules_site *site,
    const struct status_rules_host *host, int64_t now, struct status_rules_row *ret);

/* Of a late one: what is known to be wrong already, as code and reason; `found` NULL: nothing. */
struct verdict_row;
void
status_rules_found(struct status_rules_row *row, const struct verdict_row *found);

#endif
