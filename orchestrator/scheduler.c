// SPDX-License-Identifier: GPL-3.0-or-later
/* Schedules to rollouts.
 *
 * Entry points: scheduler_tick(), whenever it asked for it or something changed; scheduler_plan() for a schedule that was made or
 * changed. Each look at a schedule that is due leaves rows that are right by themselves, so that the process may end anywhere between.
 * Ownership: store and rollouts are the caller's.
 *
 * The selector of a run is read when its first window opens at a site where it has hosts. Which site that is only the selector knows, so
 * a run is looked at whenever it opens in any zone of the fleet, from the east on, until there is a host that it opens for.
 *
 * Failure modes: a database that cannot be written is tried again ten seconds later; nothing is lost then but time. A run is one of the
 * calendar's and not of a clock, so a clock that is set back does not bring it again; one that was ahead has taken runs for missed, which
 * come after all when it is set back. */
#include "orchestrator/scheduler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/scheduler_priv.h"

/* What is due is written, which takes a disk some milliseconds each. */
enum { LOOKS_A_TICK = 8, DUE_A_TICK = 1, STANDING_MAX = 200 };
#define MINUTE_US (60 * USEC_PER_SEC)
#define RETRY_US (10 * USEC_PER_SEC)
#define UNREADABLE_US (3600 * USEC_PER_SEC)

struct scheduler *
scheduler_new(const struct scheduler_ops *ops)
{
	struct scheduler *s = str_alloc(sizeof(*s));

	s->ops = *ops;
	s->again = true;
	s->last_wall = INT64_MIN;
	s->retry = INT64_MIN;
	schedule_zones_init(&s->zones);
	return s;
}

void
scheduler_free(struct scheduler *s)
{
	if (!s)
		return;
	schedule_zones_done(&s->zones);
	free(s->at);
	free(s);
}

int
scheduler_zones(struct scheduler *s, const struct schedule_zones **ret)
{
	bool changed;
	int rc = schedule_zones_refresh(&s->zones, s->ops.store, &changed);

	/* Where the sun rises earlier than anywhere, a run may open before its schedule was to be looked at. */
	if (rc == 0 && changed)
		s->again = true;
	*ret = &s->zones;
	return rc;
}

/* ---- which run is next ---- */

/* Has something become of the run that stands? One that was missed may have been missed by a clock that was ahead. */
static int
stands(struct scheduler *s, const char *name, int64_t nominal)
{
	struct db_schedule_run run;
	int rc = db_schedule_run_get(s->ops.store, name, nominal, &run);

	if (rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : !str_eq(run.outcome, SCHEDULER_MISSED);
}

/* The first run that has opened in none of the zones and of which nothing has become; 0: there is none. */
static int
first_free(struct scheduler *s, const struct schedule_doc *doc,
    const struct schedule_plan_zones *zones, int64_t wall, int64_t *ret)
{
	bool any = schedule_plan_upcoming(&doc->time, zones, wall, ret);
	int rc = 0;

	for (int n = 0; any && n < STANDING_MAX; n++) {
		rc = stands(s, doc->name, *ret);
		if (rc <= 0)
			break;
		any = schedule_time_next(&doc->time, *ret, ret);
	}
	if (!any)
		*ret = 0;
	return rc < 0 ? rc : 0;
}

/* Does it need a second person when it is about many hosts? */
static bool
may_need_approval(const struct scheduler *s, const struct schedule_doc *doc)
{
	return s->ops.approval_lead > 0 &&
	       rollouts_needs_approval(
		   s->ops.store, doc->work, (size_t)INT64_MAX, s->ops.approval_hosts);
}

static int64_t
due_of(const struct scheduler *s, const struct schedule_doc *doc, int64_t opens)
{
	return may_need_approval(s, doc) ? opens - s->ops.approval_lead : opens;
}

int
scheduler_plan(struct scheduler *s, const struct schedule_doc *doc, int64_t wall,
    struct db_schedule *row)
{
	const struct schedule_zones *all;
	struct schedule_plan_zones zones;
	struct schedule_hosts hosts = {.n = 0};
	const struct zone_time **own = NULL;
	struct error err;
	int rc = scheduler_zones(s, &all);

	if (rc < 0)
		return rc;
	zones = (struct schedule_plan_zones){all->zones, all->n};
	/* Where it has hosts, if it has any now. */
	rc = schedule_hosts_find(s->ops.store, all, doc->hosts, &hosts, &err);
	if (rc == 0 && hosts.n > 0) {
		own = str_alloc(hosts.n * sizeof(own[0]));
		zones.v = own;
		zones.n = 0;
		for (size_t i = 0; i < hosts.n; i++)
			if (hosts.at[i] && hosts.at[i]->zone &&
			    (zones.n == 0 || own[zones.n - 1] != hosts.at[i]->zone))
				own[zones.n++] = hosts.at[i]->zone;
		if (zones.n == 0)
			zones = (struct schedule_plan_zones){all->zones, all->n};
	}
	schedule_hosts_done(&hosts);
	if (rc == 0 || rc == -EPERM || rc == -EINVAL)
		rc = first_free(s, doc, &zones, wall, &row->next);
	free(own);
	if (rc < 0)
		return rc;
	zones = (struct schedule_plan_zones){all->zones, all->n};
	row->due =
	    row->next == 0
		? 0
		: due_of(s, doc, schedule_plan_opens(&doc->time, &zones, row->next));
	return 0;
}

/* ---- a look at a schedule ---- */

static int
wait_until(struct scheduler_look *l, int64_t due)
{
	struct db_schedule row = l->row;

	row.due = due;
	if (row.due == l->row.due && row.next == l->stored_next)
		return 0;
	l->row = row;
	return db_schedule_plan(l->s->ops.store, &row);
}

static int64_t
run_after(const struct scheduler_look *l, int64_t nominal)
{
	int64_t next;

	return schedule_time_next(&l->doc->time, nominal, &next) ? next : 0;
}

/* Those that are refused by name or number have an outcome; 1: it was concluded. */
static int
find_hosts(
    struct scheduler_look *l, int64_t nominal, int64_t next, struct schedule_hosts *ret)
{
	struct error err = {.code = ""};
	int rc =
	    schedule_hosts_find(l->s->ops.store, &l->s->zones, l->doc->hosts, ret, &err);

	if (rc != -EPERM && rc != -EINVAL)
		return rc;
	rc = scheduler_run_conclude(l, nominal, next, SCHEDULER_REFUSED, err.text);
	return rc < 0 ? rc : 1;
}

/* Begins the run if it may, or says why not. */
static int
begin_or_say(struct scheduler_look *l, const struct schedule_hosts *hosts,
    int64_t nominal, int64_t next, const char *text)
{
	struct error why = {.code = ""};
	const char *instead = "";
	int rc = scheduler_run_may(
	    l->s, l->doc, schedule_hosts_worked(hosts, l->doc), &instead, &why);

	if (rc < 0)
		return rc;
	if (instead[0])
		return scheduler_run_conclude(l, nominal, next, instead, why.text);
	return scheduler_run_begin(l, hosts, nominal, next, text);
}

/* Does the next run open where these hosts are before one that began now would be over? */
static bool
next_is_soon(struct scheduler_look *l, struct schedule_hosts *hosts, int64_t next)
{
	if (next == 0)
		return false;
	schedule_hosts_open(hosts, &l->s->zones, l->doc, next, 0);
	return hosts->opens < l->now + l->doc->time.window;
}

/* Once, for all that were missed. */
static int
make_up(struct scheduler_look *l, int64_t nominal, int64_t next, const char *text)
{
	struct schedule_hosts hosts = {.n = 0};
	int rc = find_hosts(l, nominal, next, &hosts);

	if (rc != 0)
		goto out;
	if (hosts.n == 0 || next_is_soon(l, &hosts, next)) {
		rc = scheduler_run_conclude(l, nominal, next, SCHEDULER_MISSED, text);
		goto out;
	}
	schedule_hosts_open(&hosts, &l->s->zones, l->doc, nominal, l->now);
	rc = hosts.opens == INT64_MAX
		 ? scheduler_run_conclude(l, nominal, next, SCHEDULER_BLACKOUT, text)
		 : begin_or_say(l, &hosts, nominal, next, text);
out:
	schedule_hosts_done(&hosts);
	return rc < 0 ? rc : 0;
}

/* A run whose windows are over everywhere. */
static int
missed(struct scheduler_look *l, int64_t nominal, int64_t next, int64_t n, bool more)
{
	char text[ERROR_TEXT_SIZE];

	if (l->row.paused_at)
		return scheduler_run_conclude(l, nominal, next, SCHEDULER_PAUSED, "");
	if (l->row.skip == nominal)
		return scheduler_run_conclude(l, nominal, next, SCHEDULER_SKIPPED, "");
	if (str_format(text, sizeof(text), "%s%lld run%s missed", more ? "over " : "",
		(long long)n, n == 1 ? " was" : "s were") < 0)
		text[0] = '\0';
	return l->doc->run_once
		   ? make_up(l, nominal, next, text)
		   : scheduler_run_conclude(l, nominal, next, SCHEDULER_MISSED, text);
}

/* Something that needs approval is planned ahead, unless the run before is not over. 1: it is. */
static int
plan_ahead(struct scheduler_look *l, int64_t nominal)
{
	struct schedule_hosts hosts = {.n = 0};
	struct error why = {.code = ""};
	const char *instead = "";
	int rc;

	if (l->row.paused_at || l->row.skip == nominal ||
	    schedule_time_left_out(&l->doc->time, nominal))
		return 0;
	rc = schedule_hosts_find(
	    l->s->ops.store, &l->s->zones, l->doc->hosts, &hosts, &why);
	/* It is said when it was to begin. */
	if (rc == -EPERM || rc == -EINVAL)
		rc = 0;
	else if (rc == 0 && rollouts_needs_approval(l->s->ops.store, l->doc->work,
				hosts.n, l->s->ops.approval_hosts)) {
		rc = scheduler_run_may(
		    l->s, l->doc, schedule_hosts_worked(&hosts, l->doc), &instead, &why);
		if (rc == 0 && !instead[0]) {
			schedule_hosts_open(&hosts, &l->s->zones, l->doc, nominal, 0);
			rc = scheduler_run_begin(l, &hosts, nominal,
			    run_after(l, nominal), "waits for approval");
			rc = rc < 0 ? rc : 1;
		}
	}
	schedule_hosts_done(&hosts);
	return rc;
}

/* Its first window is open somewhere: who are its hosts, and is it open for one? 1: something has become of it. */
static int
open_run(struct scheduler_look *l, int64_t nominal)
{
	const struct schedule_doc *doc = l->doc;
	int64_t next = run_after(l, nominal), later;
	struct schedule_hosts hosts = {.n = 0};
	int rc = find_hosts(l, nominal, next, &hosts);

	if (rc != 0)
		goto out;
	schedule_hosts_open(&hosts, &l->s->zones, doc, nominal, 0);
	later = schedule_plan_opens_after(&doc->time, &l->zones, nominal, l->now);
	if ((hosts.n == 0 || hosts.opens > l->now) && later != INT64_MAX) {
		rc = wait_until(l, later);
	} else {
		if (hosts.n == 0)
			rc = scheduler_run_conclude(l, nominal, next, SCHEDULER_EMPTY,
			    "no host matches its selector");
		else if (hosts.opens == INT64_MAX)
			rc = scheduler_run_conclude(
			    l, nominal, next, SCHEDULER_BLACKOUT, "no host has a window");
		else if (hosts.closes <= l->now)
			rc = missed(l, nominal, next, 1, false);
		else
			rc = begin_or_say(l, &hosts, nominal, next, "");
		rc = rc < 0 ? rc : 1;
	}
out:
	schedule_hosts_done(&hosts);
	return rc;
}

/* A run that a clock which was ahead has brought before. */
static int
pass(struct scheduler_look *l, int64_t nominal)
{
	l->row.last = nominal;
	l->row.next = run_after(l, nominal);
	return wait_until(l, l->now);
}

/* One run forward, or when to look again. 1: look at once. */
static int
step(struct scheduler_look *l)
{
	const struct schedule_time *t = &l->doc->time;
	struct schedule_plan_missed over;
	int64_t nominal, opens;
	int rc;

	if (l->row.next == 0)
		return wait_until(l, 0);
	nominal = schedule_plan_catch_up(t, &l->zones, l->row.next, l->now, &over);
	if (over.n > 0) {
		rc = missed(l, over.last, nominal, over.n, over.more);
		return rc < 0 ? rc : 1;
	}
	/* Blackouts that went by while nobody looked. */
	l->row.next = nominal;
	if (nominal == 0)
		return wait_until(l, 0);
	rc = stands(l->s, l->row.name, nominal);
	if (rc != 0)
		return rc < 0 ? rc : pass(l, nominal);
	opens = schedule_plan_opens(t, &l->zones, nominal);
	if (opens > l->now) {
		int64_t due = due_of(l->s, l->doc, opens);

		rc = due <= l->now ? plan_ahead(l, nominal) : 0;
		return rc != 0 ? rc : wait_until(l, due <= l->now ? opens : due);
	}
	if (schedule_time_left_out(t, nominal))
		rc = scheduler_run_conclude(
		    l, nominal, run_after(l, nominal), SCHEDULER_BLACKOUT, "");
	else if (l->row.skip == nominal)
		rc = scheduler_run_conclude(
		    l, nominal, run_after(l, nominal), SCHEDULER_SKIPPED, "");
	else if (l->row.paused_at)
		rc = scheduler_run_conclude(
		    l, nominal, run_after(l, nominal), SCHEDULER_PAUSED, "");
	else
		return open_run(l, nominal);
	return rc < 0 ? rc : 1;
}

/* After a clock was set back: a run before the next one that nothing has become of. */
static int
pull_back(struct scheduler_look *l)
{
	int64_t first;
	int rc = first_free(l->s, l->doc, &l->zones, l->now, &first);

	if (rc == 0 && first != 0 && (l->row.next == 0 || first < l->row.next))
		l->row.next = first;
	return rc;
}

/* At most one run: another is due at once, and found by that. */
static int
look_with(struct scheduler_look *l, bool again)
{
	int rc = again ? pull_back(l) : 0;

	if (rc == 0)
		rc = step(l);
	return rc < 0 ? rc : 0;
}

static int
unreadable(struct scheduler_look *l, const struct error *err)
{
	log_error(l->s->ops.log, "schedule %s cannot be read, and does not run: %s",
	    l->row.name, err->text);
	return wait_until(l, l->now + UNREADABLE_US);
}

static int
look(struct scheduler *s, const char *name, int64_t wall, bool again)
{
	struct scheduler_look l = {
	    .s = s, .now = wall, .zones = {s->zones.zones, s->zones.n}};
	struct error err = {.code = ""};
	json_t *v = NULL;
	int rc = db_schedule_get(s->ops.store, name, &l.row);

	/* It was removed a moment ago. */
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	l.stored_next = l.row.next;
	v = json_parse(l.row.doc, strlen(l.row.doc), &err);
	if (v == NULL || schedule_doc_parse(v, l.row.created, &l.doc, &err) < 0)
		rc = unreadable(&l, &err);
	else
		rc = look_with(&l, again);
	json_decref(v);
	schedule_doc_free(l.doc);
	db_schedule_done(&l.row);
	return rc;
}

/* ---- all schedules ---- */

static int
look_at(struct scheduler *s, struct store_names *names, int64_t wall, bool again)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < names->n; i++) {
		rc = look(s, names->v[i], wall, again);
		if (rc >= 0 && again) {
			free(s->at);
			s->at = str_dup(names->v[i]);
		}
	}
	return rc < 0 ? rc : 0;
}

/* Some of all; when they were all asked, only those that are due are. */
static int
ask_again(struct scheduler *s, int64_t wall)
{
	struct store_names names = {0};
	int rc = db_schedule_names(s->ops.store, s->at, LOOKS_A_TICK, &names);

	if (rc == 0 && names.n == 0) {
		s->again = false;
		free(s->at);
		s->at = NULL;
	}
	if (rc == 0)
		rc = look_at(s, &names, wall, true);
	store_names_done(&names);
	return rc;
}

static int
ask_due(struct scheduler *s, int64_t wall)
{
	struct store_names names = {0};
	int rc = db_schedule_due(s->ops.store, wall, DUE_A_TICK, &names);

	if (rc == 0)
		rc = look_at(s, &names, wall, false);
	store_names_done(&names);
	return rc;
}

static int
work(struct scheduler *s, int64_t wall, int64_t *ret_next)
{
	const struct schedule_zones *zones;
	int64_t due = INT64_MAX;
	int rc = scheduler_zones(s, &zones);

	if (rc == 0)
		rc = s->again ? ask_again(s, wall) : ask_due(s, wall);
	if (rc == 0 && s->again) {
		*ret_next = wall;
		return 0;
	}
	if (rc == 0)
		rc = db_schedule_next_due(s->ops.store, &due);
	if (rc == -ENOENT)
		rc = 0;
	*ret_next = due < wall ? wall : due;
	return rc;
}

int64_t
scheduler_tick(struct scheduler *s, int64_t wall)
{
	int64_t next = wall;

	if (wall + MINUTE_US < s->last_wall) {
		s->again = true;
		free(s->at);
		s->at = NULL;
		s->retry = INT64_MIN;
	}
	s->last_wall = wall;
	if (wall < s->retry)
		return s->retry;
	int rc = work(s, wall, &next);
	if (rc < 0) {
		struct error err;

		db_error(store_db(s->ops.store), rc, &err, "look at the schedules");
		log_error(s->ops.log, "%s", err.text);
		s->retry = wall + RETRY_US;
		return s->retry;
	}
	return next < wall + MINUTE_US ? next : wall + MINUTE_US;
}
