/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles under the rules that hold for calls. */
#include "agent/bmc_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/bmc_manners.h"
#include "lib/clock.h"

#define S USEC_PER_SEC
enum { BMCS = 200 };

static struct bmc_lockout lockout;
static struct bmc_peer peers[BMCS];
static struct bmc_manners usual;
static struct bmc_call_env env;
static char text[200];

static int
setup(void **state UNUSED)
{
	memset(&lockout, 0, sizeof(lockout));
	memset(peers, 0, sizeof(peers));
	lockout.window = 600 * S;
	lockout.more_than = 5;
	lockout.percent = 20;
	usual = *bmc_manners_usual();
	env = (struct bmc_call_env){.lockout = &lockout,
	    .polite = {
		.breaker_after = 3, .breaker_first = 30 * S, .breaker_max = 60 * S}};
	return 0;
}

static int64_t
wait_of(unsigned i, int64_t now)
{
	return bmc_guest_wait(&peers[i], &env, &usual, now, text, sizeof(text));
}

/* Hundreds begin at once, and each password is refused a fifth of a second later: few have been tried. */
static void
test_a_wrong_password_stops_after_the_first_ones(void **state UNUSED)
{
	int64_t due[BMCS], judged[BMCS] = {0}, now = 100 * S;
	unsigned tried = 0, most_turns = 0, turns[BMCS] = {0};

	for (unsigned i = 0; i < BMCS; i++)
		due[i] = now;
	for (; now < 200 * S; now += S / 100) {
		for (unsigned i = 0; i < BMCS; i++) {
			if (judged[i] != 0 && judged[i] <= now) {
				(void)bmc_guest_proof(&peers[i], &env, now, true);
				judged[i] = 0;
			}
			if (due[i] == 0 || due[i] > now)
				continue;
			int64_t wait = wait_of(i, now);

			due[i] = wait == 0 ? 0 : now + wait;
			turns[i]++;
			if (turns[i] > most_turns)
				most_turns = turns[i];
			if (wait > 0)
				continue;
			bmc_guest_begun(&peers[i], &env, &usual, now);
			judged[i] = now + S / 5;
			tried++;
		}
	}
	assert_true(lockout.stopped);
	assert_in_range(tried, 6, 12);
	assert_true(most_turns < 10);
	assert_non_null(strstr(text, "password"));
}

/* All with the right one: the last begins ten seconds after the first. */
static void
test_all_get_their_turn(void **state UNUSED)
{
	int64_t due[BMCS], now, end = 0;
	unsigned begun = 0;

	for (unsigned i = 0; i < BMCS; i++)
		due[i] = 100 * S;
	for (now = 100 * S; now < 200 * S && begun < BMCS; now += S / 200) {
		for (unsigned i = 0; i < BMCS; i++) {
			if (due[i] == 0 || due[i] > now)
				continue;
			int64_t wait = wait_of(i, now);

			assert_string_equal(text, ""); /* no trouble to be told */
			due[i] = wait == 0 ? 0 : now + wait;
			if (wait > 0)
				continue;
			bmc_guest_begun(&peers[i], &env, &usual, now);
			(void)bmc_guest_proof(&peers[i], &env, now, false);
			begun++;
			end = now;
		}
	}
	assert_int_equal(begun, BMCS);
	assert_in_range(end, 105 * S, 125 * S);
	/* One that is proven waits for nobody. */
	assert_int_equal(wait_of(0, end), 0);
}

static void
test_the_breaker_holds_and_is_not_fed(void **state UNUSED)
{
	struct rng rng = rng_seeded(1);
	int64_t now = 100 * S;

	for (int i = 0; i < 3; i++)
		(void)bmc_polite_ended(&peers[0].polite, &env.polite, &rng, now,
		    BMC_FAIL_TIMEOUT, "no answer");
	assert_true(peers[0].polite.open);
	assert_true(wait_of(0, now) > 0);
	assert_string_not_equal(text, "");
	for (int i = 0; i < 20; i++) {
		bmc_guest_begun(&peers[1], &env, &usual, now);
		bmc_guest_ended(&peers[1], &env, &usual, now);
	}
	assert_false(peers[1].polite.open);
}

static void
test_one_session(void **state UNUSED)
{
	struct bmc_manners one = usual;
	struct bmc_call call;

	one.value[BMC_MANNER_SESSION_LIMIT] = 1;
	peers[0].queue = &call;
	assert_true(
	    bmc_guest_wait(&peers[0], &env, &one, 100 * S, text, sizeof(text)) > 0);
	assert_int_equal(wait_of(0, 100 * S), 0); /* with more of them it may */
	peers[0].queue = NULL;
	assert_int_equal(
	    bmc_guest_wait(&peers[0], &env, &one, 100 * S, text, sizeof(text)), 0);
	assert_false(bmc_guest_in_the_way(&peers[0], &one));
	bmc_guest_begun(&peers[0], &env, &one, 100 * S);
	assert_true(bmc_guest_in_the_way(&peers[0], &one));
	assert_false(bmc_guest_in_the_way(&peers[0], &usual));
	bmc_guest_ended(&peers[0], &env, &one, 101 * S);
	assert_false(bmc_guest_in_the_way(&peers[0], &one));
}

static void
test_pauses_that_a_bmc_needs(void **state UNUSED)
{
	struct bmc_manners slow = usual;

	slow.value[BMC_MANNER_SESSION_GAP] = 4 * S;
	bmc_guest_begun(&peers[0], &env, &slow, 100 * S);
	bmc_guest_ended(&peers[0], &env, &slow, 110 * S);
	assert_int_equal(
	    bmc_guest_wait(&peers[0], &env, &slow, 111 * S, text, sizeof(text)), 3 * S);
	assert_int_equal(
	    bmc_guest_wait(&peers[0], &env, &slow, 114 * S, text, sizeof(text)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		test_a_wrong_password_stops_after_the_first_ones, setup),
	    cmocka_unit_test_setup(test_all_get_their_turn, setup),
	    cmocka_unit_test_setup(test_the_breaker_holds_and_is_not_fed, setup),
	    cmocka_unit_test_setup(test_one_session, setup),
	    cmocka_unit_test_setup(test_pauses_that_a_bmc_needs, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
