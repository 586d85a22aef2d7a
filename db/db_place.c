// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `site_image`, `site_stock` and `site_file`, and which jobs wait for files.
 *
 * Entry points: db_place_*(). What a store tells is replaced as a whole: it tells all of it each time, and
 * the orchestrator writes it down only where it differs in more than progress (orchestrator/place.c).
 * Failure modes: those of db.h; a row that this program could not have written is -EUCLEAN. */
#include "db/db_place.h"

#include <assert.h>
#include <errno.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum {
	PLACE_ADD,
	PLACE_REMOVE,
	PLACE_IS,
	PLACE_IMAGES,
	PLACE_BUNDLES,
	PLACE_MENU,
	PLACE_FILE,
	STOCK_GET,
	STOCK_PUT,
	ROW_LIST,
	ROW_CLEAR,
	ROW_ADD,
	WAITING_SITE,
	WAITING_OVER,
	READY,
};

static const char *const sql[] = {
    [PLACE_ADD] = "INSERT INTO site_image (site, image, at, by_whom)"
		  " VALUES ($1, $2, $3, $4) ON CONFLICT (site, image) DO NOTHING",
    [PLACE_REMOVE] = "DELETE FROM site_image WHERE site = $1 AND image = $2",
    [PLACE_IS] = "SELECT 1 FROM site_image WHERE site = $1 AND image = $2",
    [PLACE_IMAGES] = "SELECT image FROM site_image WHERE site = $1"
		     " UNION SELECT image FROM host WHERE site = $1 AND image IS NOT NULL"
		     " UNION SELECT image FROM job WHERE site = $1 AND created >= $2"
		     " AND image IS NOT NULL ORDER BY 1",
    [PLACE_BUNDLES] = "SELECT bundle FROM job WHERE site = $1 AND ended IS NULL"
		      " AND image IS NOT NULL ORDER BY id",
    [PLACE_MENU] = "SELECT 1 FROM host WHERE idle = 'menu' AND site = $1 LIMIT 1",
    [PLACE_FILE] = "SELECT path, size FROM image_file WHERE sha256 = $1"
		   " ORDER BY image, role, ord LIMIT 1",
    [STOCK_GET] = "SELECT version, free, apart, at FROM site_stock WHERE site = $1",
    [STOCK_PUT] =
	"INSERT INTO site_stock (site, version, free, apart, at)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (site) DO UPDATE SET"
	" version = excluded.version, free = excluded.free, apart = excluded.apart,"
	" at = excluded.at",
    [ROW_LIST] = "SELECT sha256, path, size, state, got, source, rate, code, text, next,"
		 " wanted FROM site_file WHERE site = $1 ORDER BY sha256",
    [ROW_CLEAR] = "DELETE FROM site_file WHERE site = $1",
    [ROW_ADD] =
	"INSERT INTO site_file (site, sha256, path, size, state, got, source, rate,"
	" code, text, next, wanted)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    [WAITING_SITE] = "SELECT id FROM job WHERE site = $1 AND ended IS NULL"
		     " AND image_until IS NOT NULL ORDER BY id",
    [WAITING_OVER] = "SELECT id FROM job WHERE image_until <= $1 AND ended IS NULL"
		     " ORDER BY image_until, id",
    [READY] = "UPDATE job SET image_until = NULL WHERE id = $1",
};

struct store_sql
db_place_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *key)
{
	struct db_stmt *st = db_stmt(s->set[STORE_PLACE], i);

	db_bind_text(st, 1, key);
	return st;
}

int
db_place_add(
    struct store *s, const char *site, const char *image, const char *by, int64_t now)
{
	struct db_stmt *st = stmt_for(s, PLACE_ADD, site);

	s->generation++;
	db_bind_text(st, 2, image);
	db_bind_i64(st, 3, now);
	db_bind_text(st, 4, by);
	return store_run(st);
}

int
db_place_remove(struct store *s, const char *site, const char *image)
{
	struct db_stmt *st = stmt_for(s, PLACE_REMOVE, site);

	s->generation++;
	db_bind_text(st, 2, image);
	return store_change(st);
}

int
db_place_is(struct store *s, const char *site, const char *image)
{
	struct db_stmt *st = stmt_for(s, PLACE_IS, site);

	db_bind_text(st, 2, image);
	int rc = db_step(st);
	db_reset(st);
	return rc;
}

int
db_place_images(struct store *s, const char *site, int64_t since, struct store_names *ret)
{
	struct db_stmt *st = stmt_for(s, PLACE_IMAGES, site);

	db_bind_i64(st, 2, since);
	return store_collect(st, ret);
}

int
db_place_open_bundles(struct store *s, const char *site,
    void (*each)(void *arg, const char *bundle), void *arg)
{
	struct db_stmt *st = stmt_for(s, PLACE_BUNDLES, site);
	int rc;

	while ((rc = db_step(st)) == 1)
		each(arg, db_col_text(st, 0));
	return rc;
}

int
db_place_menu(struct store *s, const char *site)
{
	struct db_stmt *st = stmt_for(s, PLACE_MENU, site);
	int rc = db_step(st);

	db_reset(st);
	return rc;
}

int
db_place_file(struct store *s, const char *sha256, char ret_path[BUNDLE_PATH_SIZE],
    int64_t *ret_size)
{
	struct db_stmt *st = stmt_for(s, PLACE_FILE, sha256);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret_path, BUNDLE_PATH_SIZE);
	*ret_size = db_col_i64(st, 1);
	db_reset(st);
	return 0;
}

int
db_place_stock_get(struct store *s, const char *site, struct db_place_stock *ret)
{
	struct db_stmt *st = stmt_for(s, STOCK_GET, site);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	ret->version = db_col_i64(st, 0);
	ret->free = db_col_null(st, 1) ? -1 : db_col_i64(st, 1);
	ret->apart = db_col_bool(st, 2);
	ret->at = db_col_i64(st, 3);
	db_reset(st);
	return 0;
}

static int
read_row(struct db_stmt *st, struct db_place_row *row)
{
	struct store_msg_item *it = &row->item;

	*row = (struct db_place_row){.wanted = db_col_bool(st, 10)};
	db_col_copy(st, 0, it->sha256, sizeof(it->sha256));
	db_col_copy(st, 1, row->path, sizeof(row->path));
	it->size = db_col_i64(st, 2);
	it->got = db_col_i64(st, 4);
	it->rate = db_col_i64(st, 6);
	db_col_copy(st, 7, it->why.code, sizeof(it->why.code));
	db_col_copy(st, 8, it->why.text, sizeof(it->why.text));
	db_col_copy(st, 9, it->why.next, sizeof(it->why.next));
	if (store_msg_state_parse(db_col_text(st, 3), &it->state) < 0 ||
	    store_msg_source_parse(db_col_text(st, 5), &it->source) < 0)
		return -EUCLEAN;
	return 0;
}

int
db_place_rows(struct store *s, const char *site,
    void (*each)(void *arg, const struct db_place_row *row), void *arg)
{
	struct db_stmt *st = stmt_for(s, ROW_LIST, site);
	struct db_place_row row;
	int rc;

	while ((rc = db_step(st)) == 1) {
		if (read_row(st, &row) < 0) {
			db_reset(st);
			return -EUCLEAN;
		}
		each(arg, &row);
	}
	return rc;
}

static int
put_row(struct store *s, const char *site, const struct db_place_row *row)
{
	const struct store_msg_item *it = &row->item;
	struct db_stmt *st = stmt_for(s, ROW_ADD, site);

	db_bind_text(st, 2, it->sha256);
	db_bind_text(st, 3, row->path);
	db_bind_i64(st, 4, it->size);
	db_bind_text(st, 5, store_msg_state_name(it->state));
	db_bind_i64(st, 6, it->got);
	db_bind_text(st, 7, store_msg_source_name(it->source));
	db_bind_i64(st, 8, it->rate);
	db_bind_opt(st, 9, it->why.code);
	db_bind_opt(st, 10, it->why.text);
	db_bind_opt(st, 11, it->why.next);
	db_bind_bool(st, 12, row->wanted);
	return store_run(st);
}

int
db_place_put(struct store *s, const char *site, const struct db_place_stock *stock,
    const struct db_place_row *rows, size_t n)
{
	struct db_stmt *st = stmt_for(s, STOCK_PUT, site);

	assert(db_in_transaction(s->db));
	db_bind_i64(st, 2, stock->version);
	if (stock->free >= 0)
		db_bind_i64(st, 3, stock->free);
	db_bind_bool(st, 4, stock->apart);
	db_bind_i64(st, 5, stock->at);
	int rc = store_run(st);
	if (rc == 0)
		rc = store_run(stmt_for(s, ROW_CLEAR, site));
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = put_row(s, site, &rows[i]);
	return rc;
}

int
db_place_waiting(struct store *s, const char *site, int64_t now, struct store_names *ret)
{
	struct db_stmt *st;

	if (site)
		return store_collect(stmt_for(s, WAITING_SITE, site), ret);
	st = db_stmt(s->set[STORE_PLACE], WAITING_OVER);
	db_bind_i64(st, 1, now);
	return store_collect(st, ret);
}

int
db_place_ready(struct store *s, const char *job)
{
	return store_run(stmt_for(s, READY, job));
}
