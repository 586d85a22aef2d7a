/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

static void
collect(void *arg, const char *data)
{
	text_addf(arg, "<%s>", data);
}

static const char stream[] =
    ": hello\n\nid: 7\r\ndata: {\"a\":1}\r\n\r\nevent: x\ndata:b\ndata: c\n\n"
    "id: 8\n\nid: 9\ndata: cut off\n";

static void
test_events_and_ids(void **state UNUSED)
{
	struct text got = {0};
	struct sse s = {0};

	assert_int_equal(sse_feed(&s, stream, strlen(stream), collect, &got), 0);
	assert_string_equal(text_str(&got), "<{\"a\":1}><b\nc>");
	/* The half event's id does not count: it must come again. */
	assert_string_equal(s.id, "8");
	sse_restart(&s);
	assert_int_equal(sse_feed(&s, "\ndata: d\n\n", 10, collect, &got), 0);
	assert_string_equal(text_str(&got), "<{\"a\":1}><b\nc><d>");
	assert_string_equal(s.id, "8");
	sse_done(&s);
	text_done(&got);
}

/* However the octets are cut. */
static void
test_any_chunks(void **state UNUSED)
{
	for (size_t step = 1; step < 9; step++) {
		struct text got = {0};
		struct sse s = {0};

		for (size_t at = 0; at < strlen(stream); at += step) {
			size_t left = strlen(stream) - at;

			assert_int_equal(sse_feed(&s, stream + at,
					     left < step ? left : step, collect, &got),
			    0);
		}
		assert_string_equal(text_str(&got), "<{\"a\":1}><b\nc>");
		sse_done(&s);
		text_done(&got);
	}
}

static void
test_endless_event_is_given_up(void **state UNUSED)
{
	static const char part[] =
	    "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n";
	struct text got = {0};
	struct sse s = {0};
	int r = 0;

	for (int i = 0; r == 0 && i < SSE_EVENT_MAX; i++)
		r = sse_feed(&s, part, strlen(part), collect, &got);
	assert_true(r < 0);
	sse_done(&s);
	text_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_events_and_ids),
	    cmocka_unit_test(test_any_chunks),
	    cmocka_unit_test(test_endless_event_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
