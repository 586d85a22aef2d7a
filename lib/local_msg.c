/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list that an agent works with alone, JSON <-> struct.
 *
 * Entry points: local_msg_host_to_json()/local_msg_host_from_json() for a host, local_msg_page_from_json() for a page of
 * the list. Ownership: a host owns what its BMC does; a page borrows everything. Pure.
 * Failure modes: -EINVAL with the path of the member in *err.
 */
#include "lib/local_msg.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

bool
local_msg_image_fits(const char *kind)
{
	return !str_eq(kind, "reinstall");
}

json_t *
local_msg_host_to_json(const struct local_msg_host *h)
{
	json_t *v = json_object();

	json_put_str(v, "host", h->name);
	json_put_str(v, "image", h->image);
	json_put(v, "bmc", bundle_bmc_to_json(&h->bmc));
	json_put_str(v, "withheld", h->withheld);
	if (h->locked_at > 0) {
		json_t *lock = json_object();

		json_put_i64(lock, "at", h->locked_at);
		json_put_str(lock, "by", h->locked_by);
		json_put_str(lock, "reason", h->locked_reason);
		json_put(v, "locked", lock);
	}
	return v;
}

static int
read_lock(const json_t *v, struct local_msg_host *h, struct error *err)
{
	json_t *lock = NULL;

	if (json_opt_obj(v, "locked", &lock, err) < 0)
		return -EINVAL;
	if (lock == NULL)
		return 0;
	if (json_get_i64(lock, "at", &h->locked_at, err) < 0 ||
	    json_copy_opt(lock, "by", h->locked_by, sizeof(h->locked_by), err) < 0 ||
	    json_copy_opt(
		lock, "reason", h->locked_reason, sizeof(h->locked_reason), err) < 0) {
		error_prefix(err, "locked");
		return -EINVAL;
	}
	if (h->locked_at <= 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "locked: at: not a time");
	return 0;
}

int
local_msg_host_from_json(const json_t *v, struct local_msg_host *ret, struct error *err)
{
	struct local_msg_host h = {.name = ""};

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "host: not an object");
	if (json_copy_str(v, "host", h.name, sizeof(h.name), err) < 0 ||
	    json_copy_opt(v, "image", h.image, sizeof(h.image), err) < 0 ||
	    json_copy_opt(v, "withheld", h.withheld, sizeof(h.withheld), err) < 0 ||
	    read_lock(v, &h, err) < 0)
		return -EINVAL;
	if (!str_name_valid(h.name))
		return error_set(err, -EINVAL, "bad-value", NULL, "host: not a name");
	if (bundle_bmc_from_json(json_object_get(v, "bmc"), &h.bmc, err) < 0) {
		error_prefix(err, "bmc");
		return -EINVAL;
	}
	*ret = h; /* with what its BMC owns */
	secret_wipe(&h, sizeof(h));
	return 0;
}

void
local_msg_host_done(struct local_msg_host *h)
{
	bundle_bmc_wipe(&h->bmc);
}

int
local_msg_page_from_json(const json_t *v, struct local_msg_page *ret, struct error *err)
{
	struct local_msg_page p = {.after = ""};
	json_t *hosts = NULL, *images = NULL;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "page: not an object");
	if (json_get_i64(v, "version", &p.version, err) < 0 ||
	    json_opt_str(v, "after", &p.after, err) < 0 ||
	    json_opt_arr(v, "hosts", &hosts, err) < 0 ||
	    json_opt_arr(v, "images", &images, err) < 0)
		return -EINVAL;
	if (json_array_size(hosts) > LOCAL_MSG_PAGE_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "hosts: too many");
	if (json_array_size(images) > LOCAL_MSG_IMAGES_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "images: too many");
	/* Whoever asks for what follows must come to an end. */
	if (strlen(p.after) >= BUNDLE_NAME_SIZE ||
	    (p.after[0] != '\0' && json_array_size(hosts) == 0))
		return error_set(err, -EINVAL, "bad-value", NULL, "after: not a host");
	p.hosts = hosts;
	p.images = images;
	*ret = p;
	return 0;
}
