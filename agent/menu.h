/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The images of the site's menu as bootd is given them. Pure. */
#ifndef AGENT_MENU_H
#define AGENT_MENU_H

#include "lib/bundle.h"
#include "lib/error.h"

/* An image that cannot be shown, and why. */
typedef void
menu_left_out(void *arg, const char *image, const struct error *why);

/* Copies of the site's menu images with their arguments filled in, without deadlines; url: the site's HTTP base, or
 * NULL when it is not known; root: of the images. What cannot be filled in is told and left out. The array is the caller's to free. */
struct bundle_image *
menu_expand(const struct bundle_site *site, const char *url, const char *root,
    menu_left_out *tell, void *arg, size_t *ret_n);

#endif
