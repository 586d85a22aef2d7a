// SPDX-License-Identifier: GPL-3.0-or-later
/* The TCP listeners of the REST server: who may connect, and how many.
 *
 * Entry points: rest_server_listen(), rest_web_reload(), rest_web_own() and rest_web_drop(). Connections are
 * rest_conn.c's; here they are counted, so that strangers cost a bounded amount of memory, and one address
 * cannot keep the others out. Who has shown a good certificate of the own authority is counted apart from them: a thousand
 * sites may be behind one address. Without TLS only loopback is listened on: a token or a password never crosses a wire
 * in the clear.
 * Failure modes: an address that cannot be listened on, named; where descriptors are short, who
 * connects waits in the backlog. */
#include "lib/rest_web.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/rest_conn.h"
#include "lib/rest_priv.h"
#include "lib/rest_tls.h"
#include "lib/str.h"

enum {
	LISTENERS_MAX = 16,
	BACKLOG = 4096,
	PAUSE_MS = 100,
	NOBODYS_BODY = 4096,
	SMALL_BODY =
	    1024 * 1024, /* what an agent's messages have at the most, but a few */
};

#define TELL_EVERY_US (60 * USEC_PER_SEC)

struct rest_web {
	struct rest_server *s;
	struct rest_web_options options;
	struct rest_conn_ops ops;
	struct rest_tls *tls;
	struct evconnlistener *listeners[LISTENERS_MAX];
	size_t n_listeners;
	struct event *resume;
	struct rest_conn *conns; /* of browsers, programs and strangers */
	size_t n_conns;
	struct rest_conn *agents; /* with a valid certificate */
	size_t n_agents;
	int64_t told_at; /* mono; of the log about too many of them */
};

int
rest_web_parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len,
    bool *ret_loopback)
{
	const char *colon = strrchr(text, ':');
	char host[ADDR_IP_TEXT + 2];
	struct addr_ip ip;
	int64_t port;
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len == 0 || len >= sizeof(host) ||
	    str_to_i64(colon + 1, 1, UINT16_MAX, &port) < 0)
		return -EINVAL;
	if ((text[0] == '[') != (memchr(text, ':', len) != NULL))
		return -EINVAL;
	if (text[0] == '[') {
		if (text[len - 1] != ']')
			return -EINVAL;
		memcpy(host, text + 1, len - 2);
		host[len - 2] = '\0';
	} else {
		memcpy(host, text, len);
		host[len] = '\0';
	}
	if (addr_ip_parse(host, &ip) < 0)
		return -EINVAL;
	*ret_len = addr_ip_sockaddr(&ip, (uint16_t)port, ret);
	*ret_loopback = addr_ip_is_loopback(&ip);
	return 0;
}

/* ---- connections ---- */

/* One agent has many connections, and could have a large body held on each. */
static bool
holds_too_much(const struct rest_web *w, const struct rest_conn *c)
{
	const struct rest_conn *other;
	int64_t sum = c->head.body_len;

	if (!c->counted_apart || c->head.body_len <= SMALL_BODY)
		return false;
	DL_FOREACH (w->agents, other)
		if (other != c && other->has_head && str_eq(other->peer.uri, c->peer.uri))
			sum += other->head.body_len;
	return sum > REST_WEB_BODIES_PER_URI;
}

static size_t
body_max(void *arg, struct rest_conn *c)
{
	struct rest_web *w = arg;
	struct rest_request *rq = rest_request_new_web(w->s, c);
	size_t n =
	    w->options.body_max ? w->options.body_max(w->s->arg, rq) : REST_BODY_MAX;

	rest_request_cancel(rq);
	return holds_too_much(w, c) ? SMALL_BODY : n;
}

/* Under the own name nobody comes whose browser was sent here: its certificate is none that browsers take. */
static bool
host_ok(const struct rest_web *w, const struct rest_conn *c, const char *host)
{
	if (c->peer.own)
		return host && rest_tls_is_own(w->tls, host);
	return !w->options.host_ok || w->options.host_ok(w->s->arg, host);
}

static void
request(void *arg, struct rest_conn *c)
{
	struct rest_web *w = arg;
	struct rest_request *rq = rest_request_new_web(w->s, c);
	const char *closed = w->options.closed_prefix;
	struct error err;

	c->rq = rq;
	if (!host_ok(w, c, rest_header(rq, "Host"))) {
		error_set(&err, 0, "wrong-host",
		    "use an address, or say the name in web.names of orchestrator.yaml",
		    "this server does not go by the name that was asked for");
		rest_problem(rq, 421, &err, NULL);
		return;
	}
	rest_server_serve(
	    w->s, rq, closed && !c->peer.own && str_has_prefix(rest_path(rq), closed));
}

static void
gone(void *arg, struct rest_conn *c)
{
	(void)arg;
	rest_request_gone(c->rq);
}

static void
closed(void *arg, struct rest_conn *c)
{
	struct rest_web *w = arg;

	if (c->counted_apart) {
		DL_DELETE(w->agents, c);
		w->n_agents--;
	} else {
		DL_DELETE(w->conns, c);
		w->n_conns--;
	}
}

static void
tell_full(struct rest_web *w, const struct addr_ip *ip, size_t n)
{
	char text[ADDR_IP_TEXT];
	int64_t now = clock_mono();

	if (w->told_at != 0 && now - w->told_at < TELL_EVERY_US)
		return;
	w->told_at = now;
	log_warn(w->s->log, "web: %zu connections, %s is refused another one", n,
	    addr_ip_text(ip, text, sizeof(text)));
}

/* Of who has enough connections the oldest goes: an agent whose address has changed left them behind. However many
 * certificates it was given, they are one's. */
static void
make_room_for_agent(struct rest_web *w, const struct rest_conn *newest)
{
	struct rest_conn *c, *oldest = NULL;
	size_t n = 0;

	DL_FOREACH (w->agents, c) {
		if (!str_eq(c->peer.uri, newest->peer.uri))
			continue;
		n++;
		if (!oldest)
			oldest = c;
	}
	if (n >= REST_WEB_AGENTS_PER_URI)
		rest_conn_free(oldest);
}

static void
connected(void *arg, struct rest_conn *c)
{
	struct rest_web *w = arg;

	rest_tls_look(w->tls, c->bev, &c->peer);
	if (!c->peer.valid ||
	    (w->options.agent_ok && !w->options.agent_ok(w->s->arg, &c->peer)))
		return;
	make_room_for_agent(w, c);
	if (w->n_agents >= REST_WEB_AGENTS_MAX) {
		tell_full(w, &c->address, w->n_agents);
		rest_conn_free(c);
		return;
	}
	DL_DELETE(w->conns, c);
	w->n_conns--;
	c->counted_apart = true;
	DL_APPEND(w->agents, c);
	w->n_agents++;
}

/* IPv6 users are given whole /64s. */
static bool
same_address(const struct addr_ip *a, const struct addr_ip *b)
{
	return a->family == b->family &&
	       memcmp(a->b, b->b, a->family == AF_INET6 ? 8 : 4) == 0;
}

static bool
too_many(const struct rest_web *w, const struct addr_ip *ip)
{
	const struct rest_conn *c;
	size_t n = 0;

	if (w->n_conns >= REST_WEB_CONNS_MAX)
		return true;
	if (addr_ip_is_loopback(ip))
		return false;
	DL_FOREACH (w->conns, c)
		n += same_address(&c->address, ip);
	return n >= REST_WEB_CONNS_PER_ADDRESS;
}

/* Has nobody shown a token on it, or not yet? Only who has one may send a larger body. */
static bool
of_nobody(const struct rest_conn *c)
{
	return c->state != REST_CONN_HANDLING && c->state != REST_CONN_STREAM &&
	       c->owner[0] == '\0' &&
	       (c->state != REST_CONN_BODY || c->head.body_len <= NOBODYS_BODY);
}

/* Of a full house the one leaves that has been idle between requests, at the front are the oldest; else the oldest of
 * those that nobody has shown a token on: an honest client is through within a fraction of a second. */
static void
make_room(struct rest_web *w)
{
	struct rest_conn *c, *oldest = NULL;

	DL_FOREACH (w->conns, c) {
		if (c->state == REST_CONN_HEAD && !c->first && !c->stepping) {
			rest_conn_free(c);
			return;
		}
		if (!oldest && of_nobody(c))
			oldest = c;
	}
	if (oldest)
		rest_conn_free(oldest);
}

/* A peer that is gone without a word is noticed though nobody reads from it: streams are silent for long. */
static void
watch_peer(int fd)
{
	const int on = 1, idle = 30, every = 10, times = 3, unacknowledged_ms = 60000;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
	    sizeof(unacknowledged_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	struct rest_web *w = arg;
	struct addr_ip ip = addr_ip_from_sockaddr(sa);
	struct bufferevent *bev;
	struct rest_conn *c;

	(void)listener;
	(void)len;
	if (w->n_conns >= REST_WEB_CONNS_MAX)
		make_room(w);
	if (too_many(w, &ip)) {
		tell_full(w, &ip, w->n_conns);
		close(fd);
		return;
	}
	watch_peer(fd);
	if (w->tls)
		bev = rest_tls_accept(w->tls, w->s->base, fd);
	else
		bev = bufferevent_socket_new(w->s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		return;
	c = rest_conn_new(&w->ops, bev, &ip, w->tls != NULL);
	DL_APPEND(w->conns, c);
	w->n_conns++;
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct rest_web *w = arg;
	const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
	int error = EVUTIL_SOCKET_ERROR();
	int64_t now = clock_mono();

	evconnlistener_disable(listener);
	evtimer_add(w->resume, &pause);
	if (w->told_at != 0 && now - w->told_at < TELL_EVERY_US)
		return;
	w->told_at = now;
	log_warn(w->s->log, "web: who connects has to wait: %s", strerror(error));
}

static void
on_resume(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct rest_web *w = arg;

	for (size_t i = 0; i < w->n_listeners; i++)
		evconnlistener_enable(w->listeners[i]);
}

/* ---- listeners ---- */

static int
bind_socket(const char *text, const struct sockaddr_storage *sa, socklen_t len,
    int *ret_fd, struct error *err)
{
	const int on = 1;
	int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), e;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (sa->ss_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
	    bind(fd, (const struct sockaddr *)sa, len) == 0 && listen(fd, BACKLOG) == 0) {
		*ret_fd = fd;
		return 0;
	}
	e = errno;
	if (fd >= 0)
		close(fd);
	if (e == EADDRINUSE)
		return error_set(err, -e, "web-port-taken",
		    "stop who has it, or say web.listen in orchestrator.yaml; [] for "
		    "none",
		    "web.listen: another program listens on %s", text);
	return error_set(err, -e, "web-address",
	    "correct web.listen in orchestrator.yaml",
	    "web.listen: cannot listen on %s: %s", text, strerror(e));
}

static int
add_listener(struct rest_web *w, const char *text, struct error *err)
{
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	bool loopback = false;
	socklen_t len = 0;
	int fd = -1, rc;

	if (w->n_listeners == LISTENERS_MAX ||
	    rest_web_parse_address(text, &sa, &len, &loopback) < 0)
		return error_set(err, -EINVAL, "web-address",
		    "write 127.0.0.1:8017 or [::1]:8017, at most 16 of them",
		    "web.listen: %s is no address with a port", text);
	if (!loopback && !w->tls)
		return error_set(err, -EINVAL, "web-needs-tls",
		    "say web.tls_cert and web.tls_key, or listen on 127.0.0.1 or [::1]",
		    "web.listen: %s is not loopback, and tokens do not go over a network "
		    "without TLS",
		    text);
	rc = bind_socket(text, &sa, len, &fd, err);
	if (rc < 0)
		return rc;
	struct evconnlistener *l = evconnlistener_new(w->s->base, on_accept, w,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!l)
		abort();
	evconnlistener_set_error_cb(l, on_accept_error);
	w->listeners[w->n_listeners++] = l;
	return 0;
}

int
rest_server_listen(
    struct rest_server *s, const struct rest_web_options *options, struct error *err)
{
	struct rest_web *w = str_alloc(sizeof(*w));

	s->web = w;
	w->s = s;
	w->options = *options;
	w->ops = (struct rest_conn_ops){.base = s->base,
	    .arg = w,
	    .connected = connected,
	    .body_max = body_max,
	    .request = request,
	    .gone = gone,
	    .closed = closed,
	    .headers = options->headers,
	    .n_headers = options->n_headers};
	w->resume = evtimer_new(s->base, on_resume, w);
	if (!w->resume)
		abort();
	if (options->tls_cert) {
		w->tls = rest_tls_new(options->tls_cert, options->tls_key, err);
		if (!w->tls)
			return -EINVAL;
	} else if (options->tls_shown) {
		w->tls = rest_tls_new_empty();
	}
	for (size_t i = 0; i < options->n_listen; i++) {
		int rc = add_listener(w, options->listen[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void
rest_web_free(struct rest_web *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_listeners; i++)
		evconnlistener_free(w->listeners[i]);
	while (w->conns)
		rest_conn_free(w->conns);
	while (w->agents)
		rest_conn_free(w->agents);
	if (w->resume)
		event_free(w->resume);
	rest_tls_free(w->tls);
	free(w);
}

int
rest_web_reload(struct rest_server *s, struct error *err)
{
	struct rest_web *w = s->web;

	if (!w || !w->options.tls_cert)
		return 0;
	struct rest_tls *tls = rest_tls_new(w->options.tls_cert, w->options.tls_key, err);
	if (!tls)
		return -EINVAL;
	rest_tls_take(w->tls, tls);
	return 0;
}

int
rest_web_show(struct rest_server *s, const char *cert, const char *key, struct error *err)
{
	return s->web && s->web->tls && !s->web->options.tls_cert
		   ? rest_tls_show(s->web->tls, cert, key, err)
		   : 0;
}

int
rest_web_set_own(struct rest_server *s, const struct rest_tls_own *own, struct error *err)
{
	return s->web && s->web->tls ? rest_tls_set_own(s->web->tls, own, err) : 0;
}

const struct rest_tls_peer *
rest_web_peer(const struct rest_request *rq)
{
	return rq->conn && rq->conn->peer.own ? &rq->conn->peer : NULL;
}

bool
rest_web_is_agent(const struct rest_request *rq)
{
	return rq->conn && rq->conn->counted_apart;
}

size_t
rest_web_agents(const struct rest_server *s)
{
	return s->web ? s->web->n_agents : 0;
}

int64_t
rest_web_certificate_ends(const struct rest_server *s)
{
	return s->web && s->web->tls ? rest_tls_ends(s->web->tls) : INT64_MAX;
}

/* ---- owners ---- */

void
rest_web_own(struct rest_request *rq, const char *owner, const char *token, int64_t until)
{
	if (!rq->conn)
		return;
	str_clip(rq->conn->owner, sizeof(rq->conn->owner), owner);
	str_clip(rq->conn->token, sizeof(rq->conn->token), token);
	rq->conn->until = until;
}

void
rest_web_drop_agent(struct rest_server *s, const char *serial, const char *uri)
{
	struct rest_conn *c, *next;

	if (!s->web)
		return;
	DL_FOREACH_SAFE(s->web->agents, c, next)
	{
		bool is = (serial && str_eq(c->peer.serial, serial)) ||
			  (uri && str_eq(c->peer.uri, uri));

		if (is && (!c->rq || c->rq != s->handling))
			rest_conn_free(c);
	}
}

static void
drop_among(
    struct rest_server *s, struct rest_conn *list, const char *owner, const char *token)
{
	struct rest_conn *c, *next;

	DL_FOREACH_SAFE(list, c, next)
	{
		/* What waits has changed nothing yet; but not who is just asking for this. */
		bool waits =
		    c->state == REST_CONN_HANDLING && c->rq && c->rq != s->handling;

		if ((waits || c->state == REST_CONN_STREAM) &&
		    ((owner && str_eq(c->owner, owner)) ||
			(token && str_eq(c->token, token))))
			rest_conn_free(c);
	}
}

/* A token may also come on a connection that an agent's certificate was shown on. */
void
rest_web_drop(struct rest_server *s, const char *owner, const char *token)
{
	if (!s->web)
		return;
	drop_among(s, s->web->conns, owner, token);
	drop_among(s, s->web->agents, owner, token);
}

static size_t
streams_among(const struct rest_conn *list, const char *owner)
{
	const struct rest_conn *c;
	size_t n = 0;

	DL_FOREACH (list, c)
		n += c->state == REST_CONN_STREAM && str_eq(c->owner, owner);
	return n;
}

size_t
rest_web_streams(const struct rest_request *rq)
{
	const struct rest_web *w = rq->server->web;

	if (!rq->conn)
		return 0;
	return streams_among(w->conns, rq->conn->owner) +
	       streams_among(w->agents, rq->conn->owner);
}

static void
each_owner_among(
    const struct rest_conn *list, void (*each)(void *arg, const char *owner), void *arg)
{
	const struct rest_conn *c;

	DL_FOREACH (list, c)
		if (c->state == REST_CONN_STREAM)
			each(arg, c->owner);
}

void
rest_web_each_stream_owner(
    struct rest_server *s, void (*each)(void *arg, const char *owner), void *arg)
{
	if (!s->web)
		return;
	each_owner_among(s->web->conns, each, arg);
	each_owner_among(s->web->agents, each, arg);
}
