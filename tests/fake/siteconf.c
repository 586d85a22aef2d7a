/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generators of `site config` on the command line: siteconf SERVER [OPTION=VALUE…] <DOCUMENT
 * prints what the orchestrator would, for a document {"site": …, "images": […]} of lib/bundle.h's JSON. Exit 1
 * with the error's code and text on stderr. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "orchestrator/siteconf.h"

static int
fail(const struct error *err)
{
	fprintf(stderr, "%s: %s\n", err->code, err->text);
	return 1;
}

static int
read_document(const json_t *v, struct bundle_site *site, struct bundle_image **images,
    size_t *n, struct error *err)
{
	const json_t *list = json_object_get(v, "images");

	*images = str_alloc((json_array_size(list) + 1) * sizeof(**images));
	for (; *n < json_array_size(list); (*n)++)
		if (bundle_image_from_json(
			json_array_get(list, *n), &(*images)[*n], err) < 0)
			return -1;
	return bundle_site_from_json(json_object_get(v, "site"), site, err);
}

static int
print(int argc, char **argv, const json_t *v, struct bundle_site *site,
    struct bundle_image **images)
{
	struct siteconf c;
	struct error err;
	char *text = NULL;
	size_t n = 0;

	if (read_document(v, site, images, &n, &err) < 0)
		return fail(&err);
	siteconf_init(&c, site, site->url);
	c.images = *images;
	c.n_images = n;
	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return 2;
		*value++ = '\0';
		if (siteconf_set(&c, argv[i], value, &err) < 0)
			return fail(&err);
	}
	if (siteconf_make(&c, argv[1], &text, &err) < 0)
		return fail(&err);
	fputs(text, stdout);
	free(text);
	return 0;
}

int
main(int argc, char **argv)
{
	json_t *v = json_loadf(stdin, 0, NULL);
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct bundle_image *images = NULL;
	int r = argc < 2 || !v ? 2 : print(argc, argv, v, site, &images);

	bundle_site_done(site);
	free(site);
	free(images);
	json_decref(v);
	return r;
}
