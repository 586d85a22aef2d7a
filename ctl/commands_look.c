/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that show what is and what was.
 *
 * Entry point: commands_look; as ctl/commands.c says, nothing here does anything.
 */
#include "ctl/commands_priv.h"

#include "ctl/cmd.h"
#include "lib/compiler.h"

#define JOB_HELP "JOB may be a beginning or an end of the id when that is unique."

static const struct args_option status_options[] = {
    {"stuck", 0, ARGS_FLAG, NULL, "only what is late, failed or not heard of"},
};

static const struct args_option watch_options[] = {
    {"timeout", 0, ARGS_VALUE, "DURATION", "stop watching after that long (3h)"},
};

static const struct args_option job_list_options[] = {
    {"host", 0, ARGS_VALUE, "HOSTS", "only of these hosts"},
    {"state", 0, ARGS_VALUE, "open|ended", "only open or ended ones"},
    {"kind", 0, ARGS_VALUE, "reinstall|rescue|live|boot|reboot|power",
	"only of that kind"},
    {"limit", 0, ARGS_VALUE, "N", "at most so many (100)"},
};

static const struct args_option retry_options[] = {
    {"wait", 0, ARGS_OPTIONAL, "DURATION",
	"follow until the end, at most that long (3h)"},
    {"yes", 0, ARGS_FLAG, NULL, "needed where there is no terminal"},
};

static const struct args_option history_options[] = {
    {"stages", 0, ARGS_FLAG, NULL, "with the stages of each boot"},
    {"limit", 0, ARGS_VALUE, "N", "the newest N boots; 0: all (100)"},
};

static const struct args_option trace_options[] = {
    {"chrome", 0, ARGS_FLAG, NULL, "print it for chrome://tracing and ui.perfetto.dev"},
    {"follow", 0, ARGS_FLAG, NULL, "draw it again until the boot has ended"},
};

static const struct args_option console_options[] = {
    {"replay", 0, ARGS_VALUE, "BOOT",
	"play the recording of a boot, or one of --list; \"newest\": the last one"},
    {"list", 0, ARGS_FLAG, NULL, "list its recordings"},
    {"speed", 0, ARGS_VALUE, "N",
	"N times as fast as it came, or max: without waiting (1)"},
    {"text", 0, ARGS_FLAG, NULL, "print a recording as lines with their times"},
    {"read-only", 0, ARGS_FLAG, NULL, "live: watch, do not type"},
    {"steal", 0, ARGS_FLAG, NULL,
	"live: take the console from another session, and the keyboard from another "
	"watcher"},
};

static const struct args_option drill_list_options[] = {
    {"site", 0, ARGS_VALUE, "SITE", "only of this site"},
    {"schedule", 0, ARGS_VALUE, "NAME", "only of this schedule"},
    {"limit", 0, ARGS_VALUE, "N", "the newest N (100)"},
};

static const struct args_option audit_list_options[] = {
    {"who", 0, ARGS_VALUE, "NAME", "only by this user or token"},
    {"what", 0, ARGS_VALUE, "ACTION", "only this: host.change, job.reinstall ..."},
    {"object", 0, ARGS_VALUE, "NAME", "only about this host, site, image ..."},
    {"since", 0, ARGS_VALUE, "TIME",
	"only what happened since: 2026-01-31T09:30:00Z, or 7d for seven days ago"},
    {"limit", 0, ARGS_VALUE, "N", "the newest N (50)"},
};

static const struct args_option audit_verify_options[] = {
    {"head", 0, ARGS_VALUE, "SEQ:HASH", "this row was there when audit head printed it"},
    {"file", 'f', ARGS_VALUE, "FILE", "check an exported file instead; asks no server"},
};

static const struct args_option audit_export_options[] = {
    {"file", 'f', ARGS_VALUE, "FILE", "write it there (standard output)"},
};

static const struct args_option event_options[] = {
    {"host", 0, ARGS_VALUE, "HOST", "only of this host"},
    {"job", 0, ARGS_VALUE, "JOB", "only of this job"},
    {"boot", 0, ARGS_VALUE, "BOOT", "only of this boot"},
    {"kind", 0, ARGS_VALUE, "KINDS",
	"only of these kinds: dhcp4.offer,job.stage,power.* ..."},
    {"since", 0, ARGS_VALUE, "TIME",
	"only what happened since: 2026-01-31T09:30:00Z, or 2h for two hours ago"},
    {"follow", 0, ARGS_FLAG, NULL, "go on with new ones as they come"},
    {"limit", 0, ARGS_VALUE, "N", "the newest N (200)"},
};

static const struct args_command rows[] = {
    {"status", NULL, "[HOSTS]", 0, -1, {GROUP(status_options)}, cmd_status,
	"Show what hosts are doing", NULL},
    {"watch", NULL, "HOST|JOB", 1, 1, {GROUP(watch_options)}, cmd_job_watch,
	"Follow a job, or a host's open job, to its end",
	"JOB may be a beginning or an end of the id when that is unique; a host of that\n"
	"very name comes first. Ends with the job's exit code."},
    {"job", "list", "", 0, 0, {GROUP(job_list_options)}, cmd_job_list, "List jobs", NULL},
    {"job", "show", "JOB", 1, 1, {{0}}, cmd_job_show, "Show a job and its stages",
	JOB_HELP},
    {"job", "cancel", "JOB", 1, 1, {GROUP(commands_reason)}, cmd_job_cancel,
	"Cancel a job that has not ended", JOB_HELP},
    {"job", "retry", "JOB", 1, 1, {GROUP(commands_reason), GROUP(retry_options)},
	cmd_job_retry, "Order the same again as a new job", JOB_HELP},
    {"history", NULL, "HOST", 1, 1, {GROUP(history_options)}, cmd_history,
	"Show what a host booted, when, why and on whose order", NULL},
    {"why", NULL, "HOST|JOB|BOOT", 1, 1, {{0}}, cmd_why,
	"Say what became of a host, job or boot, why, and what to do next",
	"The verdict, what it rests on, what is usual for this machine, and the next "
	"step.\n"
	"An id may be a unique beginning or end of it; a host of that very name comes "
	"first."},
    {"trace", NULL, "BOOT|JOB|HOST", 1, 1, {GROUP(trace_options)}, cmd_trace,
	"Draw a boot as a waterfall: stages, transfers, BMC, power, console",
	"BOOT or JOB may be a beginning or an end of the id when that is unique; of a "
	"host, or\n"
	"a job, it is the newest boot. -o wide tells what proves each stage, and every "
	"event;\n"
	"-o json prints the document."},
    {"drill", "list", "", 0, 0, {GROUP(drill_list_options)}, cmd_drill_list,
	"List what drills have found, the newest first", NULL},
    {"drill", "show", "DRILL", 1, 1, {{0}}, cmd_drill_show,
	"Show a drill: how long each stage took, what is usual, and what was slower",
	"DRILL may be a beginning or an end of the id when that is unique."},
    {"console", NULL, "HOST", 1, 1, {GROUP(console_options)}, cmd_console,
	"Show a host's serial console, live or as it was recorded",
	"Without --replay or --text it is live: what you type goes to the host; ~. at "
	"the\n"
	"beginning of a line leaves, ~? tells the other escapes. Several may watch, one "
	"types.\n"
	"Standard output is the console byte for byte; all else is told on standard "
	"error.\n"
	"BOOT may be a beginning or an end of the id; history -o wide shows it."},
    {"events", NULL, "", 0, 0, {GROUP(event_options)}, cmd_events_io,
	"Show what was observed", NULL},
    {"audit", "list", "", 0, 0, {GROUP(audit_list_options)}, cmd_audit_list,
	"Show who changed or ordered what, the newest first",
	"What was refused is there too, with the code of the refusal."},
    {"audit", "show", "SEQ", 1, 1, {{0}}, cmd_audit_show,
	"Show one row, with what was before and after", NULL},
    {"audit", "head", "", 0, 0, {{0}}, cmd_audit_head,
	"Print the last row's number and hash, to be kept elsewhere", NULL},
    {"audit", "verify", "", 0, 0, {GROUP(audit_verify_options)}, cmd_audit_verify,
	"Prove that no row was changed, removed, inserted or reordered",
	"Ends with 2, naming the first broken row, when one was. Only a head that was "
	"kept\nelsewhere shows that rows are missing at the end, or that all was written "
	"anew."},
    {"audit", "export", "", 0, 0, {GROUP(audit_export_options)}, cmd_audit_export,
	"Write the whole audit as JSON lines, the last one its head", NULL},
};

const struct args_commands commands_look = {rows, ARRAY_SIZE(rows)};
