// SPDX-License-Identifier: GPL-3.0-or-later
/* Which files a site is to hold: those of images that its hosts use, and of jobs that are open.
 *
 * Entry points: place_plan_read() for all of it, place_plan_images() for the images alone. A path has one file: that of an
 * open job before the one that the image has now, since nothing is to change under a job; the other follows when the job has
 * ended. Ownership: the caller's. Failure modes: those of the database. What is over the limits of
 * lib/store_msg.h is left out: then a site has 8,192 files, and somebody has placed everything everywhere. */
#include "orchestrator/place_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_image.h"
#include "db/db_place.h"
#include "db/db_site.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/strset.h"

enum { VERSION_DIGITS = 13 }; /* of 4 bits each: what JSON readers hold exactly */

struct building {
	struct store_msg_plan *plan;
	struct strset digests; /* → place in the plan */
	struct strset paths;   /* → that of the file which has it */
	struct store_names bundles;
};

const struct bundle_file *
place_plan_file(const struct bundle_image *b, size_t i)
{
	if (i == 0)
		return b->kernel.path[0] ? &b->kernel : NULL;
	i--;
	if (i < b->n_initrds)
		return &b->initrds[i];
	i -= b->n_initrds;
	return i < b->n_files ? &b->files[i] : NULL;
}

/* ---- images ---- */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As the site's table has it (dispatch_table.c): those that the menu names, else all that fit. */
static int
menu_images(struct store *s, const struct db_site *site, struct store_names *ret)
{
	const struct bundle_menu *m = &site->site.menu;
	struct db_image *room = NULL;
	struct store_names all = {0};
	int rc = m->set || site->site.idle == BUNDLE_IDLE_MENU
		     ? 1
		     : db_place_menu(s, site->site.name);

	if (rc <= 0)
		return rc;
	for (size_t i = 0; i < m->n_items; i++)
		if (!bundle_menu_builtin(m->items[i]))
			store_names_add(ret, m->items[i]);
	if (m->set && m->n_items > 0)
		return 0;
	room = str_alloc(sizeof(*room));
	rc = db_image_names(s, NULL, INT64_MAX, &all);
	for (size_t i = 0, n = 0; rc == 0 && i < all.n && n < BUNDLE_MENU_ITEMS_MAX;
	     i++) {
		rc = db_image_get(s, all.v[i], room);
		if (rc < 0)
			break;
		if (bundle_menu_fits(&room->image, NULL) == 0) {
			store_names_add(ret, all.v[i]);
			n++;
		}
		db_image_done(room);
	}
	store_names_done(&all);
	free(room);
	return rc;
}

static int
images_of(
    struct store *s, const struct db_site *site, int64_t now, struct store_names *ret)
{
	struct store_names all = {0};
	int rc = db_place_images(s, site->site.name, now - PLACE_PLAN_RECENT_US, &all);

	if (rc == 0)
		rc = menu_images(s, site, &all);
	if (all.n > 0)
		qsort(all.v, all.n, sizeof(all.v[0]), compare_names);
	for (size_t i = 0; rc == 0 && i < all.n; i++)
		if (i == 0 || !str_eq(all.v[i], all.v[i - 1]))
			store_names_add(ret, all.v[i]);
	store_names_done(&all);
	return rc;
}

int
place_plan_images(struct store *s, const char *name, int64_t now, struct store_names *ret)
{
	struct db_site *site = str_alloc(sizeof(*site));
	int rc = db_site_get(s, name, site);

	if (rc == 0)
		rc = images_of(s, site, now, ret);
	free(site);
	return rc;
}

/* ---- files ---- */

/* The place in the plan, made if it is not there; NULL: the path is another file's, or there are too many. */
static struct store_msg_wanted *
place_of(struct building *b, const struct bundle_file *f)
{
	struct store_msg_plan *plan = b->plan;
	size_t i;

	if (strset_find(&b->paths, f->path, &i))
		return str_eq(plan->wanted[i].sha256, f->sha256) ? &plan->wanted[i]
								 : NULL;
	if (!strset_find(&b->digests, f->sha256, &i)) {
		i = plan->n_wanted;
		if (i == STORE_MSG_FILES_MAX)
			return NULL;
		plan->wanted =
		    str_realloc(plan->wanted, (i + 1) * sizeof(plan->wanted[0]));
		plan->wanted[i] = (struct store_msg_wanted){.size = f->size};
		str_clip(
		    plan->wanted[i].sha256, sizeof(plan->wanted[i].sha256), f->sha256);
		strset_add(&b->digests, f->sha256, i, NULL);
		plan->n_wanted++;
	}
	if (!store_msg_texts_add(&plan->wanted[i].paths, f->path))
		return NULL;
	strset_add(&b->paths, f->path, i, NULL);
	return &plan->wanted[i];
}

static void
add_image(struct building *b, const struct bundle_image *image, bool needed)
{
	const struct bundle_file *f;

	for (size_t i = 0; (f = place_plan_file(image, i)) != NULL; i++) {
		struct store_msg_wanted *w = place_of(b, f);

		if (!w)
			continue;
		store_msg_texts_add(&w->images, image->name);
		if (f->url[0])
			store_msg_texts_add(&w->urls, f->url);
		w->needed = w->needed || needed;
	}
}

static void
keep_bundle(void *arg, const char *text)
{
	store_names_add(arg, text);
}

/* A bundle that cannot be read is the job's trouble, and is told there (dispatch.c). */
static int
add_jobs(struct store *s, const char *site, struct building *b)
{
	struct bundle_image *image = str_alloc(sizeof(*image));
	int rc = db_place_open_bundles(s, site, keep_bundle, &b->bundles);

	for (size_t i = 0; rc == 0 && i < b->bundles.n; i++) {
		const char *text = b->bundles.v[i];
		json_t *v = json_parse(text, strlen(text), NULL);
		const json_t *part = json_object_get(v, "image");

		if (json_is_object(part) &&
		    bundle_image_from_json(part, image, NULL) == 0) {
			add_image(b, image, true);
			json_decref(image->deadlines);
		}
		json_decref(v);
	}
	free(image);
	return rc;
}

static int
add_images(struct store *s, const struct db_site *site, int64_t now, struct building *b)
{
	struct db_image *room = str_alloc(sizeof(*room));
	struct store_names names = {0};
	int rc = images_of(s, site, now, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_image_get(s, names.v[i], room);
		if (rc == -ENOENT) { /* of an old job; it is there no more */
			rc = 0;
			continue;
		}
		if (rc == 0) {
			add_image(b, &room->image, false);
			db_image_done(room);
		}
	}
	store_names_done(&names);
	free(room);
	return rc;
}

int
place_plan_read(
    struct store *s, const char *name, int64_t now, struct store_msg_plan *ret)
{
	struct store_msg_plan plan = {.version = 0};
	struct building b = {.plan = &plan};
	struct db_site *site = str_alloc(sizeof(*site));
	bool begun = db_read_begin(store_db(s));
	int rc = db_site_get(s, name, site);

	if (rc == 0)
		rc = add_jobs(s, name, &b);
	if (rc == 0)
		rc = add_images(s, site, now, &b);
	for (size_t i = 0; rc == 0 && i < site->n_caps; i++)
		plan.caps[plan.n_caps++] = site->caps[i];
	if (rc == 0)
		str_clip(plan.timezone, sizeof(plan.timezone), site->site.timezone);
	db_read_end(store_db(s), begun);
	strset_done(&b.digests);
	strset_done(&b.paths);
	store_names_done(&b.bundles);
	free(site);
	if (rc < 0)
		store_msg_plan_done(&plan);
	else
		*ret = plan;
	return rc;
}

int64_t
place_plan_version(const struct store_msg_plan *plan)
{
	struct store_msg_plan p = *plan;
	char hex[DIGEST_TEXT];

	p.version = 0;
	json_t *v = store_msg_plan_to_json(&p);
	char *text = json_text(v);
	json_decref(v);
	digest_sha256(text, strlen(text), hex);
	free(text);
	hex[VERSION_DIGITS] = '\0';
	long long version = strtoll(hex, NULL, 16);
	return version ? version : 1;
}
