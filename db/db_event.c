// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `event` to and from struct event.
 *
 * Each list has a statement per leading filter, so that every one of them walks an index
 * in order of seq; the other filters narrow what that index finds. Failure modes: those
 * of db.h. */
#include "db/db_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	EVENT_ADD,
	EVENT_LAST,
	EVENT_LAST_KIND,
	EVENT_LAST_AT_SITES,
	EVENT_NEWEST_KIND,
	EVENT_ALL,
	EVENT_HOST,
	EVENT_JOB,
	EVENT_BOOT,
	EVENT_KIND
};

#define COLUMNS                                                                     \
	"SELECT seq, at, kind, site, host, mac, ip, arch, boot, job, file, bytes, " \
	"total, reason,"                                                            \
	" detail FROM event"
#define NARROW                                                           \
	" AND (CAST($3 AS TEXT) IS NULL OR host = $3)"                   \
	" AND (CAST($4 AS TEXT) IS NULL OR job = $4)"                    \
	" AND (CAST($5 AS TEXT) IS NULL OR boot = $5)"                   \
	" AND (CAST($6 AS TEXT) IS NULL OR (kind >= $6 AND kind <= $7))" \
	" AND seq <= $9 ORDER BY seq LIMIT $2"

/* As the index event_last has it (db/schema/0004). */
#define KINDS_OF_SITES                                                               \
	"('bootd.check', 'bootd.down', 'bootd.up', 'dhcp4.foreign', 'nfs.missing', " \
	"'nfs.seen', 'nfs.unchecked')"

static const char *const sql[] = {
    [EVENT_ADD] =
	"INSERT INTO event (seq, at, kind, site, host, mac, ip, arch, boot, job, file,"
	" bytes, total, reason, detail, agent, agent_seq)"
	" VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM event), $1, $2, $3, $4, $5, $6,"
	" $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING seq",
    [EVENT_LAST] = "SELECT coalesce(max(seq), 0) FROM event",
    [EVENT_LAST_KIND] = COLUMNS " WHERE kind = $1 AND (CAST($2 AS TEXT) IS NULL OR site "
				"= $2) ORDER BY seq DESC LIMIT 1",
    [EVENT_LAST_AT_SITES] =
	COLUMNS " WHERE seq IN (SELECT (SELECT max(e.seq) FROM event e"
		" WHERE e.kind IN " KINDS_OF_SITES
		" AND e.kind = $1 AND e.site = site.name) FROM site) ORDER BY site",
    [EVENT_NEWEST_KIND] = COLUMNS " WHERE kind = $1 ORDER BY seq DESC LIMIT $2",
    [EVENT_ALL] = COLUMNS " WHERE seq > $1" NARROW,
    [EVENT_HOST] = COLUMNS " WHERE host = $8 AND seq > $1" NARROW,
    [EVENT_JOB] = COLUMNS " WHERE job = $8 AND seq > $1" NARROW,
    [EVENT_BOOT] = COLUMNS " WHERE boot = $8 AND seq > $1" NARROW,
    [EVENT_KIND] = COLUMNS " WHERE kind = $8 AND seq > $1" NARROW,
};

struct store_sql
db_event_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_EVENT], i);
}

int
db_event_add(struct store *s, const struct event *ev, const char *agent,
    int64_t agent_seq, int64_t *ret_seq)
{
	struct db_stmt *st = stmt(s, EVENT_ADD);
	char *detail = ev->detail ? json_text(ev->detail) : NULL;

	db_bind_i64(st, 1, ev->at);
	db_bind_text(st, 2, ev->kind);
	db_bind_opt(st, 3, ev->site);
	db_bind_opt(st, 4, ev->host);
	db_bind_opt(st, 5, ev->mac);
	db_bind_opt(st, 6, ev->ip);
	db_bind_opt(st, 7, ev->arch);
	db_bind_opt(st, 8, ev->boot);
	db_bind_opt(st, 9, ev->job);
	db_bind_opt(st, 10, ev->file);
	if (ev->bytes >= 0)
		db_bind_i64(st, 11, ev->bytes);
	if (ev->total >= 0)
		db_bind_i64(st, 12, ev->total);
	db_bind_opt(st, 13, ev->reason);
	db_bind_opt(st, 14, detail);
	db_bind_text(st, 15, agent);
	if (agent)
		db_bind_i64(st, 16, agent_seq);
	free(detail);
	int rc = db_step(st);
	if (rc < 0)
		return rc;
	if (ret_seq)
		*ret_seq = db_col_i64(st, 0);
	db_reset(st);
	return 0;
}

static int64_t
opt_i64(struct db_stmt *st, int col)
{
	return db_col_null(st, col) ? -1 : db_col_i64(st, col);
}

static struct event
read_event(struct db_stmt *st)
{
	struct event ev = event_make(db_col_text(st, 2), db_col_i64(st, 1));
	const char *detail = db_col_text(st, 14);

	db_col_copy(st, 3, ev.site, sizeof(ev.site));
	db_col_copy(st, 4, ev.host, sizeof(ev.host));
	db_col_copy(st, 5, ev.mac, sizeof(ev.mac));
	db_col_copy(st, 6, ev.ip, sizeof(ev.ip));
	db_col_copy(st, 7, ev.arch, sizeof(ev.arch));
	db_col_copy(st, 8, ev.boot, sizeof(ev.boot));
	db_col_copy(st, 9, ev.job, sizeof(ev.job));
	db_col_copy(st, 10, ev.file, sizeof(ev.file));
	ev.bytes = opt_i64(st, 11);
	ev.total = opt_i64(st, 12);
	db_col_copy(st, 13, ev.reason, sizeof(ev.reason));
	ev.detail = detail[0] ? json_parse(detail, strlen(detail), NULL) : NULL;
	return ev;
}

/* "job.*" is the range from "job." to what sorts behind every slug that begins so. */
static void
bind_kind(struct db_stmt *st, const char *kind)
{
	char from[EVENT_KIND_SIZE], to[EVENT_KIND_SIZE];

	if (!kind)
		return;
	str_clip(from, sizeof(from), kind);
	size_t n = strlen(from);
	str_clip(to, sizeof(to), kind);
	if (n > 0 && from[n - 1] == '*') {
		from[n - 1] = '\0';
		to[n - 1] = '~';
	}
	db_bind_text(st, 6, from);
	db_bind_text(st, 7, to);
}

static struct db_stmt *
list_stmt(struct store *s, const struct db_event_filter *f)
{
	size_t which = EVENT_ALL;
	const char *key = NULL;

	if (f->boot) {
		which = EVENT_BOOT;
		key = f->boot;
	} else if (f->job) {
		which = EVENT_JOB;
		key = f->job;
	} else if (f->host) {
		which = EVENT_HOST;
		key = f->host;
	} else if (f->kind && !strchr(f->kind, '*')) {
		which = EVENT_KIND;
		key = f->kind;
	}
	struct db_stmt *st = stmt(s, which);
	if (key)
		db_bind_text(st, 8, key);
	return st;
}

static int
walk(struct db_stmt *st, int (*each)(void *arg, int64_t seq, const struct event *ev),
    void *arg)
{
	int rc;

	while ((rc = db_step(st)) == 1) {
		struct event ev = read_event(st);
		int stop = each(arg, db_col_i64(st, 0), &ev);
		event_done(&ev);
		if (stop) {
			db_reset(st);
			return 0;
		}
	}
	return rc;
}

int
db_event_list(struct store *s, const struct db_event_filter *f,
    int (*each)(void *arg, int64_t seq, const struct event *ev), void *arg)
{
	struct db_stmt *st = list_stmt(s, f);

	db_bind_i64(st, 1, f->after);
	db_bind_i64(st, 2, f->limit);
	db_bind_text(st, 3, f->host);
	db_bind_text(st, 4, f->job);
	db_bind_text(st, 5, f->boot);
	db_bind_i64(st, 9, f->until ? f->until : INT64_MAX);
	bind_kind(st, f->kind);
	return walk(st, each, arg);
}

int
db_event_last(struct store *s, int64_t *ret)
{
	struct db_stmt *st = stmt(s, EVENT_LAST);
	int rc = db_step(st);

	if (rc < 0)
		return rc;
	*ret = db_col_i64(st, 0);
	db_reset(st);
	return 0;
}

int
db_event_last_of_kind(
    struct store *s, const char *kind, const char *site, struct event *ret)
{
	struct db_stmt *st = stmt(s, EVENT_LAST_KIND);

	db_bind_text(st, 1, kind);
	db_bind_text(st, 2, site);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = read_event(st);
	db_reset(st);
	return 0;
}

int
db_event_last_at_sites(struct store *s, const char *kind,
    int (*each)(void *arg, int64_t seq, const struct event *ev), void *arg)
{
	struct db_stmt *st = stmt(s, EVENT_LAST_AT_SITES);
	char quoted[EVENT_KIND_SIZE + 2];

	if (str_format(quoted, sizeof(quoted), "'%s'", kind) < 0 ||
	    !strstr(KINDS_OF_SITES, quoted))
		return -EINVAL;
	db_bind_text(st, 1, kind);
	return walk(st, each, arg);
}

int
db_event_newest_of_kind(struct store *s, const char *kind, int64_t limit,
    int (*each)(void *arg, int64_t seq, const struct event *ev), void *arg)
{
	struct db_stmt *st = stmt(s, EVENT_NEWEST_KIND);

	db_bind_text(st, 1, kind);
	db_bind_i64(st, 2, limit);
	return walk(st, each, arg);
}
