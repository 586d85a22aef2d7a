/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /agent/v1/store: what the site has, and what it should have.
 *
 * Entry points: store_told() through store_talk_changed(); the answer.
 * Ownership: the plan of the last answer is in STATE/store-plan, so that a restart while the line is down goes on with it.
 * Failure modes: an orchestrator that does not answer is asked again later and later; one that does not know of stores
 * never says a version, and is never asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/store_disk.h"
#include "agent/store_priv.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { PLAN_MAX = 64 * 1024 * 1024 };
#define TIMEOUT (60 * USEC_PER_SEC)
#define SOON (200 * USEC_PER_MSEC)
#define PROGRESS (5 * USEC_PER_SEC)
#define DELAY_FIRST (1 * USEC_PER_SEC)
#define DELAY_MAX (60 * USEC_PER_SEC)

static void
set_timer(struct store *st, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(st->talk_timer, &tv);
}

static void
plan_next(struct store *st)
{
	int64_t now = clock_mono(), at;

	if (st->ending || st->version == 0 || st->talk != NULL || !st->changed)
		return;
	if (st->talk_delay > 0)
		return; /* the timer runs */
	at = st->soon ? now + SOON : st->told_at + PROGRESS;
	set_timer(st, at > now ? at - now : 0);
}

void
store_talk_changed(struct store *st, bool soon)
{
	bool sooner = soon && !st->soon;

	st->soon |= soon;
	if (st->changed && !sooner && evtimer_pending(st->talk_timer, NULL))
		return;
	st->changed = true;
	plan_next(st);
}

/* ---- the question ---- */

static void
put_item(struct store_msg_item *to, struct store_item *it)
{
	const struct store_part *p = store_item_now(it);

	memcpy(to->sha256, it->w.sha256, sizeof(to->sha256));
	to->size = it->w.size;
	to->state = it->state;
	to->got = it->state == STORE_MSG_HELD ? it->w.size
		  : p == NULL		      ? 0
					      : store_ranges_total(&p->have);
	if (to->got > to->size)
		to->got = to->size;
	to->source = it->from;
	to->rate = it->state == STORE_MSG_FETCHING ? it->rate : 0;
	to->why = it->why;
}

static char *
question(struct store *st)
{
	struct store_msg_report m = {.version = st->plan.version, .free = st->free};
	size_t n = HASH_COUNT(st->items);
	json_t *doc;
	char *text;

	str_clip(m.site, sizeof(m.site), st->o.site);
	str_clip(m.agent, sizeof(m.agent), st->o.agent);
	m.items = str_alloc((n + 1) * sizeof(m.items[0]));
	/* What was not looked at yet is not said to be anything. */
	for (struct store_item *it = st->items; it != NULL; it = it->hh.next)
		if (it->looked_at)
			put_item(&m.items[m.n_items++], it);
	doc = store_msg_report_to_json(&m);
	text = json_text(doc);
	json_decref(doc);
	store_msg_report_done(&m);
	return text;
}

/* ---- the answer ---- */

static int
plan_path(const struct store *st, const char *suffix, char *buf, size_t size)
{
	return str_format(buf, size, "%s/store-plan%s", st->o.state_dir, suffix);
}

static void
keep(const struct store *st, const char *text, size_t len)
{
	char path[STORE_DISK_PATH_SIZE], tmp[STORE_DISK_PATH_SIZE];
	FILE *f;
	bool ok;

	if (plan_path(st, "", path, sizeof(path)) < 0 ||
	    plan_path(st, ".new", tmp, sizeof(tmp)) < 0)
		return;
	f = fopen(tmp, "we");
	ok = f != NULL && fwrite(text, 1, len, f) == len;
	if (f != NULL && fclose(f) != 0)
		ok = false;
	if (!ok || rename(tmp, path) < 0) {
		log_warn(st->o.log, "store: cannot keep what is wanted in %s: %s", path,
		    strerror(errno));
		unlink(tmp);
	}
}

static int
take(struct store *st, const char *text, size_t len, struct error *err)
{
	struct store_msg_plan plan = {.version = 0};
	json_t *v = json_parse(text, len, err);
	int r = v == NULL ? -EPROTO : store_msg_plan_from_json(v, &plan, err);

	json_decref(v);
	if (r < 0)
		return r;
	store_take_plan(st, &plan);
	return 0;
}

void
store_talk_load(struct store *st)
{
	char path[STORE_DISK_PATH_SIZE];
	struct error err;
	char *text;
	size_t n;
	FILE *f;

	if (plan_path(st, "", path, sizeof(path)) < 0 || (f = fopen(path, "re")) == NULL)
		return;
	text = str_alloc(PLAN_MAX);
	n = fread(text, 1, PLAN_MAX - 1, f);
	fclose(f);
	if (take(st, text, n, &err) < 0)
		log_warn(st->o.log, "store: %s: %s: asked for again", path, err.text);
	free(text);
}

static void
back_off(struct store *st, const char *why)
{
	if (st->talk_delay == 0)
		log_warn(st->o.log, "orchestrator: store: %s; trying again", why);
	st->talk_delay = st->talk_delay == 0 ? DELAY_FIRST : 2 * st->talk_delay;
	if (st->talk_delay > DELAY_MAX)
		st->talk_delay = DELAY_MAX;
	st->changed = true;
	set_timer(st,
	    st->talk_delay / 2 + (int64_t)rng_below(st->o.rng, (uint64_t)st->talk_delay));
}

static void
on_answer(void *arg, const struct http_client_reply *reply)
{
	struct store *st = arg;
	int64_t before = st->plan.version;
	struct error err = reply->err;
	char text[160];

	st->talk = NULL;
	if (reply->status != 200) {
		if (reply->status != 0)
			error_set(&err, 0, "http", NULL, "HTTP status %d: %s",
			    reply->status,
			    str_escape(text, sizeof(text), reply->body,
				reply->body_len < 100 ? reply->body_len : 100));
		back_off(st, err.text);
		return;
	}
	if (take(st, reply->body, reply->body_len, &err) < 0) {
		back_off(st, err.text);
		return;
	}
	if (st->talk_delay > 0)
		log_info(st->o.log, "orchestrator: store: answered again");
	st->talk_delay = 0;
	if (st->plan.version != before)
		keep(st, reply->body, reply->body_len);
	/* A poll may be older than this answer, or newer. */
	if (st->version < st->plan.version)
		st->version = st->plan.version;
	plan_next(st);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct store *st = arg;
	struct http_client_request rq = {
	    .method = "POST", .path = "/agent/v1/store", .timeout_us = TIMEOUT};
	char *body;

	if (st->talk != NULL)
		return;
	body = question(st);
	rq.body = body;
	st->told_at = clock_mono();
	st->changed = st->soon = false;
	st->talk = http_client_start(st->http, &rq, on_answer, st);
	free(body);
}

void
store_talk_start(struct store *st)
{
	st->talk_timer = evtimer_new(st->o.base, on_timer, st);
}

void
store_talk_stop(struct store *st)
{
	if (st->talk != NULL)
		http_client_cancel(st->talk);
	st->talk = NULL;
	event_free(st->talk_timer);
	st->talk_timer = NULL;
}
