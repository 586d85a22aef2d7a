/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the stages of a job do: checks, script, bootd's entry, BMC, probe.
 *
 * Entry points: run_exec() begins an action; its end is posted as RUN_IN_STEP.
 * Ownership: what is under way hangs on struct run_job and is stopped with it.
 * Failure modes: each ends the step with an error; only those that may pass by
 * themselves are marked as worth another attempt.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/nfs_check_io.h"
#include "agent/nfs_proto.h"
#include "agent/run_priv.h"
#include "agent/run_reboot.h"
#include "agent/script.h"
#include "agent/template.h"
#include "agent/textfile.h"
#include "lib/clock.h"
#include "lib/str.h"

/* A server on the spot answers at once; the stage's deadline is for the files. */
#define NFS_PATIENCE (5 * USEC_PER_SEC)

/* ---- checks before anything is switched off ---- */

/* A look, not our doing: it tells whether somebody else switched the machine off, or what a power order has come to. */
static void
tell_look(struct run_job *job, enum bmc_power power, const char *look)
{
	struct event ev = event_make("power.state", clock_wall());

	if (power == BMC_POWER_UNKNOWN) {
		event_done(&ev);
		return;
	}
	str_clip(ev.host, sizeof(ev.host), job->run.host);
	str_clip(ev.job, sizeof(ev.job), job->run.job);
	event_put(&ev, "power", bmc_power_name(power));
	event_put(&ev, "look", look);
	run_jobs_emit(job->jobs, &ev, false);
}

static void
on_bmc_probed(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct run_job *job = arg;
	char evidence[RUN_EVIDENCE_SIZE];
	char files[96] = "";

	job->call = 0;
	if (res->err.code[0] != '\0') {
		run_jobs_post_step(job, &res->err, false, NULL);
		return;
	}
	if (job->n_files > 0)
		snprintf(files, sizeof(files), "%u image files verified; %s",
		    job->n_files, job->exported != NULL ? job->exported : "");
	snprintf(evidence, sizeof(evidence),
	    "%sBMC answers with cipher suite %d; power %s", files, res->cipher,
	    bmc_power_name(res->power));
	tell_look(job, res->power, "preflight");
	job->cause = run_reboot_cause(res);
	run_reboot_preflight(job, evidence);
}

/* The engine gives up a little before the stage does: it knows the better reason. */
static int64_t
time_left(const struct run_job *job)
{
	int64_t left = job->run.due - clock_wall() - USEC_PER_SEC / 2;

	return left < USEC_PER_SEC / 2 ? USEC_PER_SEC / 2 : left;
}

static void
probe_bmc(struct run_job *job)
{
	struct bmc_engine *e = job->deps->bmc;
	const struct bundle_bmc *bmc = &job->bundle->bmc;

	if (job->run.hook)
		job->call = bmc_probe_cause(e, bmc, time_left(job), on_bmc_probed, job);
	else
		job->call = bmc_probe(e, bmc, time_left(job), on_bmc_probed, job);
	bmc_insist(job->deps->bmc, job->call);
}

/* What script and templates are made of. */
static int
get_params(const struct run_job *job, char url[SCRIPT_URL_SIZE],
    struct script_params *ret, struct error *err)
{
	const struct run_jobs_ops *ops = job->deps->ops;
	const struct bundle_site *site =
	    ops->site != NULL ? ops->site(job->deps->arg) : NULL;

	*ret = (struct script_params){
	    .bundle = job->bundle,
	    .ticket = &job->run.ticket,
	    .site = job->deps->cfg->site,
	    .url = url,
	    .images = job->deps->cfg->images_root,
	    .v6_only = site != NULL && bundle_site_is_v6_only(site),
	    .keymap = site != NULL && site->menu.set ? site->menu.keymap : "us",
	};
	return ops->url(job->deps->arg, &job->bundle->host, url, SCRIPT_URL_SIZE, err);
}

static struct template_dirs
template_dirs(const struct run_job *job)
{
	const struct agent_config *cfg = job->deps->cfg;

	return (struct template_dirs){.images = cfg->images_root,
	    .scripts = cfg->scripts_root,
	    .reader = cfg->bootd_user};
}

/* Their files have just been read, so that reading them once more does not wait for the disk. */
static int
check_templates(const struct run_job *job, struct error *err)
{
	const struct template_dirs dirs = template_dirs(job);
	struct script_params p;
	char url[SCRIPT_URL_SIZE];
	int r = get_params(job, url, &p, err);

	return r < 0 ? r : template_check(&p, &dirs, err);
}

/* Of an export that nobody could be asked for: the job goes on, and says so. */
#define UNCHECKED "nfs-unchecked"

/* For the record, and for `doctor`: a root that one host missed is missed by all. */
static void
tell_export(const struct run_job *job, const struct error *err)
{
	bool seen = err->code[0] == '\0', unchecked = str_eq(err->code, UNCHECKED);
	struct event ev = event_make(seen	 ? "nfs.seen"
				     : unchecked ? "nfs.unchecked"
						 : "nfs.missing",
	    clock_wall());

	str_clip(ev.host, sizeof(ev.host), job->run.host);
	str_clip(ev.job, sizeof(ev.job), job->run.job);
	event_put(&ev, "path", job->bundle->image.nfs_root);
	if (!seen) {
		str_clip(ev.reason, sizeof(ev.reason), err->text);
		event_put(&ev, "code", err->code);
		event_put(&ev, "next", err->next);
	}
	run_jobs_emit(job->jobs, &ev, true);
}

static void
on_export_checked(void *arg, const struct error *err)
{
	struct run_job *job = arg;

	job->export = NULL;
	tell_export(job, err);
	if (err->code[0] != '\0' && !str_eq(err->code, UNCHECKED)) {
		run_jobs_post_step(job, err, false, NULL);
		return;
	}
	job->exported =
	    err->code[0] == '\0' ? "NFS export seen; " : "NFS export not checked; ";
	probe_bmc(job);
}

/* The root that the image mounts: exported by the machine that serves the site? */
static bool
begin_export(struct run_job *job)
{
	const struct bundle_image *image = &job->bundle->image;
	char url[SCRIPT_URL_SIZE], name[SCRIPT_URL_SIZE], path[600];
	struct script_params p;
	struct error err;

	if (image->nfs_root[0] == '\0' || get_params(job, url, &p, &err) < 0 ||
	    script_server(url, name, sizeof(name)) < 0 ||
	    str_format(path, sizeof(path), "%s/%s", p.images, image->nfs_root) < 0)
		return false;
	job->export = nfs_check_io_start(job->deps->base, job->deps->names, name,
	    NFS_PORT, path, NFS_PATIENCE, on_export_checked, job);
	return true;
}

static void
on_files_checked(void *arg, const struct error *err, unsigned n_files)
{
	struct run_job *job = arg;
	struct error why = *err;

	job->check = NULL;
	if (why.code[0] != '\0' && job->deps->ops->not_here != NULL)
		job->deps->ops->not_here(job->deps->arg, &job->bundle->image, &why);
	if (why.code[0] != '\0' || check_templates(job, &why) < 0) {
		run_jobs_post_step(job, &why, false, NULL);
		return;
	}
	job->n_files = n_files;
	if (!begin_export(job))
		probe_bmc(job);
}

static int
make_script(struct run_job *job, char **ret, struct error *err)
{
	struct script_params p;
	char url[SCRIPT_URL_SIZE];
	int r = get_params(job, url, &p, err);

	return r < 0 ? r : script_build(&p, ret, err);
}

static void
begin_preflight(struct run_job *job)
{
	struct error err = {0};
	char *text = NULL;

	if (job->bundle->bmc.address[0] == '\0') {
		error_set(&err, 0, "no-bmc",
		    "give the host a BMC: netboot-ctl host set, then retry",
		    "the host has no BMC to switch it with");
	} else if (job->run.netboot && make_script(job, &text, &err) == 0) {
		free(text);
		job->check = preflight_start(job->deps->preflight, &job->bundle->image,
		    &job->bundle->host, on_files_checked, job);
		if (job->check == NULL)
			error_set(&err, 0, "preflight-timeout", "retry later",
			    "too many checks are waiting for the site's disk");
	} else if (!job->run.netboot && run_reboot_check(job, &err) == 0) {
		run_reboot_first(job);
		probe_bmc(job);
	}
	if (err.code[0] != '\0')
		run_jobs_post_step(job, &err, false, NULL);
}

/* ---- script and bootd's entry ---- */

static int
script_path(const struct run_job *job, char *buf, size_t size)
{
	char name[SCRIPT_NAME_SIZE];
	int r = script_name(&job->bundle->host, name);

	return r < 0 ? r
		     : str_format(buf, size, "%s/%s", job->deps->cfg->scripts_root, name);
}

/* Those of an earlier ticket of the job go. */
static int
write_templates(struct run_job *job, struct error *err)
{
	const struct template_dirs dirs = template_dirs(job);
	struct script_params p;
	char url[SCRIPT_URL_SIZE];
	int r = get_params(job, url, &p, err);

	if (r < 0)
		return r;
	if (!str_eq(job->written, job->run.ticket.id))
		template_remove(dirs.scripts, job->written, &job->bundle->image);
	memcpy(job->written, job->run.ticket.id, sizeof(job->written));
	return template_write(&p, &dirs, err);
}

static int
write_script(struct run_job *job, struct error *err)
{
	char path[512];
	char *text = NULL;
	int r = make_script(job, &text, err);

	if (r < 0)
		return r;
	r = write_templates(job, err);
	if (r < 0) {
		free(text);
		return r;
	}
	r = script_path(job, path, sizeof(path));
	if (r == 0)
		r = textfile_replace(path, text, 0644, (gid_t)-1);
	free(text);
	if (r < 0)
		return error_set(err, r, "script-not-written",
		    "check the scripts folder of the boot services and the space on its "
		    "disk",
		    "cannot write %s: %s", path, strerror(-r));
	return 0;
}

/* Made for the ticket: another path, and a size that is not known here. */
static void
make_template(struct bootd_msg_payload *p, const char *ticket, size_t i)
{
	char name[TEMPLATE_NAME_SIZE];

	p->kind = BOOTD_PAYLOAD_TEMPLATE;
	p->size = 0;
	if (template_name(ticket, i, name) == 0)
		str_clip(p->path, sizeof(p->path), name);
}

static void
add_payload(struct bootd_msg_boot *b, const struct bundle_file *f,
    enum bootd_msg_payload_kind kind)
{
	struct bootd_msg_payload *p = &b->payloads[b->n_payloads++];

	memcpy(p->name, f->name, sizeof(p->name));
	memcpy(p->path, f->path, sizeof(p->path));
	p->size = f->size;
	p->kind = kind;
}

void
run_exec_boot(const struct run_job *job, struct bootd_msg_boot *ret)
{
	const struct bundle_image *image = &job->bundle->image;
	const struct run *r = &job->run;

	memset(ret, 0, sizeof(*ret));
	if (!r->netboot || !ticket_is_open(&r->ticket) ||
	    script_name(&job->bundle->host, ret->script) < 0)
		return;
	memcpy(ret->ticket, r->ticket.id, sizeof(ret->ticket));
	memcpy(ret->token, r->ticket.token, sizeof(ret->token));
	memcpy(ret->job, r->job, sizeof(ret->job));
	memcpy(ret->boot, r->boot, sizeof(ret->boot));
	ret->consumed = ticket_is_consumed(&r->ticket);
	add_payload(ret, &image->kernel, BOOTD_PAYLOAD_KERNEL);
	for (size_t i = 0; i < image->n_initrds; i++)
		add_payload(ret, &image->initrds[i], BOOTD_PAYLOAD_INITRD);
	for (size_t i = 0; i < image->n_files; i++) {
		add_payload(ret, &image->files[i], BOOTD_PAYLOAD_FILE);
		if (image->files[i].template)
			make_template(
			    &ret->payloads[ret->n_payloads - 1], ret->ticket, i);
	}
}

static int64_t
put_host(struct run_job *job)
{
	struct bootd_msg_boot *b = str_alloc(sizeof(*b));
	int64_t gen;

	run_exec_boot(job, b);
	gen = job->deps->ops->put_host(job->deps->arg, &job->bundle->host, b);
	free(b);
	return gen;
}

static void
begin_arm(struct run_job *job)
{
	struct error err = {0};

	if (write_script(job, &err) < 0)
		run_jobs_post_step(job, &err, true, NULL);
	else
		job->wait_gen = put_host(job);
}

static void
publish(struct run_job *job)
{
	struct error err = {0};

	if (ticket_is_armed(&job->run.ticket) && write_script(job, &err) < 0)
		log_error(job->deps->log, "job %s: %s", job->run.job, err.text);
	put_host(job);
}

void
run_exec_publish_again(struct run_job *job)
{
	int64_t gen;

	if (!ticket_is_open(&job->run.ticket))
		return;
	gen = put_host(job);
	if (job->run.stage == STAGE_ARMED)
		job->wait_gen = gen;
}

void
run_exec_on_ack(struct run_job *job, int64_t gen)
{
	char evidence[RUN_EVIDENCE_SIZE];

	/* Exactly its own: what was sent before may have been refused. */
	if (job->wait_gen == 0 || gen != job->wait_gen)
		return;
	job->wait_gen = 0;
	snprintf(evidence, sizeof(evidence), "ticket %s durable, script written, %s",
	    job->run.ticket.id,
	    job->run.by_logs
		? "files laid out for the site's own servers: nothing is held back"
		: "boot services acknowledged");
	run_jobs_post_step(job, NULL, false, evidence);
}

void
run_exec_on_refused(struct run_job *job, const char *reason)
{
	struct error err;

	if (job->wait_gen == 0)
		return;
	job->wait_gen = 0;
	error_set(&err, 0, "boot-services-refused",
	    "correct the host's MAC or IP addresses in the inventory, then retry",
	    "the boot services do not take the host's entry: %s", reason);
	run_jobs_post_step(job, &err, false, NULL);
}

/* ---- BMC ---- */

/* May pass by itself, so that another attempt makes sense. */
static bool
worth_retrying(const struct error *err)
{
	return !str_eq(err->code, "bmc-auth") && !str_eq(err->code, "bmc-cipher") &&
	       !str_eq(err->code, "bmc-privilege") && !str_eq(err->code, "bmc-refused") &&
	       !str_eq(err->code, "no-bmc") && !str_eq(err->code, "power-unconfirmed") &&
	       !str_eq(err->code, "bmc-lockout-stop") &&
	       !str_eq(err->code, "graceful-timeout");
}

static void
describe_flags(const struct bmc_result *res, char *buf, size_t size)
{
	const struct bmc_bootflags *f = &res->flags;

	if (!f->known)
		return;
	snprintf(buf, size,
	    "boot flags read back: %s, %s, %s, device %u (%02x %02x %02x %02x %02x); "
	    "variant %s",
	    f->valid ? "valid" : "not valid", f->persistent ? "persistent" : "once",
	    f->efi ? "EFI" : "BIOS", f->device, f->raw[0], f->raw[1], f->raw[2],
	    f->raw[3], f->raw[4], res->variant != NULL ? res->variant : "unknown");
}

static void
on_bmc_done(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct run_job *job = arg;
	char evidence[RUN_EVIDENCE_SIZE] = "";

	job->call = 0;
	job->variant = res->variant;
	if (res->err.code[0] != '\0') {
		run_jobs_post_step(job, &res->err, worth_retrying(&res->err), NULL);
		return;
	}
	switch (job->run.phase) {
	case RUN_PHASE_FLAGS: describe_flags(res, evidence, sizeof(evidence)); break;
	case RUN_PHASE_ON:
		str_clip(evidence, sizeof(evidence), "seen off, then on");
		break;
	case RUN_PHASE_CONTROL:
		snprintf(evidence, sizeof(evidence), "%s; power %s",
		    res->did[0] != '\0' ? res->did : job->run.action,
		    bmc_power_name(res->power));
		tell_look(job, res->power, "control");
		break;
	case RUN_PHASE_NONE:
	case RUN_PHASE_HOOK:
	case RUN_PHASE_GOING:
	case RUN_PHASE_LISTEN:
	case RUN_PHASE_SILENCE:
	case RUN_PHASE_OFF: break;
	}
	run_jobs_post_step(job, NULL, false, evidence);
}

static void
begin_control(struct run_job *job)
{
	struct bmc_engine *e = job->deps->bmc;
	const struct bundle_bmc *bmc = &job->bundle->bmc;
	enum bmc_action action;
	struct error err;

	if (bmc_action_parse(job->run.action, &action) < 0) {
		error_set(&err, 0, "bmc-refused", "use on, off, soft, cycle or reset",
		    "there is no power action \"%s\"", job->run.action);
		run_jobs_post_step(job, &err, false, NULL);
		return;
	}
	switch (action) {
	case BMC_ACTION_ON:
		job->call = bmc_power_on_seen(e, bmc, time_left(job), on_bmc_done, job);
		break;
	case BMC_ACTION_OFF:
		job->call =
		    bmc_power_off_seen(e, bmc, 0, time_left(job), on_bmc_done, job);
		break;
	case BMC_ACTION_SOFT:
	case BMC_ACTION_CYCLE:
	case BMC_ACTION_RESET:
		job->call = bmc_control(e, bmc, action, on_bmc_done, job);
		break;
	}
}

/* After a miss in another way; else as before. */
static void
begin_override(struct run_job *job, enum bmc_boot boot)
{
	struct bmc_engine *e = job->deps->bmc;

	run_override_recall(job);
	job->call =
	    bmc_override(e, &job->bundle->bmc, boot, time_left(job), on_bmc_done, job);
	bmc_attempt(e, job->call, job->run.misses + 1, job->run.variant);
}

static void
begin_bmc(struct run_job *job, enum run_action action)
{
	struct bmc_engine *e = job->deps->bmc;
	const struct bundle_bmc *bmc = &job->bundle->bmc;
	enum bmc_boot boot = job->bundle->host.firmware == BUNDLE_UEFI
				 ? BMC_BOOT_PXE_EFI
				 : BMC_BOOT_PXE_BIOS;

	assert(job->call == 0);
	if (action == RUN_ACT_POWER_OFF && job->run.force == BUNDLE_FORCE_NEVER)
		job->call = bmc_power_off_asked(e, bmc, time_left(job), on_bmc_done, job);
	else if (action == RUN_ACT_POWER_OFF)
		job->call = bmc_power_off_seen(
		    e, bmc, job->run.graceful, time_left(job), on_bmc_done, job);
	else if (action == RUN_ACT_WATCH_OFF)
		/* Its time is not the phase's: a machine that falls silent is given more. */
		job->call = bmc_power_off_watched(e, bmc,
		    job->run.graceful + job->run.allow[STAGE_POWER], on_bmc_done, job);
	else if (action == RUN_ACT_FLAGS)
		begin_override(job, boot);
	else if (action == RUN_ACT_POWER_ON)
		job->call = bmc_power_on_seen(e, bmc, time_left(job), on_bmc_done, job);
	else
		begin_control(job);
	if (action == RUN_ACT_POWER_ON && run_planned(&job->run, STAGE_OVERRIDE))
		bmc_hold_override(
		    e, job->call, boot, job->run.misses + 1, job->run.variant);
	bmc_insist(e, job->call);
}

/* ---- probe ---- */

static void
on_probe(void *arg, bool up)
{
	run_jobs_post_probe(arg, up);
}

/* A fixed address is where the system will be. Without one it is where the machine was
 * seen last: an installer and what it installs may be given different ones. After a
 * restart that is not known any more, but who used the ticket is. */
struct addr_ip
run_exec_address(const struct run_job *job)
{
	const struct bundle_nic *nic = script_boot_nic(&job->bundle->host);
	struct addr_ip ip = {0};

	if (nic != NULL && addr_ip_is_set(&nic->ip))
		return nic->ip;
	if (nic != NULL && addr_ip_is_set(&nic->ip6))
		return nic->ip6;
	if (addr_ip_is_set(&job->last_ip))
		return job->last_ip;
	if (addr_ip_parse(job->run.ticket.use.ip, &ip) < 0)
		memset(&ip, 0, sizeof(ip));
	return ip;
}

static void
stop_probe(struct run_job *job)
{
	probe_stop(job->probe);
	job->probe = NULL;
	job->probing = false;
}

static void
begin_probe(struct run_job *job)
{
	if (job->probe != NULL)
		return;
	job->probing = true;
	job->probe_ip = run_exec_address(job);
	job->probe = probe_start(
	    job->deps->base, job->bundle->host.probe, &job->probe_ip, on_probe, job);
	if (job->probe == NULL)
		log_warn(job->deps->log,
		    "job %s: cannot probe %s by \"%s\" yet: no address known",
		    job->run.job, job->run.host, job->bundle->host.probe);
}

void
run_exec_on_address(struct run_job *job)
{
	struct addr_ip ip = run_exec_address(job);

	if (!job->probing || addr_ip_eq(&ip, &job->probe_ip))
		return;
	stop_probe(job);
	begin_probe(job);
}

/* ---- */

static void
cancel_step(struct run_job *job)
{
	if (job->call != 0)
		bmc_cancel(job->deps->bmc, job->call);
	if (job->check != NULL)
		preflight_cancel(job->check);
	nfs_check_io_cancel(job->export);
	run_reboot_stop(job);
	job->export = NULL;
	job->call = 0;
	job->check = NULL;
	job->wait_gen = 0;
}

void
run_exec_stop(struct run_job *job)
{
	cancel_step(job);
	stop_probe(job);
	run_reboot_look_no_more(job);
}

static void
end(struct run_job *job)
{
	char path[512];

	run_exec_stop(job);
	job->ending = true;
	if (!job->run.netboot)
		return;
	template_remove(
	    job->deps->cfg->scripts_root, job->run.ticket.id, &job->bundle->image);
	/* Of an earlier ticket, when the job ends before those of the last one are written. */
	template_remove(job->deps->cfg->scripts_root, job->written, &job->bundle->image);
	if (script_path(job, path, sizeof(path)) == 0 && unlink(path) < 0 &&
	    errno != ENOENT)
		log_warn(job->deps->log, "job %s: cannot remove %s: %s", job->run.job,
		    path, strerror(errno));
	job->deps->ops->restore_host(job->deps->arg, job->run.host);
}

void
run_exec(struct run_job *job, enum run_action action, uint64_t step)
{
	/* A later input of the same turn may have gone past this step already. */
	bool current = step == job->run.step;

	switch (action) {
	case RUN_ACT_NONE: break;
	case RUN_ACT_PREFLIGHT:
		if (current)
			begin_preflight(job);
		break;
	case RUN_ACT_ARM:
		if (current)
			begin_arm(job);
		break;
	case RUN_ACT_POWER_OFF:
	case RUN_ACT_FLAGS:
	case RUN_ACT_POWER_ON:
	case RUN_ACT_CONTROL:
	case RUN_ACT_WATCH_OFF:
		if (current)
			begin_bmc(job, action);
		break;
	case RUN_ACT_HOOK:
		if (current)
			run_reboot_hook(job);
		break;
	case RUN_ACT_IDENT: run_reboot_look(job); break;
	case RUN_ACT_CAUSE: run_reboot_ask(job); break;
	case RUN_ACT_IDENT_STOP: run_reboot_look_no_more(job); break;
	case RUN_ACT_CANCEL_STEP: cancel_step(job); break;
	case RUN_ACT_PUBLISH: publish(job); break;
	case RUN_ACT_PROBE: begin_probe(job); break;
	case RUN_ACT_PROBE_NOW: probe_now(job->probe); break;
	case RUN_ACT_PROBE_STOP: stop_probe(job); break;
	case RUN_ACT_END: end(job); break;
	}
}
