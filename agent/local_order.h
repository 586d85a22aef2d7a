/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders that are made at the site: what is asked, and whether the site may do it alone. Pure. */
#ifndef AGENT_LOCAL_ORDER_H
#define AGENT_LOCAL_ORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/local_msg.h"

struct local_order {
	enum bundle_kind kind;
	const char *hosts, *image, *reason, *action; /* borrowed from the document */
	enum bundle_force force;
	bool yes, dry_run;
	int64_t limit, graceful_s;
};

/* 0; -EINVAL with *err: it makes no sense, or is one that only the orchestrator may give (code needs-orchestrator). */
int
local_order_parse(const json_t *v, struct local_order *ret, struct error *err) MUST_CHECK;
/* May it be given to that many hosts? 0 or -EPERM. */
int
local_order_amount(const struct local_order *o, size_t n, struct error *err) MUST_CHECK;
/* May it be given to this host, as far as the inventory says? 0 or -EPERM. */
int
local_order_check(const struct local_order *o, const struct bundle_host *h,
    const struct local_msg_host *more, struct error *err) MUST_CHECK;
bool
local_order_boots(const struct local_order *o); /* an image */
/* Is it the image that the order means: of that name, or of the order's kind when none is named? */
bool
local_order_means(const struct local_order *o, const struct bundle_image *image);
/* What of it stands in the audit; owned by the caller. */
json_t *
local_order_detail(const struct local_order *o);

#endif
