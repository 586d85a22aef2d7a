/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of an override after it was set: what worked is learned, and what no boot uses up is
 * taken back.
 *
 * Entry points: run_override_recall() before one is set, run_override_follow() when the job has gone on,
 * run_override_forget() at the end of all. What worked is kept in the spool under the BMC's address.
 * Flags of the variant "persistent", which a host's owner may name, are cleared as soon as the ticket is
 * used, or else when the job ends: until then the machine may need them once more.
 * Ownership: one record for each BMC that is being asked to clear them, until its answer; the job may be
 * gone by then. Failure modes: a BMC that does not clear them is an event that says how to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "agent/run_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

#define CLEAR_TIMEOUT (60 * USEC_PER_SEC)

struct run_clearing {
	struct run_clearing *next, *prev;
	struct run_jobs *jobs;
	uint64_t call;
	char job[ID_SIZE], host[BUNDLE_NAME_SIZE];
};

/* ---- what worked ---- */

static void
mark_key(const struct run_job *job, char key[SPOOL_MARK_SIZE])
{
	const struct bundle_bmc *bmc = &job->bundle->bmc;

	snprintf(key, SPOOL_MARK_SIZE, "variant/%s:%u", bmc->address, bmc->port);
}

void
run_override_recall(struct run_job *job)
{
	char key[SPOOL_MARK_SIZE], *variant = NULL;

	mark_key(job, key);
	if (spool_get_mark(job->deps->spool, key, &variant) == 1)
		bmc_override_worked(job->deps->bmc, &job->bundle->bmc, variant);
	free(variant);
}

static void
learn(struct run_job *job)
{
	const struct run *r = &job->run;
	char text[96], key[SPOOL_MARK_SIZE];

	if (r->variant[0] == '\0' || job->saved.stage > STAGE_FIRMWARE_DHCP ||
	    r->stage <= STAGE_FIRMWARE_DHCP || r->stage > STAGE_DONE)
		return;
	bmc_override_worked(job->deps->bmc, &job->bundle->bmc, r->variant);
	if (r->misses == 0)
		return;
	mark_key(job, key);
	run_jobs_mark(job->jobs, key, r->variant);
	snprintf(text, sizeof(text),
	    "the machine came to the network after variant \"%s\" of the override",
	    r->variant);
	run_jobs_tell(job, "ipmi.learned", "variant", r->variant, text);
}

/* ---- what no boot uses up ---- */

static void
clearing_free(struct run_clearing *c)
{
	DL_DELETE(c->jobs->clearings, c);
	free(c);
}

static void
on_cleared(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct run_clearing *c = arg;
	struct event ev = event_make("ipmi.flags-left", clock_wall());

	if (res->err.code[0] == '\0') {
		clearing_free(c);
		return;
	}
	str_clip(ev.host, sizeof(ev.host), c->host);
	str_clip(ev.job, sizeof(ev.job), c->job);
	str_clip(ev.reason, sizeof(ev.reason), res->err.text);
	event_put(&ev, "code", res->err.code);
	event_put(&ev, "next",
	    "its persistent network boot may still be set: clear the boot device at the "
	    "BMC, or order a boot of the host in another variant");
	run_jobs_emit(c->jobs, &ev, true);
	clearing_free(c);
}

/* An override that was broken off: what it had set already is not known, but what it might set is. */
static bool
broken_off(const struct run_job *job)
{
	const json_t *list = json_object_get(job->bundle->bmc.manners, "variants"), *v;
	size_t i;

	if (job->saved.phase != RUN_PHASE_FLAGS || !run_ended(&job->run))
		return false;
	json_array_foreach (list, i, v)
		if (str_eq(json_string_value(v), "persistent"))
			return true;
	return false;
}

static void
take_back(struct run_job *job)
{
	bool over = ticket_is_consumed(&job->run.ticket) || run_ended(&job->run);
	struct run_clearing *c;

	if (job->taken_back || !over || (!job->run.persistent && !broken_off(job)))
		return;
	job->taken_back = true;
	c = str_alloc(sizeof(*c));
	c->jobs = job->jobs;
	str_clip(c->job, sizeof(c->job), job->run.job);
	str_clip(c->host, sizeof(c->host), job->run.host);
	DL_APPEND(c->jobs->clearings, c);
	c->call = bmc_override(job->deps->bmc, &job->bundle->bmc,
	    job->bundle->host.firmware == BUNDLE_UEFI ? BMC_BOOT_NONE_EFI
						      : BMC_BOOT_NONE_BIOS,
	    CLEAR_TIMEOUT, on_cleared, c);
	bmc_attempt(job->deps->bmc, c->call, 1, "bare");
	bmc_insist(job->deps->bmc, c->call);
}

void
run_override_follow(struct run_job *job)
{
	learn(job);
	take_back(job);
}

void
run_override_forget(struct run_jobs *js)
{
	while (js->clearings != NULL) {
		bmc_cancel(js->d.bmc, js->clearings->call);
		clearing_free(js->clearings);
	}
}
