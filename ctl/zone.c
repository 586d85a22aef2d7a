/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times in a site's own zone, with the offset always shown, so that two sites' lines
 * compare.
 *
 * Entry point: zone_text(). The C library knows zones only through TZ; netboot-ctl is one
 * thread, so setting it here is safe. Failure modes: an unknown zone gives UTC
 * (localtime_r would call any nonsense "UTC" as well, but with the nonsense as its name).
 */
#include "ctl/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/compiler.h"

static int
zone_known(const char *zone)
{
	char path[160];

	if (zone == NULL || zone[0] == '\0' || zone[0] == '/' ||
	    strstr(zone, "..") != NULL)
		return 0;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
	return access(path, R_OK) == 0;
}

const char *
zone_text(int64_t wall, const char *zone, char *buf, size_t size)
{
	time_t t = (time_t)(wall / USEC_PER_SEC);
	struct tm tm = {0};
	char stamp[24];
	long off;

	setenv("TZ", zone_known(zone) ? zone : "UTC", 1);
	tzset();
	if (localtime_r(&t, &tm) == NULL) {
		snprintf(buf, size, "-");
		return buf;
	}
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	off = tm.tm_gmtoff / 60;
	snprintf(buf, size, "%s%c%02ld:%02ld", stamp, off < 0 ? '-' : '+', labs(off) / 60,
	    labs(off) % 60);
	return buf;
}
