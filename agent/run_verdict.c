/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verdicts: from the stage that was missed and the signs seen to a code, a sentence and
 * the next thing to try; of a cancelled job, what had been done to the machine by then.
 *
 * Entry points: run_verdict_missed(), run_verdict_interrupted(), run_verdict_cancelled().
 * Ownership: fills the caller's struct error.
 * Failure modes: none; a stage without a row would be a programming error and says so.
 */
#include "agent/run_verdict.h"

#include "lib/str.h"

struct verdict {
	const char *code, *text, *next;
};

static const struct verdict by_stage[STAGE_COUNT] = {
    [STAGE_PREFLIGHT] = {"preflight-timeout",
	"the checks before the job did not end in time",
	"look at the load of the site's server and at its disk, then retry"},
    [STAGE_ARMED] = {"boot-services-down",
	"the boot services did not take over the host's entry in time",
	"see why netboot-bootd does not run: journalctl -u netboot-agent, netboot-ctl "
	"doctor"},
    [STAGE_OVERRIDE] = {"bmc-unreachable",
	"the BMC did not finish setting the boot flags in time",
	"try netboot-ctl power status on this host; check the BMC's network and its "
	"load"},
    [STAGE_POWER] = {"power-not-on", "the power-on was not seen in time",
	"netboot-ctl power status HOST, then retry"},
    [STAGE_FIRMWARE_DHCP] = {"no-dhcp-after-power-on",
	"no network boot request came from any of the host's MAC addresses after the "
	"power-on",
	"check the MAC addresses, the cabling and VLAN of the boot port, portfast, and "
	"that network boot is enabled in the firmware"},
    [STAGE_IPXE_DHCP] = {"ipxe-silent",
	"the loader was delivered, but iPXE never asked for an address",
	"netboot-ctl console HOST: the loader may not support this network card, or "
	"Secure Boot "
	"refused it"},
    [STAGE_SCRIPT] = {"script-not-fetched",
	"iPXE got an address but did not fetch its script",
	"check that the machine reaches the site's HTTP address (site_url) and port"},
    [STAGE_INITRD] = {"initrd-stalled", "the initrd was not delivered completely in time",
	"check the network path for loss and MTU, or give the image a longer deadline"},
    [STAGE_ROOTFS] = {"rootfs-stalled",
	"the kernel was started, but it did not fetch all further files in time",
	"netboot-ctl console HOST: the kernel may lack the network driver or the file's "
	"address"},
    [STAGE_OS_UP] = {"os-silent",
	"the system was loaded, but no sign of life came from it in time",
	"netboot-ctl console HOST; the system may have no network or its report may be "
	"blocked"},
    [STAGE_INSTALLED] = {"installer-silent",
	"the installer did not report its end in time; it is not started again by itself",
	"netboot-ctl console HOST before retrying: the installation may still be "
	"running"},
    [STAGE_LOCAL_BOOT] = {"disk-boot-not-seen",
	"the installation was reported, but the installed system was not seen in time",
	"netboot-ctl console HOST: the disk may not be in the firmware's boot order"},
};

static const struct verdict other_dhcp = {"other-dhcp-answered",
    "another DHCP server on this segment answered the machine instead of this site's",
    "find it (netboot-ctl events shows its address), switch it off for this segment or "
    "let it ignore this MAC address"};
static const struct verdict unanswered = {"dhcp-not-answered",
    "the machine asked for a network boot, but the boot services did not answer it",
    "see why: netboot-ctl events --host HOST (dhcp4.ignored); a host without an address "
    "needs an ip for its NIC, or a pool in the subnet"};
/* boot.md 1.3.1: "DISCOVER x3, no REQUEST, no 4011". */
static const struct verdict not_taken = {"proxy-offer-not-taken",
    "the firmware asked for a network boot and then took no address: it does not put the "
    "proxy's offer and the other DHCP server's together, or no other server made one",
    "netboot-ctl doctor says whether another DHCP server is heard; if it is, let bootd "
    "give "
    "the addresses (services.dhcp4: true) or put next-server and filename into the other "
    "server"};
static const struct verdict loader_none = {"loader-not-fetched",
    "the firmware got an address but did not fetch the loader",
    "check that TFTP (UDP 69) reaches the site's server and that the loader file exists"};
static const struct verdict loader_unknown = {"loader-missing",
    "the firmware was given an address and nothing to boot, because there is no loader "
    "for "
    "its architecture, or TFTP or HTTP is switched off here",
    "netboot-ctl events --host HOST says which (dhcp4.ack, dhcp6.reply: lacks); add a "
    "loader: "
    "netboot-ctl site set SITE --loader ARCH=FILE, or the file that is missing"};
static const struct verdict loader_stall = {"loader-stalled",
    "the loader's transfer began but did not end in time",
    "check the network path for loss and MTU (a smaller TFTP block size may help)"};
static const struct verdict kernel_none = {"script-fetched-kernel-not",
    "iPXE fetched its script but not the kernel",
    "netboot-ctl console HOST --replay BOOT --text for iPXE's error; check the image's "
    "kernel arguments"};
static const struct verdict kernel_stall = {"kernel-stalled",
    "the kernel was not delivered completely in time",
    "check the network path for loss and MTU, or give the image a longer deadline"};
static const struct verdict undelivered = {"ticket-consumed-undelivered",
    "the ticket was used up, but the last transfer was not seen to arrive; whether the "
    "image was started is unknown",
    "netboot-ctl console HOST; order the job again when the machine did not start the "
    "image"};
static const struct verdict again = {"booted-again-after-install",
    "after the installation the machine asked the network again and was sent to its "
    "disk, but the installed system was not seen",
    "put the disk first in the firmware's boot order, or set the host's local_boot to "
    "another method"};
static const struct verdict restarted = {"installer-silent",
    "the machine restarted before the installer reported its end; it was sent to its "
    "disk, and nothing was heard since",
    "netboot-ctl console HOST; look whether its disk is usable before ordering it again"};
static const struct verdict not_down = {"disk-boot-not-seen",
    "the probe was not seen to stop answering and to answer again after the "
    "installation, so that a restart from the disk is not proven",
    "look whether the installer has restarted the machine, and whether the agent reaches "
    "it"};
static const struct verdict still_on = {"power-not-off",
    "the machine was not seen to switch off in time",
    "netboot-ctl power status HOST; a hung BMC may need "
    "a cold reset"};
static const struct verdict same_boot = {"not-rebooted",
    "the machine answers with the boot id that it had before: it has not restarted",
    "look whether the BMC is this machine's (netboot-ctl bmc identify HOST), and what "
    "the "
    "hook does; netboot-ctl console HOST"};
static const struct verdict never_silent = {"not-rebooted",
    "the machine's probe never stopped answering: it has not restarted, or another "
    "machine has its address",
    "look whether the BMC is this machine's (netboot-ctl bmc identify HOST), and which "
    "machine has the address"};
static const struct verdict not_read = {"reboot-not-proven",
    "the machine answers, but its boot id, which was read before, cannot be read",
    "see that the agent's ssh user can log in (docs/bmc.md, \"Reboots\"), then look at "
    "uptime on the host"};
static const struct verdict not_proven = {"reboot-not-proven",
    "the machine fell silent and answers again; neither its power, nor a boot id, nor "
    "its BMC's restart cause tells whether it has restarted",
    "let the agent read the boot id over ssh (docs/bmc.md, \"Reboots\"); look at uptime "
    "on "
    "the host"};
static const struct verdict not_seen = {"reboot-not-proven",
    "the machine was seen off and on, and its probe answers; that it was silent "
    "meanwhile "
    "could not be seen, since the agent did not run",
    "look at uptime on the host; let the agent read the boot id over ssh (docs/bmc.md, "
    "\"Reboots\")"};
static const struct verdict gone = {"os-silent",
    "the machine went down after the hook, and no sign of life came from it since",
    "netboot-ctl power status HOST, netboot-ctl console HOST; netboot-ctl reboot HOST "
    "--hard, if it hangs"};
static const struct verdict unknown = {
    "internal", "the stage ended without a reason", "report this with the job's events"};

static const struct verdict *
choose_reboot(const struct run *r)
{
	bool read = r->ident[0] == '\0' || r->ident_now[0] != '\0';

	if (!read && r->same)
		return &same_boot;
	if (!r->answers)
		return r->went && !r->off_seen ? &gone : &by_stage[STAGE_OS_UP];
	if (!r->probe_down)
		return r->blind ? &not_seen : &never_silent;
	return read ? &not_proven : &not_read;
}

static const struct verdict *
choose(const struct run *r)
{
	bool used = ticket_is_consumed(&r->ticket);

	switch ((int)r->stage) {
	case STAGE_OVERRIDE:
	case STAGE_POWER:
		return r->phase == RUN_PHASE_OFF ? &still_on : &by_stage[r->stage];
	case STAGE_FIRMWARE_DHCP:
	case STAGE_IPXE_DHCP:
		if (r->other_dhcp && r->stage == STAGE_FIRMWARE_DHCP)
			return &other_dhcp;
		return r->unanswered ? &unanswered : &by_stage[r->stage];
	case STAGE_LOADER:
		if (r->other_dhcp && !r->begun)
			return &other_dhcp;
		if (r->unanswered && !r->begun)
			return &unanswered;
		if (r->no_loader && !r->begun)
			return &loader_unknown;
		if (r->proxied && !r->took && !r->begun)
			return &not_taken;
		return r->begun ? &loader_stall : &loader_none;
	case STAGE_KERNEL:
		if (used)
			return &undelivered;
		return r->begun ? &kernel_stall : &kernel_none;
	case STAGE_INITRD: return used ? &undelivered : &by_stage[r->stage];
	case STAGE_OS_UP:
		return r->kind == BUNDLE_REBOOT ? choose_reboot(r) : &by_stage[r->stage];
	case STAGE_INSTALLED: return r->netboots > 0 ? &restarted : &by_stage[r->stage];
	case STAGE_LOCAL_BOOT:
		if (r->netboots > 0)
			return &again;
		if (r->disk_by == RUN_PROOF_PROBE && !r->probe_down)
			return &not_down;
		return &by_stage[r->stage];
	default: return by_stage[r->stage].code != NULL ? &by_stage[r->stage] : &unknown;
	}
}

void
run_verdict_missed(const struct run *run, struct error *ret)
{
	const struct verdict *v = choose(run);
	char took[32];

	error_set(ret, 0, v->code, v->next, "%s%s%.120s (stage %s, %s)", v->text,
	    v == &not_read && run->said[0] != '\0' ? ": " : "",
	    v == &not_read ? run->said : "", stage_name(run->stage),
	    str_duration(run->due - run->entered, took, sizeof(took)));
}

static const struct verdict not_begun = {"interrupted",
    "the agent was restarted too often; nothing had been done to the machine",
    "see why the agent does not keep running (journalctl -u netboot-agent), then order "
    "it again"};
static const struct verdict step_in_doubt = {"interrupted",
    "the agent was stopped; whether the BMC's command was carried out is unknown",
    "look at the machine, then order it again if it is still wanted"};
static const struct verdict unseen_used = {"interrupted",
    "the agent was restarted too often to see what became of the machine; the image had "
    "been let go and may be at work",
    "netboot-ctl console HOST before ordering anything; see why the agent does not keep "
    "running "
    "(journalctl -u netboot-agent)"};
static const struct verdict unseen_unused = {"interrupted",
    "the agent was restarted too often to see what became of the machine; the image was "
    "not let go to it and will not be",
    "see why the agent does not keep running (journalctl -u netboot-agent), look at the "
    "machine, then order it again"};
static const struct verdict unseen = {"interrupted",
    "the agent was restarted too often to see what became of the machine",
    "see why the agent does not keep running (journalctl -u netboot-agent), and look at "
    "the machine"};

static const struct verdict hook_in_doubt = {"interrupted",
    "the agent was stopped while the hook was run, or the machine was to go for it; "
    "whether it has restarted is unknown, since its boot id was not known before",
    "look at uptime on the host, then order it again if it is still wanted"};

static const struct verdict *
choose_interrupted(const struct run *r)
{
	if (run_untouched(r))
		return &not_begun;
	if (r->phase == RUN_PHASE_HOOK || r->phase == RUN_PHASE_GOING)
		return &hook_in_doubt;
	if (r->stage <= STAGE_POWER)
		return &step_in_doubt;
	if (!r->netboot)
		return &unseen;
	return ticket_is_consumed(&r->ticket) ? &unseen_used : &unseen_unused;
}

void
run_verdict_interrupted(const struct run *run, struct error *ret)
{
	const struct verdict *v = choose_interrupted(run);

	error_set(
	    ret, 0, v->code, v->next, "%s (stage %s)", v->text, stage_name(run->stage));
}

static const struct verdict nothing_done = {
    "nothing-done", "nothing had been done to the machine", ""};
static const struct verdict off_in_doubt = {"power-in-doubt",
    "the machine had been ordered to switch off, which was not seen yet; it is left as "
    "it is",
    "netboot-ctl power status HOST, and switch it on if it is to run"};
static const struct verdict left_off = {"left-off",
    "the machine had been switched off and is left so; its next start may begin with one "
    "network boot, without an image",
    "netboot-ctl power on HOST, if it is to run"};
static const struct verdict rests_off = {"left-off",
    "the machine had been switched off and is left so",
    "netboot-ctl power on HOST, if it is to run"};
static const struct verdict on_in_doubt = {"power-in-doubt",
    "the machine had been ordered to switch on, which was not seen yet; it is left as it "
    "is",
    "netboot-ctl power status HOST"};
static const struct verdict control_in_doubt = {"power-in-doubt",
    "the BMC had been given the order, or was about to be; whether it was carried out is "
    "unknown",
    "netboot-ctl power status HOST"};
static const struct verdict after_hook = {"power-in-doubt",
    "the hook had been run on the machine, or was about to be; whether it restarts is "
    "unknown, and its power was not touched",
    "look at uptime on the host; netboot-ctl power status HOST"};
static const struct verdict not_let_go = {"image-not-let-go",
    "the machine had been switched on to load the image, which was not let go to it and "
    "will not be; it is left running",
    "look whether it comes up from its disk; netboot-ctl reboot HOST, if it does not"};
static const struct verdict let_go = {"image-let-go",
    "the image had been let go to the machine before: it may be at work, an installer "
    "too, and the machine was not touched",
    "netboot-ctl console HOST; netboot-ctl power off HOST, if it must not go on"};
static const struct verdict rebooted = {"rebooted",
    "the machine had been switched off and on again; it is not waited for any more", ""};

static const struct verdict *
choose_cancelled(const struct run *r)
{
	if (ticket_is_consumed(&r->ticket))
		return &let_go;
	if (r->stage <= STAGE_ARMED)
		return &nothing_done;
	if (r->stage > STAGE_POWER)
		return r->netboot ? &not_let_go : &rebooted;
	switch (r->phase) {
	case RUN_PHASE_OFF: return &off_in_doubt;
	case RUN_PHASE_FLAGS: return &left_off;
	case RUN_PHASE_ON: return &on_in_doubt;
	case RUN_PHASE_HOOK:
	case RUN_PHASE_GOING: return &after_hook;
	case RUN_PHASE_LISTEN: return &nothing_done;
	case RUN_PHASE_SILENCE: return &rests_off;
	case RUN_PHASE_NONE:
	case RUN_PHASE_CONTROL: break;
	}
	return &control_in_doubt;
}

void
run_verdict_cancelled(const struct run *run, struct error *ret)
{
	const struct verdict *v = choose_cancelled(run);

	error_set(ret, 0, v->code, v->next, "%s", v->text);
}
