// SPDX-License-Identifier: GPL-3.0-or-later
/* The registry of counters and histograms: families as a const table, series in a hash table by their label values.
 *
 * Entry points: metrics_add(), metrics_set(), metrics_observe() where something happens; metrics_dup() and
 * metrics_write() for a scrape. Ownership: a registry owns its series, which stay until it is freed. No host, job or
 * address is ever a label: a series costs memory here and in every Prometheus that comes, for ever. Label values come
 * from agents and from people, so that a family takes no more than twice its limit; what is over counts as "other" and is
 * not lost. There are no failure modes. */
#include "orchestrator/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/compiler.h"
#include "lib/str.h"

enum {
	SITES_MAX = 20000,
	WORDS_MAX = 500,
	VALUE_SIZE = 64,
	KEY_SIZE = 4 + 2 * VALUE_SIZE
};

#define OTHER "other"

/* A stage lasts from a tenth of a second (armed) to an hour (installed). */
static const double stage_bounds[] = {
    0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600};
static const double loop_bounds[] = {
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

enum { BOUNDS_MAX = ARRAY_SIZE(stage_bounds) };

struct family {
	const char *name, *help;
	const char *labels[METRICS_LABELS_MAX];
	enum expo_type type;
	unsigned max; /* series */
	const double *bounds;
	size_t n_bounds;
};

static const struct family families[METRICS_FAMILIES] = {
    [METRICS_EVENTS] = {.name = "netboot_events_total",
	.help = "Events recorded, by site and kind.",
	.labels = {"site", "kind"},
	.max = SITES_MAX},
    [METRICS_TRANSFER_BYTES] = {.name = "netboot_transfer_bytes_total",
	.help = "Octets of files that arrived at machines.",
	.labels = {"site", "protocol"},
	.max = SITES_MAX},
    [METRICS_REPORT_LAG] = {.name = "netboot_agent_report_lag_seconds",
	.help = "How old the newest event of the site's agent was when it was recorded.",
	.labels = {"site"},
	.type = EXPO_GAUGE,
	.max = SITES_MAX},
    [METRICS_JOBS_ENDED] = {.name = "netboot_jobs_ended_total",
	.help = "Jobs that ended, by kind and result (done, failed, cancelled).",
	.labels = {"kind", "result"},
	.max = WORDS_MAX},
    [METRICS_VERDICTS] = {.name = "netboot_job_verdicts_total",
	.help = "Jobs that ended with a verdict, by its code.",
	.labels = {"code"},
	.max = WORDS_MAX},
    [METRICS_STAGE_SECONDS] = {.name = "netboot_stage_duration_seconds",
	.help = "How long confirmed stages of jobs took.",
	.labels = {"stage"},
	.type = EXPO_HISTOGRAM,
	.max = WORDS_MAX,
	.bounds = stage_bounds,
	.n_bounds = ARRAY_SIZE(stage_bounds)},
    [METRICS_STAGES_MISSED] = {.name = "netboot_stages_missed_total",
	.help = "Stages whose deadline passed, by stage.",
	.labels = {"stage"},
	.max = WORDS_MAX},
    [METRICS_BOOTS_BEGUN] = {.name = "netboot_boots_begun_total",
	.help = "Boots that began, by whether a job ordered them; machines that were "
		"seen off are not ordered.",
	.labels = {"planned"},
	.max = WORDS_MAX},
    [METRICS_BOOTS_ENDED] = {.name = "netboot_boots_ended_total",
	.help = "Boots that ended, by outcome.",
	.labels = {"outcome"},
	.max = WORDS_MAX},
    [METRICS_BOOT_FLAGS] = {.name = "netboot_boot_flags_total",
	.help = "Boots with something unusual about them, by what it is.",
	.labels = {"flag"},
	.max = WORDS_MAX},
    [METRICS_BMC_CALLS] = {.name = "netboot_bmc_calls_total",
	.help = "Questions to BMCs, by verb and the code of the answer (ok, or why not).",
	.labels = {"verb", "code"},
	.max = WORDS_MAX},
    [METRICS_GATES] = {.name = "netboot_gates_total",
	.help = "Hosts whose gates were asked at their site, by the code of the answer "
		"(ok, or why not).",
	.labels = {"code"},
	.max = WORDS_MAX},
    [METRICS_ROLLOUTS] = {.name = "netboot_rollouts_total",
	.help = "Rollouts that were halted, aborted or done, by which of these; one that "
		"was resumed may be so again.",
	.labels = {"state"},
	.max = WORDS_MAX},
    [METRICS_ROLLOUT_HOSTS] = {.name = "netboot_rollout_hosts_total",
	.help = "Hosts that a rollout was through with, by what became of them.",
	.labels = {"state"},
	.max = WORDS_MAX},
    [METRICS_SCHEDULE_RUNS] = {.name = "netboot_schedule_runs_total",
	.help = "Times of schedules, by what became of them (ran, or why not).",
	.labels = {"outcome"},
	.max = WORDS_MAX},
    [METRICS_WEBHOOK_ATTEMPTS] = {.name = "netboot_webhook_attempts_total",
	.help = "Attempts to deliver, by webhook and result (ok, refused, failed).",
	.labels = {"webhook", "result"},
	.max = WORDS_MAX},
    [METRICS_WEBHOOK_DROPPED] = {.name = "netboot_webhook_dropped_total",
	.help = "What was not queued since the webhook's queue was full.",
	.labels = {"webhook"},
	.max = WORDS_MAX},
    [METRICS_WEBHOOK_GAVE_UP] = {.name = "netboot_webhook_gave_up_total",
	.help = "Deliveries that were given up.",
	.labels = {"webhook"},
	.max = WORDS_MAX},
    [METRICS_LOOP_LATE] = {.name = "netboot_loop_late_seconds",
	.help = "How late the event loop came to a timer, looked at once a second.",
	.type = EXPO_HISTOGRAM,
	.max = 1,
	.bounds = loop_bounds,
	.n_bounds = ARRAY_SIZE(loop_bounds)},
};

struct series {
	UT_hash_handle hh;
	char key[KEY_SIZE];
	enum metrics_family family;
	char values[METRICS_LABELS_MAX][VALUE_SIZE];
	double value;			 /* of a histogram: the sum */
	uint64_t counts[BOUNDS_MAX + 1]; /* of a histogram */
};

struct metrics {
	struct series *series;
	unsigned n[METRICS_FAMILIES];
};

struct metrics *
metrics_new(void)
{
	return str_alloc(sizeof(struct metrics));
}

void
metrics_free(struct metrics *m)
{
	struct series *s, *next;

	if (!m)
		return;
	HASH_ITER (hh, m->series, s, next) {
		HASH_DEL(m->series, s);
		free(s);
	}
	free(m);
}

struct metrics *
metrics_dup(const struct metrics *m)
{
	struct metrics *copy = metrics_new();

	memcpy(copy->n, m->n, sizeof(copy->n));
	for (const struct series *s = m->series; s; s = s->hh.next) {
		struct series *t = str_alloc(sizeof(*t));

		memcpy(t, s, sizeof(*t));
		HASH_ADD_STR(copy->series, key, t);
	}
	return copy;
}

/* \x1f ends no label value: they are slugs, or clipped here. */
static void
make_key(enum metrics_family family, const char *a, const char *b, char key[KEY_SIZE])
{
	if (str_format(key, KEY_SIZE, "%u\x1f%.*s\x1f%.*s", (unsigned)family,
		VALUE_SIZE - 1, a, VALUE_SIZE - 1, b) < 0)
		abort();
}

static struct series *
find(const struct metrics *m, enum metrics_family family, const char *a, const char *b)
{
	struct series *s;
	char key[KEY_SIZE];

	make_key(family, a ? a : "", b ? b : "", key);
	HASH_FIND_STR(m->series, key, s);
	return s;
}

static struct series *
series(struct metrics *m, enum metrics_family family, const char *a, const char *b)
{
	const struct family *f = &families[family];
	struct series *s = find(m, family, a, b);

	if (s)
		return s;
	/* The second label goes first: a site's figures stay its own as long as there is any room. */
	if (m->n[family] >= f->max) {
		b = f->labels[1] ? OTHER : NULL;
		if (!b || (!find(m, family, a, b) && m->n[family] >= 2 * f->max))
			a = f->labels[0] ? OTHER : NULL;
		s = find(m, family, a, b);
		if (s)
			return s;
	}
	s = str_alloc(sizeof(*s));
	s->family = family;
	str_clip(s->values[0], VALUE_SIZE, a ? a : "");
	str_clip(s->values[1], VALUE_SIZE, b ? b : "");
	make_key(family, a ? a : "", b ? b : "", s->key);
	HASH_ADD_STR(m->series, key, s);
	m->n[family]++;
	return s;
}

void
metrics_add(
    struct metrics *m, enum metrics_family family, const char *a, const char *b, double n)
{
	if (m)
		series(m, family, a, b)->value += n;
}

void
metrics_set(
    struct metrics *m, enum metrics_family family, const char *a, const char *b, double v)
{
	if (m)
		series(m, family, a, b)->value = v;
}

void
metrics_observe(struct metrics *m, enum metrics_family family, const char *a, double v)
{
	const struct family *f = &families[family];
	size_t i = 0;

	if (!m)
		return;
	assert(f->type == EXPO_HISTOGRAM);
	struct series *s = series(m, family, a, NULL);
	while (i < f->n_bounds && v > f->bounds[i])
		i++;
	s->counts[i]++;
	s->value += v;
}

double
metrics_value(
    const struct metrics *m, enum metrics_family family, const char *a, const char *b)
{
	const struct series *s = find(m, family, a, b);

	return s ? s->value : 0;
}

static int
by_key(const struct series *a, const struct series *b)
{
	return a->family != b->family ? (a->family < b->family ? -1 : 1)
				      : strcmp(a->key, b->key);
}

static void
write_series(const struct series *s, struct expo *x)
{
	const struct family *f = &families[s->family];
	struct expo_label labels[METRICS_LABELS_MAX];
	size_t n = 0;

	for (; n < METRICS_LABELS_MAX && f->labels[n]; n++)
		labels[n] = (struct expo_label){f->labels[n], s->values[n]};
	if (f->type != EXPO_HISTOGRAM) {
		expo_sample(x, labels, n, s->value);
		return;
	}
	const struct expo_histogram h = {
	    .bounds = f->bounds, .n = f->n_bounds, .counts = s->counts, .sum = s->value};
	expo_sample_histogram(x, labels, n, &h);
}

/* Families without a series are named all the same: a dashboard then knows that they exist. */
void
metrics_write(struct metrics *m, struct expo *x)
{
	const struct series *s;

	HASH_SORT(m->series, by_key);
	s = m->series;
	for (unsigned i = 0; i < METRICS_FAMILIES; i++) {
		expo_family(x, families[i].name, families[i].type, families[i].help);
		for (; s && s->family == i; s = s->hh.next)
			write_series(s, x);
	}
}
