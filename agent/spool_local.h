/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the site knows for the time when its orchestrator cannot be reached (lib/local_msg.h), in the spool: BMCs with
 * their secrets sealed with the agent's key, locks, images, and the answers that orders made here were given. */
#ifndef AGENT_SPOOL_LOCAL_H
#define AGENT_SPOOL_LOCAL_H

#include <jansson.h>

#include "agent/spool.h"
#include "lib/local_msg.h"

/* Replaces the whole list by the one in these arrays, `as_of` a wall time, in a transaction of its own. A host or image
 * that cannot be read is left out and counted in *ret_bad. */
int
spool_local_put(struct spool *s, const json_t *hosts, const json_t *images, int64_t as_of,
    size_t *ret_bad) MUST_CHECK;
/* It was found to be as it was. */
int
spool_local_confirm(struct spool *s, int64_t as_of) MUST_CHECK;
/* When the list was last known to be the orchestrator's; 0: there is none. */
int
spool_local_as_of(struct spool *s, int64_t *ret) MUST_CHECK;
/* 1 with *ret (local_msg_host_done()), 0: not in the list, -errno; -EBADMSG: its secrets do not open. */
int
spool_local_host(
    struct spool *s, const char *name, struct local_msg_host *ret) MUST_CHECK;
/* In order of name; what is borrowed is so for the call. */
int
spool_local_each_image(struct spool *s,
    void (*fn)(void *arg, const struct bundle_image *image), void *arg) MUST_CHECK;

enum { SPOOL_LOCAL_KEY_MAX = 128, SPOOL_LOCAL_DIGEST_SIZE = 65 };

/* The answer that a request with an Idempotency-Key was given. */
struct spool_local_key {
	char request[SPOOL_LOCAL_DIGEST_SIZE]; /* its digest */
	int status;
	char *answer; /* owned by the caller */
};
/* 1 with *ret, 0: none, -errno. */
int
spool_local_key_get(struct spool *s, int64_t uid, const char *key,
    struct spool_local_key *ret) MUST_CHECK;
/* Within a transaction: that of what was ordered. Forgets those of more than a day ago. */
int
spool_local_key_put(struct spool *s, int64_t uid, const char *key,
    const struct spool_local_key *row, int64_t now) MUST_CHECK;

#endif
