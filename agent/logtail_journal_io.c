/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows a unit's messages in the journal.
 *
 * Entry points: logtail_journal_io_new(), logtail_journal_io_go_on(); callbacks of the journal's descriptor and a timer.
 * Ownership: struct logtail_journal_io owns the open journal.
 * Failure modes: a journal that is not there or may not be read (the group systemd-journal may) is told once and tried
 * again. A cursor whose entry is gone (vacuumed) leads to the next entry after it; what stood between the two is lost, and
 * the owner is told.
 *
 * A mark is the journal's cursor, or NOTHING_YET of a unit that had said nothing when it was first looked at.
 */
#include "agent/logtail_journal_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "agent/logline.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { PORTION = 200, LOOK_S = 1 };
/* No cursor looks so: those are lists of KEY=VALUE. */
static const char NOTHING_YET[] = "-";

struct logtail_journal_io {
	struct logtail_io_opts o;
	sd_journal *j; /* NULL: not open */
	struct event *readable, *timer, *soon;
	char *cursor; /* of the last entry given, or NULL */
	bool waiting, told;
	bool lost; /* told that the cursor's entry is gone */
};

static void
tell_lost(struct logtail_journal_io *j)
{
	if (j->lost)
		return;
	j->lost = true;
	log_warn(j->o.log,
	    "journal of %s: the entry that was read last is gone; what was written since "
	    "is not known",
	    j->o.unit);
	if (j->o.ops->lost != NULL)
		j->o.ops->lost(j->o.arg);
}

static int
seek(struct logtail_journal_io *j)
{
	int r;

	if (j->cursor == NULL) {
		/* The tail is behind the last entry; a step back makes it a place. Without an
		 * entry to step on all that comes is new. */
		r = sd_journal_seek_tail(j->j);
		if (r >= 0)
			r = sd_journal_previous(j->j);
		return r == 0 ? sd_journal_seek_head(j->j) : r;
	}
	if (str_eq(j->cursor, NOTHING_YET))
		return sd_journal_seek_head(j->j);
	if ((r = sd_journal_seek_cursor(j->j, j->cursor)) < 0 ||
	    (r = sd_journal_next(j->j)) < 0)
		return r;
	/* That entry itself was given already; when it is gone, this is the one after it, or there is none. */
	if (r > 0 && sd_journal_test_cursor(j->j, j->cursor) > 0)
		return 0;
	tell_lost(j);
	if (r == 0)
		return 0;
	r = sd_journal_previous(j->j);
	/* It is the first that there is, and a step back from it leads nowhere. */
	return r == 0 ? sd_journal_seek_head(j->j) : r;
}

static int
open_journal(struct logtail_journal_io *j)
{
	char match[300];
	int r = j->o.journal_dir == NULL
		    ? sd_journal_open(&j->j, SD_JOURNAL_LOCAL_ONLY)
		    : sd_journal_open_directory(&j->j, j->o.journal_dir, 0);

	if (r < 0)
		return r;
	if ((r = str_format(match, sizeof(match), "_SYSTEMD_UNIT=%s", j->o.unit)) < 0 ||
	    (r = sd_journal_add_match(j->j, match, 0)) < 0 || (r = seek(j)) < 0 ||
	    (r = sd_journal_get_fd(j->j)) < 0) {
		sd_journal_close(j->j);
		j->j = NULL;
		return r;
	}
	return 0;
}

static int64_t
time_of(struct logtail_journal_io *j)
{
	uint64_t us = 0;

	return sd_journal_get_realtime_usec(j->j, &us) < 0 ? 0 : (int64_t)us;
}

static void
give(struct logtail_journal_io *j)
{
	static const char field[] = "MESSAGE=";
	const void *data;
	size_t n;

	if (sd_journal_get_data(j->j, "MESSAGE", &data, &n) < 0 || n < sizeof(field) ||
	    n - (sizeof(field) - 1) > LOGLINE_MAX)
		return;
	j->o.ops->line(j->o.arg, (const char *)data + sizeof(field) - 1,
	    n - (sizeof(field) - 1), time_of(j));
}

static void
pump(struct logtail_journal_io *j)
{
	char *cursor = NULL;
	int n = 0;

	if (j->j == NULL)
		return;
	/* Also while waiting: the descriptor stays readable until this is done. */
	(void)sd_journal_process(j->j);
	if (j->waiting)
		return;
	while (n < PORTION && sd_journal_next(j->j) > 0) {
		give(j);
		n++;
	}
	if (n == 0 || sd_journal_get_cursor(j->j, &cursor) < 0)
		return;
	free(j->cursor);
	j->cursor = cursor;
	if (strlen(cursor) >= LOGTAIL_IO_MARK_SIZE)
		return;
	j->waiting = true;
	j->o.ops->mark(j->o.arg, cursor);
}

static void
on_event(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	pump(arg);
}

static void
try_open(struct logtail_journal_io *j)
{
	int r = open_journal(j);

	if (r < 0) {
		if (!j->told)
			log_warn(j->o.log, "journal of %s: %s; it is tried again",
			    j->o.unit, strerror(-r));
		j->told = true;
		return;
	}
	j->told = false;
	j->readable = event_new(
	    j->o.base, sd_journal_get_fd(j->j), EV_READ | EV_PERSIST, on_event, j);
	event_add(j->readable, NULL);
	/* Where the first reading begins, should the agent be restarted before a line comes. */
	if (j->cursor != NULL)
		return;
	if (sd_journal_get_cursor(j->j, &j->cursor) < 0)
		j->cursor = str_dup(NOTHING_YET);
	if (strlen(j->cursor) < LOGTAIL_IO_MARK_SIZE) {
		j->waiting = true;
		j->o.ops->mark(j->o.arg, j->cursor);
	}
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct logtail_journal_io *j = arg;

	if (j->j == NULL)
		try_open(j);
	pump(j);
}

struct logtail_journal_io *
logtail_journal_io_new(const struct logtail_io_opts *opts)
{
	const struct timeval look = {.tv_sec = LOOK_S};
	struct logtail_journal_io *j = str_alloc(sizeof(*j));

	j->o = *opts;
	j->cursor = str_dup(opts->mark);
	j->o.mark = NULL;
	j->soon = event_new(opts->base, -1, 0, on_event, j);
	j->timer = event_new(opts->base, -1, EV_PERSIST, on_timer, j);
	event_add(j->timer, &look);
	try_open(j);
	event_active(j->soon, 0, 0);
	return j;
}

void
logtail_journal_io_free(struct logtail_journal_io *j)
{
	if (j == NULL)
		return;
	if (j->readable != NULL)
		event_free(j->readable);
	event_free(j->timer);
	event_free(j->soon);
	if (j->j != NULL)
		sd_journal_close(j->j);
	free(j->cursor);
	free(j);
}

void
logtail_journal_io_go_on(struct logtail_journal_io *j)
{
	j->waiting = false;
	event_active(j->soon, 0, 0);
}
