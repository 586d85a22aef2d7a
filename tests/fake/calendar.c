/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lib/calendar.h and orchestrator/schedule_time.h on the command line, for comparing them with other implementations:
 *
 *     calendar          reads lines "cron|rule|once TAB SPEC TAB ZONE TAB AFTER TAB N TAB FROM_DAY", AFTER in seconds since 1970, FROM_DAY
 *                       in days; answers each with a line of the next N moments in seconds, or "CODE: TEXT". "site" instead: of a schedule
 *                       that goes by sites' own clocks, and a site of that zone, AFTER a run; when the next N open and close there in
 *                       turn, with four hours each and FROM_DAY blacked out */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/calendar.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/schedule_time.h"

enum { WORDS = 6, LINE = 1024 };

static int
parse(char *w[WORDS], struct calendar *c, struct error *err)
{
	if (str_eq(w[0], "cron") || str_eq(w[0], "site"))
		return calendar_parse_cron(w[1], c, err);
	if (str_eq(w[0], "rule"))
		return calendar_parse_rule(w[1], strtoll(w[5], NULL, 10), c, err);
	return calendar_parse_once(w[1], c, err);
}

static void
at_site(char *w[WORDS], const struct calendar *c, const struct zone_time *zone)
{
	int64_t day = strtoll(w[5], NULL, 10),
		at = strtoll(w[3], NULL, 10) * USEC_PER_SEC;
	const struct schedule_time_span blackout = {day, day};
	struct schedule_time t = {.calendar = *c,
	    .window = 4 * 3600 * USEC_PER_SEC,
	    .blackout = &blackout,
	    .n_blackout = 1};
	struct schedule_time_window win;

	for (long n = strtol(w[4], NULL, 10); n > 0 && schedule_time_next(&t, at, &at);
	     n--) {
		schedule_time_at_site(&t, at, zone, &win);
		printf("%lld %lld ", (long long)(win.opens / USEC_PER_SEC),
		    (long long)(win.closes / USEC_PER_SEC));
	}
}

static void
answer(char *w[WORDS])
{
	const struct zone_time *zone = zone_time_find(w[2]);
	int64_t at = strtoll(w[3], NULL, 10) * USEC_PER_SEC;
	struct error err;
	struct calendar c;

	if (zone == NULL)
		printf("no such zone");
	else if (parse(w, &c, &err) < 0)
		printf("%s: %s", err.code, err.text);
	else if (str_eq(w[0], "site"))
		at_site(w, &c, zone);
	else
		for (long n = strtol(w[4], NULL, 10);
		     n > 0 && calendar_next(&c, zone, at, &at); n--)
			printf("%lld ", (long long)(at / USEC_PER_SEC));
	printf("\n");
}

int
main(void)
{
	char line[LINE];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *w[WORDS] = {"", "", "", "", "", ""}, *rest = line;

		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < WORDS && rest != NULL; i++)
			w[i] = strsep(&rest, "\t");
		answer(w);
	}
	return 0;
}
