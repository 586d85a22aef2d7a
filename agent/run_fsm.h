/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decisions of a job: something happened, what now? Pure: input and time in, changed
 * state, events and actions out. The caller makes state and events durable in one
 * transaction and only then performs the actions.
 *
 *	preflight ─► armed ─► override ─► power ─► firmware-dhcp … initrd ─► rootfs … ─► done
 *	                ▲        ▲                        │                    │
 *	                └────────┴─ retry (ticket unused) ┤                    ▼
 *	                                                  └──────────────► failed
 *
 * enter_stage() takes each arrow to the right, miss() each one to the left or down, and
 * cancelled is reached from anywhere through end_job(). */
#ifndef AGENT_RUN_FSM_H
#define AGENT_RUN_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/run.h"
#include "lib/event.h"
#include "lib/rng.h"

enum run_input_type {
	RUN_IN_START,	/* accepted: begin */
	RUN_IN_RECOVER, /* the agent has restarted */
	RUN_IN_TICK,	/* look at the deadline; err: why bootd does not run, if so */
	RUN_IN_STEP,	/* an action ended: step, ok, err, retry, evidence */
	RUN_IN_SIGN,	/* seen on the wire: sign */
	RUN_IN_CONSUME, /* bootd asks for the ticket: ticket, use; err: why the image is not
			 * to be let go, if so. Answer: out->granted. With run->by_logs a log shows
			 * that the image is out */
	RUN_IN_REPORT, /* the booted system says: report, note. Answer: out->granted */
	RUN_IN_PROBE,  /* the probe answered (ok) or did not */
	RUN_IN_IDENT, /* the machine's boot id was read (ok, ident), or could not be (err) */
	RUN_IN_CAUSE, /* what last restarted the machine (cause, as in struct run), of RUN_ACT_CAUSE */
	RUN_IN_BOOTD, /* the boot services begin anew and are about to get their table; ok: they
			* are the site's own servers, whose logs tell of all that was let go */
	RUN_IN_CANCEL, /* by; err: what is known of the machine, when the run does not say */
};

/* What a wire event says about a boot; run_wire.c finds it. */
enum run_sign_type {
	RUN_SIGN_FIRMWARE_DHCP,
	RUN_SIGN_LOADER_BEGIN,
	RUN_SIGN_LOADER,
	RUN_SIGN_IPXE_DHCP,
	RUN_SIGN_SCRIPT,
	RUN_SIGN_LOAD_BEGIN, /* kernel or an initrd */
	RUN_SIGN_LOAD,	     /* index: 0 kernel, n initrd n - 1 */
	RUN_SIGN_FILE_BEGIN,
	RUN_SIGN_FILE, /* index of the further file */
	RUN_SIGN_OTHER_DHCP,
	RUN_SIGN_UNANSWERED, /* a network boot request that bootd did not answer */
	RUN_SIGN_NO_LOADER, /* it was answered with an address alone, for want of a loader */
};

enum run_report {
	RUN_REPORT_UP,
	RUN_REPORT_INSTALLED,
	RUN_REPORT_FAILED,
	RUN_REPORT_BOOTED
};

struct run_input {
	enum run_input_type type;
	uint64_t step;
	bool ok;
	bool retry; /* a failed step may be tried again */
	const struct error
	    *err; /* of a failed step; in a tick, consume, cancel: as said above */
	const char *evidence; /* of a good step or a sign; may be NULL */
	const char *variant;  /* of a step that did or checked the override; else NULL */
	enum run_sign_type sign;
	unsigned index;
	bool proxied, took; /* of a sign of DHCP, as in run_wire.h */
	const char *ticket;
	const struct ticket_use *use;
	enum run_report report;
	const char *note; /* escaped already */
	const char *by;
	const char *ident; /* of preflight, and as said above; or NULL */
	unsigned cause;	   /* the same; or 0 */
	bool late;	   /* start, recover: the job's window is over */
};

/* Actions that end in an input carry out->step; the others are done at once. */
enum run_action {
	RUN_ACT_NONE,
	RUN_ACT_PREFLIGHT, /* → step */
	RUN_ACT_ARM,	   /* script, then bootd's entry, acknowledged → step */
	RUN_ACT_POWER_OFF, /* until seen off → step */
	RUN_ACT_FLAGS,	   /* boot flags set and read back → step */
	RUN_ACT_POWER_ON,  /* until seen on → step */
	RUN_ACT_CONTROL,   /* run->action once → step */
	RUN_ACT_HOOK, /* the order's command on the host, once → step. Of one that failed `retry` says that it may have been
			      * carried out all the same */
	RUN_ACT_WATCH_OFF, /* look until seen off, switch nothing → step */
	RUN_ACT_IDENT,	   /* read the boot id until further notice → RUN_IN_IDENT */
	RUN_ACT_IDENT_STOP,
	RUN_ACT_CAUSE,	     /* ask the BMC for it, once → RUN_IN_CAUSE */
	RUN_ACT_CANCEL_STEP, /* forget the step under way */
	RUN_ACT_PUBLISH,     /* script and bootd's entry, nobody waits */
	RUN_ACT_PROBE,	     /* probe the host until further notice → RUN_IN_PROBE */
	RUN_ACT_PROBE_NOW, /* it is seen off: what was asked before says nothing any more */
	RUN_ACT_PROBE_STOP,
	RUN_ACT_END, /* take the script away, send the host without a boot, forget the job
		      */
};

enum { RUN_OUT_EVENTS = 48, RUN_OUT_ACTIONS = 12 };

struct run_out {
	struct event events[RUN_OUT_EVENTS];
	size_t n_events;
	enum run_action actions[RUN_OUT_ACTIONS];
	size_t n_actions;
	bool changed;			/* *run must be saved */
	bool granted;			/* consume, report */
	char reason[EVENT_REASON_SIZE]; /* why not */
	struct ticket
	    retired; /* a ticket that lost its place to a new one; state 0: none */
};

/* One step. *out is set up here; the caller runs run_fsm_out_done(). */
void
run_fsm_step(struct run *run, const struct run_input *in, int64_t now, struct rng *rng,
    struct run_out *out);
void
run_fsm_out_done(struct run_out *out);

#endif
