/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verdicts that are found in the events: each may take the place of what the agent said, where its rule holds.
 *
 * Entry points: verdict_table_all[], in order of preference: what is proven by the BMC and the wire before what a console
 * said, and its causes before its consequences.
 * Ownership: constants. Failure modes: a rule that is too wide makes a wrong verdict: tests/data/traces has a trace for
 * each row, and traces of what went well, in which none may be found. */
#include "lib/verdict_table.h"

#include "lib/compiler.h"
#include "lib/verdict_rule.h"
#include "lib/verdict_rule_console.h"

#define F(what) VERDICT_FACT(STORY_##what)
#define CODES(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

#define WAY_UP (F(FLAGS) | F(ORDERED_ON) | F(ON) | F(CONSOLE) | F(CONSOLE_LOST))
#define REPLAY "netboot-ctl console HOST --replay BOOT --text"
#define EARLY_SILENT "no-dhcp-after-power-on", "loader-not-fetched"
#define EARLY EARLY_SILENT, "dhcp-not-answered"
#define IN_IPXE                                                           \
	"ipxe-silent", "script-not-fetched", "script-fetched-kernel-not", \
	    "kernel-stalled", "initrd-stalled"
#define AFTER_LOAD "rootfs-stalled", "os-silent", "installer-silent"

static const struct verdict_row found[] = {
    {.code = "power-state-lied",
	.title = "What the BMC says of the power is not so",
	.text =
	    "the machine was heard where its BMC says that it is off, or was found off "
	    "after it had been seen on: the BMC may be another machine's, or hang, or "
	    "the "
	    "machine switched itself off",
	.next = "is it this machine's BMC? netboot-ctl sel HOST, and serial and UUID of "
		"netboot-ctl host show HOST against the machine. Do not order again "
		"before that; then netboot-ctl bmc reset HOST --reason TEXT",
	.refines = CODES("power-not-on", "no-dhcp-after-power-on"),
	.rule = verdict_rule_power_lied,
	.say = verdict_rule_say_lie,
	.shows = F(FOUND_OFF) | F(ORDERED_OFF) | F(OFF) | F(ORDERED_ON) | F(ON) |
		 F(WHILE_OFF) | F(DHCP_FIRMWARE) | F(DHCP_OS) | F(BMC_ERROR)},
    {.code = "image-changed",
	.title = "A file of the image was changed while the job ran",
	.text = "a file of the image is not the one that was checked when the job began: "
		"it was "
		"not let go",
	.next = "netboot-ctl image verify IMAGE, and see who replaced it; then order the "
		"job again",
	.refines = CODES("image-altered"),
	.rule = verdict_rule_image_changed,
	.shows = F(ARMED) | F(SCRIPT_DONE) | F(KERNEL_BEGAN) | F(KERNEL_DONE) |
		 F(INITRD_BEGAN)},
    {.code = "secure-boot-refused",
	.title = "Secure Boot refused the loader or the kernel",
	.text = "the firmware, or the shim, does not trust what it was given",
	.next = "switch Secure Boot off in the firmware, or give it a signed loader: "
		"netboot-ctl "
		"host set HOST --loader x64-uefi=shimx64.efi",
	.refines =
	    CODES("loader-stalled", "proxy-offer-not-taken", EARLY_SILENT, IN_IPXE),
	.rule = verdict_rule_console_secure_boot,
	.quote = STORY_SAID_SECURE_BOOT,
	.shows = WAY_UP | F(DHCP_FIRMWARE) | F(LOADER_DONE) | F(SAID_SECURE_BOOT),
	.early = true},
    {.code = "wrong-nic-asked",
	.title = "Another network card than the boot card asked",
	.text = "the machine asked for its network boot by a card that is not its boot "
		"card in "
		"the inventory",
	.next = "netboot-ctl host show HOST; correct the boot card (host set HOST --nic "
		"MAC,boot), "
		"or put the right card first in the firmware's boot order",
	.refines = CODES(
	    EARLY, "loader-missing", "proxy-offer-not-taken", "other-dhcp-answered"),
	.rule = verdict_rule_wrong_nic,
	.say = verdict_rule_say_nic,
	.shows = WAY_UP | F(WRONG_NIC) | F(STRANGER) | F(DHCP_FIRMWARE),
	.early = true},
    {.code = "booted-old-disk",
	.title = "The machine booted from its disk instead",
	.text = "a system of the disk runs where the network's image should",
	.next = "put the network first in the firmware's boot order, or see whether the "
		"BMC's boot "
		"flags are obeyed: netboot-ctl bmc probe HOST",
	.refines = CODES("no-dhcp-after-power-on", "other-dhcp-answered", "os-silent"),
	.rule = verdict_rule_old_disk,
	.quote = STORY_DHCP_OS,
	.shows = WAY_UP | F(DHCP_FIRMWARE) | F(DHCP_OS) | F(CONSUMED) | F(AGAIN) |
		 F(SENT_TO_DISK) | F(SAID_LOGIN)},
    {.code = "restarted-from-disk",
	.title = "It restarted and runs a system from its disk",
	.text = "the machine restarted and runs a system from its disk: the new one, if "
		"the installation came to its end without a report, or the old one",
	.next = "netboot-ctl console HOST: which system is it? Do not reinstall before "
		"that is known: it may be the new one, in service",
	.refines = CODES("os-silent", "installer-silent"),
	.rule = verdict_rule_from_disk,
	.quote = STORY_SAID_LOGIN,
	.shows = F(CONSUMED) | F(UP) | F(AGAIN) | F(SENT_TO_DISK) | F(SAID_LOGIN)},
    {.code = "kernel-panic-seen",
	.title = "The kernel panicked",
	.text = "the kernel stopped with a panic",
	.next = REPLAY " | tail -n 60",
	.refines = CODES(AFTER_LOAD, "ticket-consumed-undelivered", "disk-boot-not-seen",
	    "booted-again-after-install", "installer-failed"),
	.rule = verdict_rule_console_panic,
	.quote = STORY_SAID_PANIC,
	.shows = F(CONSUMED) | F(SAID_PANIC) | F(SAID_NO_ROOT) | F(SAID_HARDWARE) |
		 F(SAID_MEMORY) | F(UP),
	.early = true},
    {.code = "initrd-missing",
	.title = "The kernel has no initrd, or no root file system in it",
	.text = "the kernel did not find its root file system: it was given no initrd, "
		"or one that "
		"it cannot use",
	.next = "netboot-ctl image show IMAGE: does it name the initrd of this kernel, "
		"and do the "
		"arguments (initrd=)? " REPLAY,
	.refines = CODES(AFTER_LOAD, "ticket-consumed-undelivered"),
	.rule = verdict_rule_console_no_root,
	.quote = STORY_SAID_NO_ROOT,
	.shows = F(KERNEL_DONE) | F(INITRD_BEGAN) | F(INITRD_DONE) | F(CONSUMED) |
		 F(SAID_NO_ROOT) | F(SAID_PANIC),
	.early = true},
    {.code = "installer-step-failed",
	.title = "A step of the installer failed",
	.text = "the installer says that a step of it failed",
	.next = "netboot-ctl console HOST (its log is on another terminal); " REPLAY,
	.refines = CODES("installer-silent", "os-silent"),
	.rule = verdict_rule_console_step_failed,
	.quote = STORY_SAID_STEP_FAILED,
	.shows = F(CONSUMED) | F(UP) | F(SAID_STEP_FAILED) | F(SAID_ASKS) | F(SAID_DISK) |
		 F(NOT_FOUND),
	.early = true},
    {.code = "installer-asks",
	.title = "The installer waits for an answer",
	.text =
	    "the installer has a question that its preseed or kickstart does not answer",
	.next = "netboot-ctl console HOST to answer it; put the answer into the image's "
		"template "
		"for the next time",
	.refines = CODES("installer-silent", "os-silent"),
	.rule = verdict_rule_console_asks,
	.quote = STORY_SAID_ASKS,
	.shows = F(CONSUMED) | F(UP) | F(SAID_ASKS) | F(FILE_DONE) | F(NOT_FOUND),
	.early = true},
    {.code = "installed-not-reported",
	.title = "The installer is through, but did not report it",
	.text =
	    "the console says that the installation is complete; the report did not come",
	.next = "netboot-ctl console HOST: do not reinstall it. Does the image's last "
		"command post to ${report}/installed, and is the site's HTTP port "
		"reachable?",
	.refines = CODES("installer-silent", "os-silent"),
	.rule = verdict_rule_console_installed,
	.quote = STORY_SAID_INSTALLED,
	.shows = F(CONSUMED) | F(UP) | F(SAID_INSTALLED) | F(AGAIN) | F(SAID_LOGIN)},
    {.code = "system-stuck",
	.title = "The system did not come up: a shell or a password prompt waits",
	.text = "the system stopped in its initrd or in emergency mode",
	.next = "netboot-ctl console HOST; its messages: " REPLAY,
	.refines = CODES(AFTER_LOAD, "disk-boot-not-seen", "booted-again-after-install"),
	.rule = verdict_rule_console_stuck,
	.quote = STORY_SAID_STUCK,
	.shows = F(CONSUMED) | F(UP) | F(INSTALLED) | F(NOT_FOUND) | F(FILE_BROKE) |
		 F(SAID_STUCK) | F(SAID_DISK),
	.early = true},
    {.code = "firmware-pxe-error",
	.title = "The firmware's network boot met an error",
	.text = "the firmware's network boot says that it failed",
	.next = REPLAY "; PXE-E codes are explained in docs/boot-paths.md",
	.refines = CODES("loader-stalled", "proxy-offer-not-taken", EARLY_SILENT),
	.rule = verdict_rule_console_pxe,
	.quote = STORY_SAID_PXE,
	.shows = WAY_UP | F(DHCP_FIRMWARE) | F(OFFERED) | F(IGNORED) | F(LOADER_BEGAN) |
		 F(LOADER_BROKE) | F(SAID_PXE),
	.early = true},
    {.code = "no-boot-device",
	.title = "The firmware or GRUB found nothing to boot",
	.text = "the machine came to the end of its boot order, or its boot loader found "
		"no system",
	.next = "netboot-ctl console HOST; look at the disk and the boot order in the "
		"firmware",
	.refines = CODES("disk-boot-not-seen", "booted-again-after-install",
	    "installer-silent", "os-silent", "loader-stalled", "proxy-offer-not-taken",
	    EARLY_SILENT, "ipxe-silent"),
	.rule = verdict_rule_console_no_boot,
	.quote = STORY_SAID_NO_BOOT,
	.shows = WAY_UP | F(DHCP_FIRMWARE) | F(CONSUMED) | F(INSTALLED) | F(AGAIN) |
		 F(SAID_PXE) | F(SAID_NO_BOOT)},
    {.code = "other-dhcp-answered",
	.title = "Another DHCP server answered the machine",
	.text = "another DHCP server on this segment answered the machine, or was chosen "
		"by it",
	.next = "netboot-ctl events --host HOST --kind dhcp4.foreign shows its address: "
		"switch it "
		"off for this segment, or let it ignore this MAC address",
	.refines = CODES("no-dhcp-after-power-on", "dhcp-not-answered",
	    "loader-not-fetched", "ipxe-silent", "script-not-fetched"),
	.rule = verdict_rule_other_dhcp,
	.quote = STORY_FOREIGN,
	.shows = F(ON) | F(FOREIGN) | F(DHCP_FIRMWARE) | F(DHCP_IPXE) | F(OFFERED) |
		 F(IGNORED)},
    {.code = "ipxe-error",
	.title = "iPXE met an error",
	.text = "iPXE says that it failed",
	.next = REPLAY "; open the ipxe.org address in it, which explains the error",
	.refines = CODES(IN_IPXE),
	.rule = verdict_rule_console_ipxe,
	.quote = STORY_SAID_IPXE,
	.shows = F(LOADER_DONE) | F(DHCP_IPXE) | F(SCRIPT_DONE) | F(KERNEL_BEGAN) |
		 F(KERNEL_BROKE) | F(INITRD_BEGAN) | F(INITRD_BROKE) | F(NOT_FOUND) |
		 F(SAID_IPXE),
	.early = true},
    {.code = "out-of-memory",
	.title = "Memory ran out",
	.text =
	    "the kernel ran out of memory: the image may be too large for this machine",
	.next = REPLAY
	"; a smaller image, or one that does not copy itself to memory (toram)",
	.refines = CODES(AFTER_LOAD, "installer-failed", "disk-boot-not-seen"),
	.rule = verdict_rule_console_memory,
	.quote = STORY_SAID_MEMORY,
	.shows = F(CONSUMED) | F(UP) | F(SAID_MEMORY)},
    {.code = "hardware-error-seen",
	.title = "The hardware reports an error",
	.text = "the hardware reported an error while the system ran",
	.next = "netboot-ctl sel HOST; " REPLAY,
	.refines = CODES(AFTER_LOAD, "installer-failed", "disk-boot-not-seen"),
	.rule = verdict_rule_console_hardware,
	.quote = STORY_SAID_HARDWARE,
	.shows = F(CONSUMED) | F(UP) | F(SAID_HARDWARE)},
    {.code = "disk-error-seen",
	.title = "A disk or its file system reports errors",
	.text = "the kernel reported errors of a disk, or of the file system on it",
	.next =
	    "netboot-ctl console HOST: is something at work there? Only if nothing is: "
	    "netboot-ctl rescue HOST --reason TEXT, then smartctl",
	.refines = CODES(AFTER_LOAD, "installer-failed", "disk-boot-not-seen",
	    "booted-again-after-install"),
	.rule = verdict_rule_console_disk,
	.quote = STORY_SAID_DISK,
	.shows = F(CONSUMED) | F(UP) | F(INSTALLED) | F(SAID_DISK)},
    {.code = "kernel-fault-seen",
	.title = "The kernel met a fault",
	.text = "the kernel met a fault, in a driver for instance, and may have gone on",
	.next = "netboot-ctl console HOST: does it go on? " REPLAY " | tail -n 60",
	.refines = CODES(AFTER_LOAD, "ticket-consumed-undelivered", "disk-boot-not-seen",
	    "booted-again-after-install", "installer-failed"),
	.rule = verdict_rule_console_fault,
	.quote = STORY_SAID_FAULT,
	.shows = F(CONSUMED) | F(UP) | F(SAID_FAULT) | F(SAID_PANIC)},
    {.code = "kernel-hangs",
	.title = "A processor or a process is stuck",
	.text = "the kernel says that a processor or a process does not go on",
	.next = REPLAY " | tail -n 60; netboot-ctl sel HOST",
	.refines = CODES(AFTER_LOAD, "disk-boot-not-seen"),
	.rule = verdict_rule_console_watchdog,
	.quote = STORY_SAID_WATCHDOG,
	.shows = F(CONSUMED) | F(UP) | F(SAID_WATCHDOG)},
    {.code = "file-not-found",
	.title = "The system asked for a file that is not there",
	.text = "the booted system asked for a file that the ticket does not give",
	.next = "netboot-ctl image show IMAGE: compare its files and arguments with the "
		"file's name",
	.refines = CODES("rootfs-stalled", "os-silent"),
	.rule = verdict_rule_file_missing,
	.vague = true,
	.quote = STORY_NOT_FOUND,
	.shows = F(CONSUMED) | F(FILE_BEGAN) | F(FILE_DONE) | F(NOT_FOUND)},
    {.code = "link-lost",
	.title = "The machine fell silent in the middle of a transfer",
	.text =
	    "a transfer stopped in the middle, and nothing came from the machine since",
	.next = "look at the port and cable (errors, flaps, spanning tree), then "
		"netboot-ctl power "
		"status HOST",
	.refines = CODES("loader-stalled", "kernel-stalled", "initrd-stalled",
	    "rootfs-stalled", "no-dhcp-after-power-on"),
	.rule = verdict_rule_link_lost,
	.say = verdict_rule_say_link,
	.shows = F(LOADER_BEGAN) | F(LOADER_BROKE) | F(KERNEL_BEGAN) | F(KERNEL_DONE) |
		 F(KERNEL_BROKE) | F(INITRD_BEGAN) | F(INITRD_BROKE) | F(FILE_BEGAN) |
		 F(FILE_BROKE)},
    {.code = "waits-for-key",
	.title = "Something waits for a key or a passphrase",
	.text = "the console asks for a key or a passphrase, and nothing was seen since",
	.next = "netboot-ctl console HOST",
	.refines = CODES(EARLY_SILENT, "ipxe-silent", "os-silent", "installer-silent",
	    "disk-boot-not-seen", "booted-again-after-install"),
	.rule = verdict_rule_console_prompt,
	.vague = true,
	.quote = STORY_SAID_PROMPT,
	.shows = WAY_UP | F(CONSUMED) | F(INSTALLED) | F(SAID_PROMPT)},
    {.code = "ticket-consumed-no-report",
	.title = "The image was let go, and nothing was heard of it",
	.text =
	    "the last octet of the image was let go, and since then no request for an "
	    "address or a file and no report was seen: the kernel may not have "
	    "started, or has no network, or its report does not arrive",
	.next = "netboot-ctl console HOST: is something at work there? " REPLAY
		"; look before ordering again",
	.refines = CODES(AFTER_LOAD),
	.rule = verdict_rule_no_report,
	.vague = true,
	.quote = STORY_CONSUMED,
	.shows =
	    F(KERNEL_DONE) | F(INITRD_DONE) | F(CONSUMED) | F(CONSOLE) | F(CONSOLE_LOST)},
    {.code = NULL},
};

const struct verdict_row *const verdict_table_all[VERDICT_TABLES] = {
    found, verdict_table_agent, verdict_table_state};
