// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /sites/{name}/config: the configuration of another server for a site (orchestrator/siteconf.h).
 *
 * Entry point: api_siteconf_get(). Sites may have thousands of hosts, so that the inventory is read and the text
 * is made in a thread, through a connection of its own and in one state of the database. Ownership: the asking
 * belongs to the thread until it is done, then to the event loop; `rq` is touched by the loop alone. Failure
 * modes: codes of docs/api.md; a client that goes away is not answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_site.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/siteconf.h"

static const char *const option_names[] = {
    "server", "interface", "loaders_root", "images_root", "scripts_root"};

struct asking {
	struct rest_request *rq; /* NULL: the client went away */
	const char *database;	 /* borrowed */
	const char
	    *images_root; /* borrowed: the orchestrator's, unless the client says */
	char name[64], server[32];
	char *options[ARRAY_SIZE(option_names)]; /* owned; NULL: not given */
	char *text;				 /* owned; NULL: see err */
	struct error err;
};

static void
asking_free(struct asking *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_names); i++)
		free(a->options[i]);
	free(a->text);
	free(a);
}

static int
read_hosts(struct store *s, struct db_site *site)
{
	struct store_names names = {0};
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_names(s, site->site.name, NULL, INT64_MAX, &names);

	if (rc == 0)
		site->site.hosts = str_alloc((names.n + 1) * sizeof(*site->site.hosts));
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_host_get(s, names.v[i], h);
		if (rc < 0)
			break;
		if (!h->idle_set)
			h->host.idle = site->site.idle;
		site->site.hosts[site->site.n_hosts++] = h->host;
	}
	store_names_done(&names);
	free(h);
	return rc;
}

struct image_list {
	struct db_image *v;
	size_t n;
};

static int
read_images(struct store *s, struct image_list *ret)
{
	struct store_names names = {0};
	int rc = db_image_names(s, NULL, INT64_MAX, &names);

	ret->v = str_alloc((names.n + 1) * sizeof(*ret->v));
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_image_get(s, names.v[i], &ret->v[ret->n]);
		if (rc == 0)
			ret->n++;
	}
	store_names_done(&names);
	return rc;
}

/* The structs' own images lie in rows; the generators take them one after the other. */
static struct bundle_image *
bare_images(const struct image_list *list)
{
	struct bundle_image *images = str_alloc((list->n + 1) * sizeof(*images));

	for (size_t i = 0; i < list->n; i++)
		images[i] = list->v[i].image;
	return images;
}

static int
set_options(const struct asking *a, struct siteconf *c, struct error *err)
{
	int r = siteconf_set(c, "images_root", a->images_root, err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(option_names); i++)
		if (a->options[i])
			r = siteconf_set(c, option_names[i], a->options[i], err);
	return r;
}

static void
make(struct asking *a, struct db_site *site, const struct image_list *list)
{
	struct bundle_image *images = bare_images(list);
	struct siteconf c;

	siteconf_init(&c, &site->site, site->url);
	c.images = images;
	c.n_images = list->n;
	if (set_options(a, &c, &a->err) == 0 &&
	    siteconf_make(&c, a->server, &a->text, &a->err) < 0)
		a->text = NULL;
	free(images);
}

static void
read_and_make(struct asking *a, struct store *s)
{
	struct db_site *site = str_alloc(sizeof(*site));
	struct image_list images = {.n = 0};
	char shown[80];
	int rc = db_site_get(s, a->name, site);

	if (rc == -ENOENT) {
		error_set(&a->err, rc, "site-unknown", "netboot-ctl site list shows them",
		    "no site %s",
		    str_escape(shown, sizeof(shown), a->name, strlen(a->name)));
	} else {
		if (rc == 0)
			rc = read_hosts(s, site);
		if (rc == 0)
			rc = read_images(s, &images);
		if (rc == 0)
			make(a, site, &images);
		else
			db_error(store_db(s), rc, &a->err, "read the site");
	}
	for (size_t i = 0; i < images.n; i++)
		db_image_done(&images.v[i]);
	free(images.v);
	free(site->site.hosts);
	free(site);
}

/* In a thread: touches only what the asking has for it. */
static void
run(void *arg)
{
	struct asking *a = arg;
	struct store *s = NULL;

	if (store_open_reader(a->database, &s, &a->err) < 0)
		return;
	bool begun = db_read_begin(store_db(s));
	read_and_make(a, s);
	db_read_end(store_db(s), begun);
	store_close(s);
}

static void
on_done(void *arg)
{
	struct asking *a = arg;

	if (a->rq && a->text) {
		rest_reply_text(a->rq, 200, a->text);
		a->text = NULL;
	} else if (a->rq && str_eq(a->err.code, "site-unknown")) {
		rest_problem(a->rq, 404, &a->err, NULL);
	} else if (a->rq) {
		api_refuse(a->rq, &a->err, NULL);
	}
	asking_free(a);
}

static void
on_gone(void *arg)
{
	struct asking *a = arg;

	a->rq = NULL;
}

void
api_siteconf_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	const char *server = rest_query(rq, "for");
	struct audit_who who;

	if (!api_allow(o, rq, &who))
		return;
	struct asking *a = str_alloc(sizeof(*a));
	a->rq = rq;
	a->database = o->config->database;
	a->images_root = o->config->images_root;
	/* What is too long is no site's and no server's name either. */
	str_clip(a->name, sizeof(a->name), rest_param(rq, "name"));
	str_clip(a->server, sizeof(a->server), server ? server : "");
	const char *const options[ARRAY_SIZE(option_names)] = {rest_query(rq, "server"),
	    rest_query(rq, "interface"), rest_query(rq, "loaders_root"),
	    rest_query(rq, "images_root"), rest_query(rq, "scripts_root")};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		a->options[i] = str_dup(options[i]);
	error_set(
	    &a->err, 0, "busy", "try again in a moment", "too much waits to be read");
	if (workq_submit(o->reads, run, on_done, a) == 0) {
		rest_on_gone(rq, on_gone, a);
		return;
	}
	api_refuse(rq, &a->err, NULL);
	asking_free(a);
}
