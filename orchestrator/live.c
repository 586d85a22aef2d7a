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
 * Ownership: a session owns its room of watchers (lib/live_room.h) and the agent's request that waits. Nothing outlives the
 * process: watchers connect again.
 * Failure modes: an agent that is not heard for SILENT_US ends the session, and the watchers are told; a watcher that
 * does not read is dropped, and holds up nobody. */
#include "orchestrator/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/agent_msg.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/live_room.h"
#include "lib/str.h"
#include "orchestrator/presence.h"

enum {
	SESSIONS_MAX = 500,
	OUTPUT_MAX = 256 * 1024,
};
/* As long as agents' reasons are. */
#define AGENT_REASON_SIZE sizeof(((struct agent_msg_call_result *)NULL)->reason)
/* An input request waits this long; the agent comes again at once. */
#define WAIT_US (25 * USEC_PER_SEC)
#define SILENT_US (40 * USEC_PER_SEC)
#define TICK_S 5

struct session {
	UT_hash_handle hh;
	struct live *l;
	char host[BUNDLE_NAME_SIZE], site[64];
	char id[ID_SIZE];
	struct live_room *room;
	uint8_t input[LIVE_INPUT_MAX];
	size_t n_input;
	int64_t typed, breaks; /* what the agent has typed; what it is to have sent */
	struct rest_request *waiting; /* for input */
	int64_t waiting_since, heard; /* mono */
};

struct live {
	struct live_ops ops;
	struct session *sessions; /* by host */
	struct event *tick;
};

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
	struct error err;

	live_room_free(s->room);
	if (s->waiting != NULL) {
		error_set(&err, 0, "console-over", NULL, "nobody watches it any more");
		rest_problem(s->waiting, 404, &err, NULL);
	}
	HASH_DEL(s->l->sessions, s);
	dispatch_call_end(s->l->ops.dispatch, s->id); /* not taken yet, perhaps */
	explicit_bzero(s->input, sizeof(s->input));   /* a password, perhaps */
	free(s);
}

static void
on_empty(void *arg)
{
	session_free(arg);
}

/* `line`: an error line, but for the host. */
static void
end_session(struct session *s, const char *line)
{
	live_room_end(s->room, line);
	live_room_sweep(s->room);
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
	static const struct live_room_ops ops = {.empty = on_empty};
	struct session *s = str_alloc(sizeof(*s));

	s->l = l;
	str_clip(s->host, sizeof(s->host), h->host.name);
	str_clip(s->site, sizeof(s->site), h->site);
	id_make(clock_wall(), l->ops.rng, s->id);
	s->room = live_room_new(&ops, s);
	s->heard = clock_mono();
	HASH_ADD_STR(l->sessions, host, s);
	return s;
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
	char id[ID_SIZE];
	struct error err;
	bool ask;

	if ((s == NULL && HASH_COUNT(l->sessions) >= SESSIONS_MAX) ||
	    (s != NULL && live_room_count(s->room) >= LIVE_ROOM_MAX)) {
		error_set(&err, 0, "too-many-watchers", "try again later",
		    "too many consoles are watched");
		rest_problem(rq, 429, &err, NULL);
		return;
	}
	ask = s == NULL || (steal && !live_room_is_up(s->room));
	if (s == NULL)
		s = begin_session(l, h);
	id_make(clock_wall(), l->ops.rng, id);
	live_room_enter(s->room, rq, id, write, steal);
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
	if (live_room_may_type(s->room, host, watcher, err) < 0)
		return -EACCES;
	if (!live_room_is_up(s->room))
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
		live_room_lost(s->room);
	/* Passed on as it is; watchers refuse what is no base64. */
	if (data[0] != '\0')
		live_room_data(s->room, data);
	live_room_set_state(s->room, state, text);
	rest_reply(rq, 200, json_pack("{s:i}", "v", 1), NULL);
	live_room_sweep(s->room);
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
