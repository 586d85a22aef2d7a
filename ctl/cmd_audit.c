// SPDX-License-Identifier: GPL-3.0-or-later
/* audit list, show, head and verify: who changed or ordered what, and does that record hold?
 *
 * Entry points: cmd_audit_*(). A whole chain is checked by the server, or, of an exported file, here: by the same
 * code (lib/audit_chain.h) and without asking anybody. Ownership: documents are freed here.
 * Failure modes: exit codes of DESIGN section 8; 2 for a chain that does not hold.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/audit_file.h"
#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/record.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "lib/str.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 1000000, PAGE = 1000, OLD_MAX = 1000 };

static const struct output_column columns[] = {
    {.title = "SEQ", .key = "seq"},
    {.title = "AT", .key = "at", .kind = OUTPUT_TIME},
    {.title = "WHO", .key = "who"},
    {.title = "ROLE", .key = "role", .wide = true},
    {.title = "FROM", .key = "from", .wide = true},
    {.title = "WHAT", .key = "what"},
    {.title = "OBJECT", .key = "object"},
    {.title = "RESULT", .key = "result"},
    {.title = "HASH", .key = "hash", .wide = true},
    {.title = "REASON", .key = "reason"},
};

static int
usage(const struct ctl *ctl, const char *text, const char *next)
{
	struct error err;

	error_set(&err, 0, "usage", next, "%s", text);
	return ctl_fail(ctl, CTL_USAGE, NULL, &err);
}

/* What is wanted, and what of it was read. */
struct listing {
	int64_t since, limit;
	json_t *all;
	int64_t old; /* rows in a row that are older */
	bool more;   /* than fitted */
};

/* False: those that follow are not wanted. They come by number: one row of a wrong clock does not hide those before it,
 * and many old ones are the past. */
static bool
take_page(struct listing *l, const json_t *items)
{
	const json_t *row;
	size_t i;

	json_array_foreach (items, i, row) {
		bool old = l->since && output_wall(json_object_get(row, "at")) < l->since;

		l->old = old ? l->old + 1 : 0;
		if (l->old >= OLD_MAX)
			return false;
		if (old)
			continue;
		l->more = (int64_t)json_array_size(l->all) >= l->limit;
		if (l->more)
			return false;
		json_array_append(l->all, (json_t *)(uintptr_t)row);
	}
	return true;
}

static int
fetch(const struct ctl *ctl, const struct args *args, struct listing *l)
{
	static const char *const filters[] = {"who", "what", "object"};
	char *before = NULL, size[24];
	bool more = true;
	int r = CTL_OK;

	while (more && r == CTL_OK) {
		/* One more than fits, which tells that there are more. */
		int64_t left = l->limit - (int64_t)json_array_size(l->all) + 1;
		struct text path = {0};
		json_t *page = NULL;

		snprintf(
		    size, sizeof(size), "%lld", (long long)(left < PAGE ? left : PAGE));
		text_add(&path, "/api/v1/audit");
		text_add_query(&path, "limit", size);
		text_add_query(&path, "before", before);
		for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
			text_add_query(&path, filters[i], args_get(args, filters[i]));
		r = client_get(ctl, text_str(&path), &page);
		text_done(&path);
		if (r == CTL_OK)
			more = take_page(l, json_object_get(page, "items"));
		free(before);
		before = str_dup(json_string_value(json_object_get(page, "next")));
		more = more && before;
		json_decref(page);
	}
	free(before);
	return r;
}

int
cmd_audit_list(struct ctl *ctl, const struct args *args)
{
	const char *limit_text = args_get(args, "limit");
	const char *since_text = args_get(args, "since");
	struct listing l = {.limit = LIMIT_DEFAULT};

	if (since_text && cmd_util_since(since_text, clock_wall(), &l.since) < 0)
		return usage(ctl, "--since: neither a time nor a duration",
		    "write 7d, 12h or 2026-01-31T09:30:00Z");
	if (limit_text && str_to_i64(limit_text, 1, LIMIT_MAX, &l.limit) < 0)
		return usage(ctl, "--limit: not 1..1000000", NULL);
	l.all = json_array();
	int r = fetch(ctl, args, &l);
	if (r == CTL_OK)
		output_list(ctl, l.all, columns, ARRAY_SIZE(columns));
	if (r == CTL_OK && l.more)
		ctl_say(ctl, "these are the newest %lld; --limit N shows more",
		    (long long)l.limit);
	json_decref(l.all);
	return r;
}

/* ---- show ---- */

/* {"bmc": {"port": 1}} as "bmc.port": 1; lists stay whole. */
static void
flatten(const json_t *v, const char *path, json_t *ret)
{
	const char *key;
	json_t *member;

	if (!json_is_object(v) || json_object_size(v) == 0) {
		if (path[0])
			json_object_set(ret, path, (json_t *)(uintptr_t)v);
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, member) {
		struct text t = {0};
		text_addf(&t, "%s%s%s", path, path[0] ? "." : "", key);
		flatten(member, text_str(&t), ret);
		text_done(&t);
	}
}

static void
add_value(struct text *out, const json_t *v)
{
	char *text = json_is_string(v) ? str_dup(json_string_value(v)) : json_text(v);

	text_add_escaped(out, text);
	free(text);
}

static void
add_side(struct text *out, char sign, const char *key, const json_t *v)
{
	text_addf(out, "  %c ", sign);
	text_add_escaped(out, key);
	text_add(out, ": ");
	add_value(out, v);
	text_add(out, "\n");
}

/* A line for each member that differs; a changed one has both values. */
static void
add_difference(struct text *out, const json_t *row)
{
	json_t *before = json_object(), *after = json_object(), *v;
	const char *key;

	flatten(json_object_get(row, "before"), "", before);
	flatten(json_object_get(row, "after"), "", after);
	json_object_foreach (before, key, v) {
		const json_t *is = json_object_get(after, key);
		if (is && json_equal(is, v))
			continue;
		add_side(out, '-', key, v);
		if (is)
			add_side(out, '+', key, is);
	}
	json_object_foreach (after, key, v)
		if (!json_object_get(before, key))
			add_side(out, '+', key, v);
	json_decref(before);
	json_decref(after);
}

static void
print_row(const struct ctl *ctl, const json_t *row)
{
	static const char *const plain[] = {
	    "who", "role", "from", "what", "object", "reason", "result", "hash"};
	json_t *detail = json_object_get(row, "detail");
	struct text t = {0}, number = {0};

	text_addf(
	    &number, "%lld", (long long)json_integer_value(json_object_get(row, "seq")));
	record_add_line(&t, "seq", text_str(&number));
	record_add_time(&t, "at", row, "at");
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		record_add_line(&t, plain[i], cmd_util_str(row, plain[i]));
	if (json_is_object(detail)) {
		struct text said = {0};
		add_value(&said, detail);
		record_add_line(&t, "detail", text_str(&said));
		text_done(&said);
	}
	add_difference(&t, row);
	fputs(text_str(&t), ctl->out);
	text_done(&t);
	text_done(&number);
}

int
cmd_audit_show(struct ctl *ctl, const struct args *args)
{
	struct text path = {0};
	json_t *page = NULL;
	struct error err;
	int64_t seq;

	if (str_to_i64(args->operands[0], 1, INT64_MAX - 1, &seq) < 0)
		return usage(ctl, "SEQ is the number of a row", "audit list shows them");
	text_addf(&path, "/api/v1/audit?after=%lld&before=%lld&limit=1",
	    (long long)seq - 1, (long long)seq + 1);
	int r = client_get(ctl, text_str(&path), &page);
	text_done(&path);
	const json_t *row = json_array_get(json_object_get(page, "items"), 0);
	if (r == CTL_OK && !row) {
		error_set(&err, 0, "not-found", "netboot-ctl audit list shows them",
		    "the audit has no row %lld", (long long)seq);
		r = ctl_fail(ctl, CTL_USAGE, NULL, &err);
	} else if (r == CTL_OK && ctl_is_json(ctl)) {
		output_json(ctl, row);
	} else if (r == CTL_OK) {
		print_row(ctl, row);
	}
	json_decref(page);
	return r;
}

/* ---- the chain ---- */

int
cmd_audit_head(struct ctl *ctl, const struct args *args)
{
	json_t *head = NULL;
	int r = client_get(ctl, "/api/v1/audit/head", &head);
	const char *hash = cmd_util_str(head, "hash");

	(void)args;
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, head);
	else if (r == CTL_OK)
		fprintf(ctl->out, "%lld %s\n",
		    (long long)json_integer_value(json_object_get(head, "seq")),
		    hash[0] ? hash : "-");
	json_decref(head);
	return r;
}

/* "SEQ:HASH", or "SEQ HASH" as audit head prints it. */
static int
read_head(const char *s, int64_t *ret_seq, char ret_hash[DIGEST_TEXT])
{
	char number[24];
	size_t n = strcspn(s, ": ");

	if (n >= sizeof(number) || s[n] == '\0' || strlen(s + n + 1) != DIGEST_TEXT - 1 ||
	    strspn(s + n + 1, "0123456789abcdef") != DIGEST_TEXT - 1)
		return -EINVAL;
	memcpy(number, s, n);
	number[n] = '\0';
	memcpy(ret_hash, s + n + 1, DIGEST_TEXT);
	return str_to_i64(number, 1, INT64_MAX, ret_seq);
}

static int
print_verified(const struct ctl *ctl, const json_t *v)
{
	const json_t *head = json_object_get(v, "head"),
		     *broken = json_object_get(v, "broken");
	const char *hash = cmd_util_str(head, "hash");
	bool ok = json_is_true(json_object_get(v, "ok"));
	struct error err;

	if (ctl_is_json(ctl)) {
		output_json(ctl, v);
	} else if (ok) {
		fprintf(ctl->out, "ok: %lld rows, head %lld %s\n",
		    (long long)json_integer_value(json_object_get(v, "rows")),
		    (long long)json_integer_value(json_object_get(head, "seq")),
		    hash[0] ? hash : "-");
	} else {
		struct text t = {0};
		text_add_escaped(&t, cmd_util_str(broken, "text"));
		fprintf(ctl->out, "broken: row %lld: %s: %s\n",
		    (long long)json_integer_value(json_object_get(broken, "seq")),
		    cmd_util_str(broken, "why"), text_str(&t));
		text_done(&t);
	}
	if (ok)
		return CTL_OK;
	error_set(&err, 0, "audit-broken",
	    "keep the database and the log, and find out who had access", "row %lld: %s",
	    (long long)json_integer_value(json_object_get(broken, "seq")),
	    cmd_util_str(broken, "why"));
	return ctl_fail(ctl, CTL_FAILED, "audit", &err);
}

static int
verify_there(const struct ctl *ctl, int64_t seq, const char *hash)
{
	struct text path = {0};
	json_t *answer = NULL;

	text_add(&path, "/api/v1/audit/verify");
	if (seq)
		text_addf(&path, "?seq=%lld&hash=%s", (long long)seq, hash);
	const struct client_request rq = {
	    .method = "GET", .path = text_str(&path), .slow = true};
	int r = client_call(ctl, &rq, &answer);
	if (r == CTL_OK)
		r = print_verified(ctl, answer);
	text_done(&path);
	json_decref(answer);
	return r;
}

int
cmd_audit_verify(struct ctl *ctl, const struct args *args)
{
	const char *head = args_get(args, "head"), *file = args_get(args, "file");
	char hash[DIGEST_TEXT] = "";
	int64_t seq = 0;
	struct error err;

	if (head && read_head(head, &seq, hash) < 0)
		return usage(ctl, "--head: not SEQ:HASH", "audit head prints both");
	if (!file)
		return verify_there(ctl, seq, hash);
	json_t *v = audit_file_verify(file, seq, hash, &err);
	if (!v)
		return ctl_fail(ctl,
		    str_eq(err.code, "audit-file") ? CTL_FAILED : CTL_USAGE, file, &err);
	int r = print_verified(ctl, v);
	json_decref(v);
	return r;
}

int
cmd_audit_export(struct ctl *ctl, const struct args *args)
{
	return audit_file_export(ctl, args_get(args, "file"));
}
