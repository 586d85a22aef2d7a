/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configurations of other people's servers (isc-dhcp, Kea, dnsmasq, radvd, tftpd-hpa, nginx, NFS) for a site that
 * keeps its own: with the decisions that bootd takes, as far as those servers can (docs/operations.md). Text in
 * memory; nothing is written anywhere. */
#ifndef ORCHESTRATOR_SITECONF_H
#define ORCHESTRATOR_SITECONF_H

#include <net/if.h>

#include "lib/addr.h"
#include "lib/bundle.h"
#include "lib/error.h"

enum { SITECONF_ROOT_SIZE = 256 };

/* What a configuration is made of. */
struct siteconf {
	/* With hosts, whose idle policy is the one that counts. Borrowed. */
	const struct bundle_site *site;
	const struct bundle_image *images; /* borrowed */
	size_t n_images;
	struct addr_ip server4,
	    server6; /* of the boot server, as clients see it; or unset */
	uint16_t http_port;
	char interface[IFNAMSIZ]; /* of the boot network, or "" */
	char loaders_root[SITECONF_ROOT_SIZE], images_root[SITECONF_ROOT_SIZE],
	    scripts_root[SITECONF_ROOT_SIZE];
};

/* Fills in what the site's url says (an address, a port) and the usual roots. */
void
siteconf_init(struct siteconf *c, const struct bundle_site *site, const char *url);
/* The options of `site config`: "server" (addresses, at most one a family, separated by commas), "interface",
 * "loaders_root", "images_root", "scripts_root". 0 or -EINVAL with code "bad-value". */
int
siteconf_set(struct siteconf *c, const char *name, const char *value,
    struct error *err) MUST_CHECK;
/* The names of the servers, NULL at the end. */
extern const char *const siteconf_names[];
/* The configuration for one of them; *ret is owned by the caller. -EINVAL with *err of code "bad-value" (no such
 * server, or a text in the inventory that no configuration file may carry) or "config-incomplete" (something is
 * needed that neither the inventory nor an option says). */
int
siteconf_make(const struct siteconf *c, const char *server, char **ret,
    struct error *err) MUST_CHECK;

#endif
