/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several commands do alike. */
#ifndef CTL_CMD_UTIL_H
#define CTL_CMD_UTIL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/ctl.h"

/* The operands joined with ',': a host set. Owned by the caller. */
char *
cmd_util_selector(const struct args *args);
/* A string member, or "". Borrowed. */
const char *
cmd_util_str(const json_t *obj, const char *key);
/* All values of an option as one object, member `member` of body, each put there by `put`; nothing when the
 * option is not given. 0 or an errno with *err. */
typedef int
cmd_util_put_fn(const char *s, json_t *obj, struct error *err);
int
cmd_util_put_map(const struct args *args, const char *option, const char *member,
    cmd_util_put_fn *put, json_t *body, struct error *err) MUST_CHECK;
/* "as of 14:02 …, site not heard for 35m0s" where the row says that its site is not heard; else nothing. */
void
cmd_util_add_as_of(const json_t *row, struct text *out);
/* Puts "_zone" into each row whose `site` is known, for times in the site's zone. A
 * server that cannot say leaves them in UTC. */
void
cmd_util_add_zones(const struct ctl *ctl, json_t *rows);
/* "2h" before `now`, or a time; 0 or -EINVAL. Never 0: that is no bound. */
int
cmd_util_since(const char *s, int64_t now, int64_t *ret) MUST_CHECK;
/* CTL_OK when a question can be asked; else CTL_REFUSED with the advice `next`. */
int
cmd_util_need_terminal(const struct ctl *ctl, const char *subject, const char *next);
/* Asks, and is content with exactly the expected answer; else CTL_REFUSED. */
int
cmd_util_confirm(const struct ctl *ctl, const char *subject, const char *question,
    const char *expected);
/* Hosts for a question: named, or folded where they are many. Owned by the caller. */
char *
cmd_util_shown_hosts(const json_t *list, const char *key);
/* --collate is for people: with -o json or ndjson it is refused, in words. */
int
cmd_util_check_collate(
    const struct ctl *ctl, const struct args *args, struct error *err) MUST_CHECK;
/* The job's id as a line of data: `job=$(netboot-ctl reinstall ...)` works. */
void
cmd_util_print_id(const struct ctl *ctl, const json_t *job);
/* A warning of the server, {"code","text","next"}, as a line of talk. */
void
cmd_util_say_warning(const struct ctl *ctl, const json_t *warning);
/* Asks for the jobs' present records and prints them as JSON. */
void
cmd_util_print_jobs(const struct ctl *ctl, const json_t *jobs);
/* Removes one object, with its `ETag` when the server gives one. */
int
cmd_util_remove(const struct ctl *ctl, const char *collection, const char *name);
/* Shows one object. */
int
cmd_util_show(const struct ctl *ctl, const char *collection, const char *name);
/* Creates (POST) an object and says so. Takes the body. */
int
cmd_util_create(
    const struct ctl *ctl, const char *collection, const char *name, json_t *body);
/* The object as it is, and its ETag (80 octets) for the change to come. */
int
cmd_util_fetch(const struct ctl *ctl, const char *collection, const char *name,
    char *ret_etag, json_t **ret);
/* Changes (PATCH) members under that ETag. Takes the body. */
int
cmd_util_change(const struct ctl *ctl, const char *collection, const char *name,
    const char *etag, json_t *body);

#endif
