/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands about work that goes over many hosts: schedules and rollouts.
 *
 * Entry point: commands_rollout; as ctl/commands.c says, nothing here does anything.
 */
#include "ctl/commands_priv.h"

#include "ctl/cmd.h"
#include "lib/compiler.h"

/* ---- schedules ---- */

static const struct args_option schedule_options[] = {
    {"do", 0, ARGS_VALUE,
	"reboot|live|rescue|reinstall|boot|drill|power-on|power-off|power-soft|"
	"power-cycle|power-reset",
	"what each host gets; drill: a live system, then back to its disk, measured"},
    {"hosts", 0, ARGS_VALUE, "HOSTS", "which; looked up each time anew"},
    {"cron", 0, ARGS_VALUE, "LINE", "when: a line of crontab(5), such as '0 3 * * SUN'"},
    {"rrule", 0, ARGS_VALUE, "RULE",
	"... or a rule (RFC 5545): 'FREQ=MONTHLY;BYDAY=2SU;BYHOUR=3'"},
    {"from", 0, ARGS_VALUE, "DATE",
	"the day from which a rule's intervals count (today)"},
    {"at", 0, ARGS_VALUE, "TIME", "... or once: '2026-12-01 03:00'"},
    {"tz", 0, ARGS_VALUE, "ZONE",
	"whose clock that is: Africa/Lagos, or site: each site's own (site)"},
    {"window", 0, ARGS_VALUE, "DURATION", "nothing is begun later than that (4h)"},
    {"blackout", 0, ARGS_LIST, "DATE[/DATE]", "not on these days: 2026-12-24/2027-01-02"},
    {"no-blackouts", 0, ARGS_FLAG, NULL, "set: forget them"},
    {"jitter", 0, ARGS_VALUE, "DURATION",
	"each host up to so much later, always the same"},
    {"missed", 0, ARGS_VALUE, "skip|run-once",
	"times that passed while the orchestrator was down (skip)"},
    {"limit", 0, ARGS_VALUE, "N", "refuse to run on more hosts (20)"},
    {"yes", 0, ARGS_FLAG, NULL, "do not ask; needed where there is no terminal"},
};

static const struct args_option work_options[] = {
    {"image", 0, ARGS_VALUE, "IMAGE",
	"what is booted (else the host's, or the only one)"},
    {"graceful-timeout", 0, ARGS_VALUE, "DURATION",
	"how long the system may take to stop"},
    {"force", 0, ARGS_VALUE, "never|after-timeout|at-once",
	"when it is switched off hard (never)"},
    {"hook", 0, ARGS_VALUE, "COMMAND",
	"run on the host first, over ssh by the site's agent"},
};

static const struct args_option next_options[] = {
    {"count", 'n', ARGS_VALUE, "N", "so many runs of each (1; of a single one 5)"},
    {"hosts", 0, ARGS_FLAG, NULL, "host by host, with the time on the clock there"},
};

static const struct args_option sure_option[] = {
    {"yes", 0, ARGS_FLAG, NULL, "do not ask; needed where there is no terminal"},
};

/* ---- rollouts ---- */

static const struct args_option list_options[] = {
    {"schedule", 0, ARGS_VALUE, "SCHEDULE", "only runs of that schedule"},
    {"state", 0, ARGS_VALUE,
	"waiting-approval|planned|running|paused|halted|done|aborted",
	"only those in that state"},
    {"limit", 0, ARGS_VALUE, "N", "at most so many (50)"},
};

static const struct args_option hosts_options[] = {
    {"state", 0, ARGS_VALUE,
	"waiting|gate-before|job|gate-after|soak|ok|failed|skipped|deferred|lost",
	"only those in that state"},
};

static const struct args_option window_option[] = {
    {"window", 0, ARGS_VALUE, "DURATION",
	"it may begin hosts so long from now; needed when its window is over"},
};

static const struct args_option watch_options[] = {
    {"timeout", 0, ARGS_VALUE, "DURATION", "stop watching after that long"},
};

#define ROLLOUT_HELP "ROLLOUT may be a beginning or an end of the id when that is unique."
#define SCHEDULE_GROUPS                                                               \
	{                                                                             \
		GROUP(schedule_options), GROUP(work_options), GROUP(commands_policy), \
		    GROUP(commands_reason)                                            \
	}

static const struct args_command rows[] = {
    {"schedule", "add", "NAME", 1, 1, SCHEDULE_GROUPS, cmd_schedule_add,
	"Have something done to hosts again and again, or once later",
	"Wants --do, --hosts and one of --cron, --rrule and --at. `schedule next` shows\n"
	"what that comes to."},
    {"schedule", "set", "SCHEDULE", 1, 1, SCHEDULE_GROUPS, cmd_schedule_set,
	"Change a schedule; a run that is under way goes on as it was", NULL},
    {"schedule", "list", "", 0, 0, {{0}}, cmd_schedule_list, "List the schedules", NULL},
    {"schedule", "show", "SCHEDULE", 1, 1, {{0}}, cmd_schedule_show, "Show a schedule",
	NULL},
    {"schedule", "next", "[SCHEDULE]", 0, 1, {GROUP(next_options)}, cmd_schedule_next,
	"Show the coming runs, with the time on the clock at each place", NULL},
    {"schedule", "runs", "SCHEDULE", 1, 1, {{0}}, cmd_schedule_runs,
	"Show what became of each run", NULL},
    {"schedule", "pause", "SCHEDULE", 1, 1, {GROUP(commands_reason)}, cmd_schedule_act,
	"Leave its runs out until it is resumed", NULL},
    {"schedule", "resume", "SCHEDULE", 1, 1, {GROUP(commands_reason)}, cmd_schedule_act,
	"Go on with its runs", NULL},
    {"schedule", "run-now", "SCHEDULE", 1, 1,
	{GROUP(commands_reason), GROUP(sure_option)}, cmd_schedule_run_now,
	"Begin a run now, at all sites at once", NULL},
    {"schedule", "skip-next", "SCHEDULE", 1, 1, {GROUP(commands_reason)},
	cmd_schedule_act, "Leave the next run out", NULL},
    {"schedule", "rm", "SCHEDULE", 1, 1, {GROUP(commands_reason)}, cmd_schedule_rm,
	"Remove a schedule; its rollouts stay known", NULL},

    {"rollout", "list", "", 0, 0, {GROUP(list_options)}, cmd_rollout_list,
	"List orders on many hosts, the newest first", NULL},
    {"rollout", "show", "ROLLOUT", 1, 1, {{0}}, cmd_rollout_show,
	"Show where a rollout is, why, and what to do next", ROLLOUT_HELP},
    {"rollout", "hosts", "ROLLOUT", 1, 1, {GROUP(hosts_options)}, cmd_rollout_hosts,
	"List its hosts and what became of each", ROLLOUT_HELP},
    {"rollout", "watch", "ROLLOUT", 1, 1, {GROUP(watch_options)}, cmd_rollout_watch,
	"Follow a rollout to its end",
	ROLLOUT_HELP "\nEnds with 2 when a host failed or it halted."},
    {"rollout", "pause", "ROLLOUT", 1, 1, {GROUP(commands_reason)}, cmd_rollout_act,
	"Begin no more hosts; what runs is finished", ROLLOUT_HELP},
    {"rollout", "resume", "ROLLOUT", 1, 1, {GROUP(commands_reason), GROUP(window_option)},
	cmd_rollout_go_on, "Go on after a pause or a halt; failures so far are forgiven",
	ROLLOUT_HELP},
    {"rollout", "abort", "ROLLOUT", 1, 1, {GROUP(commands_reason)}, cmd_rollout_act,
	"End it: no more hosts are begun, what runs is finished", ROLLOUT_HELP},
    {"rollout", "retry-failed", "ROLLOUT", 1, 1,
	{GROUP(commands_reason), GROUP(window_option), GROUP(sure_option)},
	cmd_rollout_go_on, "Try the hosts again that failed", ROLLOUT_HELP},
    {"rollout", "approve", "ROLLOUT", 1, 1, {GROUP(commands_reason)}, cmd_rollout_act,
	"Let it begin, as the second person", ROLLOUT_HELP},
};

const struct args_commands commands_rollout = {rows, ARRAY_SIZE(rows)};
