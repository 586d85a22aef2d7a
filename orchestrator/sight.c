// SPDX-License-Identifier: GPL-3.0-or-later
/* Looks at hosts' power into the record.
 *
 * Entry points: sight_event() for every event of an agent, sight_asked() for the answers of BMCs. What a look means is decided in
 * lifecycle_power.c; here it is read, written and told. The record of a host that is off by nobody's order begins when it
 * is seen so, and ends as "unknown" when the host is seen on or booting, or a job takes it: nobody knows what became of it
 * meanwhile.
 *
 * Survives crashes and repetition because all of it is in one transaction with what it follows from: the event's
 * number, or the look itself, which is not repeated while the host is known to be off.
 * Failure modes: those of db.h. */
#include "orchestrator/sight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_power.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/boot_flags.h"
#include "orchestrator/lifecycle_power.h"

/* The host, and when. */
struct place {
	const char *host, *site;
	int64_t at;
};

static struct event
make_event(const struct place *p, const char *kind, const char *boot, const char *reason)
{
	struct event ev = event_make(kind, p->at);

	str_clip(ev.host, sizeof(ev.host), p->host);
	str_clip(ev.site, sizeof(ev.site), p->site);
	str_clip(ev.boot, sizeof(ev.boot), boot);
	str_clip(ev.reason, sizeof(ev.reason), reason);
	return ev;
}

static int
tell(struct store *s, struct event *ev)
{
	int rc = db_event_add(s, ev, NULL, 0, NULL);

	event_done(ev);
	return rc;
}

/* The same look has the same id, whoever takes it. */
static void
make_id(const struct place *p, char ret_id[ID_SIZE])
{
	uint64_t seed = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (const char *c = p->host; *c; c++)
		seed = (seed ^ (uint8_t)*c) * 0x100000001b3ULL;
	struct rng rng = rng_seeded(seed ^ (uint64_t)p->at);
	id_make(p->at, &rng, ret_id);
}

static int
begin_off(struct store *s, const struct place *p, const char *how)
{
	struct db_boot *b = str_alloc(sizeof(*b));
	char reason[EVENT_REASON_SIZE];

	/* One that could not be ended goes on: of a second one nothing would be kept but the news. */
	int rc = db_boot_power_off_open(s, p->host, b->id);
	if (rc != -ENOENT) {
		free(b);
		return rc;
	}
	make_id(p, b->id);
	str_clip(b->host, sizeof(b->host), p->host);
	str_clip(b->site, sizeof(b->site), p->site);
	str_clip(b->trigger, sizeof(b->trigger), "power-off");
	b->began = p->at;
	b->flags = DB_BOOT_POWER_OFF_SEEN;
	if (str_format(reason, sizeof(reason),
		"the machine is off, and no order switched it off (%s)", how) < 0)
		str_clip(reason, sizeof(reason),
		    "the machine is off, and no order switched it off");
	struct event ev = make_event(p, "boot.begin", b->id, reason);
	event_put(&ev, "trigger", b->trigger);
	json_object_set_new(ev.detail, "planned", json_false());
	rc = tell(s, &ev);
	if (rc == 0)
		rc = boot_flags_begin(s, b);
	free(b);
	return rc;
}

static int
end_off(struct store *s, const struct place *p, const char *text)
{
	char id[ID_SIZE];
	int rc = db_boot_power_off_end(s, p->host, text, p->at, id);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	struct event ev = make_event(p, "boot.end", id, "");
	event_put(&ev, "outcome", "unknown");
	event_put(&ev, "text", text);
	return tell(s, &ev);
}

/* *was is as it was before the look, which is stored already where it is newer than the last one. */
static int
take_look(struct store *s, const struct place *p, struct db_power *was,
    const struct lifecycle_look *look, const char *how)
{
	bool nobodys = lifecycle_power_look(was, look);
	int rc = db_power_put(s, p->host, was);

	if (rc == 0 && look->on)
		rc = end_off(s, p, "the machine is on again");
	if (rc == 0 && nobodys)
		rc = begin_off(s, p, how);
	return rc;
}

/* ---- events of agents ---- */

/* From before the last look, as agents tell much later where they could not be heard. A look from the future was dated
 * by a clock that was wrong, and is no measure. */
static bool
is_behind(const struct db_power *power, int64_t at, int64_t wall)
{
	return at < power->at && power->at <= wall;
}

/* "look" in it: it was only looked; without, the job has made it so. */
static int
see_power(struct store *s, const struct event *ev, const struct place *p,
    struct db_power *power, const char *seen, int64_t wall)
{
	const struct lifecycle_look look = {
	    .on = str_eq(seen, "on"),
	    .own = ev->job[0] && !event_str(ev, "look")[0],
	    .wall = wall,
	};

	/* What a job did follows from its stages, in their order; agents' clocks may be behind. */
	if (str_eq(seen, "unknown") || (!look.own && is_behind(power, ev->at, wall)))
		return 0;
	return take_look(s, p, power, &look,
	    str_eq(event_str(ev, "look"), "control")
		? "seen by a job after its power order"
		: "seen by a job before it began");
}

/* "": not a power job, or its order cannot be read: then it may have done anything. */
static int
read_action(struct store *s, const struct db_job *job, char ret[16])
{
	char *text = NULL;
	int rc = 0;

	ret[0] = '\0';
	if (str_eq(job->kind, bundle_kind_name(BUNDLE_POWER)))
		rc = db_job_bundle(s, job->id, &text);
	if (rc == 0 && text) {
		json_t *doc = json_parse(text, strlen(text), NULL);
		const char *action =
		    json_string_value(json_object_get(doc, "power_action"));
		str_clip(ret, 16, action ? action : "");
		json_decref(doc);
	}
	free(text);
	return rc == -ENOENT ? 0 : rc;
}

static int
follow_job(struct store *s, const struct event *ev, const struct place *p,
    const struct db_job *job, struct db_power *power, int64_t wall)
{
	char action[16];
	int rc = read_action(s, job, action);

	if (rc == 0 && lifecycle_power_job(power, ev, job, action, wall))
		rc = db_power_put(s, p->host, power);
	if (rc == 0 && str_eq(ev->kind, "job.accepted"))
		rc = end_off(s, p, "a job took the host over");
	return rc;
}

static int
follow_boot(struct store *s, const struct place *p, struct db_power *power,
    struct lifecycle_change *ch, int64_t wall)
{
	const struct lifecycle_look on = {.on = true, .wall = wall};
	bool behind = !ch->boot.planned && is_behind(power, p->at, wall);
	int rc = 0;

	if (!ch->boot.planned) {
		if (lifecycle_power_started(power, wall))
			ch->boot.flags &= ~(int64_t)DB_BOOT_UNORDERED;
		if (!behind)
			(void)lifecycle_power_look(power, &on);
		rc = db_power_put(s, p->host, power);
	}
	if (rc == 0 && !behind)
		rc = end_off(s, p,
		    ch->boot.planned ? "a job took the host over"
				     : "it boots from the network");
	return rc;
}

int
sight_event(struct store *s, const struct event *ev, const struct db_job *job,
    struct lifecycle_change *ch, int64_t wall)
{
	bool steers = ch->set_job && str_has_prefix(ev->kind, "job.");
	const char *host = steers ? job->host : ev->host;
	const struct place p = {host, ev->site, ev->at};
	struct db_power power;

	if (!host[0] || (!steers && !ch->begin_boot && !ch->set_power))
		return 0;
	int rc = db_power_get(s, host, &power);
	if (rc < 0)
		return rc;
	if (ch->set_power)
		return see_power(s, ev, &p, &power, ch->power, wall);
	if (ch->begin_boot)
		return follow_boot(s, &p, &power, ch, wall);
	return follow_job(s, ev, &p, job, &power, wall);
}

int
sight_job_ended(
    struct store *s, const struct event *ev, const struct db_job *job, int64_t wall)
{
	const struct place p = {job->host, job->site, wall};
	struct db_power power;
	int rc = db_power_get(s, job->host, &power);

	return rc < 0 ? rc : follow_job(s, ev, &p, job, &power, wall);
}

int
sight_wire(struct store *s, const struct event *ev, int64_t wall)
{
	const struct lifecycle_look on = {.on = true, .wall = wall};
	const struct place p = {ev->host, ev->site, ev->at};
	struct db_power power;
	char id[ID_SIZE];
	int rc = db_boot_power_off_open(s, ev->host, id);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = db_power_get(s, ev->host, &power);
	if (rc < 0)
		return rc;
	if (is_behind(&power, ev->at, wall))
		return 0;
	rc = end_off(s, &p, "the machine is on again: it was heard on the network");
	if (rc < 0)
		return rc;
	(void)lifecycle_power_look(&power, &on);
	return db_power_put(s, ev->host, &power);
}

/* ---- answers of BMCs ---- */

int
sight_asked(struct store *s, const struct sight_answer *a, int64_t wall)
{
	const struct place p = {a->host, a->site, wall};
	struct lifecycle_look look = {.on = str_eq(a->power, "on"), .wall = wall};
	struct db_power power;
	char open[ID_SIZE];
	int rc = db_power_get(s, a->host, &power);

	if (rc == 0)
		rc = db_host_state_seen_by(
		    s, a->host, a->address, a->port, a->power, wall);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = db_job_open_of_host(s, a->host, open);
	look.busy = rc == 0;
	return rc < 0 && rc != -ENOENT ? rc : take_look(s, &p, &power, &look, a->how);
}
