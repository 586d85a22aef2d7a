/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Following a rollout.
 *
 * Entry point: rollout_follow_run(). The rollout's record is asked for every second, and less often while nothing
 * changes: a rollout goes on for hours. Hosts are asked for by state, and only when the count of those in it has changed;
 * of a large one those that are ok are counted only. So a restarted orchestrator costs a pause, not the wait, and what was missed is
 * told when it answers again. Ownership: everything lives until the return. Failure modes: a server that stays away ends with
 * the time limit; one that lets us ask no more, with its refusal. ^C leaves the rollout alone, and says so.
 */
#include "ctl/rollout_follow.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ctl/client.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/rollout_view.h"
#include "ctl/text.h"
#include "lib/clock.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	FOLLOW_PAUSE_S = 1,
	FOLLOW_PAUSE_MAX_S = 5,
	FOLLOW_ASK_S = 10,
	FOLLOW_NAMED = 1000, /* of more hosts those that are ok are counted only */
	FOLLOW_LIST_MAX = 5000,
	FOLLOW_WIDTH = 80,
};

/* How a host may end, and the count of those. */
static const char *const ends[] = {"ok", "failed", "lost", "deferred", "skipped"};

struct follow {
	const struct ctl *ctl;
	const struct rollout_follow_how *how;
	const char *id;
	json_t *rollout; /* as it was last; NULL: never seen */
	json_t *told;	 /* host -> state and since when, of what was printed */
	int64_t pause_s;
	bool lost, drawn, interrupted;
	sigset_t signals; /* as they were: without ^C blocked */
	int refused;	  /* the exit code */
};

/* ---- the screen ---- */

static void
erase(struct follow *f)
{
	if (f->drawn)
		fputs("\r\033[K", f->how->screen);
	f->drawn = false;
}

static void
draw(struct follow *f)
{
	struct winsize ws = {0};
	struct text t = {0};

	if (f->how->screen == NULL || !f->how->live || f->rollout == NULL)
		return;
	erase(f);
	rollout_view_line(f->rollout, &t);
	if (f->lost)
		text_add(&t, " (the server does not answer)");
	if (ioctl(fileno(f->how->screen), TIOCGWINSZ, &ws) < 0 || ws.ws_col == 0)
		ws.ws_col = FOLLOW_WIDTH;
	text_cut(&t, 0, (size_t)ws.ws_col - 1);
	fputs(text_str(&t), f->how->screen);
	fflush(f->how->screen);
	f->drawn = true;
	text_done(&t);
}

static void
print_lines(struct follow *f, struct text *lines)
{
	if (f->how->screen != NULL && lines->len > 0) {
		erase(f);
		fputs(text_str(lines), f->how->screen);
		fflush(f->how->screen);
	}
	text_done(lines);
}

static void
set_lost(struct follow *f, bool lost)
{
	struct text t = {0};

	if (f->lost != lost && !f->how->live)
		text_add(
		    &t, lost ? "the server does not answer; the rollout goes on, waiting "
			       "for it\n"
			     : "the server answers again\n");
	f->lost = lost;
	print_lines(f, &t);
}

/* ---- asking ---- */

static void
block_interrupt(sigset_t *ret_before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

/* ^C may come only here, and ends the program as ever: the server may take its time. */
static int
call(
    struct follow *f, const struct http_client_request *rq, struct http_client_reply *ret)
{
	sigprocmask(SIG_SETMASK, &f->signals, NULL);
	int r = http_client_once(f->ctl->server, f->ctl->token, rq, ret);
	block_interrupt(NULL);
	return r;
}

/* NULL: no good answer; a refusal that will not pass ends all. */
static json_t *
ask(struct follow *f, const char *path)
{
	const struct client_request rq = {
	    .method = "GET", .path = path, .subject = f->id};
	const struct http_client_request http = {.method = "GET",
	    .path = path,
	    .ca_file = f->ctl->ca_file,
	    .timeout_us = FOLLOW_ASK_S * USEC_PER_SEC};
	struct http_client_reply reply = {0};
	json_t *v = NULL;
	struct error err;

	if (call(f, &http, &reply) < 0 || reply.status >= 500) {
		set_lost(f, true);
	} else if (reply.status != 200) {
		erase(f);
		f->refused =
		    client_refused(f->ctl, &rq, reply.status, reply.body, reply.body_len);
	} else {
		set_lost(f, false);
		v = json_parse(reply.body, reply.body_len, &err);
	}
	http_client_reply_done(&reply);
	return v;
}

static int64_t
count_of(const json_t *rollout, const char *name)
{
	return json_integer_value(
	    json_object_get(json_object_get(rollout, "counts"), name));
}

/* Of one page: those that ended since. At first, those that are ok are no news. */
static void
tell_hosts(struct follow *f, const json_t *items, bool silent, struct text *out)
{
	const json_t *h;
	size_t i;

	json_array_foreach (items, i, h) {
		const char *name = cmd_util_str(h, "host");
		json_t *now = json_pack(
		    "[O?O?]", json_object_get(h, "state"), json_object_get(h, "since"));

		if (!json_equal(json_object_get(f->told, name), now) && !silent)
			rollout_view_host(h, out);
		json_object_set_new(f->told, name, now);
	}
}

/* All pages of the hosts in that state. Unless each was read, they are asked for again. */
static bool
look_at_state(struct follow *f, const char *state, bool silent, struct text *out)
{
	char *cursor = NULL;
	size_t n = 0;

	do {
		struct text path = {0};
		json_t *page;

		text_addf(
		    &path, "/api/v1/rollouts/%s/hosts?limit=1000&state=%s", f->id, state);
		text_add_query(&path, "cursor", cursor);
		free(cursor);
		cursor = NULL;
		page = ask(f, text_str(&path));
		text_done(&path);
		if (page == NULL)
			return false;
		tell_hosts(f, json_object_get(page, "items"), silent, out);
		n += json_array_size(json_object_get(page, "items"));
		cursor = client_next(page);
		json_decref(page);
	} while (cursor != NULL && n < FOLLOW_LIST_MAX);
	free(cursor);
	return true;
}

/* False: not all could be asked for. */
static bool
look_at_hosts(struct follow *f, const json_t *fresh, struct text *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		bool ok = str_eq(ends[i], "ok");
		int64_t n = count_of(fresh, ends[i]);

		if (n == count_of(f->rollout, ends[i]) ||
		    (ok && count_of(fresh, "total") > FOLLOW_NAMED))
			continue;
		if (!look_at_state(f, ends[i], ok && f->rollout == NULL, out))
			return false;
	}
	return true;
}

static void
look(struct follow *f)
{
	struct text path = {0}, lines = {0};
	json_t *fresh;

	text_addf(&path, "/api/v1/rollouts/%s", f->id);
	fresh = ask(f, text_str(&path));
	text_done(&path);
	if (fresh == NULL)
		return;
	if (f->how->screen != NULL && !look_at_hosts(f, fresh, &lines)) {
		print_lines(f, &lines);
		json_decref(fresh);
		return;
	}
	rollout_view_change(f->rollout, fresh, &lines);
	if (lines.len > 0)
		f->pause_s = FOLLOW_PAUSE_S;
	else if (f->pause_s < FOLLOW_PAUSE_MAX_S)
		f->pause_s++;
	print_lines(f, &lines);
	json_decref(f->rollout);
	f->rollout = fresh;
}

/* ---- the whole ---- */

/* ^C ends the pause. */
static void
pause_until(struct follow *f, int64_t deadline)
{
	int64_t left = deadline - clock_mono(), us = f->pause_s * USEC_PER_SEC;
	struct timespec ts;
	sigset_t set;

	if (left < us)
		us = left > 0 ? left : 0;
	ts = (struct timespec){.tv_sec = (time_t)(us / USEC_PER_SEC),
	    .tv_nsec = (long)(us % USEC_PER_SEC) * 1000};
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	f->interrupted = sigtimedwait(&set, NULL, &ts) == SIGINT;
}

static void
finish(struct follow *f)
{
	struct text t = {0};

	erase(f);
	if (f->rollout != NULL && ctl_is_json(f->ctl)) {
		output_json(f->ctl, f->rollout);
	} else if (f->rollout != NULL) {
		rollout_view_result(f->rollout, &t);
		fputs(text_str(&t), f->ctl->out);
		fflush(f->ctl->out);
	}
	if (f->rollout == NULL || !rollout_view_over(f->rollout))
		ctl_say(
		    f->ctl, "the rollout goes on: netboot-ctl rollout watch %s", f->id);
	text_done(&t);
}

int
rollout_follow_run(
    const struct ctl *ctl, const char *id, const struct rollout_follow_how *how)
{
	struct follow f = {.ctl = ctl,
	    .how = how,
	    .id = id,
	    .told = json_object(),
	    .pause_s = FOLLOW_PAUSE_S};
	int64_t deadline =
	    how->timeout_us > 0 ? clock_mono() + how->timeout_us : INT64_MAX;
	int r;

	block_interrupt(&f.signals);
	for (;;) {
		look(&f);
		if (f.refused || (f.rollout != NULL && rollout_view_over(f.rollout)) ||
		    clock_mono() >= deadline)
			break;
		draw(&f);
		pause_until(&f, deadline);
		if (f.interrupted)
			break;
	}
	finish(&f);
	r = f.refused		? f.refused
	    : f.rollout == NULL ? CTL_UNREACHABLE
				: rollout_view_exit(f.rollout);
	json_decref(f.rollout);
	json_decref(f.told);
	sigprocmask(SIG_SETMASK, &f.signals, NULL);
	if (f.interrupted) {
		signal(SIGINT, SIG_DFL);
		raise(SIGINT);
	}
	return r;
}
