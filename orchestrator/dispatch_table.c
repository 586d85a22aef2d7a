// SPDX-License-Identifier: GPL-3.0-or-later
/* Sites as their agents must know them: subnets and hosts, thousands of them at a big site. So a site is read
 * in a thread, through that thread's connection, in one state of the database, and the event loop only hands
 * out the text. After a change of the whole fleet a thousand of them are to be read: one at a time, so that others who read
 * there have their turn between them; first those whose agents are waited for with a job or a call. A text is kept until it was
 * handed out and no longer: a site has one agent.
 *
 * Entry points: dispatch_table_get(); dispatch_table_learn(), by which a change is told as one also after a restart. The site owns what was read last; a reading owns what it reads until it
 * is done, and then wakes the site's polls. Failure modes: a database that cannot be read is told to one poll,
 * and the next one begins a new reading. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_image.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"

enum { PACK_FROM = 1400 }; /* octets: what fits into a packet is not made smaller */

struct reading {
	struct dispatch *d;
	const char *database;  /* borrowed */
	struct store **reader; /* the thread's */
	char site[64];
	bool base_only; /* what is in it is to be known, and nothing told */
	bool delta;	/* wanted: … */
	struct dispatch_base
	    *base;	     /* … since this, which is what its agent has; or NULL */
	int64_t has_table;   /* that version … */
	uint64_t has_digest; /* … with that digest */
	json_t *table;
	struct dispatch_base *now; /* of the table */
	int64_t from;		   /* of the text; -1: it is whole */
	char *text;		   /* members of an answer */
	bool pack;
	struct gzip_part packed;
	int64_t version;
	bool menu_full; /* there are more images than a menu has items */
	struct error err;
	int rc;
};

static int
read_hosts(struct store *s, const struct db_site *site, json_t *hosts, bool *ret_menu)
{
	struct store_names names = {0};
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_names(s, site->site.name, NULL, INT64_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_host_get(s, names.v[i], h);
		if (rc < 0)
			break;
		if (!h->idle_set)
			h->host.idle = site->site.idle;
		*ret_menu = *ret_menu || h->host.idle == BUNDLE_IDLE_MENU;
		json_array_append_new(hosts, bundle_host_to_json(&h->host));
	}
	store_names_done(&names);
	free(h);
	return rc;
}

/* Of one that the menu cannot show nothing is said here: the inventory refuses it where it is named. */
static int
add_menu_image(struct store *s, const char *name, struct db_image *room, json_t *images)
{
	int rc = db_image_get(s, name, room);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (bundle_menu_fits(&room->image, NULL) == 0)
		json_array_append_new(images, bundle_image_to_json(&room->image));
	db_image_done(room);
	return 0;
}

/* The images that a menu shows: those it names, else all that fit. */
static int
read_menu(struct store *s, struct reading *r, struct bundle_menu *m)
{
	struct db_image *room = str_alloc(sizeof(*room));
	struct store_names names = {0};
	json_t *images = json_array();
	int rc = 0;

	if (!m->set)
		bundle_menu_init(m);
	for (size_t i = 0; rc == 0 && i < m->n_items; i++)
		if (!bundle_menu_builtin(m->items[i]))
			rc = add_menu_image(s, m->items[i], room, images);
	if (rc == 0 && m->n_items == 0)
		rc = db_image_names(s, NULL, INT64_MAX, &names);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		r->menu_full = json_array_size(images) == BUNDLE_MENU_ITEMS_MAX;
		if (r->menu_full)
			break;
		rc = add_menu_image(s, names.v[i], room, images);
	}
	bundle_menu_put(r->table, m);
	json_object_set(r->table, "menu_images", images);
	json_decref(images);
	store_names_done(&names);
	free(room);
	return rc;
}

static int
read_table(struct store *s, struct reading *r)
{
	struct db_site *site = str_alloc(sizeof(*site));
	json_t *hosts = json_array();
	bool menu = false;
	int rc = db_site_get(s, r->site, site);

	if (rc == 0)
		rc = read_hosts(s, site, hosts, &menu);
	if (rc == 0) {
		r->table = bundle_site_to_json(&site->site);
		json_put_str(r->table, "url", site->url);
		json_object_set(r->table, "hosts", hosts);
		r->version = site->site.version;
		/* Where no machine can come to it, none is there: its images need no ticket. */
		if (menu || site->site.menu.set || site->site.idle == BUNDLE_IDLE_MENU)
			rc = read_menu(s, r, &site->site.menu);
	}
	if (rc < 0) {
		json_decref(r->table);
		r->table = NULL;
	}
	json_decref(hosts);
	free(site);
	return rc;
}

/* Takes v. */
static char *
member(const char *before, json_t *v)
{
	char *doc = json_text(v);
	size_t size = strlen(before) + strlen(doc) + 1;
	char *text = str_alloc(size);

	if (str_format(text, size, "%s%s", before, doc) < 0)
		abort();
	free(doc);
	json_decref(v);
	return text;
}

/* The table as it is handed out: what has changed, if that is known and less. */
static void
write_table(struct reading *r)
{
	char *changes = NULL;

	if (r->delta)
		r->now = dispatch_base_new(r->table);
	if (r->base_only) {
		json_decref(r->table);
		return;
	}
	if (r->now && (r->base || dispatch_base_digest(r->now) == r->has_digest))
		changes = member("\"table\":null,\"table_delta\":",
		    dispatch_base_delta(r->base, r->now, r->table, r->has_table));
	r->text = member("\"table\":", r->table);
	r->from = -1;
	if (changes && strlen(changes) < strlen(r->text)) {
		char *whole = r->text;

		r->text = changes;
		r->from = r->has_table;
		changes = whole;
	}
	free(changes);
	if (r->pack && strlen(r->text) > PACK_FROM) {
		size_t size = strlen(r->text) + 3;
		char *text = str_alloc(size);

		if (str_format(text, size, "{%s,", r->text) < 0)
			abort();
		gzip_part_make(text, &r->packed);
		free(text);
	}
}

/* In a thread: touches only the reading. */
static void
run(void *arg)
{
	struct reading *r = arg;

	r->rc = *r->reader ? 0 : store_open_reader(r->database, r->reader, &r->err);
	if (r->rc < 0)
		return;
	struct db *db = store_db(*r->reader);
	bool begun = db_read_begin(db);
	r->rc = read_table(*r->reader, r);
	if (r->rc < 0)
		db_error(db, r->rc, &r->err, "read the site");
	db_read_end(db, begun);
	if (r->rc == 0)
		write_table(r);
}

static struct dispatch_site *
read_one(struct dispatch *d);

/* It is of use only where the agent has just that. Takes r->now. */
static void
take_base(struct reading *r, struct dispatch_site *site)
{
	if (r->rc == 0 && r->version == site->has_table &&
	    dispatch_base_digest(r->now) == site->has_digest) {
		dispatch_base_free(site->base);
		site->base = r->now;
	} else {
		dispatch_base_free(r->now);
	}
}

static void
on_read(void *arg)
{
	struct reading *r = arg;
	struct dispatch *d = r->d;
	struct dispatch_site *site = dispatch_site(d, r->site);

	d->reading = false;
	site->to_read = DISPATCH_NOT_READ;
	if (r->base_only) {
		take_base(r, site);
	} else if (r->rc == 0) {
		free(site->table);
		site->table = r->text;
		gzip_part_done(&site->packed);
		site->packed = r->packed;
		site->table_from = r->from;
		dispatch_base_free(site->next);
		site->next = r->now;
		site->table_version = r->version;
		if (r->menu_full)
			log_warn(r->d->ops.log,
			    "site %s: its menu shows the first %d images only: name "
			    "those "
			    "that it is to show (netboot-ctl site set --menu-item)",
			    r->site, (int)BUNDLE_MENU_ITEMS_MAX);
	} else if (r->rc != -ECANCELED) {
		log_error(r->d->ops.log, "site %s: %s", r->site, r->err.text);
		site->table_err = r->err;
	}
	dispatch_wake(d, r->site);
	dispatch_base_free(r->base);
	/* Nobody has waited for it. */
	free(site->table);
	site->table = NULL;
	gzip_part_done(&site->packed);
	while (r->rc != -ECANCELED && (site = read_one(d)) != NULL)
		dispatch_wake(d, site->name);
	free(r);
}

static void
submit(struct dispatch *d, struct dispatch_site *site)
{
	struct reading *r = str_alloc(sizeof(*r));

	r->d = d;
	r->database = d->ops.database;
	r->reader = d->ops.reader;
	r->base_only = site->to_read == DISPATCH_READ_BASE;
	r->delta = site->takes_delta;
	r->pack = site->takes_gzip;
	r->has_table = site->has_table;
	r->has_digest = site->has_table > 0 ? site->has_digest : 0;
	if (r->delta && dispatch_base_version(site->base) == site->has_table)
		r->base = dispatch_base_ref(site->base);
	str_clip(r->site, sizeof(r->site), site->name);
	/* Unless it runs: a queue that ends skips what waits. */
	r->rc =
	    error_set(&r->err, -ECANCELED, "busy", NULL, "the orchestrator is ending");
	d->reading = workq_submit(d->ops.reads, run, on_read, r) == 0;
	if (d->reading)
		return;
	bool waited_for = !r->base_only;
	dispatch_base_free(r->base);
	free(r);
	site->to_read = DISPATCH_NOT_READ;
	if (!waited_for)
		return;
	error_set(&site->table_err, 0, "busy", "the agent comes again by itself",
	    "too much waits to be read");
}

/* The next one, those in haste before the others. The site, when it cannot be; or NULL. */
static struct dispatch_site *
read_one(struct dispatch *d)
{
	for (int haste = DISPATCH_READ_NOW; haste > DISPATCH_NOT_READ; haste--) {
		struct dispatch_site *site = d->to_read[haste];

		if (d->reading || !site)
			continue;
		DL_DELETE2(d->to_read[haste], site, read_prev, read_next);
		site->read_prev = site->read_next = NULL;
		submit(d, site);
		return d->reading ? NULL : site;
	}
	return NULL;
}

/* Does its agent have something to do that waits for the table? */
static bool
in_haste(struct dispatch *d, const struct dispatch_site *site)
{
	struct store_names ids = {0};
	bool due = site->n_waiting > 0;

	if (!due)
		due = db_job_due_of_site(d->ops.store, site->name, false, 1, &ids) == 0 &&
		      ids.n > 0;
	store_names_done(&ids);
	return due;
}

/* Into the queue, or forward in it. */
static void
want_reading(struct dispatch *d, struct dispatch_site *site)
{
	bool waits = site->read_prev != NULL;
	bool reads = site->to_read != DISPATCH_NOT_READ && !waits;

	/* What is being read wakes the site's polls, which come here again. */
	if (site->to_read == DISPATCH_READ_NOW || reads ||
	    (site->to_read == DISPATCH_READ_SOON && !in_haste(d, site)))
		return;
	if (waits)
		DL_DELETE2(d->to_read[site->to_read], site, read_prev, read_next);
	site->to_read = in_haste(d, site) ? DISPATCH_READ_NOW : DISPATCH_READ_SOON;
	DL_APPEND2(d->to_read[site->to_read], site, read_prev, read_next);
	(void)read_one(d);
}

void
dispatch_table_learn(struct dispatch *d, struct dispatch_site *site, int64_t version)
{
	if (!site->takes_delta || site->has_digest == 0 || site->has_table != version ||
	    site->base_tried == version || site->to_read != DISPATCH_NOT_READ ||
	    dispatch_base_version(site->base) == version)
		return;
	site->base_tried = version;
	site->to_read = DISPATCH_READ_BASE;
	DL_APPEND2(d->to_read[site->to_read], site, read_prev, read_next);
	(void)read_one(d);
}

int
dispatch_table_get(struct dispatch *d, struct dispatch_site *site, int64_t version,
    int64_t have, char **ret, struct error *err)
{
	/* While changes follow each other faster than a big site can be read, what was read last is still newer
	 * than what the agent has. */
	bool usable = site->table &&
		      (site->table_version == version || site->table_version != have) &&
		      (site->table_from == have || site->table_from == -1);

	if (!usable && !site->table_err.code[0])
		want_reading(d, site);
	if (site->table_err.code[0]) {
		*err = site->table_err;
		site->table_err = (struct error){.code = ""};
		return -EIO;
	}
	if (!usable)
		return -EINPROGRESS;
	*ret = site->table;
	site->table = NULL;
	return 0;
}
