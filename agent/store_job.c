/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the store does that blocks: one thing at a time in its own thread, so that a disk is not asked for several at once
 * and the digests that are known have one user.
 *
 * Entry points: store_job_survey(), store_job_read(), store_job_doubt(), store_job_open(), store_job_record(),
 * store_job_check().
 * Ownership: a job has copies of what it needs, and a descriptor of its own; it finds its file by digest when it comes
 * back, since that may not be wanted any more.
 * Failure modes: those of the disk are said for the file they concern, which is tried again after a while; octets that are
 * not the file are thrown away and their source is blamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/store_disk.h"
#include "agent/store_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

#define RETRY (60 * USEC_PER_SEC)

struct job {
	struct store *st;
	char item[DIGEST_TEXT], sha256[DIGEST_TEXT], base[DIGEST_TEXT];
	char path[BUNDLE_PATH_SIZE];
	int64_t size;
	int fd;
	bool delta; /* sha256 is one, for `item` */
	int64_t item_size;
	char *text;
	struct store_ranges have;
	int r;
	struct error err;
};

static struct job *
job_new(struct store *st, const char *item)
{
	struct job *j = str_alloc(sizeof(*j));

	j->st = st;
	j->fd = -1;
	str_clip(j->item, sizeof(j->item), item);
	return j;
}

static struct job *
job_of(struct store *st, const struct store_part *p)
{
	struct job *j = job_new(st, p->item->w.sha256);

	str_clip(j->sha256, sizeof(j->sha256), p->sha256);
	str_clip(j->base, sizeof(j->base), p->item->base);
	j->size = p->size;
	j->item_size = p->item->w.size;
	j->delta = p == p->item->delta;
	if (p->fd >= 0)
		j->fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 0);
	return j;
}

static void
job_free(struct job *j)
{
	if (j->fd >= 0)
		close(j->fd);
	store_ranges_done(&j->have);
	free(j->text);
	free(j);
}

/* The part that the job was for, or NULL. */
static struct store_part *
part_of(const struct job *j, struct store_item **ret_item)
{
	struct store_item *it = store_find(j->st, j->item);
	struct store_part *p = it == NULL ? NULL : j->delta ? it->delta : it->part;

	*ret_item = it;
	return p != NULL && strcmp(p->sha256, j->sha256) == 0 ? p : NULL;
}

/* ---- survey ---- */

struct survey_job {
	struct store_survey *s;
	struct store *st;
};

static void
survey(void *arg)
{
	struct survey_job *j = arg;

	store_survey_run(j->s);
}

static void
take_found(struct store *st, const struct store_survey_item *found)
{
	struct store_item *it = store_find(st, found->sha256);

	if (it == NULL)
		return;
	it->looked_at = true;
	memcpy(it->unread, found->unread, sizeof(it->unread));
	if (found->held) {
		if (it->state != STORE_MSG_HELD || found->here)
			it->from = found->here ? STORE_MSG_FROM_HERE : it->from;
		store_part_forget(st, &it->part);
		store_part_forget(st, &it->delta);
		store_say(st, it, STORE_MSG_HELD, NULL);
	} else if (found->why.code[0] != '\0' && found->unread[0] == '\0') {
		bool later = str_eq(found->why.code, "image-in-use");

		store_part_free(st, it->part);
		store_part_free(st, it->delta);
		it->part = it->delta = NULL;
		if (later)
			store_say(st, it, STORE_MSG_WAITING, &found->why);
		else
			store_fail(st, it, &found->why, RETRY);
	} else if (it->state == STORE_MSG_HELD) {
		store_say(st, it, STORE_MSG_WAITING, NULL);
	}
}

static void
take_room(struct store *st, const struct store_survey *s)
{
	struct store_item *it = store_find(st, st->room_for);
	struct error why;

	st->room_for[0] = '\0';
	if (s->n_removed > 0)
		log_info(st->o.log,
		    "store: %zu files that nothing needs were removed, %lld octets",
		    s->n_removed, (long long)s->removed);
	if (it == NULL || s->enough)
		return;
	error_set(&why, 0, "store-full",
	    "make room on that file system, or allow the store more: image_store in "
	    "agent.yaml",
	    "%s: %lld octets are wanted and %lld are free; what images or jobs need is "
	    "not removed",
	    it->w.paths.v[0], (long long)it->w.size, (long long)s->free);
	store_fail(st, it, &why, RETRY);
}

static void
survey_done(void *arg)
{
	struct survey_job *j = arg;
	struct store *st = j->st;

	st->surveying = false;
	if (!st->ending) {
		free(st->objects);
		st->objects = j->s->objects;
		st->n_objects = j->s->n_objects;
		j->s->objects = NULL;
		st->free = j->s->free;
		st->held = j->s->held;
		st->looked_at = clock_mono();
		for (size_t i = 0; i < j->s->n_items; i++)
			take_found(st, &j->s->items[i]);
		if (st->room_for[0] != '\0')
			take_room(st, j->s);
		store_kick(st);
	}
	store_survey_free(j->s);
	free(j);
}

static void
add_used(void *arg, const char *sha256)
{
	struct store_survey *s = arg;

	s->used = str_realloc(s->used, (s->n_used + 1) * sizeof(s->used[0]));
	str_clip(s->used[s->n_used++], DIGEST_TEXT, sha256);
}

static void
add_item(struct store_survey *s, const struct store_item *it)
{
	struct store_survey_item *to = &s->items[s->n_items++];

	str_clip(to->sha256, sizeof(to->sha256), it->w.sha256);
	to->size = it->w.size;
	for (size_t i = 0; i < it->w.paths.n; i++)
		(void)!store_msg_texts_add(&to->paths, it->w.paths.v[i]);
	for (size_t i = 0; i < it->w.n_deltas; i++) {
		s->bases = str_realloc(s->bases, (s->n_bases + 1) * sizeof(s->bases[0]));
		memcpy(s->bases[s->n_bases++], it->w.deltas[i].from, DIGEST_TEXT);
	}
	/* Partial files of deltas are nobody's otherwise. */
	if (it->delta != NULL) {
		s->busy = str_realloc(s->busy, (s->n_busy + 2) * sizeof(s->busy[0]));
		memcpy(s->busy[s->n_busy++], it->delta->sha256, DIGEST_TEXT);
		memcpy(s->busy[s->n_busy++], it->base, DIGEST_TEXT);
	}
}

void
store_job_survey(struct store *st, int64_t room)
{
	struct store_survey *s = str_alloc(sizeof(*s));
	struct survey_job *j = str_alloc(sizeof(*j));

	str_clip(s->root, sizeof(s->root), st->o.root);
	s->known = st->known;
	s->room = room;
	s->floor = st->o.floor;
	s->max = st->o.max_octets;
	s->items = str_alloc((HASH_COUNT(st->items) + 1) * sizeof(s->items[0]));
	for (struct store_item *it = st->items; it != NULL; it = it->hh.next)
		add_item(s, it);
	st->o.used(st->o.arg, add_used, s);
	j->s = s;
	j->st = st;
	st->surveying = true;
	st->survey_due = false;
	if (workq_submit(st->q, survey, survey_done, j) < 0)
		survey_done(j);
}

/* ---- a file of others ---- */

static void
read_theirs(void *arg)
{
	struct job *j = arg;

	j->r = store_survey_read(
	    j->st->o.root, j->path, j->st->known, workq_stop_flag(j->st->q));
}

static void
read_done(void *arg)
{
	struct job *j = arg;
	struct store_item *it = store_find(j->st, j->item);

	j->st->reading = false;
	if (!j->st->ending && it != NULL && j->r < 0) {
		error_set(&j->err, j->r, "store-disk",
		    "look at the file, and at the rights of its folder",
		    "%s: cannot be read: %s", j->path, strerror(-j->r));
		store_fail(j->st, it, &j->err, RETRY);
	}
	j->st->survey_due = true;
	if (!j->st->ending)
		store_kick(j->st);
	job_free(j);
}

void
store_job_read(struct store *st, struct store_item *it)
{
	struct job *j = job_new(st, it->w.sha256);

	memcpy(j->path, it->unread, sizeof(j->path));
	it->unread[0] = '\0';
	it->looked_at = false; /* until a survey has seen what it is */
	st->reading = true;
	if (workq_submit(st->q, read_theirs, read_done, j) < 0)
		read_done(j);
}

/* ---- a file that a job found altered ---- */

static void
doubt(void *arg)
{
	struct job *j = arg;

	j->r = store_survey_doubt(j->st->o.root, j->item, workq_stop_flag(j->st->q));
}

static void
doubt_done(void *arg)
{
	struct job *j = arg;
	struct store_item *it = store_find(j->st, j->item);

	if (it != NULL)
		it->doubted = false;
	if (j->r == 1)
		log_warn(j->st->o.log,
		    "store: %s: somebody wrote into it at the site: it is fetched again",
		    it != NULL ? it->w.paths.v[0] : j->item);
	j->st->survey_due = true;
	if (!j->st->ending)
		store_kick(j->st);
	job_free(j);
}

void
store_job_doubt(struct store *st, struct store_item *it)
{
	struct job *j = job_new(st, it->w.sha256);

	it->doubted = true;
	if (workq_submit(st->q, doubt, doubt_done, j) < 0)
		doubt_done(j);
}

/* ---- begin ---- */

static void
open_part(void *arg)
{
	struct job *j = arg;

	j->r = store_disk_open(j->st->o.root, &j->err);
	if (j->r == 0 && j->delta && store_disk_fell(j->st->o.root, j->item))
		j->r = error_set(&j->err, -EBADMSG, "delta-unusable", NULL,
		    "the agent was ended when it used the delta");
	if (j->r == 0)
		j->r = store_disk_prepare(
		    j->st->o.root, j->sha256, j->size, &j->fd, &j->have, &j->err);
}

/* The rest comes as it is. */
static void
give_delta_up(struct job *j, struct store_item *it)
{
	log_warn(j->st->o.log, "store: %s: %s: the file is fetched itself",
	    it->w.paths.v[0], j->err.text);
	it->no_delta = true;
	store_part_forget(j->st, &it->delta);
}

static void
open_done(void *arg)
{
	struct job *j = arg;
	struct store_item *it;
	struct store_part *p = j->st->ending ? NULL : part_of(j, &it);

	if (p != NULL) {
		p->busy = false;
		if (j->r < 0 && j->delta) {
			give_delta_up(j, it);
		} else if (j->r < 0) {
			store_part_free(j->st, p);
			it->part = NULL;
			store_fail(j->st, it, &j->err, RETRY);
		} else {
			p->fd = j->fd;
			p->have = j->have;
			p->sources.inherited = p->have.n > 0;
			p->saved_at = clock_mono();
			j->fd = -1;
			j->have = (struct store_ranges){.r = NULL};
		}
	}
	if (!j->st->ending)
		store_kick(j->st);
	job_free(j);
}

void
store_job_open(struct store *st, struct store_part *p)
{
	struct job *j = job_of(st, p);

	p->busy = true;
	if (workq_submit(st->q, open_part, open_done, j) < 0)
		open_done(j);
}

/* ---- record ---- */

static void
record(void *arg)
{
	struct job *j = arg;

	j->r = store_disk_record(j->st->o.root, j->sha256, j->size, j->fd, j->text);
}

static void
record_done(void *arg)
{
	struct job *j = arg;
	struct store_item *it;
	struct store_part *p = j->st->ending ? NULL : part_of(j, &it);

	if (p != NULL) {
		p->recording = false;
		if (j->r < 0) {
			error_set(&j->err, j->r,
			    j->r == -ENOSPC ? "store-full" : "store-disk",
			    "make room on the images' file system, and look at it",
			    "%s: what has come cannot be kept: %s", it->w.paths.v[0],
			    strerror(-j->r));
			store_fail(j->st, it, &j->err, RETRY);
		}
	}
	job_free(j);
}

void
store_job_record(struct store *st, struct store_part *p)
{
	struct job *j = job_of(st, p);

	j->text = store_ranges_text(&p->have);
	p->saved_at = clock_mono();
	if (workq_submit(st->q, record, record_done, j) < 0) {
		job_free(j); /* it is still unsaved, and tried again */
		return;
	}
	p->recording = true;
	p->unsaved = 0;
}

/* ---- the end ---- */

static void
check(void *arg)
{
	struct job *j = arg;
	const atomic_bool *stop = workq_stop_flag(j->st->q);

	j->r =
	    store_disk_check(j->st->o.root, j->sha256, j->fd, !j->delta, stop, &j->err);
	if (j->r == -EBADMSG)
		store_disk_drop(j->st->o.root, j->sha256);
	if (j->r < 0 || !j->delta)
		return;
	j->r = store_disk_apply(
	    j->st->o.root, j->base, j->sha256, j->item, j->item_size, stop, &j->err);
}

static void
blame(struct job *j, struct store_item *it, struct store_part *p)
{
	struct store_source *s = store_sources_blame(&p->sources, &j->err, clock_mono());
	struct error why = j->err;

	log_warn(j->st->o.log, "store: %s from %s: %s: thrown away", it->w.paths.v[0],
	    s == NULL	     ? "several sources"
	    : s->url != NULL ? s->url
			     : "the orchestrator",
	    j->err.text);
	store_ranges_done(&p->have);
	close(p->fd);
	p->fd = -1;
	p->unsaved = 0;
	store_say(j->st, it, STORE_MSG_WAITING, &why);
}

static void
check_failed(struct job *j, struct store_item *it, struct store_part *p)
{
	p->busy = false;
	if (j->delta) {
		/* What there was of the file is written over. */
		give_delta_up(j, it);
		store_part_forget(j->st, &it->part);
	} else if (j->r == -EBADMSG) {
		blame(j, it, p);
	} else {
		store_part_free(j->st, it->part);
		it->part = NULL;
		store_fail(j->st, it, &j->err, RETRY);
	}
}

static void
check_done(void *arg)
{
	struct job *j = arg;
	struct store_item *it;
	struct store_part *p = j->st->ending ? NULL : part_of(j, &it);

	if (p != NULL && j->r < 0) {
		check_failed(j, it, p);
	} else if (p != NULL) {
		if (j->delta)
			it->from = STORE_MSG_FROM_DELTA;
		log_info(j->st->o.log, "store: %s is here, from %s", it->w.paths.v[0],
		    store_msg_source_name(it->from));
	}
	j->st->survey_due = true;
	if (!j->st->ending)
		store_kick(j->st);
	job_free(j);
}

void
store_job_check(struct store *st, struct store_part *p)
{
	struct job *j = job_of(st, p);

	/* Whoever sends all of the file is still sending what is there. */
	store_fetch_cancel(st, p);
	p->busy = true;
	if (workq_submit(st->q, check, check_done, j) < 0) {
		j->r = -EAGAIN;
		check_done(j);
	}
}
