/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the orchestrator hands to an agent, and the agent keeps: one job as a self-contained
 * document, and the site's host table. JSON <-> struct; docs/protocol.md shows the documents. */
#ifndef LIB_BUNDLE_H
#define LIB_BUNDLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/error.h"
#include "lib/id.h"

enum {
	BUNDLE_VERSION = 1,
	/* Of a job that asks for less force than agents that read version 1 alone would use: they refuse it. */
	BUNDLE_VERSION_CAREFUL = 2,
	BUNDLE_NAME_SIZE = 254,
	BUNDLE_PATH_SIZE = 256,
	BUNDLE_FILES_MAX = 64,
	BUNDLE_URL_SIZE = 256,
	BUNDLE_MACS_MAX = 16,
	BUNDLE_LABELS_MAX = 64,
	BUNDLE_ARGS_MAX = 2048,
	BUNDLE_TEMPLATE_MAX =
	    64 * 1024, /* octets of a file that is filled in for each job */
	BUNDLE_SUBNETS_MAX = 64,
	BUNDLE_LOADERS_MAX = 16,
	BUNDLE_REASON_SIZE = 256,
	BUNDLE_HOOK_SIZE = 513,
	BUNDLE_MENU_ITEMS_MAX = 48,
	BUNDLE_KG_SIZE = 20,
	BUNDLE_KG_TEXT = 2 * BUNDLE_KG_SIZE + 1,
	BUNDLE_BMC_PREFIXES_MAX = 8,
	BUNDLE_BMC_DOC_MAX =
	    16384,		   /* of a BMC's manners, and of what was learned of it */
	BUNDLE_MENU_TIMEOUT_S = 5, /* of a menu that does not say */
};

enum bundle_kind {
	BUNDLE_REINSTALL,
	BUNDLE_RESCUE,
	BUNDLE_LIVE,
	BUNDLE_BOOT,
	BUNDLE_REBOOT,
	BUNDLE_POWER
};
/* May a machine that is to go off be switched off hard: when the system has not gone within the graceful time,
 * not at all, or at once, without asking it. */
enum bundle_force {
	BUNDLE_FORCE_AFTER_TIMEOUT,
	BUNDLE_FORCE_NEVER,
	BUNDLE_FORCE_AT_ONCE
};
enum bundle_idle { BUNDLE_IDLE_LOCAL, BUNDLE_IDLE_MENU, BUNDLE_IDLE_SILENT };
enum bundle_firmware { BUNDLE_UEFI, BUNDLE_BIOS };
/* How iPXE leaves to the disk: boot.md 1.10. */
enum bundle_local_boot { BUNDLE_LOCAL_EXIT1, BUNDLE_LOCAL_EXIT0, BUNDLE_LOCAL_SANBOOT };
/* What router advertisements tell the hosts of an IPv6 subnet (boot.md 1.7): nothing, because a router
 * does it; addresses come by DHCPv6 (M and O set); hosts make their address, the rest by DHCPv6 (A and O). */
enum bundle_ra { BUNDLE_RA_OFF, BUNDLE_RA_MANAGED, BUNDLE_RA_STATELESS };

const char *
bundle_kind_name(enum bundle_kind kind); /* "reinstall", … */
int
bundle_kind_parse(const char *s, enum bundle_kind *ret) MUST_CHECK;
const char *
bundle_force_name(enum bundle_force force); /* "after-timeout", "never", "at-once" */
int
bundle_force_parse(const char *s, enum bundle_force *ret) MUST_CHECK;
/* As in orders and bundles: member "force", or, older, "hard"; neither: *ret stays as it is, and *ret_set false. */
int
bundle_force_from_json(
    const json_t *v, enum bundle_force *ret, bool *ret_set, struct error *err) MUST_CHECK;
/* "", or one line that can be printed, and fits. */
bool
bundle_hook_valid(const char *hook);
const char *
bundle_idle_name(enum bundle_idle idle);
int
bundle_idle_parse(const char *s, enum bundle_idle *ret) MUST_CHECK;
const char *
bundle_firmware_name(enum bundle_firmware fw);
int
bundle_firmware_parse(const char *s, enum bundle_firmware *ret) MUST_CHECK;
const char *
bundle_local_boot_name(enum bundle_local_boot how);
int
bundle_local_boot_parse(const char *s, enum bundle_local_boot *ret) MUST_CHECK;

/* How iPXE leaves to the disk, as one line of its script: firmwares differ (boot.md 1.10). */
const char *
bundle_local_boot_command(enum bundle_local_boot how, enum bundle_firmware firmware);
const char *
bundle_ra_name(enum bundle_ra ra);
int
bundle_ra_parse(const char *s, enum bundle_ra *ret) MUST_CHECK;

/* Below a root: relative, no empty, "." or ".." part, printable ASCII. */
bool
bundle_path_valid(const char *path);
/* "", "icmp" or "tcp:PORT". */
bool
bundle_probe_valid(const char *probe);

/* No loader has this name: it is looked for, and not found, by a machine that is to boot from its disk. */
#define BUNDLE_LOCAL_FILE "local-boot.efi"

struct bundle_label {
	char key[64];
	char value[128];
};

struct bundle_nic {
	struct addr_mac mac;
	struct addr_ip ip;  /* fixed IPv4 address or unset */
	struct addr_ip ip6; /* fixed IPv6 address or unset */
	bool boot;	    /* this NIC netboots; the first one when none says so */
};

/* A loader that replaces the configured one: for one architecture, and for the siblings that have none of
 * their own (arch_sibling()). */
struct bundle_loader {
	uint16_t arch;
	char file[128]; /* below the loaders root */
};

struct bundle_host {
	char name[BUNDLE_NAME_SIZE];
	struct bundle_nic nics[BUNDLE_MACS_MAX];
	size_t n_nics;
	char uuid[ADDR_UUID_TEXT]; /* or "" */
	char serial[64];
	enum bundle_firmware firmware;
	enum bundle_idle idle;
	enum bundle_local_boot local_boot;
	char probe[128];				  /* "tcp:22", "icmp" or "" */
	struct bundle_loader loaders[BUNDLE_LOADERS_MAX]; /* instead of the site's */
	size_t n_loaders;
	struct bundle_label labels[BUNDLE_LABELS_MAX];
	size_t n_labels;
	uint64_t digest; /* in a site's table: lib/table_sum.h; 0: not said */
};

struct bundle_bmc {
	char address[BUNDLE_NAME_SIZE]; /* "" : the host has no BMC */
	uint16_t port;			/* 623 */
	char user[17];
	char password[21]; /* plain in memory; sealed in the spool; bundle_bmc_wipe() */
	/* Of a rotation alone (agent/bmc_rotate.h): what the password is to be, and how often that was tried. */
	char password_next[21];
	int next_runs;
	char privilege[16];   /* "operator" | "administrator" */
	int cipher;	      /* 17, 3, or 0: 17 then 3 */
	char boot_method[16]; /* "pxe" | "none" */
	/* What read-back of the boot flags must show: "full" (valid, EFI, device) or "device" alone, for
	 * BMCs that lose the other bits (ipmi.md 1.5). The DHCP that follows judges both. */
	char boot_verify[16];
	int require_cipher; /* 17: no other suite, whatever the BMC offers; 0: 17 or 3 */
	bool kg_set;
	uint8_t kg
	    [BUNDLE_KG_SIZE]; /* the BMC's key (IPMI 2.0 13.31); as secret as the password */
	/* Credentials are sent to no address outside these; none: to any. */
	struct addr_prefix only_in[BUNDLE_BMC_PREFIXES_MAX];
	size_t n_only_in;
	/* Objects or NULL; a copy by assignment has no references of its own: bundle_bmc_copy(). */
	json_t *manners; /* what the host's owner says of it (agent/bmc_manners.h) */
	json_t *learned; /* what a probe found */
	/* When it is recorded: "off", "job" (while one runs), "always"; in the inventory "": as the site has it. */
	char console[8];
};

struct bundle_file {
	/* URL name under /b/TOKEN/; of a further file it may hold '/', for clients that look below a folder */
	char name[64];
	char path[BUNDLE_PATH_SIZE]; /* below the images root */
	char sha256[65];
	int64_t size;
	char url
	    [BUNDLE_URL_SIZE]; /* whence sites may have it, too; "": from the orchestrator */
	/* A text whose ${names} are filled in for each job; served like the others (images' files only). */
	bool template;
};

struct bundle_image {
	char name[BUNDLE_NAME_SIZE]; /* "" : the job boots no image */
	char kind[16];		     /* reinstall | rescue | live | tool */
	struct bundle_file kernel;
	struct bundle_file initrds[8];
	size_t n_initrds;
	struct bundle_file
	    files[BUNDLE_FILES_MAX]; /* further files: squashfs, installer data */
	size_t n_files;
	char args[BUNDLE_ARGS_MAX];
	char nfs_root
	    [BUNDLE_PATH_SIZE]; /* directory below the images root that is exported over NFS, or "" */
	bool reports_up;	/* the image reports `up` */
	bool reports_installed; /* … `installed` */
	bool
	    local_boot; /* after `installed` the host boots its disk and this is confirmed */
	bool
	    reports_booted; /* the installed system reports `booted` (else host's probe) */
	json_t *deadlines;  /* {"stage": seconds} or NULL; owned */
};

struct bundle {
	char job[ID_SIZE];
	enum bundle_kind kind;
	char power_action[16]; /* kind power: on|off|soft|cycle|reset */
	enum bundle_force force;
	int64_t graceful_us; /* wait after soft-off before the hard one */
	char hook
	    [BUNDLE_HOOK_SIZE]; /* reboot: a command on the host before anything else, or "" */
	char reason[BUNDLE_REASON_SIZE];
	char by[64];
	int64_t created;
	/* Of a job that is handed down in advance: it may begin from the first time and until the other (wall
	 * microseconds); both 0: at once. */
	int64_t not_before, not_after;
	struct bundle_host host;
	struct bundle_bmc bmc;
	struct bundle_image image;
};

/* Of either family; all addresses are of the prefix's. */
struct bundle_subnet {
	struct addr_prefix prefix;
	struct addr_ip gateway, dns[4], pool_first,
	    pool_last; /* pool unset: reservations only */
	size_t n_dns;
	int64_t lease_s;
	char domain[128];
	char relay[ADDR_IP_TEXT]; /* giaddr or link-address of a remote link, or "" */
	/* IPv6 only: */
	enum bundle_ra ra;
	int64_t router_s; /* router lifetime in advertisements; 0: we are not a router */
	int64_t mtu;	  /* told in advertisements; 0: not told */
};

/* A site's boot menu as people write it. An item is an image's name or a built-in one. */
struct bundle_menu {
	bool set;		    /* false: the site has none of its own */
	char title[80];		    /* "": made from the site's name */
	char keymap[16];	    /* iPXE's name of it, for iPXE and as ${kbmap} */
	int64_t timeout_s;	    /* until the default starts by itself; 0: never */
	char def[BUNDLE_NAME_SIZE]; /* an item */
	/* None: every image that fits, in order of name, then local, config and shell. */
	char items[BUNDLE_MENU_ITEMS_MAX][BUNDLE_NAME_SIZE];
	size_t n_items;
};

/* The site as its agent and bootd must know it: a snapshot with a version. */
struct bundle_site {
	char name[64];
	char timezone[64];
	char url[256];	     /* its HTTP base as servers see it, or "" */
	bool answer_unknown; /* a pool lease for unknown machines; else ignore */
	enum bundle_idle idle;
	struct bundle_loader loaders[BUNDLE_LOADERS_MAX]; /* instead of bootd.yaml's */
	size_t n_loaders;
	struct bundle_subnet subnets[BUNDLE_SUBNETS_MAX];
	size_t n_subnets;
	struct bundle_host *hosts; /* owned array */
	size_t n_hosts;
	struct bundle_menu menu;
	struct bundle_image *menu_images; /* what its items name; owned array */
	size_t n_menu_images;
	int64_t version;
	uint64_t head_digest; /* of what is no host; 0: not said */
	uint64_t digest;      /* of all of it: lib/table_sum.h */
	size_t n_strange;     /* words in it, when it was read, that are not known here */
};

/* Of its document: the lowest that says all of it. */
int
bundle_version(const struct bundle *b);
json_t *
bundle_to_json(const struct bundle *b);
int
bundle_from_json(const json_t *v, struct bundle *ret, struct error *err) MUST_CHECK;
void
bundle_done(struct bundle *b); /* frees deadlines, wipes the password */
/* An absent BMC (address "") is JSON null in both directions. */
json_t *
bundle_bmc_to_json(const struct bundle_bmc *bmc); /* password and K_g in clear */
int
bundle_bmc_from_json(
    const json_t *v, struct bundle_bmc *ret, struct error *err) MUST_CHECK;
/* "off", "job" or "always". */
bool
bundle_bmc_console_valid(const char *s);
/* 40 hexadecimal digits, not all 0 (which stands for "none" at the BMC), or a text of at most 20 octets, filled up with
 * octets 0 as BMCs do; -EINVAL, *bmc untouched. */
int
bundle_bmc_set_kg(struct bundle_bmc *bmc, const char *text) MUST_CHECK;
void
bundle_bmc_kg_text(const struct bundle_bmc *bmc, char ret_hex[BUNDLE_KG_TEXT]);
void
bundle_bmc_copy(struct bundle_bmc *dst, const struct bundle_bmc *src);
/* A list of prefixes, member `key` of v, which may be absent. */
int
bundle_bmc_prefixes_from_json(const json_t *v, const char *key,
    struct addr_prefix ret[BUNDLE_BMC_PREFIXES_MAX], size_t *ret_n,
    struct error *err) MUST_CHECK;
/* The same; nothing when n is 0. */
void
bundle_bmc_prefixes_put(
    json_t *v, const char *key, const struct addr_prefix *prefixes, size_t n);
/* May its credentials be sent to that address? */
bool
bundle_bmc_may_reach(const struct bundle_bmc *bmc, const struct addr_ip *ip);
/* The end of it: also drops manners and learned. */
void
bundle_bmc_wipe(struct bundle_bmc *bmc);
json_t *
bundle_image_to_json(const struct bundle_image *image);
int
bundle_image_from_json(
    const json_t *v, struct bundle_image *ret, struct error *err) MUST_CHECK;
/* Does every ${name} of its arguments exist: one of bundle_image_arg_names, a label (which host has it is
 * not known here), or a file of the image? -EINVAL with *err. */
int
bundle_image_args_check(const struct bundle_image *image, struct error *err) MUST_CHECK;
extern const char *const bundle_image_arg_names[]; /* NULL at the end */
json_t *
bundle_host_to_json(const struct bundle_host *h);
int
bundle_host_from_json(
    const json_t *v, struct bundle_host *ret, struct error *err) MUST_CHECK;
/* One of a site's table, whose words may be of a later release: those that are not known are left out, so that it leaves to its disk
 * (lib/table_words.h). *ret_strange is raised by how many. */
int
bundle_host_of_table(const json_t *v, struct bundle_host *ret, size_t *ret_strange,
    struct error *err) MUST_CHECK;
/* Member "loaders" of v, {"x64-uefi": "shimx64.efi"}; nothing when n is 0. Names are arch_name()'s. */
void
bundle_loaders_put(json_t *v, const struct bundle_loader *loaders, size_t n);
/* The same, which may be absent. */
int
bundle_loaders_from_json(const json_t *v, struct bundle_loader *loaders, size_t *ret_n,
    struct error *err) MUST_CHECK;
/* Member "menu" of v; nothing when it is not set. */
void
bundle_menu_put(json_t *v, const struct bundle_menu *m);
/* The same, which may be absent or null. What it leaves out gets its default. */
int
bundle_menu_from_json(
    const json_t *v, struct bundle_menu *ret, struct error *err) MUST_CHECK;
/* A menu of which nothing was said. */
void
bundle_menu_init(struct bundle_menu *m);
/* local, shell, config, reboot or exit. */
bool
bundle_menu_builtin(const char *item);
/* Has the menu an item of this name, as it stands? */
bool
bundle_menu_has(const struct bundle_menu *m, const char *item);
/* May the image be started by anybody who stands before the menu? Never one of kind reinstall; nor one that
 * needs what only a job or a host has. -EINVAL with code "menu-image". */
int
bundle_menu_fits(const struct bundle_image *image, struct error *err) MUST_CHECK;
/* The same of one whose arguments are filled in, as bootd has it. */
int
bundle_menu_allows(const struct bundle_image *image, struct error *err) MUST_CHECK;
/* On which firmware the image's kernel runs, by the end of its file name: -1 when on both. */
int
bundle_menu_firmware(const struct bundle_image *image);
json_t *
bundle_subnet_to_json(const struct bundle_subnet *s);
int
bundle_subnet_from_json(
    const json_t *v, struct bundle_subnet *ret, struct error *err) MUST_CHECK;
json_t *
bundle_site_to_json(const struct bundle_site *s);
int
bundle_site_from_json(
    const json_t *v, struct bundle_site *ret, struct error *err) MUST_CHECK;
void
bundle_site_done(struct bundle_site *s);
/* Has it IPv6 subnets, and no others? */
bool
bundle_site_is_v6_only(const struct bundle_site *s);

#endif
