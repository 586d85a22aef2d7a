/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host sets as typed, resolved to hosts of the site. */
#ifndef AGENT_LOCAL_SELECT_H
#define AGENT_LOCAL_SELECT_H

#include <jansson.h>
#include <stddef.h>

#include "agent/spool.h"
#include "lib/error.h"

struct local_names {
	char **v; /* sorted, each once */
	size_t n;
};

/* Names that are no hosts of the site come back as problem objects in *ret_errors (owned by the caller), NULL when there
 * are none. 0; -EINVAL or -E2BIG with *err for a text that cannot be read; an errno of the spool. */
int
local_select(struct spool *s, const char *site, const char *text, struct local_names *ret,
    json_t **ret_errors, struct error *err) MUST_CHECK;
void
local_select_done(struct local_names *names);
/* Appends {"host","code","text","next"}; makes *list when it is NULL. */
void
local_select_refuse(json_t **list, const char *host, const struct error *err);

#endif
