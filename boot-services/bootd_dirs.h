/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The directories of bootd.yaml, opened before privileges are dropped. */
#ifndef BOOT_SERVICES_BOOTD_DIRS_H
#define BOOT_SERVICES_BOOTD_DIRS_H

#include "boot-services/bootd_config.h"
#include "boot-services/bootd_deps.h"
#include "boot-services/privs.h"

/* No directory is open. */
void
bootd_dirs_init(struct bootd_deps *deps);
/* Opens what the services that are on need, and the state directory, which is made when absent and
 * handed to the user. On failure bootd_dirs_close() is still due. */
int
bootd_dirs_open(const struct bootd_config *c, const struct privs_user *user,
    struct bootd_deps *deps, struct error *err) MUST_CHECK;
void
bootd_dirs_close(struct bootd_deps *deps);
/* A loader that is not there is not offered: a client told to fetch it would fail late. Says so, unless
 * it is only a default. */
void
bootd_dirs_drop_missing_loaders(
    struct bootd_config *c, int loaders_fd, const struct log *log);

#endif
