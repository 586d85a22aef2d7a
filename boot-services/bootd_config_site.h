/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's part of bootd.yaml: subnets, hosts and their orders. */
#ifndef BOOT_SERVICES_BOOTD_CONFIG_SITE_H
#define BOOT_SERVICES_BOOTD_CONFIG_SITE_H

#include "boot-services/bootd_config_priv.h"

/* Fills c->site and c->boots; on failure what it made is left to bootd_config_done(). */
int
bootd_config_site_check(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err) MUST_CHECK;

#endif
