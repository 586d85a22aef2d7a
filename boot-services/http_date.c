/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates of HTTP (RFC 9110 5.6.7): written as IMF-fixdate, read in the two older forms
 * too.
 *
 * Entry points: http_date_text(), http_date_parse(). Names are English whatever the
 * locale, so neither strftime nor strptime is of use for them. Owns nothing; a text that
 * is no date is refused, and the field it stood in is then ignored. */
#include "boot-services/http_date.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/str.h"

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const char *
http_date_text(int64_t seconds, char *buf, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof tm);
	snprintf(buf, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	return buf;
}

static int
month_number(const char *name)
{
	for (int i = 0; i < 12; i++)
		if (strcmp(months[i], name) == 0)
			return i;
	return -1;
}

int
http_date_parse(const char *text, int64_t *ret_seconds)
{
	const char *comma = strchr(text, ',');
	struct tm tm = {0};
	char mon[4] = "", zone[4] = "", day[4] = "";
	int end = 0;

	if (comma != NULL &&
	    sscanf(comma + 1, " %2d %3s %4d %2d:%2d:%2d %3s%n", &tm.tm_mday, mon,
		&tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &end) == 7) {
		/* IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT */
		text = comma + 1;
	} else if (comma != NULL &&
		   sscanf(comma + 1, " %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %3s%n", &tm.tm_mday,
		       mon, &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone,
		       &end) == 7) {
		/* RFC 850: Sunday, 06-Nov-94 08:49:37 GMT */
		text = comma + 1;
		tm.tm_year += tm.tm_year < 70 ? 2000 : 1900;
	} else if (comma == NULL &&
		   sscanf(text, "%3s %3s %2d %2d:%2d:%2d %4d%n", day, mon, &tm.tm_mday,
		       &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &tm.tm_year, &end) == 7) {
		/* asctime: Sun Nov  6 08:49:37 1994 */
		str_clip(zone, sizeof zone, "GMT");
	} else {
		return -EINVAL;
	}
	tm.tm_mon = month_number(mon);
	if (text[end] != '\0' || strcmp(zone, "GMT") != 0 || tm.tm_mon < 0 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
	    tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60 ||
	    tm.tm_year < 1970)
		return -EINVAL;
	tm.tm_year -= 1900;
	*ret_seconds = timegm(&tm);
	return 0;
}
