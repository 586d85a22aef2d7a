// SPDX-License-Identifier: GPL-3.0-or-later
/* The JSON of a schedule to a struct, and back.
 *
 * Entry points: schedule_doc_parse(), schedule_doc_json(). A schedule_doc owns all that it holds; its schedule_time points into it, so it
 * is never copied. Failure modes: -EINVAL with words that name the member.
 *
 * What each host gets is read by orders_request_parse(), so that what an order refuses is refused when the schedule is made and not at
 * three in the morning. Whether hosts, images and zones of sites are there is for those who have a store: they come and go. */
#include "orchestrator/schedule_doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/orders.h"
#include "orchestrator/rollouts.h"

enum { SPAN_DAYS_MAX = 366, YOUNGER_MAX_S = 366 * 24 * 3600 };
#define DAY_US (24 * 3600 * USEC_PER_SEC)

static const char *const work_keys[] = {
    "kind", "image", "action", "graceful_s", "hard", "force", "hook"};
static const char *const other_keys[] = {"name", "hosts", "reason", "cron", "rrule", "at",
    "tz", "from", "window_s", "blackout", "jitter_s", "skip_if_younger_s", "missed",
    "policy", "limit"};

static bool
listed(const char *const *keys, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(keys[i], key))
			return true;
	return false;
}

static int
check_keys(const json_t *v, struct error *err)
{
	const char *key;
	json_t *member;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	json_object_foreach ((json_t *)v, key, member) {
		char shown[64];
		if (!listed(work_keys, ARRAY_SIZE(work_keys), key) &&
		    !listed(other_keys, ARRAY_SIZE(other_keys), key))
			return error_set(err, -EINVAL, "key-unknown",
			    "remove it, or correct its spelling", "unknown key \"%s\"",
			    str_escape(shown, sizeof(shown), key, strlen(key)));
	}
	return 0;
}

static int
read_name(const json_t *v, struct schedule_doc *d, struct error *err)
{
	if (json_copy_str(v, "name", d->name, sizeof(d->name), err) < 0)
		return -EINVAL;
	if (!str_name_valid(d->name))
		return error_set(err, -EINVAL, "bad-value",
		    "use letters, digits, '-', '_' and '.'", "name: not a name");
	if (str_eq(d->name, "next"))
		return error_set(err, -EINVAL, "bad-value", "call it otherwise",
		    "name: GET /schedules/next is another resource");
	return 0;
}

/* ---- what each host gets ---- */

static int
read_work(const json_t *v, struct schedule_doc *d, struct error *err)
{
	struct orders_request rq;
	const char *hosts = NULL, *reason = "";

	if (json_get_str(v, "hosts", &hosts, err) < 0 ||
	    json_opt_str(v, "reason", &reason, err) < 0)
		return -EINVAL;
	d->hosts = str_dup(hosts);
	d->reason = str_dup(reason);
	d->work = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(work_keys); i++) {
		json_t *member = json_object_get(v, work_keys[i]);
		if (member && !json_is_null(member))
			json_object_set(d->work, work_keys[i], member);
	}
	json_t *asked = json_copy(d->work);
	json_object_set(asked, "hosts", json_object_get(v, "hosts"));
	json_object_set(asked, "reason", json_object_get(v, "reason"));
	json_object_set(asked, "limit", json_object_get(v, "limit"));
	/* A drill boots what a live boot does. */
	if (str_eq(json_string_value(json_object_get(asked, "kind")), "drill"))
		json_object_set_new(asked, "kind", json_string("live"));
	int rc = orders_request_parse(asked, &rq, err);
	if (rc == 0)
		d->limit = rq.limit;
	json_decref(asked);
	return rc < 0 ? rc : rollouts_work_check(d->work, d->reason, err);
}

const char *
schedule_doc_work(const struct schedule_doc *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc->work, key));

	return s ? s : "";
}

/* ---- when ---- */

static int
read_zone(const json_t *v, struct schedule_doc *d, struct error *err)
{
	if (json_copy_opt(v, "tz", d->tz, sizeof(d->tz), err) < 0)
		return -EINVAL;
	if (d->tz[0] == '\0')
		str_clip(d->tz, sizeof(d->tz), "site");
	if (str_eq(d->tz, "site"))
		return 0;
	d->time.zone = zone_time_find(str_eq(d->tz, "UTC") ? "" : d->tz);
	if (d->time.zone == NULL)
		return error_set(err, -EINVAL, "bad-value",
		    "give an IANA name such as Africa/Lagos, or 'site' for each site's "
		    "own",
		    "tz: no time zone %.60s", d->tz);
	return 0;
}

static int
read_from(const json_t *v, int64_t now, int64_t *ret, struct error *err)
{
	const char *text = NULL;
	int y, m, d, n = 0;
	struct zone_time_date back;

	*ret = now / DAY_US;
	if (json_opt_str(v, "from", &text, err) < 0)
		return -EINVAL;
	if (text == NULL)
		return 0;
	if (sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &n) == 3 && text[n] == '\0' &&
	    m >= 1 && m <= 12 && d >= 1 && y >= 2000) {
		*ret = zone_time_day(y, m, d);
		zone_time_date(*ret, &back);
		if (back.day == d && back.month == m)
			return 0;
	}
	return error_set(err, -EINVAL, "bad-value", "write it like 2026-12-01",
	    "from: '%.40s' is no date", text);
}

/* Would it be due more often than anything is rebooted? */
static int
check_often(const struct schedule_doc *d, int64_t from, struct error *err)
{
	int64_t at = from, first = 0;

	for (int n = 0; n <= SCHEDULE_DOC_A_DAY_MAX; n++) {
		if (!schedule_time_next(&d->time, at, &at)) {
			if (n > 0)
				return 0;
			return error_set(err, -EINVAL, "bad-value",
			    "look at its dates, at UNTIL and at COUNT",
			    "%.100s: that is never, or not within nine years",
			    d->time.calendar.text);
		}
		if (n == 0)
			first = at;
	}
	if (at - first >= DAY_US)
		return 0;
	return error_set(err, -EINVAL, "bad-value", "let it be due less often",
	    "%.100s: more than %d times a day", d->time.calendar.text,
	    SCHEDULE_DOC_A_DAY_MAX);
}

static bool
by_the_hour(const struct calendar *c)
{
	return c->kind == CALENDAR_CRON
		   ? c->cron.every_hour
		   : c->kind == CALENDAR_RULE && strcasestr(c->text, "FREQ=HOURLY");
}

static int
read_calendar(const json_t *v, int64_t now, struct schedule_doc *d, struct error *err)
{
	const char *cron = NULL, *rule = NULL, *at = NULL;
	int64_t from;
	int rc;

	if (json_opt_str(v, "cron", &cron, err) < 0 ||
	    json_opt_str(v, "rrule", &rule, err) < 0 ||
	    json_opt_str(v, "at", &at, err) < 0 || read_from(v, now, &from, err) < 0)
		return -EINVAL;
	if ((cron != NULL) + (rule != NULL) + (at != NULL) != 1)
		return error_set(err, -EINVAL, "bad-value",
		    "say when in one way: cron, rrule or at",
		    "cron, rrule, at: %s of them",
		    cron || rule || at ? "several" : "none");
	if (cron != NULL)
		rc = calendar_parse_cron(cron, &d->time.calendar, err);
	else if (rule != NULL)
		rc = calendar_parse_rule(rule, from, &d->time.calendar, err);
	else
		rc = calendar_parse_once(at, &d->time.calendar, err);
	if (rc < 0)
		return rc;
	if (d->time.zone == NULL && by_the_hour(&d->time.calendar))
		return error_set(err, -EINVAL, "bad-value",
		    "name a zone: what goes by the hour that passes is one moment "
		    "everywhere",
		    "tz: %.100s goes by the hour, and has no time of a site's clock",
		    d->time.calendar.text);
	return at != NULL ? 0 : check_often(d, (from - 1) * DAY_US, err);
}

/* "2026-12-24", or "2026-12-24/2027-01-02". */
static int
read_span(const char *text, struct schedule_time_span *ret)
{
	int y[2], m[2], d[2], n = 0;
	int64_t day[2];
	struct zone_time_date back;
	int got = sscanf(text, "%4d-%2d-%2d%n/%4d-%2d-%2d%n", &y[0], &m[0], &d[0], &n,
	    &y[1], &m[1], &d[1], &n);

	if ((got != 3 && got != 6) || text[n] != '\0')
		return -EINVAL;
	for (int i = 0; i < got / 3; i++) {
		if (y[i] < 2000 || m[i] < 1 || m[i] > 12 || d[i] < 1)
			return -EINVAL;
		day[i] = zone_time_day(y[i], m[i], d[i]);
		zone_time_date(day[i], &back);
		if (back.day != d[i] || back.month != m[i])
			return -EINVAL;
	}
	*ret = (struct schedule_time_span){day[0], got == 6 ? day[1] : day[0]};
	return ret->to < ret->from || ret->to - ret->from > SPAN_DAYS_MAX ? -EINVAL : 0;
}

static int
read_blackout(const json_t *v, struct schedule_doc *d, struct error *err)
{
	json_t *list = NULL, *entry;
	size_t i;

	if (json_opt_arr(v, "blackout", &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > SCHEDULE_DOC_BLACKOUT_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "blackout: more than %d entries", SCHEDULE_DOC_BLACKOUT_MAX);
	json_array_foreach (list, i, entry) {
		const char *text = json_string_value(entry);
		char shown[64] = "";

		if (text == NULL || read_span(text, &d->blackout[i]) < 0)
			return error_set(err, -EINVAL, "bad-value",
			    "write it like 2026-12-24, or 2026-12-24/2027-01-02 with "
			    "the last day",
			    "blackout[%zu]: '%s' is neither a date nor a range of at "
			    "most a year",
			    i,
			    text ? str_escape(shown, sizeof(shown), text, strlen(text))
				 : "");
	}
	d->time.blackout = d->blackout;
	d->time.n_blackout = json_array_size(list);
	return 0;
}

static int
read_window(const json_t *v, struct schedule_doc *d, struct error *err)
{
	int64_t window_s = SCHEDULE_DOC_WINDOW_DEFAULT_S, jitter_s = 0;

	if (json_opt_i64(v, "window_s", &window_s, err) < 0 ||
	    json_opt_i64(v, "jitter_s", &jitter_s, err) < 0)
		return -EINVAL;
	if (window_s < 1 || window_s > SCHEDULE_DOC_WINDOW_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "window_s: not within a second and a week");
	if (jitter_s < 0 || jitter_s >= window_s)
		return error_set(err, -EINVAL, "bad-value",
		    "make it shorter than the window: the last host needs time, too",
		    "jitter_s: not within 0 and the window");
	d->time.window = window_s * USEC_PER_SEC;
	d->time.jitter = jitter_s * USEC_PER_SEC;
	return 0;
}

static int
read_rest(const json_t *v, struct schedule_doc *d, struct error *err)
{
	const char *missed = "skip";

	if (json_opt_i64(v, "skip_if_younger_s", &d->skip_if_younger_s, err) < 0 ||
	    json_opt_str(v, "missed", &missed, err) < 0 ||
	    rollout_policy_from_json(json_object_get(v, "policy"), &d->policy, err) < 0)
		return -EINVAL;
	if (d->skip_if_younger_s < 0 || d->skip_if_younger_s > YOUNGER_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "skip_if_younger_s: not within 0 and a year");
	if (!str_eq(missed, "skip") && !str_eq(missed, "run-once"))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "missed: not skip or run-once");
	d->run_once = str_eq(missed, "run-once");
	return 0;
}

int
schedule_doc_parse(
    const json_t *v, int64_t now, struct schedule_doc **ret, struct error *err)
{
	struct schedule_doc *d = str_alloc(sizeof(*d));

	if (check_keys(v, err) < 0 || read_name(v, d, err) < 0 ||
	    read_work(v, d, err) < 0 || read_zone(v, d, err) < 0 ||
	    read_calendar(v, now, d, err) < 0 || read_window(v, d, err) < 0 ||
	    read_blackout(v, d, err) < 0 || read_rest(v, d, err) < 0) {
		schedule_doc_free(d);
		return -EINVAL;
	}
	*ret = d;
	return 0;
}

/* ---- and back ---- */

static json_t *
date_json(int64_t day, const struct schedule_time_span *to)
{
	struct zone_time_date a, b;
	char text[64];

	zone_time_date(day, &a);
	zone_time_date(to ? to->to : day, &b);
	if (to && to->to != day)
		snprintf(text, sizeof(text), "%04d-%02d-%02d/%04d-%02d-%02d", a.year,
		    a.month, a.day, b.year, b.month, b.day);
	else
		snprintf(text, sizeof(text), "%04d-%02d-%02d", a.year, a.month, a.day);
	return json_string(text);
}

static void
put_calendar(json_t *v, const struct calendar *c)
{
	switch (c->kind) {
	case CALENDAR_CRON: json_put_str(v, "cron", c->text); break;
	case CALENDAR_RULE:
		json_put_str(v, "rrule", c->text);
		json_put(v, "from", date_json(c->day, NULL));
		break;
	case CALENDAR_ONCE: json_put_str(v, "at", c->text); break;
	}
}

json_t *
schedule_doc_json(const struct schedule_doc *d)
{
	json_t *v = json_object(), *blackout = json_array();

	json_put_str(v, "name", d->name);
	json_object_update(v, d->work);
	json_put_str(v, "hosts", d->hosts);
	json_put_str(v, "reason", d->reason);
	put_calendar(v, &d->time.calendar);
	json_put_str(v, "tz", d->tz);
	json_put_i64(v, "window_s", d->time.window / USEC_PER_SEC);
	for (size_t i = 0; i < d->time.n_blackout; i++)
		json_array_append_new(
		    blackout, date_json(d->blackout[i].from, &d->blackout[i]));
	json_put(v, "blackout", blackout);
	json_put_i64(v, "jitter_s", d->time.jitter / USEC_PER_SEC);
	json_put_i64(v, "skip_if_younger_s", d->skip_if_younger_s);
	json_put_str(v, "missed", d->run_once ? "run-once" : "skip");
	json_put(v, "policy", rollout_policy_to_json(&d->policy));
	json_put_i64(v, "limit", d->limit);
	return v;
}

const char *
schedule_doc_nominal(
    const struct schedule_doc *doc, int64_t nominal, char buf[CLOCK_TEXT_SIZE])
{
	clock_text(nominal, buf, CLOCK_TEXT_SIZE);
	if (!schedule_time_fixed(&doc->time))
		buf[sizeof("2026-01-31T03:00") - 1] = '\0';
	return buf;
}

void
schedule_doc_free(struct schedule_doc *d)
{
	if (!d)
		return;
	json_decref(d->work);
	free(d->hosts);
	free(d->reason);
	free(d);
}
