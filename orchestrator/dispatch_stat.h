/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the sites' agents stand, for figures: values that may be taken to another thread. */
#ifndef ORCHESTRATOR_DISPATCH_STAT_H
#define ORCHESTRATOR_DISPATCH_STAT_H

#include "orchestrator/dispatch.h"

struct dispatch_stat {
	char site[64];
	int64_t silence_us; /* INT64_MAX: never heard */
	bool trouble;	    /* its agent can take no orders */
	bool stopped;	    /* no BMC is asked there */
	bool full;	    /* jobs wait for room at its agent */
	int64_t waiting;    /* questions not told yet */
	int64_t out;	    /* told, and not answered */
};

/* Sites that an agent was ever asked about in this process, in no order; *ret is the caller's. */
size_t
dispatch_stat_take(const struct dispatch *d, int64_t mono, struct dispatch_stat **ret);

#endif
