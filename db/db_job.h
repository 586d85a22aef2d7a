/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs, their attempts and stages. */
#ifndef DB_DB_JOB_H
#define DB_DB_JOB_H

#include "db/store.h"
#include "lib/bundle.h"

enum { DB_JOB_STAGE_SIZE = 16, DB_JOB_EVIDENCE_SIZE = 512 };

#define DB_JOB_LOCAL "local" /* it was ordered at its site, alone */

enum db_job_state {
	DB_JOB_QUEUED,	 /* ordered; no agent has it for sure */
	DB_JOB_ACCEPTED, /* durable in the agent's spool */
	DB_JOB_RUNNING,
	DB_JOB_DONE,
	DB_JOB_FAILED,
	DB_JOB_CANCELLED,
};

const char *
db_job_state_name(enum db_job_state state);

struct db_job {
	char id[ID_SIZE];
	char kind[16];
	char host[BUNDLE_NAME_SIZE];
	char site[64];
	char image[BUNDLE_NAME_SIZE];
	char reason[BUNDLE_REASON_SIZE];
	char by[64];
	int64_t created;
	enum db_job_state state;
	char stage[DB_JOB_STAGE_SIZE];
	int64_t attempt;
	char agent[ID_SIZE];
	char boot[ID_SIZE];
	int64_t ended; /* 0: open */
	char verdict_code[ERROR_CODE_SIZE];
	char verdict_text[ERROR_TEXT_SIZE];
	char verdict_next[ERROR_NEXT_SIZE];
	int64_t cancel_at; /* 0: not asked */
	char cancel_by[64];
	char cancel_reason[BUNDLE_REASON_SIZE];
	/* It is to be cancelled only if it has not begun, for that reason; "": begun or not. */
	char cancel_code[ERROR_CODE_SIZE];
	char retry_of[ID_SIZE];
	int64_t sent; /* 0: no agent was ever given it */
	/* It may begin from the first time and until the other; both 0: at once. The first may be that of `created`: at
	 * once too, but not after the other. */
	int64_t not_before, not_after;
	int64_t
	    image_until; /* it waits so long for its image to be at the site; 0: it does not */
	char origin[16];       /* "": ordered here; DB_JOB_LOCAL */
	char rollout[ID_SIZE]; /* "": it was ordered alone */
	/* What the agent said, where the verdict says more; "" otherwise. */
	char agent_code[ERROR_CODE_SIZE];
	char agent_text[ERROR_TEXT_SIZE];
};

struct db_job_stage {
	char job[ID_SIZE];
	int64_t attempt;
	char stage[DB_JOB_STAGE_SIZE];
	char state[12];	     /* entered | confirmed | skipped | missed */
	int64_t at;	     /* when it took that state */
	int64_t deadline_us; /* < 0: not said */
	char evidence[DB_JOB_EVIDENCE_SIZE];
	char boot[ID_SIZE];
	int64_t seq;		/* of the event that tells of it */
	int64_t entered, ended; /* read only: 0 unknown */
};

struct db_job_filter {
	const char *host;   /* NULL: all */
	const char *kind;   /* NULL: all */
	int open;	    /* 1 open, 0 ended, -1 both */
	const char *before; /* id: only older ones; NULL: from the newest */
	int64_t limit;
};

/* -EEXIST: the host has an open job that waits for no time, and so has this one. `bundle` is the document without the password. */
int
db_job_add(struct store *s, const struct db_job *job, const char *bundle) MUST_CHECK;
int
db_job_get(struct store *s, const char *id, struct db_job *ret) MUST_CHECK;
/* The id of the open job that the host is busy with: not one that waits for its time. -ENOENT: none. */
int
db_job_open_of_host(struct store *s, const char *host, char ret_id[ID_SIZE]) MUST_CHECK;
/* The same, or else of the oldest that waits for its time. */
int
db_job_any_of_host(struct store *s, const char *host, char ret_id[ID_SIZE]) MUST_CHECK;
/* Ids of all of the host's open jobs that wait for their time. */
int
db_job_waiting_of_host(
    struct store *s, const char *host, struct store_names *ret) MUST_CHECK;
/* Does it wait for its time, or to be handed out for it? */
bool
db_job_waits(const struct db_job *job);
/* The host's newest job, open or not. */
int
db_job_last_of_host(struct store *s, const char *host, char ret_id[ID_SIZE]) MUST_CHECK;
/* When the newest job of the host that was done, and brought it up, ended; -ENOENT: none did. What failed or never began after it
 * changes nothing of that. */
int
db_job_up_of_host(struct store *s, const char *host, int64_t *ret) MUST_CHECK;
/* The newest job of all. */
int
db_job_last(struct store *s, char ret_id[ID_SIZE]) MUST_CHECK;
/* Ids of a site's open jobs, oldest first. */
int
db_job_open_of_site(
    struct store *s, const char *site, struct store_names *ret) MUST_CHECK;
/* Ids of a site's jobs that an agent has to be told of: not accepted yet and not waiting for their image, or to be
 * cancelled. What was told before comes first: it is under way, and never many. `again`: also what was accepted and waits for its
 * window, for an agent that does not know windows. */
int
db_job_due_of_site(struct store *s, const char *site, bool again, int64_t limit,
    struct store_names *ret) MUST_CHECK;
/* How many of a site's open jobs an agent may know: handed out, and their end not reported. */
int
db_job_out_of_site(struct store *s, const char *site, int64_t *ret) MUST_CHECK;
/* Notes, before it is handed out, that an agent may know the job from now on. */
int
db_job_sent(struct store *s, const char *id, int64_t at) MUST_CHECK;
/* Ids, newest first. */
int
db_job_ids(
    struct store *s, const struct db_job_filter *f, struct store_names *ret) MUST_CHECK;
/* Hosts that have an open job, at most limit. */
int
db_job_open_hosts(struct store *s, int64_t limit, struct store_names *ret) MUST_CHECK;
/* The text of the bundle; owned by the caller. */
int
db_job_bundle(struct store *s, const char *id, char **ret) MUST_CHECK;
/* Writes state, stage, attempt, agent, boot, ended and verdict. */
int
db_job_update(struct store *s, const struct db_job *job) MUST_CHECK;
/* Records that somebody wants it to end. Repeating it keeps the first one; one that a hold has left takes its place. */
int
db_job_cancel(struct store *s, const char *id, const char *by, const char *reason,
    int64_t at) MUST_CHECK;
/* Records that it is not to begin, why (`code`) and on whose word. Nothing happens to one that is to be cancelled anyway. */
int
db_job_hold(struct store *s, const char *id, const char *code, const char *by,
    const char *reason, int64_t at) MUST_CHECK;
/* Ids, oldest first, of open jobs that were ordered here, are not to be cancelled, and have not begun as far as is known: at
 * a site, or on a host, or (both NULL) of all. */
int
db_job_unbegun(struct store *s, const char *site, const char *host,
    struct store_names *ret) MUST_CHECK;
/* By site, how many of its open jobs a hold or a lock has cancelled and its agent has not answered for. `each` must not use the store. */
int
db_job_held(struct store *s, void (*each)(void *arg, const char *site, int64_t n),
    void *arg) MUST_CHECK;
/* How many open jobs there are; site NULL: of all sites. */
int
db_job_open_count(struct store *s, const char *site, int64_t *ret) MUST_CHECK;
/* The same of a kind; of kind boot with an image of the kind `image`. */
int
db_job_open_of_kind(struct store *s, const char *kind, int64_t *ret) MUST_CHECK;
int
db_job_open_boots_of(struct store *s, const char *image, int64_t *ret) MUST_CHECK;

int
db_job_attempt_add(struct store *s, const char *job, int64_t n, int64_t began) MUST_CHECK;
/* Inserts, or moves the stage on; `entered` stays that of the first row. A stage that was
 * confirmed, skipped or missed is not entered again within an attempt. */
int
db_job_stage_put(struct store *s, const struct db_job_stage *stage) MUST_CHECK;
int
db_job_stage_get(struct store *s, const char *job, int64_t attempt, const char *stage,
    struct db_job_stage *ret) MUST_CHECK;
/* Calls `each` in the order in which they came; those of a job, or of one boot: with
 * those of its job's attempt that came before there was a boot. */
int
db_job_stages(struct store *s, const char *job,
    void (*each)(void *arg, const struct db_job_stage *stage), void *arg) MUST_CHECK;
int
db_job_stages_of_boot(struct store *s, const char *boot, const char *job, int64_t attempt,
    void (*each)(void *arg, const struct db_job_stage *stage), void *arg) MUST_CHECK;

/* A confirmed stage of a host's past. */
struct db_job_past {
	char image[BUNDLE_NAME_SIZE];
	char stage[DB_JOB_STAGE_SIZE];
	int64_t took; /* microseconds */
};
/* Those of the host's newest `jobs` jobs before the job `before` (NULL: of all), the newest job first. */
int
db_job_past(struct store *s, const char *host, const char *before, int64_t jobs,
    void (*each)(void *arg, const struct db_job_past *past), void *arg) MUST_CHECK;

/* When the stage that an open job is in is to be over, by its agent's clock. */
struct db_job_deadline {
	char job[ID_SIZE];
	char site[64];
	int64_t at;
};
/* Those of all open jobs, which are at most one a host. `each` must not use the store. */
int
db_job_deadlines(struct store *s,
    void (*each)(void *arg, const struct db_job_deadline *deadline),
    void *arg) MUST_CHECK;

#endif
