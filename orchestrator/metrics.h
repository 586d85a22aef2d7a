/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters and histograms of this process, for GET /metrics. An increment costs a look into a hash table; what is true
 * of a moment (open jobs, queues) is not here but read at the scrape. Used by the event loop's thread alone. */
#ifndef ORCHESTRATOR_METRICS_H
#define ORCHESTRATOR_METRICS_H

#include <stdint.h>

#include "lib/expo.h"

struct metrics;

/* The labels of each are in metrics.c, in the order in which values are given. */
enum metrics_family {
	METRICS_EVENTS,		  /* site, kind */
	METRICS_TRANSFER_BYTES,	  /* site, protocol */
	METRICS_REPORT_LAG,	  /* site; a gauge */
	METRICS_JOBS_ENDED,	  /* kind, result */
	METRICS_VERDICTS,	  /* code */
	METRICS_STAGE_SECONDS,	  /* stage; a histogram */
	METRICS_STAGES_MISSED,	  /* stage */
	METRICS_BOOTS_BEGUN,	  /* planned */
	METRICS_BOOTS_ENDED,	  /* outcome */
	METRICS_BOOT_FLAGS,	  /* flag */
	METRICS_BMC_CALLS,	  /* verb, code */
	METRICS_GATES,		  /* code */
	METRICS_ROLLOUTS,	  /* state */
	METRICS_ROLLOUT_HOSTS,	  /* state */
	METRICS_SCHEDULE_RUNS,	  /* outcome */
	METRICS_WEBHOOK_ATTEMPTS, /* webhook, result */
	METRICS_WEBHOOK_DROPPED,  /* webhook */
	METRICS_WEBHOOK_GAVE_UP,  /* webhook */
	METRICS_LOOP_LATE,	  /* a histogram */
	METRICS_FAMILIES
};

enum { METRICS_LABELS_MAX = 2 };

struct metrics *
metrics_new(void);
void
metrics_free(struct metrics *m); /* NULL allowed */
/* A copy for another thread; owned by the caller. */
struct metrics *
metrics_dup(const struct metrics *m);

/* Each: a and b are the label values, NULL where the family has fewer. With 0 a series begins to exist. Once a family
 * has as many series as it may, new ones count as "other". m NULL: nothing happens. */
void
metrics_add(struct metrics *m, enum metrics_family family, const char *a, const char *b,
    double n);
void
metrics_set(struct metrics *m, enum metrics_family family, const char *a, const char *b,
    double v);
void
metrics_observe(struct metrics *m, enum metrics_family family, const char *a, double v);

/* What a counter or gauge stands at; 0: no such series. */
double
metrics_value(
    const struct metrics *m, enum metrics_family family, const char *a, const char *b);
void
metrics_write(struct metrics *m, struct expo *x);

#endif
