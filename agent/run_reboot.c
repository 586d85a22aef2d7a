/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reboots, on the host: its boot id before and after, and the order's hook; and what its BMC says last restarted it.
 *
 * The first look at the boot id begins beside that at the BMC: one that is slow leaves no time to look afterwards.
 * Entry points: run_reboot_first(), run_reboot_preflight(), run_reboot_hook(), run_reboot_look(), run_reboot_ask(), run_reboot_tick().
 * Ownership: one command at a time, job->ssh, ended with the job.
 * Failure modes: a boot id that cannot be read is told and decides nothing here; a hook that failed says whether it may have
 * been carried out: not when the host said how it ended, but when the connection broke off, or its time was over.
 */
#include "agent/run_reboot.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/host_ssh.h"
#include "lib/clock.h"
#include "lib/str.h"

#define READ_ID "cat /proc/sys/kernel/random/boot_id"
#define READ_TIME (10 * USEC_PER_SEC)
#define LOOK_APART (5 * USEC_PER_SEC)
/* Of a BMC that may have been busy with the restart. */
#define ASK_TIME (60 * USEC_PER_SEC)
/* The job itself ends its stage then. */
#define SPARE (USEC_PER_SEC / 2)

enum { BOOT_ID_LEN = 36 };

/* As the kernel writes it: proc(5), random_uuid. */
static bool
is_boot_id(const char *s)
{
	return strlen(s) == BOOT_ID_LEN &&
	       strspn(s, "0123456789abcdef-") == (size_t)BOOT_ID_LEN;
}

static int
read_id(struct run_job *job, gate_exec_done *done, struct error *err)
{
	struct addr_ip ip = run_exec_address(job);

	job->ssh = host_ssh_start(
	    job->deps->ssh, job->run.host, &ip, READ_ID, READ_TIME, done, job, err);
	return job->ssh == NULL ? -EPERM : 0;
}

/* ---- before ---- */

static void
end_preflight(struct run_job *job)
{
	const struct run_first *first = &job->first;
	char evidence[RUN_EVIDENCE_SIZE];
	char cause[48] = "";

	if (job->cause != 0)
		snprintf(cause, sizeof(cause), "; last restarted by %s",
		    bmc_restart_name((uint8_t)(job->cause - 1)));
	if (first->ident[0] != '\0')
		snprintf(evidence, sizeof(evidence), "%.60s%.45s; boot id %.40s",
		    first->evidence, cause, first->ident);
	else
		snprintf(evidence, sizeof(evidence),
		    "%.50s%.45s; boot id not read: %.43s", first->evidence, cause,
		    first->why);
	run_jobs_post_ident_step(job, evidence, first->ident);
}

/* Before the BMC has answered it is only kept. */
static void
on_first_read(void *arg, const struct gate_exec_end *end)
{
	struct run_job *job = arg;
	bool good = end->ok && is_boot_id(end->why);

	job->ssh = NULL;
	str_clip(job->first.ident, sizeof(job->first.ident), good ? end->why : "");
	str_clip(job->first.why, sizeof(job->first.why), end->why);
	if (job->first.evidence[0] != '\0')
		end_preflight(job);
}

void
run_reboot_first(struct run_job *job)
{
	struct error err;

	memset(&job->first, 0, sizeof(job->first));
	if (job->run.kind != BUNDLE_REBOOT || job->deps->ssh == NULL)
		return;
	if (read_id(job, on_first_read, &err) < 0)
		str_clip(job->first.why, sizeof(job->first.why), err.text);
}

/* From here on it holds the reboot up. */
static int64_t
first_time(const struct run_job *job)
{
	int64_t left = job->run.due - clock_wall() - SPARE;

	return left > READ_TIME ? READ_TIME : left;
}

void
run_reboot_preflight(struct run_job *job, const char *evidence)
{
	if (job->run.kind != BUNDLE_REBOOT || job->deps->ssh == NULL) {
		run_jobs_post_step(job, NULL, false, evidence);
		return;
	}
	str_clip(job->first.evidence, sizeof(job->first.evidence), evidence);
	job->look_at = clock_mono() + first_time(job);
	if (job->ssh == NULL)
		end_preflight(job);
}

/* It hangs, or waits for its place behind others that do: the reboot does not depend on it. */
static void
give_up_first(struct run_job *job)
{
	run_reboot_stop(job);
	str_clip(job->first.why, sizeof(job->first.why), "no time was left for it");
	end_preflight(job);
}

int
run_reboot_check(const struct run_job *job, struct error *err)
{
	if (job->bundle->hook[0] == '\0' || job->deps->ssh != NULL)
		return 0;
	return error_set(err, -EPERM, "ssh-not-set-up",
	    "give agent.yaml a section ssh, or order it without the hook",
	    "the order has a hook, and the agent of site %s has no way to log in on "
	    "hosts",
	    job->deps->cfg->site);
}

/* ---- the hook ---- */

static void
tell(struct run_job *job, const char *how)
{
	run_jobs_tell(job, "job.hook", "command", job->bundle->hook, how);
}

static void
on_hook(void *arg, const struct gate_exec_end *end)
{
	struct run_job *job = arg;
	bool open = end->over || end->status == HOST_SSH_BROKEN;
	struct error err;

	job->ssh = NULL;
	if (end->ok) {
		tell(job, end->why[0] != '\0' ? end->why : "it ended well");
		run_jobs_post_step(job, NULL, false, end->why);
		return;
	}
	error_set(&err, 0, "", NULL, "the hook failed%s: %s",
	    open ? ", and whether it was carried out is not known" : "", end->why);
	tell(job, err.text);
	run_jobs_post_step(job, &err, open, NULL);
}

void
run_reboot_hook(struct run_job *job)
{
	struct addr_ip ip = run_exec_address(job);
	struct error err;

	run_reboot_stop(job);
	job->ssh = host_ssh_start(job->deps->ssh, job->run.host, &ip, job->bundle->hook,
	    job->run.hook_allow, on_hook, job, &err);
	if (job->ssh != NULL)
		return;
	error_prefix(&err, "the hook cannot be run");
	tell(job, err.text);
	run_jobs_post_step(job, &err, false, NULL);
}

/* ---- after ---- */

static void
on_look(void *arg, const struct gate_exec_end *end)
{
	struct run_job *job = arg;

	job->ssh = NULL;
	job->look_at = clock_mono() + LOOK_APART;
	if (end->ok && is_boot_id(end->why))
		run_jobs_post_ident(job, end->why, NULL);
	else
		run_jobs_post_ident(job, NULL, end->ok ? "no boot id" : end->why);
}

void
run_reboot_look(struct run_job *job)
{
	job->looking = job->deps->ssh != NULL;
	job->look_at = clock_mono();
}

void
run_reboot_look_no_more(struct run_job *job)
{
	if (job->looking)
		run_reboot_stop(job);
	job->looking = false;
}

unsigned
run_reboot_cause(const struct bmc_result *res)
{
	return res->restart.known ? res->restart.cause + 1U : 0;
}

static void
on_cause(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct run_job *job = arg;

	job->call = 0;
	run_jobs_post_cause(job, run_reboot_cause(res));
}

/* In stage os-up nothing else is asked of the BMC. */
void
run_reboot_ask(struct run_job *job)
{
	assert(job->call == 0);
	job->call =
	    bmc_probe_cause(job->deps->bmc, &job->bundle->bmc, ASK_TIME, on_cause, job);
	bmc_insist(job->deps->bmc, job->call);
}

/* A host whose probe is silent need not be asked, unless it is to go: the probe's silence may be the hook's doing. */
static bool
worth_a_look(const struct run_job *job)
{
	const struct run *r = &job->run;

	return job->ssh == NULL && clock_mono() >= job->look_at &&
	       (r->os_by != RUN_PROOF_PROBE || r->answers || r->phase == RUN_PHASE_GOING);
}

void
run_reboot_tick(struct run_job *job)
{
	struct error err;

	if (job->run.stage == STAGE_PREFLIGHT && job->ssh != NULL &&
	    job->first.evidence[0] != '\0' && clock_mono() >= job->look_at)
		give_up_first(job);
	if (!job->looking || !worth_a_look(job))
		return;
	if (read_id(job, on_look, &err) == 0)
		return;
	job->look_at = clock_mono() + LOOK_APART;
	run_jobs_post_ident(job, NULL, err.text);
}

void
run_reboot_stop(struct run_job *job)
{
	gate_exec_stop(job->ssh);
	job->ssh = NULL;
}
