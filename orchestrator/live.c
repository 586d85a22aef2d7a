// SPDX-License-Identifier: GPL-3.0-or-later
/* Watched consoles.
 *
 *	watchers ── GET, a stream ──► session ◄── POST output ── agent
 *	writer ──── POST ──────────► (input) ──── POST input, which waits ──► agent
 *
 * The first watcher of a host makes a session, whose id goes to the agent as a call; with the last one it ends, and the
 * agent's next request is answered with 404. Input is kept until the agent has said how much of it was typed.
 *
 * Entry points: live_watch(), live_type(); live_output() and live_input() for the agent.
 * Ownership: a session owns its watchers and the agent's request that waits. Nothing outlives the process: watchers connect
 * again.
 * Failure modes: an agent that is not heard for SILENT_US ends the session, and the watchers are told; a watcher that
 * does not read is dropped, and holds up nobody. */
#include "orchestrator/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "lib/agent_msg.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/presence.h"

enum {
	WATCHERS_MAX = 32,
	SESSIONS_MAX = 500,
	OUTPUT_MAX = 256 * 1024,
	BEHIND_MAX = 1024 * 1024
};
/* As long as agents' reasons are. */
#define AGENT_REASON_SIZE sizeof(((struct agent_msg_call_result *)NULL)->reason)
/* An input request waits this long; the agent comes again at once. */
#define WAIT_US (25 * USEC_PER_SEC)
#define SILENT_US (40 * USEC_PER_SEC)
#define TICK_S 5

struct watcher {
	struct watcher *next, *prev;
	struct session *s;
	struct rest_request *rq;
	char id[ID_SIZE];
	bool gone; /* freed at the next turn through the list */
};

struct session {
	UT_hash_handle hh;
	struct live *l;
	char host[BUNDLE_NAME_SIZE], site[64];
	char id[ID_SIZE];
	struct watcher *watchers;
	unsigned n_watchers;
	char writer[ID_SIZE]; /* "" : nobody */
	char state[16], text[AGENT_REASON_SIZE];
	uint8_t input[LIVE_INPUT_MAX];
	size_t n_input;
	int64_t typed, breaks; /* what the agent has typed; what it is to have sent */
	struct rest_request *waiting; /* for input */
	int64_t waiting_since, heard; /* mono */
	bool sending, ended;
};

struct live {
	struct live_ops ops;
	struct session *sessions; /* by host */
	struct event *tick;
};

/* ---- to the watchers ---- */

static void
tell(struct watcher *w, json_t *v)
{
	char *text = json_text(v);

	json_decref(v);
	/* One that does not read would hold the memory. */
	if (!w->gone && rest_sse_send(w->rq, NULL, text) > BEHIND_MAX) {
		rest_sse_end(w->rq);
		w->rq = NULL;
		w->gone = true;
	}
	free(text);
}

static json_t *
state_json(const struct session *s)
{
	return json_pack(
	    "{s:s, s:s, s:s}", "t", "state", "state", s->state, "text", s->text);
}

static void
watcher_free(struct watcher *w)
{
	struct session *s = w->s;

	DL_DELETE(s->watchers, w);
	s->n_watchers--;
	if (str_eq(s->writer, w->id))
		s->writer[0] = '\0';
	free(w);
}

static void
answer_input(struct session *s)
{
	char data[BASE64_SIZE(LIVE_INPUT_MAX)];
	struct rest_request *rq = s->waiting;

	s->waiting = NULL;
	base64_put(data, s->input, s->n_input);
	rest_reply(rq, 200,
	    json_pack(
		"{s:i, s:s, s:I}", "v", 1, "data", data, "breaks", (json_int_t)s->breaks),
	    NULL);
}

static void
session_free(struct session *s)
{
	struct watcher *w, *tmp;
	struct error err;

	DL_FOREACH_SAFE(s->watchers, w, tmp)
	{
		if (w->rq != NULL)
			rest_sse_end(w->rq);
		watcher_free(w);
	}
	if (s->waiting != NULL) {
		error_set(&err, 0, "console-over", NULL, "nobody watches it any more");
		rest_problem(s->waiting, 404, &err, NULL);
	}
	HASH_DEL(s->l->sessions, s);
	dispatch_call_end(s->l->ops.dispatch, s->id); /* not taken yet, perhaps */
	explicit_bzero(s->input, sizeof(s->input));   /* a password, perhaps */
	free(s);
}

/* Frees who has gone, and the session with the last one. */
static void
sweep(struct session *s)
{
	struct watcher *w, *tmp;

	if (s->sending)
		return;
	DL_FOREACH_SAFE(s->watchers, w, tmp)
	{
		if (w->gone)
			watcher_free(w);
	}
	if (s->watchers == NULL || s->ended)
		session_free(s);
}

/* Takes v. */
static void
tell_all(struct session *s, json_t *v)
{
	struct watcher *w;

	s->sending = true;
	DL_FOREACH (s->watchers, w) {
		if (!w->gone)
			tell(w, json_incref(v));
	}
	s->sending = false;
	json_decref(v);
}

/* `line`: an error line, but for the host. */
static void
end_session(struct session *s, const char *line)
{
	str_clip(s->state, sizeof(s->state), "gone");
	str_clip(s->text, sizeof(s->text), line);
	s->ended = true;
	tell_all(s, state_json(s));
	sweep(s);
}

static void
on_gone(void *arg)
{
	struct watcher *w = arg;

	w->rq = NULL;
	w->gone = true;
	sweep(w->s);
}

/* ---- a watcher ---- */

static struct session *
find(struct live *l, const char *host)
{
	struct session *s;

	HASH_FIND_STR(l->sessions, host, s);
	return s;
}

static struct session *
find_by_id(struct live *l, const char *id)
{
	for (struct session *s = l->sessions; s != NULL; s = s->hh.next) {
		if (str_eq(s->id, id))
			return s;
	}
	return NULL;
}

/* The call has ended: the agent took it, or it never comes. */
static void
on_call(void *arg, const struct agent_msg_call_result *res)
{
	struct session *s = res->code[0] != '\0' ? find_by_id(arg, res->id) : NULL;

	if (s != NULL)
		end_session(s, res->reason);
}

/* A waiting poll is answered at once, and may end the session at once. */
static void
call_agent(struct session *s, const struct db_host *h, bool steal)
{
	dispatch_call_console(s->l->ops.dispatch, h, s->id, steal, on_call, s->l);
	dispatch_wake(s->l->ops.dispatch, h->site);
}

static struct session *
begin_session(struct live *l, const struct db_host *h)
{
	struct session *s = str_alloc(sizeof(*s));

	s->l = l;
	str_clip(s->host, sizeof(s->host), h->host.name);
	str_clip(s->site, sizeof(s->site), h->site);
	id_make(clock_wall(), l->ops.rng, s->id);
	str_clip(s->state, sizeof(s->state), "asking");
	s->heard = clock_mono();
	HASH_ADD_STR(l->sessions, host, s);
	return s;
}

static void
hand_over(struct session *s, const char *to)
{
	struct watcher *w;

	str_clip(s->writer, sizeof(s->writer), to);
	s->sending = true;
	DL_FOREACH (s->watchers, w)
		tell(w, json_pack("{s:s, s:b}", "t", "writer", "you", str_eq(w->id, to)));
	s->sending = false;
}

bool
live_watched(struct live *l, const char *host)
{
	return find(l, host) != NULL;
}

void
live_watch(struct live *l, struct rest_request *rq, const struct db_host *h, bool write,
    bool steal)
{
	struct session *s = find(l, h->host.name);
	struct watcher *w;
	struct error err;
	bool ask;

	if ((s == NULL && HASH_COUNT(l->sessions) >= SESSIONS_MAX) ||
	    (s != NULL && s->n_watchers >= WATCHERS_MAX)) {
		error_set(&err, 0, "too-many-watchers", "try again later",
		    "too many consoles are watched");
		rest_problem(rq, 429, &err, NULL);
		return;
	}
	ask = s == NULL || (steal && !str_eq(s->state, "up"));
	if (s == NULL)
		s = begin_session(l, h);
	w = str_alloc(sizeof(*w));
	w->s = s;
	w->rq = rq;
	id_make(clock_wall(), l->ops.rng, w->id);
	DL_APPEND(s->watchers, w);
	s->n_watchers++;
	rest_on_gone(rq, on_gone, w);
	rest_sse_start(rq);
	s->sending = true;
	tell(w, json_pack("{s:s, s:s}", "t", "hello", "watcher", w->id));
	tell(w, state_json(s));
	s->sending = false;
	if (write && (s->writer[0] == '\0' || steal))
		hand_over(s, w->id);
	else
		tell(w, json_pack("{s:s, s:b}", "t", "writer", "you", 0));
	if (ask)
		call_agent(s, h, steal);
}

int
live_type(struct live *l, const char *host, const char *watcher, const uint8_t *data,
    size_t len, bool send_break, struct error *err)
{
	struct session *s = find(l, host);

	if (s == NULL)
		return error_set(err, -ENOENT, "console-over", "connect again",
		    "nobody watches the console of %s", host);
	if (s->writer[0] == '\0' || !str_eq(s->writer, watcher))
		return error_set(err, -EACCES, "console-not-writer",
		    "netboot-ctl console HOST --steal takes it over",
		    "another watcher types at the console of %s", host);
	if (!str_eq(s->state, "up"))
		return 0; /* it must not come out later */
	if (len > sizeof(s->input) - s->n_input)
		return error_set(err, -EAGAIN, "console-slow", "try again",
		    "the console does not take that much");
	if (len > 0)
		memcpy(s->input + s->n_input, data, len);
	s->n_input += len;
	s->breaks += send_break;
	if (s->waiting != NULL)
		answer_input(s);
	return 0;
}

/* ---- the agent ---- */

static void
tell_foreign(struct live *l, const char *site, const char *agent)
{
	char text[AGENT_REASON_SIZE];

	if (str_name_valid(site) && str_format(text, sizeof(text),
					"the agent of site %s spoke of a console that "
					"another site's agent was asked for",
					site) == 0)
		dispatch_foreign_refused(l->ops.dispatch, site,
		    id_valid(agent) ? agent : "", "console-of-another-site", text);
}

/* The session of an agent's request, or NULL with the answer given. */
static struct session *
session_of(struct live *l, struct rest_request *rq, const json_t **ret_body)
{
	struct error err = {.code = ""};
	const json_t *v = rest_body(rq, &err);
	const char *id = "", *site = "", *agent = "";
	struct session *s;

	/* Agents of before do not name their site here. */
	if (v == NULL || json_get_str(v, "id", &id, &err) < 0 ||
	    json_opt_str(v, "site", &site, &err) < 0 ||
	    json_opt_str(v, "agent", &agent, &err) < 0) {
		rest_problem(rq, 400, &err, NULL);
		return NULL;
	}
	s = find_by_id(l, id);
	if (s != NULL && site[0] != '\0' && !str_eq(site, s->site)) {
		tell_foreign(l, site, agent);
		s = NULL;
	}
	if (s == NULL) {
		error_set(&err, 0, "console-over", NULL, "nobody watches it any more");
		rest_problem(rq, 404, &err, NULL);
		return NULL;
	}
	s->heard = clock_mono();
	dispatch_call_end(l->ops.dispatch, id);
	*ret_body = v;
	return s;
}

const char *
live_site(struct live *l, struct rest_request *rq)
{
	const char *id = json_string_value(json_object_get(rest_body(rq, NULL), "id"));
	const struct session *s = id != NULL ? find_by_id(l, id) : NULL;

	return s != NULL ? s->site : NULL;
}

void
live_output(struct live *l, struct rest_request *rq)
{
	const json_t *v = NULL;
	struct session *s = session_of(l, rq, &v);
	const char *data = "", *state = "", *text = "";
	struct error err = {.code = ""};
	bool lost = false;

	if (s == NULL)
		return;
	if (json_opt_str(v, "data", &data, &err) < 0 ||
	    json_opt_str(v, "state", &state, &err) < 0 ||
	    json_opt_str(v, "text", &text, &err) < 0 ||
	    json_opt_bool(v, "lost", &lost, &err) < 0 || strlen(data) > OUTPUT_MAX) {
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	if (lost)
		tell_all(s, json_pack("{s:s}", "t", "lost"));
	/* Passed on as it is; watchers refuse what is no base64. */
	if (data[0] != '\0')
		tell_all(s, json_pack("{s:s, s:s}", "t", "data", "data", data));
	if (!str_eq(state, s->state) || !str_eq(text, s->text)) {
		str_clip(s->state, sizeof(s->state), state);
		str_clip(s->text, sizeof(s->text), text);
		tell_all(s, state_json(s));
	}
	rest_reply(rq, 200, json_pack("{s:i}", "v", 1), NULL);
	sweep(s);
}

static void
on_waiting_gone(void *arg)
{
	((struct session *)arg)->waiting = NULL;
}

void
live_input(struct live *l, struct rest_request *rq)
{
	const json_t *v = NULL;
	struct session *s = session_of(l, rq, &v);
	int64_t typed = 0, breaks = 0;
	size_t done;
	struct error err = {.code = ""};

	if (s == NULL)
		return;
	if (json_get_i64(v, "typed", &typed, &err) < 0 ||
	    json_get_i64(v, "breaks", &breaks, &err) < 0) {
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	/* No more than it was given, and never less than it said before. */
	if (typed < s->typed || typed > s->typed + (int64_t)s->n_input) {
		error_set(&err, 0, "bad-value", NULL, "typed: not %lld..%lld",
		    (long long)s->typed, (long long)(s->typed + (int64_t)s->n_input));
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	done = (size_t)(typed - s->typed);
	s->n_input -= done;
	memmove(s->input, s->input + done, s->n_input);
	explicit_bzero(s->input + s->n_input, done);
	s->typed = typed;
	if (s->waiting != NULL) /* of a connection that was lost */
		answer_input(s);
	s->waiting = rq;
	s->waiting_since = s->heard;
	if (s->n_input > 0 || s->breaks > breaks)
		answer_input(s);
	else
		rest_on_gone(rq, on_waiting_gone, s);
}

/* One that was started anew does not know of it. */
static void
end_silent(struct session *s)
{
	if (presence_absent(dispatch_silence(s->l->ops.dispatch, s->site)))
		end_session(s, "agent-absent: the site's agent is not heard: "
			       "netboot-ctl agent list shows when it was");
	else
		end_session(s, "agent-silent: the site's agent tells nothing of the "
			       "console any more: connect again");
}

static void
on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct live *l = arg;
	struct session *s, *tmp;
	int64_t now = clock_mono();

	HASH_ITER (hh, l->sessions, s, tmp) {
		if (s->waiting != NULL && now - s->waiting_since >= WAIT_US)
			answer_input(s);
		if (now - s->heard >= SILENT_US)
			end_silent(s);
	}
}

struct live *
live_new(const struct live_ops *ops)
{
	const struct timeval tick = {.tv_sec = TICK_S};
	struct live *l = str_alloc(sizeof(*l));

	l->ops = *ops;
	l->tick = event_new(ops->base, -1, EV_PERSIST, on_tick, l);
	event_add(l->tick, &tick);
	return l;
}

void
live_free(struct live *l)
{
	if (l == NULL)
		return;
	while (l->sessions != NULL)
		session_free(l->sessions);
	event_free(l->tick);
	free(l);
}
