/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The next time that a schedule is due.
 *
 * Entry points: the three parsers, calendar_next(). Ownership: a calendar is a value.
 * Failure modes: words from the parsers; behind them only "never again".
 *
 * Crontab lines with an hour are looked for day by day, and the moments of a day come in the order of its clock, since of a time that is shown twice
 * the first counts and those that are skipped all have the same. Lines of every hour are looked for in what passes, hour by hour, so that an hour
 * that is shown twice has its two. Rules are libical's, by the clock on the wall.
 */
#include "lib/calendar.h"

#include <errno.h>
#include <libical/ical.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"

enum { DAY_MIN = 24 * 60, YEAR_DAYS = 366, YEARS = 9 };
#define MINUTE_US (60 * USEC_PER_SEC)
#define AHEAD_DAYS (YEARS * YEAR_DAYS)

/* ---- crontab lines ---- */

/* The first moment behind `after` on that day of a line with hours. */
static bool
next_on_day(const struct cron_line *c, const struct zone_time *z, int64_t day,
    int64_t after, int64_t *ret)
{
	for (int m = 0; m < DAY_MIN; m++) {
		if (!cron_line_at(c, m))
			continue;
		zone_time_moment(z, day, m, ret, NULL);
		if (*ret > after)
			return true;
	}
	return false;
}

static bool
next_by_day(
    const struct cron_line *c, const struct zone_time *z, int64_t after, int64_t *ret)
{
	int64_t first, day;
	int minute;

	zone_time_shown(z, after, &first, &minute);
	for (day = first; day < first + AHEAD_DAYS; day++) {
		struct zone_time_date date;

		zone_time_date(day, &date);
		if (cron_line_on(c, &date) && next_on_day(c, z, day, after, ret))
			return true;
	}
	return false;
}

static bool
next_by_hour(
    const struct cron_line *c, const struct zone_time *z, int64_t after, int64_t *ret)
{
	int64_t at = after - after % MINUTE_US + MINUTE_US;
	int64_t end = after + AHEAD_DAYS * DAY_MIN * MINUTE_US;

	while (at < end) {
		struct zone_time_date date;
		int64_t day, next;
		int minute;

		zone_time_shown(z, at, &day, &minute);
		zone_time_date(day, &date);
		if (!cron_line_on(c, &date)) {
			/* To the next midnight, whatever lies before it. */
			zone_time_moment(z, day + 1, 0, &next, NULL);
			at = next > at ? next : at + MINUTE_US;
		} else if (cron_line_at(c, minute)) {
			*ret = at;
			return true;
		} else {
			at += MINUTE_US;
		}
	}
	return false;
}

int
calendar_parse_cron(const char *text, struct calendar *ret, struct error *err)
{
	struct calendar c = {.kind = CALENDAR_CRON};

	if (cron_line_parse(text, &c.cron, err) < 0)
		return -EINVAL;
	str_clip(c.text, sizeof(c.text), text);
	*ret = c;
	return 0;
}

/* ---- recurrence rules ---- */

#define RULE_NEXT \
	"write it as RFC 5545 has it, like 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=3;BYMINUTE=0'"

int
calendar_parse_rule(
    const char *text, int64_t from, struct calendar *ret, struct error *err)
{
	struct calendar c = {.kind = CALENDAR_RULE, .day = from};
	struct icalrecurrencetype rule;

	if (str_copy(c.text, sizeof(c.text), text) < 0)
		return error_set(err, -EINVAL, "bad-rrule", RULE_NEXT,
		    "longer than %d characters", CALENDAR_TEXT - 1);
	icalerror_clear_errno();
	rule = icalrecurrencetype_from_string(c.text);
	if (rule.freq == ICAL_NO_RECURRENCE)
		return error_set(err, -EINVAL, "bad-rrule", RULE_NEXT,
		    "'%.80s' is no recurrence rule: %s", text,
		    icalerror_strerror(icalerrno));
	if (rule.freq == ICAL_SECONDLY_RECURRENCE ||
	    rule.freq == ICAL_MINUTELY_RECURRENCE ||
	    rule.by_second[0] != ICAL_RECURRENCE_ARRAY_MAX)
		return error_set(err, -EINVAL, "bad-rrule", "FREQ=HOURLY or rarer",
		    "'%.80s': more often than schedules are looked at", text);
	*ret = c;
	return 0;
}

static struct icaltimetype
ical_of(int64_t day, int minute)
{
	struct icaltimetype t = icaltime_null_time();
	struct zone_time_date d;

	zone_time_date(day, &d);
	t.year = d.year;
	t.month = d.month;
	t.day = d.day;
	t.hour = minute / 60;
	t.minute = minute % 60;
	return t;
}

/* Weeks since some week, by the day that they begin with. */
static int64_t
week_of(int64_t day, enum icalrecurrencetype_weekday begin)
{
	int64_t n =
	    day + 4 - (begin == ICAL_NO_WEEKDAY ? 1 : begin - ICAL_SUNDAY_WEEKDAY);

	return (n - (n % 7 + 7) % 7) / 7;
}

/* Rules by the week are counted here: of every second week libical 3.0 takes the other one when a rule names one day that is behind
 * the one it begins with. */
static bool
next_by_rule(
    const struct calendar *c, const struct zone_time *z, int64_t after, int64_t *ret)
{
	struct icalrecurrencetype rule = icalrecurrencetype_from_string(c->text);
	bool weekly = rule.freq == ICAL_WEEKLY_RECURRENCE, found = false;
	int64_t day, first = week_of(c->day, rule.week_start), n = 0;
	int interval = rule.interval, count = rule.count, minute;
	icalrecur_iterator *it;
	struct icaltimetype t;

	if (weekly) {
		rule.interval = 1;
		rule.count = 0;
	}
	it = icalrecur_iterator_new(rule, ical_of(c->day, c->minute));
	if (it == NULL)
		return false;
	zone_time_shown(z, after, &day, &minute);
	/* Only where that saves much. */
	if (rule.freq == ICAL_HOURLY_RECURRENCE && count == 0 && day - 2 > c->day)
		icalrecur_iterator_set_start(it, ical_of(day - 2, 0));
	while (!found && !icaltime_is_null_time(t = icalrecur_iterator_next(it))) {
		int64_t at = zone_time_day(t.year, t.month, t.day);

		if (weekly && (week_of(at, rule.week_start) - first) % interval != 0)
			continue;
		if (at > day + AHEAD_DAYS || (weekly && count > 0 && ++n > count))
			break;
		zone_time_moment(z, at, t.hour * 60 + t.minute, ret, NULL);
		found = *ret > after;
	}
	icalrecur_iterator_free(it);
	return found;
}

/* ---- a single time ---- */

int
calendar_parse_once(const char *text, struct calendar *ret, struct error *err)
{
	struct calendar c = {.kind = CALENDAR_ONCE};
	int y, mo, d, h, mi, used = 0, oh = 0, om = 0;
	struct zone_time_date back;
	char sign = 'Z';

	if (sscanf(text, "%4d-%2d-%2d%*1[ T]%2d:%2d%n", &y, &mo, &d, &h, &mi, &used) <
		5 ||
	    used == 0)
		goto bad;
	if (text[used] == ':' && text[used + 1] == '0' && text[used + 2] == '0')
		used += 3;
	c.fixed = text[used] != '\0';
	if (c.fixed && strcmp(text + used, "Z") != 0) {
		int n = 0;

		if (sscanf(text + used, "%c%2d:%2d%n", &sign, &oh, &om, &n) < 3 ||
		    text[used + n] != '\0' || (sign != '+' && sign != '-') || oh > 14 ||
		    om > 59)
			goto bad;
	}
	if (y < 2000 || mo < 1 || mo > 12 || d < 1 || h < 0 || h > 23 || mi < 0 ||
	    mi > 59)
		goto bad;
	c.day = zone_time_day(y, mo, d);
	zone_time_date(c.day, &back);
	if (back.day != d || back.month != mo)
		return error_set(err, -EINVAL, "bad-time", "look at the calendar",
		    "'%.40s': that month has no day %d", text, d);
	c.minute = h * 60 + mi;
	if (c.fixed)
		c.moment = (c.day * DAY_MIN + c.minute -
			       (sign == '-' ? -1 : 1) * (oh * 60 + om)) *
			   MINUTE_US;
	str_clip(c.text, sizeof(c.text), text);
	*ret = c;
	return 0;
bad:
	return error_set(err, -EINVAL, "bad-time",
	    "write it like '2026-12-01 03:00', by the clock on the wall, or "
	    "'2026-12-01T03:00Z'",
	    "'%.40s' is no time", text);
}

/* ---- all ---- */

bool
calendar_next(
    const struct calendar *c, const struct zone_time *zone, int64_t after, int64_t *ret)
{
	switch (c->kind) {
	case CALENDAR_CRON:
		return c->cron.every_hour ? next_by_hour(&c->cron, zone, after, ret)
					  : next_by_day(&c->cron, zone, after, ret);
	case CALENDAR_RULE: return next_by_rule(c, zone, after, ret);
	case CALENDAR_ONCE:
		*ret = c->moment;
		if (!c->fixed)
			zone_time_moment(zone, c->day, c->minute, ret, NULL);
		return *ret > after;
	}
	return false;
}
