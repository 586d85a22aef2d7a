/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of a crontab.
 *
 *     line    = "@" NAME | minute hour day month weekday
 *     field   = part *("," part)
 *     part    = ("*" | value ["-" value]) ["/" step]
 *
 * Entry points: cron_line_parse(), cron_line_on(), cron_line_at(). Ownership: none.
 * Failure modes: -EINVAL with words; *ret is untouched. What some crons have and others read otherwise is refused by name: "L", "W", "#",
 * "?", a sixth field, ranges that come round ("FRI-MON"), "N/step" without a range.
 */
#include "lib/cron_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"

enum { FIELDS = 5, NAME_LEN = 3, PART_SIZE = 64, SUNDAY_TOO = 7 };

struct field {
	const char *name;
	int min, max;
	const char *const *names; /* of min, min + 1, … */
	int n_names;
};

static const char *const months[] = {
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const weekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

static const struct field fields[FIELDS] = {
    {"minute", 0, 59, NULL, 0},
    {"hour", 0, 23, NULL, 0},
    {"day of the month", 1, 31, NULL, 0},
    {"month", 1, 12, months, ARRAY_SIZE(months)},
    {"day of the week", 0, 7, weekdays, ARRAY_SIZE(weekdays)},
};

static const struct {
	const char *name, *line;
} shortcuts[] = {
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

#define NEXT                                                                            \
	"write minute, hour, day of the month, month and day of the week, like '0 3 * " \
	"* "                                                                            \
	"SUN' or '*/30 1-5 1,15 * *'"

static int PRINTF_LIKE(3, 4)
    bad(struct error *err, const struct field *f, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(err, -EINVAL, "bad-cron", NEXT, "%s%s%s",
	    f != NULL ? f->name : "", f != NULL ? ": " : "", text);
}

/* ---- one field ---- */

/* A number or a name; *s is behind it afterwards. */
static int
read_value(const struct field *f, const char **s, int *ret, struct error *err)
{
	size_t n = strcspn(*s, "-/");
	char word[PART_SIZE];
	int64_t v;

	if (n == 0)
		return bad(err, f, "a value is missing");
	if (str_format(word, sizeof(word), "%.*s", (int)n, *s) < 0)
		return bad(err, f, "too long");
	*s += n;
	for (int i = 0; i < f->n_names; i++)
		if (strcasecmp(word, f->names[i]) == 0) {
			*ret = f->min + i;
			return 0;
		}
	if (str_to_i64(word, f->min, f->max, &v) == 0) {
		*ret = (int)v;
		return 0;
	}
	if (strpbrk(word, "LW#?") != NULL)
		return bad(err, f, "'%s': L, W, # and ? are not known", word);
	return bad(err, f, "'%s' is none of %d-%d%s%s", word, f->min, f->max,
	    f->n_names > 0 ? " or " : "",
	    f->n_names > 0 ? (f->names == months ? "JAN-DEC" : "SUN-SAT") : "");
}

static int
read_part(const struct field *f, const char *part, uint64_t *bits, struct error *err)
{
	const char *s = part;
	int from = f->min, to = f->max;
	int64_t step = 1;
	bool range = true;

	if (*s == '*') {
		s++;
		to = f->max == SUNDAY_TOO ? SUNDAY_TOO - 1 : f->max;
	} else {
		if (read_value(f, &s, &from, err) < 0)
			return -EINVAL;
		to = from;
		range = *s == '-';
		if (range) {
			s++;
			if (read_value(f, &s, &to, err) < 0)
				return -EINVAL;
		}
		/* "FRI-SUN": Sunday has two numbers. */
		if (f->max == SUNDAY_TOO && range && to == 0 && from > 0)
			to = SUNDAY_TOO;
		if (to < from)
			return bad(err, f, "'%s' ends before it begins", part);
	}
	if (*s == '/') {
		if (!range)
			return bad(err, f, "'%s': a step needs a range: %d-%d%s", part,
			    from, f->max, s);
		if (str_to_i64(s + 1, 1, f->max, &step) < 0)
			return bad(
			    err, f, "'%s': the step is none of 1-%d", part, f->max);
	} else if (*s != '\0') {
		return bad(err, f, "'%s' is not understood", part);
	}
	for (int v = from; v <= to; v += (int)step)
		*bits |= UINT64_C(1) << v;
	return 0;
}

static int
read_field(const struct field *f, const char *text, uint64_t *ret, struct error *err)
{
	*ret = 0;
	for (const char *s = text;; s++) {
		size_t n = strcspn(s, ",");
		char part[PART_SIZE];

		if (str_format(part, sizeof(part), "%.*s", (int)n, s) < 0)
			return bad(err, f, "too long");
		if (read_part(f, part, ret, err) < 0)
			return -EINVAL;
		s += n;
		if (*s == '\0')
			return 0;
	}
}

/* ---- the line ---- */

/* Five words; more or fewer are an error. */
static int
split(const char *text, char words[FIELDS][CRON_LINE_TEXT], struct error *err)
{
	int n = 0;

	for (const char *s = text;;) {
		size_t len;

		s += strspn(s, " \t");
		len = strcspn(s, " \t");
		if (len == 0)
			break;
		if (n < FIELDS)
			str_clip(words[n],
			    len + 1 < CRON_LINE_TEXT ? len + 1 : CRON_LINE_TEXT, s);
		n++;
		s += len;
	}
	if (n == FIELDS)
		return 0;
	return bad(err, NULL, "it has %d fields, not %d%s", n, FIELDS,
	    n == FIELDS + 1 ? " (neither seconds, years nor users are known)" : "");
}

/* The most days that a month has. */
static int
longest(int month)
{
	return month == 2					       ? 29
	       : month == 4 || month == 6 || month == 9 || month == 11 ? 30
								       : 31;
}

static bool
comes_ever(const struct cron_line *c)
{
	if (c->any_day || !c->any_weekday)
		return true;
	for (int m = 1; m <= 12; m++)
		for (int d = 1; (c->months >> m & 1) != 0 && d <= longest(m); d++)
			if ((c->days >> d & 1) != 0)
				return true;
	return false;
}

static const char *
expand(const char *text, struct error *err)
{
	if (text[0] != '@')
		return text;
	for (size_t i = 0; i < ARRAY_SIZE(shortcuts); i++)
		if (strcasecmp(text, shortcuts[i].name) == 0)
			return shortcuts[i].line;
	bad(err, NULL,
	    "'%.40s' is none of @hourly, @daily, @weekly, @monthly and @yearly", text);
	return NULL;
}

int
cron_line_parse(const char *text, struct cron_line *ret, struct error *err)
{
	const char *line = expand(text, err);
	char words[FIELDS][CRON_LINE_TEXT];
	uint64_t bits[FIELDS];
	struct cron_line c;

	if (line == NULL)
		return -EINVAL;
	if (strlen(line) >= CRON_LINE_TEXT)
		return bad(err, NULL, "longer than %d characters", CRON_LINE_TEXT - 1);
	if (split(line, words, err) < 0)
		return -EINVAL;
	for (int i = 0; i < FIELDS; i++)
		if (read_field(&fields[i], words[i], &bits[i], err) < 0)
			return -EINVAL;
	c = (struct cron_line){.minutes = bits[0],
	    .hours = (uint32_t)bits[1],
	    .days = (uint32_t)bits[2],
	    .months = (uint16_t)bits[3],
	    .weekdays = (uint8_t)((bits[4] | bits[4] >> SUNDAY_TOO) & 0x7f),
	    .any_day = words[2][0] == '*',
	    .any_weekday = words[4][0] == '*',
	    .every_hour = str_eq(words[1], "*")};
	if (!comes_ever(&c))
		return bad(
		    err, NULL, "that day never comes: no month that is named has it");
	*ret = c;
	return 0;
}

bool
cron_line_on(const struct cron_line *c, const struct zone_time_date *date)
{
	bool day = (c->days >> date->day & 1) != 0;
	bool weekday = (c->weekdays >> date->weekday & 1) != 0;

	if ((c->months >> date->month & 1) == 0)
		return false;
	return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

bool
cron_line_at(const struct cron_line *c, int minute)
{
	return (c->hours >> (minute / 60) & 1) != 0 &&
	       (c->minutes >> (minute % 60) & 1) != 0;
}
