/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has changed of a site's table since the version that its agent has (docs/protocol.md, "Changes of the table"):
 * JSON <-> struct. */
#ifndef LIB_AGENT_MSG_DELTA_H
#define LIB_AGENT_MSG_DELTA_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/error.h"

struct agent_msg_delta {
	int64_t from, to;
	uint64_t digest;	   /* of the whole table then: lib/table_sum.h */
	struct bundle_site *head;  /* what is no host; NULL: it is as it was; owned */
	struct bundle_host *hosts; /* new or changed; owned array */
	size_t n_hosts;
	char (*gone)[BUNDLE_NAME_SIZE]; /* owned array */
	size_t n_gone;
	size_t n_strange; /* words in it that are not known here: lib/table_words.h */
};

json_t *
agent_msg_delta_to_json(const struct agent_msg_delta *m);
/* 0, or -EINVAL with *ret untouched. */
int
agent_msg_delta_from_json(
    const json_t *v, struct agent_msg_delta *ret, struct error *err) MUST_CHECK;
void
agent_msg_delta_done(struct agent_msg_delta *m); /* NULL allowed */

#endif
