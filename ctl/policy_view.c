/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policies in words.
 *
 * Entry point: policy_view(), for schedules and for rollouts, so that the one reads like the other and like the options that made
 * it. What a policy leaves out (no canary, no soak) is not said. Ownership: text is appended to the caller's. Failure modes: none; a
 * member that is not known is passed over.
 */
#include "ctl/policy_view.h"

#include "lib/clock.h"
#include "lib/str.h"

/* One member of a policy in the words of its option: "soak 10m00s". */
static void
add_rule(struct text *t, size_t from, const char *option, bool seconds, const char *key,
    const json_t *v)
{
	int64_t n = json_integer_value(v);
	char buf[32];

	if (json_is_integer(v) && n == 0)
		return;
	text_addf(t, "%s%s ", t->len > from ? ", " : "", option);
	if (key != NULL)
		text_addf(t, "%s=", key);
	if (json_is_string(v))
		text_add_escaped(t, json_string_value(v));
	else if (seconds)
		text_add(t, str_duration(n * USEC_PER_SEC, buf, sizeof(buf)));
	else
		text_addf(t, "%lld", (long long)n);
}

void
policy_view(const json_t *policy, struct text *out)
{
	static const struct {
		const char *member, *option;
		bool seconds;
	} rules[] = {{"canary", "canary", false}, {"batch", "batch", false},
	    {"max_in_flight", "max-in-flight", false}, {"per_site", "per-site", false},
	    {"per_label", "per-label", false}, {"max_fail", "max-fail", false},
	    {"gates", "gate", false}, {"gate_timeout_s", "gate-timeout", true},
	    {"soak_s", "soak", true}};
	const size_t from = out->len;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		json_t *v = json_object_get(policy, rules[i].member), *part;
		const char *key;
		size_t n;

		if (json_is_array(v)) {
			json_array_foreach (v, n, part)
				add_rule(out, from, rules[i].option, false, NULL, part);
		} else if (json_is_object(v)) {
			json_object_foreach (v, key, part)
				add_rule(out, from, rules[i].option, false, key, part);
		} else if (v != NULL) {
			add_rule(out, from, rules[i].option, rules[i].seconds, NULL, v);
		}
	}
}
