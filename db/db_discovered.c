// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `discovered`: machines that asked the network and are no host's.
 *
 * Entry points: db_discovered_note() while events are stored, in their transaction; the others for people. A site
 * holds DB_DISCOVERED_MAX of them: each new one beyond puts out the one longest unseen, so that whoever makes up
 * MAC addresses fills a list and nothing else. A trigger (db/schema/0009) forgets a MAC address as soon as a host has
 * it.
 * Failure modes: those of db.h. */
#include "db/db_discovered.h"

#include <errno.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum {
	DISCOVERED_KNOWN,
	DISCOVERED_NOTE,
	DISCOVERED_CUT,
	DISCOVERED_GET,
	DISCOVERED_NEWEST,
	DISCOVERED_LIST,
	DISCOVERED_LIST_SITE,
	DISCOVERED_FORGET,
	DISCOVERED_FORGET_ALL,
	DISCOVERED_PRUNE,
	DISCOVERED_UUID,
	DISCOVERED_AT_SITE
};

#define COLUMNS                                                                         \
	"SELECT mac, site, uuid, arch, vendor_class, hostname, ip, relay, circuit_id, " \
	"remote_id, interface, duid, first_seen, last_seen, seen FROM discovered"
/* What the newer sight does not tell stays. */
#define KEEP(column) " " column " = coalesce(excluded." column ", discovered." column "),"

static const char *const sql[] = {
    [DISCOVERED_KNOWN] = "SELECT 1 FROM discovered WHERE mac = $1 AND site = $2",
    [DISCOVERED_NOTE] =
	"INSERT INTO discovered (mac, site, uuid, arch, vendor_class, hostname, ip, "
	"relay,"
	" circuit_id, remote_id, interface, duid, first_seen, last_seen, seen)"
	" SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14"
	" WHERE NOT EXISTS (SELECT 1 FROM nic WHERE nic.mac = $1)"
	" ON CONFLICT (mac, site) DO UPDATE SET" KEEP("uuid") KEEP("arch") KEEP(
	    "vendor_class") KEEP("hostname") KEEP("ip") KEEP("relay") KEEP("circuit_id")
	    KEEP("remote_id") KEEP("interface") KEEP(
		"duid") " first_seen = CASE WHEN excluded.first_seen < "
			"discovered.first_seen"
			" THEN excluded.first_seen ELSE discovered.first_seen END,"
			" last_seen = CASE WHEN excluded.last_seen > discovered.last_seen"
			" THEN excluded.last_seen ELSE discovered.last_seen END,"
			" seen = discovered.seen + excluded.seen RETURNING seen",
    [DISCOVERED_CUT] =
	"DELETE FROM discovered WHERE site = $1 AND mac = (SELECT mac FROM discovered"
	" WHERE site = $1 ORDER BY last_seen LIMIT 1)"
	" AND (SELECT count(*) FROM discovered WHERE site = $1) > $2",
    [DISCOVERED_GET] = COLUMNS " WHERE mac = $1 AND site = $2",
    [DISCOVERED_NEWEST] = COLUMNS " WHERE mac = $1 ORDER BY last_seen DESC LIMIT 1",
    [DISCOVERED_LIST] =
	COLUMNS " WHERE (mac, site) > ($1, $2) ORDER BY mac, site LIMIT $3",
    [DISCOVERED_LIST_SITE] = COLUMNS " WHERE site = $4 AND mac > $1 ORDER BY mac"
				     " LIMIT $3",
    [DISCOVERED_FORGET] = "DELETE FROM discovered WHERE mac = $1 AND site = $2",
    [DISCOVERED_FORGET_ALL] = "DELETE FROM discovered WHERE mac = $1",
    [DISCOVERED_PRUNE] =
	"DELETE FROM discovered WHERE (mac, site) IN (SELECT mac, site FROM discovered"
	" WHERE last_seen < $1 ORDER BY last_seen LIMIT $2)",
    [DISCOVERED_UUID] = "SELECT name FROM host WHERE uuid = $1 ORDER BY name LIMIT 2",
    [DISCOVERED_AT_SITE] =
	COLUMNS " WHERE site = $1 AND last_seen >= $2"
		" AND uuid IN ($3, $4) ORDER BY last_seen DESC LIMIT 1",
};

struct store_sql
db_discovered_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *key)
{
	struct db_stmt *st = db_stmt(s->set[STORE_DISCOVERED], i);

	db_bind_text(st, 1, key);
	return st;
}

static int
is_known(struct store *s, const struct db_discovered *d)
{
	struct db_stmt *st = stmt_for(s, DISCOVERED_KNOWN, d->mac);

	db_bind_text(st, 2, d->site);
	int rc = db_step(st);
	if (rc == 1)
		db_reset(st);
	return rc;
}

/* How many had to go. */
static int
make_room(struct store *s, const char *site)
{
	struct db_stmt *st = stmt_for(s, DISCOVERED_CUT, site);

	db_bind_i64(st, 2, DB_DISCOVERED_MAX);
	return db_run(st);
}

int
db_discovered_note(struct store *s, const struct db_discovered *d)
{
	int known = is_known(s, d);
	if (known < 0)
		return known;
	struct db_stmt *st = stmt_for(s, DISCOVERED_NOTE, d->mac);
	db_bind_text(st, 2, d->site);
	db_bind_opt(st, 3, d->uuid);
	db_bind_opt(st, 4, d->arch);
	db_bind_opt(st, 5, d->vendor_class);
	db_bind_opt(st, 6, d->hostname);
	db_bind_opt(st, 7, d->ip);
	db_bind_opt(st, 8, d->relay);
	db_bind_opt(st, 9, d->circuit_id);
	db_bind_opt(st, 10, d->remote_id);
	db_bind_opt(st, 11, d->interface);
	db_bind_opt(st, 12, d->duid);
	db_bind_i64(st, 13, d->last_seen);
	db_bind_i64(st, 14, d->seen);
	int rc = db_step(st);
	if (rc <= 0)
		return rc;
	db_reset(st);
	if (known)
		return 0;
	rc = make_room(s, d->site);
	return rc < 0 ? rc : rc == 0;
}

static void
read_columns(struct db_stmt *st, struct db_discovered *ret)
{
	db_col_copy(st, 0, ret->mac, sizeof(ret->mac));
	db_col_copy(st, 1, ret->site, sizeof(ret->site));
	db_col_copy(st, 2, ret->uuid, sizeof(ret->uuid));
	db_col_copy(st, 3, ret->arch, sizeof(ret->arch));
	db_col_copy(st, 4, ret->vendor_class, sizeof(ret->vendor_class));
	db_col_copy(st, 5, ret->hostname, sizeof(ret->hostname));
	db_col_copy(st, 6, ret->ip, sizeof(ret->ip));
	db_col_copy(st, 7, ret->relay, sizeof(ret->relay));
	db_col_copy(st, 8, ret->circuit_id, sizeof(ret->circuit_id));
	db_col_copy(st, 9, ret->remote_id, sizeof(ret->remote_id));
	db_col_copy(st, 10, ret->interface, sizeof(ret->interface));
	db_col_copy(st, 11, ret->duid, sizeof(ret->duid));
	ret->first_seen = db_col_i64(st, 12);
	ret->last_seen = db_col_i64(st, 13);
	ret->seen = db_col_i64(st, 14);
}

static int
read_one(struct db_stmt *st, struct db_discovered *ret)
{
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_columns(st, ret);
	db_reset(st);
	return 0;
}

int
db_discovered_get(
    struct store *s, const char *mac, const char *site, struct db_discovered *ret)
{
	bool at = site && site[0];
	struct db_stmt *st = stmt_for(s, at ? DISCOVERED_GET : DISCOVERED_NEWEST, mac);

	if (at)
		db_bind_text(st, 2, site);
	return read_one(st, ret);
}

int
db_discovered_list(struct store *s, const char *site, const char *after_mac,
    const char *after_site, int64_t limit,
    void (*each)(void *arg, const struct db_discovered *d), void *arg)
{
	struct db_stmt *st = stmt_for(
	    s, site ? DISCOVERED_LIST_SITE : DISCOVERED_LIST, after_mac ? after_mac : "");
	struct db_discovered row;
	int rc;

	if (site)
		db_bind_text(st, 4, site);
	else
		db_bind_text(st, 2, after_site ? after_site : "");
	db_bind_i64(st, 3, limit);
	while ((rc = db_step(st)) == 1) {
		read_columns(st, &row);
		each(arg, &row);
	}
	return rc;
}

int
db_discovered_forget(struct store *s, const char *mac, const char *site)
{
	bool at = site && site[0];
	struct db_stmt *st =
	    stmt_for(s, at ? DISCOVERED_FORGET : DISCOVERED_FORGET_ALL, mac);

	if (at)
		db_bind_text(st, 2, site);
	return store_change(st);
}

int
db_discovered_prune(struct store *s, int64_t before, int64_t limit)
{
	struct db_stmt *st = db_stmt(s->set[STORE_DISCOVERED], DISCOVERED_PRUNE);

	db_bind_i64(st, 1, before);
	db_bind_i64(st, 2, limit);
	return db_run(st);
}

int
db_discovered_hosts_of_uuid(struct store *s, const char *uuid, struct store_names *ret)
{
	return store_collect(stmt_for(s, DISCOVERED_UUID, uuid), ret);
}

int
db_discovered_with_uuid(struct store *s, const char *site, const char *uuid,
    int64_t since, struct db_discovered *ret)
{
	struct db_stmt *st = stmt_for(s, DISCOVERED_AT_SITE, site);
	char text[ADDR_UUID_TEXT], other[ADDR_UUID_TEXT];
	struct addr_uuid parsed, swapped;

	if (addr_uuid_parse(uuid, &parsed) < 0)
		return -EINVAL;
	swapped = addr_uuid_swap(&parsed);
	db_bind_i64(st, 2, since);
	db_bind_text(st, 3, addr_uuid_text(&parsed, text, sizeof(text)));
	db_bind_text(st, 4, addr_uuid_text(&swapped, other, sizeof(other)));
	return read_one(st, ret);
}
