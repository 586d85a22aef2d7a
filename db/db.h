/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door to SQLite: open, migrate, prepared statement tables, transactions. Used by
 * the orchestrator's entities (db_*.c) and by the agent's spool. One connection, one
 * thread.
 *
 * Statements are written in the subset that PostgreSQL shares, with $1, $2… as
 * parameters, in a const table indexed by an enum, and are all prepared when the table is
 * opened, so that a mistake in one of them is seen at start and not in the middle of a
 * job.
 *
 * Errors of this file, as negative errno: -ENOSPC disk full (also a quota or a file size
 * limit), -EEXIST a unique key is taken, -ENOLINK a foreign key points nowhere or is
 * still pointed at, -EPERM a trigger refused the change (append-only tables), -EINVAL
 * another constraint, -EBUSY locked by another program, -EROFS not writable, -EUCLEAN the
 * file is damaged, -EIO. */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

struct db;
struct db_stmt;
struct db_stmts;

enum { DB_PARAMS_MAX = 32 };

/* Version n of the schema is reached by running sql after version n - 1. Never edited
 * once released: `name` is compared with the one recorded, so that the file of another
 * program or of another history is refused. */
struct db_migration {
	int version; /* 1, 2, 3… without gaps */
	const char *name;
	const char *sql;
};

/* Opens (creating it with mode 0600) and takes the lock file PATH.lock for as long as the
 * process lives: one program owns a database. WAL, foreign keys on, synchronous=FULL.
 * ":memory:" for tests. Codes: db-in-use, db-open, db-damaged, disk-full. */
int
db_open(const char *path, struct db **ret, struct error *err) MUST_CHECK;
/* A second connection that only reads, to a file that this program has open: for another thread. It sees
 * what was committed when its reading began, and keeps nobody from writing. */
int
db_open_reader(const char *path, struct db **ret, struct error *err) MUST_CHECK;
/* Rolls back what is open; NULL allowed. Every db_stmts of it must be freed before. */
void
db_close(struct db *db);
/* Brings the schema to the last version of the list, each step in a transaction of its
 * own. `now` (wall, microseconds) is recorded. Codes: db-newer (the file is of a later
 * program; both versions are named; nothing was changed), db-foreign, disk-full,
 * db-damaged. */
int
db_migrate(struct db *db, const struct db_migration *list, size_t n, int64_t now,
    struct error *err) MUST_CHECK;
int
db_schema_version(struct db *db, int *ret) MUST_CHECK;
/* "ok", or the first complaint of the engine's quick check, in buf. Reads the whole file, through a
 * connection of its own: for a thread of the work queue, while the program goes on writing. */
int
db_check(const char *path, char *buf, size_t size) MUST_CHECK;

/* Prepares n statements. The table's strings are borrowed for the life of the result. */
int
db_stmts_new(struct db *db, const char *const *sql, size_t n, struct db_stmts **ret,
    struct error *err) MUST_CHECK;
void
db_stmts_free(struct db_stmts *set); /* NULL allowed */

/* How the engine would run each statement, a line a step of its plan ("SEARCH job USING INDEX job_host (host=?)"): for
 * checks that none walks a table. */
int
db_stmts_plans(struct db_stmts *set,
    void (*each)(void *arg, const char *sql, const char *step), void *arg) MUST_CHECK;

/* The statement at that index, reset and with nothing bound (unbound parameters are
 * NULL). */
struct db_stmt *
db_stmt(struct db_stmts *set, size_t index);
/* `n` is the number after the $. A failed bind is kept and comes back from the next
 * db_step(). Text is copied. */
void
db_bind_i64(struct db_stmt *st, int n, int64_t v);
void
db_bind_bool(struct db_stmt *st, int n, bool v);
void
db_bind_text(struct db_stmt *st, int n, const char *s); /* NULL binds NULL */
void
db_bind_opt(struct db_stmt *st, int n, const char *s); /* NULL and "" bind NULL */
void
db_bind_null(struct db_stmt *st, int n);

/* 1: a row is there; 0: no more rows (the statement is reset); -errno. */
int
db_step(struct db_stmt *st) MUST_CHECK;
/* For statements without rows: runs to the end. Returns the number of rows changed, or
 * -errno. */
int
db_run(struct db_stmt *st) MUST_CHECK;
/* How many rows were read so far: for checks of what a call costs. */
int64_t
db_rows(const struct db *db);
/* Ends a statement before its last row; needed before the transaction can commit. */
void
db_reset(struct db_stmt *st);

/* Columns of the current row, from 0. NULL reads as 0, false or "". */
int64_t
db_col_i64(struct db_stmt *st, int col);
bool
db_col_bool(struct db_stmt *st, int col);
const char *
db_col_text(struct db_stmt *st, int col); /* until the next step or reset */
bool
db_col_null(struct db_stmt *st, int col);
/* All octets of a text, also behind a NUL, until the next step or reset. */
const char *
db_col_octets(struct db_stmt *st, int col, size_t *ret_n);
/* Is it stored as an integer? Else db_col_i64() makes one of it. */
bool
db_col_is_i64(struct db_stmt *st, int col);
/* Is it stored as text? A BLOB of the same octets is not equal to it. */
bool
db_col_is_text(struct db_stmt *st, int col);
/* Copies into a fixed buffer, clipped. */
void
db_col_copy(struct db_stmt *st, int col, char *dst, size_t size);

/* Reads up to db_read_end() see one state, and lock the file once instead of each time. Within a
 * transaction they are part of it. Returns whether db_read_end() is to end it: hand that on. */
bool
db_read_begin(struct db *db);
void
db_read_end(struct db *db, bool begun);
/* Write transactions do not nest (asserted). A failed commit has rolled back. */
int
db_begin(struct db *db) MUST_CHECK;
int
db_commit(struct db *db) MUST_CHECK;
void
db_rollback(struct db *db); /* nothing open: nothing happens */
bool
db_in_transaction(const struct db *db);
/* A part of an open transaction that may be undone alone. Each is ended by one of the other two, and one
 * that began within another before that. */
int
db_part_begin(struct db *db) MUST_CHECK;
int
db_part_end(struct db *db) MUST_CHECK;
int
db_part_undo(struct db *db) MUST_CHECK;
/* Was it the data that was refused (a constraint, a trigger, a size)? It would be again, however often
 * it is tried; everything else may pass. */
bool
db_is_refusal(int rc);

/* Fills *err for a negative errno of this file and returns it: disk-full, db-damaged,
 * db-busy, db-readonly, db-constraint or db-error, with the engine's last message;
 * `doing` completes "cannot …" ("store the job"). */
int
db_error(struct db *db, int rc, struct error *err, const char *doing);

#endif
