// SPDX-License-Identifier: GPL-3.0-or-later
/* A refused request leaves a row as one that was carried out does: who, what, on which object, the code of the refusal, and
 * what was asked.
 *
 * Entry point: audit_refused_note(), which every problem answer passes (rest_on_problem()), so that no handler can
 * forget it. The action's word follows from the route; the exceptions are table rows. What was asked is kept
 * without secrets: of members that are known to be harmless the value, of others that they were there, since a
 * misspelt "password" is a password too. It owns nothing. Failure modes: a row that cannot be written is logged; the
 * refusal stands. */
#include "orchestrator/audit_refused.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bmc_verb.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/audit.h"
#include "orchestrator/orch.h"

#define V1 "/api/v1"
#define MINUTE_US (60 * USEC_PER_SEC)

enum {
	ITEMS_MAX = 20,
	ERRORS_MAX = 50,
	DEPTH_MAX = 6,
	TEXT_MAX = 300,
	WORD_SIZE = 64,
	ASKED_MAX = 4096, /* the audit is never pruned */
};

/* Routes whose word is another than their path says; NULL: they change nothing. */
static const struct {
	const char *method, *pattern, *word;
} words[] = {
    {"POST", V1 "/apply", "inventory.apply"},
    {"POST", V1 "/sites/{name}/resume", "bmc.resume"},
    {"DELETE", V1 "/discovered/{mac}", "discovered.forget"},
    {"POST", V1 "/images/{name}/verify", NULL},
    {"POST", V1 "/power", NULL},		/* asks for the state */
    {"POST", V1 "/hosts/{name}/console", NULL}, /* keys; who opens one is recorded */
    {"GET", V1 "/hosts/{name}/console", "console.open"},
    {"POST", V1 "/session", NULL},
    {"DELETE", V1 "/session", NULL},
};

/* Members whose values may be kept: those that GET shows, and those of orders. */
static const char *const harmless[] = {"action", "address", "answer_unknown", "args",
    "bmc", "bmc_prefixes", "boot", "boot_method", "boot_verify", "cipher", "console",
    "default", "deadlines", "dns", "document", "domain", "dry_run", "expires_s", "files",
    "firmware", "force", "gateway", "graceful_s", "hard", "hook", "host", "hosts", "idle",
    "image", "images", "initrds", "ip", "ip6", "items", "kernel", "keymap", "kind",
    "last", "lease_s", "limit", "loaders", "local_boot", "mac", "manners", "menu", "mtu",
    "name", "nfs_root", "nics", "only_read", "outside", "path", "pool", "port", "prefix",
    "privilege", "probe", "ra", "reason", "relay", "reports", "require_cipher", "role",
    "router_s", "seconds", "serial", "sha256", "site", "sites", "size", "subnets",
    "template", "timeout_s", "timezone", "title", "url", "user", "uuid", "variants",
    "verify", "yes"};
static const char *const secrets[] = {"password", "kg", "token", "secret", "key"};

static bool
among(const char *const *list, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], s))
			return true;
	return false;
}

static json_t *
mask(const json_t *v, int depth);

/* Values of members that the interface does not have are nobody's to keep; nor their names, beyond a hint. */
static json_t *
mask_object(const json_t *v, int depth)
{
	json_t *ret = json_object(), *member;
	int64_t more = 0;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)v, key, member) {
		if (among(secrets, ARRAY_SIZE(secrets), key))
			json_object_set_new(ret, key,
			    json_string(json_is_null(member) ? "removed" : "set"));
		else if (among(harmless, ARRAY_SIZE(harmless), key))
			json_object_set_new(ret, key, mask(member, depth + 1));
		else
			more++;
	}
	if (more > 0)
		json_put_i64(ret, "other_members", more);
	return ret;
}

static json_t *
mask(const json_t *v, int depth)
{
	json_t *ret, *item;
	char text[TEXT_MAX];
	size_t i;

	if (json_is_string(v)) {
		str_clip(text, sizeof(text), json_string_value(v));
		return json_string(text);
	}
	if (depth >= DEPTH_MAX)
		return json_string("...");
	if (json_is_object(v))
		return mask_object(v, depth);
	if (!json_is_array(v))
		return json_deep_copy(v);
	ret = json_array();
	json_array_foreach (v, i, item) {
		if (i == ITEMS_MAX) {
			json_array_append_new(
			    ret, json_sprintf("and %zu more", json_array_size(v) - i));
			break;
		}
		json_array_append_new(ret, mask(item, depth + 1));
	}
	return ret;
}

json_t *
audit_refused_mask(const json_t *asked)
{
	json_t *v = asked ? mask(asked, 0) : NULL;
	size_t n = json_dumpb(v, NULL, 0, JSON_COMPACT);

	if (n <= ASKED_MAX)
		return v;
	json_decref(v);
	return json_pack("{s:I}", "too_long_octets", (json_int_t)n);
}

static const char *
verb_of(const char *method)
{
	return str_eq(method, "DELETE")	 ? "remove"
	       : str_eq(method, "PATCH") ? "change"
					 : "add";
}

void
audit_refused_word(const char *method, const char *pattern, char *buf, size_t size)
{
	const char *p =
	    str_has_prefix(pattern, V1 "/") ? pattern + strlen(V1 "/") : pattern + 1;
	const char *last = strrchr(pattern, '/') + 1;
	size_t noun = strcspn(p, "/");

	if (last <= p || last[0] == '{')
		last = verb_of(method);
	if (noun > 1 && p[noun - 1] == 's')
		noun--;
	if (str_format(buf, size, "%.*s.%s", (int)noun, p, last) < 0)
		str_clip(buf, size, "request");
}

/* "" : it is none that the audit has. */
static void
word_of(struct rest_request *rq, const json_t *body, char word[WORD_SIZE])
{
	const char *method = rest_method(rq), *pattern = rest_pattern(rq);
	const char *kind = json_string_value(json_object_get(body, "kind"));
	enum bmc_verb verb;

	word[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_eq(words[i].method, method) ||
		    !str_eq(words[i].pattern, pattern))
			continue;
		str_clip(word, WORD_SIZE, words[i].word ? words[i].word : "");
		return;
	}
	if (str_eq(method, "GET") || !str_has_prefix(pattern, V1 "/"))
		return;
	if (str_eq(pattern, V1 "/bmc/{verb}")) {
		if (bmc_verb_parse(rest_param(rq, "verb"), &verb) == 0 &&
		    bmc_verb_info(verb)->audit)
			str_clip(word, WORD_SIZE, bmc_verb_info(verb)->audit);
		return;
	}
	audit_refused_word(method, pattern, word, WORD_SIZE);
	if (str_eq(pattern, V1 "/jobs") && kind && str_name_valid(kind) &&
	    str_format(word, WORD_SIZE, "job.%s", kind) < 0)
		str_clip(word, WORD_SIZE, "job.add");
}

/* What it was about: of the path, else of the body. */
static const char *
object_of(struct rest_request *rq, const json_t *body)
{
	static const char *const params[] = {"name", "id", "mac"};
	static const char *const members[] = {"name", "hosts"};

	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		if (rest_param(rq, params[i]))
			return rest_param(rq, params[i]);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *s = json_string_value(json_object_get(body, members[i]));
		if (s)
			return s;
	}
	return "";
}

/* Which hosts, or which members, and why: not the words, which quote what was given. */
static json_t *
codes_of(const json_t *errors)
{
	json_t *list = json_array(), *e;
	size_t i;

	json_array_foreach (errors, i, e) {
		if (i == ERRORS_MAX)
			break;
		json_t *one = json_object();
		json_put_str(one, "code", json_string_value(json_object_get(e, "code")));
		json_put_str(one, "host", json_string_value(json_object_get(e, "host")));
		json_put_str(
		    one, "pointer", json_string_value(json_object_get(e, "pointer")));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *
detail_of(const json_t *body, int status, const json_t *errors)
{
	json_t *detail = json_pack("{s:i}", "status", status);
	json_t *asked = audit_refused_mask(body);

	if (json_object_size(asked) > 0)
		json_object_set(detail, "asked", asked);
	json_decref(asked);
	if (json_array_size(errors) > 0) {
		json_put_i64(detail, "n_errors", (int64_t)json_array_size(errors));
		json_object_set_new(detail, "errors", codes_of(errors));
	}
	return detail;
}

static struct audit_refused_owner *
row_of(struct audit_refused *r, int64_t owner)
{
	struct audit_refused_owner *oldest = &r->rows[0];

	for (size_t i = 0; i < AUDIT_REFUSED_OWNERS; i++) {
		if (r->rows[i].owner == owner)
			return &r->rows[i];
		if (r->rows[i].since < oldest->since)
			oldest = &r->rows[i];
	}
	*oldest = (struct audit_refused_owner){.owner = owner};
	return oldest;
}

bool
audit_refused_may(
    struct audit_refused *r, int64_t owner, int64_t now, int64_t *ret_omitted)
{
	*ret_omitted = 0;
	if (owner >= 0)
		return true;
	struct audit_refused_owner *o = row_of(r, owner);
	if (o->n == 0 || now < o->since || now - o->since >= MINUTE_US) {
		o->since = now;
		o->n = 0;
	}
	if (o->n >= AUDIT_REFUSED_MAX) {
		o->omitted++;
		return false;
	}
	o->n++;
	*ret_omitted = o->omitted;
	o->omitted = 0;
	return true;
}

void
audit_refused_note(void *arg, struct rest_request *rq, int status,
    const struct error *err, const json_t *errors)
{
	struct orch *o = arg;
	const struct audit_who *who = rest_user(rq);
	/* What strangers send is not even parsed. */
	const json_t *body = who ? rest_body(rq, NULL) : NULL;
	const char *why = json_string_value(json_object_get(body, "reason"));
	char word[WORD_SIZE], object[TEXT_MAX], reason[TEXT_MAX];
	int64_t now = clock_wall(), omitted = 0;

	if (!who || json_is_true(json_object_get(body, "dry_run")))
		return;
	word_of(rq, body, word);
	if (!word[0])
		return;
	str_clip(object, sizeof(object), object_of(rq, body));
	str_clip(reason, sizeof(reason), why ? why : "");
	if (!audit_refused_may(&o->refused, who->owner, now, &omitted)) {
		log_debug(&o->log, "no audit row of %s, which is refused too often: %s",
		    who->name, word);
		return;
	}
	/* Of who may not even ask, that it was asked is enough. */
	bool low = str_eq(err->code, "role-too-low");
	json_t *detail = detail_of(low ? NULL : body, status, errors);
	if (omitted > 0)
		json_put_i64(detail, "omitted", omitted);
	int rc = audit_write(o->store, who,
	    &(struct audit_row){.what = word,
		.object = object,
		.reason = reason,
		.result = err->code,
		.detail = detail},
	    now);
	if (rc < 0)
		log_error(&o->log, "cannot write the audit row of a refused request: %s",
		    strerror(-rc));
	json_decref(detail);
}
