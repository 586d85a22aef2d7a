// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `boot`: when a host began to boot, with what, and how that ended.
 *
 * Entry points: db_boot_begin(), db_boot_end(), db_boot_arch() while events are stored, in their
 * transaction; db_boot_get() and db_boot_ids() for the history. Each writing function may be repeated
 * without effect, so that a replayed event cannot move an end.
 * Failure modes: those of db.h. */
#include "db/db_boot.h"

#include <errno.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum { BOOT_BEGIN, BOOT_END, BOOT_ARCH, BOOT_IMAGE, BOOT_GET, BOOT_IDS, BOOT_IDS_HOST };

#define BEFORE                                                                     \
	"(CAST($2 AS TEXT) IS NULL OR seq < (SELECT seq FROM boot WHERE id = $2))" \
	" ORDER BY seq DESC LIMIT $3"

static const char *const sql[] = {
    [BOOT_BEGIN] =
	"INSERT INTO boot (id, host, site, job, attempt, planned, cause, began, image,"
	" arch, seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
	" (SELECT coalesce(max(seq), 0) + 1 FROM boot))"
	" ON CONFLICT (id) DO NOTHING",
    [BOOT_END] = "UPDATE boot SET outcome = $2, note = $3, ended = $4"
		 " WHERE id = $1 AND ended IS NULL",
    [BOOT_ARCH] = "UPDATE boot SET arch = $2 WHERE id = $1 AND arch IS NULL",
    [BOOT_IMAGE] = "UPDATE boot SET image = $2 WHERE id = $1 AND job IS NULL",
    [BOOT_GET] =
	"SELECT host, site, job, attempt, planned, cause, began, ended, outcome, note,"
	" image, arch FROM boot WHERE id = $1",
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
db_boot_arch(struct store *s, const char *id, const char *arch)
{
	struct db_stmt *st = stmt_for(s, BOOT_ARCH, id);

	db_bind_text(st, 2, arch);
	return store_run(st);
}

int
db_boot_image(struct store *s, const char *id, const char *image)
{
	struct db_stmt *st = stmt_for(s, BOOT_IMAGE, id);

	db_bind_text(st, 2, image);
	return store_run(st);
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
