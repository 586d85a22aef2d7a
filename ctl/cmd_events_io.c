/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events [--host H] [--job J] [--boot B] [--kind K,…] [--since T] [--follow].
 *
 * One line an event, or JSON; `--follow` goes on until interrupted, and takes the stream
 * up again after the last event seen when the server goes away. Ownership: everything
 * lives until the command ends. Failure modes: exit codes of DESIGN section 8; following
 * ends with 5 only when the server was not there at the start.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/ids.h"
#include "ctl/output.h"
#include "ctl/sse.h"
#include "lib/clock.h"
#include "lib/http_client.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	EVENTS_DEFAULT = 200,
	EVENTS_MAX = 100000,
	EVENTS_PAGE = 1000,
	EVENTS_RETRY_S = 1,
	TOLD_MIN = 8, /* shorter words are in a text by chance */
};

/* Events are numbered as they arrive: an agent that could not be reached tells of its own hours later. */
#define EVENTS_LATE_US (3600LL * 1000000)

/* A detail, for people: "deadline_us" as the duration that it is. */
static void
add_detail(const char *key, const json_t *value, struct text *out)
{
	static const char unit[] = "_us";
	size_t len = strlen(key), n = sizeof(unit) - 1;
	bool duration = json_is_integer(value) && len > n && str_eq(key + len - n, unit);
	char *name = str_dup(key), *s, buf[32];

	if (duration) {
		name[len - n] = '\0';
		s = str_dup(str_duration(json_integer_value(value), buf, sizeof(buf)));
	} else {
		s = json_is_string(value) ? str_dup(json_string_value(value))
					  : json_text(value);
	}
	text_add_escaped(out, name);
	text_add(out, "=");
	text_add_escaped(out, s);
	free(s);
	free(name);
}

/* The reason is often the text of a verdict, or holds the console's line: once is enough. */
static bool
is_told(const char *reason, const char *value)
{
	return reason[0] != '\0' && value != NULL &&
	       (str_eq(value, reason) ||
		   (strlen(value) >= TOLD_MIN && strstr(reason, value) != NULL));
}

/* What it is about: file and bytes, reason, and the details. */
static void
cell_what(const json_t *ev, struct text *out)
{
	const json_t *bytes = json_object_get(ev, "bytes"),
		     *total = json_object_get(ev, "total");
	const char *file = cmd_util_str(ev, "file"), *reason = cmd_util_str(ev, "reason"),
		   *key;
	json_t *value;
	char a[32], b[32];

	text_add_escaped(out, file);
	if (json_is_integer(bytes))
		text_addf(out, " %s", str_bytes(json_integer_value(bytes), a, sizeof(a)));
	if (json_is_integer(bytes) && json_is_integer(total))
		text_addf(
		    out, " of %s", str_bytes(json_integer_value(total), b, sizeof(b)));
	text_add(out, out->len > 0 && reason[0] != '\0' ? " " : "");
	text_add_escaped(out, reason);
	json_object_foreach (json_object_get(ev, "detail"), key, value) {
		if (is_told(reason, json_string_value(value)))
			continue;
		text_add(out, out->len > 0 ? " " : "");
		add_detail(key, value, out);
	}
}

static void
cell_host(const json_t *ev, struct text *out)
{
	const char *host = cmd_util_str(ev, "host");

	text_add_escaped(out, host[0] != '\0' ? host : cmd_util_str(ev, "mac"));
}

static const struct output_column event_columns[] = {
    {.title = "TIME", .key = "at", .kind = OUTPUT_TIME, .width = 25},
    {.title = "KIND", .key = "kind", .width = 15},
    {.title = "HOST", .cell = cell_host, .width = 17},
    {.title = "SITE", .key = "site", .wide = true},
    {.title = "IP", .key = "ip", .wide = true},
    {.title = "JOB", .key = "job", .wide = true},
    {.title = "BOOT", .key = "boot", .wide = true},
    {.title = "WHAT", .cell = cell_what},
};

/* ---- following ---- */

struct tail {
	const struct ctl *ctl;
	const char *path; /* with the filters, without `after` */
	struct event_base *base;
	struct http_client *client;
	struct sse sse;
	struct event *retry;
	json_t *zones; /* site -> {"site", "_zone"} rows are not kept: one lookup per new
			  site */
	struct error err;
	int64_t since;	/* what happened before is not printed */
	bool connected; /* at least once */
	bool failed;
	bool told;   /* that the server refuses just now */
	int refused; /* for good: the exit code */
};

static void
print_event(struct tail *t, json_t *event)
{
	json_t *zone = json_object_get(t->zones, cmd_util_str(event, "site"));
	json_t *rows = json_pack("[O]", event);
	struct text line = {0};

	if (json_is_string(zone))
		json_object_set(event, "_zone", zone);
	if (ctl_is_json(t->ctl)) {
		const struct ctl lines = {.format = CTL_NDJSON, .out = t->ctl->out};

		output_list(&lines, rows, NULL, 0);
	} else {
		output_table(rows, event_columns, ARRAY_SIZE(event_columns),
		    t->ctl->format == CTL_WIDE, false, &line);
		fputs(text_str(&line), t->ctl->out);
		fflush(t->ctl->out);
	}
	text_done(&line);
	json_decref(rows);
}

static void
on_event(void *arg, const char *data)
{
	struct error err;
	json_t *event = json_parse(data, strlen(data), &err);
	struct tail *t = arg;

	if (event != NULL && output_wall(json_object_get(event, "at")) >= t->since)
		print_event(t, event);
	json_decref(event);
}

static int
on_chunk(void *arg, const char *data, size_t len)
{
	struct tail *t = arg;

	t->connected = true;
	t->told = false;
	return sse_feed(&t->sse, data, len, on_event, t) < 0;
}

static void
on_end(void *arg, const struct http_client_reply *reply)
{
	struct tail *t = arg;
	struct timeval tv = {.tv_sec = EVENTS_RETRY_S};

	if (reply->status == 0 && !t->connected) {
		t->err = reply->err;
		t->failed = true;
		event_base_loopbreak(t->base);
		return;
	}
	t->connected = true;
	if (reply->status >= 400 && (reply->status < 500 || !t->told)) {
		const struct client_request rq = {.method = "GET", .path = t->path};
		int r = client_refused(
		    t->ctl, &rq, reply->status, reply->body, reply->body_len);
		/* A server that has no room now may have it later: that is said once. */
		t->told = true;
		if (reply->status < 500) {
			t->refused = r;
			event_base_loopbreak(t->base);
			return;
		}
	}
	evtimer_add(t->retry, &tv);
}

static void
start(struct tail *t)
{
	struct text path = {0};
	struct http_client_request rq = {.method = "GET"};

	sse_restart(&t->sse);
	text_add(&path, t->path);
	text_add_query(&path, "follow", "1");
	if (t->sse.id[0] != '\0')
		text_add_query(&path, "after", t->sse.id);
	rq.path = text_str(&path);
	http_client_stream(t->client, &rq, on_chunk, on_end, t);
	text_done(&path);
}

static void
on_retry(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	start(arg);
}

/* Site -> time zone; empty when the server cannot say. */
static json_t *
zones_of(const struct ctl *ctl)
{
	json_t *sites = NULL, *zones = json_object(), *site;
	size_t i;

	if (!ctl_is_json(ctl) && client_list(ctl, "/api/v1/sites", 0, &sites) == CTL_OK)
		json_array_foreach (sites, i, site)
			json_object_set(zones, cmd_util_str(site, "name"),
			    json_object_get(site, "timezone"));
	json_decref(sites);
	return zones;
}

/* Goes on after the last event already printed (0: none was). The server says where a stream begins, so that
 * one that is cut off before its first event goes on from there. */
static int
follow(const struct ctl *ctl, const char *path, int64_t since, int64_t last)
{
	struct tail t = {
	    .ctl = ctl, .path = path, .since = since, .base = event_base_new()};
	int r = CTL_OK;

	t.zones = zones_of(ctl);
	if (last > 0)
		snprintf(t.sse.id, sizeof(t.sse.id), "%lld", (long long)last);
	t.client = client_open(ctl, t.base, &t.err);
	t.retry = evtimer_new(t.base, on_retry, &t);
	if (t.client != NULL) {
		start(&t);
		event_base_dispatch(t.base);
	}
	if (t.client == NULL || t.failed)
		r = ctl_fail(ctl, CTL_UNREACHABLE, NULL, &t.err);
	else
		r = t.refused;
	event_free(t.retry);
	http_client_free(t.client);
	event_base_free(t.base);
	sse_done(&t.sse);
	json_decref(t.zones);
	return r;
}

/* ---- the command ---- */

static int
events_path(const struct ctl *ctl, const struct args *args, struct text *path)
{
	const char *job = args_get(args, "job"), *boot = args_get(args, "boot");
	char id[ID_SIZE], boot_id[ID_SIZE];
	int r = CTL_OK;

	if (job != NULL)
		r = ids_find(ctl, "jobs", job, id);
	if (r == CTL_OK && boot != NULL)
		r = ids_find(ctl, "boots", boot, boot_id);
	if (r != CTL_OK)
		return r;
	text_add(path, "/api/v1/events");
	text_add_query(path, "host", args_get(args, "host"));
	text_add_query(path, "job", job != NULL ? id : NULL);
	text_add_query(path, "boot", boot != NULL ? boot_id : NULL);
	text_add_query(path, "kind", args_get(args, "kind"));
	return CTL_OK;
}

/* Is there an event after `seq`? Exit code, with *ret_last raised to its number, and its time in *ret_at (NULL
 * allowed). */
static int
probe(const struct ctl *ctl, int64_t seq, bool *ret_found, int64_t *ret_last,
    int64_t *ret_at)
{
	struct text path = {0};
	json_t *answer = NULL;
	const json_t *first;
	int r;

	text_addf(&path, "/api/v1/events?limit=1&after=%lld", (long long)seq);
	r = client_get(ctl, text_str(&path), &answer);
	first = json_array_get(json_object_get(answer, "items"), 0);
	*ret_found = first != NULL;
	if (first != NULL)
		*ret_last = json_integer_value(json_object_get(first, "seq"));
	if (first != NULL && ret_at != NULL)
		*ret_at = output_wall(json_object_get(first, "at"));
	json_decref(answer);
	text_done(&path);
	return r;
}

/* The newest event's number, by doubling and halving: the list itself can only be read from its old
 * end, and may be millions long. */
static int
find_newest(const struct ctl *ctl, int64_t *ret)
{
	/* There is an event `low` (or none at all), and none after `high`. */
	int64_t low = 0, high = 1024, seen = 0;
	bool found = true;
	int r = CTL_OK;

	while (r == CTL_OK && found && high < INT64_MAX / 4) {
		r = probe(ctl, high, &found, &seen, NULL);
		if (found) {
			low = seen;
			high = seen * 2;
		}
	}
	while (r == CTL_OK && high > low) {
		int64_t middle = low + (high - low) / 2;

		r = probe(ctl, middle, &found, &seen, NULL);
		if (found)
			low = seen;
		else
			high = middle;
	}
	*ret = low;
	return r;
}

/* A number before all that happened since, by halving: times rise with the numbers, but for what came late. */
static int
find_since(const struct ctl *ctl, int64_t since, int64_t newest, int64_t *ret)
{
	int64_t low = 0, high = newest;
	int r = CTL_OK;

	while (r == CTL_OK && high > low) {
		int64_t middle = low + (high - low) / 2, seen = 0, at = 0;
		bool found = false;

		r = probe(ctl, middle, &found, &seen, &at);
		if (found && at < since - EVENTS_LATE_US)
			low = seen;
		else
			high = middle;
	}
	*ret = low;
	return r;
}

struct past {
	const char *path; /* with the filters, without `after` */
	const char *host; /* the one that it asks for, or NULL */
	int64_t since;	  /* 0: from the first one on */
	size_t limit;	  /* the newest so many */
};

static void
keep_newest(const struct past *p, const json_t *items, json_t *rows)
{
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item)
		if (output_wall(json_object_get(item, "at")) >= p->since)
			json_array_append(rows, (json_t *)(uintptr_t)item);
	while (json_array_size(rows) > p->limit)
		json_array_remove(rows, 0);
}

/* Reads page by page: one may be empty, and yet others follow. */
static int
read_newest(const struct ctl *ctl, const struct past *p, int64_t after, json_t **ret)
{
	json_t *rows = json_array(), *answer = NULL;
	bool more = true;
	int r = CTL_OK;

	while (r == CTL_OK && more) {
		struct text page = {0};
		const char *next;

		text_add(&page, p->path);
		text_addf(&page, "%slimit=%d&after=%lld",
		    strchr(p->path, '?') != NULL ? "&" : "?", (int)EVENTS_PAGE,
		    (long long)after);
		r = client_get(ctl, text_str(&page), &answer);
		text_done(&page);
		keep_newest(p, json_object_get(answer, "items"), rows);
		next = json_string_value(json_object_get(answer, "next"));
		more =
		    next != NULL && str_to_i64(next, after + 1, INT64_MAX, &after) == 0;
		json_decref(answer);
		answer = NULL;
	}
	if (r == CTL_OK)
		*ret = rows;
	else
		json_decref(rows);
	return r;
}

/* Nothing may be known of a host because there is none of that name; what a removed one left is
 * shown. */
static int
explain_nothing(const struct ctl *ctl, const char *host)
{
	json_t *found = NULL;
	int r = host != NULL ? cmd_util_fetch(ctl, "hosts", host, NULL, &found) : CTL_OK;

	json_decref(found);
	return r;
}

static int
print_past(const struct ctl *ctl, const struct past *p, int64_t *ret_last)
{
	bool all = strchr(p->path, '?') == NULL;
	int64_t newest = 0, after = 0;
	json_t *rows = NULL;
	int r = CTL_OK;

	if (all || p->since > 0)
		r = find_newest(ctl, &newest);
	if (r == CTL_OK && p->since > 0)
		r = find_since(ctl, p->since, newest, &after);
	if (all && newest - after > (int64_t)p->limit)
		after = newest - (int64_t)p->limit;
	if (r == CTL_OK)
		r = read_newest(ctl, p, after, &rows);
	if (r == CTL_OK && json_array_size(rows) == 0 && p->since == 0)
		r = explain_nothing(ctl, p->host);
	if (r != CTL_OK) {
		json_decref(rows);
		return r;
	}
	*ret_last = json_integer_value(
	    json_object_get(json_array_get(rows, json_array_size(rows) - 1), "seq"));
	/* With nothing to go on from, from where it was looked for. */
	if (*ret_last < after)
		*ret_last = after;
	cmd_util_add_zones(ctl, rows);
	output_list(ctl, rows, event_columns, ARRAY_SIZE(event_columns));
	json_decref(rows);
	return CTL_OK;
}

static int
read_options(const struct ctl *ctl, const struct args *args, struct past *p)
{
	const char *limit = args_get(args, "limit"), *since = args_get(args, "since");
	int64_t n = since != NULL ? EVENTS_MAX : EVENTS_DEFAULT;
	struct error err;

	if (limit != NULL && str_to_i64(limit, 1, EVENTS_MAX, &n) < 0) {
		error_set(&err, 0, "usage", NULL,
		    "--limit: '%s' is no number from 1 to %d", limit, (int)EVENTS_MAX);
		return ctl_fail(ctl, CTL_USAGE, NULL, &err);
	}
	if (since != NULL && cmd_util_since(since, clock_wall(), &p->since) < 0) {
		error_set(&err, 0, "usage", NULL,
		    "--since: '%s' is neither a time such as 2026-01-31T09:30:00Z nor a "
		    "duration such as 2h",
		    since);
		return ctl_fail(ctl, CTL_USAGE, NULL, &err);
	}
	p->host = args_get(args, "host");
	p->limit = (size_t)n;
	return CTL_OK;
}

int
cmd_events_io(struct ctl *ctl, const struct args *args)
{
	struct past p = {.host = NULL};
	int64_t last = 0;
	struct text path = {0};
	int r = read_options(ctl, args, &p);
	/* Following everything begins now; following one host, job or boot begins with its past. One
	 * JSON document cannot go on. */
	bool past = !args_has(args, "follow") ||
		    ((p.host != NULL || p.since > 0 || args_has(args, "job") ||
			 args_has(args, "boot") || args_has(args, "limit")) &&
			ctl->format != CTL_JSON);

	if (r == CTL_OK)
		r = events_path(ctl, args, &path);
	p.path = text_str(&path);
	if (r == CTL_OK && past)
		r = print_past(ctl, &p, &last);
	if (r == CTL_OK && args_has(args, "follow"))
		r = follow(ctl, p.path, p.since, last);
	text_done(&path);
	return r;
}
