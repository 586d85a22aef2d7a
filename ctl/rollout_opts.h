/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options that say how work goes over many hosts, and when: as members of POST /rollouts and POST /schedules (docs/api.md). Pure. */
#ifndef CTL_ROLLOUT_OPTS_H
#define CTL_ROLLOUT_OPTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/args.h"
#include "lib/error.h"

/* Does an order with these options go over its hosts bit by bit? So it does with any option of a policy, and with a
 * window that begins now. */
bool
rollout_opts_rolling(const struct args *args);
/* Puts `policy`, when one of its options is given, and `skip_if_younger_s`. `fresh`: there is no policy yet that these would
 * change. 0, or -EINVAL with *err ("usage", "bad-gate"). */
int
rollout_opts_policy(
    const struct args *args, bool fresh, json_t *body, struct error *err) MUST_CHECK;
/* A duration option as a number of seconds from `min_s` to a year; nothing when it is not given. As above. */
int
rollout_opts_seconds(const struct args *args, const char *option, const char *member,
    int64_t min_s, json_t *body, struct error *err) MUST_CHECK;
/* The same of a number from `min` to a million. */
int
rollout_opts_number(const struct args *args, const char *option, const char *member,
    int64_t min, json_t *body, struct error *err) MUST_CHECK;
/* Could that work (its members as sent) lose data when it hits the wrong host? */
bool
rollout_opts_destructive(const json_t *work);

#endif
