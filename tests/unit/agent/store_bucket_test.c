/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/store_bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/line_cap.h"
#include "lib/local_time.h"

#define S USEC_PER_SEC

static void
a_cap_is_kept(void **state)
{
	struct store_bucket b = {.rate = 0};
	int64_t now = 5 * S, came = 0;

	(void)state;
	assert_int_equal(store_bucket_wait(&b, now), 0);
	store_bucket_set(&b, 100000, now);
	while (now < 65 * S) {
		int64_t wait = store_bucket_wait(&b, now);

		if (wait > 0) {
			now += wait;
			continue;
		}
		store_bucket_take(&b, 16384, now);
		came += 16384;
		now += 100;
	}
	assert_in_range(came, 5900000, 6100000);
	/* What is owed stays owed, and is paid at the new rate. */
	store_bucket_take(&b, 1000000, now);
	store_bucket_set(&b, 1000000, now);
	assert_in_range(store_bucket_wait(&b, now), S * 9 / 10, S * 11 / 10);
	store_bucket_set(&b, 0, now);
	assert_int_equal(store_bucket_wait(&b, now), 0);
}

static int64_t
berlin(const char *utc)
{
	static const struct line_cap day = {
	    .days = 0x7f, .from = 480, .to = 1080, .kbit = 2000};
	struct local_time t;
	int64_t wall;

	assert_int_equal(clock_parse(utc, &wall), 0);
	assert_int_equal(local_time_at(wall, "Europe/Berlin", &t), 0);
	return line_cap_at(&day, 1, t.weekday, t.minute);
}

/* From eight to six by the clock on the wall, whatever it is set to. */
static void
caps_follow_daylight_saving(void **state)
{
	struct local_time t;

	(void)state;
	assert_int_equal(berlin("2026-03-28T06:59:00Z"), -1);
	assert_int_equal(berlin("2026-03-28T07:00:00Z"), 2000);
	assert_int_equal(berlin("2026-03-29T05:59:00Z"), -1);
	assert_int_equal(berlin("2026-03-29T06:00:00Z"), 2000);
	assert_int_equal(berlin("2026-10-25T16:59:00Z"), 2000);
	assert_int_equal(berlin("2026-10-24T16:00:00Z"), -1);
	assert_int_equal(berlin("2026-10-25T17:00:00Z"), -1);
	assert_int_equal(local_time_at(0, "Mars/Olympus", &t), -2);
	assert_int_equal(t.weekday, 3);
	assert_int_equal(t.minute, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cap_is_kept),
	    cmocka_unit_test(caps_follow_daylight_saving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
