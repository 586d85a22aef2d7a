/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool's schema.
 *
 * Entry points: spool_schema_migrations[], for db_migrate().
 * Ownership: constants. A released entry is never edited: a change is a new entry.
 * Failure modes: none here; db_migrate() refuses a file of a later program.
 *
 * Documents (bundle, run, host, event) are kept as the JSON that lib's codecs write,
 * since nothing here asks for their parts.
 */
#include "agent/spool_schema.h"

#include "lib/compiler.h"

const struct db_migration spool_schema_migrations[] = {
    {1, "0001_spool",
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
	"CREATE TABLE host (name TEXT PRIMARY KEY, doc TEXT NOT NULL);"
	"CREATE TABLE job (id TEXT PRIMARY KEY, accepted BIGINT NOT NULL, ended BIGINT,"
	" bundle TEXT NOT NULL, sealed TEXT, run TEXT NOT NULL);"
	"CREATE TABLE ticket (id TEXT PRIMARY KEY, job TEXT NOT NULL REFERENCES job (id)"
	" ON DELETE CASCADE, state TEXT NOT NULL, changed BIGINT NOT NULL);"
	"CREATE INDEX ticket_job ON ticket (job);"
	"CREATE TABLE boot (host TEXT PRIMARY KEY, id TEXT NOT NULL, last BIGINT NOT "
	"NULL);"
	"CREATE TABLE event (seq BIGINT PRIMARY KEY, doc TEXT NOT NULL);"},
};
const size_t spool_schema_count = ARRAY_SIZE(spool_schema_migrations);
