// SPDX-License-Identifier: GPL-3.0-or-later
/* The figures that are true at the moment of a scrape, read from the database and from what the event loop copied.
 *
 * Entry point: scrape_text(), in the thread that reads the database. Ownership: the scrape's parts are freed by
 * scrape_done(). No host, job or address is a label, so that the length of the text depends on sites and kinds alone;
 * what takes time depends on the jobs that are open. Failure modes: a database that cannot be read refuses the whole
 * scrape, since a Prometheus takes zeros for the truth, and a failed scrape for what it is. */
#include "orchestrator/scrape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "db/db_agent.h"
#include "db/db_hold.h"
#include "db/db_metrics.h"
#include "db/db_site.h"
#include "lib/compiler.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "orchestrator/presence.h"
#include "orchestrator/process_stat.h"

static const char *const kinds[] = {
    "reinstall", "rescue", "live", "boot", "reboot", "power"};
static const enum db_job_state states[] = {
    DB_JOB_QUEUED, DB_JOB_ACCEPTED, DB_JOB_RUNNING};

static const char *const rollout_states[] = {
    "waiting-approval", "planned", "running", "paused", "halted"};
static const char *const rollout_host_states[] = {"waiting", "gate-before", "job",
    "gate-after", "soak", "ok", "failed", "skipped", "deferred", "lost"};
static const char *const schedule_states[] = {"active", "paused", "ended"};

/* How many there are of each of some words. */
struct tally {
	const char *const *words;
	size_t n_words;
	int64_t n[ARRAY_SIZE(rollout_host_states)];
};

/* One site of the inventory. */
struct site_figures {
	UT_hash_handle hh;
	char name[64];
	struct dispatch_stat agent;
	int64_t hosts, open, overdue;
	bool frozen;
};

struct figures {
	const struct scrape *scrape;
	struct expo *x;
	struct site_figures *sites;
	int64_t jobs[ARRAY_SIZE(kinds) + 1]
		    [ARRAY_SIZE(states)]; /* the last: another kind */
	struct tally rollouts, rollout_hosts, schedules;
	int64_t due; /* of schedules; 0: none is */
	bool stopped;
	int64_t in_stage[STAGE_COUNT], oldest_us[STAGE_COUNT], overdue[STAGE_COUNT];
};

/* ---- reading ---- */

static size_t
kind_index(const char *kind)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(kinds) && !str_eq(kinds[i], kind))
		i++;
	return i;
}

static void
add_job(void *arg, const struct db_metrics_job *job)
{
	struct figures *f = arg;
	int64_t age = job->entered ? f->scrape->wall - job->entered : 0;
	bool overdue = job->entered && job->deadline_us >= 0 && age > job->deadline_us;
	struct site_figures *site;
	enum stage stage;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (states[i] == job->state)
			f->jobs[kind_index(job->kind)][i]++;
	HASH_FIND_STR(f->sites, job->site, site);
	if (site) {
		site->open++;
		site->overdue += overdue;
	}
	if (stage_parse(job->stage, &stage) < 0)
		return;
	f->in_stage[stage]++;
	f->overdue[stage] += overdue;
	if (age > f->oldest_us[stage])
		f->oldest_us[stage] = age;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct dispatch_stat *)a)->site,
	    ((const struct dispatch_stat *)b)->site);
}

static void
take_agent(struct figures *f, struct store *s, struct site_figures *site)
{
	const struct scrape *sc = f->scrape;
	struct db_agent agent;

	struct dispatch_stat key = {.site = ""}, *found = NULL;

	str_clip(key.site, sizeof(key.site), site->name);
	if (sc->n_sites > 0)
		found =
		    bsearch(&key, sc->sites, sc->n_sites, sizeof(sc->sites[0]), by_name);
	if (found) {
		site->agent = *found;
		return;
	}
	/* Nobody asked about it since the start: what the database remembers. */
	site->agent.silence_us = INT64_MAX;
	if (db_agent_of_site(s, site->name, &agent) == 0)
		site->agent.silence_us =
		    sc->wall > agent.last_seen ? sc->wall - agent.last_seen : 0;
}

static int
read_sites(struct figures *f, struct store *s)
{
	struct store_names names = {0};
	int rc = db_site_names(s, NULL, INT64_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		struct site_figures *site = str_alloc(sizeof(*site));

		str_clip(site->name, sizeof(site->name), names.v[i]);
		take_agent(f, s, site);
		HASH_ADD_STR(f->sites, name, site);
		rc = db_metrics_hosts(s, site->name, &site->hosts);
	}
	store_names_done(&names);
	return rc;
}

static void
add_count(void *arg, const char *word, int64_t n)
{
	struct tally *t = arg;

	for (size_t i = 0; i < t->n_words; i++)
		if (str_eq(t->words[i], word))
			t->n[i] += n;
}

static void
add_hold(void *arg, const struct db_hold *hold)
{
	struct figures *f = arg;
	struct site_figures *site;

	HASH_FIND_STR(f->sites, hold->site, site);
	if (site)
		site->frozen = true;
	f->stopped |= hold->site[0] == '\0';
}

/* What is done without anybody there. */
static int
read_unattended(struct figures *f, struct store *s)
{
	int rc;

	f->rollouts = (struct tally){
	    .words = rollout_states, .n_words = ARRAY_SIZE(rollout_states)};
	f->rollout_hosts = (struct tally){
	    .words = rollout_host_states, .n_words = ARRAY_SIZE(rollout_host_states)};
	f->schedules = (struct tally){
	    .words = schedule_states, .n_words = ARRAY_SIZE(schedule_states)};
	rc = db_metrics_rollouts(s, add_count, &f->rollouts);
	if (rc == 0)
		rc = db_metrics_rollout_hosts(s, add_count, &f->rollout_hosts);
	if (rc == 0)
		rc = db_metrics_schedules(s, add_count, &f->schedules, &f->due);
	return rc == 0 ? db_hold_list(s, add_hold, f) : rc;
}

static int
read_all(struct figures *f, int *ret_schema, struct error *err)
{
	struct store *s = NULL;
	int rc = store_open_reader(f->scrape->database, &s, err);

	if (rc < 0)
		return rc;
	bool begun = db_read_begin(store_db(s));
	rc = read_sites(f, s);
	if (rc == 0)
		rc = db_metrics_jobs(s, add_job, f);
	if (rc == 0)
		rc = read_unattended(f, s);
	if (rc == 0)
		rc = db_schema_version(store_db(s), ret_schema);
	db_read_end(store_db(s), begun);
	if (rc < 0)
		db_error(store_db(s), rc, err, "read the figures");
	store_close(s);
	return rc;
}

/* ---- writing ---- */

static void
gauge(struct figures *f, const char *name, const char *help, double value)
{
	expo_family(f->x, name, EXPO_GAUGE, help);
	expo_sample(f->x, NULL, 0, value);
}

/* Left out where it is not known. */
static void
known(struct figures *f, const char *name, const char *help, int64_t value)
{
	if (value >= 0)
		gauge(f, name, help, (double)value);
}

static void
sample(struct figures *f, const char *label, const char *value, double v)
{
	expo_sample(f->x, &(struct expo_label){label, value}, 1, v);
}

static void
write_jobs(struct figures *f)
{
	expo_family(f->x, "netboot_jobs_open", EXPO_GAUGE,
	    "Jobs that have not ended, by kind and state.");
	for (size_t k = 0; k <= ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
			const struct expo_label labels[] = {
			    {"kind", k < ARRAY_SIZE(kinds) ? kinds[k] : "other"},
			    {"state", db_job_state_name(states[i])}};
			if (k < ARRAY_SIZE(kinds) || f->jobs[k][i] > 0)
				expo_sample(f->x, labels, 2, (double)f->jobs[k][i]);
		}
	expo_family(f->x, "netboot_jobs_in_stage", EXPO_GAUGE,
	    "Open jobs, by the stage that they stand at.");
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		sample(f, "stage", stage_name((enum stage)i), (double)f->in_stage[i]);
	expo_family(f->x, "netboot_jobs_overdue", EXPO_GAUGE,
	    "Open jobs whose stage has outlasted its deadline, by stage.");
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		sample(f, "stage", stage_name((enum stage)i), (double)f->overdue[i]);
	expo_family(f->x, "netboot_stage_oldest_seconds", EXPO_GAUGE,
	    "How long the open job that is longest in a stage has been in it.");
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		sample(f, "stage", stage_name((enum stage)i),
		    (double)f->oldest_us[i] / USEC_PER_SEC);
}

static void
write_tally(struct figures *f, const char *name, const char *help, const struct tally *t)
{
	expo_family(f->x, name, EXPO_GAUGE, help);
	for (size_t i = 0; i < t->n_words; i++)
		sample(f, "state", t->words[i], (double)t->n[i]);
}

static void
write_unattended(struct figures *f)
{
	int64_t left = f->due > f->scrape->wall ? f->due - f->scrape->wall : 0;

	write_tally(
	    f, "netboot_rollouts", "Rollouts that are not over, by state.", &f->rollouts);
	write_tally(f, "netboot_rollout_hosts",
	    "Hosts of rollouts that are not over, by state.", &f->rollout_hosts);
	write_tally(f, "netboot_schedules", "Schedules, by state.", &f->schedules);
	expo_family(f->x, "netboot_schedule_next_seconds", EXPO_GAUGE,
	    "How long until a schedule has something to do next; no sample: none ever "
	    "has.");
	if (f->due > 0)
		expo_sample(f->x, NULL, 0, (double)left / USEC_PER_SEC);
	gauge(f, "netboot_stopped", "1: everything is stopped (stop-the-world).",
	    f->stopped);
}

#define SITES(name_, help_, value_)                                   \
	do {                                                          \
		expo_family(f->x, name_, EXPO_GAUGE, help_);          \
		for (s = f->sites; s; s = s->hh.next)                 \
			sample(f, "site", s->name, (double)(value_)); \
	} while (0)

static void
write_sites(struct figures *f)
{
	const struct site_figures *s;

	SITES("netboot_site_hosts", "Hosts of the inventory, by site.", s->hosts);
	SITES("netboot_site_jobs_open", "Jobs that have not ended, by site.", s->open);
	SITES("netboot_site_jobs_overdue",
	    "Open jobs whose stage has outlasted its deadline, by site.", s->overdue);
	SITES("netboot_agent_absent",
	    "1: the site's agent was not heard for a minute, or never.",
	    presence_absent(s->agent.silence_us));
	SITES("netboot_agent_trouble", "1: the site's agent can take no orders.",
	    s->agent.trouble);
	SITES("netboot_agent_full",
	    "1: jobs wait since the site's agent has as many as it takes.",
	    s->agent.full);
	SITES("netboot_site_frozen", "1: nothing new is begun at the site.", s->frozen);
	SITES("netboot_bmc_stop",
	    "1: no BMC of the site is asked, since too many refused the password.",
	    s->agent.stopped);
	SITES("netboot_bmc_calls_waiting",
	    "Questions to BMCs that the site's agent was not told of yet.",
	    s->agent.waiting);
	SITES("netboot_bmc_calls_out",
	    "Questions to BMCs that the site's agent has and has not answered.",
	    s->agent.out);
	expo_family(f->x, "netboot_agent_silence_seconds", EXPO_GAUGE,
	    "How long ago the site's agent was heard; no sample: never.");
	for (s = f->sites; s; s = s->hh.next)
		if (s->agent.silence_us != INT64_MAX)
			sample(f, "site", s->name,
			    (double)s->agent.silence_us / USEC_PER_SEC);
}

static void
write_queues(struct figures *f)
{
	const struct scrape *sc = f->scrape;

	gauge(f, "netboot_event_followers", "Clients that follow the events.",
	    (double)sc->followers);
	expo_family(f->x, "netboot_webhook_queue", EXPO_GAUGE,
	    "Deliveries that wait, by webhook.");
	for (size_t i = 0; i < sc->n_webhooks; i++)
		sample(
		    f, "webhook", sc->webhooks[i].name, (double)sc->webhooks[i].queued);
	expo_family(f->x, "netboot_webhook_failing", EXPO_GAUGE,
	    "1: the last attempt of the webhook failed.");
	for (size_t i = 0; i < sc->n_webhooks; i++)
		sample(f, "webhook", sc->webhooks[i].name, sc->webhooks[i].failing);
	expo_family(f->x, "netboot_slow_handlers_total", EXPO_COUNTER,
	    "Requests that held the event loop for more than 50 ms.");
	expo_sample(f->x, NULL, 0, (double)sc->slow_handlers);
}

static void
write_process(struct figures *f, int schema)
{
	const struct scrape *sc = f->scrape;
	struct process_stat p;
	char text[16];

	process_stat_read(sc->database, &p);
	known(f, "netboot_database_bytes", "Size of the database's file.", p.database);
	known(f, "netboot_database_wal_bytes", "Size of its write-ahead log.", p.wal);
	known(f, "netboot_database_disk_free_bytes",
	    "What is free for the database on its file system.", p.disk_free);
	if (p.cpu_s >= 0) {
		expo_family(f->x, "process_cpu_seconds_total", EXPO_COUNTER,
		    "User and system CPU time spent.");
		expo_sample(f->x, NULL, 0, p.cpu_s);
	}
	known(f, "process_resident_memory_bytes", "Resident memory.", p.resident);
	known(f, "process_virtual_memory_bytes", "Virtual memory.", p.virtual_);
	known(f, "process_open_fds", "Open file descriptors.", p.fds);
	known(f, "process_max_fds", "Limit of open file descriptors.", p.fds_max);
	gauge(f, "process_start_time_seconds", "Start of the process, since the epoch.",
	    (double)sc->started / USEC_PER_SEC);
	if (str_format(text, sizeof(text), "%d", schema) < 0)
		text[0] = '\0';
	const struct expo_label build[] = {{"version", sc->version}, {"schema", text}};
	expo_family(f->x, "netboot_build_info", EXPO_GAUGE,
	    "1; the labels say what this program is.");
	expo_sample(f->x, build, ARRAY_SIZE(build), 1);
}

char *
scrape_text(struct scrape *s, struct error *err)
{
	struct figures *f = str_alloc(sizeof(*f));
	struct site_figures *site, *next;
	char *text = NULL;
	int schema = 0;

	f->scrape = s;
	if (s->n_sites > 0)
		qsort(s->sites, s->n_sites, sizeof(s->sites[0]), by_name);
	if (read_all(f, &schema, err) == 0) {
		f->x = expo_new(s->format);
		metrics_write(s->metrics, f->x);
		write_jobs(f);
		write_sites(f);
		write_unattended(f);
		write_queues(f);
		write_process(f, schema);
		text = expo_end(f->x);
	}
	HASH_ITER (hh, f->sites, site, next) {
		HASH_DEL(f->sites, site);
		free(site);
	}
	free(f);
	return text;
}

void
scrape_done(struct scrape *s)
{
	metrics_free(s->metrics);
	free(s->sites);
}
