/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/trace.h"

#include "fixture.h"
#include "orchestrator/job_json.h"

#define T "2026-01-31T09:30:"

static struct db_boot
make_boot(bool ended)
{
	struct db_boot b = {.id = "boot1",
	    .host = "edge01",
	    .job = "job1",
	    .attempt = 2,
	    .planned = true,
	    .began = FIXTURE_NOW + 1000000,
	    .ended = ended ? FIXTURE_NOW + 60000000 : 0};

	return b;
}

static void
give(struct trace *t, int64_t seq, const char *text)
{
	json_t *v = fixture_json(text);
	struct error err = {.code = ""};
	struct event ev;

	if (event_from_json(v, &ev, &err) < 0)
		fail_msg("%s", err.text);
	trace_event(t, seq, &ev);
	event_done(&ev);
	json_decref(v);
}

#define GIVE(seq, at, kind, more) \
	give(t, seq,              \
	    "{'kind':'" kind "','host':'edge01','job':'job1','at':'" T at "Z'" more "}")
#define OF_BOOT ",'boot':'boot1'"

/* The members of `list` that the test names, a line each. */
static void
expect(const json_t *doc, const char *list, const char *const *keys, const char *want)
{
	char got[4000] = "";
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(doc, list), i, row) {
		for (size_t k = 0; keys[k]; k++) {
			const json_t *v = json_object_get(row, keys[k]);
			char *text = json_is_string(v) ? str_dup(json_string_value(v))
				     : v	       ? json_dumps(v, JSON_ENCODE_ANY)
						       : str_dup("-");
			/* Times as seconds and milliseconds. */
			strcat(got, str_has_prefix(text, T) ? text + strlen(T) : text);
			strcat(got, keys[k + 1] ? "|" : "\n");
			free(text);
		}
	}
	assert_string_equal(got, want);
}

static const char *const span_keys[] = {
    "row", "name", "began", "ended", "state", "text", "octets", "rate", NULL};
static const char *const mark_keys[] = {"at", "kind", "text", "seq", "n", NULL};

static json_t *
document(struct trace *t, bool ended)
{
	struct db_boot b = make_boot(ended);
	json_t *doc = trace_json(t, job_json_boot(&b, ""));

	trace_free(t);
	return doc;
}

static struct trace *
begin(bool ended)
{
	struct db_boot b = make_boot(ended);

	return trace_new(&b);
}

static void
stages_and_what_belongs_to_them(void **state)
{
	struct trace *t = begin(true);
	struct db_job_stage g = {.stage = "kernel",
	    .state = "confirmed",
	    .entered = FIXTURE_NOW + 5000000,
	    .ended = FIXTURE_NOW + 9000000,
	    .deadline_us = 600000000,
	    .evidence = "HTTP vmlinuz"};

	(void)state;
	trace_stage(t, &g, 3000000);
	str_clip(g.stage, sizeof(g.stage), "initrd");
	str_clip(g.state, sizeof(g.state), "entered");
	g.entered = FIXTURE_NOW + 9000000;
	g.ended = 0;
	g.evidence[0] = '\0';
	trace_stage(t, &g, -1);
	/* Of the attempt before, and of another boot. */
	GIVE(1, "00.000", "job.attempt", ",'detail':{'attempt':1}");
	GIVE(2, "00.010", "job.ticket", ",'detail':{'state':'armed'}");
	GIVE(3, "00.100", "job.attempt", ",'detail':{'attempt':2}");
	GIVE(4, "00.200", "job.ticket", ",'detail':{'state':'armed'}");
	GIVE(5, "00.300", "dhcp4.discover", ",'boot':'boot0'");
	GIVE(6, "05.500", "http.begin",
	    OF_BOOT ",'file':'vmlinuz','ip':'10.0.0.1','bytes':0,'total':8000000,"
		    "'detail':{'class':'kernel'}");
	GIVE(7, "07.500", "http.progress",
	    OF_BOOT ",'file':'vmlinuz','ip':'10.0.0.1','bytes':4000000");
	GIVE(8, "07.600", "http.error",
	    OF_BOOT ",'file':'nothing','reason':'no such path',"
		    "'detail':{'result':'not-found'}");
	GIVE(9, "10.000", "http.end",
	    OF_BOOT ",'file':'vmlinuz','ip':'10.0.0.1','bytes':8000000,"
		    "'total':8000000,'reason':'all','detail':{'result':'complete-unacked'"
		    ",'waited_us':500000}");
	GIVE(10, "12.000", "http.begin",
	    OF_BOOT ",'file':'initrd','bytes':0,'detail':{'class':'initrd'}");
	GIVE(11, "13.000", "http.progress", OF_BOOT ",'file':'initrd','bytes':77");
	GIVE(12, "14.000", "tftp.end",
	    OF_BOOT ",'file':'late','bytes':10,'detail':{'result':'complete',"
		    "'took_us':500000}");
	GIVE(13, "15.000", "http.end",
	    OF_BOOT ",'file':'up','detail':{'result':'complete','class':'report'}");
	GIVE(14, "15.000", "report.up", OF_BOOT ",'detail':{'note':'here'}");
	GIVE(15, "16.000", "tftp.begin", OF_BOOT ",'file':'late','bytes':0");
	GIVE(16, "16.100", "tftp.error",
	    OF_BOOT ",'file':'late','reason':'size alone','detail':{'result':'probe'}");
	json_t *doc = document(t, true);
	expect(doc, "spans", span_keys,
	    "stage|kernel|05.000Z|09.000Z|confirmed|HTTP vmlinuz|null|null\n"
	    "transfer|vmlinuz|05.500Z|09.500Z|ok|all|8000000|2000000\n"
	    "stage|initrd|09.000Z|2026-01-31T09:31:00.000Z|failed||null|null\n"
	    "transfer|initrd|12.000Z|2026-01-31T09:31:00.000Z|failed||77|null\n"
	    "transfer|late|13.500Z|14.000Z|ok||10|20\n");
	expect(doc, "marks", mark_keys,
	    "00.100Z|job.attempt||3|1\n"
	    "00.200Z|job.ticket|armed|4|1\n"
	    "07.600Z|http.error|nothing: no such path|8|1\n"
	    "15.000Z|report.up|here|14|1\n"
	    "16.100Z|tftp.error|late: size alone|16|1\n");
	static const char *const more[] = {
	    "stage", "protocol", "class", "usual_us", "deadline_us", NULL};
	expect(doc, "spans", more,
	    "-|-|-|3000000|600000000\n"
	    "kernel|http|kernel|null|null\n"
	    "-|-|-|null|600000000\n"
	    "initrd|http|initrd|null|null\n"
	    "loader|tftp|loader|null|null\n");
	assert_string_equal(
	    json_string_value(json_object_get(doc, "began")), T "01.000Z");
	json_decref(doc);
}

static void
calls_power_and_console(void **state)
{
	struct trace *t = begin(false);

	(void)state;
	GIVE(1, "01.000", "ipmi.session", OF_BOOT ",'reason':'suite 17'");
	GIVE(2, "01.010", "ipmi.power", OF_BOOT ",'reason':'power is on'");
	GIVE(3, "02.000", "ipmi.session", OF_BOOT);
	GIVE(4, "02.010", "ipmi.power", OF_BOOT ",'reason':'power is on'");
	GIVE(5, "03.000", "ipmi.session", OF_BOOT);
	GIVE(6, "03.010", "ipmi.control", OF_BOOT ",'reason':'power off: accepted'");
	GIVE(
	    7, "04.000", "power.state", OF_BOOT ",'detail':{'power':'off','why':'seen'}");
	GIVE(8, "05.000", "ipmi.session", OF_BOOT);
	GIVE(9, "05.010", "ipmi.control", OF_BOOT ",'reason':'power on: accepted'");
	GIVE(10, "05.020", "sol.refused", OF_BOOT ",'reason':'in use'");
	GIVE(11, "05.100", "sol.connected", OF_BOOT);
	GIVE(12, "06.000", "power.state", OF_BOOT ",'detail':{'power':'on'}");
	GIVE(13, "07.000", "sol.lost", OF_BOOT ",'reason':'gone'");
	GIVE(14, "08.000", "sol.resumed", OF_BOOT);
	GIVE(15, "08.500", "ipmi.session", OF_BOOT);
	GIVE(16, "09.000", "ipmi.error", OF_BOOT ",'reason':'timeout'");
	json_t *doc = document(t, false);
	expect(doc, "spans", span_keys,
	    "bmc|session|01.000Z|02.010Z|ok|power is on ×2|null|null\n"
	    "bmc|session|03.000Z|03.010Z|ok|power off: accepted|null|null\n"
	    "power|switching off|03.010Z|04.000Z|ok|power off: accepted|null|null\n"
	    "power|off|04.000Z|05.010Z|ok|seen|null|null\n"
	    "bmc|session|05.000Z|05.010Z|ok|power on: accepted|null|null\n"
	    "power|switching on|05.010Z|06.000Z|ok|power on: accepted|null|null\n"
	    "console|console|05.100Z|07.000Z|failed|gone|null|null\n"
	    "console|console|08.000Z|null|running||null|null\n"
	    "bmc|session|08.500Z|09.000Z|failed|timeout|null|null\n");
	expect(doc, "marks", mark_keys,
	    "05.020Z|sol.refused|in use|10|1\n"
	    "09.000Z|ipmi.error|timeout|16|1\n");
	json_decref(doc);
}

static void
what_repeats_is_one_and_what_is_too_much_is_counted(void **state)
{
	struct trace *t = begin(false);
	char text[200];

	(void)state;
	for (int i = 0; i < 2 * TRACE_MARKS_MAX; i++) {
		GIVE(2 * i + 1, "01.000", "dhcp4.discover", OF_BOOT ",'arch':'x64-uefi'");
		GIVE(2 * i + 2, "02.000", "dhcp4.ignored", OF_BOOT ",'reason':'no pool'");
	}
	json_t *doc = document(t, false);
	expect(doc, "marks", mark_keys,
	    "01.000Z|dhcp4.discover|x64-uefi ×1200|1|1200\n"
	    "02.000Z|dhcp4.ignored|no pool ×1200|2|1200\n");
	json_decref(doc);

	t = begin(false);
	for (int i = 0; i < TRACE_MARKS_MAX + 7; i++) {
		snprintf(text, sizeof(text),
		    "{'kind':'job.note','at':'" T
		    "01Z','job':'job1','boot':'boot1','reason':'%d'}",
		    i);
		give(t, i + 1, text);
		snprintf(text, sizeof(text),
		    "{'kind':'http.begin','at':'" T
		    "01Z','job':'job1','boot':'boot1','file':'%d'}",
		    i);
		give(t, i + 1, text);
	}
	doc = document(t, false);
	const json_t *marks = json_object_get(doc, "marks");
	assert_int_equal(json_array_size(marks), TRACE_MARKS_MAX + 1);
	assert_int_equal(
	    json_array_size(json_object_get(doc, "spans")), TRACE_TRANSFERS_MAX);
	const json_t *last = json_array_get(marks, TRACE_MARKS_MAX);
	assert_string_equal(
	    json_string_value(json_object_get(last, "kind")), "trace.more");
	assert_string_equal(json_string_value(json_object_get(last, "text")),
	    "214 more are left out here");
	json_decref(doc);
}

static void
transfers_from_their_table(void **state)
{
	struct trace *t = begin(true);
	struct trace_transfer x = {.protocol = "http",
	    .class = "kernel",
	    .file = "vmlinuz",
	    .ip = "10.0.0.1",
	    .began = FIXTURE_NOW,
	    .ended = FIXTURE_NOW + 1000000,
	    .octets = 5,
	    .total = 5,
	    .text = "all"};

	(void)state;
	trace_transfer(t, &x);
	x.result = "not-modified";
	trace_transfer(t, &x);
	x.result = "probe";
	trace_transfer(t, &x);
	/* Reports are marks; of what only a log tells, the end is all there is. */
	x = (struct trace_transfer){.protocol = "http",
	    .class = "report",
	    .file = "up",
	    .ip = "10.0.0.1",
	    .ended = FIXTURE_NOW + 9000000,
	    .text = ""};
	trace_transfer(t, &x);
	x.class = "";
	x.file = "from-a-log";
	x.octets = x.total = 7;
	trace_transfer(t, &x);
	GIVE(1, "00.000", "http.begin", OF_BOOT ",'file':'vmlinuz','ip':'10.0.0.1'");
	GIVE(2, "01.000", "http.end",
	    OF_BOOT ",'file':'vmlinuz','ip':'10.0.0.1',"
		    "'detail':{'result':'complete'}");
	GIVE(3, "02.000", "http.error",
	    OF_BOOT ",'file':'no','detail':{'result':'not-found'}");
	json_t *doc = document(t, true);
	expect(doc, "spans", span_keys,
	    "transfer|vmlinuz|00.000Z|01.000Z|ok|all|5|5\n"
	    "transfer|from-a-log|09.000Z|09.000Z|ok||7|null\n");
	expect(doc, "marks", mark_keys, "02.000Z|http.error|no|3|1\n");
	json_decref(doc);
}

/* What else was seen has its place. */
static void
a_loop_of_transfers_pushes_nothing_out(void **state)
{
	struct trace *t = begin(true);
	const struct trace_transfer x = {
	    .protocol = "http", .class = "kernel", .file = "k", .ip = "", .text = ""};

	(void)state;
	for (int i = 0; i < TRACE_SPANS_MAX; i++)
		trace_transfer(t, &x);
	GIVE(6, "03.010", "ipmi.control", OF_BOOT ",'reason':'power off: accepted'");
	json_t *doc = document(t, true);
	const json_t *spans = json_object_get(doc, "spans");
	assert_int_equal(json_array_size(spans), TRACE_TRANSFERS_MAX + 2);
	json_decref(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stages_and_what_belongs_to_them),
	    cmocka_unit_test(calls_power_and_console),
	    cmocka_unit_test(what_repeats_is_one_and_what_is_too_much_is_counted),
	    cmocka_unit_test(transfers_from_their_table),
	    cmocka_unit_test(a_loop_of_transfers_pushes_nothing_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
