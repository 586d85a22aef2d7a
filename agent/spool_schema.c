/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool's schema and statements.
 *
 * Entry points: spool_schema_migrations[], for db_migrate(); spool_schema_sql[], for
 * db_stmts_new().
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
    /* What the site knows while it is alone: BMCs, locks and images, orders made there, and what was told last. */
    {2, "0002_local",
	"CREATE TABLE local_host (name TEXT PRIMARY KEY, doc TEXT NOT NULL, sealed TEXT);"
	"CREATE TABLE local_image (name TEXT PRIMARY KEY, doc TEXT NOT NULL);"
	"CREATE TABLE local_key (uid BIGINT NOT NULL, key TEXT NOT NULL, request TEXT "
	"NOT "
	"NULL, at BIGINT NOT NULL, status BIGINT NOT NULL, answer TEXT NOT NULL,"
	" PRIMARY KEY (uid, key));"
	"CREATE INDEX local_key_at ON local_key (at);"
	"ALTER TABLE job ADD COLUMN host TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE job ADD COLUMN origin TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX job_host ON job (host, id);"
	"ALTER TABLE event ADD COLUMN host TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE event ADD COLUMN job TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX event_host ON event (host, seq);"
	"CREATE INDEX event_job ON event (job, seq);"
	"CREATE TABLE past (seq BIGINT PRIMARY KEY, doc TEXT NOT NULL, host TEXT NOT "
	"NULL,"
	" job TEXT NOT NULL);"
	"CREATE INDEX past_host ON past (host, seq);"
	"CREATE INDEX past_job ON past (job, seq);"},
};
const size_t spool_schema_count = ARRAY_SIZE(spool_schema_migrations);

const char *const spool_schema_sql[SPOOL_STMTS] = {
    [META_GET] = "SELECT value FROM meta WHERE key = $1",
    [META_PUT] = "INSERT INTO meta (key, value) VALUES ($1, $2)"
		 " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [HOST_CLEAR] = "DELETE FROM host",
    [HOST_PUT] = "INSERT INTO host (name, doc) VALUES ($1, $2)"
		 " ON CONFLICT (name) DO UPDATE SET doc = excluded.doc",
    [HOST_DEL] = "DELETE FROM host WHERE name = $1",
    [HOST_NEXT] = "SELECT doc FROM host WHERE name > $1 ORDER BY name LIMIT 1",
    [HOST_GET] = "SELECT doc FROM host WHERE name = $1",
    [JOB_PUT] = "INSERT INTO job (id, accepted, bundle, sealed, run, host, origin)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [JOB_SAVE] = "UPDATE job SET run = $2 WHERE id = $1",
    [JOB_END] = "UPDATE job SET run = $2, ended = $3, sealed = NULL WHERE id = $1",
    [JOB_KNOWN] = "SELECT run FROM job WHERE id = $1",
    [JOB_CLOSE] = "INSERT INTO job (id, accepted, ended, bundle, run)"
		  " VALUES ($1, $2, $2, '{}', '{}')"
		  " ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, sealed = NULL",
    [JOB_EACH] = "SELECT id, bundle, sealed, run FROM job WHERE ended IS NULL"
		 " ORDER BY accepted, id",
    [JOB_PURGE] = "UPDATE job SET bundle = '{}', run = '{}'"
		  " WHERE ended IS NOT NULL AND ended < $1 AND bundle <> '{}'",
    [TICKET_PUT] = "INSERT INTO ticket (id, job, state, changed) VALUES ($1, $2, $3, $4)"
		   " ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
		   " changed = excluded.changed",
    [TICKET_PURGE] = "DELETE FROM ticket WHERE job IN"
		     " (SELECT id FROM job WHERE ended IS NOT NULL AND ended < $1)",
    [BOOT_PUT] =
	"INSERT INTO boot (host, id, last) VALUES ($1, $2, $3)"
	" ON CONFLICT (host) DO UPDATE SET id = excluded.id, last = excluded.last",
    [BOOT_DEL] = "DELETE FROM boot WHERE host = $1",
    [BOOT_EACH] = "SELECT host, id, last FROM boot ORDER BY host",
    [EVENT_PUT] = "INSERT INTO event (seq, doc, host, job) VALUES ($1, $2, $3, $4)",
    [EVENT_LOAD] = "SELECT seq, doc FROM event ORDER BY seq LIMIT $1",
    [EVENT_ACK] = "DELETE FROM event WHERE seq <= $1",
    [EVENT_COUNT] = "SELECT COUNT(*), COALESCE(MAX(seq), 0),"
		    " COALESCE(SUM(LENGTH(CAST(doc AS BLOB))), 0) FROM event",
    [EVENT_SIZE] =
	"SELECT COALESCE(SUM(LENGTH(CAST(doc AS BLOB))), 0) FROM event WHERE seq <= $1",
    [PAST_KEEP] = "INSERT INTO past (seq, doc, host, job) SELECT seq, doc, host, job"
		  " FROM event WHERE seq <= $1 AND seq > $2 ON CONFLICT (seq) DO NOTHING",
    [PAST_CLEAR] = "DELETE FROM past WHERE seq <= $1",
    /* What was told comes before what was not. */
    [PAST_ALL] = "SELECT seq, doc FROM past WHERE seq > $1 UNION ALL"
		 " SELECT seq, doc FROM event WHERE seq > $1 ORDER BY seq LIMIT $2",
    [PAST_OF_HOST] = "SELECT seq, doc FROM past WHERE host = $3 AND seq > $1 UNION ALL"
		     " SELECT seq, doc FROM event WHERE host = $3 AND seq > $1"
		     " ORDER BY seq LIMIT $2",
    [PAST_OF_JOB] = "SELECT seq, doc FROM past WHERE job = $3 AND seq > $1 UNION ALL"
		    " SELECT seq, doc FROM event WHERE job = $3 AND seq > $1"
		    " ORDER BY seq LIMIT $2",
    [PAST_BACK] = "SELECT seq FROM past WHERE host = $1 UNION ALL"
		  " SELECT seq FROM event WHERE host = $1 ORDER BY seq DESC"
		  " LIMIT 1 OFFSET $2",
    [JOB_LIST] = "SELECT id, bundle, run, ended, origin FROM job WHERE id < $1"
		 " AND bundle <> '{}' ORDER BY id DESC LIMIT $2",
    [JOB_GET] = "SELECT id, bundle, run, ended, origin FROM job WHERE id = $1"
		" AND bundle <> '{}'",
    [JOB_LAST] = "SELECT id, bundle, run, ended, origin FROM job WHERE host = $1"
		 " AND bundle <> '{}' ORDER BY id DESC",
    [LOCAL_HOST_CLEAR] = "DELETE FROM local_host",
    [LOCAL_HOST_PUT] = "INSERT INTO local_host (name, doc, sealed) VALUES ($1, $2, $3)"
		       " ON CONFLICT (name) DO UPDATE SET doc = excluded.doc,"
		       " sealed = excluded.sealed",
    [LOCAL_HOST_GET] = "SELECT doc, sealed FROM local_host WHERE name = $1",
    [LOCAL_IMAGE_CLEAR] = "DELETE FROM local_image",
    [LOCAL_IMAGE_PUT] = "INSERT INTO local_image (name, doc) VALUES ($1, $2)"
			" ON CONFLICT (name) DO UPDATE SET doc = excluded.doc",
    [LOCAL_IMAGE_EACH] = "SELECT doc FROM local_image ORDER BY name",
    [LOCAL_KEY_GET] =
	"SELECT request, status, answer FROM local_key WHERE uid = $1 AND key = $2",
    [LOCAL_KEY_PUT] = "INSERT INTO local_key (uid, key, request, at, status, answer)"
		      " VALUES ($1, $2, $3, $4, $5, $6)",
    [LOCAL_KEY_PURGE] = "DELETE FROM local_key WHERE at < $1",
};
