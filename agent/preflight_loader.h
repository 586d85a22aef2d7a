/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are the loaders that replace the configured ones for a host at this site? */
#ifndef AGENT_PREFLIGHT_LOADER_H
#define AGENT_PREFLIGHT_LOADER_H

#include "lib/bundle.h"
#include "lib/compiler.h"
#include "lib/error.h"

/* Looks at the disk: not on the loop. The first loader that bootd could not deliver is -errno with *err
 * ("loader-missing"). */
int
preflight_loader_check(const char *root, const struct bundle_loader *loaders, size_t n,
    struct error *err) MUST_CHECK;

#endif
