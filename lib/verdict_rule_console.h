/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of verdict_table_*.c that go by what the console said. */
#ifndef LIB_VERDICT_RULE_CONSOLE_H
#define LIB_VERDICT_RULE_CONSOLE_H

#include "lib/verdict_rule.h"

verdict_rule_fn verdict_rule_console_secure_boot, verdict_rule_console_pxe,
    verdict_rule_console_no_boot, verdict_rule_console_ipxe, verdict_rule_console_no_root,
    verdict_rule_console_panic, verdict_rule_console_fault, verdict_rule_console_memory,
    verdict_rule_console_watchdog, verdict_rule_console_hardware,
    verdict_rule_console_disk, verdict_rule_console_stuck, verdict_rule_console_asks,
    verdict_rule_console_step_failed, verdict_rule_console_installed,
    verdict_rule_console_prompt;

#endif
