/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/agent_scope.h"

#include "fixture.h"

#include "db/db_boot.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "lib/clock.h"

#define AGENT "01k9xyz0a0abcdef"
#define JOB "01k9xyz0a0aaaaaa"
#define JOB_NYC "01k9xyz0a0bbbbbb"
#define BOOT "01k9xyz0a0cccccc"
#define BOOT_NYC "01k9xyz0a0dddddd"
#define UNKNOWN "01k9xyz0a0zzzzzz"

static void
add_job(struct store *s, const char *id, const char *host, const char *site)
{
	struct db_job job = {.kind = "reboot",
	    .reason = "x",
	    .by = "ada",
	    .stage = "queued",
	    .created = FIXTURE_NOW,
	    .state = DB_JOB_QUEUED};

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.host, sizeof(job.host), host);
	str_clip(job.site, sizeof(job.site), site);
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
}

static void
add_boot(struct store *s, const char *id, const char *host, const char *site)
{
	struct db_boot boot = {.began = FIXTURE_NOW};

	str_clip(boot.id, sizeof(boot.id), id);
	str_clip(boot.host, sizeof(boot.host), host);
	str_clip(boot.site, sizeof(boot.site), site);
	assert_int_equal(db_boot_begin(s, &boot), 0);
}

static void
fill(struct fixture *f)
{
	assert_string_equal(
	    fixture_apply(f,
		"{'sites':[" FIXTURE_SITE
		",{'name':'nyc','timezone':'UTC'}],'images':[" FIXTURE_IMAGE
		"],'hosts':[" FIXTURE_HOST("a.los", "1") "," FIXTURE_HOST(
		    "b.los", "2") ",{'name':'a.nyc','site':'nyc','nics':[{'mac':'52:54:"
				  "00:00:00:09'}]}]}",
		NULL),
	    "");
	add_job(f->store, JOB, "a.los", "los");
	add_job(f->store, JOB_NYC, "a.nyc", "nyc");
	add_boot(f->store, BOOT, "a.los", "los");
	add_boot(f->store, BOOT_NYC, "a.nyc", "nyc");
}

static void
judge(struct fixture *f, const struct event *ev, enum agent_scope_verdict verdict,
    const char *code)
{
	struct agent_scope *sc = agent_scope_new(f->store, "los", AGENT);
	struct agent_scope_finding found;

	/* Twice: what was looked up before says the same. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(agent_scope_judge(sc, ev, &found), 0);
		if (!str_eq(found.code, code) || found.verdict != verdict)
			fail_msg("%s, not %s: %s", found.code, code, found.text);
		assert_int_equal(found.text[0] == '\0', verdict == AGENT_SCOPE_OWN);
	}
	agent_scope_free(sc);
}

static struct event
said(const char *site, const char *host, const char *job, const char *boot)
{
	struct event ev = event_make("dhcp4.ack", FIXTURE_NOW);

	str_clip(ev.site, sizeof(ev.site), site);
	str_clip(ev.host, sizeof(ev.host), host);
	str_clip(ev.job, sizeof(ev.job), job);
	str_clip(ev.boot, sizeof(ev.boot), boot);
	return ev;
}

static void
each_member_is_a_claim(void **state)
{
	static const struct {
		const char *site, *host, *job, *boot, *code;
	} rows[] = {
	    {"", "", "", "", ""},
	    {"los", "", "", "", ""},
	    {"nyc", "", "", "", "another-site"},
	    {"", "a.los", "", "", ""},
	    {"los", "b.los", "", "", ""},
	    {"los", "a.nyc", "", "", "host-of-another-site"},
	    {"nyc", "a.los", "", "", "another-site"},
	    {"nyc", "a.los", JOB, BOOT, "another-site"},
	    {"", "a.los", JOB, BOOT, ""},
	    {"", "", JOB, BOOT, ""},
	    {"", "b.los", JOB, "", "job-of-another-host"},
	    {"", "b.los", "", BOOT, "boot-of-another-host"},
	    {"", "a.nyc", JOB, "", "job-of-another-host"},
	    {"", "", JOB_NYC, "", "job-of-another-site"},
	    {"", "a.nyc", JOB_NYC, "", "job-of-another-site"},
	    {"nyc", "a.nyc", JOB_NYC, "", "job-of-another-site"},
	    {"", "a.los", JOB_NYC, "", "job-of-another-site"},
	    {"", "", "", BOOT_NYC, "boot-of-another-site"},
	    {"", "a.los", JOB, BOOT_NYC, "boot-of-another-site"},
	    {"", "a.los", UNKNOWN, UNKNOWN, ""},
	    {"", "a.nyc", UNKNOWN, UNKNOWN, "host-of-another-site"},
	    {"", "a.nyc", UNKNOWN, BOOT, "boot-of-another-host"},
	};
	struct fixture *f = *state;

	fill(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event ev =
		    said(rows[i].site, rows[i].host, rows[i].job, rows[i].boot);
		judge(f, &ev, rows[i].code[0] ? AGENT_SCOPE_FOREIGN : AGENT_SCOPE_OWN,
		    rows[i].code);
	}
}

static void
move_host(struct fixture *f, const char *site, int64_t at)
{
	struct db_host *h = str_alloc(sizeof(*h));

	assert_int_equal(db_host_get(f->store, "a.los", h), 0);
	str_clip(h->site, sizeof(h->site), site);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(db_host_put(f->store, h, at), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	free(h);
}

static void
hosts_that_left_are_no_offence(void **state)
{
	struct fixture *f = *state;
	const int64_t moved = FIXTURE_NOW + 100 * USEC_PER_SEC,
		      hour = 3600 * USEC_PER_SEC;
	struct event ev = said("los", "a.los", "", ""),
		     of_job = said("los", "a.los", JOB, BOOT);

	fill(f);
	move_host(f, "nyc", moved);
	judge(f, &ev, AGENT_SCOPE_OWN, ""); /* of before */
	ev.at = moved + hour;
	judge(f, &ev, AGENT_SCOPE_LATE, "host-left");
	of_job.at = moved + hour; /* what it was given to do it may tell of */
	judge(f, &of_job, AGENT_SCOPE_OWN, "");
	move_host(f, "los", moved + 2 * hour);
	judge(f, &ev, AGENT_SCOPE_OWN, "");
	assert_int_equal(db_host_delete(f->store, "a.los", moved + 3 * hour), 0);
	judge(f, &ev, AGENT_SCOPE_OWN, "");
	ev.at = moved + 4 * hour;
	judge(f, &ev, AGENT_SCOPE_LATE, "host-left");
	judge(f, &of_job, AGENT_SCOPE_OWN, "");
	ev = said("", "never.los", "", "");
	judge(f, &ev, AGENT_SCOPE_LATE, "host-unknown");
}

static void
jobs_of_a_spool_that_changed_its_site_are_its_own(void **state)
{
	struct fixture *f = *state;
	struct db_job job;
	struct event ev = said("nyc", "a.nyc", JOB_NYC, "");

	fill(f);
	judge(f, &ev, AGENT_SCOPE_FOREIGN, "job-of-another-site");
	assert_int_equal(db_job_get(f->store, JOB_NYC, &job), 0);
	str_clip(job.agent, sizeof(job.agent), AGENT);
	assert_int_equal(db_job_update(f->store, &job), 0);
	judge(f, &ev, AGENT_SCOPE_OWN, "");
	str_clip(ev.site, sizeof(ev.site), "ber");
	judge(f, &ev, AGENT_SCOPE_FOREIGN, "another-site");
}

static void
words_of_the_orchestrator_are_its_own(void **state)
{
	static const char *const kinds[] = {"audit.head", "agent.foreign", "job.verdict",
	    "discovered.new", "agent.absent", "boot.flag"};
	struct fixture *f = *state;

	fill(f);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct event ev = event_make(kinds[i], FIXTURE_NOW);
		judge(f, &ev, AGENT_SCOPE_FOREIGN, "kind-not-of-agents");
	}
}

static void
the_note_names_nothing_as_its_own(void **state)
{
	struct fixture *f = *state;
	struct agent_scope *sc = agent_scope_new(f->store, "los", AGENT);
	struct agent_scope_finding found;
	struct event ev = said("nyc", "a.nyc", JOB_NYC, BOOT_NYC);

	fill(f);
	str_clip(ev.mac, sizeof(ev.mac), "52:54:00:00:00:09");
	str_clip(ev.file, sizeof(ev.file), "\x1b[2Jx");
	assert_int_equal(agent_scope_judge(sc, &ev, &found), 0);
	struct event note = agent_scope_note(sc, &ev, &found, FIXTURE_NOW + 1);
	assert_string_equal(note.kind, "agent.foreign");
	assert_string_equal(note.site, "los");
	assert_int_equal(note.at, FIXTURE_NOW + 1);
	assert_string_equal(note.host, "");
	assert_string_equal(note.job, "");
	assert_string_equal(note.boot, "");
	assert_string_equal(note.mac, "");
	assert_string_equal(event_str(&note, "said_host"), "a.nyc");
	assert_string_equal(event_str(&note, "said_site"), "nyc");
	assert_string_equal(event_str(&note, "said_job"), JOB_NYC);
	assert_string_equal(event_str(&note, "said_kind"), "dhcp4.ack");
	assert_string_equal(event_str(&note, "said_file"), "\\x1b[2Jx");
	assert_string_equal(event_str(&note, "code"), "job-of-another-site");
	event_done(&note);
	agent_scope_free(sc);
	agent_scope_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(each_member_is_a_claim),
	    FIXTURE_TEST(hosts_that_left_are_no_offence),
	    FIXTURE_TEST(jobs_of_a_spool_that_changed_its_site_are_its_own),
	    FIXTURE_TEST(words_of_the_orchestrator_are_its_own),
	    FIXTURE_TEST(the_note_names_nothing_as_its_own),
	};

	return cmocka_run_group_tests_name("agent_scope", tests, NULL, NULL);
}
