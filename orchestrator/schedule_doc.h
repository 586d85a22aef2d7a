/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A schedule as people write it: the JSON of POST /schedules. */
#ifndef ORCHESTRATOR_SCHEDULE_DOC_H
#define ORCHESTRATOR_SCHEDULE_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "orchestrator/rollout_policy.h"
#include "orchestrator/schedule_time.h"

enum {
	SCHEDULE_DOC_BLACKOUT_MAX = 100,
	SCHEDULE_DOC_ZONE_SIZE = 64,
	SCHEDULE_DOC_WINDOW_DEFAULT_S = 4 * 3600,
	SCHEDULE_DOC_WINDOW_MAX_S = 7 * 24 * 3600,
	SCHEDULE_DOC_A_DAY_MAX = 24, /* runs */
};

struct schedule_doc {
	char name[BUNDLE_NAME_SIZE];
	json_t *work; /* what each host gets: members of POST /jobs that are about that */
	char *hosts;  /* selector */
	char *reason;
	struct schedule_time time;
	char tz[SCHEDULE_DOC_ZONE_SIZE]; /* "site", or a zone */
	struct schedule_time_span blackout[SCHEDULE_DOC_BLACKOUT_MAX];
	int64_t skip_if_younger_s; /* 0: whatever its age */
	int64_t limit;		   /* of hosts */
	bool run_once;		   /* a run that was missed is made up for */
	struct rollout_policy policy;
};

/* `now` dates a recurrence rule that does not say "from". What an order would refuse is refused; what needs the inventory is not looked at.
 * 0, or -EINVAL with *err: bad-value, key-unknown, bad-cron, bad-rrule, bad-time, reason-missing … */
int
schedule_doc_parse(const json_t *v, int64_t now, struct schedule_doc **ret,
    struct error *err) MUST_CHECK;
/* The same members, with what was left out; owned by the caller. */
json_t *
schedule_doc_json(const struct schedule_doc *doc);
/* Borrowed; "" where there is none. */
const char *
schedule_doc_work(const struct schedule_doc *doc, const char *key);
/* A run's time as the schedule's people wrote it: by a clock on the wall it has no zone. Returns buf. */
const char *
schedule_doc_nominal(
    const struct schedule_doc *doc, int64_t nominal, char buf[CLOCK_TEXT_SIZE]);
void
schedule_doc_free(struct schedule_doc *doc); /* NULL allowed */

#endif
