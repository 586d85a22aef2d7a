// SPDX-License-Identifier: GPL-3.0-or-later
/* Refused hosts as JSON: one object for each, with the code, the text and the next step.
 *
 * selector.c tells by it which names are none, orders.c which hosts may not do what was asked; the
 * CLI prints both alike.
 * Entry point: refusals_add(). The list is the caller's. There are no failure modes. */
#include "orchestrator/refusals.h"

#include "lib/json.h"

void
refusals_add(json_t *list, const char *host, const struct error *err)
{
	json_t *e = json_object();

	json_put_str(e, "host", host);
	json_put_str(e, "code", err->code);
	json_put_str(e, "text", err->text);
	json_put_str(e, "next", err->next);
	json_array_append_new(list, e);
}
