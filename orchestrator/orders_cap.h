/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many hosts one order may name, and how many jobs of a kind may be open: what orchestrator.yaml and the token of who orders allow. */
#ifndef ORCHESTRATOR_ORDERS_CAP_H
#define ORCHESTRATOR_ORDERS_CAP_H

#include <stddef.h>
#include <stdint.h>

#include "orchestrator/orders.h"

/* By kind of order; 0: no cap. `power` is off, soft, cycle and reset; there is no cap on `on`. */
struct orders_cap_kinds {
	uint32_t reinstall, rescue, live, boot, reboot, power, drill;
};
struct orders_caps {
	struct orders_cap_kinds hosts; /* of one order */
	struct orders_cap_kinds
	    in_flight; /* open jobs over the fleet; there are none of kind drill */
};

/* Under which kind an order counts: "reinstall" also for the boot of an image of that kind; NULL: under none. `action` and `image` may be "". */
const char *
orders_cap_kind(
    struct store *s, enum bundle_kind kind, const char *action, const char *image);
/* May `who` give an order of that kind (orders_cap_kind(), or "drill"; NULL: none) to n hosts? 0, or -EPERM with *err
 * (`over-cap`). Of work to come, by whoever makes it: a schedule, a rollout. Nothing raises it but the cap itself. */
int
orders_cap_check(const struct orders_context *ctx, const struct audit_who *who,
    const char *kind, size_t n, struct error *err) MUST_CHECK;
/* The same of the token alone, for what is no order. */
int
orders_cap_token(const struct audit_who *who, size_t n, struct error *err) MUST_CHECK;
/* How many jobs of that kind may be added now; INT64_MAX: there is no cap. A count of an index. 0, or an errno of the database. */
int
orders_cap_room(
    const struct orders_context *ctx, const char *kind, int64_t *ret) MUST_CHECK;
/* Is there room for n more? 0, or -EPERM with *err (`over-cap`), or an errno with *err. */
int
orders_cap_fits(const struct orders_context *ctx, const char *kind, size_t n,
    struct error *err) MUST_CHECK;

#endif
