// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `image` and `image_file` to and from struct bundle_image.
 *
 * A put replaces the files as a whole. Deadlines are kept as the JSON text they came in.
 * Failure modes: those of db.h; a row this program could not have written is -EUCLEAN. */
#include "db/db_image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	IMAGE_GET,
	IMAGE_PUT,
	IMAGE_DELETE,
	IMAGE_EXISTS,
	IMAGE_NAMES,
	IMAGE_NAMES_KIND,
	FILE_LIST,
	FILE_CLEAR,
	FILE_ADD,
};

static const char *const sql[] = {
    [IMAGE_GET] =
	"SELECT kind, args, reports_up, reports_installed, reports_booted, local_boot,"
	" deadlines, rev, nfs_root FROM image WHERE name = $1",
    [IMAGE_PUT] =
	"INSERT INTO image (name, kind, args, reports_up, reports_installed,"
	" reports_booted, local_boot, deadlines, rev, nfs_root)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (name) DO UPDATE "
	"SET"
	" kind = excluded.kind, args = excluded.args, reports_up = excluded.reports_up,"
	" reports_installed = excluded.reports_installed,"
	" reports_booted = excluded.reports_booted, local_boot = excluded.local_boot,"
	" deadlines = excluded.deadlines, nfs_root = excluded.nfs_root,"
	" rev = image.rev + 1",
    [IMAGE_DELETE] = "DELETE FROM image WHERE name = $1",
    [IMAGE_EXISTS] = "SELECT 1 FROM image WHERE name = $1",
    [IMAGE_NAMES] = "SELECT name FROM image WHERE name > $1 ORDER BY name LIMIT $2",
    [IMAGE_NAMES_KIND] = "SELECT name FROM image WHERE kind = $1 ORDER BY name",
    [FILE_LIST] = "SELECT role, name, path, sha256, size, template, url FROM image_file"
		  " WHERE image = $1 ORDER BY role, ord",
    [FILE_CLEAR] = "DELETE FROM image_file WHERE image = $1",
    [FILE_ADD] = "INSERT INTO image_file (image, role, ord, name, path, sha256, size,"
		 " template, url) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
};

struct store_sql
db_image_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *name)
{
	struct db_stmt *st = db_stmt(s->set[STORE_IMAGE], i);

	db_bind_text(st, 1, name);
	return st;
}

/* The slot of the next file of that role, or NULL when the image cannot have so many. */
static struct bundle_file *
slot(struct bundle_image *b, const char *role)
{
	if (str_eq(role, "kernel"))
		return &b->kernel;
	if (str_eq(role, "initrd"))
		return b->n_initrds < ARRAY_SIZE(b->initrds) ? &b->initrds[b->n_initrds++]
							     : NULL;
	return b->n_files < ARRAY_SIZE(b->files) ? &b->files[b->n_files++] : NULL;
}

static int
read_files(struct store *s, struct bundle_image *b)
{
	struct db_stmt *st = stmt_for(s, FILE_LIST, b->name);
	int rc;

	while ((rc = db_step(st)) == 1) {
		struct bundle_file *f = slot(b, db_col_text(st, 0));
		if (!f) {
			db_reset(st);
			return -EUCLEAN;
		}
		db_col_copy(st, 1, f->name, sizeof(f->name));
		db_col_copy(st, 2, f->path, sizeof(f->path));
		db_col_copy(st, 3, f->sha256, sizeof(f->sha256));
		f->size = db_col_i64(st, 4);
		f->template = db_col_bool(st, 5);
		db_col_copy(st, 6, f->url, sizeof(f->url));
	}
	return rc;
}

static int
read_image(struct db_stmt *st, struct db_image *ret)
{
	struct bundle_image *b = &ret->image;

	db_col_copy(st, 0, b->kind, sizeof(b->kind));
	db_col_copy(st, 1, b->args, sizeof(b->args));
	b->reports_up = db_col_bool(st, 2);
	b->reports_installed = db_col_bool(st, 3);
	b->reports_booted = db_col_bool(st, 4);
	b->local_boot = db_col_bool(st, 5);
	ret->rev = db_col_i64(st, 7);
	db_col_copy(st, 8, b->nfs_root, sizeof(b->nfs_root));
	if (!db_col_null(st, 6)) {
		const char *text = db_col_text(st, 6);
		b->deadlines = json_parse(text, strlen(text), NULL);
		if (!b->deadlines)
			return -EUCLEAN;
	}
	return 0;
}

int
db_image_get(struct store *s, const char *name, struct db_image *ret)
{
	struct db_stmt *st = stmt_for(s, IMAGE_GET, name);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	str_clip(ret->image.name, sizeof(ret->image.name), name);
	rc = read_image(st, ret);
	db_reset(st);
	if (rc == 0)
		rc = read_files(s, &ret->image);
	if (rc < 0)
		db_image_done(ret);
	return rc;
}

void
db_image_done(struct db_image *image)
{
	json_decref(image->image.deadlines);
	image->image.deadlines = NULL;
}

static int
put_file(struct store *s, const char *image, const char *role, size_t ord,
    const struct bundle_file *f)
{
	struct db_stmt *st = stmt_for(s, FILE_ADD, image);

	db_bind_text(st, 2, role);
	db_bind_i64(st, 3, (int64_t)ord);
	db_bind_text(st, 4, f->name);
	db_bind_text(st, 5, f->path);
	db_bind_text(st, 6, f->sha256);
	db_bind_i64(st, 7, f->size);
	db_bind_bool(st, 8, f->template);
	db_bind_opt(st, 9, f->url);
	return store_run(st);
}

static int
put_files(struct store *s, const struct bundle_image *b)
{
	int rc = store_run(stmt_for(s, FILE_CLEAR, b->name));

	if (rc == 0 && b->kernel.path[0])
		rc = put_file(s, b->name, "kernel", 0, &b->kernel);
	for (size_t i = 0; rc == 0 && i < b->n_initrds; i++)
		rc = put_file(s, b->name, "initrd", i, &b->initrds[i]);
	for (size_t i = 0; rc == 0 && i < b->n_files; i++)
		rc = put_file(s, b->name, "file", i, &b->files[i]);
	return rc;
}

int
db_image_put(struct store *s, const struct bundle_image *b, int64_t now)
{
	struct db_stmt *st = stmt_for(s, IMAGE_PUT, b->name);
	char *deadlines = b->deadlines ? json_text(b->deadlines) : NULL;

	s->generation++;
	assert(db_in_transaction(s->db));
	db_bind_text(st, 2, b->kind);
	db_bind_text(st, 3, b->args);
	db_bind_bool(st, 4, b->reports_up);
	db_bind_bool(st, 5, b->reports_installed);
	db_bind_bool(st, 6, b->reports_booted);
	db_bind_bool(st, 7, b->local_boot);
	db_bind_text(st, 8, deadlines);
	free(deadlines);
	db_bind_i64(st, 9, now);
	db_bind_opt(st, 10, b->nfs_root);
	int rc = store_run(st);
	return rc < 0 ? rc : put_files(s, b);
}

int
db_image_delete(struct store *s, const char *name)
{
	s->generation++;
	return store_change(stmt_for(s, IMAGE_DELETE, name));
}

int
db_image_exists(struct store *s, const char *name)
{
	struct db_stmt *st = stmt_for(s, IMAGE_EXISTS, name);
	int rc = db_step(st);

	db_reset(st);
	return rc;
}

int
db_image_names(struct store *s, const char *after, int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt_for(s, IMAGE_NAMES, after ? after : "");

	db_bind_i64(st, 2, limit);
	return store_collect(st, ret);
}

int
db_image_names_of_kind(struct store *s, const char *kind, struct store_names *ret)
{
	return store_collect(stmt_for(s, IMAGE_NAMES_KIND, kind), ret);
}
