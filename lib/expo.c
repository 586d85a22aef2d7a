// SPDX-License-Identifier: GPL-3.0-or-later
/* Metrics as text, in the two formats that Prometheus asks for. Pure: values in, text out.
 *
 * Entry points: expo_new(), then expo_family() and its samples, expo_end(). The formats differ in little: OpenMetrics
 * names a counter's family without "_total", writes bounds as floats, and ends with "# EOF", by which a reader knows
 * that nothing is missing. Ownership: the text is the caller's. There are no failure modes but memory. */
#include "lib/expo.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/printable.h"
#include "lib/str.h"

enum { NUMBER_SIZE = 40, FIRST_CAP = 4096 };

#define TOTAL "_total"

struct expo {
	enum expo_format format;
	enum expo_type type;
	char *name; /* of the present family */
	char *text;
	size_t len, cap;
};

struct expo *
expo_new(enum expo_format format)
{
	struct expo *x = str_alloc(sizeof(*x));

	x->format = format;
	x->cap = FIRST_CAP;
	x->text = str_alloc(x->cap);
	return x;
}

void
expo_free(struct expo *x)
{
	if (!x)
		return;
	free(x->name);
	free(x->text);
	free(x);
}

static void
add(struct expo *x, const char *s, size_t n)
{
	while (x->len + n + 1 > x->cap) {
		x->cap *= 2;
		x->text = str_realloc(x->text, x->cap);
	}
	memcpy(x->text + x->len, s, n);
	x->len += n;
	x->text[x->len] = '\0';
}

static void
put(struct expo *x, const char *s)
{
	add(x, s, strlen(s));
}

/* "label_value can be any sequence of UTF-8 characters, but the backslash, double-quote, and line feed characters
 * have to be escaped"; help texts: backslash and line feed. OpenMetrics escapes quotes in both. */
static void
put_escaped(struct expo *x, const char *s, bool quotes)
{
	while (*s) {
		size_t plain = strcspn(s, "\\\n\"");

		add(x, s, plain);
		s += plain;
		if (*s == '\\')
			put(x, "\\\\");
		else if (*s == '\n')
			put(x, "\\n");
		else if (*s == '"')
			put(x, quotes ? "\\\"" : "\"");
		s += *s != '\0';
	}
}

/* One octet that is none of UTF-8 would have the whole scrape refused. */
static void
put_value(struct expo *x, const char *s)
{
	size_t left = strlen(s);

	while (left > 0) {
		size_t n = printable_char(s, left);
		char one[8] = "?";

		if (n > 0)
			memcpy(one, s, n);
		else if (*s == '\n')
			one[0] = '\n';
		put_escaped(x, one, true);
		n = n > 0 ? n : 1;
		s += n;
		left -= n;
	}
}

static const char *
number(double v, char buf[NUMBER_SIZE])
{
	int rc;

	if (isnan(v))
		rc = str_format(buf, NUMBER_SIZE, "NaN");
	else if (isinf(v))
		rc = str_format(buf, NUMBER_SIZE, v > 0 ? "+Inf" : "-Inf");
	else if (v > -9e15 && v < 9e15 && v == (double)(int64_t)v)
		rc = str_format(buf, NUMBER_SIZE, "%.0f", v);
	else
		rc = str_format(buf, NUMBER_SIZE, "%.15g", v);
	if (rc < 0)
		abort();
	return buf;
}

void
expo_family(struct expo *x, const char *name, enum expo_type type, const char *help)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	size_t len = strlen(name), total = sizeof(TOTAL) - 1;

	free(x->name);
	x->name = str_dup(name);
	x->type = type;
	if (type == EXPO_COUNTER) {
		assert(len > total && strcmp(name + len - total, TOTAL) == 0);
		len -= x->format == EXPO_OPENMETRICS ? total : 0;
	}
	put(x, "# HELP ");
	add(x, name, len);
	put(x, " ");
	put_escaped(x, help, x->format == EXPO_OPENMETRICS);
	put(x, "\n# TYPE ");
	add(x, name, len);
	put(x, " ");
	put(x, types[type]);
	put(x, "\n");
}

static void
put_label(struct expo *x, bool *first, const char *name, const char *value)
{
	put(x, *first ? "{" : ",");
	*first = false;
	put(x, name);
	put(x, "=\"");
	put_value(x, value);
	put(x, "\"");
}

/* One line; `le` is a bucket's bound, or NULL. */
static void
put_sample(struct expo *x, const char *suffix, const struct expo_label *labels, size_t n,
    const char *le, double value)
{
	char buf[NUMBER_SIZE];
	bool first = true;

	put(x, x->name);
	put(x, suffix);
	for (size_t i = 0; i < n; i++)
		put_label(x, &first, labels[i].name, labels[i].value);
	if (le)
		put_label(x, &first, "le", le);
	put(x, first ? " " : "} ");
	put(x, number(value, buf));
	put(x, "\n");
}

void
expo_sample(struct expo *x, const struct expo_label *labels, size_t n, double value)
{
	assert(x->name && x->type != EXPO_HISTOGRAM);
	put_sample(x, "", labels, n, NULL, value);
}

/* "the le label … floats in OpenMetrics", 1 is written 1.0 there. */
static const char *
bound_text(const struct expo *x, double bound, char buf[NUMBER_SIZE])
{
	number(bound, buf);
	if (x->format == EXPO_OPENMETRICS && isfinite(bound) && !strpbrk(buf, ".e")) {
		size_t len = strlen(buf);
		str_clip(buf + len, NUMBER_SIZE - len, ".0");
	}
	return buf;
}

void
expo_sample_histogram(struct expo *x, const struct expo_label *labels, size_t n,
    const struct expo_histogram *h)
{
	char buf[NUMBER_SIZE];
	uint64_t below = 0;

	assert(x->name && x->type == EXPO_HISTOGRAM);
	for (size_t i = 0; i < h->n; i++) {
		below += h->counts[i];
		put_sample(x, "_bucket", labels, n, bound_text(x, h->bounds[i], buf),
		    (double)below);
	}
	below += h->counts[h->n];
	put_sample(x, "_bucket", labels, n, "+Inf", (double)below);
	put_sample(x, "_sum", labels, n, NULL, h->sum);
	put_sample(x, "_count", labels, n, NULL, (double)below);
}

char *
expo_end(struct expo *x)
{
	char *text;

	if (x->format == EXPO_OPENMETRICS)
		put(x, "# EOF\n");
	text = x->text;
	x->text = NULL;
	expo_free(x);
	return text;
}

const char *
expo_content_type(enum expo_format format)
{
	return format == EXPO_OPENMETRICS
		   ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		   : "text/plain; version=0.0.4; charset=utf-8";
}

/* Whoever names OpenMetrics first means it: Prometheus lists what it takes by its weight. A weight of 0 refuses. */
enum expo_format
expo_negotiate(const char *accept)
{
	static const char open[] = "application/openmetrics-text";
	const char *at = accept ? strcasestr(accept, open) : NULL;
	const char *text = accept ? strcasestr(accept, "text/plain") : NULL;

	if (!at || (text && text < at))
		return EXPO_TEXT;
	size_t len = strcspn(at, ",");
	const char *q = memmem(at, len, "q=0", 3);
	size_t weight = q ? strspn(q + 2, "0.") + 2 : 0; /* "0", "0.0" … "0.000" */
	if (q && (q[weight] == '\0' || strchr(",; ", q[weight])))
		return EXPO_TEXT;
	return EXPO_OPENMETRICS;
}
