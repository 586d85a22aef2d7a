/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands: words, options, help and handler, a row each.
 *
 * Entry point: commands_table. Nothing here does anything; ctl/args.c parses by it,
 * ctl/args_help.c prints it, and the shells' completions ask for it through
 * `netboot-ctl __complete`.
 */
#include "ctl/commands.h"

#include "ctl/cmd.h"
#include "ctl/import_table.h"
#include "lib/compiler.h"
#include "lib/str.h"

#define GROUP(options)                       \
	{                                    \
		options, ARRAY_SIZE(options) \
	}

static const struct args_option globals[] = {
    {"server", 0, ARGS_VALUE, "ADDRESS",
	"unix:PATH or https://HOST:PORT, where the orchestrator listens "
	"(NETBOOT_SERVER)"},
    {"token-file", 0, ARGS_VALUE, "FILE",
	"the token for a server by TCP (NETBOOT_TOKEN_FILE)"},
    {"ca-file", 0, ARGS_VALUE, "FILE",
	"trust these certificates, in PEM, and no others (NETBOOT_CA_FILE)"},
    {"output", 'o', ARGS_VALUE, "table|wide|json|ndjson", "how to print results"},
    {"no-headers", 0, ARGS_FLAG, NULL, "leave out the tables' titles"},
    {"quiet", 'q', ARGS_FLAG, NULL, "no progress and remarks, only results and errors"},
    {"help", 'h', ARGS_FLAG, NULL, "explain the command"},
    {"version", 0, ARGS_FLAG, NULL, "print the version"},
};

/* ---- orders ---- */

static const struct args_option image_option[] = {
    {"image", 0, ARGS_VALUE, "IMAGE",
	"the image to boot (else the host's, or the only one)"},
    {"when-ready", 0, ARGS_OPTIONAL, "DURATION",
	"begin once the image is at the site, at most that long from now (24h)"},
};

static const struct args_option reason_option[] = {
    {"reason", 0, ARGS_TEXT, "TEXT", "why; kept in the history"},
};

static const struct args_option enroll_options[] = {
    {"expires", 0, ARGS_VALUE, "DURATION", "how long the secret is good (24h)"},
};

static const struct args_option revoke_options[] = {
    {"serial", 0, ARGS_VALUE, "SERIAL", "only this certificate (else all of the site)"},
};

static const struct args_option token_options[] = {
    {"role", 0, ARGS_VALUE, "viewer|operator|admin", "what it may do"},
    {"expires", 0, ARGS_VALUE, "DURATION",
	"it ends by itself after that, or `never` (90d)"},
};

static const struct args_option order_options[] = {
    {"dry-run", 0, ARGS_FLAG, NULL, "show what would be done, do nothing"},
    {"wait", 0, ARGS_OPTIONAL, "DURATION",
	"follow until the end, at most that long (3h)"},
    {"yes", 0, ARGS_FLAG, NULL, "do not ask; needed where there is no terminal"},
    {"limit", 0, ARGS_VALUE, "N", "refuse a set of more hosts (20)"},
    {"at", 0, ARGS_VALUE, "TIME",
	"not now: its agent keeps it and begins it then, 2026-01-31T03:00:00+01:00"},
    {"window", 0, ARGS_VALUE, "DURATION", "begin at most that long after --at (1h)"},
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

static const struct args_option reboot_options[] = {
    {"graceful-timeout", 0, ARGS_VALUE, "DURATION",
	"how long the system may take to stop"},
    {"hard", 0, ARGS_FLAG, NULL, "do not ask the system to stop first"},
};

#define IMAGE_ORDER_GROUPS                                                      \
	{                                                                       \
		GROUP(image_option), GROUP(reason_option), GROUP(order_options) \
	}
#define JOB_HELP "JOB may be a beginning or an end of the id when that is unique."
#define HOSTS_HELP                                                                    \
	"HOSTS is a set: edge[01-10].los,-edge03.los  @site=los,role=cdn  all. What " \
	"could lose data\n"                                                           \
	"is asked for on the terminal, or needs --yes. The job's id is printed at once."

#define ANSWERS_HELP                                                                \
	"Answers are printed as they come, any number of hosts; each host exactly " \
	"once. Ends with\n2 when a host failed."

/* ---- inventory ---- */

static const struct args_option site_options[] = {
    {"timezone", 0, ARGS_VALUE, "ZONE", "IANA name, such as Africa/Lagos"},
    {"url", 0, ARGS_VALUE, "URL", "the site's HTTP base as its servers see it"},
    {"unknown", 0, ARGS_VALUE, "ignore|pool", "what machines not in the inventory get"},
    {"idle", 0, ARGS_VALUE, "local|menu|silent", "what hosts without a job get"},
    {"subnet", 0, ARGS_LIST, "SUBNET",
	"PREFIX[,gateway=IP][,dns=IP][,pool=FIRST-LAST][,lease=1h][,domain=D][,relay=IP]"
	"; "
	"of IPv6 [,ra=managed|stateless|off][,router=30m][,mtu=N]"},
    {"bmc-prefix", 0, ARGS_LIST, "PREFIX",
	"where its BMCs are; their passwords are sent nowhere else"},
    {"no-bmc-prefixes", 0, ARGS_FLAG, NULL, "forget them"},
    {"cap", 0, ARGS_LIST, "CAP",
	"how much of its line images may take: 'mon-fri 08:00-18:00 2Mbit'; the first "
	"that "
	"speaks of the time holds"},
    {"no-caps", 0, ARGS_FLAG, NULL, "forget them"},
    {"peer", 0, ARGS_LIST, "SITE",
	"a nearby site that has image files for it, asked before upstream and the "
	"orchestrator"},
    {"no-peers", 0, ARGS_FLAG, NULL, "forget them"},
    {"console", 0, ARGS_VALUE, "off|job|always",
	"when its hosts' serial consoles are recorded (job)"},
    {"require-cipher", 0, ARGS_VALUE, "17|0",
	"17: its BMCs are asked with cipher suite 17 and no other (0)"},
    {"loader", 0, ARGS_LIST, "ARCH=FILE",
	"instead of the boot services' own, such as x64-uefi=shimx64.efi; ARCH= removes"},
    {"menu-item", 0, ARGS_LIST, "ITEM[,ITEM...]",
	"images, local, config, shell, reboot, exit, in this order"},
    {"menu-default", 0, ARGS_VALUE, "ITEM", "what starts by itself (local)"},
    {"menu-timeout", 0, ARGS_VALUE, "DUR", "after so long (5s); 0: never"},
    {"menu-keymap", 0, ARGS_VALUE, "MAP", "keyboard map (us)"},
    {"menu-title", 0, ARGS_TEXT, "TEXT", "what stands above it"},
    {"no-menu", 0, ARGS_FLAG, NULL, "forget the menu: what it shows is up to the images"},
};

static const struct args_option config_options[] = {
    {"for", 0, ARGS_VALUE,
	"isc-dhcp|isc-dhcp6|kea|kea6|dnsmasq|radvd|tftpd-hpa|nginx|nfs|ganesha",
	"which server"},
    {"address", 0, ARGS_LIST, "IP",
	"the boot server's, as clients see it, one a family (the site's url)"},
    {"interface", 0, ARGS_VALUE, "NAME", "the boot server's on the boot network"},
    {"loaders-root", 0, ARGS_VALUE, "DIR", "folder of loaders (/srv/netboot/loaders)"},
    {"images-root", 0, ARGS_VALUE, "DIR", "folder of images (the orchestrator's)"},
    {"scripts-root", 0, ARGS_VALUE, "DIR",
	"folder of the agent's scripts (/srv/netboot/scripts)"},
};

static const struct args_option host_options[] = {
    {"site", 0, ARGS_VALUE, "SITE", "where it stands"},
    {"nic", 0, ARGS_LIST, "MAC[,ip=IP][,ip6=IP][,boot]",
	"a network card; `set` replaces them all"},
    {"uuid", 0, ARGS_TEXT, "UUID", "SMBIOS UUID"},
    {"serial", 0, ARGS_TEXT, "TEXT", "SMBIOS serial number"},
    {"firmware", 0, ARGS_VALUE, "uefi|bios", "what it boots with (uefi)"},
    {"idle", 0, ARGS_TEXT, "local|menu|silent",
	"what it gets without a job (the site's)"},
    {"local-boot", 0, ARGS_VALUE, "exit1|exit0|sanboot", "how iPXE leaves to the disk"},
    {"loader", 0, ARGS_LIST, "ARCH=FILE",
	"instead of the site's, such as x86-bios=ipxe.pxe; ARCH= removes"},
    {"probe", 0, ARGS_TEXT, "PROBE", "how to see that it is up: tcp:22, icmp"},
    {"image", 0, ARGS_TEXT, "IMAGE", "what `reinstall` installs"},
    {"label", 0, ARGS_LIST, "KEY=VALUE", "for host sets and arguments; KEY= removes"},
    {"bmc", 0, ARGS_VALUE, "ADDRESS[:PORT]", "its BMC"},
    {"bmc-outside", 0, ARGS_VALUE, "allow|refuse",
	"send its password outside of the site's BMC prefixes too (refuse)"},
    {"bmc-manners", 0, ARGS_LIST, "KEY=VALUE",
	"how the BMC is treated, such as verify=device (bmc show --blame); KEY= removes"},
    {"bmc-user", 0, ARGS_VALUE, "USER", "the BMC's user"},
    {"bmc-password", 0, ARGS_FLAG, NULL, "ask for its password on the terminal, twice"},
    {"bmc-password-file", 0, ARGS_VALUE, "FILE",
	"first line is the password; - reads stdin"},
    {"no-bmc-password", 0, ARGS_FLAG, NULL, "forget the password"},
    {"bmc-kg", 0, ARGS_FLAG, NULL, "ask for its key K_g on the terminal, twice"},
    {"bmc-kg-file", 0, ARGS_VALUE, "FILE",
	"first line is K_g, 40 hex digits or a text of at most 20; - reads stdin"},
    {"no-bmc-kg", 0, ARGS_FLAG, NULL, "forget the key"},
    {"bmc-privilege", 0, ARGS_VALUE, "operator|administrator", "of the BMC's user"},
    {"bmc-cipher", 0, ARGS_VALUE, "0|3|17", "cipher suite; 0: 17, then 3"},
    {"bmc-require-cipher", 0, ARGS_VALUE, "17|0|site",
	"17: no other suite; 0: not even if the site says so; site: as the site says"},
    {"bmc-boot-method", 0, ARGS_VALUE, "pxe|none", "how a network boot is asked for"},
    {"bmc-boot-verify", 0, ARGS_VALUE, "full|device",
	"how strictly the flags are read back"},
    {"bmc-console", 0, ARGS_TEXT, "off|job|always",
	"when its serial console is recorded; \"\": as the site has it"},
};

static const struct args_option discovered_site_options[] = {
    {"site", 0, ARGS_VALUE, "SITE", "as it was seen there"},
};

static const struct args_option adopt_options[] = {
    {"to", 0, ARGS_VALUE, "HOST",
	"it is another NIC of this host, which is there already"},
};

static const struct args_option host_list_options[] = {
    {"site", 0, ARGS_VALUE, "SITE", "only hosts of that site"},
};

static const struct args_option image_options[] = {
    {"kind", 0, ARGS_VALUE, "reinstall|rescue|live|tool", "which orders may use it"},
    {"kernel", 0, ARGS_VALUE, "PATH[,url=URL]",
	"below the images root; url: where sites far away may fetch it, too"},
    {"initrd", 0, ARGS_LIST, "PATH[,url=URL]", "in this order"},
    {"file", 0, ARGS_LIST, "PATH[,name=NAME][,url=URL][,template]",
	"a further file, fetched by the image; template: its ${names} are filled in"},
    {"args", 0, ARGS_TEXT, "TEXT",
	"kernel arguments; ${host.name}, ${report} ... are filled in"},
    {"nfs-root", 0, ARGS_VALUE, "DIR",
	"its root file system below the images root, exported over NFS"},
    {"report", 0, ARGS_LIST, "up|installed|booted", "what the image reports"},
    {"local-boot", 0, ARGS_FLAG, NULL, "it ends with a boot from disk, to be confirmed"},
    {"deadline", 0, ARGS_LIST, "STAGE=DURATION", "how long a stage may take"},
};

static const struct args_option place_options[] = {
    {"all-sites", 0, ARGS_FLAG, NULL, "every site that there is now"},
};

static const struct args_option import_options[] = {
    {"name", 0, ARGS_VALUE, "IMAGE",
	"the new image, and its folder below the images root"},
    {"kind", 0, ARGS_VALUE, "reinstall|rescue|live|tool", "else the family's own"},
    {"template", 0, ARGS_VALUE, "FILE", "preseed, kickstart or user-data, with ${names}"},
    {"nfs", 0, ARGS_FLAG, NULL, "the root comes over NFS instead of HTTP"},
    {"bios", 0, ARGS_FLAG, NULL, "take what boots BIOS machines, where that differs"},
    {"pick", 0, ARGS_VALUE, "WORD", "of several that would do, the path that holds it"},
    {"append", 0, ARGS_VALUE, "TEXT", "further kernel arguments"},
    {"images-root", 0, ARGS_VALUE, "DIR",
	"the server's images root (/srv/netboot/images)"},
    {"dry-run", 0, ARGS_FLAG, NULL, "show the image, copy and add nothing"},
};

static const struct args_option apply_options[] = {
    {"file", 'f', ARGS_VALUE, "FILE",
	"the inventory, netboot-inventory(5); - reads stdin"},
    {"dry-run", 0, ARGS_FLAG, NULL, "show the difference, change nothing"},
};

/* ---- looking ---- */

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

static const struct args_command commands[] = {
    {"site", "add", "SITE", 1, 1, {GROUP(site_options)}, cmd_site_add, "Add a site",
	NULL},
    {"site", "set", "SITE", 1, 1, {GROUP(site_options)}, cmd_site_set, "Change a site",
	NULL},
    {"site", "list", "", 0, 0, {{0}}, cmd_site_list, "List the sites", NULL},
    {"site", "show", "SITE", 1, 1, {{0}}, cmd_site_show, "Show a site", NULL},
    {"site", "rm", "SITE", 1, 1, {{0}}, cmd_site_rm, "Remove a site without hosts", NULL},
    {"site", "config", "SITE", 1, 1, {GROUP(config_options)}, cmd_site_config,
	"Print the configuration of another server for a site",
	"For sites that keep their own servers: complete, with the decisions that "
	"netboot-bootd takes."},

    {"host", "add", "HOST", 1, 1, {GROUP(host_options)}, cmd_host_add, "Add a host",
	"The BMC's password is asked for on the terminal unless --bmc-password-file is "
	"given."},
    {"host", "set", "HOST", 1, 1, {GROUP(host_options)}, cmd_host_set, "Change a host",
	"--image, --probe, --serial and --uuid with an empty value remove what there "
	"was."},
    {"host", "list", "[HOSTS]", 0, -1, {GROUP(host_list_options)}, cmd_host_list,
	"List the hosts", NULL},
    {"host", "show", "HOST", 1, 1, {{0}}, cmd_host_show, "Show a host", NULL},
    {"host", "rm", "HOST", 1, 1, {{0}}, cmd_host_rm, "Remove a host; its history stays",
	NULL},
    {"host", "lock", "HOST", 1, 1, {GROUP(reason_option)}, cmd_host_lock,
	"Refuse all orders for a host", NULL},
    {"host", "unlock", "HOST", 1, 1, {GROUP(reason_option)}, cmd_host_unlock,
	"Allow orders for a host again", NULL},

    {"discovered", "list", "", 0, 0, {GROUP(host_list_options)}, cmd_discovered_list,
	"List machines that asked the network and are no host's", NULL},
    {"discovered", "show", "MAC", 1, 1, {GROUP(discovered_site_options)},
	cmd_discovered_show, "Show all that was seen of such a machine", NULL},
    {"discovered", "adopt", "MAC [HOST]", 1, 2,
	{GROUP(host_options), GROUP(adopt_options), GROUP(reason_option)},
	cmd_discovered_adopt, "Make such a machine a host, or a NIC of one",
	"Site, MAC address, UUID and firmware are those that were seen, unless an "
	"option\n"
	"says otherwise; the options are those of host add. With --to, HOST is left "
	"out."},
    {"discovered", "forget", "MAC", 1, 1,
	{GROUP(discovered_site_options), GROUP(reason_option)}, cmd_discovered_forget,
	"Forget such a machine until it asks again", NULL},

    {"image", "add", "IMAGE", 1, 1, {GROUP(image_options)}, cmd_image_add, "Add an image",
	"The files must be below the server's images root; their SHA-256 is recorded."},
    {"image", "import", "FAMILY SOURCE", 2, 2, {GROUP(import_options)}, cmd_import,
	"Make an image of a known system's ISO or folder",
	"FAMILY is sysrescue, grml, gparted, debian-live, debian-installer, kickstart,\n"
	"autoinstall, memtest or efi-file; SOURCE an ISO, a folder with its contents, "
	"or\n"
	"an .efi file. Runs on the orchestrator's machine. Nothing is overwritten."},
    {"image", "list", "", 0, 0, {{0}}, cmd_image_list, "List the images", NULL},
    {"image", "show", "IMAGE", 1, 1, {{0}}, cmd_image_show, "Show an image", NULL},
    {"image", "verify", "IMAGE", 1, 1, {{0}}, cmd_image_verify,
	"Hash an image's files again", NULL},
    {"image", "place", "IMAGE [SITE ...]", 1, -1,
	{GROUP(place_options), GROUP(reason_option)}, cmd_image_place,
	"Have sites hold an image, whether or not their hosts use it", NULL},
    {"image", "unplace", "IMAGE [SITE ...]", 1, -1,
	{GROUP(place_options), GROUP(reason_option)}, cmd_image_unplace,
	"Have sites hold an image only while their hosts use it", NULL},
    {"image", "status", "[IMAGE]", 0, 1, {{0}}, cmd_image_status,
	"Show how far images are at the sites that are to hold them", NULL},
    {"image", "rm", "IMAGE", 1, 1, {{0}}, cmd_image_rm, "Remove an image", NULL},

    {"apply", NULL, "", 0, 0, {GROUP(apply_options)}, cmd_apply,
	"Add and change what a file describes, all of it or nothing",
	"Objects that the file does not name are left alone."},
    {"export", NULL, "", 0, 0, {{0}}, cmd_apply_export,
	"Print the inventory as a file for apply, without passwords", NULL},

    {"reinstall", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Reinstall hosts: their disks are overwritten", HOSTS_HELP},
    {"rescue", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Boot hosts into a rescue system", HOSTS_HELP},
    {"live", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Boot hosts into a live system", HOSTS_HELP},
    {"boot", NULL, "HOSTS", 1, -1, IMAGE_ORDER_GROUPS, cmd_order,
	"Boot hosts into any image once", HOSTS_HELP},
    {"reboot", NULL, "HOSTS", 1, -1,
	{GROUP(reboot_options), GROUP(reason_option), GROUP(order_options)}, cmd_order,
	"Restart hosts from their disks", HOSTS_HELP},
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
	{GROUP(collate_option), GROUP(reason_option), GROUP(sure_options)}, cmd_bmc,
	"Restart BMCs, and wait until each answers again",
	"Some machines restart with their BMC. Asked for on the terminal, or needs "
	"--yes;\n"
	"a locked host, or one with a job, is left alone. Ends with 2 when a host "
	"failed."},
    {"bmc", "resume", "[HOSTS]", 0, -1,
	{GROUP(resume_options), GROUP(reason_option), GROUP(collate_option)}, cmd_resume,
	"Ask BMCs again that are left alone",
	"HOSTS: those that did not answer some times in a row, now and not after their "
	"rest.\n"
	"--site, --all: sites where too many BMCs refused the password, so that no "
	"session "
	"is\n"
	"opened there any more; correct the password first. doctor shows which."},
    {"bmc", "rotate", "HOSTS", 1, -1,
	{GROUP(collate_option), GROUP(reason_option), GROUP(sure_options)}, cmd_bmc,
	"Give the BMCs' users new random passwords, or finish that",
	"A password is stored before the BMC is told of it, and replaces the old one "
	"once "
	"a\nsession was opened with it. Needs a user with administrator privilege. Asked "
	"for on\nthe terminal, or needs --yes; a locked host, or one with a job, is left "
	"alone.\nEnds with 2 when a host failed."},
    {"identify", NULL, "HOSTS", 1, -1,
	{GROUP(collate_option), GROUP(identify_options), GROUP(reason_option)}, cmd_bmc,
	"Have machines light their identify lamp", ANSWERS_HELP},
    {"sensors", NULL, "HOSTS", 1, -1, {GROUP(collate_option)}, cmd_bmc,
	"Show what the machines' sensors read", ANSWERS_HELP},
    {"sel", NULL, "HOSTS", 1, -1,
	{GROUP(collate_option), GROUP(sel_options), GROUP(reason_option),
	    GROUP(sure_options)},
	cmd_bmc, "Show the machines' event logs, or clear them", ANSWERS_HELP},
    {"power", "on", "HOSTS", 1, -1,
	{GROUP(reason_option), GROUP(order_options), GROUP(collate_option)}, cmd_order,
	"Switch on", HOSTS_HELP},
    {"power", "off", "HOSTS", 1, -1,
	{GROUP(reason_option), GROUP(order_options), GROUP(collate_option)}, cmd_order,
	"Switch off at once", HOSTS_HELP},
    {"power", "soft", "HOSTS", 1, -1,
	{GROUP(reason_option), GROUP(order_options), GROUP(collate_option)}, cmd_order,
	"Ask the system to stop", HOSTS_HELP},
    {"power", "cycle", "HOSTS", 1, -1,
	{GROUP(reason_option), GROUP(order_options), GROUP(collate_option)}, cmd_order,
	"Switch off at once and on again", HOSTS_HELP},
    {"power", "reset", "HOSTS", 1, -1,
	{GROUP(reason_option), GROUP(order_options), GROUP(collate_option)}, cmd_order,
	"Reset at once", HOSTS_HELP},

    {"status", NULL, "[HOSTS]", 0, -1, {GROUP(status_options)}, cmd_status,
	"Show what hosts are doing", NULL},
    {"watch", NULL, "HOST|JOB", 1, 1, {GROUP(watch_options)}, cmd_job_watch,
	"Follow a job, or a host's open job, to its end",
	"JOB may be a beginning or an end of the id when that is unique; a host of that\n"
	"very name comes first. Ends with the job's exit code."},
    {"job", "list", "", 0, 0, {GROUP(job_list_options)}, cmd_job_list, "List jobs", NULL},
    {"job", "show", "JOB", 1, 1, {{0}}, cmd_job_show, "Show a job and its stages",
	JOB_HELP},
    {"job", "cancel", "JOB", 1, 1, {GROUP(reason_option)}, cmd_job_cancel,
	"Cancel a job that has not ended", JOB_HELP},
    {"job", "retry", "JOB", 1, 1, {GROUP(reason_option), GROUP(retry_options)},
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
    {"agent", "list", "", 0, 0, {{0}}, cmd_status_agents, "List the sites' agents", NULL},
    {"agent", "show", "SITE", 1, 1, {{0}}, cmd_agent_show,
	"Show a site's agent, its certificates and secrets", NULL},
    {"agent", "enroll", "SITE", 1, 1, {GROUP(enroll_options), GROUP(reason_option)},
	cmd_agent_enroll, "Make the secret by which a site's agent joins, and print it",
	"It works once, and is kept nowhere: give it to `netboot-agent enroll URL` at "
	"the\nsite, in a file of mode 0600 or on standard input."},
    {"agent", "revoke", "SITE", 1, 1, {GROUP(revoke_options), GROUP(reason_option)},
	cmd_agent_revoke, "Shut a site's agent out at once",
	"Its certificates, its connections, and secrets that were not used. It goes on "
	"with\nthe jobs that it has, and joins again with a new secret."},
    {"token", "add", "NAME", 1, 1, {GROUP(token_options), GROUP(reason_option)},
	cmd_token_add, "Make a token for the page or for a program, and print it",
	"It is printed once and kept nowhere: put it into a file of mode 0600, for\n"
	"--token-file, or into the page's login."},
    {"token", "list", "", 0, 0, {{0}}, cmd_token_list, "List the tokens", NULL},
    {"token", "rm", "TOKEN", 1, 1, {GROUP(reason_option)}, cmd_token_rm,
	"Revoke a token: what it does ends at once", NULL},
    {"webhook", "list", "", 0, 0, {{0}}, cmd_webhook_list,
	"List the webhooks and how their deliveries go", NULL},
    {"webhook", "test", "WEBHOOK", 1, 1, {GROUP(reason_option)}, cmd_webhook_test,
	"Send a webhook's receiver one message now",
	"It is signed and formed like all others, is not queued, and is sent once. Ends "
	"with\n2 when its receiver does not take it."},
    {"doctor", NULL, "", 0, 0, {{0}}, cmd_status_doctor, "Check the whole installation",
	"Ends with 2 when a check failed."},
};

/* Rows of one family follow each other. */
static const char *
family_word(size_t n)
{
	for (size_t i = 0; i < import_table_n; i++) {
		if (i > 0 && str_eq(import_table[i].family, import_table[i - 1].family))
			continue;
		if (n-- == 0)
			return import_table[i].family;
	}
	return NULL;
}

static const struct args_operand operands[] = {{"FAMILY", family_word}};

const struct args_table commands_table = {
    .program = "netboot-ctl",
    .commands = commands,
    .n_commands = ARRAY_SIZE(commands),
    .globals = GROUP(globals),
    .operands = operands,
    .n_operands = ARRAY_SIZE(operands),
};
