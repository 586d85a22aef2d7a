/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job or boot in full: lines of members, its stages, its transfers. */
#ifndef CTL_RECORD_H
#define CTL_RECORD_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "ctl/text.h"

/* "title:   value"; nothing for an empty value. */
void
record_add_line(struct text *out, const char *title, const char *value);
/* The time member `key`, in the record's zone ("_zone"). */
void
record_add_time(
    struct text *out, const char *title, const json_t *record, const char *key);
/* The tables of `stages` and `transfers`; the latter only when there are some. */
void
record_print_stages(const struct ctl *ctl, const json_t *record);
void
record_print_transfers(const struct ctl *ctl, const json_t *record);

#endif
