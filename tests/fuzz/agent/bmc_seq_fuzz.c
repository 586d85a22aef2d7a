/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sequence against a BMC that answers anything, loses sessions, or does not answer. Whatever it
 * does: a cycle or reset that may have come through is the last control, and what is reported as
 * done was seen. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/bmc_seq.h"

struct script {
	const uint8_t *p;
	size_t left;
};

static uint8_t
take(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->p++;
}

static enum bmc_seq_next
reply(struct bmc_seq *s, int64_t now, struct script *script)
{
	struct bmc_reply rs = {.code = take(script)};

	rs.len = take(script) % (sizeof rs.data + 1);
	for (unsigned i = 0; i < rs.len; i++)
		rs.data[i] = take(script);
	/* The caller keeps busy answers to itself. */
	if (bmc_error_of_completion(rs.code) == BMC_FAIL_BUSY &&
	    !bmc_seq_leaves_open(s, rs.code))
		return BMC_SEQ_RUN;
	return bmc_seq_reply(s, now, &rs);
}

static void
check_end(const struct bmc_seq *s, enum bmc_seq_next next)
{
	if (next == BMC_SEQ_FAIL) {
		assert(s->fail == BMC_FAIL_NONE || s->text[0] != '\0');
		return;
	}
	switch (s->kind) {
	case BMC_SEQ_STATUS:
	case BMC_SEQ_EXAMINE:
	case BMC_SEQ_PROBE: assert(s->power != BMC_POWER_UNKNOWN); break;
	case BMC_SEQ_OFF_SEEN: assert(s->power == BMC_POWER_OFF); break;
	case BMC_SEQ_ON_SEEN: assert(s->power == BMC_POWER_ON); break;
	case BMC_SEQ_OVERRIDE:
		assert(s->flags.known && s->flags.device == BMC_BOOTDEV_PXE);
		break;
	case BMC_SEQ_ASK: assert(s->ask->fail == BMC_FAIL_NONE); break;
	case BMC_SEQ_CONTROL: assert(s->did[0] != '\0'); break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {data, size};
	uint8_t first = take(&script), second = take(&script);
	struct bmc_look look = {.level = BMC_PRIVILEGE_OPERATOR, .may_set = true};
	struct bmc_ask ask;
	struct bmc_seq s = {
	    .kind = first == 0xFF   ? BMC_SEQ_EXAMINE
		    : first == 0xFE ? BMC_SEQ_ASK
				    : (enum bmc_seq_kind)(first % (BMC_SEQ_PROBE + 1)),
	    .action = (enum bmc_action)(second % 16 % (BMC_ACTION_SOFT + 1)),
	    .hold = second & 0x80,
	    .variant = (enum bmc_variant)((second >> 4 & 7) % BMC_VARIANT_COUNT),
	    .look = &look,
	    .ask = &ask,
	    .boot = first & 0x40 ? BMC_BOOT_PXE_EFI : BMC_BOOT_PXE_BIOS,
	    .device_only = first & 0x80,
	    .graceful = first & 0x20 ? 5000000 : 0,
	    .poll = 2000000};
	enum bmc_seq_next next;
	int64_t now = 0;
	bool doubtful = false;

	bmc_ask_init(&ask,
	    &(struct bmc_question){.last = 3,
		.kind = (enum bmc_question_kind)(second % (BMC_QUESTION_RESET + 1))});
	next = bmc_seq_start(&s, 0);
	while (next == BMC_SEQ_RUN || next == BMC_SEQ_WAIT) {
		bool once = s.step == BMC_STEP_CONTROL && s.cmd.once;

		assert(!doubtful || s.step != BMC_STEP_CONTROL);
		now += 100000 * (int64_t)take(&script);
		if (script.left == 0) {
			next = bmc_seq_give_up(&s, first & 0x10);
			assert(!(doubtful || once) || s.fail == BMC_FAIL_EFFECT);
		} else if (next == BMC_SEQ_WAIT) {
			next = bmc_seq_wake(&s, now);
		} else if (take(&script) % 8 != 0) {
			next = reply(&s, now, &script);
			doubtful = doubtful || s.unanswered;
		} else if (once) {
			next = bmc_seq_unanswered(&s, now);
			doubtful = true;
		} else {
			next = bmc_seq_lost(&s, now);
		}
	}
	check_end(&s, next);
	bmc_ask_done(&ask);
	return 0;
}
