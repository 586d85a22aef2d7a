// SPDX-License-Identifier: GPL-3.0-or-later
/* Agents that speak of what is not their site's: into the log and the audit, at a bounded rate.
 *
 * Every such event stands in the record already (record.c). The audit is kept for ever, so that an agent which says a
 * thousand things a second gets a row a minute in it, with how many there were since the one before; what is behind the
 * last row is told with the next report after its minute.
 *
 * Entry points: dispatch_foreign_note() for each, dispatch_foreign_audit() within the transaction that a report is stored in, and
 * dispatch_foreign_done() behind its commit; dispatch_foreign_refused() for requests that are refused whole.
 * Ownership: the tally is the site's; a restart forgets what was not told yet, and no event.
 * Failure modes: an audit that cannot be written takes nothing of the report. */
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/audit.h"
#include "orchestrator/dispatch_priv.h"

#define EVERY_US (60LL * USEC_PER_SEC)

void
dispatch_foreign_note(
    struct dispatch_foreign *f, const char *agent, const char *code, const char *text)
{
	if (f->n++ > 0)
		return;
	str_clip(f->agent, sizeof(f->agent), agent);
	str_clip(f->code, sizeof(f->code), code);
	str_clip(f->text, sizeof(f->text), text);
}

int
dispatch_foreign_audit(
    struct dispatch *d, struct dispatch_site *s, struct dispatch_foreign *more)
{
	const struct dispatch_foreign *first = s->foreign.n > 0 ? &s->foreign : more;
	int64_t n = s->foreign.n + more->n, mono = clock_mono();
	struct audit_who who = {.role = AUTH_NONE, .owner = -1};
	int rc;

	if (n == 0 || (s->foreign.told != 0 && mono - s->foreign.told < EVERY_US))
		return 0;
	if (str_format(who.name, sizeof(who.name), "agent:%s", s->name) < 0)
		str_clip(who.name, sizeof(who.name), s->name);
	if (str_format(who.from, sizeof(who.from), "agent %s", first->agent) < 0)
		str_clip(who.from, sizeof(who.from), first->agent);
	json_t *detail = json_pack("{s:s, s:s, s:I}", "agent", first->agent, "code",
	    first->code, "count", (json_int_t)n);
	rc = audit_write(d->ops.store, &who,
	    &(struct audit_row){.what = "agent.events",
		.object = s->name,
		.reason = first->text,
		.result = "agent-foreign",
		.detail = detail},
	    clock_wall());
	json_decref(detail);
	/* If that is undone the next one comes a minute later; what it counts is not lost. */
	s->foreign.told = mono;
	more->telling = rc == 0;
	return rc;
}

void
dispatch_foreign_done(
    struct dispatch *d, struct dispatch_site *s, const struct dispatch_foreign *more)
{
	struct dispatch_foreign *f = &s->foreign;

	if (more->telling) {
		log_warn(d->ops.log,
		    "%s: nothing was changed (%lld such since the last word of it)",
		    f->n > 0 ? f->text : more->text, (long long)(f->n + more->n));
		f->n = 0;
	} else if (more->n > 0) {
		dispatch_foreign_note(f, more->agent, more->code, more->text);
		f->n += more->n - 1;
	}
}

/* In a transaction of its own, and an event with it: only as often as the audit. */
static int
record_refused(struct dispatch *d, struct dispatch_site *s, struct dispatch_foreign *more)
{
	struct db *db = store_db(d->ops.store);
	struct event ev = event_make("agent.foreign", clock_wall());
	int rc = db_begin(db);

	str_clip(ev.site, sizeof(ev.site), s->name);
	str_clip(ev.reason, sizeof(ev.reason), more->text);
	event_put(&ev, "code", more->code);
	if (rc == 0)
		rc = dispatch_foreign_audit(d, s, more);
	if (rc == 0 && more->telling)
		rc = db_event_add(d->ops.store, &ev, NULL, 0, NULL);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0)
		db_rollback(db);
	event_done(&ev);
	return rc;
}

void
dispatch_foreign_refused(struct dispatch *d, const char *site, const char *agent,
    const char *code, const char *text)
{
	struct dispatch_site *s = dispatch_site(d, site);
	struct dispatch_foreign more = {.n = 0};

	dispatch_foreign_note(&more, agent, code, text);
	if (record_refused(d, s, &more) < 0) {
		log_error(d->ops.log, "%s: this is not stored", text);
		more.telling = false;
	}
	dispatch_foreign_done(d, s, &more);
	if (more.telling)
		d->ops.on_events(d->ops.arg);
}
