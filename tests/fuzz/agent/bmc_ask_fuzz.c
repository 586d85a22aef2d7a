/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A BMC that answers what the input says, to each question: it ends, what is kept is bounded, and the
 * document can be written. The first octet is the question. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_ask.h"
#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS_MAX = 200000 };

/* Completion code, length, data; after the end: refused. */
static void
answer(const uint8_t **data, size_t *size, struct bmc_reply *rs)
{
	*rs = (struct bmc_reply){.code = BMC_COMPLETION_INVALID_COMMAND};
	if (*size < 2)
		return;
	rs->code = (*data)[0];
	rs->len = (*data)[1] % (BMC_PROTO_DATA_MAX + 1);
	*data += 2;
	*size -= 2;
	if (rs->len > *size)
		rs->len = (uint8_t)*size;
	memcpy(rs->data, *data, rs->len);
	*data += rs->len;
	*size -= rs->len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bmc_question what = {.last = 5,
	    .seconds = 15,
	    .user = "admin",
	    .old = "old",
	    .next = "12345678901234567890"};
	struct bmc_ask a;
	struct bmc_cmd cmd;
	struct bmc_reply rs;
	enum bmc_ask_next next;
	unsigned turns = 0;
	json_t *v;

	if (size == 0)
		return 0;
	what.kind = (enum bmc_question_kind)(data[0] % (BMC_QUESTION_PASSWORD + 1));
	data++;
	size--;
	bmc_ask_init(&a, &what);
	while ((next = bmc_ask_next(&a, &cmd)) == BMC_ASK_RUN || next == BMC_ASK_WAIT) {
		assert(++turns < TURNS_MAX);
		if (next == BMC_ASK_WAIT)
			continue;
		assert(cmd.len <= sizeof(cmd.data));
		assert(!cmd.once || what.kind == BMC_QUESTION_RESET ||
		       what.kind == BMC_QUESTION_SEL_CLEAR);
		answer(&data, &size, &rs);
		if (cmd.once && rs.code == BMC_COMPLETION_NO_RESPONSE)
			bmc_ask_unanswered(&a);
		else
			bmc_ask_take(&a, &rs);
	}
	assert(what.kind != BMC_QUESTION_SEL || json_array_size(a.rows) <= 5);
	v = bmc_ask_json(&a);
	free(json_text(v));
	json_decref(v);
	bmc_ask_done(&a);
	return 0;
}
