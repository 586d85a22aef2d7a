/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What run_jobs.c (the set and its queue), run_turn.c (decisions), run_orders.c and
 * run_exec.c (actions) share. */
#ifndef AGENT_RUN_PRIV_H
#define AGENT_RUN_PRIV_H

#include <uthash.h>

#include "agent/gate_exec.h"
#include "agent/probe.h"
#include "agent/run.h"
#include "agent/run_fsm.h"
#include "agent/run_jobs.h"

enum { RUN_JOB_ACTIONS = 64 };

/* Preflight's look at the boot id, beside the one at the BMC. */
struct run_first {
	char ident[RUN_IDENT_SIZE];	  /* ""; then */
	char why[RUN_EVIDENCE_SIZE];	  /* it could not be read */
	char evidence[RUN_EVIDENCE_SIZE]; /* what the BMC said; "": nothing yet */
};

struct run_job {
	struct run_jobs *jobs;
	const struct run_jobs_deps *deps; /* of jobs */
	struct bundle *bundle;		  /* owned */
	struct run run;
	struct run saved; /* as in the spool, while touched */
	bool touched;	  /* in this turn */
	bool dirty;
	bool fresh;  /* accepted in a transaction that is not committed yet */
	bool ending; /* RUN_ACT_END has been carried out */
	struct {
		enum run_action action;
		uint64_t step;
	} actions[RUN_JOB_ACTIONS]; /* of this turn, to begin after the commit */
	size_t n_actions;

	/* Under way; 0 or NULL: nothing. */
	uint64_t call;	     /* BMC */
	const char *variant; /* of the override, to be told when the step ends */
	bool taken_back;     /* persistent flags, by this process */
	struct preflight_check *check;
	struct nfs_check_io *export;
	struct gate_exec *ssh; /* a command on the host: run_reboot.h */
	unsigned cause;	       /* of preflight, as in struct run */
	bool looking;	       /* at its boot id, */
	int64_t
	    look_at; /* mono: the next time; in preflight, when the look is given up */
	struct run_first first;
	struct probe *probe;
	bool probing; /* also while no address is known */
	struct addr_ip probe_ip;
	int64_t wait_gen; /* bootd's acknowledgement of the entry */
	unsigned n_files; /* verified in preflight */
	const char *
	    exported; /* what was seen of its NFS root, for the record; NULL: nothing was to be */
	char written[ID_SIZE];	/* the ticket that templates were last written for */
	struct addr_ip last_ip; /* the address it was last seen with */
	UT_hash_handle hh, hh_host;
};

/* Begins an action, or does it. */
void
run_exec(struct run_job *job, enum run_action action, uint64_t step);
/* Stops whatever is under way without a result. */
void
run_exec_stop(struct run_job *job);
void
run_exec_on_ack(struct run_job *job, int64_t gen);
/* bootd does not take the entry: another host has its address. */
void
run_exec_on_refused(struct run_job *job, const char *reason);
/* The job's entry at bootd once more, after a new table. */
void
run_exec_publish_again(struct run_job *job);
/* The machine was given an address (job->last_ip). */
void
run_exec_on_address(struct run_job *job);
/* Where the host is, as far as that is known. */
struct addr_ip
run_exec_address(const struct run_job *job);
/* The ticket part of the host's entry; ticket "" when there is none. */
void
run_exec_boot(const struct run_job *job, struct bootd_msg_boot *ret);

/* The end of the step that is under way. err NULL: good. */
void
run_jobs_post_step(
    struct run_job *job, const struct error *err, bool retry, const char *evidence);
/* Something worth an event of the job. */
void
run_jobs_tell(struct run_job *job, const char *kind, const char *key, const char *value,
    const char *text);
void
run_jobs_post_probe(struct run_job *job, bool up);
/* The end of a preflight that went well, with the boot id, or NULL. */
void
run_jobs_post_ident_step(struct run_job *job, const char *evidence, const char *ident);
/* What last restarted the machine, as in struct run. */
void
run_jobs_post_cause(struct run_job *job, unsigned cause);
/* The boot id; NULL: why it could not be read. */
void
run_jobs_post_ident(struct run_job *job, const char *ident, const char *why);

/* Something that happened and is not decided yet. */
struct run_item {
	struct run_item *next;
	char job[ID_SIZE]; /* "" : an event alone */
	bool has_input;
	struct run_input in; /* pointers: to the members below */
	struct error err;
	char evidence[RUN_EVIDENCE_SIZE];
	char ticket[ID_SIZE];
	struct ticket_use use;
	char *note;
	char by[64];
	char ident[RUN_IDENT_SIZE];
	char *mark; /* to be kept in the spool under mark_key; NULL: none */
	char mark_key[SPOOL_MARK_SIZE];
	bool close;	 /* the job will never run: remember it as ended */
	struct run *end; /* and how, where the spool has it already; or NULL */
	struct event *event;
	bool droppable;
	enum bootd_msg_type answer; /* CONSUME or REPORT: a request waits */
	uint64_t req;
	bool granted;
	char reason[EVENT_REASON_SIZE];
};

/* A consumption that bootd asks for, until the image's files have been looked at. */
struct run_look {
	struct run_look *next, **self;
	struct run_jobs *jobs;
	struct run_item *it;
	struct preflight_check *check;
};

struct run_jobs {
	struct run_jobs_deps d;
	struct run_job *by_id, *by_host;
	struct run_handed
	    *handed; /* jobs that wait for their window, by id: run_handed.h */
	struct run_item *head, **tail;
	size_t queued;
	struct run_look *looks;
	struct run_clearing *clearings; /* of BMCs that are asked to clear their flags */
	int64_t overflow;		/* observations that the queue had no room for */
	struct event *turn, *tick;
	unsigned ticks;
	int64_t wall, mono; /* when the clocks were compared last */
	bool moved;	    /* the clock was set: every run is to be saved */
	bool told_foreign;  /* that bootd sends events which are not its own */
	void (*then)(void *arg);
	void *then_arg;
	bool in_trouble; /* the last turn failed: */
	struct error trouble;
	struct error bootd_down; /* why bootd does not run; no code: it does */
};

/* run_override.c: before an override, what an earlier run of this program has learned of the BMC. */
void
run_override_recall(struct run_job *job);
/* The job has gone on: what worked is learned, and flags that no boot uses up are taken back. */
void
run_override_follow(struct run_job *job);
void
run_override_forget(struct run_jobs *js);

/* run_jobs.c: an item goes to the end of the queue; job "" for none. */
struct run_item *
run_jobs_push(struct run_jobs *js, const char *job);
struct run_item *
run_jobs_push_input(struct run_jobs *js, const char *job, enum run_input_type type);
void
run_jobs_item_free(struct run_item *it);
struct event *
run_jobs_copy_event(const struct event *ev);
void
run_jobs_wake(struct run_jobs *js); /* a turn, soon */
struct run_job *
run_jobs_find(struct run_jobs *js, const char *id);
struct run_job *
run_jobs_find_host(struct run_jobs *js, const char *host);
struct run_job *
run_jobs_add(struct run_jobs *js, struct bundle *b, const struct run *r);
void
run_jobs_remove(struct run_jobs *js, struct run_job *job);
void
run_jobs_free_bundle(struct bundle *b);
/* `fn` with the digest of each file of its image. */
void
run_jobs_image_files(
    const struct bundle *b, void (*fn)(void *arg, const char *sha256), void *arg);

/* run_turn.c */
void
run_turn_on_timer(evutil_socket_t fd, short what, void *js);
void
run_turn_on_tick(evutil_socket_t fd, short what, void *js);

/* run_orders.c: begins the jobs that were accepted in a transaction which is durable now. */
void
run_orders_begin(struct run_jobs *js);
/* run_orders.c: an end without a beginning; *ev is taken. The result is borrowed. */
struct run_item *
run_orders_close(
    struct run_jobs *js, const char *job, const char *host, struct event *ev);
/* The same with job.refused, unless its end is queued already. */
void
run_orders_refuse(
    struct run_jobs *js, const char *job, const char *host, const struct error *why);
/* May a job begin now? 0, or -errno with *err: its host or machine has another one, the agent has as many as it takes,
 * or nothing can be recorded. */
int
run_orders_busy(struct run_jobs *js, const struct bundle *b, struct error *err);

#endif
