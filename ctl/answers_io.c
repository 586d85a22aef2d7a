/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams of JSON lines from the server.
 *
 * Entry point: answers_io_run(). Ownership: everything lives until it returns. Failure modes: a
 * refusal before the first line is printed as every other one is; a stream that breaks off, or holds
 * what is no JSON, ends with CTL_UNREACHABLE, and the caller accounts for what had not come; so does one that ^C
 * ends.
 */
#include "ctl/answers_io.h"

#include "ctl/client.h"
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum { LINE_MAX_OCTETS = 4 * 1024 * 1024 };

struct answers {
	const struct ctl *ctl;
	const struct client_request *rq;
	struct event_base *base;
	struct text line;
	answers_io_on_line *on_line;
	void *arg;
	struct error err; /* of a line that cannot be read */
	int result;
	bool *interrupted;
};

static void
on_interrupt(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct answers *a = arg;

	*a->interrupted = true;
	a->result = CTL_FAILED;
	event_base_loopbreak(a->base);
}

static int
take_line(struct answers *a)
{
	json_t *v = json_parse(text_str(&a->line), strlen(text_str(&a->line)), &a->err);

	text_clear(&a->line);
	if (v == NULL)
		return 1;
	a->on_line(a->arg, v);
	json_decref(v);
	return 0;
}

static int
on_chunk(void *arg, const char *data, size_t len)
{
	struct answers *a = arg;

	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end != NULL ? (size_t)(end - data) : len;

		if (strlen(text_str(&a->line)) + n > LINE_MAX_OCTETS) {
			error_set(&a->err, 0, "bad-json", NULL, "a line is too long");
			return 1;
		}
		text_add_bytes(&a->line, data, n);
		if (end == NULL)
			return 0;
		if (take_line(a) != 0)
			return 1;
		data += n + 1;
		len -= n + 1;
	}
	return 0;
}

static void
on_done(void *arg, const struct http_client_reply *reply)
{
	struct answers *a = arg;

	if (a->err.code[0] != '\0') {
		error_prefix(
		    &a->err, "the answer of %s to %s", a->ctl->server, a->rq->path);
		a->result = ctl_fail(a->ctl, CTL_UNREACHABLE, a->rq->subject, &a->err);
	} else if (reply->status == 0) {
		a->result =
		    ctl_fail(a->ctl, CTL_UNREACHABLE, a->rq->subject, &reply->err);
	} else if (reply->status >= 300) {
		a->result = client_refused(
		    a->ctl, a->rq, reply->status, reply->body, reply->body_len);
	}
	event_base_loopbreak(a->base);
}

int
answers_io_run(const struct ctl *ctl, const struct client_request *rq,
    answers_io_on_line *on_line, void *arg, bool *ret_interrupted)
{
	struct answers a = {.ctl = ctl,
	    .rq = rq,
	    .base = event_base_new(),
	    .on_line = on_line,
	    .arg = arg,
	    .result = CTL_OK,
	    .interrupted = ret_interrupted};
	char *body = rq->body != NULL ? json_text(rq->body) : NULL;
	const struct http_client_request http = {
	    .method = rq->method, .path = rq->path, .body = body};
	struct error err;
	struct event *interrupt = evsignal_new(a.base, SIGINT, on_interrupt, &a);
	struct http_client *client = client_open(ctl, a.base, &err);

	evsignal_add(interrupt, NULL);
	if (client == NULL)
		a.result = ctl_fail(ctl, CTL_USAGE, rq->subject, &err);
	else if (http_client_stream(client, &http, on_chunk, on_done, &a) == NULL)
		a.result = CTL_UNREACHABLE;
	else
		event_base_dispatch(a.base);
	http_client_free(client);
	event_free(interrupt);
	event_base_free(a.base);
	text_done(&a.line);
	free(body);
	return a.result;
}
