/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program object: everything that netboot-bootd is made of, from start to shutdown.
 */
#ifndef BOOT_SERVICES_BOOTD_H
#define BOOT_SERVICES_BOOTD_H

#include "lib/log.h"

struct bootd_options {
	const char *config; /* bootd.yaml; or NULL when agent_fd gives it */
	int agent_fd;	    /* -1: alone */
};

/* Serves until SIGTERM, SIGINT, the agent's end, or a reason not to start. Returns the
 * exit status. */
int
bootd_run(const struct bootd_options *opt, const struct log *log);

#endif
