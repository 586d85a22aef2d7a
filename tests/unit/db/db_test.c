/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/str.h"

enum { ADD, GET, COUNT, CHILD, ALL };

static const char *const statements[] = {
    [ADD] = "INSERT INTO thing (id, name, size) VALUES ($2, $1, $3)",
    [GET] = "SELECT name, size FROM thing WHERE id = $1",
    [COUNT] = "SELECT count(*) FROM thing",
    [CHILD] = "INSERT INTO child (thing) VALUES ($1)",
    [ALL] = "SELECT id FROM thing ORDER BY id",
};

static const struct db_migration migrations[] = {
    {1, "0001_thing",
	"CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size BIGINT)"},
    {2, "0002_child",
	"CREATE TABLE child (thing INTEGER NOT NULL REFERENCES thing (id) CHECK (thing > "
	"0));"
	"CREATE TRIGGER fixed BEFORE DELETE ON thing BEGIN SELECT RAISE(ABORT, 'fixed'); "
	"END"},
};

struct fixture {
	char dir[64], path[96];
	struct db *db;
	struct db_stmts *set;
};

static void
reopen(struct fixture *f)
{
	struct error err = {.code = ""};

	db_stmts_free(f->set);
	db_close(f->db);
	f->set = NULL;
	f->db = NULL;
	assert_int_equal(db_open(f->path, &f->db, &err), 0);
	assert_int_equal(db_migrate(f->db, migrations, 2, 7, &err), 0);
	assert_int_equal(
	    db_stmts_new(f->db, statements, ARRAY_SIZE(statements), &f->set, &err), 0);
}

static int
setup(void **state)
{
	struct fixture *f = str_alloc(sizeof(*f));

	strcpy(f->dir, "/tmp/db_test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/x.db", f->dir);
	reopen(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	struct fixture *f = *state;
	char name[128];

	db_stmts_free(f->set);
	db_close(f->db);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		snprintf(name, sizeof(name), "%s%s", f->path, ends[i]);
		unlink(name);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

static int
add(struct fixture *f, int64_t id, const char *name, int64_t size)
{
	struct db_stmt *st = db_stmt(f->set, ADD);

	db_bind_text(st, 1, name);
	db_bind_i64(st, 2, id);
	db_bind_i64(st, 3, size);
	return db_run(st);
}

static int64_t
count(struct fixture *f)
{
	struct db_stmt *st = db_stmt(f->set, COUNT);

	assert_int_equal(db_step(st), 1);
	int64_t n = db_col_i64(st, 0);
	db_reset(st);
	return n;
}

/* SQLite numbers parameters as they appear; $2 stands first in this statement. */
static void
parameters_go_by_their_number(void **state)
{
	struct fixture *f = *state;
	struct db_stmt *st;

	assert_int_equal(add(f, 5, "five", 55), 1);
	st = db_stmt(f->set, GET);
	db_bind_i64(st, 1, 5);
	assert_int_equal(db_step(st), 1);
	assert_string_equal(db_col_text(st, 0), "five");
	assert_int_equal(db_col_i64(st, 1), 55);
	assert_int_equal(db_step(st), 0);
}

static void
nulls_and_empty_text_differ(void **state)
{
	struct fixture *f = *state;
	struct db_stmt *st = db_stmt(f->set, ADD);
	char buf[4];

	db_bind_i64(st, 2, 1);
	db_bind_opt(st, 1, "");
	assert_int_equal(db_run(st), 1);
	assert_int_equal(add(f, 2, "", 0), 1);
	assert_int_equal(add(f, 3, "longer than that", 0), 1);
	for (int64_t id = 1; id <= 3; id++) {
		st = db_stmt(f->set, GET);
		db_bind_i64(st, 1, id);
		assert_int_equal(db_step(st), 1);
		assert_int_equal(db_col_null(st, 0), id == 1);
		if (id < 3)
			assert_string_equal(db_col_text(st, 0), "");
		db_col_copy(st, 0, buf, sizeof(buf));
		assert_true(strlen(buf) < sizeof(buf));
		db_reset(st);
	}
}

static void
errors_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct db_stmt *st;

	assert_int_equal(add(f, 1, "one", 1), 1);
	assert_int_equal(add(f, 1, "other", 1), -EEXIST);
	assert_int_equal(add(f, 2, "one", 1), -EEXIST);
	db_error(f->db, -EEXIST, &err, "add the thing");
	assert_string_equal(err.code, "db-constraint");
	assert_non_null(strstr(err.text, "cannot add the thing"));
	st = db_stmt(f->set, CHILD);
	db_bind_i64(st, 1, 99);
	assert_int_equal(db_run(st), -ENOLINK);
	st = db_stmt(f->set, CHILD);
	db_bind_i64(st, 1, -1);
	assert_int_equal(db_run(st), -EINVAL);
	struct db_stmts *more = NULL;
	const char *del = "DELETE FROM thing";
	assert_int_equal(db_stmts_new(f->db, &del, 1, &more, &err), 0);
	assert_int_equal(db_run(db_stmt(more, 0)), -EPERM);
	db_stmts_free(more);
	assert_int_equal(db_error(f->db, -ENOSPC, &err, "x"), -ENOSPC);
	assert_string_equal(err.code, "disk-full");
}

/* Whoever tells of a failure has ended the transaction before. */
static void
the_reason_outlives_the_rollback(void **state)
{
	struct fixture *f = *state;
	struct error err;

	assert_int_equal(add(f, 1, "one", 1), 1);
	assert_int_equal(db_begin(f->db), 0);
	assert_int_equal(add(f, 1, "other", 1), -EEXIST);
	db_rollback(f->db);
	assert_int_equal(db_error(f->db, -EEXIST, &err, "add the thing"), -EEXIST);
	assert_non_null(strstr(err.text, "UNIQUE constraint failed: thing.id"));
	/* What SQLite has not said is not put into its mouth. */
	db_error(f->db, -EIO, &err, "read the thing");
	assert_non_null(strstr(err.text, strerror(EIO)));
}

static void
rollback_takes_all_back_and_commit_keeps(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_begin(f->db), 0);
	assert_true(db_in_transaction(f->db));
	add(f, 1, "a", 1);
	db_rollback(f->db);
	db_rollback(f->db);
	assert_int_equal(count(f), 0);
	assert_int_equal(db_begin(f->db), 0);
	add(f, 1, "a", 1);
	assert_int_equal(db_commit(f->db), 0);
	assert_false(db_in_transaction(f->db));
	assert_int_equal(db_begin(f->db), 0);
	add(f, 2, "b", 1);
	reopen(f); /* as a crash before the commit would */
	assert_int_equal(count(f), 1);
}

static void
broken_statements_are_seen_at_once(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {
	    "SELECT nothing FROM thing", "SELECT ?", "SELECT $99", "SELECT $x"};
	struct db_stmts *set = NULL;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(db_stmts_new(f->db, &bad[i], 1, &set, &err) < 0);
		assert_null(set);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void
schema_grows_and_newer_or_foreign_ones_are_refused(void **state)
{
	struct fixture *f = *state;
	static const struct db_migration other[] = {
	    {1, "0001_other", ""}, {2, "0002_child", ""}};
	static const struct db_migration bad[] = {migrations[0], migrations[1],
	    {3, "0003_bad", "CREATE TABLE half (x); CREATE TABLE thing (y)"}};
	struct error err = {.code = ""};
	int v = 0;

	assert_int_equal(db_schema_version(f->db, &v), 0);
	assert_int_equal(v, 2);
	assert_true(db_migrate(f->db, migrations, 1, 7, &err) < 0);
	assert_string_equal(err.code, "db-newer");
	assert_non_null(strstr(err.text, "schema 2"));
	assert_non_null(strstr(err.text, "up to 1"));
	assert_true(db_migrate(f->db, other, 2, 7, &err) < 0);
	assert_string_equal(err.code, "db-foreign");
	assert_true(db_migrate(f->db, bad, 3, 7, &err) < 0);
	assert_non_null(strstr(err.text, "0003_bad"));
	assert_int_equal(db_schema_version(f->db, &v), 0);
	assert_int_equal(v, 2);
	const char *half = "SELECT * FROM half";
	struct db_stmts *set = NULL;
	assert_true(db_stmts_new(f->db, &half, 1, &set, &err) < 0);
}

static void
one_program_owns_a_database(void **state)
{
	struct fixture *f = *state;
	struct db *second = NULL;
	struct error err;
	struct stat st;

	assert_true(db_open(f->path, &second, &err) < 0);
	assert_string_equal(err.code, "db-in-use");
	assert_null(second);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
damage_is_named(void **state)
{
	struct fixture *f = *state;
	struct db *db = NULL;
	struct error err;
	char text[64];

	assert_int_equal(db_check(f->path, text, sizeof(text)), 0);
	assert_string_equal(text, "ok");
	db_stmts_free(f->set);
	db_close(f->db);
	f->set = NULL;
	f->db = NULL;
	FILE *file = fopen(f->path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("nonsense", file);
	fclose(file);
	assert_int_equal(db_check(f->path, text, sizeof(text)), -EUCLEAN);
	assert_int_equal(db_open(f->path, &db, &err), -EUCLEAN);
	assert_string_equal(err.code, "db-damaged");
	assert_int_equal(db_open("/nonexistent/x.db", &db, &err), -ENOENT);
	assert_string_equal(err.code, "db-open");
	assert_non_null(strstr(err.text, "/nonexistent"));
}

/* In a child, since a limit cannot be lifted again by everybody. Returns its exit status. */
static int
fill_up(struct fixture *f)
{
	const struct rlimit limit = {300000, 300000};
	char *big = str_alloc(4001);
	int rc = 0;

	memset(big, 'x', 4000);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int64_t i = 1; i < 500 && rc >= 0; i++) {
		struct db_stmt *st = db_stmt(f->set, ADD);
		big[0] = (char)('a' + i % 26); /* names are unique */
		big[1] = (char)('a' + i / 26);
		if (db_begin(f->db) < 0)
			return 3;
		db_bind_i64(st, 2, i);
		db_bind_text(st, 1, big);
		rc = db_run(st);
		if (rc >= 0)
			rc = db_commit(f->db);
		if (rc < 0)
			db_rollback(f->db);
	}
	free(big);
	if (rc != -ENOSPC)
		return 1;
	return count(f) > 10 && !db_in_transaction(f->db) ? 0 : 2;
}

static void
a_full_disk_is_told_as_such(void **state)
{
	struct fixture *f = *state;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fill_up(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
a_part_is_undone_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_begin(f->db), 0);
	assert_int_equal(add(f, 1, "a", 0), 1);
	assert_int_equal(db_part_begin(f->db), 0);
	assert_int_equal(add(f, 2, "b", 0), 1);
	assert_int_equal(add(f, 3, "a", 0), -EEXIST);
	assert_int_equal(db_part_undo(f->db), 0);
	assert_int_equal(db_part_begin(f->db), 0);
	assert_int_equal(add(f, 4, "c", 0), 1);
	assert_int_equal(db_part_end(f->db), 0);
	assert_int_equal(db_commit(f->db), 0);
	assert_int_equal(count(f), 2);
}

static void
refused_data_is_told_from_trouble_that_may_pass(void **state)
{
	static const int refused[] = {-EEXIST, -ENOLINK, -EPERM, -EINVAL};
	static const int passing[] = {
	    0, -ENOSPC, -EBUSY, -EROFS, -EUCLEAN, -EIO, -ENOENT};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_true(db_is_refusal(refused[i]));
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		assert_false(db_is_refusal(passing[i]));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(parameters_go_by_their_number),
	    TEST(nulls_and_empty_text_differ),
	    TEST(errors_are_told_apart),
	    TEST(the_reason_outlives_the_rollback),
	    TEST(rollback_takes_all_back_and_commit_keeps),
	    TEST(broken_statements_are_seen_at_once),
	    TEST(schema_grows_and_newer_or_foreign_ones_are_refused),
	    TEST(one_program_owns_a_database),
	    TEST(damage_is_named),
	    TEST(a_full_disk_is_told_as_such),
	    TEST(a_part_is_undone_alone),
	    TEST(refused_data_is_told_from_trouble_that_may_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
