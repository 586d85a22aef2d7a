/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watched consoles at the site itself.
 *
 *	watchers ── GET, a stream ──► session ◄── octets, states ── hub ◄── BMC
 *	writer ──── POST ──────────► (input) ──── octets, breaks ─► hub
 *
 * The first watcher of a host makes a session and joins the console with it, beside the recorder and those who watch through
 * the orchestrator; with the last one it ends. The rules for watchers are those of lib/live_room.h.
 *
 * Entry points: console_near_watch(), console_near_type(); the hub's callbacks.
 * Ownership: a session owns its ear, its room and its visits.
 * Failure modes: a watcher that does not read is dropped, and one more than CONSOLE_NEAR_MAX is refused. What the serial line
 * does not take waits, CONSOLE_KEYS_MAX octets at most; when the console goes away it is forgotten, and never comes out later.
 */
#include "agent/console_near.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/live_room.h"
#include "lib/str.h"

enum { BREAKS_MAX = 16, PIECE = 4096 };
#define SLOW_US (50 * 1000) /* the serial line does not take more */

struct visit {
	struct visit *next;
	char id[ID_SIZE]; /* the watcher's */
	struct console_near_visit is;
};

struct session {
	UT_hash_handle hh;
	struct console_near *cn;
	char host[BUNDLE_NAME_SIZE];
	struct console_ear *ear;
	struct live_room *room;
	struct visit *visits;
	struct event *slow;
	uint8_t input[CONSOLE_KEYS_MAX];
	size_t n_input;
	unsigned breaks;
};

struct console_near {
	struct console_near_opts o;
	struct session *sessions; /* by host */
	unsigned n_visits;
};

static void
forget_input(struct session *s)
{
	explicit_bzero(s->input, sizeof(s->input)); /* a password, perhaps */
	s->n_input = 0;
	s->breaks = 0;
	evtimer_del(s->slow);
}

static void
session_free(struct session *s)
{
	console_hub_leave(s->ear);
	live_room_free(s->room);
	forget_input(s);
	event_free(s->slow);
	HASH_DEL(s->cn->sessions, s);
	free(s);
}

/* ---- who watches ---- */

static struct visit **
find_visit(struct session *s, const char *watcher)
{
	struct visit **at = &s->visits;

	while (*at != NULL && !str_eq((*at)->id, watcher))
		at = &(*at)->next;
	return at;
}

static void
on_left(void *arg, const char *watcher)
{
	struct session *s = arg;
	struct visit **at = find_visit(s, watcher), *v = *at;

	*at = v->next;
	s->cn->n_visits--;
	s->cn->o.left(s->cn->o.arg, &v->is);
	free(v);
}

static void
on_empty(void *arg)
{
	struct session *s = arg;

	log_info(s->cn->o.log, "console of %s: nobody at the site watches it any more",
	    s->host);
	session_free(s);
}

/* ---- from the console ---- */

static void
set_state(struct session *s, const char *state, const char *text)
{
	char safe[CONSOLE_TEXT_SIZE];

	live_room_set_state(
	    s->room, state, str_escape(safe, sizeof(safe), text, strlen(text)));
}

static void
on_up(void *arg, int suite UNUSED)
{
	struct session *s = arg;

	set_state(s, "up", "");
	live_room_sweep(s->room);
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct session *s = arg;
	char text[BASE64_SIZE(PIECE)];

	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < PIECE ? len - at : PIECE;
		base64_put(text, data + at, n);
		live_room_data(s->room, text);
	}
	live_room_sweep(s->room);
}

static void
on_down(void *arg, enum console_why why, const char *text, int64_t retry UNUSED)
{
	struct session *s = arg;

	forget_input(s);
	set_state(s, console_hub_state(why), text);
	live_room_sweep(s->room);
}

/* ---- to the console ---- */

static void
pump(struct session *s)
{
	static const struct timeval slow = {.tv_usec = SLOW_US};
	struct console *c = console_hub_console(s->ear);
	size_t taken = console_write(c, s->input, s->n_input);

	s->n_input -= taken;
	memmove(s->input, s->input + taken, s->n_input);
	explicit_bzero(s->input + s->n_input, taken);
	if (s->n_input > 0) {
		evtimer_add(s->slow, &slow);
		return;
	}
	for (; s->breaks > 0; s->breaks--)
		console_break(c);
}

static void
on_slow(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	pump(arg);
}

static void
count(struct session *s, const struct console_keys *keys)
{
	struct visit *v = *find_visit(s, keys->watcher);
	bool first = v->is.octets == 0 && v->is.breaks == 0;

	v->is.octets += (int64_t)keys->len;
	v->is.breaks += keys->send_break;
	if (first && (keys->len > 0 || keys->send_break))
		s->cn->o.types(s->cn->o.arg, &v->is);
}

int
console_near_type(struct console_near *cn, const char *host,
    const struct console_keys *keys, struct error *err)
{
	struct session *s;

	HASH_FIND_STR(cn->sessions, host, s);
	if (s == NULL)
		return error_set(err, -ENOENT, "console-over", "connect again",
		    "nobody watches the console of %.64s", host);
	if (live_room_may_type(s->room, host, keys->watcher, err) < 0)
		return -EACCES;
	if (!live_room_is_up(s->room))
		return 0; /* it must not come out later */
	if (keys->len > sizeof(s->input) - s->n_input || s->breaks >= BREAKS_MAX)
		return error_set(err, -EAGAIN, "console-slow", "try again",
		    "the console does not take that much");
	memcpy(s->input + s->n_input, keys->data, keys->len);
	s->n_input += keys->len;
	s->breaks += keys->send_break;
	count(s, keys);
	if (!evtimer_pending(s->slow, NULL))
		pump(s);
	return 0;
}

/* ---- begin ---- */

static struct session *
begin(struct console_near *cn, const char *host, const struct bundle_bmc *bmc, bool steal)
{
	static const struct console_ops ops = {
	    .up = on_up, .data = on_data, .down = on_down};
	static const struct live_room_ops room = {.left = on_left, .empty = on_empty};
	struct session *s = str_alloc(sizeof(*s));

	s->cn = cn;
	str_clip(s->host, sizeof(s->host), host);
	s->slow = evtimer_new(cn->o.base, on_slow, s);
	s->room = live_room_new(&room, s);
	HASH_ADD_STR(cn->sessions, host, s);
	s->ear = console_hub_join(cn->o.hub, bmc, steal, &ops, s);
	set_state(
	    s, console_is_up(console_hub_console(s->ear)) ? "up" : "connecting", "");
	log_info(cn->o.log, "console of %s: it is watched at the site", host);
	return s;
}

/* Somebody more waits for it: at once, with the newest password. */
static void
try_again(struct session *s, const struct bundle_bmc *bmc, bool steal)
{
	struct console *c = console_hub_console(s->ear);

	if (console_is_up(c))
		return;
	console_hub_renew(s->ear, bmc);
	console_retry(c, steal);
	set_state(s, "connecting", "");
}

int
console_near_may_watch(const struct console_near *cn, struct error *err)
{
	if (cn->n_visits < CONSOLE_NEAR_MAX)
		return 0;
	return error_set(err, -EAGAIN, "too-many-watchers", "end one of the others",
	    "%d consoles are watched at the site already", CONSOLE_NEAR_MAX);
}

void
console_near_watch(struct console_near *cn, struct rest_request *rq,
    const struct console_near_visit *who, const struct bundle_bmc *bmc)
{
	struct visit *v = str_alloc(sizeof(*v));
	struct session *s;

	HASH_FIND_STR(cn->sessions, who->host, s);
	if (s == NULL)
		s = begin(cn, who->host, bmc, who->steal);
	else
		try_again(s, bmc, who->steal);
	v->is = *who;
	v->is.began = clock_mono();
	id_make(clock_wall(), cn->o.rng, v->id);
	v->next = s->visits;
	s->visits = v;
	cn->n_visits++;
	live_room_enter(s->room, rq, v->id, who->write, who->steal);
}

struct console_near *
console_near_new(const struct console_near_opts *opts)
{
	struct console_near *cn = str_alloc(sizeof(*cn));

	cn->o = *opts;
	return cn;
}

void
console_near_free(struct console_near *cn)
{
	struct session *s, *tmp;

	if (cn == NULL)
		return;
	HASH_ITER (hh, cn->sessions, s, tmp)
		session_free(s);
	free(cn);
}
