/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and default deadlines of the stages of a boot.
 *
 * Entry points: stage_name(), stage_parse(), stage_default_deadline().
 * Ownership: names are constants.
 * Failure modes: -EINVAL for a name that is none.
 */
#include "lib/stage.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	int seconds;
} stages[STAGE_COUNT] = {
    [STAGE_QUEUED] = {"queued", 0},
    [STAGE_PREFLIGHT] = {"preflight", 30},
    [STAGE_ARMED] = {"armed", 5},
    [STAGE_OVERRIDE] = {"override", 60},
    [STAGE_POWER] = {"power", 180},
    [STAGE_FIRMWARE_DHCP] = {"firmware-dhcp", 300},
    [STAGE_LOADER] = {"loader", 60},
    [STAGE_IPXE_DHCP] = {"ipxe-dhcp", 60},
    [STAGE_SCRIPT] = {"script", 60},
    [STAGE_KERNEL] = {"kernel", 600},
    [STAGE_INITRD] = {"initrd", 600},
    [STAGE_ROOTFS] = {"rootfs", 900},
    [STAGE_OS_UP] = {"os-up", 900},
    [STAGE_INSTALLED] = {"installed", 3600},
    [STAGE_LOCAL_BOOT] = {"local-boot", 900},
    [STAGE_DONE] = {"done", 0},
    [STAGE_FAILED] = {"failed", 0},
    [STAGE_CANCELLED] = {"cancelled", 0},
};

const char *
stage_name(enum stage s)
{
	assert((unsigned)s < STAGE_COUNT);
	return stages[s].name;
}

int
stage_parse(const char *s, enum stage *ret)
{
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		if (strcmp(stages[i].name, s) == 0) {
			*ret = (enum stage)i;
			return 0;
		}
	}
	return -EINVAL;
}

int64_t
stage_default_deadline(enum stage s)
{
	assert((unsigned)s < STAGE_COUNT);
	return stages[s].seconds * USEC_PER_SEC;
}
