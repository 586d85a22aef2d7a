/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may do what on the unix socket, by peer credentials. */
#ifndef ORCHESTRATOR_AUTH_H
#define ORCHESTRATOR_AUTH_H

#include <stdbool.h>
#include <sys/types.h>

#include "orchestrator/audit.h"

/* Operators: root, the service's own user, and the members of `group` (as primary group
 * too). */
bool
auth_operator(uid_t uid, gid_t gid, const char *group);
/* Agents are handed BMC passwords: root and the service's own user only. */
bool
auth_agent(uid_t uid);
struct audit_who
auth_who(uid_t uid);

#endif
