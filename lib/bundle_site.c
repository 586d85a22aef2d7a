/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The snapshot of a site that its agent keeps: JSON <-> struct.
 *
 * Entry points: bundle_site_to_json(), bundle_site_from_json(), bundle_site_done().
 * Ownership: a site owns its array of hosts.
 * Failure modes: -EINVAL with the member's path in *err, the result untouched. One bad
 * host refuses the whole snapshot: an agent that served half a table would answer for
 * machines it should not. Words of a newer orchestrator are none: lib/table_words.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/table_sum.h"
#include "lib/table_words.h"

enum { BUNDLE_HOSTS_MAX = 100000 };

json_t *
bundle_site_to_json(const struct bundle_site *s)
{
	json_t *v = json_object(), *subnets = json_array(), *hosts = json_array();
	json_t *images = json_array();

	for (size_t i = 0; i < s->n_subnets; i++)
		json_array_append_new(subnets, bundle_subnet_to_json(&s->subnets[i]));
	for (size_t i = 0; i < s->n_hosts; i++)
		json_array_append_new(hosts, bundle_host_to_json(&s->hosts[i]));
	for (size_t i = 0; i < s->n_menu_images; i++)
		json_array_append_new(images, bundle_image_to_json(&s->menu_images[i]));
	json_put_str(v, "name", s->name);
	json_put_str(v, "timezone", s->timezone);
	json_put_str(v, "url", s->url);
	json_put_bool(v, "answer_unknown", s->answer_unknown);
	json_put_str(v, "idle", bundle_idle_name(s->idle));
	bundle_loaders_put(v, s->loaders, s->n_loaders);
	json_put(v, "subnets", subnets);
	json_put(v, "hosts", hosts);
	bundle_menu_put(v, &s->menu);
	if (json_array_size(images) > 0)
		json_object_set(v, "menu_images", images);
	json_decref(images);
	json_put_i64(v, "version", s->version);
	table_sum_put(v, "head_digest", s->head_digest);
	table_sum_put(v, "digest", s->digest);
	return v;
}

static int
read_head(const json_t *v, struct bundle_site *s, struct error *err)
{
	const char *idle = "local";

	if (json_copy_str(v, "name", s->name, sizeof(s->name), err) < 0 ||
	    json_copy_opt(v, "timezone", s->timezone, sizeof(s->timezone), err) < 0 ||
	    json_copy_opt(v, "url", s->url, sizeof(s->url), err) < 0 ||
	    json_opt_bool(v, "answer_unknown", &s->answer_unknown, err) < 0 ||
	    json_opt_str(v, "idle", &idle, err) < 0 ||
	    json_opt_i64(v, "version", &s->version, err) < 0 ||
	    table_sum_get(v, "head_digest", &s->head_digest, err) < 0 ||
	    table_sum_get(v, "digest", &s->digest, err) < 0 ||
	    bundle_loaders_from_json(v, s->loaders, &s->n_loaders, err) < 0 ||
	    bundle_menu_from_json(v, &s->menu, err) < 0)
		return -EINVAL;
	if (!str_name_valid(s->name))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "name: not a site name");
	if (bundle_idle_parse(idle, &s->idle) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "idle: not local, menu or silent");
	return 0;
}

static int
read_subnets(const json_t *v, struct bundle_site *s, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "subnets", &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > BUNDLE_SUBNETS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "subnets: more than %d",
		    BUNDLE_SUBNETS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (bundle_subnet_from_json(
			json_array_get(list, i), &s->subnets[i], err) < 0) {
			error_prefix(err, "subnets[%zu]", i);
			return -EINVAL;
		}
	}
	s->n_subnets = json_array_size(list);
	return 0;
}

static int
read_hosts(const json_t *v, struct bundle_site *s, struct error *err)
{
	json_t *list = NULL;
	size_t n;

	if (json_opt_arr(v, "hosts", &list, err) < 0)
		return -EINVAL;
	n = json_array_size(list);
	if (n > BUNDLE_HOSTS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "hosts: more than %d",
		    BUNDLE_HOSTS_MAX);
	if (n > 0)
		s->hosts = str_alloc(n * sizeof(*s->hosts));
	for (size_t i = 0; i < n; i++) {
		if (bundle_host_of_table(
			json_array_get(list, i), &s->hosts[i], &s->n_strange, err) < 0) {
			error_prefix(err, "hosts[%zu]", i);
			return -EINVAL;
		}
	}
	s->n_hosts = n;
	return 0;
}

/* One that does not fit is left out, whoever sent it: a menu without it is a menu still. */
static int
read_menu_images(const json_t *v, struct bundle_site *s, struct error *err)
{
	json_t *list = NULL;
	size_t n;

	if (json_opt_arr(v, "menu_images", &list, err) < 0)
		return -EINVAL;
	n = json_array_size(list);
	if (n > BUNDLE_MENU_ITEMS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "menu_images: more than %d", BUNDLE_MENU_ITEMS_MAX);
	if (n > 0)
		s->menu_images = str_alloc(n * sizeof(*s->menu_images));
	for (size_t i = 0; i < n; i++) {
		struct bundle_image *image = &s->menu_images[s->n_menu_images];

		if (bundle_image_from_json(json_array_get(list, i), image, err) < 0) {
			error_prefix(err, "menu_images[%zu]", i);
			return -EINVAL;
		}
		s->n_menu_images++;
		if (bundle_menu_fits(image, NULL) == 0)
			continue;
		json_decref(image->deadlines);
		*image = (struct bundle_image){.name = ""};
		s->n_menu_images--;
	}
	return 0;
}

int
bundle_site_from_json(const json_t *v, struct bundle_site *ret, struct error *err)
{
	struct bundle_site s = {.hosts = NULL};
	json_t *known;
	int r = 0;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "site: not an object");
	known = table_words_head(v, &s.n_strange);
	if (read_head(known, &s, err) < 0 || read_subnets(known, &s, err) < 0 ||
	    read_hosts(known, &s, err) < 0 || read_menu_images(known, &s, err) < 0)
		r = -EINVAL;
	json_decref(known);
	if (r == 0)
		*ret = s;
	else
		bundle_site_done(&s);
	return r;
}

void
bundle_site_done(struct bundle_site *s)
{
	if (s == NULL)
		return;
	free(s->hosts);
	for (size_t i = 0; i < s->n_menu_images; i++)
		json_decref(s->menu_images[i].deadlines);
	free(s->menu_images);
	*s = (struct bundle_site){.hosts = NULL};
}

bool
bundle_site_is_v6_only(const struct bundle_site *s)
{
	for (size_t i = 0; i < s->n_subnets; i++)
		if (s->subnets[i].prefix.ip.family != AF_INET6)
			return false;
	return s->n_subnets > 0;
}
