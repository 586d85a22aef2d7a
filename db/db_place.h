/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images at sites: where operators placed them, and what the sites' stores told of themselves. */
#ifndef DB_DB_PLACE_H
#define DB_DB_PLACE_H

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/digest.h"
#include "lib/store_msg.h"

/* -ENOLINK: no such site or image. Repeating it keeps the first row. */
int
db_place_add(struct store *s, const char *site, const char *image, const char *by,
    int64_t now) MUST_CHECK;
/* -ENOENT: it was not placed there. */
int
db_place_remove(struct store *s, const char *site, const char *image) MUST_CHECK;
/* 1, 0 or -errno */
int
db_place_is(struct store *s, const char *site, const char *image) MUST_CHECK;
/* Images that a site should hold, by name: placed there, the own one of a host, or ordered there since
 * `since`. Those of its menu are not among them. */
int
db_place_images(
    struct store *s, const char *site, int64_t since, struct store_names *ret) MUST_CHECK;
/* Bundles of the site's open jobs that boot an image. `each` must not use the store. */
int
db_place_open_bundles(struct store *s, const char *site,
    void (*each)(void *arg, const char *bundle), void *arg) MUST_CHECK;
/* Has a host of the site the menu as its own idle policy? 1, 0 or -errno. */
int
db_place_menu(struct store *s, const char *site) MUST_CHECK;
/* The path and size of a file that some image has; -ENOENT. */
int
db_place_file(struct store *s, const char *sha256, char ret_path[BUNDLE_PATH_SIZE],
    int64_t *ret_size) MUST_CHECK;

/* What a site's store told last. */
struct db_place_stock {
	int64_t version;
	int64_t free; /* -1: not told */
	bool apart;   /* its files are not the orchestrator's own */
	int64_t at;
};
struct db_place_row {
	char path[BUNDLE_PATH_SIZE];
	bool wanted;
	struct store_msg_item item;
};
/* -ENOENT: it never told. */
int
db_place_stock_get(
    struct store *s, const char *site, struct db_place_stock *ret) MUST_CHECK;
int
db_place_rows(struct store *s, const char *site,
    void (*each)(void *arg, const struct db_place_row *row), void *arg) MUST_CHECK;
/* Replaces what is known of the site's store. Within a transaction. */
int
db_place_put(struct store *s, const char *site, const struct db_place_stock *stock,
    const struct db_place_row *rows, size_t n) MUST_CHECK;

/* Jobs that wait for their image: at one site, or those whose time is over by `now` (site NULL). */
int
db_place_waiting(
    struct store *s, const char *site, int64_t now, struct store_names *ret) MUST_CHECK;
/* The job waits no longer. */
int
db_place_ready(struct store *s, const char *job) MUST_CHECK;

#endif
