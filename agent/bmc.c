/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The IPMI engine's front door: ties the pool to libevent and turns each order of the job
 * runner into a sequence. See bmc.h for what each does, bmc_call.c for how a call lives,
 * bmc_seq.c for the sequences.
 *
 *   bmc (this) → bmc_io (sockets, timers) → bmc_pool (queues) → bmc_call (one order)
 *              → bmc_seq (steps) and bmc_session (RMCP+) → bmc_packet (FreeIPMI)
 *
 * The engine owns everything below it; base, log, rng and workq are borrowed. */
#include "agent/bmc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/bmc_guest.h"
#include "agent/bmc_io.h"
#include "agent/bmc_manners.h"
#include "agent/bmc_packet.h"
#include "agent/bmc_pool.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/str.h"

enum {
	DEFAULT_IN_FLIGHT = 1024,
	DEFAULT_MAX_SESSIONS = 16384,
	OTHER_FILES = 512, /* descriptors for what else an agent does */
	DEFAULT_COMMAND_TIMEOUT = 20000000,
	DEFAULT_POLL = 2000000,
	DEFAULT_BREAKER_AFTER = 5,
	DEFAULT_BREAKER_FIRST = 30000000,
	DEFAULT_BREAKER_MAX = 900000000,
	DEFAULT_LOCKOUT_MORE_THAN = 5,
	DEFAULT_LOCKOUT_PERCENT = 20,
	DEFAULT_LOCKOUT_WINDOW = 600000000,
};

struct bmc_engine {
	const struct log *log;
	bmc_note_fn note;
	void *note_arg;
	struct bmc_packet *packet;
	struct bmc_lockout lockout;
	bool jobs_wait;
	struct bmc_call_env env;
	struct bmc_io *io;
	struct bmc_pool *pool;
};

static const char *const power_names[] = {"off", "on", "unknown"};
static const char *const action_names[] = {"off", "on", "cycle", "reset", "soft"};

/* 28.11; the rest is reserved. */
static const char *const restart_names[] = {"unknown", "chassis control", "reset button",
    "power button", "watchdog", "the maker's own cause", "mains back: always on",
    "mains back: as before", "PEF reset", "PEF power cycle", "soft reset", "clock"};

const char *
bmc_power_name(enum bmc_power power)
{
	return power_names[power];
}

const char *
bmc_action_name(enum bmc_action action)
{
	return action_names[action];
}

const char *
bmc_restart_name(uint8_t cause)
{
	return restart_names[cause < ARRAY_SIZE(restart_names) ? cause : 0];
}

int
bmc_action_parse(const char *s, enum bmc_action *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(action_names); i++) {
		if (!str_eq(s, action_names[i]))
			continue;
		*ret = (enum bmc_action)i;
		return 0;
	}
	return -EINVAL;
}

static void
on_note(void *arg, const struct bmc_note *n)
{
	struct bmc_engine *e = arg;

	if (str_eq(n->kind, "ipmi.lockout") || str_eq(n->kind, "ipmi.resumed") ||
	    str_eq(n->kind, "ipmi.breaker") || str_eq(n->kind, "ipmi.downgrade"))
		log_warn(e->log, "BMC %s: %s", n->bmc, n->text);
	else
		log_debug(e->log, "BMC %s: %s: %s", n->bmc, n->kind, n->text);
	if (e->note != NULL)
		e->note(e->note_arg, n);
}

static int64_t
or_default(int64_t value, int64_t def)
{
	return value > 0 ? value : def;
}

static void
set_manners(struct bmc_engine *e, const struct bmc_opts *o)
{
	e->jobs_wait = o->jobs_wait;
	e->env.polite = (struct bmc_polite_rules){.command_gap = o->command_gap,
	    .session_gap = o->session_gap,
	    .per_minute = o->sessions_per_minute,
	    .breaker_after =
		o->breaker_after > 0 ? o->breaker_after : DEFAULT_BREAKER_AFTER,
	    .breaker_first = or_default(o->breaker_first, DEFAULT_BREAKER_FIRST),
	    .breaker_max = or_default(o->breaker_max, DEFAULT_BREAKER_MAX)};
	e->lockout.more_than =
	    o->lockout_more_than > 0 ? o->lockout_more_than : DEFAULT_LOCKOUT_MORE_THAN;
	e->lockout.percent =
	    o->lockout_percent > 0 ? o->lockout_percent : DEFAULT_LOCKOUT_PERCENT;
	e->lockout.window = or_default(o->lockout_window, DEFAULT_LOCKOUT_WINDOW);
	e->env.lockout = &e->lockout;
	e->env.wall = clock_wall;
}

/* As many sessions as there may be sockets, at most the default. The limit of the shell from which an agent
 * is started by hand is often 1024, and may be raised. */
static unsigned
sessions_possible(void)
{
	const rlim_t want = DEFAULT_MAX_SESSIONS + OTHER_FILES;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return DEFAULT_MAX_SESSIONS;
	if (l.rlim_cur < want) {
		l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
		if (setrlimit(RLIMIT_NOFILE, &l) < 0 && getrlimit(RLIMIT_NOFILE, &l) < 0)
			return DEFAULT_MAX_SESSIONS;
	}
	if (l.rlim_cur >= want)
		return DEFAULT_MAX_SESSIONS;
	return l.rlim_cur > 2 * OTHER_FILES ? (unsigned)(l.rlim_cur - OTHER_FILES)
					    : (unsigned)(l.rlim_cur / 2);
}

struct bmc_engine *
bmc_engine_new(struct event_base *base, const struct log *log, struct rng *rng,
    const struct bmc_opts *opts, struct error *err)
{
	struct bmc_opts o = {0};
	struct bmc_pool_limits limits;
	struct bmc_engine *e;

	if (opts != NULL)
		o = *opts;
	e = str_alloc(sizeof *e);
	e->packet = bmc_packet_new(*rng, err);
	if (e->packet == NULL) {
		free(e);
		return NULL;
	}
	e->log = log;
	e->note = o.note;
	e->note_arg = o.note_arg;
	e->io = bmc_io_new(base, o.workq, on_note, e);
	e->env = (struct bmc_call_env){.ops = bmc_io_ops(),
	    .io = e->io,
	    .packet = e->packet,
	    .rng = rng,
	    .command_timeout = or_default(o.command_timeout, DEFAULT_COMMAND_TIMEOUT),
	    .poll_interval = or_default(o.poll_interval, DEFAULT_POLL)};
	set_manners(e, &o);
	limits.in_flight = o.in_flight > 0 ? o.in_flight : DEFAULT_IN_FLIGHT;
	limits.max_sessions = o.max_sessions > 0 ? o.max_sessions : sessions_possible();
	e->pool = bmc_pool_new(&e->env, &limits);
	bmc_io_set_pool(e->io, e->pool);
	return e;
}

void
bmc_engine_free(struct bmc_engine *e)
{
	if (e == NULL)
		return;
	bmc_pool_free(e->pool, clock_mono());
	bmc_io_free(e->io);
	bmc_packet_free(e->packet);
	free(e);
}

static struct bmc_call *
order(struct bmc_engine *e, const struct bundle_bmc *bmc, enum bmc_seq_kind kind,
    int64_t timeout, bmc_done_fn done, void *arg)
{
	struct bmc_call *c = bmc_pool_call(e->pool, bmc);

	c->seq.kind = kind;
	c->deadline = timeout > 0 ? clock_mono() + timeout : -1;
	c->done = done;
	c->arg = arg;
	return c;
}

static uint64_t
submit(struct bmc_engine *e, struct bmc_call *c)
{
	return bmc_pool_submit(e->pool, c, clock_mono());
}

uint64_t
bmc_power_status(
    struct bmc_engine *e, const struct bundle_bmc *bmc, bmc_done_fn done, void *arg)
{
	return submit(e, order(e, bmc, BMC_SEQ_STATUS, 0, done, arg));
}

uint64_t
bmc_control(struct bmc_engine *e, const struct bundle_bmc *bmc, enum bmc_action action,
    bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_CONTROL, 0, done, arg);

	c->seq.action = action;
	return submit(e, c);
}

uint64_t
bmc_power_off_seen(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t graceful,
    int64_t timeout, bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_OFF_SEEN, timeout, done, arg);

	c->seq.graceful = graceful;
	return submit(e, c);
}

uint64_t
bmc_power_off_asked(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_OFF_SEEN, timeout, done, arg);

	c->seq.soft_only = true;
	return submit(e, c);
}

uint64_t
bmc_power_off_watched(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_OFF_SEEN, timeout, done, arg);

	c->seq.watch_only = true;
	return submit(e, c);
}

uint64_t
bmc_power_on_seen(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	return submit(e, order(e, bmc, BMC_SEQ_ON_SEEN, timeout, done, arg));
}

uint64_t
bmc_override(struct bmc_engine *e, const struct bundle_bmc *bmc, enum bmc_boot boot,
    int64_t timeout, bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_OVERRIDE, timeout, done, arg);

	c->seq.boot = boot;
	return submit(e, c);
}

uint64_t
bmc_probe(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	return submit(e, order(e, bmc, BMC_SEQ_PROBE, timeout, done, arg));
}

uint64_t
bmc_probe_cause(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_PROBE, timeout, done, arg);

	c->seq.want_cause = true;
	return submit(e, c);
}

uint64_t
bmc_examine(struct bmc_engine *e, const struct bundle_bmc *bmc, bool only_read,
    int64_t timeout, bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_EXAMINE, timeout, done, arg);

	c->look = str_alloc(sizeof(*c->look));
	c->look->may_set = !only_read;
	return submit(e, c);
}

uint64_t
bmc_examine_users(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_EXAMINE, timeout, done, arg);

	c->look = str_alloc(sizeof(*c->look));
	c->look->want_users = true;
	return submit(e, c);
}

uint64_t
bmc_offer_none(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_STATUS, timeout, done, arg);

	c->offers_none = true;
	return submit(e, c);
}

uint64_t
bmc_ask(struct bmc_engine *e, const struct bundle_bmc *bmc,
    const struct bmc_question *what, int64_t timeout, bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_ASK, timeout, done, arg);

	c->ask = str_alloc(sizeof(*c->ask));
	bmc_ask_init(c->ask, what);
	c->one_proof = what->once;
	return submit(e, c);
}

uint64_t
bmc_prove(struct bmc_engine *e, const struct bundle_bmc *bmc, bool once, int64_t timeout,
    bmc_done_fn done, void *arg)
{
	struct bmc_call *c = order(e, bmc, BMC_SEQ_STATUS, timeout, done, arg);

	c->one_proof = once;
	return submit(e, c);
}

void
bmc_attempt(struct bmc_engine *e, uint64_t id, unsigned attempt, const char *variant)
{
	bmc_pool_attempt(e->pool, id, attempt, bmc_manners_variant_parse(variant));
}

void
bmc_hold_override(struct bmc_engine *e, uint64_t id, enum bmc_boot boot, unsigned attempt,
    const char *variant)
{
	bmc_attempt(e, id, attempt, variant);
	bmc_pool_hold(e->pool, id, boot);
}

void
bmc_override_worked(
    struct bmc_engine *e, const struct bundle_bmc *bmc, const char *variant)
{
	bmc_pool_worked(e->pool, bmc, bmc_manners_variant_parse(variant));
}

void
bmc_insist(struct bmc_engine *e, uint64_t id)
{
	if (!e->jobs_wait)
		bmc_pool_insist(e->pool, id);
}

bool
bmc_stopped(const struct bmc_engine *e, struct agent_msg_stop *ret)
{
	const struct bmc_lockout *l = &e->lockout;

	*ret = (struct agent_msg_stop){.since = 0};
	if (l->stopped)
		*ret = (struct agent_msg_stop){
		    .since = clock_wall() - (clock_mono() - l->stopped_at),
		    .refused = l->refused_then,
		    .heard = l->heard_then};
	return l->stopped;
}

bool
bmc_close_breaker(struct bmc_engine *e, const struct bundle_bmc *bmc)
{
	return bmc_pool_close_breaker(e->pool, bmc);
}

void
bmc_go_on(struct bmc_engine *e)
{
	const struct bmc_note note = {.kind = "ipmi.resumed",
	    .bmc = "(all)",
	    .text = "sessions to BMCs are opened again, as was ordered"};

	bmc_lockout_release(&e->lockout);
	on_note(e, &note);
}

void
bmc_cancel(struct bmc_engine *e, uint64_t id)
{
	bmc_pool_cancel(e->pool, id, clock_mono());
}

/* ---- guests ---- */

void
bmc_guest_on_evict(struct bmc_engine *e, bmc_evict_fn fn, void *arg)
{
	e->env.evict = fn;
	e->env.evict_arg = arg;
}

void
bmc_guest_manners(
    struct bmc_engine *e, const struct bundle_bmc *bmc, struct bmc_manners *ret)
{
	const struct bmc_peer *peer = bmc_pool_peer(e->pool, bmc);

	/* A mistake in them is told by the calls. */
	(void)!bmc_manners_resolve(ret, peer->device.known ? &peer->device : NULL,
	    bmc->learned, bmc->manners, NULL);
}

int64_t
bmc_guest_may_begin(
    struct bmc_engine *e, const struct bundle_bmc *bmc, char *text, size_t size)
{
	struct bmc_manners m;

	bmc_guest_manners(e, bmc, &m);
	return bmc_guest_wait(
	    bmc_pool_peer(e->pool, bmc), &e->env, &m, clock_mono(), text, size);
}

void
bmc_guest_has_begun(struct bmc_engine *e, const struct bundle_bmc *bmc)
{
	struct bmc_manners m;

	bmc_guest_manners(e, bmc, &m);
	bmc_guest_begun(bmc_pool_peer(e->pool, bmc), &e->env, &m, clock_mono());
}

void
bmc_guest_has_ended(struct bmc_engine *e, const struct bundle_bmc *bmc)
{
	struct bmc_manners m;

	bmc_guest_manners(e, bmc, &m);
	bmc_guest_ended(bmc_pool_peer(e->pool, bmc), &e->env, &m, clock_mono());
}

void
bmc_guest_was_judged(struct bmc_engine *e, const struct bundle_bmc *bmc, bool refused)
{
	struct bmc_peer *peer = bmc_pool_peer(e->pool, bmc);
	int64_t now = clock_mono();
	char text[192];
	struct bmc_note note = {.kind = "ipmi.lockout",
	    .bmc = peer->key,
	    .text = text,
	    .power = BMC_POWER_UNKNOWN};

	if (!bmc_guest_proof(peer, &e->env, now, refused))
		return;
	bmc_lockout_say(&e->lockout, now, text, sizeof(text));
	on_note(e, &note);
}
