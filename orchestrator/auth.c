// SPDX-License-Identifier: GPL-3.0-or-later
/* Authorisation by the peer credentials of a unix socket.
 *
 * Entry points: auth_operator(), auth_agent(), auth_who(). The group database is asked
 * each time, so that a user taken out of the group is out at once. No failure modes: what
 * cannot be looked up is not allowed. */
#include "orchestrator/auth.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/str.h"

enum { LOOKUP_MAX = 64 * 1024 };

static bool
member(const char *user, gid_t gid, const char *group)
{
	char *buf = str_alloc(LOOKUP_MAX);
	struct group gr, *found = NULL;
	bool yes = false;

	if (getgrnam_r(group, &gr, buf, LOOKUP_MAX, &found) == 0 && found) {
		yes = found->gr_gid == gid;
		for (char **m = found->gr_mem; !yes && m && *m; m++)
			yes = str_eq(*m, user);
	}
	free(buf);
	return yes;
}

bool
auth_operator(uid_t uid, gid_t gid, const char *group)
{
	if (auth_agent(uid))
		return true;
	struct audit_who who = auth_who(uid);

	return member(who.name, gid, group);
}

bool
auth_agent(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

struct audit_who
auth_who(uid_t uid)
{
	struct audit_who who = {.uid = uid, .owner = (int64_t)uid};
	char *buf = str_alloc(LOOKUP_MAX);
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, buf, LOOKUP_MAX, &found) == 0 && found)
		str_clip(who.name, sizeof(who.name), found->pw_name);
	else
		snprintf(who.name, sizeof(who.name), "uid %u", (unsigned)uid);
	free(buf);
	return who;
}
