/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An order as it comes in at the agent's own socket: whatever is asked, nothing is given that erases or is for later. */
#include "agent/local_order.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const json_t *v, const struct local_order *o)
{
	static const struct bundle_image erasing = {.name = "x", .kind = "reinstall"};
	struct error err;
	json_t *detail;

	assert(o->kind != BUNDLE_REINSTALL);
	assert(!json_is_true(json_object_get(v, "at")));
	assert(o->hosts[0] != '\0' && o->reason[0] != '\0');
	assert(strlen(o->reason) < BUNDLE_REASON_SIZE);
	assert(o->limit > 0 && o->graceful_s >= 0);
	assert(o->image[0] == '\0' || local_order_boots(o));
	assert(!local_order_means(o, &erasing));
	assert(local_order_amount(o, 0, &err) < 0);
	assert(local_order_amount(o, (size_t)o->limit + 1, &err) < 0);
	detail = local_order_detail(o);
	assert(json_string_length(json_object_get(detail, "asked")) <= 200);
	json_decref(detail);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct local_order o;
	struct error err = {.code = ""};
	json_t *v = json_parse((const char *)data, size, &err);

	if (v == NULL)
		return 0;
	if (local_order_parse(v, &o, &err) == 0)
		check(v, &o);
	else
		assert(err.code[0] != '\0' && err.text[0] != '\0');
	json_decref(v);
	return 0;
}
