/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a site's own HTTP server finds below the scripts root:
 *
 *	script.ipxe-52:54:00:77:00:01	what iPXE does: the job's script, else to the disk; absent: the site's menu
 *	b/TOKEN/NAME			a ticket's files: links to the images root
 *
 * b and b/TOKEN may be entered and not listed: the token is what opens them. */
#ifndef AGENT_OWN_FILES_H
#define AGENT_OWN_FILES_H

#include <stdbool.h>

#include "lib/bootd_msg.h"
#include "lib/bundle.h"
#include "lib/compiler.h"

struct own_files {
	const char *scripts_root, *images_root; /* borrowed */
	bool menu;				/* the site has one (own_menu.h) */
};

/* By the host's idle policy. Menu: no NIC has a script, and the menu follows. Else, and where there is no menu, every
 * NIC's script leads to the disk, by the host's way there; written only where it is not that already. 0 or the
 * first -errno. */
int
own_files_idle(const struct own_files *f, const struct bundle_host *h) MUST_CHECK;
/* The script that job wrote for its boot NIC stands; the others are idle ones. */
int
own_files_armed(const struct own_files *f, const struct bundle_host *h,
    const struct bootd_msg_boot *b) MUST_CHECK;
/* The ticket's files; of a consumed one those that the system itself fetches. */
int
own_files_publish(const struct own_files *f, const struct bootd_msg_boot *b) MUST_CHECK;
int
own_files_withdraw(
    const struct own_files *f, const char *token, const char *name) MUST_CHECK;
int
own_files_remove(const struct own_files *f, const char *token) MUST_CHECK;
/* Removes the tickets' folders that is_open() does not know, and the scripts to the disk of machines that
 * is_host() does not: what was left by a process that was killed, or by hosts that are gone. */
void
own_files_sweep(const struct own_files *f, bool (*is_open)(void *arg, const char *token),
    bool (*is_host)(void *arg, const struct addr_mac *mac), void *arg);

#endif
