// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /gates/check: health gates tried on hosts, as a schedule or rollout will ask them.
 *
 * Checks are judged here (lib/gate_check.h) before anybody is asked; the hosts are handed to gate_ask.c, which answers line by line.
 * Programs may run at the sites, so that who asked is in the audit first.
 * Failure modes: codes of docs/api.md before the first line; afterwards each host has its own. */
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/gate_check.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/orders.h"

enum { TRY_S = 30 };

struct request {
	const char *hosts, *reason;
	json_t *checks; /* as they are written */
	int64_t timeout_s;
};

static int
parse(const json_t *body, struct request *r, struct error *err)
{
	struct gate_check_list *list;
	json_t *checks = NULL;
	int rc;

	if (json_get_str(body, "hosts", &r->hosts, err) < 0 ||
	    json_opt_str(body, "reason", &r->reason, err) < 0 ||
	    json_opt_arr(body, "checks", &checks, err) < 0 ||
	    json_opt_i64(body, "timeout_s", &r->timeout_s, err) < 0)
		return -EINVAL;
	if (r->timeout_s < 1 || r->timeout_s > GATE_CHECK_TIMEOUT_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL, "timeout_s: not 1..%d",
		    GATE_CHECK_TIMEOUT_MAX_S);
	if (json_array_size(checks) == 0)
		return error_set(err, -EINVAL, "bad-gate", "give at least one, as tcp:22",
		    "checks: none is given");
	list = str_alloc(sizeof(*list));
	rc = gate_check_list_parse(checks, "checks", list, err);
	if (rc == 0)
		r->checks = gate_check_list_json(list);
	free(list);
	return rc < 0 ? rc : orders_reason_check(r->reason, false, err);
}

static int
write_row(struct orch *o, const struct audit_who *who, const struct request *r, size_t n)
{
	json_t *detail = json_pack("{s:O, s:I, s:I}", "checks", r->checks, "hosts",
	    (json_int_t)n, "timeout_s", (json_int_t)r->timeout_s);
	int rc = audit_write(o->store, who,
	    &(struct audit_row){.what = "gate.check",
		.object = r->hosts,
		.reason = r->reason,
		.result = "ok",
		.detail = detail},
	    clock_wall());

	json_decref(detail);
	return rc;
}

static int
begin(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct request *r, struct store_names *names, struct error *err)
{
	int rc;

	if (names->n > GATE_ASK_HOSTS_MAX)
		return error_set(err, -EPERM, "too-many-hosts", "name fewer",
		    "%zu hosts match, at most %d are tried at once", names->n,
		    GATE_ASK_HOSTS_MAX);
	rc = write_row(o, who, r, names->n);
	if (rc < 0)
		return db_error(store_db(o->store), rc, err, "write the audit row");
	return gate_ask_start(o->gates, rq, r->checks, r->timeout_s, names, err);
}

void
api_gate_check(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct store_names names = {0};
	struct request r = {.reason = "", .timeout_s = TRY_S};

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || parse(body, &r, &err) < 0)
		api_refuse(rq, &err, NULL);
	else if (api_select(o, rq, r.hosts, &names) &&
		 begin(o, rq, &who, &r, &names, &err) < 0)
		api_refuse(rq, &err, NULL);
	json_decref(r.checks);
	store_names_done(&names);
}
