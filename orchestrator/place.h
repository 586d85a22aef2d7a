/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images at sites: what each site's store is to hold, what it has told, and how far an image is there. */
#ifndef ORCHESTRATOR_PLACE_H
#define ORCHESTRATOR_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db_place.h"
#include "db/store.h"
#include "lib/bundle.h"
#include "lib/log.h"
#include "lib/store_msg.h"
#include "orchestrator/deltas.h"

struct place;

struct place_ops {
	struct store *store;
	const struct log *log;
	struct deltas *deltas; /* or NULL: none are offered */
	/* A site holds something that it did not hold before. */
	void (*on_held)(void *arg, const char *site);
	/* A nearby site holds a file now that this one waits for: its version is another one. Or NULL. */
	void (*on_peer)(void *arg, const char *site);
	void *arg;
};

struct place *
place_new(const struct place_ops *ops);
void
place_free(struct place *p);

/* The site was removed: of another one of that name nothing is known. */
void
place_forget(struct place *p, const char *site);
/* What a site is to hold; borrowed until the next call of this file. NULL: no such site, or the database
 * cannot be read. */
const struct store_msg_plan *
place_plan(struct place *p, const char *site);
/* Its version, for the answer to a poll; 0: there is none. */
int64_t
place_version(struct place *p, const char *site);
/* Calls `each` with the sites that have a plan. */
void
place_each(struct place *p, void (*each)(void *arg, const char *site), void *arg);
/* A delta has been made, or is not to be had: plans that wait for one are made anew, and `wake` is called with their sites. */
void
place_delta_made(struct place *p, void (*wake)(void *arg, const char *site), void *arg);
/* Is the file one that the site is to hold? */
bool
place_wants(struct place *p, const char *site, const char *sha256);

/* Takes what a site's store tells. Only of digests that the site is to hold; `apart`: its agent came from
 * another machine. 0 or an errno of the database. */
int
place_report(struct place *p, const struct store_msg_report *m, bool apart) MUST_CHECK;
/* What its store told last; NULL: never. Borrowed likewise. */
const struct db_place_stock *
place_stock(struct place *p, const char *site);
/* One of its files as it told; NULL: it is not known. Borrowed likewise. */
const struct db_place_row *
place_file(struct place *p, const char *site, const char *sha256);

/* An image at a site. */
struct place_image {
	bool told; /* the site has a store that tells what it has */
	bool
	    apart; /* its files are not the orchestrator's own: what is not known to be there is not there */
	bool whole; /* every file is held */
	size_t files, held;
	int64_t octets, got, rate;
	enum store_msg_state state; /* of the whole: the worst of its files' */
	enum store_msg_source source;
	struct error why; /* what holds it up; no code: nothing that is known */
	int64_t at;	  /* when the site told; 0: never */
};
void
place_image(struct place *p, const char *site, const struct bundle_image *image,
    struct place_image *ret);
/* 0..100, and 100 only when it is whole. */
int
place_percent(const struct place_image *at);

#endif
