/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which consoles are recorded, and where to.
 *
 * A machine's console is opened when its job is armed, before the power goes off, so that the firmware is heard from
 * its first octet; it is closed some seconds after the job's end, since a login prompt comes after the report that
 * ends an installation. Each attempt of a job is a boot, and has its own file.
 *
 * Hosts that are always recorded keep their console. What is said between jobs goes into a file with an id of its own,
 * made when something is said; the next one is begun after a job, at midnight UTC, when a file has reached its
 * limit, and when the agent starts.
 *
 * Entry points: console_recorder_job(), console_recorder_always(); the console's callbacks.
 * Ownership: an entry owns its console and its file; both go with it.
 * Failure modes: none that reaches a job. A console that is not to be had leaves a mark and an event with the reason,
 * a disk that is full ends the recording. Events are bounded per boot.
 */
#include "agent/console_recorder.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "agent/console_file.h"
#include "agent/console_watch.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { EVENTS_MAX = 40 };
#define TICK (1 * USEC_PER_SEC)
#define LINGER (20 * USEC_PER_SEC)
#define DAY (24 * 3600 * USEC_PER_SEC)

struct entry {
	struct console_recorder *rec;
	char host[BUNDLE_NAME_SIZE];
	/* Of the job, if there is one. */
	char job[ID_SIZE], boot[ID_SIZE];
	bool always, kept;	 /* also between jobs; kept: in the newest list */
	int64_t day;		 /* of what was said last between jobs; since 1970 */
	struct console_ear *ear; /* NULL: not yet */
	struct console_file *file;
	bool no_file; /* none could be made today */
	bool used;    /* the ticket of the boot */
	struct console_watch watch;
	int64_t gap_since; /* wall; 0: nothing is missing */
	int64_t heard;	   /* mono; 0: looked at since */
	int64_t until;	   /* mono, the end of the time after the job; 0: it runs */
	bool fresh;	   /* there is something to bring */
	unsigned events;
	enum console_why why; /* told last */
	bool told;
	UT_hash_handle hh;
};

struct console_recorder {
	struct console_recorder_opts o;
	struct entry *entries;
	struct event *tick;
};

/* ---- events and marks ---- */

static bool
is_between(const struct entry *e)
{
	return e->job[0] == '\0';
}

static void
emit(struct entry *e, struct event *ev)
{
	str_clip(ev->host, sizeof(ev->host), e->host);
	str_clip(ev->job, sizeof(ev->job), e->job);
	if (!is_between(e))
		str_clip(ev->boot, sizeof(ev->boot), e->boot);
	e->rec->o.emit(e->rec->o.arg, ev);
}

static void
tell(struct entry *e, const char *kind, const char *text)
{
	struct event ev = event_make(kind, clock_wall());

	if (e->events++ >= EVENTS_MAX) {
		event_done(&ev);
		return;
	}
	str_clip(ev.reason, sizeof(ev.reason), text);
	emit(e, &ev);
}

static void
changed(struct console_recorder *rec)
{
	if (rec->o.changed != NULL)
		rec->o.changed(rec->o.arg);
}

static void
on_disk(struct entry *e, int r)
{
	if (r == 0)
		return;
	log_warn(e->rec->o.log, "console of %s: the recording ends here: %s", e->host,
	    strerror(-r));
	tell(e, "sol.truncated", "the recording cannot be written any more");
}

static void
mark(struct entry *e, enum console_record_mark m, const char *text)
{
	if (e->file != NULL)
		on_disk(e, console_file_mark(e->file, clock_wall(), m, text));
}

static void
on_hit(void *arg, const struct console_watch_hit *hit)
{
	struct entry *e = arg;
	struct event ev = event_make("sol.line", clock_wall());

	snprintf(
	    ev.reason, sizeof(ev.reason), "%.80s: %.160s", hit->pattern->text, hit->line);
	event_put(&ev, "class", hit->pattern->class);
	event_put(&ev, "line", hit->line);
	if (hit->last)
		event_put(&ev, "note",
		    is_between(e) ? "more such lines of this day are not told"
				  : "more such lines of this boot are not told");
	emit(e, &ev);
}

/* ---- files ---- */

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Oldest first: a recording that the orchestrator has not taken in all this time goes for the one to come. */
static void
make_room(struct console_recorder *rec)
{
	struct dirent **list = NULL;
	int n = scandir(rec->o.dir, &list, NULL, by_name);
	int64_t total = 0;
	char path[CONSOLE_FILE_PATH_SIZE];
	struct stat st;

	/* First those that no boot will miss. */
	for (int pass = 0; pass < 3; pass++) {
		for (int i = 0; i < n; i++) {
			char id[ID_SIZE] = "";

			str_clip(id, sizeof(id), list[i]->d_name);
			if (!id_valid(id) ||
			    console_file_path(rec->o.dir, id, path) < 0 ||
			    stat(path, &st) < 0)
				continue;
			if (pass == 0) {
				total += st.st_size;
			} else if (total > rec->o.site_limit &&
				   !console_recorder_writes(rec, id) &&
				   (pass == 2 || console_file_is_always(path)) &&
				   unlink(path) == 0) {
				total -= st.st_size;
				log_warn(rec->o.log,
				    "the console recording %s is given up: the "
				    "folder has reached its limit",
				    id);
			}
		}
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void
open_file(struct entry *e, bool always)
{
	struct console_recorder *rec = e->rec;
	const struct console_file_what what = {
	    .host = e->host, .id = e->boot, .always = always};
	struct error err;

	if (mkdir(rec->o.dir, 0700) < 0 && errno != EEXIST)
		log_warn(rec->o.log, "cannot create %s: %s", rec->o.dir, strerror(errno));
	make_room(rec);
	if (console_file_open(
		rec->o.dir, &what, rec->o.boot_limit, clock_wall(), &e->file, &err) < 0) {
		log_warn(rec->o.log, "console of %s: %s", e->host, err.text);
		tell(e, "sol.refused", err.text);
		e->no_file = true;
		return;
	}
	/* An earlier life of the agent wrote the beginning. */
	if (console_file_sum(e->file)->octets > 0)
		e->gap_since = console_file_sum(e->file)->last;
}

static void
end_file(struct entry *e, const char *why)
{
	console_watch_idle(&e->watch, on_hit, e);
	mark(e, CONSOLE_RECORD_END, why);
	console_file_close(e->file);
	e->file = NULL;
	changed(e->rec);
}

/* ---- between jobs ---- */

/* A new day, or the time after a job. */
static void
begin_between(struct entry *e, int64_t day)
{
	e->job[0] = e->boot[0] = '\0';
	e->day = day;
	e->until = 0;
	e->events = 0;
	e->told = false;
	e->no_file = false;
	console_watch_init(&e->watch);
}

/* The file for what is about to be said. */
static void
open_between(struct entry *e)
{
	int64_t day = clock_wall() / DAY;

	if (day != e->day) {
		end_file(e, "the next day begins");
		begin_between(e, day);
	}
	if (e->file != NULL || e->no_file)
		return;
	id_make(clock_wall(), e->rec->o.rng, e->boot);
	open_file(e, true);
	mark(e, CONSOLE_RECORD_CONNECTED, "recorded between jobs");
}

/* `data` has met the limit of the file: that of a job's boot ends there, the other one goes on in the next. */
static void
on_limit(struct entry *e, const uint8_t *data, size_t len)
{
	int64_t size = console_file_sum(e->file)->good;

	if (!is_between(e) || size < e->rec->o.boot_limit / 2) { /* the disk is full */
		tell(e, "sol.truncated", "the recording has reached its limit");
		return;
	}
	end_file(e, "the recording has reached its limit; the next one goes on");
	open_between(e);
	if (e->file != NULL)
		on_disk(e, console_file_data(e->file, clock_wall(), data, len));
}

/* ---- the console ---- */

static void
connected(struct entry *e, int suite)
{
	char text[64], length[32];
	int64_t now = clock_wall();

	if (e->gap_since != 0) {
		snprintf(text, sizeof(text), "%s not recorded",
		    str_duration(now - e->gap_since, length, sizeof(length)));
		mark(e, CONSOLE_RECORD_GAP, text);
	}
	e->gap_since = 0;
	e->told = false;
	snprintf(text, sizeof(text), "cipher suite %d", suite);
	mark(e, CONSOLE_RECORD_CONNECTED, text);
}

static void
on_up(void *arg, int suite)
{
	struct entry *e = arg;

	tell(e, e->gap_since != 0 ? "sol.resumed" : "sol.connected",
	    "the console is recorded");
	connected(e, suite);
	changed(e->rec);
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct entry *e = arg;

	if (is_between(e))
		open_between(e);
	if (e->file != NULL) {
		bool before = console_file_sum(e->file)->truncated;

		on_disk(e, console_file_data(e->file, clock_wall(), data, len));
		if (!before && console_file_sum(e->file)->truncated)
			on_limit(e, data, len);
	}
	e->heard = clock_mono();
	e->fresh = true;
	console_watch_feed(&e->watch, data, len, on_hit, e);
}

static void
on_down(void *arg, enum console_why why, const char *text, int64_t retry)
{
	static const struct {
		const char *kind;
		enum console_record_mark mark;
	} table[] = {
	    [CONSOLE_LOST] = {"sol.lost", CONSOLE_RECORD_LOST},
	    [CONSOLE_STOLEN] = {"sol.stolen", CONSOLE_RECORD_STOLEN},
	    [CONSOLE_IN_USE] = {"sol.refused", CONSOLE_RECORD_REFUSED},
	    [CONSOLE_BUSY] = {"sol.refused", CONSOLE_RECORD_REFUSED},
	    [CONSOLE_SILENT] = {"sol.refused", CONSOLE_RECORD_REFUSED},
	    [CONSOLE_HELD] = {"sol.refused", CONSOLE_RECORD_REFUSED},
	    [CONSOLE_YIELDED] = {"sol.yielded", CONSOLE_RECORD_YIELDED},
	    [CONSOLE_NEVER] = {"sol.refused", CONSOLE_RECORD_REFUSED},
	};
	struct entry *e = arg;

	/* What was to be heard before it came up at all is missing too. */
	if (e->gap_since == 0)
		e->gap_since = clock_wall();
	if (!e->told || e->why != why) {
		log_info(e->rec->o.log, "console of %s: %s%s", e->host, text,
		    retry < 0 ? "; it is not recorded" : "; trying again");
		tell(e, table[why].kind, text);
		mark(e, table[why].mark, text);
	}
	e->told = true;
	e->why = why;
	changed(e->rec);
}

static void
open_console(struct entry *e, const struct bundle_bmc *bmc)
{
	static const struct console_ops ops = {
	    .up = on_up, .data = on_data, .down = on_down};

	e->ear = console_hub_join(e->rec->o.hub, bmc, false, &ops, e);
	if (console_is_up(console_hub_console(e->ear))) /* somebody watches it */
		on_up(e, console_suite(console_hub_console(e->ear)));
}

/* ---- entries ---- */

static void
begin_boot(struct entry *e, const struct run *run)
{
	str_clip(e->job, sizeof(e->job), run->job);
	str_clip(e->boot, sizeof(e->boot), run->boot);
	console_watch_init(&e->watch);
	e->used = ticket_is_consumed(&run->ticket);
	e->events = 0;
	e->told = false;
	e->gap_since = 0;
	e->until = 0;
	e->no_file = false;
	open_file(e, false);
	if (e->ear != NULL && console_is_up(console_hub_console(e->ear)))
		connected(e, console_suite(console_hub_console(e->ear)));
}

static void
remove_entry(struct entry *e, const char *why)
{
	end_file(e, why);
	console_hub_leave(e->ear);
	HASH_DEL(e->rec->entries, e);
	free(e);
}

/* Its BMC as it was told last: perhaps it has another address, or another password. */
static void
follow_bmc(struct entry *e, const struct bundle_bmc *bmc)
{
	char key[BMC_CALL_KEY_SIZE];

	bmc_call_key(bmc, key);
	if (str_eq(key, console_hub_key(e->ear))) {
		console_hub_renew(e->ear, bmc);
		return;
	}
	console_hub_leave(e->ear);
	e->ear = NULL;
	e->gap_since = clock_wall();
	open_console(e, bmc);
}

static struct entry *
add_entry(struct console_recorder *rec, const char *host)
{
	struct entry *e = str_alloc(sizeof(*e));

	e->rec = rec;
	str_clip(e->host, sizeof(e->host), host);
	HASH_ADD_STR(rec->entries, host, e);
	return e;
}

static struct entry *
find(const struct console_recorder *rec, const char *host)
{
	struct entry *e;

	HASH_FIND_STR(rec->entries, host, e);
	return e;
}

static bool
is_wanted(const struct bundle *b, const struct run *run)
{
	return b->bmc.address[0] != '\0' && !str_eq(b->bmc.console, "off") &&
	       run->kind != BUNDLE_POWER && run->stage >= STAGE_ARMED &&
	       !run_ended(run) && run->boot[0] != '\0';
}

void
console_recorder_job(
    struct console_recorder *rec, const struct bundle *b, const struct run *run)
{
	struct entry *e = find(rec, run->host);

	if (!is_wanted(b, run)) {
		if (e != NULL && str_eq(e->job, run->job) && run_ended(run) &&
		    e->until == 0)
			e->until = clock_mono() + LINGER;
		return;
	}
	if (e != NULL && str_eq(e->boot, run->boot)) {
		/* What some BMCs play again of the old system leaves the image's own words room. */
		if (!e->used && ticket_is_consumed(&run->ticket)) {
			e->used = true;
			console_watch_renew(&e->watch);
		}
		return;
	}
	if (e == NULL) {
		e = add_entry(rec, run->host);
		begin_boot(e, run);
		open_console(e, &b->bmc);
	} else {
		end_file(e, is_between(e) ? "a job begins" : "the next boot begins");
		begin_boot(e, run);
		follow_bmc(e, &b->bmc);
	}
}

void
console_recorder_always(
    struct console_recorder *rec, const struct console_recorder_host *hosts, size_t n)
{
	struct entry *e, *tmp;

	for (size_t i = 0; i < n; i++) {
		e = find(rec, hosts[i].name);
		if (e == NULL) {
			e = add_entry(rec, hosts[i].name);
			begin_between(e, clock_wall() / DAY);
			open_console(e, &hosts[i].bmc);
		} else {
			follow_bmc(e, &hosts[i].bmc);
		}
		e->always = e->kept = true;
	}
	HASH_ITER (hh, rec->entries, e, tmp) {
		e->always = e->kept;
		e->kept = false;
		if (!e->always && is_between(e))
			remove_entry(e, "it is not always recorded any more");
	}
}

bool
console_recorder_writes(const struct console_recorder *rec, const char *id)
{
	for (const struct entry *e = rec->entries; e != NULL; e = e->hh.next) {
		if (str_eq(e->boot, id) && e->file != NULL)
			return true;
	}
	return false;
}

static void
end_job(struct entry *e)
{
	if (!e->always) {
		remove_entry(e, "the job has ended");
		return;
	}
	end_file(e, "the job has ended");
	begin_between(e, clock_wall() / DAY);
}

static void
on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct console_recorder *rec = arg;
	struct entry *e, *tmp;
	int64_t now = clock_mono();

	HASH_ITER (hh, rec->entries, e, tmp) {
		if (e->heard != 0 && now - e->heard >= TICK) {
			e->heard = 0;
			console_watch_idle(&e->watch, on_hit, e);
		}
		/* Also of one that never pauses. */
		if (e->fresh)
			changed(rec);
		e->fresh = false;
		if (e->until != 0 && now >= e->until)
			end_job(e);
	}
}

struct console_recorder *
console_recorder_new(const struct console_recorder_opts *opts)
{
	const struct timeval tick = {.tv_sec = TICK / USEC_PER_SEC};
	struct console_recorder *rec = str_alloc(sizeof(*rec));

	rec->o = *opts;
	rec->tick = event_new(opts->base, -1, EV_PERSIST, on_tick, rec);
	event_add(rec->tick, &tick);
	return rec;
}

/* The recordings go on with the jobs, in the next life. */
void
console_recorder_free(struct console_recorder *rec)
{
	struct entry *e, *tmp;

	if (rec == NULL)
		return;
	HASH_ITER (hh, rec->entries, e, tmp) {
		console_hub_leave(e->ear);
		if (is_between(e))
			mark(e, CONSOLE_RECORD_END, "the agent ends");
		console_file_close(e->file);
		HASH_DEL(rec->entries, e);
		free(e);
	}
	event_free(rec->tick);
	free(rec);
}
