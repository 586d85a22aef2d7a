// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `event` to and from struct event.
 *
 * Each list has a statement per leading filter, so that every one of them walks an index
 * in order of seq; the other filters narrow what that index finds. Several kinds are so many
 * walks of one index, merged: a source ("job.*") is first resolved to the kinds that there are of it, by a
 * seek each, so that rare kinds are found among millions of others without reading those.
 * Failure modes: those of db.h. */
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
	EVENT_KIND,
	EVENT_KIND_AFTER,
	EVENT_NEXT_OF_KIND,
	EVENT_AT,
	EVENT_BACK
};

#define COLUMNS                                                                     \
	"SELECT seq, at, kind, site, host, mac, ip, arch, boot, job, file, bytes, " \
	"total, reason,"                                                            \
	" detail, said_at FROM event"
#define NARROW                                         \
	" AND (CAST($2 AS TEXT) IS NULL OR host = $2)" \
	" AND (CAST($3 AS TEXT) IS NULL OR job = $3)"  \
	" AND (CAST($4 AS TEXT) IS NULL OR boot = $4)" \
	" AND seq <= $5 ORDER BY seq"

/* As the index event_last has it (db/schema/0015). */
#define KINDS_OF_SITES                                                             \
	"('agent.absent', 'agent.back', 'bootd.check', 'bootd.down', 'bootd.up', " \
	"'dhcp4.foreign', 'nfs.missing', 'nfs.seen', 'nfs.unchecked')"

static const char *const sql[] = {
    [EVENT_ADD] =
	"INSERT INTO event (seq, at, kind, site, host, mac, ip, arch, boot, job, file,"
	" bytes, total, reason, detail, agent, agent_seq, said_at)"
	" VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM event), $1, $2, $3, $4, $5, $6,"
	" $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING seq",
    [EVENT_LAST] = "SELECT coalesce(max(seq), 0) FROM event",
    [EVENT_LAST_KIND] = COLUMNS " WHERE kind = $1 AND (CAST($2 AS TEXT) IS NULL OR site "
				"= $2) ORDER BY seq DESC LIMIT 1",
    [EVENT_LAST_AT_SITES] =
	COLUMNS " WHERE seq IN (SELECT (SELECT max(e.seq) FROM event e"
		" WHERE e.kind IN " KINDS_OF_SITES
		" AND e.kind = $1 AND e.site = site.name) FROM site) ORDER BY site",
    [EVENT_NEWEST_KIND] = COLUMNS " WHERE kind = $1 ORDER BY seq DESC LIMIT $2",
    [EVENT_ALL] = COLUMNS " WHERE seq > $1" NARROW,
    [EVENT_HOST] = COLUMNS " WHERE host = $6 AND seq > $1" NARROW,
    [EVENT_JOB] = COLUMNS " WHERE job = $6 AND seq > $1" NARROW,
    [EVENT_BOOT] = COLUMNS " WHERE boot = $6 AND seq > $1" NARROW,
    [EVENT_KIND] = COLUMNS " WHERE kind = $6 AND seq > $1" NARROW,
    [EVENT_KIND_AFTER] =
	"SELECT kind FROM event WHERE kind > $1 AND kind < $2 ORDER BY kind LIMIT 1",
    [EVENT_NEXT_OF_KIND] = "SELECT seq FROM event WHERE kind = $1 AND seq > $2 AND seq "
			   "<= $3 ORDER BY seq LIMIT 1",
    [EVENT_AT] = COLUMNS " WHERE seq = $1",
    [EVENT_BACK] = "SELECT seq FROM event WHERE job = $1 AND seq <= $2"
		   " ORDER BY seq DESC LIMIT 1 OFFSET $3",
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
	if (ev->said_at != 0)
		db_bind_i64(st, 17, ev->said_at);
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
	ev.said_at = db_col_null(st, 15) ? 0 : db_col_i64(st, 15);
	ev.detail = detail[0] ? json_parse(detail, strlen(detail), NULL) : NULL;
	return ev;
}

/* ---- kinds ---- */

struct kinds {
	size_t n;
	char v[DB_EVENT_KINDS_MAX][EVENT_KIND_SIZE];
};

/* "job.*,boot.end" to its parts. */
static int
parse_kinds(const char *text, struct kinds *ret)
{
	ret->n = 0;
	for (const char *p = text; p; p = strchr(p, ',')) {
		p += p != text; /* the comma */
		size_t len = strcspn(p, ",");
		if (len == 0 || ret->n == DB_EVENT_KINDS_MAX ||
		    (memchr(p, '*', len) && p[len - 1] != '*') ||
		    str_format(ret->v[ret->n++], EVENT_KIND_SIZE, "%.*s", (int)len, p) <
			0)
			return -EINVAL;
	}
	return 0;
}

bool
db_event_kind_valid(const char *kind)
{
	struct kinds k;

	return !kind || parse_kinds(kind, &k) == 0;
}

static bool
kind_fits(const struct kinds *k, const char *kind)
{
	for (size_t i = 0; i < k->n; i++) {
		size_t len = strlen(k->v[i]);
		if (k->v[i][len - 1] == '*' ? strncmp(kind, k->v[i], len - 1) == 0
					    : str_eq(kind, k->v[i]))
			return true;
	}
	return k->n == 0;
}

bool
db_event_is_exact(const struct db_event_filter *f)
{
	int keys = (f->host != NULL) + (f->job != NULL) + (f->boot != NULL);

	return f->kind
		   ? keys == 0 && !str_has_prefix(f->kind, "*") && !strstr(f->kind, ",*")
		   : keys <= 1;
}

/* One of several walks. */
struct kind_walk {
	char kind[EVENT_KIND_SIZE];
	int64_t next; /* seq of its next event; INT64_MAX: none */
};

enum { WALKS_MAX = 256 };

struct merge {
	struct kind_walk v[WALKS_MAX];
	size_t n;
	bool full;
};

static void
merge_add(struct merge *m, const char *kind)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->v[i].kind, kind))
			return;
	if (m->n == WALKS_MAX) {
		m->full = true;
		return;
	}
	str_clip(m->v[m->n++].kind, EVENT_KIND_SIZE, kind);
}

/* The kinds that there are of a source: from "job." to what sorts behind every slug that begins so. */
static int
merge_add_source(struct store *s, struct merge *m, const char *pattern)
{
	char at[EVENT_KIND_SIZE], end[EVENT_KIND_SIZE];
	size_t len = strlen(pattern) - 1;
	int rc;

	str_clip(at, sizeof(at), pattern);
	str_clip(end, sizeof(end), pattern);
	at[len] = '\0';
	end[len] = '~';
	for (;;) {
		struct db_stmt *st = stmt(s, EVENT_KIND_AFTER);
		db_bind_text(st, 1, at);
		db_bind_text(st, 2, end);
		rc = db_step(st);
		if (rc <= 0)
			return rc;
		db_col_copy(st, 0, at, sizeof(at));
		db_reset(st);
		merge_add(m, at);
	}
}

static int
merge_move(struct store *s, struct kind_walk *w, int64_t after, int64_t until)
{
	struct db_stmt *st = stmt(s, EVENT_NEXT_OF_KIND);

	db_bind_text(st, 1, w->kind);
	db_bind_i64(st, 2, after);
	db_bind_i64(st, 3, until);
	int rc = db_step(st);
	if (rc < 0)
		return rc;
	w->next = rc == 1 ? db_col_i64(st, 0) : INT64_MAX;
	if (rc == 1)
		db_reset(st);
	return 0;
}

static struct kind_walk *
merge_first(struct merge *m)
{
	struct kind_walk *first = NULL;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].next != INT64_MAX && (!first || m->v[i].next < first->next))
			first = &m->v[i];
	return first;
}

/* ---- lists ---- */

struct walk {
	const struct kinds *kinds; /* NULL: all */
	int64_t left;
	int (*each)(void *arg, int64_t seq, const struct event *ev);
	void *arg;
};

/* 1: enough. */
static int
walk_row(struct walk *w, struct db_stmt *st)
{
	if (w->kinds && !kind_fits(w->kinds, db_col_text(st, 2)))
		return 0;
	struct event ev = read_event(st);
	int stop = w->each(w->arg, db_col_i64(st, 0), &ev);
	event_done(&ev);
	return stop || --w->left <= 0;
}

static int
walk_all(struct db_stmt *st, struct walk *w)
{
	int rc;

	while ((rc = db_step(st)) == 1)
		if (walk_row(w, st)) {
			db_reset(st);
			return 0;
		}
	return rc;
}

static int
walk(struct db_stmt *st, int (*each)(void *arg, int64_t seq, const struct event *ev),
    void *arg)
{
	struct walk w = {.left = INT64_MAX, .each = each, .arg = arg};

	return walk_all(st, &w);
}

/* A row after the other from whichever walk is next. */
static int
walk_merged(struct store *s, struct merge *m, int64_t until, struct walk *w)
{
	struct kind_walk *first;
	int rc = 0;

	while (rc == 0 && (first = merge_first(m)) != NULL) {
		struct db_stmt *st = stmt(s, EVENT_AT);
		db_bind_i64(st, 1, first->next);
		rc = db_step(st);
		if (rc < 0)
			return rc;
		bool enough = rc == 1 && walk_row(w, st);
		if (rc == 1)
			db_reset(st);
		if (enough)
			return 0;
		rc = merge_move(s, first, first->next, until);
	}
	return rc;
}

/* Several kinds of all hosts. 1: they are too many for that. */
static int
list_kinds(struct store *s, const struct db_event_filter *f, const struct kinds *k,
    int64_t until, struct walk *w)
{
	struct merge *m = str_alloc(sizeof(*m));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < k->n; i++)
		if (k->v[i][strlen(k->v[i]) - 1] == '*')
			rc = merge_add_source(s, m, k->v[i]);
		else
			merge_add(m, k->v[i]);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = merge_move(s, &m->v[i], f->after, until);
	if (rc == 0)
		rc = m->full ? 1 : walk_merged(s, m, until, w);
	free(m);
	return rc;
}

static struct db_stmt *
list_stmt(struct store *s, const struct db_event_filter *f, const struct kinds *k)
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
	} else if (k->n == 1 && !strchr(k->v[0], '*')) {
		which = EVENT_KIND;
		key = k->v[0];
	}
	struct db_stmt *st = stmt(s, which);
	if (key)
		db_bind_text(st, 6, key);
	return st;
}

int
db_event_list(struct store *s, const struct db_event_filter *f,
    int (*each)(void *arg, int64_t seq, const struct event *ev), void *arg)
{
	int64_t until = f->until ? f->until : INT64_MAX;
	struct kinds k = {.n = 0};
	struct walk w = {.left = f->limit, .each = each, .arg = arg};

	if (f->kind && parse_kinds(f->kind, &k) < 0)
		return -EINVAL;
	if (f->limit <= 0)
		return 0;
	if (f->kind && db_event_is_exact(f) && (k.n > 1 || strchr(f->kind, '*'))) {
		int rc = list_kinds(s, f, &k, until, &w);
		if (rc <= 0)
			return rc;
	}
	struct db_stmt *st = list_stmt(s, f, &k);
	db_bind_i64(st, 1, f->after);
	db_bind_text(st, 2, f->host);
	db_bind_text(st, 3, f->job);
	db_bind_text(st, 4, f->boot);
	db_bind_i64(st, 5, until);
	w.kinds = k.n > 0 ? &k : NULL;
	return walk_all(st, &w);
}

int
db_event_back(struct store *s, const char *job, int64_t until, int64_t n, int64_t *ret)
{
	struct db_stmt *st = stmt(s, EVENT_BACK);

	db_bind_text(st, 1, job);
	db_bind_i64(st, 2, until);
	db_bind_i64(st, 3, n - 1);
	int rc = db_step(st);
	if (rc < 0)
		return rc;
	*ret = rc == 1 ? db_col_i64(st, 0) : 0;
	if (rc == 1)
		db_reset(st);
	return 0;
}

int
db_event_last(struct store *s, int64_t *ret)
{
	return store_i64(stmt(s, EVENT_LAST), ret);
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
