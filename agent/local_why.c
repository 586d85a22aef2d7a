/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /why at the agent: the verdict of a host's newest job, or of a job, from the events that the spool still has.
 *
 * What the machine's past says of usual times is the orchestrator's to know, so that `usual` is null here, and a boot that
 * nobody ordered is not explained.
 * Entry point: the handler. Ownership: nothing is kept. Failure modes: codes of docs/api.md; where events are gone the
 * explanation is poorer and never wrong.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/local_priv.h"
#include "agent/spool_past.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "lib/why_json.h"

enum { EVENTS = 3000 };

struct why {
	struct story story;
	struct spool_past_job job;
	struct bundle_host host;
	bool have_job;
	char of_host[BUNDLE_NAME_SIZE], of_job[ID_SIZE];
};

static bool
take(void *arg, int64_t seq, const struct event *ev)
{
	story_take(arg, seq, ev);
	return true;
}

/* 1, 0: neither a host nor a job, -errno. */
static int
find(struct local *l, const char *name, struct why *w)
{
	int r = spool_get_host(l->o.spool, name, &w->host, NULL);

	if (r == 1) {
		str_clip(w->of_host, sizeof(w->of_host), name);
		r = spool_past_job_of_host(l->o.spool, name, &w->job);
		w->have_job = r == 1;
		if (w->have_job)
			str_clip(w->of_job, sizeof(w->of_job), w->job.run.job);
		return r < 0 ? r : 1;
	}
	if (r == 0 && id_valid(name))
		r = spool_past_job(l->o.spool, name, &w->job);
	if (r == 1) {
		w->have_job = true;
		w->host = w->job.bundle.host;
		str_clip(w->of_host, sizeof(w->of_host), w->job.run.host);
		str_clip(w->of_job, sizeof(w->of_job), name);
	}
	return r;
}

static int
tell(struct local *l, struct why *w)
{
	const struct spool_past_filter f = {.job = w->of_job, .limit = EVENTS};
	struct story_host host = {.name = ""};

	str_clip(host.name, sizeof(host.name), w->of_host);
	str_clip(host.uuid, sizeof(host.uuid), w->host.uuid);
	for (size_t i = 0; i < w->host.n_nics; i++)
		if (w->host.nics[i].boot)
			addr_mac_text(&w->host.nics[i].mac,
			    host.boot_macs[host.n_boot_macs++], ADDR_MAC_TEXT);
	story_init(&w->story, &host);
	str_clip(w->story.site, sizeof(w->story.site), local_site(l));
	if (!w->have_job)
		return 0;
	str_clip(w->story.image, sizeof(w->story.image), w->job.bundle.image.name);
	return spool_past_events(l->o.spool, &f, take, &w->story);
}

static void
judge(const struct why *w, struct why_json *x)
{
	const struct verdict_look look = {x->story, &x->usual, x->now};
	const struct run *r = &w->job.run;

	if (!w->have_job)
		verdict_state("no-job", x->story, &x->verdict);
	else if (!run_ended(r))
		verdict_provisional(&look, &x->verdict);
	else if (r->stage == STAGE_DONE)
		verdict_state("well", x->story, &x->verdict);
	else if (verdict_judge(&look, &x->verdict))
		x->agent_code = r->verdict.code;
	else if (r->verdict.code[0] != '\0') {
		x->verdict.is = r->verdict;
		x->verdict.row = verdict_find(r->verdict.code);
		x->verdict.certain = true;
	} else {
		verdict_state(r->stage == STAGE_CANCELLED ? "cancelled" : "not-known",
		    x->story, &x->verdict);
	}
}

static void
reply(struct rest_request *rq, struct why *w)
{
	struct why_json x = {.host = w->of_host,
	    .job = w->of_job,
	    .boot = "",
	    .story = &w->story,
	    .agent_code = "",
	    .now = clock_wall(),
	    .none = !w->have_job,
	    .ended = w->have_job && run_ended(&w->job.run)};

	judge(w, &x);
	why_json(&x);
	rest_reply(rq, 200, x.answer, NULL);
}

void
local_why_get(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	const char *of = rest_query(rq, "of");
	struct error err;
	struct why *w;
	int r;

	if (!local_allow(l, rq, &who))
		return;
	w = str_alloc(sizeof(*w));
	r = of != NULL && of[0] != '\0' ? find(l, of, w) : 0;
	if (r == 1)
		r = tell(l, w) < 0 ? -EIO : 1;
	if (r == 1) {
		reply(rq, w);
	} else if (r == 0) {
		error_set(&err, 0, "id-unknown",
		    "netboot-ctl host list and job list show them",
		    "no host or job %.64s that this site still knows",
		    of != NULL ? of : "");
		local_refuse(rq, &err, NULL);
	} else {
		local_failed(l, rq, r, "read what is known of it");
	}
	if (w->have_job)
		spool_past_job_done(&w->job);
	free(w);
}
