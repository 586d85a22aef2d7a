/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A database as an earlier release left it: its schema, and rows in it. */
#ifndef TESTS_UNIT_DB_PAST_KIT_H
#define TESTS_UNIT_DB_PAST_KIT_H

#include "fixture.h"

#include "db/db_schema.h"

/* `rows` are n statements, run one after the other. */
static inline void
past_make(const char *path, int schema, const char *const *rows, size_t n)
{
	struct db *db = NULL;
	struct db_stmts *set = NULL;
	struct error err;

	assert_int_equal(db_open(path, &db, &err), 0);
	assert_int_equal(
	    db_migrate(db, db_schema_migrations, schema, FIXTURE_NOW, &err), 0);
	for (size_t i = 0; i < n; i++) {
		if (db_stmts_new(db, &rows[i], 1, &set, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(db_run(db_stmt(set, 0)) > 0);
		db_stmts_free(set);
	}
	db_close(db);
}

#endif
