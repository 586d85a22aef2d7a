/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd.yaml: read with libcyaml, checked as a whole (docs/boot-services.md documents
 * each key). */
#ifndef BOOT_SERVICES_BOOTD_CONFIG_H
#define BOOT_SERVICES_BOOTD_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bootd_msg.h"
#include "lib/bundle.h"
#include "lib/error.h"

enum {
	BOOTD_CONFIG_IFACES_MAX = 32,
	BOOTD_CONFIG_LOADERS_MAX = 32,
	BOOTD_CONFIG_HOSTS_MAX = 10000,
	BOOTD_CONFIG_INITRDS_MAX = 8,
	BOOTD_CONFIG_PEERS_MAX = 32,
	BOOTD_CONFIG_SIZE_MAX = 16 * 1024 * 1024,
};

struct bootd_config_loader {
	uint16_t arch;
	char file[128];	 /* below the loaders root; "": no loader for this architecture */
	bool is_default; /* not named in the document: may be missing without a warning */
};

/* A standalone host's order to boot an image once. */
struct bootd_config_boot {
	size_t host;		       /* index in site.hosts */
	char kernel[BUNDLE_PATH_SIZE]; /* below the images root */
	char initrds[BOOTD_CONFIG_INITRDS_MAX][BUNDLE_PATH_SIZE];
	size_t n_initrds;
	char args[BUNDLE_ARGS_MAX];
	char order[64]; /* another text makes it a new order */
};

struct bootd_config {
	char ifaces[BOOTD_CONFIG_IFACES_MAX][IFNAMSIZ];
	size_t n_ifaces;
	char images_root[256], loaders_root[256], scripts_root[256];
	char state_dir[256];   /* lease journal */
	char event_log[256];   /* rotating NDJSON file, or "" */
	int64_t event_log_max; /* octets before it rotates to .1 … .5 */
	bool events_stdout;    /* standalone: JSON lines on stdout */
	char user[64];	       /* to run as after opening sockets */
	uint16_t dhcp4_port, dhcp4_client_port, pxe_port, tftp_port,
	    http_port;				/* 67, 68, 4011, 69, 80 */
	uint16_t dhcp6_port, dhcp6_client_port; /* 547, 546 */
	bool dhcp4, dhcp6, ra, tftp, http;	/* services switched on */
	bool
	    dhcp4_proxy; /* dhcp4 gives boot information only: somebody else gives the addresses */
	bool
	    dhcp6_rapid_commit; /* two messages instead of four, where the client asks for it */
	bool authoritative; /* NAK wrong addresses on our subnets */
	uint16_t tftp_max_blksize, tftp_max_windowsize, tftp_max_transfers,
	    tftp_max_per_client;
	uint16_t http_max_conns, http_max_per_client;
	int64_t http_header_timeout_us, http_idle_timeout_us, http_stall_timeout_us;
	uint16_t http_min_rate; /* octets a second, over … */
	int64_t http_slow_timeout_us;
	struct addr_prefix peers[BOOTD_CONFIG_PEERS_MAX]; /* may fetch files by digest */
	size_t n_peers;
	struct bootd_config_loader loaders[BOOTD_CONFIG_LOADERS_MAX];
	size_t n_loaders;
	struct bundle_site site; /* standalone: subnets, unknown policy, hosts (owned) */
	struct bootd_config_boot
	    *boots; /* standalone: the hosts that have an order; owned */
	size_t n_boots;
};

/* Reads and validates a document; `name` is for messages (a file name). Errors name file,
 * line and key. The caller runs bootd_config_done(). */
int
bootd_config_parse(const char *name, const char *text, size_t len,
    struct bootd_config *ret, struct error *err) MUST_CHECK;
int
bootd_config_load(const char *path, const char *name, struct bootd_config *ret,
    struct error *err) MUST_CHECK;
void
bootd_config_done(struct bootd_config *cfg);

#endif
