// SPDX-License-Identifier: GPL-3.0-or-later
/* Which clocks there are in the fleet.
 *
 * Entry points: schedule_zones_refresh(), schedule_zones_find(). Ownership: its own lists; zones are libical's. A site whose zone is not
 * known here has none: what would open there at some other time does not open at all. Failure modes: those of db.h, with the lists as
 * they were. Only on the loop's thread: libical loads a zone when it is first asked for. */
#include "orchestrator/schedule_zones.h"

#include <stdlib.h>
#include <string.h>

#include "db/db_schedule.h"
#include "lib/str.h"

struct reading {
	const struct schedule_zones *before;
	struct schedule_zones z;
	size_t cap;
};

void
schedule_zones_init(struct schedule_zones *z)
{
	*z = (struct schedule_zones){.generation = -1};
}

void
schedule_zones_done(struct schedule_zones *z)
{
	free(z->sites);
	free(z->zones);
	schedule_zones_init(z);
}

/* libical goes through the names of all zones of the world, and the sites are read anew whenever a job is written. */
static const struct zone_time *
look_up(const struct reading *r, const char *site, const char *timezone)
{
	const struct schedule_zones_site *was = schedule_zones_find(r->before, site);

	if (was && was->zone && str_eq(was->timezone, timezone))
		return was->zone;
	return zone_time_find(str_eq(timezone, "UTC") ? "" : timezone);
}

static void
add_site(void *arg, const char *site, const char *timezone)
{
	struct reading *r = arg;
	struct schedule_zones_site *row;

	if (r->z.n_sites == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->z.sites = str_realloc(r->z.sites, r->cap * sizeof(r->z.sites[0]));
	}
	row = &r->z.sites[r->z.n_sites++];
	*row = (struct schedule_zones_site){.i = 0};
	str_clip(row->name, sizeof(row->name), site);
	str_clip(row->timezone, sizeof(row->timezone), timezone);
	row->zone = look_up(r, site, timezone);
}

/* libical has one object a zone. */
static bool
find_zone(const struct schedule_zones *z, const struct zone_time *zone, size_t *ret)
{
	for (size_t i = 0; i < z->n; i++)
		if (z->zones[i] == zone) {
			*ret = i;
			return true;
		}
	return false;
}

static void
list_zones(struct schedule_zones *z)
{
	z->zones = str_alloc((z->n_sites + 1) * sizeof(z->zones[0]));
	for (size_t i = 0; i < z->n_sites; i++) {
		struct schedule_zones_site *site = &z->sites[i];

		if (site->zone == NULL || find_zone(z, site->zone, &site->i))
			continue;
		site->i = z->n;
		z->zones[z->n++] = site->zone;
	}
	if (z->n == 0)
		z->zones[z->n++] = zone_time_find("");
}

int
schedule_zones_refresh(struct schedule_zones *z, struct store *s, bool *ret_changed)
{
	struct reading r = {.before = z};
	bool changed = false;
	size_t at;

	if (ret_changed)
		*ret_changed = false;
	schedule_zones_init(&r.z);
	if (z->generation == store_generation(s))
		return 0;
	int rc = db_schedule_zones(s, add_site, &r);
	if (rc < 0) {
		schedule_zones_done(&r.z);
		return rc;
	}
	list_zones(&r.z);
	r.z.generation = store_generation(s);
	for (size_t i = 0; z->generation >= 0 && i < r.z.n; i++)
		changed = changed || !find_zone(z, r.z.zones[i], &at);
	schedule_zones_done(z);
	*z = r.z;
	if (ret_changed)
		*ret_changed = changed;
	return 0;
}

static int
compare(const void *key, const void *row)
{
	return strcmp(key, ((const struct schedule_zones_site *)row)->name);
}

const struct schedule_zones_site *
schedule_zones_find(const struct schedule_zones *z, const char *site)
{
	return z->n_sites == 0
		   ? NULL
		   : bsearch(site, z->sites, z->n_sites, sizeof(z->sites[0]), compare);
}
