/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdicts that agents (agent/run_verdict.c, bmc_error.c, preflight.c and what they ask) and the orchestrator
 * (dispatch.c) end jobs with.
 *
 * Entry point: verdict_table_agent[], in the order in which a job comes to them. Ownership: constants.
 * Failure modes: what an agent says itself is worth more: text and next of a row are told only where it says none. A
 * code without a row would be told as it came; a test and `make lint` find such. */
#include "lib/verdict_table.h"

#include "lib/verdict_rule.h"

#define F(what) VERDICT_FACT(STORY_##what)

const struct verdict_row verdict_table_agent[] = {
    {.code = "image-missing",
	.title = "A file of the image is not there",
	.text = "a file of the image is not below the site's images root",
	.next = "netboot-ctl image verify IMAGE, and copy what is missing to the site"},
    {.code = "image-not-here",
	.title = "The image is on its way to the site",
	.text = "the site's store is still fetching files of the image",
	.next = "netboot-ctl image status IMAGE shows how far it is; order it with "
		"--when-ready"},
    {.code = "image-unreadable",
	.title = "A file of the image cannot be read",
	.text = "a file of the image cannot be read, by the agent or by netboot-"
		"bootd's user",
	.next = "give the boot services' user read access to the images root"},
    {.code = "image-altered",
	.title = "A file of the image is another one",
	.text = "a file of the image is not the one that was recorded",
	.next = "netboot-ctl image verify IMAGE, then add the image anew if the new "
		"file is right"},
    {.code = "image-template",
	.title = "A template names what the host lacks",
	.text = "a template of the image cannot be filled in for this host",
	.next = "netboot-ctl host set HOST --label KEY=VALUE, or correct the template"},
    {.code = "image-args",
	.title = "The image's arguments cannot be filled in",
	.text = "the image's arguments name something that the host lacks, or hold a "
		"character that iPXE would misread",
	.next = "netboot-ctl host set HOST --label KEY=VALUE, or correct the image's "
		"arguments"},
    {.code = "image-ipv4",
	.title = "The image needs IPv4, and the site has none",
	.text = "the image's system stops without an IPv4 address, and the site has "
		"IPv6 subnets alone",
	.next = "give the site an IPv4 subnet, or import the image anew"},
    {.code = "nfs-export",
	.title = "The image's NFS root is not exported",
	.text = "the image's root comes over NFS, and the server at the site's "
		"address does not export it",
	.next = "netboot-ctl site config SITE --for nfs"},
    {.code = "nfs-unchecked",
	.title = "Whether the NFS root is exported could not be seen",
	.text = "nobody could be asked whether the image's NFS root is exported; the "
		"job went on",
	.next = "netboot-ctl doctor"},
    {.code = "loader-missing",
	.title = "There is no loader for this machine",
	.text = "there is no loader for the machine's architecture, or the one that "
		"is named is not there",
	.next = "netboot-ctl site set SITE --loader ARCH=FILE, or copy the file to "
		"the site's loaders folder"},
    {.code = "preflight-timeout",
	.title = "The checks before the job took too long",
	.text = "the image's files were not hashed, or the BMC not asked, in time",
	.next = "look at the load of the site's server and its disk, then netboot-ctl"
		" job retry JOB --reason TEXT"},
    {.code = "no-bmc",
	.title = "The host has no BMC in the inventory",
	.text = "nothing can switch the machine's power",
	.next = "netboot-ctl host set HOST --bmc ADDRESS --bmc-user USER"},
    {.code = "no-boot-mac",
	.title = "The host has no boot card in the inventory",
	.text = "the host has no MAC address to boot from",
	.next = "netboot-ctl host set HOST --nic MAC,boot"},
    {.code = "no-site-url",
	.title = "The site's HTTP address is not known",
	.text = "the agent's machine has several addresses, and none is in the host's"
		" subnet",
	.next = "netboot-ctl site set SITE --url http://ADDRESS"},
    {.code = "bmc-unreachable",
	.title = "The BMC does not answer",
	.text = "the BMC was silent, or its address cannot be reached",
	.next = "netboot-ctl bmc probe HOST; check address, cable, management "
		"network, and IPMI over LAN"},
    {.code = "bmc-auth",
	.title = "The BMC refuses user, password or key",
	.text = "the BMC refused the user name, the password or its key; it was not "
		"tried again, since BMCs lock accounts",
	.next = "netboot-ctl host set HOST --bmc-user USER --bmc-password"},
    {.code = "bmc-cipher",
	.title = "The BMC offers no cipher suite that is used",
	.text = "the BMC offers neither cipher suite 17 nor 3, or not to this user; "
		"no other is ever used",
	.next = "netboot-ctl bmc audit HOST; enable suite 17 on the BMC"},
    {.code = "bmc-privilege",
	.title = "The BMC's user may not do this",
	.text = "the user has less than the privilege that the command needs",
	.next = "netboot-ctl host set HOST --bmc-privilege operator, or give the user"
		" more on the BMC"},
    {.code = "bmc-busy",
	.title = "The BMC is busy",
	.text = "the BMC has no session slot free, is at work on its firmware, or "
		"answers too slowly",
	.next =
	    "wait: an update of its firmware takes up to half an hour, and a reset in "
	    "the middle breaks it. Only if it stays so: netboot-ctl bmc reset HOST "
	    "--reason TEXT"},
    {.code = "bmc-refused",
	.title = "The BMC refused a command",
	.text = "the BMC refused a command in a way that repetition does not cure",
	.next = "netboot-ctl bmc probe HOST; the command may be unsupported or "
		"blocked there"},
    {.code = "bmc-breaker",
	.title = "The BMC is left alone for a while",
	.text = "several calls in a row found the BMC silent or busy",
	.next = "netboot-ctl bmc resume HOST --reason TEXT, once it answers again"},
    {.code = "bmc-outside",
	.title = "The BMC's address is outside of the site's networks",
	.text = "the BMC's address is in none of the site's management networks: its "
		"password was not sent there",
	.next = "netboot-ctl site set SITE --bmc-prefix PREFIX, or correct the "
		"address: netboot-ctl host set HOST --bmc ADDRESS"},
    {.code = "bmc-lockout-stop",
	.title = "Too many BMCs of the site refused the password",
	.text = "no BMC of the site is asked: too many others refused user or "
		"password, which locks accounts",
	.next = "correct the passwords, then netboot-ctl bmc resume --site SITE "
		"--reason TEXT"},
    {.code = "bmc-password-sealed",
	.title = "The BMC's password cannot be opened",
	.text = "the stored password or key of the BMC does not open with the present"
		" key file",
	.next = "put the right key file back, or netboot-ctl host set HOST --bmc-"
		"password"},
    {.code = "bmc-crypto",
	.title = "The agent's machine lacks a cipher",
	.text = "a cipher or hash that the BMC's session needs is not to be had on "
		"the agent's machine",
	.next = "look at the agent's log, and at its libgcrypt (FIPS mode?)"},
    {.code = "bmc-manners",
	.title = "What is said of the BMC makes no sense",
	.text = "the manners of the host's BMC cannot be followed",
	.next = "netboot-ctl bmc show HOST; correct the host's manners"},
    {.code = "override-not-kept",
	.title = "The BMC does not keep the boot flags",
	.text = "the BMC took the boot flags and does not show them when they are "
		"read back",
	.next = "netboot-ctl bmc probe HOST; if it loses only the EFI or valid bit: "
		"netboot-ctl host set HOST --bmc-boot-verify device"},
    {.code = "power-not-off",
	.title = "The power did not go off",
	.text = "the machine was not seen to switch off, although that was ordered",
	.next = "netboot-ctl power status HOST; netboot-ctl bmc reset HOST --reason "
		"TEXT, if the BMC hangs"},
    {.code = "graceful-timeout",
	.title = "The system did not stop by itself",
	.text = "the system was asked to stop and was not forced; it is still up, and "
		"nothing else was done to the machine",
	.next = "netboot-ctl console HOST shows what holds it up; it may still go off "
		"(netboot-ctl power status HOST); netboot-ctl reboot HOST --force "
		"after-timeout, if it may be forced"},
    {.code = "ssh-not-set-up",
	.title = "The agent cannot log in on hosts",
	.text = "the order has a hook, and the site's agent has no section ssh in its "
		"configuration; nothing was done to the machine",
	.next = "give agent.yaml a section ssh, or order it without the hook"},
    {.code = "not-rebooted",
	.title = "The machine has not restarted",
	.text = "what answers under the machine's address never stopped, or has the boot "
		"id that it had before",
	.next = "look whether the BMC is this machine's: netboot-ctl bmc identify HOST; "
		"netboot-ctl console HOST"},
    {.code = "reboot-not-proven",
	.title = "Whether the machine has restarted is not proven",
	.text =
	    "the machine answers, and neither its power nor its boot id tells that it "
	    "has restarted",
	.next =
	    "look at uptime on the host, and let the agent read the boot id over ssh"},
    {.code = "power-not-on",
	.title = "The power did not come on",
	.text = "the machine was not seen to switch on, although that was ordered",
	.next = "netboot-ctl power status HOST; netboot-ctl sel HOST; check mains and"
		" power supply"},
    {.code = "power-unconfirmed",
	.title = "Whether the power command was carried out is not known",
	.text = "a command that must not be repeated was sent once, and its outcome "
		"was not seen",
	.next = "netboot-ctl power status HOST; netboot-ctl console HOST"},
    {.code = "boot-services-down",
	.title = "The boot services do not run",
	.text = "netboot-bootd did not take over the host's entry in time",
	.next = "netboot-ctl doctor; journalctl -u netboot-agent on the site's "
		"machine"},
    {.code = "boot-services-refused",
	.title = "The boot services refused the host's entry",
	.text = "the host's entry does not fit the boot services' table: another host"
		" has its MAC or IP address",
	.next = "netboot-ctl host show HOST; netboot-ctl doctor"},
    {.code = "script-not-written",
	.title = "The host's script could not be written",
	.text = "the scripts folder is missing, not writable, or its disk is full",
	.next = "look at the scripts folder of the site's machine, then netboot-ctl "
		"job retry JOB --reason TEXT"},
    {.code = "no-dhcp-after-power-on",
	.title = "No network boot request after the power-on",
	.text = "no network boot request came from any of the host's MAC addresses",
	.next = "netboot-ctl console HOST: is the network first, and its option ROM "
		"or network stack on? netboot-ctl host show HOST: is the boot card's "
		"MAC address right, and the BMC this machine's? Then cable, VLAN and "
		"portfast of its port",
	.say = verdict_rule_say_silence,
	.shows = F(OFF) | F(FLAGS) | F(FLAGS_LOST) | F(ORDERED_ON) | F(ON) | F(CONSOLE) |
		 F(CONSOLE_LOST) | F(SAID_LOGIN) | F(SAID_PROMPT)},
    {.code = "dhcp-not-answered",
	.title = "The machine asked and was not answered",
	.text = "the machine asked for a network boot, and the boot services did not "
		"answer it",
	.next = "netboot-ctl events --host HOST --kind dhcp4.ignored says why"},
    {.code = "proxy-offer-not-taken",
	.title = "The firmware took no address",
	.text = "the firmware asked for a network boot and then took no address: it "
		"does not put the proxy's offer and the other server's together, or "
		"there was no other one",
	.next = "netboot-ctl doctor says whether another DHCP server is heard"},
    {.code = "loader-not-fetched",
	.title = "The loader was not fetched",
	.text = "the firmware got an address and did not fetch the loader",
	.next = "netboot-ctl events --host HOST; check that UDP 69 (or HTTP) reaches "
		"the site's server"},
    {.code = "loader-stalled",
	.title = "The loader's transfer stalled",
	.text = "the loader's transfer began and did not end in time",
	.next = "check the path for loss and MTU; a smaller TFTP block size may help "
		"(tftp_blksize)"},
    {.code = "ipxe-silent",
	.title = "iPXE did not ask for an address",
	.text = "the loader was delivered, and iPXE never asked for an address",
	.next = "netboot-ctl console HOST --replay BOOT --text; another loader: "
		"netboot-ctl host set HOST --loader ARCH=FILE"},
    {.code = "script-not-fetched",
	.title = "iPXE did not fetch its script",
	.text = "iPXE got an address and did not fetch its script",
	.next = "netboot-ctl site show SITE: is its url reachable from the machine?"},
    {.code = "script-fetched-kernel-not",
	.title = "iPXE fetched its script, not the kernel",
	.text = "iPXE fetched its script and did not ask for the kernel",
	.next = "netboot-ctl console HOST --replay BOOT --text"},
    {.code = "kernel-stalled",
	.title = "The kernel's transfer stalled",
	.text = "the kernel was not delivered completely in time",
	.next = "check the path for loss and MTU; a longer time: netboot-ctl image "
		"add --deadline kernel=20m"},
    {.code = "initrd-stalled",
	.title = "The initrd's transfer stalled",
	.text = "the initrd was not delivered completely in time",
	.next = "check the path for loss and MTU; a longer time: netboot-ctl image "
		"add --deadline initrd=20m"},
    {.code = "ticket-consumed-undelivered",
	.title = "The last octets were let go and not seen to arrive",
	.text = "the ticket is used up; whether the image was started is not known",
	.next = "netboot-ctl console HOST --replay BOOT --text; look before "
		"ordering again"},
    {.code = "rootfs-stalled",
	.title = "Further files were not fetched",
	.text = "the kernel was started and did not fetch all further files in time",
	.next = "netboot-ctl console HOST --replay BOOT --text: has the kernel the "
		"network driver, and the right address?"},
    {.code = "os-silent",
	.title = "The loaded system gave no sign of life",
	.text = "the system was loaded, and no sign of life came from it in time",
	.next = "netboot-ctl console HOST; the system may have no network, or its "
		"report may be blocked"},
    {.code = "installer-silent",
	.title = "The installer did not report its end",
	.text = "the installer did not report its end in time; it is not started "
		"again by itself",
	.next = "netboot-ctl console HOST: the installation may still be running"},
    {.code = "installer-failed",
	.title = "The installer reported a failure",
	.text = "the installer reported a failure",
	.next = "netboot-ctl events --job JOB --kind report.failed; netboot-ctl "
		"console HOST --replay BOOT --text"},
    {.code = "booted-again-after-install",
	.title = "It asked the network again after the installation",
	.text = "after the installation the machine asked the network again and was "
		"sent to its disk, but the installed system was not seen",
	.next = "put the disk first in the firmware's boot order, or netboot-ctl host"
		" set HOST --local-boot sanboot"},
    {.code = "disk-boot-not-seen",
	.title = "The installed system was not seen",
	.text = "the installation was reported, and the installed system was not seen"
		" in time",
	.next = "netboot-ctl console HOST: the disk may not be in the firmware's boot"
		" order"},
    {.code = "spool-full",
	.title = "The agent's disk is full",
	.text = "the agent can record nothing, and takes no orders",
	.next = "make room on the disk of the agent's machine"},
    {.code = "spool-damaged",
	.title = "A record of the agent's spool cannot be read",
	.text = "the agent found a record in its spool that it cannot read",
	.next = "netboot-ctl power status HOST; look at the machine before ordering "
		"anything"},
    {.code = "interrupted",
	.title = "The agent was stopped in the middle",
	.text = "the agent was stopped while a command was under way, was "
		"restarted too often, or was away for more than an hour",
	.next = "journalctl -u netboot-agent on the site's machine; netboot-ctl power"
		" status HOST"},
    {.code = "machine-busy",
	.title = "Another host name has a job on this machine",
	.text = "a job under another host name has the same MAC address or BMC",
	.next = "netboot-ctl job list --state open; correct the inventory"},
    {.code = "order-too-old",
	.title = "The order is too old to be carried out",
	.text = "the order came, or the agent came back, more than an hour late; "
		"nothing is done",
	.next = "look at the machine, then netboot-ctl job retry JOB --reason TEXT"},
    {.code = "order-unsigned",
	.title = "The order had no signature",
	.text = "the agent has the orchestrator's orders key pinned, and the order came "
		"without a "
		"signature; nothing is done",
	.next = "see that nobody else answers for the orchestrator, and that it is no "
		"older than the "
		"agent; then netboot-ctl job retry JOB --reason TEXT"},
    {.code = "order-forged",
	.title = "The order's signature is not the orchestrator's",
	.text = "the order was not signed for this agent by the orders key that it has "
		"pinned; nothing "
		"is done",
	.next = "if the orchestrator has a new orders.key, enrol the agent anew; else "
		"find out who "
		"answers for it"},
    {.code = "bmc-secret-sealed",
	.title = "The BMC's secrets were sealed to another key",
	.text = "the secrets of the BMC were not sealed to this agent's present key, or "
		"not for this BMC; "
		"nothing is done",
	.next = "restart the agent, or enrol it anew, then netboot-ctl job retry JOB "
		"--reason TEXT"},
    {.code = "window-missed",
	.title = "Its window of time is over",
	.text = "the job could not begin before its window was over, since the host was "
		"busy or "
		"the agent did not run; nothing is done",
	.next = "order it again with another --at"},
    {.code = "ended-before",
	.title = "The agent ended this job long ago",
	.text = "the orchestrator asked for a job that the agent had ended before; it"
		" is not begun again",
	.next = "netboot-ctl power status HOST; look at the machine before ordering "
		"anything"},
    {.code = "host-busy",
	.title = "The agent has another job on this host",
	.text = "the agent has a job on this host still",
	.next = "netboot-ctl job list --host HOST"},
    {.code = "agent-busy",
	.title = "The agent has as many jobs as it takes",
	.text = "the agent has as many jobs as max_jobs allows",
	.next = "netboot-ctl job retry JOB --reason TEXT, when others have ended"},
    {.code = "image-late",
	.title = "The image did not come to the site in time",
	.text = "the order was to wait for its image to be at the site, and it is not "
		"there whole in the time that the order gave it; nothing was done",
	.next = "netboot-ctl image status IMAGE; order again with more time: "
		"--when-ready=8h"},
    {.code = "agent-replaced",
	.title = "The agent was replaced",
	.text = "the agent came back with another spool, and the job was in the old "
		"one: how far it got is not known",
	.next = "netboot-ctl power status HOST; netboot-ctl console HOST, before "
		"ordering again"},
    {.code = "bad-value",
	.title = "The agent cannot read the order",
	.text = "the order holds a value that this release of the agent does not know",
	.next = "install the same release everywhere"},
    {.code = "bad-version",
	.title = "The agent is of another release",
	.text = "the order is of another version than this release of the agent reads",
	.next = "install the same release everywhere"},
    {.code = "bad-json",
	.title = "The order cannot be read",
	.text = "the order is not what it should be",
	.next = "install the same release everywhere; look at the agent's log"},
    {.code = "internal",
	.title = "The agent gave no reason",
	.text = "the stage ended without a reason",
	.next = "netboot-ctl events --job JOB, and report it with them"},
    {.code = "unknown",
	.title = "The agent named no code",
	.text = "the job failed, and the agent named no code",
	.next = "netboot-ctl events --job JOB"},
    {.code = NULL},
};
