/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live console.
 *
 * A stream of server-sent events brings the host's octets and what becomes of the console; what is typed goes in
 * requests, one at a time, with what was typed meanwhile in the next.
 *
 * Entry points: console_io_run().
 * Ownership: everything lives until it returns; the terminal is put back whatever ends it but SIGKILL, and while it
 * is stopped.
 * Failure modes: a stream that breaks is taken up again, as long as the server answers at all within RETRIES tries; what
 * was typed meanwhile is dropped. A refusal ends it. What cannot be typed, because somebody else is the writer, is told
 * once.
 */
#include "ctl/console_io.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/escape.h"
#include "ctl/sse.h"
#include "ctl/text.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	TYPE_MAX = 1024,
	READ_SIZE = 512,
	DATA_MAX = 256 * 1024,
	RETRIES = 10,
	RETRY_S = 1,
	SLOW_MS = 200, /* the console does not take more */
};

struct console_io {
	const struct ctl *ctl;
	const char *host;
	bool write, steal, raw;
	struct event_base *base;
	struct http_client *client;
	struct http_client_call *stream, *typing;
	struct event *in, *retry, *slow, *signals[6];
	struct sse sse;
	struct escape escape;
	struct termios before;
	char watcher[40];
	uint8_t type[TYPE_MAX]; /* to be sent */
	size_t n_type, n_sent;
	unsigned breaks;
	bool told_writer, may_type, over;
	char told_state[600]; /* last */
	unsigned failures;
	int result;
};

static void
say(const struct console_io *io, const char *text)
{
	if (!io->ctl->quiet)
		fprintf(io->ctl->err, "%s[%s: %s]%s", io->raw ? "\r\n" : "", io->host,
		    text, io->raw ? "\r\n" : "\n");
	fflush(io->ctl->err);
}

static void
leave(struct console_io *io, int result)
{
	io->result = result;
	io->over = true; /* what comes in this turn of the loop is late */
	event_base_loopbreak(io->base);
}

/* ---- the terminal ---- */

static void
set_raw(struct console_io *io)
{
	struct termios t = io->before;

	cfmakeraw(&t);
	io->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void
make_raw(struct console_io *io)
{
	if (io->ctl->in_tty && tcgetattr(STDIN_FILENO, &io->before) == 0)
		set_raw(io);
}

static void
put_back(struct console_io *io)
{
	if (io->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &io->before);
	io->raw = false;
}

/* With the error line that says why. */
static void
fail(struct console_io *io, int result, const char *code, const char *text,
    const char *next)
{
	struct error err;

	put_back(io);
	error_set(&err, 0, code, next, "%s", text);
	leave(io, ctl_fail(io->ctl, result, io->host, &err));
}

/* ---- typing ---- */

static void
send_typed(struct console_io *io);

/* Nothing of it must come out later. */
static void
drop_typed(struct console_io *io)
{
	explicit_bzero(io->type, sizeof(io->type));
	io->n_type = io->n_sent = 0;
	io->breaks = 0;
	if (io->raw)
		event_add(io->in, NULL);
}

/* The server's words, for a person. */
static void
say_problem(const struct console_io *io, const struct http_client_reply *reply)
{
	json_t *v = json_parse(reply->body, reply->body_len, NULL);
	const char *detail = "the server refuses it", *next = "";
	char line[800], a[400], b[300];

	if (json_is_object(v)) {
		(void)!json_opt_str(v, "detail", &detail, NULL);
		(void)!json_opt_str(v, "next", &next, NULL);
	}
	snprintf(line, sizeof(line), "%s%s%s",
	    str_escape(a, sizeof(a), detail, strlen(detail)), next[0] != '\0' ? ": " : "",
	    str_escape(b, sizeof(b), next, strlen(next)));
	say(io, line);
	json_decref(v);
}

static void
on_typed(void *arg, const struct http_client_reply *reply)
{
	const struct timeval slow = {.tv_usec = SLOW_MS * 1000};
	struct console_io *io = arg;

	io->typing = NULL;
	if (reply->status != 200 && reply->status != 429) {
		/* Typed once, or never: it is not known what has arrived. */
		if (!io->told_writer && reply->status != 0)
			say_problem(io, reply);
		io->told_writer = true;
	}
	if (reply->status != 429) {
		io->n_type -= io->n_sent;
		memmove(io->type, io->type + io->n_sent, io->n_type);
	}
	io->n_sent = 0;
	if (reply->status == 429)
		event_add(io->slow, &slow);
	else if (io->n_type > 0 || io->breaks > 0)
		send_typed(io);
	else
		event_add(io->in, NULL);
}

static void
on_slow(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	send_typed(arg);
}

static void
send_typed(struct console_io *io)
{
	char data[BASE64_SIZE(TYPE_MAX)], *body, *path;
	struct http_client_request rq = {
	    .method = "POST", .timeout_us = 30 * USEC_PER_SEC};
	json_t *v;

	if (io->typing != NULL || io->watcher[0] == '\0' ||
	    evtimer_pending(io->slow, NULL))
		return;
	base64_put(data, io->type, io->n_type);
	v = json_pack("{s:s, s:s, s:b}", "watcher", io->watcher, "data", data, "break",
	    io->breaks > 0);
	body = json_text(v);
	path = client_path("hosts", io->host, "console");
	json_decref(v);
	rq.body = body;
	rq.path = path;
	io->n_sent = io->n_type;
	io->breaks -= io->breaks > 0;
	io->typing = http_client_start(io->client, &rq, on_typed, io);
	free(body);
	free(path);
}

static void
on_key(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct console_io *io = arg;
	uint8_t buf[READ_SIZE], out[READ_SIZE + 1];
	const uint8_t *p = buf;
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t left, k;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			leave(io, CTL_OK);
		return;
	}
	for (left = (size_t)n; left > 0;) {
		enum escape_what e = escape_take(&io->escape, &p, &left, out, &k);

		if (io->watcher[0] == '\0')
			k = 0; /* nobody is there to take it */
		if (io->may_type && k <= sizeof(io->type) - io->n_type) {
			memcpy(io->type + io->n_type, out, k);
			io->n_type += k;
		} else if (k > 0 && !io->told_writer) {
			io->told_writer = true;
			say(io, io->write ? "you only watch: another one types; "
					    "--steal takes it over"
					  : "you only watch: --read-only; ~. leaves");
		}
		if (e == ESCAPE_LEAVE) {
			leave(io, CTL_OK);
			return;
		}
		if (e == ESCAPE_HELP)
			fputs(escape_help, io->ctl->err);
		io->breaks += e == ESCAPE_BREAK && io->may_type && io->watcher[0] != '\0';
	}
	/* More is read when this is sent: the terminal holds what cannot be taken. */
	if (sizeof(io->type) - io->n_type < sizeof(out))
		event_del(io->in);
	if (io->n_type > 0 || io->breaks > 0)
		send_typed(io);
}

/* ---- the stream ---- */

static void
on_data(struct console_io *io, const json_t *v)
{
	const char *text = "";
	uint8_t *data;
	size_t n = 0;

	if (json_get_str(v, "data", &text, NULL) < 0)
		return;
	data = str_alloc(DATA_MAX);
	if (base64_get(text, data, DATA_MAX, &n) == 0) {
		fwrite(data, 1, n, io->ctl->out);
		if (fflush(io->ctl->out) != 0) /* nobody reads it */
			leave(io, CTL_FAILED);
	}
	free(data);
}

static void
on_state(struct console_io *io, const json_t *v)
{
	const char *state = "", *text = "";
	char line[600], safe[400], name[64];

	if (json_get_str(v, "state", &state, NULL) < 0 ||
	    json_opt_str(v, "text", &text, NULL) < 0)
		return;
	str_escape(safe, sizeof(safe), text, strlen(text));
	str_escape(name, sizeof(name), state, strlen(state));
	if (str_eq(state, "never")) {
		fail(io, CTL_FAILED, "console-refused", safe,
		    "netboot-ctl power status HOST tells whether the password is right; "
		    "docs/bmc.md has what a console needs");
		return;
	}
	if (str_eq(state, "gone")) {
		put_back(io);
		fprintf(io->ctl->err, "%s: %s\n", io->host, safe);
		leave(io, CTL_FAILED);
		return;
	}
	if (str_eq(state, "up"))
		snprintf(line, sizeof(line), "connected%s",
		    io->raw ? "; ~. leaves, ~? helps" : "");
	else if (str_eq(state, "in-use"))
		snprintf(line, sizeof(line),
		    "another session has the console; --steal takes it: %s", safe);
	else if (str_eq(state, "asking") || str_eq(state, "connecting"))
		snprintf(line, sizeof(line), "connecting");
	else
		snprintf(line, sizeof(line), "%s: %s; trying again", name, safe);
	if (!str_eq(line, io->told_state))
		say(io, line);
	str_clip(io->told_state, sizeof(io->told_state), line);
}

static void
on_event(void *arg, const char *data)
{
	struct console_io *io = arg;
	json_t *v = json_parse(data, strlen(data), NULL);
	const char *t = "", *watcher = "";
	bool you = false;

	if (!json_is_object(v) || json_opt_str(v, "t", &t, NULL) < 0) {
		json_decref(v);
		return;
	}
	io->failures = 0;
	if (str_eq(t, "data")) {
		on_data(io, v);
	} else if (str_eq(t, "state")) {
		on_state(io, v);
	} else if (str_eq(t, "lost")) {
		say(io, "some output was lost on the way; the recording has it");
	} else if (str_eq(t, "hello") &&
		   json_opt_str(v, "watcher", &watcher, NULL) == 0) {
		str_clip(io->watcher, sizeof(io->watcher), watcher);
	} else if (str_eq(t, "writer") && json_opt_bool(v, "you", &you, NULL) == 0) {
		if (io->may_type && !you)
			say(io, "another one types now; you go on watching");
		else if (io->write && !you)
			say(io, "another one types; you watch: --steal takes it over");
		io->may_type = you;
		io->told_writer = false;
	}
	json_decref(v);
}

static int
on_chunk(void *arg, const char *data, size_t len)
{
	struct console_io *io = arg;

	return sse_feed(&io->sse, data, len, on_event, io) < 0;
}

static void
on_stream_end(void *arg, const struct http_client_reply *reply)
{
	const struct timeval tv = {.tv_sec = RETRY_S};
	struct console_io *io = arg;
	const struct client_request rq = {.subject = io->host};

	io->stream = NULL;
	io->watcher[0] = '\0';
	drop_typed(io);
	if (io->over)
		return;
	if (reply->status >= 400) {
		put_back(io);
		leave(io, client_refused(
			      io->ctl, &rq, reply->status, reply->body, reply->body_len));
	} else if (++io->failures > RETRIES) {
		fail(io, CTL_UNREACHABLE, "server-unreachable",
		    "the server does not answer",
		    "look whether it runs: netboot-orchestrator, or a site's "
		    "netboot-agent");
	} else {
		if (io->failures == 1)
			say(io, "the connection to the server broke; trying again");
		event_add(io->retry, &tv);
	}
}

static void
begin(struct console_io *io)
{
	char *path = client_path("hosts", io->host, "console");
	struct text t = {0};
	struct http_client_request rq = {.method = "GET"};

	text_add(&t, path);
	text_add_query(&t, "write", io->write ? "1" : NULL);
	text_add_query(&t, "steal", io->steal ? "1" : NULL);
	io->steal = false; /* once */
	rq.path = text_str(&t);
	sse_restart(&io->sse);
	io->stream = http_client_stream(io->client, &rq, on_chunk, on_stream_end, io);
	text_done(&t);
	free(path);
}

static void
on_retry(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	begin(arg);
}

/* The shell may have set the terminal up otherwise meanwhile. */
static void
on_signal(evutil_socket_t sig, short what UNUSED, void *arg)
{
	struct console_io *io = arg;
	bool raw = io->raw;

	if (sig == SIGTSTP) {
		put_back(io);
		raise(SIGSTOP);
	}
	if (sig != SIGTSTP && sig != SIGCONT)
		leave(io, CTL_OK);
	else if (raw)
		set_raw(io);
}

/* ---- begin and end ---- */

static void
close_all(struct console_io *io)
{
	if (io->stream != NULL)
		http_client_cancel(io->stream);
	if (io->typing != NULL)
		http_client_cancel(io->typing);
	http_client_free(io->client);
	event_free(io->in);
	event_free(io->retry);
	event_free(io->slow);
	for (size_t i = 0; i < ARRAY_SIZE(io->signals); i++)
		event_free(io->signals[i]);
	sse_done(&io->sse);
	explicit_bzero(io->type, sizeof(io->type));
}

static void
run(struct console_io *io)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};

	io->in = event_new(io->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_key, io);
	io->retry = evtimer_new(io->base, on_retry, io);
	io->slow = evtimer_new(io->base, on_slow, io);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		io->signals[i] = evsignal_new(io->base, signals[i], on_signal, io);
		event_add(io->signals[i], NULL);
	}
	make_raw(io);
	if (io->raw)
		event_add(io->in, NULL);
	begin(io);
	event_base_dispatch(io->base);
	put_back(io);
	close_all(io);
}

int
console_io_run(const struct ctl *ctl, const char *host, bool read_only, bool steal)
{
	struct console_io io = {.ctl = ctl,
	    .host = host,
	    .write = ctl->in_tty && !read_only,
	    .steal = steal,
	    .result = CTL_OK};
	struct error err;

	io.base = event_base_new();
	io.client = client_open(ctl, io.base, &err);
	if (io.client == NULL) {
		event_base_free(io.base);
		return ctl_fail(ctl, CTL_USAGE, host, &err);
	}
	run(&io);
	event_base_free(io.base);
	return io.result;
}
