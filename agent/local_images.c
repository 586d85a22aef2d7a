/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /images at the agent: those that may be ordered here.
 *
 * Entry points: the handlers. Ownership: nothing is kept. Failure modes: codes of docs/api.md.
 */
#include <string.h>

#include "agent/local_priv.h"
#include "agent/spool_local.h"
#include "lib/json.h"
#include "lib/str.h"

struct find {
	const char *name; /* NULL: all */
	json_t *items;
};

static void
take(void *arg, const struct bundle_image *image)
{
	struct find *f = arg;

	if (f->name == NULL || str_eq(f->name, image->name))
		json_array_append_new(f->items, bundle_image_to_json(image));
}

static json_t *
images(struct local *l, struct rest_request *rq, const char *name)
{
	struct find f = {name, json_array()};
	int r = spool_local_each_image(l->o.spool, take, &f);

	if (r >= 0)
		return f.items;
	json_decref(f.items);
	local_failed(l, rq, r, "read the images");
	return NULL;
}

void
local_images_list(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	json_t *items;

	if (!local_allow(l, rq, &who) || (items = images(l, rq, NULL)) == NULL)
		return;
	local_reply_items(rq, items, "");
}

void
local_images_get(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	const char *name = rest_param(rq, "name");
	struct error err;
	char shown[80];
	json_t *items;

	if (!local_allow(l, rq, &who) || (items = images(l, rq, name)) == NULL)
		return;
	if (json_array_size(items) > 0) {
		rest_reply(rq, 200, json_incref(json_array_get(items, 0)), NULL);
	} else {
		error_set(&err, 0, "image-unknown",
		    "netboot-ctl image list shows them; those of kind reinstall are the "
		    "orchestrator's to order",
		    "no image %s that may be ordered at this site",
		    str_escape(shown, sizeof(shown), name, strlen(name)));
		local_refuse(rq, &err, NULL);
	}
	json_decref(items);
}
