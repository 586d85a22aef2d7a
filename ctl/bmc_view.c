/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of BMCs for people.
 *
 * Entry point: bmc_view_answer(). Nothing is owned. Failure modes: members that are absent are left
 * out; what a BMC says of itself is escaped, since it may say anything.
 */
#include "ctl/bmc_view.h"

#include <string.h>

#include "ctl/cmd_util.h"
#include "lib/compiler.h"
#include "lib/str.h"

/* "unknown (bmc-unreachable)" */
static void
add_failure(enum bmc_verb verb, const json_t *row, struct text *out)
{
	text_add(out, verb == BMC_VERB_POWER_STATUS ? "unknown (" : "failed (");
	text_add_escaped(out, cmd_util_str(row, "code"));
	text_add(out, ")");
}

void
bmc_view_answer(enum bmc_verb verb, const json_t *row, struct text *out)
{
	if (cmd_util_str(row, "code")[0] != '\0') {
		add_failure(verb, row, out);
		return;
	}
	switch (verb) {
	case BMC_VERB_POWER_STATUS:
		text_add_escaped(out, cmd_util_str(row, "power"));
		break;
	case BMC_VERB_IDENTIFY:
	case BMC_VERB_SENSORS:
	case BMC_VERB_SEL:
	case BMC_VERB_SEL_CLEAR:
	case BMC_VERB_PROBE:
	case BMC_VERB_AUDIT:
	case BMC_VERB_RESET: text_add(out, "done"); break;
	}
}
