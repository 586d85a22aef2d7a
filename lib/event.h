/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One observed fact. The same record goes from bootd to the agent, into its spool, to the
 * orchestrator and its `event` table, to `events --follow` and to NDJSON files; `kind` is
 * "source.what" as listed in docs/boot-services.md and docs/architecture.md. */
#ifndef LIB_EVENT_H
#define LIB_EVENT_H

#include <jansson.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/error.h"
#include "lib/id.h"

enum {
	EVENT_KIND_SIZE = 40,
	EVENT_NAME_SIZE = 254,
	EVENT_SITE_SIZE = 64,
	EVENT_ARCH_SIZE = 24,
	EVENT_FILE_SIZE = 256,
	EVENT_REASON_SIZE = 256,
};

/* In detail of the end of a transfer that bootd itself broke off; without it, it was its client. */
#define EVENT_ENDED_BY "ended_by"
#define EVENT_BY_SERVER "server"

/* Empty strings and bytes/total < 0 mean "not known" and are left out of the JSON. */
struct event {
	int64_t at; /* wall, microseconds */
	int64_t
	    said_at; /* what its agent's clock showed, where `at` was corrected; else 0. Written, never read. */
	char kind[EVENT_KIND_SIZE];
	char site[EVENT_SITE_SIZE];
	char host[EVENT_NAME_SIZE];
	char mac[ADDR_MAC_TEXT];
	char ip[ADDR_IP_TEXT];
	char arch[EVENT_ARCH_SIZE]; /* "x64-uefi", "x86-bios", … arch_name() */
	char boot[ID_SIZE];
	char job[ID_SIZE];
	char file[EVENT_FILE_SIZE];
	int64_t bytes;
	int64_t total;
	char reason[EVENT_REASON_SIZE]; /* a sentence for people, already escaped */
	json_t *detail;			/* object or NULL; owned by the event */
};

/* A blank event of that kind (bytes and total -1). */
struct event
event_make(const char *kind, int64_t at);
void
event_done(struct event *ev); /* frees detail, clears */
/* Borrow-free: the result owns everything. `at` is written as RFC 3339 text in key "at". */
json_t *
event_to_json(const struct event *ev);
/* 0 or -EINVAL; *ret is then untouched. The caller runs event_done(). */
int
event_from_json(const json_t *v, struct event *ret, struct error *err) MUST_CHECK;
/* Sets a string/integer in detail, creating it when needed. */
void
event_put(struct event *ev, const char *key, const char *value);
void
event_put_i64(struct event *ev, const char *key, int64_t value);
/* A text of detail, borrowed; "" when there is none of that name. */
const char *
event_str(const struct event *ev, const char *key);
/* An integer of detail; `otherwise` when there is none of that name. */
int64_t
event_i64(const struct event *ev, const char *key, int64_t otherwise);

#endif
