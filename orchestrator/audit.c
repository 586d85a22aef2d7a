// SPDX-License-Identifier: GPL-3.0-or-later
/* One row of the audit record per change or order, in the transaction of what it tells
 * of.
 *
 * Entry points: audit_write(); audit_log_head() for the journal and audit_tell_head() for those who follow events. It owns
 * nothing. A row is bounded: of what is longer than PART_MAX its size and SHA-256 are kept.
 * Failure modes: those of db.h; a change whose audit row cannot be written is not made. */
#include "orchestrator/audit.h"

#include <stdlib.h>
#include <string.h>

#include "db/db_audit.h"
#include "db/db_event.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { PART_MAX = 64 * 1024 };

#define TELL_EVERY_US (24LL * 3600 * USEC_PER_SEC)

const char *
audit_role_name(enum auth_role role)
{
	switch (role) {
	case AUTH_NONE: break;
	case AUTH_VIEWER: return "viewer";
	case AUTH_OPERATOR: return "operator";
	case AUTH_ADMIN: return "admin";
	}
	return "";
}

/* Owned by the caller. */
static char *
part(const json_t *v)
{
	char *text = v ? json_text(v) : str_dup("");
	size_t n = strlen(text);
	char digest[DIGEST_TEXT];

	if (n <= PART_MAX)
		return text;
	digest_sha256(text, n, digest);
	free(text);
	json_t *said =
	    json_pack("{s:I, s:s}", "too_long_octets", (json_int_t)n, "sha256", digest);
	text = json_text(said);
	json_decref(said);
	return text;
}

int
audit_write(struct store *s, const struct audit_who *who, const struct audit_row *row,
    int64_t now)
{
	char *before = part(row->before), *after = part(row->after),
	     *detail = part(row->detail);
	const struct db_audit r = {
	    .at = now,
	    .who = who->name,
	    .uid = who->owner,
	    .role = audit_role_name(who->role),
	    .from = who->from,
	    .what = row->what,
	    .object = row->object,
	    .reason = row->reason ? row->reason : "",
	    .result = row->result,
	    .before = before,
	    .after = after,
	    .detail = detail,
	};
	int rc = db_audit_add(s, &r);

	free(before);
	free(after);
	free(detail);
	return rc;
}

static void
put_side(json_t *side, const char *key, const json_t *v)
{
	if (!json_is_null(v))
		json_object_set(side, key, (json_t *)(uintptr_t)v);
}

json_t *
audit_fields(const json_t *old, const json_t *new)
{
	json_t *fields = json_object(), *v;
	const char *key;

	json_object_foreach ((json_t *)new, key, v) {
		json_t *was = json_object_get(old, key);
		if (!was || !json_equal(was, v))
			json_object_set_new(fields, key,
			    json_pack("[o, O]", was ? json_incref(was) : json_null(), v));
	}
	json_object_foreach ((json_t *)old, key, v)
		if (!json_object_get(new, key))
			json_object_set_new(fields, key, json_pack("[O, n]", v));
	return fields;
}

void
audit_sides(const json_t *fields, json_t **ret_before, json_t **ret_after)
{
	json_t *before = json_object(), *after = json_object(), *pair;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)fields, key, pair) {
		const json_t *was = json_array_get(pair, 0),
			     *is = json_array_get(pair, 1);
		put_side(before, key, was);
		/* Secrets are the only members with a dot, and told of in words. */
		if (strchr(key, '.') && str_eq(json_string_value(is), "set anew"))
			json_object_set_new(after, key,
			    json_string(str_eq(json_string_value(was), "set") ? "changed"
									      : "set"));
		else
			put_side(after, key, is);
	}
	*ret_before = before;
	*ret_after = after;
}

static int
take_at(void *arg, int64_t seq, const struct event *ev)
{
	(void)seq;
	*(int64_t *)arg = ev->at;
	return 1;
}

int
audit_tell_head(struct store *s, int64_t now, bool *ret_told)
{
	struct event ev = event_make("audit.head", now);
	char hash[DIGEST_TEXT], text[DIGEST_TEXT + 32];
	int64_t seq = 0, at = 0, told = INT64_MIN;
	int rc = db_event_newest_of_kind(s, ev.kind, 1, take_at, &told);

	*ret_told = false;
	if (rc == 0)
		rc = db_audit_head(s, &seq, &at, hash);
	/* One from a time to come was told by a clock that was wrong. */
	if (rc < 0 || seq <= 0 || (told <= now && told > now - TELL_EVERY_US))
		goto out;
	event_put_i64(&ev, "row", seq);
	event_put(&ev, "hash", hash);
	if (str_format(text, sizeof(text), "row %lld %s", (long long)seq, hash) == 0)
		event_put(&ev, "text", text);
	rc = db_event_add(s, &ev, NULL, 0, NULL);
	*ret_told = rc == 0;
out:
	event_done(&ev);
	return rc;
}

void
audit_log_head(struct store *s, const struct log *log)
{
	char hash[DIGEST_TEXT];
	int64_t seq = 0, at = 0;

	if (db_audit_head(s, &seq, &at, hash) < 0)
		log_error(log, "the head of the audit cannot be read");
	else
		log_info(log, "audit head: %lld %s", (long long)seq,
		    hash[0] ? hash : "- (no rows yet)");
}
