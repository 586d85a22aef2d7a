/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the wanted files is at the site? Looks at the store and below the images root, gives whole files the names that
 * images know them by, and makes room. The file system is the only record. Blocks: for lib/workq. */
#ifndef AGENT_STORE_SURVEY_H
#define AGENT_STORE_SURVEY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/store_evict.h"
#include "agent/store_known.h"
#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/store_msg.h"

enum { STORE_SURVEY_ROOT_SIZE = 256 };

struct store_survey_item {
	char sha256[DIGEST_TEXT];
	int64_t size;
	struct store_msg_texts paths; /* owned */
	/* Found: */
	bool object; /* in the store */
	bool held;   /* under all its names */
	bool here;   /* by the hand of others, all of them */
	/* A file of others under its name, with its size, that is to be read first. */
	char unread[BUNDLE_PATH_SIZE];
	struct error why; /* why a name is not its */
};

struct store_survey {
	char root[STORE_SURVEY_ROOT_SIZE];
	struct store_known *known; /* borrowed */
	struct store_survey_item *items;
	size_t n_items;
	char (*used)[DIGEST_TEXT]; /* by jobs */
	size_t n_used;
	char (*busy)[DIGEST_TEXT]; /* deltas that come, and what they begin with now */
	size_t n_busy;
	char (*bases)[DIGEST_TEXT]; /* what deltas begin with */
	size_t n_bases;
	int64_t room;  /* octets that are to be free beyond `floor`; 0: none are needed */
	int64_t floor; /* that the file system is to keep */
	int64_t max;   /* of the store's files together; 0: no limit */
	/* Found: */
	int64_t free; /* on the file system; -1: not known */
	int64_t held; /* by the store's files */
	struct store_object *objects;
	size_t n_objects;
	size_t n_removed;
	int64_t removed;  /* octets */
	bool enough;	  /* `room` is there now */
	struct error err; /* the store itself cannot be used */
};

/* All of it. */
void
store_survey_run(struct store_survey *s);
/* Reads a file of others, and remembers its digest. 0 or -errno. */
int
store_survey_read(const char *root, const char *path, struct store_known *known,
    const atomic_bool *stop) MUST_CHECK;
/* Reads a file of the store. One that is another by now, since somebody wrote into it, is removed with all its names, and comes
 * again. 1: so it was; 0: it is right; -errno. */
int
store_survey_doubt(
    const char *root, const char *sha256, const atomic_bool *stop) MUST_CHECK;
/* Is it in the store? */
bool
store_survey_has(const struct store_survey *s, const char *sha256);
void
store_survey_free(struct store_survey *s); /* NULL allowed */

#endif
