/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics as text: the Prometheus exposition format 0.0.4 and OpenMetrics 1.0. */
#ifndef LIB_EXPO_H
#define LIB_EXPO_H

#include <stddef.h>
#include <stdint.h>

enum expo_format { EXPO_TEXT, EXPO_OPENMETRICS };

enum expo_type { EXPO_COUNTER, EXPO_GAUGE, EXPO_HISTOGRAM };

/* A value may be any text: it is escaped; what is no UTF-8 is replaced. */
struct expo_label {
	const char *name, *value;
};

struct expo_histogram {
	const double *bounds; /* upper ones, ascending, without +Inf */
	size_t n;
	const uint64_t *
	    counts; /* n + 1, each bucket's own; the last is what lies above all bounds */
	double sum;
};

struct expo;

struct expo *
expo_new(enum expo_format format);
void
expo_free(struct expo *x); /* NULL allowed */
/* Begins a family; its samples follow. A counter's name ends in "_total". */
void
expo_family(struct expo *x, const char *name, enum expo_type type, const char *help);
/* A sample of the present family, which is no histogram. */
void
expo_sample(struct expo *x, const struct expo_label *labels, size_t n, double value);
void
expo_sample_histogram(struct expo *x, const struct expo_label *labels, size_t n,
    const struct expo_histogram *h);
/* The whole text, owned by the caller; ends and frees x. */
char *
expo_end(struct expo *x);
/* For the header Content-Type. */
const char *
expo_content_type(enum expo_format format);
/* What a client that sends this Accept (NULL: none) gets. */
enum expo_format
expo_negotiate(const char *accept);

#endif
