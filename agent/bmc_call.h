/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One call to one BMC: opens sessions (suite, retries, back-off), runs its sequence in
 * them, closes them, and ends with a result. Touches the world only through struct
 * bmc_call_ops, so that simulations can run it in virtual time. Diagram in bmc_call.c. */
#ifndef AGENT_BMC_CALL_H
#define AGENT_BMC_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "agent/bmc.h"
#include "agent/bmc_polite.h"
#include "agent/bmc_seq.h"
#include "agent/bmc_session.h"

struct bmc_call;

struct bmc_call_ops {
	/* Make a socket; later bmc_pool_connected() or bmc_pool_no_route(), never from
	 * inside. */
	void (*connect)(void *io, struct bmc_call *c);
	void (*disconnect)(void *io, struct bmc_call *c);
	void (*send)(void *io, struct bmc_call *c, const void *pkt, size_t len);
	void (*timer)(void *io, struct bmc_call *c, int64_t at); /* -1: none */
	void (*note)(void *io, const struct bmc_note *note);
	/* The call is about to be freed: let go of its socket, timer and c->io. */
	void (*release)(void *io, struct bmc_call *c);
};

/* What all calls share; borrowed. */
struct bmc_call_env {
	const struct bmc_call_ops *ops;
	void *io;
	struct bmc_packet *packet;
	struct rng *rng;
	int64_t command_timeout, poll_interval;
	struct bmc_polite_rules polite;
	struct bmc_lockout *lockout; /* or NULL */
	int64_t (*wall)(void);	     /* or NULL: what is learned has no time */
	/* A call needs the only session that a guest has there (bmc_guest.h); or NULL. */
	void (*evict)(void *arg, const char *bmc);
	void *evict_arg;
};

enum { BMC_CALL_KEY_SIZE = BUNDLE_NAME_SIZE + 10 };

/* What is remembered of a BMC from one call to the next. Owned by the pool. */
struct bmc_peer {
	char key[BMC_CALL_KEY_SIZE]; /* "address:port" */
	int suite;		     /* the last that worked; 0: not known */
	int best_suite;		     /* that ever worked … */
	int64_t best_at;	     /* … and when last; 0: told by an earlier probe */
	int64_t best_again;	     /* after a downgrade: when it is tried next */
	bool level_in_open;	     /* the variant of Open Session that worked */
	struct bmc_polite polite;
	bool guest;		  /* has a session there */
	struct bmc_device device; /* as last told */
	uint8_t wrong_state;	  /* controls that were answered D5h, one bit each */
	int64_t flags_at;	  /* boot flags read back as set; 0: not, or used up */
	enum bmc_variant
	    worked; /* the override after which the machine came; 0: not known */
	struct bmc_call *queue; /* the first one runs; utlist, linked by next and prev */
	UT_hash_handle hh;
};

enum bmc_call_state {
	BMC_CALL_QUEUED,
	BMC_CALL_CONNECTING, /* name and socket; counts as talking until `wake` */
	BMC_CALL_OPENING,    /* session being opened */
	BMC_CALL_RUNNING,    /* a command is under way */
	BMC_CALL_HOLDING,    /* waiting, session kept */
	BMC_CALL_PAUSED,     /* waiting, session closed */
	BMC_CALL_LEAVING,    /* session being closed */
	BMC_CALL_ENDED,
};

/* Where LEAVING leads. */
enum bmc_call_after { BMC_CALL_THEN_END, BMC_CALL_THEN_PAUSE };

enum {
	BMC_CALL_SUITE_BEST = 17,
	/* A BMC that has not answered the first packet after that long counts as silent: live ones answer within
	 * some 10 ms, and a thousand dead ones must not be waited for in turn. */
	BMC_CALL_PATIENCE = 100000,
	BMC_CALL_HOLD_MAX = 10000000,	 /* a call keeps sessions idle for 10 s in all */
	BMC_CALL_BEST_AGAIN = 600000000, /* after a downgrade */
	/* Pauses between the requests of a look whose BMC is too slow for it: doubled, and there are some forty. */
	BMC_CALL_GAP_FIRST = 100000,
	BMC_CALL_GAP_MAX = 1000000,
	BMC_CALL_BACKOFF_FIRST = 500000,
	BMC_CALL_BACKOFF_MAX = 8000000,
	BMC_CALL_BACKOFF_SENSOR = 1000000,   /* and then the next one */
	BMC_CALL_RESTARTS_MAX = 3,	     /* spoiled sessions in a row */
	BMC_CALL_UNSPECIFIED_MAX = 60000000, /* FFh is taken for "still booting" */
};

struct bmc_call {
	/* Set by bmc_call_init() and the caller. */
	uint64_t id;
	const struct bmc_call_env *env;
	struct bmc_peer *peer;
	struct bundle_bmc bmc;
	bmc_done_fn done;
	void *arg;
	int64_t deadline; /* absolute; -1: env->command_timeout from the start */
	bool insists;	  /* goes through an open circuit breaker */
	bool
	    one_proof; /* the password is to be tried once, in one variant, and may be wrong */
	struct bmc_polite_rules rules;
	struct bmc_manners manners;
	struct bmc_look *look;	  /* of an EXAMINE; owned */
	struct bmc_ask *ask;	  /* of an ASK; owned */
	json_t *learned;	  /* what came of either; owned */
	unsigned attempt;	  /* of the override: which variant … */
	enum bmc_variant variant; /* … but for NONE this one */
	bool offers_none;	  /* suite 0 is offered, and nothing else is done */
	void *io;		  /* the I/O layer's own */
	struct bmc_call *next, *prev;
	bool counted, begun; /* by the pool */
	UT_hash_handle hh;

	enum bmc_call_state state;
	enum bmc_call_after after;
	struct bmc_session session;
	bool session_live; /* session has been initialised and not wiped */
	int suite;	   /* of the session under way or next */
	unsigned refused;  /* suites refused: bit 0 for 17, bit 1 for 3 */
	bool level_in_open, variant_tried;
	bool started; /* the sequence has begun */
	bool resume;  /* the command under way was lost with its session */
	bool again;   /* busy, or too early: run the same command once more */
	bool tried;   /* something was sent, or was to be */
	int64_t unspecified_since; /* FFh in a row since then; 0: not */
	int64_t wake;	  /* end of HOLDING or PAUSED, or of our patience with a name */
	bool slow;	  /* its name, or its first answer: nobody waits for it */
	int64_t patience; /* until then it is not; -1: it has answered */
	int64_t held, backoff;
	unsigned restarts;
	unsigned n_answers;	 /* to commands */
	enum bmc_fail last_fail; /* the last trouble, for the deadline's verdict */
	char last_text[160];
	bool noted_trouble;

	struct bmc_seq seq;
	struct bmc_result res;
};

/* seq.kind and its arguments are set by the caller afterwards. */
void
bmc_call_init(struct bmc_call *c, uint64_t id, const struct bmc_call_env *env,
    const struct bundle_bmc *bmc);
/* Wipes the password and the session. */
void
bmc_call_done(struct bmc_call *c);
/* Writes "address:port" ("[v6]:port"). */
void
bmc_call_key(const struct bundle_bmc *bmc, char key[BMC_CALL_KEY_SIZE]);

void
bmc_call_start(struct bmc_call *c, int64_t now);
void
bmc_call_connected(struct bmc_call *c, int64_t now);
void
bmc_call_no_route(struct bmc_call *c, int64_t now, const char *why);
/* Its address, in words, is one where its credentials may not be sent. */
void
bmc_call_outside(struct bmc_call *c, int64_t now, const char *address);
void
bmc_call_input(struct bmc_call *c, int64_t now, const uint8_t *pkt, size_t len);
void
bmc_call_timer(struct bmc_call *c, int64_t now);
/* Ends it as soon as its session is closed. */
void
bmc_call_cancel(struct bmc_call *c, int64_t now);
/* When bmc_call_timer() is due; -1: never. */
int64_t
bmc_call_deadline(const struct bmc_call *c);
/* Is the BMC being talked to, and has not kept us waiting for a resend? Nor has its name. */
bool
bmc_call_talking(const struct bmc_call *c);

#endif
