/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orchestrator's database as one object; the entities (db_site.h, db_host.h…) are its
 * parts. Reads may run at any time; a function that writes several rows says so and wants
 * a transaction around it (asserted). All return 0 or a negative errno of db.h; -ENOENT:
 * no such row. */
#ifndef DB_STORE_H
#define DB_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "lib/error.h"

struct store;

/* Opens PATH, migrates it to this program's schema and prepares every statement. */
int
store_open(
    const char *path, int64_t now, struct store **ret, struct error *err) MUST_CHECK;
/* For another thread, while the store of that path is open: reads only. */
int
store_open_reader(const char *path, struct store **ret, struct error *err) MUST_CHECK;
void
store_close(struct store *s); /* NULL allowed */
/* For transactions, checks and messages; borrowed. */
struct db *
store_db(struct store *s);

/* The plans of every statement of every entity: db_stmts_plans(). */
int
store_plans(struct store *s, void (*each)(void *arg, const char *sql, const char *step),
    void *arg) MUST_CHECK;

/* Rises whenever sites, images, hosts or a job were written, or may have been: while it stands, what
 * another connection has read of the inventory since it was taken holds. */
int64_t
store_generation(const struct store *s);

/* A list of names (or ids), owned by the caller. */
struct store_names {
	char **v;
	size_t n;
	size_t cap;
};

void
store_names_add(struct store_names *names, const char *name);
void
store_names_done(struct store_names *names);

#endif
