// SPDX-License-Identifier: GPL-3.0-or-later
/* Warnings about schedules: what is not wrong, and still not what somebody meant.
 *
 * Entry point: schedule_check(). It knows the hosts that the selector means now, which may be others when the schedule is due: so these
 * are warnings and no refusals. Ownership: the list is the caller's. Failure modes: errnos of db.h. */
#include "orchestrator/schedule_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/db_host.h"
#include "db/db_image.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/usual.h"
#include "orchestrator/drills.h"
#include "orchestrator/explain.h"

/* Hosts whose past is read, and zones whose year is looked through: it is done on the loop. */
enum { PASTS_MAX = 10, ZONES_MAX = 50, ENOUGH = 3, NINE_OF_TEN = 90 };
#define YEAR_US (366LL * 24 * 3600 * USEC_PER_SEC)

static void PRINTF_LIKE(4, 5)
    warn(json_t *list, const char *code, const char *next, const char *fmt, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(
	    list, json_pack("{s:s, s:s, s:s}", "code", code, "text", text, "next", next));
}

/* ---- how long a host takes ---- */

/* Nine of ten of the host's jobs, all their stages; 0: the past is too short. */
static int
usual_of_host(struct store *s, const char *host, const char *image, int64_t *ret)
{
	struct usual *u = str_alloc(sizeof(*u));
	int rc = explain_past(s, host, NULL, image, u);

	*ret = 0;
	for (int i = 0; rc == 0 && i < STAGE_COUNT; i++)
		if (u->n[i] >= ENOUGH)
			*ret += usual_percentile(u, (enum stage)i, NINE_OF_TEN);
	free(u);
	return rc;
}

static int
check_window(struct store *s, const struct schedule_doc *doc,
    const struct schedule_hosts *hosts, json_t *list)
{
	int64_t most = 0, default_us = SCHEDULE_CHECK_REBOOT_S * USEC_PER_SEC;
	const char *slowest = "";
	char takes[32], window[32];

	for (size_t i = 0; i < hosts->n && i < PASTS_MAX; i++) {
		int64_t us;
		int rc = usual_of_host(
		    s, hosts->v[i].host, schedule_doc_work(doc, "image"), &us);

		if (rc < 0)
			return rc;
		if (us > most) {
			most = us;
			slowest = hosts->v[i].host;
		}
	}
	if (str_eq(schedule_doc_work(doc, "kind"), "power"))
		return 0;
	str_duration(most > 0 ? most : default_us, takes, sizeof(takes));
	str_duration(doc->time.window, window, sizeof(window));
	if (most > doc->time.window)
		warn(list, "window-short", "give it a longer window",
		    "host %s usually takes %s, and the window is %s long", slowest, takes,
		    window);
	else if (most == 0 && default_us > doc->time.window)
		warn(list, "window-short", "give it a longer window",
		    "nothing is known of how long these hosts take; where that is so %s "
		    "are assumed, and the window is %s long",
		    takes, window);
	return 0;
}

/* ---- clocks ---- */

static void
check_zone(const struct schedule_doc *doc, const struct zone_time *zone, const char *name,
    int64_t now, json_t *list)
{
	char shown[CLOCK_TEXT_SIZE];
	int64_t at = 0;
	enum zone_time_kind kind =
	    schedule_time_odd(&doc->time, zone, now, now + YEAR_US, &at);

	if (kind == ZONE_TIME_ONCE)
		return;
	clock_text(at, shown, sizeof(shown));
	shown[sizeof("2026-01-31T03:00") - 1] = '\0';
	shown[sizeof("2026-01-31") - 1] = ' ';
	if (kind == ZONE_TIME_SKIPPED)
		warn(list, "time-skipped",
		    "choose a time outside of the change to be sure",
		    "the clock of %s is put forward over %s: the run opens at that "
		    "moment",
		    name, shown);
	else
		warn(list, "time-twice", "choose a time outside of the change to be sure",
		    "the clock of %s shows %s twice: the run opens the first time", name,
		    shown);
}

/* Sites of hosts, each zone once. */
static void
check_zones(const struct schedule_doc *doc, const struct schedule_hosts *hosts,
    const struct schedule_zones *zones, int64_t now, json_t *list)
{
	bool *seen = str_alloc(zones->n * sizeof(seen[0]));
	const struct schedule_zones_site *unknown = NULL;
	size_t n = 0, n_unknown = 0;

	for (size_t i = 0; i < hosts->n; i++) {
		const struct schedule_zones_site *site = hosts->at[i];

		if (site == NULL || site->zone == NULL) {
			unknown = site ? site : unknown;
			n_unknown++;
		} else if (!seen[site->i] && doc->time.zone == NULL && n < ZONES_MAX) {
			seen[site->i] = true;
			n++;
			check_zone(doc, site->zone, site->timezone, now, list);
		}
	}
	if (n_unknown > 0)
		warn(list, "zone-unknown", "correct the site's timezone",
		    "%zu hosts are at sites whose zone is not known here, like %s at %s: "
		    "they are left out",
		    n_unknown, unknown ? unknown->timezone : "",
		    unknown ? unknown->name : "");
	if (doc->time.zone != NULL)
		check_zone(doc, doc->time.zone, doc->tz, now, list);
	free(seen);
}

/* ---- the rest ---- */

static void
warn_why(json_t *list, const struct error *why)
{
	warn(list, why->code, why->next, "%s", why->text);
}

/* What a drill may boot, as it will be asked then. */
static int
check_drill(struct store *s, const char *image, json_t *list)
{
	char name[BUNDLE_NAME_SIZE];
	struct error why;
	int rc = drills_image(s, image, name, sizeof(name), &why);

	if (rc == -EINVAL)
		warn_why(list, &why);
	return rc == -EINVAL ? 0 : rc;
}

static int
check_image(struct store *s, const struct schedule_doc *doc, json_t *list)
{
	const char *name = schedule_doc_work(doc, "image"),
		   *kind = schedule_doc_work(doc, "kind");
	struct db_image *image;
	int rc;

	if (str_eq(kind, "drill"))
		return check_drill(s, name, list);
	if (name[0] == '\0')
		return 0;
	image = str_alloc(sizeof(*image));
	rc = db_image_get(s, name, image);
	if (rc == -ENOENT)
		warn(list, "image-unknown", "netboot-ctl image list shows them",
		    "there is no image %.100s now", name);
	else if (rc == 0 && !str_eq(kind, "boot") && !str_eq(image->image.kind, kind))
		warn(list, "image-kind", "name an image of that kind",
		    "image %.100s is of kind %s, not %s", name, image->image.kind, kind);
	db_image_done(image);
	free(image);
	return rc == -ENOENT ? 0 : rc;
}

/* A host that soaks is in flight: who comes after it has no time left. */
static void
check_soak(
    const struct schedule_doc *doc, const struct schedule_hosts *hosts, json_t *list)
{
	int64_t soak = doc->policy.soak_s * USEC_PER_SEC;
	char soaks[32], window[32];

	if (soak < doc->time.window || hosts->n < 2)
		return;
	str_duration(soak, soaks, sizeof(soaks));
	str_duration(doc->time.window, window, sizeof(window));
	warn(list, "soak-long", "give it a longer window, or a shorter soak",
	    "a host has to stay well for %s, and the window is %s long: none begins in "
	    "it "
	    "that has to wait for another",
	    soaks, window);
}

static int
check_labels(struct store *s, const struct schedule_doc *doc, json_t *list)
{
	for (size_t i = 0; i < doc->policy.n_labels; i++) {
		const char *key = doc->policy.per_label[i].key;
		int rc = db_host_label_used(s, key);

		if (rc < 0)
			return rc;
		if (rc == 0)
			warn(list, "label-unknown",
			    "netboot-ctl host show HOST shows what it has",
			    "no host has the label %.100s: per_label holds none of them "
			    "back",
			    key);
	}
	return 0;
}

int
schedule_check(struct store *s, const struct schedule_doc *doc,
    const struct schedule_hosts *hosts, const struct schedule_zones *zones, int64_t now,
    json_t **ret)
{
	json_t *list = json_array();
	int rc = check_window(s, doc, hosts, list);

	if (rc == 0)
		rc = check_image(s, doc, list);
	if (rc == 0)
		rc = check_labels(s, doc, list);
	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	if (hosts->n == 0)
		warn(list, "no-hosts-now", "netboot-ctl host list shows them",
		    "no host matches %.200s now", doc->hosts);
	if (hosts->no_probe > 0 && !str_eq(schedule_doc_work(doc, "kind"), "power"))
		warn(list, "no-probe", "netboot-ctl host set HOST --probe tcp:22",
		    "%zu hosts have no probe: whether they come back is seen by their "
		    "power alone",
		    hosts->no_probe);
	check_soak(doc, hosts, list);
	check_zones(doc, hosts, zones, now, list);
	*ret = list;
	return 0;
}
