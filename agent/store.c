/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's store of image files, step by step.
 *
 * What is wanted comes from the orchestrator (store_talk.c) and is kept over restarts; what is there is found by a survey
 * (store_survey.h), the only judge of that. A file that is not goes through
 *
 *	WAITING --begin()--> FETCHING --all octets, store_job_check()--> (survey) --> HELD
 *	    ^-------- wrong octets, take another source ------'
 *	(any) --store_fail()--> FAILED --retry_at--> WAITING
 *
 * in the order: what a job needs, then small before large; a delta instead of the rest when that is less.
 *
 * Entry points: store_new(), store_told(), store_explain(); store_kick() from the other files.
 * Ownership: struct store owns items, parts and connections. Items are found by digest after anything asynchronous.
 * Failure modes: no room, a disk that fails and names that others have put files under are said for the file, which is
 * tried again after a minute; without an orchestrator what is wanted is what it was.
 */
#include "agent/store_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/store_disk.h"
#include "lib/clock.h"
#include "lib/line_cap.h"
#include "lib/str.h"

enum { OPEN_MAX_PARTS = 16 };
#define TURN (250 * USEC_PER_MSEC)
#define SURVEY_EVERY (300 * USEC_PER_SEC)
#define SURVEY_SOON (60 * USEC_PER_SEC) /* while something is wrong at the site */
#define IDLE (15 * USEC_PER_SEC)
#define RATE_SPAN (2 * USEC_PER_SEC)

struct store_item *
store_find(struct store *st, const char *sha256)
{
	struct store_item *it;

	HASH_FIND_STR(st->items, sha256, it);
	return it;
}

struct store_part *
store_item_now(const struct store_item *it)
{
	return it->delta != NULL ? it->delta : it->part;
}

void
store_say(struct store *st, struct store_item *it, enum store_msg_state state,
    const struct error *why)
{
	static const struct error none = {.code = ""};

	if (why == NULL)
		why = &none;
	if (it->state == state && str_eq(it->why.code, why->code) &&
	    str_eq(it->why.text, why->text))
		return;
	if (state == STORE_MSG_FAILED)
		log_warn(st->o.log, "store: %s: %s", it->w.paths.v[0], why->text);
	it->state = state;
	it->why = *why;
	it->rate = 0;
	store_talk_changed(st, true);
}

void
store_fail(
    struct store *st, struct store_item *it, const struct error *why, int64_t pause)
{
	store_part_free(st, it->delta);
	store_part_free(st, it->part);
	it->delta = it->part = NULL;
	it->retry_at = clock_mono() + pause;
	store_say(st, it, STORE_MSG_FAILED, why);
}

/* ---- parts ---- */

static struct store_part *
part_new(struct store_item *it, const char *sha256, int64_t size)
{
	struct store_part *p = str_alloc(sizeof(*p));

	p->item = it;
	p->fd = -1;
	p->size = size;
	str_clip(p->sha256, sizeof(p->sha256), sha256);
	return p;
}

/* What came since the last record. The thread does that, with a descriptor of its own, and in order with all else that is
 * done to these files; at the agent's end there is none any more. */
static void
keep(struct store *st, struct store_part *p)
{
	char *text;

	if (!st->ending && p->unsaved > 0)
		store_job_record(st, p);
	if (!st->ending || (p->unsaved == 0 && !p->recording))
		return;
	text = store_ranges_text(&p->have);
	(void)!store_disk_record(st->o.root, p->sha256, p->size, p->fd, text);
	free(text);
}

void
store_part_free(struct store *st, struct store_part *p)
{
	if (p == NULL)
		return;
	store_fetch_cancel(st, p);
	if (p->fd >= 0) {
		if (!p->busy)
			keep(st, p);
		close(p->fd);
	}
	store_ranges_done(&p->have);
	store_sources_done(&p->sources);
	free(p);
}

void
store_part_forget(struct store *st, struct store_part **p)
{
	if (*p != NULL) {
		(*p)->unsaved = 0;
		(*p)->recording = false;
	}
	store_part_free(st, *p);
	*p = NULL;
}

static struct store_part *
file_part(struct store_item *it)
{
	struct store_part *p = part_new(it, it->w.sha256, it->w.size);

	for (size_t i = 0; i < it->w.peers.n; i++)
		store_sources_add(&p->sources, STORE_MSG_FROM_SITE, it->w.peers.v[i]);
	for (size_t i = 0; i < it->w.urls.n; i++)
		store_sources_add(&p->sources, STORE_MSG_FROM_URL, it->w.urls.v[i]);
	store_sources_add(&p->sources, STORE_MSG_FROM_ORCHESTRATOR, NULL);
	if (str_format(p->ask, sizeof(p->ask), "/agent/v1/blob/%s", it->w.sha256) < 0)
		abort();
	return p;
}

static struct store_part *
delta_part(struct store_item *it, const struct store_msg_delta *d)
{
	struct store_part *p = part_new(it, d->sha256, d->size);

	store_sources_add(&p->sources, STORE_MSG_FROM_ORCHESTRATOR, NULL);
	if (str_format(p->ask, sizeof(p->ask), "/agent/v1/delta/%s/%s", d->from,
		it->w.sha256) < 0)
		abort();
	str_clip(it->base, sizeof(it->base), d->from);
	return p;
}

/* ---- what is to be done for a file ---- */

static const struct store_object *
object_of(const struct store *st, const char *sha256, bool partial)
{
	for (size_t i = 0; i < st->n_objects; i++)
		if (st->objects[i].partial == partial &&
		    str_eq(st->objects[i].sha256, sha256))
			return &st->objects[i];
	return NULL;
}

static bool
room_for(const struct store *st, int64_t octets)
{
	return (st->free < 0 || st->free - octets >= st->o.floor) &&
	       (st->o.max_octets == 0 || st->held + octets <= st->o.max_octets);
}

/* Is there room, counting what a partial file of before has already? Else a survey makes some. */
static bool
have_room(struct store *st, const struct store_item *it)
{
	const struct store_object *o = object_of(st, it->w.sha256, true);
	int64_t octets = it->w.size - (o == NULL ? 0 : o->size);

	if (octets < 0)
		octets = 0;
	if (room_for(st, octets)) {
		st->free -= st->free < 0 ? 0 : octets;
		st->held += octets;
		return true;
	}
	if (!st->surveying) {
		str_clip(st->room_for, sizeof(st->room_for), it->w.sha256);
		store_job_survey(st, octets);
	}
	return false;
}

static unsigned
open_parts(const struct store *st)
{
	unsigned n = 0;

	for (const struct store_item *it = st->items; it != NULL; it = it->hh.next)
		n += it->part != NULL;
	return n;
}

static void
begin(struct store *st, struct store_item *it)
{
	/* A delta is being made: only what a job waits for is begun as a whole. */
	if (it->w.delta_soon && !it->w.needed && !it->no_delta)
		return;
	if (open_parts(st) >= OPEN_MAX_PARTS || !have_room(st, it))
		return;
	it->part = file_part(it);
	store_job_open(st, it->part);
}

/* The smallest delta from a file that is here, if it is less than what is missing. */
static void
think_of_delta(struct store *st, struct store_item *it)
{
	int64_t rest = it->part->size - store_ranges_total(&it->part->have);
	const struct store_msg_delta *best = NULL;

	if (it->no_delta || it->delta != NULL || it->part->busy)
		return;
	for (size_t i = 0; i < it->w.n_deltas; i++) {
		const struct store_msg_delta *d = &it->w.deltas[i];

		if (d->size < rest && object_of(st, d->from, false) != NULL &&
		    (best == NULL || d->size < best->size))
			best = d;
	}
	if (best == NULL)
		return;
	store_fetch_cancel(st, it->part);
	it->delta = delta_part(it, best);
	store_job_open(st, it->delta);
}

static void
step(struct store *st, struct store_item *it, int64_t now)
{
	struct store_part *p;

	if (!it->looked_at || it->state == STORE_MSG_HELD)
		return;
	if (it->unread[0] != '\0') {
		if (!st->reading)
			store_job_read(st, it);
		return;
	}
	if (it->retry_at > now)
		return;
	if (it->state == STORE_MSG_FAILED) {
		/* As things are now. */
		it->retry_at = 0;
		it->looked_at = false;
		st->survey_due = true;
		it->state = STORE_MSG_WAITING;
		return;
	}
	if (str_eq(it->why.code, "image-in-use"))
		return;
	if (it->part == NULL) {
		begin(st, it);
		return;
	}
	if (it->part->fd < 0 && !it->part->busy) {
		store_job_open(st, it->part); /* after wrong octets */
		return;
	}
	if (it->part->fd >= 0)
		think_of_delta(st, it);
	p = store_item_now(it);
	if (p->fd >= 0 && !p->busy && !p->recording &&
	    store_ranges_total(&p->have) == p->size)
		store_job_check(st, p);
}

static void
measure(struct store_item *it, int64_t now)
{
	int64_t span = now - it->rate_at;

	if (span < RATE_SPAN)
		return;
	it->rate = it->came * 1000 / (span / USEC_PER_MSEC);
	it->came = 0;
	it->rate_at = now;
}

/* ---- turns ---- */

static void
set_timer(struct event *ev, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(ev, &tv);
}

static bool
wrong_somewhere(const struct store *st)
{
	for (const struct store_item *it = st->items; it != NULL; it = it->hh.next)
		if (it->state != STORE_MSG_HELD)
			return true;
	return false;
}

static void
turn(struct store *st)
{
	int64_t now = clock_mono();
	bool wrong = wrong_somewhere(st);

	if (st->items == NULL)
		return;
	if (now - st->looked_at > (wrong ? SURVEY_SOON : SURVEY_EVERY))
		st->survey_due = true;
	if (st->survey_due && !st->surveying)
		store_job_survey(st, 0);
	for (struct store_item *it = st->items; it != NULL; it = it->hh.next) {
		step(st, it, now);
		measure(it, now);
	}
	store_fetch_turn(st);
	set_timer(st->timer, wrong ? TURN : IDLE);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	turn(arg);
}

void
store_kick(struct store *st)
{
	set_timer(st->timer, 0);
}

/* ---- the plan ---- */

static int
by_order(const struct store_item *a, const struct store_item *b)
{
	if (a->w.needed != b->w.needed)
		return a->w.needed ? -1 : 1;
	return a->w.size < b->w.size ? -1 : a->w.size > b->w.size;
}

static bool
same_texts(const struct store_msg_texts *a, const struct store_msg_texts *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->v[i], b->v[i]))
			return false;
	return true;
}

static void
wanted_done(struct store_msg_wanted *w)
{
	struct store_msg_plan p = {.wanted = str_alloc(sizeof(*w)), .n_wanted = 1};

	p.wanted[0] = *w;
	store_msg_plan_done(&p);
}

/* Takes *w. */
static void
want(struct store *st, struct store_msg_wanted *w)
{
	struct store_item *it = store_find(st, w->sha256);

	if (it == NULL) {
		it = str_alloc(sizeof(*it));
		it->w = *w;
		it->told_got = -1;
		HASH_ADD_STR(st->items, w.sha256, it);
	} else {
		bool others = !same_texts(&it->w.peers, &w->peers) ||
			      !same_texts(&it->w.urls, &w->urls);

		/* Other places to ask: what came stays. */
		if (others && it->part != NULL && !it->part->busy && it->delta == NULL) {
			store_part_free(st, it->part);
			it->part = NULL;
		}
		/* A job waits for it now, or there is more hope. */
		if (others || (w->needed && !it->w.needed))
			it->retry_at = 0;
		wanted_done(&it->w);
		it->w = *w;
	}
	it->stays = true;
	*w = (struct store_msg_wanted){.size = 0};
}

static void
drop_item(struct store *st, struct store_item *it)
{
	store_part_free(st, it->delta);
	store_part_free(st, it->part);
	HASH_DEL(st->items, it);
	wanted_done(&it->w);
	free(it);
}

void
store_take_plan(struct store *st, struct store_msg_plan *plan)
{
	struct store_item *it, *tmp;

	for (it = st->items; it != NULL; it = it->hh.next)
		it->stays = false;
	for (size_t i = 0; i < plan->n_wanted; i++)
		want(st, &plan->wanted[i]);
	HASH_ITER (hh, st->items, it, tmp) {
		if (!it->stays)
			drop_item(st, it);
	}
	HASH_SORT(st->items, by_order);
	free(plan->wanted);
	plan->wanted = NULL;
	plan->n_wanted = 0;
	store_msg_plan_done(&st->plan);
	st->plan = *plan;
	*plan = (struct store_msg_plan){.version = 0};
	st->survey_due = true;
	store_kick(st);
}

/* ---- what a job is told ---- */

static const struct bundle_file *
file_of(const struct bundle_image *image, size_t i)
{
	return i == 0		       ? &image->kernel
	       : i <= image->n_initrds ? &image->initrds[i - 1]
				       : &image->files[i - 1 - image->n_initrds];
}

static size_t
count_files(const struct bundle_image *image)
{
	return 1 + image->n_initrds + image->n_files;
}

/* Those that the store believes to hold are read: what is not right any more goes, and comes again. */
static void
doubt_held(struct store *st, const struct bundle_image *image)
{
	for (size_t i = 0; i < count_files(image); i++) {
		struct store_item *it = store_find(st, file_of(image, i)->sha256);

		if (it != NULL && it->state == STORE_MSG_HELD && !it->doubted &&
		    object_of(st, it->w.sha256, false) != NULL)
			store_job_doubt(st, it);
	}
}

static const struct store_item *
missing_of(struct store *st, const struct bundle_image *image, int64_t *ret_got,
    int64_t *ret_size)
{
	const struct store_item *first = NULL;

	*ret_got = *ret_size = 0;
	for (size_t i = 0; i < count_files(image); i++) {
		const struct bundle_file *f = file_of(image, i);
		const struct store_item *it = store_find(st, f->sha256);
		const struct store_part *p;

		/* Of what was not looked at yet, or is still to be read, nothing can be said. */
		if (it == NULL || it->state == STORE_MSG_HELD ||
		    (it->part == NULL && (!it->looked_at || it->unread[0] != '\0')))
			continue;
		p = store_item_now(it);
		if (first == NULL || it->state == STORE_MSG_FAILED)
			first = it;
		*ret_size += p == NULL ? it->w.size : p->size;
		*ret_got += p == NULL ? 0 : store_ranges_total(&p->have);
	}
	return first;
}

void
store_explain(struct store *st, const struct bundle_image *image, struct error *err)
{
	char got[32], size[32], path[BUNDLE_PATH_SIZE];
	int64_t octets, of;
	const struct store_item *it;

	if (!str_eq(err->code, "image-missing") && !str_eq(err->code, "image-altered"))
		return;
	if (str_eq(err->code, "image-altered"))
		doubt_held(st, image);
	it = missing_of(st, image, &octets, &of);
	/* What somebody put there is for people to look at. */
	if (it == NULL || str_eq(it->why.code, "image-altered"))
		return;
	str_clip(path, sizeof(path), it->w.paths.v[0]);
	str_bytes(octets, got, sizeof(got));
	str_bytes(of, size, sizeof(size));
	error_set(err, 0, "image-not-here",
	    it->state == STORE_MSG_FAILED
		? it->why.next
		: "wait until it is there: netboot-ctl image status; --when-ready does "
		  "so by itself",
	    "the image is not at the site yet: %s of %s are there; %s: %s%s%s", got, size,
	    path, store_msg_state_name(it->state), it->why.text[0] != '\0' ? ": " : "",
	    it->why.text);
}

/* ---- begin and end ---- */

void
store_told(struct store *st, int64_t version)
{
	if (version <= 0 || version == st->version)
		return;
	st->version = version;
	store_talk_changed(st, true);
}

struct store *
store_new(const struct store_opts *opts, struct error *err)
{
	struct store *st = str_alloc(sizeof(*st));
	char known[STORE_DISK_PATH_SIZE];

	st->o = *opts;
	st->free = -1;
	st->kbit = -1;
	st->http = http_client_new(opts->base, opts->server, opts->token, err);
	if (st->http == NULL ||
	    str_format(known, sizeof(known), "%s/store-known", opts->state_dir) < 0) {
		http_client_free(st->http);
		free(st);
		return NULL;
	}
	http_client_be(st->http, opts->self);
	st->known = store_known_new(known);
	st->q = workq_new(opts->base, 1);
	st->timer = evtimer_new(opts->base, on_timer, st);
	store_fetch_start(st);
	store_talk_start(st);
	store_talk_load(st);
	return st;
}

void
store_free(struct store *st)
{
	struct store_item *it, *tmp;

	if (st == NULL)
		return;
	st->ending = true;
	store_talk_stop(st);
	workq_free(st->q);
	HASH_ITER (hh, st->items, it, tmp)
		drop_item(st, it);
	store_fetch_stop(st);
	store_known_free(st->known);
	store_msg_plan_done(&st->plan);
	http_client_free(st->http);
	event_free(st->timer);
	free(st->objects);
	free(st);
}
