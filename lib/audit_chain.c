// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of the audit as octets to be hashed and as lines of an export.
 *
 * Entry points: audit_chain_hash(), audit_chain_json(), audit_chain_line_parse(); the check of a whole chain is in
 * audit_chain_check.c. Rows of version 1 are hashed as a JSON array, which only text can be in; those of
 * version 2 with the length of each member before it, so that any octets are told apart. Version 1 did not
 * cover the members that came later: they must be empty there. A parsed line owns what its row borrows.
 * Failure modes: -EINVAL for what cannot be a row; nothing is guessed. */
#include "lib/audit_chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/json.h"
#include "lib/str.h"

static const char *const member_names[AUDIT_CHAIN_TEXTS] = {"who", "role", "from", "what",
    "object", "reason", "result", "before", "after", "detail"};

/* What rows of version 1 hash, in their order. */
static const enum audit_chain_member members_1[] = {AUDIT_CHAIN_WHAT, AUDIT_CHAIN_OBJECT,
    AUDIT_CHAIN_REASON, AUDIT_CHAIN_RESULT, AUDIT_CHAIN_DETAIL};
static const enum audit_chain_member later_than_1[] = {
    AUDIT_CHAIN_ROLE, AUDIT_CHAIN_FROM, AUDIT_CHAIN_BEFORE, AUDIT_CHAIN_AFTER};

const char *
audit_chain_member_name(enum audit_chain_member m)
{
	return member_names[m];
}

static json_t *
string_of(const struct audit_chain_text *t)
{
	return t->n > 0 && memchr(t->v, '\0', t->n)
		   ? NULL
		   : json_stringn(t->n ? t->v : "", t->n);
}

/* Takes v; NULL is what cannot be in JSON. */
static bool
append(json_t *list, json_t *v)
{
	return v && json_array_append_new(list, v) == 0;
}

static int
hash_1(const char *before, const struct audit_chain_row *r, char ret[DIGEST_TEXT])
{
	json_t *v = json_array();
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(later_than_1); i++)
		ok = ok && r->text[later_than_1[i]].n == 0;
	ok = ok && append(v, json_string(before)) && append(v, json_integer(r->seq)) &&
	     append(v, json_integer(r->at)) &&
	     append(v, string_of(&r->text[AUDIT_CHAIN_WHO])) &&
	     append(v, json_integer(r->uid));
	for (size_t i = 0; i < ARRAY_SIZE(members_1); i++)
		ok = ok && append(v, string_of(&r->text[members_1[i]]));
	if (ok) {
		char *text = json_text(v);
		digest_sha256(text, strlen(text), ret);
		free(text);
	}
	json_decref(v);
	return ok ? 0 : -EINVAL;
}

static size_t
put(char *at, const void *src, size_t n)
{
	if (n > 0)
		memcpy(at, src, n);
	return n;
}

static int
hash_2(const char *before, const struct audit_chain_row *r, char ret[DIGEST_TEXT])
{
	enum { NUMBERS_MAX = 256, LENGTH_MAX = 40 };
	char small[4096], *big = NULL, *p = small;
	size_t need = NUMBERS_MAX, used;

	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		need += LENGTH_MAX + r->text[i].n;
	if (need > sizeof(small))
		p = big = str_alloc(need);
	used = (size_t)snprintf(p, NUMBERS_MAX,
	    "netboot-audit 2\nbefore=%.64s\nseq=%lld\nat=%lld\nuid=%lld\n", before,
	    (long long)r->seq, (long long)r->at, (long long)r->uid);
	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++) {
		used += (size_t)snprintf(
		    p + used, LENGTH_MAX, "%s=%zu:", member_names[i], r->text[i].n);
		used += put(p + used, r->text[i].v, r->text[i].n);
		used += put(p + used, "\n", 1);
	}
	digest_sha256(p, used, ret);
	free(big);
	return 0;
}

int
audit_chain_hash(
    const char *before, const struct audit_chain_row *row, char ret[DIGEST_TEXT])
{
	if (row->version == 1)
		return hash_1(before, row, ret);
	if (row->version == AUDIT_CHAIN_VERSION)
		return hash_2(before, row, ret);
	return -EINVAL;
}

/* ---- lines ---- */

/* Exactly these octets: a string, or {"base64": …} where they are no text. */
static json_t *
exact(const struct audit_chain_text *t)
{
	json_t *v = string_of(t);

	if (v)
		return v;
	char *text = str_alloc(BASE64_SIZE(t->n));
	base64_put(text, t->v, t->n);
	v = json_pack("{s:s}", "base64", text);
	free(text);
	return v;
}

json_t *
audit_chain_json(const struct audit_chain_row *r)
{
	json_t *v = json_pack("{s:I, s:I, s:I, s:I}", "version", (json_int_t)r->version,
	    "seq", (json_int_t)r->seq, "at_us", (json_int_t)r->at, "uid",
	    (json_int_t)r->uid);

	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		json_object_set_new(v, member_names[i], exact(&r->text[i]));
	json_object_set_new(v, "hash", exact(&r->hash));
	return v;
}

json_t *
audit_chain_head_json(int64_t seq, int64_t at, const char *hash)
{
	/* A broken row may be the newest one: its hash can be any octets. */
	const struct audit_chain_text stored = {hash, strlen(hash)};

	return json_pack("{s:{s:I, s:I, s:o}}", "head", "seq", (json_int_t)seq, "at_us",
	    (json_int_t)at, "hash", audit_chain_shown(&stored));
}

json_t *
audit_chain_shown(const struct audit_chain_text *t)
{
	json_t *v = string_of(t);

	if (v)
		return v;
	char *text = str_alloc(4 * t->n + 1);
	v = json_string(str_escape(text, 4 * t->n + 1, t->v, t->n));
	free(text);
	return v;
}

/* All members that are octets, one after the other, need no more than their base64. */
static size_t
octets_size(const json_t *doc)
{
	size_t n = 1;
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)doc, key, v)
		n += json_string_length(json_object_get(v, "base64"));
	return n;
}

static int
read_text(const json_t *doc, const char *key, char *octets, size_t size, size_t *used,
    struct audit_chain_text *ret)
{
	const json_t *v = json_object_get(doc, key);
	const char *text = json_string_value(json_object_get(v, "base64"));

	if (json_is_string(v)) {
		*ret = (struct audit_chain_text){
		    json_string_value(v), json_string_length(v)};
		return 0;
	}
	if (!text || json_object_size(v) != 1)
		return -EINVAL;
	ret->v = octets + *used;
	if (base64_get(text, octets + *used, size - *used, &ret->n) < 0)
		return -EINVAL;
	*used += ret->n;
	return 0;
}

static int
read_number(const json_t *doc, const char *key, int64_t *ret)
{
	const json_t *v = json_object_get(doc, key);

	*ret = json_integer_value(v);
	return json_is_integer(v) ? 0 : -EINVAL;
}

static int
read_row(struct audit_chain_line *l)
{
	size_t size = octets_size(l->doc), used = 0;
	struct audit_chain_row *r = &l->row;
	int rc = 0;

	l->octets = str_alloc(size);
	if (json_object_size(l->doc) != AUDIT_CHAIN_TEXTS + 5 ||
	    read_number(l->doc, "version", &r->version) < 0 ||
	    read_number(l->doc, "seq", &r->seq) < 0 ||
	    read_number(l->doc, "at_us", &r->at) < 0 ||
	    read_number(l->doc, "uid", &r->uid) < 0)
		return -EINVAL;
	for (size_t i = 0; rc == 0 && i < AUDIT_CHAIN_TEXTS; i++)
		rc = read_text(
		    l->doc, member_names[i], l->octets, size, &used, &r->text[i]);
	return rc < 0 ? rc : read_text(l->doc, "hash", l->octets, size, &used, &r->hash);
}

static int
read_head(struct audit_chain_line *l, const json_t *head)
{
	const json_t *hash = json_object_get(head, "hash");

	l->head = true;
	l->row.hash =
	    (struct audit_chain_text){json_string_value(hash), json_string_length(hash)};
	if (json_object_size(l->doc) != 1 || json_object_size(head) != 3 ||
	    !json_is_string(hash) || read_number(head, "seq", &l->row.seq) < 0)
		return -EINVAL;
	return read_number(head, "at_us", &l->row.at);
}

int
audit_chain_line_parse(
    const char *text, size_t len, struct audit_chain_line *ret, struct error *err)
{
	struct audit_chain_line l = {.doc = NULL};
	const json_t *head;

	if (len > AUDIT_CHAIN_LINE_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "a line is longer than %d octets", AUDIT_CHAIN_LINE_MAX);
	l.doc = json_parse(text, len, err);
	if (!l.doc)
		return -EINVAL;
	head = json_object_get(l.doc, "head");
	if ((head ? read_head(&l, head) : read_row(&l)) == 0) {
		*ret = l;
		return 0;
	}
	audit_chain_line_done(&l);
	return error_set(err, -EINVAL, "bad-value",
	    "take the file as netboot-ctl audit export wrote it",
	    "a line is no row of an exported audit");
}

void
audit_chain_line_done(struct audit_chain_line *line)
{
	json_decref(line->doc);
	free(line->octets);
	*line = (struct audit_chain_line){.doc = NULL};
}
