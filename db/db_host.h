/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts with their NICs, BMC and labels, and what was last seen of them. */
#ifndef DB_DB_HOST_H
#define DB_DB_HOST_H

#include "db/store.h"
#include "lib/bundle.h"

enum { DB_HOST_SEALED_SIZE = 160, DB_HOST_MANNERS_SIZE = 1024, DB_HOST_SITES = -1 };

struct db_host {
	struct bundle_host host; /* idle: only when idle_set, else the site's counts */
	bool idle_set;
	char site[64];
	char image[BUNDLE_NAME_SIZE]; /* default image or "" */
	struct bundle_bmc bmc; /* no secrets, require_cipher, manners and learned here */
	char manners[DB_HOST_MANNERS_SIZE]; /* the BMC's, as JSON, or "" */
	bool bmc_outside; /* its credentials may be sent outside of the site's prefixes */
	int require_cipher; /* 17, 0, or DB_HOST_SITES: what the site says */
	char sealed[DB_HOST_SEALED_SIZE], sealed_kg[DB_HOST_SEALED_SIZE]; /* or "" */
	/* A rotation that is not settled: either password may be the BMC's. "": none. */
	char sealed_next[DB_HOST_SEALED_SIZE];
	int64_t next_at, next_runs;
	bool forget_password, forget_kg; /* of a document: it says that there is none */
	int64_t locked_at;		 /* 0: not locked */
	char locked_by[64];
	char locked_reason[BUNDLE_REASON_SIZE];
	int64_t rev;
};

struct db_host_state {
	char power[16]; /* "" : never asked */
	char power_why[BUNDLE_REASON_SIZE];
	int64_t power_at, last_seen;
};

int
db_host_get(struct store *s, const char *name, struct db_host *ret) MUST_CHECK;
/* Inserts or replaces everything but the lock. A row's rev begins with the time: that of a host which was
 * removed and added again is another one. Within a transaction. -EEXIST: a MAC,
 * address or BMC belongs to another host; -ENOLINK: no such site or image. */
int
db_host_put(struct store *s, const struct db_host *h, int64_t now) MUST_CHECK;
/* Lets go of the host's MACs, addresses and BMC, so that several hosts can exchange them
 * within one transaction: clear all, then put all. No row is no error. */
int
db_host_clear(struct store *s, const char *name) MUST_CHECK;
int
db_host_delete(struct store *s, const char *name, int64_t now) MUST_CHECK;
int
db_host_lock(struct store *s, const char *name, const char *by, const char *reason,
    int64_t at) MUST_CHECK;
int
db_host_unlock(struct store *s, const char *name) MUST_CHECK;

/* In order of name, after `after` (NULL: from the first); site NULL: all. */
int
db_host_names(struct store *s, const char *site, const char *after, int64_t limit,
    struct store_names *ret) MUST_CHECK;
/* Those whose consoles are always recorded, by their own setting or the site's. */
int
db_host_always(struct store *s, const char *site, const char *after, int64_t limit,
    struct store_names *ret) MUST_CHECK;
int
db_host_exists(struct store *s, const char *name) MUST_CHECK; /* 1, 0 or -errno */
/* Does any host have such a label, whatever its value? 1, 0 or -errno. */
int
db_host_label_used(struct store *s, const char *key) MUST_CHECK;
int
db_host_by_label(struct store *s, const char *key, const char *value,
    struct store_names *ret) MUST_CHECK;
/* Hosts whose first label (up to the dot) is `stem`: what a short name may have meant. */
int
db_host_by_stem(
    struct store *s, const char *stem, int64_t limit, struct store_names *ret) MUST_CHECK;

/* The host that has it, in `ret` of `size`; -ENOENT: free. An ip is of either family. */
int
db_host_mac_owner(struct store *s, const char *mac, char *ret, size_t size) MUST_CHECK;
int
db_host_ip_owner(
    struct store *s, const char *site, const char *ip, char *ret, size_t size) MUST_CHECK;
int
db_host_bmc_owner(struct store *s, const char *site, const char *address, int64_t port,
    char *ret, size_t size) MUST_CHECK;

int
db_host_state_get(
    struct store *s, const char *name, struct db_host_state *ret) MUST_CHECK;
/* An older observation does not replace a newer one, unless that is newer than `wall`, the time here: then the clock that
 * dated it was ahead. */
int
db_host_state_seen(
    struct store *s, const char *name, int64_t at, int64_t wall) MUST_CHECK;
int
db_host_state_power(struct store *s, const char *name, const char *power, const char *why,
    int64_t at, int64_t wall) MUST_CHECK;
/* As that BMC has just told, `at` the time here; -ENOENT, and nothing is changed, where the host has another one by now. */
int
db_host_state_seen_by(struct store *s, const char *name, const char *address,
    int64_t port, const char *power, int64_t at) MUST_CHECK;

#endif
