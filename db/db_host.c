// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `host`, `nic`, `bmc`, `label` and `host_state` to and from struct db_host.
 *
 * A put replaces NICs, BMC and labels as a whole; the unique indices on MAC, address and
 * BMC are the last guard against two hosts answering to one identity. The BMC's password
 * passes through here only sealed. Failure modes: those of db.h; a row this program could
 * not have written is -EUCLEAN. */
#include "db/db_host.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "db/db_scope.h"
#include "db/store_priv.h"
#include "lib/str.h"

enum {
	HOST_GET,
	HOST_PUT,
	HOST_DELETE,
	HOST_LOCK,
	HOST_NAMES,
	HOST_NAMES_SITE,
	HOST_NAMES_ALWAYS,
	HOST_EXISTS,
	HOST_BY_STEM,
	NIC_LIST,
	NIC_CLEAR,
	NIC_ADD,
	NIC_BY_MAC,
	NIC_BY_IP,
	NIC_BY_IP6,
	BMC_GET,
	BMC_CLEAR,
	BMC_ADD,
	BMC_BY_ADDRESS,
	LABEL_LIST,
	LABEL_CLEAR,
	LABEL_ADD,
	LABEL_USED,
	LABEL_HOSTS,
	STATE_GET,
	STATE_SEEN,
	STATE_POWER,
	STATE_SEEN_BY,
};

static const char *const sql[] = {
    [HOST_GET] =
	"SELECT site, uuid, serial, firmware, idle, local_boot, probe, image, locked_at,"
	" locked_by, locked_reason, rev, loaders FROM host WHERE name = $1",
    [HOST_PUT] =
	"INSERT INTO host (name, site, uuid, serial, firmware, idle, local_boot, probe,"
	" image, rev, loaders)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (name) DO UPDATE SET site = excluded.site, uuid = excluded.uuid,"
	" serial = excluded.serial, firmware = excluded.firmware, idle = excluded.idle,"
	" local_boot = excluded.local_boot, probe = excluded.probe,"
	" image = excluded.image, loaders = excluded.loaders, rev = host.rev + 1",
    [HOST_DELETE] = "DELETE FROM host WHERE name = $1",
    [HOST_LOCK] = "UPDATE host SET locked_at = $2, locked_by = $3, locked_reason = $4,"
		  " rev = rev + 1 WHERE name = $1",
    [HOST_NAMES] = "SELECT name FROM host WHERE name > $1 ORDER BY name LIMIT $2",
    [HOST_NAMES_SITE] =
	"SELECT name FROM host WHERE site = $3 AND name > $1 ORDER BY name"
	" LIMIT $2",
    [HOST_NAMES_ALWAYS] =
	"SELECT host.name FROM host JOIN bmc ON bmc.host = host.name"
	" JOIN site ON site.name = host.site WHERE host.site = $3 AND host.name > $1"
	" AND coalesce(bmc.console, site.console) = 'always'"
	" ORDER BY host.name LIMIT $2",
    [HOST_EXISTS] = "SELECT 1 FROM host WHERE name = $1",
    [HOST_BY_STEM] = "SELECT name FROM host WHERE name >= $1 AND name < $2 ORDER BY name"
		     " LIMIT $3",
    [NIC_LIST] = "SELECT mac, ip, boot, ip6 FROM nic WHERE host = $1 ORDER BY ord",
    [NIC_CLEAR] = "DELETE FROM nic WHERE host = $1",
    [NIC_ADD] = "INSERT INTO nic (host, ord, site, mac, ip, boot, ip6)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [NIC_BY_MAC] = "SELECT host FROM nic WHERE mac = $1",
    [NIC_BY_IP] = "SELECT host FROM nic WHERE site = $1 AND ip = $2",
    [NIC_BY_IP6] = "SELECT host FROM nic WHERE site = $1 AND ip6 = $2",
    [BMC_GET] = "SELECT address, port, username, password, privilege, cipher, "
		"boot_method,"
		" boot_verify, manners, outside, console, kg, require_cipher,"
		" password_next, next_at, next_runs FROM bmc"
		" WHERE host = $1",
    [BMC_CLEAR] = "DELETE FROM bmc WHERE host = $1",
    [BMC_ADD] =
	"INSERT INTO bmc (host, site, address, port, username, password, privilege,"
	" cipher, boot_method, boot_verify, manners, outside, console, kg,"
	" require_cipher, password_next, next_at, next_runs)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
	" $17, $18)",
    [BMC_BY_ADDRESS] =
	"SELECT host FROM bmc WHERE site = $1 AND address = $2 AND port = $3",
    [LABEL_LIST] = "SELECT key, value FROM label WHERE host = $1 ORDER BY key",
    [LABEL_CLEAR] = "DELETE FROM label WHERE host = $1",
    [LABEL_ADD] = "INSERT INTO label (host, key, value) VALUES ($1, $2, $3)",
    [LABEL_USED] = "SELECT 1 FROM label WHERE key = $1 LIMIT 1",
    [LABEL_HOSTS] = "SELECT host FROM label WHERE key = $1 AND value = $2 ORDER BY host",
    [STATE_GET] =
	"SELECT power, power_why, power_at, last_seen FROM host_state WHERE host = $1",
    [STATE_SEEN] = "INSERT INTO host_state (host, last_seen) VALUES ($1, $2)"
		   " ON CONFLICT (host) DO UPDATE SET last_seen = excluded.last_seen"
		   " WHERE host_state.last_seen IS NULL"
		   " OR host_state.last_seen < excluded.last_seen"
		   " OR host_state.last_seen > $3",
    [STATE_POWER] = "INSERT INTO host_state (host, power, power_why, power_at)"
		    " VALUES ($1, $2, $3, $4) ON CONFLICT (host) DO UPDATE SET"
		    " power = excluded.power, power_why = excluded.power_why,"
		    " power_at = excluded.power_at WHERE host_state.power_at IS NULL"
		    " OR host_state.power_at <= excluded.power_at"
		    " OR host_state.power_at > $5",
    [STATE_SEEN_BY] =
	"INSERT INTO host_state (host, power, power_why, power_at)"
	" SELECT host, $2, NULL, $3 FROM bmc WHERE host = $1 AND address = $4"
	" AND port = $5 ON CONFLICT (host) DO UPDATE SET"
	" power = excluded.power, power_why = excluded.power_why,"
	" power_at = excluded.power_at",
};

struct store_sql
db_host_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_HOST], i);
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *name)
{
	struct db_stmt *st = stmt(s, i);

	db_bind_text(st, 1, name);
	return st;
}

static int
read_nics(struct store *s, struct bundle_host *h)
{
	struct db_stmt *st = stmt_for(s, NIC_LIST, h->name);
	int rc;

	while ((rc = db_step(st)) == 1) {
		struct bundle_nic *n = &h->nics[h->n_nics];
		const char *ip = db_col_text(st, 1), *ip6 = db_col_text(st, 3);
		if (h->n_nics == BUNDLE_MACS_MAX ||
		    addr_mac_parse(db_col_text(st, 0), &n->mac) < 0 ||
		    (ip[0] && addr_ip_parse(ip, &n->ip) < 0) ||
		    (ip6[0] && addr_ip_parse(ip6, &n->ip6) < 0)) {
			db_reset(st);
			return -EUCLEAN;
		}
		n->boot = db_col_bool(st, 2);
		h->n_nics++;
	}
	return rc;
}

static int
read_labels(struct store *s, struct bundle_host *h)
{
	struct db_stmt *st = stmt_for(s, LABEL_LIST, h->name);
	int rc;

	while ((rc = db_step(st)) == 1) {
		if (h->n_labels == BUNDLE_LABELS_MAX) {
			db_reset(st);
			return -EUCLEAN;
		}
		struct bundle_label *l = &h->labels[h->n_labels++];
		db_col_copy(st, 0, l->key, sizeof(l->key));
		db_col_copy(st, 1, l->value, sizeof(l->value));
	}
	return rc;
}

static int
read_bmc(struct store *s, struct db_host *h)
{
	struct db_stmt *st = stmt_for(s, BMC_GET, h->host.name);
	int rc = db_step(st);

	if (rc <= 0)
		return rc;
	db_col_copy(st, 0, h->bmc.address, sizeof(h->bmc.address));
	h->bmc.port = (uint16_t)db_col_i64(st, 1);
	db_col_copy(st, 2, h->bmc.user, sizeof(h->bmc.user));
	db_col_copy(st, 3, h->sealed, sizeof(h->sealed));
	db_col_copy(st, 4, h->bmc.privilege, sizeof(h->bmc.privilege));
	h->bmc.cipher = (int)db_col_i64(st, 5);
	db_col_copy(st, 6, h->bmc.boot_method, sizeof(h->bmc.boot_method));
	db_col_copy(st, 7, h->bmc.boot_verify, sizeof(h->bmc.boot_verify));
	db_col_copy(st, 8, h->manners, sizeof(h->manners));
	h->bmc_outside = db_col_bool(st, 9);
	db_col_copy(st, 10, h->bmc.console, sizeof(h->bmc.console)); /* "": as the site */
	db_col_copy(st, 11, h->sealed_kg, sizeof(h->sealed_kg));
	h->require_cipher = db_col_null(st, 12) ? DB_HOST_SITES : (int)db_col_i64(st, 12);
	db_col_copy(st, 13, h->sealed_next, sizeof(h->sealed_next));
	h->next_at = db_col_i64(st, 14);
	h->next_runs = db_col_i64(st, 15);
	db_reset(st);
	return 0;
}

static int
read_host(struct db_stmt *st, struct db_host *h)
{
	struct bundle_host *b = &h->host;

	db_col_copy(st, 0, h->site, sizeof(h->site));
	db_col_copy(st, 1, b->uuid, sizeof(b->uuid));
	db_col_copy(st, 2, b->serial, sizeof(b->serial));
	db_col_copy(st, 6, b->probe, sizeof(b->probe));
	db_col_copy(st, 7, h->image, sizeof(h->image));
	h->locked_at = db_col_i64(st, 8);
	db_col_copy(st, 9, h->locked_by, sizeof(h->locked_by));
	db_col_copy(st, 10, h->locked_reason, sizeof(h->locked_reason));
	h->rev = db_col_i64(st, 11);
	h->idle_set = !db_col_null(st, 4);
	if (bundle_firmware_parse(db_col_text(st, 3), &b->firmware) < 0 ||
	    (h->idle_set && bundle_idle_parse(db_col_text(st, 4), &b->idle) < 0) ||
	    bundle_local_boot_parse(db_col_text(st, 5), &b->local_boot) < 0)
		return -EUCLEAN;
	return store_read_loaders(st, 12, b->loaders, &b->n_loaders);
}

int
db_host_get(struct store *s, const char *name, struct db_host *ret)
{
	struct db_stmt *st = stmt_for(s, HOST_GET, name);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	ret->require_cipher = DB_HOST_SITES;
	str_clip(ret->host.name, sizeof(ret->host.name), name);
	rc = read_host(st, ret);
	db_reset(st);
	if (rc == 0)
		rc = read_nics(s, &ret->host);
	if (rc == 0)
		rc = read_labels(s, &ret->host);
	if (rc == 0)
		rc = read_bmc(s, ret);
	return rc;
}

int
db_host_clear(struct store *s, const char *name)
{
	static const int parts[] = {NIC_CLEAR, BMC_CLEAR, LABEL_CLEAR};
	int rc = 0;

	assert(db_in_transaction(s->db));
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(parts); i++)
		rc = store_run(stmt_for(s, (size_t)parts[i], name));
	return rc;
}

static int
put_nic(struct store *s, const struct db_host *h, size_t ord)
{
	const struct bundle_nic *n = &h->host.nics[ord];
	struct db_stmt *st = stmt_for(s, NIC_ADD, h->host.name);
	char text[ADDR_IP_TEXT];

	db_bind_i64(st, 2, (int64_t)ord);
	db_bind_text(st, 3, h->site);
	db_bind_text(st, 4, addr_mac_text(&n->mac, text, sizeof(text)));
	db_bind_opt(st, 5, addr_ip_text(&n->ip, text, sizeof(text)));
	db_bind_bool(st, 6, n->boot);
	db_bind_opt(st, 7, addr_ip_text(&n->ip6, text, sizeof(text)));
	return store_run(st);
}

static int
put_bmc(struct store *s, const struct db_host *h)
{
	struct db_stmt *st = stmt_for(s, BMC_ADD, h->host.name);

	if (h->bmc.address[0] == '\0')
		return 0;
	db_bind_text(st, 2, h->site);
	db_bind_text(st, 3, h->bmc.address);
	db_bind_i64(st, 4, h->bmc.port);
	db_bind_text(st, 5, h->bmc.user);
	db_bind_opt(st, 6, h->sealed);
	db_bind_text(st, 7, h->bmc.privilege);
	db_bind_i64(st, 8, h->bmc.cipher);
	db_bind_text(st, 9, h->bmc.boot_method);
	db_bind_text(st, 10, h->bmc.boot_verify);
	db_bind_opt(st, 11, h->manners);
	db_bind_bool(st, 12, h->bmc_outside);
	db_bind_opt(st, 13, h->bmc.console);
	db_bind_opt(st, 14, h->sealed_kg);
	if (h->require_cipher == DB_HOST_SITES)
		db_bind_null(st, 15);
	else
		db_bind_i64(st, 15, h->require_cipher);
	db_bind_opt(st, 16, h->sealed_next);
	db_bind_i64(st, 17, h->next_at);
	db_bind_i64(st, 18, h->next_runs);
	return store_run(st);
}

static int
put_label(struct store *s, const char *host, const struct bundle_label *l)
{
	struct db_stmt *st = stmt_for(s, LABEL_ADD, host);

	db_bind_text(st, 2, l->key);
	db_bind_text(st, 3, l->value);
	return store_run(st);
}

int
db_host_put(struct store *s, const struct db_host *h, int64_t now)
{
	const struct bundle_host *b = &h->host;
	struct db_stmt *st = stmt_for(s, HOST_PUT, b->name);

	s->generation++;
	assert(db_in_transaction(s->db));
	db_bind_text(st, 2, h->site);
	db_bind_opt(st, 3, b->uuid);
	db_bind_opt(st, 4, b->serial);
	db_bind_text(st, 5, bundle_firmware_name(b->firmware));
	db_bind_text(st, 6, h->idle_set ? bundle_idle_name(b->idle) : NULL);
	db_bind_text(st, 7, bundle_local_boot_name(b->local_boot));
	db_bind_opt(st, 8, b->probe);
	db_bind_opt(st, 9, h->image);
	db_bind_i64(st, 10, now);
	store_bind_loaders(st, 11, b->loaders, b->n_loaders);
	int rc = db_scope_leave(s, b->name, h->site, now);
	if (rc == 0)
		rc = store_run(st);
	if (rc == 0)
		rc = db_host_clear(s, b->name);
	for (size_t i = 0; rc == 0 && i < b->n_nics; i++)
		rc = put_nic(s, h, i);
	for (size_t i = 0; rc == 0 && i < b->n_labels; i++)
		rc = put_label(s, b->name, &b->labels[i]);
	if (rc == 0)
		rc = put_bmc(s, h);
	return rc;
}

int
db_host_delete(struct store *s, const char *name, int64_t now)
{
	int rc = db_scope_leave(s, name, "", now);

	s->generation++;
	return rc < 0 ? rc : store_change(stmt_for(s, HOST_DELETE, name));
}

int
db_host_lock(
    struct store *s, const char *name, const char *by, const char *reason, int64_t at)
{
	struct db_stmt *st = stmt_for(s, HOST_LOCK, name);

	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, by);
	db_bind_text(st, 4, reason);
	return store_change(st);
}

int
db_host_unlock(struct store *s, const char *name)
{
	return store_change(stmt_for(s, HOST_LOCK, name));
}

int
db_host_names(struct store *s, const char *site, const char *after, int64_t limit,
    struct store_names *ret)
{
	struct db_stmt *st =
	    stmt_for(s, site ? HOST_NAMES_SITE : HOST_NAMES, after ? after : "");

	db_bind_i64(st, 2, limit);
	if (site)
		db_bind_text(st, 3, site);
	return store_collect(st, ret);
}

int
db_host_always(struct store *s, const char *site, const char *after, int64_t limit,
    struct store_names *ret)
{
	struct db_stmt *st = stmt_for(s, HOST_NAMES_ALWAYS, after);

	db_bind_i64(st, 2, limit);
	db_bind_text(st, 3, site);
	return store_collect(st, ret);
}

int
db_host_exists(struct store *s, const char *name)
{
	struct db_stmt *st = stmt_for(s, HOST_EXISTS, name);
	int rc = db_step(st);

	db_reset(st);
	return rc;
}

int
db_host_label_used(struct store *s, const char *key)
{
	struct db_stmt *st = stmt_for(s, LABEL_USED, key);
	int rc = db_step(st);

	db_reset(st);
	return rc;
}

int
db_host_by_label(
    struct store *s, const char *key, const char *value, struct store_names *ret)
{
	struct db_stmt *st = stmt_for(s, LABEL_HOSTS, key);

	db_bind_text(st, 2, value);
	return store_collect(st, ret);
}

int
db_host_by_stem(struct store *s, const char *stem, int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt(s, HOST_BY_STEM);
	char from[BUNDLE_NAME_SIZE + 1], to[BUNDLE_NAME_SIZE + 1];

	/* '/' follows '.' in ASCII, so that the range holds exactly the names "STEM.…".
	 */
	if (str_format(from, sizeof(from), "%s.", stem) < 0 ||
	    str_format(to, sizeof(to), "%s/", stem) < 0)
		return 0;
	db_bind_text(st, 1, from);
	db_bind_text(st, 2, to);
	db_bind_i64(st, 3, limit);
	return store_collect(st, ret);
}

int
db_host_mac_owner(struct store *s, const char *mac, char *ret, size_t size)
{
	return store_text(stmt_for(s, NIC_BY_MAC, mac), ret, size);
}

int
db_host_ip_owner(
    struct store *s, const char *site, const char *ip, char *ret, size_t size)
{
	struct db_stmt *st = stmt_for(s, strchr(ip, ':') ? NIC_BY_IP6 : NIC_BY_IP, site);

	db_bind_text(st, 2, ip);
	return store_text(st, ret, size);
}

int
db_host_bmc_owner(struct store *s, const char *site, const char *address, int64_t port,
    char *ret, size_t size)
{
	struct db_stmt *st = stmt_for(s, BMC_BY_ADDRESS, site);

	db_bind_text(st, 2, address);
	db_bind_i64(st, 3, port);
	return store_text(st, ret, size);
}

int
db_host_state_get(struct store *s, const char *name, struct db_host_state *ret)
{
	struct db_stmt *st = stmt_for(s, STATE_GET, name);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret->power, sizeof(ret->power));
	db_col_copy(st, 1, ret->power_why, sizeof(ret->power_why));
	ret->power_at = db_col_i64(st, 2);
	ret->last_seen = db_col_i64(st, 3);
	db_reset(st);
	return 0;
}

int
db_host_state_seen(struct store *s, const char *name, int64_t at, int64_t wall)
{
	struct db_stmt *st = stmt_for(s, STATE_SEEN, name);

	db_bind_i64(st, 2, at);
	db_bind_i64(st, 3, wall);
	return store_run(st);
}

int
db_host_state_power(struct store *s, const char *name, const char *power, const char *why,
    int64_t at, int64_t wall)
{
	struct db_stmt *st = stmt_for(s, STATE_POWER, name);

	db_bind_text(st, 2, power);
	db_bind_opt(st, 3, why);
	db_bind_i64(st, 4, at);
	db_bind_i64(st, 5, wall);
	return store_run(st);
}

int
db_host_state_seen_by(struct store *s, const char *name, const char *address,
    int64_t port, const char *power, int64_t at)
{
	struct db_stmt *st = stmt_for(s, STATE_SEEN_BY, name);

	db_bind_text(st, 2, power);
	db_bind_i64(st, 3, at);
	db_bind_text(st, 4, address);
	db_bind_i64(st, 5, port);
	return store_change(st);
}
