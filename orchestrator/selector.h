/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host sets as typed, against the inventory. */
#ifndef ORCHESTRATOR_SELECTOR_H
#define ORCHESTRATOR_SELECTOR_H

#include <jansson.h>

#include "db/store.h"
#include "lib/error.h"

/* Names of existing hosts, each once, in the order of the selector ("all" and labels: by
 * name), without those of its '-' terms, wherever these stand. A name that is no host is an entry {host, code, text, next} of *ret_errors,
 * which is NULL when there are none: host-unknown, or host-ambiguous when several hosts
 * begin with it. 0, -EINVAL with *err for a selector that cannot be read, or an errno of
 * the database. */
int
selector_resolve(struct store *s, const char *text, struct store_names *ret,
    json_t **ret_errors, struct error *err) MUST_CHECK;

#endif
