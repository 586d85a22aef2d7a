/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a BMC answered, in words: one line, or several. Pure. */
#ifndef CTL_BMC_VIEW_H
#define CTL_BMC_VIEW_H

#include <jansson.h>

#include "ctl/text.h"
#include "lib/bmc_verb.h"

/* `row` is a host's line of the stream; lines are parted by '\n', without one at the end. blame:
 * where each of the manners is from. */
void
bmc_view_answer(enum bmc_verb verb, const json_t *row, bool blame, struct text *out);

#endif
