/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options that say how work goes over many hosts, as JSON.
 *
 * Entry points: rollout_opts_rolling(), which decides whether an order is a rollout; rollout_opts_policy() for its policy,
 * rollout_opts_seconds() and rollout_opts_number() for what stands beside it. What is given is checked for its form here, so that
 * nothing is sent that could only be refused; what it means for the hosts is for the server to say, and what is not given is the
 * server's default. Ownership: members are put into the caller's object. Failure modes: -EINVAL, code "usage" ("bad-gate"), naming the
 * option, what was given and how it is written.
 */
#include "ctl/rollout_opts.h"

#include <errno.h>
#include <string.h>

#include "lib/gate_check.h"
#include "lib/json.h"
#include "lib/str.h"

enum { NUMBER_MAX = 1000000, PERCENT_MAX = 100, YEAR_S = 366 * 86400 };

static const char *const policy_names[] = {"canary", "batch", "max-in-flight", "per-site",
    "per-label", "max-fail", "gate", "gate-timeout", "soak"};

/* ---- numbers and durations ---- */

int
rollout_opts_seconds(const struct args *args, const char *option, const char *member,
    int64_t min_s, json_t *body, struct error *err)
{
	const char *s = args_get(args, option);
	int64_t us;

	if (s == NULL)
		return 0;
	if (str_to_duration(s, &us) < 0 || us < 0)
		return error_set(err, -EINVAL, "usage", "write 90s, 10m, 4h or 6d",
		    "--%s: '%s' is no duration", option, s);
	if (us < min_s * USEC_PER_SEC || us > YEAR_S * USEC_PER_SEC)
		return error_set(err, -EINVAL, "usage",
		    min_s > 0 ? "write a longer one, or leave it out"
			      : "write a shorter one",
		    "--%s: '%s' is too %s", option, s,
		    us < min_s * USEC_PER_SEC ? "short" : "long");
	json_put_i64(body, member, us / USEC_PER_SEC);
	return 0;
}

int
rollout_opts_number(const struct args *args, const char *option, const char *member,
    int64_t min, json_t *body, struct error *err)
{
	const char *s = args_get(args, option);
	int64_t n;

	if (s == NULL)
		return 0;
	if (str_to_i64(s, min, NUMBER_MAX, &n) < 0)
		return error_set(err, -EINVAL, "usage", NULL,
		    "--%s: '%s' is no number from %d to %d", option, s, (int)min,
		    (int)NUMBER_MAX);
	json_put_i64(body, member, n);
	return 0;
}

/* ---- the policy ---- */

/* "10%", or so many hosts. */
static int
put_batch(const struct args *args, json_t *policy, struct error *err)
{
	const char *s = args_get(args, "batch");
	size_t len = s != NULL ? strlen(s) : 0;
	char digits[16];
	int64_t n;

	if (s == NULL)
		return 0;
	if (len == 0 || s[len - 1] != '%') {
		if (str_to_i64(s, 1, NUMBER_MAX, &n) == 0) {
			json_put_i64(policy, "batch", n);
			return 0;
		}
	} else if (len < sizeof(digits)) {
		str_clip(digits, sizeof(digits), s);
		digits[len - 1] = '\0';
		if (str_to_i64(digits, 1, PERCENT_MAX, &n) == 0) {
			json_put_str(policy, "batch", s);
			return 0;
		}
	}
	return error_set(err, -EINVAL, "usage",
	    "write --batch 5, or --batch 10% of all hosts",
	    "--batch: '%s' is neither a number of hosts nor 1%% to 100%%", s);
}

/* "rack=1": at most one at a time of the hosts whose label `rack` is the same. */
static int
put_labels(const struct args *args, json_t *policy, struct error *err)
{
	json_t *labels = json_object();
	const char *s, *eq;
	size_t pos = 0;
	int64_t n;
	int r = 0;

	while (r == 0 && (s = args_next(args, "per-label", &pos)) != NULL) {
		eq = strchr(s, '=');
		if (eq == NULL || eq == s || str_to_i64(eq + 1, 1, NUMBER_MAX, &n) < 0)
			r = error_set(err, -EINVAL, "usage",
			    "write --per-label rack=1: one at a time of each rack",
			    "--per-label: '%s' is no label with a number", s);
		else
			json_object_setn_new(
			    labels, s, (size_t)(eq - s), json_integer(n));
	}
	if (r == 0 && json_object_size(labels) > 0)
		json_object_set(policy, "per_label", labels);
	json_decref(labels);
	return r;
}

static int
put_gates(const struct args *args, json_t *policy, struct error *err)
{
	json_t *gates = json_array();
	struct gate_check check;
	const char *s;
	size_t pos = 0;
	int r = 0;

	while (r == 0 && (s = args_next(args, "gate", &pos)) != NULL) {
		json_array_append_new(gates, json_string(s));
		r = gate_check_parse(s, &check, err);
		if (r < 0)
			error_prefix(err, "--gate");
	}
	if (r == 0 && json_array_size(gates) > 0)
		json_object_set(policy, "gates", gates);
	json_decref(gates);
	return r;
}

static int
put_policy(const struct args *args, json_t *policy, struct error *err)
{
	int r = rollout_opts_number(args, "canary", "canary", 0, policy, err);

	if (r == 0)
		r = put_batch(args, policy, err);
	if (r == 0)
		r = rollout_opts_number(
		    args, "max-in-flight", "max_in_flight", 1, policy, err);
	if (r == 0)
		r = rollout_opts_number(args, "per-site", "per_site", 1, policy, err);
	if (r == 0)
		r = put_labels(args, policy, err);
	if (r == 0)
		r = rollout_opts_number(args, "max-fail", "max_fail", 1, policy, err);
	if (r == 0)
		r = put_gates(args, policy, err);
	if (r == 0)
		r = rollout_opts_seconds(
		    args, "gate-timeout", "gate_timeout_s", 1, policy, err);
	if (r == 0)
		r = rollout_opts_seconds(args, "soak", "soak_s", 0, policy, err);
	return r;
}

bool
rollout_opts_rolling(const struct args *args)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy_names); i++)
		if (args_has(args, policy_names[i]))
			return true;
	return args_has(args, "skip-if-younger") ||
	       (args_has(args, "window") && !args_has(args, "at"));
}

int
rollout_opts_policy(const struct args *args, bool fresh, json_t *body, struct error *err)
{
	json_t *policy = json_object();
	int r = put_policy(args, policy, err);

	if (r == 0 && fresh && args_has(args, "gate-timeout") && !args_has(args, "gate"))
		r = error_set(err, -EINVAL, "usage", "add --gate tcp:22, or leave it out",
		    "--gate-timeout says how long a check may take, and there is none");
	if (r == 0)
		r = rollout_opts_seconds(
		    args, "skip-if-younger", "skip_if_younger_s", 0, body, err);
	if (r == 0 && json_object_size(policy) > 0)
		json_object_set(body, "policy", policy);
	json_decref(policy);
	return r;
}

bool
rollout_opts_destructive(const json_t *work)
{
	const char *kind = json_string_value(json_object_get(work, "kind")),
		   *action = json_string_value(json_object_get(work, "action")),
		   *force = json_string_value(json_object_get(work, "force"));

	if (str_eq(kind, "power"))
		return !str_eq(action, "on") && !str_eq(action, "soft");
	return !str_eq(kind, "reboot") || str_eq(force, "at-once") ||
	       json_is_true(json_object_get(work, "hard"));
}
