/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP requests through libcurl, on an event loop or blocking.
 *
 * Entry points: http_client_new(), http_client_start(), http_client_stream(),
 * http_client_cancel(); http_client_once() for programs without a loop. Ownership: a
 * client owns its calls; a call ends with its `done` or with http_client_cancel().
 * Failure modes: no answer gives status 0 and a reason ("server-unreachable", "tls-failed", "timeout", "proxy-login",
 * "reply-too-large"). An answer that breaks off is no answer: half a document is never
 * handed on.
 *
 * libcurl may not be re-entered from its own callbacks, so that calls that end inside one
 * are only marked, and reaped when libcurl has returned.
 */
#include "lib/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "lib/compiler.h"
#include "lib/http_client_self.h"
#include "lib/http_client_why.h"
#include "lib/secret.h"
#include "lib/str.h"

enum {
	CONNECT_TIMEOUT_MS = 10000,
	DISCARD_MAX = 64 * 1024,
	RETRY_AFTER_MAX_S = 3600,
	REDIRECTS_MAX = 5
};

#define UNIX_PREFIX "unix:"

/* Where requests go: a socket's path, or a base URL. */
struct server {
	char *socket_path; /* or NULL */
	char *base_url;
	char *authorization;		     /* header line or NULL */
	char *ca_file;			     /* or NULL */
	const struct http_client_self *self; /* borrowed; or NULL */
};

struct http_client_call {
	struct http_client_call *prev, *next;
	struct http_client *client; /* NULL in http_client_once() */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char *detail; /* of what went wrong, in libcurl's words; NULL: without a self */
	int (*chunk)(void *arg, const char *data, size_t len);
	void (*done)(void *arg, const struct http_client_reply *reply);
	void *arg;
	struct http_client_reply reply;
	struct http_client_head head;
	size_t body_room, body_max;
	size_t discarded; /* octets of a body that nobody wants */
	char *where;	  /* as messages call it */
	bool local;	  /* by a unix socket */
	bool login;	  /* a proxy is told a user and password */
	bool cancelled;
	bool stopped; /* the chunk callback ended the stream */
	bool too_large;
	bool status_only;
};

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	struct server server;
	struct http_client_call *calls;
	unsigned depth; /* inside libcurl or a callback */
	bool dead;	/* freed by its owner while depth > 0 */
	void (*on_agent)(void *arg, const char *value); /* or NULL */
	void *agent_arg;
};

/* ---- the server's address ---- */

static int
server_parse(struct server *s, const char *server, const char *token, struct error *err)
{
	static const char next[] = "give unix:PATH or https://HOST[:PORT]";

	*s = (struct server){.base_url = NULL};
	if (str_has_prefix(server, UNIX_PREFIX) &&
	    server[sizeof(UNIX_PREFIX) - 1] != '\0') {
		s->socket_path = str_dup(server + sizeof(UNIX_PREFIX) - 1);
		s->base_url = str_dup("http://localhost");
	} else if (str_has_prefix(server, "https://") ||
		   str_has_prefix(server, "http://")) {
		s->base_url = str_dup(server);
		/* Paths begin with a slash. */
		if (s->base_url[strlen(s->base_url) - 1] == '/')
			s->base_url[strlen(s->base_url) - 1] = '\0';
	} else {
		return error_set(err, -EINVAL, "bad-server", next,
		    "server %s: not an address", server);
	}
	if (token != NULL) {
		size_t size = strlen(token) + sizeof("Authorization: Bearer ");

		s->authorization = str_alloc(size);
		if (str_format(
			s->authorization, size, "Authorization: Bearer %s", token) < 0)
			abort();
	}
	return 0;
}

static void
server_done(struct server *s)
{
	free(s->socket_path);
	free(s->base_url);
	secret_free(s->authorization);
	free(s->ca_file);
}

/* ---- one transfer ---- */

static void
call_free(struct http_client_call *call)
{
	if (call->easy != NULL)
		curl_easy_cleanup(call->easy);
	/* One of them is the token. */
	for (struct curl_slist *h = call->headers; h != NULL; h = h->next)
		secret_wipe(h->data, strlen(h->data));
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->connect_to);
	free(call->detail);
	http_client_reply_done(&call->reply);
	free(call->where);
	free(call);
}

/* Orders bring passwords. */
static void
free_body(struct http_client_reply *reply)
{
	if (reply->body != NULL)
		secret_wipe(reply->body, reply->body_len);
	free(reply->body);
}

static int
append_body(struct http_client_call *call, const char *data, size_t len)
{
	struct http_client_reply *reply = &call->reply;

	if (len > call->body_max - reply->body_len) {
		call->too_large = true;
		return -EMSGSIZE;
	}
	if (reply->body_len + len + 1 > call->body_room) {
		char *bigger;

		call->body_room = 2 * (reply->body_len + len + 1);
		bigger = str_alloc(call->body_room);
		memcpy(bigger, reply->body, reply->body_len);
		free_body(reply);
		reply->body = bigger;
	}
	memcpy(reply->body + reply->body_len, data, len);
	reply->body_len += len;
	reply->body[reply->body_len] = '\0';
	return 0;
}

/* CURLOPT_WRITEFUNCTION: returning another number than len ends the transfer. */
static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
	struct http_client_call *call = arg;
	size_t len = size * n;
	long status = 0;

	if (call->cancelled)
		return 0;
	if (call->status_only) {
		/* A short one is read to its end, so that the connection can be used again. */
		call->discarded += len;
		call->stopped = call->discarded > DISCARD_MAX;
		return call->stopped ? 0 : len;
	}
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	/* The body of a refusal goes to the reply, also when a stream was asked for. */
	if (call->chunk == NULL || status >= 300)
		return append_body(call, data, len) < 0 ? 0 : len;
	if (call->chunk(call->arg, data, len) != 0)
		call->stopped = true;
	return call->stopped || call->cancelled ? 0 : len;
}

/* The value of a line of that name ("etag:"), clipped to size. */
static bool
header_value(const char *line, size_t len, const char *name, char *buf, size_t size)
{
	size_t from = strlen(name);

	if (len < from || strncasecmp(line, name, from) != 0)
		return false;
	while (from < len && line[from] == ' ')
		from++;
	while (len > from && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len - from >= size)
		return false;
	memcpy(buf, line + from, len - from);
	buf[len - from] = '\0';
	return true;
}

/* "bytes 0-99/500" (RFC 9110 14.4); whatever else is there says nothing. */
static void
take_content_range(struct http_client_head *head, const char *value)
{
	long long from, to, total;
	int end = 0;

	if (sscanf(value, "bytes %18lld-%18lld/%18lld%n", &from, &to, &total, &end) !=
		3 ||
	    value[end] != '\0' || from < 0 || to < from || total <= to)
		return;
	head->from = from;
	head->to = to + 1;
	head->total = total;
}

/* CURLOPT_HEADERFUNCTION: keeps the ETag, who answers, which part it is, and when to come again. */
static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_client_call *call = arg;
	struct http_client_reply *reply = &call->reply;
	char value[sizeof(reply->agent)];
	int64_t s;

	/* A new head: that of before was a redirect's, or "100 Continue". */
	if (size * n > 5 && strncasecmp(data, "HTTP/", 5) == 0) {
		call->head = (struct http_client_head){.from = -1, .to = -1, .total = -1};
		reply->etag[0] = '\0';
	}
	if (header_value(data, size * n, "content-range:", value, sizeof(value)))
		take_content_range(&call->head, value);
	if (header_value(data, size * n, "netboot-agent:", value, sizeof(value))) {
		str_escape(reply->agent, sizeof(reply->agent), value, strlen(value));
		if (call->client != NULL && call->client->on_agent != NULL)
			call->client->on_agent(call->client->agent_arg, reply->agent);
	}

	if (header_value(data, size * n, "etag:", value, sizeof(value)))
		str_clip(reply->etag, sizeof(reply->etag), value);
	if (header_value(data, size * n, "retry-after:", value, sizeof(value)) &&
	    str_to_i64(value, 0, INT32_MAX, &s) == 0)
		reply->retry_after_s = s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S;
	return size * n;
}

static void
add_header(struct http_client_call *call, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 3;
	char *line = str_alloc(size);
	struct curl_slist *list;

	/* "Name:" alone would remove the header, which is wanted for Expect. */
	if (str_format(line, size, "%s:%s%s", name, value[0] != '\0' ? " " : "", value) <
	    0)
		abort();
	list = curl_slist_append(call->headers, line);
	if (list == NULL)
		abort();
	call->headers = list;
	free(line);
}

static void
add_line(struct http_client_call *call, const char *line)
{
	struct curl_slist *list = curl_slist_append(call->headers, line);

	if (list == NULL)
		abort();
	call->headers = list;
}

static void
set_headers(struct http_client_call *call, const struct server *s,
    const struct http_client_request *rq)
{
	const char *type =
	    rq->content_type != NULL ? rq->content_type : "application/json";

	add_header(call, "Accept", rq->url != NULL ? "*/*" : "application/json");
	add_header(call, "Expect",
	    ""); /* else a body above 1 MB waits a second for "100 Continue" */
	if (rq->body != NULL)
		add_header(call, "Content-Type", type);
	if (rq->idempotency_key != NULL)
		add_header(call, "Idempotency-Key", rq->idempotency_key);
	if (rq->if_match != NULL)
		add_header(call, "If-Match", rq->if_match);
	if (s->authorization != NULL)
		add_line(call, s->authorization);
	for (const char *const *line = rq->headers; line != NULL && *line != NULL; line++)
		add_line(call, *line);
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void
set_target(CURL *easy, const struct server *s, const struct http_client_request *rq)
{
	const char *ca_file = rq->ca_file != NULL ? rq->ca_file : s->ca_file;
	const char *base = rq->url != NULL ? rq->url : s->base_url;
	const char *path = rq->url != NULL ? "" : rq->path;
	size_t size = strlen(base) + strlen(path) + 1;
	char *url = str_alloc(size);

	if (str_format(url, size, "%s%s", base, path) < 0)
		abort();
	curl_easy_setopt(easy, CURLOPT_URL, url); /* copied */
	free(url);
	if (s->socket_path != NULL)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, s->socket_path);
	else if (rq->gzip) /* what is kept is bounded unpacked: on_data() */
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	/* Requests carry secrets: the environment does not choose who sees them. */
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	/* A receiver that says "elsewhere" must not choose who reads what was meant for it. */
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	if (rq->url != NULL && rq->proxy.url != NULL)
		http_client_self_proxy(easy, &rq->proxy);
	if (rq->url != NULL && rq->any_certificate) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (rq->part) {
		curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
		curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
		curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
		curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
		    str_has_prefix(base, "https://") ? "https" : "http,https");
	}
	/* Else a call that ends while its name is looked up waits for the resolver's thread, and the loop with it. */
	if (rq->url != NULL)
		curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

static void
set_self(struct http_client_call *call, const struct server *s,
    const struct http_client_request *rq)
{
	const struct http_client_self *self = rq->self != NULL ? rq->self : s->self;

	if (self == NULL || rq->url != NULL || s->socket_path != NULL ||
	    !str_has_prefix(s->base_url, "https://"))
		return;
	call->detail = str_alloc(CURL_ERROR_SIZE);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->detail);
	call->login = self->proxy.user != NULL;
	call->connect_to = http_client_self_set(call->easy, self, s->base_url, rq->path);
}

static void
set_method(CURL *easy, const struct http_client_request *rq)
{
	bool empty_ok =
	    strcmp(rq->method, "GET") == 0 || strcmp(rq->method, "DELETE") == 0;

	if (rq->body_len > 0)
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len);
	if (rq->body != NULL || !empty_ok)
		curl_easy_setopt(
		    easy, CURLOPT_COPYPOSTFIELDS, rq->body != NULL ? rq->body : "");
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
}

static struct http_client_call *
call_new(const struct server *s, const struct http_client_request *rq)
{
	struct http_client_call *call = str_alloc(sizeof(*call));

	call->easy = curl_easy_init();
	if (call->easy == NULL)
		abort();
	call->reply.body = str_dup("");
	call->body_room = 1;
	call->body_max = rq->body_max > 0 ? rq->body_max : HTTP_CLIENT_BODY_MAX;
	call->local = rq->url == NULL && s->socket_path != NULL;
	call->status_only = rq->status_only;
	call->login = rq->url != NULL && rq->proxy.user != NULL;
	call->where = str_dup(rq->url != NULL	       ? rq->url_name
			      : s->socket_path != NULL ? s->socket_path
						       : s->base_url);
	set_target(call->easy, s, rq);
	set_self(call, s, rq);
	set_method(call->easy, rq);
	set_headers(call, s, rq);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
	/* A stream has no time limit: a peer that vanished must still be noticed. */
	curl_easy_setopt(call->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS,
	    rq->connect_timeout_us > 0 ? (long)(rq->connect_timeout_us / USEC_PER_MSEC)
				       : (long)CONNECT_TIMEOUT_MS);
	if (rq->timeout_us > 0)
		curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS,
		    (long)(rq->timeout_us / USEC_PER_MSEC) + 1);
	return call;
}

/* Turns libcurl's result into status or reason. */
static int
call_conclude(struct http_client_call *call, CURLcode code)
{
	const struct http_client_why why = {.where = call->where,
	    .detail = call->detail,
	    .local = call->local,
	    .login = call->login};
	struct http_client_reply *reply = &call->reply;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	reply->status = 0;
	/* 200 and above: not the "100 Continue" before an answer. */
	if (code == CURLE_OK || call->stopped || (call->status_only && status >= 200)) {
		reply->status = (int)status;
		return 0;
	}
	if (call->too_large)
		return error_set(&reply->err, -EMSGSIZE, "reply-too-large",
		    "ask for less at a time", "%s: the answer is larger than %zu octets",
		    call->where, call->body_max);
	return http_client_why_set(call->easy, code, &why, &reply->err);
}

/* ---- the event loop ---- */

static void
client_destroy(struct http_client *c)
{
	struct http_client_call *call, *tmp;

	DL_FOREACH_SAFE(c->calls, call, tmp)
	{
		curl_multi_remove_handle(c->multi, call->easy);
		call_free(call);
	}
	curl_multi_cleanup(c->multi);
	event_free(c->timer);
	server_done(&c->server);
	free(c);
	curl_global_cleanup();
}

static void
drop_call(struct http_client *c, struct http_client_call *call)
{
	curl_multi_remove_handle(c->multi, call->easy);
	DL_DELETE(c->calls, call);
	call_free(call);
}

/* Hands out what has finished. */
static void
reap(struct http_client *c)
{
	struct http_client_call *call, *tmp;
	CURLMsg *msg;
	int left;

	while (!c->dead && (msg = curl_multi_info_read(c->multi, &left)) != NULL) {
		CURLcode code = msg->data.result;
		char *private = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		call = (struct http_client_call *)(void *)private;
		if (!call->cancelled) {
			(void)call_conclude(call, code);
			/* From here a cancel of this call means nothing. */
			call->cancelled = true;
			call->done(call->arg, &call->reply);
		}
		drop_call(c, call);
	}
	DL_FOREACH_SAFE(c->calls, call, tmp)
	{
		if (call->cancelled)
			drop_call(c, call);
	}
}

static void
drive(struct http_client *c, curl_socket_t fd, int what)
{
	int running;

	c->depth++;
	curl_multi_socket_action(c->multi, fd, what, &running);
	reap(c);
	c->depth--;
	if (c->dead && c->depth == 0)
		client_destroy(c);
}

static void
on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	int mask = (what & EV_READ ? CURL_CSELECT_IN : 0) |
		   (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	drive(arg, fd, mask);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_SOCKETFUNCTION: libcurl says what it wants to know of a socket. */
static int
on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *c = arg;
	struct event *ev = socket_arg;
	short events = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE) {
		if (what & CURL_POLL_IN)
			events |= EV_READ;
		if (what & CURL_POLL_OUT)
			events |= EV_WRITE;
		ev = event_new(c->base, fd, events, on_socket_event, c);
		if (ev == NULL || event_add(ev, NULL) < 0)
			abort();
	}
	curl_multi_assign(c->multi, fd, ev);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION: -1 means no timer. */
static int
on_timer_wish(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		event_del(c->timer);
	else
		event_add(c->timer, &tv);
	return 0;
}

/* Takes what s owns. */
static struct http_client *
client_new(struct event_base *base, struct server s)
{
	struct http_client *c;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	c = str_alloc(sizeof(*c));
	c->base = base;
	c->server = s;
	c->multi = curl_multi_init();
	c->timer = evtimer_new(base, on_timer, c);
	if (c->multi == NULL || c->timer == NULL)
		abort();
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	return c;
}

struct http_client *
http_client_new(
    struct event_base *base, const char *server, const char *token, struct error *err)
{
	struct server s;

	return server_parse(&s, server, token, err) < 0 ? NULL : client_new(base, s);
}

struct http_client *
http_client_new_anywhere(struct event_base *base)
{
	return client_new(base, (struct server){.base_url = NULL});
}

struct http_client_call *
http_client_stream(struct http_client *c, const struct http_client_request *rq,
    int (*chunk)(void *arg, const char *data, size_t len),
    void (*done)(void *arg, const struct http_client_reply *reply), void *arg)
{
	struct http_client_call *call = call_new(&c->server, rq);

	call->client = c;
	call->chunk = chunk;
	call->done = done;
	call->arg = arg;
	DL_APPEND(c->calls, call);
	if (curl_multi_add_handle(c->multi, call->easy) != CURLM_OK)
		abort();
	return call;
}

struct http_client_call *
http_client_start(struct http_client *c, const struct http_client_request *rq,
    void (*done)(void *arg, const struct http_client_reply *reply), void *arg)
{
	return http_client_stream(c, rq, NULL, done, arg);
}

void
http_client_head(const struct http_client_call *call, struct http_client_head *ret)
{
	curl_off_t first = 0, asked = 0, length = -1;
	long status = 0;

	*ret = call->head;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	curl_easy_getinfo(call->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
	curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &asked);
	ret->status = (int)status;
	memcpy(ret->etag, call->reply.etag, sizeof(ret->etag));
	if (status == 200)
		ret->total = length;
	ret->rtt_us = first > asked ? first - asked : 0;
}

void
http_client_pause(struct http_client_call *call, bool pause)
{
	struct http_client *c = call->client;

	if (call->cancelled)
		return;
	c->depth++;
	curl_easy_pause(call->easy, pause ? CURLPAUSE_RECV : CURLPAUSE_CONT);
	c->depth--;
	/* What came meanwhile may have ended it. */
	if (c->depth == 0 && !pause)
		drive(c, CURL_SOCKET_TIMEOUT, 0);
}

const char *
http_client_from(const struct http_client_call *call)
{
	const char *from = NULL;

	curl_easy_getinfo(call->easy, CURLINFO_LOCAL_IP, &from);
	return from != NULL ? from : "";
}

void
http_client_cancel(struct http_client_call *call)
{
	if (call == NULL)
		return;
	call->cancelled = true;
	if (call->client->depth == 0)
		drop_call(call->client, call);
}

void
http_client_free(struct http_client *c)
{
	struct http_client_call *call;

	if (c == NULL)
		return;
	if (c->depth == 0) {
		client_destroy(c);
		return;
	}
	c->dead = true;
	DL_FOREACH (c->calls, call) {
		call->cancelled = true;
	}
}

void
http_client_be(struct http_client *c, const struct http_client_self *self)
{
	c->server.self = self;
}

void
http_client_trust(struct http_client *c, const char *ca_file)
{
	free(c->server.ca_file);
	c->server.ca_file = str_dup(ca_file);
}

/* ---- blocking ---- */

int
http_client_once(const char *server, const char *token,
    const struct http_client_request *rq, struct http_client_reply *ret)
{
	struct http_client_call *call;
	struct server s;
	int r;

	*ret = (struct http_client_reply){.status = 0};
	r = server_parse(&s, server, token, &ret->err);
	if (r < 0)
		return r;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	call = call_new(&s, rq);
	r = call_conclude(call, curl_easy_perform(call->easy));
	*ret = call->reply;
	call->reply.body = NULL; /* now ret's */
	call_free(call);
	server_done(&s);
	curl_global_cleanup();
	return r;
}

void
http_client_on_agent(
    struct http_client *c, void (*fn)(void *arg, const char *value), const void *arg)
{
	c->on_agent = fn;
	c->agent_arg = (void *)(uintptr_t)arg;
}

void
http_client_reply_done(struct http_client_reply *reply)
{
	if (reply == NULL)
		return;
	free_body(reply);
	*reply = (struct http_client_reply){.status = 0};
}
