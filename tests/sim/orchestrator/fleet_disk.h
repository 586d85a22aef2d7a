/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disk under the simulated orchestrator's database: it may stop taking what is written, at any write. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_DISK_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_DISK_H

#include <stdbool.h>

/* After so many writes more each fails; negative: none does. */
void
fleet_disk_fail_after(int writes);
/* Did one fail since then? */
bool
fleet_disk_failed(void);

#endif
