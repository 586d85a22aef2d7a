/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions, recordings and what becomes of them.
 *
 * Entry points: agent_console_new() and what the jobs and the BMC engine say.
 * Ownership: struct agent_console owns the parts.
 * Failure modes: none that reaches the rest of the agent.
 */
#include "agent/agent_console.h"

#include <stdlib.h>

#include "agent/console.h"
#include "agent/console_always.h"
#include "agent/console_hub.h"
#include "agent/console_live.h"
#include "agent/console_recorder.h"
#include "agent/console_upload.h"
#include "lib/clock.h"
#include "lib/str.h"

/* Calls need the BMC's sessions: as long as a job's steps may take, or until the only one is free again. */
#define YIELD (60 * USEC_PER_SEC)
#define EVICTED (20 * USEC_PER_SEC)

struct agent_console {
	struct agent_console_opts o;
	struct console_engine *engine;
	struct console_hub *hub;
	struct console_recorder *recorder;
	struct console_upload *upload;
	struct console_live *live;
	struct console_always *always;
};

static void
emit(void *arg, struct event *ev)
{
	struct agent_console *ac = arg;

	run_jobs_emit(*ac->o.jobs, ev, true);
}

static void
changed(void *arg)
{
	struct agent_console *ac = arg;

	if (ac->upload != NULL)
		console_upload_kick(ac->upload);
}

static bool
writes(void *arg, const char *id)
{
	const struct agent_console *ac = arg;

	return console_recorder_writes(ac->recorder, id);
}

void
agent_console_job(struct agent_console *ac, const struct bundle *b, const struct run *run)
{
	console_recorder_job(ac->recorder, b, run);
}

void
agent_console_note(struct agent_console *ac, const struct bmc_note *note)
{
	struct event ev;

	if (note->id == 0 && str_eq(note->kind, "ipmi.lockout")) { /* a console's doing */
		ev = event_make(note->kind, clock_wall());
		str_clip(ev.reason, sizeof(ev.reason), note->text);
		emit(ac, &ev);
	}
	if (note->busy)
		console_hub_yield(ac->hub, note->bmc, YIELD,
		    "the BMC has no session to spare for a call");
}

/* A call needs the only session of that BMC. */
static void
evict(void *arg, const char *bmc)
{
	struct agent_console *ac = arg;

	console_hub_yield(
	    ac->hub, bmc, EVICTED, "the BMC holds one session, which a call needs");
}

struct console_hub *
agent_console_hub(struct agent_console *ac)
{
	return ac->hub;
}

void
agent_console_table(struct agent_console *ac)
{
	console_always_ask(ac->always);
}

static void
set_always(void *arg, const struct console_recorder_host *hosts, size_t n)
{
	struct agent_console *ac = arg;

	console_recorder_always(ac->recorder, hosts, n);
}

bool
agent_console_call(struct agent_console *ac, const struct agent_msg_order *order)
{
	struct agent_msg_call_result res = {.power = "unknown"};
	struct error err;

	if (!str_eq(order->verb, "console") && !str_eq(order->verb, "console-steal"))
		return false;
	if (console_live_start(ac->live, order, &err) < 0) {
		str_clip(res.id, sizeof(res.id), order->id);
		str_clip(res.code, sizeof(res.code), err.code);
		error_line(&err, res.reason, sizeof(res.reason));
		ac->o.done(ac->o.arg, &res);
	}
	return true;
}

static struct console_always *
new_always(struct agent_console *ac, struct error *err)
{
	const struct console_always_opts o = {
	    .base = ac->o.base,
	    .log = ac->o.log,
	    .rng = ac->o.rng,
	    .server = ac->o.cfg->orchestrator,
	    .token = ac->o.token,
	    .self = ac->o.self,
	    .site = ac->o.cfg->site,
	    .agent = ac->o.agent,
	    .spool = ac->o.spool,
	    .key = ac->o.key,
	    .box = ac->o.box,
	    .set = set_always,
	    .arg = ac,
	};

	return console_always_new(&o, err);
}

struct agent_console *
agent_console_new(const struct agent_console_opts *opts, struct error *err)
{
	struct agent_console *ac = str_alloc(sizeof(*ac));
	struct console_recorder_opts rec = {
	    .base = opts->base,
	    .log = opts->log,
	    .rng = opts->rng,
	    .dir = opts->cfg->console_dir,
	    .boot_limit = opts->cfg->console_boot_limit,
	    .site_limit = opts->cfg->console_site_limit,
	    .emit = emit,
	    .changed = changed,
	    .arg = ac,
	};
	struct console_upload_opts up = {
	    .base = opts->base,
	    .log = opts->log,
	    .rng = opts->rng,
	    .server = opts->cfg->orchestrator,
	    .token = opts->token,
	    .self = opts->self,
	    .site = opts->cfg->site,
	    .agent = opts->agent,
	    .dir = opts->cfg->console_dir,
	    .writes = writes,
	    .arg = ac,
	};
	struct console_live_opts live = {.base = opts->base,
	    .log = opts->log,
	    .server = opts->cfg->orchestrator,
	    .token = opts->token,
	    .self = opts->self,
	    .site = opts->cfg->site,
	    .agent = opts->agent};

	ac->o = *opts;
	ac->engine =
	    console_engine_new(opts->base, opts->log, opts->rng, opts->names, opts->bmc);
	ac->hub = console_hub_new(ac->engine);
	bmc_guest_on_evict(opts->bmc, evict, ac);
	rec.hub = ac->hub;
	ac->recorder = console_recorder_new(&rec);
	ac->upload = console_upload_new(&up, err);
	live.hub = ac->hub;
	ac->live = console_live_new(&live, err);
	ac->always = new_always(ac, err);
	if (ac->upload == NULL || ac->live == NULL || ac->always == NULL) {
		agent_console_free(ac);
		return NULL;
	}
	return ac;
}

void
agent_console_free(struct agent_console *ac)
{
	if (ac == NULL)
		return;
	console_always_free(ac->always);
	console_upload_free(ac->upload);
	console_live_free(ac->live);
	console_recorder_free(ac->recorder);
	bmc_guest_on_evict(ac->o.bmc, NULL, NULL);
	console_hub_free(ac->hub);
	console_engine_free(ac->engine);
	free(ac);
}
