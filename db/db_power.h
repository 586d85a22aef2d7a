/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a host's power, and which order of ours it may be the doing of. */
#ifndef DB_DB_POWER_H
#define DB_DB_POWER_H

#include "db/store.h"
#include "lib/id.h"

struct db_power {
	char known[8]; /* "on" or "off" as last seen; "": never */
	int64_t at;    /* of the last look, also of one that saw nothing; 0: none */
	char off_by
	    [ID_SIZE]; /* the job that may have switched it off since it was seen on */
	int64_t
	    off_until; /* and may be about to until then; by the orchestrator's clock */
	int64_t start_until; /* until then a boot is the doing of an order; 0: none is */
};

/* All empty for a host of which nothing is known. */
int
db_power_get(struct store *s, const char *host, struct db_power *ret) MUST_CHECK;
/* All but `at`, which is db_host_state_power()'s. */
int
db_power_put(struct store *s, const char *host, const struct db_power *p) MUST_CHECK;

#endif
