/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who else gives addresses on the links of the sites: findings of doctor, from the newest events about
 * foreign DHCP servers and routers. */
#ifndef ORCHESTRATOR_DOCTOR_DHCP_H
#define ORCHESTRATOR_DOCTOR_DHCP_H

#include "db/store.h"
#include "lib/str.h"

enum { DOCTOR_DHCP_TEXT = 512 };

/* Calls `each` once for every server, router or site that there is something to say of since `since` (wall
 * microseconds), the newest first, and never for nothing. `level` is "ok" or "warn"; text and next are borrowed
 * for the call. Reads a bounded number of rows by index. 0 or an errno of the database. */
int
doctor_dhcp_scan(struct store *s, int64_t since,
    void (*each)(void *arg, const char *level, const char *text, const char *next),
    void *arg) MUST_CHECK;

#endif
