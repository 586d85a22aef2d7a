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
#include "agent/console_hub.h"
#include "agent/console_live.h"
#include "agent/console_recorder.h"
#include "agent/console_upload.h"
#include "lib/str.h"

struct agent_console {
	struct agent_console_opts o;
	struct console_engine *engine;
	struct console_hub *hub;
	struct console_recorder *recorder;
	struct console_upload *upload;
	struct console_live *live;
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
	if (note->busy)
		console_recorder_yield(ac->recorder, note->bmc);
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

struct agent_console *
agent_console_new(const struct agent_console_opts *opts, struct error *err)
{
	struct agent_console *ac = str_alloc(sizeof(*ac));
	struct console_recorder_opts rec = {
	    .base = opts->base,
	    .log = opts->log,
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
	    .site = opts->cfg->site,
	    .agent = opts->agent,
	    .dir = opts->cfg->console_dir,
	    .writes = writes,
	    .arg = ac,
	};
	struct console_live_opts live = {.base = opts->base,
	    .log = opts->log,
	    .server = opts->cfg->orchestrator,
	    .token = opts->token};

	ac->o = *opts;
	ac->engine = console_engine_new(opts->base, opts->log, opts->rng, opts->names);
	ac->hub = console_hub_new(ac->engine);
	rec.hub = ac->hub;
	ac->recorder = console_recorder_new(&rec);
	ac->upload = console_upload_new(&up, err);
	live.hub = ac->hub;
	ac->live = console_live_new(&live, err);
	if (ac->upload == NULL || ac->live == NULL) {
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
	console_upload_free(ac->upload);
	console_live_free(ac->live);
	console_recorder_free(ac->recorder);
	console_hub_free(ac->hub);
	console_engine_free(ac->engine);
	free(ac);
}
