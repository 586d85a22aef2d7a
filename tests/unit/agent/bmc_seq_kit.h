/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of bmc_seq.c share: a sequence, what it sends, and the BMC's answers. */
#ifndef TESTS_UNIT_AGENT_BMC_SEQ_KIT_H
#define TESTS_UNIT_AGENT_BMC_SEQ_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/bmc_seq.h"

enum { SECOND = 1000000 };

static inline struct bmc_seq
make(enum bmc_seq_kind kind)
{
	return (struct bmc_seq){.kind = kind, .poll = 2 * SECOND};
}

static inline void
sends(const struct bmc_seq *s, enum bmc_seq_next next, uint8_t cmd, const char *data,
    uint8_t len)
{
	assert_int_equal(next, BMC_SEQ_RUN);
	assert_int_equal(s->cmd.netfn, BMC_NETFN_CHASSIS);
	assert_int_equal(s->cmd.cmd, cmd);
	assert_int_equal(s->cmd.len, len);
	assert_memory_equal(s->cmd.data, data, len);
}

static inline void
looks(const struct bmc_seq *s, enum bmc_seq_next next)
{
	sends(s, next, BMC_CMD_GET_CHASSIS_STATUS, "", 0);
}

static inline void
controls(const struct bmc_seq *s, enum bmc_seq_next next, char what)
{
	sends(s, next, BMC_CMD_CHASSIS_CONTROL, &what, 1);
}

static inline enum bmc_seq_next
answer(struct bmc_seq *s, int64_t now, uint8_t code, const char *data, uint8_t len)
{
	struct bmc_reply rs = {.code = code, .len = len};

	memcpy(rs.data, data, len);
	return bmc_seq_reply(s, now, &rs);
}

static inline enum bmc_seq_next
power(struct bmc_seq *s, int64_t now, bool on)
{
	return answer(s, now, 0, on ? "\x21\0\x40" : "\x20\0\x40", 3);
}

static inline enum bmc_seq_next
ok(struct bmc_seq *s, int64_t now)
{
	return answer(s, now, 0, "", 0);
}

#endif
