// SPDX-License-Identifier: GPL-3.0-or-later
/* Authorisation by the peer credentials of a unix socket.
 *
 * Entry points: auth_operator(), auth_agent(), auth_who(). The group database is asked
 * each time, so that a user taken out of the group is out at once. No failure modes: what
 * cannot be looked up is not allowed. */
#include "orchestrator/auth.h"

#include "lib/str.h"
#include "lib/unix_user.h"

bool
auth_operator(uid_t uid, gid_t gid, const char *group)
{
	return unix_user_may(uid, gid, group);
}

bool
auth_agent(uid_t uid)
{
	return unix_user_is_self(uid);
}

struct audit_who
auth_who(uid_t uid)
{
	struct audit_who who = {.uid = uid, .owner = (int64_t)uid};
	char name[UNIX_USER_NAME_SIZE];

	unix_user_name(uid, name);
	str_clip(who.name, sizeof(who.name), name);
	return who;
}
