// SPDX-License-Identifier: GPL-3.0-or-later
/* Selector and calendar to hosts with windows.
 *
 * Entry points: schedule_hosts_find(), then schedule_hosts_open(). Ownership: names and lists are its own, sites the zones'.
 * Failure modes: a host that is named and is not there refuses the run, as it refuses an order: "-edge03" misspelt would spare nobody.
 * Labels never do. A host whose site's zone is not known here has no window: at some other place's three in the morning it may be noon. */
#include "orchestrator/schedule_hosts.h"

#include <errno.h>
#include <stdlib.h>

#include "db/db_schedule.h"
#include "lib/str.h"
#include "orchestrator/selector.h"
#include "orchestrator/strset.h"

/* One speaks for all. */
static int
refused(const json_t *errors, struct error *err)
{
	const json_t *e = json_array_get(errors, 0);

	return error_set(err, -EPERM, json_string_value(json_object_get(e, "code")),
	    json_string_value(json_object_get(e, "next")), "%s%s",
	    json_string_value(json_object_get(e, "text")),
	    json_array_size(errors) > 1 ? ", and others" : "");
}

static int
find_sites(struct store *s, const struct schedule_zones *zones, struct schedule_hosts *h)
{
	h->v = str_alloc((h->names.n + 1) * sizeof(h->v[0]));
	h->at = str_alloc((h->names.n + 1) * sizeof(h->at[0]));
	for (size_t i = 0; i < h->names.n; i++) {
		char site[64];
		bool probe;
		int rc = db_schedule_site_of(s, h->names.v[i], site, &probe);

		if (rc < 0)
			return rc;
		h->no_probe += !probe;
		h->at[h->n] = schedule_zones_find(zones, site);
		h->v[h->n++] = (struct rollouts_host){
		    .host = h->names.v[i], .site = h->at[i] ? h->at[i]->name : ""};
	}
	return 0;
}

int
schedule_hosts_find(struct store *s, const struct schedule_zones *zones,
    const char *selector, struct schedule_hosts *ret, struct error *err)
{
	json_t *errors = NULL;
	bool reading = db_read_begin(store_db(s));

	*ret = (struct schedule_hosts){.n = 0};
	int rc = selector_resolve(s, selector, &ret->names, &errors, err);
	if (rc == -E2BIG)
		rc = -EINVAL;
	if (rc == 0 && errors != NULL)
		rc = refused(errors, err);
	else if (rc == 0) {
		rc = find_sites(s, zones, ret);
		if (rc < 0)
			rc = db_error(store_db(s), rc, err, "read the hosts' sites");
	}
	db_read_end(store_db(s), reading);
	json_decref(errors);
	return rc;
}

static void
window_of(const struct schedule_doc *doc, const struct zone_time *zone, int64_t nominal,
    int64_t at, struct schedule_time_window *ret)
{
	if (zone == NULL)
		*ret = (struct schedule_time_window){
		    .opens = at ? at : nominal, .closes = at ? at : nominal};
	else if (at != 0)
		schedule_time_window_at(&doc->time, at, zone, ret);
	else
		schedule_time_at_site(&doc->time, nominal, zone, ret);
}

void
schedule_hosts_open(struct schedule_hosts *h, const struct schedule_zones *zones,
    const struct schedule_doc *doc, int64_t nominal, int64_t at)
{
	struct schedule_time_window *known = str_alloc(zones->n * sizeof(known[0]));

	h->shut = 0;
	h->opens = INT64_MAX;
	h->closes = INT64_MIN;
	for (size_t i = 0; i < zones->n; i++)
		window_of(doc, zones->zones[i], nominal, at, &known[i]);
	for (size_t i = 0; i < h->n; i++) {
		struct schedule_time_window w;

		if (h->at[i] != NULL && h->at[i]->zone != NULL)
			w = known[h->at[i]->i];
		else
			window_of(doc, NULL, nominal, at, &w);
		if (w.opens == w.closes) {
			h->shut++;
		} else {
			h->opens = w.opens < h->opens ? w.opens : h->opens;
			h->closes = w.closes > h->closes ? w.closes : h->closes;
		}
		h->v[i].opens = w.opens + schedule_time_jitter(&doc->time, doc->name,
					      nominal, h->v[i].host, &w);
		h->v[i].closes = w.closes;
	}
	free(known);
}

size_t
schedule_hosts_worked(const struct schedule_hosts *h, const struct schedule_doc *doc)
{
	struct strset sites = {0};
	size_t n = 0;

	if (!str_eq(json_string_value(json_object_get(doc->work, "kind")), "drill"))
		return h->n;
	for (size_t i = 0; i < h->n; i++)
		n += strset_add(&sites, h->v[i].site, i, NULL);
	strset_done(&sites);
	return n;
}

void
schedule_hosts_done(struct schedule_hosts *h)
{
	store_names_done(&h->names);
	free(h->v);
	free(h->at);
	*h = (struct schedule_hosts){.n = 0};
}
