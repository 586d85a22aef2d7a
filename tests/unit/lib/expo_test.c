/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/expo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

static void
ends_as(struct expo *x, const char *wanted)
{
	char *text = expo_end(x);

	assert_string_equal(text, wanted);
	free(text);
}

static void
counters_and_gauges(void **state)
{
	struct expo *x = expo_new(EXPO_TEXT);
	const struct expo_label labels[] = {{"site", "los"}, {"kind", "job.done"}};

	(void)state;
	expo_family(x, "n_events_total", EXPO_COUNTER, "Events.");
	expo_sample(x, labels, 2, 3);
	expo_sample(x, labels, 1, 9007199254740991.0);
	expo_family(x, "n_lag_seconds", EXPO_GAUGE, "Lag.");
	expo_sample(x, NULL, 0, 0.25);
	expo_sample(x, NULL, 0, -7);
	expo_family(x, "n_empty", EXPO_GAUGE, "No samples.");
	ends_as(x, "# HELP n_events_total Events.\n# TYPE n_events_total counter\n"
		   "n_events_total{site=\"los\",kind=\"job.done\"} 3\n"
		   "n_events_total{site=\"los\"} 9.00719925474099e+15\n"
		   "# HELP n_lag_seconds Lag.\n# TYPE n_lag_seconds gauge\n"
		   "n_lag_seconds 0.25\nn_lag_seconds -7\n"
		   "# HELP n_empty No samples.\n# TYPE n_empty gauge\n");
}

static void
special_numbers(void **state)
{
	struct expo *x = expo_new(EXPO_TEXT);
	double zero = 0;

	(void)state;
	expo_family(x, "n", EXPO_GAUGE, "h");
	expo_sample(x, NULL, 0, 1 / zero);
	expo_sample(x, NULL, 0, -1 / zero);
	expo_sample(x, NULL, 0, zero / zero);
	expo_sample(x, NULL, 0, 1e300);
	expo_sample(x, NULL, 0, 1234567.125);
	ends_as(x, "# HELP n h\n# TYPE n gauge\nn +Inf\nn -Inf\nn NaN\nn 1e+300\nn "
		   "1234567.125\n");
}

static void
values_are_escaped(void **state)
{
	static const struct {
		const char *value, *wanted;
	} table[] = {
	    {"", "n{v=\"\"} 1\n"},
	    {"a\"b\\c\nd", "n{v=\"a\\\"b\\\\c\\nd\"} 1\n"},
	    {"\xc3\xa9t\xc3\xa9", "n{v=\"\xc3\xa9t\xc3\xa9\"} 1\n"},
	    {"\xff{}\x01,=\xc3", "n{v=\"?{}?,=?\"} 1\n"},
	    {"\\", "n{v=\"\\\\\"} 1\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct expo *x = expo_new(EXPO_TEXT);
		char *text;

		expo_family(x, "n", EXPO_GAUGE, "h");
		expo_sample(x, &(struct expo_label){"v", table[i].value}, 1, 1);
		text = expo_end(x);
		assert_string_equal(
		    text + strlen("# HELP n h\n# TYPE n gauge\n"), table[i].wanted);
		free(text);
	}
}

static void
help_is_escaped(void **state)
{
	struct expo *x = expo_new(EXPO_TEXT), *o = expo_new(EXPO_OPENMETRICS);

	(void)state;
	expo_family(x, "n", EXPO_GAUGE, "a\\b \"c\"\nd");
	ends_as(x, "# HELP n a\\\\b \"c\"\\nd\n# TYPE n gauge\n");
	expo_family(o, "n", EXPO_GAUGE, "a\\b \"c\"\nd");
	ends_as(o, "# HELP n a\\\\b \\\"c\\\"\\nd\n# TYPE n gauge\n# EOF\n");
}

static void
buckets_are_cumulative(void **state)
{
	static const double bounds[] = {0.5, 1, 10};
	static const uint64_t counts[] = {2, 0, 3, 1};
	const struct expo_histogram h = {bounds, 3, counts, 42.5};
	const struct expo_label label = {"stage", "kernel"};
	struct expo *x = expo_new(EXPO_TEXT);

	(void)state;
	expo_family(x, "d_seconds", EXPO_HISTOGRAM, "h");
	expo_sample_histogram(x, &label, 1, &h);
	ends_as(x, "# HELP d_seconds h\n# TYPE d_seconds histogram\n"
		   "d_seconds_bucket{stage=\"kernel\",le=\"0.5\"} 2\n"
		   "d_seconds_bucket{stage=\"kernel\",le=\"1\"} 2\n"
		   "d_seconds_bucket{stage=\"kernel\",le=\"10\"} 5\n"
		   "d_seconds_bucket{stage=\"kernel\",le=\"+Inf\"} 6\n"
		   "d_seconds_sum{stage=\"kernel\"} 42.5\n"
		   "d_seconds_count{stage=\"kernel\"} 6\n");
}

static void
openmetrics_differs_in_little(void **state)
{
	static const double bounds[] = {1};
	static const uint64_t counts[] = {1, 0};
	const struct expo_histogram h = {bounds, 1, counts, 1};
	struct expo *x = expo_new(EXPO_OPENMETRICS);

	(void)state;
	expo_family(x, "n_total", EXPO_COUNTER, "h");
	expo_sample(x, NULL, 0, 1);
	expo_family(x, "d", EXPO_HISTOGRAM, "h");
	expo_sample_histogram(x, NULL, 0, &h);
	ends_as(x,
	    "# HELP n h\n# TYPE n counter\nn_total 1\n# HELP d h\n# TYPE d histogram\n"
	    "d_bucket{le=\"1.0\"} 1\nd_bucket{le=\"+Inf\"} 1\nd_sum 1\nd_count 1\n# "
	    "EOF\n");
}

static void
a_text_may_be_long(void **state)
{
	struct expo *x = expo_new(EXPO_TEXT);
	char *text;

	(void)state;
	expo_family(x, "n", EXPO_GAUGE, "h");
	for (int i = 0; i < 10000; i++)
		expo_sample(x, &(struct expo_label){"v", "abcdefgh"}, 1, i);
	text = expo_end(x);
	assert_non_null(strstr(text, "n{v=\"abcdefgh\"} 9999\n"));
	free(text);
	expo_free(NULL);
	expo_free(expo_new(EXPO_TEXT));
}

static void
a_client_gets_what_it_names_first(void **state)
{
	static const struct {
		const char *accept;
		enum expo_format wanted;
	} table[] = {
	    {NULL, EXPO_TEXT},
	    {"", EXPO_TEXT},
	    {"*/*", EXPO_TEXT},
	    {"text/plain;version=0.0.4;q=1,*/*;q=0.1", EXPO_TEXT},
	    /* Prometheus 2.42 */
	    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
	     "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		EXPO_OPENMETRICS},
	    {"Application/OpenMetrics-Text; version=1.0.0", EXPO_OPENMETRICS},
	    {"text/plain, application/openmetrics-text", EXPO_TEXT},
	    {"application/openmetrics-text;q=0, text/plain", EXPO_TEXT},
	    {"application/openmetrics-text;q=0.000, text/plain", EXPO_TEXT},
	    {"application/openmetrics-text;q=0.0", EXPO_TEXT},
	    {"application/openmetrics-text;q=0.01, text/plain", EXPO_OPENMETRICS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(expo_negotiate(table[i].accept), table[i].wanted);
	assert_non_null(strstr(expo_content_type(EXPO_TEXT), "version=0.0.4"));
	assert_non_null(strstr(expo_content_type(EXPO_OPENMETRICS), "openmetrics-text"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counters_and_gauges),
	    cmocka_unit_test(special_numbers),
	    cmocka_unit_test(values_are_escaped),
	    cmocka_unit_test(help_is_escaped),
	    cmocka_unit_test(buckets_are_cumulative),
	    cmocka_unit_test(openmetrics_differs_in_little),
	    cmocka_unit_test(a_text_may_be_long),
	    cmocka_unit_test(a_client_gets_what_it_names_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
