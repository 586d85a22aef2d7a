// SPDX-License-Identifier: GPL-3.0-or-later
/* SQLite behind a narrow interface: see db.h for the contract.
 *
 * Entry points: db_open/db_migrate at start, db_stmts_new per table of statements, then
 * db_stmt/db_bind/db_step. A `struct db` owns the connection and the descriptor of its
 * lock file; a `struct db_stmts` owns its prepared statements and borrows the connection.
 *
 * SQLite numbers "$NAME" parameters in the order in which they first appear in the text,
 * and does not read the NAME: "$2, $1" would be bound the wrong way round. So each
 * statement keeps a map from the number after the $ to SQLite's index, made when it is
 * prepared.
 *
 * Failure modes: every call may meet a full disk; the code is -ENOSPC then, and the open
 * transaction is to be rolled back by the caller. SIGXFSZ must be ignored by the program
 * for a file size limit to be seen as an error at all. */
#include "db/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/str.h"

enum { BUSY_TIMEOUT_MS = 5000, WHY_SIZE = 200 };

struct db {
	sqlite3 *handle;
	int lock_fd;
	int64_t rows;
	int failed; /* the last failure, and SQLite's words of it, which go by with the next call */
	char why[WHY_SIZE];
};

struct db_stmt {
	struct db *db;
	sqlite3_stmt *st;
	int index[DB_PARAMS_MAX + 1]; /* [number after $] → SQLite's index, 0: absent */
	int bind_rc;		      /* first failed bind since the reset */
};

struct db_stmts {
	size_t n;
	struct db_stmt stmts[];
};

static int
errno_of_ioerr(sqlite3 *handle)
{
	/* SQLite keeps the errno of the main file's errors and not of the WAL's: for those, the one of
	 * the call that just failed (cleared before it, see exec() and db_step()) is the only trace. */
	int sys = sqlite3_system_errno(handle) ? sqlite3_system_errno(handle) : errno;

	if (sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
		return -ENOSPC;
	return sys == EROFS ? -EROFS : -EIO;
}

static int
errno_of_constraint(int extended)
{
	switch (extended) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID: return -EEXIST;
	case SQLITE_CONSTRAINT_FOREIGNKEY: return -ENOLINK;
	case SQLITE_CONSTRAINT_TRIGGER: return -EPERM;
	default: return -EINVAL;
	}
}

static int
errno_of(sqlite3 *handle, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_NOMEM: abort();
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return errno_of_ioerr(handle);
	case SQLITE_CONSTRAINT:
		return errno_of_constraint(sqlite3_extended_errcode(handle));
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EUCLEAN;
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
	case SQLITE_MISMATCH: return -EINVAL;
	default: return -EIO;
	}
}

/* The errno of what SQLite has just returned; its reason is kept for db_error(). */
static int
outcome(struct db *db, int rc)
{
	int res = errno_of(db->handle, rc);

	if (res < 0) {
		db->failed = res;
		str_clip(db->why, sizeof(db->why), sqlite3_errmsg(db->handle));
	}
	return res;
}

int
db_error(struct db *db, int rc, struct error *err, const char *doing)
{
	const char *why = db->failed == rc ? db->why : strerror(-rc);

	switch (rc) {
	case -ENOSPC:
		return error_set(err, rc, "disk-full",
		    "free space on the database's disk, then repeat",
		    "cannot %s: the disk of the database is full", doing);
	case -EUCLEAN:
		return error_set(err, rc, "db-damaged",
		    "stop the program and restore the database from a backup",
		    "cannot %s: the database file is damaged: %s", doing, why);
	case -EBUSY:
		return error_set(err, rc, "db-busy",
		    "end the other program that has it open",
		    "cannot %s: the database is locked by another program", doing);
	case -EROFS:
		return error_set(err, rc, "db-readonly",
		    "check the owner and mode of the file",
		    "cannot %s: the database is not writable", doing);
	case -EOVERFLOW: /* of db_audit_add() alone: no change is made without its row */
		return error_set(err, rc, "audit-broken",
		    "netboot-ctl audit verify; docs/operations.md, \"The audit\"",
		    "cannot %s: the audit's newest row has the last number there is: it "
		    "was put there by hand",
		    doing);
	case -EEXIST:
	case -ENOLINK:
	case -EPERM:
	case -EINVAL:
		return error_set(err, rc, "db-constraint",
		    "look at what is recorded already: the database's rules do not allow "
		    "both",
		    "cannot %s: %s", doing, why);
	default:
		return error_set(err, rc, "db-error",
		    "look at the program's log and at the database's disk, then repeat",
		    "cannot %s: %s", doing, why);
	}
}

static int
exec(struct db *db, const char *sql)
{
	errno = 0;
	return outcome(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

/* The first column of the first row of a statement without parameters. -ENODATA: no row.
 */
static int
query_i64(struct db *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	int res = rc == SQLITE_DONE ? -ENODATA : outcome(db, rc);
	sqlite3_finalize(st);
	return res;
}

/* The lock is flock(2)'s: it ends with the process however that ends. */
static int
take_lock(struct db *db, const char *path, struct error *err)
{
	char name[4096];
	int rc = str_format(name, sizeof(name), "%s.lock", path);

	if (rc < 0)
		return error_set(
		    err, rc, "db-open", NULL, "database path too long: %s", path);
	db->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (db->lock_fd < 0) {
		rc = -errno;
		return error_set(err, rc, rc == -ENOSPC ? "disk-full" : "db-open",
		    "check that the folder exists and belongs to this program's user",
		    "cannot create %s: %s", name, strerror(-rc));
	}
	if (flock(db->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, -EBUSY, "db-in-use", "end the other process first",
		    "database %s is in use by another process", path);
	/* Created here so that its mode does not depend on the umask: it holds sealed
	 * secrets. */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = -errno;
		return error_set(err, rc, rc == -ENOSPC ? "disk-full" : "db-open",
		    "check the owner and mode of the file", "cannot open database %s: %s",
		    path, strerror(-rc));
	}
	close(fd);
	return 0;
}

int
db_open(const char *path, struct db **ret, struct error *err)
{
	struct db *db = str_alloc(sizeof(*db));
	int rc = 0;

	db->lock_fd = -1;
	if (!str_eq(path, ":memory:"))
		rc = take_lock(db, path, err);
	if (rc < 0)
		goto out;
	rc = sqlite3_open_v2(path, &db->handle,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (!db->handle)
		abort();
	rc = outcome(db, rc);
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	if (rc == 0)
		rc =
		    exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			     "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
			     /* One long reader would else leave a large file for good. */
			     "PRAGMA journal_size_limit=67108864;");
	if (rc < 0) {
		db_error(db, rc, err, "open the database");
		error_prefix(err, "%s", path);
		goto out;
	}
	*ret = db;
	db = NULL;
out:
	db_close(db);
	return rc;
}

int
db_open_reader(const char *path, struct db **ret, struct error *err)
{
	struct db *db = str_alloc(sizeof(*db));

	db->lock_fd = -1;
	int rc = sqlite3_open_v2(
	    path, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (!db->handle)
		abort();
	rc = outcome(db, rc);
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	/* Readers look at much at once: what a fleet's rows and indices are in stays in memory. */
	if (rc == 0)
		rc = exec(db, "PRAGMA cache_size=-32768");
	if (rc < 0) {
		db_error(db, rc, err, "open the database for reading");
		db_close(db);
		return rc;
	}
	*ret = db;
	return 0;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	if (db->handle) {
		db_rollback(db);
		int rc = sqlite3_close(db->handle);
		assert(rc == SQLITE_OK);
	}
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	free(db);
}

int
db_schema_version(struct db *db, int *ret)
{
	int64_t v = 0;
	int rc = query_i64(
	    db, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'", &v);

	if (rc == 0 && v > 0)
		rc = query_i64(
		    db, "SELECT coalesce(max(version), 0) FROM schema_version", &v);
	if (rc < 0)
		return rc;
	*ret = (int)v;
	return 0;
}

/* A file made by another program, or by a history that was not released, is not ours to
 * change. */
static int
check_names(struct db *db, const struct db_migration *list, size_t n, struct error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->handle,
	    "SELECT version, name FROM schema_version ORDER BY version", -1, &st, NULL);
	int res = 0;

	while (res == 0 && rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t version = sqlite3_column_int64(st, 0);
		const char *name = (const char *)sqlite3_column_text(st, 1);
		if (version < 1 || version > (int64_t)n ||
		    !str_eq(name, list[version - 1].name))
			res = error_set(err, -EINVAL, "db-foreign",
			    "check the database path in the configuration",
			    "this database was made by another program: its schema %lld "
			    "is \"%s\"",
			    (long long)version, name ? name : "");
		rc = SQLITE_OK;
	}
	if (res == 0 && rc != SQLITE_DONE && rc != SQLITE_OK)
		res = db_error(db, outcome(db, rc), err, "read the schema version");
	sqlite3_finalize(st);
	return res;
}

static int
migrate_one(struct db *db, const struct db_migration *m, int64_t now)
{
	sqlite3_stmt *st = NULL;
	int rc = db_begin(db);

	if (rc == 0)
		rc = exec(db, m->sql);
	if (rc == 0)
		rc = outcome(db, sqlite3_prepare_v2(db->handle,
				     "INSERT INTO schema_version (version, "
				     "name, applied) VALUES (?, ?, ?)",
				     -1, &st, NULL));
	if (rc == 0) {
		sqlite3_bind_int(st, 1, m->version);
		sqlite3_bind_text(st, 2, m->name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, now);
		rc = outcome(db, sqlite3_step(st));
	}
	sqlite3_finalize(st);
	if (rc == 0)
		rc = db_commit(db);
	return rc;
}

int
db_migrate(struct db *db, const struct db_migration *list, size_t n, int64_t now,
    struct error *err)
{
	int have = 0;
	int rc = db_schema_version(db, &have);

	if (rc < 0)
		return db_error(db, rc, err, "read the schema version");
	if (have > (int)n)
		return error_set(err, -EINVAL, "db-newer",
		    "install the newer program, or restore the backup made before its "
		    "upgrade",
		    "database %s has schema %d, this program knows only up to %d; "
		    "nothing was changed",
		    sqlite3_db_filename(db->handle, "main"), have, (int)n);
	if (have == 0)
		rc = exec(db, "CREATE TABLE IF NOT EXISTS schema_version (version "
			      "INTEGER PRIMARY KEY,"
			      " name TEXT NOT NULL, applied BIGINT NOT NULL)");
	if (rc < 0)
		return db_error(db, rc, err, "create the schema");
	rc = check_names(db, list, n, err);
	for (size_t i = (size_t)have; rc == 0 && i < n; i++) {
		assert(list[i].version == (int)i + 1);
		rc = migrate_one(db, &list[i], now);
		if (rc < 0) {
			db_error(db, rc, err, "change the schema");
			error_prefix(err, "%s", list[i].name);
			db_rollback(db);
		}
	}
	return rc;
}

int
db_check(const char *path, char *buf, size_t size)
{
	sqlite3 *handle = NULL;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_open_v2(
	    path, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (!handle)
		abort();
	sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
	errno = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(handle, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		str_clip(buf, size, (const char *)sqlite3_column_text(st, 0));
	rc = errno_of(handle, rc);
	sqlite3_finalize(st);
	sqlite3_close(handle);
	return rc;
}

/* Fills the map from $N to SQLite's index. */
static int
map_params(struct db_stmt *st, struct error *err)
{
	int n = sqlite3_bind_parameter_count(st->st);

	for (int i = 1; i <= n; i++) {
		const char *name = sqlite3_bind_parameter_name(st->st, i);
		int64_t number = 0;
		if (!name || name[0] != '$' ||
		    str_to_i64(name + 1, 1, DB_PARAMS_MAX, &number) < 0)
			return error_set(err, -EINVAL, "db-error", NULL,
			    "parameter %s is not $1 to $%d in: %s", name ? name : "?",
			    DB_PARAMS_MAX, sqlite3_sql(st->st));
		st->index[number] = i;
	}
	return 0;
}

int
db_stmts_new(struct db *db, const char *const *sql, size_t n, struct db_stmts **ret,
    struct error *err)
{
	struct db_stmts *set = str_alloc(sizeof(*set) + n * sizeof(set->stmts[0]));
	int rc = 0;

	set->n = n;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct db_stmt *st = &set->stmts[i];
		assert(sql[i]);
		st->db = db;
		rc = outcome(db, sqlite3_prepare_v3(db->handle, sql[i], -1,
				     SQLITE_PREPARE_PERSISTENT, &st->st, NULL));
		if (rc < 0) {
			db_error(db, rc, err, "prepare a statement");
			error_prefix(err, "%s", sql[i]);
		} else {
			rc = map_params(st, err);
		}
	}
	if (rc < 0) {
		db_stmts_free(set);
		return rc;
	}
	*ret = set;
	return 0;
}

void
db_stmts_free(struct db_stmts *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++)
		sqlite3_finalize(set->stmts[i].st);
	free(set);
}

static int
plan_of(struct db_stmt *st, void (*each)(void *arg, const char *sql, const char *step),
    void *arg)
{
	static const char explain[] = "EXPLAIN QUERY PLAN ";
	const char *sql = sqlite3_sql(st->st);
	size_t size = sizeof(explain) + strlen(sql);
	char *text = str_alloc(size);
	sqlite3_stmt *plan = NULL;

	if (str_format(text, size, "%s%s", explain, sql) < 0)
		abort();
	int rc = sqlite3_prepare_v2(st->db->handle, text, -1, &plan, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(plan)) == SQLITE_ROW) {
		each(arg, sql, (const char *)sqlite3_column_text(plan, 3));
		rc = SQLITE_OK;
	}
	int res = rc == SQLITE_DONE ? 0 : outcome(st->db, rc);
	sqlite3_finalize(plan);
	free(text);
	return res;
}

int
db_stmts_plans(struct db_stmts *set,
    void (*each)(void *arg, const char *sql, const char *step), void *arg)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < set->n; i++)
		rc = plan_of(&set->stmts[i], each, arg);
	return rc;
}

struct db_stmt *
db_stmt(struct db_stmts *set, size_t index)
{
	assert(index < set->n);
	struct db_stmt *st = &set->stmts[index];

	sqlite3_reset(st->st);
	sqlite3_clear_bindings(st->st);
	st->bind_rc = SQLITE_OK;
	return st;
}

static int
param(struct db_stmt *st, int n)
{
	assert(n >= 1 && n <= DB_PARAMS_MAX && st->index[n] != 0);
	return st->index[n];
}

static void
note_bind(struct db_stmt *st, int rc)
{
	if (st->bind_rc == SQLITE_OK)
		st->bind_rc = rc;
}

void
db_bind_i64(struct db_stmt *st, int n, int64_t v)
{
	note_bind(st, sqlite3_bind_int64(st->st, param(st, n), v));
}

void
db_bind_bool(struct db_stmt *st, int n, bool v)
{
	db_bind_i64(st, n, v ? 1 : 0);
}

void
db_bind_text(struct db_stmt *st, int n, const char *s)
{
	if (!s)
		db_bind_null(st, n);
	else
		note_bind(
		    st, sqlite3_bind_text(st->st, param(st, n), s, -1, SQLITE_TRANSIENT));
}

void
db_bind_opt(struct db_stmt *st, int n, const char *s)
{
	db_bind_text(st, n, s && s[0] ? s : NULL);
}

void
db_bind_null(struct db_stmt *st, int n)
{
	note_bind(st, sqlite3_bind_null(st->st, param(st, n)));
}

int
db_step(struct db_stmt *st)
{
	if (st->bind_rc != SQLITE_OK)
		return outcome(st->db, st->bind_rc);
	errno = 0;
	int rc = sqlite3_step(st->st);

	if (rc == SQLITE_ROW) {
		st->db->rows++;
		return 1;
	}
	/* Code and message of a failed step are gone after the reset. */
	int res = outcome(st->db, rc);
	sqlite3_reset(st->st);
	return res;
}

int
db_run(struct db_stmt *st)
{
	int rc;

	do
		rc = db_step(st);
	while (rc == 1);
	return rc < 0 ? rc : sqlite3_changes(st->db->handle);
}

int64_t
db_rows(const struct db *db)
{
	return db->rows;
}

void
db_reset(struct db_stmt *st)
{
	sqlite3_reset(st->st);
}

int64_t
db_col_i64(struct db_stmt *st, int col)
{
	return sqlite3_column_int64(st->st, col);
}

bool
db_col_bool(struct db_stmt *st, int col)
{
	return db_col_i64(st, col) != 0;
}

const char *
db_col_text(struct db_stmt *st, int col)
{
	const char *s = (const char *)sqlite3_column_text(st->st, col);

	return s ? s : "";
}

bool
db_col_null(struct db_stmt *st, int col)
{
	return sqlite3_column_type(st->st, col) == SQLITE_NULL;
}

const char *
db_col_octets(struct db_stmt *st, int col, size_t *ret_n)
{
	const char *s = db_col_text(st, col);

	*ret_n = (size_t)sqlite3_column_bytes(st->st, col);
	return s;
}

bool
db_col_is_i64(struct db_stmt *st, int col)
{
	return sqlite3_column_type(st->st, col) == SQLITE_INTEGER;
}

bool
db_col_is_text(struct db_stmt *st, int col)
{
	return sqlite3_column_type(st->st, col) == SQLITE_TEXT;
}

void
db_col_copy(struct db_stmt *st, int col, char *dst, size_t size)
{
	str_clip(dst, size, db_col_text(st, col));
}

bool
db_read_begin(struct db *db)
{
	/* Should it fail, so will the reads, and say why. */
	return !db_in_transaction(db) && exec(db, "BEGIN") == 0;
}

void
db_read_end(struct db *db, bool begun)
{
	if (begun)
		db_rollback(db);
}

int
db_begin(struct db *db)
{
	assert(!db_in_transaction(db));
	return exec(db, "BEGIN IMMEDIATE");
}

int
db_commit(struct db *db)
{
	int rc = exec(db, "COMMIT");

	if (rc < 0)
		db_rollback(db);
	return rc;
}

void
db_rollback(struct db *db)
{
	if (db_in_transaction(db))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

bool
db_in_transaction(const struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

int
db_part_begin(struct db *db)
{
	assert(db_in_transaction(db));
	return exec(db, "SAVEPOINT part");
}

int
db_part_end(struct db *db)
{
	return exec(db, "RELEASE SAVEPOINT part");
}

int
db_part_undo(struct db *db)
{
	int rc = exec(db, "ROLLBACK TO SAVEPOINT part");

	return rc < 0 ? rc : db_part_end(db);
}

bool
db_is_refusal(int rc)
{
	return rc == -EEXIST || rc == -ENOLINK || rc == -EPERM || rc == -EINVAL;
}
