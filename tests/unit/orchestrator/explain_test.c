/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recorded traces through the record: what is stored, told to followers and answered is one verdict. */
#include "orchestrator/explain.h"

#include "fixture.h"

#include "db/db_agent.h"
#include "db/db_discovered.h"
#include "db/db_event.h"
#include "lib/agent_msg.h"
#include "lib/stage.h"
#include "orchestrator/deadlines.h"
#include "orchestrator/record.h"

#define AGENT "01k9xyz0a0abcdef"
enum { EVENTS_MAX = 400 };

static json_t *
detail_of(struct event *ev, const char *key)
{
	return json_object_get(ev->detail, key);
}

/* The events of a trace, and the job that they are of. */
static size_t
read_trace(const char *name, struct event *events, struct db_job *job)
{
	char path[200], *line = NULL;
	size_t n = 0, size = 0;

	assert_int_equal(
	    str_format(path, sizeof(path), "tests/data/traces/%s.ndjson", name), 0);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		json_t *v = json_parse(line, strlen(line), NULL);
		if (json_is_string(json_object_get(v, "kind"))) {
			assert_true(n < EVENTS_MAX);
			assert_int_equal(event_from_json(v, &events[n], NULL), 0);
			if (events[n].job[0])
				str_clip(job->id, sizeof(job->id), events[n].job);
			n++;
		}
		json_decref(v);
	}
	free(line);
	fclose(f);
	return n;
}

static void
record_trace(struct fixture *f, const char *name, struct db_job *job)
{
	struct event *events = str_alloc(EVENTS_MAX * sizeof(events[0]));
	struct record_gap gap = {0};
	const struct record_ops ops = {.arg = NULL};
	int64_t held = 0;
	char id[ID_SIZE];

	*job = (struct db_job){.kind = "reinstall",
	    .host = "edge01",
	    .site = "local",
	    .image = "debian",
	    .reason = "x",
	    .by = "ada",
	    .stage = "queued",
	    .created = FIXTURE_NOW,
	    .state = DB_JOB_QUEUED};
	struct agent_msg_report m = {
	    .site = "local", .agent = AGENT, .first = 1, .events = events};
	m.n_events = read_trace(name, events, job);
	assert_int_equal(db_agent_seen(f->store, AGENT, "local", 1, 0), 0);
	assert_int_equal(db_job_add(f->store, job, "{}"), 0);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(record_take(f->store, &m, &gap,
			     (struct record_clock){FIXTURE_NOW, 0}, &ops, &held),
	    0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	str_clip(id, sizeof(id), job->id);
	assert_int_equal(db_job_get(f->store, id, job), 0);
	for (size_t i = 0; i < m.n_events; i++)
		event_done(&events[i]);
	free(events);
}

static const char *
text(const json_t *v, const char *a, const char *b)
{
	const char *s = json_string_value(json_object_get(json_object_get(v, a), b));

	return s ? s : "";
}

struct seen {
	int64_t verdict, failed;
};

static int
look(void *arg, int64_t seq, const struct event *ev)
{
	struct seen *s = arg;

	if (str_eq(ev->kind, "job.verdict"))
		s->verdict = seq;
	else if (str_eq(ev->kind, "job.failed"))
		s->failed = seq;
	return 0;
}

static json_t *
why(struct fixture *f, const char *name)
{
	struct explain_of of;
	json_t *v = NULL;

	assert_int_equal(explain_find(f->store, name, &of), 0);
	assert_int_equal(explain_why(f->store, &of, FIXTURE_NOW, &v), 0);
	return v;
}

static void
what_is_found_is_stored_told_and_answered(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	struct event ev;
	struct db_job job;

	record_trace(f, "booted-old-disk", &job);
	assert_int_equal(job.state, DB_JOB_FAILED);
	assert_string_equal(job.verdict_code, "booted-old-disk");
	assert_string_equal(job.agent_code, "no-dhcp-after-power-on");
	assert_non_null(strstr(job.agent_text, "no network boot request"));
	assert_non_null(strstr(job.verdict_next, "netboot-ctl bmc probe edge01"));
	/* The last boot tells the same, and an earlier one keeps what was said of it. */
	struct db_boot boot;
	assert_int_equal(db_boot_get(f->store, job.boot, &boot), 0);
	assert_string_equal(boot.verdict_code, job.verdict_code);
	assert_string_equal(boot.verdict_text, job.verdict_text);
	assert_string_equal(boot.verdict_next, job.verdict_next);
	/* Before the end, so that nobody reads the end without it. */
	const struct db_event_filter all = {.job = job.id, .limit = 1000};
	assert_int_equal(db_event_list(f->store, &all, look, &seen), 0);
	assert_true(seen.verdict > 0 && seen.verdict + 1 == seen.failed);
	assert_int_equal(db_event_last_of_kind(f->store, "job.verdict", "local", &ev), 0);
	assert_string_equal(json_string_value(detail_of(&ev, "code")), "booted-old-disk");
	assert_string_equal(json_string_value(detail_of(&ev, "text")), job.verdict_text);
	event_done(&ev);

	json_t *v = why(f, job.id);
	assert_string_equal(text(v, "verdict", "code"), "booted-old-disk");
	assert_string_equal(text(v, "verdict", "text"), job.verdict_text);
	assert_true(
	    json_is_false(json_object_get(json_object_get(v, "verdict"), "certain")));
	assert_string_equal(json_string_value(json_object_get(v, "agent_code")),
	    "no-dhcp-after-power-on");
	assert_string_equal(json_string_value(json_object_get(v, "state")), "ended");
	assert_true(json_array_size(json_object_get(v, "evidence")) >= 3);
	assert_true(json_array_size(json_object_get(v, "stages")) >= 4);
	json_decref(v);
}

/* Its first boot failed as the last one did, and is told of itself. */
static void
an_earlier_boot_is_told_by_itself(void **state)
{
	struct fixture *f = *state;
	struct store_names ids = {0};
	struct db_job job;

	record_trace(f, "booted-old-disk", &job);
	assert_int_equal(db_boot_ids(f->store, "edge01", NULL, 10, &ids), 0);
	assert_int_equal(ids.n, 3);
	json_t *v = why(f, ids.v[2]);
	assert_string_equal(text(v, "of", "boot"), ids.v[2]);
	assert_string_equal(text(v, "verdict", "code"), "booted-old-disk");
	json_decref(v);
	/* What the agent said of it when it ended stands before what its stage would mean. */
	assert_int_equal(
	    db_boot_blame(f->store, ids.v[2], "bmc-busy", "no slot is free", "wait"), 0);
	v = why(f, ids.v[2]);
	assert_string_equal(text(v, "verdict", "code"), "bmc-busy");
	assert_string_equal(text(v, "verdict", "text"), "no slot is free");
	json_decref(v);
	store_names_done(&ids);
}

/* Rows from before names were filled in when they were stored. */
static void
an_old_next_step_gets_its_names(void **state)
{
	struct fixture *f = *state;
	struct db_job job;

	record_trace(f, "well.reinstall", &job);
	job.state = DB_JOB_CANCELLED;
	str_clip(job.verdict_code, sizeof(job.verdict_code), "left-off");
	str_clip(job.verdict_text, sizeof(job.verdict_text), "it is left off");
	str_clip(job.verdict_next, sizeof(job.verdict_next), "power on HOST, on debian");
	assert_int_equal(db_job_update(f->store, &job), 0);
	json_t *v = why(f, job.id);
	assert_string_equal(text(v, "verdict", "code"), "left-off");
	assert_string_equal(text(v, "verdict", "next"), "power on edge01, on debian");
	json_decref(v);
}

static void
what_went_well_has_no_verdict(void **state)
{
	struct fixture *f = *state;
	struct event ev;
	struct db_job job;

	record_trace(f, "well.reinstall", &job);
	assert_int_equal(job.state, DB_JOB_DONE);
	assert_string_equal(job.verdict_code, "");
	assert_int_equal(
	    db_event_last_of_kind(f->store, "job.verdict", NULL, &ev), -ENOENT);
	json_t *v = why(f, job.id);
	assert_string_equal(text(v, "verdict", "code"), "well");
	json_decref(v);
}

static void
what_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct explain_of of;

	assert_int_equal(explain_find(f->store, "nobody", &of), -ENOENT);
	assert_string_equal(fixture_apply(f, FIXTURE_DOCUMENT, NULL), "");
	json_t *v = why(f, "a.los");
	assert_string_equal(text(v, "verdict", "code"), "no-job");
	assert_string_equal(json_string_value(json_object_get(v, "state")), "none");
	json_decref(v);
}

/* `n` jobs of a host, each of whose firmware asked after so many seconds. */
static void
add_past(struct fixture *f, int n, int64_t seconds, const char *image)
{
	for (int i = 0; i < n; i++) {
		struct db_job job = {.kind = "reinstall",
		    .host = "a.los",
		    .site = "los",
		    .reason = "x",
		    .by = "ada",
		    .stage = "done",
		    .created = FIXTURE_NOW,
		    .state = DB_JOB_QUEUED};
		struct db_job_stage g = {.attempt = 1, .deadline_us = -1, .seq = i + 1};

		assert_int_equal(
		    str_format(job.id, sizeof(job.id), "01k9xyz0a0%06d", i), 0);
		str_clip(job.image, sizeof(job.image), image);
		str_clip(g.job, sizeof(g.job), job.id);
		assert_int_equal(db_job_add(f->store, &job, "{}"), 0);
		job.state = DB_JOB_DONE;
		job.ended = FIXTURE_NOW + 1;
		assert_int_equal(db_job_update(f->store, &job), 0);
		for (int s = 0; s < 2; s++) {
			str_clip(
			    g.stage, sizeof(g.stage), s ? "kernel" : "firmware-dhcp");
			str_clip(g.state, sizeof(g.state), "entered");
			g.at = FIXTURE_NOW;
			assert_int_equal(db_job_stage_put(f->store, &g), 0);
			str_clip(g.state, sizeof(g.state), "confirmed");
			g.at = FIXTURE_NOW + (seconds + i % 2) * USEC_PER_SEC;
			assert_int_equal(db_job_stage_put(f->store, &g), 0);
		}
	}
}

static int64_t
deadline(const struct bundle_image *image, const char *stage)
{
	return json_integer_value(json_object_get(image->deadlines, stage));
}

static void
deadlines_come_from_the_past(void **state)
{
	struct fixture *f = *state;
	struct bundle_image *image = str_alloc(sizeof(*image));
	char told[DEADLINES_TEXT_SIZE];
	struct error err;

	str_clip(image->name, sizeof(image->name), "debian");
	add_past(f, USUAL_ENOUGH, 199, "other");
	assert_int_equal(
	    deadlines_from_past(f->store, "a.los", image, told, sizeof(told), &err), 0);
	/* What comes before the image is the machine's; what comes after it, the image's. */
	assert_int_equal(deadline(image, "firmware-dhcp"), 400);
	assert_int_equal(deadline(image, "kernel"), 0);
	assert_string_equal(
	    told, "firmware-dhcp 6m40s (10 boots, nine of ten within 3m20s)");
	/* What the image says itself stands. */
	json_object_set_new(image->deadlines, "firmware-dhcp", json_integer(77));
	assert_int_equal(
	    deadlines_from_past(f->store, "a.los", image, told, sizeof(told), &err), 0);
	assert_int_equal(deadline(image, "firmware-dhcp"), 77);
	assert_string_equal(told, "");
	/* Another host has no past. */
	json_decref(image->deadlines);
	image->deadlines = NULL;
	assert_int_equal(
	    deadlines_from_past(f->store, "b.los", image, told, sizeof(told), &err), 0);
	assert_null(image->deadlines);
	free(image);
}

/* ---- what an end costs ---- */

#define UUID "00010203-0405-0607-0809-0a0b0c0d0e0f"
#define STRANGER "52:54:00:99:00:01"
#define JOB "01k9xyz0a1000000"
enum { END_READS_MAX = 1600 };

static void
add_event(struct fixture *f, const char *kind, const char *mac, const char *detail)
{
	struct event ev = event_make(kind, FIXTURE_NOW + 1);

	str_clip(ev.site, sizeof(ev.site), "los");
	if (mac) {
		str_clip(ev.mac, sizeof(ev.mac), mac);
	} else {
		str_clip(ev.host, sizeof(ev.host), "a.los");
		str_clip(ev.job, sizeof(ev.job), JOB);
	}
	ev.bytes = 1;
	ev.detail = fixture_json(detail);
	assert_int_equal(db_event_add(f->store, &ev, NULL, 0, NULL), 0);
	event_done(&ev);
}

static void
add_discovered(struct fixture *f, int i, const char *site, const char *uuid)
{
	struct db_discovered d = {.vendor_class = "PXEClient:Arch:00007", .seen = 1};

	snprintf(d.mac, sizeof(d.mac), "52:54:00:99:%02x:%02x", i / 256 % 256, i % 256);
	str_clip(d.site, sizeof(d.site), site);
	str_clip(d.uuid, sizeof(d.uuid), uuid);
	d.first_seen = d.last_seen = FIXTURE_NOW + 1;
	assert_true(db_discovered_note(f->store, &d) >= 0);
}

/* A host of this UUID with a past, whose job waits for its firmware. */
static void
add_job(struct fixture *f, const char *uuid)
{
	struct db_job job = {.id = JOB,
	    .kind = "reinstall",
	    .host = "a.los",
	    .site = "los",
	    .image = "debian",
	    .reason = "x",
	    .by = "ada",
	    .stage = "firmware-dhcp",
	    .attempt = 1,
	    .created = FIXTURE_NOW,
	    .state = DB_JOB_QUEUED};
	char doc[800];

	snprintf(doc, sizeof(doc),
	    "{'sites':[" FIXTURE_SITE "],'images':[" FIXTURE_IMAGE
	    "],'hosts':[{'name':'a.los','site':'los','image':'debian','uuid':'%s',"
	    "'nics':[{'mac':'52:54:00:00:00:01','ip':'10.0.0.1'}],"
	    "'bmc':{'address':'10.9.0.1','user':'u','password':'p1'}}]}",
	    uuid);
	assert_string_equal(fixture_apply(f, doc, NULL), "");
	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
	add_past(f, 2 * USUAL_MAX, 60, "debian");
	assert_int_equal(db_job_add(f->store, &job, "{}"), 0);
	job.state = DB_JOB_RUNNING;
	assert_int_equal(db_job_update(f->store, &job), 0);
}

static void
begin_attempt(struct fixture *f, int64_t seq_of_stage)
{
	static const char *const stages[] = {"override", "power", "firmware-dhcp"};
	struct db_job_stage g = {.job = JOB,
	    .attempt = 1,
	    .stage = "override",
	    .state = "entered",
	    .deadline_us = -1,
	    .seq = seq_of_stage};
	char detail[120];

	add_event(f, "job.attempt", NULL, "{'attempt':1}");
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		snprintf(detail, sizeof(detail),
		    "{'stage':'%s','state':'entered','deadline_us':1000000}", stages[i]);
		add_event(f, "job.stage", NULL, detail);
	}
	add_event(f, "ipmi.control", NULL, "{}");
	add_event(f, "power.state", NULL, "{'power':'on'}");
	assert_int_equal(db_job_stage_put(f->store, &g), 0);
}

/* The report that ends it; returns how many rows were read for that. */
static int64_t
fail_job(struct fixture *f, struct db_job *job)
{
	struct event end = event_make("job.failed", FIXTURE_NOW + 400 * USEC_PER_SEC);
	struct agent_msg_report m = {
	    .site = "los", .agent = AGENT, .first = 1, .events = &end, .n_events = 1};
	struct record_gap gap = {0};
	const struct record_ops ops = {.arg = NULL};
	int64_t held = 0;

	str_clip(end.host, sizeof(end.host), "a.los");
	str_clip(end.job, sizeof(end.job), JOB);
	end.detail = fixture_json("{'code':'no-dhcp-after-power-on','text':'nothing',"
				  "'next':'look','stage':'firmware-dhcp'}");
	int64_t rows = db_rows(store_db(f->store));
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(record_take(f->store, &m, &gap,
			     (struct record_clock){FIXTURE_NOW, 0}, &ops, &held),
	    0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	rows = db_rows(store_db(f->store)) - rows;
	event_done(&end);
	assert_int_equal(db_job_get(f->store, JOB, job), 0);
	assert_int_equal(job->state, DB_JOB_FAILED);
	return rows;
}

/* A dead switch ends two hundred jobs in one report. */
static void
an_end_reads_little(void **state)
{
	struct fixture *f = *state;
	struct db_job job;
	char mac[ADDR_MAC_TEXT];
	int64_t seq;

	add_job(f, UUID);
	assert_int_equal(db_event_last(f->store, &seq), 0);
	begin_attempt(f, seq + 2);
	for (int i = 0; i < 3000; i++) {
		add_event(f, "http.progress", NULL, "{'class':'kernel'}");
		snprintf(mac, sizeof(mac), "52:54:01:99:%02x:%02x", i / 256, i % 256);
		add_event(f, "dhcp4.discover", mac, "{'class':'pxe','uuid':'x'}");
	}
	for (int i = 0; i < DB_DISCOVERED_MAX; i++)
		add_discovered(f, i, "los", "99999999-0405-0607-0809-0a0b0c0d0e0f");
	int64_t rows = fail_job(f, &job);
	if (rows > END_READS_MAX)
		fail_msg("%lld rows were read", (long long)rows);
	/* How it began is known all the same. */
	assert_non_null(strstr(job.verdict_text, "the power was seen on"));
}

/* Of the newest events of an open job, and of none that has ended. */
static void
an_open_one_is_judged_too(void **state)
{
	struct fixture *f = *state;
	const struct verdict_row *found;
	struct db_job job;
	int64_t seq;

	add_job(f, UUID);
	assert_int_equal(db_event_last(f->store, &seq), 0);
	begin_attempt(f, seq + 2);
	assert_int_equal(explain_open(f->store, JOB, FIXTURE_NOW, &found), 0);
	assert_null(found);
	for (int i = 0; i < 1000; i++)
		add_event(f, "http.progress", NULL, "{'class':'kernel'}");
	add_event(f, "job.ticket", NULL, "{'state':'consumed'}");
	add_event(f, "job.stage", NULL, "{'stage':'os-up','state':'entered'}");
	add_event(f, "sol.line", NULL,
	    "{'class':'panic','line':'Kernel panic - not syncing: x'}");
	int64_t rows = db_rows(store_db(f->store));
	assert_int_equal(explain_open(f->store, JOB, FIXTURE_NOW, &found), 0);
	assert_true(db_rows(store_db(f->store)) - rows < 400);
	assert_string_equal(found->code, "kernel-panic-seen");
	fail_job(f, &job);
	assert_int_equal(explain_open(f->store, JOB, FIXTURE_NOW, &found), 0);
	assert_null(found);
	assert_int_equal(explain_open(f->store, "nobody", FIXTURE_NOW, &found), 0);
}

/* A host of that UUID fails in silence, while a machine asks behind so many others, and is discovered at a site with a UUID. */
static void
fail_beside_stranger(
    struct fixture *f, int others, const char *site, const char *uuid, struct db_job *job)
{
	add_job(f, UUID);
	begin_attempt(f, 0);
	for (int i = 0; i < others; i++)
		add_event(f, "dhcp4.discover", "52:54:01:00:00:01", "{'class':'pxe'}");
	add_event(f, "dhcp4.discover", STRANGER, "{'class':'pxe','uuid':'" UUID "'}");
	add_event(f, "job.stage", NULL, "{'stage':'firmware-dhcp','state':'missed'}");
	add_discovered(f, 1, site, uuid);
	fail_job(f, job);
}

static void
a_strangers_event_is_found(void **state)
{
	struct db_job job;

	fail_beside_stranger(*state, 0, "los", UUID, &job);
	assert_string_equal(job.verdict_code, "wrong-nic-asked");
	assert_non_null(strstr(job.verdict_text, "dhcp4.discover from " STRANGER));
}

/* … also among the requests of a whole fleet, and with its UUID the other way round. */
static void
a_stranger_in_a_crowd_is_found(void **state)
{
	struct db_job job;

	fail_beside_stranger(
	    *state, 1000, "los", "03020100-0504-0706-0809-0a0b0c0d0e0f", &job);
	assert_string_equal(job.verdict_code, "wrong-nic-asked");
	assert_non_null(strstr(job.verdict_text, STRANGER " asked"));
}

static void
no_stranger_is_taken_for_it(void **state)
{
	struct db_job job;

	fail_beside_stranger(*state, 0, "elsewhere", UUID, &job);
	assert_string_equal(job.verdict_code, "no-dhcp-after-power-on");
}

static void
a_uuid_of_everybody_names_nobody(void **state)
{
	static const char amis[] = "03000200-0400-0500-0006-000700080009";
	struct fixture *f = *state;
	struct db_job job;

	add_job(f, amis);
	begin_attempt(f, 0);
	add_discovered(f, 1, "los", amis);
	fail_job(f, &job);
	assert_string_equal(job.verdict_code, "no-dhcp-after-power-on");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		what_is_found_is_stored_told_and_answered, fixture_open, fixture_close),
	    cmocka_unit_test_setup_teardown(
		an_earlier_boot_is_told_by_itself, fixture_open, fixture_close),
	    cmocka_unit_test_setup_teardown(
		an_old_next_step_gets_its_names, fixture_open, fixture_close),
	    cmocka_unit_test_setup_teardown(
		what_went_well_has_no_verdict, fixture_open, fixture_close),
	    cmocka_unit_test_setup_teardown(
		what_is_not_there, fixture_open, fixture_close),
	    cmocka_unit_test_setup_teardown(
		deadlines_come_from_the_past, fixture_open, fixture_close),
	    FIXTURE_TEST(an_end_reads_little),
	    FIXTURE_TEST(an_open_one_is_judged_too),
	    FIXTURE_TEST(a_strangers_event_is_found),
	    FIXTURE_TEST(a_stranger_in_a_crowd_is_found),
	    FIXTURE_TEST(no_stranger_is_taken_for_it),
	    FIXTURE_TEST(a_uuid_of_everybody_names_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
