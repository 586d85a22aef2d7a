/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the entities share: the statement sets of one open store. For db/ only. */
#ifndef DB_STORE_PRIV_H
#define DB_STORE_PRIV_H

#include "db/store.h"
#include "lib/bundle.h"

enum store_set {
	STORE_SITE,
	STORE_HOST,
	STORE_IMAGE,
	STORE_JOB,
	STORE_BOOT,
	STORE_EVENT,
	STORE_AGENT,
	STORE_AUDIT,
	STORE_IDEM,
	STORE_BMC,
	STORE_CONSOLE,
	STORE_TOKEN,
	STORE_AGENT_CERT,
	STORE_TRANSFER,
	STORE_POWER,
	STORE_DISCOVERED,
	STORE_FLEET,
	STORE_RETENTION,
	STORE_WEBHOOK,
	STORE_METRICS,
	STORE_PLACE,
	STORE_SCOPE,
	STORE_ROLLOUT,
	STORE_DRILL,
	STORE_HOLD,
	STORE_SCHEDULE,
	STORE_SETS,
};

struct store {
	struct db *db;
	struct db_stmts *set[STORE_SETS];
	int64_t generation; /* store_generation() */
};

/* A const table of statements and its length. */
struct store_sql {
	const char *const *sql;
	size_t n;
};

struct store_sql
db_site_sql(void);
struct store_sql
db_host_sql(void);
struct store_sql
db_image_sql(void);
struct store_sql
db_job_sql(void);
struct store_sql
db_boot_sql(void);
struct store_sql
db_event_sql(void);
struct store_sql
db_agent_sql(void);
struct store_sql
db_audit_sql(void);
struct store_sql
db_idem_sql(void);
struct store_sql
db_bmc_sql(void);
struct store_sql
db_console_sql(void);
struct store_sql
db_token_sql(void);
struct store_sql
db_agent_cert_sql(void);
struct store_sql
db_transfer_sql(void);
struct store_sql
db_power_sql(void);
struct store_sql
db_discovered_sql(void);
struct store_sql
db_fleet_sql(void);
struct store_sql
db_retention_sql(void);
struct store_sql
db_webhook_sql(void);
struct store_sql
db_metrics_sql(void);
struct store_sql
db_place_sql(void);
struct store_sql
db_scope_sql(void);
struct store_sql
db_rollout_sql(void);
struct store_sql
db_drill_sql(void);
struct store_sql
db_hold_sql(void);
struct store_sql
db_schedule_sql(void);

/* Runs a statement that changes rows: 0, or -ENOENT when none was changed, or -errno. */
int
store_change(struct db_stmt *st) MUST_CHECK;
/* Runs a statement whatever it changes: 0 or -errno. */
int
store_run(struct db_stmt *st) MUST_CHECK;
/* Collects column 0 of every row. */
int
store_collect(struct db_stmt *st, struct store_names *ret) MUST_CHECK;
/* The first row's column 0, -ENOENT without a row. */
int
store_i64(struct db_stmt *st, int64_t *ret) MUST_CHECK;
/* The first row's column 0 in buf (clipped), -ENOENT without a row. */
int
store_text(struct db_stmt *st, char *buf, size_t size) MUST_CHECK;
/* Loaders as their JSON object in one column; NULL: none. Reading is -EUCLEAN for what cannot be one. */
void
store_bind_loaders(
    struct db_stmt *st, int i, const struct bundle_loader *loaders, size_t n);
int
store_read_loaders(
    struct db_stmt *st, int col, struct bundle_loader *loaders, size_t *ret_n) MUST_CHECK;

#endif
