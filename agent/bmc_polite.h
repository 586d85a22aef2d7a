/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much a BMC is bothered, and when it is left alone: pauses and a rate for each BMC, a
 * circuit breaker for those that do not answer, and a stop for all when many refuse the
 * password. Pure: the time and randomness come in. */
#ifndef AGENT_BMC_POLITE_H
#define AGENT_BMC_POLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bmc_error.h"
#include "lib/rng.h"

/* Microseconds; 0: no such rule. */
struct bmc_polite_rules {
	int64_t command_gap;	/* from an answer to the next command */
	int64_t session_gap;	/* from the end of a session to the next one */
	unsigned per_minute;	/* sessions; as many at once after a rest */
	unsigned breaker_after; /* calls in a row that ended unreachable or busy */
	int64_t breaker_first,
	    breaker_max; /* rest before a new try: first, and at most */
};

/* Of one BMC; all zero at first. */
struct bmc_polite {
	int64_t command_at, session_at; /* not before */
	int64_t spent, spent_at;	/* of the rate: microseconds' worth, and when */
	unsigned failures;		/* calls in a row */
	bool open;			/* the breaker */
	int64_t opened_at, try_at, rest;
	enum bmc_fail why;
	char text[96];
	/* For struct bmc_lockout: what the last proof came to, and when. */
	bool proven, refused;
	unsigned proof_round;
	int64_t proof_slot;
};

/* When a session may begin; now or earlier: at once. */
int64_t
bmc_polite_session_at(
    const struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now);
void
bmc_polite_session_begun(
    struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now);
void
bmc_polite_session_ended(
    struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now);
/* When a command may be sent, and that one has been answered. */
int64_t
bmc_polite_command_at(const struct bmc_polite *p);
void
bmc_polite_answered(struct bmc_polite *p, const struct bmc_polite_rules *r, int64_t now);

/* May a call begin? It may when the breaker is closed, when the rest is over (that call is the
 * try), or when the caller insists: a job's own call, whose few attempts are paid for. */
bool
bmc_polite_admits(const struct bmc_polite *p, int64_t now, bool insists);
/* Since when, why and when it is tried again, in words; for a call that was not admitted. */
void
bmc_polite_say(const struct bmc_polite *p, int64_t now, char *buf, size_t size);

/* An operator says that it may be asked again. False: the breaker was not open. */
bool
bmc_polite_close(struct bmc_polite *p);

enum bmc_polite_change { BMC_POLITE_SAME, BMC_POLITE_OPENED, BMC_POLITE_CLOSED };

/* An admitted call has ended, having tried to reach the BMC. */
enum bmc_polite_change
bmc_polite_ended(struct bmc_polite *p, const struct bmc_polite_rules *r, struct rng *rng,
    int64_t now, enum bmc_fail fail, const char *text);

/* Distinct BMCs that took or refused their password lately. */
enum { BMC_LOCKOUT_SLOTS = 10 };

struct bmc_lockout {
	/* Set by the owner. */
	int64_t window;	    /* microseconds; 0: never stops */
	unsigned more_than; /* BMCs that refuse … */
	unsigned percent;   /* … and more than this share of those heard of */

	/* Guests (bmc_guest.h) whose password is not proven begin one after the other: when the last one did, and until when
	 * turns are given out. */
	int64_t guest_at, guest_line;

	int64_t slot; /* the newest, in units of a tenth of the window */
	unsigned n_proven[BMC_LOCKOUT_SLOTS], n_refused[BMC_LOCKOUT_SLOTS];
	unsigned round; /* releases so far */
	bool stopped;
	int64_t stopped_at;
	unsigned refused_then, heard_then;
};

/* What became of a password at that BMC. Returns whether this is what stops all. */
bool
bmc_lockout_proof(struct bmc_lockout *l, struct bmc_polite *p, int64_t now, bool refused);
/* May a session be opened there? While all is stopped only where this call has proven the
 * password already, so that nothing is left half done. */
bool
bmc_lockout_admits(const struct bmc_lockout *l, bool proven_now);
void
bmc_lockout_say(const struct bmc_lockout *l, int64_t now, char *buf, size_t size);
/* Told to go on: what was counted is forgotten. */
void
bmc_lockout_release(struct bmc_lockout *l);

#endif
