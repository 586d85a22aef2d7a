// SPDX-License-Identifier: GPL-3.0-or-later
/* Holding the world, or a site.
 *
 * Entry points: holds_check(), which whatever begins something asks; holds_begin() and holds_end(), within the transaction
 * of the request; holds_lock_host() for the jobs of a host that is locked. The hold's row and the cancels are one
 * transaction: after a crash either all of it holds or none, and the request was not answered then.
 *
 * What has not begun: a job that no agent was ever given ends here and now. Of one that an agent may have, only the agent knows: it is told
 * to cancel it unless it has begun (job.cancel_code), and the job ends when it says so. An agent that is away hears of that
 * when it is back; what it has begun by then it finishes, and reports. So a stop never breaks an installation off in its
 * middle, and every job that is open after it is either under way or at an agent that has not answered.
 * Ownership: nothing is kept. Failure modes: errnos of the database, after which the caller rolls back. */
#include "orchestrator/holds.h"

#include <errno.h>

#include "db/db_event.h"
#include "db/db_job.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/hold_words.h"

int
holds_check(struct store *s, const char *site, struct error *err)
{
	struct db_hold hold;
	int rc = db_hold_get(s, NULL, &hold);

	if (rc == -ENOENT && site && site[0])
		rc = db_hold_get(s, site, &hold);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return db_error(store_db(s), rc, err, "read what is stopped");
	if (err)
		hold_words_refusal(&hold, err);
	return -EPERM;
}

void
holds_effect_done(struct holds_effect *e)
{
	strset_done(&e->sites);
	strset_done(&e->told_at);
	store_names_done(&e->jobs);
}

/* No agent can know of it: it ends here. */
static int
end_unsent(struct store *s, struct db_job *job, int64_t now)
{
	struct event ev = event_make("job.cancelled", now);
	struct error why;

	hold_words_job(job, &why);
	job->state = DB_JOB_CANCELLED;
	job->ended = now;
	str_clip(job->verdict_code, sizeof(job->verdict_code), why.code);
	str_clip(job->verdict_text, sizeof(job->verdict_text), why.text);
	str_clip(job->verdict_next, sizeof(job->verdict_next), why.next);
	str_clip(ev.site, sizeof(ev.site), job->site);
	str_clip(ev.host, sizeof(ev.host), job->host);
	str_clip(ev.job, sizeof(ev.job), job->id);
	str_clip(ev.reason, sizeof(ev.reason), why.text);
	event_put(&ev, "by", job->cancel_by);
	event_put(&ev, "code", why.code);
	event_put(&ev, "text", why.text);
	event_put(&ev, "next", why.next);
	int rc = db_job_update(s, job);
	if (rc == 0)
		rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

static int
audit_cancel(struct store *s, const struct audit_who *who, const struct db_job *job,
    const char *code, const char *reason, int64_t now)
{
	json_t *detail = json_pack("{s:s, s:s}", "job", job->id, "code", code);
	json_t *after = json_pack(
	    "{s:s, s:b}", "state", db_job_state_name(job->state), "cancel", true);
	int rc = audit_write(s, who,
	    &(struct audit_row){.what = "job.cancel",
		.object = job->host,
		.reason = reason,
		.result = "ok",
		.after = after,
		.detail = detail},
	    now);

	json_decref(after);
	json_decref(detail);
	return rc;
}

static int
cancel(struct store *s, const char *id, const char *code, const struct audit_who *who,
    const char *reason, int64_t now, struct holds_effect *e)
{
	struct db_job job;
	int rc = db_job_hold(s, id, code, who->name, reason, now);

	if (rc == 0)
		rc = db_job_get(s, id, &job);
	if (rc < 0)
		return rc;
	/* As of one that was cancelled: lifecycle.c. */
	bool unsent = !job.sent && job.state == DB_JOB_QUEUED;
	if (unsent)
		rc = end_unsent(s, &job, now);
	if (rc == 0)
		rc = audit_cancel(s, who, &job, code, reason, now);
	e->ended += unsent;
	e->told += !unsent;
	strset_add(&e->sites, job.site, 0, NULL);
	if (!unsent)
		strset_add(&e->told_at, job.site, 0, NULL);
	store_names_add(&e->jobs, id);
	return rc;
}

static int
cancel_all(struct store *s, const struct store_names *ids, const char *code,
    const struct audit_who *who, const char *reason, int64_t now, struct holds_effect *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ids->n; i++)
		rc = cancel(s, ids->v[i], code, who, reason, now, e);
	return rc;
}

static int
write_event(struct store *s, const char *kind, const char *site, const char *by,
    const char *reason, int64_t now)
{
	struct event ev = event_make(kind, now);

	str_clip(ev.site, sizeof(ev.site), site ? site : "");
	str_clip(ev.reason, sizeof(ev.reason), reason);
	event_put(&ev, "scope", site ? "site" : "world");
	event_put(&ev, "by", by);
	int rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

static int
audit_hold(struct store *s, const struct audit_who *who, const char *what,
    const char *site, const char *reason, const json_t *detail, int64_t now)
{
	return audit_write(s, who,
	    &(struct audit_row){.what = what,
		.object = site ? site : "world",
		.reason = reason,
		.result = "ok",
		.detail = detail},
	    now);
}

int
holds_begin(struct store *s, const char *site, const struct audit_who *who,
    const char *reason, int64_t now, struct holds_effect *e)
{
	const char *code = site ? HOLD_WORDS_SITE : HOLD_WORDS_WORLD;
	struct db_hold hold = {.at = now};
	struct store_names ids = {0};
	bool already;
	int rc;

	str_clip(hold.site, sizeof(hold.site), site ? site : "");
	str_clip(hold.by, sizeof(hold.by), who->name);
	str_clip(hold.reason, sizeof(hold.reason), reason);
	rc = db_hold_get(s, site, &(struct db_hold){.at = 0});
	already = rc == 0;
	if (rc == -ENOENT)
		rc = db_hold_add(s, &hold);
	if (rc == 0 && !already)
		rc = write_event(s, "hold.begin", site, who->name, reason, now);
	if (rc == 0)
		rc = db_job_unbegun(s, site, NULL, &ids);
	if (rc == 0)
		rc = cancel_all(s, &ids, code, who, reason, now, e);
	if (rc == 0)
		rc = db_job_open_count(s, site, &e->running);
	if (rc == 0) {
		e->running -= (int64_t)e->told;
		json_t *detail = json_pack("{s:I, s:I, s:I, s:b}", "cancelled",
		    (json_int_t)e->ended, "told", (json_int_t)e->told, "running",
		    (json_int_t)e->running, "already", already);
		rc = audit_hold(s, who, site ? "site.freeze" : "stop.begin", site, reason,
		    detail, now);
		json_decref(detail);
	}
	store_names_done(&ids);
	return rc;
}

int
holds_end(struct store *s, const char *site, const struct audit_who *who,
    const char *reason, int64_t now)
{
	int rc = db_hold_delete(s, site);

	if (rc == 0)
		rc = write_event(s, "hold.end", site, who->name, reason, now);
	if (rc == 0)
		rc = audit_hold(
		    s, who, site ? "site.unfreeze" : "stop.end", site, reason, NULL, now);
	return rc;
}

int
holds_lock_host(struct store *s, const char *host, const struct audit_who *who,
    const char *reason, int64_t now, struct holds_effect *e)
{
	struct store_names ids = {0};
	int rc = db_job_unbegun(s, NULL, host, &ids);

	if (rc == 0)
		rc = cancel_all(s, &ids, HOLD_WORDS_LOCK, who, reason, now, e);
	store_names_done(&ids);
	return rc;
}
