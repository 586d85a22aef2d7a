/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job as it stands: the plan that its bundle asks for and how far it has come. Plain
 * data, kept in the spool as JSON after every step, so that a killed agent goes on where
 * it was. Only run_fsm.c changes the state part. */
#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/ticket.h"
#include "lib/addr.h"
#include "lib/bundle.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/id.h"
#include "lib/stage.h"

enum {
	RUN_ATTEMPTS = 3, /* DESIGN 6 */
	RUN_RESTARTS = 8, /* of the agent that give a stage more time, over all stages */
	RUN_EVIDENCE_SIZE = 160,
	RUN_IDENT_SIZE = 64,
};

/* An order that was not begun, or not carried out as far as the ticket's use, is left when
 * this has passed: an installation that begins hours after it was ordered is not what was
 * ordered. Databases and spools come back from backups with such orders in them. */
#define RUN_AGE_MAX (3600 * USEC_PER_SEC)

/* What the BMC, or the host itself, is doing for us in stages override and power. */
enum run_phase {
	RUN_PHASE_NONE,
	RUN_PHASE_OFF,
	RUN_PHASE_FLAGS,
	RUN_PHASE_ON,
	RUN_PHASE_CONTROL,
	RUN_PHASE_HOOK,	  /* the order's command is run on the host, */
	RUN_PHASE_GOING,  /* and the machine is to go by itself */
	RUN_PHASE_LISTEN, /* before both: does its probe answer? */
	RUN_PHASE_SILENCE /* it is seen off, and its probe is to fall silent before it is switched on */
};

/* How the agent finds out that a system is up. */
enum run_proof_by {
	RUN_PROOF_NONE,
	RUN_PROOF_REPORT,
	RUN_PROOF_PROBE,
	RUN_PROOF_IDENT /* a reboot's: by the boot id alone */
};

/* A sign of a stage that has been seen, perhaps before its turn. */
struct run_sign {
	bool seen;
	char evidence[RUN_EVIDENCE_SIZE];
};

struct run {
	/* The plan: set once by run_plan(). */
	char job[ID_SIZE];
	char host[BUNDLE_NAME_SIZE];
	enum bundle_kind kind;
	char action[16];	    /* kind power */
	uint32_t plan;		    /* 1u << enum stage */
	int64_t allow[STAGE_COUNT]; /* microseconds per stage */
	int64_t graceful;	    /* soft off first, this long */
	enum bundle_force force;    /* NEVER: no other off than that one */
	unsigned n_initrds, n_files;
	enum run_proof_by os_by, disk_by;
	bool netboot;	    /* boots an image: has a ticket */
	bool hook;	    /* a command is run on the host before it is rebooted, */
	int64_t hook_allow; /* at most this long */

	/* The state. Times are wall microseconds. */
	enum stage stage;
	enum run_phase phase;
	unsigned attempt, restarts;
	int64_t entered, due;
	uint64_t step; /* answers to an older step are stale */
	struct ticket ticket;
	char boot[ID_SIZE];
	bool boot_open;	 /* boot.begin has been recorded */
	bool begun;	 /* the stage's transfer has begun */
	bool off_seen;	 /* power seen off in this attempt */
	bool probe_down; /* the probe has failed since stage local-boot began */
	bool other_dhcp; /* a foreign DHCP server won this machine */
	bool unanswered; /* its last network boot request got no answer */
	bool no_loader; /* and this one an address alone: nothing fits its architecture */
	bool proxied;	/* bootd gives boot information beside another DHCP server */
	bool took;	/* the firmware asked some DHCP server for an address */
	bool by_logs;	/* the site's own servers serve it: nothing is held back */
	unsigned netboots;  /* seen after the ticket was consumed */
	int64_t netboot_at; /* the last one noted */
	uint32_t loaded;    /* bit 0 kernel, bit n initrd n - 1 */
	uint64_t files;	    /* bit per further file */
	struct run_sign signs[STAGE_COUNT];
	/* How the last override was done (bmc_manners.h); "": not yet, or the machine missed it. */
	char variant[16];
	unsigned misses; /* overrides that were in vain */
	bool persistent; /* the BMC may have flags of ours that no boot uses up */
	/* Of a reboot: */
	bool hook_begun, hook_over; /* the command; and whatever it could bring about */
	bool was_up;		    /* the machine answered before it was to go */
	bool went;		    /* it fell silent by itself, after the hook */
	bool answers;		    /* its probe does, and is not known to be of before */
	bool same;		    /* its boot id was read again, and is the old one */
	bool blind;	 /* the agent did not run at all times since the power-on */
	unsigned silent; /* rounds in a row without an answer */
	char ident[RUN_IDENT_SIZE],
	    ident_now[RUN_IDENT_SIZE]; /* boot id before and after; "" */
	/* What last restarted it, as its BMC says (bmc.h), + 1, before and after; 0: not told. */
	unsigned cause, cause_now;
	bool asking,
	    asked; /* for the latter: by this process; and it has been answered */
	char said
	    [RUN_EVIDENCE_SIZE]; /* what became of the hook; why the boot id cannot be read */
	struct error verdict; /* of a failed or cancelled job */
	char by[64];	      /* who cancelled */
};

/* Deadlines of agent.yaml that replace the defaults; 0: the default. */
struct run_limits {
	int64_t allow[STAGE_COUNT];
	bool by_logs; /* own_servers: jobs are confirmed by logs */
	int64_t hook; /* how long a command on a host may take */
};

/* Fills *ret with the plan for a bundle, in stage queued. */
void
run_plan(const struct bundle *b, const struct run_limits *limits, struct run *ret);
bool
run_planned(const struct run *r, enum stage s);
bool
run_ended(const struct run *r); /* done, failed or cancelled */
/* Nothing has been done to the machine yet. */
bool
run_untouched(const struct run *r);
/* May the machine be loading: after the power-on was seen, before the ticket is used. */
bool
run_loading(const struct run *r);

/* The wall clock was set by that much: the times of the run move with it. */
void
run_move_clock(struct run *r, int64_t by);

/* The override was done in that way, well or not; NULL: none was. */
void
run_take_variant(struct run *r, const char *variant, bool well);
/* The attempt ends with that verdict: was it for want of the override? Then the next one is to be done
 * in another way. */
void
run_judge_variant(struct run *r, const char *code);

json_t *
run_to_json(const struct run *r);
int
run_from_json(const json_t *v, struct run *ret, struct error *err) MUST_CHECK;

#endif
