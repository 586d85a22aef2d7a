/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a site's store holds and should hold: JSON <-> struct (docs/protocol.md, "Images at sites").
 *
 * Entry points: a to_json/from_json/done triple for the agent's report and for the orchestrator's plan.
 * Ownership: decoded messages own their lists until *_done(), which accepts half-built ones.
 * Failure modes: -EINVAL with the member's path in *err, the result untouched. Both sides read
 * what the other has written as hostile: digests are digits, paths stay below the root, URLs are http
 * or https, numbers are in range, lists have an end, and no digest comes twice.
 */
#include "lib/store_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/msg_head.h"
#include "lib/str.h"

static const char *const states[] = {
    [STORE_MSG_WAITING] = "waiting",
    [STORE_MSG_FETCHING] = "fetching",
    [STORE_MSG_HELD] = "held",
    [STORE_MSG_FAILED] = "failed",
};
static const char *const sources[] = {
    [STORE_MSG_FROM_NOBODY] = "",
    [STORE_MSG_FROM_ORCHESTRATOR] = "orchestrator",
    [STORE_MSG_FROM_URL] = "url",
    [STORE_MSG_FROM_SITE] = "site",
    [STORE_MSG_FROM_DELTA] = "delta",
    [STORE_MSG_FROM_HERE] = "here",
};

static int
name_find(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], s))
			return (int)i;
	return -EINVAL;
}

const char *
store_msg_state_name(enum store_msg_state state)
{
	return states[state];
}

int
store_msg_state_parse(const char *s, enum store_msg_state *ret)
{
	int i = name_find(states, ARRAY_SIZE(states), s);

	if (i < 0)
		return i;
	*ret = (enum store_msg_state)i;
	return 0;
}

const char *
store_msg_source_name(enum store_msg_source source)
{
	return sources[source];
}

int
store_msg_source_parse(const char *s, enum store_msg_source *ret)
{
	int i = name_find(sources, ARRAY_SIZE(sources), s);

	if (i < 0)
		return i;
	*ret = (enum store_msg_source)i;
	return 0;
}

bool
store_msg_digest_valid(const char *s)
{
	return strlen(s) == DIGEST_TEXT - 1 &&
	       strspn(s, "0123456789abcdef") == DIGEST_TEXT - 1;
}

bool
store_msg_url_valid(const char *s)
{
	const char *host = s;
	size_t len;

	if (str_has_prefix(s, "https://"))
		host += strlen("https://");
	else if (str_has_prefix(s, "http://"))
		host += strlen("http://");
	else
		return false;
	len = strcspn(host, "/?#");
	if (len == 0 || memchr(host, '@', len) != NULL || strlen(s) >= STORE_MSG_URL_SIZE)
		return false;
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}#", *p) != NULL)
			return false;
	return true;
}

/* ---- lists ---- */

bool
store_msg_texts_add(struct store_msg_texts *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i], text))
			return true;
	if (list->n == STORE_MSG_LIST_MAX)
		return false;
	list->v = str_realloc(list->v, (list->n + 1) * sizeof(list->v[0]));
	list->v[list->n++] = str_dup(text);
	return true;
}

void
store_msg_texts_done(struct store_msg_texts *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct store_msg_texts){.v = NULL};
}

static void
texts_put(json_t *obj, const char *key, const struct store_msg_texts *list)
{
	json_t *v = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(v, json_string(list->v[i]));
	if (list->n > 0)
		json_put(obj, key, v);
	else
		json_decref(v);
}

static int
texts_read(const json_t *obj, const char *key, bool (*valid)(const char *s),
    struct store_msg_texts *list, struct error *err)
{
	json_t *v = NULL;

	if (json_opt_arr(obj, key, &v, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *one = json_array_get(v, i);
		const char *s = json_string_value(one);

		if (s == NULL || strlen(s) != json_string_length(one) || !valid(s))
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "%s[%zu]: not what belongs there", key, i);
		if (!store_msg_texts_add(list, s))
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "%s: more than %d", key, STORE_MSG_LIST_MAX);
	}
	return 0;
}

/* ---- parts ---- */

static int
read_digest(
    const json_t *v, const char *key, char ret_hex[DIGEST_TEXT], struct error *err)
{
	if (json_copy_str(v, key, ret_hex, DIGEST_TEXT, err) < 0)
		return -EINVAL;
	if (!store_msg_digest_valid(ret_hex))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "%s: not 64 lower-case hexadecimal digits", key);
	return 0;
}

/* An absent one stays what it is. */
static int
read_amount(const json_t *v, const char *key, int64_t *ret, struct error *err)
{
	if (json_opt_i64(v, key, ret, err) < 0)
		return -EINVAL;
	if (*ret < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "%s: below 0", key);
	return 0;
}

static int
check_list(const json_t *list, const char *key, struct error *err)
{
	if (json_array_size(list) > STORE_MSG_FILES_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "%s: more than %d", key,
		    STORE_MSG_FILES_MAX);
	return 0;
}

/* A set of digests: no member comes twice. */
static int
add_once(json_t *seen, const char *sha256, struct error *err)
{
	if (json_object_get(seen, sha256) != NULL)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "sha256: %s comes twice", sha256);
	json_object_set_new(seen, sha256, json_true());
	return 0;
}

/* ---- report ---- */

static json_t *
item_to_json(const struct store_msg_item *it)
{
	json_t *v = json_object();

	json_put_str(v, "sha256", it->sha256);
	json_put_i64(v, "size", it->size);
	json_put_str(v, "state", store_msg_state_name(it->state));
	json_put_i64(v, "got", it->got);
	json_put_str(v, "source", store_msg_source_name(it->source));
	if (it->rate > 0)
		json_put_i64(v, "rate", it->rate);
	if (it->why.code[0] != '\0') {
		json_put_str(v, "code", it->why.code);
		json_put_str(v, "text", it->why.text);
		json_put_str(v, "next", it->why.next);
	}
	return v;
}

json_t *
store_msg_report_to_json(const struct store_msg_report *m)
{
	json_t *v = json_object(), *items = json_array();

	for (size_t i = 0; i < m->n_items; i++)
		json_array_append_new(items, item_to_json(&m->items[i]));
	msg_head_put(v, m->site, m->agent);
	json_put_i64(v, "version", m->version);
	if (m->free >= 0)
		json_put_i64(v, "free", m->free);
	json_put(v, "items", items);
	return v;
}

static int
read_why(const json_t *v, struct error *ret, struct error *err)
{
	const char *code = "", *text = "", *next = "";

	if (json_opt_str(v, "code", &code, err) < 0 ||
	    json_opt_str(v, "text", &text, err) < 0 ||
	    json_opt_str(v, "next", &next, err) < 0)
		return -EINVAL;
	if (strlen(code) >= ERROR_CODE_SIZE ||
	    strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(code))
		return error_set(err, -EINVAL, "bad-value", NULL, "code: not a code");
	if (code[0] != '\0')
		error_set(ret, 0, code, next, "%s", text);
	return 0;
}

static int
item_from_json(const json_t *v, struct store_msg_item *ret, struct error *err)
{
	struct store_msg_item it = {.got = 0};
	const char *state = NULL, *source = "";

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (read_digest(v, "sha256", it.sha256, err) < 0 ||
	    json_get_str(v, "state", &state, err) < 0 ||
	    json_opt_str(v, "source", &source, err) < 0 ||
	    read_amount(v, "size", &it.size, err) < 0 ||
	    read_amount(v, "got", &it.got, err) < 0 ||
	    read_amount(v, "rate", &it.rate, err) < 0 || read_why(v, &it.why, err) < 0)
		return -EINVAL;
	/* A newer agent may have further words: what is not known to be there is not there yet. */
	if (store_msg_state_parse(state, &it.state) < 0)
		it.state = STORE_MSG_WAITING;
	if (store_msg_source_parse(source, &it.source) < 0)
		it.source = STORE_MSG_FROM_NOBODY;
	if (it.got > it.size)
		return error_set(err, -EINVAL, "bad-value", NULL, "got: more than size");
	*ret = it;
	return 0;
}

static int
read_items(const json_t *list, struct store_msg_report *m, struct error *err)
{
	size_t n = json_array_size(list);
	json_t *seen = json_object();
	int rc = 0;

	m->items = str_alloc((n + 1) * sizeof(m->items[0]));
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = item_from_json(json_array_get(list, i), &m->items[i], err);
		if (rc == 0)
			rc = add_once(seen, m->items[i].sha256, err);
		if (rc < 0)
			error_prefix(err, "items[%zu]", i);
		m->n_items++;
	}
	json_decref(seen);
	return rc;
}

int
store_msg_report_from_json(
    const json_t *v, struct store_msg_report *ret, struct error *err)
{
	struct store_msg_report m = {.free = -1};
	json_t *items = NULL;

	if (msg_head_sender(v, m.site, sizeof(m.site), m.agent, err) < 0 ||
	    read_amount(v, "version", &m.version, err) < 0 ||
	    json_opt_i64(v, "free", &m.free, err) < 0 ||
	    json_opt_arr(v, "items", &items, err) < 0 ||
	    check_list(items, "items", err) < 0)
		return -EINVAL;
	if (m.free < -1)
		return error_set(err, -EINVAL, "bad-value", NULL, "free: below 0");
	if (read_items(items, &m, err) < 0) {
		store_msg_report_done(&m);
		return -EINVAL;
	}
	*ret = m;
	return 0;
}

void
store_msg_report_done(struct store_msg_report *m)
{
	if (m == NULL)
		return;
	free(m->items);
	m->items = NULL;
	m->n_items = 0;
}

/* ---- plan ---- */

static json_t *
wanted_to_json(const struct store_msg_wanted *w)
{
	json_t *v = json_object(), *deltas = json_array();

	json_put_str(v, "sha256", w->sha256);
	json_put_i64(v, "size", w->size);
	texts_put(v, "paths", &w->paths);
	texts_put(v, "images", &w->images);
	json_put_bool(v, "needed", w->needed);
	if (w->delta_soon)
		json_put_bool(v, "delta_soon", true);
	texts_put(v, "urls", &w->urls);
	texts_put(v, "peers", &w->peers);
	for (size_t i = 0; i < w->n_deltas; i++)
		json_array_append_new(deltas,
		    json_pack("{s:s, s:s, s:I}", "from", w->deltas[i].from, "sha256",
			w->deltas[i].sha256, "size", (json_int_t)w->deltas[i].size));
	if (w->n_deltas > 0)
		json_put(v, "deltas", deltas);
	else
		json_decref(deltas);
	return v;
}

json_t *
store_msg_plan_to_json(const struct store_msg_plan *m)
{
	json_t *v = json_object(), *wanted = json_array();

	for (size_t i = 0; i < m->n_wanted; i++)
		json_array_append_new(wanted, wanted_to_json(&m->wanted[i]));
	msg_head_put(v, NULL, NULL);
	json_put_i64(v, "version", m->version);
	json_put(v, "wanted", wanted);
	line_cap_list_put(v, m->caps, m->n_caps);
	json_put_str(v, "timezone", m->timezone);
	return v;
}

/* Those over the most are left out: they are offers. */
static int
read_deltas(const json_t *v, struct store_msg_wanted *w, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "deltas", &list, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list) && i < STORE_MSG_DELTAS_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		struct store_msg_delta *d = &w->deltas[i];

		if (read_digest(one, "from", d->from, err) < 0 ||
		    read_digest(one, "sha256", d->sha256, err) < 0 ||
		    read_amount(one, "size", &d->size, err) < 0) {
			error_prefix(err, "deltas[%zu]", i);
			return -EINVAL;
		}
		w->n_deltas++;
	}
	return 0;
}

/* Fills *w, which the caller empties also when this fails. */
static int
wanted_from_json(const json_t *v, struct store_msg_wanted *w, struct error *err)
{
	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (read_digest(v, "sha256", w->sha256, err) < 0 ||
	    json_get_i64(v, "size", &w->size, err) < 0 ||
	    texts_read(v, "paths", bundle_path_valid, &w->paths, err) < 0 ||
	    texts_read(v, "images", str_name_valid, &w->images, err) < 0 ||
	    json_opt_bool(v, "needed", &w->needed, err) < 0 ||
	    json_opt_bool(v, "delta_soon", &w->delta_soon, err) < 0 ||
	    texts_read(v, "urls", store_msg_url_valid, &w->urls, err) < 0 ||
	    texts_read(v, "peers", store_msg_url_valid, &w->peers, err) < 0 ||
	    read_deltas(v, w, err) < 0)
		return -EINVAL;
	if (w->size < 0 || w->size > STORE_MSG_SIZE_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "size: not 0..%lld",
		    STORE_MSG_SIZE_MAX);
	if (w->paths.n == 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "paths: none");
	for (size_t i = 0; i < w->paths.n; i++)
		if (strlen(w->paths.v[i]) >= BUNDLE_PATH_SIZE)
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "paths[%zu]: longer than %d octets", i, BUNDLE_PATH_SIZE - 1);
	return 0;
}

static int
read_wanted(const json_t *list, struct store_msg_plan *m, struct error *err)
{
	size_t n = json_array_size(list);
	json_t *seen = json_object();
	int rc = 0;

	m->wanted = str_alloc((n + 1) * sizeof(m->wanted[0]));
	for (size_t i = 0; rc == 0 && i < n; i++) {
		m->n_wanted++;
		rc = wanted_from_json(json_array_get(list, i), &m->wanted[i], err);
		if (rc == 0)
			rc = add_once(seen, m->wanted[i].sha256, err);
		if (rc < 0)
			error_prefix(err, "wanted[%zu]", i);
	}
	json_decref(seen);
	return rc;
}

int
store_msg_plan_from_json(const json_t *v, struct store_msg_plan *ret, struct error *err)
{
	struct store_msg_plan m = {.version = 0};
	json_t *wanted = NULL;

	if (msg_head_version(v, err) < 0 ||
	    json_get_i64(v, "version", &m.version, err) < 0 ||
	    json_opt_arr(v, "wanted", &wanted, err) < 0 ||
	    check_list(wanted, "wanted", err) < 0 ||
	    line_cap_list_from_json(v, m.caps, &m.n_caps, err) < 0 ||
	    json_copy_opt(v, "timezone", m.timezone, sizeof(m.timezone), err) < 0)
		return -EINVAL;
	if (m.version < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "version: below 0");
	if (read_wanted(wanted, &m, err) < 0) {
		store_msg_plan_done(&m);
		return -EINVAL;
	}
	*ret = m;
	return 0;
}

void
store_msg_plan_done(struct store_msg_plan *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_wanted; i++) {
		store_msg_texts_done(&m->wanted[i].paths);
		store_msg_texts_done(&m->wanted[i].images);
		store_msg_texts_done(&m->wanted[i].urls);
		store_msg_texts_done(&m->wanted[i].peers);
	}
	free(m->wanted);
	m->wanted = NULL;
	m->n_wanted = 0;
}
