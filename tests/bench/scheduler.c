/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scheduler by itself, over a database as large as fleets get: see scheduler.sh.
 *
 *	scheduler DATABASE HOSTS SCHEDULES
 *
 * Schedules are weekly, each at a minute of its own, on one site's hosts in turn. Time is an argument: a week passes in which the search
 * for what is due, a tick with nothing due, and the ticks that begin runs are timed. The engine writes rollouts and is given no turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/rng.h"
#include "lib/str.h"
#include "orchestrator/rollouts.h"
#include "orchestrator/scheduler.h"

enum { SITES = 1000, SAMPLES = 1000, BEGUN = 300 };

static const char *const zones[] = {"Africa/Lagos", "Africa/Johannesburg",
    "Africa/Casablanca", "Africa/Cairo", "Africa/Nairobi", "Europe/Prague",
    "Europe/London", "Europe/Lisbon", "Europe/Moscow", "Europe/Athens", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Dubai", "Asia/Karachi", "Asia/Tokyo", "Asia/Shanghai",
    "Asia/Singapore", "Asia/Jakarta", "Asia/Tehran", "Asia/Yangon", "America/St_Johns",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/Sao_Paulo", "America/Santiago", "America/Bogota", "America/Halifax",
    "America/Anchorage", "Australia/Sydney", "Australia/Lord_Howe", "Australia/Perth",
    "Pacific/Auckland", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Honolulu",
    "Atlantic/Azores", "Indian/Maldives", "Indian/Mauritius"};

static void
must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static void
fill(struct store *s, int hosts, int64_t now)
{
	struct db_site *site = str_alloc(sizeof(*site));
	struct db_host *h = str_alloc(sizeof(*h));

	must(db_begin(store_db(s)), "begin");
	for (int i = 0; i < SITES; i++) {
		*site = (struct db_site){.n_peers = 0};
		must(str_format(site->site.name, sizeof(site->site.name), "s%04d", i),
		    "name");
		str_clip(site->site.timezone, sizeof(site->site.timezone),
		    zones[i % (int)ARRAY_SIZE(zones)]);
		must(db_site_put(s, site, now), "site");
	}
	for (int i = 0; i < hosts; i++) {
		*h = (struct db_host){.require_cipher = DB_HOST_SITES};
		must(str_format(h->host.name, sizeof(h->host.name), "edge%03d.s%04d",
			 i / SITES, i % SITES),
		    "name");
		must(str_format(h->site, sizeof(h->site), "s%04d", i % SITES), "site");
		must(db_host_put(s, h, now), "host");
	}
	must(db_commit(store_db(s)), "commit");
	free(site);
	free(h);
}

static void
add_schedule(struct store *s, struct scheduler *sch, int i, int64_t now)
{
	struct db_schedule row = {.created = now, .changed = now};
	struct schedule_doc *doc = NULL;
	struct error err = {.code = ""};
	char text[400];

	must(str_format(text, sizeof(text),
		 "{\"name\":\"sch%05d\",\"kind\":\"reboot\",\"hosts\":\"@site=s%04d\","
		 "\"reason\":\"r\",\"cron\":\"%d %d * * %d\",\"limit\":1000,\"jitter_s\":"
		 "600,\"window_s\":7200}",
		 i, i % SITES, i * 7 % 60, i % 24, i % 7),
	    "text");
	json_t *v = json_parse(text, strlen(text), &err);
	must(schedule_doc_parse(v, now, &doc, &err), err.text);
	json_decref(v);
	str_clip(row.name, sizeof(row.name), doc->name);
	str_clip(row.created_by, sizeof(row.created_by), "root");
	str_clip(row.changed_by, sizeof(row.changed_by), "root");
	v = schedule_doc_json(doc);
	row.doc = json_text(v);
	json_decref(v);
	must(scheduler_plan(sch, doc, now, &row), "plan");
	must(db_schedule_add(s, &row), "add");
	db_schedule_done(&row);
	schedule_doc_free(doc);
}

static long
rss_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* ---- times ---- */

struct times {
	double us[20000];
	int n;
};

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
put(struct times *t, int64_t began)
{
	if (t->n < (int)ARRAY_SIZE(t->us))
		t->us[t->n++] = (double)(clock_mono() - began);
}

static void
say(json_t *v, const char *name, struct times *t)
{
	double sum = 0;

	qsort(t->us, (size_t)t->n, sizeof(t->us[0]), compare);
	for (int i = 0; i < t->n; i++)
		sum += t->us[i];
	if (t->n > 0)
		json_object_set_new(v, name,
		    json_pack("{s:i, s:f, s:f, s:f, s:f}", "n", t->n, "median_ms",
			t->us[t->n / 2] / 1000, "p99_ms", t->us[t->n * 99 / 100] / 1000,
			"most_ms", t->us[t->n - 1] / 1000, "sum_ms", sum / 1000));
}

static void
search(struct store *s, int64_t now, struct times *t)
{
	for (int i = 0; i < SAMPLES; i++) {
		struct store_names names = {0};
		int64_t due, began = clock_mono();

		must(db_schedule_due(s, now, 2, &names), "due");
		must(db_schedule_next_due(s, &due), "next due");
		put(t, began);
		store_names_done(&names);
	}
}

/* Until it has looked at every schedule. */
static void
start(struct scheduler *sch, int64_t now, struct times *t)
{
	int64_t next;

	do {
		int64_t began = clock_mono();
		next = scheduler_tick(sch, now);
		put(t, began);
	} while (next <= now);
}

struct world {
	struct store *s;
	struct rng rng;
	int begun; /* runs */
};

static struct orders_context
orders(void *arg, int64_t wall)
{
	struct world *w = arg;

	return (struct orders_context){.store = w->s, .rng = &w->rng, .now = wall};
}

static void
on_events(void *arg)
{
	struct world *w = arg;

	w->begun++;
}

/* From due to due: ticks that begin a run, and looks whether one opens where its hosts are. */
static void
pass(struct world *w, struct scheduler *sch, int64_t *now, struct times *begun,
    struct times *looks)
{
	while (begun->n < BEGUN) {
		int64_t due, began;
		int before = w->begun;

		must(db_schedule_next_due(w->s, &due), "next due");
		*now = due > *now ? due : *now;
		began = clock_mono();
		scheduler_tick(sch, *now);
		put(w->begun > before ? begun : looks, began);
	}
}

int
main(int argc, char **argv)
{
	static struct times searches, idle, first, begun, looks;
	const struct log log = log_init("scheduler", LOG_LEVEL_ERROR);
	int64_t now = 1795780800LL * USEC_PER_SEC;
	struct store *s = NULL;
	struct rollouts *r = NULL;
	struct world w;
	struct error err = {.code = ""};
	json_t *v = json_object();

	if (argc != 4)
		return 1;
	struct rollouts_ops engine = {.log = &log,
	    .in_flight = 100,
	    .orders = orders,
	    .on_events = on_events,
	    .arg = &w};
	int rc = store_open(argv[1], now, &s, &err);
	w = (struct world){.s = s, .rng = rng_seeded(1)};
	engine.store = s;
	if (rc < 0 || rollouts_new(&engine, now, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	const struct scheduler_ops ops = {.log = &log,
	    .store = s,
	    .rollouts = r,
	    .approval_hosts = 10,
	    .approval_lead = 24 * 3600 * USEC_PER_SEC,
	    .on_events = on_events,
	    .arg = &w};
	fill(s, atoi(argv[2]), now);
	struct scheduler *sch = scheduler_new(&ops);
	must(db_begin(store_db(s)), "begin");
	for (int i = 0; i < atoi(argv[3]); i++)
		add_schedule(s, sch, i, now);
	must(db_commit(store_db(s)), "commit");
	scheduler_free(sch);
	long before = rss_kb();
	sch = scheduler_new(&ops);
	start(sch, now, &first);
	long after = rss_kb();
	search(s, now, &searches);
	for (int i = 0; i < SAMPLES; i++) {
		int64_t began = clock_mono();
		scheduler_tick(sch, now);
		put(&idle, began);
	}
	pass(&w, sch, &now, &begun, &looks);
	json_object_set_new(v, "hosts", json_integer(atoi(argv[2])));
	json_object_set_new(v, "schedules", json_integer(atoi(argv[3])));
	say(v, "search", &searches);
	say(v, "tick_idle", &idle);
	say(v, "tick_begins", &begun);
	say(v, "tick_looks", &looks);
	say(v, "start", &first);
	json_object_set_new(v, "scheduler_kb", json_integer(after - before));
	json_object_set_new(v, "process_kb", json_integer(rss_kb()));
	char *text = json_dumps(v, JSON_REAL_PRECISION(4));
	puts(text);
	free(text);
	json_decref(v);
	scheduler_free(sch);
	rollouts_free(r);
	store_close(s);
	return 0;
}
