/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of the socketpair: what decodes must survive being encoded and decoded again. */
#include "lib/bootd_msg.h"

#include <assert.h>
#include <stdint.h>

#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const void *text, size_t len)
{
	struct bootd_msg m, again;
	struct error err;
	json_t *v = json_parse(text, len, &err), *out;

	if (v == NULL)
		return;
	if (bootd_msg_from_json(v, &m, &err) == 0) {
		out = bootd_msg_to_json(&m);
		assert(bootd_msg_from_json(out, &again, &err) == 0);
		assert(again.type == m.type);
		bootd_msg_done(&again);
		bootd_msg_done(&m);
		json_decref(out);
	}
	json_decref(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	return 0;
}
