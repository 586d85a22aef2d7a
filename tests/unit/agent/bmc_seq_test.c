/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sequences, step by step: which octets leave, and what each answer leads to. */
#include "tests/unit/agent/bmc_seq_kit.h"

static void
override_sets_the_octets_of_the_contract(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OVERRIDE);

	(void)state;
	sends(&s, bmc_seq_start(&s, 0), BMC_CMD_SET_BOOT_OPTIONS, "\x03\x08", 2);
	sends(
	    &s, answer(&s, 0, 0x80, "", 0), BMC_CMD_SET_BOOT_OPTIONS, "\x04\x01\x01", 3);
	sends(&s, answer(&s, 0, 0xCC, "", 0), BMC_CMD_SET_BOOT_OPTIONS,
	    "\x05\xA0\x04\0\0\0", 6);
	sends(&s, ok(&s, 0), BMC_CMD_GET_BOOT_OPTIONS, "\x05\0\0", 3);
	assert_int_equal(answer(&s, 0, 0, "\x01\x05\xA0\x04\0\0\0", 7), BMC_SEQ_OK);
	assert_true(s.flags.known && s.flags.valid && s.flags.efi && !s.flags.persistent);
	assert_int_equal(s.flags.device, 1);
}

static void
legacy_override(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OVERRIDE);

	(void)state;
	s.boot = BMC_BOOT_PXE_BIOS;
	bmc_seq_start(&s, 0);
	ok(&s, 0);
	sends(&s, ok(&s, 0), BMC_CMD_SET_BOOT_OPTIONS, "\x05\x80\x04\0\0\0", 6);
	ok(&s, 0);
	assert_int_equal(answer(&s, 0, 0, "\x01\x05\x80\x04\0\0\0", 7), BMC_SEQ_OK);
}

/* Each difference is noticed, and gets a second chance first. */
static void
override_compares(void **state)
{
	static const char *const wrong[] = {"\x01\x05\x80\x04\0\0\0",
	    "\x01\x05\x20\x04\0\0\0", "\x01\x05\xE0\x04\0\0\0", "\x01\x05\xA0\x08\0\0\0",
	    "\x01\x04\xA0\x04\0\0\0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct bmc_seq s = make(BMC_SEQ_OVERRIDE);
		enum bmc_seq_next next = bmc_seq_start(&s, 0);

		for (int round = 0; round < 2; round++) {
			sends(&s, next, BMC_CMD_SET_BOOT_OPTIONS, "\x03\x08", 2);
			ok(&s, 0);
			ok(&s, 0);
			ok(&s, 0);
			next = answer(&s, 0, 0, wrong[i], 7);
		}
		assert_int_equal(next, BMC_SEQ_FAIL);
		assert_int_equal(s.fail, BMC_FAIL_NOT_KEPT);
	}
}

/* boot_verify: device, for BMCs that keep no other bit (ipmi_sim). */
static void
override_compares_the_device_alone(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OVERRIDE);

	(void)state;
	s.device_only = true;
	bmc_seq_start(&s, 0);
	ok(&s, 0);
	ok(&s, 0);
	ok(&s, 0);
	assert_int_equal(answer(&s, 0, 0, "\x01\x05\x00\x04\0\0\0", 7), BMC_SEQ_OK);
	s = make(BMC_SEQ_OVERRIDE);
	s.device_only = true;
	bmc_seq_start(&s, 0);
	ok(&s, 0);
	ok(&s, 0);
	ok(&s, 0);
	assert_int_equal(answer(&s, 0, 0, "\x01\x05\x00\x08\0\0\0", 7), BMC_SEQ_RUN);
}

static void
override_refused_or_unreadable(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OVERRIDE);

	(void)state;
	bmc_seq_start(&s, 0);
	ok(&s, 0);
	ok(&s, 0);
	assert_int_equal(answer(&s, 0, 0xD4, "", 0), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_PRIVILEGE);
	s = make(BMC_SEQ_OVERRIDE);
	bmc_seq_start(&s, 0);
	for (int i = 0; i < 2; i++) {
		ok(&s, 0);
		ok(&s, 0);
		ok(&s, 0);
		answer(&s, 0, 0, "\x01\x05\xA0", 3);
	}
	assert_int_equal(s.fail, BMC_FAIL_NOT_KEPT);
}

static struct bmc_manners
with(enum bmc_manner which, int64_t value)
{
	struct bmc_manners m = *bmc_manners_usual();

	m.value[which] = value;
	return m;
}

/* Which octets each variant sends, and what must come back. */
static void
variants_of_the_override(void **state)
{
	static const struct {
		enum bmc_variant variant;
		enum bmc_boot boot;
		uint8_t n;
		struct {
			const char *data;
			uint8_t len;
		} sent[6];
		const char *read;
	} rows[] = {
	    {BMC_VARIANT_KEEP_1F, BMC_BOOT_PXE_EFI, 3,
		{{"\x03\x1F", 2}, {"\x04\x01\x01", 3}, {"\x05\xA0\x04\0\0\0", 6}},
		"\x01\x05\xA0\x04\0\0\0"},
	    {BMC_VARIANT_IN_PROGRESS, BMC_BOOT_PXE_EFI, 5,
		{{"\0\x01", 2}, {"\x03\x08", 2}, {"\x04\x01\x01", 3},
		    {"\x05\xA0\x04\0\0\0", 6}, {"\0\0", 2}},
		"\x01\x05\xA0\x04\0\0\0"},
	    {BMC_VARIANT_BARE, BMC_BOOT_PXE_EFI, 1, {{"\x05\xA0\x04\0\0\0", 6}},
		"\x01\x05\xA0\x04\0\0\0"},
	    {BMC_VARIANT_PERSISTENT, BMC_BOOT_PXE_EFI, 3,
		{{"\x03\x08", 2}, {"\x04\x01\x01", 3}, {"\x05\xE0\x04\0\0\0", 6}},
		"\x01\x05\xE0\x04\0\0\0"},
	    {BMC_VARIANT_NO_EFI, BMC_BOOT_PXE_EFI, 3,
		{{"\x03\x08", 2}, {"\x04\x01\x01", 3}, {"\x05\x80\x04\0\0\0", 6}},
		"\x01\x05\x80\x04\0\0\0"},
	    {BMC_VARIANT_BARE, BMC_BOOT_DISK_EFI, 1, {{"\x05\xA0\x24\0\0\0", 6}},
		"\x01\x05\xA0\x24\0\0\0"},
	    {BMC_VARIANT_BARE, BMC_BOOT_NONE_EFI, 1, {{"\x05\xA0\0\0\0\0", 6}},
		"\x01\x05\xE0\0\0\0\0"},
	    {BMC_VARIANT_BARE, BMC_BOOT_NONE_BIOS, 1, {{"\x05\x80\0\0\0\0", 6}},
		"\x01\x05\x00\x04\0\0\0"},
	};
	struct bmc_manners m = with(BMC_MANNER_DISK_SELECTOR, 0x24);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bmc_seq s = make(BMC_SEQ_OVERRIDE);
		enum bmc_seq_next next;

		s.manners = &m;
		s.variant = rows[i].variant;
		s.boot = rows[i].boot;
		next = bmc_seq_start(&s, 0);
		for (uint8_t k = 0; k < rows[i].n; k++) {
			sends(&s, next, BMC_CMD_SET_BOOT_OPTIONS, rows[i].sent[k].data,
			    rows[i].sent[k].len);
			/* Refusals are borne, but for the flags themselves. */
			next =
			    answer(&s, 0, rows[i].sent[k].data[0] == 5 ? 0 : 0x80, "", 0);
		}
		sends(&s, next, BMC_CMD_GET_BOOT_OPTIONS, "\x05\0\0", 3);
		assert_int_equal(answer(&s, 0, 0, rows[i].read, 7), BMC_SEQ_OK);
		assert_int_equal(s.flags_at, 0);
	}
}

/* "Set in progress" is not left behind at a BMC that refuses the flags: others could not set any. */
static void
what_was_begun_is_completed(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OVERRIDE);

	(void)state;
	s.variant = BMC_VARIANT_IN_PROGRESS;
	sends(&s, bmc_seq_start(&s, 0), BMC_CMD_SET_BOOT_OPTIONS, "\0\x01", 2);
	ok(&s, 0);
	ok(&s, 0);
	sends(&s, ok(&s, 0), BMC_CMD_SET_BOOT_OPTIONS, "\x05\xA0\x04\0\0\0", 6);
	sends(&s, answer(&s, 0, 0xD4, "", 0), BMC_CMD_SET_BOOT_OPTIONS, "\0\0", 2);
	assert_int_equal(ok(&s, 0), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_PRIVILEGE);
	assert_non_null(strstr(s.text, "D4h"));
}

static void
manners_of_the_override(void **state)
{
	struct bmc_manners m = with(BMC_MANNER_PARAMETER_3, BMC_PARAMETER_3_SKIP);
	struct bmc_seq s = make(BMC_SEQ_OVERRIDE);

	(void)state;
	m.value[BMC_MANNER_PARAMETER_4] = 0;
	m.value[BMC_MANNER_AFTER_FLAGS] = 3 * SECOND;
	m.value[BMC_MANNER_VERIFY] = BMC_VERIFY_DEVICE;
	s.manners = &m;
	sends(
	    &s, bmc_seq_start(&s, 0), BMC_CMD_SET_BOOT_OPTIONS, "\x05\xA0\x04\0\0\0", 6);
	assert_int_equal(ok(&s, SECOND), BMC_SEQ_WAIT);
	assert_int_equal(s.wake, 4 * SECOND);
	sends(&s, bmc_seq_wake(&s, 4 * SECOND), BMC_CMD_GET_BOOT_OPTIONS, "\x05\0\0", 3);
	assert_int_equal(
	    answer(&s, 5 * SECOND, 0, "\x01\x05\x00\x04\0\0\0", 7), BMC_SEQ_OK);
	assert_int_equal(s.flags_at, 5 * SECOND);
}

static void
manners_of_the_power(void **state)
{
	struct bmc_manners m = with(BMC_MANNER_AFTER_OFF, 4 * SECOND);
	struct bmc_seq s = make(BMC_SEQ_OFF_SEEN);

	(void)state;
	s.manners = &m;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, true), BMC_CHASSIS_OFF);
	ok(&s, 0);
	looks(&s, bmc_seq_wake(&s, SECOND));
	assert_int_equal(power(&s, SECOND, false), BMC_SEQ_WAIT);
	assert_int_equal(s.wake, 5 * SECOND);
	assert_int_equal(bmc_seq_wake(&s, 5 * SECOND), BMC_SEQ_OK);
	assert_int_equal(s.power, BMC_POWER_OFF);
	/* A deadline in that rest does not unsee it, and what was off already needs none. */
	s = make(BMC_SEQ_OFF_SEEN);
	s.manners = &m;
	bmc_seq_start(&s, 0);
	assert_int_equal(power(&s, 0, false), BMC_SEQ_OK);
	m = with(BMC_MANNER_CYCLE_WHEN_OFF, BMC_WHEN_OFF_SEND);
	s = make(BMC_SEQ_CONTROL);
	s.action = BMC_ACTION_CYCLE;
	s.manners = &m;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, false), BMC_CHASSIS_CYCLE);
	assert_true(s.cmd.once);
	m = with(BMC_MANNER_CYCLE_WHEN_OFF, BMC_WHEN_OFF_REFUSE);
	s = make(BMC_SEQ_CONTROL);
	s.action = BMC_ACTION_CYCLE;
	s.manners = &m;
	bmc_seq_start(&s, 0);
	assert_int_equal(power(&s, 0, false), BMC_SEQ_FAIL);
	m = with(BMC_MANNER_RESET_AS, BMC_RESET_AS_CYCLE);
	s = make(BMC_SEQ_CONTROL);
	s.action = BMC_ACTION_RESET;
	s.manners = &m;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, true), BMC_CHASSIS_CYCLE);
	assert_true(s.cmd.once);
}

static struct bmc_seq
make_hold(int64_t flags_at)
{
	struct bmc_seq s = make(BMC_SEQ_ON_SEEN);

	s.hold = true;
	s.flags_at = flags_at;
	return s;
}

/* Right before the power-on the flags are looked at, unless that was seconds ago. */
static void
flags_are_there_when_the_power_goes_on(void **state)
{
	struct bmc_seq s = make_hold(7 * SECOND);

	(void)state;
	bmc_seq_start(&s, 10 * SECOND);
	controls(&s, power(&s, 10 * SECOND, false), BMC_CHASSIS_ON);
	/* No effect: before it is sent again they are looked at. */
	ok(&s, 10 * SECOND);
	bmc_seq_wake(&s, 21 * SECOND);
	sends(&s, power(&s, 21 * SECOND, false), BMC_CMD_GET_BOOT_OPTIONS, "\x05\0\0", 3);
	controls(
	    &s, answer(&s, 21 * SECOND, 0, "\x01\x05\xA0\x04\0\0\0", 7), BMC_CHASSIS_ON);
	assert_false(s.flags_again);
	/* Lost: set again, and only then on. */
	s = make_hold(0);
	bmc_seq_start(&s, 0);
	sends(&s, power(&s, 0, false), BMC_CMD_GET_BOOT_OPTIONS, "\x05\0\0", 3);
	sends(&s, answer(&s, 0, 0, "\x01\x05\x20\x04\0\0\0", 7), BMC_CMD_SET_BOOT_OPTIONS,
	    "\x03\x08", 2);
	assert_true(s.flags_again && strstr(s.note, "lost") != NULL);
	ok(&s, 0);
	ok(&s, 0);
	ok(&s, 0);
	controls(&s, answer(&s, 0, 0, "\x01\x05\xA0\x04\0\0\0", 7), BMC_CHASSIS_ON);
	/* They do not come back: the machine stays off. */
	s = make_hold(0);
	bmc_seq_start(&s, 0);
	power(&s, 0, false);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    answer(&s, 0, 0, "\x01\x05\x00\x00\0\0\0", 7), BMC_SEQ_RUN);
		ok(&s, 0);
		ok(&s, 0);
		ok(&s, 0);
	}
	assert_int_equal(answer(&s, 0, 0, "\x01\x05\x00\x00\0\0\0", 7), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_NOT_KEPT);
	assert_int_equal(s.power, BMC_POWER_OFF);
	/* What is on already started without us: nothing is read. */
	s = make_hold(0);
	bmc_seq_start(&s, 0);
	assert_int_equal(power(&s, 0, true), BMC_SEQ_OK);
}

/* What may have begun is not ordered once more, whatever word the BMC has for it. */
static void
a_cold_reset_goes_out_once(void **state)
{
	static const uint8_t open[] = {0xC3, 0xCE, 0xCF};

	(void)state;
	for (size_t i = 0; i < sizeof open; i++) {
		struct bmc_seq s = make(BMC_SEQ_ASK);
		struct bmc_ask a;

		bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_RESET});
		s.ask = &a;
		assert_int_equal(bmc_seq_start(&s, 0), BMC_SEQ_RUN);
		assert_true(s.cmd.once);
		assert_true(bmc_seq_leaves_open(&s, open[i]));
		assert_int_equal(answer(&s, 0, open[i], "", 0), BMC_SEQ_OK);
		assert_true(a.unanswered);
		bmc_ask_done(&a);
	}
}

static void
off_is_soft_then_hard_until_seen(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OFF_SEEN);

	(void)state;
	s.graceful = 5 * SECOND;
	looks(&s, bmc_seq_start(&s, 0));
	controls(&s, power(&s, 0, true), BMC_CHASSIS_SOFT);
	assert_false(s.cmd.once);
	assert_int_equal(ok(&s, 0), BMC_SEQ_WAIT);
	looks(&s, bmc_seq_wake(&s, SECOND));
	assert_int_equal(power(&s, SECOND, true), BMC_SEQ_WAIT);
	assert_int_equal(s.wake, 3 * SECOND);
	bmc_seq_wake(&s, 5 * SECOND);
	controls(&s, power(&s, 5 * SECOND, true), BMC_CHASSIS_OFF);
	assert_int_equal(ok(&s, 5 * SECOND), BMC_SEQ_WAIT);
	bmc_seq_wake(&s, 7 * SECOND);
	assert_int_equal(power(&s, 7 * SECOND, true), BMC_SEQ_WAIT);
	bmc_seq_wake(&s, 16 * SECOND);
	controls(
	    &s, power(&s, 16 * SECOND, true), BMC_CHASSIS_OFF); /* no effect for 10 s */
	ok(&s, 16 * SECOND);
	bmc_seq_wake(&s, 18 * SECOND);
	assert_int_equal(power(&s, 18 * SECOND, false), BMC_SEQ_OK);
	assert_int_equal(s.power, BMC_POWER_OFF);
}

static void
off_when_off_does_nothing(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OFF_SEEN);

	(void)state;
	bmc_seq_start(&s, 0);
	assert_int_equal(power(&s, 0, false), BMC_SEQ_OK);
}

static void
refused_soft_is_followed_by_hard_at_once(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OFF_SEEN);

	(void)state;
	s.graceful = 60 * SECOND;
	bmc_seq_start(&s, 0);
	power(&s, 0, true);
	looks(&s, answer(&s, 0, 0xCC, "", 0));
	controls(&s, power(&s, 0, true), BMC_CHASSIS_OFF);
	looks(&s, answer(&s, 0, 0xD5, "", 0)); /* went off by itself meanwhile */
	assert_int_equal(power(&s, 0, false), BMC_SEQ_OK);
}

static void
verdicts_at_the_deadline(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OFF_SEEN);

	(void)state;
	bmc_seq_start(&s, 0);
	power(&s, 0, true);
	ok(&s, 0);
	assert_int_equal(bmc_seq_give_up(&s, true), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_NOT_OFF);
	s = make(BMC_SEQ_ON_SEEN);
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, false), BMC_CHASSIS_ON);
	ok(&s, 0);
	assert_int_equal(bmc_seq_give_up(&s, true), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_NOT_ON);
	/* A BMC that fell silent is another matter: the caller's verdict stands. */
	s = make(BMC_SEQ_ON_SEEN);
	bmc_seq_start(&s, 0);
	power(&s, 0, false);
	assert_int_equal(bmc_seq_give_up(&s, false), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_NONE);
}

static struct bmc_seq
ordered(enum bmc_action action)
{
	struct bmc_seq s = make(BMC_SEQ_CONTROL);
	char what = action == BMC_ACTION_CYCLE ? BMC_CHASSIS_CYCLE : BMC_CHASSIS_RESET;

	s.action = action;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, true), what);
	assert_true(s.cmd.once);
	return s;
}

static void
cycle_and_reset_are_never_repeated(void **state)
{
	static const enum bmc_action actions[] = {BMC_ACTION_CYCLE, BMC_ACTION_RESET};
	static const uint8_t open[] = {0xC3, 0xCE, 0xCF};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		struct bmc_seq s = ordered(actions[i]);

		assert_int_equal(bmc_seq_give_up(&s, false), BMC_SEQ_FAIL);
		assert_int_equal(s.fail, BMC_FAIL_EFFECT);
		assert_int_equal(s.power, BMC_POWER_UNKNOWN);
		for (size_t k = 0; k < ARRAY_SIZE(open); k++) {
			s = ordered(actions[i]);
			assert_true(bmc_seq_leaves_open(&s, open[k]));
			looks(&s, answer(&s, 0, open[k], "", 0));
			looks(&s, bmc_seq_lost(&s, 0));
			assert_int_equal(bmc_seq_give_up(&s, false), BMC_SEQ_FAIL);
			assert_int_equal(s.fail, BMC_FAIL_EFFECT);
			assert_non_null(strstr(s.text, "unknown"));
		}
		s = ordered(actions[i]);
		assert_false(bmc_seq_leaves_open(&s, 0xC0));
		looks(&s, ok(&s, 0));
		/* The order was accepted; that the last look fails does not undo it. */
		assert_int_equal(bmc_seq_give_up(&s, false), BMC_SEQ_OK);
		assert_int_equal(s.power, BMC_POWER_UNKNOWN);
	}
}

static void
an_unanswered_cycle_is_done_when_it_was_seen(void **state)
{
	struct bmc_seq s = ordered(BMC_ACTION_CYCLE);

	(void)state;
	looks(&s, bmc_seq_unanswered(&s, 0));
	assert_int_equal(power(&s, SECOND, true), BMC_SEQ_WAIT);
	looks(&s, bmc_seq_wake(&s, 2 * SECOND));
	assert_int_equal(power(&s, 2 * SECOND, false), BMC_SEQ_WAIT);
	looks(&s, bmc_seq_wake(&s, 3 * SECOND));
	assert_int_equal(power(&s, 3 * SECOND, true), BMC_SEQ_OK);
	assert_int_equal(s.power, BMC_POWER_ON);
}

/* What was not seen is not claimed, and the power state is told as it is. */
static void
an_unanswered_control_that_was_not_seen_is_unknown(void **state)
{
	struct bmc_seq s = ordered(BMC_ACTION_RESET);

	(void)state;
	looks(&s, bmc_seq_unanswered(&s, 0));
	assert_int_equal(power(&s, 0, true), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_EFFECT);
	assert_non_null(strstr(s.text, "unknown; the power is on"));

	s = ordered(BMC_ACTION_CYCLE);
	bmc_seq_unanswered(&s, 0);
	for (int64_t now = SECOND; now < BMC_SEQ_WATCH; now += SECOND) {
		assert_int_equal(power(&s, now, true), BMC_SEQ_WAIT);
		looks(&s, bmc_seq_wake(&s, now));
	}
	assert_int_equal(power(&s, BMC_SEQ_WATCH, true), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_EFFECT);
	assert_int_equal(s.power, BMC_POWER_ON);

	s = ordered(BMC_ACTION_CYCLE);
	bmc_seq_unanswered(&s, 0);
	assert_int_equal(power(&s, 0, false), BMC_SEQ_WAIT); /* will it come on again? */
	assert_int_equal(bmc_seq_give_up(&s, true), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_EFFECT);
	assert_int_equal(s.power, BMC_POWER_OFF);
}

/* From an accepted control until the next look nothing is known. */
static void
an_accepted_control_makes_the_last_look_old(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OFF_SEEN);

	(void)state;
	bmc_seq_start(&s, 0);
	power(&s, 0, true);
	ok(&s, 0);
	looks(&s, bmc_seq_wake(&s, SECOND));
	assert_int_equal(answer(&s, SECOND, 0xC1, "", 0), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_REFUSED);
	assert_int_equal(s.power, BMC_POWER_UNKNOWN);
}

static void
cycle_when_off_is_on_and_reset_is_refused(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_CONTROL);

	(void)state;
	s.action = BMC_ACTION_CYCLE;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, false), BMC_CHASSIS_ON);
	assert_false(s.cmd.once);
	s = make(BMC_SEQ_CONTROL);
	s.action = BMC_ACTION_RESET;
	bmc_seq_start(&s, 0);
	assert_int_equal(power(&s, 0, false), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_REFUSED);
}

static void
wrong_state_gets_one_more_look(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_CONTROL);

	(void)state;
	s.action = BMC_ACTION_CYCLE;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, true), BMC_CHASSIS_CYCLE);
	looks(&s, answer(&s, 0, 0xD5, "", 0)); /* it went off in between */
	controls(&s, power(&s, 0, false), BMC_CHASSIS_ON);
	assert_int_equal(answer(&s, 0, 0xD5, "", 0), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_REFUSED);
}

static void
lost_answers(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_ON_SEEN);

	(void)state;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, false), BMC_CHASSIS_ON);
	looks(&s, bmc_seq_lost(&s, 0)); /* look first, then decide */
	controls(&s, power(&s, 0, false), BMC_CHASSIS_ON);
	s = make(BMC_SEQ_OVERRIDE);
	bmc_seq_start(&s, 0);
	ok(&s, 0);
	/* It may have rebooted, and then parameter 3 is gone too. */
	sends(&s, bmc_seq_lost(&s, 0), BMC_CMD_SET_BOOT_OPTIONS, "\x03\x08", 2);
}

/* An answer that leaves it open whether on, off or soft came through: a look decides, after a while. */
static void
orders_in_doubt_are_looked_for(void **state)
{
	static const struct {
		enum bmc_action action;
		bool was_on;
		char control;
		const char *did;
	} rows[] = {
	    {BMC_ACTION_ON, false, BMC_CHASSIS_ON, "on not confirmed, but seen on"},
	    {BMC_ACTION_OFF, true, BMC_CHASSIS_OFF, "off not confirmed, but seen off"},
	    {BMC_ACTION_SOFT, true, BMC_CHASSIS_SOFT, "soft not confirmed, but seen off"},
	    /* It stands for a cycle: the machine that it started is not cycled as well. */
	    {BMC_ACTION_CYCLE, false, BMC_CHASSIS_ON, "on not confirmed, but seen on"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		bool lost = i % 2;
		const uint8_t code = i % 4 < 2 ? 0xC3 : 0xCE;
		struct bmc_seq s = make(BMC_SEQ_CONTROL);
		enum bmc_seq_next next;

		s.action = rows[i / 2].action;
		bmc_seq_start(&s, 0);
		controls(&s, power(&s, 0, rows[i / 2].was_on), rows[i / 2].control);
		assert_true(bmc_seq_leaves_open(&s, code));
		if (lost) {
			next = bmc_seq_lost(&s, 0);
		} else {
			assert_int_equal(answer(&s, 0, code, "", 0), BMC_SEQ_WAIT);
			assert_int_equal(s.power, BMC_POWER_UNKNOWN);
			next = bmc_seq_wake(&s, s.wake);
		}
		looks(&s, next);
		assert_int_equal(power(&s, 0, !rows[i / 2].was_on), BMC_SEQ_OK);
		assert_string_equal(s.did, rows[i / 2].did);
	}
}

static void
orders_in_doubt_end(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_CONTROL);
	enum bmc_seq_next next;
	int64_t now = 0;

	(void)state;
	s.action = BMC_ACTION_ON;
	looks(&s, bmc_seq_start(&s, now));
	for (int i = 0; i < BMC_SEQ_DOUBT_TRIES; i++) {
		controls(&s, power(&s, now, false), BMC_CHASSIS_ON);
		assert_int_equal(answer(&s, now, 0xC3, "", 0), BMC_SEQ_WAIT);
		now = s.wake;
		looks(&s, bmc_seq_wake(&s, now));
	}
	controls(&s, power(&s, now, false), BMC_CHASSIS_ON);
	next = answer(&s, now, 0xC3, "", 0);
	assert_int_equal(next, BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_BUSY);
	assert_int_equal(s.power, BMC_POWER_UNKNOWN);
	/* What is waited for is given the time to show itself before it is ordered again. */
	s = make(BMC_SEQ_ON_SEEN);
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, false), BMC_CHASSIS_ON);
	assert_int_equal(answer(&s, 0, 0xC3, "", 0), BMC_SEQ_WAIT);
	looks(&s, bmc_seq_wake(&s, s.wake));
	assert_int_equal(power(&s, s.wake, false), BMC_SEQ_WAIT);
	looks(&s, bmc_seq_wake(&s, BMC_SEQ_REPEAT_CONTROL));
	controls(&s, power(&s, BMC_SEQ_REPEAT_CONTROL, false), BMC_CHASSIS_ON);
}

static void
a_reset_in_doubt_is_not_repeated(void **state)
{
	static const uint8_t codes[] = {0xC3, 0xCE, 0xCF};
	struct bmc_ask a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct bmc_seq s = make(BMC_SEQ_ASK);

		bmc_ask_init(&a, &(struct bmc_question){.kind = BMC_QUESTION_RESET});
		s.ask = &a;
		assert_int_equal(bmc_seq_start(&s, 0), BMC_SEQ_RUN);
		assert_true(bmc_seq_leaves_open(&s, codes[i]));
		assert_false(bmc_seq_leaves_open(&s, 0xC0));
		assert_int_equal(answer(&s, 0, codes[i], "", 0), BMC_SEQ_OK);
		assert_true(a.unanswered);
		bmc_ask_done(&a);
	}
}

static void
probe_reads_the_device(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_PROBE);

	(void)state;
	assert_int_equal(bmc_seq_start(&s, 0), BMC_SEQ_RUN);
	assert_int_equal(s.cmd.netfn, BMC_NETFN_APP);
	sends(&s, answer(&s, 0, 0, "\x20\x81\x82\x17\x02\x9F\x91\x12\x00\x34\x12", 11),
	    BMC_CMD_GET_BOOT_OPTIONS, "\x05\0\0", 3);
	looks(&s, answer(&s, 0, 0x80, "", 0));
	assert_int_equal(power(&s, 0, true), BMC_SEQ_OK);
	assert_true(s.device.known);
	assert_int_equal(s.device.manufacturer, 0x1291);
	assert_int_equal(s.device.product, 0x1234);
	assert_int_equal(s.device.fw_major, 2);
	assert_false(s.flags.known);
	s = make(BMC_SEQ_PROBE);
	bmc_seq_start(&s, 0);
	answer(&s, 0, 0, "\x20\x81", 2);
	assert_false(s.device.known);
}

static void
a_status_too_short_is_no_state(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_STATUS);

	(void)state;
	bmc_seq_start(&s, 0);
	assert_int_equal(ok(&s, 0), BMC_SEQ_FAIL);
	assert_int_equal(s.power, BMC_POWER_UNKNOWN);
	assert_int_equal(s.fail, BMC_FAIL_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(variants_of_the_override),
	    cmocka_unit_test(what_was_begun_is_completed),
	    cmocka_unit_test(manners_of_the_override),
	    cmocka_unit_test(manners_of_the_power),
	    cmocka_unit_test(flags_are_there_when_the_power_goes_on),
	    cmocka_unit_test(override_sets_the_octets_of_the_contract),
	    cmocka_unit_test(legacy_override),
	    cmocka_unit_test(override_compares),
	    cmocka_unit_test(override_compares_the_device_alone),
	    cmocka_unit_test(override_refused_or_unreadable),
	    cmocka_unit_test(a_cold_reset_goes_out_once),
	    cmocka_unit_test(off_is_soft_then_hard_until_seen),
	    cmocka_unit_test(off_when_off_does_nothing),
	    cmocka_unit_test(refused_soft_is_followed_by_hard_at_once),
	    cmocka_unit_test(verdicts_at_the_deadline),
	    cmocka_unit_test(cycle_and_reset_are_never_repeated),
	    cmocka_unit_test(an_unanswered_cycle_is_done_when_it_was_seen),
	    cmocka_unit_test(an_unanswered_control_that_was_not_seen_is_unknown),
	    cmocka_unit_test(an_accepted_control_makes_the_last_look_old),
	    cmocka_unit_test(cycle_when_off_is_on_and_reset_is_refused),
	    cmocka_unit_test(wrong_state_gets_one_more_look),
	    cmocka_unit_test(lost_answers),
	    cmocka_unit_test(orders_in_doubt_are_looked_for),
	    cmocka_unit_test(orders_in_doubt_end),
	    cmocka_unit_test(a_reset_in_doubt_is_not_repeated),
	    cmocka_unit_test(probe_reads_the_device),
	    cmocka_unit_test(a_status_too_short_is_no_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
