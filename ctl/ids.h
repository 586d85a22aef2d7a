/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an operand names: a host, or a job or boot by its id or a part of it. */
#ifndef CTL_IDS_H
#define CTL_IDS_H

#include <stdbool.h>

#include "ctl/ctl.h"
#include "lib/id.h"

enum ids_kind {
	IDS_NAME, /* no id could look so: a host, or a set of hosts, that was not asked for */
	IDS_HOST,  /* a host of that very name */
	IDS_WHOLE, /* a whole id: of what, the server knows */
	IDS_JOB,
	IDS_BOOT,
	IDS_NONE, /* neither a host nor an id begins or ends so */
};

struct ids_found {
	enum ids_kind kind;
	char id[ID_SIZE]; /* of IDS_WHOLE, IDS_JOB and IDS_BOOT */
};

/* The whole id (ID_SIZE) for an id, or a unique beginning or end of one; else an exit code, which was said.
 * `collection` is "jobs", "boots" or "rollouts". */
int
ids_find(const struct ctl *ctl, const char *collection, const char *given, char *ret_id);
/* What HOST|JOB (with `boots` HOST|JOB|BOOT) names. A host of that very name comes first, whatever ids there are; a part
 * that several ids begin or end with names none of them: an exit code then, which was said. */
int
ids_resolve(const struct ctl *ctl, const char *given, bool boots, struct ids_found *ret);

#endif
