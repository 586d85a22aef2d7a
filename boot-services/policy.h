/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one decision for all protocols: what does this client get now? Pure: facts in,
 * decision out. */
#ifndef BOOT_SERVICES_POLICY_H
#define BOOT_SERVICES_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/bootd_config.h"
#include "boot-services/hosttab.h"
#include "lib/addr.h"

/* Who is asking, from DHCP options 60, 77, 175 (boot.md 1.2.1: 77/175 win over 60). */
enum policy_class {
	POLICY_CLASS_OS,   /* no boot class: operating system, installer, BMC */
	POLICY_CLASS_PXE,  /* firmware, "PXEClient" */
	POLICY_CLASS_HTTP, /* firmware, "HTTPClient" */
	POLICY_CLASS_IPXE,
};

struct policy_client {
	struct addr_mac mac;
	enum policy_class class;
	uint16_t arch;	/* option 93, first value; ARCH_NONE when absent (then BIOS) */
	bool ipxe_able; /* option 175 lists what a script needs, or no features at all */
	bool chained_already;  /* this MAC was handed a loader within the last 120 s */
	struct addr_ip server; /* our address on the client's link: for URLs and siaddr */
	uint16_t http_port;
	int64_t now; /* monotonic */
};

enum policy_what {
	POLICY_IGNORE,	    /* no answer at all; `reason` says why */
	POLICY_LEASE,	    /* an address, no boot information */
	POLICY_TFTP_LOADER, /* file: loader name; rule 2, kind A */
	POLICY_HTTP_LOADER, /* url */
	POLICY_SCRIPT,	   /* url of the per-MAC iPXE script (or its local-boot script) */
	POLICY_LOCAL_MENU, /* PXE boot menu "local boot" (boot.md 1.3.2) */
	POLICY_LOCAL_404, /* HTTPClient, and PXE over IPv6: a URL that is not found (boot.md 1.5) */
};

/* The file of POLICY_LOCAL_404: neither TFTP nor HTTP has it, whatever lies in the loaders root. */
#define POLICY_LOCAL_FILE BUNDLE_LOCAL_FILE

struct policy_decision {
	enum policy_what what;
	char file[256];	  /* loader file name for TFTP */
	char url[256];	  /* with an IPv6 server of a TFTP loader, too */
	char reason[256]; /* always set: why this answer, for the event */
	bool menu;	  /* on the way to the site's menu */
	/* POLICY_LEASE where more was due: "loader", "tftp" or "http", for the event. */
	const char *lacks;
	const struct hosttab_entry *host; /* borrowed; NULL for unknown machines */
};

void
policy_decide(const struct hosttab *t, const struct bootd_config *cfg,
    const struct policy_client *c, struct policy_decision *ret);
/* Loader file for an architecture (7 and 9 are both x64): the host's (which may be NULL), else the site's,
 * else the configuration's; NULL when there is none. */
const char *
policy_loader(const struct hosttab *t, const struct bootd_config *cfg,
    const struct hosttab_host *host, uint16_t arch);

/* What an HTTP path means. */
enum policy_path {
	POLICY_PATH_NONE,   /* 404, `reason` */
	POLICY_PATH_LOADER, /* file below the loaders root */
	POLICY_PATH_SCRIPT, /* armed: file below the scripts root */
	POLICY_PATH_IDLE,   /* a generated script, in `text` */
	POLICY_PATH_PAYLOAD, /* payload index of host's ticket, below the images root; a template of it below
			      * the scripts root */
	POLICY_PATH_MENU, /* the site's menu: menu_script_text() */
	POLICY_PATH_IMAGE, /* a file of one of the menu's images, below the images root: `size`, `kind` */
	POLICY_PATH_AUTOEXEC, /* menu_script_autoexec(), unless `file` is below the loaders root */
	POLICY_PATH_STORE, /* a file by its digest, below the images root: for peers only */
	POLICY_PATH_REPORT, /* POST only; token and stage set */
};

struct policy_http {
	enum policy_path what;
	char file[256];
	char text[1024];
	struct hosttab_entry *host;
	size_t payload;
	enum bootd_msg_payload_kind kind; /* image */
	int64_t size;			  /* image */
	bool leaves;			  /* idle: "boot from disk" of the menu */
	char token[ID_TOKEN_SIZE];
	char stage[16];
	char reason[256];
};

/* `path` is normalised already (decoded, no "//", no ".."), without the query. Paths:
 * /loaders/FILE, /script.ipxe-MAC and /scripts/script.ipxe-MAC, /b/TOKEN/NAME,
 * /report/TOKEN/STAGE, /script.ipxe, /local.ipxe-MAC, /m/IMAGE/NAME, /store/SHA256, autoexec.ipxe beside each loader. */
void
policy_http(const struct hosttab *t, const struct bootd_config *cfg, const char *path,
    struct policy_http *ret);
/* Another site's agent, which may have files by their digests? */
bool
policy_http_is_peer(const struct bootd_config *cfg, const struct addr_ip *client);

#endif
