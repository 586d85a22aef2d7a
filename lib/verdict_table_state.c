/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What had been done to a machine when its job was cancelled, and what is said of what has not failed.
 *
 * Entry point: verdict_table_state[]. Ownership: constants. Failure modes: none; agent/run_verdict.c says the cancelled
 * ones, orchestrator/explain.c chooses the others. */
#include "lib/verdict_table.h"

#define C .kind = VERDICT_CANCELLED
#define S .kind = VERDICT_STATE

const struct verdict_row verdict_table_state[] = {
    {.code = "nothing-done",
	C,
	.title = "Cancelled before anything was done",
	.text = "nothing had been done to the machine",
	.next = ""},
    {.code = "power-in-doubt",
	C,
	.title = "Cancelled while a power command was under way",
	.text = "a power command had been given or was on its way; whether it was "
		"carried out "
		"is unknown",
	.next = "netboot-ctl power status HOST"},
    {.code = "left-off",
	C,
	.title = "Cancelled, and the machine is off",
	.text = "the machine had been switched off and is left so",
	.next = "netboot-ctl power on HOST --reason TEXT, if it is to run"},
    {.code = "image-not-let-go",
	C,
	.title = "Cancelled before the image was let go",
	.text = "the machine had been switched on to load the image, which was not let "
		"go to it "
		"and will not be",
	.next = "netboot-ctl reboot HOST --reason TEXT, if it does not come up from its "
		"disk"},
    {.code = "image-let-go",
	C,
	.title = "Cancelled after the image was let go",
	.text = "the image had been let go to the machine before: it may be at work, an "
		"installer "
		"too",
	.next = "netboot-ctl console HOST; netboot-ctl power off HOST --reason TEXT, if "
		"it must "
		"not go on"},
    {.code = "rebooted",
	C,
	.title = "Cancelled after the restart",
	.text = "the machine had been switched off and on again",
	.next = ""},
    {.code = "spool-old",
	C,
	.title = "Cancelled, since the agent's spool was an old copy",
	.text =
	    "what had become of the job is not known: the agent's spool was an old copy",
	.next = "netboot-ctl power status HOST; netboot-ctl console HOST"},
    {.code = "world-stopped",
	C,
	.title = "Everything was stopped before it began",
	.text = "it had not begun when everything was stopped; nothing was done",
	.next = "order it again after netboot-ctl resume-the-world"},
    {.code = "site-frozen",
	C,
	.title = "The site was frozen before it began",
	.text = "it had not begun when its site was frozen; nothing was done",
	.next = "order it again after netboot-ctl site unfreeze SITE"},
    {.code = "host-locked",
	C,
	.title = "The host was locked before it began",
	.text = "it had not begun when the host was locked; nothing was done",
	.next = "order it again after netboot-ctl host unlock HOST"},
    {.code = "cancelled",
	S,
	.title = "Cancelled before an agent had it",
	.text =
	    "the order was taken back before any agent was given it; nothing was done",
	.next = ""},

    {.code = "under-way",
	S,
	.title = "Under way, as usual",
	.text = "waits, no longer than usual",
	.next = "netboot-ctl watch HOST"},
    {.code = "slower-than-usual",
	S,
	.title = "Under way, slower than usual here",
	.text = "waits longer than nine of ten boots of this machine did",
	.next = "netboot-ctl console HOST"},
    {.code = "deadline-passed",
	S,
	.title = "Under way, past its deadline",
	.text = "the stage's time is over, and its end was not reported",
	.next = "netboot-ctl agent list; netboot-ctl doctor"},
    {.code = "waits-for-agent",
	S,
	.title = "Not begun: no agent has taken it",
	.text = "the order waits for the site's agent",
	.next = "netboot-ctl agent list; netboot-ctl doctor"},
    {.code = "agent-absent",
	S,
	.title = "The site's agent is not heard",
	.text = "the site's agent was not heard for more than a minute: what the machine "
		"does is "
		"not known",
	.next = "netboot-ctl doctor, and the agent's log on its machine: journalctl -u "
		"netboot-agent"},
    {.code = "well",
	S,
	.title = "It went well",
	.text = "every stage was confirmed, or skipped for a reason",
	.next = ""},
    {.code = "unordered-boot",
	S,
	.title = "A network boot that nobody ordered here",
	.text = "the machine asked for a network boot without a job, and got the site's "
		"idle policy",
	.next = "netboot-ctl history HOST; put the disk first in the firmware's boot "
		"order, if "
		"this is not wanted"},
    {.code = "superseded",
	S,
	.title = "Another boot began before this one was through",
	.text = "the machine began another boot; what became of this one was not seen",
	.next = "netboot-ctl history HOST"},
    {.code = "not-known",
	S,
	.title = "How it ended was not seen",
	.text = "nothing tells how this boot ended",
	.next = "netboot-ctl history HOST"},
    {.code = "no-job",
	S,
	.title = "Nothing is under way",
	.text = "the machine has no job, and none of its boots was seen",
	.next = "netboot-ctl power status HOST"},
    {.code = NULL},
};
