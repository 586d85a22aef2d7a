/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the siteconf_*.c files share: who gets what (siteconf_boot.c), and one writer a server. */
#ifndef ORCHESTRATOR_SITECONF_PRIV_H
#define ORCHESTRATOR_SITECONF_PRIV_H

#include <jansson.h>

#include "orchestrator/siteconf.h"
#include "orchestrator/siteconf_text.h"

enum { SITECONF_FILES_MAX = 64, SITECONF_ARCHES_MAX = 64, SITECONF_GROUP_NAME = 40 };

/* What machines get without regard to tickets, which these servers do not know (docs/operations.md). */
enum siteconf_gets {
	SITECONF_BOOT, /* loader and script or menu; what happens then is the script's matter */
	SITECONF_LOCAL, /* the fast way to the disk */
	SITECONF_SILENT /* firmware and iPXE: no answer at all; systems: a lease */
};

/* What is never found, so that firmware goes on to its next boot option at once (boot.md 0.1 rule 20): over HTTP, and over
 * TFTP with DHCPv6, which has no menu that boots the disk. */
#define SITECONF_LOCAL_FILE "local-boot.efi"

/* One loader and the architectures that get it. */
struct siteconf_loader {
	const char *file;
	uint16_t arch[SITECONF_ARCHES_MAX];
	size_t n;
	bool absent; /* also those that name no architecture */
};

/* The loaders for a host, or for all others (NULL): policy_loader() as a table. */
size_t
siteconf_boot_loaders(const struct siteconf *c, const struct bundle_host *host,
    struct siteconf_loader ret[SITECONF_FILES_MAX]);
/* Machines that get the same: a name for tags and classes, "boot", "menu", "local", "silent", or "own-HOST" for a
 * host with loaders of its own, whose `host` is set. */
struct siteconf_group {
	enum siteconf_gets gets;
	bool
	    menu; /* of SITECONF_BOOT: iPXE gets the site's menu, which asks for the machine's own script first */
	const struct bundle_host *host;
	char name[BUNDLE_NAME_SIZE + 8];
};
struct siteconf_group
siteconf_boot_group(const struct bundle_host *host, const struct bundle_nic *nic);
/* Unknown machines, where the site answers them at all. */
struct siteconf_group
siteconf_boot_unknown(const struct siteconf *c);
/* What iPXE of such a machine is sent to, below the server's URL. */
const char *
siteconf_boot_script(const struct siteconf_group *g);
/* Has the site a menu? As its agent gets it (dispatch_table.c): one of its own, or hosts or strangers that come to
 * one. */
bool
siteconf_boot_has_menu(const struct siteconf *c);
/* The SMBIOS UUIDs of all hosts, sorted: there are boards that all say the same. Owned by the caller. */
struct siteconf_uuids {
	struct addr_uuid *v;
	size_t n;
};
void
siteconf_boot_uuids_init(const struct siteconf *c, struct siteconf_uuids *ret);
void
siteconf_boot_uuids_done(struct siteconf_uuids *all);
/* The host's SMBIOS UUID in the orders of octets that clients send as DUID-UUID (boot.md 1.6), if it means this
 * host alone in either, as bootd decides, and this NIC is the one that it stands for: all NICs of a host have the same,
 * and it means the first one that may netboot. 0..2. */
size_t
siteconf_boot_uuids(const struct siteconf_uuids *all, const struct bundle_host *host,
    size_t nic, struct addr_uuid ret[2]);
/* Calls `each` once for every group that has a NIC. */
void
siteconf_boot_groups(const struct siteconf *c,
    void (*each)(void *arg, const struct siteconf_group *group), void *arg);
/* Calls `each` for every NIC of the group: numbers of the host in the site and of the NIC in the host. */
void
siteconf_boot_group_nics(const struct siteconf *c, const struct siteconf_group *g,
    void (*each)(void *arg, size_t host, size_t nic), void *arg);

/* "http://10.77.0.1", "http://[fd77::1]:8080": without a slash at the end. */
void
siteconf_boot_url(const struct siteconf *c, int family, char buf[128]);
/* Is it the link that the boot server stands on? */
bool
siteconf_boot_is_local(const struct siteconf *c, const struct bundle_subnet *s);
/* The first subnet of the site that is on the same link as the i-th: i itself, unless a relay is shared. */
size_t
siteconf_boot_link(const struct siteconf *c, size_t i);
/* The opening comment; `mark` begins a comment line, `what` is the file's usual place. */
void
siteconf_boot_opening(const struct siteconf *c, struct siteconf_text *t, const char *mark,
    const char *what);

/* Octets of the PXE menu "local boot" (boot.md 1.3.2) with this server's address. */
enum { SITECONF_MENU_SIZE = 31 };
void
siteconf_boot_local_menu(const struct siteconf *c, uint8_t ret[SITECONF_MENU_SIZE]);

/* What dhcpd.conf and dhcpd6.conf write alike. Every link of that family as a shared network, in which
 * `begin_link` (or NULL) writes what comes first and `write_one` each of its subnets; a subnet's name servers,
 * after the option's name; its pool. */
void
siteconf_isc_links(const struct siteconf *c, struct siteconf_text *t, int family,
    void (*begin_link)(void *arg),
    void (*write_one)(void *arg, const struct bundle_subnet *s), void *arg);
void
siteconf_isc_dns(
    struct siteconf_text *t, const struct bundle_subnet *s, const char *option);
void
siteconf_isc_pool(const struct siteconf *c, struct siteconf_text *t,
    const struct bundle_subnet *s, const char *version);

/* Each writes one configuration; what it needs has been checked. */
typedef void
siteconf_writer(const struct siteconf *c, struct siteconf_text *t);
siteconf_writer siteconf_isc_write, siteconf_isc6_write, siteconf_kea_write,
    siteconf_kea_write_6, siteconf_dnsmasq_write, siteconf_radvd_write,
    siteconf_tftpd_write, siteconf_nginx_write, siteconf_nfs_write,
    siteconf_nfs_write_ganesha;

#endif
