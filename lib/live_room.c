/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watchers of a console.
 *
 * Each is an event stream that says {"t":"hello"}, {"t":"state"}, {"t":"writer"}, then "data" as it comes, and "state",
 * "writer" and "lost" as they change. The first one who wants to type does, until it leaves or somebody steals the
 * keyboard; nobody inherits it.
 *
 * Entry points: live_room_enter(), what all are told, live_room_sweep(); on_gone() from the server.
 * Ownership: a room owns its watchers and their streams.
 * Failure modes: a watcher that does not read is dropped. One that goes while all are told is taken out after that.
 */
#include "lib/live_room.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "lib/json.h"
#include "lib/str.h"

enum { BEHIND_MAX = 1024 * 1024 };

struct watcher {
	struct watcher *next, *prev;
	struct live_room *r;
	struct rest_request *rq; /* NULL: it has gone */
	char id[ID_SIZE];
};

struct live_room {
	const struct live_room_ops *ops;
	void *arg;
	struct watcher *watchers;
	unsigned n;
	char writer[ID_SIZE]; /* "": nobody */
	char state[16], text[LIVE_ROOM_TEXT_SIZE];
	bool sending, ended;
};

/* Takes v. */
static void
tell(struct watcher *w, json_t *v)
{
	char *text = json_text(v);

	json_decref(v);
	/* One that does not read would hold the memory. */
	if (w->rq != NULL && rest_sse_send(w->rq, NULL, text) > BEHIND_MAX) {
		rest_sse_end(w->rq);
		w->rq = NULL;
	}
	free(text);
}

/* Takes v. */
static void
tell_all(struct live_room *r, json_t *v)
{
	struct watcher *w;

	r->sending = true;
	DL_FOREACH (r->watchers, w)
		tell(w, json_incref(v));
	r->sending = false;
	json_decref(v);
}

static json_t *
state_json(const struct live_room *r)
{
	return json_pack(
	    "{s:s, s:s, s:s}", "t", "state", "state", r->state, "text", r->text);
}

static void
take_out(struct watcher *w)
{
	struct live_room *r = w->r;

	DL_DELETE(r->watchers, w);
	r->n--;
	if (str_eq(r->writer, w->id))
		r->writer[0] = '\0';
	if (w->rq != NULL)
		rest_sse_end(w->rq);
	if (r->ops->left != NULL)
		r->ops->left(r->arg, w->id);
	free(w);
}

void
live_room_sweep(struct live_room *r)
{
	struct watcher *w, *tmp;

	if (r->sending)
		return;
	DL_FOREACH_SAFE(r->watchers, w, tmp)
	{
		if (w->rq == NULL || r->ended)
			take_out(w);
	}
	if (r->watchers == NULL)
		r->ops->empty(r->arg);
}

static void
on_gone(void *arg)
{
	struct watcher *w = arg;

	w->rq = NULL;
	live_room_sweep(w->r);
}

static void
hand_over(struct live_room *r, const char *to)
{
	struct watcher *w;

	str_clip(r->writer, sizeof(r->writer), to);
	r->sending = true;
	DL_FOREACH (r->watchers, w)
		tell(w, json_pack("{s:s, s:b}", "t", "writer", "you", str_eq(w->id, to)));
	r->sending = false;
}

void
live_room_enter(
    struct live_room *r, struct rest_request *rq, const char *id, bool write, bool steal)
{
	struct watcher *w = str_alloc(sizeof(*w));

	w->r = r;
	w->rq = rq;
	str_clip(w->id, sizeof(w->id), id);
	DL_APPEND(r->watchers, w);
	r->n++;
	rest_on_gone(rq, on_gone, w);
	rest_sse_start(rq);
	r->sending = true;
	tell(w, json_pack("{s:s, s:s}", "t", "hello", "watcher", w->id));
	tell(w, state_json(r));
	r->sending = false;
	if (write && (r->writer[0] == '\0' || steal))
		hand_over(r, w->id);
	else
		tell(w, json_pack("{s:s, s:b}", "t", "writer", "you", 0));
}

int
live_room_may_type(
    const struct live_room *r, const char *host, const char *watcher, struct error *err)
{
	if (r->writer[0] != '\0' && str_eq(r->writer, watcher))
		return 0;
	return error_set(err, -EACCES, "console-not-writer",
	    "netboot-ctl console HOST --steal takes it over",
	    "another watcher types at the console of %s", host);
}

void
live_room_data(struct live_room *r, const char *base64)
{
	tell_all(r, json_pack("{s:s, s:s}", "t", "data", "data", base64));
}

void
live_room_lost(struct live_room *r)
{
	tell_all(r, json_pack("{s:s}", "t", "lost"));
}

void
live_room_set_state(struct live_room *r, const char *state, const char *text)
{
	if (str_eq(state, r->state) && str_eq(text, r->text))
		return;
	str_clip(r->state, sizeof(r->state), state);
	str_clip(r->text, sizeof(r->text), text);
	tell_all(r, state_json(r));
}

const char *
live_room_state(const struct live_room *r)
{
	return r->state;
}

bool
live_room_is_up(const struct live_room *r)
{
	return str_eq(r->state, "up");
}

void
live_room_end(struct live_room *r, const char *line)
{
	live_room_set_state(r, "gone", line);
	r->ended = true;
}

unsigned
live_room_count(const struct live_room *r)
{
	return r->n;
}

struct live_room *
live_room_new(const struct live_room_ops *ops, void *arg)
{
	struct live_room *r = str_alloc(sizeof(*r));

	r->ops = ops;
	r->arg = arg;
	str_clip(r->state, sizeof(r->state), "asking");
	return r;
}

void
live_room_free(struct live_room *r)
{
	if (r == NULL)
		return;
	while (r->watchers != NULL)
		take_out(r->watchers);
	free(r);
}
