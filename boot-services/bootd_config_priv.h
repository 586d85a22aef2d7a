/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd.yaml as libcyaml loads it; shared by bootd_config.c (schema) and
 * bootd_config_check.c (sense) only. A NULL pointer is an absent key. */
#ifndef BOOT_SERVICES_BOOTD_CONFIG_PRIV_H
#define BOOT_SERVICES_BOOTD_CONFIG_PRIV_H

#include "boot-services/bootd_config.h"
#include "lib/yaml_where.h"

struct bootd_config_raw_dirs {
	char *images, *loaders, *scripts, *state;
};

struct bootd_config_raw_events {
	bool *to_stdout;
	char *file;
	uint32_t *max_mb;
};

/* services.dhcp4 */
enum bootd_config_dhcp4 { BOOTD_DHCP4_OFF, BOOTD_DHCP4_ON, BOOTD_DHCP4_PROXY };

struct bootd_config_raw_services {
	int *dhcp4; /* enum bootd_config_dhcp4 */
	bool *dhcp6, *ra, *tftp, *http;
};

struct bootd_config_raw_ports {
	uint32_t *dhcp4, *dhcp4_client, *pxe, *dhcp6, *dhcp6_client, *tftp, *http;
};

struct bootd_config_raw_limits {
	uint32_t *tftp_blksize, *tftp_windowsize, *tftp_transfers, *tftp_per_client;
	uint32_t *http_connections, *http_per_client, *http_min_rate;
	char *http_header_timeout, *http_idle_timeout, *http_stall_timeout,
	    *http_slow_timeout;
};

struct bootd_config_raw_site {
	char *name, *timezone;
	int *unknown, *idle;
};

struct bootd_config_raw_loader {
	uint32_t arch;
	char *file;
};

struct bootd_config_raw_subnet {
	char *prefix, *gateway;
	char **dns;
	uint32_t dns_count;
	char **pool;
	uint32_t pool_count;
	char *lease, *domain, *relay;
	int *ra;
	char *router_lifetime;
	uint32_t *mtu;
};

struct bootd_config_raw_nic {
	char *mac, *ip, *ip6;
	bool boot;
};

struct bootd_config_raw_boot {
	char *kernel;
	char **initrds;
	uint32_t initrds_count;
	char *args, *order;
};

struct bootd_config_raw_host {
	char *name;
	char **macs;
	uint32_t macs_count;
	struct bootd_config_raw_nic *nics;
	uint32_t nics_count;
	char *ip, *ip6, *uuid;
	int *firmware, *idle, *local_boot;
	struct bootd_config_raw_boot *boot;
};

struct bootd_config_raw {
	char **interfaces;
	uint32_t interfaces_count;
	char *user;
	struct bootd_config_raw_dirs dirs;
	struct bootd_config_raw_events events;
	struct bootd_config_raw_services services;
	struct bootd_config_raw_ports ports;
	struct bootd_config_raw_limits limits;
	bool *authoritative, *dhcp6_rapid_commit;
	char **peers;
	uint32_t peers_count;
	struct bootd_config_raw_loader *loaders;
	uint32_t loaders_count;
	struct bootd_config_raw_site site;
	struct bootd_config_raw_subnet *subnets;
	uint32_t subnets_count;
	struct bootd_config_raw_host *hosts;
	uint32_t hosts_count;
};

/* Checks the sense of a loaded document and fills *ret, which is untouched on failure. */
int
bootd_config_check(const struct yaml_where *where, const struct bootd_config_raw *raw,
    struct bootd_config *ret, struct error *err) MUST_CHECK;

#endif
