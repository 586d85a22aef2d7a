// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /bmc/VERB and POST /power: what is asked of the BMCs of hosts (lib/bmc_verb.h).
 *
 * The former hands its hosts to fleet.c, which answers line by line. The latter is its older form for
 * power alone, of at most POWER_MAX hosts: the same question, whose answer comes as one document when the last host
 * is in.
 * Failure modes: codes of docs/api.md before the first line; afterwards each host has its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/orders.h"
#include "orchestrator/orders_cap.h"

enum { POWER_MAX = 1000, LIMIT_MAX = 100000 };

/* ---- POST /bmc/VERB ---- */

struct request {
	enum bmc_verb verb;
	const char *hosts, *reason;
	json_t *args;
	bool yes;
	int64_t limit;
};

static int
parse(const char *verb, const json_t *body, struct request *r, struct error *err)
{
	struct bmc_verb_args args;

	if (bmc_verb_parse(verb, &r->verb) < 0)
		return error_set(err, -ENOENT, "not-found", "docs/api.md lists them",
		    "there is no such verb");
	if (json_get_str(body, "hosts", &r->hosts, err) < 0 ||
	    json_opt_str(body, "reason", &r->reason, err) < 0 ||
	    json_opt_obj(body, "args", &r->args, err) < 0 ||
	    json_opt_bool(body, "yes", &r->yes, err) < 0 ||
	    json_opt_i64(body, "limit", &r->limit, err) < 0 ||
	    bmc_verb_args_from_json(r->verb, r->args, &args, err) < 0)
		return -EINVAL;
	if (r->limit < 1 || r->limit > LIMIT_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "limit: not 1..%d", LIMIT_MAX);
	return orders_reason_check(r->reason, bmc_verb_info(r->verb)->wants_reason, err);
}

/* As orders are: more hosts than meant, or more than one without a word, are not touched. */
static int
check_count(
    const struct request *r, const struct audit_who *who, size_t n, struct error *err)
{
	if (!bmc_verb_info(r->verb)->destructive)
		return 0;
	if (orders_cap_token(who, n, err) < 0)
		return -EPERM;
	if (n > (size_t)r->limit)
		return error_set(err, -EPERM, "too-many-hosts",
		    "name fewer, or raise the limit with --limit",
		    "%zu hosts match, the limit is %lld", n, (long long)r->limit);
	if (n > 1 && !r->yes)
		return error_set(err, -EPERM, "confirmation-needed", "add --yes",
		    "%s on %zu hosts needs a yes", bmc_verb_info(r->verb)->name, n);
	return 0;
}

void
api_bmc_ask(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct store_names names = {0};
	struct request r = {.reason = "", .limit = ORDERS_LIMIT_DEFAULT};

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	int rc = body ? parse(rest_param(rq, "verb"), body, &r, &err) : -EINVAL;
	if (rc < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!api_select(o, rq, r.hosts, &names))
		return;
	rc = check_count(&r, &who, names.n, &err);
	struct fleet_question q = {.verb = r.verb,
	    .args = r.args,
	    .who = &who,
	    .reason = r.reason,
	    .names = &names};
	if (rc == 0)
		rc = fleet_ask(o->fleet, rq, &q, &err);
	if (rc < 0)
		api_refuse(rq, &err, NULL);
	store_names_done(&names);
}

/* ---- POST /power ---- */

void
api_bmc_power(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct store_names names = {0};
	const char *selector = NULL;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_get_str(body, "hosts", &selector, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!api_select(o, rq, selector, &names))
		return;
	if (names.n > POWER_MAX) {
		error_set(&err, 0, "too-many-hosts",
		    "name fewer, or ask POST /bmc/power-status",
		    "%zu hosts match, at most %d are asked at once", names.n, POWER_MAX);
		api_refuse(rq, &err, NULL);
		store_names_done(&names);
		return;
	}
	struct fleet_question q = {.verb = BMC_VERB_POWER_STATUS,
	    .who = &who,
	    .reason = "",
	    .names = &names,
	    .as_document = true};
	if (fleet_ask(o->fleet, rq, &q, &err) < 0)
		api_refuse(rq, &err, NULL);
	store_names_done(&names);
}
