/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many agents in one process, by the real protocol (docs/protocol.md) and the programs' own codecs: each polls, takes
 * its table, and reports numbered events until they are acknowledged. For bench/agents.sh and net tests.
 *
 *	agentsim --server unix:PATH [--agents N] [--seed S]
 *	agentsim --server https://HOST:PORT --watch unix:PATH --authority FILE --secrets FILE …
 *
 * The second joins each agent first, with the secret in that line of the file, and has it speak mutual TLS from then on; `watch` is
 * where events are followed.
 *
 * Agent I is that of site "sNNNN" (I in four digits). Orders come on stdin, one a line; each is answered by a line of JSON:
 *
 *	rate N      so many events a second of all agents together, spread at random
 *	report N    N events now, of the first N agents, one each
 *	drop        cuts every connection at once; all agents come back
 *	forget      latencies and counts begin anew
 *	stats       what is so far (below)
 *	quit
 *
 * An event carries when it was made (`made_us`, of the clock that never jumps). One more connection follows the orchestrator's
 * stream of events, so that the time from made to stored and told is measured in one process.
 * Ownership: the world owns all; an agent owns its client, its calls and the events not yet acknowledged.
 * Failure modes: what is refused is counted by its code, and tried again as the agent does it; a table that cannot be read, or
 * of another site, ends the program, since that is a fault of the orchestrator. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/agent_msg.h"
#include "lib/back_off.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/pki.h"
#include "lib/secret.h"
#include "lib/str.h"

enum {
	WAIT_S = 25,
	BATCH = 200,
	PENDING_MAX = 20000, /* events of one agent that wait */
	LATENCIES_MAX = 1 << 20,
	CODES_MAX = 16,
	TICK_MS = 10,
	FILE_MAX = 256 * 1024,
};
#define FOLLOW_AGAIN (200 * USEC_PER_MSEC)
#define JOIN_EVERY (4 * USEC_PER_MSEC)
#define AFTER_ORDERS (300 * USEC_PER_MSEC)
#define REPORT_TIMEOUT (30 * USEC_PER_SEC)

struct agent;

/* One of an agent's two conversations. */
struct line {
	struct agent *a;
	struct http_client_call *call;
	struct event *timer;
	int64_t delay; /* 0: all is well */
};

struct agent {
	struct world *w;
	char site[64], id[ID_SIZE];
	struct http_client *http;
	struct http_client_self self; /* of one that joins */
	char *secret, *key, *cert;
	struct line poll, report;
	bool stranger; /* its connection is from before it had joined */
	bool served;   /* a poll was answered since the last failure */
	int64_t table;
	size_t n_hosts;
	int64_t window; /* in which all come back */
	int64_t first;	/* number of made[0] */
	int64_t *made;	/* of the events that wait, mono */
	size_t n_made, made_room, n_sent;
};

struct code {
	char code[48];
	long long n;
};

struct world {
	struct event_base *base;
	const char *server, *watch_server, *authority_file, *secrets_file;
	char *authority;
	struct rng rng;
	struct agent *agents;
	size_t n;
	struct event *tick, *input, *follow_again;
	struct http_client *watch;
	struct http_client_call *follow;
	char *text; /* of the stream, up to a line's end */
	size_t n_text, text_room;
	double rate, owed;
	int64_t ticked;
	char line[128];
	size_t n_line;
	/* Since "forget". */
	long long polls, tables, reports, made, acked, seen, failures;
	struct code codes[CODES_MAX];
	int64_t *latency; /* µs */
	size_t n_latency;
};

static void
set_timer(struct event *timer, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(timer, &tv);
}

static void
count_code(struct world *w, const char *code)
{
	for (size_t i = 0; i < CODES_MAX; i++) {
		if (w->codes[i].code[0] == '\0')
			str_clip(w->codes[i].code, sizeof(w->codes[i].code), code);
		if (str_eq(w->codes[i].code, code)) {
			w->codes[i].n++;
			return;
		}
	}
}

static size_t
n_served(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->agents[i].served;
	return n;
}

/* ---- one agent ---- */

static void
back_off(struct line *l, const struct http_client_reply *reply)
{
	struct world *w = l->a->w;
	json_t *v = reply->status != 0 && reply->body != NULL
			? json_parse(reply->body, reply->body_len, NULL)
			: NULL;
	const char *code = reply->status == 0 ? reply->err.code : "http";

	if (json_is_object(v) && json_opt_str(v, "code", &code, NULL) < 0)
		code = "http";
	w->failures++;
	count_code(w, code);
	json_decref(v);
	l->a->served = false;
	const struct back_off_why why = {.lost = reply->status == 0,
	    .window_us = l->a->window,
	    .at_least_us = reply->retry_after_s * USEC_PER_SEC};

	set_timer(l->timer, back_off_next(&l->delay, &why, &w->rng));
}

static struct http_client_call *
post(struct agent *a, const char *path, json_t *doc, int64_t timeout,
    void (*done)(void *arg, const struct http_client_reply *reply))
{
	char *body = json_text(doc);
	const struct http_client_request rq = {
	    .method = "POST", .path = path, .body = body, .timeout_us = timeout};
	struct http_client_call *call = http_client_start(a->http, &rq, done, a);

	json_decref(doc);
	free(body);
	if (call == NULL)
		abort();
	return call;
}

static void
connect_agent(struct agent *a)
{
	struct error err;

	a->http = http_client_new(a->w->base, a->w->server, NULL, &err);
	if (a->http == NULL) {
		fprintf(stderr, "agentsim: %s\n", err.text);
		exit(1);
	}
	if (a->secret != NULL)
		http_client_be(a->http, &a->self);
}

static void
take_table(struct agent *a, const struct bundle_site *table)
{
	if (!str_eq(table->name, a->site)) {
		fprintf(stderr, "agentsim: site %s got the table of %s\n", a->site,
		    table->name);
		exit(1);
	}
	a->w->tables++;
	a->table = table->version;
	a->n_hosts = table->n_hosts;
}

static void
on_polled(void *arg, const struct http_client_reply *reply)
{
	struct agent *a = arg;
	struct agent_msg_orders orders = {0};
	struct error err = {.code = ""};
	json_t *v;

	a->poll.call = NULL;
	if (reply->status != 200) {
		back_off(&a->poll, reply);
		return;
	}
	v = json_parse(reply->body, reply->body_len, &err);
	if (v == NULL || agent_msg_orders_from_json(v, &orders, &err) < 0) {
		fprintf(stderr, "agentsim: site %s: %s\n", a->site, err.text);
		exit(1);
	}
	json_decref(v);
	a->poll.delay = 0;
	a->window = orders.retry_ms * USEC_PER_MSEC;
	a->w->polls++;
	a->served = true;
	if (orders.table != NULL)
		take_table(a, orders.table);
	set_timer(a->poll.timer,
	    orders.table != NULL || orders.n_orders > 0 ? AFTER_ORDERS : 0);
	agent_msg_orders_done(&orders);
}

static void
on_joined(void *arg, const struct http_client_reply *reply)
{
	struct agent *a = arg;
	const char *cert = NULL;
	json_t *v;

	a->poll.call = NULL;
	if (reply->status != 200) {
		back_off(&a->poll, reply);
		return;
	}
	v = json_parse(reply->body, reply->body_len, NULL);
	if (json_get_str(v, "certificate", &cert, NULL) < 0)
		abort();
	a->cert = str_dup(cert);
	a->stranger = true;
	a->self.cert = a->cert;
	a->self.key = a->key;
	json_decref(v);
	a->poll.delay = 0;
	set_timer(a->poll.timer, 0);
}

static void
join(struct agent *a)
{
	char *csr = NULL;
	struct error err;

	if (a->key == NULL)
		a->key = pki_key_new();
	if (pki_request(a->key, a->site, &csr, &err) < 0)
		abort();
	a->poll.call = post(a, "/agent/v1/enroll",
	    json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "site", a->site, "secret",
		a->secret, "csr", csr),
	    REPORT_TIMEOUT, on_joined);
	free(csr);
}

static void
start_poll(struct agent *a)
{
	if (a->secret != NULL && a->cert == NULL) {
		join(a);
		return;
	}
	if (a->stranger) { /* of those the orchestrator has few */
		a->stranger = false;
		http_client_free(a->http);
		connect_agent(a);
	}
	/* The first one is answered at once, by which it is known that the line works. */
	struct agent_msg_poll m = {
	    .table = a->table, .wait_s = a->served ? WAIT_S : 0, .now = clock_wall()};

	str_clip(m.site, sizeof(m.site), a->site);
	str_clip(m.agent, sizeof(m.agent), a->id);
	a->poll.call = post(a, "/agent/v1/poll", agent_msg_poll_to_json(&m),
	    (WAIT_S + 15) * USEC_PER_SEC, on_polled);
}

static void
kick(struct agent *a)
{
	if (a->n_made > 0 && a->report.call == NULL && a->report.delay == 0 &&
	    !evtimer_pending(a->report.timer, NULL))
		set_timer(a->report.timer, 0);
}

static void
on_reported(void *arg, const struct http_client_reply *reply)
{
	struct agent *a = arg;
	int64_t acked = 0;
	json_t *v;

	a->report.call = NULL;
	if (reply->status != 200) {
		back_off(&a->report, reply);
		return;
	}
	v = json_parse(reply->body, reply->body_len, NULL);
	if (json_get_i64(v, "acked", &acked, NULL) < 0 || acked < a->first - 1 ||
	    acked >= a->first + (int64_t)a->n_made) {
		fprintf(stderr, "agentsim: site %s: acknowledged %lld of %lld\n", a->site,
		    (long long)acked, (long long)a->first);
		exit(1);
	}
	json_decref(v);
	size_t n = (size_t)(acked - a->first + 1);
	a->n_made -= n;
	memmove(a->made, a->made + n, a->n_made * sizeof(a->made[0]));
	a->first = acked + 1;
	a->w->reports++;
	a->w->acked += (long long)n;
	a->report.delay = 0;
	kick(a);
}

/* What a site's DHCP service tells of a machine; `made` is what is measured by. */
static struct event
make_event(const struct agent *a, int64_t number, int64_t made)
{
	static const char *const kinds[] = {
	    "dhcp4.discover", "dhcp4.offer", "dhcp4.request", "dhcp4.ack"};
	struct event ev =
	    event_make(kinds[number % (int)ARRAY_SIZE(kinds)], clock_wall());
	size_t host = a->n_hosts > 0 ? (size_t)(number / 4) % a->n_hosts : 0;

	str_clip(ev.site, sizeof(ev.site), a->site);
	if (a->n_hosts > 0 &&
	    str_format(ev.host, sizeof(ev.host), "h%02zu.%s", host, a->site) < 0)
		abort();
	event_put(&ev, "class", "pxe");
	event_put(&ev, "interface", "eth0");
	event_put_i64(&ev, "made_us", made);
	return ev;
}

static void
start_report(struct agent *a)
{
	struct agent_msg_report m = {.first = a->first};
	size_t n = a->n_made < BATCH ? a->n_made : BATCH;

	if (n == 0) {
		a->report.delay = 0;
		return;
	}
	str_clip(m.site, sizeof(m.site), a->site);
	str_clip(m.agent, sizeof(m.agent), a->id);
	m.events = str_alloc(n * sizeof(*m.events));
	for (; m.n_events < n; m.n_events++)
		m.events[m.n_events] =
		    make_event(a, a->first + (int64_t)m.n_events, a->made[m.n_events]);
	a->report.call = post(a, "/agent/v1/report", agent_msg_report_to_json(&m),
	    REPORT_TIMEOUT, on_reported);
	agent_msg_report_done(&m);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct line *l = arg;

	if (l->call != NULL)
		return;
	if (l == &l->a->poll)
		start_poll(l->a);
	else
		start_report(l->a);
}

static void
happen(struct agent *a, int64_t mono)
{
	if (a->n_made == PENDING_MAX)
		return;
	if (a->n_made == a->made_room) {
		a->made_room = a->made_room > 0 ? 2 * a->made_room : 8;
		a->made = str_realloc(a->made, a->made_room * sizeof(a->made[0]));
	}
	a->made[a->n_made++] = mono;
	a->w->made++;
	kick(a);
}

static void
line_init(struct agent *a, struct line *l)
{
	l->a = a;
	l->timer = evtimer_new(a->w->base, on_timer, l);
}

static void
make_agent(struct world *w, size_t i)
{
	struct agent *a = &w->agents[i];

	a->w = w;
	if (str_format(a->site, sizeof(a->site), "s%04zu", i) < 0)
		abort();
	id_make(clock_wall(), &w->rng, a->id);
	a->first = 1;
	line_init(a, &a->poll);
	line_init(a, &a->report);
	a->self = (struct http_client_self){
	    .name = "orchestrator.netboot.internal", .authority = w->authority};
	connect_agent(a);
	/* A secret is good for one try: who joins does not come with all others. */
	set_timer(a->poll.timer, a->secret != NULL ? (int64_t)i * JOIN_EVERY : 0);
}

static void
cut(struct agent *a)
{
	struct line *lines[] = {&a->poll, &a->report};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (lines[i]->call != NULL)
			http_client_cancel(lines[i]->call);
		lines[i]->call = NULL;
		lines[i]->delay = 0;
		set_timer(lines[i]->timer, 0);
	}
	a->served = false;
	http_client_free(a->http);
}

/* ---- the stream of events ---- */

static void
on_event_line(struct world *w, const char *text, size_t len)
{
	json_t *v = json_parse(text, len, NULL);
	int64_t made = 0;

	if (json_is_object(v) &&
	    json_opt_i64(json_object_get(v, "detail"), "made_us", &made, NULL) == 0 &&
	    made > 0) {
		w->seen++;
		if (w->n_latency < LATENCIES_MAX)
			w->latency[w->n_latency++] = clock_mono() - made;
	}
	json_decref(v);
}

static int
on_stream(void *arg, const char *data, size_t len)
{
	struct world *w = arg;
	char *end;
	size_t done = 0;

	if (w->n_text + len > w->text_room) {
		w->text_room = 2 * (w->n_text + len);
		w->text = str_realloc(w->text, w->text_room);
	}
	memcpy(w->text + w->n_text, data, len);
	w->n_text += len;
	while ((end = memchr(w->text + done, '\n', w->n_text - done)) != NULL) {
		const char *line = w->text + done;
		size_t n = (size_t)(end - line);

		if (n > 6 && memcmp(line, "data: ", 6) == 0)
			on_event_line(w, line + 6, n - 6);
		done += n + 1;
	}
	w->n_text -= done;
	memmove(w->text, w->text + done, w->n_text);
	return 0;
}

static void
on_stream_end(void *arg, const struct http_client_reply *reply UNUSED)
{
	struct world *w = arg;

	w->follow = NULL;
	w->n_text = 0;
	set_timer(w->follow_again, FOLLOW_AGAIN);
}

static void
on_follow(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	static const struct http_client_request rq = {
	    .method = "GET", .path = "/api/v1/events?follow=1"};
	struct world *w = arg;

	w->follow = http_client_stream(w->watch, &rq, on_stream, on_stream_end, w);
}

/* ---- orders ---- */

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static json_int_t
percentile(const struct world *w, double part)
{
	size_t at = (size_t)(part * (double)w->n_latency);

	if (w->n_latency == 0)
		return 0;
	return w->latency[at < w->n_latency ? at : w->n_latency - 1];
}

static void
print_stats(struct world *w)
{
	json_t *codes = json_object(), *v;
	size_t tables = 0, hosts = 0, waiting = 0;
	char *text;

	for (size_t i = 0; i < CODES_MAX && w->codes[i].code[0] != '\0'; i++)
		json_put_i64(codes, w->codes[i].code, w->codes[i].n);
	for (size_t i = 0; i < w->n; i++) {
		tables += w->agents[i].table > 0;
		hosts += w->agents[i].n_hosts;
		waiting += w->agents[i].n_made;
	}
	qsort(w->latency, w->n_latency, sizeof(w->latency[0]), by_size);
	v = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "agents", (json_int_t)w->n, "served", (json_int_t)n_served(w), "with_table",
	    (json_int_t)tables, "hosts", (json_int_t)hosts, "waiting",
	    (json_int_t)waiting, "polls", (json_int_t)w->polls, "tables",
	    (json_int_t)w->tables, "reports", (json_int_t)w->reports, "made",
	    (json_int_t)w->made, "acked", (json_int_t)w->acked, "seen",
	    (json_int_t)w->seen, "failures", (json_int_t)w->failures);
	json_put(v, "codes", codes);
	json_put(v, "latency_us",
	    json_pack("{s:I, s:I, s:I, s:I, s:I}", "n", (json_int_t)w->n_latency, "p50",
		percentile(w, 0.5), "p90", percentile(w, 0.9), "p99", percentile(w, 0.99),
		"max", percentile(w, 1)));
	text = json_text(v);
	puts(text);
	free(text);
	json_decref(v);
}

static void
forget(struct world *w)
{
	w->polls = w->tables = w->reports = w->made = w->acked = w->seen = w->failures =
	    0;
	memset(w->codes, 0, sizeof(w->codes));
	w->n_latency = 0;
}

static void
obey(struct world *w, const char *order)
{
	const char *answer = "{}";
	int64_t n = 0;

	if (str_eq(order, "stats")) {
		print_stats(w);
		answer = NULL;
	} else if (str_eq(order, "forget")) {
		forget(w);
	} else if (str_eq(order, "drop")) {
		for (size_t i = 0; i < w->n; i++)
			cut(&w->agents[i]), connect_agent(&w->agents[i]);
	} else if (str_has_prefix(order, "rate ") &&
		   str_to_i64(order + 5, 0, 1000000, &n) == 0) {
		w->rate = (double)n;
		w->owed = 0;
	} else if (str_has_prefix(order, "report ") &&
		   str_to_i64(order + 7, 0, (int64_t)w->n, &n) == 0) {
		for (int64_t i = 0; i < n; i++)
			happen(&w->agents[i], clock_mono());
	} else if (str_eq(order, "quit")) {
		event_base_loopbreak(w->base);
	} else {
		answer = "{\"error\":\"rate N, report N, drop, forget, stats or quit\"}";
	}
	if (answer != NULL)
		puts(answer);
	fflush(stdout);
}

static void
on_input(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct world *w = arg;
	ssize_t n = read(fd, w->line + w->n_line, sizeof(w->line) - 1 - w->n_line);
	char *end;

	if (n <= 0) { /* whoever started it is gone */
		event_base_loopbreak(w->base);
		return;
	}
	w->n_line += (size_t)n;
	while ((end = memchr(w->line, '\n', w->n_line)) != NULL) {
		size_t len = (size_t)(end - w->line);

		*end = '\0';
		obey(w, w->line);
		w->n_line -= len + 1;
		memmove(w->line, end + 1, w->n_line);
	}
	if (w->n_line == sizeof(w->line) - 1)
		w->n_line = 0;
}

static void
on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct world *w = arg;
	int64_t mono = clock_mono();

	w->owed += w->rate * (double)(mono - w->ticked) / USEC_PER_SEC;
	w->ticked = mono;
	for (; w->owed >= 1; w->owed -= 1)
		happen(&w->agents[rng_below(&w->rng, w->n)], mono);
}

static int
usage(void)
{
	fputs("usage: agentsim --server unix:PATH|https://HOST:PORT [--agents N] [--seed "
	      "S]\n"
	      "                [--watch unix:PATH --authority FILE --secrets FILE]\n",
	    stderr);
	return 1;
}

static int
read_options(int argc, char **argv, struct world *w)
{
	static const struct option options[] = {{"server", required_argument, NULL, 's'},
	    {"agents", required_argument, NULL, 'n'},
	    {"seed", required_argument, NULL, 'e'},
	    {"watch", required_argument, NULL, 'w'},
	    {"authority", required_argument, NULL, 'a'},
	    {"secrets", required_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	int64_t n = 1000, seed = 1;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const char **text = c == 's'   ? &w->server
				    : c == 'w' ? &w->watch_server
				    : c == 'a' ? &w->authority_file
				    : c == 'j' ? &w->secrets_file
					       : NULL;

		if (text != NULL)
			*text = optarg;
		else if (c == '?' || (c == 'n' && str_to_i64(optarg, 1, 9999, &n) < 0) ||
			 (c == 'e' && str_to_i64(optarg, 0, INT64_MAX, &seed) < 0))
			return -EINVAL;
	}
	w->n = (size_t)n;
	w->rng = rng_seeded((uint64_t)seed);
	if (w->watch_server == NULL)
		w->watch_server = w->server;
	return w->server != NULL && optind == argc &&
		       (w->secrets_file == NULL) == (w->authority_file == NULL)
		   ? 0
		   : -EINVAL;
}

static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static char *
read_file(const char *path)
{
	char *text = str_alloc(FILE_MAX + 1);
	FILE *f = fopen(path, "r");

	if (f == NULL || fread(text, 1, FILE_MAX, f) == 0) {
		fprintf(stderr, "agentsim: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	fclose(f);
	return text;
}

static void
read_secrets(struct world *w)
{
	char *text = read_file(w->secrets_file), *save = NULL;
	char *line = strtok_r(text, "\n", &save);

	w->authority = read_file(w->authority_file);
	for (size_t i = 0; i < w->n && line != NULL; i++) {
		w->agents[i].secret = str_dup(line);
		line = strtok_r(NULL, "\n", &save);
	}
	free(text);
}

static void
begin(struct world *w)
{
	struct error err;
	const struct timeval tick = {0, TICK_MS * 1000};

	w->agents = str_alloc(w->n * sizeof(w->agents[0]));
	w->latency = str_alloc(LATENCIES_MAX * sizeof(w->latency[0]));
	w->ticked = clock_mono();
	if (w->secrets_file != NULL)
		read_secrets(w);
	for (size_t i = 0; i < w->n; i++)
		make_agent(w, i);
	w->watch = http_client_new(w->base, w->watch_server, NULL, &err);
	w->follow_again = evtimer_new(w->base, on_follow, w);
	set_timer(w->follow_again, 0);
	w->input = event_new(w->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, w);
	event_add(w->input, NULL);
	w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
	event_add(w->tick, &tick);
}

static void
end(struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct agent *a = &w->agents[i];

		cut(a);
		event_free(a->poll.timer);
		event_free(a->report.timer);
		free(a->made);
		free(a->secret);
		free(a->cert);
		secret_free(a->key);
	}
	if (w->follow != NULL)
		http_client_cancel(w->follow);
	http_client_free(w->watch);
	event_free(w->follow_again);
	event_free(w->input);
	event_free(w->tick);
	event_base_free(w->base);
	free(w->agents);
	free(w->latency);
	free(w->authority);
	free(w->text);
	free(w);
}

int
main(int argc, char **argv)
{
	struct world *w = str_alloc(sizeof(*w));

	if (read_options(argc, argv, w) < 0) {
		free(w);
		return usage();
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	w->base = event_base_new();
	if (w->base == NULL)
		abort();
	begin(w);
	event_base_dispatch(w->base);
	end(w);
	return 0;
}
