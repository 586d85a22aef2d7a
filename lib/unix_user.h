/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users of this machine, as the kernel names those who connect to a unix socket. */
#ifndef LIB_UNIX_USER_H
#define LIB_UNIX_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { UNIX_USER_NAME_SIZE = 64 };

/* The user's name, or "uid 1234" for one that the user database does not know. */
void
unix_user_name(uid_t uid, char ret[UNIX_USER_NAME_SIZE]);
/* Root, the user that this program runs as, or a member of the group (by `gid` or by the group database, which is asked
 * each time: who is taken out of the group is out at once). What cannot be looked up is not allowed. */
bool
unix_user_may(uid_t uid, gid_t gid, const char *group);
/* Root, or the user that this program runs as. */
bool
unix_user_is_self(uid_t uid);

#endif
