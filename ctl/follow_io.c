/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting for jobs, on an event loop.
 *
 * Entry point: follow_io_run(). Each job has one stream of server-sent events, taken up
 * again after the last event seen when it breaks, and its record is asked for every few
 * seconds in case an event never came. So a restarted orchestrator costs a pause, not the
 * wait; only the deadline or the jobs' ends finish it. Ownership: everything lives until
 * follow_io_run() returns. What is shown is made by progress_view.c; this file only knows
 * when. Failure modes: none of its own; a server that stays away ends in CTL_TIMEOUT,
 * since the jobs themselves go on without us. ^C leaves the jobs alone too, and says so.
 */
#include "ctl/follow_io.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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
};

struct follow_job {
	struct follow *follow;
	struct progress progress;
	struct sse sse;
	struct http_client_call *stream, *ask; /* NULL when none is under way */
	struct event *retry;
	int64_t
	    retry_s; /* grows while the server refuses, so that a thousand waits do not storm it */
};

struct follow {
	const struct ctl *ctl;
	const struct follow_io_how *how;
	struct event_base *base;
	struct http_client *client;
	struct follow_job *jobs;
	size_t n_jobs;
	struct event *poll, *redraw, *deadline, *interrupt;
	size_t drawn_lines;
	bool lost; /* the server does not answer just now */
	bool interrupted;
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
	if (f->drawn_lines > 0)
		fprintf(f->how->screen, "\033[%zuA\r\033[J", f->drawn_lines);
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

static bool
all_ended(const struct follow *f)
{
	for (size_t i = 0; i < f->n_jobs; i++)
		if (f->jobs[i].progress.state == PROGRESS_OPEN)
			return false;
	return true;
}

static void
stop_when_all_ended(struct follow *f)
{
	if (all_ended(f))
		event_base_loopbreak(f->base);
}

/* ---- one job ---- */

static void
on_sse_event(void *arg, const char *data)
{
	struct follow_job *j = arg;
	struct text changes = {0};
	struct error err;
	json_t *event = json_parse(data, strlen(data), &err);

	if (event == NULL)
		return;
	progress_on_event(&j->progress, event, &changes);
	json_decref(event);
	show_changes(j->follow, &changes);
}

static int
on_chunk(void *arg, const char *data, size_t len)
{
	struct follow_job *j = arg;

	set_lost(j->follow, false);
	j->retry_s = FOLLOW_RETRY_S;
	if (sse_feed(&j->sse, data, len, on_sse_event, j) < 0)
		return 1;
	stop_when_all_ended(j->follow);
	return 0;
}

static void
retry_later(struct follow_job *j)
{
	struct timeval tv = timeval_of(j->retry_s * USEC_PER_SEC);

	evtimer_add(j->retry, &tv);
	if (j->retry_s < FOLLOW_RETRY_MAX_S)
		j->retry_s *= 2;
}

static void
on_stream_end(void *arg, const struct http_client_reply *reply)
{
	struct follow_job *j = arg;

	j->stream = NULL;
	if (reply->status == 0)
		set_lost(j->follow, true);
	retry_later(j);
}

static void
start_stream(struct follow_job *j)
{
	struct text path = {0};
	struct http_client_request rq = {.method = "GET"};

	sse_restart(&j->sse);
	text_add(&path, "/api/v1/events?follow=1");
	text_add_query(&path, "job", j->progress.id);
	text_add_query(&path, "after", j->sse.id[0] != '\0' ? j->sse.id : "0");
	rq.path = text_str(&path);
	j->stream =
	    http_client_stream(j->follow->client, &rq, on_chunk, on_stream_end, j);
	if (j->stream == NULL)
		retry_later(j);
	text_done(&path);
}

static void
on_retry(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct follow_job *j = arg;

	if (j->progress.state == PROGRESS_OPEN && j->stream == NULL)
		start_stream(j);
}

static void
on_record(void *arg, const struct http_client_reply *reply)
{
	struct follow_job *j = arg;
	struct text changes = {0};
	json_t *job = NULL;
	struct error err;

	j->ask = NULL;
	set_lost(j->follow, reply->status == 0);
	if (reply->status == 200)
		job = json_parse(reply->body, reply->body_len, &err);
	if (job != NULL)
		progress_on_job(&j->progress, job, &changes);
	json_decref(job);
	show_changes(j->follow, &changes);
	stop_when_all_ended(j->follow);
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

/* ---- timers ---- */

static void
on_poll(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct follow *f = arg;

	bool all = f->polls++ % FOLLOW_POLLS_STREAMING == 0;

	for (size_t i = 0; i < f->n_jobs; i++)
		if (all || f->jobs[i].stream == NULL)
			ask_record(&f->jobs[i]);
}

static void
on_redraw(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	draw(arg);
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
	f->jobs = str_alloc((f->n_jobs + 1) * sizeof(*f->jobs));
	for (size_t i = 0; i < f->n_jobs; i++) {
		struct follow_job *j = &f->jobs[i];

		j->follow = f;
		j->retry_s = FOLLOW_RETRY_S;
		j->retry = evtimer_new(f->base, on_retry, j);
		progress_init(&j->progress, json_array_get(jobs, i));
		if (j->progress.state == PROGRESS_OPEN)
			start_stream(j);
	}
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

		if (j->stream != NULL)
			http_client_cancel(j->stream);
		if (j->ask != NULL)
			http_client_cancel(j->ask);
		free_event(j->retry);
		sse_done(&j->sse);
	}
	free(f->jobs);
	free_event(f->poll);
	free_event(f->redraw);
	free_event(f->deadline);
	free_event(f->interrupt);
	http_client_free(f->client);
	if (f->base != NULL)
		event_base_free(f->base);
}

/* The worst: a failure outweighs a wait that ran out, since it will not mend itself. */
static int
worse(int a, int b)
{
	static const int weight[] = {
	    [CTL_OK] = 0, [CTL_REFUSED] = 1, [CTL_TIMEOUT] = 2, [CTL_FAILED] = 3};

	return weight[a] >= weight[b] ? a : b;
}

static int
print_results(const struct follow *f)
{
	struct text t = {0};
	int r = CTL_OK;

	for (size_t i = 0; i < f->n_jobs; i++) {
		const struct progress *p = &f->jobs[i].progress;

		progress_view_result(p, &t);
		r = worse(r, progress_view_exit(p));
		if (p->state == PROGRESS_OPEN)
			ctl_say(f->ctl, "%s: the job goes on: netboot-ctl watch %s",
			    p->host, p->id);
		if (p->state == PROGRESS_OPEN && p->stage <= STAGE_QUEUED)
			ctl_say(f->ctl,
			    "%s: no agent has taken it yet: netboot-ctl status %s and "
			    "netboot-ctl doctor say why",
			    p->host, p->host);
	}
	if (!ctl_is_json(f->ctl))
		fputs(text_str(&t), f->ctl->out);
	fflush(f->ctl->out);
	text_done(&t);
	return r;
}

int
follow_io_run(const struct ctl *ctl, const json_t *jobs, const struct follow_io_how *how)
{
	struct follow f = {.ctl = ctl, .how = how, .base = event_base_new()};
	struct error err;
	int r;

	f.client = http_client_new(f.base, ctl->server, NULL, &err);
	if (f.client == NULL) {
		r = ctl_fail(ctl, CTL_UNREACHABLE, NULL, &err);
		goto out;
	}
	start_jobs(&f, jobs);
	start_timers(&f);
	draw(&f);
	if (!all_ended(&f))
		event_base_dispatch(f.base);
	f.lost = false;
	draw(&f);
	r = print_results(&f);
out:
	finish(&f);
	if (f.interrupted) {
		signal(SIGINT, SIG_DFL);
		raise(SIGINT);
	}
	return r;
}
