/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts that gave the same answer, put together: "edge[01-10].los: on". Pure. */
#ifndef CTL_COLLATE_H
#define CTL_COLLATE_H

#include "ctl/text.h"

struct collate;

struct collate *
collate_new(void);
void
collate_free(struct collate *c); /* NULL allowed */
/* An answer may have several lines. */
void
collate_add(struct collate *c, const char *host, const char *answer);
/* The groups, largest first; an answer of several lines below its hosts, indented. */
void
collate_print(struct collate *c, struct text *out);

#endif
