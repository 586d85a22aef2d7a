/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stages of a boot (DESIGN section 6): names, order and default deadlines, shared by agent,
 * orchestrator and netboot-ctl. */
#ifndef LIB_STAGE_H
#define LIB_STAGE_H

#include <stdint.h>

#include "lib/compiler.h"

enum stage {
	STAGE_QUEUED,
	STAGE_PREFLIGHT,
	STAGE_ARMED,
	STAGE_OVERRIDE,
	STAGE_POWER,
	STAGE_FIRMWARE_DHCP,
	STAGE_LOADER,
	STAGE_IPXE_DHCP,
	STAGE_SCRIPT,
	STAGE_KERNEL,
	STAGE_INITRD,
	STAGE_ROOTFS,
	STAGE_OS_UP,
	STAGE_INSTALLED,
	STAGE_LOCAL_BOOT,
	STAGE_DONE,
	STAGE_FAILED,
	STAGE_CANCELLED,
	STAGE_COUNT,
};

const char *
stage_name(enum stage s); /* "firmware-dhcp", … */
int
stage_parse(const char *s, enum stage *ret) MUST_CHECK;
int64_t
stage_default_deadline(enum stage s); /* microseconds; 0 for queued and the ends */

#endif
