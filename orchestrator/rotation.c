// SPDX-License-Identifier: GPL-3.0-or-later
/* The orchestrator's part of changing a BMC's password.
 *
 *   no rotation ─begin()→ open: password and password_next ─agent (agent/bmc_rotate.c)→ end():
 *       "next" proven   password := password_next, rotation over
 *       "cut" proven    password := its first 16 octets, rotation over
 *       "current"       rotation over: the BMC was not changed, and will not be
 *       anything else   both stay; jobs and questions are refused (rotation-open) until the next
 *                       rotation, which begins with finding out
 *
 * Entry points: rotation_begin(), rotation_end(). Both commit before they return. Ownership: plain texts are wiped here.
 * Failure modes: a database that fails leaves what was there, which is never less than what the BMC may have; an
 * answer that comes after the inventory was changed settles only what it speaks of.
 */
#include "orchestrator/rotation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_bmc.h"
#include "db/db_site.h"
#include "lib/json.h"
#include "lib/password.h"
#include "lib/str.h"
#include "orchestrator/credentials.h"

enum { CUT_OCTETS = 16 };

/* Within a site no two hosts have one BMC. In private networks the same address is another BMC elsewhere; any other one, or
 * a name, is the same, and its other host would keep the old password. */
int
rotation_check_shared(struct store *s, const struct db_host *h, struct error *err)
{
	char other[BUNDLE_NAME_SIZE];
	struct addr_ip ip;

	if (addr_ip_parse(h->bmc.address, &ip) == 0 && addr_ip_private(&ip))
		return 0;
	int rc = db_bmc_shared(
	    s, h->host.name, h->bmc.address, h->bmc.port, other, sizeof(other));
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return db_error(store_db(s), rc, err, "look for hosts with that BMC");
	return error_set(err, -EPERM, "bmc-shared",
	    "take the BMC from one of both hosts, or change its password by hand and "
	    "give "
	    "it to both",
	    "host %s has the same BMC, and would keep its old password", other);
}

static int
make_next(const struct rotation_deps *d, struct db_host *h)
{
	char plain[PASSWORD_SIZE];

	password_make(d->rng, plain);
	int rc = credentials_seal(
	    d->key, CREDENTIALS_PASSWORD, h->host.name, plain, h->sealed_next);
	secret_wipe(plain, sizeof(plain));
	return rc;
}

/* An agent that always records the console has the password for it, and asks again when its site's table changes. */
static int
touch_if_recorded(const struct rotation_deps *d, const struct db_host *h, int64_t now)
{
	char console[8];
	int rc = 0;

	str_clip(console, sizeof(console), h->bmc.console);
	if (console[0] == '\0')
		rc = db_site_console(d->store, h->site, console);
	if (rc == 0 && str_eq(console, "always"))
		rc = db_site_touch(d->store, h->site, now);
	return rc;
}

static int
store_next(const struct rotation_deps *d, struct db_host *h, bool fresh, int64_t now)
{
	struct db *db = store_db(d->store);
	int rc = db_begin(db);

	if (rc == 0 && fresh)
		rc = db_bmc_next_put(
		    d->store, h->host.name, h->sealed, h->sealed_next, now);
	if (rc == 0 && fresh)
		rc = touch_if_recorded(d, h, now);
	if (rc == 0)
		rc = db_bmc_next_run(d->store, h->host.name, h->sealed_next);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0)
		db_rollback(db);
	return rc;
}

int
rotation_begin(const struct rotation_deps *d, struct db_host *h, int64_t now,
    struct rotation *ret, struct error *err)
{
	bool fresh = !h->sealed_next[0];
	int rc = credentials_check(d->key, h, err);

	if (rc < 0)
		return rc;
	if (fresh)
		rc = make_next(d, h);
	if (rc == 0)
		rc = store_next(d, h, fresh, now);
	if (rc < 0)
		return db_error(
		    store_db(d->store), rc, err, "store the new password of the BMC");
	str_clip(ret->host, sizeof(ret->host), h->host.name);
	str_clip(ret->sealed, sizeof(ret->sealed), h->sealed);
	str_clip(ret->next, sizeof(ret->next), h->sealed_next);
	ret->fresh = fresh;
	return 0;
}

/* ---- the answer ---- */

enum proven { PROVEN_NONE, PROVEN_NEXT, PROVEN_CURRENT, PROVEN_CUT };

/* Answers of an agent that has not begun, and of no agent: the question was never handed out (dispatch_call.c). */
static bool
never_begun(const char *code)
{
	static const char *const codes[] = {"agent-absent", "call-unknown", "agent-busy",
	    "bmc-password-sealed", "db-error", "no-bmc", "rotation-running"};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (str_eq(code, codes[i]))
			return true;
	return false;
}

/* What the BMC's password is now. Nobody but this rotation has ever had a fresh one, so that without the BMC having been
 * sent it the present one holds. */
static enum proven
read_proven(const struct rotation *r, const struct agent_msg_call_result *res)
{
	const char *proven = json_string_value(json_object_get(res->data, "proven"));

	if (r->fresh && res->data == NULL && never_begun(res->code))
		return PROVEN_CURRENT;
	if (str_eq(proven, "next"))
		return PROVEN_NEXT;
	if (str_eq(proven, "cut"))
		return PROVEN_CUT;
	if (str_eq(proven, "current") ||
	    (r->fresh && json_is_false(json_object_get(res->data, "sent"))))
		return PROVEN_CURRENT;
	return PROVEN_NONE;
}

/* The sealed form of the first 16 octets of the new password. */
static int
seal_cut(const struct rotation_deps *d, const struct rotation *r,
    char ret[DB_HOST_SEALED_SIZE])
{
	char *plain = NULL;
	int rc =
	    credentials_unseal(d->key, CREDENTIALS_PASSWORD, r->host, r->next, &plain);

	if (rc == 0 && strlen(plain) < CUT_OCTETS)
		rc = -EUCLEAN;
	if (rc == 0) {
		secret_wipe(plain + CUT_OCTETS, strlen(plain + CUT_OCTETS));
		rc = credentials_seal(d->key, CREDENTIALS_PASSWORD, r->host, plain, ret);
	}
	secret_free(plain);
	return rc;
}

static int
settle(const struct rotation_deps *d, const struct rotation *r, enum proven proven)
{
	char cut[DB_HOST_SEALED_SIZE];
	int rc;

	switch (proven) {
	case PROVEN_NEXT:
		return db_bmc_next_settle(d->store, r->host, r->next, r->next, NULL);
	case PROVEN_CURRENT:
		return db_bmc_next_settle(
		    d->store, r->host, r->next, r->sealed, r->sealed);
	case PROVEN_CUT:
		rc = seal_cut(d, r, cut);
		return rc < 0 ? rc
			      : db_bmc_next_settle(d->store, r->host, r->next, cut, NULL);
	case PROVEN_NONE: break;
	}
	return 0;
}

static const char *
word_of(enum proven p)
{
	return p == PROVEN_NONE ? "none" : p == PROVEN_CURRENT ? "old" : "new";
}

static int
touch_after(const struct rotation_deps *d, const char *host, int64_t now)
{
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_get(d->store, host, h);

	if (rc == 0)
		rc = touch_if_recorded(d, h, now);
	free(h);
	return rc;
}

static int
record(const struct rotation_deps *d, const struct rotation *r,
    const struct audit_who *who, const char *reason, int64_t now, enum proven proven,
    const char *code)
{
	json_t *detail = json_pack("{s:s}", "settled", word_of(proven));
	bool changed = proven == PROVEN_NEXT || proven == PROVEN_CUT;
	json_t *before =
	    changed ? json_pack("{s:s}", "bmc.password", r->sealed[0] ? "set" : "unset")
		    : NULL;
	json_t *after = changed ? json_pack("{s:s}", "bmc.password", "changed") : NULL;
	struct db *db = store_db(d->store);
	bool own = !db_in_transaction(db); /* answers come several at once, in one */
	int rc = own ? db_begin(db) : db_part_begin(db);

	if (rc < 0)
		goto out;
	rc = settle(d, r, proven);
	if (rc == 0 && proven != PROVEN_NONE)
		rc = touch_after(d, r->host, now);
	if (rc == 0)
		rc = audit_write(d->store, who,
		    &(struct audit_row){.what = "bmc.rotated",
			.object = r->host,
			.reason = reason,
			.result = code[0] ? code : "ok",
			.before = before,
			.after = after,
			.detail = detail},
		    now);
	if (rc == 0)
		rc = own ? db_commit(db) : db_part_end(db);
	else if (own)
		db_rollback(db);
	else if (db_part_undo(db) < 0)
		log_error(
		    d->log, "%s: a part of a transaction cannot be undone", r->host);
out:
	json_decref(before);
	json_decref(after);
	json_decref(detail);
	return rc;
}

static void
say(struct agent_msg_call_result *res, const char *code, const char *text,
    const char *next)
{
	struct error err;

	error_set(&err, 0, code, next, "%s", text);
	str_clip(res->code, sizeof(res->code), code);
	error_line(&err, res->reason, sizeof(res->reason));
}

/* An answer that lacks a code must not hide that the password was not changed. */
static void
tell_open(struct agent_msg_call_result *res)
{
	char why[sizeof(res->reason)], text[sizeof(res->reason) + 160];

	str_clip(why, sizeof(why), res->reason);
	snprintf(text, sizeof(text),
	    "which password the BMC has is not settled, and both are kept%s%s",
	    why[0] ? ": " : "", why);
	say(res, "rotation-open", text,
	    "netboot-ctl bmc rotate again finds out and finishes it");
}

void
rotation_end(const struct rotation_deps *d, const struct rotation *r,
    const struct audit_who *who, const char *reason, int64_t now,
    struct agent_msg_call_result *res)
{
	enum proven proven = read_proven(r, res);
	json_t *data;

	if (proven == PROVEN_NONE && !str_eq(res->code, "rotation-running"))
		tell_open(res);
	int rc = record(d, r, who, reason, now, proven, res->code);
	if (rc == -ENOENT) {
		/* Another rotation has settled it, or the inventory has. */
		say(res, "rotation-superseded",
		    "the host's password was changed here meanwhile, so this rotation "
		    "settled nothing",
		    "netboot-ctl power status HOST shows whether the BMC takes the "
		    "stored one");
		proven = PROVEN_NONE;
	} else if (rc < 0) {
		log_error(d->log,
		    "%s: what became of its BMC's password cannot be stored (%s); both "
		    "passwords are kept",
		    r->host, strerror(-rc));
		proven = PROVEN_NONE;
		res->reason[0] = '\0';
		tell_open(res);
	}
	log_info(d->log, "%s: rotation of its BMC's password: %s, settled: %s", r->host,
	    res->code[0] ? res->code : "ok", word_of(proven));
	data = json_pack("{s:s}", "settled", word_of(proven));
	if (proven == PROVEN_NEXT || proven == PROVEN_CUT)
		json_put_i64(data, "octets",
		    proven == PROVEN_CUT ? CUT_OCTETS : PASSWORD_SIZE - 1);
	json_decref(res->data);
	res->data = data;
}
