/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Option values of several parts, "FIRST,key=value,flag", as JSON members.
 *
 * Entry points: one spec_*() per kind of value; each is a const table of its keys.
 * Ownership: results are the caller's. Failure modes: NULL or -EINVAL, code "usage",
 * naming the part; whether an address makes sense is for the server to say.
 */
#include "ctl/spec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch.h"
#include "lib/stage.h"
#include "lib/str.h"

enum spec_type {
	SPEC_STRING,
	SPEC_FLAG,     /* "boot" */
	SPEC_APPEND,   /* may be repeated: a list */
	SPEC_RANGE,    /* "A-B": a list of two */
	SPEC_DURATION, /* in seconds */
	SPEC_NUMBER,
};

struct spec_key {
	const char *key, *member;
	enum spec_type type;
};

static int
bad(struct error *err, const char *whole, const char *part)
{
	return error_set(err, -EINVAL, "usage", "--help shows the form",
	    "'%s' in '%s' does not fit", part, whole);
}

static int
put_range(json_t *obj, const char *member, const char *value)
{
	const char *dash = strchr(value, '-');
	json_t *pair;

	if (dash == NULL || dash == value || dash[1] == '\0')
		return -EINVAL;
	pair = json_array();
	json_array_append_new(pair, json_stringn(value, (size_t)(dash - value)));
	json_array_append_new(pair, json_string(dash + 1));
	return json_object_set_new(obj, member, pair);
}

static int
put_duration(json_t *obj, const char *member, const char *value)
{
	int64_t us;

	if (str_to_duration(value, &us) < 0)
		return -EINVAL;
	return json_object_set_new(obj, member, json_integer(us / USEC_PER_SEC));
}

static int
put_number(json_t *obj, const char *member, const char *value)
{
	int64_t n;

	if (str_to_i64(value, 0, INT32_MAX, &n) < 0)
		return -EINVAL;
	return json_object_set_new(obj, member, json_integer(n));
}

static int
put_append(json_t *obj, const char *member, const char *value)
{
	json_t *list = json_object_get(obj, member);

	if (list == NULL) {
		list = json_array();
		json_object_set_new(obj, member, list);
	}
	return json_array_append_new(list, json_string(value));
}

static int
put_part(json_t *obj, const struct spec_key *k, const char *value)
{
	if ((value == NULL) != (k->type == SPEC_FLAG) ||
	    (value != NULL && value[0] == '\0'))
		return -EINVAL;
	switch (k->type) {
	case SPEC_STRING: return json_object_set_new(obj, k->member, json_string(value));
	case SPEC_FLAG: return json_object_set_new(obj, k->member, json_true());
	case SPEC_APPEND: return put_append(obj, k->member, value);
	case SPEC_RANGE: return put_range(obj, k->member, value);
	case SPEC_DURATION: return put_duration(obj, k->member, value);
	case SPEC_NUMBER: return put_number(obj, k->member, value);
	}
	return -EINVAL;
}

static const struct spec_key *
find_key(const struct spec_key *keys, size_t n, const char *part)
{
	size_t len = strcspn(part, "=");

	for (size_t i = 0; i < n; i++)
		if (strlen(keys[i].key) == len && memcmp(keys[i].key, part, len) == 0)
			return &keys[i];
	return NULL;
}

/* The first part goes to the member `first`. */
static json_t *
parse(const char *s, const char *first, const struct spec_key *keys, size_t n,
    struct error *err)
{
	char *copy = str_dup(s), *rest = copy, *part = strsep(&rest, ",");
	json_t *obj = json_object();
	int r = part[0] != '\0' ? 0 : bad(err, s, part);

	if (r == 0)
		r = json_object_set_new(obj, first, json_string(part));
	while (r == 0 && (part = strsep(&rest, ",")) != NULL) {
		const struct spec_key *k = find_key(keys, n, part);
		char *eq = strchr(part, '=');

		if (k == NULL || put_part(obj, k, eq != NULL ? eq + 1 : NULL) < 0)
			r = bad(err, s, part);
	}
	free(copy);
	if (r == 0)
		return obj;
	json_decref(obj);
	return NULL;
}

json_t *
spec_nic(const char *s, struct error *err)
{
	static const struct spec_key keys[] = {{"ip", "ip", SPEC_STRING},
	    {"ip6", "ip6", SPEC_STRING}, {"boot", "boot", SPEC_FLAG}};

	return parse(s, "mac", keys, ARRAY_SIZE(keys), err);
}

json_t *
spec_subnet(const char *s, struct error *err)
{
	static const struct spec_key keys[] = {
	    {"gateway", "gateway", SPEC_STRING},
	    {"dns", "dns", SPEC_APPEND},
	    {"pool", "pool", SPEC_RANGE},
	    {"lease", "lease_s", SPEC_DURATION},
	    {"domain", "domain", SPEC_STRING},
	    {"relay", "relay", SPEC_STRING},
	    {"ra", "ra", SPEC_STRING},
	    {"router", "router_s", SPEC_DURATION},
	    {"mtu", "mtu", SPEC_NUMBER},
	};

	return parse(s, "prefix", keys, ARRAY_SIZE(keys), err);
}

json_t *
spec_file(const char *s, struct error *err)
{
	static const struct spec_key keys[] = {{"name", "name", SPEC_STRING},
	    {"url", "url", SPEC_STRING}, {"template", "template", SPEC_FLAG}};

	return parse(s, "path", keys, ARRAY_SIZE(keys), err);
}

int
spec_label(const char *s, json_t *obj, struct error *err)
{
	const char *eq = strchr(s, '=');

	if (eq == NULL || eq == s)
		return error_set(err, -EINVAL, "usage",
		    "write key=value, or key= to remove it", "label '%s'", s);
	if (eq[1] == '\0')
		return json_object_setn_new(obj, s, (size_t)(eq - s), json_null());
	return json_object_setn_new(obj, s, (size_t)(eq - s), json_string(eq + 1));
}

int
spec_loader(const char *s, json_t *obj, struct error *err)
{
	const char *eq = strchr(s, '=');
	char name[ARCH_NAME_SIZE] = "";
	uint16_t arch;

	if (eq == NULL || eq == s)
		return error_set(err, -EINVAL, "usage",
		    "write x64-uefi=FILE, or x64-uefi= to remove it", "loader '%s'", s);
	if ((size_t)(eq - s) < sizeof(name))
		memcpy(name, s, (size_t)(eq - s));
	if (arch_parse(name, &arch) < 0)
		return error_set(err, -EINVAL, "usage",
		    "x64-uefi, arm64-uefi, x86-uefi, x86-bios and arch-NN are some",
		    "loader '%s': no such architecture", s);
	/* As the server writes it: arch-7 and x64-uefi are one. */
	arch_name(arch, name, sizeof(name));
	return json_object_set_new(
	    obj, name, eq[1] == '\0' ? json_null() : json_string(eq + 1));
}

bool
spec_manner_is_list(const char *key)
{
	return str_eq(key, "workarounds") || str_eq(key, "variants");
}

json_t *
spec_manner_value(const char *key, const char *text)
{
	static const char *const words[] = {
	    "verify", "parameter_3", "cycle_when_off", "reset_as"};
	int64_t n;

	if (spec_manner_is_list(key)) {
		json_t *list = json_array();

		while (*text != '\0') {
			size_t len = strcspn(text, ",");

			json_array_append_new(list, json_stringn(text, len));
			text += len + (text[len] == ',');
		}
		return list;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(key, words[i]))
			return json_string(text); /* 08 is no number there */
	if (str_eq(text, "true") || str_eq(text, "yes"))
		return json_true();
	if (str_eq(text, "false") || str_eq(text, "no"))
		return json_false();
	if (str_to_i64(text, INT64_MIN, INT64_MAX, &n) == 0)
		return json_integer(n);
	return json_string(text);
}

int
spec_manner(const char *s, json_t *obj, struct error *err)
{
	const char *eq = strchr(s, '=');
	char key[40] = "";

	if (eq == NULL || eq == s || (size_t)(eq - s) >= sizeof(key))
		return error_set(err, -EINVAL, "usage",
		    "write verify=device, or verify= to remove it", "manner '%s'", s);
	memcpy(key, s, (size_t)(eq - s));
	return json_object_set_new(
	    obj, key, eq[1] == '\0' ? json_null() : spec_manner_value(key, eq + 1));
}

int
spec_deadline(const char *s, json_t *obj, struct error *err)
{
	const char *eq = strchr(s, '=');
	char name[32] = "";
	enum stage stage;

	if (eq == NULL || (size_t)(eq - s) >= sizeof(name))
		return error_set(
		    err, -EINVAL, "usage", "write kernel=10m", "deadline '%s'", s);
	memcpy(name, s, (size_t)(eq - s));
	if (stage_parse(name, &stage) < 0 || stage_default_deadline(stage) == 0)
		return error_set(err, -EINVAL, "usage", "write kernel=10m",
		    "deadline '%s': no stage '%s' has one", s, name);
	if (put_duration(obj, name, eq + 1) < 0)
		return error_set(err, -EINVAL, "usage", "write kernel=10m",
		    "deadline '%s': no duration", s);
	return 0;
}

int
spec_bmc(const char *s, json_t *obj, struct error *err)
{
	const char *colon = strrchr(s, ':'), *end = s + strlen(s);
	bool bracketed = s[0] == '[';
	int64_t port;

	/* Several colons without brackets: an IPv6 address alone. */
	if (colon != NULL && (bracketed ? colon[-1] == ']' : strchr(s, ':') == colon)) {
		if (str_to_i64(colon + 1, 1, 65535, &port) < 0)
			return error_set(
			    err, -EINVAL, "usage", NULL, "BMC '%s': no port", s);
		json_object_set_new(obj, "port", json_integer(port));
		end = colon;
	}
	if (bracketed && (end <= s + 1 || end[-1] != ']'))
		return error_set(
		    err, -EINVAL, "usage", "write [2001:db8::1]:623", "BMC '%s'", s);
	if (bracketed) {
		s++;
		end--;
	}
	if (end == s)
		return error_set(
		    err, -EINVAL, "usage", NULL, "the BMC's address is empty");
	return json_object_set_new(obj, "address", json_stringn(s, (size_t)(end - s)));
}
