/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One recording after the other, oldest first, in pieces of whole frames (docs/protocol.md, "Console recordings").
 *
 * The orchestrator says how much it holds, so that nothing needs to be remembered here: after a restart the first
 * answer tells where to go on. Several kinds of traffic must not wait for each other: this has a connection of its own,
 * with one request at a time.
 *
 * Entry points: console_upload_kick(); the timer and the answers.
 * Ownership: the list is of the files that were in the folder when a round began.
 * Failure modes: an orchestrator that does not answer is asked again later and later; one that refuses a recording does
 * not get it again in this life, and it stays until the folder's limit. A file that is gone is passed over.
 */
#include "agent/console_upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "agent/console_file.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/console_record.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum { PIECE = 64 * 1024, ROUND_MAX = 1000 };
/* Recordings that grow are brought this often: live watching does not go this way. */
#define ROUND_PAUSE (3 * USEC_PER_SEC)
#define DELAY_FIRST (1 * USEC_PER_SEC)
#define DELAY_MAX (60 * USEC_PER_SEC)
#define TIMEOUT (30 * USEC_PER_SEC)

/* What is known of a recording. */
struct item {
	char id[ID_SIZE];
	int64_t held; /* by the orchestrator */
	int64_t size; /* when it was looked at last */
	bool asked;   /* `held` is what the orchestrator said */
	bool refused;
	bool seen; /* in this round */
	UT_hash_handle hh;
};

struct console_upload {
	struct console_upload_opts o;
	struct http_client *http;
	struct http_client_call *call;
	struct event *timer;
	struct item *items;
	char now[ID_SIZE]; /* the item of the call under way, or of the round's next */
	int64_t delay;	   /* 0: all is well */
	bool again;	   /* kicked */
};

static void
set_timer(struct console_upload *u, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(u->timer, &tv);
}

static struct item *
find(struct console_upload *u, const char *id)
{
	struct item *it;

	HASH_FIND_STR(u->items, id, it);
	return it;
}

static void
drop(struct console_upload *u, struct item *it)
{
	HASH_DEL(u->items, it);
	free(it);
}

/* ---- the folder ---- */

static void
look_at(struct console_upload *u, const char *name)
{
	char id[ID_SIZE] = "", path[CONSOLE_FILE_PATH_SIZE];
	struct item *it;
	struct stat st;

	str_clip(id, sizeof(id), name);
	if (!id_valid(id) || !str_eq(name + strlen(id), ".rec") ||
	    console_file_path(u->o.dir, id, path) < 0 || stat(path, &st) < 0)
		return;
	it = find(u, id);
	if (it == NULL && HASH_COUNT(u->items) < ROUND_MAX) {
		it = str_alloc(sizeof(*it));
		str_clip(it->id, sizeof(it->id), id);
		HASH_ADD_STR(u->items, id, it);
	}
	if (it == NULL)
		return;
	it->size = st.st_size;
	it->seen = true;
}

static void
read_folder(struct console_upload *u)
{
	DIR *dir = opendir(u->o.dir);
	struct item *it, *tmp;
	struct dirent *e;

	for (it = u->items; it != NULL; it = it->hh.next)
		it->seen = false;
	while (dir != NULL && (e = readdir(dir)) != NULL)
		look_at(u, e->d_name);
	if (dir != NULL)
		closedir(dir);
	HASH_ITER (hh, u->items, it, tmp) {
		if (!it->seen)
			drop(u, it);
	}
}

/* Oldest first: ids sort by time. */
static struct item *
next_item(struct console_upload *u)
{
	struct item *best = NULL;

	for (struct item *it = u->items; it != NULL; it = it->hh.next) {
		if (it->refused ||
		    (it->asked && it->held >= it->size && u->o.writes(u->o.arg, it->id)))
			continue;
		if (best == NULL || strcmp(it->id, best->id) < 0)
			best = it;
	}
	return best;
}

/* ---- a piece ---- */

/* Whole frames from the place on that the orchestrator has; their octets, 0: none, or -errno. */
static ssize_t
read_piece(struct console_upload *u, const struct item *it, uint8_t buf[PIECE],
    struct console_record_sum *sum)
{
	char path[CONSOLE_FILE_PATH_SIZE];
	int fd = console_file_path(u->o.dir, it->id, path) < 0
		     ? -1
		     : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, PIECE, it->held);

	if (n < 0)
		n = -errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return n;
	sum->begun = it->held > 0;
	return (ssize_t)console_record_sum_add(sum, buf, (size_t)n);
}

static void
on_answer(void *arg, const struct http_client_reply *reply);

static void
send_piece(struct console_upload *u, struct item *it, const uint8_t *data, size_t len)
{
	char *text = str_alloc(BASE64_SIZE(len));
	json_t *doc = json_object();
	struct http_client_request rq = {
	    .method = "POST", .path = "/agent/v1/console", .timeout_us = TIMEOUT};
	char *body;

	base64_put(text, data, len);
	json_put_i64(doc, "v", 1);
	json_put_str(doc, "site", u->o.site);
	json_put_str(doc, "agent", u->o.agent);
	json_put_str(doc, "boot", it->id);
	json_put_i64(doc, "offset", it->held);
	json_put(doc, "data", json_string(text));
	body = json_text(doc);
	json_decref(doc);
	free(text);
	rq.body = body;
	str_clip(u->now, sizeof(u->now), it->id);
	u->call = http_client_start(u->http, &rq, on_answer, u);
	free(body);
	if (u->call == NULL)
		set_timer(u, DELAY_MAX);
}

/* Of a recording that is over: the orchestrator holds what can be read of it. */
static void
remove_file(struct console_upload *u, struct item *it)
{
	char path[CONSOLE_FILE_PATH_SIZE];

	if (console_file_path(u->o.dir, it->id, path) == 0 && unlink(path) < 0 &&
	    errno != ENOENT)
		log_warn(u->o.log, "cannot remove %s: %s", path, strerror(errno));
	drop(u, it);
}

static void
go_on(struct console_upload *u)
{
	uint8_t *buf = str_alloc(PIECE);
	struct item *it;

	while (u->call == NULL && (it = next_item(u)) != NULL) {
		struct console_record_sum sum = {0};
		bool writes = u->o.writes(u->o.arg, it->id);
		ssize_t n = read_piece(u, it, buf, &sum);

		if (n > 0 || (n == 0 && !it->asked && !sum.damaged))
			send_piece(u, it, buf, (size_t)n);
		else if (!writes && n == 0 && it->asked)
			remove_file(u, it);
		else
			it->refused = true; /* cannot be read */
	}
	free(buf);
	if (u->call == NULL && u->again) {
		u->again = false;
		set_timer(u, ROUND_PAUSE);
	}
}

static void
back_off(struct console_upload *u, const char *why)
{
	if (u->delay == 0)
		log_warn(
		    u->o.log, "orchestrator: console recordings: %s; trying again", why);
	u->delay = u->delay == 0 ? DELAY_FIRST : u->delay * 2;
	if (u->delay > DELAY_MAX)
		u->delay = DELAY_MAX;
	set_timer(u, u->delay / 2 + (int64_t)rng_below(u->o.rng, (uint64_t)u->delay));
}

static void
take_answer(struct console_upload *u, struct item *it, const json_t *v)
{
	struct error err;
	int64_t held = 0;
	bool stuck;

	if (json_get_i64(v, "held", &held, &err) < 0 || held < 0) {
		back_off(u, "an answer that cannot be read");
		return;
	}
	stuck = it->asked && held <= it->held;
	it->held = held; /* it may have lost what it had: from there, then */
	it->asked = true;
	if (stuck) {
		back_off(u, "nothing of a piece was taken");
		return;
	}
	u->delay = 0;
	go_on(u);
}

static void
on_answer(void *arg, const struct http_client_reply *reply)
{
	struct console_upload *u = arg;
	struct item *it = find(u, u->now);
	json_t *v;

	u->call = NULL;
	if (reply->status == 0 || reply->status >= 500) {
		back_off(u, reply->status == 0 ? reply->err.text : "it is in trouble");
		return;
	}
	v = json_parse(reply->body, reply->body_len, NULL);
	if (it != NULL && reply->status == 200 && v != NULL) {
		take_answer(u, it, v);
	} else {
		if (it != NULL) {
			it->refused = true;
			log_warn(u->o.log,
			    "the orchestrator does not take the console recording of "
			    "boot %s: HTTP status %d",
			    it->id, reply->status);
		}
		go_on(u);
	}
	json_decref(v);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct console_upload *u = arg;

	if (u->call != NULL)
		return;
	u->again = false;
	read_folder(u);
	go_on(u);
}

void
console_upload_kick(struct console_upload *u)
{
	u->again = true;
	/* While it is failing the timer decides. */
	if (u->call == NULL && !evtimer_pending(u->timer, NULL))
		set_timer(u, ROUND_PAUSE);
}

struct console_upload *
console_upload_new(const struct console_upload_opts *opts, struct error *err)
{
	struct console_upload *u = str_alloc(sizeof(*u));

	u->o = *opts;
	u->http = http_client_new(opts->base, opts->server, opts->token, err);
	if (u->http == NULL) {
		free(u);
		return NULL;
	}
	http_client_be(u->http, opts->self);
	u->timer = evtimer_new(opts->base, on_timer, u);
	set_timer(u, ROUND_PAUSE);
	return u;
}

void
console_upload_free(struct console_upload *u)
{
	struct item *it, *tmp;

	if (u == NULL)
		return;
	if (u->call != NULL)
		http_client_cancel(u->call);
	HASH_ITER (hh, u->items, it, tmp)
		drop(u, it);
	event_free(u->timer);
	http_client_free(u->http);
	free(u);
}
