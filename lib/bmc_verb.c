/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs as one const table, and their arguments.
 *
 * Entry points: bmc_verb_parse(), bmc_verb_info(), bmc_verb_args_from_json(). Nothing is owned.
 * Failure modes: -EINVAL; an argument that the verb does not have is refused rather than
 * ignored, since it was meant to change what is done to a machine.
 */
#include "lib/bmc_verb.h"

#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

#define S(seconds) ((int64_t)(seconds)*USEC_PER_SEC)

/* A reset BMC is away for one to five minutes (ipmi.md 3). SDR and SEL are read record by record,
 * which takes slow BMCs some 50 ms each. */
static const struct bmc_verb_info infos[] = {
    [BMC_VERB_POWER_STATUS] = {"power-status", S(20), NULL, false, false, false},
    [BMC_VERB_IDENTIFY] = {"identify", S(20), "bmc.identify", false, false, false},
    [BMC_VERB_SENSORS] = {"sensors", S(120), NULL, false, true, false},
    [BMC_VERB_SEL] = {"sel", S(120), NULL, false, true, false},
    [BMC_VERB_SEL_CLEAR] = {"sel-clear", S(60), "bmc.sel-clear", true, false, true},
    [BMC_VERB_PROBE] = {"bmc-probe", S(60), NULL, false, true, false},
    [BMC_VERB_SHOW] = {"bmc-show", S(20), NULL, false, true, false},
    [BMC_VERB_AUDIT] = {"bmc-audit", S(60), NULL, false, true, false},
    [BMC_VERB_RESET] = {"bmc-reset", S(420), "bmc.reset", true, false, true},
    [BMC_VERB_RESUME] = {"bmc-resume", S(20), "bmc.resume", false, false, true},
    [BMC_VERB_ROTATE] = {"bmc-rotate", S(240), "bmc.rotate", true, true, true},
};

const struct bmc_verb_info *
bmc_verb_info(enum bmc_verb verb)
{
	return &infos[verb];
}

int
bmc_verb_parse(const char *name, enum bmc_verb *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		if (!str_eq(name, infos[i].name))
			continue;
		*ret = (enum bmc_verb)i;
		return 0;
	}
	return -EINVAL;
}

enum arg { ARG_SECONDS, ARG_LAST, ARG_ONLY_READ };

static const struct {
	const char *name;
	enum arg arg;
	unsigned verbs; /* bits */
} known_args[] = {
    {"seconds", ARG_SECONDS, 1U << BMC_VERB_IDENTIFY},
    {"last", ARG_LAST, 1U << BMC_VERB_SEL},
    {"only_read", ARG_ONLY_READ, 1U << BMC_VERB_PROBE | 1U << BMC_VERB_AUDIT},
};

static int
read_range(const json_t *v, const char *key, int64_t min, int64_t max, int64_t *ret,
    struct error *err)
{
	int64_t n = 0;

	if (json_get_i64(v, key, &n, err) < 0)
		return -EINVAL;
	if (n < min || n > max)
		return error_set(err, -EINVAL, "bad-value", NULL, "%s: not %lld..%lld",
		    key, (long long)min, (long long)max);
	*ret = n;
	return 0;
}

static int
read_arg(enum arg arg, const char *key, const json_t *v, struct bmc_verb_args *a,
    struct error *err)
{
	switch (arg) {
	case ARG_SECONDS:
		return read_range(v, key, BMC_VERB_IDENTIFY_ON, BMC_VERB_IDENTIFY_MAX_S,
		    &a->identify_s, err);
	case ARG_LAST: return read_range(v, key, 1, BMC_VERB_SEL_MAX, &a->last, err);
	case ARG_ONLY_READ: return json_opt_bool(v, key, &a->only_read, err);
	}
	return -EINVAL;
}

int
bmc_verb_args_from_json(
    enum bmc_verb verb, const json_t *v, struct bmc_verb_args *ret, struct error *err)
{
	struct bmc_verb_args a = {
	    .identify_s = BMC_VERB_IDENTIFY_DEFAULT_S, .last = BMC_VERB_SEL_DEFAULT};
	const char *key;
	json_t *item;
	size_t i;

	if (v != NULL && !json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "args: not an object");
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		for (i = 0; i < ARRAY_SIZE(known_args); i++)
			if (str_eq(key, known_args[i].name) &&
			    (known_args[i].verbs & 1U << verb) != 0)
				break;
		if (i == ARRAY_SIZE(known_args))
			return error_set(err, -EINVAL, "key-unknown", NULL,
			    "args: %s has no argument of that name", infos[verb].name);
		if (read_arg(known_args[i].arg, key, v, &a, err) < 0) {
			error_prefix(err, "args");
			return -EINVAL;
		}
	}
	*ret = a;
	return 0;
}
