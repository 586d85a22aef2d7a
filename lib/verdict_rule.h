/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of verdict_table_*.c, each over a story. */
#ifndef LIB_VERDICT_RULE_H
#define LIB_VERDICT_RULE_H

#include "lib/verdict.h"

typedef enum verdict_sure
verdict_rule_fn(const struct verdict_look *look);

/* verdict_rule.c: the BMC, the wire, files. */
verdict_rule_fn verdict_rule_power_lied, verdict_rule_image_changed,
    verdict_rule_wrong_nic, verdict_rule_other_dhcp, verdict_rule_old_disk,
    verdict_rule_from_disk, verdict_rule_file_missing, verdict_rule_link_lost,
    verdict_rule_no_report;
void
verdict_rule_say_silence(const struct verdict_look *look, char *text, size_t size);
void
verdict_rule_say_link(const struct verdict_look *look, char *text, size_t size);
void
verdict_rule_say_nic(const struct verdict_look *look, char *text, size_t size);
void
verdict_rule_say_lie(const struct verdict_look *look, char *text, size_t size);

#endif
