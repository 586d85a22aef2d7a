/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From root to nobody in particular: user, capabilities, system calls, limits. */
#ifndef BOOT_SERVICES_PRIVS_H
#define BOOT_SERVICES_PRIVS_H

#include <sys/types.h>

#include "lib/error.h"

struct privs_user {
	uid_t uid; /* (uid_t)-1: keep the present user */
	gid_t gid;
};

/* The user named in the configuration; (uid_t)-1 for whoever is not root already. -ENOENT
 * with *err for an unknown one, -EPERM for root. */
int
privs_find_user(const char *name, struct privs_user *ret, struct error *err) MUST_CHECK;
/* Raises the limit of open descriptors to `want`, as far as allowed; returns the limit.
 */
long
privs_raise_files(long want);
/* For good: groups, user, all capabilities, the bounding set; then no_new_privs and the
 * list of system calls. Call it once, after everything privileged is open, before any
 * thread. */
int
privs_drop(const struct privs_user *user, struct error *err) MUST_CHECK;

#endif
