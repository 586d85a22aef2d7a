/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of `schedule add` and `schedule set` as members of POST and PATCH /schedules (docs/api.md). Pure. */
#ifndef CTL_SCHEDULE_OPTS_H
#define CTL_SCHEDULE_OPTS_H

#include <jansson.h>

#include "ctl/args.h"
#include "lib/error.h"

/* 0, or -EINVAL with *err ("usage", "reason-missing", "bad-cron", "bad-rrule", "bad-time", "bad-gate"). `fresh`: of a new one,
 * which wants what, where and when; else only what is given is put, and nulls what that replaces. */
int
schedule_opts_body(
    const struct args *args, bool fresh, json_t *body, struct error *err) MUST_CHECK;

#endif
