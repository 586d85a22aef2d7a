/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that are no host's: what was seen of them. */
#ifndef DB_DB_DISCOVERED_H
#define DB_DB_DISCOVERED_H

#include "db/store.h"
#include "lib/event.h"

/* Of one site; the one longest unseen makes room. */
enum { DB_DISCOVERED_MAX = 1000, DB_DISCOVERED_TEXT = 100 };

/* "" and 0: not known. */
struct db_discovered {
	char mac[ADDR_MAC_TEXT];
	char site[EVENT_SITE_SIZE];
	char uuid[ADDR_UUID_TEXT];
	char arch[EVENT_ARCH_SIZE];
	char vendor_class[DB_DISCOVERED_TEXT];
	char hostname[DB_DISCOVERED_TEXT];
	char ip[ADDR_IP_TEXT];
	char relay[ADDR_IP_TEXT];
	char circuit_id[DB_DISCOVERED_TEXT];
	char remote_id[DB_DISCOVERED_TEXT];
	char interface[DB_DISCOVERED_TEXT];
	char duid[300];
	int64_t first_seen, last_seen;
	int64_t seen;
};

/* Adds what was seen at `last_seen` to what is known: what is "" stays as it was, `seen` is added. Nothing happens
 * where a host has the MAC address. 1: it was not known before, and none had to go for it, else 0. Within a transaction. */
int
db_discovered_note(struct store *s, const struct db_discovered *d) MUST_CHECK;
/* Site NULL or "": of the sites where it was seen the last one. -ENOENT. */
int
db_discovered_get(struct store *s, const char *mac, const char *site,
    struct db_discovered *ret) MUST_CHECK;
/* In order of MAC address and site, after these (NULL: from the first); site NULL: all. `each` must not use the
 * store. */
int
db_discovered_list(struct store *s, const char *site, const char *after_mac,
    const char *after_site, int64_t limit,
    void (*each)(void *arg, const struct db_discovered *d), void *arg) MUST_CHECK;
/* Site NULL or "": everywhere. -ENOENT: nothing was there. */
int
db_discovered_forget(struct store *s, const char *mac, const char *site) MUST_CHECK;
/* Forgets at most `limit` of those not seen since `before`; returns how many, or -errno. */
int
db_discovered_prune(struct store *s, int64_t before, int64_t limit) MUST_CHECK;
/* The hosts with that SMBIOS UUID, as inventories have it: at most two, in `ret`. */
int
db_discovered_hosts_of_uuid(
    struct store *s, const char *uuid, struct store_names *ret) MUST_CHECK;

/* The machine with that SMBIOS UUID, in either order of its octets, that was seen last at a site, not before `since`. It
 * looks at what was seen there since: DB_DISCOVERED_MAX at most. -ENOENT; -EINVAL: no UUID. */
int
db_discovered_with_uuid(struct store *s, const char *site, const char *uuid,
    int64_t since, struct db_discovered *ret) MUST_CHECK;

#endif
