/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much of a site's line may be used, by time of day.
 *
 * Entry points: line_cap_parse() and line_cap_text() for people, line_cap_to_json() and
 * line_cap_from_json() for messages, line_cap_at() for who fetches. Rules are looked at in their
 * order, and the first one that speaks of a time decides: an exception stands before what it is one
 * of. Ownership: none. Failure modes: -EINVAL, code "bad-cap" from people's text and "bad-value"
 * from messages, naming the part that is wrong; the result is untouched.
 */
#include "lib/line_cap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

enum { DAYS = 7, DAILY = 0x7f, DAYS_TEXT = 40, CLOCK_TEXT = 16 };

static const char *const day_names[DAYS] = {
    "mon", "tue", "wed", "thu", "fri", "sat", "sun"};

#define NEXT                                                                     \
	"write it like 'mon-fri 08:00-18:00 2Mbit', 'sat,sun 10Mbit' or 'daily " \
	"22:00-06:00 none'"

/* ---- days ---- */

static int
day_parse(const char *s, size_t len)
{
	for (int i = 0; i < DAYS; i++)
		if (len == 3 && strncasecmp(s, day_names[i], 3) == 0)
			return i;
	return -1;
}

/* One of "mon" and "mon-fri"; the second may come round: "sat-mon". */
static int
days_part(const char *s, size_t len, uint8_t *days)
{
	const char *dash = memchr(s, '-', len);
	int first = day_parse(s, dash ? (size_t)(dash - s) : len);
	int last = dash ? day_parse(dash + 1, len - (size_t)(dash + 1 - s)) : first;

	if (first < 0 || last < 0)
		return -EINVAL;
	for (int d = first;; d = (d + 1) % DAYS) {
		*days = (uint8_t)(*days | 1U << d);
		if (d == last)
			return 0;
	}
}

static int
days_parse(const char *s, uint8_t *ret)
{
	uint8_t days = 0;

	if (strcasecmp(s, "daily") == 0) {
		*ret = DAILY;
		return 0;
	}
	for (;;) {
		size_t len = strcspn(s, ",");

		if (days_part(s, len, &days) < 0)
			return -EINVAL;
		if (s[len] == '\0')
			break;
		s += len + 1;
	}
	*ret = days;
	return 0;
}

static const char *
days_text(uint8_t days, char buf[DAYS_TEXT])
{
	size_t at = 0;

	if ((days & DAILY) == DAILY)
		str_clip(buf, DAYS_TEXT, "daily");
	else
		buf[0] = '\0';
	for (int d = 0; (days & DAILY) != DAILY && d < DAYS; d++) {
		int last = d;

		if ((days >> d & 1) == 0)
			continue;
		while (last + 1 < DAYS && (days >> (last + 1) & 1) != 0)
			last++;
		at += (size_t)snprintf(buf + at, DAYS_TEXT - at, "%s%s%s%s",
		    at > 0 ? "," : "", day_names[d], last > d ? "-" : "",
		    last > d ? day_names[last] : "");
		d = last;
	}
	return buf;
}

/* ---- hours ---- */

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "08:00" or "24:00", with what follows it. */
static int
clock_parse(const char *s, const char **ret_end, int16_t *ret)
{
	size_t n = digit(s[0]) && s[1] == ':' ? 1 : 2;

	for (size_t i = 0; i < n; i++)
		if (!digit(s[i]))
			return -EINVAL;
	if (s[n] != ':' || !digit(s[n + 1]) || !digit(s[n + 2]))
		return -EINVAL;
	int hour = n == 1 ? s[0] - '0' : (s[0] - '0') * 10 + s[1] - '0';
	int minute = (s[n + 1] - '0') * 10 + s[n + 2] - '0';
	if (minute > 59 || hour * 60 + minute > LINE_CAP_DAY_MIN)
		return -EINVAL;
	*ret = (int16_t)(hour * 60 + minute);
	*ret_end = s + n + 3;
	return 0;
}

static int
check_hours(int from, int to)
{
	return from == to || from == LINE_CAP_DAY_MIN || to == 0 ? -EINVAL : 0;
}

static int
hours_parse(const char *s, struct line_cap *cap)
{
	if (clock_parse(s, &s, &cap->from) < 0 || *s++ != '-' ||
	    clock_parse(s, &s, &cap->to) < 0 || *s != '\0')
		return -EINVAL;
	if (cap->to == 0)
		cap->to = LINE_CAP_DAY_MIN;
	return check_hours(cap->from, cap->to);
}

/* ---- rate ---- */

static int
rate_parse(const char *s, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t kbit;
	} units[] = {{"kbit", 1}, {"mbit", 1000}, {"gbit", 1000000}};
	char *end;

	if (strcasecmp(s, "none") == 0) {
		*ret = 0;
		return 0;
	}
	if (!digit(s[0]))
		return -EINVAL;
	errno = 0;
	long long n = strtoll(s, &end, 10);
	for (size_t i = 0; errno == 0 && i < ARRAY_SIZE(units); i++) {
		if (strcasecmp(end, units[i].unit) != 0)
			continue;
		if (n < 1 || n > LINE_CAP_KBIT_MAX / units[i].kbit)
			return -EINVAL;
		*ret = n * units[i].kbit;
		return 0;
	}
	return -EINVAL;
}

static void
rate_text(int64_t kbit, char *buf, size_t size)
{
	if (kbit == 0)
		str_clip(buf, size, "none");
	else if (kbit % 1000000 == 0)
		snprintf(buf, size, "%lldGbit", (long long)kbit / 1000000);
	else if (kbit % 1000 == 0)
		snprintf(buf, size, "%lldMbit", (long long)kbit / 1000);
	else
		snprintf(buf, size, "%lldkbit", (long long)kbit);
}

/* ---- whole rules ---- */

int
line_cap_parse(const char *text, struct line_cap *ret, struct error *err)
{
	struct line_cap cap = {.days = DAILY, .from = 0, .to = LINE_CAP_DAY_MIN};
	char copy[LINE_CAP_TEXT], shown[4 * LINE_CAP_TEXT], *save = NULL;
	const char *words[3];
	size_t n = 0;

	if (str_copy(copy, sizeof(copy), text) < 0)
		return error_set(err, -EINVAL, "bad-cap", NEXT,
		    "a cap: longer than %d octets", LINE_CAP_TEXT - 1);
	for (char *w = strtok_r(copy, " \t", &save); w;
	     w = strtok_r(NULL, " \t", &save)) {
		if (n == ARRAY_SIZE(words))
			return error_set(err, -EINVAL, "bad-cap", NEXT,
			    "a cap has days, hours and a rate, not more: %s",
			    str_escape(shown, sizeof(shown), text, strlen(text)));
		words[n++] = w;
	}
	if (n == 0)
		return error_set(err, -EINVAL, "bad-cap", NEXT, "a cap: empty");
	for (size_t i = 0; i + 1 < n; i++) {
		bool hours = digit(words[i][0]);
		int rc =
		    hours ? hours_parse(words[i], &cap) : days_parse(words[i], &cap.days);

		if (rc < 0 || (i == 1 && !hours) || (i == 0 && n == 3 && hours))
			return error_set(err, -EINVAL, "bad-cap", NEXT,
			    "a cap: no %s: %s", hours || i == 1 ? "hours" : "days",
			    str_escape(shown, sizeof(shown), words[i], strlen(words[i])));
	}
	if (rate_parse(words[n - 1], &cap.kbit) < 0)
		return error_set(err, -EINVAL, "bad-cap", NEXT, "a cap: no rate: %s",
		    str_escape(shown, sizeof(shown), words[n - 1], strlen(words[n - 1])));
	*ret = cap;
	return 0;
}

static void
clock_text(int minute, char buf[CLOCK_TEXT])
{
	snprintf(buf, CLOCK_TEXT, "%02d:%02d", minute / 60, minute % 60);
}

const char *
line_cap_text(const struct line_cap *cap, char buf[LINE_CAP_TEXT])
{
	char days[DAYS_TEXT], from[CLOCK_TEXT], to[CLOCK_TEXT], rate[24];

	clock_text(cap->from, from);
	clock_text(cap->to, to);
	rate_text(cap->kbit, rate, sizeof(rate));
	snprintf(buf, LINE_CAP_TEXT, "%s %s-%s %s", days_text(cap->days, days), from, to,
	    rate);
	return buf;
}

static bool
speaks_of(const struct line_cap *c, int weekday, int minute)
{
	int yesterday = (weekday + DAYS - 1) % DAYS;

	if (c->from < c->to)
		return (c->days >> weekday & 1) != 0 && minute >= c->from &&
		       minute < c->to;
	return ((c->days >> weekday & 1) != 0 && minute >= c->from) ||
	       ((c->days >> yesterday & 1) != 0 && minute < c->to);
}

int64_t
line_cap_at(const struct line_cap *caps, size_t n, int weekday, int minute)
{
	for (size_t i = 0; i < n; i++)
		if (speaks_of(&caps[i], weekday, minute))
			return caps[i].kbit;
	return -1;
}

/* ---- JSON ---- */

json_t *
line_cap_to_json(const struct line_cap *cap)
{
	char days[DAYS_TEXT], from[CLOCK_TEXT], to[CLOCK_TEXT];

	clock_text(cap->from, from);
	clock_text(cap->to, to);
	return json_pack("{s:s, s:s, s:s, s:I}", "days", days_text(cap->days, days),
	    "from", from, "to", to, "kbit", (json_int_t)cap->kbit);
}

int
line_cap_from_json(const json_t *v, struct line_cap *ret, struct error *err)
{
	struct line_cap cap = {.days = 0};
	const char *days = "daily", *from = "00:00", *to = "24:00", *end;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (json_opt_str(v, "days", &days, err) < 0 ||
	    json_opt_str(v, "from", &from, err) < 0 ||
	    json_opt_str(v, "to", &to, err) < 0 ||
	    json_get_i64(v, "kbit", &cap.kbit, err) < 0)
		return -EINVAL;
	if (days_parse(days, &cap.days) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "days: not like mon-fri");
	if (clock_parse(from, &end, &cap.from) < 0 || *end != '\0' ||
	    clock_parse(to, &end, &cap.to) < 0 || *end != '\0' ||
	    check_hours(cap.from, cap.to) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "from, to: not two times of day");
	if (cap.kbit < 0 || cap.kbit > LINE_CAP_KBIT_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "kbit: not 0..%lld",
		    LINE_CAP_KBIT_MAX);
	*ret = cap;
	return 0;
}

int
line_cap_list_from_json(
    const json_t *v, struct line_cap ret[LINE_CAP_MAX], size_t *ret_n, struct error *err)
{
	json_t *list = NULL;
	size_t n;

	if (json_opt_arr(v, "caps", &list, err) < 0)
		return -EINVAL;
	n = json_array_size(list);
	if (n > LINE_CAP_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "caps: more than %d", LINE_CAP_MAX);
	for (size_t i = 0; i < n; i++)
		if (line_cap_from_json(json_array_get(list, i), &ret[i], err) < 0) {
			error_prefix(err, "caps[%zu]", i);
			return -EINVAL;
		}
	*ret_n = n;
	return 0;
}

void
line_cap_list_put(json_t *v, const struct line_cap *caps, size_t n)
{
	json_t *list;

	if (n == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, line_cap_to_json(&caps[i]));
	json_put(v, "caps", list);
}
