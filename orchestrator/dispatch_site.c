// SPDX-License-Identifier: GPL-3.0-or-later
/* What is known of each site's agent: which one is in charge, when it was heard, and what becomes of the jobs of one that was replaced.
 *
 * One spool is in charge of a site. A second one is refused while the first was heard within a minute (presence.h): two agents working on
 * one segment would fight over machines.
 *
 * Entry points: dispatch_site(), dispatch_site_claim(), dispatch_site_store_seen(), and what others ask of a site. A site lives as long as the
 * dispatch. Failure modes: a database that cannot note when agents were heard is told of it by a later poll; one that cannot end the jobs of a
 * replaced agent refuses the new one, which comes again. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"
#include "orchestrator/sight.h"

enum {
	SEEN_STORE_US = 10 * 1000 * 1000,
	STORE_SEEN_MS = 500, /* those that were heard meanwhile share a transaction */
};

/* When agents were heard last, of all sites at once: with a thousand of them a commit for each poll alone would keep the disk
 * busy, above all after a restart, when they come together. */
void
dispatch_site_store_seen(struct dispatch *d)
{
	struct db *db = store_db(d->ops.store);
	int64_t mono = clock_mono();
	struct dispatch_site *s;
	int rc = db_begin(db);

	for (s = d->sites; rc == 0 && s; s = s->hh.next)
		if (s->unstored)
			rc = db_agent_seen(
			    d->ops.store, s->agent, s->name, s->heard.wall, s->has_table);
	rc = rc < 0 ? rc : db_commit(db);
	if (rc < 0) {
		db_rollback(db);
		log_error(d->ops.log, "cannot note when agents were heard: %d", rc);
	}
	/* What could not be noted is by a later poll. */
	d->n_heard = 0;
	for (s = d->sites; s; s = s->hh.next) {
		d->n_heard += !presence_absent(presence_silence(&s->heard, mono));
		if (s->unstored && rc == 0)
			s->stored = mono;
		s->unstored = false;
	}
}

static void
on_store_seen(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	dispatch_site_store_seen(arg);
}

static void
store_seen_soon(struct dispatch *d, struct dispatch_site *s)
{
	const struct timeval soon = {0, STORE_SEEN_MS * 1000};

	s->unstored = true;
	if (!d->store_seen)
		d->store_seen = evtimer_new(d->ops.base, on_store_seen, d);
	if (!evtimer_pending(d->store_seen, NULL))
		evtimer_add(d->store_seen, &soon);
}

struct dispatch_site *
dispatch_site(struct dispatch *d, const char *name)
{
	struct dispatch_site *s;
	struct db_agent agent;

	HASH_FIND_STR(d->sites, name, s);
	if (s)
		return s;
	s = str_alloc(sizeof(*s));
	str_clip(s->name, sizeof(s->name), name);
	s->pending = s->lag = -1;
	if (db_agent_of_site(d->ops.store, name, &agent) == 0) {
		str_clip(s->agent, sizeof(s->agent), agent.id);
		dispatch_clock_load(d, s, &agent);
		presence_restore(&s->heard, agent.last_seen, clock_wall(), clock_mono());
	}
	HASH_ADD_STR(d->sites, name, s);
	return s;
}

/* Nor will an agent report the end of the job's boot. */
static int
end_boot(struct store *s, const struct db_job *job, const struct error *why, int64_t now)
{
	struct db_boot *boot = str_alloc(sizeof(*boot));
	struct event ev = event_make("boot.end", now);
	int rc = db_boot_get(s, job->boot, boot);
	bool open = rc == 0 && boot->ended == 0;

	str_clip(ev.site, sizeof(ev.site), job->site);
	str_clip(ev.host, sizeof(ev.host), job->host);
	str_clip(ev.job, sizeof(ev.job), job->id);
	str_clip(ev.boot, sizeof(ev.boot), job->boot);
	event_put(&ev, "outcome", "unknown");
	event_put(&ev, "text", why->text);
	event_put(&ev, "code", why->code);
	event_put(&ev, "next", why->next);
	if (rc == 0)
		rc = db_boot_end(s, job->boot, "unknown", why->text, now);
	if (rc == 0)
		rc = db_boot_blame(s, job->boot, why->code, why->text, why->next);
	if (rc == 0 && open)
		rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	free(boot);
	return rc == -ENOENT ? 0 : rc;
}

int
dispatch_fail(
    struct dispatch *d, struct db_job *job, const struct error *why, int64_t now)
{
	struct event ev = event_make("job.failed", now);

	job->state = DB_JOB_FAILED;
	job->ended = now;
	str_clip(job->verdict_code, sizeof(job->verdict_code), why->code);
	str_clip(job->verdict_text, sizeof(job->verdict_text), why->text);
	str_clip(job->verdict_next, sizeof(job->verdict_next), why->next);
	str_clip(ev.site, sizeof(ev.site), job->site);
	str_clip(ev.host, sizeof(ev.host), job->host);
	str_clip(ev.job, sizeof(ev.job), job->id);
	event_put(&ev, "code", job->verdict_code);
	event_put(&ev, "text", job->verdict_text);
	event_put(&ev, "next", job->verdict_next);
	event_put(&ev, "stage", job->stage);
	int rc = db_job_update(d->ops.store, job);
	if (rc == 0)
		rc = db_event_add(d->ops.store, &ev, NULL, 0, NULL);
	if (rc == 0)
		rc = sight_job_ended(d->ops.store, &ev, job, now);
	if (rc == 0 && job->boot[0])
		rc = end_boot(d->ops.store, job, why, now);
	event_done(&ev);
	dispatch_changed(d, job->id);
	return rc;
}

/* Its spool is gone. */
static int
fail_replaced(struct dispatch *d, struct db_job *job, const char *agent, int64_t now)
{
	struct error why;

	error_set(&why, 0, "agent-replaced", "look at the host before ordering anything",
	    "the agent that had this job was replaced by one with an empty spool: how "
	    "far the host got is not known");
	log_warn(d->ops.log, "job %s: failed: its agent %s was replaced by %s", job->id,
	    job->agent, agent);
	return dispatch_fail(d, job, &why, now);
}

static int
agent_replaced(
    struct dispatch *d, struct dispatch_site *s, const char *agent, int64_t now)
{
	struct store_names ids = {0};
	struct db_job job;
	struct db *db = store_db(d->ops.store);
	int rc = db_job_open_of_site(d->ops.store, s->name, &ids);

	if (rc == 0)
		rc = db_begin(db);
	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		rc = db_job_get(d->ops.store, ids.v[i], &job);
		/* What was handed out may have been begun, whether or not that was
		 * reported: another agent must not begin it a second time. */
		if (rc == 0 && (job.sent || job.state != DB_JOB_QUEUED) &&
		    !str_eq(job.agent, agent))
			rc = fail_replaced(d, &job, agent, now);
	}
	if (rc == 0)
		rc = db_commit(db);
	else
		db_rollback(db);
	store_names_done(&ids);
	if (rc == 0)
		d->ops.on_events(d->ops.arg);
	return rc;
}

static int
take_over(struct dispatch *d, struct dispatch_site *s, const char *agent, int64_t now,
    struct error *err)
{
	int64_t silence = presence_silence(&s->heard, clock_mono());

	if (!presence_absent(silence))
		return error_set(err, -EEXIST, "agent-duplicate",
		    "stop one of the two, or wait a minute if the spool was replaced",
		    "site %s: another agent (%s) was heard %lld s ago; %s is not served",
		    s->name, s->agent, (long long)(silence / USEC_PER_SEC), agent);
	int rc = agent_replaced(d, s, agent, now);
	if (rc < 0)
		return db_error(
		    store_db(d->ops.store), rc, err, "end the jobs of a replaced agent");
	log_info(
	    d->ops.log, "site %s: agent %s takes over from %s", s->name, agent, s->agent);
	return 0;
}

int
dispatch_site_claim(struct dispatch *d, struct dispatch_site *s, const char *agent,
    int64_t table_version, struct error *err)
{
	int64_t now = clock_wall(), mono = clock_mono();
	bool other = !str_eq(s->agent, agent);
	struct db_agent row;
	int rc = 0;

	if (other && s->agent[0])
		rc = take_over(d, s, agent, now, err);
	if (rc == 0 && other) {
		rc = db_agent_seen(d->ops.store, agent, s->name, now, table_version);
		if (rc < 0)
			return db_error(
			    store_db(d->ops.store), rc, err, "note the agent");
		s->stored = mono;
	}
	if (rc < 0)
		return rc;
	if (other && db_agent_get(d->ops.store, agent, &row) == 0)
		dispatch_clock_load(d, s, &row);
	str_clip(s->agent, sizeof(s->agent), agent);
	presence_note(&s->heard, now, mono);
	s->has_table = table_version;
	if (!s->stored || mono - s->stored > SEEN_STORE_US)
		store_seen_soon(d, s);
	return 0;
}

int64_t
dispatch_last_seen(struct dispatch *d, const char *site)
{
	return dispatch_site(d, site)->heard.wall;
}

int64_t
dispatch_silence(struct dispatch *d, const char *site)
{
	return presence_silence(&dispatch_site(d, site)->heard, clock_mono());
}

const char *
dispatch_agent(struct dispatch *d, const char *site)
{
	return dispatch_site(d, site)->agent;
}

void
dispatch_pending(
    struct dispatch *d, const char *site, int64_t *ret_events, int64_t *ret_oldest)
{
	const struct dispatch_site *s = dispatch_site(d, site);

	*ret_events = s->pending;
	*ret_oldest = s->lag;
}

bool
dispatch_own_servers(struct dispatch *d, const char *site)
{
	return dispatch_site(d, site)->own_servers;
}

const struct agent_msg_stop *
dispatch_stop(struct dispatch *d, const char *site)
{
	const struct agent_msg_stop *stop = &dispatch_site(d, site)->stop;

	return stop->since > 0 ? stop : NULL;
}

bool
dispatch_full(struct dispatch *d, const char *site)
{
	return dispatch_site(d, site)->full;
}

const struct error *
dispatch_trouble(struct dispatch *d, const char *site)
{
	const struct error *trouble = &dispatch_site(d, site)->trouble;

	return trouble->code[0] ? trouble : NULL;
}
