// SPDX-License-Identifier: GPL-3.0-or-later
/* Is what an agent tells of its own site's?
 *
 * An agent's site is the one of its report, which its certificate or the unix socket answers for; all else in an event is a claim. In
 * this order:
 *   its site, where it names one, is that site;
 *   its kind is none that only the orchestrator says (else a webhook would carry an audit head that an agent made up);
 *   its job, where it is known, was ordered for that site, or accepted by that agent, and is of the host that is named;
 *   its boot, where it is known, was at that site, and of the host that is named;
 *   its host, unless the job or boot has settled that, is at that site.
 * A job or boot that is not known settles nothing: agents may know some that were lost with a database or are ordered at the
 * site itself.
 *
 * Hosts are moved and removed while news of them are under way, for weeks where the line is down. A job's news are its
 * agent's until it has ended, wherever the host is by now. Of a host that left, what happened before that is taken (its
 * agent's clock may be off by SLACK_US); what is later is not applied, and neither is news of a host that nobody has (it was
 * added after the backup that this database was restored from, perhaps). Both are LATE, which is no offence:
 * the agent did not know yet.
 *
 * Entry points: agent_scope_judge(), agent_scope_note(). One read of an index for each distinct host, job and boot of a
 * report. Ownership: the memo is the report's. Failure modes: those of db.h. */
#include "orchestrator/agent_scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "db/db_scope.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

#define SLACK_US (10LL * 60 * USEC_PER_SEC)

/* Said by the orchestrator alone. */
static const char *const own_kinds[] = {"agent.absent", "agent.back", "agent.foreign",
    "agent.gap", "agent.outdated", "audit.head", "boot.flag", "discovered.new",
    "ipmi.identify", "ipmi.reset", "ipmi.resume", "ipmi.sel-clear", "job.queued",
    "job.verdict"};

struct owner {
	UT_hash_handle hh;
	char key[1 + BUNDLE_NAME_SIZE]; /* "j" job, "b" boot */
	bool known;
	struct db_scope_owner of;
};

struct place {
	UT_hash_handle hh;
	char name[BUNDLE_NAME_SIZE];
	struct db_scope_host of;
};

struct agent_scope {
	struct store *store;
	const char *site, *agent;
	struct owner *owners;
	struct place *places;
};

struct agent_scope *
agent_scope_new(struct store *s, const char *site, const char *agent)
{
	struct agent_scope *sc = str_alloc(sizeof(*sc));

	sc->store = s;
	sc->site = site;
	sc->agent = agent;
	return sc;
}

void
agent_scope_free(struct agent_scope *sc)
{
	struct owner *o, *onext;
	struct place *p, *pnext;

	if (!sc)
		return;
	HASH_ITER (hh, sc->owners, o, onext) {
		HASH_DEL(sc->owners, o);
		free(o);
	}
	HASH_ITER (hh, sc->places, p, pnext) {
		HASH_DEL(sc->places, p);
		free(p);
	}
	free(sc);
}

/* *ret: NULL of one that is not known. */
static int
find_owner(
    struct agent_scope *sc, char what, const char *id, const struct db_scope_owner **ret)
{
	char key[sizeof(((struct owner *)NULL)->key)];
	struct owner *o;

	if (str_format(key, sizeof(key), "%c%s", what, id) < 0)
		return -EINVAL;
	HASH_FIND_STR(sc->owners, key, o);
	if (!o) {
		struct db_scope_owner of = {.host = ""};
		int rc = what == 'j' ? db_scope_job(sc->store, id, &of)
				     : db_scope_boot(sc->store, id, &of);
		if (rc < 0 && rc != -ENOENT)
			return rc;
		o = str_alloc(sizeof(*o));
		str_clip(o->key, sizeof(o->key), key);
		o->known = rc == 0;
		o->of = of;
		HASH_ADD_STR(sc->owners, key, o);
	}
	*ret = o->known ? &o->of : NULL;
	return 0;
}

static int
find_place(struct agent_scope *sc, const char *host, const struct db_scope_host **ret)
{
	struct place *p;

	HASH_FIND_STR(sc->places, host, p);
	if (!p) {
		struct db_scope_host of = {.site = ""};
		int rc = db_scope_host(sc->store, host, sc->site, &of);
		if (rc < 0)
			return rc;
		p = str_alloc(sizeof(*p));
		str_clip(p->name, sizeof(p->name), host);
		p->of = of;
		HASH_ADD_STR(sc->places, name, p);
	}
	*ret = &p->of;
	return 0;
}

PRINTF_LIKE(4, 5)
static void
find(struct agent_scope_finding *ret, enum agent_scope_verdict verdict, const char *code,
    const char *fmt, ...)
{
	char text[2 * EVENT_REASON_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ret->verdict = verdict;
	ret->code = code;
	str_escape(ret->text, sizeof(ret->text), text, strlen(text));
}

/* True when the job or boot settles whose event it is, either way. */
static bool
judge_owner(const struct agent_scope *sc, const struct event *ev, const char *what,
    const char *id, const struct db_scope_owner *of, struct agent_scope_finding *ret)
{
	bool job = str_eq(what, "job");

	if (!str_eq(of->site, sc->site) &&
	    !(of->agent[0] && str_eq(of->agent, sc->agent)))
		find(ret, AGENT_SCOPE_FOREIGN,
		    job ? "job-of-another-site" : "boot-of-another-site",
		    "the agent of site %s told of %s %s, which is of site %s", sc->site,
		    what, id, of->site);
	else if (ev->host[0] && !str_eq(ev->host, of->host))
		find(ret, AGENT_SCOPE_FOREIGN,
		    job ? "job-of-another-host" : "boot-of-another-host",
		    "the agent of site %s told of %s %s at host %s; it is of host %s",
		    sc->site, what, id, ev->host, of->host);
	else
		return ev->host[0] != '\0';
	return true;
}

static void
judge_host(const struct agent_scope *sc, const struct event *ev,
    const struct db_scope_host *of, struct agent_scope_finding *ret)
{
	if (str_eq(of->site, sc->site) ||
	    (of->was_at > 0 && ev->at <= of->was_at + SLACK_US))
		return;
	if (of->was_at > 0)
		find(ret, AGENT_SCOPE_LATE, "host-left",
		    "the agent of site %s told of host %s, which is not of that site any "
		    "more: "
		    "it had not heard yet",
		    sc->site, ev->host);
	else if (of->site[0] == '\0')
		find(ret, AGENT_SCOPE_LATE, "host-unknown",
		    "the agent of site %s told of host %s, which is not in the inventory",
		    sc->site, ev->host);
	else
		find(ret, AGENT_SCOPE_FOREIGN, "host-of-another-site",
		    "the agent of site %s told of host %s, which is of site %s", sc->site,
		    ev->host, of->site);
}

static bool
is_ours(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_kinds); i++)
		if (str_eq(kind, own_kinds[i]))
			return true;
	return false;
}

/* 1: that settles it. *ret_site: of a job that is known the site that it was ordered for. */
static int
judge_id(struct agent_scope *sc, const struct event *ev, const char *what, const char *id,
    const char **ret_site, struct agent_scope_finding *ret)
{
	const struct db_scope_owner *of = NULL;
	int rc = id[0] ? find_owner(sc, what[0], id, &of) : 0;

	if (rc < 0 || !of)
		return rc;
	*ret_site = of->site;
	return judge_owner(sc, ev, what, id, of, ret);
}

static int
judge_ids(struct agent_scope *sc, const struct event *ev, struct agent_scope_finding *ret)
{
	const char *site = sc->site, *boot_site;
	int boot = 0, job = judge_id(sc, ev, "job", ev->job, &site, ret);

	if (job >= 0 && ret->verdict == AGENT_SCOPE_OWN)
		boot = judge_id(sc, ev, "boot", ev->boot, &boot_site, ret);
	if (job < 0 || boot < 0)
		return job < 0 ? job : boot;
	/* A spool that was given another site has news of the one before, of its jobs alone. */
	if (ret->verdict == AGENT_SCOPE_OWN && ev->site[0] &&
	    !str_eq(ev->site, sc->site) && !str_eq(ev->site, site))
		find(ret, AGENT_SCOPE_FOREIGN, "another-site",
		    "the agent of site %s told of site %s", sc->site, ev->site);
	return job || boot || ret->verdict != AGENT_SCOPE_OWN;
}

int
agent_scope_judge(
    struct agent_scope *sc, const struct event *ev, struct agent_scope_finding *ret)
{
	const struct db_scope_host *of = NULL;

	*ret = (struct agent_scope_finding){.verdict = AGENT_SCOPE_OWN, .code = ""};
	if (is_ours(ev->kind)) {
		find(ret, AGENT_SCOPE_FOREIGN, "kind-not-of-agents",
		    "the agent of site %s told of %s, which only the orchestrator says",
		    sc->site, ev->kind);
		return 0;
	}
	int rc = judge_ids(sc, ev, ret);
	if (rc != 0 || !ev->host[0])
		return rc < 0 ? rc : 0;
	rc = find_place(sc, ev->host, &of);
	if (rc == 0)
		judge_host(sc, ev, of, ret);
	return rc;
}

static void
put_said(struct event *note, const char *key, const char *value)
{
	char shown[EVENT_NAME_SIZE];

	str_escape(shown, sizeof(shown), value, strlen(value));
	event_put(note, key, shown);
}

struct event
agent_scope_note(const struct agent_scope *sc, const struct event *said,
    const struct agent_scope_finding *f, int64_t wall)
{
	struct event note = event_make(
	    f->verdict == AGENT_SCOPE_LATE ? "agent.outdated" : "agent.foreign", wall);
	char at[CLOCK_TEXT_SIZE];

	str_clip(note.site, sizeof(note.site), sc->site);
	str_clip(note.reason, sizeof(note.reason), f->text);
	event_put(&note, "code", f->code);
	event_put(&note, "said_kind", said->kind);
	event_put(&note, "said_at", clock_text(said->at, at, sizeof(at)));
	put_said(&note, "said_site", said->site);
	put_said(&note, "said_host", said->host);
	put_said(&note, "said_job", said->job);
	put_said(&note, "said_boot", said->boot);
	put_said(&note, "said_mac", said->mac);
	put_said(&note, "said_ip", said->ip);
	put_said(&note, "said_file", said->file);
	put_said(&note, "said_reason", said->reason);
	return note;
}
