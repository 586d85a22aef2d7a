// SPDX-License-Identifier: GPL-3.0-or-later
/* What a schedule will do, in the times of each place.
 *
 * Entry point: schedule_next(). By the same functions as the scheduler's, so that what is shown is what is done, to the second. Hosts are
 * those that the selector means now. Ownership: the items are the caller's. Failure modes: none. */
#include "orchestrator/schedule_next.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/job_json.h"
#include "orchestrator/schedule_plan.h"

/* RFC 3339 in the zone, to the minute. */
static json_t *
local_json(const struct zone_time *zone, int64_t at)
{
	int64_t offset = zone_time_offset(zone, at) / 60;
	char text[CLOCK_TEXT_SIZE], all[CLOCK_TEXT_SIZE + 16];

	clock_text(at + offset * 60 * USEC_PER_SEC, text, sizeof(text));
	snprintf(all, sizeof(all), "%.16s%c%02d:%02d", text, offset < 0 ? '-' : '+',
	    abs((int)offset) / 60, abs((int)offset) % 60);
	return json_string(all);
}

struct zone_row {
	const struct schedule_zones_site *site; /* one of that zone */
	json_t *sites, *hosts;
	const char *last_site;
	int64_t opens, closes;
	size_t n;
};

static void
add_host(struct zone_row *z, const struct rollouts_host *h, bool with_hosts)
{
	/* Those of a site often follow each other. */
	if (!z->last_site || !str_eq(z->last_site, h->site)) {
		size_t i;
		json_t *have;
		bool there = false;

		json_array_foreach (z->sites, i, have)
			there = there || str_eq(json_string_value(have), h->site);
		if (!there)
			json_array_append_new(z->sites, json_string(h->site));
		z->last_site = h->site;
	}
	z->n++;
	z->opens = h->opens < z->opens ? h->opens : z->opens;
	z->closes = h->closes > z->closes ? h->closes : z->closes;
	if (!with_hosts)
		return;
	json_t *one = json_pack("{s:s, s:s}", "host", h->host, "site", h->site);
	job_json_time(one, "opens", h->opens < h->closes ? h->opens : 0);
	job_json_time(one, "closes", h->opens < h->closes ? h->closes : 0);
	json_array_append_new(z->hosts, one);
}

static json_t *
zone_json(struct zone_row *z, bool with_hosts)
{
	const struct zone_time *zone = z->site ? z->site->zone : NULL;
	bool open = zone != NULL && z->opens < z->closes;
	json_t *v = json_object();

	json_put(v, "zone", json_string(z->site ? z->site->timezone : ""));
	job_json_time(v, "opens", open ? z->opens : 0);
	job_json_time(v, "closes", open ? z->closes : 0);
	json_put(v, "local", open ? local_json(zone, z->opens) : json_null());
	json_put(v, "sites", z->sites);
	if (with_hosts) {
		json_put(v, "hosts", z->hosts);
	} else {
		json_put_i64(v, "hosts", (int64_t)z->n);
		json_decref(z->hosts);
	}
	return v;
}

static int
compare_zones(const void *a, const void *b)
{
	const struct zone_row *x = a, *y = b;

	return (x->opens > y->opens) - (x->opens < y->opens);
}

/* In the order in which they open. */
static json_t *
zones_json(const struct schedule_zones *zones, const struct schedule_hosts *hosts,
    bool with_hosts)
{
	/* The last is of sites whose zone is not known. */
	struct zone_row *rows = str_alloc((zones->n + 1) * sizeof(rows[0]));
	json_t *list = json_array();

	for (size_t i = 0; i < hosts->n; i++) {
		const struct schedule_zones_site *site = hosts->at[i];
		struct zone_row *z = &rows[site && site->zone ? site->i : zones->n];

		if (z->n == 0) {
			z->site = site;
			z->sites = json_array();
			z->hosts = json_array();
			z->opens = INT64_MAX;
			z->closes = INT64_MIN;
		}
		add_host(z, &hosts->v[i], with_hosts);
	}
	qsort(rows, zones->n + 1, sizeof(rows[0]), compare_zones);
	for (size_t i = 0; i <= zones->n; i++)
		if (rows[i].n > 0)
			json_array_append_new(list, zone_json(&rows[i], with_hosts));
	free(rows);
	return list;
}

static const char *
left_out(const struct db_schedule *row, const struct schedule_doc *doc, int64_t nominal)
{
	if (schedule_time_left_out(&doc->time, nominal))
		return "blackout";
	if (row->skip == nominal)
		return "skip-next";
	return row->paused_at ? "paused" : NULL;
}

void
schedule_next(const struct db_schedule *row, const struct schedule_doc *doc,
    const struct schedule_zones *zones, struct schedule_hosts *hosts, int64_t n,
    bool with_hosts, json_t *items)
{
	const struct schedule_plan_zones all = {zones->zones, zones->n};
	int64_t nominal = row->next;
	char text[CLOCK_TEXT_SIZE];

	for (int64_t i = 0; nominal != 0 && i < n; i++) {
		const char *out = left_out(row, doc, nominal);
		json_t *v = json_object();
		bool any;

		schedule_hosts_open(hosts, zones, doc, nominal, 0);
		any = hosts->n > 0 && hosts->opens != INT64_MAX;
		json_put_str(v, "schedule", row->name);
		json_put_str(v, "nominal", schedule_doc_nominal(doc, nominal, text));
		job_json_time(v, "opens",
		    any ? hosts->opens : schedule_plan_opens(&doc->time, &all, nominal));
		job_json_time(v, "closes", any ? hosts->closes : 0);
		json_put(v, "left_out", out ? json_string(out) : json_null());
		json_put(v, "zones", zones_json(zones, hosts, with_hosts));
		json_array_append_new(items, v);
		if (!schedule_time_next(&doc->time, nominal, &nominal))
			nominal = 0;
	}
}

int64_t
schedule_next_opens(const struct db_schedule *row, const struct schedule_doc *doc,
    const struct schedule_zones *zones, struct schedule_hosts *hosts)
{
	const struct schedule_plan_zones all = {zones->zones, zones->n};

	if (row->next == 0)
		return 0;
	schedule_hosts_open(hosts, zones, doc, row->next, 0);
	return hosts->n > 0 && hosts->opens != INT64_MAX
		   ? hosts->opens
		   : schedule_plan_opens(&doc->time, &all, row->next);
}
