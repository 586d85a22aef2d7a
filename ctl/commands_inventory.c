/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that keep the inventory: sites, hosts, images, and files of all of them.
 *
 * Entry point: commands_inventory; as ctl/commands.c says, nothing here does anything.
 */
#include "ctl/commands_priv.h"

#include "ctl/cmd.h"
#include "lib/compiler.h"

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

static const struct args_command rows[] = {
    {"site", "add", "SITE", 1, 1, {GROUP(site_options)}, cmd_site_add, "Add a site",
	NULL},
    {"site", "set", "SITE", 1, 1, {GROUP(site_options)}, cmd_site_set, "Change a site",
	NULL},
    {"site", "list", "", 0, 0, {{0}}, cmd_site_list, "List the sites", NULL},
    {"site", "show", "SITE", 1, 1, {{0}}, cmd_site_show, "Show a site", NULL},
    {"site", "rm", "SITE", 1, 1, {{0}}, cmd_site_rm, "Remove a site without hosts", NULL},
    {"site", "freeze", "SITE", 1, 1, {GROUP(commands_reason)}, cmd_hold_freeze,
	"Begin nothing new at a site, and cancel what has not begun there",
	"What has begun goes on to its end; job cancel ends it. Until site unfreeze."},
    {"site", "unfreeze", "SITE", 1, 1, {GROUP(commands_reason)}, cmd_hold_unfreeze,
	"Allow new work at a site again", NULL},
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
    {"host", "lock", "HOST", 1, 1, {GROUP(commands_reason)}, cmd_host_lock,
	"Refuse all orders for a host", NULL},
    {"host", "unlock", "HOST", 1, 1, {GROUP(commands_reason)}, cmd_host_unlock,
	"Allow orders for a host again", NULL},

    {"discovered", "list", "", 0, 0, {GROUP(host_list_options)}, cmd_discovered_list,
	"List machines that asked the network and are no host's", NULL},
    {"discovered", "show", "MAC", 1, 1, {GROUP(discovered_site_options)},
	cmd_discovered_show, "Show all that was seen of such a machine", NULL},
    {"discovered", "adopt", "MAC [HOST]", 1, 2,
	{GROUP(host_options), GROUP(adopt_options), GROUP(commands_reason)},
	cmd_discovered_adopt, "Make such a machine a host, or a NIC of one",
	"Site, MAC address, UUID and firmware are those that were seen, unless an "
	"option\n"
	"says otherwise; the options are those of host add. With --to, HOST is left "
	"out."},
    {"discovered", "forget", "MAC", 1, 1,
	{GROUP(discovered_site_options), GROUP(commands_reason)}, cmd_discovered_forget,
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
	{GROUP(place_options), GROUP(commands_reason)}, cmd_image_place,
	"Have sites hold an image, whether or not their hosts use it", NULL},
    {"image", "unplace", "IMAGE [SITE ...]", 1, -1,
	{GROUP(place_options), GROUP(commands_reason)}, cmd_image_unplace,
	"Have sites hold an image only while their hosts use it", NULL},
    {"image", "status", "[IMAGE]", 0, 1, {{0}}, cmd_image_status,
	"Show how far images are at the sites that are to hold them", NULL},
    {"image", "rm", "IMAGE", 1, 1, {{0}}, cmd_image_rm, "Remove an image", NULL},

    {"apply", NULL, "", 0, 0, {GROUP(apply_options)}, cmd_apply,
	"Add and change what a file describes, all of it or nothing",
	"Objects that the file does not name are left alone."},
    {"export", NULL, "", 0, 0, {{0}}, cmd_apply_export,
	"Print the inventory as a file for apply, without passwords", NULL},
};

const struct args_commands commands_inventory = {rows, ARRAY_SIZE(rows)};
