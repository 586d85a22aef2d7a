/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a site's menu and of autoexec.ipxe, for iPXE. Pure. */
#ifndef LIB_MENU_SCRIPT_H
#define LIB_MENU_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bundle.h"

enum { MENU_SCRIPT_AUTOEXEC_SIZE = 1024 };

/* Does the site have a menu at all? */
bool
menu_script_exists(const struct bundle_site *site);
/* An image that the site's menu shows, or NULL. Never one that bundle_menu_allows() refuses. */
const struct bundle_image *
menu_script_image(const struct bundle_site *site, const char *name);
/* The whole script; the caller frees it. missing: one per site->menu_images, true for an image whose files are not
 * there, which is left out; NULL: none is. */
char *
menu_script_text(const struct bundle_site *site, const bool *missing, uint16_t http_port);
/* Do both sites make the same script, from the same files? */
bool
menu_script_same(const struct bundle_site *a, const struct bundle_site *b);
/* What an iPXE that looks for a script beside itself is given by the server of that address. */
void
menu_script_autoexec(const struct addr_ip *server, uint16_t http_port,
    char buf[MENU_SCRIPT_AUTOEXEC_SIZE]);

#endif
