/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/bmc_polite.h"

#define S 1000000LL

static const struct bmc_polite_rules breaker = {
    .breaker_after = 3, .breaker_first = 30 * S, .breaker_max = 100 * S};

static void
gaps_and_rate(void **state)
{
	struct bmc_polite_rules r = {
	    .command_gap = 5 * S, .session_gap = 2 * S, .per_minute = 3};
	struct bmc_polite p = {0};
	int64_t now = 1000 * S;

	(void)state;
	assert_true(bmc_polite_session_at(&p, &r, now) <= now);
	assert_true(bmc_polite_command_at(&p) <= now);
	bmc_polite_answered(&p, &r, now);
	assert_int_equal(bmc_polite_command_at(&p), now + 5 * S);
	for (int i = 0; i < 3; i++) {
		assert_true(bmc_polite_session_at(&p, &r, now) <= now);
		bmc_polite_session_begun(&p, &r, now);
	}
	bmc_polite_session_ended(&p, &r, now);
	assert_int_equal(bmc_polite_session_at(&p, &r, now), now + 20 * S);
	now += 20 * S;
	assert_true(bmc_polite_session_at(&p, &r, now) <= now);
	bmc_polite_session_begun(&p, &r, now);
	assert_int_equal(bmc_polite_session_at(&p, &r, now), now + 20 * S);
	/* After a rest of a minute as many at once as at first. */
	now += 60 * S;
	for (int i = 0; i < 3; i++) {
		assert_true(bmc_polite_session_at(&p, &r, now) <= now);
		bmc_polite_session_begun(&p, &r, now);
	}
	bmc_polite_session_ended(
	    &p, &(struct bmc_polite_rules){.session_gap = 90 * S}, now);
	assert_int_equal(bmc_polite_session_at(&p, &r, now), now + 90 * S);
}

static enum bmc_polite_change
end(struct bmc_polite *p, struct rng *rng, int64_t now, enum bmc_fail fail)
{
	return bmc_polite_ended(p, &breaker, rng, now, fail, "no answer to open session");
}

static void
breaker_opens_rests_longer_and_closes(void **state)
{
	struct rng rng = rng_seeded(1);
	struct bmc_polite p = {0};
	int64_t now = 1000 * S, rest = 30 * S;
	char text[192];

	(void)state;
	assert_int_equal(end(&p, &rng, now, BMC_FAIL_TIMEOUT), BMC_POLITE_SAME);
	assert_int_equal(end(&p, &rng, now, BMC_FAIL_BUSY), BMC_POLITE_SAME);
	assert_true(bmc_polite_admits(&p, now, false));
	assert_int_equal(end(&p, &rng, now, BMC_FAIL_TIMEOUT), BMC_POLITE_OPENED);
	for (int i = 0; i < 5; i++) {
		assert_in_range(p.try_at - now, rest * 75 / 100, rest * 125 / 100);
		assert_false(bmc_polite_admits(&p, p.try_at - 1, false));
		assert_true(bmc_polite_admits(&p, p.try_at - 1, true));
		assert_true(bmc_polite_admits(&p, p.try_at, false));
		now = p.try_at;
		assert_int_equal(end(&p, &rng, now, BMC_FAIL_NETWORK), BMC_POLITE_SAME);
		rest = rest * 2 > breaker.breaker_max ? breaker.breaker_max : rest * 2;
	}
	bmc_polite_say(&p, p.try_at - 10 * S, text, sizeof(text));
	assert_non_null(strstr(text, "after 8 calls in a row failed"));
	assert_non_null(strstr(text, "(no answer to open session)"));
	assert_non_null(strstr(text, "tried again in 10"));
	/* A refusal is an answer. */
	assert_int_equal(end(&p, &rng, now, BMC_FAIL_AUTH), BMC_POLITE_CLOSED);
	assert_true(bmc_polite_admits(&p, now, false));
	assert_int_equal(end(&p, &rng, now, BMC_FAIL_TIMEOUT), BMC_POLITE_SAME);
	assert_int_equal(p.failures, 1);
}

static void
no_rules_no_breaker(void **state)
{
	struct bmc_polite_rules none = {0};
	struct rng rng = rng_seeded(1);
	struct bmc_polite p = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    bmc_polite_ended(&p, &none, &rng, i, BMC_FAIL_TIMEOUT, "x"),
		    BMC_POLITE_SAME);
	assert_true(bmc_polite_admits(&p, 100, false));
	assert_true(bmc_polite_session_at(&p, &none, 100) <= 100);
}

static void
many_refusals_stop_all(void **state)
{
	struct bmc_lockout l = {.window = 600 * S, .more_than = 3, .percent = 50};
	struct bmc_polite p[12];
	int64_t now = 5000 * S;
	char text[192];

	(void)state;
	memset(p, 0, sizeof(p));
	/* The same BMC again and again is one BMC. */
	for (int i = 0; i < 10; i++)
		assert_false(bmc_lockout_proof(&l, &p[0], now, true));
	for (int i = 4; i < 9; i++)
		assert_false(bmc_lockout_proof(&l, &p[i], now, false));
	for (int i = 1; i < 5; i++) /* 5 of 9 in the end, p[4] having changed its mind */
		assert_int_equal(bmc_lockout_proof(&l, &p[i], now, true), i == 4);
	assert_false(bmc_lockout_admits(&l, false));
	assert_true(bmc_lockout_admits(&l, true));
	bmc_lockout_say(&l, now + 60 * S, text, sizeof(text));
	assert_non_null(strstr(text, "5 of 9 BMCs"));
	/* Time does not end it, and it is told once. */
	assert_false(bmc_lockout_proof(&l, &p[9], now + 3600 * S, true));
	assert_false(bmc_lockout_admits(&l, false));
	bmc_lockout_release(&l);
	assert_true(bmc_lockout_admits(&l, false));
	/* What was counted before is neither counted nor taken back after. */
	assert_false(bmc_lockout_proof(&l, &p[9], now + 3600 * S, false));
	assert_int_equal(l.n_proven[l.slot % BMC_LOCKOUT_SLOTS], 1);
	assert_int_equal(l.n_refused[l.slot % BMC_LOCKOUT_SLOTS], 0);
}

static void
old_refusals_are_forgotten(void **state)
{
	struct bmc_lockout l = {.window = 600 * S, .more_than = 2, .percent = 10};
	struct bmc_lockout never = {.window = 0};
	struct bmc_polite p[8];

	(void)state;
	memset(p, 0, sizeof(p));
	for (int i = 0; i < 8; i++) /* two in any window */
		assert_false(bmc_lockout_proof(&l, &p[i], (1000 + 400 * i) * S, true));
	for (int i = 0; i < 8; i++)
		assert_false(bmc_lockout_proof(&never, &p[i], 9000 * S, true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gaps_and_rate),
	    cmocka_unit_test(breaker_opens_rests_longer_and_closes),
	    cmocka_unit_test(no_rules_no_breaker),
	    cmocka_unit_test(many_refusals_stop_all),
	    cmocka_unit_test(old_refusals_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
