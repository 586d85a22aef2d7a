// SPDX-License-Identifier: GPL-3.0-or-later
/* A run of a schedule: begun, or why not.
 *
 * Entry points: scheduler_run_conclude() and scheduler_run_begin(), which write what became of it, the schedule's next run, the event and, where
 * it ran, the rollout with its hosts in one transaction: whatever dies then, a run is neither lost nor done twice. scheduler_run_now() is
 * the same in the transaction of whoever orders it, and leaves the schedule's own runs alone.
 * Ownership: none. Failure modes: errnos of db.h, with nothing written. */
#include <errno.h>
#include <string.h>

#include "db/db_event.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/scheduler_priv.h"

/* ---- may it? ---- */

struct open_rollouts {
	const char *outcome; /* of a run that would begin beside them */
	char id[ID_SIZE];
};

/* One that ended with its window has deferred what was left, for whoever wants to resume it: the next run is no other one's business. */
static void
look_at_open(void *arg, const char *id, const char *state, const char *code)
{
	struct open_rollouts *o = arg;
	bool halted = str_eq(state, "halted");

	if (o->outcome[0] || (halted && str_eq(code, "window-over")))
		return;
	o->outcome = halted ? SCHEDULER_HELD : SCHEDULER_BUSY;
	str_clip(o->id, sizeof(o->id), id);
}

int
scheduler_run_may(struct scheduler *s, const struct schedule_doc *doc, size_t hosts,
    const char **ret_outcome, struct error *ret_why)
{
	struct open_rollouts o = {.outcome = ""};
	int rc = db_schedule_open(s->ops.store, doc->name, look_at_open, &o);

	if (rc < 0)
		return rc;
	*ret_outcome = o.outcome;
	if (str_eq(o.outcome, SCHEDULER_HELD))
		error_set(ret_why, 0, "schedule-held",
		    "netboot-ctl rollout show says why; resume or abort it",
		    "its rollout %s is halted", o.id);
	else if (str_eq(o.outcome, SCHEDULER_BUSY))
		error_set(ret_why, 0, "schedule-busy",
		    "wait for its end, or abort it: netboot-ctl rollout abort",
		    "its rollout %s is not over", o.id);
	else if ((int64_t)hosts > doc->limit) {
		*ret_outcome = SCHEDULER_REFUSED;
		error_set(ret_why, 0, "too-many-hosts",
		    "name fewer, or raise the schedule's limit",
		    "%zu hosts match, the limit is %lld", hosts, (long long)doc->limit);
	}
	return 0;
}

/* ---- what is written ---- */

static int
write_event(struct scheduler *s, const struct schedule_doc *doc,
    const struct db_schedule_run *run)
{
	struct event ev = event_make("schedule.run", run->at);
	char text[CLOCK_TEXT_SIZE];

	event_put(&ev, "schedule", run->schedule);
	event_put(&ev, "code", run->outcome);
	if (run->by[0])
		event_put(&ev, "by", run->by);
	else
		event_put(&ev, "nominal", schedule_doc_nominal(doc, run->nominal, text));
	if (run->rollout[0])
		event_put(&ev, "rollout", run->rollout);
	if (run->text[0])
		event_put(&ev, "text", run->text);
	int rc = db_event_add(s->ops.store, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

static int
write_run(struct scheduler *s, const struct schedule_doc *doc,
    const struct db_schedule_run *run)
{
	int rc = db_schedule_run_put(s->ops.store, run, run->at - SCHEDULER_KEEP_US);

	return rc < 0 ? rc : write_event(s, doc, run);
}

/* The row as it is behind that run, in memory and in the database. */
static int
write_plan(struct scheduler_look *l, int64_t nominal, int64_t next)
{
	struct db_schedule row = l->row;

	row.last = nominal;
	row.next = next;
	row.due = next != 0 ? l->now : 0;
	if (row.skip != 0 && (next == 0 || row.skip < next))
		row.skip = 0;
	int rc = db_schedule_plan(l->s->ops.store, &row);
	if (rc == 0)
		l->row = row;
	return rc;
}

static int
end(struct scheduler_look *l, int rc, const struct db_schedule *before)
{
	struct scheduler *s = l->s;

	if (rc == 0)
		rc = db_commit(store_db(s->ops.store));
	if (rc < 0) {
		db_rollback(store_db(s->ops.store));
		l->row = *before;
	}
	return rc;
}

static void
tell(const struct scheduler_look *l, const struct db_schedule_run *run)
{
	char text[CLOCK_TEXT_SIZE];

	log_info(l->s->ops.log, "schedule %s: run of %s: %s%s%s%s%s", run->schedule,
	    schedule_doc_nominal(l->doc, run->nominal, text), run->outcome,
	    run->rollout[0] ? ", rollout " : "", run->rollout, run->text[0] ? ": " : "",
	    run->text);
	l->s->ops.on_events(l->s->ops.arg);
}

static void
fill_run(const struct scheduler_look *l, int64_t nominal, const char *outcome,
    const char *text, struct db_schedule_run *ret)
{
	*ret = (struct db_schedule_run){.nominal = nominal, .at = l->now};
	str_clip(ret->schedule, sizeof(ret->schedule), l->row.name);
	str_clip(ret->outcome, sizeof(ret->outcome), outcome);
	str_clip(ret->text, sizeof(ret->text), text);
}

int
scheduler_run_conclude(struct scheduler_look *l, int64_t nominal, int64_t next,
    const char *outcome, const char *text)
{
	struct scheduler *s = l->s;
	const struct db_schedule before = l->row;
	struct db_schedule_run run;
	int rc = db_begin(store_db(s->ops.store));

	fill_run(l, nominal, outcome, text, &run);
	if (rc == 0)
		rc = write_run(s, l->doc, &run);
	if (rc == 0)
		rc = write_plan(l, nominal, next);
	rc = end(l, rc, &before);
	if (rc == 0)
		tell(l, &run);
	return rc;
}

/* ---- a rollout ---- */

static int
begin_rollout(struct scheduler *s, const struct schedule_doc *doc,
    const struct schedule_hosts *hosts, int64_t nominal, const char *by,
    const char *reason, int64_t wall, char ret_id[ID_SIZE], struct error *err)
{
	const struct rollouts_request rq = {.work = doc->work,
	    .policy = &doc->policy,
	    .hosts = doc->hosts,
	    .reason = reason,
	    .by = by,
	    .schedule = doc->name,
	    .nominal = nominal,
	    .skip_if_younger_s = doc->skip_if_younger_s,
	    .approval = rollouts_needs_approval(
		s->ops.store, doc->work, hosts->n, s->ops.approval_hosts),
	    .v = hosts->v,
	    .n = hosts->n};

	return rollouts_begin(s->ops.rollouts, &rq, wall, ret_id, err);
}

static void
say_shut(const struct schedule_hosts *hosts, char *text, size_t size)
{
	size_t len = strlen(text);

	if (hosts->shut > 0 &&
	    str_format(text + len, size - len,
		"%s%zu hosts have no window: a blackout there, or a zone that is not "
		"known",
		len ? "; " : "", hosts->shut) < 0)
		text[len] = '\0';
}

int
scheduler_run_begin(struct scheduler_look *l, const struct schedule_hosts *hosts,
    int64_t nominal, int64_t next, const char *text)
{
	struct scheduler *s = l->s;
	const struct db_schedule before = l->row;
	struct error err = {.code = ""};
	struct db_schedule_run run;
	int rc = db_begin(store_db(s->ops.store));

	fill_run(l, nominal, SCHEDULER_RAN, text, &run);
	say_shut(hosts, run.text, sizeof(run.text));
	if (rc == 0)
		rc = begin_rollout(s, l->doc, hosts, nominal, l->row.changed_by,
		    l->doc->reason, l->now, run.rollout, &err);
	if (rc == -EINVAL || rc == -EPERM) {
		db_rollback(store_db(s->ops.store));
		return scheduler_run_conclude(
		    l, nominal, next, SCHEDULER_REFUSED, err.text);
	}
	if (rc == 0)
		rc = write_run(s, l->doc, &run);
	if (rc == 0)
		rc = write_plan(l, nominal, next);
	rc = end(l, rc, &before);
	if (rc == 0) {
		rollouts_begun(s->ops.rollouts, run.rollout, l->now);
		tell(l, &run);
	}
	return rc;
}

/* A moment that no run of a calendar has. */
static int
free_moment(struct scheduler *s, const char *name, int64_t wall, int64_t *ret)
{
	struct db_schedule_run run;
	int rc;

	*ret = wall - wall % USEC_PER_SEC;
	do {
		(*ret)++;
		rc = db_schedule_run_get(s->ops.store, name, *ret, &run);
	} while (rc == 0);
	return rc == -ENOENT ? 0 : rc;
}

int
scheduler_run_now(struct scheduler *s, const struct db_schedule *row,
    const struct schedule_doc *doc, const struct audit_who *who, const char *reason,
    int64_t wall, char ret_rollout[ID_SIZE], struct error *err)
{
	const struct schedule_zones *zones;
	struct schedule_hosts hosts = {.n = 0};
	struct db_schedule_run run = {.at = wall, .outcome = SCHEDULER_RAN};
	struct error why = {.code = ""};
	const char *instead = "";
	int rc = scheduler_zones(s, &zones);

	if (rc == 0)
		rc = schedule_hosts_find(s->ops.store, zones, doc->hosts, &hosts, err);
	if (rc == 0 && hosts.n == 0)
		rc = error_set(err, -EPERM, "host-unknown",
		    "netboot-ctl host list shows them", "no host matches %.200s",
		    doc->hosts);
	if (rc == 0)
		rc = scheduler_run_may(
		    s, doc, schedule_hosts_worked(&hosts, doc), &instead, &why);
	if (rc == 0 && instead[0]) {
		*err = why;
		rc = -EPERM;
	}
	if (rc == 0)
		rc = free_moment(s, row->name, wall, &run.nominal);
	if (rc == 0) {
		schedule_hosts_open(&hosts, zones, doc, run.nominal, wall);
		rc = begin_rollout(s, doc, &hosts, DB_ROLLOUT_NO_NOMINAL, who->name,
		    reason[0] ? reason : doc->reason, wall, run.rollout, err);
	}
	if (rc == 0) {
		str_clip(run.schedule, sizeof(run.schedule), row->name);
		str_clip(run.by, sizeof(run.by), who->name);
		say_shut(&hosts, run.text, sizeof(run.text));
		rc = write_run(s, doc, &run);
	}
	if (rc == 0)
		str_clip(ret_rollout, ID_SIZE, run.rollout);
	schedule_hosts_done(&hosts);
	return rc;
}
