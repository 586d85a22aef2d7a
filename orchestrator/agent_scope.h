/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An agent can tell only of what is its own site's: whether an event is, and what is recorded in its place when it is not. No
 * clock, no sockets, no logging. */
#ifndef ORCHESTRATOR_AGENT_SCOPE_H
#define ORCHESTRATOR_AGENT_SCOPE_H

#include "db/store.h"
#include "lib/event.h"

enum agent_scope_verdict {
	AGENT_SCOPE_OWN, /* to be applied */
	AGENT_SCOPE_LATE, /* of a host that it had, or that nobody has: no claim of what is another's */
	AGENT_SCOPE_FOREIGN, /* of what is another site's, or said only by the orchestrator */
};

struct agent_scope_finding {
	enum agent_scope_verdict verdict;
	const char *code; /* what does not fit, for scripts; "" of what is its own */
	char text[EVENT_REASON_SIZE]; /* the same for people */
};

/* What was looked up for one report: each host, job and boot once. */
struct agent_scope;

/* `site` and `agent` are those of the report, whoever let it in has made sure of them; borrowed. */
struct agent_scope *
agent_scope_new(struct store *s, const char *site, const char *agent);
void
agent_scope_free(struct agent_scope *sc); /* NULL allowed */
/* 0 with *ret, or an errno of the database. */
int
agent_scope_judge(struct agent_scope *sc, const struct event *ev,
    struct agent_scope_finding *ret) MUST_CHECK;
/* What stands in the record instead: `agent.foreign` (of what is LATE `agent.outdated`) of the agent's own site, with what was said as members that no filter,
 * counter or webhook takes for the thing itself. The caller runs event_done(). */
struct event
agent_scope_note(const struct agent_scope *sc, const struct event *said,
    const struct agent_scope_finding *f, int64_t wall);

#endif
