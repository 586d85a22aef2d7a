// SPDX-License-Identifier: GPL-3.0-or-later
/* Findings about holds: that everything is stopped, which sites are frozen, and where jobs that were stopped may begin all the
 * same, since their agent is not heard.
 *
 * Entry point: doctor_hold_scan(), on the loop; a row or two, and the open jobs that are being cancelled so. Nothing is said where
 * nothing is held. Failure modes: a check that itself fails is a finding. */
#include "orchestrator/doctor_hold.h"

#include <stdio.h>
#include <string.h>

#include "db/db_hold.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/hold_words.h"
#include "orchestrator/presence.h"

struct scan {
	struct orch *o;
	int64_t now;
	doctor_hold_add *add;
	void *arg;
};

static void
add_hold(void *arg, const struct db_hold *hold)
{
	const struct scan *s = arg;
	char text[ERROR_TEXT_SIZE + 40], ago[32];
	struct error why;

	hold_words_refusal(hold, &why);
	snprintf(text, sizeof(text), "for %s: %s",
	    str_duration(s->now - hold->at, ago, sizeof(ago)), why.text);
	s->add(s->arg, "warn", text, why.next);
}

static void
add_site(void *arg, const char *site, int64_t jobs)
{
	const struct scan *s = arg;
	char text[300];

	if (!presence_absent(dispatch_silence(s->o->dispatch, site)))
		return;
	snprintf(text, sizeof(text),
	    "site %s: %lld jobs that were stopped are still with its agent, which is not "
	    "heard: until it is back it may begin them in their windows, and finishes "
	    "what it has begun",
	    site, (long long)jobs);
	s->add(s->arg, "fail", text,
	    "bring its line or its agent back; netboot-agent's log is there");
}

void
doctor_hold_scan(struct orch *o, int64_t now, doctor_hold_add *add, void *arg)
{
	struct scan s = {o, now, add, arg};
	char text[200];
	int rc = db_hold_list(o->store, add_hold, &s);

	if (rc == 0)
		rc = db_job_held(o->store, add_site, &s);
	if (rc == 0)
		return;
	snprintf(text, sizeof(text), "the check itself failed: %s", strerror(-rc));
	add(arg, "fail", text, "see the orchestrator's log");
}
