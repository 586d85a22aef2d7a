// SPDX-License-Identifier: GPL-3.0-or-later
/* The policy of a rollout as JSON and as a struct.
 *
 * Entry points: rollout_policy_from_json(), which refuses every member that it does not know and every value that makes no sense,
 * by name: a cap that was mistyped and therefore ignored would reboot a whole site at once. rollout_policy_batch() turns a
 * percentage into hosts. Pure; nothing is owned. Failure modes: -EINVAL with the member, what is wrong with it, and how it is
 * written. */
#include "orchestrator/rollout_policy.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

enum { IN_FLIGHT_DEFAULT = 5, PERCENT = 100 };

void
rollout_policy_init(struct rollout_policy *p)
{
	*p = (struct rollout_policy){.max_in_flight = IN_FLIGHT_DEFAULT,
	    .per_site = 1,
	    .max_fail = 1,
	    .gate_timeout_s = GATE_CHECK_TIMEOUT_S};
}

static int
read_number(const json_t *v, const char *key, int64_t min, int64_t max, int64_t *ret,
    struct error *err)
{
	int64_t n = *ret;

	if (json_opt_i64(v, key, &n, err) < 0) {
		error_prefix(err, "policy");
		return -EINVAL;
	}
	if (n < min || n > max)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "policy: %s: not %lld..%lld", key, (long long)min, (long long)max);
	*ret = n;
	return 0;
}

/* 5, or "10%", or "5". */
static int
read_batch(const json_t *v, struct rollout_policy *p, struct error *err)
{
	const json_t *b = json_object_get(v, "batch");
	const char *text = json_string_value(b);
	size_t len = text ? strlen(text) : 0;
	char number[16];
	int64_t n = 0;
	bool percent = len > 0 && text[len - 1] == '%';
	bool ok = false;

	if (!b || json_is_null(b))
		return 0;
	if (json_is_integer(b)) {
		n = json_integer_value(b);
		ok = n >= 1 && n <= ROLLOUT_POLICY_HOSTS_MAX;
	} else if (text && len < sizeof(number)) {
		str_clip(number, sizeof(number), text);
		if (percent)
			number[len - 1] = '\0';
		ok = str_to_i64(number, 1, percent ? PERCENT : ROLLOUT_POLICY_HOSTS_MAX,
			 &n) == 0;
	}
	if (!ok)
		return error_set(err, -EINVAL, "bad-value",
		    "write a number of hosts, or a part of them: 5, \"10%\"",
		    "policy: batch: neither 1..%d hosts nor 1%%..100%%",
		    ROLLOUT_POLICY_HOSTS_MAX);
	*(percent ? &p->batch_percent : &p->batch) = n;
	return 0;
}

static int
read_labels(const json_t *v, struct rollout_policy *p, struct error *err)
{
	json_t *labels = NULL, *n;
	const char *key;

	if (json_opt_obj(v, "per_label", &labels, err) < 0) {
		error_prefix(err, "policy");
		return -EINVAL;
	}
	if (json_object_size(labels) > ROLLOUT_POLICY_LABELS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "policy: per_label: more than %d labels", ROLLOUT_POLICY_LABELS_MAX);
	json_object_foreach (labels, key, n) {
		struct rollout_policy_label *l = &p->per_label[p->n_labels];
		if (!str_name_valid(key) || strlen(key) >= sizeof(l->key))
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "policy: per_label: %.80s is no label's name", key);
		if (!json_is_integer(n) || json_integer_value(n) < 1 ||
		    json_integer_value(n) > ROLLOUT_POLICY_HOSTS_MAX)
			return error_set(err, -EINVAL, "bad-value",
			    "write it as {\"rack\": 1}",
			    "policy: per_label: %s: not 1..%d", key,
			    ROLLOUT_POLICY_HOSTS_MAX);
		str_clip(l->key, sizeof(l->key), key);
		l->n = json_integer_value(n);
		p->n_labels++;
	}
	return 0;
}

static int
check_members(const json_t *v, struct error *err)
{
	static const char *const known[] = {"canary", "batch", "max_in_flight",
	    "per_site", "per_label", "max_fail", "gates", "gate_timeout_s", "soak_s"};
	const char *key;
	json_t *member;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value",
		    "write it as {\"canary\": 1, \"batch\": \"10%\"}",
		    "policy: no object");
	json_object_foreach ((json_t *)v, key, member) {
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && !str_eq(known[i], key))
			i++;
		if (i == ARRAY_SIZE(known))
			return error_set(err, -EINVAL, "bad-value",
			    "there are canary, batch, max_in_flight, per_site, "
			    "per_label, max_fail, gates, gate_timeout_s and soak_s",
			    "policy: %.80s: no such member", key);
	}
	return 0;
}

int
rollout_policy_from_json(const json_t *v, struct rollout_policy *ret, struct error *err)
{
	struct rollout_policy p;

	rollout_policy_init(&p);
	if (v && !json_is_null(v)) {
		if (check_members(v, err) < 0 ||
		    read_number(
			v, "canary", 0, ROLLOUT_POLICY_HOSTS_MAX, &p.canary, err) < 0 ||
		    read_batch(v, &p, err) < 0 ||
		    read_number(v, "max_in_flight", 1, ROLLOUT_POLICY_HOSTS_MAX,
			&p.max_in_flight, err) < 0 ||
		    read_number(v, "per_site", 1, ROLLOUT_POLICY_HOSTS_MAX, &p.per_site,
			err) < 0 ||
		    read_labels(v, &p, err) < 0 ||
		    read_number(v, "max_fail", 1, ROLLOUT_POLICY_HOSTS_MAX, &p.max_fail,
			err) < 0 ||
		    gate_check_list_parse(json_object_get(v, "gates"), "policy: gates",
			&p.gates, err) < 0 ||
		    read_number(v, "gate_timeout_s", 1, GATE_CHECK_TIMEOUT_MAX_S,
			&p.gate_timeout_s, err) < 0 ||
		    read_number(
			v, "soak_s", 0, ROLLOUT_POLICY_SOAK_S_MAX, &p.soak_s, err) < 0)
			return -EINVAL;
	}
	*ret = p;
	return 0;
}

json_t *
rollout_policy_to_json(const struct rollout_policy *p)
{
	json_t *v = json_object(), *labels = json_object();
	char percent[16];

	json_put_i64(v, "canary", p->canary);
	if (p->batch_percent > 0) {
		if (str_format(percent, sizeof(percent), "%lld%%",
			(long long)p->batch_percent) == 0)
			json_put_str(v, "batch", percent);
	} else if (p->batch > 0) {
		json_put_i64(v, "batch", p->batch);
	}
	json_put_i64(v, "max_in_flight", p->max_in_flight);
	json_put_i64(v, "per_site", p->per_site);
	for (size_t i = 0; i < p->n_labels; i++)
		json_put_i64(labels, p->per_label[i].key, p->per_label[i].n);
	json_put(v, "per_label", labels);
	json_put_i64(v, "max_fail", p->max_fail);
	json_put(v, "gates", gate_check_list_json(&p->gates));
	json_put_i64(v, "gate_timeout_s", p->gate_timeout_s);
	json_put_i64(v, "soak_s", p->soak_s);
	return v;
}

int64_t
rollout_policy_batch(const struct rollout_policy *p, int64_t hosts)
{
	int64_t n = p->batch;

	if (p->batch_percent > 0)
		n = (hosts * p->batch_percent + PERCENT - 1) / PERCENT;
	else if (n == 0)
		n = hosts;
	return n < 1 ? 1 : n;
}
