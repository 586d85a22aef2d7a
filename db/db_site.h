/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites and their subnets. */
#ifndef DB_DB_SITE_H
#define DB_DB_SITE_H

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/line_cap.h"

enum { DB_SITE_PEERS_MAX = 8 };

struct db_site {
	struct bundle_site
	    site; /* without hosts and menu_images; version: of the snapshot agents hold */
	struct addr_prefix bmc_prefixes[BUNDLE_BMC_PREFIXES_MAX]; /* where its BMCs are */
	size_t n_bmc_prefixes;
	char console
	    [8]; /* when its hosts' consoles are recorded: "off", "job", "always" */
	int require_cipher; /* 17: its BMCs are asked with no other suite; 0 */
	char url[256];	    /* the site's HTTP base as servers see it, or "" */
	struct line_cap caps[LINE_CAP_MAX]; /* how much of its line its store may use */
	size_t n_caps;
	char peers[DB_SITE_PEERS_MAX][64]; /* nearby sites, in order */
	size_t n_peers;
	int64_t rev;
};

int
db_site_get(struct store *s, const char *name, struct db_site *ret) MUST_CHECK;
/* Its management prefixes and its rule on cipher suites alone. */
int
db_site_bmc_rules(struct store *s, const char *name,
    struct addr_prefix ret[BUNDLE_BMC_PREFIXES_MAX], size_t *ret_n,
    int *ret_require_cipher) MUST_CHECK;
/* When its hosts' consoles are recorded. */
int
db_site_console(struct store *s, const char *name, char ret[8]) MUST_CHECK;
/* A site that has image files for another one. */
struct db_site_peer {
	char name[64];
	char url[256]; /* "": it has none, and nothing can be asked of it */
};
/* Those of a site, in order; none when there is no such site. */
int
db_site_peers(struct store *s, const char *name,
    struct db_site_peer ret[DB_SITE_PEERS_MAX], size_t *ret_n) MUST_CHECK;
/* The sites that name it as theirs. */
int
db_site_peer_of(struct store *s, const char *name, struct store_names *ret) MUST_CHECK;
/* Inserts or replaces, subnets and peers included; versions are not taken from `site` but raised.
 * Within a transaction. */
int
db_site_put(struct store *s, const struct db_site *site, int64_t now) MUST_CHECK;
/* -ENOLINK while it has hosts. */
int
db_site_delete(struct store *s, const char *name) MUST_CHECK;
int
db_site_names(struct store *s, const char *after, int64_t limit,
    struct store_names *ret) MUST_CHECK;
/* Makes every agent's snapshot of the site old. The version never repeats, not even after
 * the database was restored from a backup, because it is at least the time. */
int
db_site_touch(struct store *s, const char *name, int64_t now) MUST_CHECK;
/* Calls each(arg, site, menu) for every site that has a menu of its own. It must not use the store. */
int
db_site_each_menu(struct store *s,
    void (*each)(void *arg, const char *site, const struct bundle_menu *menu),
    void *arg) MUST_CHECK;
/* The same for every site where a menu may appear: with one of its own, or where it is the idle policy of the site or
 * a host, and `menu` may be one that is not set. */
int
db_site_each_shown_menu(struct store *s,
    void (*each)(void *arg, const char *site, const struct bundle_menu *menu),
    void *arg) MUST_CHECK;
int
db_site_version(struct store *s, const char *name, int64_t *ret) MUST_CHECK;

#endif
