/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/schedule_doc.h"

#include "fixture.h"

#define WEEKLY "'name':'weekly','kind':'reboot','hosts':'@role=edge','reason':'patches'"

/* Its code, or "" with the normalised text in *ret_text (owned by the caller). */
static const char *
parse(const char *text, char **ret_text, struct error *err)
{
	struct schedule_doc *doc = NULL;
	json_t *v = fixture_json(text);

	*err = (struct error){.code = ""};
	int rc = schedule_doc_parse(v, FIXTURE_NOW, &doc, err);
	json_decref(v);
	assert_int_equal(rc, err->code[0] ? -EINVAL : 0);
	if (rc == 0 && ret_text != NULL) {
		json_t *back = schedule_doc_json(doc);
		/* With all its defaults; rollout_policy_test.c knows them. */
		assert_int_equal(json_integer_value(json_object_get(
				     json_object_get(back, "policy"), "per_site")),
		    1);
		json_object_del(back, "policy");
		*ret_text = json_text(back);
		json_decref(back);
	}
	schedule_doc_free(doc);
	return err->code;
}

static const struct {
	const char *text, *code, *about;
} bad[] = {
    {"{" WEEKLY "}", "bad-value", "cron, rrule, at: none"},
    {"{" WEEKLY ",'cron':'0 3 * * *','at':'2026-12-01 03:00'}", "bad-value", "several"},
    {"{" WEEKLY ",'cron':'0 25 * * *'}", "bad-cron", "hour"},
    {"{" WEEKLY ",'cron':'0 3 31 2 *'}", "bad-cron", "never comes"},
    {"{" WEEKLY ",'rrule':'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'}", "bad-value", "never"},
    {"{" WEEKLY ",'rrule':'FREQ=DAILY;UNTIL=20200101T000000'}", "bad-value", "never"},
    {"{" WEEKLY ",'rrule':'every week'}", "bad-rrule", "no recurrence rule"},
    {"{" WEEKLY ",'at':'tomorrow'}", "bad-time", "is no time"},
    {"{" WEEKLY ",'cron':'0 * * * *'}", "bad-value", "by the hour"},
    {"{" WEEKLY ",'rrule':'FREQ=HOURLY'}", "bad-value", "by the hour"},
    {"{" WEEKLY ",'cron':'*/30 0-23 * * *'}", "bad-value", "24 times a day"},
    {"{" WEEKLY ",'cron':'*/30 * * * *','tz':'UTC'}", "bad-value", "24 times a day"},
    {"{" WEEKLY ",'cron':'0 3 * * *','tz':'Mars/Olympus'}", "bad-value", "no time zone"},
    {"{" WEEKLY ",'cron':'0 3 * * *','window_s':0}", "bad-value", "window_s"},
    {"{" WEEKLY ",'cron':'0 3 * * *','window_s':604801}", "bad-value", "window_s"},
    {"{" WEEKLY ",'cron':'0 3 * * *','window_s':60,'jitter_s':60}", "bad-value",
	"jitter_s"},
    {"{" WEEKLY ",'cron':'0 3 * * *','jitter_s':-1}", "bad-value", "jitter_s"},
    {"{" WEEKLY ",'cron':'0 3 * * *','blackout':['Christmas']}", "bad-value",
	"blackout[0]"},
    {"{" WEEKLY ",'cron':'0 3 * * *','blackout':['2026-12-24','2026-02-30']}",
	"bad-value", "blackout[1]"},
    {"{" WEEKLY ",'cron':'0 3 * * *','blackout':['2027-01-02/2026-12-24']}", "bad-value",
	"blackout[0]"},
    {"{" WEEKLY ",'cron':'0 3 * * *','blackout':[3]}", "bad-value", "blackout[0]"},
    {"{" WEEKLY ",'cron':'0 3 * * *','missed':'twice'}", "bad-value", "missed"},
    {"{" WEEKLY ",'cron':'0 3 * * *','skip_if_younger_s':-1}", "bad-value",
	"skip_if_younger_s"},
    {"{" WEEKLY ",'cron':'0 3 * * *','policy':[]}", "bad-value", "policy"},
    {"{" WEEKLY ",'cron':'0 3 * * *','windows':3}", "key-unknown", "windows"},
    {"{" WEEKLY ",'cron':'0 3 * * *','limit':0}", "bad-value", "limit"},
    {"{" WEEKLY ",'rrule':'FREQ=DAILY','from':'2026-02-30'}", "bad-value", "from"},
    {"{'name':'next','kind':'reboot','hosts':'all','reason':'r','cron':'0 3 * * *'}",
	"bad-value", "name"},
    {"{'name':'a b','kind':'reboot','hosts':'all','reason':'r','cron':'0 3 * * *'}",
	"bad-value", "name"},
    /* What an order refuses. */
    {"{'name':'w','kind':'reboot','hosts':'','reason':'r','cron':'0 3 * * *'}",
	"bad-value", "hosts"},
    {"{'name':'w','kind':'reboot','hosts':'all','reason':' ','cron':'0 3 * * *'}",
	"reason-missing", "reason"},
    {"{'name':'w','kind':'reboot','hosts':'all','cron':'0 3 * * *'}", "reason-missing",
	"reason"},
    {"{'name':'w','kind':'dance','hosts':'all','reason':'r','cron':'0 3 * * *'}",
	"bad-value", "kind"},
    {"{'name':'w','kind':'power','action':'explode','hosts':'all','reason':'r','cron':'0 "
     "3 * * *'}",
	"bad-value", "action"},
    {"{'name':'w','kind':'reboot','image':'debian','hosts':'all','reason':'r','cron':'0 "
     "3 * * *'}",
	"bad-value", "image"},
    {"[]", "bad-value", "not an object"},
};

static void
what_cannot_be_is_refused_with_words(void **state)
{
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *code = parse(bad[i].text, NULL, &err);

		if (!str_eq(code, bad[i].code) || strstr(err.text, bad[i].about) == NULL)
			fail_msg("%s: %s: %s", bad[i].text, code, err.text);
	}
}

static const struct {
	const char *text, *want;
} good[] = {
    {"{" WEEKLY ",'cron':'0 3 * * SUN'}",
	"{" WEEKLY ",'cron':'0 3 * * SUN','tz':'site','window_s':14400,'blackout':[],"
	"'jitter_s':0,'skip_if_younger_s':0,'missed':'skip','limit':20}"},
    {"{" WEEKLY ",'rrule':'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU','tz':'Africa/Lagos',"
     "'window_s':3600,'jitter_s':600,'missed':'run-once','limit':500,"
     "'blackout':['2026-12-24/2027-01-02','2027-05-01'],'policy':{'canary':1},"
     "'skip_if_younger_s':518400,'graceful_s':30}",
	"{" WEEKLY ",'rrule':'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU','from':'2026-01-31',"
	"'tz':'Africa/Lagos','window_s':3600,'jitter_s':600,'missed':'run-once',"
	"'limit':500,'blackout':['2026-12-24/2027-01-02','2027-05-01'],"
	"'skip_if_younger_s':518400,'graceful_s':30}"},
    {"{'name':'drill','kind':'drill','image':'live','hosts':'@drill=yes','reason':'r',"
     "'at':'2026-12-01 03:00'}",
	"{'name':'drill','kind':'drill','image':'live','hosts':'@drill=yes',"
	"'reason':'r','at':'2026-12-01 03:00','tz':'site','window_s':14400,"
	"'blackout':[],'jitter_s':0,'skip_if_younger_s':0,'missed':'skip','limit':20}"},
};

static void
what_is_read_is_written_the_same(void **state)
{
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char *text = NULL, *again = NULL;
		json_t *want, *got;

		if (parse(good[i].text, &text, &err)[0])
			fail_msg("%s: %s", good[i].text, err.text);
		want = fixture_json(good[i].want);
		got = json_loads(text, 0, NULL);
		if (!json_equal(got, want))
			fail_msg("%s", text);
		json_decref(want);
		json_decref(got);
		assert_string_equal(parse(text, &again, &err), "");
		assert_string_equal(again, text);
		free(text);
		free(again);
	}
}

/* A line of every hour has a zone; and as often as the clock strikes is not too often. */
static void
by_the_hour_in_a_zone(void **state)
{
	struct error err;

	(void)state;
	assert_string_equal(
	    parse("{" WEEKLY ",'cron':'@hourly','tz':'Europe/Prague'}", NULL, &err), "");
	assert_string_equal(parse("{" WEEKLY ",'cron':'0 0-23 * * *'}", NULL, &err), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_cannot_be_is_refused_with_words),
	    cmocka_unit_test(what_is_read_is_written_the_same),
	    cmocka_unit_test(by_the_hour_in_a_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
