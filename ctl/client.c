/* SPDX-License-Identifier: GPL-3.0-or-later */
/* REST calls for the commands: one blocking request each.
 *
 * Entry points: client_call() and its short forms client_get() and client_list().
 * Ownership: answers belong to the caller; bodies are borrowed.
 * Failure modes: every failure is printed here once, as the error line of DESIGN section
 * 8, and comes back as an exit code: 5 when no answer came or the server is failing, 1
 * when what was asked makes no sense (an unknown host), 3 when it was understood and
 * refused (a locked host). A problem document's `errors` are printed one line each;
 * scripts rely on their codes.
 */
#include "ctl/client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/http_client.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/rng.h"
#include "lib/str.h"

enum {
	CLIENT_TIMEOUT_S = 60,
	CLIENT_SLOW_TIMEOUT_S = 1800,
	CLIENT_PAGES_MAX = 100000,
	CLIENT_TRIES = 3,
	CLIENT_PAUSE_MS = 500,
	CLIENT_ERRORS_SHOWN = 20,
};

#define CLIENT_PAGE "1000" /* the most that the server gives at once */

/* Codes that mean "no such thing" or "doubtful": the user has to type something else. All
 * other refusals are policy. */
static const char *const bad_input_codes[] = {
    "host-unknown",
    "host-ambiguous",
    "image-unknown",
    "image-kind",
    "site-unknown",
    "job-unknown",
    "boot-unknown",
    "token-unknown",
    "certificate-unknown",
    "reason-missing",
    "subnet-overlap",
    "mac-duplicate",
    "bmc-duplicate",
    "ip-duplicate",
    "bad-request",
    "bad-input",
    "bad-value",
    "config-incomplete",
    "idempotency-mismatch",
};

int
client_exit_code(int status, const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_input_codes); i++)
		if (str_eq(code, bad_input_codes[i]))
			return CTL_USAGE;
	switch (status) {
	case 501: /* a site's agent: reached, and it says who can */
	case 401:
	case 403:
	case 409:
	case 412:
	case 423:
	case 429:
	case 507: return CTL_REFUSED; /* its disk is full: reached, but not done */
	default: return status >= 500 ? CTL_UNREACHABLE : CTL_USAGE;
	}
}

void
client_make_key(char *buf, size_t size)
{
	struct rng rng = rng_system();
	char id[ID_SIZE];

	id_make(clock_wall(), &rng, id);
	str_clip(buf, size, id);
}

char *
client_path(const char *collection, const char *name, const char *action)
{
	struct text t = {0};

	text_addf(&t, "/api/v1/%s/", collection);
	text_add_encoded(&t, name);
	if (action != NULL)
		text_addf(&t, "/%s", action);
	return text_take(&t);
}

/* Fills *err from {code, text|detail, next}; absent ones get what the status says. */
static void
error_from_json(const json_t *v, int status, struct error *err)
{
	const char *code = json_string_value(json_object_get(v, "code"));
	const char *text = json_string_value(json_object_get(v, "text"));
	const char *next = json_string_value(json_object_get(v, "next"));

	if (text == NULL)
		text = json_string_value(json_object_get(v, "detail"));
	if (text == NULL)
		text = json_string_value(json_object_get(v, "title"));
	error_set(err, 0, code != NULL ? code : "server-error", next, "%s",
	    text != NULL ? text : "the server gave no reason");
	if (code == NULL && text == NULL)
		error_prefix(err, "HTTP status %d", status);
}

/* One line of a problem's `errors`: about a host, or about a place in the user's
 * document. */
static int
report_one(
    const struct ctl *ctl, const struct client_request *rq, int status, const json_t *v)
{
	const char *host = json_string_value(json_object_get(v, "host"));
	const char *pointer = json_string_value(json_object_get(v, "pointer"));
	char place[300] = "";
	struct error err;

	error_from_json(v, status, &err);
	if (pointer != NULL && rq->locate != NULL)
		rq->locate(rq->locate_arg, pointer, place, sizeof(place));
	if (place[0] != '\0')
		return ctl_fail(ctl, client_exit_code(status, err.code), place, &err);
	return ctl_fail(ctl, client_exit_code(status, err.code),
	    host != NULL ? host : rq->subject, &err);
}

static int
exit_code_of(const json_t *v, int status)
{
	struct error err;

	error_from_json(v, status, &err);
	return client_exit_code(status, err.code);
}

/* Prints a problem document; the exit code is the mildest that says all: bad input (1)
 * before refused (3), since it must be corrected first. A screen full of errors hides the
 * first, so that the rest is counted only. */
static int
report_problem(const struct ctl *ctl, const struct client_request *rq, int status,
    const json_t *problem)
{
	const json_t *errors = json_object_get(problem, "errors"), *v;
	int r = CTL_OK;
	struct error err;
	size_t i;

	json_array_foreach (errors, i, v) {
		int one = i < CLIENT_ERRORS_SHOWN ? report_one(ctl, rq, status, v)
						  : exit_code_of(v, status);

		if (r == CTL_OK || one < r)
			r = one;
	}
	if (i > CLIENT_ERRORS_SHOWN) {
		error_set(&err, 0, "more-errors", "correct those above, then repeat",
		    "there are %zu more", i - CLIENT_ERRORS_SHOWN);
		return ctl_fail(ctl, r, rq->subject, &err);
	}
	if (r != CTL_OK)
		return r;
	error_from_json(problem, status, &err);
	return ctl_fail(ctl, client_exit_code(status, err.code), rq->subject, &err);
}

/* "site=los; as_of=2026-…; orchestrator=heard; last=…": the value of `key`, or "". */
static void
part_of(const char *said, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	buf[0] = '\0';
	for (const char *p = said; *p != '\0'; p += strcspn(p, ";"), p += strspn(p, "; "))
		if (strncmp(p, key, n) == 0 && p[n] == '=')
			snprintf(
			    buf, size, "%.*s", (int)strcspn(p + n + 1, ";"), p + n + 1);
}

static void
add_when(struct text *t, const char *at)
{
	char ago[32];
	int64_t wall;

	text_add(t, at);
	if (clock_parse(at, &wall) == 0)
		text_addf(
		    t, " (%s ago)", str_duration(clock_wall() - wall, ago, sizeof(ago)));
}

void
client_tell_agent(const struct ctl *ctl, const char *said)
{
	char site[64], as_of[CLOCK_TEXT_SIZE], heard[16], last[CLOCK_TEXT_SIZE];
	struct text t = {0};

	if (said[0] == '\0' || ctl->told_agent == NULL || *ctl->told_agent)
		return;
	*ctl->told_agent = true;
	part_of(said, "site", site, sizeof(site));
	part_of(said, "as_of", as_of, sizeof(as_of));
	part_of(said, "orchestrator", heard, sizeof(heard));
	part_of(said, "last", last, sizeof(last));
	text_addf(&t, "agent of site %s, inventory as of ", site);
	add_when(&t, as_of);
	if (str_eq(heard, "heard")) {
		text_add(&t, "; it hears the orchestrator");
	} else {
		text_add(&t, "; it does not hear the orchestrator, last ");
		add_when(&t, last);
	}
	ctl_say(ctl, "%s", text_str(&t));
	text_done(&t);
}

static void
on_agent(void *arg, const char *said)
{
	client_tell_agent(arg, said);
}

static int
take_answer(const struct ctl *ctl, const struct client_request *rq,
    const struct http_client_reply *reply, json_t **ret)
{
	bool good = reply->status >= 200 && reply->status < 300;
	json_t *v = NULL;
	struct error err;
	int r = CTL_OK;

	if (good && rq->octets)
		v = json_stringn_nocheck(
		    reply->body != NULL ? reply->body : "", reply->body_len);
	else if (good && rq->text)
		v = json_stringn(reply->body, reply->body_len);
	else if (reply->body_len > 0)
		v = json_parse(reply->body, reply->body_len, &err);
	if (good && v == NULL && reply->body_len > 0) {
		if (rq->text)
			error_set(&err, 0, "bad-json", NULL, "not UTF-8");
		error_prefix(&err, "the answer of %s to %s %s is not JSON", ctl->server,
		    rq->method, rq->path);
		return ctl_fail(ctl, CTL_UNREACHABLE, rq->subject, &err);
	}
	if ((reply->status == 404 && rq->may_be_absent) ||
	    (reply->status == 501 && rq->may_be_elsewhere)) {
		json_decref(v);
		return CTL_OK;
	}
	if (!good)
		r = report_problem(ctl, rq, reply->status, v);
	if (r == CTL_OK && rq->ret_etag != NULL)
		str_clip(rq->ret_etag, 80, reply->etag);
	if (r == CTL_OK && ret != NULL)
		*ret = v != NULL ? v : json_object();
	else
		json_decref(v);
	return r;
}

int
client_refused(const struct ctl *ctl, const struct client_request *rq, int status,
    const char *body, size_t len)
{
	struct error err;
	json_t *v = len > 0 ? json_parse(body, len, &err) : NULL;
	int r = report_problem(ctl, rq, status, v);

	json_decref(v);
	return r;
}

/* An answer that was lost (the server was restarted just then) is asked for again under the same
 * key, which cannot do anything twice. Without a key only once. */
static int
ask(const struct ctl *ctl, const struct client_request *rq,
    const struct http_client_request *http, struct http_client_reply *ret)
{
	const struct timespec pause = {.tv_nsec = CLIENT_PAUSE_MS * 1000 * 1000};
	int tries = rq->idempotency_key != NULL ? CLIENT_TRIES : 1, r;

	while ((r = http_client_once(ctl->server, ctl->token, http, ret)) < 0 &&
	       --tries > 0) {
		http_client_reply_done(ret);
		*ret = (struct http_client_reply){0};
		nanosleep(&pause, NULL);
	}
	return r;
}

int
client_call(const struct ctl *ctl, const struct client_request *rq, json_t **ret)
{
	char *body = rq->body != NULL ? json_text(rq->body) : NULL;
	struct http_client_request http = {
	    .method = rq->method,
	    .path = rq->path,
	    .body = body,
	    .if_match = rq->if_match,
	    .idempotency_key = rq->idempotency_key,
	    .ca_file = ctl->ca_file,
	    .timeout_us =
		(rq->slow ? CLIENT_SLOW_TIMEOUT_S : CLIENT_TIMEOUT_S) * USEC_PER_SEC,
	};
	struct http_client_reply reply = {0};
	int r;

	if (ask(ctl, rq, &http, &reply) < 0) {
		bool bad_server = str_eq(reply.err.code, "bad-server");

		r = ctl_fail(ctl, bad_server ? CTL_USAGE : CTL_UNREACHABLE, rq->subject,
		    &reply.err);
	} else {
		client_tell_agent(ctl, reply.agent);
		r = take_answer(ctl, rq, &reply, ret);
	}
	http_client_reply_done(&reply);
	free(body);
	return r;
}

struct http_client *
client_open(const struct ctl *ctl, struct event_base *base, struct error *err)
{
	struct http_client *c = http_client_new(base, ctl->server, ctl->token, err);

	if (c != NULL) {
		http_client_trust(c, ctl->ca_file);
		http_client_on_agent(c, on_agent, ctl);
	}
	return c;
}

int
client_get(const struct ctl *ctl, const char *path, json_t **ret)
{
	return client_call(
	    ctl, &(struct client_request){.method = "GET", .path = path}, ret);
}

char *
client_next(const json_t *page)
{
	const json_t *next = json_object_get(page, "next");
	struct text t = {0};

	if (json_is_integer(next))
		text_addf(&t, "%lld", (long long)json_integer_value(next));
	else if (json_is_string(next))
		text_add(&t, json_string_value(next));
	else
		return NULL;
	return text_take(&t);
}

int
client_list(const struct ctl *ctl, const char *path, size_t max, json_t **ret_items)
{
	json_t *all = json_array();
	char *cursor = NULL;
	int r = CTL_OK;

	for (int page = 0; page < CLIENT_PAGES_MAX; page++) {
		struct text t = {0};
		json_t *answer = NULL;

		text_add(&t, path);
		if (strstr(path, "limit=") == NULL)
			text_add_query(&t, "limit", CLIENT_PAGE);
		text_add_query(&t, "cursor", cursor);
		r = client_get(ctl, text_str(&t), &answer);
		text_done(&t);
		if (r != CTL_OK)
			break;
		json_array_extend(all, json_object_get(answer, "items"));
		free(cursor);
		cursor = client_next(answer);
		json_decref(answer);
		if (cursor == NULL || (max > 0 && json_array_size(all) >= max))
			break;
	}
	free(cursor);
	if (r == CTL_OK)
		*ret_items = all;
	else
		json_decref(all);
	return r;
}
