// SPDX-License-Identifier: GPL-3.0-or-later
/* Findings about certificates of agents from afar: one that ends soon and was not renewed, that has ended or was revoked,
 * and the authority's own.
 *
 * Entry point: doctor_join_scan(), on the loop; of each site it reads the newest certificates. Sites that never
 * joined from afar have none, and nothing is said of them.
 * Failure modes: a check that itself fails is a finding. */
#include "orchestrator/doctor_join.h"

#include <stdio.h>
#include <string.h>

#include "db/db_agent_cert.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/authority.h"

enum { LOOK_AT = 20 };

#define DAY_US (24LL * 3600 * USEC_PER_SEC)
/* Renewal begins 30 days before the end. */
#define ENDS_SOON_US (25 * DAY_US)
#define AUTHORITY_SOON_US (365 * DAY_US)
#define ENROLL_NEXT                                                                    \
	"netboot-ctl agent enroll SITE, then netboot-agent enroll URL there with the " \
	"secret"

/* What a site has: the one that is good for longest, else why the newest is not. */
struct site_certs {
	int64_t now, best;
	struct db_agent_cert newest;
	size_t n;
};

static void
look(void *arg, const struct db_agent_cert *c)
{
	struct site_certs *s = arg;

	if (s->n++ == 0)
		s->newest = *c;
	if (!c->revoked && c->ends > s->best)
		s->best = c->ends;
}

/* False: there is nothing to tell. */
static bool
tell(const char *site, const struct site_certs *s, doctor_join_add *add, void *arg)
{
	char text[400], at[CLOCK_TEXT_SIZE];

	if (s->n == 0 || s->best > s->now + ENDS_SOON_US)
		return false;
	if (s->best > s->now) {
		snprintf(text, sizeof(text),
		    "site %s: its agent's certificate ends at %s and was not renewed",
		    site, clock_text(s->best, at, sizeof(at)));
		add(arg, "warn", text,
		    "look at netboot-agent's log there, and at its line to here");
		return true;
	}
	if (s->best > 0)
		snprintf(text, sizeof(text),
		    "site %s: its agent's certificate ended at %s", site,
		    clock_text(s->best, at, sizeof(at)));
	else
		snprintf(text, sizeof(text),
		    "site %s: its agent's certificate was revoked at %s by %s: %s", site,
		    clock_text(s->newest.revoked, at, sizeof(at)), s->newest.revoked_by,
		    s->newest.revoked_why);
	add(arg, "fail", text, ENROLL_NEXT);
	return true;
}

static bool
check_authority(struct orch *o, int64_t now, doctor_join_add *add, void *arg)
{
	char text[200], at[CLOCK_TEXT_SIZE];
	int64_t ends = o->authority ? authority_ends(o->authority) : INT64_MAX;

	if (ends - now > AUTHORITY_SOON_US)
		return false;
	snprintf(text, sizeof(text), "the authority of agents' certificates ends at %s",
	    clock_text(ends, at, sizeof(at)));
	add(arg, ends > now ? "warn" : "fail", text,
	    "move authority.key and authority.pem away, restart, and enroll every site");
	return true;
}

void
doctor_join_scan(struct orch *o, int64_t now, doctor_join_add *add, void *arg)
{
	struct store_names sites = {0};
	char text[200];
	size_t n = 0;
	bool told = check_authority(o, now, add, arg);
	int rc = db_site_names(o->store, NULL, INT64_MAX, &sites);

	for (size_t i = 0; rc == 0 && i < sites.n; i++) {
		struct site_certs s = {.now = now};
		rc = db_agent_cert_of_site(o->store, sites.v[i], LOOK_AT, look, &s);
		n += s.n > 0;
		if (rc == 0 && tell(sites.v[i], &s, add, arg))
			told = true;
	}
	store_names_done(&sites);
	if (rc < 0) {
		snprintf(
		    text, sizeof(text), "the check itself failed: %s", strerror(-rc));
		add(arg, "fail", text, "see the orchestrator's log");
	} else if (n > 0 && !told) {
		snprintf(text, sizeof(text),
		    "agents from afar whose certificates are good: %zu", n);
		add(arg, "ok", text, "");
	}
}
