/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who somebody is at the other end of a unix socket, and whether the group lets them in.
 *
 * Entry points: unix_user_may(), unix_user_name(). Nothing is kept: the databases of users and groups are asked each
 * time. Failure modes: what cannot be looked up is not allowed, and a user without a name is called by number.
 */
#include "lib/unix_user.h"

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

	if (getgrnam_r(group, &gr, buf, LOOKUP_MAX, &found) == 0 && found != NULL) {
		yes = found->gr_gid == gid;
		for (char **m = found->gr_mem; !yes && m != NULL && *m != NULL; m++)
			yes = str_eq(*m, user);
	}
	free(buf);
	return yes;
}

bool
unix_user_is_self(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

bool
unix_user_may(uid_t uid, gid_t gid, const char *group)
{
	char name[UNIX_USER_NAME_SIZE];

	if (unix_user_is_self(uid))
		return true;
	unix_user_name(uid, name);
	return member(name, gid, group);
}

void
unix_user_name(uid_t uid, char ret[UNIX_USER_NAME_SIZE])
{
	char *buf = str_alloc(LOOKUP_MAX);
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, buf, LOOKUP_MAX, &found) == 0 && found != NULL)
		str_clip(ret, UNIX_USER_NAME_SIZE, found->pw_name);
	else
		snprintf(ret, UNIX_USER_NAME_SIZE, "uid %u", (unsigned)uid);
	free(buf);
}
