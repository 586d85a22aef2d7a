/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which events a client's requests for one file become. */
#include "boot-services/http_xfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#include "boot-services/hosttab.h"
#include "lib/compiler.h"
#include "lib/log.h"
#include "lib/str.h"

enum { SEEN_MAX = 32 };

/* "kind:result:bytes" of each event, in order. */
static struct seen {
	char what[SEEN_MAX][64];
	size_t n;
	int64_t took, waited; /* of the last */
	bool ours;
} seen;

static struct log logger;
static struct hosttab *table;
static struct evsink *sink;
static struct http_xfers *xs;

static bool
take_event(void *arg, const struct event *ev)
{
	const char *result = json_string_value(json_object_get(ev->detail, "result"));

	(void)arg;
	assert_true(seen.n < SEEN_MAX);
	snprintf(seen.what[seen.n++], sizeof seen.what[0], "%s:%s:%lld", ev->kind,
	    result != NULL ? result : "", (long long)ev->bytes);
	seen.took = json_integer_value(json_object_get(ev->detail, "took_us"));
	seen.waited = json_integer_value(json_object_get(ev->detail, "waited_us"));
	seen.ours = str_eq(event_str(ev, "ended_by"), "server");
	return true;
}

static int
set_up(void **state)
{
	struct evsink_outputs out = {.to_agent = take_event};

	(void)state;
	logger = log_init("test", LOG_LEVEL_ERROR);
	table = hosttab_new();
	sink = evsink_new(&logger, &table, &out);
	xs = http_xfers_new(sink);
	seen.n = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	http_xfers_free(xs);
	evsink_free(sink);
	hosttab_free(table);
	return 0;
}

static struct http_xfer *
join(const char *ip, const char *etag, bool partial, int64_t now)
{
	struct http_xfer_facts f = {.file = "initrd", .class = "initrd", .method = "GET"};

	strcpy(f.ip, ip);
	return http_xfer_join(xs, &f, etag, 1000, partial, now);
}

static void
assert_seen(size_t n, const char *const *want)
{
	assert_int_equal(n, seen.n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(want[i], seen.what[i]);
}

#define ASSERT_SEEN(...)                                                    \
	assert_seen(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
	    (const char *[]){__VA_ARGS__})

static void
test_whole_file(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", false, 0);

	(void)state;
	http_xfer_arrived(x, 0, 400, 10);
	http_xfer_arrived(x, 400, 500, USEC_PER_SEC + 1);
	http_xfer_arrived(x, 500, 600, USEC_PER_SEC + 2);
	http_xfer_arrived(x, 600, 1000, USEC_PER_SEC + 3);
	http_xfer_leave(x, NULL, "", USEC_PER_SEC + 4);
	ASSERT_SEEN("http.begin::0", "http.progress::500", "http.end:complete:1000");
}

static void
test_complete_counts_even_when_the_client_resets(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", false, 0);

	(void)state;
	http_xfer_arrived(x, 0, 1000, 10);
	http_xfer_leave(x, "aborted", "reset", 11);
	ASSERT_SEEN("http.begin::0", "http.end:complete:1000");
}

static void
test_resumed_after_a_failure(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", false, 0);

	(void)state;
	http_xfer_arrived(x, 0, 300, 10);
	http_xfer_leave(x, "aborted", "reset", 11);
	x = join("10.0.0.1", "e", true, 2 * USEC_PER_SEC);
	http_xfer_arrived(x, 300, 1000, 2 * USEC_PER_SEC + 1);
	http_xfer_leave(x, NULL, "", 2 * USEC_PER_SEC + 2);
	ASSERT_SEEN("http.begin::0", "http.error:aborted:300", "http.begin::300",
	    "http.end:complete:1000");
}

static void
test_begun_anew_forgets_what_was(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", false, 0);

	(void)state;
	http_xfer_arrived(x, 0, 900, 10);
	http_xfer_leave(x, "aborted", "reset", 11);
	x = join("10.0.0.1", "e", false, 20);
	http_xfer_arrived(x, 0, 100, 21);
	http_xfer_leave(x, "timeout", "silent", 22);
	ASSERT_SEEN("http.begin::0", "http.error:aborted:900", "http.begin::0",
	    "http.error:timeout:100");
}

static void
test_versions_and_clients_are_apart(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", true, 0);
	struct http_xfer *y = join("10.0.0.1", "f", true, 0);
	struct http_xfer *z = join("10.0.0.2", "e", true, 0);

	(void)state;
	http_xfer_arrived(x, 0, 500, 1);
	http_xfer_arrived(y, 500, 1000, 1);
	http_xfer_arrived(z, 500, 1000, 1);
	http_xfer_leave(x, NULL, "", 2);
	http_xfer_leave(y, NULL, "", 2);
	http_xfer_leave(z, NULL, "", 2);
	ASSERT_SEEN("http.begin::0", "http.begin::0", "http.begin::0");
}

static void
test_pieces_that_stop_coming(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", true, 0);

	(void)state;
	http_xfer_arrived(x, 0, 500, 1);
	http_xfer_leave(x, NULL, "", 2);
	http_xfers_sweep(xs, 5 * USEC_PER_SEC);
	ASSERT_SEEN("http.begin::0");
	http_xfers_sweep(xs, 60 * USEC_PER_SEC);
	http_xfers_sweep(xs, 61 * USEC_PER_SEC);
	ASSERT_SEEN("http.begin::0", "http.error:aborted:500");
	assert_true(seen.ours);
	/* Long forgotten: what comes now is another transfer. */
	http_xfers_sweep(xs, 600 * USEC_PER_SEC);
	x = join("10.0.0.1", "e", true, 601 * USEC_PER_SEC);
	http_xfer_leave(x, "aborted", "reset", 602 * USEC_PER_SEC);
	assert_string_equal("http.error:aborted:0", seen.what[seen.n - 1]);
	assert_false(seen.ours);
}

static void
test_whose_doing_an_end_was(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", false, 0);
	struct http_xfer *y = join("10.0.0.1", "e", false, 0);

	(void)state;
	http_xfer_arrived(x, 0, 300, 1);
	/* One of two requests: it is not the end yet. */
	http_xfer_break(x, "the file shrank", 2);
	http_xfer_leave(y, "aborted", "reset", 3);
	ASSERT_SEEN("http.begin::0", "http.error:aborted:300");
	assert_false(seen.ours);
	x = join("10.0.0.1", "e", true, 4);
	http_xfer_break(x, "stopped", 5);
	assert_string_equal("http.error:aborted:300", seen.what[seen.n - 1]);
	assert_true(seen.ours);
	/* All was there before. */
	x = join("10.0.0.2", "e", false, 6);
	http_xfer_arrived(x, 0, 1000, 7);
	http_xfer_break(x, "stopped", 8);
	assert_string_equal("http.end:complete:1000", seen.what[seen.n - 1]);
	assert_false(seen.ours);
}

static void
test_twice_at_once_is_told_once(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", false, 0);
	struct http_xfer *y = join("10.0.0.1", "e", false, 1);

	(void)state;
	assert_ptr_equal(x, y);
	http_xfer_arrived(x, 0, 1000, 2);
	http_xfer_arrived(y, 0, 400, 2);
	http_xfer_leave(x, NULL, "", 3);
	http_xfer_leave(y, "superseded", "consumed", 3);
	ASSERT_SEEN("http.begin::0", "http.end:complete:1000");
}

static void
test_last_octets_never_acknowledged(void **state)
{
	struct http_xfer *x = join("10.0.0.1", "e", false, 0);

	(void)state;
	http_xfer_arrived(x, 0, 900, 2);
	/* Another part of the file is missing as well: nothing is claimed. */
	http_xfer_unacked(x, 50, 3);
	http_xfer_unacked(x, 100, 8);
	http_xfer_leave(x, NULL, "", 8);
	ASSERT_SEEN("http.begin::0", "http.end:complete-unacked:900");
	/* It is told late, and ended when the client fell silent. */
	assert_int_equal(seen.took, 2);
	assert_int_equal(seen.waited, 6);
	/* The next fetch is a new one. */
	x = join("10.0.0.1", "e", false, 10);
	http_xfer_leave(x, "aborted", "reset", 11);
	assert_string_equal("http.begin::0", seen.what[2]);
}

static void
test_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		char ip[ADDR_IP_TEXT];
		struct http_xfer *x;

		snprintf(ip, sizeof ip, "10.1.%u.%u", i >> 8 & 255, i & 255);
		seen.n = 0;
		x = join(ip, "e", true, i);
		http_xfer_leave(x, NULL, "", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_whole_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_complete_counts_even_when_the_client_resets, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_resumed_after_a_failure, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_begun_anew_forgets_what_was, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_versions_and_clients_are_apart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_pieces_that_stop_coming, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_whose_doing_an_end_was, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_twice_at_once_is_told_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_last_octets_never_acknowledged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
