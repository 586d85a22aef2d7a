/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that have something done to machines: orders, and questions to BMCs.
 *
 * Entry point: commands_order; as ctl/commands.c says, nothing here does anything.
 */
#include "ctl/commands_priv.h"

#include "ctl/cmd.h"
#include "lib/compiler.h"

static const struct args_option image_option[] = {
    {"image", 0, ARGS_VALUE, "IMAGE",
	"the image to boot (else the host's, or the only one)"},
    {"when-ready", 0, ARGS_OPTIONAL, "DURATION",
	"begin once the image is at the site, at most that long from now (24h)"},
};

static const struct args_option order_options[] = {
    {"dry-run", 0, ARGS_FLAG, NULL, "show what would be done, do nothing"},
    {"wait", 0, ARGS_OPTIONAL, "DURATION",
	"follow until the end, at most that long (3h; a rollout: to its end)"},
    {"yes", 0, ARGS_FLAG, NULL, "do not ask; needed where there is no terminal"},
    {"limit", 0, ARGS_VALUE, "N", "refuse a set of more hosts (20)"},
    {"at", 0, ARGS_VALUE, "TIME",
	"not now: its agent keeps it and begins it then, 2026-01-31T03:00:00+01:00"},
    {"window", 0, ARGS_VALUE, "DURATION",
	"begin at most that long after --at (1h); without --at: from now on"},
};

static const struct args_option collate_option[] = {
    {"collate", 0, ARGS_FLAG, NULL, "put hosts with the same answer together"},
};

static const struct args_option probe_options[] = {
    {"only-read", 0, ARGS_FLAG, NULL, "do not try which boot flags are kept"},
};

static const struct args_option show_options[] = {
    {"blame", 0, ARGS_FLAG, NULL, "every value, and where it is from"},
};

static const struct args_option sure_options[] = {
    {"yes", 0, ARGS_FLAG, NULL, "do not ask; needed where there is no terminal"},
    {"limit", 0, ARGS_VALUE, "N", "refuse a set of more hosts (20)"},
};

static const struct args_option resume_options[] = {
    {"site", 0, ARGS_VALUE, "SITE", "sessions are opened again at this site"},
    {"all", 0, ARGS_FLAG, NULL, "the same at all sites where they are stopped"},
};

static const struct args_option identify_options[] = {
    {"for", 0, ARGS_VALUE, "DURATION", "so long, at most 255s (15s)"},
    {"on", 0, ARGS_FLAG, NULL, "until it is switched off"},
    {"off", 0, ARGS_FLAG, NULL, "switch it off"},
};

static const struct args_option sel_options[] = {
    {"last", 0, ARGS_VALUE, "N", "the newest N entries (100)"},
    {"clear", 0, ARGS_FLAG, NULL, "delete all entries"},
};

static const struct args_option gate_options[] = {
    {"gate", 0, ARGS_LIST, "CHECK",
	"tcp:PORT, icmp, http://${ip}/PATH=STATUS, exec:NAME; all must hold at once"},
    {"gate-timeout", 0, ARGS_VALUE, "DURATION", "ask again and again for so long (30s)"},
};

static const struct args_option reboot_options[] = {
    {"graceful-timeout", 0, ARGS_VALUE, "DURATION",
	"how long the system may take to stop"},
    {"force", 0, ARGS_VALUE, "WHEN",
	"switch it off by force: never, after-timeout (default) or at-once"},
    {"hard", 0, ARGS_FLAG, NULL, "the same as --force at-once"},
    {"hook", 0, ARGS_VALUE, "COMMAND",
	"run on the host first, over ssh by the site's agent: systemctl reboot"},
};

static const struct args_option drill_options[] = {
    {"image", 0, ARGS_VALUE, "IMAGE", "the live image (else the only one)"},
    {"dry-run", 0, ARGS_FLAG, NULL, "show what would be done, do nothing"},
    {"wait", 0, ARGS_OPTIONAL, "DURATION", "follow to the end, at most that long"},
    {"yes", 0, ARGS_FLAG, NULL, "do not ask; needed where there is no terminal"},
    {"limit", 0, ARGS_VALUE, "N", "refuse to drill more hosts (20)"},
    {"window", 0, ARGS_VALUE, "DURATION", "nothing is begun later than that"},
    {"graceful-timeout", 0, ARGS_VALUE, "DURATION",
	"how long the system may take to stop"},
    {"force", 0, ARGS_VALUE, "never|after-timeout|at-once",
	"when the system on the disk is switched off hard (never)"},
};

#define IMAGE_ORDER_GROUPS                                                         \
	{                                                                          \
		GROUP(image_option), GROUP(commands_reason), GROUP(order_options), \
		    GROUP(commands_policy)                                         \
	}
#define HOSTS_HELP                                                                    \
	"HOSTS is a set: edge[01-10].los,-edge03.los  @site=los,role=cdn  all. What " \
	"could lose data\n"                                                           \
	"is asked for on the terminal, or needs --yes. The job's id is printed at once."

#define ANSWERS_HELP                                                                \
	"Answers are printed as they come, any number of hosts; each host exactly " \
	"once. Ends with\n2 when a host failed."

static const struct args_command rows[] = {
    {"reinstall", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Reinstall hosts: their disks are overwritten", HOSTS_HELP},
    {"rescue", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Boot hosts into a rescue system", HOSTS_HELP},
    {"live", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Boot hosts into a live system", HOSTS_HELP},
    {"boot", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Boot hosts into any image once", HOSTS_HELP},
    {"reboot", NULL, "HOSTS", 1, -1,
	{GROUP(reboot_options), GROUP(commands_reason), GROUP(order_options),
	    GROUP(commands_policy)},
	cmd_order, "Restart hosts from their disks", HOSTS_HELP},
    {"drill", "run", "HOSTS", 1, -1,
	{GROUP(drill_options), GROUP(commands_reason), GROUP(commands_policy)},
	cmd_drill_run, "Boot one host of each site into a live system and back, measured",
	"Of the hosts of a site it is the one whose last drill is longest ago. Disks are "
	"left\nalone. `drill list` shows what was found; `schedule add --do drill` does "
	"it "
	"again and\nagain."},
    {"power", "status", "HOSTS", 1, -1, {GROUP(collate_option)}, cmd_bmc,
	"Ask the BMCs for the power state", ANSWERS_HELP},
    {"bmc", "probe", "HOSTS", 1, -1, {GROUP(collate_option), GROUP(probe_options)},
	cmd_bmc, "Look at BMCs thoroughly, and remember how each is to be treated",
	ANSWERS_HELP},
    {"bmc", "show", "HOSTS", 1, -1, {GROUP(collate_option), GROUP(show_options)}, cmd_bmc,
	"Show what is known of BMCs, and how each is treated", ANSWERS_HELP},
    {"bmc", "audit", "HOSTS", 1, -1, {GROUP(collate_option)}, cmd_bmc,
	"Tell what is unsafe about BMCs", ANSWERS_HELP},
    {"bmc", "reset", "HOSTS", 1, -1,
	{GROUP(collate_option), GROUP(commands_reason), GROUP(sure_options)}, cmd_bmc,
	"Restart BMCs, and wait until each answers again",
	"Some machines restart with their BMC. Asked for on the terminal, or needs "
	"--yes;\n"
	"a locked host, or one with a job, is left alone. Ends with 2 when a host "
	"failed."},
    {"bmc", "resume", "[HOSTS]", 0, -1,
	{GROUP(resume_options), GROUP(commands_reason), GROUP(collate_option)},
	cmd_resume, "Ask BMCs again that are left alone",
	"HOSTS: those that did not answer some times in a row, now and not after their "
	"rest.\n"
	"--site, --all: sites where too many BMCs refused the password, so that no "
	"session "
	"is\n"
	"opened there any more; correct the password first. doctor shows which."},
    {"bmc", "rotate", "HOSTS", 1, -1,
	{GROUP(collate_option), GROUP(commands_reason), GROUP(sure_options)}, cmd_bmc,
	"Give the BMCs' users new random passwords, or finish that",
	"A password is stored before the BMC is told of it, and replaces the old one "
	"once "
	"a\nsession was opened with it. Needs a user with administrator privilege. Asked "
	"for on\nthe terminal, or needs --yes; a locked host, or one with a job, is left "
	"alone.\nEnds with 2 when a host failed."},
    {"identify", NULL, "HOSTS", 1, -1,
	{GROUP(collate_option), GROUP(identify_options), GROUP(commands_reason)}, cmd_bmc,
	"Have machines light their identify lamp", ANSWERS_HELP},
    {"gate", "check", "HOSTS", 1, -1,
	{GROUP(gate_options), GROUP(commands_reason), GROUP(collate_option)},
	cmd_gate_check, "Try on hosts what a schedule or rollout will check",
	"Their sites' agents ask, as they will then; nothing is done to the "
	"hosts. " ANSWERS_HELP},
    {"sensors", NULL, "HOSTS", 1, -1, {GROUP(collate_option)}, cmd_bmc,
	"Show what the machines' sensors read", ANSWERS_HELP},
    {"sel", NULL, "HOSTS", 1, -1,
	{GROUP(collate_option), GROUP(sel_options), GROUP(commands_reason),
	    GROUP(sure_options)},
	cmd_bmc, "Show the machines' event logs, or clear them", ANSWERS_HELP},
    {"power", "on", "HOSTS", 1, -1,
	{GROUP(commands_reason), GROUP(order_options), GROUP(collate_option),
	    GROUP(commands_policy)},
	cmd_order, "Switch on", HOSTS_HELP},
    {"power", "off", "HOSTS", 1, -1,
	{GROUP(commands_reason), GROUP(order_options), GROUP(collate_option),
	    GROUP(commands_policy)},
	cmd_order, "Switch off at once", HOSTS_HELP},
    {"power", "soft", "HOSTS", 1, -1,
	{GROUP(commands_reason), GROUP(order_options), GROUP(collate_option),
	    GROUP(commands_policy)},
	cmd_order, "Ask the system to stop", HOSTS_HELP},
    {"power", "cycle", "HOSTS", 1, -1,
	{GROUP(commands_reason), GROUP(order_options), GROUP(collate_option),
	    GROUP(commands_policy)},
	cmd_order, "Switch off at once and on again", HOSTS_HELP},
    {"power", "reset", "HOSTS", 1, -1,
	{GROUP(commands_reason), GROUP(order_options), GROUP(collate_option),
	    GROUP(commands_policy)},
	cmd_order, "Reset at once", HOSTS_HELP},
    {"stop-the-world", NULL, "", 0, 0, {GROUP(commands_reason)}, cmd_hold_stop,
	"Begin nothing new anywhere, and cancel what has not begun",
	"Orders, schedules and rollouts begin nothing until resume-the-world. What has "
	"begun\ngoes on to its end: job cancel ends it."},
    {"resume-the-world", NULL, "", 0, 0, {GROUP(commands_reason)}, cmd_hold_resume,
	"End the stop of everything", "What it cancelled stays cancelled."},
};

const struct args_commands commands_order = {rows, ARRAY_SIZE(rows)};
