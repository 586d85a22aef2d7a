// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `site` and `subnet` to and from struct db_site.
 *
 * A put replaces the subnets as a whole: they have no identity apart from their prefix,
 * and nothing points at them. Failure modes: those of db.h. A row that this program could
 * not have written (a prefix that does not parse) is -EUCLEAN, never a guess. */
#include "db/db_site.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	SITE_GET,
	SITE_PUT,
	SITE_DELETE,
	SITE_NAMES,
	SITE_TOUCH,
	SITE_VERSION,
	SITE_RULES,
	SITE_CONSOLE,
	SITE_MENUS,
	SITE_WITH_MENU,
	SUBNET_LIST,
	SUBNET_CLEAR,
	SUBNET_ADD,
	PEER_LIST,
	PEER_OF,
	PEER_CLEAR,
	PEER_ADD
};

static const char *const sql[] = {
    [SITE_GET] =
	"SELECT timezone, url, answer_unknown, idle, version, rev, loaders, menu,"
	" bmc_prefixes, console, require_cipher, caps FROM site WHERE name = $1",
    [SITE_PUT] =
	"INSERT INTO site (name, timezone, url, answer_unknown, idle, version, rev,"
	" loaders, menu, bmc_prefixes, console, require_cipher, caps)"
	" VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10, $11, $12)"
	" ON CONFLICT (name) DO UPDATE SET"
	" timezone = excluded.timezone, url = excluded.url, menu = excluded.menu,"
	" answer_unknown = excluded.answer_unknown, idle = excluded.idle,"
	" loaders = excluded.loaders, bmc_prefixes = excluded.bmc_prefixes,"
	" console = excluded.console, require_cipher = excluded.require_cipher,"
	" caps = excluded.caps,"
	" version = CASE WHEN site.version >= excluded.version THEN site.version + 1"
	" ELSE excluded.version END, rev = site.rev + 1",
    [SITE_DELETE] = "DELETE FROM site WHERE name = $1",
    [SITE_NAMES] = "SELECT name FROM site WHERE name > $1 ORDER BY name LIMIT $2",
    [SITE_TOUCH] = "UPDATE site SET version = CASE WHEN version >= $2 THEN version + 1"
		   " ELSE $2 END WHERE name = $1",
    [SITE_VERSION] = "SELECT version FROM site WHERE name = $1",
    [SITE_CONSOLE] = "SELECT console FROM site WHERE name = $1",
    [SITE_RULES] = "SELECT bmc_prefixes, require_cipher FROM site WHERE name = $1",
    [SITE_MENUS] = "SELECT name, menu FROM site WHERE menu IS NOT NULL ORDER BY name",
    [SITE_WITH_MENU] =
	"SELECT name, menu FROM site WHERE menu IS NOT NULL OR idle = 'menu'"
	" OR name IN (SELECT site FROM host WHERE idle = 'menu') ORDER BY name",
    [SUBNET_LIST] =
	"SELECT prefix, gateway, dns, pool_first, pool_last, lease_s, domain, relay,"
	" ra, router_s, mtu FROM subnet WHERE site = $1 ORDER BY ord",
    [SUBNET_CLEAR] = "DELETE FROM subnet WHERE site = $1",
    [SUBNET_ADD] =
	"INSERT INTO subnet (site, ord, prefix, gateway, dns, pool_first, pool_last,"
	" lease_s, domain, relay, ra, router_s, mtu)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    [PEER_LIST] = "SELECT p.name, p.url FROM site_peer x JOIN site p ON p.name = x.peer"
		  " WHERE x.site = $1 ORDER BY x.ord",
    [PEER_OF] = "SELECT site FROM site_peer WHERE peer = $1 ORDER BY site",
    [PEER_CLEAR] = "DELETE FROM site_peer WHERE site = $1",
    [PEER_ADD] = "INSERT INTO site_peer (site, ord, peer) VALUES ($1, $2, $3)",
};

struct store_sql
db_site_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_SITE], i);
}

/* "" is unset; anything else must parse. */
static int
read_ip(const char *text, struct addr_ip *ret)
{
	if (text[0] == '\0')
		return 0;
	return addr_ip_parse(text, ret) < 0 ? -EUCLEAN : 0;
}

static int
read_dns(const char *text, struct bundle_subnet *n)
{
	char buf[4 * ADDR_IP_TEXT];
	char *save = NULL;

	str_clip(buf, sizeof(buf), text);
	for (char *p = strtok_r(buf, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
		struct addr_ip ip = {.family = 0};
		if (n->n_dns == ARRAY_SIZE(n->dns) || read_ip(p, &ip) < 0)
			return -EUCLEAN;
		/* Before schema 3 a list could hold both families; the other one was never told to anyone. */
		if (ip.family == n->prefix.ip.family)
			n->dns[n->n_dns++] = ip;
	}
	return 0;
}

static int
read_subnet(struct db_stmt *st, struct bundle_subnet *n)
{
	if (addr_prefix_parse(db_col_text(st, 0), &n->prefix) < 0 ||
	    read_ip(db_col_text(st, 1), &n->gateway) < 0 ||
	    read_dns(db_col_text(st, 2), n) < 0 ||
	    read_ip(db_col_text(st, 3), &n->pool_first) < 0 ||
	    read_ip(db_col_text(st, 4), &n->pool_last) < 0)
		return -EUCLEAN;
	n->lease_s = db_col_i64(st, 5);
	db_col_copy(st, 6, n->domain, sizeof(n->domain));
	db_col_copy(st, 7, n->relay, sizeof(n->relay));
	/* NULL of an IPv6 subnet: from before schema 3. Nothing was advertised then, and an upgrade does not
	 * begin to. */
	if (!db_col_null(st, 8) && bundle_ra_parse(db_col_text(st, 8), &n->ra) < 0)
		return -EUCLEAN;
	n->router_s = db_col_i64(st, 9);
	n->mtu = db_col_i64(st, 10);
	return 0;
}

static int
read_subnets(struct store *s, struct bundle_site *site)
{
	struct db_stmt *st = stmt(s, SUBNET_LIST);
	int rc;

	db_bind_text(st, 1, site->name);
	while ((rc = db_step(st)) == 1) {
		if (site->n_subnets == BUNDLE_SUBNETS_MAX ||
		    read_subnet(st, &site->subnets[site->n_subnets]) < 0) {
			db_reset(st);
			return -EUCLEAN;
		}
		site->n_subnets++;
	}
	return rc;
}

/* The column holds the object alone. */
static int
read_menu(struct db_stmt *st, int col, struct bundle_menu *ret)
{
	const char *text = db_col_text(st, col);
	json_t *v;
	int rc;

	*ret = (struct bundle_menu){.set = false};
	if (text[0] == '\0')
		return 0;
	v = json_pack("{s:o?}", "menu", json_loads(text, 0, NULL));
	rc = bundle_menu_from_json(v, ret, NULL) < 0 || !ret->set ? -EUCLEAN : 0;
	json_decref(v);
	return rc;
}

static void
bind_menu(struct db_stmt *st, int n, const struct bundle_menu *m)
{
	json_t *v = json_object();
	char *text = NULL;

	bundle_menu_put(v, m);
	if (m->set)
		text = json_text(json_object_get(v, "menu"));
	db_bind_text(st, n, text);
	free(text);
	json_decref(v);
}

/* What cannot be read must not pass for "anywhere". */
static int
read_prefixes(struct db_stmt *st, int at, struct addr_prefix ret[BUNDLE_BMC_PREFIXES_MAX],
    size_t *ret_n)
{
	const char *s = db_col_text(st, at);
	char one[ADDR_PREFIX_TEXT];
	size_t n = 0;

	while (*s != '\0') {
		size_t len = strcspn(s, " ");

		if (n == BUNDLE_BMC_PREFIXES_MAX || len >= sizeof(one))
			return -EUCLEAN;
		memcpy(one, s, len);
		one[len] = '\0';
		if (addr_prefix_parse(one, &ret[n++]) < 0)
			return -EUCLEAN;
		s += len + (s[len] == ' ');
	}
	*ret_n = n;
	return 0;
}

int
db_site_bmc_rules(struct store *s, const char *name,
    struct addr_prefix ret[BUNDLE_BMC_PREFIXES_MAX], size_t *ret_n,
    int *ret_require_cipher)
{
	struct db_stmt *st = stmt(s, SITE_RULES);

	db_bind_text(st, 1, name);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	rc = read_prefixes(st, 0, ret, ret_n);
	if (rc == 0)
		*ret_require_cipher = (int)db_col_i64(st, 1);
	db_reset(st);
	return rc;
}

int
db_site_console(struct store *s, const char *name, char ret[8])
{
	struct db_stmt *st = stmt(s, SITE_CONSOLE);

	db_bind_text(st, 1, name);
	return store_text(st, ret, 8);
}

/* One a line, as people write them. */
static int
read_caps(struct db_stmt *st, int at, struct db_site *ret)
{
	const char *s = db_col_text(st, at);
	char one[LINE_CAP_TEXT];

	while (*s != '\0') {
		size_t len = strcspn(s, "\n");

		if (ret->n_caps == LINE_CAP_MAX || len >= sizeof(one))
			return -EUCLEAN;
		memcpy(one, s, len);
		one[len] = '\0';
		if (line_cap_parse(one, &ret->caps[ret->n_caps++], NULL) < 0)
			return -EUCLEAN;
		s += len + (s[len] == '\n');
	}
	return 0;
}

static void
bind_caps(struct db_stmt *st, int at, const struct db_site *site)
{
	char all[LINE_CAP_MAX * LINE_CAP_TEXT] = "";
	size_t len = 0;

	for (size_t i = 0; i < site->n_caps; i++) {
		if (i > 0)
			all[len++] = '\n';
		line_cap_text(&site->caps[i], all + len);
		len += strlen(all + len);
	}
	db_bind_opt(st, at, all);
}

int
db_site_peers(struct store *s, const char *name,
    struct db_site_peer ret[DB_SITE_PEERS_MAX], size_t *ret_n)
{
	struct db_stmt *st = stmt(s, PEER_LIST);
	int rc;

	*ret_n = 0;
	db_bind_text(st, 1, name);
	while ((rc = db_step(st)) == 1) {
		if (*ret_n == DB_SITE_PEERS_MAX) {
			db_reset(st);
			return -EUCLEAN;
		}
		db_col_copy(st, 0, ret[*ret_n].name, sizeof(ret[0].name));
		db_col_copy(st, 1, ret[*ret_n].url, sizeof(ret[0].url));
		(*ret_n)++;
	}
	return rc;
}

int
db_site_peer_of(struct store *s, const char *name, struct store_names *ret)
{
	struct db_stmt *st = stmt(s, PEER_OF);

	db_bind_text(st, 1, name);
	return store_collect(st, ret);
}

static int
read_peers(struct store *s, struct db_site *ret)
{
	struct db_site_peer peers[DB_SITE_PEERS_MAX];
	int rc = db_site_peers(s, ret->site.name, peers, &ret->n_peers);

	for (size_t i = 0; rc == 0 && i < ret->n_peers; i++)
		str_clip(ret->peers[i], sizeof(ret->peers[i]), peers[i].name);
	return rc;
}

int
db_site_get(struct store *s, const char *name, struct db_site *ret)
{
	struct db_stmt *st = stmt(s, SITE_GET);
	struct bundle_site *b = &ret->site;

	db_bind_text(st, 1, name);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	str_clip(b->name, sizeof(b->name), name);
	db_col_copy(st, 0, b->timezone, sizeof(b->timezone));
	db_col_copy(st, 1, ret->url, sizeof(ret->url));
	b->answer_unknown = db_col_bool(st, 2);
	rc = bundle_idle_parse(db_col_text(st, 3), &b->idle) < 0 ? -EUCLEAN : 0;
	b->version = db_col_i64(st, 4);
	ret->rev = db_col_i64(st, 5);
	if (rc == 0)
		rc = store_read_loaders(st, 6, b->loaders, &b->n_loaders);
	if (rc == 0)
		rc = read_menu(st, 7, &b->menu);
	if (rc == 0)
		rc = read_prefixes(st, 8, ret->bmc_prefixes, &ret->n_bmc_prefixes);
	db_col_copy(st, 9, ret->console, sizeof(ret->console));
	ret->require_cipher = (int)db_col_i64(st, 10);
	if (rc == 0)
		rc = read_caps(st, 11, ret);
	db_reset(st);
	if (rc == 0)
		rc = read_peers(s, ret);
	return rc < 0 ? rc : read_subnets(s, b);
}

static int
put_subnet(struct store *s, const char *site, size_t ord, const struct bundle_subnet *n)
{
	struct db_stmt *st = stmt(s, SUBNET_ADD);
	char text[ADDR_PREFIX_TEXT];
	char dns[ARRAY_SIZE(n->dns) * ADDR_IP_TEXT] = "";
	size_t len = 0;

	for (size_t i = 0; i < n->n_dns; i++) {
		if (i > 0)
			dns[len++] = ' ';
		addr_ip_text(&n->dns[i], dns + len, sizeof(dns) - len);
		len += strlen(dns + len);
	}
	db_bind_text(st, 1, site);
	db_bind_i64(st, 2, (int64_t)ord);
	db_bind_text(st, 3, addr_prefix_text(&n->prefix, text, sizeof(text)));
	db_bind_opt(st, 4, addr_ip_text(&n->gateway, text, sizeof(text)));
	db_bind_opt(st, 5, dns);
	db_bind_opt(st, 6, addr_ip_text(&n->pool_first, text, sizeof(text)));
	db_bind_opt(st, 7, addr_ip_text(&n->pool_last, text, sizeof(text)));
	db_bind_i64(st, 8, n->lease_s);
	db_bind_opt(st, 9, n->domain);
	db_bind_opt(st, 10, n->relay);
	db_bind_text(
	    st, 11, n->prefix.ip.family == AF_INET6 ? bundle_ra_name(n->ra) : NULL);
	db_bind_i64(st, 12, n->router_s);
	db_bind_i64(st, 13, n->mtu);
	return store_run(st);
}

static void
bind_prefixes(struct db_stmt *st, int at, const struct db_site *site)
{
	char all[BUNDLE_BMC_PREFIXES_MAX * ADDR_PREFIX_TEXT] = "";
	size_t len = 0;

	for (size_t i = 0; i < site->n_bmc_prefixes; i++) {
		if (i > 0)
			all[len++] = ' ';
		addr_prefix_text(&site->bmc_prefixes[i], all + len, sizeof(all) - len);
		len += strlen(all + len);
	}
	db_bind_opt(st, at, all);
}

static int
put_peers(struct store *s, const struct db_site *site)
{
	struct db_stmt *st = stmt(s, PEER_CLEAR);

	db_bind_text(st, 1, site->site.name);
	int rc = store_run(st);
	for (size_t i = 0; rc == 0 && i < site->n_peers; i++) {
		st = stmt(s, PEER_ADD);
		db_bind_text(st, 1, site->site.name);
		db_bind_i64(st, 2, (int64_t)i);
		db_bind_text(st, 3, site->peers[i]);
		rc = store_run(st);
	}
	return rc;
}

int
db_site_put(struct store *s, const struct db_site *site, int64_t now)
{
	const struct bundle_site *b = &site->site;
	struct db_stmt *st = stmt(s, SITE_PUT);

	s->generation++;
	assert(db_in_transaction(s->db));
	db_bind_text(st, 1, b->name);
	db_bind_text(st, 2, b->timezone);
	db_bind_text(st, 3, site->url);
	db_bind_bool(st, 4, b->answer_unknown);
	db_bind_text(st, 5, bundle_idle_name(b->idle));
	db_bind_i64(st, 6, now);
	store_bind_loaders(st, 7, b->loaders, b->n_loaders);
	bind_menu(st, 8, &b->menu);
	bind_prefixes(st, 9, site);
	db_bind_text(st, 10, site->console[0] != '\0' ? site->console : "job");
	db_bind_i64(st, 11, site->require_cipher);
	bind_caps(st, 12, site);
	int rc = store_run(st);
	if (rc < 0)
		return rc;
	st = stmt(s, SUBNET_CLEAR);
	db_bind_text(st, 1, b->name);
	rc = store_run(st);
	for (size_t i = 0; rc == 0 && i < b->n_subnets; i++)
		rc = put_subnet(s, b->name, i, &b->subnets[i]);
	return rc < 0 ? rc : put_peers(s, site);
}

int
db_site_delete(struct store *s, const char *name)
{
	struct db_stmt *st = stmt(s, SITE_DELETE);

	s->generation++;
	db_bind_text(st, 1, name);
	return store_change(st);
}

int
db_site_names(struct store *s, const char *after, int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt(s, SITE_NAMES);

	db_bind_text(st, 1, after ? after : "");
	db_bind_i64(st, 2, limit);
	return store_collect(st, ret);
}

int
db_site_touch(struct store *s, const char *name, int64_t now)
{
	struct db_stmt *st = stmt(s, SITE_TOUCH);

	db_bind_text(st, 1, name);
	db_bind_i64(st, 2, now);
	return store_change(st);
}

static int
each_menu(struct db_stmt *st,
    void (*each)(void *arg, const char *site, const struct bundle_menu *menu), void *arg)
{
	struct bundle_menu *menu = str_alloc(sizeof(*menu));
	int rc;

	while ((rc = db_step(st)) == 1) {
		if (read_menu(st, 1, menu) < 0) {
			db_reset(st);
			rc = -EUCLEAN;
			break;
		}
		each(arg, db_col_text(st, 0), menu);
	}
	free(menu);
	return rc;
}

int
db_site_each_menu(struct store *s,
    void (*each)(void *arg, const char *site, const struct bundle_menu *menu), void *arg)
{
	return each_menu(stmt(s, SITE_MENUS), each, arg);
}

int
db_site_each_shown_menu(struct store *s,
    void (*each)(void *arg, const char *site, const struct bundle_menu *menu), void *arg)
{
	return each_menu(stmt(s, SITE_WITH_MENU), each, arg);
}

int
db_site_version(struct store *s, const char *name, int64_t *ret)
{
	struct db_stmt *st = stmt(s, SITE_VERSION);

	db_bind_text(st, 1, name);
	return store_i64(st, ret);
}
