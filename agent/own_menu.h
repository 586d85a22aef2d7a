/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's boot menu for a site's own HTTP server: SCRIPTS_ROOT/script.ipxe, as bootd would make it. */
#ifndef AGENT_OWN_MENU_H
#define AGENT_OWN_MENU_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/compiler.h"
#include "lib/event.h"

struct own_menu;

struct own_menu_opts {
	const char *scripts_root, *images_root; /* borrowed */
	/* menu.left-out: an image whose files are not there, once until they are. The event is the caller's. */
	void (*tell)(void *arg, const char *image, const struct event *ev);
	void *arg;
};

struct own_menu *
own_menu_new(const struct own_menu_opts *opts);
void
own_menu_free(struct own_menu *m);
/* What the menu is made of from now on: a copy is taken, without hosts. The arguments of its images are filled in
 * (menu_expand()). Nothing is written yet. */
void
own_menu_set(struct own_menu *m, const struct bundle_site *site, uint16_t http_port);
/* Looks for the images' files and writes the menu if it is not there as it should be; without a menu, or before
 * own_menu_set(), takes away one that was written here. 0 or -errno. */
int
own_menu_write(struct own_menu *m) MUST_CHECK;

#endif
