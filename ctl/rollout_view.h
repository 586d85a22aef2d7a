/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rollouts for the eye: the plan, the whole of one, a line for each thing that happens, the last word. Pure. */
#ifndef CTL_ROLLOUT_VIEW_H
#define CTL_ROLLOUT_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/text.h"

/* States of hosts that are asked for one by one; the last is NULL. `ok` is not among them. */
extern const char *const rollout_view_states[];

/* The plan's hosts as rows of one table; owned by the caller. */
json_t *
rollout_view_plan_rows(const json_t *plan);
/* "40 hosts: 12 ok, 2 failed, 3 under way, 23 waiting" */
void
rollout_view_counts(const json_t *rollout, struct text *out);
/* What is to be done to its hosts, in words: "reinstall with debian". */
void
rollout_view_work(const json_t *doc, struct text *out);
/* All that is to be known of it at once. `hosts` are those in the states above, as far as they were asked for. */
void
rollout_view_show(
    const json_t *rollout, const json_t *hosts, int64_t now, struct text *out);
/* "edge01: failed: CODE: text: next", a line. */
void
rollout_view_host(const json_t *host, struct text *out);
/* What became of it since it was `old` (NULL: unknown), as lines; nothing where nothing did. */
void
rollout_view_change(const json_t *old, const json_t *rollout, struct text *out);
/* One line of where it is. */
void
rollout_view_line(const json_t *rollout, struct text *out);
/* Nothing more will happen by itself. */
bool
rollout_view_over(const json_t *rollout);
/* "rollout ID: done: 40 hosts: 40 ok"; of one that halted with what to do next. */
void
rollout_view_result(const json_t *rollout, struct text *out);
/* DESIGN section 8; CTL_TIMEOUT while it is not over. */
int
rollout_view_exit(const json_t *rollout);

#endif
