/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections: ranges of files from wherever they can be had, written where they belong as they come.
 *
 * Each connection asks for one range at a time of the first file in order that has any left; ranges get smaller towards a
 * file's end, so that all connections end together. How many there are says store_streams.h. Whatever breaks, what came
 * is kept, and the rest is asked for again.
 *
 * Entry points: store_fetch_turn() a few times a second; the answers.
 * Ownership: a connection belongs to this file until its answer has ended or store_fetch_cancel().
 * Failure modes: a line over which nothing comes any more is tried with one connection until something does; one that
 * hangs alone is asked for again by another. A source that is not there, refuses or has another file rests; a full disk
 * ends the file's fetching. A file that changes between two ranges (its ETag) is begun anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/store_priv.h"
#include "lib/clock.h"
#include "lib/line_cap.h"
#include "lib/local_time.h"
#include "lib/str.h"

enum {
	PIECE_MIN = 64 * 1024,
	PIECE_MAX = 1024 * 1024,
	URL_STREAMS = 16, /* at once from upstream, whose machine is others' */
	PEER_STREAMS =
	    12, /* from nearby sites: netboot-bootd has room for 16 of one client */
	REFUSAL_MAX = 64 * 1024,
	PROBES = 6,
	HEADER_SIZE = 128
};
#define PATIENCE_FIRST (3 * USEC_PER_SEC)
#define PATIENCE_MAX (30 * USEC_PER_SEC)
#define HANGS (12 * USEC_PER_SEC)
#define CONNECT_LIMIT (4 * USEC_PER_SEC)
#define PROBE_EVERY (500 * USEC_PER_MSEC)
#define SAVE_EVERY (2 * USEC_PER_SEC)
#define REFUSED_REST (60 * USEC_PER_SEC)
#define SLOW_REST (600 * USEC_PER_SEC)

/* What an answer turned out to be. */
enum verdict { GOOD, CHANGED, NO_RANGES, OTHER_FILE, DISK };

static void
stream_free(struct store_stream *s)
{
	DL_DELETE(s->st->streams, s);
	s->st->n_streams--;
	free(s);
}

void
store_fetch_cancel(struct store *st, const struct store_part *p)
{
	struct store_stream *s, *tmp;

	DL_FOREACH_SAFE(st->streams, s, tmp)
	{
		if (p != NULL && s->part != p)
			continue;
		http_client_cancel(s->call);
		stream_free(s);
	}
}

static struct store_source *
source_of(const struct store_stream *s)
{
	return &s->part->sources.v[s->source];
}

/* ---- what comes ---- */

static int
bad(struct store_stream *s, enum verdict verdict, const char *what)
{
	const struct store_source *src = source_of(s);

	s->verdict = verdict;
	return error_set(&s->bad, -EBADMSG, "source-other-file",
	    "look at what is there under that name", "%s: %s",
	    src->url != NULL ? src->url : "the orchestrator", what);
}

static unsigned
streams_of(const struct store *st, const struct store_part *p)
{
	const struct store_stream *s;
	unsigned n = 0;

	DL_FOREACH (st->streams, s) {
		n += s->part == p;
	}
	return n;
}

/* All of the file is coming, from its begin. */
static int
take_whole(struct store_stream *s, const struct http_client_head *head)
{
	struct store_source *src = source_of(s);

	if (head->total >= 0 && head->total != s->part->size)
		return bad(s, OTHER_FILE, "it has another size");
	if (src->etag[0] != '\0' && !str_eq(src->etag, head->etag))
		return bad(s, CHANGED, "it has changed");
	src->whole = true;
	if (s->from != 0 || streams_of(s->st, s->part) > 1)
		return bad(s, NO_RANGES, "it knows no ranges");
	s->to = s->part->size;
	return 0;
}

/* An answer begins. */
static int
take_head(struct store_stream *s)
{
	struct store_source *src = source_of(s);
	struct http_client_head head;

	http_client_head(s->call, &head);
	s->told = true;
	store_streams_rtt(&s->st->control, head.rtt_us);
	if (head.status == 200) {
		if (take_whole(s, &head) < 0)
			return -EBADMSG;
	} else if (head.from != s->from || head.to > s->to ||
		   (head.total >= 0 && head.total != s->part->size)) {
		return bad(s, OTHER_FILE,
		    head.total != s->part->size ? "it has another size"
						: "it answers with another range");
	} else if (src->etag[0] != '\0' && head.etag[0] != '\0' &&
		   !str_eq(src->etag, head.etag)) {
		return bad(s, CHANGED, "it has changed");
	}
	if (src->etag[0] == '\0')
		str_clip(src->etag, sizeof(src->etag), head.etag);
	return 0;
}

static int
write_at(int fd, const char *data, size_t len, int64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
disk_failed(struct store_stream *s, int e)
{
	bool full = e == ENOSPC || e == EDQUOT;

	s->verdict = DISK;
	return error_set(&s->bad, -e, full ? "store-full" : "store-disk",
	    full ? "make room on the images' file system"
		 : "look at the images' file system",
	    "%s: cannot be written: %s", s->part->item->w.paths.v[0], strerror(e));
}

static void
wait_for_cap(struct store_stream *s, int64_t now)
{
	struct store *st = s->st;
	int64_t wait = store_bucket_wait(&st->bucket, now);
	const struct timeval tv = {wait / USEC_PER_SEC, wait % USEC_PER_SEC};

	if (wait == 0)
		return;
	s->paused = true;
	http_client_pause(s->call, true);
	store_streams_limited(&st->control);
	if (!evtimer_pending(st->resume, NULL))
		evtimer_add(st->resume, &tv);
}

/* What is there already is not written over: it may be checked just now, or be in its place. */
static int
write_missing(struct store_stream *s, const char *data, size_t len)
{
	struct store_part *p = s->part;
	int64_t at = s->at, end = s->at + (int64_t)len;
	struct store_range r;

	while (store_ranges_missing(&p->have, at, end, &r)) {
		int rc = write_at(
		    p->fd, data + (r.from - s->at), (size_t)(r.to - r.from), r.from);

		if (rc < 0)
			return rc;
		store_ranges_add(&p->have, r.from, r.to);
		p->unsaved += r.to - r.from;
		at = r.to;
	}
	s->at = end;
	return 0;
}

/* http_client_stream(): a piece of an answer. */
static int
on_chunk(void *arg, const char *data, size_t len)
{
	struct store_stream *s = arg;
	struct store *st = s->st;
	struct store_part *p = s->part;
	int64_t now = clock_mono();
	int r;

	st->last_came = s->last = now;
	if (st->probing) {
		store_streams_break(&st->control, now);
		store_kick(st);
	}
	st->probing = false;
	st->patience = PATIENCE_FIRST;
	if (!s->told && take_head(s) < 0)
		return -1;
	/* Else it would be listened to for ever: octets come, and nothing of the file. */
	if (s->at >= s->to)
		return bad(s, OTHER_FILE, "it gives more than it was asked for");
	store_bucket_take(&st->bucket, (int64_t)len, now);
	store_streams_came(&st->control, (int64_t)len, now);
	p->item->came += (int64_t)len;
	if ((int64_t)len > s->to - s->at)
		len = (size_t)(s->to - s->at);
	r = write_missing(s, data, len);
	if (r < 0) {
		disk_failed(s, -r);
		return -1;
	}
	store_source_well(source_of(s), (int64_t)len);
	wait_for_cap(s, now);
	return 0;
}

static void
on_resume(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct store *st = arg;
	int64_t wait = 0;
	struct store_stream *s;

	/* Whoever has waited longest; what comes may pause it again, or end it. */
	for (unsigned i = st->n_streams; i > 0 && st->streams != NULL; i--) {
		s = st->streams;
		wait = store_bucket_wait(&st->bucket, clock_mono());
		if (wait > 0)
			break;
		DL_DELETE(st->streams, s);
		DL_APPEND(st->streams, s);
		if (!s->paused)
			continue;
		s->paused = false;
		http_client_pause(s->call, false);
	}
	if (wait > 0) {
		const struct timeval tv = {wait / USEC_PER_SEC, wait % USEC_PER_SEC};

		evtimer_add(st->resume, &tv);
	}
}

/* ---- how it ended ---- */

/* The octets of before are another file's. */
static void
begin_anew(struct store *st, struct store_part *p)
{
	store_fetch_cancel(st, p);
	for (size_t i = 0; i < p->sources.n; i++) {
		p->sources.v[i].etag[0] = '\0';
		p->sources.v[i].gave = false;
	}
	p->sources.inherited = false;
	store_ranges_done(&p->have);
	p->unsaved = 0;
	store_job_record(st, p);
}

static void
refused(struct store_stream *s, const struct http_client_reply *reply, int64_t now)
{
	struct store_source *src = source_of(s);
	int64_t rest =
	    reply->retry_after_s > 0 ? reply->retry_after_s * USEC_PER_SEC : REFUSED_REST;
	struct error why;

	if (reply->status == 407 && src->url != NULL)
		error_set(&why, 0, "proxy-login",
		    "look at proxy_user and proxy_password_file in agent.yaml",
		    "%s: the proxy does not let this agent go there (407)", src->url);
	else
		error_set(&why, 0, "source-refused",
		    src->url != NULL
			? "look at that address"
			: "see netboot-ctl image show and the orchestrator's log",
		    "%s answers with HTTP status %d",
		    src->url != NULL ? src->url : "the orchestrator", reply->status);
	store_source_refused(src, &why, now, rest);
}

static void
judge(struct store_stream *s, const struct http_client_reply *reply, int64_t now)
{
	struct store *st = s->st;
	struct store_source *src = source_of(s);
	struct store_part *p = s->part;
	static const struct error empty = {.code = "source-empty",
	    .text = "it answers with nothing",
	    .next = "look at that source"};

	switch ((enum verdict)s->verdict) {
	case GOOD:
		if (reply->status == 0)
			store_source_failed(src, &reply->err, now, rng_u64(st->o.rng));
		else if (reply->status != 200 && reply->status != 206)
			refused(s, reply, now);
		else if (s->at == s->from)
			store_source_failed(src, &empty, now, rng_u64(st->o.rng));
		break;
	case CHANGED: begin_anew(st, p); break;
	case NO_RANGES: break;
	case OTHER_FILE:
		src->blamed = true;
		store_source_refused(src, &s->bad, now, STORE_SOURCE_BLAME);
		break;
	case DISK: break;
	}
}

static void
on_done(void *arg, const struct http_client_reply *reply)
{
	struct store_stream *s = arg, copy = *s;
	struct store *st = s->st;
	struct store_item *it = s->part->item;

	DL_DELETE(st->streams, s);
	st->n_streams--;
	judge(s, reply, clock_mono());
	if (copy.verdict == DISK)
		store_fail(st, it, &copy.bad, REFUSED_REST);
	free(s);
	store_kick(st);
}

/* ---- asking ---- */

static void
ask(struct store *st, struct store_part *p, size_t source, const struct store_range *r)
{
	struct store_stream *s = str_alloc(sizeof(*s));
	struct store_source *src = &p->sources.v[source];
	char range[HEADER_SIZE], if_range[HEADER_SIZE];
	const char *headers[4] = {"Accept-Encoding: identity"};
	struct http_client_request rq = {.method = "GET",
	    .path = p->ask,
	    .url = src->url,
	    .url_name = src->url,
	    .headers = headers,
	    .body_max = REFUSAL_MAX,
	    .part = true,
	    .proxy = st->o.proxy,
	    .connect_timeout_us = CONNECT_LIMIT};

	if (str_format(range, sizeof(range), "Range: bytes=%lld-%lld", (long long)r->from,
		(long long)r->to - 1) < 0 ||
	    str_format(if_range, sizeof(if_range), "If-Range: %s", src->etag) < 0)
		abort();
	if (!src->whole)
		headers[1] = range;
	if (!src->whole && src->etag[0] == '"')
		headers[2] = if_range;
	s->st = st;
	s->part = p;
	s->source = source;
	s->from = s->at = r->from;
	s->to = r->to;
	s->last = clock_mono();
	DL_APPEND(st->streams, s);
	if (st->n_streams++ == 0)
		st->last_came = s->last;
	p->item->from = p == p->item->delta ? STORE_MSG_FROM_DELTA : src->kind;
	s->call = http_client_stream(
	    src->url != NULL ? st->anywhere : st->http, &rq, on_chunk, on_done, s);
}

/* What is neither there nor asked for, a fair piece of it. */
static bool
next_range(const struct store *st, const struct store_part *p, struct store_range *ret)
{
	struct store_ranges claimed = {.r = NULL};
	const struct store_stream *s;
	int64_t rest, piece;
	bool some;

	store_ranges_add_all(&claimed, &p->have);
	DL_FOREACH (st->streams, s) {
		if (s->part == p)
			store_ranges_add(&claimed, s->at, s->to);
	}
	rest = p->size - store_ranges_total(&claimed);
	piece = rest / (2 * (int64_t)st->control.n);
	piece = piece < PIECE_MIN ? PIECE_MIN : piece > PIECE_MAX ? PIECE_MAX : piece;
	some = store_ranges_gap(&claimed, p->size, piece, ret);
	store_ranges_done(&claimed);
	return some;
}

/* Why nothing comes: as the source in use says, or the first that says something. */
static const struct error *
why_resting(const struct store_part *p)
{
	const struct store_source *now = &p->sources.v[p->sources.now];

	for (size_t i = 0; now->why.code[0] == '\0' && i < p->sources.n; i++)
		now = &p->sources.v[i];
	return &now->why;
}

static void
say_resting(struct store *st, struct store_item *it, const struct store_part *p,
    int64_t now, int64_t until)
{
	struct error why = *why_resting(p);

	if (store_sources_hopeless(&p->sources, now) && it->delta == NULL)
		store_fail(st, it, &why, until - now);
	else
		store_say(st, it, STORE_MSG_WAITING, &why);
}

static unsigned
peer_streams(const struct store *st)
{
	const struct store_stream *s;
	unsigned n = 0;

	DL_FOREACH (st->streams, s) {
		n += source_of(s)->kind == STORE_MSG_FROM_SITE;
	}
	return n;
}

/* One more connection for that file? */
static bool
ask_for(struct store *st, struct store_item *it, int64_t now)
{
	struct store_part *p = store_item_now(it);
	struct store_source *src;
	struct store_range r;
	int64_t until;
	int i;

	if (p == NULL || p->fd < 0 || p->busy || !next_range(st, p, &r))
		return false;
	i = store_sources_pick(&p->sources, now, &until);
	if (i < 0) {
		if (streams_of(st, p) == 0)
			say_resting(st, it, p, now, until);
		return false;
	}
	src = &p->sources.v[i];
	if (src->whole) {
		if (streams_of(st, p) > 0)
			return false;
		r = (struct store_range){0, p->size};
	}
	if (src->kind == STORE_MSG_FROM_URL && streams_of(st, p) >= URL_STREAMS)
		return false;
	if (src->kind == STORE_MSG_FROM_SITE && peer_streams(st) >= PEER_STREAMS)
		return false;
	store_say(st, it, STORE_MSG_FETCHING, NULL);
	ask(st, p, (size_t)i, &r);
	return true;
}

static void
fill(struct store *st, unsigned n, int64_t now)
{
	for (struct store_item *it = st->items; it != NULL; it = it->hh.next)
		while (st->n_streams < n && ask_for(st, it, now))
			continue;
	/* Too little to fetch says nothing of the line, nor does one that may be down. */
	if (st->n_streams < n || st->probing)
		store_streams_break(&st->control, now);
}

/* ---- turns ---- */

static void
heed_caps(struct store *st, int64_t now)
{
	struct local_time t;
	int64_t kbit = -1;

	if (st->plan.n_caps > 0) {
		(void)!local_time_at(clock_wall(), st->plan.timezone, &t);
		kbit = line_cap_at(st->plan.caps, st->plan.n_caps, t.weekday, t.minute);
	}
	if (st->o.max_kbit > 0 && (kbit < 0 || st->o.max_kbit < kbit))
		kbit = st->o.max_kbit;
	st->kbit = kbit;
	store_bucket_set(&st->bucket, kbit > 0 ? kbit * 125 : 0, now);
}

/* No answer at all. Of the orchestrator that is the line's trouble, and it is asked on; another source may be silent alone, and
 * the next one takes its place. */
static void
silent(struct store_stream *s, int64_t now)
{
	struct store_source *src = source_of(s);
	struct error why;

	if (s->told || s->paused)
		return;
	error_set(&why, 0, "source-unreachable",
	    "nothing: it goes on by itself when the line is back",
	    "nothing comes over the line");
	if (src->url == NULL)
		src->why = why;
	else
		store_source_failed(src, &why, now, rng_u64(s->st->o.rng));
}

static void
give_up_hanging(struct store *st, int64_t now)
{
	struct store_stream *s, *tmp;
	int64_t limit = st->patience > HANGS ? st->patience : HANGS;

	DL_FOREACH_SAFE(st->streams, s, tmp)
	{
		if (s->paused)
			s->last = now;
		if (now - s->last < limit)
			continue;
		silent(s, now);
		http_client_cancel(s->call);
		stream_free(s);
	}
}

/* Does the cap, and not the source, say how fast it comes? */
static bool
is_held_up(const struct store *st, const struct store_part *p)
{
	const struct store_stream *s;
	bool paused = false;

	DL_FOREACH (st->streams, s) {
		paused = paused || (s->part == p && s->paused);
	}
	return paused || st->probing;
}

/* One that only drips would be waited for as long as it does. Of the orchestrator that is the line's. */
static void
leave_slow(struct store *st, struct store_part *p, int64_t now)
{
	struct store_source *src = &p->sources.v[p->sources.now];
	struct error why;

	if (src->url == NULL)
		return;
	if (streams_of(st, p) == 0 || is_held_up(st, p)) {
		store_source_measure(src, now);
		return;
	}
	if (!store_source_slow(src, now))
		return;
	error_set(&why, 0, "source-slow", "look at that source, and at the way to it",
	    "%s: it gives less than %d octets a second", src->url, STORE_SOURCE_LEAST);
	log_info(st->o.log, "store: %s", why.text);
	store_source_leave(src, &why, now, SLOW_REST);
	store_fetch_cancel(st, p);
}

/* Nothing on any of them: the line is down, or was and they do not know it yet. */
static void
watch_line(struct store *st, int64_t now)
{
	struct store_stream *s;

	DL_FOREACH (st->streams, s) {
		if (s->paused)
			st->last_came = now;
	}
	if (st->n_streams == 0 || now - st->last_came < st->patience)
		return;
	log_debug(
	    st->o.log, "store: nothing has come for a while: the line is tried anew");
	DL_FOREACH (st->streams, s) {
		silent(s, now);
	}
	store_fetch_cancel(st, NULL);
	st->probing = true;
	st->patience = 3 * st->patience / 2;
	if (st->patience > PATIENCE_MAX)
		st->patience = PATIENCE_MAX;
	store_streams_break(&st->control, now);
}

static void
save(struct store *st, struct store_part *p, int64_t now)
{
	if (p != NULL && p->fd >= 0 && !p->busy && !p->recording && p->unsaved > 0 &&
	    now - p->saved_at >= SAVE_EVERY)
		store_job_record(st, p);
}

/* By a cap. */
static void
close_line(struct store *st)
{
	static const struct error closed = {.code = "line-capped",
	    .text = "nothing is fetched at this time of day, by the site's caps",
	    .next = "wait, or change them: netboot-ctl site set"};

	store_fetch_cancel(st, NULL);
	for (struct store_item *it = st->items; it != NULL; it = it->hh.next)
		if (it->part != NULL)
			store_say(st, it, STORE_MSG_WAITING, &closed);
}

/* New tries each half second: the first packet of one may be lost, or wait long after the line is back. After a short break
 * more and more of them, so that all connections are there as soon as it is. */
static unsigned
probes(const struct store *st, unsigned n, int64_t now)
{
	int64_t turns = st->n_streams == 0 ? 0 : (now - st->last_came) / PROBE_EVERY;
	bool is_short = st->patience < PATIENCE_MAX;
	int64_t due = !is_short	       ? 1 + turns
		      : turns < PROBES ? (int64_t)1 << turns
				       : (int64_t)n;
	unsigned most = n < PROBES || is_short ? n : PROBES;

	return due < most ? (unsigned)due : most;
}

void
store_fetch_turn(struct store *st)
{
	int64_t now = clock_mono();
	unsigned n, before;

	heed_caps(st, now);
	if (st->kbit == 0) {
		close_line(st);
		return;
	}
	give_up_hanging(st, now);
	watch_line(st, now);
	for (struct store_item *it = st->items; it != NULL; it = it->hh.next)
		if (it->part != NULL && store_item_now(it) == it->part)
			leave_slow(st, it->part, now);
	before = st->control.n;
	n = store_streams_tick(&st->control, now);
	if (n != before)
		log_debug(st->o.log,
		    "store: %u connections, %lld octets a second with %u", n,
		    (long long)st->control.rate, before);
	fill(st, st->probing ? probes(st, n, now) : n, now);
	for (struct store_item *it = st->items; it != NULL; it = it->hh.next) {
		save(st, it->part, now);
		save(st, it->delta, now);
		if (it->came > 0)
			store_talk_changed(st, false);
	}
}

void
store_fetch_start(struct store *st)
{
	st->anywhere = http_client_new_anywhere(st->o.base);
	st->resume = evtimer_new(st->o.base, on_resume, st);
	st->patience = PATIENCE_FIRST;
	store_streams_init(&st->control, clock_mono());
}

void
store_fetch_stop(struct store *st)
{
	store_fetch_cancel(st, NULL);
	http_client_free(st->anywhere);
	event_free(st->resume);
}
