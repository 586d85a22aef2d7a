/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One session against a simulated BMC, packet by packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/bmc_session.h"
#include "tests/fake/bmcsim_core.h"

struct fixture {
	struct bmc_packet *packet;
	struct bmcsim_bmc bmc;
	struct bmc_session s;
	struct bmc_session_out out;
	uint8_t reply[BMCSIM_PACKET_MAX];
	size_t reply_len;
	int64_t now;
};

static int
setup(void **state)
{
	static struct fixture f;
	struct error err;

	memset(&f, 0, sizeof f);
	f.packet = bmc_packet_new(rng_seeded(1), &err);
	f.now = 1000000;
	bmcsim_init(&f.bmc, "admin", "secret17", 3, 1);
	*state = &f;
	return f.packet == NULL;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	bmc_session_done(&f->s);
	bmc_packet_free(f->packet);
	return 0;
}

static void
begin(struct fixture *f, int suite, const char *password)
{
	struct rng rng = rng_seeded(5);
	struct bmc_session_params p = {.suite = bmc_packet_suite(suite),
	    .user = "admin",
	    .password = password,
	    .privilege = BMC_PRIVILEGE_OPERATOR};

	bmc_session_init(&f->s, f->packet, &p, &rng);
	bmc_session_start(&f->s, f->now, &f->out);
}

/* What is to be sent reaches the BMC; its answer lies in f->reply. */
static void
to_bmc(struct fixture *f)
{
	assert_true(f->out.len > 0);
	f->reply_len = bmcsim_input(&f->bmc, f->now, f->out.pkt, f->out.len, f->reply);
}

static enum bmc_session_event
from_bmc(struct fixture *f)
{
	return bmc_session_input(&f->s, f->now, f->reply, f->reply_len, &f->out);
}

static enum bmc_session_event
round_trip(struct fixture *f)
{
	to_bmc(f);
	return from_bmc(f);
}

/* Suite 0 is offered without credentials; whatever the BMC answers ends it. */
static void
an_offer_is_not_gone_on_with(void **state)
{
	struct fixture *f = *state;

	for (int weak = 0; weak <= 1; weak++) {
		const struct bmc_session_params p = {.suite = bmc_packet_suite_none(),
		    .user = "",
		    .password = "",
		    .only_open = true};
		struct rng rng = rng_seeded(5);

		bmcsim_init(&f->bmc, "admin", "secret17", 3, 1);
		f->bmc.faults.weak = weak;
		bmc_session_init(&f->s, f->packet, &p, &rng);
		bmc_session_start(&f->s, f->now, &f->out);
		to_bmc(f);
		assert_int_equal(bmcsim_slots_used(&f->bmc, false), weak);
		assert_int_equal(from_bmc(f), BMC_SESSION_ENDED);
		assert_int_equal(f->s.accepted, weak);
		assert_true(f->s.heard);
		assert_int_equal(f->s.state, BMC_SESSION_CLOSED);
		if (!weak) {
			assert_int_equal(f->out.len, 0);
			continue;
		}
		/* The word that it is over, and then nothing more, however often it is answered. */
		to_bmc(f);
		assert_int_equal(bmcsim_slots_used(&f->bmc, false), 0);
		assert_int_equal(f->bmc.counts.sessions, 0);
		assert_int_equal(from_bmc(f), BMC_SESSION_NOTHING);
		assert_int_equal(f->out.len, 0);
	}
}

/* RAKP 4 is made with K_g, RAKP 2 with the password. */
static void
kg_is_used_and_told_from_the_password(void **state)
{
	struct fixture *f = *state;
	uint8_t kg[BMC_PROTO_KG_SIZE];
	static const struct {
		int at_bmc, here, suite;
		const char *text;
	} rows[] = {{0xA5, 0xA5, 17, NULL}, {0xA5, 0xA5, 3, NULL},
	    {0xA5, 0x5A, 17,
		"the password is right, but the K_g set here is not the BMC's"},
	    {0, 0x5A, 17, "the password is right, but the K_g set here is not the BMC's"},
	    {0xA5, 0, 3,
		"the password is right, but the BMC has a key K_g, and none is"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bmcsim_init(&f->bmc, "admin", "secret17", 3, 1);
		memset(f->bmc.kg, rows[i].at_bmc, sizeof f->bmc.kg);
		memset(kg, rows[i].here, sizeof kg);
		begin(f, rows[i].suite, "secret17");
		f->s.hs.kg = rows[i].here != 0 ? kg : NULL;
		for (int n = 0; n < 2; n++)
			assert_int_equal(round_trip(f), BMC_SESSION_NOTHING);
		if (rows[i].text == NULL) {
			assert_int_equal(round_trip(f), BMC_SESSION_NOTHING);
			assert_int_equal(round_trip(f), BMC_SESSION_OPENED);
			continue;
		}
		assert_int_equal(round_trip(f), BMC_SESSION_FAILED);
		assert_int_equal(f->s.fail, BMC_FAIL_KEY);
		assert_non_null(strstr(f->s.fail_text, rows[i].text));
	}
	assert_int_equal(f->bmc.counts.bad_auth, 0);
}

static void
open_session(struct fixture *f, int suite)
{
	begin(f, suite, "secret17");
	for (int i = 0; i < 3; i++)
		assert_int_equal(round_trip(f), BMC_SESSION_NOTHING);
	assert_int_equal(round_trip(f), BMC_SESSION_OPENED);
	assert_int_equal(f->s.state, BMC_SESSION_READY);
	assert_int_equal(f->out.len, 0);
}

static void
control(struct fixture *f, uint8_t what)
{
	struct bmc_cmd cmd = {.netfn = BMC_NETFN_CHASSIS,
	    .cmd = BMC_CMD_CHASSIS_CONTROL,
	    .data = {what},
	    .len = 1};

	bmc_session_command(&f->s, f->now, &cmd, &f->out);
}

static enum bmc_session_event
tick(struct fixture *f)
{
	assert_true(f->s.deadline > f->now);
	f->now = f->s.deadline;
	return bmc_session_tick(&f->s, f->now, &f->out);
}

static void
opens_and_closes_with_either_suite(void **state)
{
	struct fixture *f = *state;

	for (int suite = 3; suite <= 17; suite += 14) {
		open_session(f, suite);
		assert_int_equal(
		    bmc_session_close(&f->s, f->now, &f->out), BMC_SESSION_NOTHING);
		assert_int_equal(round_trip(f), BMC_SESSION_ENDED);
		assert_int_equal(f->s.state, BMC_SESSION_CLOSED);
		bmc_session_done(&f->s);
	}
	assert_int_equal(f->bmc.counts.sessions, 2);
	assert_int_equal(f->bmc.counts.closed, 2);
	assert_int_equal(bmcsim_slots_used(&f->bmc, false), 0);
}

static void
wrong_password_is_seen_before_rakp_3(void **state)
{
	struct fixture *f = *state;

	begin(f, 17, "secret18");
	assert_int_equal(round_trip(f), BMC_SESSION_NOTHING);
	assert_int_equal(round_trip(f), BMC_SESSION_FAILED);
	assert_int_equal(f->s.fail, BMC_FAIL_AUTH);
	assert_true(f->s.proof_failed);
	to_bmc(f); /* the farewell frees the slot and proves nothing */
	assert_int_equal(f->bmc.counts.bad_auth, 0);
	assert_int_equal(f->bmc.counts.dropped, 1);
	assert_int_equal(bmcsim_slots_used(&f->bmc, false), 0);
}

static void
only_the_newest_tag_counts(void **state)
{
	struct fixture *f = *state;
	uint8_t old[BMCSIM_PACKET_MAX];
	size_t old_len;

	begin(f, 17, "secret17");
	round_trip(f);
	to_bmc(f);
	old_len = f->reply_len;
	memcpy(old, f->reply, old_len);
	assert_int_equal(
	    tick(f), BMC_SESSION_NOTHING); /* RAKP 1 again, new random number there */
	to_bmc(f);
	assert_int_equal(
	    bmc_session_input(&f->s, f->now, old, old_len, &f->out), BMC_SESSION_NOTHING);
	assert_int_equal(f->s.state, BMC_SESSION_RAKP1);
	assert_int_equal(from_bmc(f), BMC_SESSION_NOTHING);
	assert_int_equal(round_trip(f), BMC_SESSION_NOTHING);
	assert_int_equal(round_trip(f), BMC_SESSION_OPENED);
	assert_int_equal(f->s.n_resends, 1);
}

static void
resent_open_session_takes_no_second_slot(void **state)
{
	struct fixture *f = *state;

	begin(f, 17, "secret17");
	to_bmc(f);
	tick(f);
	to_bmc(f);
	tick(f);
	to_bmc(f);
	assert_int_equal(f->bmc.counts.opens, 1);
	assert_int_equal(bmcsim_slots_used(&f->bmc, false), 1);
}

static void
resent_commands_keep_rq_seq_and_run_once(void **state)
{
	struct fixture *f = *state;

	f->bmc.power = true;
	open_session(f, 17);
	control(f, BMC_CHASSIS_CYCLE);
	to_bmc(f); /* its answer is lost */
	tick(f);
	to_bmc(f);
	assert_int_equal(from_bmc(f), BMC_SESSION_REPLY);
	assert_int_equal(f->s.reply.code, 0);
	assert_int_equal(f->bmc.counts.controls[BMCSIM_CYCLE], 1);
	assert_int_equal(f->bmc.counts.repeats, 1);
	control(f, BMC_CHASSIS_CYCLE); /* a new order is a new request */
	assert_int_equal(round_trip(f), BMC_SESSION_REPLY);
	assert_int_equal(f->bmc.counts.controls[BMCSIM_CYCLE], 2);
}

/* Nothing is resent of what may go out only once; the session can still be used to look. */
static void
what_goes_out_once_is_not_resent(void **state)
{
	struct fixture *f = *state;
	struct bmc_cmd cycle = {.netfn = BMC_NETFN_CHASSIS,
	    .cmd = BMC_CMD_CHASSIS_CONTROL,
	    .data = {BMC_CHASSIS_CYCLE},
	    .len = 1,
	    .once = true};
	struct bmc_cmd look = {
	    .netfn = BMC_NETFN_CHASSIS, .cmd = BMC_CMD_GET_CHASSIS_STATUS};
	uint8_t late[BMCSIM_PACKET_MAX];
	size_t late_len;

	f->bmc.power = true;
	open_session(f, 17);
	bmc_session_command(&f->s, f->now, &cycle, &f->out);
	to_bmc(f);
	late_len = f->reply_len;
	memcpy(late, f->reply, late_len);
	assert_int_equal(tick(f), BMC_SESSION_UNANSWERED);
	assert_int_equal(f->out.len, 0);
	assert_int_equal(f->s.n_resends, 0);
	bmc_session_command(&f->s, f->now, &look, &f->out);
	assert_int_equal(bmc_session_input(&f->s, f->now, late, late_len, &f->out),
	    BMC_SESSION_NOTHING); /* it is no answer to the look */
	tick(f);
	assert_int_equal(round_trip(f), BMC_SESSION_REPLY);
	assert_int_equal(f->s.reply.cmd, BMC_CMD_GET_CHASSIS_STATUS);
	assert_int_equal(f->bmc.counts.controls[BMCSIM_CYCLE], 1);
}

/* Copies of RAKP 3 say the same, and some BMCs answer the first alone. */
static void
rakp4_may_answer_any_copy(void **state)
{
	struct fixture *f = *state;

	f->bmc.faults.rakp3_once = 1;
	begin(f, 17, "secret17");
	round_trip(f);
	round_trip(f);
	assert_int_equal(f->s.state, BMC_SESSION_RAKP3);
	to_bmc(f);
	tick(f); /* sent again before the answer comes */
	assert_int_equal(from_bmc(f), BMC_SESSION_NOTHING);
	assert_int_equal(f->s.state, BMC_SESSION_LEVEL);
	assert_int_equal(round_trip(f), BMC_SESSION_OPENED);
}

static void
repeated_and_forged_replies_are_dropped(void **state)
{
	struct fixture *f = *state;

	open_session(f, 17);
	control(f, BMC_CHASSIS_ON);
	to_bmc(f);
	f->reply[f->reply_len - 1] ^= 1;
	assert_int_equal(from_bmc(f), BMC_SESSION_NOTHING);
	assert_int_equal(f->s.rx_highest, 1); /* a forgery may not move the window */
	f->reply[f->reply_len - 1] ^= 1;
	assert_int_equal(from_bmc(f), BMC_SESSION_REPLY);
	control(f, BMC_CHASSIS_ON);
	assert_int_equal(
	    from_bmc(f), BMC_SESSION_NOTHING); /* the same packet once more */
	assert_int_equal(f->s.state, BMC_SESSION_COMMAND);
}

static void
silence_ends_with_a_farewell(void **state)
{
	struct fixture *f = *state;
	int64_t begin_at;

	open_session(f, 3);
	begin_at = f->now;
	control(f, BMC_CHASSIS_ON);
	for (int i = 1; i < BMC_SESSION_SENDS; i++)
		assert_int_equal(tick(f), BMC_SESSION_NOTHING);
	assert_int_equal(tick(f), BMC_SESSION_FAILED);
	assert_int_equal(f->now - begin_at, 7500000);
	assert_int_equal(f->s.fail, BMC_FAIL_TIMEOUT);
	to_bmc(f);
	assert_int_equal(f->bmc.counts.closed, 1);
}

static void
close_is_sent_twice_at_most(void **state)
{
	struct fixture *f = *state;

	open_session(f, 17);
	bmc_session_close(&f->s, f->now, &f->out);
	assert_int_equal(tick(f), BMC_SESSION_NOTHING);
	assert_true(f->out.len > 0);
	assert_int_equal(tick(f), BMC_SESSION_ENDED);
	assert_int_equal(f->out.len, 0);
}

static void
close_in_the_middle_of_the_handshake(void **state)
{
	struct fixture *f = *state;

	begin(f, 17, "secret17");
	assert_int_equal(bmc_session_close(&f->s, f->now, &f->out), BMC_SESSION_ENDED);
	assert_int_equal(f->out.len, 0); /* nothing to free yet */
	bmc_session_done(&f->s);
	begin(f, 17, "secret17");
	round_trip(f);
	assert_int_equal(bmc_session_close(&f->s, f->now, &f->out), BMC_SESSION_ENDED);
	to_bmc(f);
	assert_int_equal(bmcsim_slots_used(&f->bmc, false), 0);
}

static void
refusals_have_their_verdicts(void **state)
{
	struct fixture *f = *state;

	f->bmc.faults.no_slots = 1;
	begin(f, 17, "secret17");
	assert_int_equal(round_trip(f), BMC_SESSION_FAILED);
	assert_int_equal(f->s.fail, BMC_FAIL_BUSY);
	f->bmc.faults.no_slots = 0;
	f->bmc.faults.suites = 1;
	begin(f, 17, "secret17");
	assert_int_equal(round_trip(f), BMC_SESSION_FAILED);
	assert_int_equal(f->s.fail, BMC_FAIL_CIPHER);
	f->bmc.faults.suites = 0;
	f->bmc.faults.level_limit = 2;
	begin(f, 17, "secret17");
	assert_int_equal(round_trip(f), BMC_SESSION_FAILED);
	assert_int_equal(f->s.fail, BMC_FAIL_PRIVILEGE);
	to_bmc(f);
	assert_int_equal(bmcsim_slots_used(&f->bmc, false), 0);
}

static void
keys_do_not_outlive_the_session(void **state)
{
	struct fixture *f = *state;
	static const struct bmc_keys none;

	open_session(f, 17);
	assert_memory_not_equal(&f->s.keys, &none, sizeof none);
	bmc_session_close(&f->s, f->now, &f->out);
	round_trip(f);
	assert_memory_equal(&f->s.keys, &none, sizeof none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		an_offer_is_not_gone_on_with, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		kg_is_used_and_told_from_the_password, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		opens_and_closes_with_either_suite, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		wrong_password_is_seen_before_rakp_3, setup, teardown),
	    cmocka_unit_test_setup_teardown(only_the_newest_tag_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		resent_open_session_takes_no_second_slot, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		resent_commands_keep_rq_seq_and_run_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_goes_out_once_is_not_resent, setup, teardown),
	    cmocka_unit_test_setup_teardown(rakp4_may_answer_any_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		repeated_and_forged_replies_are_dropped, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		silence_ends_with_a_farewell, setup, teardown),
	    cmocka_unit_test_setup_teardown(close_is_sent_twice_at_most, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		close_in_the_middle_of_the_handshake, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		refusals_have_their_verdicts, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		keys_do_not_outlive_the_session, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
