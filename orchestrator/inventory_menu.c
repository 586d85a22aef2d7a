// SPDX-License-Identifier: GPL-3.0-or-later
/* Sites' menus against the images that they name, in both directions.
 *
 * Entry points: inventory_menu_check_site() when a site is written, inventory_menu_check_image() when an image is,
 * inventory_menu_sites() for whom else that concerns. An image that the document brings counts as it will be. Ownership: what was read of the database's menus is the
 * check's. Failure modes: a database that cannot be read is kept in c->rc and ends the plan; an image of the
 * document that is faulty itself is told there, not here.
 *
 * A menu starts its images without a ticket. That none of them is of kind reinstall is refused here first, where a
 * person can correct it; agent and bootd leave such an image out once more. */
#include <errno.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/inventory_codec.h"
#include "orchestrator/inventory_priv.h"

static void
db_failed(struct inventory_check *c, int rc)
{
	if (c->rc == 0)
		c->rc = rc;
}

/* The image as it will be. 0, -ENOENT, or -EINVAL when the document's is faulty. */
static int
image_to_be(struct inventory_check *c, const char *name, struct db_image *ret)
{
	size_t i;
	int rc;

	if (strset_find(&c->images, name, &i)) {
		const json_t *list = json_object_get(c->rq->document, "images");
		json_t *v = inventory_check_complete_image(
		    c->rq->hashes, json_array_get(list, i), NULL);

		rc = v ? inventory_codec_image(v, ret, NULL) : -EINVAL;
		json_decref(v);
		return rc;
	}
	rc = db_image_get(c->store, name, ret);
	if (rc < 0 && rc != -ENOENT)
		db_failed(c, rc);
	return rc;
}

static int
check_item(struct inventory_check *c, const char *name, struct error *err)
{
	struct db_image *image;
	int rc;

	if (bundle_menu_builtin(name))
		return 0;
	image = str_alloc(sizeof(*image));
	rc = image_to_be(c, name, image);
	if (rc == 0) {
		rc = bundle_menu_fits(&image->image, err);
		db_image_done(image);
	} else if (rc == -ENOENT) {
		rc = error_set(err, -EINVAL, "image-unknown",
		    "add the image first, or name local, shell, config, reboot or exit",
		    "no image %s", name);
	} else {
		rc = 0;
	}
	free(image);
	return rc;
}

int
inventory_menu_check_site(
    struct inventory_check *c, const struct bundle_site *site, struct error *err)
{
	const struct bundle_menu *m = &site->menu;

	if (!m->set)
		return 0;
	for (size_t i = 0; i < m->n_items; i++) {
		if (check_item(c, m->items[i], err) < 0) {
			error_prefix(err, "menu: items[%zu]", i);
			return -EINVAL;
		}
	}
	if (check_item(c, m->def, err) < 0) {
		error_prefix(err, "menu: default");
		return -EINVAL;
	}
	return 0;
}

/* A site that the document replaces is checked by itself, with the menu that it will have. */
static void
note_menu(void *arg, const char *site, const struct bundle_menu *menu)
{
	struct inventory_check *c = arg;

	if (strset_find(&c->sites, site, NULL))
		return;
	for (size_t i = 0; i < menu->n_items; i++)
		json_object_set_new(c->in_menus, menu->items[i], json_string(site));
	json_object_set_new(c->in_menus, menu->def, json_string(site));
}

int
inventory_menu_check_image(
    struct inventory_check *c, const struct bundle_image *image, struct error *err)
{
	struct error why;
	const char *site;

	if (!c->in_menus) {
		c->in_menus = json_object();
		int rc = db_site_each_menu(c->store, note_menu, c);
		if (rc < 0)
			db_failed(c, rc);
	}
	site = json_string_value(json_object_get(c->in_menus, image->name));
	if (!site || bundle_menu_fits(image, &why) == 0)
		return 0;
	return error_set(err, -EINVAL, "image-in-menu",
	    "take it out of the menu first (netboot-ctl site set --menu-item)",
	    "the menu of site %s shows this image: %.250s", site, why.text);
}

struct showing {
	const struct strset *images;
	bool fits;
	void (*each)(void *arg, const char *site);
	void *arg;
};

static void
note_showing(void *arg, const char *site, const struct bundle_menu *menu)
{
	const struct showing *sh = arg;
	bool shows = sh->fits && (!menu->set || menu->n_items == 0);

	for (size_t i = 0; menu->set && !shows && i < menu->n_items; i++)
		shows = strset_find(sh->images, menu->items[i], NULL);
	if (shows)
		sh->each(sh->arg, site);
}

int
inventory_menu_sites(struct store *s, const struct strset *images, bool fits,
    void (*each)(void *arg, const char *site), void *arg)
{
	struct showing sh = {images, fits, each, arg};

	return db_site_each_shown_menu(s, note_showing, &sh);
}
