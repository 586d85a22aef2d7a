/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the octets of a file can be had, and which of these places is asked next. Pure: time comes in. */
#ifndef AGENT_STORE_SOURCE_H
#define AGENT_STORE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/store_msg.h"

/* How long a source that gave wrong octets is not asked again. */
#define STORE_SOURCE_BLAME (3600 * USEC_PER_SEC)

enum { STORE_SOURCE_LEAST = 4096 };

struct store_source {
	enum store_msg_source kind; /* site, url or orchestrator */
	char *url;		    /* of site and url; NULL: the orchestrator. Owned */
	char etag[80];		    /* of its file, as its first answer said */
	bool whole;	    /* it knows no ranges: all of the file, from its begin */
	bool gave;	    /* octets of the partial file are its */
	unsigned fails;	    /* in a row, without an octet */
	int64_t rest_until; /* not asked before, microseconds */
	bool blamed;	    /* it gave wrong octets, or another file */
	int64_t from, came; /* octets since then: store_source_slow() */
	struct error why;   /* its last failure */
};

struct store_sources {
	struct store_source *v; /* owned; in the order of preference */
	size_t n;
	size_t now; /* the one in use */
	/* Wrong octets came, and of whom is not known: from now on of one at a time, the orchestrator first. */
	bool alone;
	bool
	    inherited; /* some of the file was there when this program began: of whom is not known */
};

void
store_sources_add(struct store_sources *s, enum store_msg_source kind, const char *url);
void
store_sources_done(struct store_sources *s);
/* The place to ask now, which is then the one in use: that one again as long as it does not rest, else the first that does
 * not. -1: all rest, the first until *ret_until. */
int
store_sources_pick(struct store_sources *s, int64_t now, int64_t *ret_until);
/* It gave so many octets. */
void
store_source_well(struct store_source *s, int64_t octets);
/* It did not: after some times in a row it rests, longer and longer. `jitter` is any random number. */
void
store_source_failed(
    struct store_source *s, const struct error *why, int64_t now, uint64_t jitter);
/* It said that it does not have the file, or not now: it rests as long. */
void
store_source_refused(
    struct store_source *s, const struct error *why, int64_t now, int64_t rest);
/* How fast it is, from now on. */
void
store_source_measure(struct store_source *s, int64_t now);
/* A few times a second while it is asked and nothing but itself holds it up: has it given less than STORE_SOURCE_LEAST octets
 * a second for long? */
bool
store_source_slow(struct store_source *s, int64_t now);
/* It is left for as long; another one goes on with what it gave. */
void
store_source_leave(
    struct store_source *s, const struct error *why, int64_t now, int64_t rest);
/* The octets that came are not the file: the one that gave them is blamed, or nobody if several did (then *s is `alone`).
 * All forget what they gave. Returns the one that is blamed, or NULL. */
struct store_source *
store_sources_blame(struct store_sources *s, const struct error *why, int64_t now);
/* Do all of them rest because of what they gave? Then the file cannot be had before something changes. */
bool
store_sources_hopeless(const struct store_sources *s, int64_t now);

#endif
