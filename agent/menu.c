/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The menu's images for bootd: names in their arguments become values.
 *
 * Entry point: menu_expand(). Ownership: the result is one array without owned members.
 * Failure modes: none; an image that cannot be shown is left out and told. One of kind reinstall never passes
 * script_menu_args(), whatever the orchestrator sent.
 */
#include "agent/menu.h"

#include <stdlib.h>

#include "agent/script.h"
#include "lib/str.h"

struct bundle_image *
menu_expand(const struct bundle_site *site, const char *url, const char *root,
    menu_left_out *tell, void *arg, size_t *ret_n)
{
	struct bundle_image *images =
	    str_alloc((site->n_menu_images + 1) * sizeof(*images));
	size_t n = 0;

	for (size_t i = 0; site->menu.set && i < site->n_menu_images; i++) {
		const struct bundle_image *from = &site->menu_images[i];
		struct error why;
		char *args = NULL;

		if (script_menu_args(from, site, url, root, &args, &why) < 0) {
			tell(arg, from->name, &why);
			continue;
		}
		images[n] = *from;
		images[n].deadlines = NULL;
		str_clip(images[n].args, sizeof(images[n].args), args);
		n++;
		free(args);
	}
	*ret_n = n;
	return images;
}
