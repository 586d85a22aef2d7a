/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of hosts that an order is not for, as REST tells it (docs/api.md). */
#ifndef ORCHESTRATOR_REFUSALS_H
#define ORCHESTRATOR_REFUSALS_H

#include <jansson.h>

#include "lib/error.h"

/* Appends host, code, text and next of *err to the array. Text that is no UTF-8 is told
 * escaped: a refusal that went missing would let the other hosts go ahead. */
void
refusals_add(json_t *list, const char *host, const struct error *err);

#endif
