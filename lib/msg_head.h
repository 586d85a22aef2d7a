/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What messages between agent and orchestrator begin with (docs/protocol.md): {"v","site","agent"}, or "v" alone. */
#ifndef LIB_MSG_HEAD_H
#define LIB_MSG_HEAD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/id.h"

enum { MSG_HEAD_VERSION = 1 };

/* An object of the version that this program reads. 0, or -EINVAL with *err, as the next. */
int
msg_head_version(const json_t *v, struct error *err) MUST_CHECK;
/* A member that is an id. */
int
msg_head_id(
    const json_t *v, const char *key, char ret_id[ID_SIZE], struct error *err) MUST_CHECK;
/* Version, and which site's agent says it. */
int
msg_head_sender(const json_t *v, char *site, size_t site_size, char agent[ID_SIZE],
    struct error *err) MUST_CHECK;
/* The same, to be written; site NULL: the version alone. */
void
msg_head_put(json_t *v, const char *site, const char *agent);

#endif
