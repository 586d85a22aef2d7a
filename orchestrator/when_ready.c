// SPDX-License-Identifier: GPL-3.0-or-later
/* Jobs that were ordered with --when-ready: queued, and not told to their agent, until the site holds every file of their
 * image, or their time is over.
 *
 * Entry points: when_ready_new(), which looks every five seconds, and when_ready_site() when a store has told of more. That a
 * job waits, and until when, is in its row: a restart changes nothing. A site whose store tells nothing
 * for some seconds is not waited for: its agent has none, and its preflight looks. Ownership: nothing but the timer.
 * Failure modes: a job whose time is over ends with `image-late`, naming what held the image up; a database that fails is
 * asked again at the next look. */
#include "orchestrator/when_ready.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/strset.h"

enum { EVERY_S = 5 };

/* A store tells as soon as its agent is told that there is something to hold. */
#define TELL_US (15 * USEC_PER_SEC)

struct when_ready {
	struct when_ready_ops ops;
	struct event *timer;
};

/* How far the image of the job's bundle is at its site. -EUCLEAN: the bundle cannot be read. */
static int
look_at(
    struct store *s, struct place *p, const struct db_job *job, struct place_image *ret)
{
	struct bundle_image *image = str_alloc(sizeof(*image));
	char *text = NULL;
	json_t *v = NULL;
	int rc = db_job_bundle(s, job->id, &text);

	if (rc == 0) {
		v = json_parse(text, strlen(text), NULL);
		rc = bundle_image_from_json(json_object_get(v, "image"), image, NULL);
	}
	if (rc == 0) {
		place_image(p, job->site, image, ret);
		json_decref(image->deadlines);
	}
	json_decref(v);
	free(text);
	free(image);
	return rc == -EINVAL ? -EUCLEAN : rc;
}

const char *
when_ready_text(
    struct store *s, struct place *p, const struct db_job *job, char buf[WHEN_READY_TEXT])
{
	struct place_image at;

	buf[0] = '\0';
	if (!job->image_until || job->ended || look_at(s, p, job, &at) < 0)
		return buf;
	snprintf(buf, WHEN_READY_TEXT, "waits for image %.100s at %s, %d %%%s%.200s",
	    job->image, job->site, place_percent(&at), at.why.code[0] ? ": " : "",
	    at.why.code[0] ? at.why.text : "");
	return buf;
}

/* In the caller's transaction. */
static int
release(struct when_ready *w, const struct db_job *job)
{
	struct event ev = event_make("job.image-here", clock_wall());
	int rc = db_place_ready(w->ops.store, job->id);

	str_clip(ev.site, sizeof(ev.site), job->site);
	str_clip(ev.host, sizeof(ev.host), job->host);
	str_clip(ev.job, sizeof(ev.job), job->id);
	event_put(&ev, "image", job->image);
	if (rc == 0)
		rc = db_event_add(w->ops.store, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

static int
give_up(struct when_ready *w, struct db_job *job, const struct place_image *at)
{
	struct error why;

	error_set(&why, 0, "image-late",
	    "netboot-ctl image status IMAGE; order again with more time: --when-ready=8h",
	    "image %.100s is not at site %s whole in the time the order gave it: %d %% "
	    "are "
	    "there%s%.200s",
	    job->image, job->site, place_percent(at), at->why.code[0] ? "; " : "",
	    at->why.code[0] ? at->why.text : "");
	int rc = dispatch_fail(w->ops.dispatch, job, &why, clock_wall());
	return rc < 0 ? rc : db_place_ready(w->ops.store, job->id);
}

/* 1: the job goes on, or has ended; 0: it waits. */
static int
consider(struct when_ready *w, const char *id, struct strset *sites)
{
	struct place_image at = {.told = false};
	struct db_job job;
	struct db *db = store_db(w->ops.store);
	int rc = db_job_get(w->ops.store, id, &job);

	if (rc < 0 || job.ended || !job.image_until)
		return rc;
	/* dispatch.c tells of a bundle that cannot be read. */
	bool unread = look_at(w->ops.store, w->ops.place, &job, &at) < 0;
	int64_t now = clock_wall();
	bool ready = unread || at.whole || (!at.told && now - job.created > TELL_US);
	if (!ready && now < job.image_until)
		return 0;
	rc = db_begin(db);
	if (rc == 0)
		rc = ready ? release(w, &job) : give_up(w, &job, &at);
	if (rc == 0)
		rc = db_commit(db);
	else
		db_rollback(db);
	if (rc < 0)
		return rc;
	log_info(w->ops.log, "job %s: %s", id,
	    ready ? "its image is at the site" : "its image did not come in time");
	strset_add(sites, job.site, 0, NULL);
	return 1;
}

static int
wake(void *arg, const char *site)
{
	const struct when_ready *w = arg;

	dispatch_wake(w->ops.dispatch, site);
	return 0;
}

/* site NULL: all. */
static void
look(struct when_ready *w, const char *site)
{
	struct store_names ids = {0};
	struct strset sites = {0};
	int rc = db_place_waiting(w->ops.store, site, INT64_MAX, &ids);

	for (size_t i = 0; i < ids.n && rc >= 0; i++)
		rc = consider(w, ids.v[i], &sites);
	if (rc < 0)
		log_error(w->ops.log, "jobs that wait for images cannot be read: %s",
		    strerror(-rc));
	if (strset_count(&sites) > 0) {
		strset_each(&sites, wake, w);
		w->ops.on_events(w->ops.arg);
	}
	strset_done(&sites);
	store_names_done(&ids);
}

void
when_ready_site(struct when_ready *w, const char *site)
{
	look(w, site);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg, NULL);
}

struct when_ready *
when_ready_new(const struct when_ready_ops *ops)
{
	const struct timeval every = {.tv_sec = EVERY_S};
	struct when_ready *w = str_alloc(sizeof(*w));

	w->ops = *ops;
	w->timer = event_new(ops->base, -1, EV_PERSIST, on_timer, w);
	if (!w->timer || event_add(w->timer, &every) < 0)
		abort();
	return w;
}

void
when_ready_free(struct when_ready *w)
{
	if (!w)
		return;
	event_free(w->timer);
	free(w);
}
