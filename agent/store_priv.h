/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store's insides: store.c (what is wanted, step by step), store_job.c (what blocks, in a thread), store_fetch.c
 * (connections) and store_talk.c (the orchestrator). */
#ifndef AGENT_STORE_PRIV_H
#define AGENT_STORE_PRIV_H

#include <uthash.h>

#include "agent/store.h"
#include "agent/store_bucket.h"
#include "agent/store_known.h"
#include "agent/store_ranges.h"
#include "agent/store_source.h"
#include "agent/store_streams.h"
#include "agent/store_survey.h"
#include "lib/http_client.h"
#include "lib/store_msg.h"
#include "lib/workq.h"

enum { STORE_ASK_SIZE = 192 };

/* A file that is under way: a wanted one, or a delta. */
struct store_part {
	struct store_item *item;
	char sha256[DIGEST_TEXT];
	int64_t size;
	char ask[STORE_ASK_SIZE]; /* path at the orchestrator */
	struct store_sources sources;
	struct store_ranges have;
	int fd;		  /* -1: not open yet */
	bool busy;	  /* a thread opens or checks it */
	bool recording;	  /* a thread makes what is there durable */
	int64_t unsaved;  /* octets since the last record */
	int64_t saved_at; /* when that was */
};

struct store_item {
	struct store_msg_wanted w; /* owned */
	bool looked_at;		   /* by a survey, since it is wanted */
	bool stays;		   /* in the plan that is being taken */
	enum store_msg_state state;
	struct error why;
	enum store_msg_source from;
	char unread[BUNDLE_PATH_SIZE]; /* as struct store_survey_item says */
	struct store_part *part;       /* NULL: not under way */
	struct store_part *delta;      /* fetched instead of the rest, from `base` */
	char base[DIGEST_TEXT];
	bool doubted;	  /* a thread reads it, since a job found it altered */
	bool no_delta;	  /* one of this life could not be used */
	int64_t retry_at; /* not touched before */
	int64_t came;	  /* octets since rate_at */
	int64_t rate, rate_at;
	int64_t told_got; /* what the orchestrator was told last */
	UT_hash_handle hh;
};

struct store_stream {
	struct store_stream *prev, *next;
	struct store *st;
	struct store_part *part;
	size_t source;
	int64_t from, at, to;
	struct http_client_call *call;
	int64_t last;	  /* when something came, or it began */
	bool told;	  /* its answer has begun */
	bool paused;	  /* by a cap */
	struct error bad; /* what is wrong with the answer; no code: nothing */
	int verdict;	  /* enum in store_fetch.c */
};

struct store {
	struct store_opts o;
	struct workq *q; /* one thread, one thing at a time */
	struct http_client *http, *anywhere;
	struct event *timer, *resume, *talk_timer;
	struct store_known *known;  /* the thread's */
	struct store_msg_plan plan; /* without `wanted`, which the items have */
	struct store_item *items;   /* in order: what comes first is fetched first */
	/* Surveys */
	struct store_object *objects; /* of the last one */
	size_t n_objects;
	int64_t
	    free; /* octets that may be begun with: less what was since; -1: not known */
	int64_t held; /* the same of the store's files */
	int64_t looked_at;
	bool survey_due, surveying, reading;
	char room_for[DIGEST_TEXT]; /* whose room the survey under way makes; "" */
	/* Connections */
	struct store_stream *streams;
	unsigned n_streams;
	struct store_streams control;
	struct store_bucket bucket;
	int64_t kbit;	   /* the cap that holds; -1: none */
	int64_t last_came; /* when any octet came, or the first connection began */
	int64_t patience;  /* how long none may come */
	bool probing;	   /* the line broke: one connection tries it */
	/* The orchestrator */
	struct http_client_call *talk;
	int64_t version; /* as polls tell it */
	int64_t told_at, talk_delay;
	bool changed, soon; /* since it was told; and it should be at once */
	bool ending;
};

/* ---- store.c ---- */

struct store_item *
store_find(struct store *st, const char *sha256);
/* A new plan: takes what it holds. */
void
store_take_plan(struct store *st, struct store_msg_plan *plan);
/* Looks what is to be done, soon. */
void
store_kick(struct store *st);
/* Another state, and why. */
void
store_say(struct store *st, struct store_item *it, enum store_msg_state state,
    const struct error *why);
/* As that, failed, until `pause` microseconds have passed. */
void
store_fail(
    struct store *st, struct store_item *it, const struct error *why, int64_t pause);
/* Cancels what is fetched of it, and closes it; what came stays on disk. NULL allowed. */
void
store_part_free(struct store *st, struct store_part *p);
/* The same when its file on disk is gone, or another one now; *p is NULL then. */
void
store_part_forget(struct store *st, struct store_part **p);
/* What is fetched of it now: the delta or the file; NULL: nothing. */
struct store_part *
store_item_now(const struct store_item *it);

/* ---- store_job.c ---- */

/* Each runs in the thread, and then store_kick(). */
void
store_job_survey(struct store *st, int64_t room);
void
store_job_read(struct store *st, struct store_item *it);
void
store_job_doubt(struct store *st, struct store_item *it);
void
store_job_open(struct store *st, struct store_part *p);
void
store_job_record(struct store *st, struct store_part *p);
/* All octets are there. */
void
store_job_check(struct store *st, struct store_part *p);

/* ---- store_fetch.c ---- */

void
store_fetch_start(struct store *st);
void
store_fetch_stop(struct store *st);
/* As many connections as there should be; a few times a second. */
void
store_fetch_turn(struct store *st);
/* Ends those of a part (NULL: all). */
void
store_fetch_cancel(struct store *st, const struct store_part *p);

/* ---- store_talk.c ---- */

void
store_talk_start(struct store *st);
void
store_talk_stop(struct store *st);
/* Something changed; `soon`: not only how far it is. */
void
store_talk_changed(struct store *st, bool soon);
/* The plan of before the start, if there is one. */
void
store_talk_load(struct store *st);

#endif
