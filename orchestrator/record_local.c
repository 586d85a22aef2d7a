// SPDX-License-Identifier: GPL-3.0-or-later
/* Orders made at a site, into the record: the row of a job as if it had been ordered here, and a row of the audit in the
 * order in which the events come, which says when it was ordered there and by whom.
 *
 * What an agent tells is not trusted: kinds are those that a site may order, texts are escaped and bounded, neither an id
 * nor a time may be of a time to come, since ids of jobs are in order of time, and who ordered there is never taken for one
 * of the users here.
 *
 * An order of this orchestrator that is older than the site's job, and that no agent was given, gives way to it; any other
 * is the agent's to decide, who refuses it (host-busy) or begins it after the site's job has ended. News may be weeks old,
 * and an order of today has nothing to do with a job of then. So for a moment a host may have two open jobs here, and never
 * at the site.
 *
 * Entry points: record_local_is(), record_local_take(). Failure modes: those of db.h; an event that makes no sense is told
 * in *ret_ignored, stays an event, and changes nothing. */
#include "orchestrator/record_local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "db/db_image.h"
#include "db/db_scope.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "orchestrator/audit.h"
#include "orchestrator/orders.h"
#include "orchestrator/sight.h"

/* An agent's clock may be ahead. */
#define ID_AHEAD (3600 * USEC_PER_SEC)

bool
record_local_is(const struct event *ev)
{
	return str_eq(ev->kind, "job.local") || str_has_prefix(ev->kind, "local.");
}

static void
take_text(const struct event *ev, const char *key, char *buf, size_t size)
{
	const char *text = event_str(ev, key);

	str_escape(buf, size, text, strlen(text));
}

/* "ada at los" */
static void
name_who(const struct event *ev, char *buf, size_t size)
{
	char user[40], all[sizeof(user) + EVENT_SITE_SIZE + 4];

	take_text(ev, "user", user, sizeof(user));
	if (str_format(
		all, sizeof(all), "%s at %s", user[0] ? user : "somebody", ev->site) < 0)
		abort();
	str_clip(buf, size, all); /* of the site, if need be */
}

/* Nobody's, when it is none: records of tokens have numbers below 0. */
static int64_t
take_uid(const struct event *ev)
{
	int64_t uid = event_i64(ev, "uid", UINT32_MAX);

	return uid < 0 || uid > UINT32_MAX ? UINT32_MAX : uid;
}

static int
write_audit(struct store *s, const char *agent, const struct event *ev, const char *what,
    const char *object, const char *result, json_t *detail, int64_t wall)
{
	struct audit_who who = {.role = AUTH_OPERATOR};
	char at[CLOCK_TEXT_SIZE], reason[EVENT_REASON_SIZE];
	int rc;

	name_who(ev, who.name, sizeof(who.name));
	who.owner = take_uid(ev);
	str_escape(reason, sizeof(reason), ev->reason, strlen(ev->reason));
	if (str_format(who.from, sizeof(who.from), "site %s, unix uid %lld", ev->site,
		(long long)who.owner) < 0)
		who.from[0] = '\0';
	json_put_str(detail, "at", clock_text(ev->at, at, sizeof(at)));
	json_put_str(detail, "site", ev->site);
	json_put_str(detail, "agent", agent);
	rc = audit_write(s, &who,
	    &(struct audit_row){.what = what,
		.object = object,
		.reason = reason,
		.result = result,
		.detail = detail},
	    wall);
	json_decref(detail);
	return rc;
}

/* ---- job.local ---- */

static bool
is_action(const char *s)
{
	static const char *const actions[] = {"on", "off", "soft", "cycle", "reset"};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_eq(s, actions[i]))
			return true;
	return false;
}

static const char *
check_job(const struct event *ev, int64_t wall, enum bundle_kind *ret)
{
	const char *image = event_str(ev, "image");

	if (!id_valid(ev->job) || id_time(ev->job) > wall + ID_AHEAD)
		return "a job of the site has no id, or one of a time to come";
	if (ev->at <= 0 || ev->at > wall + ID_AHEAD)
		return "a job of the site is of no time, or of one to come";
	if (!str_name_valid(ev->host))
		return "a job of the site names no host";
	if (bundle_kind_parse(event_str(ev, "kind"), ret) < 0 || *ret == BUNDLE_REINSTALL)
		return "a job of the site is of no kind that a site may order";
	if (*ret == BUNDLE_POWER && !is_action(event_str(ev, "action")))
		return "a job of the site switches power in no way that there is";
	if (image[0] && !str_name_valid(image))
		return "a job of the site names no image that there can be";
	return NULL;
}

/* The image as this inventory has it, when it is the one that the site has used; else its name alone. */
static int
image_json(struct store *s, const struct event *ev, json_t **ret)
{
	const char *name = event_str(ev, "image");
	struct db_image *image;
	int rc;

	*ret = json_null();
	if (!name[0])
		return 0;
	image = str_alloc(sizeof(*image));
	rc = db_image_get(s, name, image);
	if (rc == 0 && str_eq(image->image.kernel.sha256, event_str(ev, "kernel_sha256")))
		*ret = bundle_image_to_json(&image->image);
	else
		*ret = json_pack("{s:s}", "name", name);
	if (rc == 0)
		db_image_done(image);
	free(image);
	return rc == -ENOENT ? 0 : rc;
}

/* As the site's people said it; a word that is not known is none. */
static void
put_force(json_t *v, const struct event *ev)
{
	enum bundle_force force;

	if (bundle_force_parse(event_str(ev, "force"), &force) == 0)
		json_put_str(v, "force", bundle_force_name(force));
}

static int
bundle_text(struct store *s, const struct event *ev, const struct db_job *job, char **ret)
{
	char action[16];
	json_t *v = json_object(), *image = NULL;
	int rc = image_json(s, ev, &image);

	take_text(ev, "action", action, sizeof(action));
	json_put_i64(
	    v, "v", event_str(ev, "force")[0] ? BUNDLE_VERSION_CAREFUL : BUNDLE_VERSION);
	json_put_str(v, "job", job->id);
	json_put_str(v, "kind", job->kind);
	json_put_str(v, "power_action", action);
	json_put_bool(v, "hard", event_i64(ev, "hard", 0) != 0);
	put_force(v, ev);
	json_put_i64(v, "graceful_us", event_i64(ev, "graceful_us", 0));
	json_put_str(v, "reason", job->reason);
	json_put_str(v, "by", job->by);
	json_put_i64(v, "created", job->created);
	json_put(v, "host", json_pack("{s:s}", "name", job->host));
	json_put(v, "image", image);
	*ret = json_text(v);
	json_decref(v);
	return rc;
}

/* One from before that no agent was given: none will begin it. */
static int
give_way(struct store *s, const struct event *ev, int64_t wall)
{
	struct event end;
	struct db_job other = {.id = ""};
	char id[ID_SIZE];
	int rc = db_job_open_of_host(s, ev->host, id);

	if (rc == 0)
		rc = db_job_get(s, id, &other);
	if (rc < 0 || other.state != DB_JOB_QUEUED || other.sent != 0 ||
	    other.created > ev->at)
		return rc == -ENOENT ? 0 : rc;
	other.state = DB_JOB_FAILED;
	other.ended = wall;
	str_clip(other.verdict_code, sizeof(other.verdict_code), "host-busy");
	if (str_format(other.verdict_text, sizeof(other.verdict_text),
		"job %s was ordered at the site meanwhile", ev->job) < 0)
		abort();
	str_clip(other.verdict_next, sizeof(other.verdict_next), ORDERS_BUSY_NEXT);
	end = event_make("job.failed", wall);
	str_clip(end.site, sizeof(end.site), other.site);
	str_clip(end.host, sizeof(end.host), other.host);
	str_clip(end.job, sizeof(end.job), other.id);
	event_put(&end, "code", other.verdict_code);
	event_put(&end, "text", other.verdict_text);
	event_put(&end, "next", other.verdict_next);
	rc = db_job_update(s, &other);
	if (rc == 0)
		rc = db_event_add(s, &end, NULL, 0, NULL);
	if (rc == 0)
		rc = sight_job_ended(s, &end, &other, wall);
	event_done(&end);
	return rc;
}

static int
add_job(struct store *s, const struct event *ev, enum bundle_kind kind)
{
	struct db_job *job = str_alloc(sizeof(*job));
	char *bundle = NULL;
	int rc;

	str_clip(job->id, sizeof(job->id), ev->job);
	str_clip(job->kind, sizeof(job->kind), bundle_kind_name(kind));
	str_clip(job->host, sizeof(job->host), ev->host);
	str_clip(job->site, sizeof(job->site), ev->site);
	str_clip(job->image, sizeof(job->image), event_str(ev, "image"));
	str_escape(job->reason, sizeof(job->reason), ev->reason, strlen(ev->reason));
	name_who(ev, job->by, sizeof(job->by));
	str_clip(job->stage, sizeof(job->stage), stage_name(STAGE_QUEUED));
	str_clip(job->origin, sizeof(job->origin), DB_JOB_LOCAL);
	job->created = ev->at;
	job->state = DB_JOB_QUEUED; /* lifecycle.c moves it on */
	rc = bundle_text(s, ev, job, &bundle);
	if (rc == 0)
		rc = db_job_add(s, job, bundle);
	if (rc == 0)
		rc = db_job_sent(s, job->id, ev->at);
	free(bundle);
	free(job);
	return rc;
}

static json_t *
job_detail(const struct event *ev)
{
	char action[16];
	json_t *v = json_object();

	take_text(ev, "action", action, sizeof(action));
	json_put_str(v, "job", ev->job);
	json_put_str(v, "kind", event_str(ev, "kind"));
	json_put_str(v, "image", event_str(ev, "image"));
	json_put_str(v, "action", action);
	if (event_i64(ev, "hard", 0) != 0)
		json_put_bool(v, "hard", true);
	put_force(v, ev);
	return v;
}

/* News of a host that has left are taken as of before. A job would keep it busy where it is now. */
static int
has_left(struct store *s, const struct event *ev, bool *ret)
{
	struct db_scope_host of = {.site = ""};
	int rc = db_scope_host(s, ev->host, ev->site, &of);

	*ret = !str_eq(of.site, ev->site);
	return rc;
}

static int
take_job(struct store *s, const char *agent, const struct event *ev, int64_t wall,
    const char **ret_ignored)
{
	bool left = false;
	enum bundle_kind kind = BUNDLE_POWER;
	struct db_job known;
	int rc;

	*ret_ignored = check_job(ev, wall, &kind);
	if (*ret_ignored)
		return 0;
	/* This database is a copy from before, perhaps, and another event has brought it already. */
	rc = db_job_get(s, ev->job, &known);
	if (rc == 0) {
		*ret_ignored = "that job is known already";
		return 0;
	}
	if (rc == -ENOENT)
		rc = has_left(s, ev, &left);
	if (left)
		*ret_ignored = "the host is not at that site any more";
	if (rc == 0 && !left)
		rc = give_way(s, ev, wall);
	if (rc == 0 && !left)
		rc = add_job(s, ev, kind);
	return rc < 0 ? rc
		      : write_audit(s, agent, ev, "job.local", ev->host,
			    left ? "host-left" : "ok", job_detail(ev), wall);
}

/* ---- what else there was ---- */

/* A word, and never the one for what was done. */
static const char *
refusal(const struct event *ev)
{
	const char *code = event_str(ev, "code");
	size_t n = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && code[n] == '\0' && n < ERROR_CODE_SIZE && !str_eq(code, "ok")
		   ? code
		   : "refused";
}

static int
take_refused(struct store *s, const char *agent, const struct event *ev, int64_t wall)
{
	char asked[201], kind[16], image[64], action[16];
	json_t *v = json_object();

	take_text(ev, "asked", asked, sizeof(asked));
	take_text(ev, "kind", kind, sizeof(kind));
	take_text(ev, "image", image, sizeof(image));
	take_text(ev, "action", action, sizeof(action));
	json_put_str(v, "kind", kind);
	json_put_str(v, "image", image);
	json_put_str(v, "action", action);
	return write_audit(s, agent, ev, "job.local", asked, refusal(ev), v, wall);
}

static int
take_cancel(struct store *s, const char *agent, const struct event *ev, int64_t wall,
    const char **ret_ignored)
{
	if (!id_valid(ev->job) || !str_name_valid(ev->host)) {
		*ret_ignored = "what was cancelled at the site names no job of a host";
		return 0;
	}
	return write_audit(s, agent, ev, "job.cancel", ev->host, "ok",
	    json_pack("{s:s}", "job", ev->job), wall);
}

/* How much was typed and how long it took; what an agent says is not trusted to be a number that can be. */
static json_t *
console_detail(const struct event *ev)
{
	static const char *const numbers[] = {"octets", "breaks", "seconds"};
	json_t *v = json_object();

	if (str_eq(ev->kind, "local.console"))
		json_put_bool(v, "write", event_i64(ev, "write", 0) != 0);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int64_t n = event_i64(ev, numbers[i], -1);

		if (n >= 0 && str_eq(ev->kind, "local.console-end"))
			json_put_i64(v, numbers[i], n);
	}
	return v;
}

static bool
is_of_console(const struct event *ev)
{
	return str_eq(ev->kind, "local.console") || str_eq(ev->kind, "local.typing") ||
	       str_eq(ev->kind, "local.console-end");
}

static int
take_console(struct store *s, const char *agent, const struct event *ev, int64_t wall,
    const char **ret_ignored)
{
	const char *what = str_eq(ev->kind, "local.typing")	   ? "console.type"
			   : str_eq(ev->kind, "local.console-end") ? "console.close"
			   : event_i64(ev, "steal", 0)		   ? "console.steal"
								   : "console.open";

	if (!str_name_valid(ev->host)) {
		*ret_ignored = "a console that was opened at the site is of no host";
		return 0;
	}
	return write_audit(s, agent, ev, what, ev->host, "ok", console_detail(ev), wall);
}

int
record_local_take(struct store *s, const char *agent, const struct event *ev,
    int64_t wall, const char **ret_ignored)
{
	*ret_ignored = NULL;
	if (str_eq(ev->kind, "job.local"))
		return take_job(s, agent, ev, wall, ret_ignored);
	if (str_eq(ev->kind, "local.refused"))
		return take_refused(s, agent, ev, wall);
	if (str_eq(ev->kind, "local.cancel"))
		return take_cancel(s, agent, ev, wall, ret_ignored);
	if (is_of_console(ev))
		return take_console(s, agent, ev, wall, ret_ignored);
	*ret_ignored = "nothing is known of that kind";
	return 0;
}
