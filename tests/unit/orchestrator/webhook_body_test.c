/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/webhook_body.h"

#include "fixture.h"

static struct event
make(const char *kind, const char *detail)
{
	struct event ev = event_make(kind, FIXTURE_NOW);

	str_clip(ev.site, sizeof(ev.site), "los");
	str_clip(ev.host, sizeof(ev.host), "edge01");
	ev.detail = fixture_json(detail);
	return ev;
}

static void
what_matches(void **state)
{
	static const struct {
		const char *on, *kind, *detail;
		bool wanted;
	} table[] = {
	    {"job.failed", "job.failed", "{}", true},
	    {"job.failed", "job.failed-again", "{}", false},
	    {"job.failed", "job.done", "{}", false},
	    {"job.failed", "job.refused", "{'code':'host-busy'}", true},
	    {"job.done", "job.refused", "{}", false},
	    {"job.*", "job.done", "{}", true},
	    {"job.*", "jobs.done", "{}", false},
	    {"discovered", "discovered", "{}", true},
	    {"discovered", "discovered.machine", "{}", true},
	    {"discovered", "discoveredx", "{}", false},
	    {"boot.unordered", "boot.begin", "{'planned':false}", false},
	    {"boot.unordered", "boot.flag", "{'flag':'unordered'}", true},
	    {"boot.other-dhcp", "boot.flag", "{'flag':'unordered'}", false},
	    {"boot.other-dhcp", "boot.flag", "{'flag':'other-dhcp'}", true},
	    {"boot.flag", "boot.flag", "{'flag':'other-dhcp'}", true},
	    {"boot.other-dhcp", "job.failed", "{'flags':['other-dhcp']}", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct event ev = make(table[i].kind, table[i].detail);
		if (webhook_body_match(table[i].on, &ev) != table[i].wanted)
			fail_msg(
			    "%s and %s %s", table[i].on, table[i].kind, table[i].detail);
		event_done(&ev);
	}
}

static const struct db_job failed = {.id = "01k9xyz0a0abcdef",
    .kind = "reinstall",
    .host = "edge01",
    .site = "los",
    .image = "debian",
    .reason = "INC-1 \"quoted\"",
    .by = "ada",
    .state = DB_JOB_FAILED,
    .stage = "kernel",
    .ended = FIXTURE_NOW,
    .verdict_code = "kernel-stalled",
    .verdict_text = "it\\stalled\nhere <!channel>",
    .verdict_next = "look"};

static json_t *
body(const struct webhook_config *c, const struct db_job *job, const char *kind,
    const char *detail)
{
	struct event ev = make(kind, detail);
	const struct webhook_about about = {
	    .id = "d1", .seq = 7, .ev = &ev, .job = job, .page = "https://nb.example/"};
	struct error err = {.code = ""};
	const char *type;

	if (job)
		str_clip(ev.job, sizeof(ev.job), job->id);
	char *text = webhook_body_make(c, &about, &type);
	json_t *v = json_parse(text, strlen(text), &err);
	if (!v && strcmp(type, "application/json") == 0)
		fail_msg("%s: %s", err.text, text);
	if (!v)
		v = json_string(text);
	free(text);
	event_done(&ev);
	return v;
}

static void
is(const json_t *v, const char *key, const char *wanted)
{
	assert_string_equal(json_string_value(json_object_get(v, key)), wanted);
}

static void
json_has_what_is_known(void **state)
{
	const struct webhook_config c = {.format = WEBHOOK_JSON};
	json_t *v = body(&c, &failed, "job.failed", "{'code':'agents','x':1}");
	const json_t *verdict = json_object_get(v, "verdict");

	(void)state;
	is(v, "title", "edge01: reinstall failed: kernel-stalled");
	is(v, "host", "edge01");
	is(v, "site", "los");
	is(v, "job", failed.id);
	is(v, "reason", "INC-1 \"quoted\"");
	is(v, "by", "ada");
	is(v, "state", "failed");
	is(v, "link", "https://nb.example/#/job/01k9xyz0a0abcdef");
	is(v, "at", "2026-01-31T09:30:00.000Z");
	is(verdict, "code", "kernel-stalled"); /* the stored one, not the agent's */
	is(verdict, "text", "it\\stalled\nhere <!channel>");
	assert_int_equal(json_integer_value(json_object_get(v, "seq")), 7);
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(v, "detail"), "x")), 1);
	json_decref(v);
	v = body(&c, NULL, "agent.absent", "{}");
	is(v, "title", "edge01: agent.absent");
	assert_null(json_object_get(v, "verdict"));
	assert_null(json_object_get(v, "job"));
	is(v, "link", "https://nb.example/#/host/edge01");
	json_decref(v);
}

static void
a_rollout_that_halted_says_which_and_why(void **state)
{
	const struct webhook_config c = {.format = WEBHOOK_TEXT};
	struct event ev = event_make("rollout.halted", FIXTURE_NOW);
	const struct webhook_about about = {
	    .id = "d1", .seq = 7, .ev = &ev, .page = "https://nb.example/"};
	const char *type;

	(void)state;
	ev.detail =
	    fixture_json("{'rollout':'01k9xyz0a0abcdef','schedule':'weekly','code':"
			 "'budget-spent','text':'2 hosts failed','next':'look'}");
	str_clip(ev.reason, sizeof(ev.reason), "2 hosts failed");
	char *text = webhook_body_make(&c, &about, &type);
	assert_string_equal(text,
	    "rollout 01k9xyz0a0abcdef (weekly): halted: budget-spent\n2 hosts "
	    "failed\nNext: look\nAt: 2026-01-31T09:30:00.000Z\n"
	    "https://nb.example/#/rollout/01k9xyz0a0abcdef");
	assert_true(webhook_body_match("rollout.halted", &ev));
	free(text);
	event_done(&ev);
}

static void
chats_get_text_that_calls_nobody(void **state)
{
	const struct webhook_config c = {.format = WEBHOOK_SLACK};
	json_t *v = body(&c, &failed, "job.failed", "{}");

	(void)state;
	is(v, "text",
	    "edge01: reinstall failed: kernel-stalled\nit\\stalled here "
	    "&lt;!channel&gt;\n"
	    "Next: look\nOrdered by: ada\nReason: INC-1 \"quoted\"\nAt: "
	    "2026-01-31T09:30:00.000Z\nhttps://nb.example/#/job/01k9xyz0a0abcdef");
	json_decref(v);
}

static void
lines_leave_out_what_is_not_known(void **state)
{
	const struct webhook_config c = {.format = WEBHOOK_TEXT};
	json_t *v = body(&c, NULL, "discovered.machine", "{'text':'a new one'}");

	(void)state;
	assert_string_equal(json_string_value(v),
	    "edge01: discovered.machine\na new one\nAt: 2026-01-31T09:30:00.000Z\n"
	    "https://nb.example/#/host/edge01");
	json_decref(v);
	v = body(&c, NULL, "boot.flag", "{'flag':'unordered','text':'nobody\\nNext: x'}");
	assert_string_equal(json_string_value(v),
	    "edge01: boot.unordered\nnobody Next: x\nAt: 2026-01-31T09:30:00.000Z\n"
	    "https://nb.example/#/host/edge01");
	json_decref(v);
}

static void
what_is_told_late_of_a_beginning_has_no_end(void **state)
{
	const struct webhook_config c = {.format = WEBHOOK_JSON};
	json_t *v = body(&c, &failed, "job.queued", "{}");

	(void)state;
	is(v, "title", "edge01: reinstall queued");
	assert_null(json_object_get(v, "verdict"));
	json_decref(v);
	v = body(&c, &failed, "job.refused", "{}");
	is(v, "title", "edge01: reinstall refused: kernel-stalled");
	json_decref(v);
}

static void
templates_are_filled_in(void **state)
{
	char tmpl[] =
	    "{\"m\": \"${host} ${verdict}: ${text} (${reason}) $${x}\", \"n\": ${seq}}";
	const struct webhook_config c = {.body_template = tmpl};
	json_t *v = body(&c, &failed, "job.failed", "{}");

	(void)state;
	is(v, "m",
	    "edge01 kernel-stalled: it\\stalled\nhere <!channel> (INC-1 \"quoted\") "
	    "${x}");
	assert_int_equal(json_integer_value(json_object_get(v, "n")), 7);
	json_decref(v);
}

static void
templates_are_checked(void **state)
{
	static const char *const bad[] = {
	    "{\"text\": \"${nobody}\"}",
	    "{\"text\": \"${host\"}",
	    "{\"text\": ${verdict}}",
	    "{\"text\": ${host}}",
	    "{\"tags\": [${stage}]}",
	    "{\"tags\": [${link}]}",
	    "[1 ${title}]",
	    "{\"text\": \"${host}\"",
	    "text ${host}",
	};
	struct error err = {.code = ""};

	(void)state;
	assert_int_equal(
	    webhook_body_check("{\"text\": \"${host}: ${title} ${link}\"}", &err), 0);
	assert_int_equal(webhook_body_check("{\"n\": ${seq}}", &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (webhook_body_check(bad[i], &err) >= 0)
			fail_msg("%s", bad[i]);
}

static void
pauses_grow_up_to_an_hour(void **state)
{
	int64_t most = 0;

	(void)state;
	for (unsigned fails = 0; fails < 100; fails++) {
		int64_t least = webhook_body_backoff(fails, 0);
		int64_t top = webhook_body_backoff(fails, UINT64_MAX);
		assert_true(least >= 500 && least <= 3600 * 1000);
		assert_true(top >= least && top <= 3600 * 1000);
		assert_true(least >= most);
		most = least;
	}
	assert_true(most == 1800 * 1000);
	assert_true(webhook_body_refused(422) && webhook_body_refused(400));
	assert_false(webhook_body_refused(500) || webhook_body_refused(404) ||
		     webhook_body_refused(429) || webhook_body_refused(0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_matches),
	    cmocka_unit_test(json_has_what_is_known),
	    cmocka_unit_test(a_rollout_that_halted_says_which_and_why),
	    cmocka_unit_test(chats_get_text_that_calls_nobody),
	    cmocka_unit_test(lines_leave_out_what_is_not_known),
	    cmocka_unit_test(what_is_told_late_of_a_beginning_has_no_end),
	    cmocka_unit_test(templates_are_filled_in),
	    cmocka_unit_test(templates_are_checked),
	    cmocka_unit_test(pauses_grow_up_to_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
