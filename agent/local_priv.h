/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by local.c (socket, routes, who may) and the handlers, local_*.c. */
#ifndef AGENT_LOCAL_PRIV_H
#define AGENT_LOCAL_PRIV_H

#include <jansson.h>
#include <sys/types.h>

#include "agent/bmc_verbs.h"
#include "agent/local.h"
#include "agent/local_select.h"
#include "lib/local_msg.h"
#include "lib/rest_server.h"
#include "lib/unix_user.h"

struct console_near;
struct local_follower;
struct local_question;

struct local {
	struct local_opts o;
	struct rest_server *server;
	struct local_follower *followers; /* of events; local_events.c */
	struct bmc_verbs *verbs;	  /* its own, for questions of power */
	struct local_question *questions; /* local_power.c */
	struct console_near *consoles;	  /* local_console.c */
	int64_t started;
};

/* Who asks, as the kernel says. */
struct local_who {
	uid_t uid;
	char name[UNIX_USER_NAME_SIZE];
};

/* Every handler begins with it: false, with 403 answered, when the peer may not. The answer will say whose knowledge it
 * is and how old. */
bool
local_allow(struct local *l, struct rest_request *rq, struct local_who *ret);
/* Problem details; the status follows from the code. Takes errors (NULL allowed). */
void
local_refuse(struct rest_request *rq, const struct error *err, json_t *errors);
/* The spool cannot be read or written; `doing` completes "cannot …". */
void
local_failed(struct local *l, struct rest_request *rq, int rc, const char *doing);
/* {"items", "next"}: takes items; next "" at the end. */
void
local_reply_items(struct rest_request *rq, json_t *items, const char *next);
/* The hosts of the selector (all when it is NULL or ""); false when answered. */
bool
local_hosts_of(struct local *l, struct rest_request *rq, const char *selector,
    struct local_names *ret);
/* limit and cursor (NULL: none) of the query; false when answered. */
bool
local_page(
    struct rest_request *rq, int64_t most, int64_t *ret_limit, const char **ret_cursor);
const char *
local_site(const struct local *l); /* its name */

/* 0, or -errno with *err: it cannot be logged in to. The caller runs local_msg_host_done(). */
int
local_bmc_get(struct local *l, const char *host, struct local_msg_host *ret,
    struct error *err) MUST_CHECK;
/* 404: the site has no such host. */
void
local_hosts_unknown(struct rest_request *rq, const char *name);

rest_handler local_hosts_list, local_hosts_get, local_hosts_status, local_images_list,
    local_images_get;
rest_handler local_jobs_list, local_jobs_get;
rest_handler local_why_get;
rest_handler local_orders_add, local_orders_cancel;
rest_handler local_power_ask, local_power_document;
/* bmc_verbs' answers. */
void
local_power_done(void *arg, struct agent_msg_call_result *res);
void
local_power_end(struct local *l);
rest_handler local_events_list;
rest_handler local_recordings_list, local_recordings_newest, local_recordings_get;
rest_handler local_console_watch, local_console_type;
void
local_console_begin(struct local *l);
/* Ends every look at a console, and records it. */
void
local_console_end(struct local *l);
/* Answers with a job and its stages. */
void
local_jobs_reply(struct local *l, struct rest_request *rq, int status, const char *id);
/* The followers' turn; their end. */
void
local_events_wake(struct local *l);
void
local_events_end(struct local *l);

#endif
