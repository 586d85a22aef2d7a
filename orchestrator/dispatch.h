/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agents' side: their long polls, their reports, and calls to them
 * (docs/protocol.md). */
#ifndef ORCHESTRATOR_DISPATCH_H
#define ORCHESTRATOR_DISPATCH_H

#include <event2/event.h>

#include "db/store.h"
#include "lib/bmc_verb.h"
#include "lib/bundle.h"
#include "lib/log.h"
#include "lib/rest_server.h"
#include "lib/rng.h"
#include "lib/secret.h"
#include "lib/secret_sign.h"
#include "lib/workq.h"

struct dispatch;
struct metrics;

struct dispatch_ops {
	struct event_base *base;
	const struct log *log;
	struct store *store;
	const char *database;  /* the store's path; borrowed */
	struct workq *reads;   /* for what takes long to read */
	struct store **reader; /* of that queue's one thread: orch.h */
	const struct secret_key *key;
	const struct secret_sign *orders; /* signs what agents are ordered */
	struct rng *rng;
	struct metrics *metrics; /* or NULL */
	/* The version of what a site's store should hold, 0: none. May be NULL. */
	int64_t (*store_version)(void *arg, const char *site);
	/* After events were stored; may be called often. */
	void (*on_events)(void *arg);
	void *arg;
};

struct dispatch *
dispatch_new(const struct dispatch_ops *ops);
/* Open calls are answered as unknown. */
void
dispatch_free(struct dispatch *d);

/* The two requests of agents; each answers rq now or later. `enrolled`: the key that secrets are sealed to, of an agent that came
 * by TLS, "" if it has none: then it gets none. By the unix socket what it says itself counts. */
void
dispatch_poll(struct dispatch *d, struct rest_request *rq, const char *enrolled);
void
dispatch_report(struct dispatch *d, struct rest_request *rq);

/* A request of the site's agent was refused since it is about what is another site's: into log, events and audit, once a
 * minute. */
void
dispatch_foreign_refused(struct dispatch *d, const char *site, const char *agent,
    const char *code, const char *text);

/* Its question which consoles are always recorded; answers rq. */
void
dispatch_consoles(struct dispatch *d, struct rest_request *rq, const char *enrolled);
/* Its question for what it needs to work alone; answers rq. */
void
dispatch_local(struct dispatch *d, struct rest_request *rq, const char *enrolled);

/* Something an agent of the site has to know has changed: answers its poll. */
void
dispatch_wake(struct dispatch *d, const char *site);
/* The job has changed: what was said of it before does not hold any more. */
void
dispatch_changed(struct dispatch *d, const char *job);

/* When an agent of the site was last heard (wall), 0: never. Newer than the database's by
 * up to a few seconds. */
int64_t
dispatch_last_seen(struct dispatch *d, const char *site);
/* Microseconds since then, whatever the wall clock does: for presence_absent(). INT64_MAX: never. */
int64_t
dispatch_silence(struct dispatch *d, const char *site);

/* Ends a job as failed that no agent will report the end of. Within a transaction. */
struct db_job;
int
dispatch_fail(struct dispatch *d, struct db_job *job, const struct error *why,
    int64_t now) MUST_CHECK;
/* The agent in charge of the site; "": none was heard yet. Borrowed. */
const char *
dispatch_agent(struct dispatch *d, const char *site);

/* While it is not heard: when it was last (wall), and so of when whatever is known of the site is. 0: it is heard, or never
 * was. */
int64_t
dispatch_as_of(struct dispatch *d, const char *site);

/* By how much times of its events, as they are recorded, are ahead of ours, to some seconds; 0: as far as is known they are
 * right, or were corrected. */
int64_t
dispatch_clock_ahead(struct dispatch *d, const char *site);
/* By how much the clock of this agent is ahead of ours now, where that is beyond doubt; else 0. */
int64_t
dispatch_clock_off(struct dispatch *d, const char *site, const char *agent);
/* How far ahead the site's agent's clock is, give or take so much; false: it was not measured. */
bool
dispatch_clock_known(
    struct dispatch *d, const char *site, int64_t *ret_ahead, int64_t *ret_within);
/* How many events its agent had still to report when it was heard last, and how old the oldest was then
 * (microseconds); -1: it did not say. */
void
dispatch_pending(
    struct dispatch *d, const char *site, int64_t *ret_events, int64_t *ret_oldest);
/* Do the site's own servers serve it, so that jobs are confirmed by logs? As the agent said last. */
bool
dispatch_own_servers(struct dispatch *d, const char *site);
/* Does the site's agent open no sessions to BMCs, since many refused the password? NULL: it does. */
#define DISPATCH_STOP_NEXT                                                             \
	"correct the BMCs' user or password, then netboot-ctl bmc resume --site SITE " \
	"--reason TEXT"
struct agent_msg_stop;
const struct agent_msg_stop *
dispatch_stop(struct dispatch *d, const char *site);
/* Do jobs wait because the site's agent has as many as it takes? */
bool
dispatch_full(struct dispatch *d, const char *site);
/* Why the site's agent can take no orders now; NULL: it can, as far as is known. */
const struct error *
dispatch_trouble(struct dispatch *d, const char *site);

/* Asks the site's agent for something about a host's BMC. `done` is called once, later, with the
 * agent's answer or why there is none; *res is borrowed. The password is taken from `h` and unsealed
 * when the agent is told; `args` (NULL allowed) is referred to. Wake the site afterwards, once for many. */
struct db_host;
struct agent_msg_call_result;
typedef void
dispatch_call_done(void *arg, const struct agent_msg_call_result *res);
void
dispatch_call(struct dispatch *d, const struct db_host *h, enum bmc_verb verb,
    json_t *args, dispatch_call_done *done, void *arg);
/* Tells the site's agent that its stop is over. */
void
dispatch_call_resume(
    struct dispatch *d, const char *site, dispatch_call_done *done, void *arg);
/* Tells the site's agent that somebody watches the host's console, under that id. The agent answers with requests of
 * its own (live.h), the first of which ends the call: then, and when it is ended otherwise, `done` hears of it with an
 * empty code. With a code it is never to come. */
void
dispatch_call_console(struct dispatch *d, const struct db_host *h, const char *id,
    bool steal, dispatch_call_done *done, void *arg);
void
dispatch_call_end(struct dispatch *d, const char *id);
/* Has the site's agent ask the host until all of `checks`, a list of texts (lib/gate_check.h) that is referred to, hold at once, or
 * for timeout_s. `done` hears once, later: without a code they held. "gate-failed" (one was answered, and not as it should), "gate-timeout"
 * (one was never answered), "gate-program", "no-address" and "bad-gate" speak of the host or of the checks; "agent-too-old" of its
 * agent. With "agent-absent", "agent-silent", "gate-busy", "db-error" and "orchestrator-ending" nothing was found out: ask again. Wake
 * the site afterwards. */
bool
dispatch_call_gate_asked(const char *code); /* was anything found out? */
void
dispatch_call_gate(struct dispatch *d, const struct db_host *h, json_t *checks,
    int64_t timeout_s, dispatch_call_done *done, void *arg);

#endif
