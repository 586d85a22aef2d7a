// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `boot`: when a host began to boot, with what, and how that ended.
 *
 * Entry points: db_boot_begin(), db_boot_end(), db_boot_note() and so on while events are stored, in their
 * transaction; db_boot_get() and db_boot_ids() for the history. Each writing function may be repeated
 * without effect, so that a replayed event cannot move an end.
 * Failure modes: those of db.h. */
#include "db/db_boot.h"

#include <errno.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum {
	BOOT_BEGIN,
	BOOT_END,
	BOOT_LOST,
	BOOT_NOTE,
	BOOT_FLAG,
	BOOT_FLAGS,
	BOOT_BLAME,
	BOOT_VERDICT,
	BOOT_FILES_PUT,
	BOOT_FILES,
	BOOT_POWER_OFF_OPEN,
	BOOT_POWER_OFF_END,
	BOOT_IMAGE,
	BOOT_GET,
	BOOT_IDS,
	BOOT_IDS_HOST
};

/* The bits of `flags`, lowest first. */
static const char *const flag_words[] = {"unordered", "power-off-seen", "other-dhcp"};

#define BEFORE                                                               \
	"seq < CASE WHEN CAST($2 AS TEXT) IS NULL THEN 9223372036854775807 " \
	"ELSE (SELECT b.seq FROM boot AS b WHERE b.id = $2) END"             \
	" ORDER BY seq DESC LIMIT $3"

static const char *const sql[] = {
    [BOOT_BEGIN] =
	"INSERT INTO boot (id, host, site, job, attempt, planned, cause, began, image,"
	" arch, mac, flags, seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
	"$12,"
	" (SELECT coalesce(max(seq), 0) + 1 FROM boot))"
	" ON CONFLICT DO NOTHING",
    [BOOT_END] = "UPDATE boot SET outcome = $2, note = $3, ended = $4"
		 " WHERE id = $1 AND ended IS NULL",
    [BOOT_LOST] =
	"UPDATE boot SET outcome = 'unknown', note = $3,"
	" ended = CASE WHEN began > $4 THEN began ELSE $4 END WHERE id = (SELECT o.id"
	" FROM boot AS o WHERE o.host = $1 AND o.ended IS NULL AND o.cause <> 'power-off'"
	" AND o.seq < (SELECT b.seq FROM boot AS b WHERE b.id = $2) ORDER BY o.seq"
	" LIMIT 1) RETURNING id",
    [BOOT_NOTE] =
	"UPDATE boot SET mac = coalesce(mac, $2), ip = coalesce($3, ip),"
	" ip6 = coalesce($4, ip6), arch = coalesce(arch, $5),"
	" vendor_class = coalesce(vendor_class, $6), loader = coalesce(loader, $7)"
	" WHERE id = $1",
    [BOOT_FLAGS] = "SELECT flags FROM boot WHERE id = $1",
    [BOOT_FLAG] = "UPDATE boot SET flags = flags | $2 WHERE id = $1",
    [BOOT_BLAME] =
	"UPDATE boot SET verdict_code = $2, verdict_text = $3, verdict_next = $4"
	" WHERE id = $1 AND verdict_code IS NULL AND coalesce(outcome, '') <> 'ok'",
    [BOOT_VERDICT] =
	"UPDATE boot SET verdict_code = $2, verdict_text = $3, verdict_next = $4"
	" WHERE id = $1 AND coalesce(outcome, '') <> 'ok'"
	" AND (verdict_code IS NULL OR verdict_code = $5)",
    [BOOT_FILES_PUT] = "UPDATE boot SET files = $2 WHERE id = $1 AND (files IS NULL OR"
		       " job IS NULL)",
    [BOOT_FILES] = "SELECT files FROM boot WHERE id = $1",
    [BOOT_POWER_OFF_OPEN] = "SELECT id FROM boot WHERE host = $1 AND"
			    " cause = 'power-off' AND ended IS NULL",
    [BOOT_POWER_OFF_END] =
	"UPDATE boot SET outcome = 'unknown', note = $2,"
	" ended = CASE WHEN began > $3 THEN began ELSE $3 END WHERE host = $1 AND"
	" cause = 'power-off' AND ended IS NULL RETURNING id",
    [BOOT_IMAGE] = "UPDATE boot SET image = $2 WHERE id = $1 AND job IS NULL",
    [BOOT_GET] =
	"SELECT boot.host, boot.site, boot.job, boot.attempt, planned, cause, began,"
	" boot.ended, outcome, note, boot.image, arch, mac, ip, ip6, vendor_class, "
	"loader,"
	" flags, boot.verdict_code, boot.verdict_text, boot.verdict_next, octets,"
	" job.kind, job.by_whom, job.reason"
	" FROM boot LEFT JOIN job ON job.id = boot.job WHERE boot.id = $1",
    [BOOT_IDS] = "SELECT id FROM boot WHERE " BEFORE,
    [BOOT_IDS_HOST] = "SELECT id FROM boot WHERE host = $1 AND " BEFORE,
};

struct store_sql
db_boot_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *id)
{
	struct db_stmt *st = db_stmt(s->set[STORE_BOOT], i);

	db_bind_text(st, 1, id);
	return st;
}

int
db_boot_begin(struct store *s, const struct db_boot *boot)
{
	struct db_stmt *st = stmt_for(s, BOOT_BEGIN, boot->id);

	db_bind_text(st, 2, boot->host);
	db_bind_text(st, 3, boot->site);
	db_bind_opt(st, 4, boot->job);
	if (boot->attempt > 0)
		db_bind_i64(st, 5, boot->attempt);
	db_bind_bool(st, 6, boot->planned);
	db_bind_opt(st, 7, boot->trigger);
	db_bind_i64(st, 8, boot->began);
	db_bind_opt(st, 9, boot->image);
	db_bind_opt(st, 10, boot->arch);
	db_bind_opt(st, 11, boot->mac);
	db_bind_i64(st, 12, boot->flags);
	return store_run(st);
}

int
db_boot_end(
    struct store *s, const char *id, const char *outcome, const char *text, int64_t at)
{
	struct db_stmt *st = stmt_for(s, BOOT_END, id);

	db_bind_text(st, 2, outcome);
	db_bind_opt(st, 3, text);
	db_bind_i64(st, 4, at);
	return store_run(st);
}

int
db_boot_lost(struct store *s, const char *host, const char *next, const char *text,
    int64_t at, char ret_id[ID_SIZE])
{
	struct db_stmt *st = stmt_for(s, BOOT_LOST, host);

	db_bind_text(st, 2, next);
	db_bind_text(st, 3, text);
	db_bind_i64(st, 4, at);
	return store_text(st, ret_id, ID_SIZE);
}

int
db_boot_note(struct store *s, const char *id, const struct db_boot_note *note)
{
	struct db_stmt *st = stmt_for(s, BOOT_NOTE, id);

	db_bind_opt(st, 2, note->mac);
	db_bind_opt(st, 3, note->ip);
	db_bind_opt(st, 4, note->ip6);
	db_bind_opt(st, 5, note->arch);
	db_bind_opt(st, 6, note->vendor_class);
	db_bind_opt(st, 7, note->loader);
	return store_run(st);
}

int
db_boot_flag(struct store *s, const char *id, int64_t flags)
{
	struct db_stmt *st = stmt_for(s, BOOT_FLAG, id);

	db_bind_i64(st, 2, flags);
	return store_run(st);
}

int
db_boot_flags(struct store *s, const char *id, int64_t *ret)
{
	return store_i64(stmt_for(s, BOOT_FLAGS, id), ret);
}

const char *
db_boot_flag_next(int64_t flags, unsigned *i)
{
	for (; *i < ARRAY_SIZE(flag_words); (*i)++) {
		if (flags >> *i & 1)
			return flag_words[(*i)++];
	}
	return NULL;
}

static struct db_stmt *
bind_verdict(struct store *s, size_t i, const char *id, const char *code,
    const char *text, const char *next)
{
	struct db_stmt *st = stmt_for(s, i, id);

	db_bind_opt(st, 2, code);
	db_bind_opt(st, 3, text);
	db_bind_opt(st, 4, next);
	return st;
}

int
db_boot_blame(
    struct store *s, const char *id, const char *code, const char *text, const char *next)
{
	return store_run(bind_verdict(s, BOOT_BLAME, id, code, text, next));
}

int
db_boot_verdict(struct store *s, const char *id, const char *instead_of, const char *code,
    const char *text, const char *next)
{
	struct db_stmt *st = bind_verdict(s, BOOT_VERDICT, id, code, text, next);

	db_bind_text(st, 5, instead_of);
	return store_run(st);
}

int
db_boot_files_put(struct store *s, const char *id, const char *files)
{
	struct db_stmt *st = stmt_for(s, BOOT_FILES_PUT, id);

	db_bind_text(st, 2, files);
	return store_run(st);
}

int
db_boot_files(struct store *s, const char *id, char **ret)
{
	struct db_stmt *st = stmt_for(s, BOOT_FILES, id);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = str_dup(db_col_text(st, 0));
	db_reset(st);
	return 0;
}

int
db_boot_power_off_open(struct store *s, const char *host, char ret_id[ID_SIZE])
{
	return store_text(stmt_for(s, BOOT_POWER_OFF_OPEN, host), ret_id, ID_SIZE);
}

int
db_boot_power_off_end(
    struct store *s, const char *host, const char *text, int64_t at, char ret_id[ID_SIZE])
{
	struct db_stmt *st = stmt_for(s, BOOT_POWER_OFF_END, host);

	db_bind_text(st, 2, text);
	db_bind_i64(st, 3, at);
	return store_text(st, ret_id, ID_SIZE);
}

int
db_boot_image(struct store *s, const char *id, const char *image)
{
	struct db_stmt *st = stmt_for(s, BOOT_IMAGE, id);

	db_bind_text(st, 2, image);
	return store_run(st);
}

static void
read_more(struct db_stmt *st, struct db_boot *b)
{
	db_col_copy(st, 12, b->mac, sizeof(b->mac));
	db_col_copy(st, 13, b->ip, sizeof(b->ip));
	db_col_copy(st, 14, b->ip6, sizeof(b->ip6));
	db_col_copy(st, 15, b->vendor_class, sizeof(b->vendor_class));
	db_col_copy(st, 16, b->loader, sizeof(b->loader));
	b->flags = db_col_i64(st, 17);
	db_col_copy(st, 18, b->verdict_code, sizeof(b->verdict_code));
	db_col_copy(st, 19, b->verdict_text, sizeof(b->verdict_text));
	db_col_copy(st, 20, b->verdict_next, sizeof(b->verdict_next));
	b->octets = db_col_i64(st, 21);
	db_col_copy(st, 22, b->kind, sizeof(b->kind));
	db_col_copy(st, 23, b->by, sizeof(b->by));
	db_col_copy(st, 24, b->reason, sizeof(b->reason));
}

int
db_boot_get(struct store *s, const char *id, struct db_boot *ret)
{
	struct db_stmt *st = stmt_for(s, BOOT_GET, id);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	str_clip(ret->id, sizeof(ret->id), id);
	db_col_copy(st, 0, ret->host, sizeof(ret->host));
	db_col_copy(st, 1, ret->site, sizeof(ret->site));
	db_col_copy(st, 2, ret->job, sizeof(ret->job));
	ret->attempt = db_col_i64(st, 3);
	ret->planned = db_col_bool(st, 4);
	db_col_copy(st, 5, ret->trigger, sizeof(ret->trigger));
	ret->began = db_col_i64(st, 6);
	ret->ended = db_col_i64(st, 7);
	db_col_copy(st, 8, ret->outcome, sizeof(ret->outcome));
	db_col_copy(st, 9, ret->text, sizeof(ret->text));
	db_col_copy(st, 10, ret->image, sizeof(ret->image));
	db_col_copy(st, 11, ret->arch, sizeof(ret->arch));
	read_more(st, ret);
	db_reset(st);
	return 0;
}

int
db_boot_ids(struct store *s, const char *host, const char *before, int64_t limit,
    struct store_names *ret)
{
	struct db_stmt *st = host ? stmt_for(s, BOOT_IDS_HOST, host)
				  : db_stmt(s->set[STORE_BOOT], BOOT_IDS);

	db_bind_text(st, 2, before);
	db_bind_i64(st, 3, limit);
	return store_collect(st, ret);
}
