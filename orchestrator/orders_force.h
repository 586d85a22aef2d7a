/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Force and hook of an order. Pure. */
#ifndef ORCHESTRATOR_ORDERS_FORCE_H
#define ORCHESTRATOR_ORDERS_FORCE_H

#include "lib/error.h"

struct orders_request;

/* Do they fit together, and to its kind? -EINVAL with *err. */
int
orders_force_check(const struct orders_request *r, struct error *err) MUST_CHECK;

#endif
