/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by webhook.c (what is to be told, and when) and webhook_send.c (one attempt). */
#ifndef ORCHESTRATOR_WEBHOOK_PRIV_H
#define ORCHESTRATOR_WEBHOOK_PRIV_H

#include "db/db_webhook.h"
#include "lib/http_client.h"
#include "orchestrator/webhook.h"

enum { WEBHOOK_ORIGIN_SIZE = 256 };

struct webhook_hook;

/* How an attempt went. */
struct webhook_attempt {
	bool ok;
	bool gone;	 /* there is nothing left to be told */
	int status;	 /* 0: no answer */
	int64_t wait_ms; /* its receiver asks not to be asked before; 0: it does not */
	char error[DB_WEBHOOK_ERROR_SIZE];
};

struct webhook_hook {
	struct webhook *w;
	const struct webhook_config *c;
	char origin[WEBHOOK_ORIGIN_SIZE];
	struct http_client_call *call; /* of what is being delivered */
	struct db_webhook_delivery now;
	struct event *timer;	  /* the next attempt */
	int64_t due;		  /* mono, of the timer; 0: it is not set */
	unsigned fails;		  /* in a row */
	unsigned refusals;	  /* answers in a row that call the body wrong */
	int64_t since;		  /* events up to that number are not told */
	int64_t queued;		  /* rows */
	int64_t adding, dropping; /* of the batch that is being written */
	bool full;		  /* and that was told */
	int64_t left_out;	  /* since it is full */
	/* A test that was asked for. */
	struct http_client_call *test;
	char test_id[ID_SIZE];
	int64_t test_began;
	webhook_done *test_done;
	void *test_arg;
};

/* Sends the body of an event under that delivery's id; `done` is called once. */
struct http_client_call *
webhook_send(struct http_client *client, const struct webhook_config *c,
    const struct db_webhook_delivery *d, const char *body, const char *type, int64_t now,
    void (*done)(void *arg, const struct http_client_reply *reply), void *arg);
/* What an answer means. */
void
webhook_send_judge(const struct http_client_reply *reply, struct webhook_attempt *ret);

#endif
