/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of schedules as JSON.
 *
 * Entry point: schedule_opts_body(). When it is due is parsed here by the code that the server goes by (lib/calendar.h), so that a
 * faulty line is refused with what is wrong about it and nothing is sent; zones and hosts are the server's to judge.
 * Ownership: members are put into the caller's object. Failure modes: -EINVAL with *err naming the option, what was given and
 * how it is written.
 */
#include "ctl/schedule_opts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/rollout_opts.h"
#include "lib/calendar.h"
#include "lib/json.h"
#include "lib/str.h"

static const char *const when_names[] = {"cron", "rrule", "at"};

/* ---- what ---- */

/* "power-off" is kind power, action off. */
static void
put_do(const char *word, json_t *body)
{
	static const char power[] = "power-";

	if (!str_has_prefix(word, power)) {
		json_put_str(body, "kind", word);
		return;
	}
	json_put_str(body, "kind", "power");
	json_put_str(body, "action", word + strlen(power));
}

static int
put_work(const struct args *args, bool fresh, json_t *body, struct error *err)
{
	const char *word = args_get(args, "do");

	if (word == NULL && fresh)
		return error_set(err, -EINVAL, "usage", "add --do reboot",
		    "it is not said what each host gets");
	if (word != NULL)
		put_do(word, body);
	if (str_eq(word, "boot") && fresh && !args_has(args, "image"))
		return error_set(err, -EINVAL, "usage", "image list shows them",
		    "--do boot needs --image");
	json_put_str(body, "image", args_get(args, "image"));
	json_put_str(body, "force", args_get(args, "force"));
	json_put_str(body, "hook", args_get(args, "hook"));
	return rollout_opts_seconds(args, "graceful-timeout", "graceful_s", 1, body, err);
}

/* ---- when ---- */

static int
check_when(const char *name, const char *text, struct error *err)
{
	struct calendar c;
	int r;

	if (str_eq(name, "cron"))
		r = calendar_parse_cron(text, &c, err);
	else if (str_eq(name, "rrule"))
		r = calendar_parse_rule(text, 0, &c, err);
	else
		r = calendar_parse_once(text, &c, err);
	if (r < 0)
		error_prefix(err, "--%s", name);
	return r;
}

/* Exactly one of three; the others are null, so that a change replaces what was. */
static int
put_when(const struct args *args, bool fresh, json_t *body, struct error *err)
{
	const char *name = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(when_names); i++)
		if (args_has(args, when_names[i])) {
			name = when_names[i];
			n++;
		}
	if (n > 1)
		return error_set(err, -EINVAL, "usage", "keep one of them",
		    "--cron, --rrule and --at each say when: they cannot be together");
	if (n == 0)
		return fresh ? error_set(err, -EINVAL, "usage",
				   "add --cron '0 3 * * SUN', --rrule or --at",
				   "it is not said when")
			     : 0;
	for (size_t i = 0; !fresh && i < ARRAY_SIZE(when_names); i++)
		json_object_set_new(body, when_names[i], json_null());
	if (!fresh)
		json_object_set_new(body, "from", json_null());
	json_put_str(body, name, args_get(args, name));
	return check_when(name, args_get(args, name), err);
}

/* "2026-12-24": is there such a day? */
static bool
is_date(const char *s, size_t len)
{
	struct zone_time_date back;
	char text[11] = "";
	int y, m, d, used = 0;

	if (len != 10)
		return false;
	memcpy(text, s, len);
	if (sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &used) != 3 || used != 10 ||
	    m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	zone_time_date(zone_time_day(y, m, d), &back);
	return back.year == y && back.month == m && back.day == d;
}

/* Dates written so sort as text. */
static bool
is_blackout(const char *s)
{
	const char *slash = strchr(s, '/');

	if (slash == NULL)
		return is_date(s, strlen(s));
	return is_date(s, (size_t)(slash - s)) && is_date(slash + 1, strlen(slash + 1)) &&
	       strncmp(s, slash + 1, 10) <= 0;
}

static int
put_from(const struct args *args, json_t *body, struct error *err)
{
	const char *from = args_get(args, "from");

	if (from == NULL)
		return 0;
	if (!is_date(from, strlen(from)))
		return error_set(err, -EINVAL, "usage", "write --from 2026-12-01",
		    "--from: '%s' is no day", from);
	if (!args_has(args, "rrule"))
		return error_set(err, -EINVAL, "usage", "add --rrule, or leave it out",
		    "--from is the day that the intervals of a rule count from");
	json_put_str(body, "from", from);
	return 0;
}

static int
put_blackouts(const struct args *args, json_t *body, struct error *err)
{
	json_t *list = json_array();
	const char *s;
	size_t pos = 0;
	int r = 0;

	while (r == 0 && (s = args_next(args, "blackout", &pos)) != NULL) {
		json_array_append_new(list, json_string(s));
		if (!is_blackout(s))
			r = error_set(err, -EINVAL, "usage",
			    "write 2026-12-24, or first and last day: "
			    "2026-12-24/2027-01-02",
			    "--blackout: '%s' is neither a day nor days in order", s);
	}
	if (r == 0 && json_array_size(list) > 0 && args_has(args, "no-blackouts"))
		r = error_set(err, -EINVAL, "usage", "keep one of them",
		    "--blackout adds days and --no-blackouts forgets all");
	if (r == 0 && (json_array_size(list) > 0 || args_has(args, "no-blackouts")))
		json_object_set(body, "blackout", list);
	json_decref(list);
	return r;
}

/* ---- all ---- */

static int
put_bounds(const struct args *args, json_t *body, struct error *err)
{
	int r = rollout_opts_seconds(args, "window", "window_s", 1, body, err);

	if (r == 0)
		r = rollout_opts_seconds(args, "jitter", "jitter_s", 0, body, err);
	if (r == 0)
		r = rollout_opts_number(args, "limit", "limit", 1, body, err);
	if (r == 0 && json_object_get(body, "window_s") != NULL &&
	    json_integer_value(json_object_get(body, "jitter_s")) >=
		json_integer_value(json_object_get(body, "window_s")))
		r = error_set(err, -EINVAL, "usage", "write a shorter --jitter",
		    "--jitter %s would put hosts behind the end of the --window of %s",
		    args_get(args, "jitter"), args_get(args, "window"));
	return r;
}

/* As of orders: only what boots an image must be given one. */
static int
settle_reason(const char **reason, const json_t *body, struct error *err)
{
	const char *kind = json_string_value(json_object_get(body, "kind"));

	if (*reason != NULL && (*reason)[0] != '\0')
		return 0;
	*reason = "no reason given";
	if (str_eq(kind, "reboot") || str_eq(kind, "power"))
		return 0;
	return error_set(err, -EINVAL, "reason-missing", "add --reason 'INC-123 ...'",
	    "--do %s wants to know why", kind);
}

int
schedule_opts_body(const struct args *args, bool fresh, json_t *body, struct error *err)
{
	const char *hosts = args_get(args, "hosts"), *reason = args_get(args, "reason");
	int r = put_work(args, fresh, body, err);

	if (r == 0)
		r = put_when(args, fresh, body, err);
	if (r == 0 && fresh && hosts == NULL)
		r = error_set(err, -EINVAL, "usage", "add --hosts '@role=edge'",
		    "it is not said which hosts");
	if (r == 0 && fresh)
		r = settle_reason(&reason, body, err);
	if (r == 0)
		r = put_from(args, body, err);
	if (r == 0)
		r = put_blackouts(args, body, err);
	if (r == 0)
		r = put_bounds(args, body, err);
	if (r == 0)
		r = rollout_opts_policy(args, fresh, body, err);
	if (r < 0)
		return r;
	json_put_str(body, "hosts", hosts);
	json_put_str(body, "reason", reason);
	json_put_str(body, "tz", args_get(args, "tz"));
	json_put_str(body, "missed", args_get(args, "missed"));
	return 0;
}
