// SPDX-License-Identifier: GPL-3.0-or-later
/* The orchestrator's database: opens and migrates the file, and prepares the statement
 * tables of all entities, so that a statement which does not fit the schema is seen at
 * start.
 *
 * Entry points: store_open/store_close; the entities take the struct store. The store
 * owns the connection and the statements. Helpers for the common shapes of statements are
 * at the end. Failure modes: those of db.h; a store that did not open is freed whole. */
#include "db/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_schema.h"
#include "db/store_priv.h"
#include "lib/json.h"
#include "lib/str.h"

static int
prepare_sets(struct store *s, struct error *err)
{
	const struct store_sql tables[STORE_SETS] = {
	    [STORE_SITE] = db_site_sql(),
	    [STORE_HOST] = db_host_sql(),
	    [STORE_IMAGE] = db_image_sql(),
	    [STORE_JOB] = db_job_sql(),
	    [STORE_BOOT] = db_boot_sql(),
	    [STORE_EVENT] = db_event_sql(),
	    [STORE_AGENT] = db_agent_sql(),
	    [STORE_AUDIT] = db_audit_sql(),
	    [STORE_IDEM] = db_idem_sql(),
	    [STORE_BMC] = db_bmc_sql(),
	    [STORE_CONSOLE] = db_console_sql(),
	    [STORE_TOKEN] = db_token_sql(),
	    [STORE_AGENT_CERT] = db_agent_cert_sql(),
	    [STORE_TRANSFER] = db_transfer_sql(),
	    [STORE_POWER] = db_power_sql(),
	    [STORE_DISCOVERED] = db_discovered_sql(),
	    [STORE_FLEET] = db_fleet_sql(),
	    [STORE_RETENTION] = db_retention_sql(),
	    [STORE_WEBHOOK] = db_webhook_sql(),
	    [STORE_METRICS] = db_metrics_sql(),
	    [STORE_PLACE] = db_place_sql(),
	    [STORE_SCOPE] = db_scope_sql(),
	    [STORE_ROLLOUT] = db_rollout_sql(),
	    [STORE_DRILL] = db_drill_sql(),
	    [STORE_HOLD] = db_hold_sql(),
	    [STORE_SCHEDULE] = db_schedule_sql(),
	};

	for (size_t i = 0; i < STORE_SETS; i++) {
		int rc = db_stmts_new(s->db, tables[i].sql, tables[i].n, &s->set[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The statements of a database that was opened, or the reason why it was not. */
static int
ready(struct store *s, int rc, struct store **ret, struct error *err)
{
	if (rc == 0)
		rc = prepare_sets(s, err);
	if (rc < 0) {
		store_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

int
store_open(const char *path, int64_t now, struct store **ret, struct error *err)
{
	struct store *s = str_alloc(sizeof(*s));
	int rc = db_open(path, &s->db, err);

	if (rc == 0)
		rc = db_migrate(s->db, db_schema_migrations, db_schema_count, now, err);
	return ready(s, rc, ret, err);
}

int
store_open_reader(const char *path, struct store **ret, struct error *err)
{
	struct store *s = str_alloc(sizeof(*s));

	return ready(s, db_open_reader(path, &s->db, err), ret, err);
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STORE_SETS; i++)
		db_stmts_free(s->set[i]);
	db_close(s->db);
	free(s);
}

struct db *
store_db(struct store *s)
{
	return s->db;
}

int
store_plans(struct store *s, void (*each)(void *arg, const char *sql, const char *step),
    void *arg)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < STORE_SETS; i++)
		rc = db_stmts_plans(s->set[i], each, arg);
	return rc;
}

int64_t
store_generation(const struct store *s)
{
	return s->generation;
}

void
store_names_add(struct store_names *names, const char *name)
{
	if (names->n == names->cap) {
		names->cap = names->cap ? names->cap * 2 : 16;
		names->v = str_realloc(names->v, names->cap * sizeof(names->v[0]));
	}
	names->v[names->n++] = str_dup(name);
}

void
store_names_done(struct store_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct store_names){0};
}

int
store_change(struct db_stmt *st)
{
	int rc = db_run(st);

	if (rc < 0)
		return rc;
	return rc > 0 ? 0 : -ENOENT;
}

int
store_run(struct db_stmt *st)
{
	int rc = db_run(st);

	return rc < 0 ? rc : 0;
}

int
store_collect(struct db_stmt *st, struct store_names *ret)
{
	int rc;

	while ((rc = db_step(st)) == 1)
		store_names_add(ret, db_col_text(st, 0));
	if (rc < 0)
		store_names_done(ret);
	return rc;
}

int
store_i64(struct db_stmt *st, int64_t *ret)
{
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = db_col_i64(st, 0);
	db_reset(st);
	return 0;
}

int
store_text(struct db_stmt *st, char *buf, size_t size)
{
	int rc = db_step(st);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return -ENOENT;
	db_col_copy(st, 0, buf, size);
	db_reset(st);
	return 0;
}

void
store_bind_loaders(
    struct db_stmt *st, int i, const struct bundle_loader *loaders, size_t n)
{
	json_t *holder = json_object();

	bundle_loaders_put(holder, loaders, n);
	const json_t *object = json_object_get(holder, "loaders");
	char *text = object ? json_text(object) : NULL;
	db_bind_text(st, i, text);
	free(text);
	json_decref(holder);
}

int
store_read_loaders(
    struct db_stmt *st, int col, struct bundle_loader *loaders, size_t *ret_n)
{
	const char *text = db_col_text(st, col);

	if (db_col_null(st, col))
		return 0;
	json_t *holder =
	    json_pack("{s:o}", "loaders", json_parse(text, strlen(text), NULL));
	int rc =
	    holder ? bundle_loaders_from_json(holder, loaders, ret_n, NULL) : -EINVAL;
	json_decref(holder);
	return rc < 0 ? -EUCLEAN : 0;
}
