// SPDX-License-Identifier: GPL-3.0-or-later
/* The event loop's side of schedules and rollouts: one timer, the ends of jobs as the tail of the events shows them, and gates as dispatch_call_gate()
 * has them asked.
 *
 * Entry points: unattended_new(), unattended_wake() after something was changed by a request, unattended_event() for each recorded event.
 * Everything is done from the timer, so that nothing happens within a request or while somebody walks through rows. It looks at least
 * every LOOK_MAX_US, since wall clocks are set.
 * Ownership: the engine, and what waits for its turn. Failure modes: ends of jobs that were shown and not dealt with when the process died
 * are found in the rows at its start. */
#include "orchestrator/unattended.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/str.h"

#define LOOK_MAX_US (30 * USEC_PER_SEC)
enum { ENDS_A_TURN = 50 };

/* A question to an agent; lives until it is answered. */
struct question {
	struct unattended *u;
	uint64_t ticket;
};

/* An answer that waits for its turn. */
struct answer {
	uint64_t ticket;
	enum rollouts_gate_result result;
	struct error why;
};

struct unattended {
	struct unattended_ops ops;
	struct rollouts *rollouts;
	struct scheduler *scheduler;
	struct event *timer;
	struct store_names ended; /* jobs */
	struct answer *answers;
	size_t n_answers;
};

static void
look_in(struct unattended *u, int64_t us)
{
	const struct timeval tv = {
	    .tv_sec = us / USEC_PER_SEC, .tv_usec = (suseconds_t)(us % USEC_PER_SEC)};

	evtimer_add(u->timer, &tv);
}

void
unattended_wake(struct unattended *u)
{
	if (u)
		look_in(u, 0);
}

static void
add_answer(struct unattended *u, uint64_t ticket, enum rollouts_gate_result result,
    const struct error *why)
{
	u->answers = str_realloc(u->answers, (u->n_answers + 1) * sizeof(u->answers[0]));
	u->answers[u->n_answers++] =
	    (struct answer){.ticket = ticket, .result = result, .why = *why};
	unattended_wake(u);
}

/* The reason is the whole line of an error, which begins with its code. */
static const char *
without_code(const struct agent_msg_call_result *res)
{
	size_t n = strlen(res->code);

	return str_has_prefix(res->reason, res->code) &&
		       str_has_prefix(res->reason + n, ": ")
		   ? res->reason + n + 2
		   : res->reason;
}

static void
on_gate(void *arg, const struct agent_msg_call_result *res)
{
	struct question *q = arg;
	struct error why = {.code = ""};
	enum rollouts_gate_result result = ROLLOUTS_GATE_PASSED;

	if (res->code[0]) {
		result = dispatch_call_gate_asked(res->code) ? ROLLOUTS_GATE_FAILED
							     : ROLLOUTS_GATE_NOT_HEARD;
		error_set(&why, 0, res->code, "netboot-ctl gate check asks it again",
		    "%s", without_code(res));
	}
	/* Asked again by the next process. */
	if (!str_eq(res->code, "orchestrator-ending"))
		add_answer(q->u, q->ticket, result, &why);
	free(q);
}

static void
gate(void *arg, uint64_t ticket, const char *site, const char *host, json_t *checks,
    int64_t timeout_s)
{
	struct unattended *u = arg;
	struct db_host *h = str_alloc(sizeof(*h));
	struct error why;
	struct question *q;
	int rc = db_host_get(u->ops.store, host, h);

	if (rc == -ENOENT) {
		error_set(&why, 0, "host-unknown", NULL, "host %s was removed", host);
		add_answer(u, ticket, ROLLOUTS_GATE_FAILED, &why);
	} else if (rc < 0) {
		/* That says nothing of the host. */
		db_error(store_db(u->ops.store), rc, &why, "read the host");
		add_answer(u, ticket, ROLLOUTS_GATE_NOT_HEARD, &why);
	} else {
		q = str_alloc(sizeof(*q));
		*q = (struct question){.u = u, .ticket = ticket};
		dispatch_call_gate(u->ops.dispatch, h, checks, timeout_s, on_gate, q);
		dispatch_wake(u->ops.dispatch, site);
	}
	free(h);
}

static void
wake(void *arg, const char *site)
{
	struct unattended *u = arg;

	dispatch_wake(u->ops.dispatch, site);
}

static void
changed(void *arg, const char *job)
{
	struct unattended *u = arg;

	dispatch_changed(u->ops.dispatch, job);
}

static void
on_events(void *arg)
{
	struct unattended *u = arg;

	u->ops.on_events(u->ops.arg);
}

static struct orders_context
orders(void *arg, int64_t wall)
{
	struct unattended *u = arg;

	return u->ops.orders(u->ops.arg, wall);
}

void
unattended_event(struct unattended *u, const struct event *ev)
{
	static const char *const ends[] = {
	    "job.done", "job.failed", "job.cancelled", "job.refused"};

	for (size_t i = 0; u && ev->job[0] && i < ARRAY_SIZE(ends); i++) {
		if (!str_eq(ev->kind, ends[i]))
			continue;
		store_names_add(&u->ended, ev->job);
		unattended_wake(u);
	}
}

/* Some of the jobs that have ended: after a stop they may be thousands, and others have their turn between. */
static void
take_ends(struct unattended *u, int64_t wall)
{
	struct store_names *e = &u->ended;
	size_t n = e->n < ENDS_A_TURN ? e->n : ENDS_A_TURN;

	rollouts_jobs_ended(u->rollouts, e->v, n, wall);
	for (size_t i = 0; i < n; i++)
		free(e->v[i]);
	e->n -= n;
	memmove(e->v, e->v + n, e->n * sizeof(e->v[0]));
	if (e->n > 0)
		unattended_wake(u);
}

/* What has happened since the last look. */
static void
take_news(struct unattended *u, int64_t wall)
{
	struct answer *answers = u->answers;
	size_t n = u->n_answers;

	if (u->ended.n > 0)
		take_ends(u, wall);
	u->answers = NULL;
	u->n_answers = 0;
	for (size_t i = 0; i < n; i++)
		(void)rollouts_gate_done(u->rollouts, answers[i].ticket,
		    answers[i].result, &answers[i].why, wall);
	free(answers);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct unattended *u = arg;
	int64_t wall = clock_wall(), when;

	(void)fd;
	(void)what;
	take_news(u, wall);
	/* What a schedule begins has its first turn at once. */
	int64_t due = scheduler_tick(u->scheduler, wall);
	when = rollouts_tick(u->rollouts, wall);
	when = due < when ? due : when;
	if (evtimer_pending(u->timer, NULL))
		return; /* something has changed meanwhile */
	when = when > wall + LOOK_MAX_US ? LOOK_MAX_US : when - wall;
	look_in(u, when > 0 ? when : 0);
}

int
unattended_new(
    const struct unattended_ops *ops, struct unattended **ret, struct error *err)
{
	struct unattended *u = str_alloc(sizeof(*u));
	const struct rollouts_ops engine = {.log = ops->log,
	    .store = ops->store,
	    .in_flight = ops->in_flight,
	    .orders = orders,
	    .gate = gate,
	    .wake = wake,
	    .changed = changed,
	    .on_events = on_events,
	    .arg = u};

	u->ops = *ops;
	int rc = rollouts_new(&engine, clock_wall(), &u->rollouts, err);
	if (rc < 0) {
		free(u);
		return rc;
	}
	u->scheduler = scheduler_new(&(struct scheduler_ops){.log = ops->log,
	    .store = ops->store,
	    .rollouts = u->rollouts,
	    .approval_hosts = ops->approval_hosts,
	    .approval_lead = ops->approval_lead,
	    .on_events = on_events,
	    .arg = u});
	u->timer = evtimer_new(ops->base, on_timer, u);
	if (!u->timer)
		abort();
	look_in(u, 0);
	*ret = u;
	return 0;
}

void
unattended_free(struct unattended *u)
{
	if (!u)
		return;
	event_free(u->timer);
	scheduler_free(u->scheduler);
	rollouts_free(u->rollouts);
	store_names_done(&u->ended);
	free(u->answers);
	free(u);
}

struct rollouts *
unattended_rollouts(struct unattended *u)
{
	return u->rollouts;
}

struct scheduler *
unattended_scheduler(struct unattended *u)
{
	return u->scheduler;
}
