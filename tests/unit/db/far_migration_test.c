/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A database of the release before sites could be far away (schema 15), with jobs under way, ten thousand that have ended and
 * their events: what it is when it has been opened by this one. */
#include <stdio.h>
#include <unistd.h>

#include "past_kit.h"

#include "db/db_agent.h"
#include "db/db_agent_cert.h"
#include "db/db_event.h"
#include "db/db_place.h"
#include "db/db_scope.h"

enum { BEFORE = 15, MANY = 10000 };

#define NUMBERS                                                                      \
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " \
	"10000) "

static const char *const past[] = {
    "INSERT INTO site (name, timezone, url, answer_unknown, idle, version, rev) VALUES "
    "('los', 'Africa/Lagos', 'http://10.0.0.1', FALSE, 'local', 7, 3)",
    "INSERT INTO image (name, kind, args, reports_up, reports_installed, reports_booted, "
    "local_boot, rev) VALUES ('deb', 'reinstall', '', TRUE, TRUE, FALSE, TRUE, 1)",
    "INSERT INTO image_file (image, role, ord, name, path, sha256, size) VALUES ('deb', "
    "'kernel', 0, 'vmlinuz', 'deb/vmlinuz', 'ab', 6)",
    "INSERT INTO host (name, site, firmware, local_boot, image, rev) VALUES ('a', 'los', "
    "'uefi', 'exit1', 'deb', 1)",
    "INSERT INTO agent (id, site, first_seen, last_seen, last_seq, table_version) VALUES "
    "('0123456789abcdef', 'los', 1, 9, 10000, 7)",
    "INSERT INTO job (id, kind, host, site, image, reason, by_whom, created, state, "
    "stage, attempt, agent, sent, bundle) VALUES ('j-open', 'reinstall', 'a', 'los', "
    "'deb', 'INC', 'ann', 5, 'running', 'kernel', 1, '0123456789abcdef', 6, '{}'),"
    " ('j-new', 'reboot', 'b', 'los', NULL, 'INC', 'ann', 5, 'queued', 'queued', 0, "
    "NULL, NULL, '{}')",
    NUMBERS "INSERT INTO job (id, kind, host, site, reason, by_whom, created, state, "
	    "stage, attempt, ended, bundle) SELECT 'old' || i, 'power', 'a', 'los', "
	    "'INC', 'ann', i, 'done', 'done', 1, i + 1, '{}' FROM n",
    NUMBERS "INSERT INTO event (seq, at, kind, site, host, job, agent, agent_seq) SELECT "
	    "i, i, 'job.done', 'los', 'a', 'old' || i, '0123456789abcdef', i FROM n",
};

static int
count(void *arg, int64_t seq, const struct event *ev)
{
	int64_t *n = arg;

	assert_int_equal(ev->said_at, 0);
	assert_int_equal(ev->at, seq);
	++*n;
	return 0;
}

static void
check_jobs(struct store *s)
{
	struct store_names due = {0};
	struct db_job job;
	char id[ID_SIZE];

	assert_int_equal(db_job_get(s, "j-open", &job), 0);
	assert_int_equal(job.not_before, 0);
	assert_int_equal(job.not_after, 0);
	assert_int_equal(job.image_until, 0);
	assert_string_equal(job.origin, "");
	assert_false(db_job_waits(&job));
	assert_int_equal(db_job_open_of_host(s, "a", id), 0);
	assert_string_equal(id, "j-open");
	/* What no agent was given is due as before; what was ended is not. */
	assert_int_equal(db_job_due_of_site(s, "los", false, 100, &due), 0);
	assert_int_equal(due.n, 1);
	assert_string_equal(due.v[0], "j-new");
	store_names_done(&due);
	/* A host has one open job still, but those that wait for their time. */
	job = (struct db_job){.state = DB_JOB_QUEUED, .created = 6};
	str_clip(job.id, sizeof(job.id), "j-two");
	str_clip(job.kind, sizeof(job.kind), "reboot");
	str_clip(job.host, sizeof(job.host), "a");
	str_clip(job.site, sizeof(job.site), "los");
	str_clip(job.stage, sizeof(job.stage), "queued");
	assert_int_equal(db_job_add(s, &job, "{}"), -EEXIST);
	job.not_before = 7;
	job.not_after = 8;
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
}

static void
check_events(struct store *s)
{
	const struct db_event_filter all = {.limit = INT64_MAX};
	const struct event ev = event_make("job.done", 1);
	struct db_agent agent;
	int64_t n = 0;

	assert_int_equal(db_event_list(s, &all, count, &n), 0);
	assert_int_equal(n, MANY);
	assert_int_equal(db_agent_get(s, "0123456789abcdef", &agent), 0);
	assert_int_equal(agent.last_seq, MANY);
	assert_int_equal(agent.stepped, 0);
	assert_int_equal(agent.restarts, 0);
	/* Each was taken once, and is not taken again. */
	assert_int_equal(db_event_add(s, &ev, "0123456789abcdef", MANY, NULL), -EEXIST);
	assert_int_equal(db_event_add(s, &ev, "0123456789abcdef", MANY + 1, NULL), 0);
}

static void
check_inventory(struct store *s)
{
	struct db_image *image = str_alloc(sizeof(*image));
	struct db_site *site = str_alloc(sizeof(*site));
	struct db_place_stock stock;
	struct db_scope_host of;
	int64_t shut = 1;

	assert_int_equal(db_site_get(s, "los", site), 0);
	assert_int_equal(site->n_caps, 0);
	assert_int_equal(site->n_peers, 0);
	assert_int_equal(site->site.version, 7);
	assert_int_equal(db_image_get(s, "deb", image), 0);
	assert_string_equal(image->image.kernel.url, "");
	db_image_done(image);
	assert_int_equal(db_place_stock_get(s, "los", &stock), -ENOENT);
	assert_int_equal(db_scope_host(s, "a", "los", &of), 0);
	assert_string_equal(of.site, "los");
	assert_int_equal(of.was_at, 0);
	assert_int_equal(db_agent_cert_shut(s, "los", &shut), 0);
	assert_int_equal(shut, 0);
	free(image);
	free(site);
}

static void
a_full_database_of_schema_15(void **state)
{
	char dir[] = "/tmp/far_migration-XXXXXX", path[64], name[80];
	struct store *s = NULL;
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/o.db", dir);
	past_make(path, BEFORE, past, ARRAY_SIZE(past));
	if (store_open(path, FIXTURE_NOW, &s, &err) < 0)
		fail_msg("%s", err.text);
	check_inventory(s);
	fixture_begin(s);
	check_jobs(s);
	check_events(s);
	fixture_commit(s);
	store_close(s);
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%s", path, i ? ".lock" : "");
		remove(name);
	}
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_full_database_of_schema_15),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
