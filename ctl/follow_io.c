/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting for jobs, on an event loop.
 *
 * Entry point: follow_io_run(). Each job has one stream of server-sent events, taken up
 * again after the last event seen when it breaks, and its record is asked for every few
 * seconds in case an event never came. Many jobs share one stream of all jobs' events, and
 * pages of the list of jobs instead of records. So a restarted orchestrator costs a pause, not the
 * wait; only the deadline or the jobs' ends finish it. What is usual for a stage is asked for as it begins. Each result is printed once: of several jobs as
 * each ends, and at the end for those that have not. Ownership: everything lives until
 * follow_io_run() returns. What is shown is made by progress_view.c; this file only knows
 * when. Failure modes: none of its own; a server that stays away ends in CTL_TIMEOUT,
 * since the jobs themselves go on without us. ^C leaves the jobs alone too, and says so.
 */
#include "ctl/follow_io.h"

#include "ctl/client.h"
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uthash.h>

#include "ctl/progress.h"
#include "ctl/progress_view.h"
#include "ctl/sse.h"
#include "lib/clock.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	FOLLOW_POLL_S = 5,
	FOLLOW_POLLS_STREAMING =
	    6, /* every so many polls for a job whose stream is alive */
	FOLLOW_RETRY_S = 1,
	FOLLOW_RETRY_MAX_S = 16,
	FOLLOW_REDRAW_MS = 250,
	FOLLOW_ASK_TIMEOUT_S = 10,
	FOLLOW_WIDTH = 100,
	FOLLOW_ROWS = 24,
	FOLLOW_MANY =
	    4, /* from then on one stream for all of them: a token may have few */
	FOLLOW_PAGE = 1000,
	FOLLOW_NAMED = 20, /* of those that go on */
};

/* Of one job's events, or of all jobs'. */
struct follow_stream {
	struct follow *follow;
	struct follow_job *job; /* NULL: all */
	struct sse sse;
	struct http_client_call *call; /* NULL: none is under way */
	struct event *retry;
	int64_t
	    retry_s; /* grows while the server refuses, so that a thousand waits do not storm it */
};

struct follow_job {
	struct follow *follow;
	struct progress progress;
	struct follow_stream stream;
	struct http_client_call *ask;
	struct http_client_call *why; /* what is usual, being asked for */
	enum stage why_of;	      /* the stage that it was asked for last */
	bool told;		      /* its result */
	UT_hash_handle hh;
};

struct follow {
	const struct ctl *ctl;
	const struct follow_io_how *how;
	struct event_base *base;
	struct http_client *client;
	struct follow_job *jobs, *by_id;
	size_t n_jobs, n_open;
	bool many;
	struct follow_stream all;      /* of many */
	struct http_client_call *page; /* … records being asked for */
	char cursor[ID_SIZE], oldest[ID_SIZE];
	struct text out; /* results to be printed */
	int worst;
	struct event *poll, *redraw, *deadline, *interrupt;
	size_t drawn_lines;
	bool lost; /* the server does not answer just now */
	bool interrupted;
	bool full;   /* it was said that the server takes no more streams */
	int refused; /* it lets us ask no more: the exit code */
	unsigned polls;
};

static struct timeval
timeval_of(int64_t us)
{
	return (struct timeval){.tv_sec = (time_t)(us / USEC_PER_SEC),
	    .tv_usec = (suseconds_t)(us % USEC_PER_SEC)};
}

/* ---- the screen ---- */

static struct progress_look
look_now(const struct follow *f, size_t *ret_rows)
{
	struct winsize ws = {0};
	bool known = ioctl(fileno(f->how->screen), TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0;

	*ret_rows = known && ws.ws_row > 2 ? (size_t)ws.ws_row - 1 : FOLLOW_ROWS;
	return (struct progress_look){.now = clock_wall(),
	    .width = known ? ws.ws_col : FOLLOW_WIDTH,
	    .color = f->ctl->color};
}

/* The last `rows` lines of a text: what is beyond the screen cannot be redrawn. */
static const char *
last_lines(const char *s, size_t lines, size_t rows)
{
	for (; lines > rows; lines--)
		s = strchr(s, '\n') + 1;
	return s;
}

static size_t
count_lines(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

/* Many jobs on a small terminal: those still running come first, the rest is counted. */
static void
draw_many(const struct follow *f, const struct progress_look *look, size_t rows,
    struct text *out)
{
	size_t shown = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < f->n_jobs && shown + 1 < rows; i++) {
			const struct progress *p = &f->jobs[i].progress;

			if ((p->state == PROGRESS_OPEN) != (pass == 0))
				continue;
			progress_view_line(p, look, out);
			shown++;
		}
	if (shown < f->n_jobs)
		text_addf(out, "... and %zu more\n", f->n_jobs - shown);
}

static void
erase(struct follow *f)
{
	if (f->drawn_lines > 0)
		fprintf(f->how->screen, "\033[%zuA\r\033[J", f->drawn_lines);
	f->drawn_lines = 0;
}

static void
draw(struct follow *f)
{
	struct text t = {0};
	struct progress_look look;
	size_t rows, lines;

	if (f->how->screen == NULL || !f->how->live)
		return;
	look = look_now(f, &rows);
	if (f->n_jobs == 1)
		progress_view_stages(&f->jobs[0].progress, &look, &t);
	else
		draw_many(f, &look, rows, &t);
	if (f->lost)
		text_add(&t,
		    "  (the server does not answer; the job goes on, waiting for it)\n");
	erase(f);
	lines = count_lines(text_str(&t));
	fputs(last_lines(text_str(&t), lines, rows), f->how->screen);
	fflush(f->how->screen);
	f->drawn_lines = lines < rows ? lines : rows;
	text_done(&t);
}

static void
show_changes(struct follow *f, struct text *changes)
{
	if (f->how->screen != NULL && !f->how->live) {
		fputs(text_str(changes), f->how->screen);
		fflush(f->how->screen);
	}
	text_done(changes);
}

static void
set_lost(struct follow *f, bool lost)
{
	if (f->lost != lost && f->how->screen != NULL && !f->how->live)
		fprintf(f->how->screen, "%s\n",
		    lost ? "the server does not answer; the job goes on, waiting for it"
			 : "the server answers again");
	f->lost = lost;
}

/* ---- results ---- */

/* The worst: a failure outweighs a wait that ran out, since it will not mend itself. */
static int
worse(int a, int b)
{
	static const int weight[] = {
	    [CTL_OK] = 0, [CTL_REFUSED] = 1, [CTL_TIMEOUT] = 2, [CTL_FAILED] = 3};

	return weight[a] >= weight[b] ? a : b;
}

static void
tell_result(struct follow *f, struct follow_job *j)
{
	struct text answer = {0};

	if (j->told)
		return;
	j->told = true;
	f->worst = worse(f->worst, progress_view_exit(&j->progress));
	if (f->how->collate != NULL) {
		progress_view_answer(&j->progress, &answer);
		collate_add(f->how->collate, j->progress.host, text_str(&answer));
	} else if (!ctl_is_json(f->ctl)) {
		progress_view_result(&j->progress, &f->out);
	}
	text_done(&answer);
}

static void
flush_results(struct follow *f)
{
	if (text_str(&f->out)[0] == '\0')
		return;
	if (f->how->screen != NULL && f->how->live) {
		erase(f);
		fflush(f->how->screen);
	}
	fputs(text_str(&f->out), f->ctl->out);
	fflush(f->ctl->out);
	text_clear(&f->out);
}

/* ---- what is usual ---- */

static void
on_why(void *arg, const struct http_client_reply *reply)
{
	struct follow_job *j = arg;
	json_t *why = NULL;
	struct error err;

	j->why = NULL;
	if (reply->status == 200)
		why = json_parse(reply->body, reply->body_len, &err);
	progress_on_why(&j->progress, why);
	json_decref(why);
}

/* Once for each stage that begins, where somebody looks on; the server tells it of stages that have begun. Without an
 * answer there is nothing to compare with, and all else goes on. */
static void
ask_why(struct follow *f, struct follow_job *j)
{
	enum stage s = j->progress.stage;
	struct text path = {0};
	struct http_client_request rq = {
	    .method = "GET", .timeout_us = FOLLOW_ASK_TIMEOUT_S * USEC_PER_SEC};

	if (f->how->screen == NULL || !f->how->live || f->many || j->why != NULL ||
	    j->progress.state != PROGRESS_OPEN || s == j->why_of ||
	    j->progress.usual_us[s] > 0)
		return;
	j->why_of = s;
	text_add(&path, "/api/v1/why");
	text_add_query(&path, "of", j->progress.id);
	rq.path = text_str(&path);
	j->why = http_client_start(f->client, &rq, on_why, j);
	text_done(&path);
}

/* After every step of a job. */
static void
look_at(struct follow *f, struct follow_job *j, bool was_open)
{
	if (!was_open || j->progress.state == PROGRESS_OPEN)
		return;
	f->n_open--;
	/* A single one's stages stay on the screen, and its result comes last. */
	if (f->n_jobs > 1)
		tell_result(f, j);
	if (f->n_open == 0)
		event_base_loopbreak(f->base);
}

/* ---- streams ---- */

static struct follow_job *
job_of(struct follow *f, const char *id)
{
	struct follow_job *j = NULL;

	if (id != NULL)
		HASH_FIND_STR(f->by_id, id, j);
	return j;
}

static void
on_sse_event(void *arg, const char *data)
{
	struct follow_stream *st = arg;
	struct follow *f = st->follow;
	struct follow_job *j = st->job;
	struct text changes = {0};
	struct error err;
	json_t *event = json_parse(data, strlen(data), &err);
	bool was_open;

	if (j == NULL)
		j = job_of(f, json_string_value(json_object_get(event, "job")));
	if (event != NULL && j != NULL) {
		was_open = j->progress.state == PROGRESS_OPEN;
		progress_on_event(&j->progress, event, &changes);
		show_changes(f, &changes);
		look_at(f, j, was_open);
	}
	json_decref(event);
}

static int
on_chunk(void *arg, const char *data, size_t len)
{
	struct follow_stream *st = arg;
	int r;

	set_lost(st->follow, false);
	st->retry_s = FOLLOW_RETRY_S;
	r = sse_feed(&st->sse, data, len, on_sse_event, st);
	flush_results(st->follow);
	return r < 0 ? 1 : 0;
}

static void
retry_later(struct follow_stream *st)
{
	struct timeval tv = timeval_of(st->retry_s * USEC_PER_SEC);

	evtimer_add(st->retry, &tv);
	if (st->retry_s < FOLLOW_RETRY_MAX_S)
		st->retry_s *= 2;
}

/* An expired or revoked token does not come back. What a server has no room for does, and the records are asked for
 * meanwhile. */
static void
look_at_refusal(struct follow *f, const struct http_client_reply *reply)
{
	const struct client_request rq = {.method = "GET", .path = "/api/v1"};
	bool final = reply->status == 401 || reply->status == 403;
	int r;

	if (f->refused || (!final && (reply->status < 500 || f->full)))
		return;
	erase(f);
	r = client_refused(f->ctl, &rq, reply->status, reply->body, reply->body_len);
	f->full = true;
	if (!final)
		return;
	f->refused = r;
	event_base_loopbreak(f->base);
}

static void
on_stream_end(void *arg, const struct http_client_reply *reply)
{
	struct follow_stream *st = arg;

	st->call = NULL;
	if (reply->status == 0)
		set_lost(st->follow, true);
	look_at_refusal(st->follow, reply);
	retry_later(st);
}

/* Of one job, all that ever was; of all jobs, what is to come: what was is in their records. */
static void
start_stream(struct follow_stream *st)
{
	struct text path = {0};
	struct http_client_request rq = {.method = "GET"};

	sse_restart(&st->sse);
	text_add(&path, "/api/v1/events?follow=1");
	if (st->job != NULL)
		text_add_query(&path, "job", st->job->progress.id);
	else
		text_add_query(&path, "kind", "job.*");
	if (st->sse.id[0] != '\0' || st->job != NULL)
		text_add_query(&path, "after", st->sse.id[0] != '\0' ? st->sse.id : "0");
	rq.path = text_str(&path);
	st->call =
	    http_client_stream(st->follow->client, &rq, on_chunk, on_stream_end, st);
	if (st->call == NULL)
		retry_later(st);
	text_done(&path);
}

static void
on_retry(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct follow_stream *st = arg;
	bool wanted = st->job == NULL || st->job->progress.state == PROGRESS_OPEN;

	if (wanted && st->call == NULL)
		start_stream(st);
}

static void
stream_init(struct follow_stream *st, struct follow *f, struct follow_job *j)
{
	st->follow = f;
	st->job = j;
	st->retry_s = FOLLOW_RETRY_S;
	st->retry = evtimer_new(f->base, on_retry, st);
}

static void
stream_done(struct follow_stream *st)
{
	if (st->call != NULL)
		http_client_cancel(st->call);
	if (st->retry != NULL)
		event_free(st->retry);
	sse_done(&st->sse);
}

/* ---- records ---- */

static void
take_record(struct follow *f, struct follow_job *j, const json_t *job)
{
	bool was_open = j->progress.state == PROGRESS_OPEN;
	struct text changes = {0};

	progress_on_job(&j->progress, job, &changes);
	show_changes(f, &changes);
	look_at(f, j, was_open);
}

static void
on_record(void *arg, const struct http_client_reply *reply)
{
	struct follow_job *j = arg;
	json_t *job = NULL;
	struct error err;

	j->ask = NULL;
	set_lost(j->follow, reply->status == 0);
	look_at_refusal(j->follow, reply);
	if (reply->status == 200)
		job = json_parse(reply->body, reply->body_len, &err);
	if (job != NULL)
		take_record(j->follow, j, job);
	json_decref(job);
	flush_results(j->follow);
}

static void
ask_record(struct follow_job *j)
{
	char path[64];
	const struct http_client_request rq = {
	    .method = "GET",
	    .path = path,
	    .timeout_us = FOLLOW_ASK_TIMEOUT_S * USEC_PER_SEC,
	};

	snprintf(path, sizeof(path), "/api/v1/jobs/%s", j->progress.id);
	if (j->ask == NULL && j->progress.state == PROGRESS_OPEN)
		j->ask = http_client_start(j->follow->client, &rq, on_record, j);
}

static void
ask_page(struct follow *f);

/* Newest first: none of ours is behind the oldest. */
static void
on_page(void *arg, const struct http_client_reply *reply)
{
	struct follow *f = arg;
	json_t *page = NULL;
	const json_t *item;
	const char *next, *id = NULL;
	struct error err;
	size_t i;

	f->page = NULL;
	set_lost(f, reply->status == 0);
	look_at_refusal(f, reply);
	if (reply->status == 200)
		page = json_parse(reply->body, reply->body_len, &err);
	json_array_foreach (json_object_get(page, "items"), i, item) {
		struct follow_job *j;

		id = json_string_value(json_object_get(item, "id"));
		j = job_of(f, id);
		if (j != NULL)
			take_record(f, j, item);
	}
	next = json_string_value(json_object_get(page, "next"));
	if (next != NULL && id != NULL && strcmp(id, f->oldest) > 0 && f->n_open > 0) {
		str_clip(f->cursor, sizeof(f->cursor), next);
		ask_page(f);
	}
	json_decref(page);
	flush_results(f);
}

static void
ask_page(struct follow *f)
{
	struct text path = {0};
	struct http_client_request rq = {
	    .method = "GET", .timeout_us = FOLLOW_ASK_TIMEOUT_S * USEC_PER_SEC};

	text_addf(&path, "/api/v1/jobs?limit=%d", (int)FOLLOW_PAGE);
	if (f->cursor[0] != '\0')
		text_add_query(&path, "cursor", f->cursor);
	rq.path = text_str(&path);
	f->page = http_client_start(f->client, &rq, on_page, f);
	text_done(&path);
}

/* ---- timers ---- */

static void
on_poll(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct follow *f = arg;

	bool all = f->polls++ % FOLLOW_POLLS_STREAMING == 0;

	if (f->many && f->page == NULL && (all || f->all.call == NULL)) {
		f->cursor[0] = '\0';
		ask_page(f);
	}
	for (size_t i = 0; !f->many && i < f->n_jobs; i++)
		if (all || f->jobs[i].stream.call == NULL)
			ask_record(&f->jobs[i]);
}

static void
on_redraw(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct follow *f = arg;

	/* Not where events come in: libcurl takes no new request within the answer to another. */
	for (size_t i = 0; i < f->n_jobs; i++)
		ask_why(f, &f->jobs[i]);
	draw(f);
}

static void
on_deadline(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct follow *f = arg;

	event_base_loopbreak(f->base);
}

static void
on_interrupt(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct follow *f = arg;

	f->interrupted = true;
	event_base_loopbreak(f->base);
}

static void
add_timer(struct event *ev, int64_t us)
{
	struct timeval tv = timeval_of(us);

	event_add(ev, &tv);
}

static void
start_timers(struct follow *f)
{
	f->poll = event_new(f->base, -1, EV_PERSIST, on_poll, f);
	f->redraw = event_new(f->base, -1, EV_PERSIST, on_redraw, f);
	f->deadline = evtimer_new(f->base, on_deadline, f);
	f->interrupt = evsignal_new(f->base, SIGINT, on_interrupt, f);
	add_timer(f->poll, FOLLOW_POLL_S * USEC_PER_SEC);
	add_timer(f->redraw, FOLLOW_REDRAW_MS * USEC_PER_MSEC);
	add_timer(f->deadline, f->how->timeout_us);
	evsignal_add(f->interrupt, NULL);
	event_active(f->poll, EV_TIMEOUT, 0);
}

/* ---- the whole ---- */

static void
start_jobs(struct follow *f, const json_t *jobs)
{
	f->n_jobs = json_array_size(jobs);
	f->many = f->n_jobs >= FOLLOW_MANY;
	f->jobs = str_alloc((f->n_jobs + 1) * sizeof(*f->jobs));
	stream_init(&f->all, f, NULL);
	for (size_t i = 0; i < f->n_jobs; i++) {
		struct follow_job *j = &f->jobs[i];

		j->follow = f;
		stream_init(&j->stream, f, j);
		progress_init(&j->progress, json_array_get(jobs, i));
		HASH_ADD_STR(f->by_id, progress.id, j);
		if (f->oldest[0] == '\0' || strcmp(j->progress.id, f->oldest) < 0)
			str_clip(f->oldest, sizeof(f->oldest), j->progress.id);
		if (j->progress.state != PROGRESS_OPEN)
			continue;
		f->n_open++;
		if (!f->many)
			start_stream(&j->stream);
	}
	if (f->many)
		start_stream(&f->all);
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

static void
finish(struct follow *f)
{
	for (size_t i = 0; i < f->n_jobs; i++) {
		struct follow_job *j = &f->jobs[i];

		if (j->ask != NULL)
			http_client_cancel(j->ask);
		if (j->why != NULL)
			http_client_cancel(j->why);
		stream_done(&j->stream);
	}
	stream_done(&f->all);
	if (f->page != NULL)
		http_client_cancel(f->page);
	HASH_CLEAR(hh, f->by_id);
	text_done(&f->out);
	free(f->jobs);
	free_event(f->poll);
	free_event(f->redraw);
	free_event(f->deadline);
	free_event(f->interrupt);
	http_client_free(f->client);
	if (f->base != NULL)
		event_base_free(f->base);
}

static void
say_open(const struct follow *f)
{
	size_t n = 0, n_untaken = 0;

	for (size_t i = 0; i < f->n_jobs; i++) {
		const struct progress *p = &f->jobs[i].progress;

		if (p->state != PROGRESS_OPEN)
			continue;
		n_untaken += p->stage <= STAGE_QUEUED;
		if (n++ >= FOLLOW_NAMED)
			continue;
		ctl_say(
		    f->ctl, "%s: the job goes on: netboot-ctl watch %s", p->host, p->id);
		if (p->stage <= STAGE_QUEUED)
			ctl_say(f->ctl,
			    "%s: no agent has taken it yet: netboot-ctl status %s and "
			    "netboot-ctl doctor say why",
			    p->host, p->host);
	}
	if (n > FOLLOW_NAMED)
		ctl_say(f->ctl,
		    "%zu of %zu jobs go on, %zu of them not taken by an agent yet: "
		    "netboot-ctl job list --state open",
		    n, f->n_jobs, n_untaken);
}

/* Of those that have not been told of. */
static void
print_results(struct follow *f)
{
	struct text groups = {0};

	for (size_t i = 0; i < f->n_jobs; i++)
		tell_result(f, &f->jobs[i]);
	flush_results(f);
	if (f->how->collate != NULL)
		collate_print(f->how->collate, &groups);
	fputs(text_str(&groups), f->ctl->out);
	fflush(f->ctl->out);
	text_done(&groups);
	say_open(f);
}

int
follow_io_run(const struct ctl *ctl, const json_t *jobs, const struct follow_io_how *how)
{
	struct follow f = {
	    .ctl = ctl, .how = how, .base = event_base_new(), .worst = CTL_OK};
	struct error err;
	int r;

	f.client = client_open(ctl, f.base, &err);
	if (f.client == NULL) {
		r = ctl_fail(ctl, CTL_UNREACHABLE, NULL, &err);
		goto out;
	}
	start_jobs(&f, jobs);
	start_timers(&f);
	draw(&f);
	if (f.n_open > 0)
		event_base_dispatch(f.base);
	f.lost = false;
	draw(&f);
	if (f.refused) {
		flush_results(&f);
		say_open(&f);
	} else {
		print_results(&f);
	}
	r = f.refused ? f.refused : f.worst;
out:
	finish(&f);
	if (f.interrupted) {
		signal(SIGINT, SIG_DFL);
		raise(SIGINT);
	}
	return r;
}
