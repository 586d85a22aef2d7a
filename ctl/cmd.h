/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands' handlers, one file a noun. Each returns the exit code and has printed
 * everything. */
#ifndef CTL_CMD_H
#define CTL_CMD_H

#include <jansson.h>

#include "ctl/args.h"
#include "ctl/ctl.h"

/* cmd_site.c */
int
cmd_site_add(struct ctl *ctl, const struct args *args);
int
cmd_site_set(struct ctl *ctl, const struct args *args);
int
cmd_site_list(struct ctl *ctl, const struct args *args);
int
cmd_site_show(struct ctl *ctl, const struct args *args);
int
cmd_site_rm(struct ctl *ctl, const struct args *args);
int
cmd_site_config(struct ctl *ctl, const struct args *args);
int
cmd_agent_enroll(struct ctl *ctl, const struct args *args);
int
cmd_agent_show(struct ctl *ctl, const struct args *args);
int
cmd_agent_revoke(struct ctl *ctl, const struct args *args);
int
cmd_token_add(struct ctl *ctl, const struct args *args);
int
cmd_token_list(struct ctl *ctl, const struct args *args);
int
cmd_token_rm(struct ctl *ctl, const struct args *args);
/* cmd_host.c */
int
cmd_host_add(struct ctl *ctl, const struct args *args);
int
cmd_host_set(struct ctl *ctl, const struct args *args);
int
cmd_host_list(struct ctl *ctl, const struct args *args);
int
cmd_host_show(struct ctl *ctl, const struct args *args);
int
cmd_host_rm(struct ctl *ctl, const struct args *args);
int
cmd_host_lock(struct ctl *ctl, const struct args *args);
int
cmd_host_unlock(struct ctl *ctl, const struct args *args);
/* The members of a host that options of `host add` and `host set` name, into body; `old` NULL: of a new one. The last operand
 * is the host. 0 or an errno with *err. */
int
cmd_host_body(
    const struct args *args, const json_t *old, json_t *body, struct error *err);
/* cmd_discovered.c */
int
cmd_discovered_list(struct ctl *ctl, const struct args *args);
int
cmd_discovered_show(struct ctl *ctl, const struct args *args);
int
cmd_discovered_adopt(struct ctl *ctl, const struct args *args);
int
cmd_discovered_forget(struct ctl *ctl, const struct args *args);
/* cmd_image.c */
int
cmd_image_add(struct ctl *ctl, const struct args *args);
int
cmd_image_list(struct ctl *ctl, const struct args *args);
int
cmd_image_show(struct ctl *ctl, const struct args *args);
int
cmd_image_verify(struct ctl *ctl, const struct args *args);
int
cmd_image_place(struct ctl *ctl, const struct args *args);
int
cmd_image_unplace(struct ctl *ctl, const struct args *args);
int
cmd_image_status(struct ctl *ctl, const struct args *args);
int
cmd_image_rm(struct ctl *ctl, const struct args *args);
/* cmd_import.c */
int
cmd_import(struct ctl *ctl, const struct args *args);
/* cmd_apply.c */
int
cmd_apply(struct ctl *ctl, const struct args *args);
int
cmd_apply_export(struct ctl *ctl, const struct args *args);
/* cmd_order.c: reinstall, rescue, live, boot, reboot; power but for status */
int
cmd_order(struct ctl *ctl, const struct args *args);
/* cmd_schedule.c; _act is pause, resume and skip-next */
int
cmd_schedule_add(struct ctl *ctl, const struct args *args);
int
cmd_schedule_set(struct ctl *ctl, const struct args *args);
int
cmd_schedule_list(struct ctl *ctl, const struct args *args);
int
cmd_schedule_show(struct ctl *ctl, const struct args *args);
int
cmd_schedule_next(struct ctl *ctl, const struct args *args);
int
cmd_schedule_runs(struct ctl *ctl, const struct args *args);
int
cmd_schedule_act(struct ctl *ctl, const struct args *args);
int
cmd_schedule_run_now(struct ctl *ctl, const struct args *args);
int
cmd_schedule_rm(struct ctl *ctl, const struct args *args);
/* cmd_rollout.c; _act is pause, abort and approve, _go_on what may be given a new window: resume and retry-failed */
int
cmd_rollout_list(struct ctl *ctl, const struct args *args);
int
cmd_rollout_show(struct ctl *ctl, const struct args *args);
int
cmd_rollout_hosts(struct ctl *ctl, const struct args *args);
int
cmd_rollout_watch(struct ctl *ctl, const struct args *args);
int
cmd_rollout_act(struct ctl *ctl, const struct args *args);
int
cmd_rollout_go_on(struct ctl *ctl, const struct args *args);
/* cmd_job.c */
int
cmd_job_list(struct ctl *ctl, const struct args *args);
int
cmd_job_show(struct ctl *ctl, const struct args *args);
int
cmd_job_cancel(struct ctl *ctl, const struct args *args);
int
cmd_job_retry(struct ctl *ctl, const struct args *args);
int
cmd_job_watch(struct ctl *ctl, const struct args *args);
/* cmd_status.c */
int
cmd_status(struct ctl *ctl, const struct args *args);
int
cmd_status_history(struct ctl *ctl, const struct args *args);
int
cmd_status_doctor(struct ctl *ctl, const struct args *args);
int
cmd_status_agents(struct ctl *ctl, const struct args *args);
/* cmd_history.c */
int
cmd_history(struct ctl *ctl, const struct args *args);
int
cmd_trace(struct ctl *ctl, const struct args *args);
/* cmd_drill.c */
int
cmd_drill_run(struct ctl *ctl, const struct args *args);
int
cmd_drill_list(struct ctl *ctl, const struct args *args);
int
cmd_drill_show(struct ctl *ctl, const struct args *args);
/* cmd_why.c */
int
cmd_why(struct ctl *ctl, const struct args *args);
/* cmd_hold.c: stop-the-world, resume-the-world, site freeze|unfreeze */
int
cmd_hold_stop(struct ctl *ctl, const struct args *args);
int
cmd_hold_resume(struct ctl *ctl, const struct args *args);
int
cmd_hold_freeze(struct ctl *ctl, const struct args *args);
int
cmd_hold_unfreeze(struct ctl *ctl, const struct args *args);
/* Says what is stopped, if anything is, everywhere or (site not NULL) at that site. A server without such says nothing. The exit code
 * to end with. */
int
cmd_hold_remark(const struct ctl *ctl, const char *site);
/* cmd_resume.c: bmc resume */
int
cmd_resume(struct ctl *ctl, const struct args *args);
/* cmd_bmc.c: power status, and the verbs of lib/bmc_verb.h */
int
cmd_bmc(struct ctl *ctl, const struct args *args);
/* cmd_gate.c */
int
cmd_gate_check(struct ctl *ctl, const struct args *args);
/* cmd_webhook.c */
int
cmd_webhook_list(struct ctl *ctl, const struct args *args);
int
cmd_webhook_test(struct ctl *ctl, const struct args *args);
/* cmd_console.c */
int
cmd_console(struct ctl *ctl, const struct args *args);
/* cmd_audit.c */
int
cmd_audit_list(struct ctl *ctl, const struct args *args);
int
cmd_audit_show(struct ctl *ctl, const struct args *args);
int
cmd_audit_head(struct ctl *ctl, const struct args *args);
int
cmd_audit_verify(struct ctl *ctl, const struct args *args);
int
cmd_audit_export(struct ctl *ctl, const struct args *args);
/* cmd_events_io.c */
int
cmd_events_io(struct ctl *ctl, const struct args *args);

#endif
