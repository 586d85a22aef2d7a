/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typed access to jansson values; every refusal names the key, what it found and what it
 * wanted.
 *
 * Entry points: json_parse() and json_text() between text and value,
 * json_get_*()/json_opt_*() to read members, json_put_*() to build objects. Ownership:
 * parsed values are the caller's (json_decref()); what the getters return is borrowed.
 * Failure modes: -EINVAL with code "bad-json" or "bad-value"; null counts as absent.
 */
#include "lib/json.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

static void
wipe_and_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void
json_wipe_freed(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}

/* Jansson recurses while parsing and freeing; its own limit of 2048 levels bounds the
 * stack. */
json_t *
json_parse(const char *text, size_t len, struct error *err)
{
	json_error_t why;
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	char what[JSON_ERROR_TEXT_LENGTH];

	if (v == NULL)
		error_set(err, 0, "bad-json", "send one well-formed JSON document",
		    "not JSON at line %d, column %d: %s", why.line, why.column,
		    str_escape(what, sizeof(what), why.text, strlen(why.text)));
	return v;
}

enum { VALUE_OCTETS = 8 };

/* Takes what it is from *left; false when there is not that much. */
static bool
fits(const json_t *v, unsigned depth, size_t *left)
{
	const char *key;
	json_t *item;
	size_t i, n = VALUE_OCTETS + (json_is_string(v) ? json_string_length(v) : 0);

	if (depth == 0 || n > *left)
		return false;
	*left -= n;
	json_array_foreach ((json_t *)(uintptr_t)v, i, item)
		if (!fits(item, depth - 1, left))
			return false;
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		if (strlen(key) > *left)
			return false;
		*left -= strlen(key);
		if (!fits(item, depth - 1, left))
			return false;
	}
	return true;
}

bool
json_bounded(const json_t *v, unsigned depth, size_t most)
{
	return fits(v, depth, &most);
}

char *
json_text(const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL)
		abort(); /* out of memory: every value that jansson holds can be written
			  */
	return text;
}

static const char *
type_name(const json_t *v)
{
	if (v == NULL)
		return "nothing";
	switch (json_typeof(v)) {
	case JSON_OBJECT: return "an object";
	case JSON_ARRAY: return "an array";
	case JSON_STRING: return "a string";
	case JSON_INTEGER: return "an integer";
	case JSON_REAL: return "a fraction";
	case JSON_TRUE:
	case JSON_FALSE: return "a boolean";
	case JSON_NULL: return "null";
	}
	return "unknown";
}

static int
bad_type(const char *key, const json_t *v, const char *wanted, struct error *err)
{
	return error_set(err, -EINVAL, "bad-value", NULL, "%s: expected %s, found %s",
	    key, wanted, type_name(v));
}

/* A member that is absent or null is NULL. */
static json_t *
member(const json_t *obj, const char *key)
{
	json_t *v = json_object_get(obj, key);

	return json_is_null(v) ? NULL : v;
}

int
json_opt_str(const json_t *obj, const char *key, const char **ret, struct error *err)
{
	json_t *v = member(obj, key);

	if (v == NULL)
		return 0;
	if (!json_is_string(v))
		return bad_type(key, v, "a string", err);
	/* With an embedded NUL two readers would see two different texts. */
	if (strlen(json_string_value(v)) != json_string_length(v))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "%s: contains a NUL", key);
	*ret = json_string_value(v);
	return 0;
}

int
json_get_str(const json_t *obj, const char *key, const char **ret, struct error *err)
{
	if (member(obj, key) == NULL)
		return bad_type(key, NULL, "a string", err);
	return json_opt_str(obj, key, ret, err);
}

int
json_opt_i64(const json_t *obj, const char *key, int64_t *ret, struct error *err)
{
	json_t *v = member(obj, key);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v))
		return bad_type(key, v, "an integer", err);
	*ret = json_integer_value(v);
	return 0;
}

int
json_get_i64(const json_t *obj, const char *key, int64_t *ret, struct error *err)
{
	if (member(obj, key) == NULL)
		return bad_type(key, NULL, "an integer", err);
	return json_opt_i64(obj, key, ret, err);
}

int
json_opt_bool(const json_t *obj, const char *key, bool *ret, struct error *err)
{
	json_t *v = member(obj, key);

	if (v == NULL)
		return 0;
	if (!json_is_boolean(v))
		return bad_type(key, v, "true or false", err);
	*ret = json_is_true(v);
	return 0;
}

int
json_opt_obj(const json_t *obj, const char *key, json_t **ret, struct error *err)
{
	json_t *v = member(obj, key);

	if (v != NULL && !json_is_object(v))
		return bad_type(key, v, "an object", err);
	*ret = v;
	return 0;
}

int
json_opt_arr(const json_t *obj, const char *key, json_t **ret, struct error *err)
{
	json_t *v = member(obj, key);

	if (v != NULL && !json_is_array(v))
		return bad_type(key, v, "an array", err);
	*ret = v;
	return 0;
}

int
json_copy_str(
    const json_t *obj, const char *key, char *dst, size_t size, struct error *err)
{
	if (member(obj, key) == NULL)
		return bad_type(key, NULL, "a string", err);
	return json_copy_opt(obj, key, dst, size, err);
}

int
json_copy_opt(
    const json_t *obj, const char *key, char *dst, size_t size, struct error *err)
{
	const char *s = "";
	int r = json_opt_str(obj, key, &s, err);

	if (r < 0)
		return r;
	if (str_copy(dst, size, s) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "%s: longer than %zu octets", key, size - 1);
	return 0;
}

void
json_put_str(json_t *obj, const char *key, const char *s)
{
	if (s == NULL || s[0] == '\0')
		return;
	/* Octets that are not UTF-8 cannot stand in JSON; they are shown, not lost. */
	if (json_object_set_new(obj, key, json_string(s)) < 0) {
		size_t size = strlen(s) * 4 + 1;
		char *escaped = str_alloc(size);

		str_escape(escaped, size, s, strlen(s));
		json_put(obj, key, json_string(escaped));
		free(escaped);
	}
}

void
json_put_i64(json_t *obj, const char *key, int64_t v)
{
	json_put(obj, key, json_integer(v));
}

void
json_put_bool(json_t *obj, const char *key, bool v)
{
	json_put(obj, key, json_boolean(v));
}

void
json_put(json_t *obj, const char *key, json_t *v)
{
	if (json_object_set_new(obj, key, v) < 0)
		abort(); /* out of memory, or a NULL value: both are ours to prevent */
}
