/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same octets as a store's report, as a plan for one, and as the text of a cap. */
#include "lib/store_msg.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_cap(const uint8_t *data, size_t size)
{
	struct line_cap cap, again;
	char text[LINE_CAP_TEXT], buf[LINE_CAP_TEXT];

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (line_cap_parse(text, &cap, NULL) < 0)
		return;
	assert(line_cap_parse(line_cap_text(&cap, buf), &again, NULL) == 0);
	assert(again.days == cap.days && again.from == cap.from && again.to == cap.to &&
	       again.kbit == cap.kbit);
}

static void
check_report(const json_t *v)
{
	struct store_msg_report m, again;
	struct error err;

	if (store_msg_report_from_json(v, &m, &err) < 0)
		return;
	json_t *out = store_msg_report_to_json(&m);
	assert(store_msg_report_from_json(out, &again, &err) == 0);
	assert(again.n_items == m.n_items);
	json_decref(out);
	store_msg_report_done(&again);
	store_msg_report_done(&m);
}

static void
check_plan(const json_t *v)
{
	struct store_msg_plan m, again;
	struct error err;

	if (store_msg_plan_from_json(v, &m, &err) < 0)
		return;
	json_t *out = store_msg_plan_to_json(&m);
	assert(store_msg_plan_from_json(out, &again, &err) == 0);
	assert(again.n_wanted == m.n_wanted && again.n_caps == m.n_caps);
	json_decref(out);
	store_msg_plan_done(&again);
	store_msg_plan_done(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;

	check_cap(data, size);
	json_t *v = json_parse((const char *)data, size, &err);
	if (v == NULL)
		return 0;
	check_report(v);
	check_plan(v);
	json_decref(v);
	return 0;
}
