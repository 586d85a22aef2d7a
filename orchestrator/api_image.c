// SPDX-License-Identifier: GPL-3.0-or-later
/* GET, POST, DELETE and verify of images.
 *
 * Entry points: the handlers, and api_image_read()/api_image_reply() for others. Adding goes through
 * api_change.c, which reads the files; verify reads them again, off the event loop, and answers then.
 * Each handler answers its request and owns nothing after that, but for a verify under way.
 * Failure modes: codes of docs/api.md; a client that went away while files were read gets no answer
 * and nothing else happens. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_image.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/images.h"
#include "orchestrator/inventory_codec.h"

static void
unknown(struct rest_request *rq, const char *name)
{
	struct error err;
	char shown[80];

	error_set(&err, 0, "image-unknown", "netboot-ctl image list shows them",
	    "no image %s", str_escape(shown, sizeof(shown), name, strlen(name)));
	rest_problem(rq, 404, &err, NULL);
}

int
api_image_read(struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE])
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

/* The image as JSON, or NULL with the answer given. */
static json_t *
find(struct orch *o, struct rest_request *rq, const char *name, char etag[API_ETAG_SIZE])
{
	json_t *v = NULL;
	int rc = api_image_read(o, name, &v, etag);

	if (rc == -ENOENT)
		unknown(rq, name);
	else if (rc < 0)
		api_failed(o, rq, rc, "read the image");
	return v;
}

void
api_image_reply(struct orch *o, struct rest_request *rq, int status, const char *name)
{
	char etag[API_ETAG_SIZE];
	json_t *v = find(o, rq, name, etag);

	if (v)
		rest_reply(rq, status, v, etag);
}

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
	struct db_image *image = str_alloc(sizeof(*image));
	json_t *items = json_array();
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_image_get(o->store, names.v[i], image);
		if (rc < 0)
			break;
		json_array_append_new(items, inventory_codec_image_json(image));
		db_image_done(image);
	}
	free(image);
	store_names_done(&names);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "name");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the images");
	}
}

void
api_image_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (api_allow(o, rq, &who))
		api_image_reply(o, rq, 200, rest_param(rq, "name"));
}

void
api_image_add(void *arg, struct rest_request *rq)
{
	api_change_add(arg, rq, "image", "images");
}

void
api_image_delete(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *name = rest_param(rq, "name");
	char etag[API_ETAG_SIZE];
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	json_t *v = find(o, rq, name, etag);
	if (!v)
		return;
	json_decref(v);
	if (!api_match(rq, etag))
		return;
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = db_image_delete(o->store, name);
	if (rc == -ENOLINK) {
		db_rollback(store_db(o->store));
		error_set(&err, 0, "image-in-use", "give those hosts another image first",
		    "image %s is the default image of a host", name);
		api_refuse(rq, &err, NULL);
		return;
	}
	if (rc == 0)
		rc = audit_write(o->store, &who,
		    &(struct audit_row){
			.what = "image.remove", .object = name, .result = "ok"},
		    clock_wall());
	if (api_commit(o, rq, rc, "remove the image"))
		rest_reply(rq, 204, NULL, NULL);
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
	json_t *image = find(o, rq, rest_param(rq, "name"), etag);
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
