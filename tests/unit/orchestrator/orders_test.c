/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/orders.h"

#include "fixture.h"

#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "lib/clock.h"

static int64_t
silence_of_all(void *arg, const char *site)
{
	(void)site;
	return *(int64_t *)arg;
}

/* Parses, checks and (without a refusal) writes; returns the code, "" for success. */
static const char *
order_at(struct fixture *f, const char *text, int64_t silence, int64_t now)
{
	static char code[ERROR_CODE_SIZE];
	struct rng rng = rng_seeded(3);
	const struct orders_context ctx = {.store = f->store,
	    .rng = &rng,
	    .images_root = f->root,
	    .silence = silence_of_all,
	    .arg = &silence,
	    .now = now};
	struct orders_request rq;
	struct orders *o = NULL;
	struct error err = {.code = ""};
	json_t *v = fixture_json(text), *errors = NULL;
	int rc = orders_request_parse(v, &rq, &err);

	if (rc == 0)
		rc = orders_new(&ctx, &rq, &fixture_who, &o, &errors, &err);
	if (rc == 0 && !rq.dry_run) {
		assert_int_equal(db_begin(store_db(f->store)), 0);
		assert_int_equal(orders_write(o), 0);
		assert_int_equal(db_commit(store_db(f->store)), 0);
	}
	orders_free(o);
	json_decref(errors);
	json_decref(v);
	str_clip(code, sizeof(code), err.code);
	return code;
}

static const char *
order(struct fixture *f, const char *text, int64_t silence)
{
	return order_at(f, text, silence, FIXTURE_NOW);
}

static int
setup(void **state)
{
	fixture_open(state);
	assert_string_equal(fixture_apply(*state, FIXTURE_DOCUMENT, NULL), "");
	return 0;
}

static void
a_bundle_is_complete_and_without_the_password(void **state)
{
	struct fixture *f = *state;
	struct bundle *b = str_alloc(sizeof(*b));
	struct error err = {.code = ""};
	char id[ID_SIZE], *text = NULL;

	assert_string_equal(order(f,
				"{'kind':'reinstall','hosts':'a.los','reason':'INC','"
				"hard':true,'graceful_s':5}",
				0),
	    "");
	assert_int_equal(db_job_open_of_host(f->store, "a.los", id), 0);
	assert_int_equal(db_job_bundle(f->store, id, &text), 0);
	assert_null(strstr(text, "p1"));
	json_t *v = json_parse(text, strlen(text), &err);
	assert_int_equal(bundle_from_json(v, b, &err), 0);
	assert_string_equal(b->job, id);
	assert_string_equal(b->image.name, "debian");
	assert_int_equal(b->image.kernel.size, 6);
	assert_string_equal(b->bmc.address, "10.9.0.1");
	assert_string_equal(b->reason, "INC");
	assert_string_equal(b->by, "ada");
	assert_int_equal(b->force, BUNDLE_FORCE_AT_ONCE);
	assert_int_equal(b->graceful_us, 5000000);
	struct orders_request again;
	assert_int_equal(orders_request_from_bundle(v, &again, &err), 0);
	assert_string_equal(again.hosts, "a.los");
	assert_string_equal(again.image, "debian");
	assert_int_equal(again.graceful_s, 5);
	bundle_done(b);
	free(b);
	json_decref(v);
	free(text);
}

/* What forbids force must not come to an agent that would pass it over: it reads version 1 alone. */
static void
what_forbids_force_says_so_to_agents(void **state)
{
	struct fixture *f = *state;
	struct bundle *b = str_alloc(sizeof(*b));
	struct error err = {.code = ""};
	char id[ID_SIZE], *text = NULL;
	struct orders_request again;

	assert_string_equal(
	    order(f, "{'kind':'reboot','hosts':'a.los','reason':'r','force':'never'}", 0),
	    "");
	assert_int_equal(db_job_open_of_host(f->store, "a.los", id), 0);
	assert_int_equal(db_job_bundle(f->store, id, &text), 0);
	json_t *v = json_parse(text, strlen(text), &err);
	assert_int_equal(json_integer_value(json_object_get(v, "v")), 2);
	assert_int_equal(bundle_from_json(v, b, &err), 0);
	assert_int_equal(b->force, BUNDLE_FORCE_NEVER);
	assert_int_equal(orders_request_from_bundle(v, &again, &err), 0);
	assert_true(again.force_set && again.force == BUNDLE_FORCE_NEVER);
	bundle_done(b);
	free(b);
	json_decref(v);
	free(text);
}

static void
refusals(void **state)
{
	static const struct {
		const char *request, *code;
	} table[] = {
	    {"{'kind':'reinstall','hosts':'a.los'}", "reason-missing"},
	    {"{'kind':'reinstall','hosts':'','reason':'r'}", "bad-value"},
	    {"{'kind':'format','hosts':'a.los','reason':'r'}", "bad-value"},
	    {"{'kind':'power','hosts':'a.los','reason':'r'}", "bad-value"},
	    {"{'kind':'power','hosts':'a.los','reason':'r','action':'burn'}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','image':'debian'}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','graceful_s':-1}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','force':'often'}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','force':'never','hard':true}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','force':'never','graceful_s':"
	     "0}",
		"bad-value"},
	    {"{'kind':'power','hosts':'a.los','reason':'r','action':'cycle','force':"
	     "'never'}",
		"bad-value"},
	    {"{'kind':'rescue','hosts':'a.los','reason':'r','hook':'reboot'}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','hook':'a','hard':true}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','hook':'a\\nb'}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','at':'soon'}", "bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','window_s':60}", "bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','at':'2001-01-01T00:00:00Z'}",
		"bad-value"},
	    {"{'kind':'reboot','hosts':'a.los','reason':'r','at':'2901-01-01T00:00:00Z'}",
		"bad-value"},
	    {"{'kind':'boot','hosts':'a.los','reason':'r'}", "image-unknown"},
	    {"{'kind':'live','hosts':'a.los','reason':'r'}", "image-unknown"},
	    {"{'kind':'live','hosts':'a.los','reason':'r','image':'debian'}",
		"image-kind"},
	    {"{'kind':'reinstall','hosts':'a.los','reason':'r','image':'none'}",
		"image-unknown"},
	    {"{'kind':'reinstall','hosts':'x','reason':'r'}", "host-unknown"},
	    {"{'kind':'reinstall','hosts':'a','reason':'r'}", "host-unknown"},
	    {"{'kind':'reinstall','hosts':'all','reason':'r'}", "confirmation-needed"},
	    {"{'kind':'power','action':'off','hosts':'all','reason':'r'}",
		"confirmation-needed"},
	    {"{'kind':'reinstall','hosts':'all','reason':'r','yes':true,'limit':2}",
		"too-many-hosts"},
	    {"{'kind':'reinstall','hosts':'a.los,locked.los','reason':'r','yes':true}",
		"host-locked"},
	    {"{'kind':'reboot','hosts':'bare.los','reason':'r'}", "no-bmc"},
	    {"{'kind':'boot','image':'debian','hosts':'macless.los','reason':'r'}",
		"no-boot-mac"},
	};
	struct fixture *f = *state;
	struct store_names ids = {0};
	const struct db_job_filter all = {.open = -1, .limit = 10};
	int64_t last = -1;

	assert_string_equal(fixture_apply(f,
				"{'hosts':[{'name':'bare.los','site':'los'},{'name':'"
				"macless.los','site':'los',"
				"'bmc':{'address':'10.9.1.1'}},{'name':'locked.los','"
				"site':'los','bmc':{'address':'10.9.1.2'}}]}",
				NULL),
	    "");
	assert_int_equal(db_host_lock(f->store, "locked.los", "ada", "x", 5), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_string_equal(order(f, table[i].request, 0), table[i].code);
	assert_int_equal(db_job_ids(f->store, &all, &ids), 0);
	assert_int_equal(ids.n, 0);
	assert_int_equal(db_event_last(f->store, &last), 0);
	assert_int_equal(last, 0);
}

static void
an_absent_agent_is_no_queue(void **state)
{
	static const char request[] = "{'kind':'reboot','hosts':'a.los','reason':'r'}";
	struct fixture *f = *state;

	assert_string_equal(order(f, request, INT64_MAX), "agent-absent");
	assert_string_equal(order(f, request, 61000000), "agent-absent");
	assert_string_equal(order(f, request, 59000000), "");
	assert_string_equal(order(f, request, 0), "host-busy");
}

/* FIXTURE_NOW is in the year that `at` names. */
static void
one_for_later_holds_no_host(void **state)
{
	struct fixture *f = *state;
	struct store_names ids = {0};
	struct db_job job;
	char id[ID_SIZE], at[CLOCK_TEXT_SIZE], request[256];
	static const char now[] = "{'kind':'reboot','hosts':'a.los','reason':'r'}";

	clock_text(FIXTURE_NOW + 3600 * USEC_PER_SEC, at, sizeof(at));
	snprintf(request, sizeof(request),
	    "{'kind':'reboot','hosts':'a.los','reason':'r','at':'%s','window_s':60}", at);
	assert_string_equal(order(f, request, 0), "");
	assert_int_equal(db_job_open_of_host(f->store, "a.los", id), -ENOENT);
	assert_int_equal(db_job_any_of_host(f->store, "a.los", id), 0);
	assert_int_equal(db_job_get(f->store, id, &job), 0);
	assert_true(db_job_waits(&job));
	assert_int_equal(job.not_before, FIXTURE_NOW + 3600 * USEC_PER_SEC);
	assert_int_equal(job.not_after, job.not_before + 60 * USEC_PER_SEC);
	assert_string_equal(order(f, now, 0), "");
	assert_string_equal(order(f, now, 0), "host-busy");
	assert_string_equal(order(f, request, 0), "");
	assert_int_equal(db_job_waiting_of_host(f->store, "a.los", &ids), 0);
	assert_int_equal(ids.n, 2);
	store_names_done(&ids);
	/* Begun, it is what its host is busy with, beside the other that was begun before. */
	job.state = DB_JOB_RUNNING;
	assert_int_equal(db_job_update(f->store, &job), 0);
	assert_int_equal(db_job_waiting_of_host(f->store, "a.los", &ids), 0);
	assert_int_equal(ids.n, 1);
	store_names_done(&ids);
}

static void
files_are_looked_at_again(void **state)
{
	static const char request[] =
	    "{'kind':'reinstall','hosts':'a.los','reason':'r','dry_run':true}";
	struct fixture *f = *state;
	char path[160];

	assert_string_equal(order(f, request, 0), "");
	fixture_file(f, "initrd.gz", "other size");
	assert_string_equal(order(f, request, 0), "image-altered");
	snprintf(path, sizeof(path), "%s/initrd.gz", f->root);
	unlink(path);
	assert_string_equal(order(f, request, 0), "image-missing");
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_string_equal(order(f, request, 0), "image-unreadable");
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_string_equal(order(f, request, 0), "image-unreadable");
}

static void
several_hosts_get_jobs_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct store_names ids = {0};
	const struct db_job_filter all = {.open = 1, .limit = 10};

	assert_string_equal(
	    order(f, "{'kind':'power','action':'on','hosts':'all','reason':'r'}", 0), "");
	assert_int_equal(db_job_ids(f->store, &all, &ids), 0);
	assert_int_equal(ids.n, 3);
	assert_string_not_equal(ids.v[0], ids.v[1]);
	store_names_done(&ids);
}

static void
end_job_of(struct fixture *f, const char *host, char ret_id[ID_SIZE])
{
	struct db_job job;

	assert_int_equal(db_job_open_of_host(f->store, host, ret_id), 0);
	assert_int_equal(db_job_get(f->store, ret_id, &job), 0);
	job.state = DB_JOB_FAILED;
	job.ended = FIXTURE_NOW;
	assert_int_equal(db_job_update(f->store, &job), 0);
}

/* Lists are in order of ids: the newest job of a host decides what status and retry speak of. */
static void
a_clock_that_is_set_back_leaves_the_order(void **state)
{
	static const char request[] = "{'kind':'reboot','hosts':'a.los','reason':'r'}";
	static const int64_t hours[] = {0, -1, -1, -30, 0, 1};
	struct fixture *f = *state;
	char before[ID_SIZE] = "", id[ID_SIZE], last[ID_SIZE];
	struct db_job job;

	for (size_t i = 0; i < ARRAY_SIZE(hours); i++) {
		int64_t now = FIXTURE_NOW + hours[i] * 3600 * USEC_PER_SEC;
		assert_string_equal(order_at(f, request, 0, now), "");
		end_job_of(f, "a.los", id);
		assert_true(strcmp(id, before) > 0);
		assert_int_equal(db_job_last_of_host(f->store, "a.los", last), 0);
		assert_string_equal(last, id);
		assert_int_equal(db_job_get(f->store, id, &job), 0);
		assert_int_equal(job.created, now);
		strcpy(before, id);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_bundle_is_complete_and_without_the_password, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		what_forbids_force_says_so_to_agents, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(refusals, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		an_absent_agent_is_no_queue, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		one_for_later_holds_no_host, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		files_are_looked_at_again, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		several_hosts_get_jobs_of_their_own, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		a_clock_that_is_set_back_leaves_the_order, setup, fixture_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
