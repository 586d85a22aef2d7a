/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's memory on disk (spool.h).
 *
 * Entry points: spool_open(), spool_begin() … spool_commit(), and one function per thing
 * kept (events: spool_event.c).
 * Ownership: a struct spool owns its connection and statements; documents are copied.
 * Failure modes: a full disk fails the statement or the commit with -ENOSPC; the caller
 * rolls back and everything is as it was at spool_begin(), the counters included.
 */
#include "agent/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/spool_priv.h"
#include "agent/spool_seal.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { EVENTS_DEFAULT = 200000, RESERVE_SIZE = 2 * 1024 * 1024 };
#define OCTETS_DEFAULT (256LL * 1024 * 1024)

static struct db_stmt *
stmt(struct spool *s, enum spool_schema_stmt which)
{
	return db_stmt(s->stmts, which);
}

/* ---- meta ---- */

/* 1 found, 0 not. */
int
spool_meta_get(struct spool *s, const char *key, char **ret)
{
	struct db_stmt *st = stmt(s, META_GET);
	int r;

	db_bind_text(st, 1, key);
	r = db_step(st);
	if (r == 1)
		*ret = str_dup(db_col_text(st, 0));
	db_reset(st);
	return r;
}

int
spool_meta_put(struct spool *s, const char *key, const char *value)
{
	struct db_stmt *st = stmt(s, META_PUT);
	int r;

	db_bind_text(st, 1, key);
	db_bind_text(st, 2, value);
	r = db_run(st);
	return r < 0 ? r : 0;
}

int
spool_put_mark(struct spool *s, const char *key, const char *value)
{
	return spool_meta_put(s, key, value);
}

int
spool_get_mark(struct spool *s, const char *key, char **ret)
{
	return spool_meta_get(s, key, ret);
}

int
spool_meta_get_i64(struct spool *s, const char *key, int64_t *ret)
{
	char *text = NULL;
	int r = spool_meta_get(s, key, &text);

	if (r == 1 && str_to_i64(text, 0, INT64_MAX, ret) < 0)
		r = -EUCLEAN;
	free(text);
	return r;
}

int
spool_meta_put_i64(struct spool *s, const char *key, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	return spool_meta_put(s, key, text);
}

/* ---- open and close ---- */

static int
load_identity(struct spool *s, int64_t now, struct rng *rng)
{
	char *id = NULL;
	int r = spool_meta_get(s, "agent", &id);

	if (r == 1) {
		r = id_valid(id) ? str_copy(s->id, sizeof(s->id), id) : -EUCLEAN;
		free(id);
		return r;
	}
	if (r < 0)
		return r;
	id_make(now, rng, s->id);
	r = spool_begin(s);
	if (r < 0)
		return r;
	r = spool_meta_put(s, "agent", s->id);
	if (r < 0) {
		spool_rollback(s);
		return r;
	}
	return spool_commit(s);
}

static void
read_clocks(int64_t *ret_wall, int64_t *ret_mono)
{
	*ret_wall = clock_wall();
	*ret_mono = clock_mono();
}

/* "": it cannot be told, and is not asked about. */
static void
read_boot(char ret[SPOOL_CLOCK_BOOT_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, SPOOL_CLOCK_BOOT_SIZE - 1);

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

int
spool_open(const struct spool_opts *opts, int64_t now, struct rng *rng,
    struct spool **ret, struct error *err)
{
	struct spool *s = str_alloc(sizeof(*s));
	int r;

	s->key = opts->key;
	s->max_events = opts->max_events > 0 ? opts->max_events : EVENTS_DEFAULT;
	s->max_octets = opts->max_octets > 0 ? opts->max_octets : OCTETS_DEFAULT;
	s->clocks = opts->clocks != NULL ? opts->clocks : read_clocks;
	read_boot(s->boot);
	str_clip(s->site, sizeof(s->site), opts->site);
	r = str_eq(opts->path, ":memory:")
		? 0
		: str_format(s->reserve, sizeof(s->reserve), "%s.reserve", opts->path);
	if (r == 0)
		r = db_open(opts->path, &s->db, err);
	if (r < 0)
		goto out;
	r = db_migrate(s->db, spool_schema_migrations, spool_schema_count, now, err);
	if (r < 0)
		goto out;
	r = db_stmts_new(s->db, spool_schema_sql, SPOOL_STMTS, &s->stmts, err);
	if (r < 0)
		goto out;
	r = load_identity(s, now, rng);
	if (r >= 0)
		r = spool_event_load_counters(s);
	if (r < 0) {
		spool_error(s, r, err, "read the spool");
		goto out;
	}
	*ret = s;
	return 0;
out:
	spool_close(s);
	return r;
}

void
spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	db_stmts_free(s->stmts);
	db_close(s->db);
	free(s);
}

const char *
spool_id(const struct spool *s)
{
	return s->id;
}

int
spool_is_replaced(struct spool *s, bool *ret)
{
	int64_t v = 0;
	int r = spool_meta_get_i64(s, "replaced", &v);

	if (r < 0)
		return r;
	*ret = v != 0;
	return 0;
}

int
spool_set_replaced(struct spool *s, bool replaced)
{
	int r = spool_begin(s);

	if (r < 0)
		return r;
	r = spool_meta_put_i64(s, "replaced", replaced);
	if (r < 0) {
		spool_rollback(s);
		return r;
	}
	return spool_commit(s);
}

/* ---- room for a full disk ---- */

int
spool_reserve(struct spool *s)
{
	struct stat st;
	int fd, r;

	s->tight = false;
	if (s->reserve[0] == '\0' ||
	    (stat(s->reserve, &st) == 0 && st.st_size >= RESERVE_SIZE))
		return 0;
	s->tight = true;
	fd = open(s->reserve, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = -posix_fallocate(fd, 0, RESERVE_SIZE);
	close(fd);
	if (r < 0)
		unlink(s->reserve);
	s->tight = r < 0;
	return r;
}

bool
spool_release(struct spool *s)
{
	s->tight = s->reserve[0] != '\0';
	return s->tight && unlink(s->reserve) == 0;
}

/* ---- transactions ---- */

int
spool_begin(struct spool *s)
{
	s->saved = s->now;
	return db_begin(s->db);
}

void
spool_rollback(struct spool *s)
{
	db_rollback(s->db);
	s->now = s->saved;
}

int
spool_commit(struct spool *s)
{
	int r = spool_event_save_counters(s);

	if (r == 0)
		r = db_commit(s->db);
	if (r < 0)
		spool_rollback(s);
	return r;
}

int
spool_error(struct spool *s, int rc, struct error *err, const char *doing)
{
	if (rc == -ENOSPC)
		return error_set(err, rc, "spool-full",
		    "free space on the disk that holds the agent's state_dir",
		    "cannot %s: no space left for the agent's spool", doing);
	return db_error(s->db, rc, err, doing);
}

/* ---- jobs and tickets ---- */

static char *
run_text(const struct run *r)
{
	json_t *v = run_to_json(r);
	char *text = json_text(v);

	json_decref(v);
	return text;
}

int
spool_put_job(struct spool *s, const struct bundle *b, const struct run *r,
    const char *origin, int64_t now)
{
	struct db_stmt *st = stmt(s, JOB_PUT);
	struct bundle *bare = str_alloc(sizeof(*bare));
	char *sealed, *doc, *run;
	json_t *v;
	int rc;

	*bare = *b;
	secret_wipe(bare->bmc.password, sizeof(bare->bmc.password));
	secret_wipe(bare->bmc.kg, sizeof(bare->bmc.kg));
	bare->bmc.kg_set = false;
	/* Of a rotation alone, which is no job: no bundle should have it, and none is kept. */
	secret_wipe(bare->bmc.password_next, sizeof(bare->bmc.password_next));
	bare->bmc.next_runs = 0;
	v = bundle_to_json(bare);
	free(bare);
	sealed = spool_seal(s->key, b, v);
	doc = json_text(v);
	json_decref(v);
	run = run_text(r);
	db_bind_text(st, 1, b->job);
	db_bind_i64(st, 2, now);
	db_bind_text(st, 3, doc);
	db_bind_opt(st, 4, sealed);
	db_bind_text(st, 5, run);
	db_bind_text(st, 6, b->host.name);
	db_bind_text(st, 7, origin);
	rc = db_run(st);
	free(doc);
	free(run);
	free(sealed);
	return rc < 0 ? rc : 0;
}

int
spool_put_ticket(struct spool *s, const struct run *r, const struct ticket *t)
{
	struct db_stmt *st = stmt(s, TICKET_PUT);
	int rc;

	db_bind_text(st, 1, t->id);
	db_bind_text(st, 2, r->job);
	db_bind_text(st, 3, ticket_state_name(t->state));
	db_bind_i64(st, 4, t->changed);
	rc = db_run(st);
	return rc < 0 ? rc : 0;
}

int
spool_save_run(struct spool *s, const struct run *r, int64_t now)
{
	struct db_stmt *st = stmt(s, run_ended(r) ? JOB_END : JOB_SAVE);
	char *text = run_text(r);
	int rc;

	db_bind_text(st, 1, r->job);
	db_bind_text(st, 2, text);
	if (run_ended(r))
		db_bind_i64(st, 3, now);
	rc = db_run(st);
	free(text);
	if (rc < 0)
		return rc;
	assert(rc == 1);
	return r->ticket.state == TICKET_NONE ? 0 : spool_put_ticket(s, r, &r->ticket);
}

int
spool_end_job(struct spool *s, const char *job, int64_t now)
{
	struct db_stmt *st = stmt(s, JOB_CLOSE);
	int r;

	db_bind_text(st, 1, job);
	db_bind_i64(st, 2, now);
	r = db_run(st);
	return r < 0 ? r : 0;
}

int
spool_job_known(struct spool *s, const char *job)
{
	struct db_stmt *st = stmt(s, JOB_KNOWN);
	int r;

	db_bind_text(st, 1, job);
	r = db_step(st);
	db_reset(st);
	return r;
}

static int
read_bundle(struct spool *s, const char *job, const char *doc, const char *sealed,
    struct bundle *ret, struct error *err)
{
	json_t *v = json_parse(doc, strlen(doc), err);
	int r;

	if (v == NULL)
		return -EINVAL;
	r = bundle_from_json(v, ret, err);
	if (r == 0) {
		r = spool_seal_open(s->key, job, sealed, v, &ret->bmc, err);
		if (r < 0)
			bundle_done(ret);
	}
	json_decref(v);
	return r;
}

static int
read_run(const char *doc, struct run *ret, struct error *err)
{
	json_t *v = json_parse(doc, strlen(doc), err);
	int r;

	if (v == NULL)
		return -EINVAL;
	r = run_from_json(v, ret, err);
	json_decref(v);
	return r;
}

int
spool_get_run(struct spool *s, const char *job, struct run *ret)
{
	struct db_stmt *st = stmt(s, JOB_KNOWN);
	int r;

	db_bind_text(st, 1, job);
	r = db_step(st);
	if (r == 1)
		r = read_run(db_col_text(st, 0), ret, NULL) == 0;
	db_reset(st);
	return r;
}

int
spool_each_job(struct spool *s, spool_job_fn *fn, void *arg)
{
	struct db_stmt *st = stmt(s, JOB_EACH);
	struct bundle *b = str_alloc(sizeof(*b));
	struct run *run = str_alloc(sizeof(*run));
	int r;

	while ((r = db_step(st)) == 1) {
		char job[ID_SIZE];
		struct error err = {0};
		bool have_run;

		db_col_copy(st, 0, job, sizeof(job));
		have_run = read_run(db_col_text(st, 3), run, &err) == 0;
		if (have_run && read_bundle(s, job, db_col_text(st, 1),
				    db_col_text(st, 2), b, &err) == 0)
			fn(arg, job, b, run, NULL);
		else
			fn(arg, job, NULL, have_run ? run : NULL, &err);
	}
	db_reset(st);
	secret_wipe(b, sizeof(*b));
	free(b);
	free(run);
	return r;
}

/* The id stays for good: an order that is repeated after any time, by a database that was
 * restored or by a clock that was set, must not begin the job a second time. */
int
spool_purge(struct spool *s, int64_t before)
{
	struct db_stmt *st = stmt(s, TICKET_PURGE);
	int r;

	db_bind_i64(st, 1, before);
	r = db_run(st);
	st = stmt(s, JOB_PURGE);
	db_bind_i64(st, 1, before);
	r = r < 0 ? r : db_run(st);
	return r < 0 ? r : 0;
}

/* ---- the site's table ---- */

int
spool_put_host(struct spool *s, const struct bundle_host *h)
{
	struct db_stmt *st = stmt(s, HOST_PUT);
	json_t *v = bundle_host_to_json(h);
	char *text = json_text(v);
	int r;

	json_decref(v);
	db_bind_text(st, 1, h->name);
	db_bind_text(st, 2, text);
	r = db_run(st);
	free(text);
	return r < 0 ? r : 0;
}

int
spool_del_host(struct spool *s, const char *name)
{
	struct db_stmt *st = stmt(s, HOST_DEL);
	int r;

	db_bind_text(st, 1, name);
	r = db_run(st);
	return r < 0 ? r : 0;
}

int
spool_put_head(struct spool *s, const struct bundle_site *site)
{
	struct bundle_site *bare = str_alloc(sizeof(*bare));
	json_t *v;
	char *text;
	int r;

	*bare = *site;
	bare->hosts = NULL;
	bare->n_hosts = 0;
	v = bundle_site_to_json(bare);
	free(bare);
	text = json_text(v);
	json_decref(v);
	r = spool_meta_put(s, "site", text);
	free(text);
	return r;
}

int
spool_put_site(struct spool *s, const struct bundle_site *site)
{
	int r = spool_put_head(s, site);

	if (r == 0)
		r = db_run(stmt(s, HOST_CLEAR));
	for (size_t i = 0; r >= 0 && i < site->n_hosts; i++)
		r = spool_put_host(s, &site->hosts[i]);
	return r < 0 ? r : 0;
}

int
spool_load_site(struct spool *s, struct bundle_site *ret, struct error *err)
{
	char *text = NULL;
	json_t *v;
	int r = spool_meta_get(s, "site", &text);

	if (r < 0)
		return spool_error(s, r, err, "read the site's table");
	if (r == 0)
		return 0;
	v = json_parse(text, strlen(text), err);
	r = v == NULL ? -EINVAL : bundle_site_from_json(v, ret, err);
	json_decref(v);
	free(text);
	return r < 0 ? r : 1;
}

static int
read_host(struct spool *s, struct db_stmt *st, const char *name, struct bundle_host *ret,
    struct error *err)
{
	size_t strange = 0;
	int r;

	db_bind_text(st, 1, name);
	r = db_step(st);
	if (r == 1) {
		const char *text = db_col_text(st, 0);
		json_t *v = json_parse(text, strlen(text), err);

		r = v == NULL ? -EINVAL : bundle_host_of_table(v, ret, &strange, err);
		json_decref(v);
		r = r < 0 ? r : 1;
	} else if (r < 0) {
		spool_error(s, r, err, "read the site's table");
	}
	db_reset(st);
	return r;
}

int
spool_next_host(
    struct spool *s, const char *after, struct bundle_host *ret, struct error *err)
{
	return read_host(s, stmt(s, HOST_NEXT), after, ret, err);
}

int
spool_get_host(
    struct spool *s, const char *name, struct bundle_host *ret, struct error *err)
{
	return read_host(s, stmt(s, HOST_GET), name, ret, err);
}

/* ---- boots without a job ---- */

int
spool_put_boot(struct spool *s, const struct spool_boot *b)
{
	struct db_stmt *st = stmt(s, BOOT_PUT);
	int r;

	db_bind_text(st, 1, b->host);
	db_bind_text(st, 2, b->id);
	db_bind_i64(st, 3, b->last);
	r = db_run(st);
	return r < 0 ? r : 0;
}

int
spool_del_boot(struct spool *s, const char *host)
{
	struct db_stmt *st = stmt(s, BOOT_DEL);
	int r;

	db_bind_text(st, 1, host);
	r = db_run(st);
	return r < 0 ? r : 0;
}

int
spool_each_boot(
    struct spool *s, void (*fn)(void *arg, const struct spool_boot *b), void *arg)
{
	struct db_stmt *st = stmt(s, BOOT_EACH);
	int r;

	while ((r = db_step(st)) == 1) {
		struct spool_boot b = {.last = db_col_i64(st, 2)};

		db_col_copy(st, 0, b.host, sizeof(b.host));
		db_col_copy(st, 1, b.id, sizeof(b.id));
		fn(arg, &b);
	}
	db_reset(st);
	return r;
}
