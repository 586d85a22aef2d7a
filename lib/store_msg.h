/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a site's store of image files holds, and what it should hold (docs/protocol.md, "Images at sites"):
 * JSON <-> struct. */
#ifndef LIB_STORE_MSG_H
#define LIB_STORE_MSG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/error.h"
#include "lib/id.h"
#include "lib/line_cap.h"

enum {
	STORE_MSG_FILES_MAX = 8192, /* of one site */
	STORE_MSG_LIST_MAX = 64,    /* paths, images, urls or peers of a file */
	STORE_MSG_DELTAS_MAX = 4,
	STORE_MSG_URL_SIZE = 1024,
};

/* Of one file: sums of them stay numbers. */
#define STORE_MSG_SIZE_MAX (1LL << 48)

/* "waiting": not begun, or between two attempts (code says why). "failed": the agent does not try by itself
 * again before something changes. */
enum store_msg_state {
	STORE_MSG_WAITING,
	STORE_MSG_FETCHING,
	STORE_MSG_HELD,
	STORE_MSG_FAILED
};
/* Where its octets come or came from; "here": the site had the file already. */
enum store_msg_source {
	STORE_MSG_FROM_NOBODY, /* "" */
	STORE_MSG_FROM_ORCHESTRATOR,
	STORE_MSG_FROM_URL,
	STORE_MSG_FROM_SITE,
	STORE_MSG_FROM_DELTA,
	STORE_MSG_FROM_HERE
};

const char *
store_msg_state_name(enum store_msg_state state);
int
store_msg_state_parse(const char *s, enum store_msg_state *ret) MUST_CHECK;
const char *
store_msg_source_name(enum store_msg_source source);
int
store_msg_source_parse(const char *s, enum store_msg_source *ret) MUST_CHECK;
/* 64 lower-case hexadecimal digits? */
bool
store_msg_digest_valid(const char *s);
/* http:// or https://, a host, nothing that would need to be escaped, no user and password? */
bool
store_msg_url_valid(const char *s);

/* ---- POST /agent/v1/store, the question ---- */

struct store_msg_item {
	char sha256[DIGEST_TEXT];
	int64_t size;
	enum store_msg_state state;
	int64_t
	    got; /* octets of it that are at the site, of a delta: of the delta; at most size */
	enum store_msg_source source;
	int64_t rate;	  /* octets in a second, lately; 0 unless it is being fetched */
	struct error why; /* why it waits or has failed; no code: nothing is wrong */
};

struct store_msg_report {
	char site[64];
	char agent[ID_SIZE];
	int64_t version; /* of what it should hold, as it knows it; 0: it knows none */
	int64_t free;	 /* octets on its file system; -1: not known */
	struct store_msg_item *items;
	size_t n_items;
};

json_t *
store_msg_report_to_json(const struct store_msg_report *m);
int
store_msg_report_from_json(
    const json_t *v, struct store_msg_report *ret, struct error *err) MUST_CHECK;
void
store_msg_report_done(struct store_msg_report *m);

/* ---- the answer ---- */

struct store_msg_texts {
	char **v;
	size_t n;
};

/* A way to the wanted file from one that the site has: zstd's patch-from. */
struct store_msg_delta {
	char from[DIGEST_TEXT];	  /* the file that it begins with */
	char sha256[DIGEST_TEXT]; /* of the delta itself */
	int64_t size;		  /* of the delta */
};

struct store_msg_wanted {
	char sha256[DIGEST_TEXT];
	int64_t size;
	struct store_msg_texts paths;  /* below the images root, at least one */
	struct store_msg_texts images; /* whose file it is */
	bool needed; /* by a job that waits for it or runs: first, and never removed */
	bool delta_soon; /* a delta is being made: do not begin the whole file now */
	struct store_msg_texts urls;  /* upstream, in order */
	struct store_msg_texts peers; /* HTTP services of nearby sites, in order */
	struct store_msg_delta deltas[STORE_MSG_DELTAS_MAX];
	size_t n_deltas;
};

struct store_msg_plan {
	int64_t version;
	struct store_msg_wanted *wanted;
	size_t n_wanted;
	struct line_cap caps[LINE_CAP_MAX];
	size_t n_caps;
	char timezone[64]; /* what the caps' hours are told in */
};

json_t *
store_msg_plan_to_json(const struct store_msg_plan *m);
int
store_msg_plan_from_json(
    const json_t *v, struct store_msg_plan *ret, struct error *err) MUST_CHECK;
void
store_msg_plan_done(struct store_msg_plan *m);
/* Adds a copy unless it is there already; false when the list is full. */
bool
store_msg_texts_add(struct store_msg_texts *list, const char *text);
void
store_msg_texts_done(struct store_msg_texts *list);

#endif
