/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/absence.h"

#include "db/db_event.h"
#include "fixture.h"

#define SEC USEC_PER_SEC

static int64_t
silence(void *arg, const char *site)
{
	int64_t *us = arg;

	assert_string_equal(site, "los");
	return *us;
}

static void
on_events(void *arg)
{
	(void)arg;
}

static int
add_kind(void *arg, int64_t seq, const struct event *ev)
{
	char *text = arg;
	size_t n = strlen(text);

	(void)seq;
	assert_string_equal(ev->site, "los");
	str_clip(text + n, 100 - n, ev->kind + strlen("agent."));
	n = strlen(text);
	str_clip(text + n, 100 - n, " ");
	return 0;
}

static void
told(struct fixture *f, const char *wanted)
{
	const struct db_event_filter filter = {.kind = "agent.*", .limit = 100};
	char text[100] = "";

	assert_int_equal(db_event_list(f->store, &filter, add_kind, text), 0);
	assert_string_equal(text, wanted);
}

static void
silence_is_told_once_and_its_end(void **state)
{
	struct fixture *f = *state;
	int64_t us = INT64_MAX, wall = FIXTURE_NOW, mono = 1000 * SEC;
	struct log log = log_init("test", LOG_LEVEL_ERROR);
	const struct absence_ops ops = {.log = &log,
	    .store = f->store,
	    .silence = silence,
	    .on_events = on_events,
	    .arg = &us};
	struct absence *a = absence_new(&ops, mono);

	assert_string_equal(fixture_apply(f, "{'sites':[" FIXTURE_SITE "]}", NULL), "");
	absence_look(a, wall, mono + 100 * SEC); /* never heard: not set up yet */
	told(f, "");
	us = 300 * SEC;
	absence_look(a, wall, mono + 59 * SEC); /* we were away, perhaps */
	told(f, "");
	absence_look(a, ++wall, mono + 60 * SEC);
	absence_look(a, ++wall, mono + 70 * SEC);
	told(f, "absent ");
	absence_free(a);
	a = absence_new(&ops, mono); /* a restart tells nothing twice */
	absence_look(a, ++wall, mono + 100 * SEC);
	told(f, "absent ");
	us = 2 * SEC;
	wall -= 3600 * SEC; /* somebody sets the clock */
	absence_look(a, ++wall, mono + 110 * SEC);
	absence_look(a, ++wall, mono + 120 * SEC);
	told(f, "absent back ");
	absence_free(a);
	a = absence_new(&ops, mono);
	absence_look(a, ++wall, mono + 130 * SEC);
	us = 61 * SEC;
	absence_look(a, ++wall, mono + 140 * SEC);
	told(f, "absent back absent ");
	absence_free(a);
	absence_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(silence_is_told_once_and_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
