/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Has netboot-bootd judge the boot_services section of agent.yaml, for `netboot-agent -n`.
 */
#ifndef AGENT_BOOTD_CHECK_H
#define AGENT_BOOTD_CHECK_H

#include "agent/agent_config.h"

/* `name` is what messages call the file. 0, or -EINVAL after bootd has said on standard
 * error what is wrong. Without a bootd to ask, that is said, and 0 returned. */
int
bootd_check(const struct agent_config *cfg, const char *name) MUST_CHECK;

#endif
