// SPDX-License-Identifier: GPL-3.0-or-later
/* GET, POST, DELETE and verify of images: what is an image's own, for api_object.c and api_change.c.
 *
 * Entry points: the handlers, and api_image_kind for others. Adding goes through
 * api_change.c, which reads the files; verify reads them again, off the event loop, and answers then.
 * Each handler answers its request and owns nothing after that, but for a verify under way.
 * Failure modes: codes of docs/api.md; a client that went away while files were read gets no answer
 * and nothing else happens. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_image.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/images.h"
#include "orchestrator/inventory.h"
#include "orchestrator/inventory_codec.h"
#include "orchestrator/strset.h"

static void
unknown(struct orch *o, struct rest_request *rq, const char *name)
{
	struct error err;
	char shown[80];

	(void)o;
	error_set(&err, 0, "image-unknown", "netboot-ctl image list shows them",
	    "no image %s", str_escape(shown, sizeof(shown), name, strlen(name)));
	rest_problem(rq, 404, &err, NULL);
}

static int
read_image(struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE])
{
	struct db_image *image = str_alloc(sizeof(*image));
	int rc = db_image_get(o->store, name, image);

	if (rc == 0) {
		*ret = inventory_codec_image_json(image);
		api_etag("image", image->rev, etag);
		db_image_done(image);
	}
	free(image);
	return rc;
}

struct in_menu {
	const char *image;
	bool found;
};

static void
look_for(void *arg, const char *site UNUSED, const struct bundle_menu *menu)
{
	struct in_menu *in = arg;

	in->found =
	    in->found || bundle_menu_has(menu, in->image) || str_eq(menu->def, in->image);
}

static void
add_site(void *arg, const char *site)
{
	store_names_add(arg, site);
}

/* The sites that lose an image with it: menus that name it keep it. */
static int
sites_showing(struct store *s, const char *name, struct store_names *ret)
{
	struct db_image *image = str_alloc(sizeof(*image));
	struct strset images = {0};
	int rc = db_image_get(s, name, image);

	strset_add(&images, name, 0, NULL);
	if (rc == 0) {
		rc = inventory_menu_sites(s, &images,
		    bundle_menu_fits(&image->image, NULL) == 0, add_site, ret);
		db_image_done(image);
	}
	strset_done(&images);
	free(image);
	return rc;
}

static int
remove_image(struct store *s, const char *name)
{
	struct in_menu in = {.image = name};
	struct store_names names = {0};
	int rc = db_site_each_menu(s, look_for, &in);

	if (rc == 0 && in.found)
		rc = -ENOLINK;
	if (rc == 0)
		rc = sites_showing(s, name, &names);
	if (rc == 0)
		rc = db_image_delete(s, name);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = db_site_touch(s, names.v[i], clock_wall());
	store_names_done(&names);
	return rc;
}

const struct api_kind api_image_kind = {
    .name = "image",
    .list = "images",
    .read = read_image,
    .unknown = unknown,
    .remove = remove_image,
    .in_use = "is the default image of a host, or in a site's menu",
    .in_use_next = "give those hosts another image, and take it out of the menus "
		   "(netboot-ctl site set --menu-item), first",
};

void
api_image_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names names = {0};
	const char *cursor;
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	int rc = db_image_names(o->store, cursor, limit + 1, &names);
	api_object_list(o, rq, &api_image_kind, rc, &names, limit);
}

void
api_image_get(void *arg, struct rest_request *rq)
{
	api_object_get(arg, rq, &api_image_kind);
}

void
api_image_add(void *arg, struct rest_request *rq)
{
	api_change_add(arg, rq, &api_image_kind);
}

void
api_image_delete(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	const char *name = rest_param(rq, "name");
	struct store_names names = {0};

	if (name && sites_showing(o->store, name, &names) < 0)
		store_names_done(&names);
	api_object_remove(o, rq, &api_image_kind);
	/* Woken for nothing, should it not have been removed. */
	for (size_t i = 0; i < names.n; i++)
		dispatch_wake(o->dispatch, names.v[i]);
	store_names_done(&names);
}

struct verify {
	struct rest_request *rq; /* NULL: the client went away */
	json_t *image;
};

static void
verify_file(
    const json_t *file, const struct images_hashes *hashes, json_t *files, bool *ok)
{
	const char *path = json_string_value(json_object_get(file, "path"));
	const char *want = json_string_value(json_object_get(file, "sha256"));
	const struct images_file *f = images_find(hashes, path);
	bool same = f && f->sha256[0] && str_eq(f->sha256, want);
	json_t *v = json_pack("{s:s, s:s, s:s?, s:b}", "path", path, "sha256", want,
	    "found", f && f->sha256[0] ? f->sha256 : NULL, "ok", same);

	if (f && f->err.code[0]) {
		json_put_str(v, "code", f->err.code);
		json_put_str(v, "text", f->err.text);
	} else if (!same) {
		json_put_str(v, "code", "image-altered");
		json_put_str(v, "text", "the file is not the one that was added");
	}
	*ok = *ok && same;
	json_array_append_new(files, v);
}

static void
on_verified(void *arg, struct images_hashes *hashes)
{
	static const char *const lists[] = {"initrds", "files"};
	struct verify *y = arg;
	json_t *files = json_array();
	bool ok = true;

	verify_file(json_object_get(y->image, "kernel"), hashes, files, &ok);
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		const json_t *list = json_object_get(y->image, lists[l]);
		for (size_t i = 0; i < json_array_size(list); i++)
			verify_file(json_array_get(list, i), hashes, files, &ok);
	}
	json_t *answer = json_pack("{s:b, s:o}", "ok", ok, "files", files);
	if (y->rq)
		rest_reply(y->rq, 200, answer, NULL);
	else
		json_decref(answer);
	images_hashes_free(hashes);
	json_decref(y->image);
	free(y);
}

static void
on_gone(void *arg)
{
	struct verify *y = arg;

	y->rq = NULL;
}

void
api_image_verify(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names paths = {0};
	char etag[API_ETAG_SIZE];

	if (!api_allow(o, rq, &who))
		return;
	json_t *image =
	    api_object_find(o, rq, &api_image_kind, rest_param(rq, "name"), etag);
	if (!image)
		return;
	struct verify *y = str_alloc(sizeof(*y));
	y->rq = rq;
	y->image = image;
	rest_on_gone(rq, on_gone, y);
	images_paths(image, &paths);
	int rc = images_hash(o->workq, o->config->images_root, &paths, on_verified, y);
	store_names_done(&paths);
	if (rc < 0) {
		struct error err;
		error_set(&err, rc, "busy", "try again in a moment",
		    "too many files wait to be read");
		api_refuse(rq, &err, NULL);
		json_decref(image);
		free(y);
	}
}
