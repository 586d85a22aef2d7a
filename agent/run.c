/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of a job and its form in the spool.
 *
 * Entry points: run_plan() decides from the bundle which stages the job has, how long
 * each may take and what will prove them; run_to_json() and run_from_json() keep it.
 * Ownership: struct run is plain data.
 * Failure modes: run_from_json() refuses what it cannot read completely: a job is never
 * continued from half a record.
 */
#include "agent/run.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

enum { DEADLINE_MAX_S = 7 * 24 * 3600 };

static void
plan_stage(struct run *r, enum stage s)
{
	r->plan |= 1u << s;
}

bool
run_planned(const struct run *r, enum stage s)
{
	return (r->plan & 1u << s) != 0;
}

bool
run_ended(const struct run *r)
{
	return r->stage >= STAGE_DONE;
}

bool
run_untouched(const struct run *r)
{
	return r->stage <= STAGE_ARMED || r->phase == RUN_PHASE_LISTEN;
}

bool
run_loading(const struct run *r)
{
	/* A log is read after the fact, perhaps before the BMC says that the power is on; what was
	 * fetched before the power-off ends with it. */
	if (r->by_logs && r->stage == STAGE_POWER && r->phase == RUN_PHASE_ON)
		return true;
	return r->stage >= STAGE_FIRMWARE_DHCP && r->stage <= STAGE_INITRD;
}

void
run_move_clock(struct run *r, int64_t by)
{
	r->entered += by;
	if (r->due != 0)
		r->due += by;
	if (r->netboot_at != 0)
		r->netboot_at += by;
}

/* The agent's own settings beat the image's: a test must be able to shorten a stage that
 * an image lengthens. */
static void
plan_deadlines(struct run *r, const struct bundle *b, const struct run_limits *limits)
{
	for (int s = 0; s < STAGE_COUNT; s++) {
		int64_t seconds = 0;
		const json_t *v =
		    json_object_get(b->image.deadlines, stage_name((enum stage)s));

		r->allow[s] = stage_default_deadline((enum stage)s);
		if (json_is_integer(v))
			seconds = json_integer_value(v);
		if (seconds > 0 && seconds <= DEADLINE_MAX_S)
			r->allow[s] = seconds * USEC_PER_SEC;
		if (limits->allow[s] > 0)
			r->allow[s] = limits->allow[s];
	}
}

/* The host's probe tells of an installed system; in a job that installs one it proves the
 * disk boot, in one that does not it proves the booted image. */
static void
plan_proofs(struct run *r, const struct bundle *b)
{
	bool probe = b->host.probe[0] != '\0';
	bool installs = b->image.reports_installed || b->image.local_boot;

	if (b->image.reports_up)
		r->os_by = RUN_PROOF_REPORT;
	else if (probe && !installs)
		r->os_by = RUN_PROOF_PROBE;
	if (r->os_by != RUN_PROOF_NONE)
		plan_stage(r, STAGE_OS_UP);
	if (b->image.reports_installed)
		plan_stage(r, STAGE_INSTALLED);
	if (!b->image.local_boot)
		return;
	if (b->image.reports_booted)
		r->disk_by = RUN_PROOF_REPORT;
	else if (probe)
		r->disk_by = RUN_PROOF_PROBE;
	if (r->disk_by != RUN_PROOF_NONE)
		plan_stage(r, STAGE_LOCAL_BOOT);
}

static void
plan_netboot(struct run *r, const struct bundle *b)
{
	r->netboot = true;
	plan_stage(r, STAGE_ARMED);
	if (!str_eq(b->bmc.boot_method, "none"))
		plan_stage(r, STAGE_OVERRIDE);
	for (int s = STAGE_FIRMWARE_DHCP; s <= STAGE_KERNEL; s++)
		plan_stage(r, (enum stage)s);
	r->n_initrds = (unsigned)b->image.n_initrds;
	r->n_files = (unsigned)b->image.n_files;
	if (r->n_initrds > 0)
		plan_stage(r, STAGE_INITRD);
	if (r->n_files > 0)
		plan_stage(r, STAGE_ROOTFS);
	plan_proofs(r, b);
}

void
run_plan(const struct bundle *b, const struct run_limits *limits, struct run *ret)
{
	struct run *r = ret;

	memset(r, 0, sizeof(*r));
	memcpy(r->job, b->job, sizeof(r->job));
	str_clip(r->host, sizeof(r->host), b->host.name);
	str_clip(r->action, sizeof(r->action), b->power_action);
	r->kind = b->kind;
	r->force = b->force;
	r->graceful = b->force == BUNDLE_FORCE_AT_ONCE ? 0 : b->graceful_us;
	r->stage = STAGE_QUEUED;
	r->by_logs = limits->by_logs;
	plan_deadlines(r, b, limits);
	plan_stage(r, STAGE_PREFLIGHT);
	plan_stage(r, STAGE_POWER);
	switch (b->kind) {
	case BUNDLE_REINSTALL:
	case BUNDLE_RESCUE:
	case BUNDLE_LIVE:
	case BUNDLE_BOOT: plan_netboot(r, b); break;
	case BUNDLE_REBOOT:
		r->hook = b->hook[0] != '\0';
		r->hook_allow = limits->hook;
		if (b->host.probe[0] != '\0') {
			r->os_by = RUN_PROOF_PROBE;
			plan_stage(r, STAGE_OS_UP);
		}
		break;
	case BUNDLE_POWER: break;
	}
}

static json_t *
ticket_to_json(const struct ticket *t)
{
	json_t *v = json_object();

	json_put_str(v, "state", ticket_state_name(t->state));
	json_put_str(v, "id", t->id);
	json_put_str(v, "token", t->token);
	json_put_i64(v, "changed", t->changed);
	json_put_str(v, "mac", t->use.mac);
	json_put_str(v, "ip", t->use.ip);
	json_put_str(v, "file", t->use.file);
	return v;
}

static int
ticket_from_json(const json_t *v, struct ticket *ret, struct error *err)
{
	const char *state;
	int r;

	if ((r = json_get_str(v, "state", &state, err)) < 0 ||
	    (r = json_copy_opt(v, "id", ret->id, sizeof(ret->id), err)) < 0 ||
	    (r = json_copy_opt(v, "token", ret->token, sizeof(ret->token), err)) < 0 ||
	    (r = json_opt_i64(v, "changed", &ret->changed, err)) < 0 ||
	    (r = json_copy_opt(v, "mac", ret->use.mac, sizeof(ret->use.mac), err)) < 0 ||
	    (r = json_copy_opt(v, "ip", ret->use.ip, sizeof(ret->use.ip), err)) < 0 ||
	    (r = json_copy_opt(v, "file", ret->use.file, sizeof(ret->use.file), err)) < 0)
		return r;
	if (ticket_state_parse(state, &ret->state) < 0)
		return error_set(
		    err, -EINVAL, "bad-record", NULL, "no ticket state \"%s\"", state);
	return 0;
}

/* Parameter 3 = 1Fh tells the BMC to clear the flags for none of its reasons; on some, one of these is
 * all that uses them up. */
static bool
may_stay(const char *variant)
{
	return str_eq(variant, "persistent") || str_eq(variant, "keep-1f");
}

void
run_take_variant(struct run *r, const char *variant, bool well)
{
	if (variant == NULL)
		return;
	str_clip(r->variant, sizeof(r->variant), variant);
	if (may_stay(variant))
		r->persistent = true;
	else if (well)
		r->persistent = false; /* replaced */
}

void
run_judge_variant(struct run *r, const char *code)
{
	bool missed =
	    r->stage == STAGE_FIRMWARE_DHCP || str_eq(code, "override-not-kept");

	if (!missed || r->variant[0] == '\0')
		return;
	r->variant[0] = '\0';
	r->misses++;
}

/* The numbers of struct run by name, so that writing and reading cannot drift apart. */
enum number_type { N_UNSIGNED, N_U32, N_U64, N_I64, N_BOOL, N_ENUM };

static const struct number {
	const char *key;
	enum number_type type;
	size_t at;
} numbers[] = {
    {"kind", N_ENUM, offsetof(struct run, kind)},
    {"plan", N_U32, offsetof(struct run, plan)},
    {"graceful", N_I64, offsetof(struct run, graceful)},
    {"n_initrds", N_UNSIGNED, offsetof(struct run, n_initrds)},
    {"n_files", N_UNSIGNED, offsetof(struct run, n_files)},
    {"os_by", N_ENUM, offsetof(struct run, os_by)},
    {"disk_by", N_ENUM, offsetof(struct run, disk_by)},
    {"netboot", N_BOOL, offsetof(struct run, netboot)},
    {"phase", N_ENUM, offsetof(struct run, phase)},
    {"attempt", N_UNSIGNED, offsetof(struct run, attempt)},
    {"restarts", N_UNSIGNED, offsetof(struct run, restarts)},
    {"entered", N_I64, offsetof(struct run, entered)},
    {"due", N_I64, offsetof(struct run, due)},
    {"step", N_U64, offsetof(struct run, step)},
    {"boot_open", N_BOOL, offsetof(struct run, boot_open)},
    {"begun", N_BOOL, offsetof(struct run, begun)},
    {"off_seen", N_BOOL, offsetof(struct run, off_seen)},
    {"probe_down", N_BOOL, offsetof(struct run, probe_down)},
    {"other_dhcp", N_BOOL, offsetof(struct run, other_dhcp)},
    {"netboots", N_UNSIGNED, offsetof(struct run, netboots)},
    {"netboot_at", N_I64, offsetof(struct run, netboot_at)},
    {"loaded", N_U32, offsetof(struct run, loaded)},
    {"files", N_U64, offsetof(struct run, files)},
};

/* The same of those that earlier programs lack: 0 then. */
static const struct number later_numbers[] = {
    {"hook", N_BOOL, offsetof(struct run, hook)},
    {"hook_allow", N_I64, offsetof(struct run, hook_allow)},
    {"hook_begun", N_BOOL, offsetof(struct run, hook_begun)},
    {"hook_over", N_BOOL, offsetof(struct run, hook_over)},
    {"was_up", N_BOOL, offsetof(struct run, was_up)},
    {"went", N_BOOL, offsetof(struct run, went)},
    {"answers", N_BOOL, offsetof(struct run, answers)},
    {"same", N_BOOL, offsetof(struct run, same)},
    {"blind", N_BOOL, offsetof(struct run, blind)},
    {"silent", N_UNSIGNED, offsetof(struct run, silent)},
    {"cause", N_UNSIGNED, offsetof(struct run, cause)},
    {"cause_now", N_UNSIGNED, offsetof(struct run, cause_now)},
    {"asked", N_BOOL, offsetof(struct run, asked)},
};

_Static_assert(
    sizeof(enum bundle_kind) == sizeof(unsigned), "enums are read as unsigned");

static int64_t
number_get(const struct run *r, const struct number *n)
{
	const char *at = (const char *)r + n->at;

	switch (n->type) {
	case N_UNSIGNED:
	case N_U32:
	case N_ENUM: return *(const unsigned *)(const void *)at;
	case N_U64: return (int64_t) * (const uint64_t *)(const void *)at;
	case N_I64: return *(const int64_t *)(const void *)at;
	case N_BOOL: return *(const bool *)(const void *)at;
	}
	return 0;
}

static void
number_set(struct run *r, const struct number *n, int64_t v)
{
	char *at = (char *)r + n->at;

	switch (n->type) {
	case N_UNSIGNED:
	case N_U32:
	case N_ENUM: *(unsigned *)(void *)at = (unsigned)v; break;
	case N_U64: *(uint64_t *)(void *)at = (uint64_t)v; break;
	case N_I64: *(int64_t *)(void *)at = v; break;
	case N_BOOL: *(bool *)(void *)at = v != 0; break;
	}
}

json_t *
run_to_json(const struct run *r)
{
	json_t *v = json_object();
	json_t *allow = json_object();
	json_t *signs = json_object();

	json_put_str(v, "job", r->job);
	json_put_str(v, "host", r->host);
	json_put_str(v, "action", r->action);
	json_put_str(v, "stage", stage_name(r->stage));
	json_put_str(v, "boot", r->boot);
	json_put_str(v, "by", r->by);
	json_put_str(v, "variant", r->variant);
	json_put_i64(v, "misses", r->misses);
	json_put_i64(v, "persistent", r->persistent);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_put_i64(v, numbers[i].key, number_get(r, &numbers[i]));
	json_put_str(v, "force", bundle_force_name(r->force));
	for (size_t i = 0; i < ARRAY_SIZE(later_numbers); i++)
		if (number_get(r, &later_numbers[i]) != 0)
			json_put_i64(
			    v, later_numbers[i].key, number_get(r, &later_numbers[i]));
	json_put_str(v, "ident", r->ident);
	json_put_str(v, "ident_now", r->ident_now);
	json_put_str(v, "said", r->said);
	json_put_i64(v, "unanswered", r->unanswered);
	json_put_i64(v, "no_loader", r->no_loader);
	json_put_i64(v, "proxied", r->proxied);
	json_put_i64(v, "took", r->took);
	json_put_i64(v, "by_logs", r->by_logs);
	for (int s = 0; s < STAGE_COUNT; s++) {
		json_put_i64(allow, stage_name((enum stage)s), r->allow[s]);
		if (r->signs[s].seen)
			json_put(signs, stage_name((enum stage)s),
			    json_string(r->signs[s].evidence));
	}
	json_put(v, "allow", allow);
	json_put(v, "signs", signs);
	json_put(v, "ticket", ticket_to_json(&r->ticket));
	json_put_str(v, "verdict", r->verdict.code);
	json_put_str(v, "verdict_text", r->verdict.text);
	json_put_str(v, "verdict_next", r->verdict.next);
	return v;
}

static int
texts_from_json(const json_t *v, struct run *r, struct error *err)
{
	struct error *why = &r->verdict;
	const char *stage, *force = NULL;
	int rc;

	if ((rc = json_copy_str(v, "job", r->job, sizeof(r->job), err)) < 0 ||
	    (rc = json_copy_str(v, "host", r->host, sizeof(r->host), err)) < 0 ||
	    (rc = json_copy_opt(v, "action", r->action, sizeof(r->action), err)) < 0 ||
	    (rc = json_copy_opt(v, "boot", r->boot, sizeof(r->boot), err)) < 0 ||
	    (rc = json_copy_opt(v, "by", r->by, sizeof(r->by), err)) < 0 ||
	    (rc = json_copy_opt(v, "variant", r->variant, sizeof(r->variant), err)) < 0 ||
	    (rc = json_copy_opt(v, "verdict", why->code, sizeof(why->code), err)) < 0 ||
	    (rc = json_copy_opt(v, "verdict_text", why->text, sizeof(why->text), err)) <
		0 ||
	    (rc = json_copy_opt(v, "verdict_next", why->next, sizeof(why->next), err)) <
		0 ||
	    (rc = json_opt_str(v, "force", &force, err)) < 0 ||
	    (rc = json_copy_opt(v, "ident", r->ident, sizeof(r->ident), err)) < 0 ||
	    (rc = json_copy_opt(
		 v, "ident_now", r->ident_now, sizeof(r->ident_now), err)) < 0 ||
	    (rc = json_copy_opt(v, "said", r->said, sizeof(r->said), err)) < 0 ||
	    (rc = json_get_str(v, "stage", &stage, err)) < 0)
		return rc;
	if (force != NULL && bundle_force_parse(force, &r->force) < 0)
		return error_set(
		    err, -EINVAL, "bad-record", NULL, "no force \"%s\"", force);
	if (stage_parse(stage, &r->stage) < 0)
		return error_set(
		    err, -EINVAL, "bad-record", NULL, "no stage \"%s\"", stage);
	return 0;
}

static int
stages_from_json(const json_t *v, struct run *r, struct error *err)
{
	json_t *allow = NULL;
	json_t *signs = NULL;
	int rc;

	if ((rc = json_opt_obj(v, "allow", &allow, err)) < 0 ||
	    (rc = json_opt_obj(v, "signs", &signs, err)) < 0)
		return rc;
	for (int s = 0; s < STAGE_COUNT; s++) {
		const char *name = stage_name((enum stage)s);
		const char *evidence = NULL;

		if ((rc = json_get_i64(allow, name, &r->allow[s], err)) < 0 ||
		    (rc = json_opt_str(signs, name, &evidence, err)) < 0)
			return rc;
		r->signs[s].seen = evidence != NULL;
		if (evidence != NULL)
			str_clip(
			    r->signs[s].evidence, sizeof(r->signs[s].evidence), evidence);
	}
	return 0;
}

int
run_from_json(const json_t *v, struct run *ret, struct error *err)
{
	struct run r;
	json_t *ticket = NULL;
	int64_t unanswered = 0, no_loader = 0, proxied = 0, took = 0, by_logs = 0,
		misses = 0, persistent = 0; /* earlier programs lack them */
	int rc;

	memset(&r, 0, sizeof(r));
	if ((rc = texts_from_json(v, &r, err)) < 0 ||
	    (rc = stages_from_json(v, &r, err)) < 0 ||
	    (rc = json_opt_i64(v, "unanswered", &unanswered, err)) < 0 ||
	    (rc = json_opt_i64(v, "no_loader", &no_loader, err)) < 0 ||
	    (rc = json_opt_i64(v, "proxied", &proxied, err)) < 0 ||
	    (rc = json_opt_i64(v, "took", &took, err)) < 0 ||
	    (rc = json_opt_i64(v, "by_logs", &by_logs, err)) < 0 ||
	    (rc = json_opt_i64(v, "misses", &misses, err)) < 0 ||
	    (rc = json_opt_i64(v, "persistent", &persistent, err)) < 0 ||
	    (rc = json_opt_obj(v, "ticket", &ticket, err)) < 0 ||
	    (rc = ticket_from_json(ticket, &r.ticket, err)) < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(later_numbers); i++) {
		int64_t n = 0;

		if ((rc = json_opt_i64(v, later_numbers[i].key, &n, err)) < 0)
			return rc;
		number_set(&r, &later_numbers[i], n);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int64_t n;

		if ((rc = json_get_i64(v, numbers[i].key, &n, err)) < 0)
			return rc;
		number_set(&r, &numbers[i], n);
	}
	r.unanswered = unanswered != 0;
	r.no_loader = no_loader != 0;
	r.proxied = proxied != 0;
	r.took = took != 0;
	r.by_logs = by_logs != 0;
	r.persistent = persistent != 0;
	r.misses = misses > 0 && misses < RUN_ATTEMPTS ? (unsigned)misses : 0;
	if (r.kind > BUNDLE_POWER || r.phase > RUN_PHASE_SILENCE ||
	    r.os_by > RUN_PROOF_IDENT || r.disk_by > RUN_PROOF_PROBE)
		return error_set(err, -EINVAL, "bad-record", NULL,
		    "job %s holds a value of a later program", r.job);
	*ret = r;
	return 0;
}
