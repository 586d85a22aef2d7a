// SPDX-License-Identifier: GPL-3.0-or-later
/* A boot in the Trace Event Format ("JSON Object Format": complete events X, instants i, metadata M).
 *
 * Entry point: trace_chrome(). The boot is a process, each row a thread. The viewers draw what is within one thread
 * as a stack and drop what overlaps without being nested, so that transfers that go on at the same time get threads of
 * their own. Times count from the beginning of the trace, which `otherData` names. Ownership: the caller's. No failure
 * modes. */
#include "ctl/trace_chrome.h"

#include "ctl/output.h"
#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

enum { PID = 1, TRANSFER_TID = 10, TRANSFER_LANES = 64, MARKS_TID = 9, OTHER_TID = 8 };

static const struct {
	const char *row;
	int tid;
} rows[] = {{"stage", 1}, {"power", 2}, {"bmc", 3}, {"console", 4}};

struct lanes {
	int64_t free_at[TRANSFER_LANES];
	int n;
};

static const char *
str_of(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s != NULL ? s : "";
}

static void
add_metadata(json_t *events, const char *what, int tid, const char *name)
{
	json_array_append_new(
	    events, json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "ph", "M", "name", what,
			"pid", (int)PID, "tid", tid, "args", "name", name));
}

static int
tid_of(const json_t *span, struct lanes *lanes, int64_t began, int64_t ended)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(str_of(span, "row"), rows[i].row))
			return rows[i].tid;
	if (!str_eq(str_of(span, "row"), "transfer"))
		return OTHER_TID;
	for (int i = 0; i < TRANSFER_LANES; i++)
		if (i == lanes->n || lanes->free_at[i] <= began) {
			lanes->free_at[i] = ended;
			lanes->n = i == lanes->n ? i + 1 : lanes->n;
			return TRANSFER_TID + i;
		}
	return TRANSFER_TID + TRANSFER_LANES - 1;
}

/* What the span says besides its times. */
static json_t *
args_of(const json_t *row)
{
	static const char *const keys[] = {"state", "text", "deadline_us", "usual_us",
	    "octets", "total", "rate", "protocol", "class", "ip", "kind", "seq"};
	json_t *args = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *v = json_object_get(row, keys[i]);

		if (v != NULL && !json_is_null(v))
			json_object_set(args, keys[i], v);
	}
	return args;
}

static void
add_span(
    json_t *events, const json_t *span, int64_t from, int64_t now, struct lanes *lanes)
{
	int64_t began = output_wall(json_object_get(span, "began"));
	int64_t ended = output_wall(json_object_get(span, "ended"));

	if (ended == 0)
		ended = now;
	if (ended < began)
		ended = began;
	json_array_append_new(
	    events, json_pack("{s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:o}", "ph", "X",
			"name", str_of(span, "name"), "cat", str_of(span, "row"), "ts",
			(json_int_t)(began - from), "dur", (json_int_t)(ended - began),
			"pid", (int)PID, "tid", tid_of(span, lanes, began, ended), "args",
			args_of(span)));
}

static void
add_names(json_t *events, const json_t *boot, const struct lanes *lanes)
{
	char name[300];

	if (str_format(name, sizeof(name), "%s %s", str_of(boot, "host"),
		str_of(boot, "id")) < 0)
		name[0] = '\0';
	add_metadata(events, "process_name", 0, name);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add_metadata(events, "thread_name", rows[i].tid, rows[i].row);
	add_metadata(events, "thread_name", MARKS_TID, "events");
	for (int i = 0; i < lanes->n; i++)
		add_metadata(events, "thread_name", TRANSFER_TID + i, "transfers");
}

json_t *
trace_chrome(const json_t *trace, int64_t now)
{
	json_t *events = json_array(), *row;
	int64_t from = output_wall(json_object_get(trace, "began"));
	struct lanes lanes = {.n = 0};
	size_t i;

	json_array_foreach (json_object_get(trace, "spans"), i, row)
		add_span(events, row, from, now, &lanes);
	json_array_foreach (json_object_get(trace, "marks"), i, row)
		json_array_append_new(events,
		    json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:o}", "ph", "i", "s",
			"t", "name", str_of(row, "kind"), "cat", "event", "ts",
			(json_int_t)(output_wall(json_object_get(row, "at")) - from),
			"pid", (int)PID, "tid", (int)MARKS_TID, "args", args_of(row)));
	add_names(events, json_object_get(trace, "boot"), &lanes);
	return json_pack("{s:s, s:{s:s, s:O*}, s:o}", "displayTimeUnit", "ms",
	    "otherData", "began", str_of(trace, "began"), "boot",
	    json_object_get(trace, "boot"), "traceEvents", events);
}
