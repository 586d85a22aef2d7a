// SPDX-License-Identifier: GPL-3.0-or-later
/* Jobs handed down in advance.
 *
 *     ordered ──put──► waits ──its window opens, machine free──► a job like any other (RUN_IN_START)
 *                        ├──its window is over──► job.failed, code window-missed
 *                        └──cancel──► job.cancelled
 *
 * Entry points: run_handed_put() with the order, run_handed_tick() with time, run_handed_add() after a restart. One
 * that waits is a job in the spool like any other, in stage queued; it holds neither its host nor a place among the
 * jobs under way, and nothing is said of it to bootd. So a crash between its beginning and the turn that records that
 * finds it waiting, and begins it then.
 * Ownership: the set owns bundles until they begin. Windows are times of the wall clock, whatever is done to it.
 * Failure modes: a machine that is busy is tried again until the window is over, and so is a spool that cannot be
 * written: nothing is begun that cannot be recorded. */
#include "agent/run_handed.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/str.h"

struct run_handed {
	struct bundle *bundle;
	struct run run;
	bool fresh; /* put in a transaction that is not committed yet */
	UT_hash_handle hh;
};

enum run_handed_what
run_handed_decide(int64_t not_before, int64_t not_after, int64_t now, bool busy)
{
	if (now >= not_after)
		return RUN_HANDED_MISSED;
	return now < not_before || busy ? RUN_HANDED_WAIT : RUN_HANDED_BEGIN;
}

bool
run_handed_waits(const struct bundle *b, int64_t now)
{
	return b->not_before > now;
}

bool
run_handed_is(const struct bundle *b, const struct run *r)
{
	return b->not_before > 0 && r->stage == STAGE_QUEUED;
}

static struct run_handed *
find(const struct run_jobs *js, const char *job)
{
	struct run_handed *h = NULL;

	HASH_FIND_STR(js->handed, job, h);
	return h;
}

bool
run_handed_has(const struct run_jobs *js, const char *job)
{
	return find(js, job) != NULL;
}

size_t
run_handed_count(const struct run_jobs *js)
{
	return HASH_COUNT(js->handed);
}

void
run_handed_add(struct run_jobs *js, struct bundle *b, const struct run *r)
{
	struct run_handed *h = str_alloc(sizeof(*h));

	h->bundle = b;
	h->run = *r;
	HASH_ADD_KEYPTR(hh, js->handed, h->run.job, strlen(h->run.job), h);
}

static void
drop(struct run_jobs *js, struct run_handed *h)
{
	HASH_DEL(js->handed, h);
	if (h->bundle != NULL)
		run_jobs_free_bundle(h->bundle);
	free(h);
}

int
run_handed_put(struct run_jobs *js, struct bundle *b, const struct run *r)
{
	struct event ev = event_make("job.handed", clock_wall());
	int rc = spool_put_job(js->d.spool, b, r, "", clock_wall());

	str_clip(ev.job, sizeof(ev.job), b->job);
	str_clip(ev.host, sizeof(ev.host), b->host.name);
	event_put_i64(&ev, "not_before", b->not_before);
	event_put_i64(&ev, "not_after", b->not_after);
	if (rc == 0)
		rc = spool_put_event(js->d.spool, &ev, false);
	event_done(&ev);
	if (rc < 0)
		return rc;
	run_handed_add(js, b, r);
	find(js, r->job)->fresh = true;
	return 0;
}

bool
run_handed_settle(struct run_jobs *js)
{
	bool any = false;

	for (struct run_handed *h = js->handed; h != NULL; h = h->hh.next) {
		any = any || h->fresh;
		h->fresh = false;
	}
	return any;
}

void
run_handed_undo(struct run_jobs *js, const struct error *why)
{
	struct run_handed *h, *tmp;

	HASH_ITER (hh, js->handed, h, tmp) {
		if (!h->fresh)
			continue;
		run_orders_refuse(js, h->run.job, h->run.host, why);
		drop(js, h);
	}
}

static void
begin(struct run_jobs *js, struct run_handed *h)
{
	struct bundle *b = h->bundle;

	h->bundle = NULL; /* the job's now */
	h->run.entered = clock_wall();
	log_info(
	    js->d.log, "job %s on %s: its window has opened", h->run.job, h->run.host);
	run_jobs_add(js, b, &h->run);
	run_jobs_push_input(js, h->run.job, RUN_IN_START);
	if (js->d.ops->accepted != NULL)
		js->d.ops->accepted(js->d.arg, h->run.host);
	drop(js, h);
}

/* With how it ended, for who looks at the spool, and for an order that is told once more. */
static void
end(struct run_jobs *js, struct run_handed *h, enum stage stage, struct event *ev)
{
	struct run *run = str_alloc(sizeof(*run));

	*run = h->run;
	run->stage = stage;
	str_clip(run->verdict.code, sizeof(run->verdict.code), event_str(ev, "code"));
	str_clip(run->verdict.text, sizeof(run->verdict.text), event_str(ev, "text"));
	str_clip(run->verdict.next, sizeof(run->verdict.next), event_str(ev, "next"));
	str_clip(run->by, sizeof(run->by), event_str(ev, "by"));
	run_orders_close(js, h->run.job, h->run.host, ev)->end = run;
	drop(js, h);
}

static void
miss(struct run_jobs *js, struct run_handed *h, const struct error *busy)
{
	struct event ev = event_make("job.failed", clock_wall());
	char text[ERROR_TEXT_SIZE] = "the agent did not run while its window was open";

	if (busy->code[0] != '\0')
		str_clip(text, sizeof(text),
		    "it could not begin before its window was over: ");
	if (busy->code[0] != '\0')
		str_clip(text + strlen(text), sizeof(text) - strlen(text), busy->text);
	log_warn(
	    js->d.log, "job %s on %s: window-missed: %s", h->run.job, h->run.host, text);
	event_put(&ev, "code", "window-missed");
	event_put(&ev, "text", text);
	event_put(&ev, "next", "order it again with another --at");
	event_put(&ev, "stage", stage_name(STAGE_QUEUED));
	end(js, h, STAGE_FAILED, &ev);
}

void
run_handed_tick(struct run_jobs *js)
{
	struct run_handed *h, *tmp;
	int64_t now = run_jobs_now(js);

	/* This program has just begun, on a machine whose clock may be wrong by hours, or whose spool may be an old copy that knows
	 * nothing of what was done. */
	if (js->d.ops->settled != NULL && !js->d.ops->settled(js->d.arg))
		return;
	HASH_ITER (hh, js->handed, h, tmp) {
		struct error busy = {.code = ""};
		enum run_handed_what what;

		if (now < h->bundle->not_before)
			continue;
		what = run_handed_decide(h->bundle->not_before, h->bundle->not_after, now,
		    run_orders_busy(js, h->bundle, &busy) < 0);
		if (what == RUN_HANDED_BEGIN)
			begin(js, h);
		else if (what == RUN_HANDED_MISSED)
			miss(js, h, &busy);
	}
}

static void
cancel(struct run_jobs *js, struct run_handed *h, const char *by, const struct error *why)
{
	struct event ev = event_make("job.cancelled", clock_wall());

	event_put(&ev, "by", by);
	if (why != NULL) {
		event_put(&ev, "code", why->code);
		event_put(&ev, "text", why->text);
		event_put(&ev, "next", why->next);
	}
	end(js, h, STAGE_CANCELLED, &ev);
}

bool
run_handed_cancel(struct run_jobs *js, const char *job, const char *by)
{
	struct run_handed *h = find(js, job);

	if (h == NULL)
		return false;
	cancel(js, h, by, NULL);
	return true;
}

void
run_handed_end_all(struct run_jobs *js, const char *by, const struct error *why)
{
	struct run_handed *h, *tmp;

	HASH_ITER (hh, js->handed, h, tmp)
		cancel(js, h, by, why);
}

static bool
same_files(const struct bundle_file *a, const struct bundle_file *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!str_eq(a[i].sha256, b[i].sha256))
			return false;
	return true;
}

static bool
same_image(const struct bundle_image *a, const struct bundle_image *b)
{
	return a->n_initrds == b->n_initrds && a->n_files == b->n_files &&
	       same_files(&a->kernel, &b->kernel, 1) &&
	       same_files(a->initrds, b->initrds, a->n_initrds) &&
	       same_files(a->files, b->files, a->n_files);
}

/* A site's hosts have an image in common as a rule: what follows with the same files is told once. */
void
run_handed_files(
    struct run_jobs *js, void (*fn)(void *arg, const char *sha256), void *arg)
{
	const struct bundle *last = NULL;

	for (struct run_handed *h = js->handed; h != NULL; h = h->hh.next) {
		const struct bundle *b = h->bundle;

		if (!h->run.netboot ||
		    (last != NULL && same_image(&b->image, &last->image)))
			continue;
		run_jobs_image_files(b, fn, arg);
		last = b;
	}
}

void
run_handed_free(struct run_jobs *js)
{
	struct run_handed *h, *tmp;

	HASH_ITER (hh, js->handed, h, tmp)
		drop(js, h);
}
